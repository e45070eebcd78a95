#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "environment/entry_functions.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/duality.hpp"
#include "sigmax/bounds/sparse_sigma_max.hpp"
#include "sigmax/kernels/sparse.hpp"
#include "sigmax/norms/sparse_norm.hpp"
#include "sigmax/recovery/completion.hpp"
#include "sigmax/recovery/robust_pca.hpp"

namespace sigmax {
namespace {

// Two thirds of the entries of a random matrix, some of them subnormal.
SparseMatrix observed(double scale) {
  const Values values = gallery::normal(12 * 9, 21);
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> column;
  Values given;
  for (std::int64_t e = 0; e < 12 * 9; ++e) {
    if (e % 3 == 0) continue;
    row.push_back(e / 9);
    column.push_back(e % 9);
    given.push_back(values[static_cast<std::size_t>(e)] * (e % 10 == 0 ? 0x1p-1030 : scale));
  }
  return {{12, 9}, row, column, given};
}

Values all(const recovery::Completion& found) {
  return Values(Result(found.x.u, found.x.sigma, found.x.v, found.optimum, found.dual, found.misfit));
}

}  // namespace

void add_recovery(Functions& f) {
  auto options = repeatable<recovery::RecoveryOptions>();
  options.max_iterations = 12;
  for (const double scale : {1.0, 0x1p-1022}) {
    const SparseMatrix m = observed(scale);
    const double lambda = scale / 3;
    f.add("soft_impute", [=](Context& c) { return all(recovery::soft_impute(m, lambda, options, c)); });
    f.add("complete", [=](Context& c) { return all(recovery::complete(m, options, c)); });
    f.add("sigma_max of a sparse matrix",
          [=](Context& c) { return Values(Result(sigma_max(m, repeatable<CertifyOptions>(), c))); });
    f.add("norms of a sparse matrix", [=](Context& c) {
      Values found;
      for (const norms::Norm& which :
           {norms::Norm(norms::RowSum{}), norms::Norm(norms::Mixed{3, 1.5, norms::By::columns}),
            norms::Norm(norms::Entrywise{2.5}), norms::Norm(norms::Spectral{})}) {
        norms::NormOptions how = repeatable<norms::NormOptions>();
        const norms::NormResult each = norms::norm(m, which, how, c);
        const Values numbers(Result(each.value, *each.enclosure));
        found.insert(found.end(), numbers.begin(), numbers.end());
      }
      return found;
    });
    f.add("sparse kernels", [=](Context& c) {
      Matrix<double> x(9, 3), y(12, 3);
      for (double& value : x.values()) value = 1.0 / 3;
      kernels::multiply<double>(m.pattern->by_rows(), m.values, std::as_const(x).view(), y.view(), c);
      Values sampled(m.values.size());
      kernels::sampled_product(m.pattern->by_rows(), std::as_const(y).view(), std::as_const(x).view(), sampled, c);
      return Values(Result(y, sampled));
    });
    const Tensor dense = Tensor::rounded(gallery::normal(12 * 9, 22), {12, 9}, DType::f64);
    f.add("robust_pca", [=](Context& c) {
      const recovery::RobustPca found = recovery::robust_pca(dense, 1.0 / 3, options, c);
      return Values(Result(found.low_rank.u, found.low_rank.sigma, found.low_rank.dense(), found.low_rank.at(3, 4),
                           found.sparse, found.optimum, found.dual));
    });
  }
  // The arguments are made before the calls.
  const SparseMatrix m = observed(1);
  Matrix<double> full(12, 9);
  std::ranges::copy(gallery::normal(12 * 9, 22), full.values().begin());
  f.add("duality", [=](Context& c) {
    Matrix<double> u(12, 1), v(9, 1);
    for (double& value : u.values()) value = 1.0 / 3;
    for (double& value : v.values()) value = 1.0 / 7;
    const Values sigma{1.0 / 9};
    const bounds::Factors x{std::as_const(u).view(), sigma, std::as_const(v).view()};
    const auto certify = repeatable<CertifyOptions>();
    return Values(Result(bounds::least_squares_optimum(m, 0.3, x, m.values, 3, certify, c).value,
                         bounds::completion_optimum(m, x, m.values, 3, certify, c).value,
                         bounds::robust_pca_optimum(full.view(), 0.3, x, full.view(), 3, certify, c).value));
  });
}

}  // namespace sigmax
