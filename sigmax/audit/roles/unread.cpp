#include "sigmax/audit/roles/unread.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sigmax/audit/roles/quantized.hpp"
#include "sigmax/audit/roles/tensor_name.hpp"

namespace sigmax::audit {
namespace {

constexpr std::array<std::string_view, 17> kProducts = {"MatMul",
                                                        "FusedMatMul",
                                                        "TransposeMatMul",
                                                        "MatMulInteger",
                                                        "MatMulIntegerToFloat",
                                                        "DynamicQuantizeMatMul",
                                                        "QLinearMatMul",
                                                        "MatMulNBits",
                                                        "Gemm",
                                                        "FusedGemm",
                                                        "QGemm",
                                                        "Einsum",
                                                        "Attention",
                                                        "QAttention",
                                                        "LSTM",
                                                        "GRU",
                                                        "RNN"};
constexpr std::array<std::string_view, 8> kConvolutions = {"Conv",      "ConvTranspose", "ConvInteger",   "QLinearConv",
                                                           "FusedConv", "NhwcConv",      "NhwcFusedConv", "DeformConv"};

// Words of a name that stand for what goes with a weight: the parameters of its quantization, and other tensors.
constexpr std::array<std::string_view, 13> kParameters = {"scale",  "scales",   "zero",   "zeros", "qzeros",
                                                          "zp",     "point",    "absmax", "amax",  "wscales",
                                                          "wzeros", "wcscales", "wtscale"};
constexpr std::array<std::string_view, 8> kCompanions = {"bias", "mask", "freq", "freqs", "idx", "map", "ids", "code"};

// Words of a name that stand for what integers are for besides weights.
constexpr std::array<std::string_view, 26> kIndices = {
    "id",     "index",    "indices", "indexes", "masks",  "token",   "tokens",  "tril",     "triu",
    "causal", "position", "offset",  "offsets", "label",  "labels",  "step",    "steps",    "num",
    "count",  "counts",   "rng",     "seed",    "length", "lengths", "targets", "positions"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// `layers.0.mlp.Weight_Scale` gives `weight_scale`. Only the end of a name is looked at, however long it is.
std::string last_component(std::string_view name) {
  const std::size_t separator = name.find_last_of("./:");
  if (separator != std::string_view::npos) name.remove_prefix(separator + 1);
  std::string lower(name.substr(name.size() > 200 ? name.size() - 200 : 0));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// `fc.weight.0`, `fc.weight.qdata`: a member of a quantized tensor that a class of its own holds.
bool is_member_of_a_weight(std::string_view name, std::string_view component) {
  if (component.size() >= name.size()) return false;
  const std::string holder = last_component(name.substr(0, name.size() - component.size() - 1));
  return holder.ends_with("weight") || holder == "kernel";
}

template <std::size_t N>
bool has_word_of(const std::array<std::string_view, N>& list, std::string_view component) {
  while (!component.empty()) {
    const std::size_t end = std::min(component.find('_'), component.size());
    if (contains(list, component.substr(0, end))) return true;
    component.remove_prefix(std::min(end + 1, component.size()));
  }
  return false;
}

// `mask_proj`: the layer that makes a mask, not the mask. `in_proj_bias` is the bias.
bool names_a_layer(std::string_view component) {
  constexpr std::array<std::string_view, 4> kLayers = {"_proj", "_linear", "_dense", "_fc"};
  return std::any_of(kLayers.begin(), kLayers.end(),
                     [&](std::string_view layer) { return component.ends_with(layer); });
}

// `kernel_scale` next to `kernel`, `fc.weight.scale` below it: whatever the integers are called, they are a weight.
bool has_scale_of_its_own(const io::Entry& entry, const Siblings& siblings) {
  constexpr std::array<std::string_view, 8> kOwn = {"_scale",  "_scales", "_scale_inv", "_scb",
                                                    "_absmax", ".scale",  ".scales",    ".absmax"};
  return std::any_of(kOwn.begin(), kOwn.end(), [&](std::string_view ending) {
    return siblings.find(entry.name + std::string(ending), entry) != nullptr;
  });
}

// A scale in the same module: `scale` next to `w`.
bool is_in_a_module_with_scales(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  constexpr std::array<std::string_view, 8> kNames = {"scale",        "scales",  "s",   "qscale",
                                                      "weight_scale", "w_scale", "SCB", "absmax"};
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view name) {
    const io::Entry* scale = siblings.find(parts.sibling(name), entry);
    return scale != nullptr && scale != &entry;
  });
}

// Types in which weights are kept and indices hardly ever: 4 and 8 bits, and what is packed or reinterpreted in words
// without a sign. The usual types of indices are i32 and i64.
bool is_a_type_of_codes(DType dtype) { return bits(dtype) <= 16 || dtype == DType::u32; }

// Scales and zero points, of more than one axis where weights are quantized by blocks.
bool is_parameter_of_quantization(const io::Usage& use) {
  // Quantized operands and their parameters alternate: a, its scale and zero point, b, its scale and zero point.
  constexpr std::array<std::string_view, 3> kAlternating = {"QLinearMatMul", "QLinearConv", "QGemm"};
  if (contains(kAlternating, use.op)) return use.input % 3 != 0;
  constexpr std::array<std::string_view, 2> kOne = {"DequantizeLinear", "QuantizeLinear"};
  if (contains(kOne, use.op)) return use.input >= 1;
  constexpr std::array<std::string_view, 7> kTwo = {
      "MatMulNBits",          "MatMulBnb4",           "MatMulInteger",        "ConvInteger",
      "MatMulIntegerToFloat", "GatherBlockQuantized", "DynamicQuantizeMatMul"};
  return contains(kTwo, use.op) && use.input >= 2;
}

bool is_multiplied_with(const io::Entry& entry) {
  return std::any_of(entry.used_by.begin(), entry.used_by.end(), [](const io::Usage& use) {
    return (contains(kProducts, use.op) || contains(kConvolutions, use.op)) && !is_parameter_of_quantization(use);
  });
}

// Operators that choose, compare and reshape: their integers are positions, conditions and shapes.
bool only_chooses(const io::Usage& use) {
  constexpr std::array<std::string_view, 20> kChoosing = {"GatherElements",
                                                          "GatherND",
                                                          "ScatterND",
                                                          "ScatterElements",
                                                          "Where",
                                                          "Reshape",
                                                          "Slice",
                                                          "Tile",
                                                          "Expand",
                                                          "And",
                                                          "Or",
                                                          "Not",
                                                          "Equal",
                                                          "OneHot",
                                                          "Less",
                                                          "Greater",
                                                          "Shape",
                                                          "ConstantOfShape",
                                                          "Concat",
                                                          "Pad"};
  return contains(kChoosing, use.op) || (use.op == "Gather" && use.input != 0) || is_parameter_of_quantization(use);
}

// As GPTQ, AWQ, compressed-tensors, bitsandbytes, MXFP4, HQQ, AQLM, QuIP# and EXL3 call what they pack.
bool names_packed_weights(std::string_view component) {
  constexpr std::array<std::string_view, 4> kPacked = {"w_q", "codes", "qidxs", "trellis"};
  return component.find("weight") != std::string_view::npos || component.ends_with("kernel") ||
         component.ends_with("_blocks") || contains(kPacked, component);
}

// Integers with two axes or more, which their reader has no numbers for.
bool may_be_codes(const io::Entry& entry, std::string_view component, const Siblings& siblings) {
  if (has_scale_of_its_own(entry, siblings) || has_codebook(entry, siblings)) return true;
  if (has_word_of(kCompanions, component) && !names_a_layer(component)) return false;
  if (is_multiplied_with(entry) || names_packed_weights(component) || is_member_of_a_weight(entry.name, component)) {
    return true;
  }
  const bool holds_random_keys = entry.dtype == DType::u32 && entry.shape.back() == 2;  // of JAX, two words each
  if (has_scale_of_a_missing_weight(entry, siblings)) return true;
  if ((has_word_of(kIndices, component) && !names_a_layer(component)) || holds_random_keys) return false;
  if (!is_a_type_of_codes(entry.dtype)) return is_in_a_module_with_scales(entry, siblings);
  return entry.used_by.empty() || !std::all_of(entry.used_by.begin(), entry.used_by.end(), only_chooses);
}

// All weights of a part of a model in one vector, one after another, as FSDP, DeepSpeed and Megatron-LM keep them.
bool holds_flat_weights(std::string_view component) {
  constexpr std::array<std::string_view, 4> kFlat = {"flat_param", "flat_groups", "flat_weight",
                                                     "partition_of_fp32_groups"};
  return std::any_of(kFlat.begin(), kFlat.end(),
                     [&](std::string_view word) { return component.find(word) != std::string_view::npos; });
}

// Codes of fewer bits or packed ones, all in a row, with a scale called after them: `fc.weight` and `fc.weight_scale`.
// In a graph a vector stays one.
bool is_packed_vector(const io::Entry& entry, std::string_view component, const Siblings& siblings) {
  return entry.shape.size() == 1 && entry.shape[0] > 1 && entry.used_by.empty() && bits(entry.dtype) <= 8 &&
         !has_word_of(kCompanions, component) && has_scale_of_its_own(entry, siblings);
}

bool names_a_weight(std::string_view component) {
  return component.ends_with("weight") || component == "kernel" || component == "embedding";
}

}  // namespace

bool may_be_unread_weight(const io::Entry& entry, const Siblings& siblings) {
  const bool readable = entry.unreadable.empty();
  if (!readable && entry.opaque) return true;
  const std::string component = last_component(entry.name);
  if (entry.shape.size() == 1 && is_real(entry.dtype) && holds_flat_weights(component)) return true;
  if (readable && is_real(entry.dtype)) return false;
  if (entry.dtype == DType::boolean || entry.dtype == DType::string) return false;
  if (has_word_of(kParameters, component) && !names_a_layer(component)) return false;
  const bool of_integers = readable && is_integer(entry.dtype);
  if (!of_integers && has_word_of(kCompanions, component) && !names_a_layer(component)) {
    return entry.shape.size() > 1 && has_scale_of_its_own(entry, siblings);
  }
  if (entry.shape.empty()) return !readable && names_a_weight(component);
  if (!readable && holds_flat_weights(component)) return true;
  if (is_packed_vector(entry, component, siblings)) return true;
  if (entry.shape.size() < 2 || element_count(entry.shape).value_or(1) == 0) return false;
  return !of_integers || may_be_codes(entry, component, siblings);
}

}  // namespace sigmax::audit
