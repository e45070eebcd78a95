#include "sigmax/graph/onnx/spelled_out.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {
namespace {

using Integers = std::vector<std::int64_t>;
using Name = std::string;

constexpr int kMostDepth = 12;  // of nodes that are compared

/// What computes each name.
class Definitions {
 public:
  Definitions(const io::Computation& computation, const std::map<Name, const io::ComputationConstant*>& outside)
      : opset_(computation.opset), constants_(outside) {
    for (const auto& constant : computation.constants) constants_.insert_or_assign(constant.name, &constant);
    for (const auto& node : computation.nodes) {
      for (const Name& output : node.outputs) producers_.emplace(output, &node);
    }
  }

  std::int64_t opset() const { return opset_; }

  /// The name of the same value before it was handed on.
  Name origin(Name name) const {
    for (int i = 0; i < kMostDepth; ++i) {
      const io::ComputationNode* node = producer(name);
      if (node == nullptr || node->inputs.empty() || !hands_on(*node)) return name;
      name = node->inputs[0];
    }
    return name;
  }

  /// The node with this operator and this many operands whose only output is this value; null if there is none.
  const io::ComputationNode* made_by(const Name& name, std::string_view op, std::size_t operands) const {
    const io::ComputationNode* node = producer(origin(name));
    const bool fits = node != nullptr && node->op == op && node->domain.empty() && node->inputs.size() == operands &&
                      node->outputs.size() == 1;
    return fits ? node : nullptr;
  }

  /// Numbers of a constant with at most one axis.
  std::optional<Known> constant(const Name& name) const {
    const auto found = constants_.find(origin(name));
    if (found == constants_.end() || !found->second->load || found->second->shape.size() > 1) return std::nullopt;
    return known_tensor(found->second->load());
  }

  std::optional<double> number(const Name& name) const {
    const auto known = constant(name);
    if (!known || known->numbers().size() != 1) return std::nullopt;
    return known->numbers()[0];
  }

  bool is_number(const Name& name, double value) const { return number(name) == value; }

  /// A constant of the file.
  bool is_stored(const Name& name) const { return constants_.contains(origin(name)); }

  /// A number that is stored or computed from shapes, as exporters compute how many entries there are.
  bool is_of_shapes(const Name& name, int depth = 0) const {
    if (is_stored(name)) return number(name).has_value() || depth > 0;
    const io::ComputationNode* node = producer(name);
    if (node == nullptr || !node->domain.empty() || depth > kMostDepth) return false;
    if (node->op == "Shape" || node->op == "Size") return true;
    constexpr std::string_view kArithmetic[] = {"Gather", "ReduceProd", "Cast", "CastLike", "Sub",     "Mul",
                                                "Slice",  "Squeeze",    "Max",  "Identity", "Reshape", "Unsqueeze"};
    if (std::ranges::find(kArithmetic, node->op) == std::end(kArithmetic)) return false;
    if (node->op == "CastLike") return is_of_shapes(node->inputs.at(0), depth + 1);
    return std::ranges::all_of(node->inputs,
                               [&](const Name& each) { return each.empty() || is_of_shapes(each, depth + 1); });
  }

  /// Both are the same function of the same values.
  bool same(const Name& a, const Name& b, int depth = 0) const {
    const Name first = origin(a), second = origin(b);
    if (first == second) return true;
    if (const auto left = constant(first)) {
      const auto right = constant(second);
      return right && left->values.shape() == right->values.shape() && left->numbers() == right->numbers();
    }
    const io::ComputationNode* left = producer(first);
    const io::ComputationNode* right = producer(second);
    if (left == nullptr || right == nullptr || depth > kMostDepth || !same_operator(*left, *right)) return false;
    for (std::size_t i = 0; i < left->inputs.size(); ++i) {
      if (left->inputs[i].empty() != right->inputs[i].empty()) return false;
      if (!left->inputs[i].empty() && !same(left->inputs[i], right->inputs[i], depth + 1)) return false;
    }
    return true;
  }

 private:
  const io::ComputationNode* producer(const Name& name) const {
    const auto found = producers_.find(name);
    return found == producers_.end() ? nullptr : found->second;
  }

