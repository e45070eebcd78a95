#include "sigmax/io/onnx/onnx_quantized.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::io::onnx {
namespace {

/// The axis of the weight along which several scales run.
enum class Along : std::uint8_t { attribute, first, last, last_but_one, gemm_b, none };

/// An input of an operator that takes quantized integers, and the inputs that hold its scale and zero point.
struct QuantizedInput {
  std::string_view op;
  std::uint32_t integers;
  std::uint32_t scale;  // kNone: the operator's result is multiplied by the scale
  std::uint32_t zero_point;
  Along along;
};

constexpr QuantizedInput kUnderstood[] = {
    {"DequantizeLinear", 0, 1, 2, Along::attribute},
    {"QLinearConv", 3, 4, 5, Along::first},
    {"QLinearMatMul", 0, 1, 2, Along::last_but_one},
    {"QLinearMatMul", 3, 4, 5, Along::last},
    {"QGemm", 0, 1, 2, Along::none},
    {"QGemm", 3, 4, 5, Along::gemm_b},
    {"MatMulIntegerToFloat", 1, 3, 5, Along::last},
    {"DynamicQuantizeMatMul", 1, 2, 3, Along::last},
    {"MatMulInteger", 1, kNone, 3, Along::last},
    {"ConvInteger", 1, kNone, 3, Along::first},
};

/// Operators whose integers have a layout of their own.
constexpr std::pair<std::string_view, std::uint32_t> kListedOnly[] = {
    {"MatMulNBits", 1},
    {"MatMulBnb4", 1},
    {"MatMulFpQ4", 1},
    {"DequantizeBFP", 0},
    {"GatherBlockQuantized", 0},
    {"DynamicQuantizeLSTM", 1},
    {"DynamicQuantizeLSTM", 2},
    {"QAttention", 1},
    {"QMoE", 2},
    {"QMoE", 5},
    {"QMoE", 8},
};

bool is_quantized_type(DType dtype) {
  static constexpr DType kTypes[] = {DType::i4, DType::u4, DType::i8, DType::u8, DType::i16, DType::u16, DType::i32};
  return std::ranges::find(kTypes, dtype) != std::end(kTypes);
}

class QuantizationFinder {
 public:
  QuantizationFinder(const Model& model, const Dataflow& flow, const std::vector<TensorSource>& sources)
      : model_(model),
        flow_(flow),
        sources_(sources),
        found_(sources.size()),
        result_scales_(model.nodes.size(), kNone),
        ambiguous_(sources.size()) {}

  std::vector<std::optional<Quantization>> find() {
    for (const Node& node : model_.nodes) {
      if (node.op == "Mul" && node.domain.empty()) note_result_scale(node);
    }
    for (std::uint32_t n = 0; n < model_.nodes.size(); ++n) {
      const Node& node = model_.nodes[n];
      if ((!node.domain.empty() && node.domain != "com.microsoft") || flow_.function(node) != kNone) continue;
      for (const QuantizedInput& input : kUnderstood) {
        if (node.op == input.op) read(n, input);
      }
      for (const auto& [op, input] : kListedOnly) {
        if (node.op == op) list_only(node, input);
      }
    }
    return std::move(found_);
  }

 private:
  /// For the pattern Cast(MatMulInteger(..)) * (x_scale * w_scale) with x_scale from DynamicQuantizeLinear, remembers
  /// the constant w_scale. (A product folded into one constant would hide the input's scale in it: not taken.)
  void note_result_scale(const Node& multiply) {
    for (std::uint32_t side = 0; side < 2; ++side) {
      std::uint32_t integer_node = producer(flow_.input(multiply, side));
      for (int casts = 0; casts < 2 && integer_node != kNone && model_.nodes[integer_node].op == "Cast"; ++casts) {
        integer_node = producer(flow_.input(model_.nodes[integer_node], 0));
      }
      if (integer_node == kNone) continue;
      const Node& candidate = model_.nodes[integer_node];
      if (candidate.op != "MatMulInteger" && candidate.op != "ConvInteger") continue;
      const std::uint32_t product = producer(flow_.input(multiply, 1 - side));
      if (product == kNone || model_.nodes[product].op != "Mul") continue;
      for (std::uint32_t factor = 0; factor < 2; ++factor) {
        const std::uint32_t dynamic = flow_.input(model_.nodes[product], factor);
        const std::uint32_t quantizer = producer(dynamic);
        if (quantizer == kNone || model_.nodes[quantizer].op != "DynamicQuantizeLinear") continue;
        if (flow_.values()[dynamic].output != 1) continue;
        result_scales_[integer_node] = flow_.input(model_.nodes[product], 1 - factor);
      }
    }
  }

