#include "sigmax/bounds/convolution_proof/supremum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

constexpr std::int64_t kSingleFrom = 64;  // order from which float may be faster
// The first radius relative to the one that a typical value lets a cell have. A cell that is not refuted costs four
// more, so most should be, although values vary: measured on Gaussian kernels of 64 to 512 channels.
constexpr double kShareOfTypical = 0.62;

// At most cos(x) for 0 <= x <= pi / 2: a partial sum of the series that ends with a negative term, less its rounding.
double cosine_below(double x) {
  const double square = x * x;
  double sum = 1;
  for (int k = 18; k >= 2; k -= 2) sum = 1 - square / static_cast<double>(k * (k - 1)) * sum;
  return sum - 0x1p-49;
}

// At which points |F(t)|^2 <= `square` is proven, in pieces of work of a fixed size.
std::vector<char> at_most(const GramPolynomial& g, std::span<const TorusPoint> points, double square, bool single,
                          Budget& budget, Context& context) {
  std::vector<char> passed(points.size(), 0);
  const std::size_t piece = points_in_piece(g.order());
  context.parallel_for((points.size() + piece - 1) / piece, [&](std::size_t index) {
    context.check_cancel();
    const std::size_t first = index * piece;
    const std::size_t count = std::min(piece, points.size() - first);
    const std::vector<double> limits(count, square);
    const std::span<char> results(passed.data() + first, count);
    if (single) {
      g.at_most<float>(points.subspan(first, count), limits, results, context);
    } else {
      g.at_most<double>(points.subspan(first, count), limits, results, context);
    }
  });
  budget.points += static_cast<std::int64_t>(points.size());
  budget.flops += static_cast<double>(points.size()) * g.flops_of_point();
  return passed;
}

std::vector<Top> tops_at(const GramPolynomial& g, std::span<const TorusPoint> points, double tolerance, int steps,
                         Context& context) {
  std::vector<Top> tops(points.size());
  context.parallel_for(points.size(),
                       [&](std::size_t i) { tops[i] = top_at(g, points[i], nullptr, tolerance, steps); });
  return tops;
}

std::vector<TorusPoint> thinned(const std::vector<TorusPoint>& points, std::size_t most) {
  if (points.size() <= most) return points;
  std::vector<TorusPoint> some;
  for (std::size_t i = 0; i < most; ++i) some.push_back(points[i * points.size() / most]);
  return some;
}

// What is known of the largest value so far.
struct Best {
  Range range;

  void look_at(const GramPolynomial& g, std::size_t group, Top top) {
    const double lower = quotient_below(g.symbol(), top.at, top.vector);
    if (lower > range.lower || range.top.vector.re.empty()) {
      range.lower = larger_of(lower, range.lower);
      range.top = std::move(top);
      range.group = group;
    }
  }
};

// The highest of some points, after a climb; and the median of what they show.
double search(const GramPolynomial& g, std::size_t group, std::vector<TorusPoint> points, std::size_t climbs,
              double tolerance, Best& best, Context& context) {
  std::vector<Top> tops = tops_at(g, points, 1e-2, 10, context);
  std::stable_sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.norm > b.norm; });
  const double median = tops[tops.size() / 2].norm;
  for (std::size_t i = 0; i < std::min(climbs, tops.size()); ++i) {
    best.look_at(g, group, climb(g, std::move(tops[i]), tolerance, context));
  }
  return median;
}

// S_g <= `upper`: every cell that could hold a larger maximum is refuted.
//   while cells: those with |F(center)| small enough for upper and the radius are done; the others are split
class Branching {
 public:
  Branching(const GramPolynomial& g, std::size_t group, double width, Budget& budget, Context& context)
      : g_(g), group_(group), width_(width), budget_(budget), context_(context) {}

  void run(Best& best) {
    const double typical = search_starts(best);
    double& upper = best.range.upper;
    raise(best);
    if (g_.symbol().spread <= upper) return;
    Covering covering = first_cells(typical / upper);
    // A width that is out of reach: the least multiple of it by a power of two whose cells the budget allows.
    while (!blas_supports_proofs() || covering.count() > kMostCells ||
           !budget_.allows(covering.count() * g_.flops_of_point())) {
      width_ *= 2;
      raise(best);
      if (!blas_supports_proofs() || !(width_ < kWidest) || g_.symbol().spread <= upper) {
        upper = g_.symbol().spread;
        return;
      }
      covering = first_cells(typical / upper);
    }
    std::vector<TorusPoint> cells = covering.centers();
    for (int level = 0; !cells.empty(); ++level) {
      const std::vector<TorusPoint> left = refute(cells, covering.radius(), upper);
      if (left.empty()) return;
      const double parts = 4 * static_cast<double>(left.size());
      const bool can_split = covering.radius() > 0 && level < kMostLevels && parts <= kMostCells;
      if (!can_split || !budget_.allows(parts * g_.flops_of_point())) {
        give_up(left, covering.radius(), upper);
        return;
      }
      look_closer(left, best);
      raise(best);
      cells = covering.split(left);
    }
  }

