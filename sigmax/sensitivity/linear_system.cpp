#include "sigmax/sensitivity/linear_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/formed_operator.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/sensitivity/condition.hpp"
#include "sigmax/sensitivity/entries.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::sensitivity {
namespace {

using bounds::at_most;
using bounds::difference;
using bounds::exactly;
using bounds::no_more_than;
using bounds::product;
using bounds::quotient;
using bounds::square_root;
using bounds::sum;

// Safe for numbers from 1e-300 to 1e300.
double norm_of(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = std::fmax(largest, std::fabs(value));
  if (!(largest > 0) || std::isinf(largest)) return largest;
  double square = 0;
  for (const double value : x) square += (value / largest) * (value / largest);
  return largest * std::sqrt(square);
}

}  // namespace

bounds::BackwardErrors backward_errors(const Tensor& a, std::span<const double> x, std::span<const double> b,
                                       const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Matrix<double> values = entries("backward_errors", a, context);
  return bounds::backward_errors(values, x, b, sigma_max(a, options, context));
}

template <Real T>
double backward_error(const LinearOperator<T>& a, std::span<const T> x, std::span<const T> b, Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  if (std::ssize(x) != shape.columns || std::ssize(b) != shape.rows) {
    throw Error(fmt::format("[backward_error] a {}x{} operator takes x of {} and b of {} entries, got {} and {}",
                            shape.rows, shape.columns, shape.columns, shape.rows, x.size(), b.size()));
  }
  std::vector<T> image(b.size());
  a.apply(MatrixView<const T>(x), MatrixView<T>(image), context);
  std::vector<double> residual(b.size()), of_b(b.begin(), b.end()), of_x(x.begin(), x.end());
  for (std::size_t i = 0; i < b.size(); ++i) residual[i] = of_b[i] - static_cast<double>(image[i]);
  SvdOptions<T> options;
  options.random = RandomState{};
  const double norm = svd(a, options, context).sigma.front();
  const double r = norm_of(residual);
  if (r == 0) return 0;
  // Each quotient at most about 1: the denominator may be beyond the range of double.
  const double by_data = norm_of(of_b) / r;
  const double by_matrix = norm * (norm_of(of_x) / r);
  return 1 / (by_data + by_matrix);
}

std::optional<bounds::SolutionError> solution_error(const Tensor& a, std::span<const double> x,
                                                    std::span<const double> b, Context& context) {
  const FloatingEnvironment environment;
  return bounds::solution_error(square_entries("solution_error", a, context), x, b, context);
}

// A = 2^e (M + E):  r = 2^e (2^-e b - M x - E x), so that |r| is 2^e times |2^-e b - M x| -+ |E| |x|.
template <Real T>
Enclosure solution_error(const LinearOperator<T>& a, std::span<const double> x, std::span<const double> b,
                         const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  if (std::ssize(x) != shape.columns || std::ssize(b) != shape.rows || shape.rows < shape.columns) {
    throw Error(
        fmt::format("[solution_error] a {}x{} operator, x of {} and b of {} entries: it takes at least as many "
                    "rows as columns, and vectors that fit",
                    shape.rows, shape.columns, x.size(), b.size()));
  }
  const auto formed = bounds::FormedOperator::of(a, options.formed_up_to, context);
  if (!formed) {
    throw Error(
        "[solution_error] the operator cannot be formed with a bound of its rounding: make it a stored matrix by "
        "materialize(), or raise CertifyOptions::formed_up_to");
  }
  const Condition known = condition(a, norms::Spectral{}, {.certify = options}, context);
  if (formed->is_zero()) return bounds::at_least(exactly(0));
  const auto exponent = static_cast<int>(std::clamp<std::int64_t>(formed->exponent(), -5000, 5000));
  std::vector<double> moved(b.begin(), b.end());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    moved[i] = std::ldexp(b[i], -exponent);
    if (std::ldexp(moved[i], exponent) == b[i]) continue;
    throw Error(fmt::format("[solution_error] b has {} at {}, out of range for a matrix of entries of about 2^{}", b[i],
                            i, exponent));
  }
  const kernels::StoredMatrix& m = formed->matrix().matrix;
  Matrix<double> values(m.columns, m.rows);  // of the transpose, by columns
  in_double(m, 1.0, values.values().data(), context);
  if (!formed->transposed()) values = lapack::transposed(std::as_const(values).view());
  const bounds::ResidualNorm residual = bounds::residual_norm(values, x, moved);
  const Enclosure of_matrix = bounds::scaled(residual.norm, residual.exponent);
  std::vector<Enclosure> sizes;
  for (const double value : x) sizes.push_back(exactly(std::fabs(value)));
  const Enclosure of_x = bounds::p_norm(sizes, 2);
  if (!of_matrix.upper || !of_x.upper) return bounds::at_least(exactly(0));
  const Enclosure r = formed->enclosure(of_matrix, *of_x.upper);
  return bounds::between(quotient(r, known.norm), quotient(r, *known.sigma_min));
}

