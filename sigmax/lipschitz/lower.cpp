#include "sigmax/lipschitz/lower.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/cost.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/region.hpp"
#include "sigmax/lipschitz/steep_points.hpp"

namespace sigmax::lipschitz {
namespace {

using Vector = std::vector<double>;

/// What a search does: as much of what the options ask for as they allow.
struct Plan {
  int starts = 1;
  int draws = 1;  ///< points that the first one of a start is the best of
  int steps = 0;
  int last_steps = 30;  ///< of the power iteration before the quotients
  int distances = 7;    ///< of the two points that are compared
};

// Evaluations, about. Of a distance: three pairs of points, whose errors are bounded.
constexpr int kOfDraw = 6;
constexpr int kOfSettling = 61;
constexpr int kOfStep = 6;
constexpr int kOfDistance = 21;

double evaluations_of(const Plan& plan) {
  const auto of_ascent = [](int steps) { return steps > 0 ? kOfSettling + kOfStep * steps : 0; };
  const int kept = (plan.starts + 1) / 2;
  const int of_start = kOfDraw * plan.draws + of_ascent((plan.steps + 1) / 2);
  const int of_kept = of_ascent(plan.steps) + 2 * plan.last_steps + 1 + kOfDistance * plan.distances;
  return static_cast<double>(plan.starts) * of_start + static_cast<double>(kept) * of_kept + kOfStep * plan.steps;
}

// A small network takes little time, and where neurons behind others are off no derivative leads to them.
int draws_for(const graph::Graph& graph) {
  std::int64_t entries = 1;
  for (const graph::Node& node : graph.nodes) entries += node.size();
  return static_cast<int>(std::clamp<std::int64_t>((std::int64_t{1} << 13) / entries, 8, 64));
}

Plan plan_of(const graph::Graph& graph, const LowerOptions& options) {
  const double most = options.most_flops / std::max(evaluation_flops(graph), 1.0);
  Plan plan{.starts = options.starts, .draws = draws_for(graph), .steps = options.steps};
  const auto fits = [&] { return evaluations_of(plan) <= most; };
  if (fits()) return plan;
  plan.draws = 1;
  while (plan.starts > 1 && !fits()) plan.starts = (plan.starts + 1) / 2;
  if (fits()) return plan;
  plan.distances = 2;
  while (plan.steps > 0 && !fits()) plan.steps = plan.steps * 3 / 4;
  if (fits()) return plan;
  plan.last_steps = 8;
  plan.distances = 1;
  return plan;
}

class Search {
 public:
  Search(const graph::Graph& graph, const Domain& domain, const LowerOptions& options, Context& context)
      : graph_(graph),
        options_(options),
        plan_(plan_of(graph, options)),
        context_(context),
        region_(domain, {}, input_size(graph), given_or_drawn(options.random)),
        steep_(graph, options.norm, region_, context),
        best_{bounds::exactly(0).lower, Vector(region_.normal().size(), 0.0), {}} {
    best_.x = region_.inside(best_.x);
    best_.y = best_.x;
  }

  // Each start is the best of some points and goes half the steps; the better half of them goes all steps, and the best
  // point is then climbed from. Every point is proven: a steep piece may be too small for a quotient.
  Lower run() {
    std::vector<SteepPoint> points;
    for (int start = 0; start < plan_.starts; ++start) {
      context_.check_cancel();
      const std::optional<Vector> center = start == 0 ? region_.center() : std::nullopt;
      points.push_back(center ? steep_.at(*center) : best_drawn());
      steep_.ascend(points.back(), (plan_.steps + 1) / 2);
    }
    best_first(points);
    points.resize((points.size() + 1) / 2);
    for (SteepPoint& point : points) {
      context_.check_cancel();
      steep_.ascend(point, plan_.steps);
    }
    best_first(points);
    steep_.climb(points.front(), plan_.steps);
    for (SteepPoint& point : points) {
      steep_.settle(point, plan_.last_steps);
      prove(point);
    }
    return std::move(best_);
  }

