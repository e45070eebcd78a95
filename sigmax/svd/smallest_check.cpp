#include "sigmax/svd/smallest_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sigmax/svd/blas.hpp"
#include "sigmax/svd/lapack.hpp"
#include "sigmax/svd/triangular.hpp"

namespace sigmax {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon() / 2;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMostStarts = 8;
constexpr int kMostRounds = 64;

// The values of R V, descending, for orthonormal V.
std::vector<double> values_of(const Matrix<double>& r, const Matrix<double>& v) {
  Matrix<double> image = v;
  triangular::multiply(r, triangular::Side::plain, image.view());
  return lapack::singular_values(image.view());
}

// Of span(V) the `count` directions that R shrinks most.
Matrix<double> shortest(const Matrix<double>& r, const Matrix<double>& v, std::int64_t count) {
  Matrix<double> image = v;
  triangular::multiply(r, triangular::Side::plain, image.view());
  const lapack::Decomposition all = lapack::decompose(image.view(), v.columns() - count, count);
  return lapack::product(v, all.wanted.v);
}

}  // namespace

SymmetricProduct<double> inverse_product(const Matrix<double>& r) {
  return [&r](MatrixView<const double> x, MatrixView<double> z) {
    for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), z.column(j).begin());
    triangular::apply_inverse(r, z);
  };
}

CheckedSmallest check_smallest(const Matrix<double>& r, double largest, RightVectors& right,
                               const ComplementOptions& options, Context& context) {
  const std::int64_t n = r.rows();
  const bool full = options.failure_probability > 0;
  const double formed = 16 * kUnit * static_cast<double>(n) * largest;
  double failure_probability = options.failure_probability;
  std::int64_t products = 0;
  std::int64_t starts = 2;
  double shown = kInfinity;  // no eigenvalue of (R'^T R')^-1 is larger
  CheckedSmallest result;
  // Solves with R that has values far below rounding would tell of those alone.
  const Matrix<double> solvable = triangular::regularized(r);
  std::vector<double> sigma = values_of(r, right.v);
  for (int round = 0; round < kMostRounds && n > options.k; ++round) {
    const double kth = std::max(sigma.front(), formed);
    const double theta = 1 / (kth * kth);
    // Solves with R' are those with a matrix n u |R'| away: relatively to the value in question, twice.
    const double same = std::max(1e-10, 4 * formed / kth);
    const std::int64_t left = options.max_products - products;
    if (left < starts) break;
    failure_probability /= 2;
    const Matrix<double> lifted = triangular::without(solvable, right.v, largest);
    LanczosOptions inner;
    inner.k = std::min(starts, n);
    inner.accuracy = Accuracy::vectors;
    inner.tolerance = 1e-14;
    inner.max_products = left;
    inner.starts = starts;
    inner.basis = 320;
    inner.random = right.random;
    inner.ceiling =
        Ceiling{theta * (1 + same), theta * (1 + same), full ? failure_probability : 0.0, 6 * starts, 2 * n, theta};
    const LanczosResult<double> rest = lanczos<double>(n, inverse_product(lifted), {}, inner, context);
    products += rest.products;
    right.random = rest.random;
    std::int64_t above = 0;
    while (above < std::min(inner.k, n - options.k) &&
           rest.theta[static_cast<std::size_t>(above)] > inner.ceiling->theta)
      ++above;
    if (above == 0 || rest.outcome == LanczosOutcome::out_of_products) {
      shown = rest.bound;
      const bool over = rest.outcome == LanczosOutcome::invariant_subspace && shown > inner.ceiling->theta;
      if (over && starts < kMostStarts) {
        starts = kMostStarts;
        continue;
      }
      break;
    }
    // What they hold of large values is taken down by a step with the inverse.
    Matrix<double> joining;
    triangular::append(joining, rest.vectors, above);
    triangular::apply_inverse(lifted, joining.view());
    Matrix<double> all = right.v;
    triangular::append(all, lapack::orthonormal(std::move(joining)), above);
    right.v = lapack::orthonormal(shortest(r, lapack::orthonormal(std::move(all)), options.k));
    sigma = values_of(r, right.v);
    result.joined += above;
    starts = std::min(2 * starts, kMostStarts);
  }
  right.products += products;
  if (n == options.k) shown = 0;
  if (!full) return result;
  const double floor = shown > 0 ? 1 / std::sqrt(shown) : kInfinity;
  const double kth = sigma.front();
  if (!(floor >= kth * (1 - 1e-8) - 4 * formed)) right.outcome = SvdOutcome::unconfirmed;
  if (shown == kInfinity || !right.random.drawn) return result;
  for (const double value : sigma) result.lower.push_back(std::max(std::min(value, floor) - 2 * formed, 0.0));
  return result;
}

}  // namespace sigmax