double reliable_digits(const std::optional<bounds::SolutionError>& error) {
  const FloatingEnvironment environment;
  if (!error || !(error->relative.value() < 1)) return 0;
  return error->relative.value() == 0 ? kInfinity : -std::log10(error->relative.value());
}

std::optional<bounds::SkeelNumbers> skeel(const Tensor& a, std::span<const double> x, Context& context) {
  const FloatingEnvironment environment;
  return bounds::skeel(square_entries("skeel", a, context), x, context);
}

// A (x - y) = f - E x, so |x - y| <= |A^-1| (of_data |b| + of_matrix |A| |x|). With |b| <= |A| |y| and |x| <= |y| + |x
// - y| the first bound follows, and with |b| <= ratio |A| |x| the second. From b = (A + E) x - f: |b| (1 - of_data) <=
// (1 + of_matrix) |A| |x|.
ForwardError forward_error(const Enclosure& kappa, double of_matrix, double of_data, double ratio) {
  const FloatingEnvironment environment;
  if (!(of_matrix >= 0) || !(of_data >= 0) || !(ratio >= 0) || std::isinf(of_matrix + of_data + ratio)) {
    throw Error(fmt::format("[forward_error] errors must be finite and not negative, got {}, {} and a ratio of {}",
                            of_matrix, of_data, ratio));
  }
  if (ratio == 0 && !(of_data < 1)) {
    throw Error(fmt::format("[forward_error] an error of {} in the data needs the ratio |b| / (|A| |x|)", of_data));
  }
  const Enclosure e = exactly(of_matrix);
  const Enclosure f = exactly(of_data);
  const Enclosure growth = product(kappa, e);
  const Enclosure first = quotient(product(kappa, sum(e, f)), difference(exactly(1), growth));
  const Enclosure weight = ratio > 0 ? exactly(ratio) : quotient(sum(exactly(1), e), difference(exactly(1), f));
  const Enclosure second = sum(growth, product(kappa, product(f, weight)));
  return {no_more_than(first), no_more_than(second)};
}

bounds::LeastSquaresBackwardError least_squares_backward_error(const Tensor& a, std::span<const double> x,
                                                               std::span<const double> b, const CertifyOptions& options,
                                                               Context& context) {
  return least_squares_backward_error(a, x, b, std::numeric_limits<double>::infinity(), options, context);
}

bounds::LeastSquaresBackwardError least_squares_backward_error(const Tensor& a, std::span<const double> x,
                                                               std::span<const double> b, double theta,
                                                               const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Matrix<double> values = entries("least_squares_backward_error", a, context);
  return bounds::least_squares_backward_error(values, x, b, theta, options, context);
}

