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

namespace sigmax::lipschitz {
namespace {

using Vector = std::vector<double>;

/// A point, and what power iterations found of the Jacobian there.
struct Candidate {
  Vector x;
  Vector v;  ///< of the norm 1
  double norm = 0;
};

VectorNorm dual_of(VectorNorm norm) {
  if (norm == VectorNorm::two) return norm;
  return norm == VectorNorm::one ? VectorNorm::infinity : VectorNorm::one;
}

/// |y|, and instead of y a vector of the dual norm 1 whose product with y is |y|. 0 for a norm that is not finite.
double norm_and_dual(Vector& y, VectorNorm norm) {
  double size = 0;
  if (norm == VectorNorm::two) {
    size = normalize(y);
  } else if (norm == VectorNorm::one) {
    for (double& each : y) {
      size += std::fabs(each);
      each = each < 0 ? -1 : 1;
    }
  } else if (!y.empty()) {
    const auto greatest =
        std::ranges::max_element(y, {}, [](double each) { return std::isnan(each) ? -1 : std::fabs(each); });
    size = std::fabs(*greatest);
    const double sign = *greatest < 0 ? -1 : 1;
    const auto place = greatest - y.begin();
    std::ranges::fill(y, 0.0);
    y[static_cast<std::size_t>(place)] = sign;
  }
  return std::isfinite(size) ? size : 0;
}

/// What a search does: as much of what the options ask for as they allow.
struct Plan {
  int starts = 1;
  int steps = 0;
  int last_steps = 30;  ///< of the power iteration at the end of a search
  int distances = 6;    ///< of the two points that are compared
};

constexpr int kFirstSteps = 8;
constexpr int kOfMove = 9;       // evaluations of a move, about: a power iteration, and a gradient each third time
constexpr int kOfDistance = 21;  // and of a distance: three pairs of points, whose errors are bounded

double evaluations_of(const Plan& plan) {
  const int fixed = 2 * (kFirstSteps + plan.last_steps) + kOfDistance * plan.distances;
  return static_cast<double>(plan.starts) * (kOfMove * static_cast<double>(plan.steps) + fixed);
}

Plan plan_of(const graph::Graph& graph, const LowerOptions& options) {
  const double most = options.most_flops / std::max(evaluation_flops(graph), 1.0);
  Plan plan{.starts = options.starts, .steps = options.steps};
  if (evaluations_of(plan) <= most) return plan;
  plan.starts = 1;
  const double of_one = evaluations_of(plan);
  if (of_one <= most) {
    plan.starts = static_cast<int>(most / of_one);
    return plan;
  }
  plan.steps = 0;
  plan.distances = 2;
  if (evaluations_of(plan) > most) {
    plan.last_steps = kFirstSteps;
    plan.distances = 1;
  }
  const double left = std::max(most - evaluations_of(plan), 0.0);
  plan.steps = static_cast<int>(std::min(left / kOfMove, static_cast<double>(options.steps)));
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
        best_{bounds::exactly(0).lower, Vector(region_.normal().size(), 0.0), {}} {
    best_.x = region_.inside(best_.x);
    best_.y = best_.x;
  }

  Lower run() {
    for (int start = 0; start < plan_.starts; ++start) {
      context_.check_cancel();
      const std::optional<Vector> center = start == 0 ? region_.center() : std::nullopt;
      Candidate found{center ? *center : region_.draw(), region_.normal(), 0};
      norm_and_dual(found.v, dual_of(options_.norm));
      iterate(found, kFirstSteps);
      climb(found);
      iterate(found, plan_.last_steps);
      prove(found);
    }
    return std::move(best_);
  }

 private:
  // Steps of the power iteration from candidate.v, of the norm 1; candidate.norm is |J v|, a number that J reaches.
  // With dual(y) a vector of the dual norm 1 and y . dual(y) = |y|, v <- the vector of norm 1 with the greatest product
  // with J^T dual(J v).
  void iterate(Candidate& candidate, int steps) {
    const Operator<double> j = graph::jacobian(graph_, candidate.x, context_);
    Vector image(static_cast<std::size_t>(j->shape().rows));
    Vector next(candidate.v.size());
    for (int step = 0; step < steps; ++step) {
      j->apply(candidate.v, image, context_);
      candidate.norm = norm_and_dual(image, options_.norm);
      if (!(candidate.norm > 0)) return;
      j->apply_adjoint(image, next, context_);
      if (!(norm_and_dual(next, dual_of(options_.norm)) > 0)) return;
      candidate.v = next;
    }
  }

  // (J(x + h v) - J(x - h v))^T u / 2h: over a finite distance the derivative of u^T J(x) v also sees kinks.
  Vector gradient(const Candidate& at, double h) {
    Vector u(static_cast<std::size_t>(output_size(graph_)));
    const Operator<double> j = graph::jacobian(graph_, at.x, context_);
    j->apply(at.v, u, context_);
    norm_and_dual(u, options_.norm);
    Vector difference(at.v.size(), 0.0);
    for (const double side : {1.0, -1.0}) {
      const Vector point = region_.inside(stepped(at.x, side * h, at.v));
      const Vector row = reverse(graph_, evaluate(graph_, point, context_), u, context_);
      for (std::size_t i = 0; i < row.size(); ++i) difference[i] += side * row[i];
    }
    return difference;
  }

  // Moves of a length that grows when they succeed and shrinks when they fail. Three kinds take turns: along the
  // gradient, along v or against it, and at random.
  void climb(Candidate& at) {
    double step = region_.scale() / 2;
    const double least = step * 1e-6;
    for (int i = 0; i < plan_.steps; ++i) {
      Vector direction = i % 3 == 0 ? gradient(at, step) : i % 3 == 1 ? at.v : region_.normal();
      const double length = normalize(direction);
      if (!(length > 0) || !std::isfinite(length)) {
        direction = region_.normal();
        normalize(direction);
      }
      const double side = i % 6 == 1 ? -1.0 : 1.0;
      Candidate moved{region_.inside(stepped(at.x, side * step, direction)), at.v, 0};
      iterate(moved, 3);
      if (moved.norm > at.norm) {
        at = std::move(moved);
        step *= 1.6;
      } else {
        step *= 0.85;
        if (step < least) step = region_.scale() / 2;
      }
    }
  }

  // Short steps stay in one linear piece but lose digits to rounding, and v may lead out of the domain on one side.
  void prove(const Candidate& at) {
    const double size = std::max(length_of(at.x), 1e-3);
    constexpr std::array kDistances{1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
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
