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

// |x_i - c_i| <= |x - c| in each of the norms.
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

// Around the middle of a box; the squares of its half widths, rounded up, are the square of the radius. A ball of the
// 1-norm lies in the Euclidean one of its radius, as |d|_2 <= |d|_1; one of the infinity-norm is a box.
Ball ball_of(const Domain& domain, std::int64_t size) {
  const FloatingEnvironment environment;
  if (const auto* const ball = std::get_if<Ball>(&domain)) {
    if (ball->norm != VectorNorm::infinity) return {ball->center, ball->radius};
    return ball_of(box_of(domain, size), size);
  }
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

// Of a box the farthest corner.
double reach_of(const Domain& domain, VectorNorm norm, std::int64_t size) {
  const FloatingEnvironment environment;
  const Ball around = ball_of(domain, size);
  if (norm == VectorNorm::two || std::isinf(around.radius)) return around.radius;
  if (const auto* const ball = std::get_if<Ball>(&domain); ball != nullptr && ball->norm == VectorNorm::one) {
    return ball->radius;  // |d|_inf <= |d|_1
  }
  const graph::Box box = box_of(domain, size);
  double reach = 0;
  for (std::size_t i = 0; i < box.size(); ++i) {
    const double half = graph::up(std::max(box[i].greatest - around.center[i], around.center[i] - box[i].least));
    reach = norm == VectorNorm::one ? graph::up(reach + half) : std::max(reach, half);
  }
  return reach;
}

std::string describe(const Domain& domain) {
  if (std::holds_alternative<graph::Box>(domain)) return "on a box";
  if (const auto* const ball = std::get_if<Ball>(&domain)) {
    const bool is_euclidean = ball->norm == VectorNorm::two;
    return fmt::format("on a ball {}of radius {}", is_euclidean ? "" : fmt::format("of the {} ", name(ball->norm)),
                       ball->radius);
  }
  return "everywhere";
}

}  // namespace sigmax::lipschitz
