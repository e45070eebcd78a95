#include "sigmax/io/onnx/onnx_rounding.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/io/onnx/onnx_quantized.hpp"

namespace sigmax::io::onnx {
namespace {

// The least and the largest value of a type that QuantizeLinear rounds to.
struct Bounds {
  double lowest = 0, highest = 0;
};

std::optional<Bounds> bounds_of(DType dtype) {
  switch (dtype) {
    case DType::i4: return Bounds{-8, 7};
    case DType::u4: return Bounds{0, 15};
    case DType::i8: return Bounds{-128, 127};
    case DType::u8: return Bounds{0, 255};
    case DType::i16: return Bounds{-32768, 32767};
    case DType::u16: return Bounds{0, 65535};
    default: return std::nullopt;
  }
}

// Bits of the significand, and whether the exponent has the range of f32 or more.
struct Precision {
  int bits = 0;
  bool wide = false;
};

std::optional<Precision> precision_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return Precision{53, true};
    case DType::f32: return Precision{24, true};
    case DType::bf16: return Precision{8, true};
    case DType::f16: return Precision{11, false};
    default: return std::nullopt;
  }
}

// Whether a cast changes real numbers. What is not real has no values here that could change.
bool cast_changes(DType from, DType to) {
  const auto narrow = precision_of(from), wide = precision_of(to);
  if (from == to || !narrow) return false;
  if (!wide || wide->bits < narrow->bits || (narrow->wide && !wide->wide)) return true;
  return from == DType::f64 && to == DType::f32;
}

class RoundingFinder {
 public:
  RoundingFinder(const Model& model, const Dataflow& flow, const std::vector<TensorSource>& sources)
      : model_(model),
        flow_(flow),
        sources_(sources),
        types_(flow.values().size(), DType::unknown),
        quantizers_(model.nodes.size()),
        good_(model.nodes.size(), true),
        mixed_(sources.size()),
        result_{std::vector<std::optional<Rounding>>(sources.size()), std::vector<bool>(model.nodes.size())} {}

  Roundings find() {
    for (std::size_t v = 0; v < types_.size(); ++v) {
      const std::uint32_t weight = flow_.values()[v].weight;
      if (weight != kNone) types_[v] = sources_[weight].dtype;
    }
    for (std::uint32_t n = 0; n < model_.nodes.size(); ++n) read(n);
    for (const Node& node : model_.nodes) {
      for (std::uint32_t i = 0; i < node.inputs.count; ++i) check_use(flow_.input(node, i), &node, i);
    }
    for (const Graph& graph : model_.graphs) {
      for (std::uint32_t i = 0; i < graph.outputs.count; ++i) check_use(flow_.at(graph.outputs.first + i), nullptr, 0);
    }
    take_all();
    return std::move(result_);
  }

 private:
  struct Quantizer {
    std::uint32_t weight;
    Rounding how;
  };

  bool is_operator(const Node& node) const {
    return (node.domain.empty() || node.domain == "com.microsoft") && flow_.function(node) == kNone;
  }

  bool is_given(const Node& node, std::uint32_t input) const {
    return input < node.inputs.count && !model_.names[node.inputs.first + input].empty();
  }

  // Nodes are listed in the order in which they run, so that the types of their inputs are known.
  void read(std::uint32_t index) {
    const Node& node = model_.nodes[index];
    if (!is_operator(node)) return;
    const std::uint32_t from = flow_.input(node, 0), to = flow_.output(node, 0);
    if (from == kNone || to == kNone) return;
    if (node.op == "Cast") {
      const std::int64_t to_type = model_.integer(node, "to", 0);
      const DType type = to_type == 0 ? types_[from] : data_type(to_type);
      result_.changes[index] = cast_changes(types_[from], type);
      // Numbers that are kept fit into the narrower type, too: back to it nothing changes.
      const bool keeps = precision_of(types_[from]) && !result_.changes[index];
      types_[to] = keeps ? types_[from] : type;
    } else if (node.op == "DequantizeLinear") {
      if (const std::uint32_t scale = flow_.input(node, 1); scale != kNone) types_[to] = types_[scale];
    } else if (node.op == "QuantizeLinear") {
      quantizers_[index] = quantizer(node);
      result_.changes[index] = true;
    } else if (flow_.values()[to].weight == kNone) {
      types_[to] = types_[from];
    }
  }