 private:
  // 2^-30 of the first radius is below what widths ask for; denominators stay below 2^45.
  static constexpr int kMostLevels = 30;
  // Cells in memory, 48 bytes each.
  static constexpr double kMostCells = 0x1p22;
  static constexpr double kWidest = 1e3;

  // As large as a typical |F| lets them be, and not too many of them.
  Covering first_cells(double ratio) const {
    double radius = std::clamp(kShareOfTypical * std::acos(smaller_of(0.98, ratio)), 0.05, 1.2);
    Covering covering(g_.symbol().degree, radius);
    while (covering.count() > 0.25 * kMostCells && radius < 1.2) {
      radius = std::min(1.2, 1.25 * radius);
      covering = Covering(g_.symbol().degree, radius);
    }
    return covering;
  }

  double search_starts(Best& best) {
    std::vector<TorusPoint> starts = Covering(g_.symbol().degree, g_.order() < kSingleFrom ? 0.8 : 1.1).centers();
    starts = thinned(starts, 64);
    const double typical = search(g_, group_, starts, 2, tolerance(), best, context_);
    budget_.flops += static_cast<double>(starts.size()) * 10 * 8 * static_cast<double>(g_.order() * g_.order());
    return typical;
  }

  double tolerance() const { return 0.03 * width_; }

  void raise(Best& best) const {
    best.range.upper = larger_of(best.range.upper, round_up(best.range.lower * (1 + 0.95 * width_)));
  }

  // |F(center)|^2 <= upper^2 cos^2 r by M. Riesz, or upper^2 - 2 r variation: a nearly constant G needs large cells.
  std::vector<TorusPoint> refute(const std::vector<TorusPoint>& cells, double radius, double upper) {
    const double cosine = radius < 1.57 ? cosine_below(radius) : 0.0;
    const double below = round_down(upper * larger_of(cosine, 0.0));
    const double square = round_down(upper * upper);
    const double nearby = round_down(square - round_up(2 * radius * g_.variation()));
    const double limit = larger_of(round_down(below * below), nearby);
    if (!(limit > 0)) return cells;
    // Float where its rounding takes a quarter of the room; up to two thirds, it is worth trying before double.
    const double error = g_.has_single() ? g_.relative_error<float>(limit) : 1.0;
    const double room = 1 - limit / square;
    std::vector<TorusPoint> left = cells;
    if (error <= 0.66 * room) left = remaining(left, limit, true);
    if (error > 0.25 * room) left = remaining(left, limit, false);
    return left;
  }

  // `limit`: of |F|^2
  std::vector<TorusPoint> remaining(const std::vector<TorusPoint>& cells, double limit, bool single) {
    const std::vector<char> passed = at_most(g_, cells, limit, single, budget_, context_);
    std::vector<TorusPoint> left;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (passed[i] == 0) left.push_back(cells[i]);
    }
    return left;
  }

  // A larger value than the best must show itself at the centers of the cells that stay.
  void look_closer(const std::vector<TorusPoint>& left, Best& best) {
    const std::size_t most = g_.order() < kSingleFrom ? 48 : 12;
    std::vector<Top> tops = tops_at(g_, thinned(left, most), 1e-3, 16, context_);
    const auto highest =
        std::max_element(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.norm < b.norm; });
    if (highest->norm > best.range.lower * (1 + 0.1 * width_)) {
      best.look_at(g_, group_, climb(g_, std::move(*highest), tolerance(), context_));
    }
  }

  // The budget ends here: the least of a series of upper ends that refutes the cells that are left, or the spread.
  void give_up(std::vector<TorusPoint> left, double radius, double& upper) {
    const double spread = g_.symbol().spread;
    for (double excess = width_; excess < 1e3 && !left.empty(); excess *= 4) {
      const double raised = round_up(upper * (1 + excess));
      if (raised >= spread) break;
      left = refute(left, radius, raised);
      if (left.empty()) {
        upper = raised;
        return;
      }
    }
    upper = larger_of(upper, spread);
  }

  const GramPolynomial& g_;
  std::size_t group_;
  double width_;  // grows where the budget does not allow what is asked for
  Budget& budget_;
  Context& context_;
};

