#include "sigmax/audit/unread.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

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

// Words of a name that stand for what goes with a weight.
constexpr std::array<std::string_view, 17> kCompanions = {"scale", "scales", "zero", "zeros", "qzeros", "zp",
                                                          "point", "absmax", "bias", "mask",  "freq",   "freqs",
                                                          "idx",   "map",    "ids",  "code",  "amax"};

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

bool names_a_companion(std::string_view component) {
  while (!component.empty()) {
    const std::size_t end = std::min(component.find('_'), component.size());
    if (contains(kCompanions, component.substr(0, end))) return true;
    component.remove_prefix(std::min(end + 1, component.size()));
  }
  return false;
}

bool is_multiplied_with(const io::Entry& entry) {
  return std::any_of(entry.used_by.begin(), entry.used_by.end(), [](const io::Usage& use) {
    return contains(kProducts, use.op) || contains(kConvolutions, use.op);
  });
}

// As GPTQ, AWQ, compressed-tensors, bitsandbytes, MXFP4, HQQ, AQLM, QuIP# and EXL3 call what they pack.
bool names_packed_weights(std::string_view component) {
  constexpr std::array<std::string_view, 4> kPacked = {"w_q", "codes", "qidxs", "trellis"};
  return component.find("weight") != std::string_view::npos || component.ends_with("_blocks") ||
         contains(kPacked, component);
}

// All weights of a part of a model in one vector, one after another, as FSDP, DeepSpeed and Megatron-LM keep them.
bool holds_flat_weights(std::string_view component) {
  constexpr std::array<std::string_view, 4> kFlat = {"flat_param", "flat_groups", "flat_weight",
                                                     "partition_of_fp32_groups"};
  return std::any_of(kFlat.begin(), kFlat.end(),
                     [&](std::string_view word) { return component.find(word) != std::string_view::npos; });
}

bool names_a_weight(std::string_view component) {
  return component.ends_with("weight") || component == "kernel" || component == "embedding";
}

}  // namespace

bool may_be_unread_weight(const io::Entry& entry) {
  const bool readable = entry.unreadable.empty();
  const std::string component = last_component(entry.name);
  if (entry.shape.size() == 1 && is_real(entry.dtype) && holds_flat_weights(component)) return true;
  if (readable && is_real(entry.dtype)) return false;
  if (entry.dtype == DType::boolean || entry.dtype == DType::string) return false;
  if (names_a_companion(component)) return false;
  if (entry.shape.empty()) return !readable && names_a_weight(component);
  if (!readable && holds_flat_weights(component)) return true;
  if (entry.shape.size() < 2 || element_count(entry.shape).value_or(1) == 0) return false;
  if (readable && is_integer(entry.dtype)) {
    return is_multiplied_with(entry) || names_packed_weights(component) || is_member_of_a_weight(entry.name, component);
  }
  return true;
}

}  // namespace sigmax::audit
