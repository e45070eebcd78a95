#include "sigmax/bounds/convolution_proof/supremum.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/bounds/convolution_proof/climb.hpp"
#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/convolution_proof/top_vector.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

// The first radius relative to the one that a typical value lets a cell have. A cell that is not refuted costs four
// more, so most should be, although values vary: measured on Gaussian kernels of 64 to 512 channels.
constexpr double kShareOfTypical = 0.7;

// At most cos(x) for 0 <= x <= pi / 2: a partial sum of the series that ends with a negative term, less its rounding.
double cosine_below(double x) {
  const double square = x * x;
  double sum = 1;
  for (int k = 18; k >= 2; k -= 2) sum = 1 - square / static_cast<double>(k * (k - 1)) * sum;
  return sum - 0x1p-49;
}

// What one of several climbs may take: the proof needs most of the budget.
double share_of_climb(const Budget& budget, std::size_t climbs) {
  return 0.25 * (budget.most_flops - budget.flops) / static_cast<double>(climbs);
}

// The highest of some points, after a climb; and the median of what they show.
double search(const GramPolynomial& g, std::size_t group, std::vector<TorusPoint> points, std::size_t climbs,
              double tolerance, Best& best, Budget& budget, Context& context) {
  constexpr int kSteps = 10;
  const double affordable = 0.25 * (budget.most_flops - budget.flops) / flops_of_top(g, kSteps);
  if (affordable < static_cast<double>(points.size())) {
    points = thinned(points, static_cast<std::size_t>(larger_of(affordable, 1.0)));
  }
  std::vector<Top> tops = tops_at(g, points, 1e-2, kSteps, context);
  for (Top& top : tops) budget.flops += std::exchange(top.flops, 0.0);
  std::stable_sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.norm > b.norm; });
  const double median = tops[tops.size() / 2].norm;
  tops.resize(std::min(climbs, tops.size()));
  const double share = share_of_climb(budget, tops.size());
  context.parallel_for(tops.size(),
                       [&](std::size_t i) { tops[i] = climb(g, std::move(tops[i]), tolerance, share, context); });
  for (Top& top : tops) {
    budget.flops += top.flops;
    best.look_at(g.symbol(), group, std::move(top));
  }
  return median;
}

// S_g <= `upper`: every cell that could hold a larger maximum is refuted.
//   while cells: those with |F(center)| small enough for upper and the radius are done; the others are split
// The first limit decides how much work that is: a maximum that is missed at first makes cells smaller, or lets more of
// them through. So the search before it covers the torus at half the distance over which |F| changes.
class Branching {
 public:
  Branching(const GramPolynomial& g, std::size_t group, double width, Budget& budget, Context& context)
      : g_(g), group_(group), width_(width), budget_(budget), context_(context) {
    // One factorization proves a constant symbol, whatever the width; this is close to what its rounding allows.
    const auto& degree = g.symbol().degree;
    if (std::all_of(degree.begin(), degree.end(), [](double d) { return d == 0; })) width_ = std::min(width, 1e-9);
  }

  void run(Best& best) {
    const double typical = search_starts(best);
    double& upper = best.range.upper;
    raise(best);
    if (g_.symbol().spread <= upper) return;
    Covering covering = first_cells(typical / upper);
    // A width that is out of reach: the least multiple of it by a power of two whose cells the budget allows.
    while (covering.count() > kMostCells || !budget_.allows(covering.count() * flops_of_cell())) {
      width_ *= 2;
      raise(best);
      if (!(width_ < kWidest) || g_.symbol().spread <= upper) {
        upper = g_.symbol().spread;
        return;
      }
      covering = first_cells(typical / upper);
    }
    std::vector<TorusPoint> cells = covering.centers();
    for (int level = 0; !cells.empty(); ++level) {
      std::vector<TorusPoint> left = refute(cells, covering.radius(), upper);
      if (left.empty()) return;
      const double parts = 4 * static_cast<double>(left.size());
      const bool can_split = covering.radius() > 0 && level < kMostLevels && parts <= kMostCells;
      if (!can_split || !budget_.allows(parts * flops_of_cell())) {
        give_up(left, covering.radius(), upper);
        return;
      }
      const double before = upper;
      look_closer(left, best);
      raise(best);
      // With a limit that grew by much of the room in a cell, most of what is left may go at a quarter of the cost.
      const double room = 1 - std::cos(std::min(covering.radius(), 1.5));
      if (upper > before * (1 + 0.1 * room)) left = refute(left, covering.radius(), upper);
      cells = covering.split(left);
    }
  }

