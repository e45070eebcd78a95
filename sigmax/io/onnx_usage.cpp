#include "sigmax/io/onnx_usage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <tuple>

#include "sigmax/core/error.hpp"

namespace sigmax::io::onnx {
namespace {

/// How many leading inputs of the node its output is made of, unchanged but for place, type or scale; 0 for a consumer.
std::uint32_t forwarded_inputs(const Node& node) {
  static constexpr std::array<std::string_view, 12> kOne = {
      "Identity", "Cast",      "CastLike", "Transpose", "Reshape",        "Flatten",
      "Squeeze",  "Unsqueeze", "Slice",    "Split",     "QuantizeLinear", "DequantizeLinear"};
  if (!node.domain.empty() && node.domain != "com.microsoft") return 0;
  if (node.op == "Concat") return node.inputs.count;
  return std::ranges::find(kOne, node.op) != kOne.end() ? 1 : 0;
}

/// True if `permutation` swaps the last two axes and leaves the others. Absent means reversed, which is the swap for a
/// matrix.
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

/// The set of usages of a value is that of the values it is forwarded to, united with its direct consumers: the least
/// fixed point, found by passing each new fact backwards once. A fact is a kind of usage and its transposition.
class UsageFinder {
 public:
  UsageFinder(const Model& model, const Dataflow& flow) : model_(model), flow_(flow), facts_(flow.values().size()) {}

  std::vector<std::vector<Usage>> find() {
    for (std::uint32_t n = 0; n < model_.nodes.size(); ++n) add_node(model_.nodes[n]);
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
        usages[flow_.values()[v].weight].push_back(std::move(usage));
      }
    }
    return usages;
  }

 private:
  struct Fact {
    std::uint32_t kind;
    bool transposed;
    bool operator==(const Fact&) const = default;
  };
  struct Edge {
    std::uint32_t from, to;
    bool flips;
  };

  void connect(std::uint32_t from, std::uint32_t to, bool flips = false) {
    if (from != kNone && to != kNone) edges_.push_back({from, to, flips});
  }

  void connect_call(const Node& node, const Graph& body) {
    for (std::uint32_t i = 0; i < std::min(node.inputs.count, body.inputs.count); ++i) {
      connect(flow_.input(node, i), flow_.at(body.inputs.first + i));
    }
    for (std::uint32_t i = 0; i < std::min(node.outputs.count, body.outputs.count); ++i) {
      connect(flow_.at(body.outputs.first + i), flow_.output(node, i));
    }
  }

  void add_node(const Node& node) {
    if (const std::uint32_t function = flow_.function(node); function != kNone) {
      return connect_call(node, model_.graphs[function]);
    }
    const bool loop = node.domain.empty() && node.op == "Loop";
    const bool scan = node.domain.empty() && node.op == "Scan";
    const std::uint32_t forwarded = forwarded_inputs(node);
    const bool flips = node.op == "Transpose" && forwarded > 0 && swaps_last_two(model_.integers(node, "perm", 65));
    const Consumer consumer = forwarded == node.inputs.count ? Consumer{} : describe_consumer(node);
    for (std::uint32_t i = 0; i < node.inputs.count; ++i) {
      if (i < forwarded) {
        const std::uint32_t outputs = node.op == "Split" ? node.outputs.count : 1;
        for (std::uint32_t o = 0; o < outputs; ++o) connect(flow_.input(node, i), flow_.output(node, o), flips);
      } else if (!scan && !(loop && i >= 2) && flow_.input(node, i) != kNone) {
        const bool transposed = (consumer.transposes_a && i == 0) || (consumer.transposes_b && i == consumer.b);
        add_fact(flow_.input(node, i), {kind_of(consumer, i), transposed});
      }
    }
  }

  /// What the attributes of a node say of its inputs, read once a node however many inputs it has.
  struct Consumer {
    std::string op;
    std::int64_t groups = 1;
    bool transposes_a = false, transposes_b = false;
    std::uint32_t b = 1;
  };

  Consumer describe_consumer(const Node& node) const {
    static constexpr std::array<std::string_view, 4> kGrouped = {"Conv", "ConvTranspose", "QLinearConv", "ConvInteger"};
    Consumer consumer;
    consumer.op = shortened(node.op);
    if (std::ranges::find(kGrouped, node.op) != kGrouped.end()) {
      consumer.groups = model_.integer(node, "group", 1);
      if (consumer.groups <= 0) {
        throw FileError(model_.file->path().string(), title(model_, node),
                        fmt::format("group must be positive, got {}", consumer.groups));
      }
    }
    if (node.op == "Gemm" || node.op == "QGemm") {
      consumer.b = node.op == "Gemm" ? 1 : 3;
      consumer.transposes_a = model_.integer(node, "transA", 0) != 0;
      consumer.transposes_b = model_.integer(node, "transB", 0) != 0;
    }
    return consumer;
  }

  std::uint32_t kind_of(const Consumer& consumer, std::uint32_t input) {
    const auto [at, added] = kind_index_.emplace(std::tuple(consumer.op, input, consumer.groups), kinds_.size());
    if (added) kinds_.push_back({consumer.op, static_cast<int>(input), false, consumer.groups});
    return static_cast<std::uint32_t>(at->second);
  }

  // Values enter a body by position and leave it the same way. Loop adds (iteration, condition) in front of what is
  // carried and (condition) in front of what leaves. Every loop runs over the body's own names: a node may have many
  // bodies and many inputs.
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
      // Opset 8 has an input for sequence lengths in front.
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
    if (known.size() >= kMaxUsages || std::ranges::find(known, fact) != known.end()) return;
    known.push_back(fact);
    pending_.emplace_back(value, fact);
  }

  void propagate() {
    while (!pending_.empty()) {
      const auto [value, fact] = pending_.front();
      pending_.pop_front();
      auto edge = std::ranges::lower_bound(edges_, value, {}, &Edge::to);
      for (; edge != edges_.end() && edge->to == value; ++edge) {
        add_fact(edge->from, {fact.kind, fact.transposed != edge->flips});
      }
    }
  }

  const Model& model_;
  const Dataflow& flow_;
  std::vector<std::vector<Fact>> facts_;  // one list a value
  std::vector<Edge> edges_;
  std::vector<Usage> kinds_;
  std::map<std::tuple<std::string, std::uint32_t, std::int64_t>, std::size_t> kind_index_;
  std::deque<std::pair<std::uint32_t, Fact>> pending_;
};

}  // namespace

std::vector<std::vector<Usage>> find_usages(const Model& model, const Dataflow& flow) {
  return UsageFinder(model, flow).find();
}

}  // namespace sigmax::io::onnx
