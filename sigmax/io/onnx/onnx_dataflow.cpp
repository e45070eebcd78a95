#include "sigmax/io/onnx/onnx_dataflow.hpp"

#include <algorithm>
#include <array>

namespace sigmax::io::onnx {
namespace {

/// True if the node's first output consists of elements of its first input alone.
bool moves_elements(const Node& node) {
  static constexpr std::array<std::string_view, 9> kMoves = {"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze",
                                                             "Flatten",  "Slice",   "Gather",    "Expand"};
  return node.domain.empty() && std::ranges::find(kMoves, node.op) != kMoves.end();
}

}  // namespace

Dataflow::Dataflow(const Model& model) : model_(model), scopes_(model.graphs.size()) {
  for (std::uint32_t g = 0; g < model.graphs.size(); ++g) {
    const Graph& graph = model.graphs[g];
    if (graph.function.empty()) continue;
    const auto domain = graph.domain == "ai.onnx" ? std::string_view() : graph.domain;
    functions_.emplace(std::pair(domain, graph.function), g);
  }
  define_all();
  resolve_all();
  trace_origins();
}

std::uint32_t Dataflow::function(const Node& node) const {
  const auto found = functions_.find({node.domain, node.op});
  return found == functions_.end() ? kNone : found->second;
}

std::uint32_t Dataflow::define(std::uint32_t graph, std::string_view name) {
  const auto [at, added] = scopes_[graph].emplace(name, static_cast<std::uint32_t>(values_.size()));
  if (added) values_.emplace_back();
  return at->second;
}

std::uint32_t Dataflow::resolve(std::uint32_t graph, std::string_view name) const {
  if (name.empty()) return kNone;
  for (; graph != kNone; graph = model_.graphs[graph].parent) {
    const auto found = scopes_[graph].find(name);
    if (found != scopes_[graph].end()) return found->second;
  }
  return kNone;
}

void Dataflow::define_all() {
  for (std::uint32_t g = 0; g < model_.graphs.size(); ++g) {
    for (const auto name : model_.list(model_.graphs[g].inputs)) {
      if (!name.empty()) define(g, name);
    }
  }
  for (std::uint32_t n = 0; n < model_.nodes.size(); ++n) {
    const Node& node = model_.nodes[n];
    for (std::uint32_t i = 0; i < node.outputs.count; ++i) {
      const auto name = model_.names[node.outputs.first + i];
      if (name.empty()) continue;
      Value& value = values_[define(node.graph, name)];
      if (value.node != kNone) continue;
      value.node = n;
      value.output = i;
    }
  }
  for (std::uint32_t w = 0; w < model_.weights.size(); ++w) {
    const Weight& weight = model_.weights[w];
    std::string_view name;
    if (weight.holder == Weight::Holder::initializer || weight.holder == Weight::Holder::sparse_initializer) {
      name = weight.tensor.name;
    } else if (weight.holder == Weight::Holder::constant && model_.nodes[weight.node].outputs.count > 0) {
      name = model_.names[model_.nodes[weight.node].outputs.first];
    }
    if (name.empty()) continue;
    Value& value = values_[define(weight.graph, name)];
    if (value.weight == kNone) value.weight = w;
  }
}

void Dataflow::resolve_all() {
  resolved_.assign(model_.names.size(), kNone);
  const auto fill = [&](std::uint32_t graph, Range range) {
    for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
      resolved_[i] = resolve(graph, model_.names[i]);
    }
  };
  for (std::uint32_t g = 0; g < model_.graphs.size(); ++g) {
    fill(g, model_.graphs[g].inputs);
    fill(g, model_.graphs[g].outputs);
  }
  for (const Node& node : model_.nodes) {
    fill(node.graph, node.inputs);
    fill(node.graph, node.outputs);
  }
}

// Each value points to at most one value that it was moved from: walk that chain to a known end, then write the answer
// along the way back, so that all chains together cost one visit per value. A cycle ends where the walk meets itself.
void Dataflow::trace_origins() {
  enum class State : std::uint8_t { unknown, on_path, known };
  std::vector<State> states(values_.size(), State::unknown);
  origins_.resize(values_.size());
  std::vector<std::uint32_t> path;
  for (std::uint32_t start = 0; start < values_.size(); ++start) {
    std::uint32_t at = start;
    path.clear();
    while (at != kNone && states[at] == State::unknown) {
      states[at] = State::on_path;
      path.push_back(at);
      const Value& value = values_[at];
      const bool moved = value.weight == kNone && value.node != kNone && value.output == 0 &&
                         moves_elements(model_.nodes[value.node]) && function(model_.nodes[value.node]) == kNone;
      at = moved ? input(model_.nodes[value.node], 0) : kNone;
    }
    Origin origin = at == kNone || states[at] != State::known ? Origin{} : origins_[at];
    for (auto v = path.rbegin(); v != path.rend(); ++v) {
      const Value& value = values_[*v];
      if (value.weight != kNone) {
        origin = {value.weight, false};
      } else if (value.node != kNone && model_.nodes[value.node].op != "Identity") {
        origin.rearranged = true;
      }
      origins_[*v] = origin;
      states[*v] = State::known;
    }
  }
}

}  // namespace sigmax::io::onnx
