#include "sigmax/bounds/matrix_proof/left_inverse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/products.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"

namespace sigmax::bounds {
namespace {

// Entries of Y beyond this are not used: their sums could overflow. It is also what the losses below are set against.
constexpr double kLargestEntry = 0x1p900;

constexpr std::int64_t kTile = 128;

std::int64_t tiles_of(std::int64_t columns) { return (columns + kTile - 1) / kTile; }

// Y^T for a square B: B^T Y^T = I, a column at a time. False if a pivot is 0.
bool invert_square(const Matrix<double>& b, Matrix<double>& y, Context& context) {
  const SerialBlas serial;
  const int n = static_cast<int>(b.columns());
  Matrix<double> lu = b;
  std::vector<int> pivots(static_cast<std::size_t>(n));
  int info = 0;
  dgetrf_(&n, &n, lu.values().data(), &n, pivots.data(), &info);
  if (info != 0) return false;
  for (std::int64_t i = 0; i < b.columns(); ++i) y(i, i) = 1;
  context.parallel_for(static_cast<std::size_t>(tiles_of(b.columns())), [&](std::size_t tile) {
    const std::int64_t first = static_cast<std::int64_t>(tile) * kTile;
    const int width = static_cast<int>(std::min(kTile, b.columns() - first));
    int failure = 0;
    dgetrs_("T", &n, &width, lu.values().data(), &n, pivots.data(), y.column(first).data(), &n, &failure);
  });
  return true;
}

// Y^T = Q R^-T for a tall B = Q R.
bool invert_tall(const Matrix<double>& b, Matrix<double>& y) {
  const SerialBlas serial;
  Matrix<double> factored = b;
  const lapack::Qr qr(factored.view());
  const Matrix<double> r = qr.r();
  Matrix<double> identity(b.columns(), b.columns());
  for (std::int64_t i = 0; i < b.columns(); ++i) {
    if (r(i, i) == 0) return false;
    identity(i, i) = 1;
  }
  y = qr.times(identity.view());
  cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasTrans, CblasNonUnit, static_cast<int>(b.rows()),
              static_cast<int>(b.columns()), 1.0, r.values().data(), static_cast<int>(b.columns()), y.values().data(),
              static_cast<int>(b.rows()));
  return true;
}

// R^T as computed, and a bound on its error. For the columns of R^T the norms are those of R transposed.
struct Residual {
  Matrix<double> value;
  NormBounds size;   // of R^T as computed
  NormBounds error;  // of R^T
  double reached() const { return round_up(size.two() + error.two()); }
};

Matrix<double> identity_of(std::int64_t n) {
  Matrix<double> identity(n, n);
  for (std::int64_t i = 0; i < n; ++i) identity(i, i) = 1;
  return identity;
}

// What the difference between B and its stored values adds to Y B: 0, or nothing finite if Y is too large.
double loss_of(const TallMatrix& b, const NormBounds& y) {
  return b.error > 0 ? round_up(b.error * larger_of(larger_of(y.one, y.inf), y.frobenius)) : 0.0;
}

// fl(I - B^T Y^T): an inner product of p terms and one more, gamma_{p+1} (|B|^T |Y|^T + I).
Residual plain_residual(const TallMatrix& b, const Matrix<double>& y, const NormBounds& size, Context& context) {
  Residual r;
  r.value = identity_of(y.columns());
  multiply_add(-1, b.values, true, y, 1, r.value, context);
  r.size = norm_bounds(r.value);
  NormBounds terms = magnitude_bounds(b.values, y);
  terms = terms + NormBounds{1, 1, round_up(std::sqrt(static_cast<double>(y.columns())))};
  r.error = gamma(y.rows() + 2) * terms + everywhere(round_up(kUnderflow + loss_of(b, size)));
  return r;
}

// I - B^T Y^T as split_product() computes it.
std::optional<Residual> split_residual(const TallMatrix& b, const Matrix<double>& y, const NormBounds& size,
                                       Context& context) {
  std::optional<Product> product = split_product(b.values, y, -1, 1, context);
  if (!product) return std::nullopt;
  Residual r;
  r.value = std::move(product->value);
  r.size = norm_bounds(r.value);
  r.error = product->error + everywhere(loss_of(b, size));
  return r;
}

// At least |C (I - P)|_F = |(I - P) C^T|_F <= |C^T - B W|_F for any W: (I - P) B = 0. W = C C^T as computed, which is
// near B^+ C^T.
double projection_defect(const TallMatrix& b, const LeftInverse& inverse, Context& context) {
  const Matrix<double>& c = inverse.adjoint;
  Matrix<double> w(c.columns(), c.columns());
  multiply_add(1, c, true, c, 0, w, context);
  Matrix<double> rest = c;
  multiply_add(-1, b.values, false, w, 1, rest, context);
  const double of_w = norm_bounds(w).frobenius;
  const double terms = round_up(norm_bounds(c).frobenius + round_up(norm_bounds(b.values).frobenius * of_w));
  return round_up(norm_bounds(rest).frobenius + gamma(c.columns() + 2) * terms + kUnderflow + b.error * of_w +
                  inverse.error.frobenius);
}

bool is_moderate(const Matrix<double>& y) {
  return std::ranges::all_of(y.values(), [](double value) { return std::fabs(value) <= kLargestEntry; });
}

// C^T = Y^T + Y^T R^T, from the exact C = Y + R Y.
LeftInverse corrected(Matrix<double> y, const Residual& r, const NormBounds& size, Context& context) {
  LeftInverse result;
  const NormBounds exact = r.size + r.error;  // of R~
  result.residual = (r.size * exact + r.error).transposed();
  Matrix<double> c = y;
  multiply_add(1, y, false, r.value, 1, c, context);
  result.error = (gamma(y.columns() + 2) * (size + size * r.size) + everywhere(kUnderflow)).transposed();
  result.adjoint = std::move(c);
  return result;
}

bool proves_something(const LeftInverse& c) { return c.residual.one < 1 || c.residual.inf < 1 || c.residual.two() < 1; }

}  // namespace

