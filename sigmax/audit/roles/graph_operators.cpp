#include "sigmax/audit/roles/graph_operators.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace sigmax::audit {
namespace {

// Inputs that are linear maps.
struct MapInput {
  std::string_view op;
  int input;
  Map map;
};

constexpr MapInput kMaps[] = {
    {"Conv", 1, Map::convolution},
    {"ConvInteger", 1, Map::convolution},
    {"QLinearConv", 3, Map::convolution},
    {"FusedConv", 1, Map::convolution},
    {"NhwcConv", 1, Map::convolution},
    {"NhwcFusedConv", 1, Map::convolution},
    {"DeformConv", 1, Map::convolution},
    {"ConvTranspose", 1, Map::transposed_convolution},
    {"ConvTransposeWithDynamicPads", 1, Map::transposed_convolution},
    {"MatMul", 0, Map::left},
    {"MatMul", 1, Map::right},
    {"FusedMatMul", 0, Map::left},
    {"FusedMatMul", 1, Map::right},
    {"TransposeMatMul", 0, Map::left},
    {"TransposeMatMul", 1, Map::right},
    {"FusedMatMulActivation", 1, Map::right},
    {"MatMulInteger", 0, Map::left},
    {"MatMulInteger", 1, Map::right},
    {"QLinearMatMul", 0, Map::left},
    {"QLinearMatMul", 3, Map::right},
    {"MatMulIntegerToFloat", 1, Map::right},
    {"DynamicQuantizeMatMul", 1, Map::right},
    {"Gemm", 0, Map::left},
    {"Gemm", 1, Map::right},
    {"FusedGemm", 0, Map::left},
    {"FusedGemm", 1, Map::right},
    {"QGemm", 0, Map::left},
    {"QGemm", 3, Map::right},
    {"Attention", 1, Map::right},
    {"PackedAttention", 1, Map::right},
    {"LongformerAttention", 1, Map::right},
    {"QAttention", 1, Map::right},
    {"MoE", 2, Map::experts},
    {"MoE", 4, Map::experts},
    {"MoE", 6, Map::experts},
    {"LSTM", 1, Map::recurrent},
    {"LSTM", 2, Map::recurrent},
    {"GRU", 1, Map::recurrent},
    {"GRU", 2, Map::recurrent},
    {"RNN", 1, Map::recurrent},
    {"RNN", 2, Map::recurrent},
    {"Gather", 0, Map::embedding},
    {"EmbedLayerNormalization", 2, Map::embedding},
    {"EmbedLayerNormalization", 3, Map::embedding},
    {"EmbedLayerNormalization", 4, Map::embedding},
};

constexpr std::string_view kEntrywiseOps[] = {
    "Add",  "Sub",  "Mul",   "Div",     "Pow", "Max",         "Min", "Mod",  "PRelu",          "Where",
    "Clip", "Less", "Equal", "Greater", "And", "LessOrEqual", "Sum", "Mean", "GreaterOrEqual", "Or",
    "Not"};

// Operators none of whose constant inputs is a linear map: scales, statistics, tables of angles, shapes.
constexpr std::string_view kNoMaps[] = {"QuantizeLinear",
                                        "DequantizeLinear",
                                        "DynamicQuantizeLinear",
                                        "MatMulNBits",
                                        "MatMulBnb4",
                                        "GatherBlockQuantized",
                                        "QMoE",
                                        "BatchNormalization",
                                        "InstanceNormalization",
                                        "GroupNormalization",
                                        "GroupNorm",
                                        "SkipGroupNorm",
                                        "LayerNormalization",
                                        "SimplifiedLayerNormalization",
                                        "SkipLayerNormalization",
                                        "SkipSimplifiedLayerNormalization",
                                        "RMSNormalization",
                                        "RotaryEmbedding",
                                        "GroupQueryAttention",
                                        "MultiHeadAttention",
                                        "BiasGelu",
                                        "FastGelu",
                                        "BiasAdd",
                                        "BiasSplitGelu",
                                        "QLinearAdd",
                                        "QLinearMul",
                                        "Pad",
                                        "Resize",
                                        "Upsample",
                                        "Expand",
                                        "Tile"};

template <std::size_t N>
bool contains(const std::string_view (&list)[N], std::string_view op) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

}  // namespace

std::optional<Map> map_of(const io::Usage& use) {
  if (use.op == "Einsum") return Map::einsum;
  const auto found = std::find_if(std::begin(kMaps), std::end(kMaps),
                                  [&](const MapInput& m) { return m.op == use.op && m.input == use.input; });
  return found == std::end(kMaps) ? std::nullopt : std::optional(found->map);
}

bool is_no_map(const io::Usage& use) {
  if (map_of(use)) return false;
  return contains(kEntrywiseOps, use.op) || contains(kNoMaps, use.op) ||
         std::any_of(std::begin(kMaps), std::end(kMaps), [&](const MapInput& m) { return m.op == use.op; });
}

bool is_entrywise(const io::Usage& use) { return contains(kEntrywiseOps, use.op); }

}  // namespace sigmax::audit
