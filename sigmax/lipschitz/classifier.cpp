#include "sigmax/lipschitz/classifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Graph;
using graph::Index;

/// x to 29 significant bits, to nearest.
double to_29_bits(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 29)), exponent - 29);
}

/// The channel of each entry of a value of this shape, for `count` channels. One channel: empty.
std::vector<std::size_t> channels_of(const Dimensions& shape, std::size_t count, const char* what) {
  if (count <= 1) return {};
  const auto channels = static_cast<std::int64_t>(count);
  std::optional<std::size_t> axis;
  if (shape.size() >= 2 && shape[1] == channels) {
    axis = 1;
  } else if (!shape.empty() && shape.back() == channels) {
    axis = shape.size() - 1;
  }
  if (!axis) {
    throw Error(fmt::format("[classifier] the {} has {} entries; the input of shape {} has no axis of as many channels",
                            what, count, to_string(shape)));
  }
  std::size_t inner = 1;
  for (std::size_t k = *axis + 1; k < shape.size(); ++k) inner *= static_cast<std::size_t>(shape[k]);
  std::vector<std::size_t> channel(static_cast<std::size_t>(element_count(shape).value_or(0)));
  for (std::size_t i = 0; i < channel.size(); ++i) channel[i] = i / inner % count;
  return channel;
}

std::vector<double> spread(const std::vector<double>& values, double otherwise, const Dimensions& shape,
                           const char* what) {
  const auto size = static_cast<std::size_t>(element_count(shape).value_or(0));
  if (values.empty()) return std::vector<double>(size, otherwise);
  const std::vector<std::size_t> channel = channels_of(shape, values.size(), what);
  std::vector<double> all(size, values[0]);
  for (std::size_t i = 0; i < channel.size(); ++i) all[i] = values[channel[i]];
  return all;
}

/// The same graph on data that are normalized first: the input's node becomes the normalization of a new one.
Graph normalized(Graph graph, const InputNormalization& normalization, std::vector<std::string>& changes) {
  const Index input = graph.inputs[0];
  const Dimensions shape = graph.nodes[input].shape;
  std::vector<double> factor = spread(normalization.deviation, 1, shape, "standard deviation");
  std::vector<double> offset = spread(normalization.mean, 0, shape, "mean");
  bool is_identity = true;
  for (std::size_t i = 0; i < factor.size(); ++i) {
    if (!(factor[i] > 0) || !std::isfinite(1 / factor[i]) || !std::isfinite(factor[i]) || !std::isfinite(offset[i])) {
      throw Error(
          fmt::format("[classifier] (x - {}) / {} is no normalization: means must be finite and standard "
                      "deviations positive",
                      offset[i], factor[i]));
    }
    offset[i] = -offset[i] / factor[i];
    factor[i] = to_29_bits(1 / factor[i]);
    if (!std::isfinite(offset[i]) || !std::isnormal(factor[i])) {
      throw Error("[classifier] the normalization leaves the range of double");
    }
    is_identity = is_identity && offset[i] == 0 && factor[i] == 1;
  }
  if (is_identity) return graph;
  changes.emplace_back(
      "data are normalized in front of the network, with 1 / std rounded to 29 bits and mean / std to double");
  // Nodes are in the order of computation: the new input goes first.
  for (graph::Node& node : graph.nodes) {
    for (Index& each : node.inputs) ++each;
  }
  for (Index& output : graph.outputs) ++output;
  graph.nodes.insert(graph.nodes.begin(), {"data", graph::Input{}, {}, shape});
  graph.inputs = {0};
  graph::Node& before = graph.nodes[input + 1];
  before.operation = graph::Affine{
      diagonal<double>(Tensor::copy_of(factor, {static_cast<std::int64_t>(factor.size())})), std::move(offset)};
  before.inputs = {0};
  before.name = "normalization";
  return graph;
}

/// Whether the node's values are in the order of its arguments, all of which it has.
bool keeps_order(const graph::Node& node) {
  if (const auto* const softmax = std::get_if<graph::Softmax>(&node.operation)) {
    return softmax->groups.length == node.size();
  }
  const auto* const function = std::get_if<graph::Elementwise>(&node.operation);
  return function != nullptr && function->functions.size() == 1 &&
         function->functions[0] == graph::named_function("Sigmoid");
}

void require_one_vector(const Graph& graph) {
  if (graph.inputs.size() != 1) {
    throw Error(fmt::format("[classifier] the network has {} inputs; a classifier of one array of data is wanted",
                            graph.inputs.size()));
  }
  if (graph.outputs.size() != 1) {
    throw Error(
        fmt::format("[classifier] the network has {} outputs; name the one with the logits", graph.outputs.size()));
  }
  const graph::Node& output = graph.nodes[graph.outputs[0]];
  std::int64_t longer = 0;
  for (const std::int64_t extent : output.shape) longer += static_cast<std::int64_t>(extent > 1);
  if (longer <= 1 && output.size() > 0) return;
  throw Error(fmt::format("[classifier] the output {} has the shape {}, which is not one vector of logits", output.name,
                          to_string(output.shape)));
}

/// f as the logits (0, f).
void split_sign(Graph& graph, std::vector<std::string>& changes) {
  const std::vector<graph::Box> boxes =
      ranges(graph, graph::Box(static_cast<std::size_t>(input_size(graph)), graph::Interval{}));
  const graph::Box& box = boxes[graph.outputs[0]];
  if (!box.empty() && (box[0].least >= 0 || box[0].greatest <= 0)) {
    throw Error(
        fmt::format("[classifier] the one output, {}, is never {} 0, so that its sign is no decision between two "
                    "classes; a network that ends in logits is wanted",
                    graph.nodes[graph.outputs[0]].name, box[0].least >= 0 ? "below" : "above"));
  }
  const std::vector<double> column{0, 1};
  graph.nodes.push_back(
      {"two logits", graph::Affine{dense<double>(Tensor::copy_of(column, {2, 1}))}, {graph.outputs[0]}, {2}});
  graph.outputs = {graph.nodes.size() - 1};
  changes.emplace_back("the one logit f decides by its sign: class 1 where f > 0, class 0 where f < 0");
}

}  // namespace

Classifier classifier(const Graph& network, const InputNormalization& normalization) {
  const FloatingEnvironment environment;
  graph::validate(network);
  require_one_vector(network);
  Classifier result;
  Graph graph = network;
  if (keeps_order(graph.nodes[graph.outputs[0]])) {
    const graph::Node& last = graph.nodes[graph.outputs[0]];
    result.changes.push_back(last.name + " at the end is left out: it keeps the order of the logits");
    graph.outputs = {last.inputs[0]};
  }
  if (graph.nodes[graph.outputs[0]].size() == 1) split_sign(graph, result.changes);
  result.graph = normalized(std::move(graph), normalization, result.changes);
  return result;
}

std::size_t classes(const Classifier& classifier) { return static_cast<std::size_t>(output_size(classifier.graph)); }

}  // namespace sigmax::lipschitz
