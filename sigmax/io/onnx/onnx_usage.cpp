#include "sigmax/io/onnx/onnx_usage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/onnx/onnx_axis_map.hpp"
#include "sigmax/io/onnx/onnx_constants.hpp"
#include "sigmax/io/onnx/onnx_convolution.hpp"
#include "sigmax/io/onnx/onnx_image_shapes.hpp"
#include "sigmax/io/onnx/onnx_padding.hpp"
#include "sigmax/io/onnx/onnx_parameters.hpp"
#include "sigmax/io/onnx/onnx_shapes.hpp"
#include "sigmax/io/onnx/onnx_value_shapes.hpp"

namespace sigmax::io::onnx {
namespace {

/// Number of leading inputs of the node that make up its output, unchanged except for place, type or scale; 0 for a
/// consumer.
std::uint32_t forwarded_inputs(const Node& node) {
  static constexpr std::array<std::string_view, 12> kOne = {
      "Identity", "Cast",      "CastLike", "Transpose", "Reshape",        "Flatten",
      "Squeeze",  "Unsqueeze", "Slice",    "Split",     "QuantizeLinear", "DequantizeLinear"};
  if (!node.domain.empty() && node.domain != "com.microsoft") return 0;
  if (node.op == "Concat") return node.inputs.count;
  return std::ranges::find(kOne, node.op) != kOne.end() ? 1 : 0;
}

/// True if `permutation` swaps the last two axes and leaves the others. An absent one means reversed, which is that
/// swap for a matrix.
bool swaps_last_two(const std::optional<std::vector<std::int64_t>>& permutation) {
  if (!permutation) return true;
  const auto rank = static_cast<std::int64_t>(permutation->size());
  if (rank < 2) return false;
  for (std::int64_t d = 0; d < rank; ++d) {
    const std::int64_t expected = d == rank - 1 ? rank - 2 : d == rank - 2 ? rank - 1 : d;
    if ((*permutation)[static_cast<std::size_t>(d)] != expected) return false;
  }
  return true;
}

/// True of the input of an operator that its definition calls a weight. Either side of a product may be an activation.
bool is_weight_input(const Usage& use) {
  static constexpr std::array<std::string_view, 9> kOps = {
      "Conv", "ConvTranspose", "ConvInteger", "FusedConv", "NhwcConv", "DeformConv", "LSTM", "GRU", "RNN"};
  if (std::ranges::find(kOps, use.op) == kOps.end()) return false;
  return use.input == 1 || (use.input == 2 && (use.op == "LSTM" || use.op == "GRU" || use.op == "RNN"));
}

/// True of an operator whose result is a weight with other entries, where one of its inputs is a weight.
bool is_entrywise(const Node& node) {
  static constexpr std::array<std::string_view, 6> kOps = {"Mul", "Div", "Add", "Sub", "Where", "Sum"};
  return node.domain.empty() && std::ranges::find(kOps, node.op) != kOps.end();
}

/// True if the node's output has other axes than its input.
bool changes_axes(const Node& node) {
  static constexpr std::array<std::string_view, 4> kOps = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
  return std::ranges::find(kOps, node.op) != kOps.end();
}

/// The set of usages of a value is that of the values it is forwarded to, united with its direct consumers: the least
/// fixed point, found by passing each new fact backwards once. A fact is a kind of usage, its transposition and the way
/// that its axes took.
class UsageFinder {
 public:
  UsageFinder(const Model& model, const Dataflow& flow, const std::vector<bool>& changes)
      : model_(model),
        flow_(flow),
        changes_(changes),
        parameters_(model, flow),
        shapes_(constant_shapes(model, flow)),
        value_shapes_(value_shapes(model, flow)),
        constant_(constant_values(model, flow)),
        of_matrices_(values_of_matrices(model, flow)),
        facts_(flow.values().size()) {}

  std::vector<std::vector<Usage>> find() {
    for (std::uint32_t n = 0; n < model_.nodes.size(); ++n) add_node(n);
    for (const Graph& graph : model_.graphs) {
      if (graph.owner != kNone) add_body(graph, model_.nodes[graph.owner]);
    }
    std::ranges::stable_sort(edges_, {}, &Edge::to);
    propagate();

    std::vector<std::vector<Usage>> usages(model_.weights.size());
    for (std::size_t v = 0; v < facts_.size(); ++v) {
      if (flow_.values()[v].weight == kNone) continue;
      for (const Fact& fact : facts_[v]) {
        Usage usage = kinds_[fact.kind];
        usage.transposed = fact.transposed;
        usage.permutation = axis_maps_[fact.axes].permutation;
        usage.reshaped = axis_maps_[fact.axes].reshaped;
        usage.gathered = axis_maps_[fact.axes].gathered;
        usage.view = axis_maps_[fact.axes].view;
        usage.order = axis_maps_[fact.axes].order;
        usage.squeezed = axis_maps_[fact.axes].squeezed;
        usage.computed_by = axis_maps_[fact.axes].computed_by;
        usage.of_vectors = axis_maps_[fact.axes].of_vectors;
        usages[flow_.values()[v].weight].push_back(std::move(usage));
      }
    }
    return usages;
  }

