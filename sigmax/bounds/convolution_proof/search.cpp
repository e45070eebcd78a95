#include "sigmax/bounds/convolution_proof/search.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kMostBytes = 0x1p33;  // of the coefficients of one symbol

std::vector<std::size_t> by_spread(const Symbols& symbols) {
  std::vector<std::size_t> order(symbols.groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return symbols.groups[a].spread > symbols.groups[b].spread; });
  return order;
}

}  // namespace

void Best::look_at(const Symbol& f, std::size_t group, Top top) {
  const double lower = quotient_below(f, top.at, top.vector);
  if (lower > range.lower || range.top.vector.re.empty()) {
    range.lower = larger_of(lower, range.lower);
    range.top = std::move(top);
    range.group = group;
  }
}

Range largest_of_groups(const Symbols& symbols, const std::function<void(std::size_t group, Best& best)>& visit) {
  const SerialBlas serial;
  Best best;
  for (const std::size_t group : by_spread(symbols)) {
    if (symbols.groups[group].spread <= best.range.upper) break;
    visit(group, best);
  }
  return best.range;
}

bool may_form(const Symbol& f, Budget& budget) {
  const GramCost cost = gram_cost(f);
  if (!budget.allows(cost.flops) || cost.bytes > kMostBytes) return false;
  budget.flops += cost.flops;
  return true;
}

void factor_in_pieces(const GramPolynomial& g, std::size_t points, Budget& budget, Context& context,
                      const std::function<void(std::size_t first, std::size_t count)>& factor) {
  const std::size_t piece = points_in_piece(g.order());
  context.parallel_for((points + piece - 1) / piece, [&](std::size_t index) {
    context.check_cancel();
    const std::size_t first = index * piece;
    factor(first, std::min(piece, points - first));
  });
  budget.points += static_cast<std::int64_t>(points);
  budget.flops += static_cast<double>(points) * g.flops_of_point();
}

std::vector<TorusPoint> not_at_most(const GramPolynomial& g, std::span<const TorusPoint> points, double square,
                                    bool single, Budget& budget, Context& context) {
  std::vector<char> passed(points.size(), 0);
  factor_in_pieces(g, points.size(), budget, context, [&](std::size_t first, std::size_t count) {
    const std::vector<double> limits(count, square);
    const std::span<char> results(passed.data() + first, count);
    if (single) {
      g.at_most<float>(points.subspan(first, count), limits, results, context);
    } else {
      g.at_most<double>(points.subspan(first, count), limits, results, context);
    }
  });
  std::vector<TorusPoint> left;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (passed[i] == 0) left.push_back(points[i]);
  }
  return left;
}

std::vector<TorusPoint> thinned(const std::vector<TorusPoint>& points, std::size_t most) {
  if (points.size() <= most) return points;
  std::vector<TorusPoint> some;
  for (std::size_t i = 0; i < most; ++i) some.push_back(points[i * points.size() / most]);
  return some;
}

}  // namespace sigmax::bounds
