#include "sigmax/io/onnx/onnx_value_shapes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "sigmax/io/onnx/onnx_convolution.hpp"
#include "sigmax/io/onnx/onnx_extent.hpp"
#include "sigmax/io/onnx/onnx_image_shapes.hpp"
#include "sigmax/io/onnx/onnx_parameters.hpp"
#include "sigmax/io/onnx/onnx_rearranged.hpp"
#include "sigmax/io/onnx/onnx_stated_shapes.hpp"

namespace sigmax::io::onnx {
namespace {

using Shape = std::optional<Dimensions>;

// What both say; an extent about which they disagree is not known.
Shape merged(const Shape& a, const Shape& b) {
  if (!a || !b) return a ? a : b;
  if (a->size() != b->size()) return std::nullopt;
  Dimensions result = *a;
  for (std::size_t d = 0; d < result.size(); ++d) {
    if (!is_known(result[d])) {
      result[d] = (*b)[d];
    } else if (is_known((*b)[d]) && result[d] != (*b)[d]) {
      result[d] = kUnknownExtent;
    }
  }
  return result;
}

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

class ValueShapes {
 public:
  ValueShapes(const Model& model, const Dataflow& flow)
      : model_(model), flow_(flow), parameters_(model, flow), shapes_(flow.values().size()) {}

  std::vector<Shape> find() {
    for (const ValueInfo& info : model_.value_infos) {
      const StatedValue stated = stated_value(*model_.file, info.message);
      const std::uint32_t value = flow_.find(info.graph, stated.name);
      if (value != kNone) shapes_[value] = merged(shapes_[value], stated.shape);
    }
    for (std::size_t v = 0; v < shapes_.size(); ++v) {
      const std::uint32_t weight = flow_.values()[v].weight;
      if (weight == kNone) continue;
      const Dimensions& dims = model_.weights[weight].tensor.dims;
      shapes_[v] = dims.size() <= kMostRank ? Shape(dims) : std::nullopt;
    }
    for (const Node& node : model_.nodes) {
      if (!node.domain.empty() && node.domain != "com.microsoft") continue;
      if (flow_.function(node) != kNone) continue;
      if (node.op == "Split") {
        split(node);
      } else {
        set(flow_.output(node, 0), made_by(node));
      }
    }
    return std::move(shapes_);
  }

 private:
  void set(std::uint32_t value, Shape shape) {
    if (value == kNone || flow_.values()[value].weight != kNone) return;
    if (shape && shape->size() > kMostRank) return;
    if (shape) std::ranges::transform(*shape, shape->begin(), checked);
    shapes_[value] = merged(shapes_[value], shape);
  }

  Shape shape_of(const Node& node, std::uint32_t input) const {
    const std::uint32_t value = flow_.input(node, input);
    return value == kNone ? std::nullopt : shapes_[value];
  }

  std::vector<Shape> shapes_of_inputs(const Node& node) const {
    std::vector<Shape> shapes;
    for (std::uint32_t i = 0; i < node.inputs.count; ++i) shapes.push_back(shape_of(node, i));
    return shapes;
  }

  Shape made_by(const Node& node) {
    // Their result does not need the input's shape.
    if (node.op == "Reshape") return reshaped(node, shape_of(node, 0));
    Shape x = shape_of(node, 0);
    if (!x) return std::nullopt;
    if (keeps_shape(node)) return x;
    if (works_entry_by_entry(node)) return broadcast(shapes_of_inputs(node));
    if (kernel_input(node) != kNone) return convolved(model_, node, shape_of(node, kernel_input(node)), *x);
    if (node.op == "MaxPool" || node.op == "AveragePool" || node.op == "LpPool") return pooled(model_, node, *x);
    if (node.op.starts_with("Global") && node.op.ends_with("Pool")) return globally_pooled(*x);
    if (node.op == "Concat") return concatenated(node, *x);
    if (node.op == "Pad") return padded(node, *x);
    if (node.op == "Resize" || node.op == "Upsample") return resized(node, *x);
    if (node.op == "Slice") return sliced(node, *x);
    if (node.op == "DepthToSpace" || node.op == "SpaceToDepth") {
      return block_moved(node.op == "DepthToSpace", model_.integer(node, "blocksize", 0), *x);
    }
    if (node.op.starts_with("Reduce")) return reduced(node, *x);
    if (node.op == "Transpose") return transposed(model_.integers(node, "perm", kMostAxes), *x);
    if (node.op == "Flatten") return flattened(model_.integer(node, "axis", 1), *x);
    if (node.op == "Squeeze") return squeezed(parameters_.integers(node, 1, "axes"), node.inputs.count > 1, *x);
    if (node.op == "Unsqueeze") return unsqueezed(parameters_.integers(node, 1, "axes"), *x);
    return std::nullopt;
  }

