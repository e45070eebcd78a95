#include "sigmax/sensitivity/tikhonov.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/sensitivity/bidiagonalization.hpp"
#include "sigmax/sensitivity/entries.hpp"

namespace sigmax::sensitivity {
namespace {

double times_power(double x, std::int64_t exponent) {
  return std::ldexp(x, static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000)));
}

// The exponent of the largest number; 0 for zeros. Throws Error if a number is not finite.
std::int64_t exponent_of(const char* what, std::span<const double> values) {
  require_finite(values, "Tikhonov", what);
  double largest = 0;
  for (const double value : values) largest = std::fmax(largest, std::fabs(value));
  return largest > 0 ? std::ilogb(largest) : 0;
}

double square(double x) { return x * x; }

}  // namespace

// c = U^T b and the norm of what is left, twice, so that it is orthogonal to rounding.
void Tikhonov::take(const Matrix<double>& u, std::vector<double> sigma, std::span<const double> b) {
  scaled_ = std::move(sigma);
  Matrix<double> rest(u.rows(), 1);
  std::ranges::copy(b, rest.values().begin());
  c_.assign(scaled_.size(), 0.0);
  for (int pass = 0; pass < 2; ++pass) {
    const Matrix<double> c = lapack::product(u, rest, true);
    const Matrix<double> part = lapack::product(u, c);
    for (std::size_t i = 0; i < c_.size(); ++i) c_[i] += c.values()[i];
    for (std::size_t i = 0; i < b.size(); ++i) rest.values()[i] -= part.values()[i];
  }
  outside_ = blas::norm(rest.values());
  outside_last_ = rest.values().empty() ? 0.0 : rest.values().back();
  for (const double value : scaled_) sigma_.push_back(times_power(value, exponent_of_a_));
  const double largest = scaled_.empty() ? 0.0 : scaled_.front();
  const double negligible = static_cast<double>(std::max(rows_, columns_)) * 0x1p-53 * largest;
  for (double& value : scaled_) value = value > negligible ? value : 0.0;
}

Tikhonov::Tikhonov(const Tensor& a, std::span<const double> b, Context& context) {
  const FloatingEnvironment environment;
  Matrix<double> values = entries("Tikhonov", a, context);
  rows_ = values.rows();
  columns_ = values.columns();
  if (std::ssize(b) != rows_) {
    throw Error(fmt::format("[Tikhonov] b must have {} entries, got {}", rows_, b.size()));
  }
  exponent_of_a_ = exponent_of("the matrix", values.values());
  exponent_of_b_ = exponent_of("b", b);
  for (double& value : values.values()) value = times_power(value, -exponent_of_a_);
  std::vector<double> right(b.begin(), b.end());
  for (double& value : right) value = times_power(value, -exponent_of_b_);
  const SerialBlas serial;
  lapack::Svd svd = lapack::decompose(values.view(), 0, std::min(rows_, columns_)).wanted;
  take(svd.u, std::move(svd.sigma), right);
  v_ = std::move(svd.v);
}

// With the bidiagonal B = P diag(sigma) W^T of U^T A V: the left vectors U P, the right ones V W, and U^T b = |b| e_1.
template <Real T>
Tikhonov::Tikhonov(const LinearOperator<T>& a, std::span<const T> b, std::int64_t steps, Context& context) {
  const FloatingEnvironment environment;
  Bidiagonalization<T> process = bidiagonalize(a, b, steps, context);
  rows_ = a.shape().rows;
  columns_ = a.shape().columns;
  exponent_of_a_ = process.exponent;
  exponent_of_b_ = process.norm_of_b > 0 ? std::ilogb(process.norm_of_b) : 0;
  next_ = process.next;
  const std::int64_t k = process.bidiagonal.columns();
  if (k == 0) {
    outside_ = times_power(process.norm_of_b, -exponent_of_b_);
    return;
  }
  const SerialBlas serial;
  lapack::Svd svd = lapack::decompose(process.bidiagonal.view(), 0, k).wanted;
  std::vector<double> right(static_cast<std::size_t>(svd.u.rows()));
  right.front() = times_power(process.norm_of_b, -exponent_of_b_);
  take(svd.u, svd.sigma, right);
  for (std::int64_t i = 0; i < k; ++i) last_.push_back(svd.u(svd.u.rows() - 1, i));
  v_ = lapack::product(process.v, svd.v);
}

double Tikhonov::filter(std::size_t i, double l) const {
  const double s = scaled_[i];
  if (l == 0) return s > 0 ? 1.0 : 0.0;
  return s > 0 ? 1 / (1 + square(l / s)) : 0.0;
}

double Tikhonov::damping(std::size_t i, double l) const {
  const double s = scaled_[i];
  if (l == 0) return s > 0 ? 0.0 : 1.0;
  return 1 / (1 + square(s / l));
}

double Tikhonov::component(std::size_t i, double l) const {
  const double s = scaled_[i];
  const double f = filter(i, l);
  return f > 0 ? f / s * c_[i] : 0.0;
}

