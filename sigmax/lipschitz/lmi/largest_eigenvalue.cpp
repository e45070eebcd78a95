#include "sigmax/lipschitz/lmi/largest_eigenvalue.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/small_dense.hpp"

namespace sigmax::lipschitz {
namespace {

// The component of w along each of the first columns of q is taken out, twice.
void orthogonalize(std::span<double> w, const Matrix<double>& q, std::int64_t columns) {
  const int n = static_cast<int>(w.size());
  std::vector<double> share(static_cast<std::size_t>(columns));
  for (int pass = 0; pass < 2; ++pass) {
    cblas_dgemv(CblasColMajor, CblasTrans, n, static_cast<int>(columns), 1, q.values().data(), n, w.data(), 1, 0,
                share.data(), 1);
    cblas_dgemv(CblasColMajor, CblasNoTrans, n, static_cast<int>(columns), -1, q.values().data(), n, share.data(), 1, 1,
                w.data(), 1);
  }
}

double top_of_leading(const Matrix<double>& t, std::int64_t order) {
  Matrix<double> leading(order, order);
  for (std::int64_t j = 0; j < order; ++j) {
    for (std::int64_t i = j; i < order; ++i) leading(i, j) = t(i, j);
  }
  return largest_of_symmetric(std::move(leading), 1).value.front();
}

}  // namespace

double largest_eigenvalue(const Matrix<double>& a) {
  const std::int64_t n = a.rows();
  if (n <= 32) return std::max(largest_of_symmetric(a, 1).value.front(), 0.0);
  constexpr std::int64_t kMostSteps = 60;
  const std::int64_t steps = std::min(n, kMostSteps);
  Matrix<double> q(n, steps);
  Matrix<double> t(steps, steps);
  std::vector<double> w(static_cast<std::size_t>(n));
  static_cast<void>(fill_normal(random_state(0), w));
  double value = 0;
  for (std::int64_t k = 0; k < steps; ++k) {
    const double length = blas::norm(w);
    if (length > 0) {
      for (std::int64_t i = 0; i < n; ++i) q(i, k) = w[static_cast<std::size_t>(i)] / length;
    }
    if (k > 0) t(k, k - 1) = length;
    cblas_dsymv(CblasColMajor, CblasLower, static_cast<int>(n), 1, a.values().data(), static_cast<int>(n),
                q.column(k).data(), 1, 0, w.data(), 1);
    t(k, k) = blas::dot(w, q.column(k));
    orthogonalize(w, q, k + 1);
    if (length > 0 && k % 8 != 7 && k + 1 != steps) continue;
    const double before = value;
    value = top_of_leading(t, k + 1);
    if (!(length > 0) || value - before <= 1e-9 * value) break;
  }
  return std::max(value, 0.0);
}

}  // namespace sigmax::lipschitz