  // The constants of a QuantizeLinear of a weight; nothing if they are not understood.
  std::optional<Quantizer> quantizer(const Node& node) const {
    const Origin origin = flow_.origin(flow_.input(node, 0)), scale = flow_.origin(flow_.input(node, 1));
    if (origin.weight == kNone || scale.weight == kNone) return std::nullopt;
    if (!is_readable(origin.weight) || !is_readable(scale.weight)) return std::nullopt;
    if (model_.integer(node, "block_size", 0) != 0) return std::nullopt;
    if (const std::int64_t precision = model_.integer(node, "precision", 0); precision != 0 && precision != 1) {
      return std::nullopt;
    }
    Quantizer result{origin.weight, {}};
    Rounding& how = result.how;
    how.by = title(model_, node);
    how.scale = scale.weight;
    if (const std::int64_t type = model_.integer(node, "output_dtype", 0); type != 0) how.integers = data_type(type);
    const std::int64_t scales = *element_count(sources_[scale.weight].shape);
    bool rearranged = origin.rearranged || scale.rearranged;
    if (is_given(node, 2)) {
      const Origin zero = flow_.origin(flow_.input(node, 2));
      if (zero.weight == kNone || model_.weights[zero.weight].sparse) return std::nullopt;
      if (*element_count(sources_[zero.weight].shape) != scales) return std::nullopt;
      how.zero_point = zero.weight;
      how.integers = sources_[zero.weight].dtype;
      rearranged = rearranged || zero.rearranged;
    }
    if (scales < 1 || !bounds_of(how.integers)) return std::nullopt;
    if (scales == 1) return result;
    const Dimensions& shape = sources_[origin.weight].shape;
    const auto rank = static_cast<std::int64_t>(shape.size());
    how.axis = model_.integer(node, "axis", 1);
    if (how.axis < 0) how.axis += rank;
    if (rearranged || how.axis < 0 || how.axis >= rank) return std::nullopt;
    const bool fits = shape[static_cast<std::size_t>(how.axis)] == scales && sources_[scale.weight].shape.size() == 1;
    return fits ? std::optional(std::move(result)) : std::nullopt;
  }

  bool is_readable(std::uint32_t weight) const {
    return sources_[weight].dtype == DType::f32 && sources_[weight].unreadable.empty();
  }

  // A use of a weight must be its quantization, or a node that moves it there; a use of its integers must be the
  // DequantizeLinear that gives them their values back. Without a node: a graph gives the value out.
  void check_use(std::uint32_t value, const Node* node, std::uint32_t input) {
    if (value == kNone) return;
    if (const std::uint32_t weight = flow_.origin(value).weight; weight != kNone && !mixed_[weight]) {
      const bool moves = node != nullptr && input == 0 && flow_.output(*node, 0) != kNone &&
                         flow_.origin(flow_.output(*node, 0)).weight == weight;
      const bool quantizes = node != nullptr && input == 0 && node->op == "QuantizeLinear";
      mixed_[weight] = !moves && !quantizes;
    }
    const std::uint32_t producer = flow_.values()[value].node;
    if (producer == kNone || !quantizers_[producer]) return;
    if (node == nullptr || input != 0 || !restores(*node, model_.nodes[producer], *quantizers_[producer])) {
      good_[producer] = false;
    }
  }

