// Which value each name in an ONNX graph means, and where each value comes from. Internal to io/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/io/onnx/onnx_model.hpp"

namespace sigmax::io::onnx {

/// A value: the meaning of one name in one graph.
struct Value {
  std::uint32_t weight = kNone;  ///< index in Model::weights, if it is a constant
  std::uint32_t node = kNone;    ///< the node that computes it
  std::uint32_t output = 0;      ///< which of the node's outputs it is
};

/// The constant that a value carries, and whether its elements may have been moved on the way.
struct Origin {
  std::uint32_t weight = kNone;
  bool rearranged = false;
};

/// Names resolved to values: inner graphs see the names of the graphs around them and may shadow them. Names are kept
/// in ordered maps, so that no choice of names makes lookups slow.
class Dataflow {
 public:
  explicit Dataflow(const Model& model);

  const std::vector<Value>& values() const noexcept { return values_; }

  /// The value of the name at `position` of Model::names (an input or output of a node or graph); kNone if the name is
  /// empty or nothing defines it.
  std::uint32_t at(std::uint32_t position) const { return resolved_[position]; }
  std::uint32_t input(const Node& node, std::uint32_t index) const {
    return index < node.inputs.count ? at(node.inputs.first + index) : kNone;
  }
  std::uint32_t output(const Node& node, std::uint32_t index) const {
    return index < node.outputs.count ? at(node.outputs.first + index) : kNone;
  }

  /// The value that a name means in a graph; kNone if nothing defines it there or around it.
  std::uint32_t find(std::uint32_t graph, std::string_view name) const { return resolve(graph, name); }

  /// The constant behind a value, through nodes that only move elements (Identity, Reshape, Transpose, Gather, ...).
  Origin origin(std::uint32_t value) const { return value == kNone ? Origin{} : origins_[value]; }

  /// The model-local function that the node calls, kNone if it is an operator.
  std::uint32_t function(const Node& node) const;

 private:
  using Scope = std::map<std::string_view, std::uint32_t>;

  std::uint32_t define(std::uint32_t graph, std::string_view name);
  std::uint32_t resolve(std::uint32_t graph, std::string_view name) const;
  void define_all();
  void resolve_all();
  void trace_origins();

  const Model& model_;
  std::vector<Scope> scopes_;  // one per graph
  std::vector<Value> values_;
  std::vector<std::uint32_t> resolved_;
  std::vector<Origin> origins_;
  std::map<std::pair<std::string_view, std::string_view>, std::uint32_t> functions_;
};

}  // namespace sigmax::io::onnx