 private:
  struct Fact {
    std::uint32_t kind;
    bool transposed;
    std::uint32_t axes = 0;  // index in axis_maps_
    bool operator==(const Fact&) const = default;
  };
  struct Edge {
    std::uint32_t from, to;
    bool flips;
    std::uint32_t node = kNone;  // that changes or transposes the axes
    enum class Kind : std::uint8_t { moves, computes, computes_weight } kind = Kind::moves;
  };

  void connect(std::uint32_t from, std::uint32_t to, bool flips = false, std::uint32_t node = kNone) {
    if (from != kNone && to != kNone) edges_.push_back({from, to, flips, node});
  }

  /// What a node computes of constants may be used as a weight, and so may what it makes of a weight and an activation:
  /// that is one only where an operator takes nothing else.
  void connect_computed(const Node& node, std::uint32_t index, std::uint32_t first) {
    const std::uint32_t result = flow_.output(node, 0);
    if (result == kNone) return;
    const bool constant = constant_[result];
    if (!constant && !is_entrywise(node)) return;
    const auto kind = constant ? Edge::Kind::computes : Edge::Kind::computes_weight;
    for (std::uint32_t i = first; i < std::min(node.inputs.count, number_inputs(node)); ++i) {
      for (std::uint32_t o = 0; o < (constant ? node.outputs.count : 1); ++o) {
        const std::uint32_t from = flow_.input(node, i), to = flow_.output(node, o);
        if (from != kNone && to != kNone) edges_.push_back({from, to, false, index, kind});
      }
    }
  }

  void connect_moved(const Node& node, std::uint32_t index, std::uint32_t input, std::uint32_t output, bool flips,
                     bool moves) {
    const std::uint32_t from = flow_.input(node, input), to = flow_.output(node, output);
    if (!changes_[index]) return connect(from, to, flips, moves ? index : kNone);
    if (from != kNone && to != kNone) edges_.push_back({from, to, false, index, Edge::Kind::computes});
  }

  /// Where the graph computes an operand from constants and none of these is a matrix, they are all that there is of
  /// the weight.
  bool may_be_a_matrix_of_vectors(std::uint32_t value) const {
    if (!constant_[value] || flow_.values()[value].weight != kNone || of_matrices_[value]) return false;
    const auto& shape = shapes_[value];
    return !shape || std::ranges::count_if(*shape, [](std::int64_t extent) { return extent != 1; }) > 1;
  }

  std::uint32_t index_of(const AxisMap& map) {
    const auto [at, added] = axis_map_index_.emplace(map, static_cast<std::uint32_t>(axis_maps_.size()));
    if (added) axis_maps_.push_back(map);
    return at->second;
  }

  /// The axes at the input of the edge, given those at its output.
  std::uint32_t axes_before(const Edge& edge, std::uint32_t axes) {
    if (edge.node == kNone) return axes;
    const Node& node = model_.nodes[edge.node];
    if (edge.kind != Edge::Kind::moves) return index_of(axis_maps_[axes].before_computing(shortened(node.op)));
    if (!axis_maps_[axes].computed_by.empty()) {
      if (node.op == "Transpose") return axes;
      return index_of(axis_maps_[axes].before_reshape_and_computing(shapes_[edge.to]));
    }
    if (node.op == "Squeeze" || node.op == "Unsqueeze") {
      return index_of(axis_maps_[axes].before_squeeze(shapes_[edge.to]));
    }
    if (node.op == "Transpose") {
      return index_of(axis_maps_[axes].before_transpose(model_.integers(node, "perm", kMostAxes)));
    }
    return index_of(node.op == "Gather" ? axis_maps_[axes].before_gather()
                                        : axis_maps_[axes].before_reshape(shapes_[edge.to]));
  }

  void connect_call(const Node& node, const Graph& body) {
    for (std::uint32_t i = 0; i < std::min(node.inputs.count, body.inputs.count); ++i) {
      connect(flow_.input(node, i), flow_.at(body.inputs.first + i));
    }
    for (std::uint32_t i = 0; i < std::min(node.outputs.count, body.outputs.count); ++i) {
      connect(flow_.at(body.outputs.first + i), flow_.output(node, i));
    }
  }

