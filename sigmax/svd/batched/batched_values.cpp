// All singular values of one matrix of a batch.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/svd/batched/batched_small.hpp"

namespace sigmax {
namespace {

using kernels::small_stride;
using kernels::StridedMatrix;

// A = P S W^T, column-major thin factors of LAPACK's view: the transpose of the row-major working copy.
struct Decomposition {
  std::vector<double> sigma;
  std::vector<double> p;   // columns x k: right singular vectors of A
  std::vector<double> wt;  // k x rows: left singular vectors of A, in rows
};

Decomposition decompose(std::int64_t rows, std::int64_t columns, double* a) {
  const int m = static_cast<int>(columns);
  const int n = static_cast<int>(rows);
  const int leading = static_cast<int>(small_stride(columns));
  const int k = std::min(m, n);
  Decomposition result;
  result.sigma.resize(static_cast<std::size_t>(k));
  result.p.resize(static_cast<std::size_t>(m) * result.sigma.size());
  result.wt.resize(static_cast<std::size_t>(n) * result.sigma.size());
  std::vector<int> integer_work(8 * result.sigma.size());
  std::vector<double> work(1);
  int work_size = -1;
  int info = 0;
  for (int call = 0; call < 2; ++call) {
    dgesdd_("S", &m, &n, a, &leading, result.sigma.data(), result.p.data(), &m, result.wt.data(), &k, work.data(),
            &work_size, integer_work.data(), &info);
    if (info != 0)
      throw Error(fmt::format("[batched_svd] dgesdd failed on a {}x{} matrix, info {}", rows, columns, info));
    work_size = static_cast<int>(work[0]);
    work.resize(static_cast<std::size_t>(work_size));
  }
  return result;
}

// max_j |A^T u_j - sigma_j v_j| / sigma_1, for the unscaled copy. dgesdd has overwritten that copy: `a` is a fresh one.
double largest_residual(std::int64_t rows, std::int64_t columns, const double* a, const Decomposition& found,
                        std::size_t k) {
  const auto stride = static_cast<std::size_t>(small_stride(columns));
  const std::size_t m = static_cast<std::size_t>(columns), count = found.sigma.size();
  double largest = 0;
  std::vector<double> r(m);
  for (std::size_t j = 0; j < k; ++j) {
    for (std::size_t c = 0; c < m; ++c) r[c] = -found.sigma[j] * found.p[j * m + c];
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
      const double u = found.wt[i * count + j];
      for (std::size_t c = 0; c < m; ++c) r[c] += u * a[i * stride + c];
    }
    largest = std::max(largest, blas::norm(r));
  }
  return largest / found.sigma[0];
}

}  // namespace

BatchOutcome values_of_small(const StridedMatrix& a, const SmallResult& result, Context& context) {
  const Magnitude magnitude = magnitude_of(a);
  if (const auto outcome = without_work(magnitude, result)) return *outcome;
  const std::int64_t stride = small_stride(a.columns);
  auto copy = context.scratch<double>(static_cast<std::size_t>(a.rows * stride));
  load_scaled(a, magnitude.exponent, copy.data());
  const std::size_t k = result.sigma.size();
  if (result.u == nullptr) {
    const kernels::StoredMatrix stored{DType::f64, reinterpret_cast<const std::byte*>(copy.data()), a.rows, a.columns,
                                       stride};
    GramMatrix gram = gram_matrix(stored, 1.0, Triangles::both, context);
    const Spectrum all = spectrum(stored, gram, context);
    for (std::size_t j = 0; j < k; ++j) result.sigma[j] = std::ldexp(all.values[j], magnitude.exponent);
    return BatchOutcome::converged;
  }
  const Decomposition found = decompose(a.rows, a.columns, copy.data());
  for (std::size_t j = 0; j < k; ++j) {
    result.sigma[j] = std::ldexp(found.sigma[j], magnitude.exponent);
    const auto column = static_cast<std::int64_t>(j);
    std::copy_n(found.p.begin() + static_cast<std::ptrdiff_t>(j) * a.columns, a.columns,
                result.v->column(column).begin());
    for (std::size_t i = 0; i < static_cast<std::size_t>(a.rows); ++i) {
      result.u->column(column)[i] = found.wt[i * found.sigma.size() + j];
    }
  }
  if (result.residual != nullptr) {
    load_scaled(a, magnitude.exponent, copy.data());
    *result.residual = largest_residual(a.rows, a.columns, copy.data(), found, k);
  }
  return BatchOutcome::converged;
}

}  // namespace sigmax
