#include "sigmax/bounds/matrix_proof/left_inverse.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/scanned_sums.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/lu.hpp"
#include "sigmax/linalg/multiply.hpp"

namespace sigmax::bounds {
namespace {

// Entries of Y beyond this are not used: their sums could overflow. It is also what the losses below are set against.
constexpr double kLargestEntry = 0x1p900;
// More than the norm, in 1, inf and F, of any matrix of entries of at most 2^-1074 that fits into memory, also times
// the length of an inner product.
constexpr double kUnderflow = 0x1p-960;
// A residual after a plain product that needs no split one, whatever is asked for.
constexpr double kSharp = 1e-10;

NormBounds operator+(const NormBounds& a, const NormBounds& b) {
  return {round_up(a.one + b.one), round_up(a.inf + b.inf), round_up(a.frobenius + b.frobenius)};
}
NormBounds operator*(double factor, const NormBounds& a) {
  return {round_up(factor * a.one), round_up(factor * a.inf), round_up(factor * a.frobenius)};
}
// Of the product: each of the three norms is submultiplicative.
NormBounds operator*(const NormBounds& a, const NormBounds& b) {
  return {round_up(a.one * b.one), round_up(a.inf * b.inf), round_up(a.frobenius * b.frobenius)};
}
NormBounds everywhere(double value) { return {value, value, value}; }

// sum_j |a_ij|, for each i.
std::vector<double> row_sums(const Matrix<double>& a) {
  std::vector<double> sums(static_cast<std::size_t>(a.rows()));
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    const std::span<const double> column = a.column(j);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += std::fabs(column[i]);
  }
  return sums;
}

// Upper bounds of the norms of |A|^T |B|: its row sums are |A|^T (|B| 1), its column sums |B|^T (|A| 1).
NormBounds magnitude_bounds(const Matrix<double>& a, const Matrix<double>& b, Context& context) {
  const auto largest_sum = [](const Matrix<double>& m, const std::vector<double>& weights) {
    double largest = 0;
    for (std::int64_t j = 0; j < m.columns(); ++j) {
      double sum = 0;
      const std::span<const double> column = m.column(j);
      for (std::size_t i = 0; i < weights.size(); ++i) sum += std::fabs(column[i]) * weights[i];
      largest = larger_of(largest, sum);
    }
    return largest;
  };
  const double slack = 1 + gamma(a.rows() + a.columns() + 2);
  return {round_up(largest_sum(b, row_sums(a)) * slack + kUnderflow),
          round_up(largest_sum(a, row_sums(b)) * slack + kUnderflow),
          round_up(norm_bounds(a, context).frobenius * norm_bounds(b, context).frobenius)};
}

// Entries of the factors and of Y beyond this are not used with what is known of the factorization.
constexpr double kLargestInFactors = 0x1p100;
// What underflows in B = P^T L U and in the two substitutions, fewer than 2^24 terms each of at most 2^-1074 times
// entries of at most 2^100, multiplied by at most two of the factors, in all three norms.
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
  r.size = norm_bounds(r.value, context);
  NormBounds terms = magnitude_bounds(b.values, y, context);
  terms = terms + NormBounds{1, 1, round_up(std::sqrt(static_cast<double>(y.columns())))};
  r.error = gamma(y.rows() + 2) * terms + everywhere(round_up(kUnderflow + loss_of(b, size)));
  return r;
}

// X = H + L exactly: each column of H is a multiple of 2^(e - bits), 2^e a power of two above its largest entry, and at
// most 2^e. `least` becomes the least exponent e; below -900 the parts are of no use.
std::pair<Matrix<double>, Matrix<double>> split(const Matrix<double>& x, int bits, int& least) {
  Matrix<double> high(x.rows(), x.columns());
  Matrix<double> low(x.rows(), x.columns());
  least = std::numeric_limits<int>::max();
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    double largest = 0;
    for (const double value : x.column(j)) largest = larger_of(largest, std::fabs(value));
    if (largest == 0) continue;
    const int exponent = std::ilogb(largest) + 1;
    least = std::min(least, exponent);
    const double up = std::ldexp(1.0, bits - exponent);
    const double down = std::ldexp(1.0, exponent - bits);
    // To the nearest integer, for numbers of at most 2^51; what underflows is rounded to 0.
    constexpr double kInteger = 0x1.8p52;
    for (std::int64_t i = 0; i < x.rows(); ++i) {
      const double value = x(i, j);
      high(i, j) = ((value * up + kInteger) - kInteger) * down;
      low(i, j) = value - high(i, j);
    }
  }
  return {std::move(high), std::move(low)};
}