// With A = U diag(sigma) V^T in range and c = U^T b: x_i = c_i / sigma_i, |A x| = |c|. sin theta comes from b - U c,
// not from 1 - cos^2.
LeastSquaresCondition least_squares_condition(const Tensor& a, std::span<const double> b, Context& context) {
  const FloatingEnvironment environment;
  Matrix<double> values = entries("least_squares_condition", a, context);
  const std::int64_t n = values.columns();
  if (values.rows() < n) {
    throw Error(fmt::format("[least_squares_condition] needs as many rows as columns, got {}x{}", values.rows(), n));
  }
  if (std::ssize(b) != values.rows()) {
    throw Error(fmt::format("[least_squares_condition] b must have {} entries, got {}", values.rows(), b.size()));
  }
  require_finite(b, "least_squares_condition", "b");
  double largest = 0;
  for (const double value : b) largest = std::fmax(largest, std::fabs(value));
  if (largest == 0) throw Error("[least_squares_condition] b is 0: relative errors of it have no meaning");
  double largest_entry = 0;
  for (const double value : values.values()) largest_entry = std::fmax(largest_entry, std::fabs(value));
  LeastSquaresCondition result;
  if (largest_entry == 0) {
    return {kInfinity, kInfinity, 0, kInfinity, kInfinity, kInfinity, kInfinity};
  }
  for (double& value : values.values()) value = std::ldexp(value, -std::ilogb(largest_entry));
  Matrix<double> right(values.rows(), 1);
  for (std::size_t i = 0; i < b.size(); ++i) right.values()[i] = std::ldexp(b[i], -std::ilogb(largest));
  const SerialBlas serial;
  const lapack::Svd svd = lapack::decompose(values.view(), 0, n).wanted;
  const Matrix<double> c = lapack::product(svd.u, right, true);
  const Matrix<double> image = lapack::product(svd.u, c);
  Matrix<double> rest = right;
  for (std::size_t i = 0; i < b.size(); ++i) rest.values()[i] -= image.values()[i];
  const double of_b = norm_of(right.values());
  const double of_image = norm_of(c.values());
  std::vector<double> x;
  for (std::size_t i = 0; i < svd.sigma.size(); ++i) x.push_back(c.values()[i] / svd.sigma[i]);
  const double unit = static_cast<double>(values.rows()) * 0x1p-52 * svd.sigma.front();
  result.kappa = svd.sigma.back() > unit ? svd.sigma.front() / svd.sigma.back() : kInfinity;
  result.cosine = of_image / of_b;
  const double tangent = norm_of(rest.values()) / of_image;
  result.eta = svd.sigma.front() * norm_of(x) / of_image;
  result.fit_by_data = 1 / result.cosine;
  result.fit_by_matrix = result.kappa / result.cosine;
  // kappa / (eta cos) = |x + dx| over |x| at its worst: 1 / sigma_n |b| / |x|.
  result.solution_by_data = std::isinf(result.kappa) ? kInfinity : of_b / (svd.sigma.back() * norm_of(x));
  result.solution_by_matrix =
      std::isinf(result.kappa) ? kInfinity : result.kappa + result.kappa * result.kappa * tangent / result.eta;
  return result;
}

// Each rate grows with kappa, so both ends map. (kappa - 1) / (kappa + 1) = 1 - 2 / (kappa + 1).
GradientDescent gradient_descent(const Enclosure& kappa) {
  const FloatingEnvironment environment;
  const Enclosure one = exactly(1);
  const auto less = [&](double share, const Enclosure& of) {
    return bounds::tighter(difference(one, quotient(exactly(share), of)), at_most(1));
  };
  // Without an upper end of kappa, the quotient has the lower end 0, and the rate the upper end 1.
  GradientDescent result{less(2, sum(kappa, one)), less(1, kappa), less(2, sum(square_root(kappa), one)), kInfinity};
  if (kappa.upper) {
    // log((kappa + 1) / (kappa - 1)) = log1p(2 / (kappa - 1))
    const double most = std::fmax(kappa.upper->value(), 1.0);
    result.steps_per_digit = most > 1 ? std::log(10.0) / std::log1p(2 / (most - 1)) : 0.0;
  }
  return result;
}

Enclosure ridge_condition(const Enclosure& largest, const Enclosure& smallest, double ridge) {
  const FloatingEnvironment environment;
  if (!(ridge >= 0) || std::isinf(ridge)) {
    throw Error(fmt::format("[ridge_condition] the ridge must be finite and not negative, got {}", ridge));
  }
  return quotient(sum(largest, exactly(ridge)), sum(smallest, exactly(ridge)));
}

Enclosure ridge_condition_of_symmetric(std::span<const double> eigenvalues, double radius, double ridge) {
  const FloatingEnvironment environment;
  if (eigenvalues.empty()) throw Error("[ridge_condition_of_symmetric] there are no eigenvalues");
  std::vector<Enclosure> sizes;
  for (const double value : eigenvalues) {
    const double moved = value + ridge;
    if (!std::isfinite(moved)) {
      throw Error(fmt::format("[ridge_condition_of_symmetric] {} + {} is not finite", value, ridge));
    }
    // The sum is rounded once.
    const double slack = std::fabs(moved) * 0x1p-52;
    sizes.push_back(bounds::moved(exactly(std::fabs(moved)), sum(at_most(radius), exactly(slack))));
  }
  return quotient(bounds::largest(sizes), bounds::smallest(sizes));
}

template Enclosure solution_error(const LinearOperator<float>&, std::span<const double>, std::span<const double>,
                                  const CertifyOptions&, Context&);
template Enclosure solution_error(const LinearOperator<double>&, std::span<const double>, std::span<const double>,
                                  const CertifyOptions&, Context&);
template double backward_error(const LinearOperator<float>&, std::span<const float>, std::span<const float>, Context&);
template double backward_error(const LinearOperator<double>&, std::span<const double>, std::span<const double>,
                               Context&);

}  // namespace sigmax::sensitivity