  void add_node(std::uint32_t index) {
    const Node& node = model_.nodes[index];
    if (const std::uint32_t function = flow_.function(node); function != kNone) {
      return connect_call(node, model_.graphs[function]);
    }
    const bool loop = node.domain.empty() && node.op == "Loop";
    const bool scan = node.domain.empty() && node.op == "Scan";
    const std::uint32_t forwarded = forwarded_inputs(node);
    const bool flips =
        node.op == "Transpose" && forwarded > 0 && swaps_last_two(model_.integers(node, "perm", kMostAxes));
    const bool moves = forwarded > 0 && (node.op == "Transpose" || changes_axes(node));
    const Consumer consumer = forwarded == node.inputs.count ? Consumer{} : describe_consumer(node);
    // What Gather has taken goes on to be used; that it was looked up is a usage too.
    const bool gathers = node.op == "Gather" && node.domain.empty();
    const bool computes = flow_.output(node, 0) != kNone && constant_[flow_.output(node, 0)];
    if (gathers && !computes) connect(flow_.input(node, 0), flow_.output(node, 0), false, index);
    if (forwarded == 0) connect_computed(node, index, 0);
    for (std::uint32_t i = 0; i < node.inputs.count; ++i) {
      if (i < forwarded) {
        const std::uint32_t outputs = node.op == "Split" ? node.outputs.count : 1;
        for (std::uint32_t o = 0; o < outputs; ++o) connect_moved(node, index, i, o, flips, moves);
      } else if (!scan && !(loop && i >= 2) && flow_.input(node, i) != kNone) {
        const bool transposed = (consumer.transposes_a && i == 0) || (consumer.transposes_b && i == consumer.b);
        AxisMap map;
        if (transposed) map.permutation = {1, 0};
        map.of_vectors = may_be_a_matrix_of_vectors(flow_.input(node, i));
        const std::uint32_t axes = index_of(map);
        add_fact(flow_.input(node, i), {kind_of(consumer, i), transposed, axes});
      }
    }
  }

  /// What the attributes of a node say about its inputs, read once per node however many inputs it has.
  struct Consumer {
    std::string op;
    std::int64_t groups = 1;
    std::int64_t axis = 0;
    std::string equation;
    std::optional<ConvolutionSettings> convolution{};
    bool transposes_a = false, transposes_b = false;
    std::uint32_t b = 1;
  };

  Consumer describe_consumer(const Node& node) {
    static constexpr std::array<std::string_view, 7> kGrouped = {
        "Conv", "ConvTranspose", "QLinearConv", "ConvInteger", "FusedConv", "NhwcConv", "DeformConv"};
    Consumer consumer;
    consumer.op = shortened(node.op);
    if (std::ranges::find(kGrouped, node.op) != kGrouped.end()) {
      consumer.groups = model_.integer(node, "group", 1);
      if (consumer.groups <= 0) {
        throw FileError(model_.file->path().string(), title(model_, node),
                        fmt::format("group must be positive, got {}", consumer.groups));
      }
    }
    if (kernel_input(node) != kNone) consumer.convolution = settings_of(node);
    if (node.op == "Gather") consumer.axis = model_.integer(node, "axis", 0);
    if (node.op == "Einsum") consumer.equation = shortened(model_.text(node, "equation"));
    if (node.op == "Gemm" || node.op == "QGemm" || node.op == "FusedMatMul" || node.op == "FusedGemm") {
      consumer.b = node.op == "QGemm" ? 3 : 1;
      consumer.transposes_a = model_.integer(node, "transA", 0) != 0;
      consumer.transposes_b = model_.integer(node, "transB", 0) != 0;
    }
    return consumer;
  }

  std::optional<ConvolutionSettings> settings_of(const Node& node) {
    const std::uint32_t kernel = flow_.input(node, kernel_input(node)), image = flow_.input(node, 0);
    const auto& shape = kernel == kNone ? std::nullopt : value_shapes_[kernel];
    const bool known = shape && std::ranges::all_of(*shape, [](std::int64_t extent) { return extent > 0; });
    auto settings = convolution_settings(model_, node, known ? *shape : Dimensions(),
                                         image == kNone ? Dimensions() : image_size(value_shapes_[image]));
    if (settings) fold_pads(model_, flow_, constant_, parameters_, image, is_transposed_convolution(node), *settings);
    return settings;
  }