Tikhonov::Norms Tikhonov::norms(double l) const {
  double residual = square(outside_);
  double solution = 0;
  for (std::size_t i = 0; i < c_.size(); ++i) {
    residual += square(damping(i, l) * c_[i]);
    solution += square(component(i, l));
  }
  return {std::sqrt(residual), std::sqrt(solution)};
}

double Tikhonov::scaled(const char* who, double lambda) const {
  if (!(lambda >= 0) || std::isinf(lambda)) {
    throw Error(fmt::format("[{}] lambda must be finite and not negative, got {}", who, lambda));
  }
  return times_power(lambda, -exponent_of_a_);
}

TikhonovSolution Tikhonov::solve(double lambda) const {
  const FloatingEnvironment environment;
  const double l = scaled("Tikhonov::solve", lambda);
  TikhonovSolution result;
  result.lambda = lambda;
  result.x.assign(static_cast<std::size_t>(columns_), 0.0);
  const std::int64_t unit = exponent_of_b_ - exponent_of_a_;
  for (std::size_t i = 0; i < c_.size(); ++i) {
    result.filter.push_back(filter(i, l));
    result.degrees_of_freedom += result.filter.back();
    const double weight = component(i, l);
    const std::span<const double> v = v_.column(static_cast<std::int64_t>(i));
    for (std::size_t j = 0; j < v.size(); ++j) result.x[j] += weight * v[j];
  }
  for (double& value : result.x) value = times_power(value, unit);
  const Norms sizes = norms(l);
  result.residual_norm = times_power(sizes.residual, exponent_of_b_);
  result.solution_norm = times_power(sizes.solution, unit);
  const double largest = scaled_.empty() ? 0.0 : scaled_.front();
  const double smallest = scaled_.empty() || rows_ < columns_ ? 0.0 : scaled_.back();
  const double least = std::hypot(smallest, l);
  result.effective_condition = least > 0 ? std::hypot(largest, l) / least : std::numeric_limits<double>::infinity();
  return result;
}

// A^T r - lambda^2 x = alpha_{k+1} t_{k+1} v_{k+1}, t the residual in the basis of the left vectors.
double Tikhonov::optimality(double lambda) const {
  const FloatingEnvironment environment;
  const double l = scaled("Tikhonov::optimality", lambda);
  if (last_.empty() || next_ == 0) return 0;
  double t = outside_last_;
  double norm_of_b = square(outside_);
  for (std::size_t i = 0; i < c_.size(); ++i) {
    t += damping(i, l) * c_[i] * last_[i];
    norm_of_b += square(c_[i]);
  }
  return next_ * std::fabs(t) / (scaled_.front() * std::sqrt(norm_of_b));
}

// |r(lambda)| grows with lambda, from the residual of least squares to |b|. Bisection of log lambda: 80 halvings of a
// range of 1200 binary orders leave 2^-69 of it.
std::optional<Chosen> Tikhonov::by_discrepancy(double noise) const {
  const FloatingEnvironment environment;
  if (!(noise >= 0)) throw Error(fmt::format("[Tikhonov::by_discrepancy] the noise is {}", noise));
  const double wanted = times_power(noise, -exponent_of_b_);
  double low = -600;
  double high = 600;
  if (c_.empty() || !(norms(std::exp2(low)).residual <= wanted) || !(norms(std::exp2(high)).residual > wanted)) {
    return std::nullopt;
  }
  for (int halving = 0; halving < 80; ++halving) {
    const double middle = 0.5 * (low + high);
    (norms(std::exp2(middle)).residual <= wanted ? low : high) = middle;
  }
  const double l = std::exp2(low);
  return Chosen{times_power(l, exponent_of_a_), times_power(norms(l).residual, exponent_of_b_)};
}

// 40 points a decade from sigma_n to 10 sigma_1.
std::vector<double> Tikhonov::grid() const {
  std::vector<double> result;
  if (scaled_.empty() || !(scaled_.front() > 0)) return result;
  const double most = std::log(10 * scaled_.front());
  double smallest = scaled_.front();
  for (const double value : scaled_) smallest = value > 0 ? value : smallest;
  const double least = std::log(smallest);
  const auto points = static_cast<std::int64_t>(std::ceil((most - least) / std::log(10.0) * 40)) + 1;
  for (std::int64_t i = 0; i <= points; ++i) {
    result.push_back(std::exp(least + (most - least) * static_cast<double>(i) / static_cast<double>(points)));
  }
  return result;
}

double Tikhonov::gcv(double l) const {
  double room = static_cast<double>(rows_) - static_cast<double>(c_.size());
  for (std::size_t i = 0; i < c_.size(); ++i) room += damping(i, l);
  return square(norms(l).residual / room);
}