 private:
  // 2^-30 of the first radius is below what widths ask for; denominators stay below 2^45.
  static constexpr int kMostLevels = 30;
  // Cells in memory, 48 bytes each.
  static constexpr double kMostCells = 0x1p22;
  static constexpr double kWidest = 1e3;
  // Each cell may be factored twice, in float and in double.
  double flops_of_cell() const { return (g_.has_single() ? 4 : 2) * g_.flops_of_point(); }

  // As large as a typical |F| lets them be, and not too many of them.
  Covering first_cells(double ratio) const {
    double radius = std::clamp(kShareOfTypical * std::acos(smaller_of(0.99, ratio)), 0.05, 1.2);
    Covering covering(g_.symbol().degree, radius);
    while (covering.count() > 0.25 * kMostCells && radius < 1.2) {
      radius = std::min(1.2, 1.25 * radius);
      covering = Covering(g_.symbol().degree, radius);
    }
    return covering;
  }

  double search_starts(Best& best) {
    const bool is_small = g_.order() < kSingleFrom;
    double radius = is_small ? 0.8 : 0.5;
    Covering covering(g_.symbol().degree, radius);
    for (; covering.count() > 0.25 * kMostCells; radius *= 1.25) covering = Covering(g_.symbol().degree, radius);
    // With many taps a share of their many cells, which costs about that share of the proof.
    const std::size_t of_many = is_small ? static_cast<std::size_t>(covering.count() / 16) : 0;
    const std::size_t most = std::max<std::size_t>(is_small ? 64 : 128, of_many);
    return search(g_, group_, thinned(covering.centers(), most), is_small ? 2 : 4, tolerance(), best, budget_,
                  context_);
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
    if (error <= 0.66 * room) left = not_at_most(g_, left, limit, true, budget_, context_);
    if (error > 0.25 * room) left = not_at_most(g_, left, limit, false, budget_, context_);
    return left;
  }

  // A larger value than the best must show itself at the centers of the cells that stay.
  void look_closer(const std::vector<TorusPoint>& left, Best& best) {
    const std::size_t most = g_.order() < kSingleFrom ? 48 : 12;
    constexpr int kSteps = 16;
    const std::vector<TorusPoint> some = thinned(left, most);
    std::vector<Top> tops = tops_at(g_, some, 1e-3, kSteps, context_);
    for (Top& top : tops) budget_.flops += std::exchange(top.flops, 0.0);
    const auto highest =
        std::max_element(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.norm < b.norm; });
    if (highest->norm > best.range.lower * (1 + 0.1 * width_)) {
      Top top = climb(g_, std::move(*highest), tolerance(), share_of_climb(budget_, 1), context_);
      budget_.flops += top.flops;
      best.look_at(g_.symbol(), group_, std::move(top));
    }
  }

  // The budget ends here: the least of a series of upper ends that refutes the cells that are left, or the spread.
  void give_up(std::vector<TorusPoint> left, double radius, double& upper) {
    const double spread = g_.symbol().spread;
    for (double excess = width_; excess < 1e3 && !left.empty(); excess *= 4) {
      const double raised = round_up(upper * (1 + excess));
      if (raised >= spread || !budget_.allows(2 * static_cast<double>(left.size()) * g_.flops_of_point())) break;
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

// Without coefficients: the ends that the taps alone give.
void look_from_afar(const Symbol& f, std::size_t group, Best& best) {
  Top top;
  top.vector.re.assign(static_cast<std::size_t>(f.columns), 1.0);
  top.vector.im.assign(static_cast<std::size_t>(f.columns), 0.0);
  best.look_at(f, group, std::move(top));
  best.range.upper = larger_of(best.range.upper, f.spread);
}

}  // namespace

Range supremum(const Symbols& symbols, double relative_width, Budget& budget, Context& context) {
  return largest_of_groups(symbols, [&](std::size_t group, Best& best) {
    const Symbol& f = symbols.groups[group];
    if (!may_form(f, budget)) return look_from_afar(f, group, best);
    const GramPolynomial g(f, f.columns >= kSingleFrom, context);
    Branching(g, group, relative_width, budget, context).run(best);
  });
}

}  // namespace sigmax::bounds
