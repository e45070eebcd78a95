// The solver named DenseLapack: a decomposition of the operator as a matrix, in double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/formed.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// Fraction of the shorter side: for more triplets the eigenvectors of the Gram matrix cost about as much as dgesdd.
constexpr std::int64_t kFewTriplets = 4;
// Below this order both take well under a millisecond.
constexpr std::int64_t kWorthGram = 64;

// The k largest triplets and the value after them, by eigenvectors of the Gram matrix and Rayleigh-Ritz with A itself.
// Eigenvectors of G are good to u sigma_1^2, triplets to u sigma_1^2 / sigma_i: returns nothing if the residuals show
// that this is worse than dgesdd's accuracy.
struct LargestTriplets {
  lapack::Svd svd;
  std::optional<double> next;
};

std::optional<LargestTriplets> from_gram_matrix(const FormedMatrix& formed, std::int64_t k, Context& context) {
  const GramMatrix g = gram_matrix(formed.transposed_view(), 1, Triangles::both, context);
  Matrix<double> symmetric(g.order, g.order);
  std::copy_n(g.values.data(), symmetric.values().size(), symmetric.values().begin());
  const SmallEigen top = largest_of_symmetric(std::move(symmetric), k + 1);
  const Matrix<double>& a = formed.a;
  const Operator<double> product = dense<double>(
      Tensor(DType::f64, {a.rows(), a.columns()}, {1, a.rows()}, std::as_bytes(a.values()).data(), nullptr));
  const MatrixView<const double> vectors = std::as_const(top.vector).view().column_range(0, k);
  Triplets<double> triplets = g.of_rows ? triplets_from_right<double>(*product, vectors, context)
                                        : triplets_from_left<double>(*product, vectors, context);
  const double order = std::sqrt(static_cast<double>(std::max(a.rows(), a.columns())));
  const double nothing_lost = 4 * order * std::numeric_limits<double>::epsilon();
  for (const double residual : triplets.residual) {
    if (!(residual <= nothing_lost)) return std::nullopt;
  }
  const auto count = static_cast<std::size_t>(k);
  std::optional<double> next;
  if (top.value.size() > count) next = std::sqrt(std::fmax(top.value[count], 0.0));
  return LargestTriplets{{std::move(triplets.u), std::move(triplets.sigma), std::move(triplets.v)}, next};
}

}  // namespace

template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const DenseLapack&, Context& context) {
  const SerialBlas serial;
  const FormedMatrix formed = form(a, context);
  const Shape shape = a.shape();
  const std::int64_t k = task.k();
  const std::int64_t least = std::min(shape.rows, shape.columns);
  const bool largest_wanted = task.which == Which::largest;
  SvdResult<T> result;
  std::optional<LargestTriplets> top;
  if (formed.zero) {
    result = result_of(formed, zero_triplets(shape, k), 0, task);
  } else {
    context.check_cancel();
    if (largest_wanted && least >= kWorthGram && k <= least / kFewTriplets) {
      top = from_gram_matrix(formed, k, context);
    }
    if (top) {
      result = result_of(formed, top->svd, top->svd.sigma.front(), task);
      if (top->next) result.next = std::ldexp(*top->next, formed.exponent);
    } else {
      Matrix<double> copy = formed.a;
      const std::int64_t first = largest_wanted ? 0 : least - k;
      const lapack::Decomposition all = lapack::decompose(copy.view(), first, k);
      result = result_of(formed, all.wanted, all.sigma.front(), task);
      const auto behind = static_cast<std::size_t>(k);
      if (largest_wanted && behind < all.sigma.size()) result.next = std::ldexp(all.sigma[behind], formed.exponent);
    }
  }
  result.outcome = SvdOutcome::converged;
  result.statistics.method = DenseLapack{};
  return result;
}

template SvdResult<float> solve<float>(const LinearOperator<float>&, const Task<float>&, const DenseLapack&, Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const Task<double>&, const DenseLapack&,
                                         Context&);

}  // namespace sigmax
