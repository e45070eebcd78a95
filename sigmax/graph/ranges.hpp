// Intervals that the values of a graph's nodes lie in, for all inputs in a box; at one input, bounds on the error of
// the computed values.
//
// The intervals hold for the exact functions and the stored weights: every operation is rounded outward, products with
// linear maps by the standard model with their structure (ops/linear_operator.hpp), functions by their own range() and
// the elementary functions of scalar/elementary.hpp, which do not trust the C library.
#pragma once

#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/scalar_function.hpp"

namespace sigmax::graph {

/// An interval for each entry of a vector; infinite ends say that nothing is known.
using Box = std::vector<Interval>;

/// The box with one point.
Box box_of(std::span<const double> x);

/// For each node a box that its value lies in if the inputs, one after another, lie in `input`: interval arithmetic,
/// node by node. An opaque linear map or a refused node gives the whole space. Empty for a node that no output depends
/// on. Cost: two products with each linear map. Throws Error if `input` has another size than the inputs, or an
/// interval without a number in it.
std::vector<Box> ranges(const Graph& graph, const Box& input, Context& context);
std::vector<Box> ranges(const Graph& graph, const Box& input);

/// The box of a node whose inputs lie in the boxes that ranges() or the caller found for them: for callers who know
/// more about some nodes than interval arithmetic. Not for an Input.
Box range_of(const Graph& graph, Index node, std::span<const Box> boxes, Context& context);
Box range_of(const Graph& graph, Index node, std::span<const Box> boxes);

/// Computed numbers, and how far each may be from the exact one; infinite: not known.
struct Evaluated {
  std::vector<double> values;
  std::vector<double> errors;
};

/// The outputs one after another at `input`, with their errors. Cost: three products with each linear map. Throws Error
/// as evaluate().
Evaluated evaluate_with_errors(const Graph& graph, std::span<const double> input, Context& context);
Evaluated evaluate_with_errors(const Graph& graph, std::span<const double> input);

}  // namespace sigmax::graph