  static bool hands_on(const io::ComputationNode& node) {
    if (!node.domain.empty()) return false;
    if (node.op == "Identity") return true;
    constexpr std::int64_t kReal[] = {1, 10, 11, 16};  // TensorProto.DataType: float, float16, double, bfloat16
    const auto* to = node.op == "Cast" ? node.find<std::int64_t>("to") : nullptr;
    return to != nullptr && std::ranges::find(kReal, *to) != std::end(kReal);
  }

  /// Of operators whose one output depends on nothing else than operands and these attributes.
  static bool same_operator(const io::ComputationNode& a, const io::ComputationNode& b) {
    constexpr std::string_view kPlain[] = {"Sub", "ReduceMean", "ReduceMax", "Exp", "Mul", "Pow", "Add"};
    if (a.op != b.op || !a.domain.empty() || !b.domain.empty() || a.inputs.size() != b.inputs.size() ||
        a.outputs.size() != 1 || b.outputs.size() != 1 || a.attributes.size() != b.attributes.size() ||
        std::ranges::find(kPlain, a.op) == std::end(kPlain)) {
      return false;
    }
    return std::ranges::all_of(a.attributes, [&b](const io::ComputationAttribute& each) {
      const auto* number = std::get_if<std::int64_t>(&each.value);
      const auto* list = std::get_if<Integers>(&each.value);
      const auto* other_number = b.find<std::int64_t>(each.name);
      const auto* other_list = b.find<Integers>(each.name);
      if (number != nullptr) return other_number != nullptr && *number == *other_number;
      return list != nullptr && other_list != nullptr && *list == *other_list;
    });
  }

