// Inputs near a given one that a classifier takes for something else.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"

namespace sigmax::lipschitz {

struct AttackOptions {
  int starts = 3;                       ///< the input itself, and random points near it
  int steps = 40;                       ///< of each
  graph::Box box{};                     ///< that the input must stay in, such as [0, 1] for pixels; empty: everything
  std::optional<RandomState> random{};  ///< empty: drawn
};

/// A point z with |z - x|_2 <= radius, in the box, where the output `label` is not the greatest: another one is proven
/// to be at least as great, the rounding of the evaluation and of the distance included. Nothing if none was found,
/// which proves nothing.
///
/// Projected gradient ascent on f_j(z) - f_label(z) for the classes j that come closest, with steps of 2.5 radius /
/// steps along the gradient's direction (Madry, Makelov, Schmidt, Tsipras, Vladu: Towards deep learning models
/// resistant to adversarial attacks, ICLR 2018). Cost: starts * steps evaluations and gradients at most.
///
/// Throws Error if the point, the box or the label does not fit the graph, the radius is negative or not finite, or the
/// point is not in the box.
std::optional<std::vector<double>> attack(const graph::Graph& graph, const std::vector<double>& x, std::size_t label,
                                          double radius, const AttackOptions& options, Context& context);
std::optional<std::vector<double>> attack(const graph::Graph& graph, const std::vector<double>& x, std::size_t label,
                                          double radius, const AttackOptions& options = {});

/// Whether the output `label` is proven to be greater than all others at x: true; another one to be at least as great:
/// false; neither: nothing.
std::optional<bool> puts_first(const graph::Graph& graph, const std::vector<double>& x, std::size_t label,
                               Context& context);
std::optional<bool> puts_first(const graph::Graph& graph, const std::vector<double>& x, std::size_t label);

}  // namespace sigmax::lipschitz