  static bool keeps_shape(const Node& node) {
    static constexpr std::string_view kOps[] = {"Identity",
                                                "Cast",
                                                "CastLike",
                                                "QuantizeLinear",
                                                "DequantizeLinear",
                                                "Relu",
                                                "LeakyRelu",
                                                "PRelu",
                                                "Elu",
                                                "Selu",
                                                "Celu",
                                                "Gelu",
                                                "Sigmoid",
                                                "HardSigmoid",
                                                "HardSwish",
                                                "Mish",
                                                "Swish",
                                                "Tanh",
                                                "Softplus",
                                                "Softsign",
                                                "Softmax",
                                                "Clip",
                                                "Erf",
                                                "Abs",
                                                "Neg",
                                                "Exp",
                                                "Log",
                                                "Sqrt",
                                                "Reciprocal",
                                                "Sign",
                                                "Sin",
                                                "Cos",
                                                "Floor",
                                                "Ceil",
                                                "Round",
                                                "LogSoftmax",
                                                "Hardmax",
                                                "Dropout",
                                                "BatchNormalization",
                                                "InstanceNormalization",
                                                "LRN",
                                                "Shrink",
                                                "FastGelu",
                                                "QuickGelu",
                                                "LayerNormalization",
                                                "ThresholdedRelu",
                                                "GroupNormalization",
                                                "MeanVarianceNormalization",
                                                "LpNormalization",
                                                "QLinearLeakyRelu",
                                                "QLinearSigmoid"};
    return std::ranges::find(kOps, node.op) != std::end(kOps);
  }

  static bool works_entry_by_entry(const Node& node) {
    static constexpr std::string_view kOps[] = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean"};
    return std::ranges::find(kOps, node.op) != std::end(kOps);
  }

  static std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
    if (axis < 0) axis += static_cast<std::int64_t>(rank);
    return axis < 0 || axis >= static_cast<std::int64_t>(rank) ? std::nullopt
                                                               : std::optional(static_cast<std::size_t>(axis));
  }

  Shape concatenated(const Node& node, const Dimensions& first) const {
    const auto axis = axis_of(model_.integer(node, "axis", 1), first.size());
    if (!axis) return std::nullopt;
    Shape result = first;
    std::int64_t length = first[*axis];
    for (std::uint32_t i = 1; i < node.inputs.count; ++i) {
      Shape shape = shape_of(node, i);
      if (!shape || shape->size() != first.size()) return std::nullopt;
      const std::int64_t more = (*shape)[*axis];
      length = is_known(length) && is_known(more) ? checked(length + more) : kUnknownExtent;
      (*shape)[*axis] = (*result)[*axis];
      result = merged(result, shape);
    }
    (*result)[*axis] = length;
    return result;
  }

  void split(const Node& node) {
    const Shape x = shape_of(node, 0);
    const auto axis = x ? axis_of(model_.integer(node, "axis", 0), x->size()) : std::nullopt;
    if (!axis) return;
    const auto parts = parameters_.integers(node, 1, "split");
    const auto outputs = static_cast<std::int64_t>(node.outputs.count);
    const bool listed = node.inputs.count > 1 || model_.find(node, "split") != nullptr;
    for (std::uint32_t o = 0; o < node.outputs.count; ++o) {
      Dimensions shape = *x;
      std::int64_t& extent = shape[*axis];
      if (listed) {
        extent = parts && o < parts->size() ? checked((*parts)[o]) : kUnknownExtent;
      } else if (is_known(extent)) {
        // The last part takes what is left.
        const std::int64_t each = divided_up(extent, outputs);
        extent = o + 1 < outputs ? each : checked(extent - each * (outputs - 1));
      }
      set(flow_.output(node, o), shape);
    }
  }

  Shape padded(const Node& node, const Dimensions& x) {
    if (node.inputs.count > 3 && flow_.input(node, 3) != kNone) return unknown_of_rank(x);
    const auto pads = parameters_.integers(node, 1, "pads");
    if (!pads || pads->size() != 2 * x.size()) return unknown_of_rank(x);
    Dimensions result = x;
    for (std::size_t d = 0; d < x.size(); ++d) {
      const std::int64_t low = (*pads)[d], high = (*pads)[d + x.size()];
      const bool usable = is_known(x[d]) && std::abs(low) <= kMostExtent && std::abs(high) <= kMostExtent;
      result[d] = usable ? checked(x[d] + low + high) : kUnknownExtent;
    }
    return result;
  }