  std::int64_t opset_;
  std::map<Name, const io::ComputationConstant*> constants_;
  std::map<Name, const io::ComputationNode*> producers_;
};

/// An operand reduced along axes that stay with extent 1.
struct ReducedOperand {
  Name of;
  Integers axes;
};

std::optional<ReducedOperand> reduced_operand(const Definitions& all, const Name& name, std::string_view op) {
  const io::ComputationNode* node = all.made_by(name, op, 1);
  const bool has_operand = node == nullptr;
  if (has_operand) node = all.made_by(name, op, 2);
  if (node == nullptr) return std::nullopt;
  const auto* keepdims = node->find<std::int64_t>("keepdims");
  if (keepdims != nullptr && *keepdims == 0) return std::nullopt;
  ReducedOperand result{node->inputs[0], {}};
  if (has_operand) {
    const auto axes = all.constant(node->inputs[1]);
    if (!axes || !axes->is_integer()) return std::nullopt;
    result.axes = axes->integers();
  } else if (const auto* axes = node->find<Integers>("axes")) {
    result.axes = *axes;
  }
  std::ranges::sort(result.axes);
  if (result.axes.empty()) return std::nullopt;
  return result;
}

/// If the value is d^2: d.
std::optional<Name> squared(const Definitions& all, const Name& name) {
  if (const auto* power = all.made_by(name, "Pow", 2)) {
    if (all.is_number(power->inputs[1], 2)) return power->inputs[0];
  }
  if (const auto* product = all.made_by(name, "Mul", 2)) {
    if (all.same(product->inputs[0], product->inputs[1])) return product->inputs[0];
  }
  return std::nullopt;
}

/// If the value is u^(1/2): u.
std::optional<Name> under_root(const Definitions& all, const Name& name) {
  if (const auto* root = all.made_by(name, "Sqrt", 1)) return root->inputs[0];
  const auto* power = all.made_by(name, "Pow", 2);
  if (power != nullptr && all.is_number(power->inputs[1], 0.5)) return power->inputs[0];
  return std::nullopt;
}

/// If the value is u^(-1/2): u.
std::optional<Name> under_inverse_root(const Definitions& all, const Name& name) {
  if (const auto* inverse = all.made_by(name, "Reciprocal", 1)) return under_root(all, inverse->inputs[0]);
  if (const auto* quotient = all.made_by(name, "Div", 2)) {
    if (all.is_number(quotient->inputs[0], 1)) return under_root(all, quotient->inputs[1]);
  }
  const auto* power = all.made_by(name, "Pow", 2);
  if (power != nullptr && all.is_number(power->inputs[1], -0.5)) return power->inputs[0];
  return std::nullopt;
}

/// sqrt(v + epsilon) + added, where v is the mean of d^2, or that times `factor` / `divisor`, or with `is_sum` the sum
/// of d^2 / `divisor`.
struct Deviation {
  Name of;
  Integers axes;
  double epsilon = 0;
  double added = 0;
  Name factor{};   ///< empty: none
  Name divisor{};  ///< empty: none
  bool is_sum = false;
};

/// If the value is a + c with a number c > 0: the name of a, and c.
std::optional<std::pair<Name, double>> plus_number(const Definitions& all, const Name& name) {
  const auto* sum = all.made_by(name, "Add", 2);
  if (sum == nullptr) return std::nullopt;
  for (std::size_t side = 0; side < 2; ++side) {
    const auto number = all.number(sum->inputs[side]);
    if (number && *number > 0 && std::isfinite(*number)) return std::pair(sum->inputs[1 - side], *number);
  }
  return std::nullopt;
}

std::optional<Deviation> mean_of_squares(const Definitions& all, const Name& name, bool is_sum) {
  const auto mean = reduced_operand(all, name, is_sum ? "ReduceSum" : "ReduceMean");
  if (!mean) return std::nullopt;
  const auto d = squared(all, mean->of);
  if (!d) return std::nullopt;
  Deviation result{*d, mean->axes};
  result.is_sum = is_sum;
  return result;
}

std::optional<Deviation> variance(const Definitions& all, const Name& name) {
  if (auto mean = mean_of_squares(all, name, false)) return mean;
  const auto* quotient = all.made_by(name, "Div", 2);
  if (quotient == nullptr) return std::nullopt;
  if (!all.is_of_shapes(quotient->inputs[1])) return std::nullopt;
  std::optional<Deviation> result = mean_of_squares(all, quotient->inputs[0], true);
  if (const auto* product = all.made_by(quotient->inputs[0], "Mul", 2); !result && product != nullptr) {
    for (std::size_t side = 0; side < 2 && !result; ++side) {
      if (!all.is_of_shapes(product->inputs[side])) continue;
      result = mean_of_squares(all, product->inputs[1 - side], false);
      if (result) result->factor = product->inputs[side];
    }
  }
  if (result) result->divisor = quotient->inputs[1];
  return result;
}

std::optional<Deviation> shifted_variance(const Definitions& all, const Name& name) {
  const auto shifted = plus_number(all, name);
  auto result = variance(all, shifted ? shifted->first : name);
  if (result && shifted) result->epsilon = shifted->second;
  return result;
}

std::optional<Deviation> deviation(const Definitions& all, const Name& name) {
  const auto shifted = plus_number(all, name);
  const auto under = under_root(all, shifted ? shifted->first : name);
  if (!under) return std::nullopt;
  auto result = shifted_variance(all, *under);
  if (result && shifted) result->added = shifted->second;
  return result;
}

/// The same for the reciprocal of a root.
std::optional<Deviation> inverse_deviation(const Definitions& all, const Name& name) {
  const auto under = under_inverse_root(all, name);
  return under ? shifted_variance(all, *under) : std::nullopt;
}

void become(io::ComputationNode& node, std::string op, Name input, std::vector<io::ComputationAttribute> attributes) {
  node.op = std::move(op);
  node.inputs = {std::move(input)};
  node.attributes = std::move(attributes);
}

/// d divided by the deviation of d.
bool standardize(const Definitions& all, io::ComputationNode& node, Name d, const std::optional<Deviation>& found) {
  if (!found || !(found->epsilon + found->added > 0)) return false;
  // gain d, as in g (x - mean) / (std + e)
  Name gain;
  const auto* product = all.made_by(d, "Mul", 2);
  for (std::size_t side = 0; side < 2 && product != nullptr && gain.empty(); ++side) {
    if (!all.is_stored(product->inputs[side]) || !all.same(found->of, product->inputs[1 - side])) continue;
    gain = product->inputs[side];
    d = product->inputs[1 - side];
  }
  if (!all.same(found->of, d)) return false;
  Name input = all.origin(d);
  std::int64_t centered = 0;
  if (const auto* difference = all.made_by(d, "Sub", 2)) {
    const auto mean = reduced_operand(all, difference->inputs[1], "ReduceMean");
    if (mean && mean->axes == found->axes && all.same(mean->of, difference->inputs[0])) {
      input = difference->inputs[0];
      centered = 1;
    }
  }
  become(node, kStandardization, input,
         {{"axes", found->axes},
          {"centered", centered},
          {"epsilon", found->epsilon},
          {"added", found->added},
          {"sum", std::int64_t{found->is_sum ? 1 : 0}}});
  node.inputs.insert(node.inputs.end(), {found->factor, found->divisor, gain});
  return true;
}

bool soften(const Definitions& all, io::ComputationNode& node) {
  const auto* exponential = all.made_by(node.inputs[0], "Exp", 1);
  const auto sum = reduced_operand(all, node.inputs[1], "ReduceSum");
  if (exponential == nullptr || !sum || sum->axes.size() != 1 || !all.same(sum->of, node.inputs[0])) return false;
  // Before opset 13 Softmax takes the axes from its own on together: the last one is alone.
  if (all.opset() < 13 && sum->axes[0] != -1) return false;
  Name input = exponential->inputs[0];
  if (const auto* difference = all.made_by(input, "Sub", 2)) {
    const auto most = reduced_operand(all, difference->inputs[1], "ReduceMax");
    if (most && most->axes == sum->axes && all.same(most->of, difference->inputs[0])) input = difference->inputs[0];
  }
  become(node, "Softmax", input, {{"axis", sum->axes[0]}});
  return true;
}

/// The root of a sum of squares, along axes or of two values.
bool shorten_norm(const Definitions& all, io::ComputationNode& node) {
  const auto under = under_root(all, node.outputs[0]);
  if (!under) return false;
  for (const std::size_t operands : {std::size_t{1}, std::size_t{2}}) {
    for (const std::string_view op : {std::string_view("ReduceSumSquare"), std::string_view("ReduceSum")}) {
      const io::ComputationNode* sum = all.made_by(*under, op, operands);
      if (sum == nullptr) continue;
      const auto d = op == "ReduceSum" ? squared(all, sum->inputs[0]) : std::optional<Name>(sum->inputs[0]);
      if (!d) continue;
      auto inputs = sum->inputs;
      inputs[0] = *d;
      node.op = "ReduceL2";
      node.inputs = std::move(inputs);
      node.attributes = sum->attributes;
      return true;
    }
  }
  const auto* sum = all.made_by(*under, "Add", 2);
  if (sum == nullptr) return false;
  const auto a = squared(all, sum->inputs[0]), b = squared(all, sum->inputs[1]);
  if (!a || !b) return false;
  node.op = kHypotenuse;
  node.inputs = {*a, *b};
  node.attributes.clear();
  return true;
}

}  // namespace

io::Computation without_spelled_operators(const io::Computation& computation,
                                          const std::map<std::string, const io::ComputationConstant*>& outside) {
  const Definitions all(computation, outside);
  io::Computation result = computation;
  for (io::ComputationNode& node : result.nodes) {
    if (!node.domain.empty() || node.outputs.size() != 1) continue;
    if (node.op == "Sqrt" || node.op == "Pow") {
      shorten_norm(all, node);
    } else if (node.op == "Div" && node.inputs.size() == 2) {
      if (!standardize(all, node, node.inputs[0], deviation(all, node.inputs[1]))) soften(all, node);
    } else if (node.op == "Mul" && node.inputs.size() == 2) {
      const auto inputs = node.inputs;
      if (!standardize(all, node, inputs[0], inverse_deviation(all, inputs[1]))) {
        standardize(all, node, inputs[1], inverse_deviation(all, inputs[0]));
      }
    } else if (node.op == "Log" && node.inputs.size() == 1) {
      if (const auto* softmax = all.made_by(node.inputs[0], "Softmax", 1)) {
        become(node, "LogSoftmax", softmax->inputs[0], softmax->attributes);
      }
    }
  }
  return result;
}

}  // namespace sigmax::graph::onnx
