#include "sigmax/graph/onnx/runtime_operators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/input_shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

using Name = std::string;
using io::ComputationAttribute;
using io::ComputationNode;

constexpr std::string_view kDomain = "com.microsoft";

class Rewriter {
 public:
  explicit Rewriter(const io::Computation& computation) {
    for (const auto& input : computation.inputs) names_.insert(input.name);
    for (const auto& constant : computation.constants) names_.insert(constant.name);
    for (const ComputationNode& node : computation.nodes) names_.insert(node.outputs.begin(), node.outputs.end());
  }

  /// The nodes that take this one's place.
  std::vector<ComputationNode> rewritten(const ComputationNode& node) {
    node_ = &node;
    made_.clear();
    if (node.op == "SimplifiedLayerNormalization" && (node.domain.empty() || node.domain == kDomain)) {
      end("RMSNormalization", node.inputs, chosen({"axis", "epsilon"}), node.outputs);
    } else if (node.domain != kDomain || !replaced()) {
      return {node};
    }
    return std::move(made_);
  }

 private:
  bool replaced() {
    const std::string& op = node_->op;
    if (op == "Gelu" && has(1)) {
      end("Gelu", {input(0)}, {});
    } else if (op == "BiasGelu" && has(2)) {
      end("Gelu", {step("Add", {input(0), input(1)})}, {});
    } else if (op == "FastGelu" && has(1)) {
      const Name x = input(1).empty() ? input(0) : step("Add", {input(0), input(1)});
      end("Gelu", {x}, {{"approximate", std::string("tanh")}});
    } else if (op == "QuickGelu" && has(1)) {
      end("Swish", {input(0)}, {{"alpha", number("alpha", static_cast<double>(1.702F))}});
    } else if (op == "SkipLayerNormalization" && has(3)) {
      skip({input(3)}, "LayerNormalization", input(4));
    } else if (op == "SkipSimplifiedLayerNormalization" && has(3)) {
      skip({}, "RMSNormalization", input(3));
    } else if (op == "FusedMatMul" || op == "TransposeMatMul") {
      made_.push_back(*node_);
      made_.back().op = "FusedMatMul";
      made_.back().domain.clear();
    } else if ((op == "Attention" && has(2)) || (op == "MultiHeadAttention" && has(1))) {
      made_.push_back(*node_);
      if (op == "Attention") made_.back().op = kPackedAttention;
      made_.back().domain.clear();
    } else if (op == "FusedConv" && has(2)) {
      return fused_convolution();
    } else if (op == "FusedGemm" && has(2)) {
      return fused_gemm();
    } else if (op == "GemmFastGelu" && has(2)) {
      Name x = step("MatMul", {input(0), input(1)});
      if (!input(2).empty()) x = step("Add", {x, input(2)});
      end("Gelu", {x}, {{"approximate", std::string("tanh")}});
    } else {
      return false;
    }
    return true;
  }

  /// The normalization of the sum, which is the fourth output.
  void skip(std::vector<Name> more, std::string_view op, const Name& bias) {
    std::vector<Name> terms{input(0), input(1)};
    if (!bias.empty()) terms.push_back(bias);
    const bool hands_out = node_->outputs.size() > 3 && !node_->outputs[3].empty();
    const Name sum = hands_out ? node_->outputs[3] : unused();
    add("Sum", std::move(terms), {}, {sum});
    std::vector<Name> operands{sum, input(2)};
    for (Name& each : more) operands.push_back(std::move(each));
    auto outputs = node_->outputs;
    outputs.resize(std::min<std::size_t>(outputs.size(), 3));
    end(op, std::move(operands),
        {{"axis", std::int64_t{-1}}, {"epsilon", number("epsilon", static_cast<double>(1e-12F))}}, std::move(outputs));
  }

  /// f(conv(x) + z)
  bool fused_convolution() {
    std::vector<ComputationAttribute> own;
    std::ranges::copy_if(node_->attributes, std::back_inserter(own),
                         [](const auto& each) { return !each.name.starts_with("activation"); });
    const auto* given = node_->find<std::vector<double>>("activation_params");
    const std::vector<double> parameters = given == nullptr ? std::vector<double>() : *given;
    std::vector<Name> operands{input(0), input(1)};
    if (!input(2).empty()) operands.push_back(input(2));
    return functioned(parameters, [&](Name output) {
      if (input(3).empty()) {
        add("Conv", operands, own, {std::move(output)});
      } else {
        const Name before = unused();
        add("Conv", operands, own, {before});
        add("Add", {before, input(3)}, {}, {std::move(output)});
      }
    });
  }

