// A graph, or a part of one, as layers of neurons for the matrix inequality (bounds/network_lmi.hpp). Internal to
// lipschitz/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/bounds/layered_network.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/ranges.hpp"

namespace sigmax::lipschitz {

/// The constant of the graph is at most (1 + row_error) times that of `network`; 0 if its output has no terms.
struct Neurons {
  LayeredNetwork network;
  double row_error = 0;
};

/// Whether the operation is a linear map, or a function of single entries: what layers of neurons are made of.
bool is_layered(const graph::Operation& operation);

/// Each function that is applied entry by entry is a layer, with the slopes that it has on the box of each argument
/// (`boxes`, by node, as graph::ranges() gives them for the domain). What is linear is no variable: maps between
/// functions are multiplied and added, with a bound of each entry's rounding, and so are functions that are linear on
/// their box (split.hpp). A layer then reads all sources that lead to it through linear maps, such as every block of a
/// residual network before it.
///
/// Where that makes P too dense (many layers behind each other with shortcuts and many neurons), or a product lost its
/// digits, sums and maps become layers of linear neurons instead, and P stays sparse by blocks. The bound is larger
/// then, by about 2^-10 for each of these layers.
///
/// Nothing if a node between inputs and outputs is of another kind, a function is not Lipschitz on its box, the error
/// of a map's entries is not known, or the matrices would have more than `most_entries` entries; `why` then names the
/// node and the reason.
std::optional<Neurons> neurons_of(const graph::Graph& graph, const std::vector<graph::Box>& boxes,
                                  std::int64_t most_entries, std::string& why, Context& context);

/// The same in a form that another program can follow: each function is a layer, with a neuron for each entry of its
/// value, whatever its slopes are; what is linear is no variable. Nothing either if that makes P too dense.
std::optional<Neurons> unsplit_neurons_of(const graph::Graph& graph, const std::vector<graph::Box>& boxes,
                                          std::int64_t most_entries, std::string& why, Context& context);

}  // namespace sigmax::lipschitz
