#include "sigmax/graph/onnx/importer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/folding.hpp"
#include "sigmax/graph/onnx/importer_builder.hpp"
#include "sigmax/graph/onnx/input_shapes.hpp"
#include "sigmax/graph/onnx/refusals.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/recognize.hpp"

namespace sigmax::graph::onnx {
namespace {

/// `Input 'x'`, as other nodes are called.
std::string title_of(std::string_view what, const std::string& name) {
  io::ComputationNode node;
  node.op = std::string(what);
  node.name = name;
  return node.title();
}

/// Throws Error if the options name something that is not an output.
std::vector<std::string> outputs_to_import(const io::Computation& computation, const ImportOptions& options) {
  std::vector<std::string> all;
  for (const io::ComputationValue& output : computation.outputs) all.push_back(output.name);
  for (const std::string& name : options.outputs) {
    if (std::ranges::find(all, name) == all.end()) {
      throw Error(fmt::format("[from_onnx] the network has no output '{}'; it has '{}'", printable(name),
                              printable(fmt::format("{}", fmt::join(all, "', '")))));
    }
  }
  return options.outputs.empty() ? all : options.outputs;
}

bool holds_real_numbers(const io::ComputationValue& input) {
  return input.dtype.empty() || input.dtype == "f32" || input.dtype == "f64" || input.dtype == "f16" ||
         input.dtype == "bf16";
}

/// Whether the offset is below infinity and each group has a finite entry.
bool leaves_an_entry(const Node& node, const Groups& groups) {
  const auto* affine = std::get_if<Affine>(&node.operation);
  if (affine == nullptr || affine->offset.empty()) return true;
  const auto at = [&](std::int64_t o, std::int64_t k, std::int64_t i) {
    return affine->offset[static_cast<std::size_t>((o * groups.length + k) * groups.inner + i)];
  };
  for (std::int64_t o = 0; o < groups.outer; ++o) {
    for (std::int64_t i = 0; i < groups.inner; ++i) {
      bool any = false;
      for (std::int64_t k = 0; k < groups.length; ++k) {
        const double each = at(o, k, i);
        if (!(each < HUGE_VAL)) return false;  // NaN too
        any = any || each > -HUGE_VAL;
      }
      if (!any) return false;
    }
  }
  return true;
}

}  // namespace

Graph Importer::import(const io::Computation& computation) {
  opset_ = computation.opset;
  require_inputs_exist(computation, options_);
  for (const io::ComputationValue& input : computation.inputs) add_input(input);
  add_constants(computation);
  add_nodes(computation);
  for (const std::string& output : outputs_to_import(computation, options_)) {
    graph_.outputs.push_back(node_of_meaning(meaning(output), title_of("Output", output)));
  }
  note_rounded_constants();
  Graph graph = without_dead_nodes(std::move(graph_));
  validate(graph);
  refuse_infinite_offsets(graph);
  graph = without_dead_nodes(recognized(std::move(graph)));
  validate(graph);
  return graph;
}

void Importer::add_input(const io::ComputationValue& input) {
  if (const auto given = options_.input_values.find(input.name); given != options_.input_values.end()) {
    auto known = known_tensor(given->second);
    if (!known)
      throw Error(fmt::format("[from_onnx] the value of the input '{}' is not of numbers", printable(input.name)));
    Dimensions shape = given->second.shape();
    set(input.name, {Value{std::move(shape), std::move(known), std::nullopt}, 0, {}});
    return;
  }
  const Dimensions shape = input_shape(input, options_, graph_.assumptions);
  const std::string title = title_of("Input", input.name);
  // A bound is about real numbers: on integers a division or a cast means something else.
  const bool real = holds_real_numbers(input);
  Operation operation = Input{};
  if (!real)
    operation = Refused{
        fmt::format("is an input of type {}, which a bound does not cover: give it a value (--input-value {}=0)",
                    printable(input.dtype), printable(input.name))};
  const Index index = emit({title, std::move(operation), {}, shape});
  if (real) graph_.inputs.push_back(index);
  set(input.name, {Value{shape, std::nullopt, index}, 0, {}});
}

void Importer::add_constants(const io::Computation& computation) {
  for (const io::ComputationConstant& constant : computation.constants)
    unread_.insert_or_assign(constant.name, &constant);
}

void Importer::add_nodes(const io::Computation& computation) {
  for (const io::ComputationNode& node : computation.nodes) add_node(node);
}

void Importer::add_node(const io::ComputationNode& node) {
  NodeBuilder builder(*this, node);
  try {
    if (node.op == "If" && node.domain.empty() && builder.operand(0) != nullptr && builder.operand(0)->known) {
      take_branch(builder);
      return;
    }
    if (node.op == "Loop" && node.domain.empty()) return unroll_loop(builder);
    if (node.op == "Scan" && node.domain.empty()) return unroll_scan(builder);
    std::vector<Value> outputs = outputs_of(builder);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      if (i < outputs.size()) {
        set(node.outputs[i], {std::move(outputs[i]), 0, {}});
        continue;
      }
      // The outputs that the rule gives stay: this one may lead nowhere.
      const Index index =
          emit({builder.title(), Refused{fmt::format("has an output {} that no rule knows", i + 1)}, {}, {0}});
      set(node.outputs[i], {std::nullopt, index, builder.title()});
    }
  } catch (const RefusedNode& refused) {
    refuse(builder, refused.reason);
  } catch (const FileError&) {
    throw;
  } catch (const Error& error) {
    refuse(builder, error.what());
  }
}

