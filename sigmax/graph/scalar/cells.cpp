// On an interval I where f'' has one sign, f' lies between its values at the ends. Elsewhere it lies in the enclosure
// by the rules of differentiation, and in f'(c) + f''(I) (I - c) for the middle c, whose excess is of second order in
// the width. So cells without a sign of f'' are halved, and around a simple zero of f'' only a few remain at each
// width: 1e-10 takes about 17 halvings. Values likewise, with f' instead of f''.
#include "sigmax/graph/scalar/cells.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/scalar/jet.hpp"
#include "sigmax/graph/scalar/tail.hpp"

namespace sigmax::graph {
namespace {

// Evaluations for each power of 2 at most: functions take 10 to 100, with kinks or much cancellation more. Most
// functions have their extreme slopes near 0.
constexpr int kNearEvaluations = 1000;
constexpr int kFarEvaluations = 200;
constexpr double kNear = 4;
constexpr int kLastOctave = 20;  // a tail begins at 2^20 at most

bool has_sign(const Interval& a) { return a.least >= 0 || a.greatest <= 0; }

bool too_narrow(const Interval& place) {
  return width(place) <= 0x1p-46 * std::max(magnitude(place), 0x1p-10) || !(middle(place) > place.least) ||
         !(middle(place) < place.greatest);
}

/// The least power of 2 from where a tail is close; 8 if there is none.
double start_of_tail(const Expression& f, bool mirrored, const Tolerance& tolerance) {
  for (int octave = 0; octave <= kLastOctave; ++octave) {
    const double start = std::ldexp(1, octave);
    if (measure_tail(f, start, mirrored, tolerance).close) return start;
  }
  return 8;
}

}  // namespace

Cell measure(const Expression& f, const Interval& place, const Tolerance& tolerance) {
  Cell cell{place};
  const Jet all = jet(f, place);
  const Jet center = jet(f, point(middle(place)));
  cell.hopeless = !center.defined;
  if (!all.defined) return cell;
  cell.slopes = all.first;
  cell.range = all.value;
  const Interval distance = place - point(middle(place));
  // has_sign is false for all numbers, which stand for a kink or a jump.
  cell.monotone = has_sign(all.second);
  const bool ends = cell.monotone || has_sign(all.first);
  const Jet left = ends ? jet(f, point(place.least)) : Jet{};
  const Jet right = ends ? jet(f, point(place.greatest)) : Jet{};
  if (cell.monotone) {
    cell.slopes = common(cell.slopes, hull(left.first, right.first));
  } else if (is_bounded(all.second)) {
    cell.slopes = common(cell.slopes, center.first + all.second * distance);
  }
  if (has_sign(cell.slopes) && ends) {
    cell.range = common(cell.range, hull(left.value, right.value));
  } else if (is_bounded(cell.slopes)) {
    cell.range = common(cell.range, center.value + cell.slopes * distance);
  }
  const bool slopes_close = is_bounded(cell.slopes) && (cell.monotone || width(cell.slopes) <= tolerance.slope);
  const bool range_close = (has_sign(cell.slopes) && ends) || width(cell.range) <= tolerance.value;
  cell.close = slopes_close && range_close;
  return cell;
}

Cell measure_tail(const Expression& f, double start, bool mirrored, const Tolerance& tolerance) {
  const TailEnclosure all = tail(f, start, mirrored);
  Cell cell{mirrored ? Interval{-kInfinity, -start} : Interval{start, kInfinity}, all.first, all.value};
  if (is_bounded(cell.slopes)) {
    const Interval distance = mirrored ? Interval{-kInfinity, 0} : Interval{0, kInfinity};
    const Jet end = jet(f, point(mirrored ? -start : start));
    if (end.defined) cell.range = common(cell.range, end.value + cell.slopes * distance);
  }
  // Interval arithmetic with an infinite end knows less of limits, but e^x > 0 it knows.
  const Jet plain = jet(f, cell.place);
  if (plain.defined) {
    cell.slopes = common(cell.slopes, plain.first);
    cell.range = common(cell.range, plain.value);
  }
  // Slopes that decay like 1/x^2 would need 2^17 for the tolerance of cells.
  constexpr double kLooser = 1000;
  cell.close = is_bounded(cell.slopes) && width(cell.slopes) <= kLooser * tolerance.slope;
  return cell;
}

void cut(const Expression& f, const Interval& place, const Tolerance& tolerance, int most, std::vector<Cell>& cells,
         const Interval& slopes) {
  const auto known = [&](const Interval& part) {
    Cell cell = measure(f, part, tolerance);
    cell.slopes = common(cell.slopes, slopes);
    cell.close = cell.close || (width(cell.slopes) <= tolerance.slope && width(cell.range) <= tolerance.value);
    return cell;
  };
  const auto done = [](const Cell& cell) { return cell.close || cell.hopeless || too_narrow(cell.place); };
  // Width after width, so that no part is left far behind when the evaluations are spent. A pass halves all that is not
  // done, so there are no more passes than halvings to the narrowest cell.
  std::vector<Cell> current = {known(place)};
  for (bool halved = true; halved;) {
    halved = false;
    std::vector<Cell> next;
    for (const Cell& cell : current) {
      if (done(cell) || most <= 0) {
        next.push_back(cell);
        continue;
      }
      const double half = middle(cell.place);
      next.push_back(known({cell.place.least, half}));
      next.push_back(known({half, cell.place.greatest}));
      most -= 2;
      halved = true;
    }
    current = std::move(next);
  }
  cells.insert(cells.end(), current.begin(), current.end());
}

Tolerance tolerance_of(const Expression& f) {
  double slope = 0;
  double value = 0;
  for (int octave = -3; octave <= 3; ++octave) {
    for (const double sign : {-1.0, 1.0}) {
      const double x = sign * std::ldexp(1.0, octave);
      const double slope_here = std::fabs(f.derivative(x));
      const double value_here = std::fabs(f.value(x) - f.value(0));
      if (std::isfinite(slope_here)) slope = std::max(slope, slope_here);
      if (std::isfinite(value_here)) value = std::max(value, value_here);
    }
  }
  return {slope > 0 ? 1e-10 * slope : 1e-10, value > 0 ? 1e-10 * value : 1e-10};
}

std::vector<Cell> cut_line(const Expression& f) {
  const Tolerance tolerance = tolerance_of(f);
  const double left = start_of_tail(f, true, tolerance);
  const double right = start_of_tail(f, false, tolerance);
  std::vector<double> ends = {0};
  for (double end = 1; end <= right; end *= 2) ends.push_back(end);
  for (double end = 1; end <= left; end *= 2) ends.insert(ends.begin(), -end);
  std::vector<Cell> cells = {measure_tail(f, left, true, tolerance)};
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    // What holds on a half line holds on its part, and far out it is closer than the rules of differentiation are.
    const bool mirrored = ends[i + 1] <= 0;
    const double start = mirrored ? -ends[i + 1] : ends[i];
    const Interval slopes = start >= 1 ? tail(f, start, mirrored).first : kAllNumbers;
    cut(f, {ends[i], ends[i + 1]}, tolerance, start < kNear ? kNearEvaluations : kFarEvaluations, cells, slopes);
  }
  cells.push_back(measure_tail(f, right, false, tolerance));
  return cells;
}

}  // namespace sigmax::graph