// Groups by descending spread: the first is likely to have the largest value, which refutes the others quickly.
std::vector<std::size_t> by_spread(const Symbols& symbols) {
  std::vector<std::size_t> order(symbols.groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return symbols.groups[a].spread > symbols.groups[b].spread; });
  return order;
}

// The smallest eigenvalue of G(t) and its vector, by LAPACK from the real form of twice the order.
struct Least {
  double value = 0;
  ComplexVector vector;
};

Least least_at(const GramPolynomial& g, const TorusPoint& t) {
  const SerialBlas serial;
  const std::int64_t n = g.order();
  std::vector<double> re, im;
  g.value(t, re, im);
  Matrix<double> real(2 * n, 2 * n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i + j * n);
      real(i, j) = real(n + i, n + j) = re[at];
      real(n + i, j) = im[at];
      real(i, n + j) = -im[at];
    }
  }
  const auto eigen = lapack::symmetric_eigen(std::move(real));
  Least least;
  least.value = eigen.values.front();
  const std::span<const double> x = eigen.vectors.column(0);
  least.vector.re.assign(x.begin(), x.begin() + n);
  least.vector.im.assign(x.begin() + n, x.end());
  return least;
}

// False where the budget does not allow the proof.
bool all_at_least(const GramPolynomial& g, std::span<const TorusPoint> points, double limit, Budget& budget,
                  Context& context) {
  if (!budget.allows(static_cast<double>(points.size()) * g.flops_of_point())) return false;
  std::vector<char> passed(points.size(), 0);
  const std::size_t piece = points_in_piece(g.order());
  context.parallel_for((points.size() + piece - 1) / piece, [&](std::size_t index) {
    context.check_cancel();
    const std::size_t first = index * piece;
    const std::size_t count = std::min(piece, points.size() - first);
    const std::vector<double> limits(count, limit);
    g.at_least(points.subspan(first, count), limits, std::span<char>(passed.data() + first, count), context);
  });
  budget.points += static_cast<std::int64_t>(points.size());
  budget.flops += static_cast<double>(points.size()) * g.flops_of_point();
  return std::all_of(passed.begin(), passed.end(), [](char one) { return one != 0; });
}

// The index of the point of a grid next to t.
std::size_t nearest(std::span<const TorusPoint> points, const TorusPoint& t) {
  std::size_t best = 0;
  double least = kInfinity;
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (const TorusPoint& candidate : {t, canonical(t)}) {
      double distance = 0;
      for (std::size_t a = 0; a < 3; ++a) {
        const double d = static_cast<double>(points[i].numerator[a]) / static_cast<double>(points[i].denominator[a]) -
                         static_cast<double>(candidate.numerator[a]) / static_cast<double>(candidate.denominator[a]);
        const double wrapped = d - std::round(d);
        distance += wrapped * wrapped;
      }
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
  }
  return best;
}

}  // namespace

namespace {

constexpr double kMostBytes = 0x1p33;  // of the coefficients of one symbol

// Whether the coefficients of the symbol may be formed; their flops are taken from the budget.
bool may_form(const Symbol& f, Budget& budget) {
  const GramPolynomial::Cost cost = GramPolynomial::cost(f);
  if (!budget.allows(cost.flops) || cost.bytes > kMostBytes) return false;
  budget.flops += cost.flops;
  return true;
}

// Without coefficients: the ends that the taps alone give.
void look_from_afar(const Symbol& f, std::size_t group, Best& best) {
  Top top;
  top.vector.re.assign(static_cast<std::size_t>(f.columns), 1.0);
  top.vector.im.assign(static_cast<std::size_t>(f.columns), 0.0);
  const double lower = quotient_below(f, top.at, top.vector);
  if (lower > best.range.lower || best.range.top.vector.re.empty()) {
    best.range.lower = larger_of(lower, best.range.lower);
    best.range.top = std::move(top);
    best.range.group = group;
  }
  best.range.upper = larger_of(best.range.upper, f.spread);
}

}  // namespace

