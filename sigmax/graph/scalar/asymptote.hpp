// Functions on x >= T as a polynomial and an error that decays. Internal to graph/.
#pragma once

#include <optional>
#include <vector>

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

/// v(x) = p_0(x) + p_1(x) x + ... + p_d(x) x^d + e(x) for all x >= T > 0, where p_j(x) lies in `coefficients[j]` and
/// e(x) in `error` times
///
///     (x / T)^growth  e^(-rate (x - T)),    rate >= 0.
///
/// In z = x - T the polynomial is c_0 + c_1 z + ...; if all c_j >= 0 and c_1 > 0, v grows at least as c_0 + c_1 z.
class Asymptote {
 public:
  Asymptote(double start, std::vector<Interval> coefficients);

  /// Only an error, as above.
  static Asymptote decaying(double start, const Interval& error, double rate, int growth = 0);

  double start() const { return start_; }
  bool is_flat() const { return coefficients_.size() == 1; }

  /// All v(x).
  Interval enclosure() const;

  /// All e(x); all numbers if the error is not seen to be largest at T.
  Interval error_range() const;

  /// |v(x)| >= least + rate (x - T), and >= least + leading (x - T)^degree; least >= 0. Nothing if v is not seen to
  /// grow in magnitude without bound.
  struct Growth {
    bool negative = false;
    double least = 0;
    double rate = 0;
    double leading = 0;
    int degree = 1;
  };
  std::optional<Growth> growth() const;

  Asymptote operator-() const;
  Asymptote operator+(const Asymptote& other) const;
  Asymptote operator*(const Asymptote& other) const;

  /// q and r with v = q w + r, q a polynomial without an error, and r of a lower degree than w. Nothing if the leading
  /// coefficient of w may be 0.
  struct Division;
  std::optional<Division> divided_by(const Asymptote& w) const;

  /// s and r with v = n^2 (s^2 + r(x)), s = x + t, for v of degree 2 that grows to infinity; n is a number.
  struct Square;
  std::optional<Square> completed() const;

  /// phi(v) for v flat, given phi and phi' on an interval.
  template <class Value, class Slope>
  Asymptote composed(Value phi, Slope slope) const {
    const Interval limit = coefficients_[0];
    const Interval around = hull(limit, limit + error_range());
    Asymptote result(start_, {phi(limit)});
    result.error_ = error_ == Interval{0, 0} ? error_ : slope(around) * error_;
    result.rate_ = rate_;
    result.growth_ = growth_;
    return result;
  }

 private:
  std::vector<Interval> in_distance() const;  // the coefficients c_j of powers of z

  double start_;
  std::vector<Interval> coefficients_;
  Interval error_{0, 0};
  double rate_ = 0;
  int growth_ = 0;
};

struct Asymptote::Division {
  Asymptote quotient;
  Asymptote rest;
};

struct Asymptote::Square {
  Interval n;
  Asymptote s;
  Interval r;
};

}  // namespace sigmax::graph
