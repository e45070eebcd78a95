#include "sigmax/svd/batched/batched_small.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "sigmax/svd/batched/batched_tridiagonal.hpp"
#include "sigmax/svd/convergence.hpp"

namespace sigmax {
namespace {

using kernels::small_stride;
using kernels::StridedMatrix;

// If fewer digits than this are wanted, the work is in float and the last product in double: the error of sigma^2 = |A
// v|^2 is the square of the error of v.
constexpr double kFloatForValues = 1e-11;
constexpr double kFloatForVectors = 1e-5;
// Up to this order double takes no longer: latencies dominate the time.
constexpr std::int64_t kFloatOrder = 17;

struct Found {
  double lambda = 0;    // |A v|^2 for |v| = 1, of the scaled matrix
  double error = 0;     // bound on lambda_max - lambda
  double residual = 0;  // |A^T A v - lambda v|
  double rounding = 0;  // error of T
  double* v = nullptr;
  double* image = nullptr;  // A v
};

double norm(const double* x, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
  return std::sqrt(sum);
}

// lambda_max(G) - lambda, where G = W^T W exactly and T is orthogonally similar to G + E, |E| <= delta:
//   theta + delta - lambda             always, since lambda_max(G) <= theta + delta
//   r^2 / (g - 2 delta)                if only one eigenvalue of T is above theta - g (Kato and Temple): so all others
//                                      of G are below theta - g + delta, and lambda is above theta - delta
// g is the smallest gap that gives the wanted error and makes the second formula valid.
double error_bound(std::span<const double> diagonal, std::span<const double> off, double theta, double wanted,
                   const Found& found) {
  const double delta = found.rounding;
  const double anyway = std::max(theta + delta - found.lambda, 0.0);
  if (anyway <= wanted) return anyway;
  const double squared = found.residual * found.residual;
  const double gap = std::max(4 * delta, 2 * delta + squared / wanted);
  if (!(gap < theta)) return anyway;
  const CountAbove count = tridiagonal_count_above(diagonal, off, theta + delta, theta - gap);
  const bool alone = count.of_first == 0 && count.of_second == 1 && std::fabs(theta - found.lambda) <= delta;
  return alone ? std::min(anyway, squared / (gap - 2 * delta)) : anyway;
}

// W = 2^-e A;  G = W^T W;  T = Q^T G Q;  T y = theta y;  v = Q y / |y|          in T
// t = W v;  lambda = |t|^2;  r = |W^T t - lambda v|                            in double
template <Real T>
Found find_largest(const StridedMatrix& a, int exponent, const Convergence& wanted, SmallScratch& scratch) {
  const std::int64_t m = a.rows, n = a.columns, stride = small_stride(n);
  T* w = scratch.take<T>(m * stride);
  T* g = scratch.take<T>(stride * stride);
  T* x = scratch.take<T>(2 * stride);
  double* diagonal = scratch.take<double>(n);
  double* off = scratch.take<double>(n);
  double* work = scratch.take<double>(2 * n);
  Found found;
  found.v = scratch.take<double>(stride);
  found.image = scratch.take<double>(small_stride(m));
  double* back = scratch.take<double>(stride);

  load_scaled(a, exponent, w);
  kernels::small_gram(m, n, w, g);
  kernels::small_tridiagonal(n, g, x, diagonal, off);
  const std::span<const double> on_diagonal(diagonal, static_cast<std::size_t>(n));
  const std::span<const double> beside(off, static_cast<std::size_t>(n - 1));
  const double theta = tridiagonal_largest(on_diagonal, beside);
  tridiagonal_vector(on_diagonal, beside, theta, {work, static_cast<std::size_t>(2 * n)},
                     {found.v, static_cast<std::size_t>(n)});
  const double length = norm(found.v, n);
  std::fill(x + n, x + stride, T{0});
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(found.v[i] / length);
  kernels::small_rotate(n, g, x);

  std::copy(x, x + stride, found.v);
  const double factor = 1 / norm(found.v, n);
  for (std::int64_t i = 0; i < n; ++i) found.v[i] *= factor;
  kernels::small_multiply(m, n, w, found.v, found.image);
  kernels::small_multiply_transposed(m, n, w, found.image, back);
  for (std::int64_t i = 0; i < m; ++i) found.lambda += found.image[i] * found.image[i];
  double squares = 0;
  double trace = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double r = back[i] - found.lambda * found.v[i];
    squares += r * r;
    trace += diagonal[i];
  }
  found.residual = std::sqrt(squares);
  found.rounding = static_cast<double>(m + n) * (std::numeric_limits<T>::epsilon() / 2) * trace;
  found.error = error_bound(on_diagonal, beside, theta, wanted.of_theta() * found.lambda, found);
  return found;
}

bool meets(const Found& found, const Convergence& wanted, double allowance) {
  const double error = wanted.accuracy == Accuracy::values ? found.error : found.residual;
  return error <= std::max(wanted.allowed(found.lambda, found.lambda), allowance);
}

// The singular values of the zero matrix, with the first unit vectors.
void fill_with_zero(const SmallResult& result) {
  std::fill(result.sigma.begin(), result.sigma.end(), 0.0);
  if (result.residual != nullptr) *result.residual = 0;
  for (Matrix<double>* x : {result.u, result.v}) {
    if (x == nullptr) continue;
    for (std::int64_t j = 0; j < x->columns(); ++j) (*x)(j, j) = 1;
  }
}

}  // namespace