// d log G / d log l, from d f / d log l = -2 f (1 - f).
double Tikhonov::gcv_slope(double l) const {
  double room = static_cast<double>(rows_) - static_cast<double>(c_.size());
  double change = 0;
  double residual = square(outside_);
  double growth = 0;
  for (std::size_t i = 0; i < c_.size(); ++i) {
    const double f = filter(i, l);
    const double g = damping(i, l);
    room += g;
    change += 2 * f * g;
    residual += square(g * c_[i]);
    growth += 4 * f * square(g * c_[i]);
  }
  return growth / residual - 2 * change / room;
}

std::vector<Chosen> Tikhonov::by_gcv() const {
  const FloatingEnvironment environment;
  std::vector<Chosen> found;
  const std::vector<double> points = grid();
  double before = points.empty() ? 0.0 : gcv_slope(points.front());
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double after = gcv_slope(points[i]);
    if (before < 0 && after >= 0) {
      double low = points[i - 1];
      double high = points[i];
      for (int halving = 0; halving < 60; ++halving) {
        const double middle = std::sqrt(low * high);
        (gcv_slope(middle) < 0 ? low : high) = middle;
      }
      found.push_back({times_power(high, exponent_of_a_), times_power(gcv(high), 2 * exponent_of_b_)});
    }
    before = after;
  }
  std::ranges::sort(found, std::less<>{}, &Chosen::value);
  return found;
}

// With t = log l, R = |r|^2 and S = |x|^2, and primes for d / dt:
//
//     S' = -4 D, R' = 4 l^2 D,    D = sum (1 - f) (f c / s)^2,
//     D' = -2 sum (1 - f) (2 - 3 f) (f c / s)^2.
//
// The curvature of (log |r|, log |x|) = (log R, log S) / 2 is 2 (a' b'' - a'' b') / (a'^2 + b'^2)^{3/2}, a = log R, b =
// log S: positive at a corner that points to the lower left.
double Tikhonov::curvature(double l) const {
  double r = square(outside_);
  double s = 0;
  double d = 0;
  double slope = 0;
  for (std::size_t i = 0; i < c_.size(); ++i) {
    const double f = filter(i, l);
    const double g = damping(i, l);
    const double part = square(component(i, l));
    r += square(g * c_[i]);
    s += part;
    d += g * part;
    slope -= 2 * g * (2 - 3 * f) * part;
  }
  if (!(r > 0) || !(s > 0) || !(d > 0)) return 0;
  const double weight = l * l;
  const double a = 4 * weight * d / r;
  const double b = -4 * d / s;
  const double a_second = 4 * weight * (2 * d + slope) / r - a * a;
  const double b_second = -4 * slope / s - b * b;
  return 2 * (a * b_second - a_second * b) / std::pow(a * a + b * b, 1.5);
}

// Golden sections around each maximum of the grid: the position is known to about the root of rounding.
std::vector<Chosen> Tikhonov::by_l_curve() const {
  const FloatingEnvironment environment;
  std::vector<Chosen> found;
  const std::vector<double> points = grid();
  std::vector<double> values(points.size());
  std::ranges::transform(points, values.begin(), [&](double l) { return curvature(l); });
  constexpr double kGolden = 0.6180339887498949;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    if (!(values[i] > values[i - 1]) || !(values[i] >= values[i + 1])) continue;
    double low = std::log(points[i - 1]);
    double high = std::log(points[i + 1]);
    for (int section = 0; section < 60; ++section) {
      const double left = high - kGolden * (high - low);
      const double right = low + kGolden * (high - low);
      const bool rises = curvature(std::exp(left)) < curvature(std::exp(right));
      (rises ? low : high) = rises ? left : right;
    }
    const double l = std::exp(0.5 * (low + high));
    found.push_back({times_power(l, exponent_of_a_), curvature(l)});
  }
  std::ranges::sort(found, std::greater<>{}, &Chosen::value);
  return found;
}

template <Real T>
Tikhonov tikhonov_to_tolerance(const LinearOperator<T>& a, std::span<const T> b, double lambda, double tolerance,
                               std::int64_t most, Context& context) {
  const FloatingEnvironment environment;
  if (most < 1) throw Error(fmt::format("[tikhonov_to_tolerance] at least one step is needed, got {}", most));
  for (std::int64_t steps = std::min<std::int64_t>(16, most);; steps = std::min(2 * steps, most)) {
    Tikhonov result(a, b, steps, context);
    if (result.optimality(lambda) <= tolerance || steps == most) return result;
  }
}

template Tikhonov::Tikhonov(const LinearOperator<float>&, std::span<const float>, std::int64_t, Context&);
template Tikhonov::Tikhonov(const LinearOperator<double>&, std::span<const double>, std::int64_t, Context&);
template Tikhonov tikhonov_to_tolerance(const LinearOperator<float>&, std::span<const float>, double, double,
                                        std::int64_t, Context&);
template Tikhonov tikhonov_to_tolerance(const LinearOperator<double>&, std::span<const double>, double, double,
                                        std::int64_t, Context&);

}  // namespace sigmax::sensitivity
