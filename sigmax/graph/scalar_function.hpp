// Functions of one real number that a network applies entry by entry, and what is proven about their slopes.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace sigmax::graph {

/// All x with least <= x <= greatest. Infinite ends: no bound on that side.
struct Interval {
  double least = -std::numeric_limits<double>::infinity();
  double greatest = std::numeric_limits<double>::infinity();
  bool operator==(const Interval&) const = default;
};

/// f: R -> R. Ends of intervals are rounded outward: what they say of f holds for the exact function.
class ScalarFunction {
 public:
  virtual ~ScalarFunction() = default;

  /// `Relu`, `LeakyRelu(0.01)`, `Gelu`, or the expression of a function without a name.
  virtual std::string name() const = 0;

  /// f(x), to the accuracy of the C library.
  virtual double value(double x) const = 0;

  /// A derivative of f at x: at a kink one of its sides.
  virtual double derivative(double x) const = 0;

  /// All difference quotients (f(s) - f(t)) / (s - t), s != t in `domain`, lie in the result, which is as narrow as can
  /// be had to about 1e-6. Nothing if f is not Lipschitz on it, or not defined.
  virtual std::optional<Interval> slopes(const Interval& domain) const = 0;

  /// All f(x), x in `domain`.
  virtual Interval range(const Interval& domain) const = 0;
};

using Function = std::shared_ptr<const ScalarFunction>;

}  // namespace sigmax::graph