// I - B^T Y^T with B = B1 + B2 and Y^T = Y1 + Y2. B1^T Y1 is exact: its terms are multiples of one unit in each inner
// product, and p 2^(2 bits) <= 2^53 of these units are exact in any order. Then D = I - B1^T Y1, with u |D| on the
// diagonal, and two products are subtracted:
//
//     |error| <= gamma_{p+2} (2 |D| + 2 |B2|^T |Y1| + |B|^T |Y2|) (1 + gamma_{p+2})
//
// where |B2|, |Y2| are about 2^-bits of |B|, |Y|. Nothing if units could underflow.
std::optional<Residual> split_residual(const TallMatrix& b, const Matrix<double>& y, const NormBounds& size,
                                       Context& context) {
  const int bits = (53 - static_cast<int>(std::ceil(std::log2(static_cast<double>(y.rows() + 1))))) / 2;
  int least_b = 0;
  int least_y = 0;
  const auto [b1, b2] = split(b.values, bits, least_b);
  const auto [y1, y2] = split(y, bits, least_y);
  if (least_b < -900 || least_y < -900 || least_b + least_y < -900) return std::nullopt;
  const std::int64_t n = y.columns();
  Residual r;
  r.value = Matrix<double>(n, n);
  multiply_add(-1, b1, true, y1, 0, r.value, context);
  for (std::int64_t i = 0; i < n; ++i) r.value(i, i) += 1;
  const NormBounds first = norm_bounds(r.value, context);
  multiply_add(-1, b2, true, y1, 1, r.value, context);
  multiply_add(-1, b.values, true, y2, 1, r.value, context);
  r.size = norm_bounds(r.value, context);
  const double unit = round_up(gamma(y.rows() + 2) * (1 + gamma(y.rows() + 2)));
  const NormBounds terms = 2 * first + 2 * magnitude_bounds(b2, y1, context) + magnitude_bounds(b.values, y2, context);
  r.error = unit * terms + everywhere(round_up(2 * kUnderflow + loss_of(b, size)));
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

double largest_of_norms(const NormBounds& r) { return larger_of(larger_of(r.one, r.inf), r.two()); }

bool proves_something(const LeftInverse& c) { return c.residual.one < 1 || c.residual.inf < 1 || c.residual.two() < 1; }

}  // namespace

// One scan of the matrix, whose columns are the rows of what is stored.
NormBounds norm_bounds(const Matrix<double>& a, Context& context) {
  const kernels::StoredMatrix stored = stored_matrix(a.values().data(), a.columns(), a.rows());
  const kernels::Scan facts = kernels::scan(stored, context);
  if (!facts.finite()) return everywhere(std::numeric_limits<double>::infinity());
  const auto upper = [](const Enclosure& norm) {
    return norm.upper ? norm.upper->value() : std::numeric_limits<double>::infinity();
  };
  return {upper(scanned_row_sum(stored, facts, false)), upper(scanned_column_sum(stored, facts, false)),
          upper(scanned_frobenius(stored, facts))};
}

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
std::optional<LeftInverse> left_inverse(const TallMatrix& b, double enough, bool with_projection, Context& context) {
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
  Residual r = plain_residual(b, y, size, context);
  context.check_cancel();
  if (!(round_up(r.reached() * r.reached() + r.error.two()) <= larger_of(enough, kSharp))) {
    std::optional<Residual> sharper = split_residual(b, y, size, context);
    if (sharper && sharper->reached() < r.reached()) r = std::move(*sharper);
  }
  LeftInverse result = corrected(std::move(y), r, size, context);
  if (!proves_something(result)) return std::nullopt;
  if (with_projection && !square) result.projection = projection_defect(b, result, context);
  return result;
}

}  // namespace sigmax::bounds