/// The outputs that folding or a rule gives. Throws RefusedNode where neither does.
std::vector<Value> Importer::outputs_of(NodeBuilder& builder) {
  const io::ComputationNode& node = builder.node();
  for (const Meaning* each : builder.operands()) {
    if (each != nullptr && !each->value) {
      throw RefusedNode{fmt::format("comes after {}, whose output has no known shape", each->first)};
    }
  }
  if (!node.domain.empty()) throw RefusedNode{reason_without_rule(node)};
  const std::size_t needed = operands_needed(node);
  for (std::size_t i = 0; i < needed; ++i) {
    if (builder.operand(i) == nullptr) throw RefusedNode{fmt::format("lacks operand {} of {}", i + 1, needed)};
  }
  auto folded = fold_shape(builder);
  if (!folded) folded = fold(builder);
  if (folded) {
    if (!folded->exact) rounded_.push_back(builder.title());
    return std::move(folded->outputs);
  }
  const bool constant = std::ranges::all_of(
      builder.operands(), [](const Meaning* each) { return each == nullptr || each->value->known.has_value(); });
  const NamedRule* rule = find_rule(node.op);
  if (rule != nullptr && constant) {
    const Value* first = builder.operand(0);
    if (first == nullptr || first->known->is_integer())
      throw RefusedNode{"computes a constant in a way that is not folded"};
    builder.forget_first();
  }
  if (rule == nullptr) throw RefusedNode{reason_without_rule(node)};
  return rule->rule(builder);
}

void Importer::refuse(const NodeBuilder& builder, const std::string& reason) {
  const auto shapes = shapes_of_refused(builder);
  std::vector<Index> inputs;
  std::string first = builder.title();
  for (const Meaning* each : builder.operands()) {
    if (each == nullptr) continue;
    if (!each->value) {
      inputs.push_back(each->refused);
      first = each->first;
    }
    if (each->value && each->value->node) inputs.push_back(*each->value->node);
  }
  const auto& outputs = builder.node().outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    const bool known = shapes && i < shapes->size();
    const Dimensions shape = known ? (*shapes)[i] : Dimensions{0};
    const Index index = emit({builder.title(), Refused{printable(reason)}, inputs, shape});
    set(outputs[i], known ? Meaning{Value{shape, std::nullopt, index}, 0, {}} : Meaning{std::nullopt, index, first});
  }
}

void Importer::set(const std::string& name, Meaning meaning) { meanings_.insert_or_assign(name, std::move(meaning)); }

