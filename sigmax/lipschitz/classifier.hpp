// A network as a classifier of data: the graph whose greatest output is the class.
#pragma once

#include <string>
#include <vector>

#include "sigmax/graph/graph.hpp"

namespace sigmax::lipschitz {

/// z = (x - mean) / deviation, of the data x that a network's own input z is made of. Each has one entry, or one for
/// each channel: for each index of the input's axis after the batch, or of its last axis where only that one has as
/// many. Empty: 0 and 1.
struct InputNormalization {
  std::vector<double> mean{};
  std::vector<double> deviation{};
};

struct Classifier {
  /// One input, the data; one output, a logit for each class.
  graph::Graph graph;
  /// What was done to the network, in words; graph.assumptions are among the graph's own.
  std::vector<std::string> changes;
};

/// The network with the normalization in front, as one whose greatest output is the class:
///
/// - A last node whose values have the order of its arguments (softmax, log-softmax, sigmoid) is left out. It changes
/// no
///   decision, and margins before it are larger.
/// - One logit f, which is left of such a node, becomes two, 0 and f: class 1 where f > 0.
///
/// 1 / deviation is rounded to 29 bits and mean / deviation to double, which `changes` tells: products of the former
/// with weights of 24 bits are exact, so that both are one matrix.
///
/// Throws Error for a network with several inputs or outputs, an output that is not one vector of logits, a single
/// output that never changes its sign, and a normalization that does not fit or is not positive and finite.
Classifier classifier(const graph::Graph& network, const InputNormalization& normalization = {});

/// The number of classes: entries of the output.
std::size_t classes(const Classifier& classifier);

}  // namespace sigmax::lipschitz