  std::uint32_t producer(std::uint32_t value) const { return value == kNone ? kNone : flow_.values()[value].node; }

  bool is_given(const Node& node, std::uint32_t input) const {
    return input < node.inputs.count && !model_.names[node.inputs.first + input].empty();
  }

  void list_only(const Node& node, std::uint32_t input) {
    const std::uint32_t weight = flow_.origin(flow_.input(node, input)).weight;
    if (weight == kNone || !is_quantized_type(sources_[weight].dtype)) return;
    Quantization how;
    how.by = title(model_, node);
    how.problem = fmt::format("quantized: the layout of {} is not read", how.by);
    how.packed = true;
    keep(weight, std::move(how));
  }

  void read(std::uint32_t index, const QuantizedInput& input) {
    const Node& node = model_.nodes[index];
    const Origin integers = flow_.origin(flow_.input(node, input.integers));
    if (integers.weight == kNone || !is_quantized_type(sources_[integers.weight].dtype)) return;
    if (model_.weights[integers.weight].sparse) return;
    const std::uint32_t scale = input.scale == kNone ? result_scales_[index] : flow_.input(node, input.scale);
    Quantization how;
    how.by = title(model_, node);
    how.problem = fit(node, input, integers, flow_.origin(scale), how);
    if (!how.problem.empty()) how.problem = fmt::format("quantized, but {} ({})", how.problem, how.by);
    keep(integers.weight, std::move(how));
  }

  /// A quantization that can be computed takes precedence over one that cannot; two different ones leave the weight
  /// without a single meaning.
  void keep(std::uint32_t weight, Quantization how) {
    auto& known = found_[weight];
    if (ambiguous_[weight]) return;
    if (!known || (!known->problem.empty() && how.problem.empty())) {
      known = std::move(how);
    } else if (how.problem.empty() && !known->same_values(how)) {
      known->problem = fmt::format("quantized, and scaled in different ways by {} and {}", known->by, how.by);
      ambiguous_[weight] = true;
    }
  }

  /// Fills `how` from the constants; returns what is wrong with them, or an empty string.
  std::string fit(const Node& node, const QuantizedInput& input, Origin integers, Origin scale,
                  Quantization& how) const {
    const TensorSource& q = sources_[integers.weight];
    if (scale.weight == kNone) return "its scale is not a constant";
    const TensorSource& s = sources_[scale.weight];
    if (!s.unreadable.empty()) return "its scale cannot be read: " + s.unreadable;
    if (s.dtype != DType::f32 && s.dtype != DType::f16 && s.dtype != DType::bf16) {
      return fmt::format("its scale has type {}", s.dtype_name);
    }
    how.scale = scale.weight;
    how.result = s.dtype;

    const std::int64_t scales = *element_count(s.shape);
    std::int64_t zeros = 1;
    bool moved = scale.rearranged && scales > 1;
    if (is_given(node, input.zero_point)) {
      const Origin zero = flow_.origin(flow_.input(node, input.zero_point));
      if (zero.weight == kNone) return "its zero point is not a constant";
      const TensorSource& z = sources_[zero.weight];
      if (z.dtype != q.dtype) return fmt::format("its zero point has type {}, not {}", z.dtype_name, q.dtype_name);
      zeros = *element_count(z.shape);
      moved = moved || (zero.rearranged && zeros > 1);
      how.zero_point = zero.weight;
    }
    if (scales == 0 || zeros == 0) return "it has no scale or no zero point";
    const std::int64_t parameters = std::max(scales, zeros);
    if (std::min(scales, zeros) != 1 && scales != zeros) {
      return fmt::format("it has {} scales and {} zero points", scales, zeros);
    }
    if (moved || (integers.rearranged && parameters > 1)) return "the graph rearranges it before it is scaled";
    if (std::string problem = read_result_type(node, how); !problem.empty()) return problem;
    if (parameters == 1) return {};
    return fit_axis(node, input, q, s, parameters, how);
  }

