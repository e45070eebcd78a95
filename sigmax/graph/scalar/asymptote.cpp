#include "sigmax/graph/scalar/asymptote.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph {
namespace {

constexpr Interval kNone{0, 0};

/// a b with coefficients of polynomials.
std::vector<Interval> polynomial_product(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  std::vector<Interval> result(a.size() + b.size() - 1, kNone);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) result[i + j] = result[i + j] + a[i] * b[j];
  }
  return result;
}

}  // namespace

Asymptote::Asymptote(double start, std::vector<Interval> coefficients)
    : start_(start), coefficients_(std::move(coefficients)) {
  while (coefficients_.size() > 1 && coefficients_.back() == kNone) coefficients_.pop_back();
}

Asymptote Asymptote::decaying(double start, const Interval& error, double rate, int growth) {
  Asymptote result(start, {kNone});
  result.error_ = error;
  result.rate_ = rate;
  result.growth_ = growth;
  return result;
}

Interval Asymptote::error_range() const {
  if (error_ == kNone) return kNone;
  // (x/T)^k e^(-q (x - T)) falls from x = k/q on.
  const bool falls = growth_ <= 0 || (point(rate_) * point(start_)).least >= growth_;
  return falls ? hull(error_, kNone) : kAllNumbers;
}

std::vector<Interval> Asymptote::in_distance() const {
  // Horner's rule for p(T + z): multiply by (T + z), add the next coefficient.
  std::vector<Interval> result = {coefficients_.back()};
  for (std::size_t j = coefficients_.size() - 1; j-- > 0;) {
    result = polynomial_product(result, {point(start_), point(1)});
    result[0] = result[0] + coefficients_[j];
  }
  return result;
}

Interval Asymptote::enclosure() const {
  const std::vector<Interval> c = in_distance();
  Interval result = c[0] + error_range();
  for (std::size_t j = 1; j < c.size(); ++j) result = result + c[j] * Interval{0, kInfinity};
  return result;
}

std::optional<Asymptote::Growth> Asymptote::growth() const {
  if (is_flat()) return std::nullopt;
  std::vector<Interval> c = in_distance();
  Interval first = c[0] + error_range();
  const bool negative = c.back().greatest <= 0;
  if (negative) {
    first = -first;
    for (Interval& each : c) each = -each;
  }
  for (std::size_t j = 1; j < c.size(); ++j) {
    if (!(c[j].least >= 0)) return std::nullopt;
  }
  if (!(first.least >= 0) || !(c[1].least > 0) || !(c.back().least > 0)) return std::nullopt;
  return Growth{negative, first.least, c[1].least, c.back().least, static_cast<int>(c.size()) - 1};
}

Asymptote Asymptote::operator-() const {
  Asymptote result = *this;
  for (Interval& each : result.coefficients_) each = -each;
  result.error_ = -error_;
  return result;
}

Asymptote Asymptote::operator+(const Asymptote& other) const {
  std::vector<Interval> sum(std::max(coefficients_.size(), other.coefficients_.size()), kNone);
  for (std::size_t j = 0; j < sum.size(); ++j) {
    if (j < coefficients_.size()) sum[j] = sum[j] + coefficients_[j];
    if (j < other.coefficients_.size()) sum[j] = sum[j] + other.coefficients_[j];
  }
  Asymptote result(start_, std::move(sum));
  if (error_ == kNone || other.error_ == kNone) {
    const Asymptote& one = error_ == kNone ? other : *this;
    result.error_ = one.error_;
    result.rate_ = one.rate_;
    result.growth_ = one.growth_;
    return result;
  }
  // Either decay is at most the slower one, for x / T >= 1 and x - T >= 0; so the errors are multiples of it by factors
  // in [0, 1].
  result.error_ = hull(error_, kNone) + hull(other.error_, kNone);
  result.rate_ = std::min(rate_, other.rate_);
  result.growth_ = std::max(growth_, other.growth_);
  return result;
}

Asymptote Asymptote::operator*(const Asymptote& other) const {
  Asymptote result(start_, polynomial_product(coefficients_, other.coefficients_));
  const auto add_error = [&result, this](const Interval& error, double rate, int growth) {
    if (error != kNone) result = result + decaying(start_, error, rate, growth);
  };
  const auto scaled_error = [&add_error, this](const Asymptote& a, const std::vector<Interval>& factor) {
    // x^j = T^j (x/T)^j
    Interval power_of_start = point(1);
    for (std::size_t j = 0; j < factor.size(); ++j) {
      add_error(a.error_ * factor[j] * power_of_start, a.rate_, a.growth_ + static_cast<int>(j));
      power_of_start = power_of_start * point(start_);
    }
  };
  scaled_error(*this, other.coefficients_);
  scaled_error(other, coefficients_);
  add_error(error_ * other.error_, (point(rate_) + point(other.rate_)).least, growth_ + other.growth_);
  return result;
}

std::optional<Asymptote::Division> Asymptote::divided_by(const Asymptote& w) const {
  const std::size_t degree = w.coefficients_.size() - 1;
  const Interval leading = w.coefficients_.back();
  if (contains(leading, 0)) return std::nullopt;
  std::vector<Interval> quotient = {kNone};
  Asymptote rest = *this;
  while (rest.coefficients_.size() > degree) {
    const std::size_t top = rest.coefficients_.size() - 1;
    std::vector<Interval> term(top - degree + 1, kNone);
    term.back() = rest.coefficients_.back() / leading;
    if (quotient.size() < term.size()) quotient.resize(term.size(), kNone);
    quotient[term.size() - 1] = term.back();
    Asymptote next = rest + -(Asymptote(start_, std::move(term)) * w);
    // For each x, the leading coefficients cancel exactly, also where they are known to an interval only.
    if (next.coefficients_.size() > top) next.coefficients_.resize(top, kNone);
    if (next.coefficients_.empty()) next.coefficients_ = {kNone};
    next = next + Asymptote(start_, {kNone});  // without leading zeros
    rest = std::move(next);
    if (top == 0) break;
  }
  return Division{Asymptote(start_, std::move(quotient)), std::move(rest)};
}

std::optional<Asymptote::Square> Asymptote::completed() const {
  if (coefficients_.size() != 3 || !(coefficients_[2].least > 0)) return std::nullopt;
  const Interval t = coefficients_[1] / coefficients_[2] / point(2);
  const Interval rest = (coefficients_[0] + error_range()) / coefficients_[2] - square(t);
  return Square{square_root(coefficients_[2]), Asymptote(start_, {t, point(1)}), rest};
}

}  // namespace sigmax::graph