BatchOutcome not_finite(const SmallResult& result) {
  const auto fill = [](std::span<double> x) { std::fill(x.begin(), x.end(), std::nan("")); };
  fill(result.sigma);
  if (result.residual != nullptr) *result.residual = std::nan("");
  for (Matrix<double>* x : {result.u, result.v}) {
    if (x != nullptr) fill(x->values());
  }
  return BatchOutcome::not_finite;
}

std::optional<BatchOutcome> without_work(const Magnitude& magnitude, const SmallResult& result) {
  if (std::isnan(magnitude.largest)) return not_finite(result);
  if (magnitude.largest == 0) {
    fill_with_zero(result);
    return BatchOutcome::converged;
  }
  return std::nullopt;
}

// In two steps if the factor itself is out of range.
template <Real T>
void load_scaled(const StridedMatrix& a, int exponent, T* out) {
  const int within = std::clamp(-exponent, -1000, 1000);
  kernels::small_load(a, std::ldexp(1.0, within), out);
  if (within == -exponent) return;
  const T rest = static_cast<T>(std::ldexp(1.0, -exponent - within));
  for (std::int64_t i = 0; i < a.rows * small_stride(a.columns); ++i) out[i] *= rest;
}

template void load_scaled<float>(const StridedMatrix&, int, float*);
template void load_scaled<double>(const StridedMatrix&, int, double*);

Magnitude magnitude_of(const StridedMatrix& a) {
  Magnitude magnitude{kernels::small_largest(a), 0};
  if (magnitude.largest > 0) magnitude.exponent = std::ilogb(magnitude.largest);
  return magnitude;
}

SmallScratch::SmallScratch(std::span<const StridedMatrix> matrices, Context& context)
    : buffer_([&] {
        std::size_t most = 0;
        for (const StridedMatrix& a : matrices) {
          const std::int64_t m = std::max(a.rows, a.columns), stride = small_stride(std::min(a.rows, a.columns));
          const std::int64_t elements = (m + stride + 8) * stride + m + 160;
          most = std::max(most, static_cast<std::size_t>(elements) * sizeof(double));
        }
        return context.scratch<std::byte>(most);
      }()) {}

BatchOutcome largest_of_small(const StridedMatrix& a, const BatchOptions& options, SmallScratch& scratch,
                              const SmallResult& result) {
  const Magnitude magnitude = magnitude_of(a);
  if (const auto outcome = without_work(magnitude, result)) return *outcome;
  const bool turned = a.rows < a.columns;
  const StridedMatrix tall = turned ? a.transposed() : a;
  const Convergence wanted{options.accuracy, options.tolerance, 1};
  const double enough = wanted.accuracy == Accuracy::values ? kFloatForValues : kFloatForVectors;
  Found found;
  bool met = false;
  if (a.dtype != DType::f64 && wanted.tolerance >= enough && tall.columns >= kFloatOrder) {
    scratch.start_over();
    found = find_largest<float>(tall, magnitude.exponent, wanted, scratch);
    met = meets(found, wanted, 0);
  }
  if (!met) {
    scratch.start_over();
    found = find_largest<double>(tall, magnitude.exponent, wanted, scratch);
    met = meets(found, wanted, 2 * found.rounding);
  }
  const double sigma = std::sqrt(found.lambda);
  result.sigma[0] = std::ldexp(sigma, magnitude.exponent);
  if (result.residual != nullptr) *result.residual = found.residual / found.lambda;
  Matrix<double>* const left = turned ? result.v : result.u;
  Matrix<double>* const right = turned ? result.u : result.v;
  if (left != nullptr) {
    for (std::int64_t i = 0; i < tall.rows; ++i) (*left)(i, 0) = found.image[i] / sigma;
    for (std::int64_t i = 0; i < tall.columns; ++i) (*right)(i, 0) = found.v[i];
  }
  return met ? BatchOutcome::converged : BatchOutcome::not_converged;
}

}  // namespace sigmax
