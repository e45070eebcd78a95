#include "sigmax/lipschitz/domain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges/outward.hpp"

namespace sigmax::lipschitz {

void validate(const Domain& domain, const graph::Graph& graph) {
  const std::int64_t size = input_size(graph);
  const auto require_size = [&](std::size_t found) {
    if (static_cast<std::int64_t>(found) == size) return;
    throw Error(fmt::format("[lipschitz] the domain has {} entries; the network's input has {}", found, size));
  };
  if (const auto* const box = std::get_if<graph::Box>(&domain)) {
    require_size(box->size());
    for (const graph::Interval& each : *box) {
      if (each.least <= each.greatest && each.least < kInfinity && each.greatest > -kInfinity) continue;
      throw Error(fmt::format("[lipschitz] there is no number in [{}, {}]", each.least, each.greatest));
    }
  }
  if (const auto* const ball = std::get_if<Ball>(&domain)) {
    require_size(ball->center.size());
    require_finite<double>(ball->center, "lipschitz", "the ball's center");
    if (!(ball->radius >= 0) || std::isinf(ball->radius)) {
      throw Error(fmt::format("[lipschitz] a radius is finite and not negative, got {}", ball->radius));
    }
  }
}

graph::Box box_of(const Domain& domain, std::int64_t size) {
  const FloatingEnvironment environment;
  if (const auto* const box = std::get_if<graph::Box>(&domain)) return *box;
  graph::Box result(static_cast<std::size_t>(size));
  if (const auto* const ball = std::get_if<Ball>(&domain)) {
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = graph::point(ball->center[i]) + graph::Interval{-ball->radius, ball->radius};
    }
  }
  return result;
}

// Around the middle of a box; the squares of its half widths, rounded up, are the square of the radius.
Ball ball_of(const Domain& domain, std::int64_t size) {
  const FloatingEnvironment environment;
  if (const auto* const ball = std::get_if<Ball>(&domain)) return *ball;
  Ball result{std::vector<double>(static_cast<std::size_t>(size), 0.0), kInfinity};
  const auto* const box = std::get_if<graph::Box>(&domain);
  if (box == nullptr) return result;
  double squares = 0;
  for (std::size_t i = 0; i < box->size(); ++i) {
    const graph::Interval& each = (*box)[i];
    if (!graph::is_bounded(each)) return result;
    result.center[i] = each.least / 2 + each.greatest / 2;
    const double half = graph::up(std::max(each.greatest - result.center[i], result.center[i] - each.least));
    squares = graph::up(squares + graph::up(half * half));
  }
  result.radius = graph::up(std::sqrt(squares));
  return result;
}

std::string describe(const Domain& domain) {
  if (std::holds_alternative<graph::Box>(domain)) return "on a box";
  if (const auto* const ball = std::get_if<Ball>(&domain)) return fmt::format("on a ball of radius {}", ball->radius);
  return "everywhere";
}

}  // namespace sigmax::lipschitz
