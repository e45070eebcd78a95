// Graphs inside of nodes: the branch that an If takes, and the body of a Loop or a Scan, once for each time that it
// runs. Names of the file are unique, so that a body's values are those of its last run.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/importer_builder.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/movement.hpp"
#include "sigmax/graph/onnx/runtime_operators.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/graph/onnx/spelled_out.hpp"

namespace sigmax::graph::onnx {
namespace {

using Inner = std::shared_ptr<const io::Computation>;

/// Nodes of bodies that are gone through, in a whole file.
constexpr std::size_t kMostBodyNodes = std::size_t{1} << 20;

io::Computation body_of(const io::ComputationNode& node, std::string_view attribute,
                        const std::map<std::string, const io::ComputationConstant*>& outside) {
  const Inner* found = node.find<Inner>(attribute);
  if (found == nullptr || !*found) throw RefusedNode{fmt::format("lacks its {}", attribute)};
  return without_spelled_operators(without_runtime_operators(**found), outside);
}

Value known_scalar(std::int64_t number) { return {{}, known_integers({number}, {}), std::nullopt}; }

/// The entries of x at `index` of an axis, without that axis.
Value slice_of(Builder& builder, const Value& x, std::size_t axis, std::int64_t index) {
  const std::int64_t outer = extent_product(x.shape, 0, axis),
                     inner = extent_product(x.shape, axis + 1, x.shape.size());
  Movement movement{x.shape, false, {}};
  movement.shape.erase(movement.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  counted(movement.shape);
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) movement.source.push_back((o * x.shape[axis] + index) * inner + i);
  }
  if (x.known) return {movement.shape, Known{moved(x.known->values, movement)}, std::nullopt};
  return selected(builder, x, std::move(movement.source), std::move(movement.shape));
}

/// One number that is known, such as how often a loop runs.
std::int64_t known_number(const Value& value, const char* reason) {
  if (!value.known) throw RefusedNode{reason};
  const auto numbers = value.known->numbers();
  constexpr double kMost = 0x1p62;
  if (numbers.size() != 1 || !(numbers[0] < kMost && numbers[0] > -kMost))
    throw RefusedNode{"counts by something that is not one number"};
  return static_cast<std::int64_t>(numbers[0]);
}

}  // namespace

void Importer::take_branch(const NodeBuilder& builder) {
  const auto condition = builder.operand(0)->known->numbers();
  if (condition.size() != 1) throw RefusedNode{"has a condition that is not one value"};
  const io::Computation& branch =
      kept(body_of(builder.node(), condition[0] != 0 ? "then_branch" : "else_branch", unread_));
  if (branch.outputs.size() < builder.node().outputs.size()) throw RefusedNode{"has more outputs than its branch"};
  run_body(branch);
  for (std::size_t i = 0; i < builder.node().outputs.size(); ++i) {
    const Meaning result = meaning(branch.outputs[i].name);
    if (!builder.node().outputs[i].empty()) set(builder.node().outputs[i], result);
  }
}

void Importer::run_body(const io::Computation& body) {
  steps_ += 1 + body.nodes.size();
  if (steps_ > kMostBodyNodes) {
    throw RefusedNode{fmt::format("runs its graph too often: more than {} nodes with others", kMostBodyNodes)};
  }
  add_constants(body);
  add_nodes(body);
}

const io::Computation& Importer::kept(io::Computation body) {
  bodies_.push_back(std::move(body));
  return bodies_.back();
}

Importer::Meaning Importer::stacked(NodeBuilder& builder, const std::vector<Meaning>& runs) {
  const auto refused = [&](const char* reason) -> Meaning {
    return {std::nullopt, emit({builder.title(), Refused{reason}, {}, {0}}), builder.title()};
  };
  if (runs.empty()) return refused("stacks the outputs of a body that does not run");
  std::vector<Index> nodes;
  const bool known = std::ranges::all_of(runs, [](const Meaning& each) { return each.value && each.value->known; });
  std::vector<double> numbers;
  std::vector<std::int64_t> integers;
  for (const Meaning& each : runs) {
    if (!each.value) return each;
    if (each.value->shape != runs[0].value->shape) return refused("stacks outputs of different shapes");
    if (!known) {
      nodes.push_back(node_of_meaning(each, builder.title()));
    } else if (each.value->known->is_integer()) {
      for (const std::int64_t number : each.value->known->integers()) integers.push_back(number);
    } else {
      for (const double number : each.value->known->numbers()) numbers.push_back(number);
    }
  }
  Dimensions shape = runs[0].value->shape;
  shape.insert(shape.begin(), static_cast<std::int64_t>(runs.size()));
  counted(shape);
  if (!known) return {builder.emit(Stack{}, std::move(nodes), std::move(shape)), 0, {}};
  if (numbers.empty()) return {Value{shape, known_integers(std::move(integers), shape), std::nullopt}, 0, {}};
  return {Value{shape, known_numbers(std::move(numbers), shape), std::nullopt}, 0, {}};
}

