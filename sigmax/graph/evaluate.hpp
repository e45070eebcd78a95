// The values of a graph's nodes, and products with its Jacobian.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::graph {

/// The value of each node. Empty for a node that no output depends on.
using Values = std::vector<std::vector<double>>;

/// Entries of all inputs together, and of all outputs. A graph is a function of one vector: the inputs one after
/// another in the order of Graph::inputs; its result is the outputs one after another.
std::int64_t input_size(const Graph& graph);
std::int64_t output_size(const Graph& graph);

/// For each node, whether an output depends on it (or is it), and whether it depends on an input (or is one). A refused
/// node counts as if it did: nothing is known about it.
std::vector<bool> leads_to_output(const Graph& graph);
std::vector<bool> depends_on_input(const Graph& graph);

/// The values at `input`, computed in double and rounded as they come; graph/ranges.hpp has a bound on the error. Cost:
/// one product with each linear map. Throws Error if the input has another size, or if an output depends on a node that
/// is refused, which it names.
Values evaluate(const Graph& graph, std::span<const double> input, Context& context);
Values evaluate(const Graph& graph, std::span<const double> input);

/// The outputs one after another.
std::vector<double> outputs(const Graph& graph, const Values& values);

/// J dx and J^T dy, J the Jacobian at the point with these values. At a kink (of a ReLU at 0, or between two equal
/// maxima) it is the Jacobian of one side. Cost: one product with each linear map; recurrent layers are run again.
/// Throw Error if a vector has another size.
std::vector<double> forward(const Graph& graph, const Values& values, std::span<const double> dx, Context& context);
std::vector<double> reverse(const Graph& graph, const Values& values, std::span<const double> dy, Context& context);
std::vector<double> forward(const Graph& graph, const Values& values, std::span<const double> dx);
std::vector<double> reverse(const Graph& graph, const Values& values, std::span<const double> dy);

/// The derivative of dy^T J(x) dx with respect to x, over a finite distance, so that kinks count that are near. Each
/// function f of single entries is replaced by its mean over z_i -+ w, w = width times the root mean square of z: with
/// a the tangents of z and b the cotangents of f(z), both through such means, it contributes
///
///     a_i b_i (f'(z_i + w) - f'(z_i - w)) / 2w,
///
/// another node that is not linear (J^T b at z + h a, less that at z - h a) / 2h with |h a| = width |z|; both are taken
/// back to the inputs. For searches; it is exact only as width goes to 0, where the functions are smooth. Cost:
/// forward() and twice reverse(), and four times the nodes that are not linear. Throws Error if a vector has another
/// size.
std::vector<double> bend(const Graph& graph, const Values& values, std::span<const double> dx,
                         std::span<const double> dy, double width, Context& context);
std::vector<double> bend(const Graph& graph, const Values& values, std::span<const double> dx,
                         std::span<const double> dy, double width);

/// J as an operator of output_size x input_size, for svd() and its like. structure() is Opaque. The graph must outlive
/// it. Throws Error as evaluate().
Operator<double> jacobian(const Graph& graph, std::span<const double> input, Context& context);
Operator<double> jacobian(const Graph& graph, std::span<const double> input);

}  // namespace sigmax::graph
