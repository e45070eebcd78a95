#include "sigmax/svd/methods/power_loop.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

template <Real T>
void subtract(double c, std::span<const T> y, std::span<T> x) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] -= static_cast<T>(c) * y[i];
}

// x <- (I - Q Q^T) x, twice: one pass leaves errors that grow with cancellation, two are enough. The coefficient
// removed along column j of Q is passed to off(j, coefficient).
template <Real T, class Off>
void project_out(MatrixView<const T> q, std::span<T> x, const Off& off) {
  for (int pass = 0; pass < 2; ++pass) {
    for (std::int64_t j = 0; j < q.columns; ++j) {
      const double c = blas::dot(q.column(j), x);
      subtract(c, q.column(j), x);
      off(j, c);
    }
  }
}

template <Real T>
void project_out(MatrixView<const T> q, std::span<T> x) {
  project_out(q, x, [](std::int64_t, double) {});
}

// A unit vector in the complement of q: `x` if it has a component there, otherwise the first e_i that has one.
template <Real T>
void into_complement(MatrixView<const T> q, std::span<T> x) {
  constexpr double kEnough = 1e-3;  // less is mostly rounding in float
  if (normalize(x) > 0) {
    project_out(q, x);
    if (normalize(x) > kEnough) return;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::fill(x.begin(), x.end(), T{0});
    x[i] = 1;
    project_out(q, x);
    if (normalize(x) > kEnough / std::sqrt(static_cast<double>(x.size()))) return;
  }
}

// What the last steps say about the error of theta.
class ErrorTrace {
 public:
  explicit ErrorTrace(double unit) : unit_(unit) {}

  void add(double theta, double residual) {
    if (steps_ > 0) {
      before_ = latest_;
      const double fall = residual / residual_;
      const double growth = std::max(theta - theta_, 0.0);
      latest_ = {std::min(fall, 1.0), growth_ > 0 ? std::min(growth / growth_, 1.0) : 1.0};
      growth_ = growth;
    }
    theta_ = theta;
    residual_ = residual;
    ++steps_;
  }

  double error() const {
    if (steps_ < 4) return residual_;
    const double ratio = std::max(latest_.residual, before_.residual);
    const double rate = std::max(latest_.growth, before_.growth);
    const double by_residual = residual_ * residual_ / (theta_ * (1 - ratio));
    // Growth at the level of rounding says nothing.
    const double by_growth = growth_ > 8 * unit_ * theta_ ? growth_ * rate / (1 - rate) : 0.0;
    const double error = std::max(by_residual, by_growth);
    return error <= residual_ ? error : residual_;  // also if it is NaN
  }

 private:
  struct Rates {
    double residual = 1;  // r falls by lambda_2 / lambda_1
    double growth = 1;    // theta's steps fall by its square
  };
  double unit_;
  double theta_ = 0;
  double residual_ = 0;
  double growth_ = 0;
  Rates latest_;
  Rates before_;
  int steps_ = 0;
};

}  // namespace

template <Real T>
double normalize(std::span<T> x) {
  const double norm = blas::norm(std::span<const T>(x));
  if (norm > 0) {
    for (T& value : x) value = static_cast<T>(static_cast<double>(value) / norm);
  }
  return norm;
}

template <Real T>
double distance(std::span<const T> y, double factor, std::span<const T> x) {
  double squares = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double r = static_cast<double>(y[i]) - factor * static_cast<double>(x[i]);
    squares += r * r;
  }
  return std::sqrt(squares);
}

// t = A v,  w = A^T t in one read;  c = U^T t,  t -= U c,  w -= (A^T U) c,  w into the complement of V
// theta = |t|^2,  r = |w - theta v|;  stop, or v = w / |w|
template <Real T>
PowerLoopResult power_loop(const LinearOperator<T>& a, const KnownTriplets<T>& known, const Convergence& wanted,
                           const PowerLoopOptions& options, std::span<T> u, std::span<T> v, Context& context) {
  const Shape shape = a.shape();
  const double unit = std::numeric_limits<T>::epsilon();
  const double rounding = 8 * std::sqrt(static_cast<double>(std::max(shape.rows, shape.columns))) * unit;
  std::vector<T> w(v.size());
  PowerLoopResult result;
  ErrorTrace trace(unit);
  into_complement(known.right, v);
  for (;;) {
    context.check_cancel();
    a.apply_gram(MatrixView<const T>(v), MatrixView<T>(u), MatrixView<T>(w), context);
    ++result.products;
    const std::span<T> product(w);
    project_out(known.left, u, [&](std::int64_t j, double c) { subtract(c, known.back.column(j), product); });
    project_out(known.right, product);
    result.sigma = blas::norm(std::span<const T>(u));
    const double theta = result.sigma * result.sigma;
    const double largest = std::max(options.largest, result.sigma);
    const double residual = distance<T>(w, theta, v);
    trace.add(theta, residual);
    const double error = wanted.accuracy == Accuracy::values ? trace.error() : residual;
    const bool close = error <= wanted.allowed(theta, largest * result.sigma);
    result.met = close || residual <= rounding * largest * result.sigma || result.sigma <= rounding * largest;
    const bool enough =
        options.steps ? result.products > *options.steps : result.met || result.products >= options.max_products;
    if (enough || normalize(std::span<T>(w)) == 0) break;
    std::copy(w.begin(), w.end(), v.begin());
  }
  // A u that is mostly rounding is orthogonalized again, at its true length.
  into_complement(known.left, u);
  return result;
}

template double normalize<float>(std::span<float>);
template double normalize<double>(std::span<double>);
template double distance<float>(std::span<const float>, double, std::span<const float>);
template double distance<double>(std::span<const double>, double, std::span<const double>);
template PowerLoopResult power_loop<float>(const LinearOperator<float>&, const KnownTriplets<float>&,
                                           const Convergence&, const PowerLoopOptions&, std::span<float>,
                                           std::span<float>, Context&);
template PowerLoopResult power_loop<double>(const LinearOperator<double>&, const KnownTriplets<double>&,
                                            const Convergence&, const PowerLoopOptions&, std::span<double>,
                                            std::span<double>, Context&);

}  // namespace sigmax