 private:
  SteepPoint best_drawn() {
    SteepPoint best = steep_.at(region_.draw());
    for (int i = 1; i < plan_.draws; ++i) {
      SteepPoint other = steep_.at(region_.draw());
      if (other.norm > best.norm) best = std::move(other);
    }
    return best;
  }

  static void best_first(std::vector<SteepPoint>& points) {
    std::ranges::stable_sort(points, [](const SteepPoint& a, const SteepPoint& b) { return a.norm > b.norm; });
  }

  // Short steps stay in one linear piece but lose digits to rounding, and v may lead out of the domain on one side.
  void prove(const SteepPoint& at) {
    const double size = std::max(length_of(at.x), 1e-3);
    constexpr std::array kDistances{1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7};
    for (const double h : std::span(kDistances).first(static_cast<std::size_t>(plan_.distances))) {
      for (const auto& [ahead, behind] : {std::pair{1.0, 1.0}, std::pair{1.0, 0.0}, std::pair{0.0, 1.0}}) {
        Vector x = region_.inside(stepped(at.x, ahead * h * size, at.v));
        Vector y = region_.inside(stepped(at.x, -behind * h * size, at.v));
        const LowerBound bound = difference_quotient(graph_, x, y, options_.norm, context_);
        if (bound.value() > best_.bound.value()) best_ = {bound, std::move(x), std::move(y)};
      }
    }
  }

  const graph::Graph& graph_;
  const LowerOptions& options_;
  Plan plan_;
  Context& context_;
  Region region_;
  SteepSearch steep_;
  Lower best_;
};

}  // namespace

// d_i = f(x)_i - f(y)_i as computed is wrong by the errors of both values and by u |d_i|, so that |f(x) - f(y)| is at
// least |d| less the norm of these; |x - y| is at most 1 + u times the norm of the computed differences.
LowerBound difference_quotient(const graph::Graph& graph, const Vector& x, const Vector& y, VectorNorm norm,
                               Context& context) {
  const FloatingEnvironment environment;
  const LowerBound nothing = bounds::exactly(0).lower;
  if (x == y) return nothing;
  const graph::Evaluated at_x = evaluate_with_errors(graph, x, context);
  const graph::Evaluated at_y = evaluate_with_errors(graph, y, context);
  Vector moved(at_x.values.size());
  Vector error(moved.size());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    moved[i] = at_x.values[i] - at_y.values[i];
    error[i] = graph::up(graph::up(at_x.errors[i] + at_y.errors[i]) + std::fabs(moved[i]) * 0x1p-52);
    if (!std::isfinite(moved[i]) || !std::isfinite(error[i])) return nothing;
  }
  Vector apart(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    apart[i] = graph::up(std::fabs(x[i] - y[i]));
    if (x[i] == y[i]) apart[i] = 0;
    if (!std::isfinite(apart[i])) return nothing;
  }
  if (moved.empty()) return nothing;
  const double p = norm == VectorNorm::one ? 1 : norm == VectorNorm::two ? 2 : kInfinity;
  const Enclosure numerator = bounds::difference(bounds::p_norm(moved, p), bounds::p_norm(error, p));
  return bounds::quotient(numerator, bounds::p_norm(apart, p)).lower;
}

LowerBound difference_quotient(const graph::Graph& graph, const Vector& x, const Vector& y, VectorNorm norm) {
  Context context;
  return difference_quotient(graph, x, y, norm, context);
}

Lower lower_bound(const graph::Graph& graph, const Domain& domain, const LowerOptions& options, Context& context) {
  const FloatingEnvironment environment;
  validate(domain, graph);
  if (options.starts < 1 || options.steps < 0 || !(options.most_flops > 0)) {
    throw Error(
        fmt::format("[lower_bound] a search needs at least one start, no negative number of steps and a positive "
                    "number of operations, got {}, {} and {}",
                    options.starts, options.steps, options.most_flops));
  }
  if (input_size(graph) == 0) return {bounds::exactly(0).lower, {}, {}};
  return Search(graph, domain, options, context).run();
}

Lower lower_bound(const graph::Graph& graph, const Domain& domain, const LowerOptions& options) {
  Context context;
  return lower_bound(graph, domain, options, context);
}

}  // namespace sigmax::lipschitz
