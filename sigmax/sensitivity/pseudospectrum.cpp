#include "sigmax/sensitivity/pseudospectrum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <utility>

#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::sensitivity {
namespace {

// Eigenvalues of pencils are known to about the root of rounding where they are double: as many as that are candidates,
// and each is judged by a singular value.
constexpr double kNear = 1e-6;

lapack::ComplexMatrix shifted(const Matrix<double>& a, std::complex<double> z) {
  lapack::ComplexMatrix m(a.rows(), a.columns());
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    for (std::int64_t i = 0; i < a.rows(); ++i) m(i, j) = (i == j ? z : 0.0) - a(i, j);
  }
  return m;
}

// The largest r >= least with sigma_min(r e^{i theta} I - A) = epsilon. With B = e^{-i theta} A, singular vectors
// (r I - B) v = epsilon u and (r I - B)^* u = epsilon v say that r is an eigenvalue of [B, epsilon; epsilon, B^*].
std::optional<double> along_ray(const Matrix<double>& a, double theta, double epsilon, double least) {
  const std::int64_t n = a.rows();
  const std::complex<double> turn = std::polar(1.0, -theta);
  lapack::ComplexMatrix h(2 * n, 2 * n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      h(i, j) = turn * a(i, j);
      h(n + j, n + i) = std::conj(turn) * a(i, j);
    }
    h(j, n + j) = epsilon;
    h(n + j, j) = epsilon;
  }
  std::vector<double> radii;
  for (const std::complex<double>& value : lapack::eigenvalues(std::move(h))) {
    const double size = std::fmax(std::abs(value), epsilon);
    if (std::fabs(value.imag()) <= kNear * size && value.real() >= least) radii.push_back(value.real());
  }
  std::ranges::sort(radii, std::greater<>{});
  for (const double r : radii) {
    if (smallest_at(a, std::polar(r, theta)).sigma <= epsilon * (1 + 1e-8)) return r;
  }
  return std::nullopt;
}

// The angles, ascending, at which epsilon is a singular value of r e^{i theta} I - A, and possibly others. With mu =
// e^{i theta} the two equations are
//
//     [A, epsilon; 0, r] (v; u) = mu [r, 0; epsilon, A^T] (v; u),
//
// a real pencil. Entries far below the largest are set to 0: they move no eigenvalue that can be told apart, and
// LAPACK's iteration may fail on them. The angles only tell where to look, so that one that is missed makes no end
// wrong.
std::vector<double> around_circle(const Matrix<double>& a, double r, double epsilon) {
  const std::int64_t n = a.rows();
  Matrix<double> left(2 * n, 2 * n), right(2 * n, 2 * n);
  const double least = 0x1p-200 * std::max(r, epsilon);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double value = std::fabs(a(i, j)) < least ? 0.0 : a(i, j);
      left(i, j) = value;
      right(n + j, n + i) = value;
    }
    left(j, n + j) = epsilon;
    left(n + j, n + j) = r;
    right(j, j) = r;
    right(n + j, j) = epsilon;
  }
  std::vector<double> angles;
  for (const std::complex<double>& mu : lapack::generalized_eigenvalues(std::move(left), std::move(right))) {
    if (std::fabs(std::abs(mu) - 1) <= kNear) angles.push_back(std::arg(mu));
  }
  std::ranges::sort(angles);
  return angles;
}

}  // namespace

SmallestAt smallest_at(const Matrix<double>& a, std::complex<double> z) {
  lapack::SmallestTriplet found = lapack::smallest_triplet(shifted(a, z));
  return {found.sigma, std::move(found.right)};
}

Resolvent::Resolvent(const Matrix<double>& a) : order_(a.rows()), triangle_(lapack::triangular_form(a).values) {}

// v <- M^-1 M^-* v for M = z I - T: |v| grows to 1 / sigma_min^2. The estimate of sigma_min after a step is 1 /
// |M^-* v|, |v| = 1.
double Resolvent::smallest(std::complex<double> z, double tolerance) const {
  const int n = static_cast<int>(order_);
  std::vector<std::complex<double>> m = triangle_;
  for (std::complex<double>& value : m) value = -value;
  lapack::leave_room(m, order_);
  for (std::int64_t i = 0; i < order_; ++i) {
    std::complex<double>& pivot = m[static_cast<std::size_t>(i + i * order_)];
    pivot += z;
    if (pivot == 0.0) return 0;
  }
  std::vector<std::complex<double>> v(static_cast<std::size_t>(n));
  lapack::leave_room(v, order_);
  // No direction that a matrix is likely to be blind to.
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = std::polar(1.0, 2.4 * static_cast<double>(i * i));
  double before = std::numeric_limits<double>::infinity();
  for (int step = 0; step < 100; ++step) {
    const double size = cblas_dznrm2(n, v.data(), 1);
    if (!(size > 0) || std::isinf(size)) return 0;
    for (std::complex<double>& value : v) value /= size;
    cblas_ztrsv(CblasColMajor, CblasUpper, CblasConjTrans, CblasNonUnit, n, m.data(), n, v.data(), 1);
    const double sigma = 1 / cblas_dznrm2(n, v.data(), 1);
    if (!(sigma > 0) || sigma >= before * (1 - tolerance)) return sigma;
    before = sigma;
    cblas_ztrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, n, m.data(), n, v.data(), 1);
  }
  return before;
}

// r <- the largest radius on the rays of all theta;  theta <- middles of the arcs of the circle r inside the
// pseudospectrum. Each pass raises r or ends; quadratic convergence makes 30 passes ample.
Outermost outermost_point(const Matrix<double>& a, const std::vector<std::complex<double>>& eigenvalues, double epsilon,
                          Context& context) {
  Outermost best;
  for (const std::complex<double>& value : eigenvalues) {
    if (std::abs(value) > std::abs(best.point)) best.point = value;
  }
  double r = std::abs(best.point);
  std::vector<double> angles{std::arg(best.point)};
  for (int pass = 0; pass < 30; ++pass) {
    context.check_cancel();
    const double before = r;
    for (const double theta : angles) {
      const std::optional<double> found = along_ray(a, theta, epsilon, r);
      if (!found || !(*found > r)) continue;
      r = *found;
      best.point = std::polar(r, theta);
    }
    const bool raised = r > before * (1 + 4 * std::numeric_limits<double>::epsilon());
    if (!raised && pass > 0) {
      // The arcs that the last circle had are within rounding of the outermost point.
      best.converged = true;
      return best;
    }
    const std::vector<double> crossings = around_circle(a, r, epsilon);
    angles.clear();
    for (std::size_t i = 0; i < crossings.size(); ++i) {
      const bool last = i + 1 == crossings.size();
      const double next = last ? crossings.front() + 2 * std::numbers::pi : crossings[i + 1];
      const double middle = 0.5 * (crossings[i] + next);
      if (smallest_at(a, std::polar(r, middle)).sigma < epsilon * (1 - 1e-12)) angles.push_back(middle);
    }
    if (angles.empty()) {
      best.converged = true;
      return best;
    }
  }
  return best;
}

}  // namespace sigmax::sensitivity
