#include "sigmax/io/onnx/onnx_shapes.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "sigmax/io/onnx/onnx_parameters.hpp"
#include "sigmax/io/onnx/onnx_rearranged.hpp"

namespace sigmax::io::onnx {
namespace {

class Shapes {
 public:
  Shapes(const Model& model, const Dataflow& flow)
      : model_(model), flow_(flow), parameters_(model, flow), shapes_(flow.values().size()) {}

  std::vector<std::optional<Dimensions>> find() {
    for (std::size_t v = 0; v < shapes_.size(); ++v) {
      const std::uint32_t weight = flow_.values()[v].weight;
      if (weight != kNone && model_.weights[weight].tensor.dims.size() <= kMostAxes) {
        shapes_[v] = model_.weights[weight].tensor.dims;
      }
    }
    for (const Node& node : model_.nodes) {
      const std::uint32_t from = flow_.input(node, 0), to = flow_.output(node, 0);
      if (!node.domain.empty() && node.domain != "com.microsoft") continue;
      if (from == kNone || to == kNone || from == to || !shapes_[from] || shapes_[to]) continue;
      if (auto shape = made_of(node, *shapes_[from]); shape && shape->size() <= kMostAxes) {
        if (element_count(*shape) == element_count(*shapes_[from])) shapes_[to] = std::move(shape);
      } else if (auto wider = entry_by_entry(node)) {
        shapes_[to] = std::move(wider);
      }
    }
    return std::move(shapes_);
  }

 private:
  std::optional<Dimensions> made_of(const Node& node, const Dimensions& shape) {
    static constexpr std::string_view kSame[] = {
        "Identity", "Cast",        "CastLike", "QuantizeLinear", "DequantizeLinear",
        "Abs",      "Neg",         "Tanh",     "Sigmoid",        "Relu",
        "Exp",      "Log",         "Sqrt",     "Reciprocal",     "Erf",
        "Clip",     "Softplus",    "Softmax",  "LogSoftmax",     "Sign",
        "Sin",      "Cos",         "Round",    "LeakyRelu",      "Elu",
        "Selu",     "HardSigmoid", "Gelu"};
    if (std::ranges::find(kSame, node.op) != std::end(kSame)) return shape;
    if (node.op == "Transpose") return transposed(model_.integers(node, "perm", kMostAxes), shape);
    if (node.op == "Flatten") return flattened(model_.integer(node, "axis", 1), shape);
    // The axes are an attribute before opset 13 and an input from then on.
    if (node.op == "Squeeze") return squeezed(parameters_.integers(node, 1, "axes"), node.inputs.count > 1, shape);
    if (node.op == "Unsqueeze") return unsqueezed(parameters_.integers(node, 1, "axes"), shape);
    const auto target = node.op == "Reshape" ? parameters_.integers(node, 1, "shape") : std::nullopt;
    if (!target) return std::nullopt;
    return reshaped(*target, model_.integer(node, "allowzero", 0) != 0, shape);
  }

  std::optional<Dimensions> entry_by_entry(const Node& node) const {
    static constexpr std::string_view kEntrywise[] = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Sum"};
    if (std::ranges::find(kEntrywise, node.op) == std::end(kEntrywise)) return std::nullopt;
    std::vector<std::optional<Dimensions>> inputs;
    for (std::uint32_t i = 0; i < node.inputs.count; ++i) {
      const std::uint32_t from = flow_.input(node, i);
      inputs.push_back(from == kNone ? std::nullopt : shapes_[from]);
    }
    return broadcast(inputs);
  }

  const Model& model_;
  const Dataflow& flow_;
  Parameters parameters_;
  std::vector<std::optional<Dimensions>> shapes_;
};

}  // namespace

std::vector<std::optional<Dimensions>> constant_shapes(const Model& model, const Dataflow& flow) {
  return Shapes(model, flow).find();
}

}  // namespace sigmax::io::onnx