  std::string read_result_type(const Node& node, Quantization& how) const {
    const std::int64_t type = node.op == "DequantizeLinear" ? model_.integer(node, "output_dtype", 0) : 0;
    switch (type) {
      case 0: return {};
      case 1: how.result = DType::f32; return {};
      case 10: how.result = DType::f16; return {};
      case 16: how.result = DType::bf16; return {};
      default: return fmt::format("its output_dtype is {}", type);
    }
  }

  std::string fit_axis(const Node& node, const QuantizedInput& input, const TensorSource& q, const TensorSource& s,
                       std::int64_t parameters, Quantization& how) const {
    const auto rank = static_cast<std::int64_t>(q.shape.size());
    switch (input.along) {
      case Along::attribute:
        how.axis = model_.integer(node, "axis", 1);
        how.block = model_.integer(node, "block_size", 0);
        break;
      case Along::first: how.axis = 0; break;
      case Along::last: how.axis = -1; break;
      case Along::last_but_one: how.axis = -2; break;
      case Along::gemm_b: how.axis = model_.integer(node, "transB", 0) != 0 ? 0 : 1; break;
      case Along::none: return fmt::format("it has {} scales where one is expected", parameters);
    }
    if (how.axis < -rank || how.axis >= rank) return fmt::format("its scale runs along axis {} of {}", how.axis, rank);
    if (how.axis < 0) how.axis += rank;
    if (how.block < 0) return fmt::format("its block_size is {}", how.block);
    const std::int64_t extent = q.shape[static_cast<std::size_t>(how.axis)];
    bool fits = parameters == extent;
    if (how.block > 0) {
      Dimensions expected = q.shape;
      expected[static_cast<std::size_t>(how.axis)] = extent / how.block + (extent % how.block != 0 ? 1 : 0);
      fits = s.shape == expected && (how.zero_point == kNone || sources_[how.zero_point].shape == expected);
    } else {
      // A vector, perhaps surrounded by axes of extent 1 for broadcasting.
      fits = fits && std::ranges::count_if(s.shape, [](std::int64_t d) { return d != 1; }) <= 1;
    }
    if (fits) return {};
    return fmt::format("its scale of shape {} does not fit axis {} of {}", to_string(s.shape), how.axis,
                       to_string(q.shape));
  }

  const Model& model_;
  const Dataflow& flow_;
  const std::vector<TensorSource>& sources_;
  std::vector<std::optional<Quantization>> found_;
  std::vector<std::uint32_t> result_scales_;  // for each node: the value of its weight's scale
  std::vector<bool> ambiguous_;               // weights that two nodes scale in different ways
};

/// Element i of the integers; a 4-bit one is taken from its half of a byte.
template <class T>
auto reader(const Tensor& tensor) {
  return [values = reinterpret_cast<const T*>(tensor.data())](std::int64_t i) {
    return static_cast<std::int64_t>(values[i]);
  };
}

template <class Use>
void with_reader(DType dtype, const Tensor& packed, Use use) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(packed.data());
  const auto nibble = [bytes](std::int64_t i) {
    return static_cast<std::int64_t>(i % 2 == 0 ? bytes[i / 2] & 0xf : bytes[i / 2] >> 4);
  };
  switch (dtype) {
    case DType::u4: return use(nibble);
    case DType::i4: return use([nibble](std::int64_t i) { return (nibble(i) ^ 8) - 8; });
    case DType::i8: return use(reader<std::int8_t>(packed));
    case DType::u8: return use(reader<std::uint8_t>(packed));
    case DType::i16: return use(reader<std::int16_t>(packed));
    case DType::u16: return use(reader<std::uint16_t>(packed));
    default: return use(reader<std::int32_t>(packed));
  }
}