  static Dimensions unknown_of_rank(const Dimensions& x) { return Dimensions(x.size(), kUnknownExtent); }

  Shape resized(const Node& node, const Dimensions& x) {
    if (model_.find(node, "axes") != nullptr) return unknown_of_rank(x);
    const bool with_roi = node.op == "Resize" && node.inputs.count > 2;
    if (const auto sizes = node.inputs.count > 3 ? parameters_.integers(node, 3, "") : std::nullopt) {
      const bool stretches = model_.text(node, "keep_aspect_ratio_policy").empty() ||
                             model_.text(node, "keep_aspect_ratio_policy") == "stretch";
      if (sizes->size() == x.size() && stretches) return Dimensions(sizes->begin(), sizes->end());
      return unknown_of_rank(x);
    }
    const auto scales = parameters_.numbers(node, with_roi ? 2 : 1);
    if (!scales || scales->size() != x.size()) return unknown_of_rank(x);
    Dimensions result = x;
    for (std::size_t d = 0; d < x.size(); ++d) {
      const double exact = static_cast<double>(x[d]) * static_cast<double>((*scales)[d]);
      const double nearest = std::nearbyint(exact);
      // Rounding decides whether a product this close to a whole number reaches it.
      const bool doubtful = exact != nearest && std::abs(exact - nearest) < 1e-3;
      const bool usable = is_known(x[d]) && !doubtful && exact >= 0 && exact <= static_cast<double>(kMostExtent);
      result[d] = usable ? static_cast<std::int64_t>(exact) : kUnknownExtent;
    }
    return result;
  }

  Shape sliced(const Node& node, const Dimensions& x) {
    const auto starts = parameters_.integers(node, 1, "starts"), ends = parameters_.integers(node, 2, "ends");
    auto axes = parameters_.integers(node, 3, "axes");
    const bool has_axes = flow_.input(node, 3) != kNone || model_.find(node, "axes") != nullptr;
    const auto steps = parameters_.integers(node, 4, "");
    const bool has_steps = flow_.input(node, 4) != kNone;
    if (!starts || !ends || (has_axes && !axes) || (has_steps && !steps)) return unknown_of_rank(x);
    if (!axes) {
      axes.emplace();
      for (std::size_t d = 0; d < starts->size(); ++d) axes->push_back(static_cast<std::int64_t>(d));
    }
    const bool alike = axes->size() == starts->size() && ends->size() == starts->size();
    if (!alike || (has_steps && steps->size() != starts->size())) return unknown_of_rank(x);
    Dimensions result = x;
    for (std::size_t i = 0; i < starts->size(); ++i) {
      const auto axis = axis_of((*axes)[i], x.size());
      if (!axis) return std::nullopt;
      const std::int64_t step = has_steps ? (*steps)[i] : 1;
      result[*axis] = slice_length(x[*axis], (*starts)[i], (*ends)[i], step);
    }
    return result;
  }

  static std::int64_t slice_length(std::int64_t extent, std::int64_t start, std::int64_t end, std::int64_t step) {
    if (!is_known(extent) || step < 1) return kUnknownExtent;
    const auto place = [extent](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? std::max(at, -extent) + extent : at, 0, extent);
    };
    const std::int64_t length = place(end) - place(start);
    return length <= 0 ? 0 : (length - 1) / step + 1;
  }

  Shape reduced(const Node& node, const Dimensions& x) {
    const auto axes = parameters_.integers(node, 1, "axes");
    const bool all = !axes && flow_.input(node, 1) == kNone;
    if (model_.integer(node, "keepdims", 1) == 0 || (all && model_.integer(node, "noop_with_empty_axes", 0) != 0)) {
      return std::nullopt;
    }
    if (all) return Dimensions(x.size(), 1);
    if (!axes) return unknown_of_rank(x);
    Dimensions result = x;
    for (const std::int64_t each : *axes) {
      const auto axis = axis_of(each, x.size());
      if (!axis) return std::nullopt;
      result[*axis] = 1;
    }
    return result;
  }

  Shape reshaped(const Node& node, const Shape& x) {
    const auto target = parameters_.integers(node, 1, "shape");
    if (!target || target->size() > kMostRank) return std::nullopt;
    return onnx::reshaped(*target, model_.integer(node, "allowzero", 0) != 0, x);
  }

  const Model& model_;
  const Dataflow& flow_;
  Parameters parameters_;
  std::vector<Shape> shapes_;
};

}  // namespace

std::vector<std::optional<Dimensions>> value_shapes(const Model& model, const Dataflow& flow) {
  return ValueShapes(model, flow).find();
}

}  // namespace sigmax::io::onnx