void Importer::unroll_loop(NodeBuilder& builder) {
  const io::ComputationNode& node = builder.node();
  const io::Computation& body = kept(body_of(node, "body", unread_));
  const std::size_t carried_count = node.inputs.size() < 2 ? 0 : node.inputs.size() - 2;
  if (body.inputs.size() != carried_count + 2 || body.outputs.size() < carried_count + 1 ||
      node.outputs.size() > body.outputs.size() - 1) {
    throw RefusedNode{"has a body with other inputs or outputs than it needs"};
  }
  constexpr const char* kUntil = "depends on the input in how often it runs";
  const auto operand_or = [&](std::size_t i, std::int64_t otherwise) {
    if (node.inputs.size() <= i || node.inputs[i].empty()) return otherwise;
    if (builder.operand(i) == nullptr) throw RefusedNode{kUntil};
    return known_number(*builder.operand(i), kUntil);
  };
  const std::int64_t most = operand_or(0, std::numeric_limits<std::int64_t>::max());
  bool goes_on = operand_or(1, 1) != 0;
  std::vector<Meaning> carried;
  for (std::size_t k = 0; k < carried_count; ++k) carried.push_back(meaning(node.inputs[2 + k]));
  std::vector<std::vector<Meaning>> scanned(body.outputs.size() - 1 - carried_count);
  for (std::int64_t i = 0; i < most && goes_on; ++i) {
    set(body.inputs[0].name, {known_scalar(i), 0, {}});
    set(body.inputs[1].name, {known_scalar(1), 0, {}});
    for (std::size_t k = 0; k < carried_count; ++k) set(body.inputs[2 + k].name, carried[k]);
    run_body(body);
    const Meaning condition = meaning(body.outputs[0].name);
    if (!condition.value) throw RefusedNode{kUntil};
    goes_on = known_number(*condition.value, kUntil) != 0;
    for (std::size_t k = 0; k < carried_count; ++k) carried[k] = meaning(body.outputs[1 + k].name);
    for (std::size_t k = 0; k < scanned.size(); ++k)
      scanned[k].push_back(meaning(body.outputs[1 + carried_count + k].name));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    set(node.outputs[i], i < carried_count ? carried[i] : stacked(builder, scanned[i - carried_count]));
  }
}

void Importer::unroll_scan(NodeBuilder& builder) {
  const io::ComputationNode& node = builder.node();
  if (opset_ < 9) throw RefusedNode{"is a Scan of an opset before 9, which no rule knows"};
  const io::Computation& body = kept(body_of(node, "body", unread_));
  const auto scans = static_cast<std::size_t>(std::max<std::int64_t>(0, builder.integer("num_scan_inputs", 0)));
  if (scans < 1 || scans > node.inputs.size() || body.inputs.size() != node.inputs.size() ||
      body.outputs.size() < node.outputs.size() || body.outputs.size() < node.inputs.size() - scans) {
    throw RefusedNode{"has a body with other inputs or outputs than it needs"};
  }
  const std::size_t states = node.inputs.size() - scans;
  const auto numbers = [&](std::string_view attribute) {
    return builder.integers(attribute).value_or(std::vector<std::int64_t>());
  };
  const auto at = [](const std::vector<std::int64_t>& list, std::size_t i) { return i < list.size() ? list[i] : 0; };
  const auto axes = numbers("scan_input_axes"), backward = numbers("scan_input_directions");
  for (const std::int64_t each : numbers("scan_output_axes")) {
    if (each != 0) throw RefusedNode{"stacks its outputs along another axis than the first, which no rule knows"};
  }
  const auto output_backward = numbers("scan_output_directions");
  std::vector<Meaning> carried;
  for (std::size_t k = 0; k < states; ++k) carried.push_back(meaning(node.inputs[k]));
  std::vector<std::vector<Meaning>> scanned(body.outputs.size() - states);
  std::int64_t runs = -1;
  for (std::size_t k = 0; k < scans; ++k) {
    const Value* x = builder.operand(states + k);
    if (x == nullptr) throw RefusedNode{"lacks an input that it scans"};
    const std::int64_t length = x->shape.at(axis_of(at(axes, k), x->shape.size()));
    if (runs >= 0 && length != runs) throw RefusedNode{"scans inputs of different lengths"};
    runs = length;
  }
  for (std::int64_t i = 0; i < runs; ++i) {
    for (std::size_t k = 0; k < states; ++k) set(body.inputs[k].name, carried[k]);
    for (std::size_t k = 0; k < scans; ++k) {
      const Value& x = *builder.operand(states + k);
      const std::int64_t index = at(backward, k) != 0 ? runs - 1 - i : i;
      set(body.inputs[states + k].name, {slice_of(builder, x, axis_of(at(axes, k), x.shape.size()), index), 0, {}});
    }
    run_body(body);
    for (std::size_t k = 0; k < states; ++k) carried[k] = meaning(body.outputs[k].name);
    for (std::size_t k = 0; k < scanned.size(); ++k) scanned[k].push_back(meaning(body.outputs[states + k].name));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    if (i >= states && at(output_backward, i - states) != 0) std::ranges::reverse(scanned[i - states]);
    set(node.outputs[i], i < states ? carried[i] : stacked(builder, scanned[i - states]));
  }
}

}  // namespace sigmax::graph::onnx