TallMatrix tall_matrix(const kernels::StoredMatrix& a, double error, Context& context) {
  const FloatingEnvironment environment;
  TallMatrix b;
  b.transposed = a.rows < a.columns;
  // Row-major values are those of the transpose by columns.
  Matrix<double> turned(a.columns, a.rows);
  in_double(a, 1.0, turned.values().data(), context);
  double largest = 0;
  for (const double value : turned.values()) largest = larger_of(largest, std::fabs(value));
  const int exponent = -std::ilogb(largest) - 1;
  b.exponent = exponent;
  // |X|_1 <= sqrt(rows) |X|_F, |X|_inf <= sqrt(columns) |X|_F.
  const double side = std::sqrt(static_cast<double>(std::max(a.rows, a.columns)));
  if (error > 0) b.error = round_up(round_up(times_power(error, exponent)) * side);
  // In two steps, each by a power of two that is a double.
  for (const int step : {exponent / 2, exponent - exponent / 2}) {
    const double factor = std::ldexp(1.0, step);
    const double back = std::ldexp(1.0, -step);
    bool exact = true;
    for (double& value : turned.values()) {
      const double scaled = value * factor;
      exact = exact && scaled * back == value;
      value = scaled;
    }
    if (!exact) b.error = round_up(b.error + kUnderflow);
  }
  b.values = b.transposed ? std::move(turned) : lapack::transposed(turned.view());
  return b;
}

// Y, R = I - Y B, C = Y + R Y;  if |I - C B| is not small enough: the same with a split product
std::optional<LeftInverse> left_inverse(const TallMatrix& b, double enough, bool with_projection, Context& context) {
  const FloatingEnvironment environment;
  if (!blas_supports_proofs()) return std::nullopt;
  const bool square = b.values.rows() == b.values.columns();
  Matrix<double> y(b.values.rows(), b.values.columns());
  if (!(square ? invert_square(b.values, y, context) : invert_tall(b.values, y))) return std::nullopt;
  if (!is_moderate(y)) return std::nullopt;
  context.check_cancel();
  const NormBounds size = norm_bounds(y);
  Residual r = plain_residual(b, y, size, context);
  context.check_cancel();
  if (!(round_up(r.reached() * r.reached() + r.error.two()) <= enough)) {
    std::optional<Residual> sharper = split_residual(b, y, size, context);
    if (sharper && sharper->reached() < r.reached()) r = std::move(*sharper);
  }
  LeftInverse result = corrected(std::move(y), r, size, context);
  if (!proves_something(result)) return std::nullopt;
  if (with_projection && !square) result.projection = projection_defect(b, result, context);
  return result;
}

}  // namespace sigmax::bounds
