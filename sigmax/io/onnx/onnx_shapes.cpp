#include "sigmax/io/onnx/onnx_shapes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "sigmax/io/onnx/onnx_external.hpp"
#include "sigmax/io/onnx/onnx_tensor.hpp"

namespace sigmax::io::onnx {
namespace {

using Integers = std::vector<std::int64_t>;

class Shapes {
 public:
  Shapes(const Model& model, const Dataflow& flow)
      : model_(model), flow_(flow), external_(model.file), shapes_(flow.values().size()) {}

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
      } else if (auto wider = broadcast(node)) {
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
    if (node.op == "Transpose") return transposed(node, shape);
    if (node.op == "Reshape") return reshaped(node, shape);
    if (node.op == "Flatten") return flattened(node, shape);
    if (node.op == "Squeeze" || node.op == "Unsqueeze") return squeezed(node, shape, node.op == "Squeeze");
    return std::nullopt;
  }

  // Of operators that work entry by entry, if all their inputs have known shapes.
  std::optional<Dimensions> broadcast(const Node& node) const {
    static constexpr std::string_view kEntrywise[] = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Sum"};
    if (std::ranges::find(kEntrywise, node.op) == std::end(kEntrywise)) return std::nullopt;
    Dimensions reversed;
    for (std::uint32_t i = 0; i < node.inputs.count; ++i) {
      const std::uint32_t from = flow_.input(node, i);
      if (from == kNone || !shapes_[from]) return std::nullopt;
      const Dimensions& shape = *shapes_[from];
      if (shape.size() > reversed.size()) reversed.resize(shape.size(), 1);
      for (std::size_t d = 0; d < shape.size(); ++d) {
        const std::int64_t extent = shape[shape.size() - 1 - d];
        if (extent == 1) continue;
        if (reversed[d] != 1 && reversed[d] != extent) return std::nullopt;
        reversed[d] = extent;
      }
    }
    return Dimensions(reversed.rbegin(), reversed.rend());
  }

  std::optional<Dimensions> transposed(const Node& node, const Dimensions& shape) const {
    const auto perm = model_.integers(node, "perm", kMostAxes);
    if (!perm) return Dimensions(shape.rbegin(), shape.rend());
    if (perm->size() != shape.size()) return std::nullopt;
    Dimensions result;
    for (const std::int64_t axis : *perm) {
      if (axis < 0 || axis >= std::ssize(shape)) return std::nullopt;
      result.push_back(shape[static_cast<std::size_t>(axis)]);
    }
    return result;
  }

  // 0 keeps the input's extent, and -1 stands for the rest.
  std::optional<Dimensions> reshaped(const Node& node, const Dimensions& shape) {
    auto target = integers_of(node, 1, "shape");
    if (!target) return std::nullopt;
    const bool keeps_zeros = model_.integer(node, "allowzero", 0) != 0;
    std::int64_t* open = nullptr;
    Dimensions known;
    for (std::size_t d = 0; d < target->size(); ++d) {
      std::int64_t& extent = (*target)[d];
      if (extent == 0 && !keeps_zeros) {
        if (d >= shape.size()) return std::nullopt;
        extent = shape[d];
      }
      if (extent < -1 || (extent == -1 && open != nullptr)) return std::nullopt;
      if (extent == -1) {
        open = &extent;
      } else {
        known.push_back(extent);
      }
    }
    if (open != nullptr) {
      const auto all = element_count(shape), some = element_count(known);
      if (!all || !some || *some == 0) return std::nullopt;
      *open = *all / *some;
    }
    return target;
  }

  std::optional<Dimensions> flattened(const Node& node, const Dimensions& shape) const {
    const auto rank = std::ssize(shape);
    std::int64_t axis = model_.integer(node, "axis", 1);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis > rank) return std::nullopt;
    const auto first = element_count(Dimensions(shape.begin(), shape.begin() + axis));
    const auto rest = element_count(Dimensions(shape.begin() + axis, shape.end()));
    if (!first || !rest) return std::nullopt;
    return Dimensions{*first, *rest};
  }

  // The axes are an attribute before opset 13 and an input from then on.
  std::optional<Dimensions> squeezed(const Node& node, const Dimensions& shape, bool away) {
    const auto axes = integers_of(node, 1, "axes");
    if (!axes) {
      if (!away || node.inputs.count > 1) return std::nullopt;
      Dimensions result = shape;
      std::erase(result, 1);
      return result;
    }
    const std::size_t rank = shape.size() + (away ? 0 : axes->size());
    if (rank > kMostAxes) return std::nullopt;
    std::vector<bool> chosen(rank);
    for (std::int64_t axis : *axes) {
      if (axis < 0) axis += static_cast<std::int64_t>(rank);
      if (axis < 0 || axis >= static_cast<std::int64_t>(rank) || chosen[static_cast<std::size_t>(axis)]) {
        return std::nullopt;
      }
      chosen[static_cast<std::size_t>(axis)] = true;
    }
    Dimensions result;
    std::size_t next = 0;
    for (std::size_t d = 0; d < rank; ++d) {
      if (!away) {
        result.push_back(chosen[d] ? 1 : shape[next++]);
      } else if (!chosen[d]) {
        result.push_back(shape[d]);
      }
    }
    return result;
  }

  // From the attribute, or from an input that is a constant within the file.
  std::optional<Integers> integers_of(const Node& node, std::uint32_t input, std::string_view attribute) {
    if (auto list = model_.integers(node, attribute, kMostAxes + 1)) {
      return list->size() <= kMostAxes ? std::move(list) : std::nullopt;
    }
    const std::uint32_t value = flow_.input(node, input);
    const std::uint32_t index = value == kNone ? kNone : flow_.values()[value].weight;
    if (index == kNone) return std::nullopt;
    const Weight& weight = model_.weights[index];
    if (weight.sparse || weight.tensor.external || weight.tensor.dims.size() != 1) return std::nullopt;
    if (weight.tensor.dims[0] > static_cast<std::int64_t>(kMostAxes)) return std::nullopt;
    const TensorSource source = describe(model_, weight, external_);
    if (!source.unreadable.empty() || source.dtype != DType::i64) return std::nullopt;
    const Tensor tensor = source.load();
    Integers list(static_cast<std::size_t>(tensor.shape()[0]));
    if (!list.empty()) std::memcpy(list.data(), tensor.data(), list.size() * sizeof(std::int64_t));
    return list;
  }

  const Model& model_;
  const Dataflow& flow_;
  ExternalData external_;
  std::vector<std::optional<Dimensions>> shapes_;
};

}  // namespace

std::vector<std::optional<Dimensions>> constant_shapes(const Model& model, const Dataflow& flow) {
  return Shapes(model, flow).find();
}

}  // namespace sigmax::io::onnx
