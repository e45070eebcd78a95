#include "sigmax/io/onnx/onnx_constants.hpp"

#include <algorithm>
#include <string_view>

#include "sigmax/io/onnx/onnx_tensor.hpp"

namespace sigmax::io::onnx {
namespace {

bool is_random(std::string_view op) { return op.starts_with("Random") || op == "Bernoulli" || op == "Multinomial"; }

// Things wait for values: a node for its inputs, an input of a function for that of every call, an output of a call for
// that of the function. What waits for nothing more makes its own values constant, until nothing new is.
class Constants {
 public:
  Constants(const Model& model, const Dataflow& flow)
      : model_(model), flow_(flow), constant_(flow.values().size()), waits_(flow.values().size()) {}

  std::vector<bool> find() {
    for (std::uint32_t v = 0; v < constant_.size(); ++v) {
      if (flow_.values()[v].weight != kNone) mark(v);
    }
    std::vector<std::uint32_t> formals(constant_.size(), kNone);  // what waits for all calls
    for (const Node& node : model_.nodes) {
      if (const std::uint32_t function = flow_.function(node); function != kNone) {
        add_call(node, model_.graphs[function], formals);
      } else if (!is_random(node.op) && !has_body(node)) {
        add_node(node);
      }
    }
    for (std::uint32_t w = 0; w < waiting_.size(); ++w) {
      if (waiting_[w].count == 0) give(w);
    }
    while (!pending_.empty()) {
      const std::uint32_t value = pending_.back();
      pending_.pop_back();
      for (const std::uint32_t w : waits_[value]) {
        if (--waiting_[w].count == 0) give(w);
      }
    }
    return std::move(constant_);
  }

 private:
  struct Waiting {
    std::uint32_t count = 0;
    std::vector<std::uint32_t> values;
  };

  static bool has_body(const Node& node) {
    return node.domain.empty() && (node.op == "If" || node.op == "Loop" || node.op == "Scan");
  }

  std::uint32_t add(std::vector<std::uint32_t> values) {
    waiting_.push_back({0, std::move(values)});
    return static_cast<std::uint32_t>(waiting_.size() - 1);
  }

  // Nothing ever gives a value that is not known (kNone) to what waits for it.
  void wait(std::uint32_t waiting, std::uint32_t value) {
    ++waiting_[waiting].count;
    if (value != kNone) waits_[value].push_back(waiting);
  }

  void add_node(const Node& node) {
    std::vector<std::uint32_t> outputs;
    for (std::uint32_t o = 0; o < node.outputs.count; ++o) {
      if (flow_.output(node, o) != kNone) outputs.push_back(flow_.output(node, o));
    }
    const std::uint32_t waiting = add(std::move(outputs));
    std::uint32_t given = 0;
    for (std::uint32_t i = 0; i < node.inputs.count; ++i) {
      if (model_.names[node.inputs.first + i].empty()) continue;
      ++given;
      wait(waiting, flow_.input(node, i));
    }
    // What has no inputs is made of attributes, or by an operator that nobody knows.
    if (given == 0 && node.op != "Constant") wait(waiting, kNone);
  }

  void add_call(const Node& node, const Graph& body, std::vector<std::uint32_t>& formals) {
    for (std::uint32_t i = 0; i < body.inputs.count; ++i) {
      const std::uint32_t formal = flow_.at(body.inputs.first + i);
      if (formal == kNone) continue;
      if (formals[formal] == kNone) formals[formal] = add({formal});
      wait(formals[formal], flow_.input(node, i));
    }
    for (std::uint32_t o = 0; o < std::min(node.outputs.count, body.outputs.count); ++o) {
      if (flow_.output(node, o) != kNone) wait(add({flow_.output(node, o)}), flow_.at(body.outputs.first + o));
    }
  }

  void give(std::uint32_t waiting) {
    for (const std::uint32_t value : waiting_[waiting].values) mark(value);
  }

  void mark(std::uint32_t value) {
    if (constant_[value]) return;
    constant_[value] = true;
    pending_.push_back(value);
  }

  const Model& model_;
  const Dataflow& flow_;
  std::vector<bool> constant_;
  std::vector<std::vector<std::uint32_t>> waits_;  // of each value, what waits for it
  std::vector<Waiting> waiting_;
  std::vector<std::uint32_t> pending_;
};

}  // namespace

std::vector<bool> constant_values(const Model& model, const Dataflow& flow) { return Constants(model, flow).find(); }

std::uint32_t number_inputs(const Node& node) {
  static constexpr std::string_view kShapes[] = {"Shape",  "Size",   "ConstantOfShape", "NonZero",
                                                 "ArgMax", "ArgMin", "OneHot"};
  static constexpr std::string_view kTables[] = {"Gather", "GatherElements", "GatherND", "Expand", "Tile",
                                                 "Pad",    "TopK",           "CumSum",   "Resize", "Upsample"};
  if (std::ranges::find(kShapes, node.op) != std::end(kShapes)) return 0;
  if (std::ranges::find(kTables, node.op) != std::end(kTables) || node.op.starts_with("Reduce")) return 1;
  return node.inputs.count;
}

std::vector<bool> values_of_matrices(const Model& model, const Dataflow& flow) {
  std::vector<bool> of_matrices(flow.values().size());
  for (std::size_t v = 0; v < of_matrices.size(); ++v) {
    const std::uint32_t weight = flow.values()[v].weight;
    if (weight == kNone) continue;
    const TensorProto& tensor = model.weights[weight].tensor;
    const auto longer = std::ranges::count_if(tensor.dims, [](std::int64_t extent) { return extent != 1; });
    const DType dtype = data_type(tensor.data_type);
    const bool counts = dtype != DType::boolean && dtype != DType::string && dtype != DType::i64;
    of_matrices[v] = longer > 1 && counts;
  }
  for (const Node& node : model.nodes) {
    bool any = false;
    for (std::uint32_t i = 0; i < std::min(node.inputs.count, number_inputs(node)); ++i) {
      const std::uint32_t from = flow.input(node, i);
      any = any || (from != kNone && of_matrices[from]);
    }
    for (std::uint32_t o = 0; any && o < node.outputs.count; ++o) {
      if (const std::uint32_t to = flow.output(node, o); to != kNone) of_matrices[to] = true;
    }
  }
  return of_matrices;
}

}  // namespace sigmax::io::onnx