Range supremum(const Symbols& symbols, double relative_width, Budget& budget, Context& context) {
  const SerialBlas serial;
  Best best;
  for (const std::size_t group : by_spread(symbols)) {
    const Symbol& f = symbols.groups[group];
    if (f.spread <= best.range.upper) break;
    if (!may_form(f, budget)) {
      look_from_afar(f, group, best);
      continue;
    }
    const GramPolynomial g(f, f.columns >= kSingleFrom && single_blas_supports_proofs(), context);
    Branching(g, group, relative_width, budget, context).run(best);
  }
  return best.range;
}

// upper <- best (1 + width);  the points that are not proven to be below: their norms, best <- the largest, again
Range largest_on(const Symbols& symbols, std::span<const TorusPoint> points, const Range* near, double relative_width,
                 double enough, Budget& budget, Context& context) {
  const SerialBlas serial;
  Best best;
  for (const std::size_t group : by_spread(symbols)) {
    const Symbol& f = symbols.groups[group];
    if (f.spread <= best.range.upper) break;
    if (!may_form(f, budget)) {
      best.range.upper = f.spread;
      continue;
    }
    const GramPolynomial g(f, false, context);
    if (!blas_supports_proofs() || !budget.allows(static_cast<double>(points.size()) * g.flops_of_point())) {
      best.range.upper = f.spread;
      continue;
    }
    std::vector<TorusPoint> left(points.begin(), points.end());
    if (near != nullptr && near->group == group) {
      best.look_at(g, group, top_at(g, points[nearest(points, near->top.at)], &near->top.vector, 1e-9, 200));
    }
    double width = relative_width;
    // Each pass finds the largest of up to 64 points that are left, so it removes at least one, except where rounding
    // keeps a point from passing: then the width grows.
    for (int pass = 0; !left.empty(); ++pass) {
      if (pass > 0 || best.range.lower == 0) {
        std::vector<Top> tops = tops_at(g, thinned(left, 64), 1e-9, 200, context);
        for (Top& top : tops) best.look_at(g, group, std::move(top));
      }
      if (best.range.lower > enough) {
        best.range.upper = kInfinity;
        return best.range;
      }
      if (pass >= 8) width *= 2;
      if (pass == 80) {
        best.range.upper = larger_of(best.range.upper, f.spread);
        break;
      }
      best.range.upper = larger_of(best.range.upper, round_up(best.range.lower * (1 + 0.9 * width)));
      const std::vector<char> passed =
          at_most(g, left, round_down(best.range.upper * best.range.upper), false, budget, context);
      std::vector<TorusPoint> next;
      for (std::size_t i = 0; i < left.size(); ++i) {
        if (passed[i] == 0) next.push_back(left[i]);
      }
      left = std::move(next);
    }
  }
  return best.range;
}

// lower^2 <- the least eigenvalue that is seen, less an allowance;  until all points are proven to be above
Range smallest_on(const Symbols& symbols, std::span<const TorusPoint> points, Budget& budget, Context& context) {
  const SerialBlas serial;
  Range result{kInfinity, kInfinity, {}, 0};
  for (std::size_t group = 0; group < symbols.groups.size(); ++group) {
    const Symbol& f = symbols.groups[group];
    // About the flops of all eigenvalues and vectors of the real forms, of order 2 n.
    const double n = static_cast<double>(f.columns);
    const double search = 72 * n * n * n * static_cast<double>(points.size());
    if (!budget.allows(search) || !may_form(f, budget)) {
      result.lower = 0;
      result.upper = smaller_of(result.upper, f.spread);
      continue;
    }
    budget.flops += search;
    const GramPolynomial g(f, false, context);
    std::vector<Least> least(points.size());
    context.parallel_for(points.size(), [&](std::size_t i) {
      context.check_cancel();
      least[i] = least_at(g, points[i]);
    });
    std::size_t at = 0;
    for (std::size_t i = 1; i < points.size(); ++i) {
      if (least[i].value < least[at].value) at = i;
    }
    result.upper = smaller_of(result.upper, quotient_above(f, points[at], least[at].vector));
    double lower = 0;
    if (blas_supports_proofs()) {
      const double value = least[at].value;
      // From close to the value down to far below it: each attempt that fails costs one pass.
      for (const double share : {1 - 1e-9, 1 - 1e-6, 1 - 1e-3, 0.5}) {
        const double limit = value * share - 1e-9 * f.spread * f.spread * (1 - share);
        if (!(limit > 0)) continue;
        if (!all_at_least(g, points, limit, budget, context)) continue;
        lower = round_down(std::sqrt(limit));
        break;
      }
    }
    result.lower = smaller_of(result.lower, lower);
  }
  return result;
}

}  // namespace sigmax::bounds