const Importer::Meaning& Importer::meaning(const std::string& name) {
  if (const auto found = meanings_.find(name); found != meanings_.end()) return found->second;
  const auto found = unread_.find(name);
  if (found == unread_.end())
    throw Error(fmt::format("[from_onnx] nothing before its use defines '{}'", printable(name)));
  const io::ComputationConstant& constant = *found->second;
  std::optional<Known> known;
  if (constant.load) known = known_tensor(constant.load());
  if (known) {
    set(name, {Value{constant.shape, std::move(known), std::nullopt}, 0, {}});
  } else {
    const std::string why =
        constant.unreadable.empty() ? fmt::format("holds values of type {}", constant.dtype) : constant.unreadable;
    const Index index = emit({title_of("Constant", name), Refused{"cannot be read: " + why}, {}, constant.shape});
    set(name, {Value{constant.shape, std::nullopt, index}, 0, {}});
  }
  return meanings_.at(name);
}

Index Importer::node_of_meaning(const Meaning& meaning, const std::string& title) {
  if (!meaning.value) return meaning.refused;
  if (meaning.value->node) return *meaning.value->node;
  return emit({title, Constant{meaning.value->known->numbers()}, {}, meaning.value->shape});
}

Index Importer::emit(Node node) {
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.size() - 1;
}

void Importer::note_rounded_constants() {
  constexpr std::size_t kNamed = 5;
  if (rounded_.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < std::min(rounded_.size(), kNamed); ++i) names += (i == 0 ? "" : ", ") + rounded_[i];
  if (rounded_.size() > kNamed) names += fmt::format(" and {} more", rounded_.size() - kNamed);
  graph_.assumptions.push_back(fmt::format("constants that the file computes are rounded to double: {}", names));
}

// exp(-inf) = 0: a softmax of x + c with some c_i = -inf is that of the other entries, and its bounds are those of a
// softmax, as it is the limit for c_i that fall. Anything else of an infinite value is not a number somewhere.
void refuse_infinite_offsets(Graph& graph) {
  std::vector<bool> softened(graph.nodes.size(), true);
  for (const Index output : graph.outputs) softened[output] = false;
  for (const Node& node : graph.nodes) {
    const auto* softmax = std::get_if<Softmax>(&node.operation);
    const bool takes = softmax != nullptr && !softmax->logarithm;
    for (const Index input : node.inputs) {
      if (!takes || !leaves_an_entry(graph.nodes[input], softmax->groups)) softened[input] = false;
    }
  }
  for (Index i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    const auto* affine = std::get_if<Affine>(&node.operation);
    const auto* constant = std::get_if<Constant>(&node.operation);
    if (affine == nullptr && constant == nullptr) continue;
    const bool finite = std::ranges::all_of(affine != nullptr ? affine->offset : constant->values,
                                            [](double each) { return std::isfinite(each); });
    if (!finite && !(affine != nullptr && softened[i])) {
      node.operation = Refused{"has a constant that is not finite, other than -inf in front of a softmax"};
      node.inputs.clear();
    }
  }
}

Graph without_dead_nodes(Graph graph) {
  std::vector<bool> alive(graph.nodes.size(), false);
  for (const Index each : graph.outputs) alive[each] = true;
  for (const Index each : graph.inputs) alive[each] = true;
  for (Index i = graph.nodes.size(); i-- > 0;) {
    if (!alive[i]) continue;
    for (const Index input : graph.nodes[i].inputs) alive[input] = true;
  }
  std::vector<Index> place(graph.nodes.size(), 0);
  std::vector<Node> nodes;
  for (Index i = 0; i < graph.nodes.size(); ++i) {
    if (!alive[i]) continue;
    place[i] = nodes.size();
    nodes.push_back(std::move(graph.nodes[i]));
    for (Index& input : nodes.back().inputs) input = place[input];
  }
  graph.nodes = std::move(nodes);
  for (Index& each : graph.inputs) each = place[each];
  for (Index& each : graph.outputs) each = place[each];
  return graph;
}

}  // namespace sigmax::graph::onnx