  std::uint32_t kind_of(const Consumer& consumer, std::uint32_t input) {
    // Only the kernel moves.
    const auto convolution = input == 0 ? std::nullopt : consumer.convolution;
    const auto [at, added] = kind_index_.emplace(
        std::tuple(consumer.op, input, consumer.groups, consumer.axis, consumer.equation, convolution), kinds_.size());
    if (added) {
      Usage usage;
      usage.op = consumer.op;
      usage.input = static_cast<int>(input);
      usage.groups = consumer.groups;
      usage.axis = consumer.axis;
      usage.equation = consumer.equation;
      usage.convolution = convolution;
      kinds_.push_back(std::move(usage));
    }
    return static_cast<std::uint32_t>(at->second);
  }

  // Values enter a body by position and leave it the same way. Loop puts (iteration, condition) before the values that
  // are carried and (condition) before the values that leave. Every loop here runs over the body's own names, because a
  // node may have many bodies and many inputs.
  void add_body(const Graph& body, const Node& owner) {
    if (!owner.domain.empty()) return;
    if (owner.op == "If") {
      connect_outputs(body, owner, 0);
    } else if (owner.op == "Loop") {
      for (std::uint32_t i = 2; i < body.inputs.count; ++i) {
        connect(flow_.input(owner, i), flow_.at(body.inputs.first + i));
        if (i <= body.outputs.count) connect(flow_.at(body.outputs.first + i - 1), flow_.at(body.inputs.first + i));
      }
      connect_outputs(body, owner, 1);
    } else if (owner.op == "Scan") {
      // Opset 8 has an additional first input for sequence lengths.
      const std::uint32_t skip = owner.inputs.count == body.inputs.count + 1 ? 1 : 0;
      for (std::uint32_t i = 0; i < body.inputs.count; ++i) {
        connect(flow_.input(owner, i + skip), flow_.at(body.inputs.first + i));
      }
      connect_outputs(body, owner, 0);
    }
  }

  void connect_outputs(const Graph& body, const Node& owner, std::uint32_t first) {
    for (std::uint32_t i = first; i < body.outputs.count; ++i) {
      connect(flow_.at(body.outputs.first + i), flow_.output(owner, i - first));
    }
  }

  void add_fact(std::uint32_t value, Fact fact) {
    auto& known = facts_[value];
    // Each kind has a limit of its own: what is computed must not hide what is used, nor the other way round.
    const auto is_computed = [&](const Fact& f) { return !axis_maps_[f.axes].computed_by.empty(); };
    const bool computed = is_computed(fact);
    if (std::ranges::find(known, fact) != known.end()) return;
    const auto alike = std::ranges::count_if(known, [&](const Fact& f) { return is_computed(f) == computed; });
    if (alike >= static_cast<std::ptrdiff_t>(kMaxUsages)) return;
    known.push_back(fact);
    pending_.emplace_back(value, fact);
  }

  void propagate() {
    while (!pending_.empty()) {
      const auto [value, fact] = pending_.front();
      pending_.pop_front();
      auto edge = std::ranges::lower_bound(edges_, value, {}, &Edge::to);
      for (; edge != edges_.end() && edge->to == value; ++edge) {
        if (edge->kind == Edge::Kind::computes_weight && !is_weight_input(kinds_[fact.kind])) continue;
        add_fact(edge->from, {fact.kind, fact.transposed != edge->flips, axes_before(*edge, fact.axes)});
      }
    }
  }

  const Model& model_;
  const Dataflow& flow_;
  const std::vector<bool>& changes_;
  Parameters parameters_;
  std::vector<std::optional<Dimensions>> shapes_;        // of constants and of what nodes make of them
  std::vector<std::optional<Dimensions>> value_shapes_;  // of all values, as far as they are known
  std::vector<bool> constant_;                           // values that are computed from constants alone
  std::vector<bool> of_matrices_;                        // values that take numbers from a constant that is a matrix
  std::vector<std::vector<Fact>> facts_;                 // one list a value
  std::vector<Edge> edges_;
  std::vector<Usage> kinds_;
  using Kind = std::tuple<std::string, std::uint32_t, std::int64_t, std::int64_t, std::string,
                          std::optional<ConvolutionSettings>>;
  std::map<Kind, std::size_t> kind_index_;
  std::vector<AxisMap> axis_maps_ = std::vector<AxisMap>(1);  // the first: nothing moved
  std::map<AxisMap, std::uint32_t> axis_map_index_ = {{AxisMap{}, 0}};
  std::deque<std::pair<std::uint32_t, Fact>> pending_;
};

}  // namespace

std::vector<std::vector<Usage>> find_usages(const Model& model, const Dataflow& flow,
                                            const std::vector<bool>& changes) {
  return UsageFinder(model, flow, changes).find();
}

}  // namespace sigmax::io::onnx
