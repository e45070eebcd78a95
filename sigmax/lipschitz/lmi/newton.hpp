// Newton's method for a barrier with one distinguished variable. Internal to lipschitz/.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::lipschitz {

/// Of a barrier -log det Y(x, s): the derivatives with respect to many variables x and the single s, whose value a
/// search makes large or small.
struct BarrierDerivatives {
  std::vector<double> gradient;
  Matrix<double> hessian;     ///< lower triangle
  std::vector<double> mixed;  ///< d^2 / dx_j ds
  double slope = 0;           ///< d / ds
  double second = 0;          ///< d^2 / ds^2
};

struct NewtonStep {
  std::vector<double> x;
  double s = 0;
  double decrement = 0;  ///< Newton's decrement, squared: twice the decrease that the quadratic model promises
};

/// Newton's step for (barrier + t s): the Hessian is factored once a point, and t may change. Callers hold a
/// SerialBlas.
class BarrierNewton {
 public:
  BarrierNewton(BarrierDerivatives derivatives, Context& context);

  /// False if no small multiple of the diagonal makes the Hessian positive definite in floating-point arithmetic.
  bool works() const { return works_; }
  double slope() const { return derivatives_.slope; }
  NewtonStep step(double t) const;

 private:
  BarrierDerivatives derivatives_;
  Matrix<double> solved_;  ///< the Hessian's inverse times the gradient and times the mixed derivatives
  bool works_ = false;
};

/// The next point on the line from `from`: the lowest of barrier + t s at 1, 2, 4 ... steps as long as that falls, or
/// at 1, 1/2, 1/4 ... steps. `make(x, s)` returns a point with x, s and log_det, or nothing outside of the domain.
/// Nothing after 30 halvings.
template <class Point, class Make>
std::optional<Point> search_line(const Point& from, const NewtonStep& step, double t, const Make& make) {
  std::optional<Point> best;
  double least = 0;
  const auto improves = [&](double length) {
    std::vector<double> x = from.x;
    for (std::size_t j = 0; j < x.size(); ++j) x[j] += length * step.x[j];
    std::optional<Point> next = make(std::move(x), from.s + length * step.s);
    if (!next) return false;
    const double change = t * (next->s - from.s) - (next->log_det - from.log_det);
    if (!(change < least)) return false;
    least = change;
    best = std::move(next);
    return true;
  };
  if (improves(1)) {
    if (step.decrement < 0.5) return best;
    // Variables that are far too small at most double in a step of length 1.
    double length = 2;
    while (length <= 64 && improves(length)) length *= 2;
    if (length > 2) return best;
  }
  for (double length = 0.5; length > 0x1p-30; length /= 2) {
    if (!improves(length) && best) break;
  }
  return best;
}

}  // namespace sigmax::lipschitz
