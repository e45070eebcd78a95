#include "sigmax/bounds/induced_proof/interpolation.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/bounds/induced_proof/line_norms.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/powers.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

// (1/p, 1/q), with an upper bound of the norm there.
struct Known {
  double a = 0;
  double b = 0;
  Bounded norm;
};

Known at_column(const NearMatrix& m, double b, Context& context) {
  const double q = b > 0 ? std::max(1.0, 1 / b) : kInfinity;
  return {1, 1 / q, {largest_line(m, Line::column, q, context).norm.upper, 0}};
}

// |M|_{p->inf} is the largest p*-norm of a row, 1/p* = 1 - a.
Known at_row(const NearMatrix& m, double a, Context& context) {
  const double r = a < 1 ? std::max(1.0, 1 / (1 - a)) : kInfinity;
  return {1 - 1 / r, 0, {largest_line(m, Line::row, r, context).norm.upper, 0}};
}

// n^x from above for a small x >= 0, given by a number that is wrong by at most 2^-48: 1 + 2 y >= e^y for y <= 1, and
// log n <= log2 n < ilogb(n) + 1.
double small_power(std::int64_t n, double x) {
  return 1 + 2 * (x + 0x1p-48) * (std::ilogb(static_cast<double>(n)) + 1);
}

// first^(1 - theta) second^theta. The exponents of the two points are those of exact norms, and a weight theta that is
// a multiple of 2^-50 makes a point that differs from (a, b) by rounding alone. A norm changes by at most n^|1/p -
// 1/p'| m^|1/q - 1/q'| between points.
Bounded on_chord(const NearMatrix& m, double a, double b, const Known& first, const Known& second, double weight) {
  const double theta = std::round(std::clamp(weight, 0.0, 1.0) * 0x1p50) * 0x1p-50;
  const double off_a = std::fabs((1 - theta) * first.a + theta * second.a - a);
  const double off_b = std::fabs((1 - theta) * first.b + theta * second.b - b);
  if (!(off_a < 0x1p-40) || !(off_b < 0x1p-40)) return {kInfinity, 0};
  if (first.norm.upper == 0 || second.norm.upper == 0) return {0, first.norm.failure + second.norm.failure};
  const double ratio = round_up(second.norm.upper / first.norm.upper);
  const double between = round_up(first.norm.upper * power_range(ratio, theta).upper);
  const double moved = round_up(small_power(m.columns, off_a) * small_power(m.rows, off_b));
  return {round_up(between * moved), first.norm.failure + second.norm.failure};
}

// The point on the ray from 2 -> 2 through (a, b) where a = 1 or b = 0.
Bounded from_center(const NearMatrix& m, double a, double b, const Bounded& sigma, Context& context) {
  const Known center{0.5, 0.5, sigma};
  if (a == 0.5 && b == 0.5) return sigma;
  const double to_columns = a > 0.5 ? 0.5 / (a - 0.5) : kInfinity;
  const double to_rows = b < 0.5 ? 0.5 / (0.5 - b) : kInfinity;
  const double length = std::min(to_columns, to_rows);
  const Known end = to_columns <= to_rows ? at_column(m, std::clamp(0.5 + length * (b - 0.5), 0.0, 1.0), context)
                                          : at_row(m, std::clamp(0.5 + length * (a - 0.5), 0.0, 1.0), context);
  return on_chord(m, a, b, center, end, 1 / length);
}

Bounded smaller(const Bounded& x, const Bounded& y) { return x.upper <= y.upper ? x : y; }

// p <= q.
Bounded convex(const NearMatrix& m, double p, double q, const std::optional<Bounded>& sigma, Context& context) {
  const double a = 1 / p;
  const double b = 1 / q;
  if (p == 1) return {largest_line(m, Line::column, q, context).norm.upper, 0};
  if (q == kInfinity) return {largest_conjugate_line(m, Line::row, p, context).norm.upper, 0};
  Bounded best{kInfinity, 0};
  if (sigma) best = from_center(m, a, b, *sigma, context);
  const Known one = at_column(m, 1, context);
  best = smaller(best, on_chord(m, a, b, one, at_row(m, 1 - (1 - a) / (1 - b), context), 1 - b));
  if (p == q) return best;
  const Known infinity = at_row(m, 0, context);
  return smaller(best, on_chord(m, a, b, infinity, at_column(m, b / a, context), a));
}

}  // namespace

Bounded interpolated_upper_bound(const NearMatrix& m, double p, double q, const std::optional<Bounded>& sigma,
                                 Context& context) {
  const FloatingEnvironment environment;
  if (m.is_zero) return {};
  if (p <= q) return convex(m, p, q, sigma, context);
  // 1/q - 1/p from above, as a multiple of 2^-50.
  const double distance = std::ceil((1 / q - 1 / p) * 0x1p50 + 2) * 0x1p-50;
  Bounded by_rows = convex(m, p, p, sigma, context);
  Bounded by_columns = convex(m, q, q, sigma, context);
  by_rows.upper = round_up(by_rows.upper * power_range(static_cast<double>(m.rows), distance).upper);
  by_columns.upper = round_up(by_columns.upper * power_range(static_cast<double>(m.columns), distance).upper);
  return smaller(by_rows, by_columns);
}

}  // namespace sigmax::bounds
