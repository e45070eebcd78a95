#include "sigmax/bounds/matrix_proof/left_inverse.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
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
#include "sigmax/linalg/lu.hpp"
#include "sigmax/linalg/multiply.hpp"
#include "sigmax/linalg/square.hpp"

namespace sigmax::bounds {
namespace {

// Entries of Y beyond this are not used: their sums could overflow. It is also what the losses below are set against.
constexpr double kLargestEntry = 0x1p900;
// A residual after a plain product that needs no split one, whatever is asked for.
constexpr double kSharp = 1e-10;

// Entries of the factors and of Y beyond this are not used with what is known of the factorization.
constexpr double kLargestInFactors = 0x1p100;
// Bounds the underflow in B = P^T L U and in the two substitutions, in all three norms: each has fewer than 2^24 terms
// of at most 2^-1074 times entries of at most 2^100, and is multiplied by at most two of the factors.
constexpr double kFactorUnderflow = 0x1p-700;

// I - B^T Y^T for B = P^T (L U + E) and Y^T from U^T Z = I + F_1, L^T W = Z + F_2, W = P Y^T:
//
//     B^T Y^T - I = F_1 + U^T F_2 + E^T W,
//     |F_1| <= gamma |U|^T |Z| <= gamma (1 + gamma) |U|^T |L|^T |W|,   |F_2| <= gamma |L|^T |W|,   |E| <= gamma |L|
//     |U|,
//
// gamma = gamma_{n+2}: at most (3 gamma + gamma^2) |U|^T |L|^T |W|. Infinite where this says nothing.
NormBounds factored_residual(const Lu& factored, const Matrix<double>& y, Context& context) {
  const std::int64_t n = y.rows();
  const auto is_moderate = [](const Matrix<double>& m) {
    return std::ranges::all_of(m.values(), [](double value) { return std::fabs(value) <= kLargestInFactors; });
  };
  if (n >= std::int64_t{1} << 24 || !is_moderate(factored.factors) || !is_moderate(y)) {
    return everywhere(std::numeric_limits<double>::infinity());
  }
  const SizeOfSolution size = size_of_solution(factored, y, context);
  const double unit = round_up(gamma(n + 2) * (3 + gamma(n + 2)) * (1 + gamma(3 * n + 6)));
  const double rows = round_up(unit * size.row_sum + kFactorUnderflow);
  const double columns = round_up(unit * size.column_sum + kFactorUnderflow);
  // |M|_F <= sqrt(n) |M|_2
  return {columns, rows, round_up(std::sqrt(round_up(static_cast<double>(n) * round_up(rows * columns))))};
}

// Y^T for a square B. The residual is that of I - B^T Y^T. Nothing if a pivot is 0.
struct SquareInverse {
  Matrix<double> adjoint;
  NormBounds residual;
};
std::optional<SquareInverse> invert_square(const Matrix<double>& b, Context& context) {
  const std::optional<Lu> factored = lu(b, context);
  if (!factored) return std::nullopt;
  context.check_cancel();
  SquareInverse result;
  result.adjoint = adjoint_inverse(*factored, context);
  result.residual = factored_residual(*factored, result.adjoint, context);
  return result;
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
struct InverseResidual {
  Matrix<double> value;
  NormBounds size;   // of R^T as computed
  NormBounds error;  // of R^T
  double reached() const { return round_up(size.two() + error.two()); }
};

// What the difference between B and its stored values adds to Y B: 0, or nothing finite if Y is too large.
double loss_of(const TallMatrix& b, const NormBounds& y) {
  return b.error > 0 ? round_up(b.error * larger_of(larger_of(y.one, y.inf), y.frobenius)) : 0.0;
}

// fl(I - B^T Y^T): an inner product of p terms and one more, gamma_{p+1} (|B|^T |Y|^T + I).
InverseResidual plain_residual(const TallMatrix& b, const Matrix<double>& y, const NormBounds& size, Context& context) {
  InverseResidual r;
  r.value = identity(y.columns());
  multiply_add(-1, b.values, true, y, 1, r.value, context);
  r.size = norm_bounds(r.value, context);
  NormBounds terms = magnitude_bounds(b.values, y, context);
  terms = terms + NormBounds{1, 1, round_up(std::sqrt(static_cast<double>(y.columns())))};
  r.error = gamma(y.rows() + 2) * terms + everywhere(round_up(kUnderflow + loss_of(b, size)));
  return r;
}

// I - B^T Y^T as split_product() computes it.
std::optional<InverseResidual> split_residual(const TallMatrix& b, const Matrix<double>& y, const NormBounds& size,
                                              Context& context) {
  std::optional<Product> product = split_product(b.values, y, -1, 1, context);
  if (!product) return std::nullopt;
  InverseResidual r;
  r.value = std::move(product->value);
  r.size = norm_bounds(r.value, context);
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
  const double of_w = norm_bounds(w, context).frobenius;
  const double terms =
      round_up(norm_bounds(c, context).frobenius + round_up(norm_bounds(b.values, context).frobenius * of_w));
  return round_up(norm_bounds(rest, context).frobenius + gamma(c.columns() + 2) * terms + kUnderflow + b.error * of_w +
                  inverse.error.frobenius);
}

bool is_moderate(const Matrix<double>& y) {
  return std::ranges::all_of(y.values(), [](double value) { return std::fabs(value) <= kLargestEntry; });
}

// C^T = Y^T + Y^T R^T, from the exact C = Y + R Y.
LeftInverse corrected(Matrix<double> y, const InverseResidual& r, const NormBounds& size, Context& context) {
  LeftInverse result;
  const NormBounds exact = r.size + r.error;  // of R~
  result.residual = (r.size * exact + r.error).transposed();
  Matrix<double> c = y;
  multiply_add(1, y, false, r.value, 1, c, context);
  result.error = (gamma(y.columns() + 2) * (size + size * r.size) + everywhere(kUnderflow)).transposed();
  result.adjoint = std::move(c);
  return result;
}

double largest_of_norms(const NormBounds& r) { return larger_of(larger_of(r.one, r.inf), r.two()); }

bool proves_something(const LeftInverse& c) { return c.residual.one < 1 || c.residual.inf < 1 || c.residual.two() < 1; }

}  // namespace

TallMatrix tall_matrix(const kernels::StoredMatrix& a, double error, Context& context) {
  const FloatingEnvironment environment;
  TallMatrix b;
  b.transposed = a.rows <= a.columns;  // for a square matrix either will do, and this one is at hand
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
  // By powers of two that are doubles, as their inverses are: in one step or two.
  const int first = std::abs(exponent) <= 1000 ? exponent : exponent / 2;
  for (const int step : {first, exponent - first}) {
    if (step == 0) continue;
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

// Y;  R = I - Y B, C = Y + R Y;  if |I - C B| is not small enough: the same with a split product
std::optional<LeftInverse> left_inverse(const TallMatrix& b, double enough, Context& context) {
  const FloatingEnvironment environment;
  if (!blas_supports_proofs()) return std::nullopt;
  const SerialBlas serial;
  const bool square = b.values.rows() == b.values.columns();
  Matrix<double> y;
  if (square) {
    std::optional<SquareInverse> inverse = invert_square(b.values, context);
    if (!inverse) return std::nullopt;
    y = std::move(inverse->adjoint);
    if (largest_of_norms(inverse->residual) <= enough) {
      const double loss = b.error > 0 ? loss_of(b, norm_bounds(y, context)) : 0;
      const NormBounds residual = inverse->residual + everywhere(loss);
      if (largest_of_norms(residual) <= enough) return LeftInverse{std::move(y), residual.transposed(), {}, 0};
    }
  } else {
    y = Matrix<double>(b.values.rows(), b.values.columns());
    if (!invert_tall(b.values, y)) return std::nullopt;
  }
  if (!is_moderate(y)) return std::nullopt;
  context.check_cancel();
  const NormBounds size = norm_bounds(y, context);
  InverseResidual r = plain_residual(b, y, size, context);
  context.check_cancel();
  if (!(round_up(r.reached() * r.reached() + r.error.two()) <= larger_of(enough, kSharp))) {
    std::optional<InverseResidual> sharper = split_residual(b, y, size, context);
    if (sharper && sharper->reached() < r.reached()) r = std::move(*sharper);
  }
  LeftInverse result = corrected(std::move(y), r, size, context);
  if (!proves_something(result)) return std::nullopt;
  if (!square) result.projection = projection_defect(b, result, context);
  return result;
}

}  // namespace sigmax::bounds