std::vector<float> read_scales(const TensorSource& source) {
  const Tensor tensor = source.load();
  std::vector<float> scales(static_cast<std::size_t>(tensor.size()));
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const auto half = [&] { return reinterpret_cast<const std::uint16_t*>(tensor.data())[i]; };
    switch (tensor.dtype()) {
      case DType::f16: scales[i] = static_cast<float>(f16_to_double(half())); break;
      case DType::bf16: scales[i] = static_cast<float>(bf16_to_double(half())); break;
      default: scales[i] = reinterpret_cast<const float*>(tensor.data())[i];
    }
  }
  return scales;
}

struct Extents {
  std::int64_t outer = 1, extent = 1, inner = 1;
};

Extents extents(const TensorSource& q, const Quantization& how, bool one_parameter) {
  Extents e;
  if (one_parameter) {
    e.inner = *element_count(q.shape);
    return e;
  }
  for (std::size_t d = 0; d < q.shape.size(); ++d) {
    const auto axis = static_cast<std::size_t>(how.axis);
    (d < axis ? e.outer : d == axis ? e.extent : e.inner) *= q.shape[d];
  }
  return e;
}

template <class T, class Round>
Tensor rounded(const Tensor& values, DType dtype, Round round) {
  auto copy = std::make_shared<std::vector<T>>(static_cast<std::size_t>(values.size()));
  for (std::size_t i = 0; i < copy->size(); ++i) (*copy)[i] = round(reinterpret_cast<const float*>(values.data())[i]);
  const auto* data = reinterpret_cast<const std::byte*>(copy->data());
  return Tensor(dtype, values.shape(), data, std::move(copy));
}

}  // namespace

std::vector<std::int64_t> read_integers(const TensorSource& source) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(*element_count(source.shape)));
  const Tensor packed = source.load_packed();
  with_reader(source.dtype, packed, [&](auto read) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = read(static_cast<std::int64_t>(i));
  });
  return values;
}

std::vector<std::optional<Quantization>> find_quantizations(const Model& model, const Dataflow& flow,
                                                            const std::vector<TensorSource>& sources) {
  return QuantizationFinder(model, flow, sources).find();
}

Tensor dequantize(const TensorSource& q, const TensorSource& scale, const std::optional<TensorSource>& zero_point,
                  const Quantization& how) {
  const FloatingEnvironment environment;
  const std::vector<float> scales = read_scales(scale);
  const std::vector<std::int64_t> zeros = zero_point ? read_integers(*zero_point) : std::vector<std::int64_t>{0};
  const Tensor packed = q.load_packed();
  const auto count = static_cast<std::size_t>(*element_count(q.shape));
  const Extents e = extents(q, how, scales.size() == 1 && zeros.size() == 1);
  const std::int64_t blocks = how.block > 0 ? e.extent / how.block + (e.extent % how.block != 0 ? 1 : 0) : 0;

  std::shared_ptr<float[]> values(new float[count]);
  with_reader(q.dtype, packed, [&](auto read) {
    std::int64_t at = 0;
    for (std::int64_t o = 0; count > 0 && o < e.outer; ++o) {
      for (std::int64_t a = 0; a < e.extent; ++a) {
        const std::int64_t first = how.block > 0 ? (o * blocks + a / how.block) * e.inner : a;
        for (std::int64_t i = 0; i < e.inner; ++i, ++at) {
          const auto p = static_cast<std::size_t>(how.block > 0 ? first + i : first);
          const std::int64_t zero = zeros[zeros.size() == 1 ? 0 : p];
          values[at] = static_cast<float>(read(at) - zero) * scales[scales.size() == 1 ? 0 : p];
        }
      }
    }
  });
  const auto* data = reinterpret_cast<const std::byte*>(values.get());
  Tensor result(DType::f32, q.shape, data, std::move(values));
  if (how.result == DType::f16) return rounded<std::uint16_t>(result, DType::f16, double_to_f16);
  if (how.result == DType::bf16) return rounded<std::uint16_t>(result, DType::bf16, double_to_bf16);
  return result;
}

}  // namespace sigmax::io::onnx
