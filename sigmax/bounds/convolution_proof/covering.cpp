#include "sigmax/bounds/convolution_proof/covering.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sigmax/bounds/matrix_proof/rounding.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

bool less(const TorusPoint& a, const TorusPoint& b) { return a.numerator < b.numerator; }

}  // namespace

TorusPoint canonical(const TorusPoint& t) {
  TorusPoint opposite = t;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t d = t.denominator[axis];
    opposite.numerator[axis] = (d - t.numerator[axis]) % d;
  }
  return less(opposite, t) ? opposite : t;
}

void make_unique(std::vector<TorusPoint>& points) {
  for (TorusPoint& t : points) t = canonical(t);
  std::sort(points.begin(), points.end(), less);
  points.erase(std::unique(points.begin(), points.end()), points.end());
}

Covering::Covering(const std::array<double, 3>& degree, double radius) : degree_(degree) {
  const auto active = std::count_if(degree.begin(), degree.end(), [](double d) { return d > 0; });
  has_diamond_ = active >= 2;
  int diamonds = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (!(degree[axis] > 0)) continue;
    const bool is_diamond = has_diamond_ && diamonds < 2;
    diamonds += is_diamond ? 1 : 0;
    kind_[axis] = is_diamond ? Kind::diamond : Kind::interval;
    // The product of the areas is largest with two thirds for the diamond.
    const double share = active == 3 ? (is_diamond ? 2.0 / 3 : 1.0 / 3) : 1.0;
    const double steps = std::ceil(kTurn * degree[axis] / (share * radius));
    denominator_[axis] = std::max<std::int64_t>(2, 2 * static_cast<std::int64_t>(std::ceil(steps / 2)));
  }
}

double Covering::count() const noexcept {
  double product = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (kind_[axis] == Kind::none) continue;
    product *= static_cast<double>(denominator_[axis]) * (kind_[axis] == Kind::interval ? 0.5 : 1.0);
  }
  return std::ceil(product / (has_diamond_ ? 4 : 2)) + 1;
}

// Diamonds: |d_1| / a_1 + |d_2| / a_2 <= 1, a = 2 pi / denominator, at the points whose numerators have an even sum.
// Intervals: half width 2 pi / denominator, at the even numerators.
std::vector<TorusPoint> Covering::centers() const {
  std::vector<TorusPoint> points;
  TorusPoint t;
  t.denominator = denominator_;
  for (std::int64_t i = 0; i < denominator_[0]; ++i) {
    for (std::int64_t j = 0; j < denominator_[1]; ++j) {
      for (std::int64_t k = 0; k < denominator_[2]; ++k) {
        t.numerator = {i, j, k};
        std::int64_t sum = 0;
        bool is_center = true;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          if (kind_[axis] == Kind::diamond) sum += t.numerator[axis];
          if (kind_[axis] == Kind::interval && t.numerator[axis] % 2 != 0) is_center = false;
        }
        if (is_center && sum % 2 == 0 && canonical(t) == t) points.push_back(t);
      }
    }
  }
  return points;
}

double Covering::extent(std::size_t axis) const noexcept {
  return degree_[axis] * round_up(kTurn / static_cast<double>(denominator_[axis]));
}

// In a diamond sum degree |d| is largest at a corner.
double Covering::radius() const noexcept {
  double of_diamond = 0;
  double sum = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (kind_[axis] == Kind::diamond) of_diamond = std::max(of_diamond, extent(axis));
    if (kind_[axis] == Kind::interval) sum += extent(axis);
  }
  return of_diamond + sum > 0 ? round_up(of_diamond + sum) : 0.0;
}

// A diamond consists of four of half its size, at half a half diagonal from its center; an interval of two.
std::vector<TorusPoint> Covering::split(const std::vector<TorusPoint>& cells) {
  double of_diamond = 0;
  std::size_t widest = 3;
  std::vector<std::size_t> plane;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (kind_[axis] == Kind::diamond) {
      of_diamond = std::max(of_diamond, extent(axis));
      plane.push_back(axis);
    }
    if (kind_[axis] == Kind::interval && (widest == 3 || extent(axis) > extent(widest))) widest = axis;
  }
  const bool of_interval = plane.empty() || (widest < 3 && extent(widest) > 0.5 * of_diamond);
  std::vector<TorusPoint> parts;
  const auto add = [&](TorusPoint t, std::size_t axis, std::int64_t step) {
    t.numerator[axis] += step;
    if (t.numerator[axis] < 0) t.numerator[axis] += t.denominator[axis];
    if (t.numerator[axis] >= t.denominator[axis]) t.numerator[axis] -= t.denominator[axis];
    parts.push_back(t);
  };
  const std::vector<std::size_t> axes = of_interval ? std::vector<std::size_t>{widest} : plane;
  for (const std::size_t axis : axes) denominator_[axis] *= 2;
  for (const TorusPoint& cell : cells) {
    TorusPoint t = cell;
    for (const std::size_t axis : axes) {
      t.denominator[axis] *= 2;
      t.numerator[axis] *= 2;
    }
    for (const std::size_t axis : axes) {
      add(t, axis, 1);
      add(t, axis, -1);
    }
  }
  make_unique(parts);
  return parts;
}

}  // namespace sigmax::bounds
