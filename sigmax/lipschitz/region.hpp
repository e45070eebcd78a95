// Points of a domain for searches: drawn ones, and others moved into it. Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "sigmax/lipschitz/domain.hpp"

namespace sigmax::lipschitz {

/// |x|_2, about.
double length_of(const std::vector<double>& x);

/// The vector divided by its length, which is returned; zero or not finite: left as it is.
double normalize(std::vector<double>& x);

/// x + step direction
std::vector<double> stepped(const std::vector<double>& x, double step, const std::vector<double>& direction);

class Region {
 public:
  /// The intersection of a domain with a box, empty: all space. A ball's center must lie in the box.
  Region(Domain domain, graph::Box box, std::int64_t size, const RandomState& random);

  std::vector<double> normal();
  /// In [0, 1).
  double uniform();

  bool is_bounded() const;

  /// The radius; 0.1 to 30, drawn, where there is none.
  double scale();

  std::vector<double> draw();

  /// The center of the ball, or of the ball around a box; nothing where there is none.
  std::optional<std::vector<double>> center() const;

  /// A point near x that is in the region for certain: rounding of the distance from a ball's center is counted.
  std::vector<double> inside(std::vector<double> x) const;

 private:
  Domain domain_;
  graph::Box box_;
  Ball ball_;
  RandomState state_;
};

}  // namespace sigmax::lipschitz
