// A covering of the torus by cells in which the symbol changes little. Internal to bounds/.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sigmax/bounds/convolution_proof/symbol.hpp"

namespace sigmax::bounds {

/// Cells of one size. What counts is the radius, the largest sum over the axes of degree_a |t_a - center_a|: on the
/// first two axes of positive degree cells are diamonds, which tile the plane and are the balls of that norm; on others
/// they are intervals. F(-t) is the conjugate of F(t), so one of two opposite cells is enough.
class Covering {
 public:
  /// Cells of about this radius, or less.
  Covering(const std::array<double, 3>& degree, double radius);

  /// How many cells that will be, about: before they are made.
  double count() const noexcept;

  /// All cells. Afterwards only split() changes them.
  std::vector<TorusPoint> centers() const;

  /// At least the radius of the cells; 0 if there is one cell, of a symbol that does not depend on t.
  double radius() const noexcept;

  /// The parts of these cells, whose radius must be positive; the covering is then that of the smaller cells.
  /// Denominators double.
  std::vector<TorusPoint> split(const std::vector<TorusPoint>& cells);

 private:
  enum class Kind { none, diamond, interval };
  double extent(std::size_t axis) const noexcept;

  std::array<double, 3> degree_;
  std::array<Kind, 3> kind_{Kind::none, Kind::none, Kind::none};
  std::array<std::int64_t, 3> denominator_{1, 1, 1};
  bool has_diamond_ = false;
};

/// The one of t and -t that stands for both.
TorusPoint canonical(const TorusPoint& t);

/// Sorted, without repetitions.
void make_unique(std::vector<TorusPoint>& points);

}  // namespace sigmax::bounds
