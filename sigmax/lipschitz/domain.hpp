// The inputs that a Lipschitz constant is about.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/lipschitz/vector_norm.hpp"

namespace sigmax::lipschitz {

/// All inputs.
struct Everywhere {};

/// |x - center| <= radius in the norm, for all inputs of the graph one after another.
struct Ball {
  std::vector<double> center;
  double radius = 0;
  VectorNorm norm = VectorNorm::two;
};

/// A convex set of inputs: everywhere, a box (an interval for each entry), or a ball.
using Domain = std::variant<Everywhere, graph::Box, Ball>;

/// Throws Error if the domain does not have as many entries as the graph's inputs, an interval has no number in it, a
/// center is not finite, or a radius is negative or not finite.
void validate(const Domain& domain, const graph::Graph& graph);

/// A box that holds the domain, of `size` entries.
graph::Box box_of(const Domain& domain, std::int64_t size);

/// A Euclidean ball that holds the domain; its radius is infinite if it is not bounded.
Ball ball_of(const Domain& domain, std::int64_t size);

/// The greatest |x - center| of the domain's points in the norm, at most, for the center of ball_of(); infinite if the
/// domain is not bounded.
double reach_of(const Domain& domain, VectorNorm norm, std::int64_t size);

/// `everywhere`, `on a box`, `on a ball of radius 0.5`, `on a ball of the 1-norm of radius 0.5`
std::string describe(const Domain& domain);

}  // namespace sigmax::lipschitz