  bool restores(const Node& node, const Node& quantizer, const Quantizer& q) const {
    if (node.op != "DequantizeLinear" || !is_operator(node)) return false;
    if (model_.integer(node, "block_size", 0) != 0) return false;
    if (const std::int64_t type = model_.integer(node, "output_dtype", 0); type != 0 && type != 1) return false;
    if (flow_.origin(flow_.input(node, 1)).weight != q.how.scale) return false;
    if (is_given(node, 2) != is_given(quantizer, 2)) return false;
    if (is_given(node, 2) && flow_.origin(flow_.input(node, 2)).weight != q.how.zero_point) return false;
    const bool per_axis = *element_count(sources_[q.how.scale].shape) > 1;
    return !per_axis || model_.integer(node, "axis", 1) == model_.integer(quantizer, "axis", 1);
  }

  void take_all() {
    for (std::uint32_t n = 0; n < quantizers_.size(); ++n) {
      if (model_.nodes[n].op != "QuantizeLinear" || !is_operator(model_.nodes[n])) continue;
      const std::uint32_t weight = flow_.origin(flow_.input(model_.nodes[n], 0)).weight;
      if (weight == kNone) continue;
      auto& known = result_.weights[weight];
      if (!quantizers_[n] || !good_[n] || (known && !known->same_values(quantizers_[n]->how))) {
        mixed_[weight] = true;
      } else {
        known = quantizers_[n]->how;
      }
    }
    for (std::size_t w = 0; w < mixed_.size(); ++w) {
      if (mixed_[w]) result_.weights[w].reset();
    }
    for (std::uint32_t n = 0; n < quantizers_.size(); ++n) {
      if (quantizers_[n] && result_.weights[quantizers_[n]->weight]) result_.changes[n] = false;
    }
  }

  const Model& model_;
  const Dataflow& flow_;
  const std::vector<TensorSource>& sources_;
  std::vector<DType> types_;                          // of values
  std::vector<std::optional<Quantizer>> quantizers_;  // of nodes
  std::vector<bool> good_;                            // of nodes
  std::vector<bool> mixed_;                           // weights that are used in other ways too
  Roundings result_;
};

}  // namespace

Roundings find_roundings(const Model& model, const Dataflow& flow, const std::vector<TensorSource>& sources) {
  return RoundingFinder(model, flow, sources).find();
}

Tensor rounded_weight(const TensorSource& weight, const TensorSource& scale,
                      const std::optional<TensorSource>& zero_point, const Rounding& how) {
  const FloatingEnvironment environment;
  const Tensor tensor = weight.load(), scales = scale.load();
  const std::vector<std::int64_t> zeros = zero_point ? read_integers(*zero_point) : std::vector<std::int64_t>();
  const auto count = static_cast<std::size_t>(tensor.size());
  std::vector<float> steps(static_cast<std::size_t>(scales.size()));
  std::memcpy(steps.data(), scales.data(), steps.size() * sizeof(float));
  std::size_t inner = count;  // elements behind one another with the same parameters
  if (steps.size() > 1) {
    inner = 1;
    for (std::size_t d = static_cast<std::size_t>(how.axis) + 1; d < weight.shape.size(); ++d) {
      inner *= static_cast<std::size_t>(weight.shape[d]);
    }
  }
  const Bounds bounds = *bounds_of(how.integers);
  std::shared_ptr<float[]> values(new float[count]);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t p = i / inner % steps.size();
    const double zero = zeros.empty() ? 0.0 : static_cast<double>(zeros[p]);
    float x = 0;
    std::memcpy(&x, tensor.data() + i * sizeof(float), sizeof(float));
    const float quotient = std::nearbyint(x / steps[p]);
    if (std::isnan(quotient)) {
      values[i] = quotient;
      continue;
    }
    const double q = std::clamp(static_cast<double>(quotient) + zero, bounds.lowest, bounds.highest);
    values[i] = static_cast<float>(q - zero) * steps[p];
  }
  const auto* data = reinterpret_cast<const std::byte*>(values.get());
  return Tensor(DType::f32, weight.shape, data, std::move(values));
}

}  // namespace sigmax::io::onnx