  bool fused_gemm() {
    std::vector<double> parameters;
    for (const char* each : {"activation_alpha", "activation_beta"}) {
      if (const auto* value = node_->find<double>(each)) parameters.push_back(*value);
    }
    return functioned(parameters, [&](Name output) {
      add("Gemm", node_->inputs, chosen({"alpha", "beta", "transA", "transB"}), {std::move(output)});
    });
  }

  /// The node's function of what `make` computes.
  template <class Make>
  bool functioned(const std::vector<double>& parameters, const Make& make) {
    const auto* text = node_->find<std::string>("activation");
    const std::string function = text == nullptr ? "" : *text;
    std::vector<ComputationAttribute> attributes;
    const auto set = [&](std::initializer_list<const char*> names) {
      std::size_t i = 0;
      for (const char* each : names) {
        if (i < parameters.size()) attributes.push_back({each, parameters[i]});
        ++i;
      }
    };
    if (function.empty()) {
      make(node_->outputs.at(0));
      return true;
    }
    if (function == "LeakyRelu" || function == "Elu") {
      set({"alpha"});
    } else if (function == "HardSigmoid") {
      set({"alpha", "beta"});
    } else if (function == "Clip") {
      set({"min", "max"});
    } else if (function != "Relu" && function != "Tanh" && function != "Sigmoid" && function != "HardSwish") {
      return false;
    }
    const Name before = unused();
    make(before);
    end(function, {before}, std::move(attributes));
    return true;
  }

  bool has(std::size_t operands) const {
    if (node_->outputs.empty()) return false;
    for (std::size_t i = 0; i < operands; ++i) {
      if (input(i).empty()) return false;
    }
    return true;
  }
  Name input(std::size_t i) const { return i < node_->inputs.size() ? node_->inputs[i] : Name(); }
  double number(std::string_view attribute, double otherwise) const {
    const auto* found = node_->find<double>(attribute);
    return found == nullptr ? otherwise : *found;
  }
  std::vector<ComputationAttribute> chosen(std::initializer_list<std::string_view> names) const {
    std::vector<ComputationAttribute> result;
    std::ranges::copy_if(node_->attributes, std::back_inserter(result),
                         [&](const auto& each) { return std::ranges::find(names, each.name) != names.end(); });
    return result;
  }

  /// A name that no value has.
  Name unused() {
    for (;;) {
      Name name = fmt::format("{}:{}", node_->outputs.at(0), ++count_);
      if (names_.insert(name).second) return name;
    }
  }
  void add(std::string_view op, std::vector<Name> inputs, std::vector<ComputationAttribute> attributes,
           std::vector<Name> outputs) {
    made_.push_back({std::string(op), "", node_->name, std::move(inputs), std::move(outputs), std::move(attributes)});
  }
  Name step(std::string_view op, std::vector<Name> inputs) {
    Name output = unused();
    add(op, std::move(inputs), {}, {output});
    return output;
  }
  void end(std::string_view op, std::vector<Name> inputs, std::vector<ComputationAttribute> attributes,
           std::vector<Name> outputs = {}) {
    if (outputs.empty()) outputs = node_->outputs;
    add(op, std::move(inputs), std::move(attributes), std::move(outputs));
  }

  std::set<Name> names_;
  std::size_t count_ = 0;
  const ComputationNode* node_ = nullptr;
  std::vector<ComputationNode> made_;
};

}  // namespace

io::Computation without_runtime_operators(const io::Computation& computation) {
  const bool any = std::ranges::any_of(computation.nodes, [](const ComputationNode& node) {
    return node.domain == kDomain || node.op == "SimplifiedLayerNormalization";
  });
  if (!any) return computation;
  Rewriter rewriter(computation);
  io::Computation result = computation;
  result.nodes.clear();
  for (const ComputationNode& node : computation.nodes) {
    for (ComputationNode& each : rewriter.rewritten(node)) result.nodes.push_back(std::move(each));
  }
  return result;
}

std::string reason_of_domain(const ComputationNode& node) {
  const auto holds = [&](std::string_view part) { return node.op.find(part) != std::string::npos; };
  if (node.domain == kDomain && holds("Attention")) {
    return "is attention in one node of a kind that no rule knows: export without fusing it, or optimize the file less";
  }
  if (node.domain == kDomain && (node.op.starts_with("Q") || holds("Quantize") || holds("Integer"))) {
    return "rounds to steps: no multiple of the change of its input bounds that of its output";
  }
  return fmt::format("is an operator of the domain '{}', which no rule knows", printable(node.domain));
}

}  // namespace sigmax::graph::onnx
