// Which rules there are, by family, and the rule of an operator. Internal to graph/.
//
// A family is a source with a function that gives its rules. A new family is declared here and joins the list in
// rules.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

std::span<const NamedRule> identity_rules();     ///< Identity, Dropout, Cast, CastLike
std::span<const NamedRule> arithmetic_rules();   ///< Add, Sub, Mul, Div, Neg, Sum, Mean, Min, Max, Where
std::span<const NamedRule> matrix_rules();       ///< Gemm, MatMul, FusedMatMul
std::span<const NamedRule> convolution_rules();  ///< Conv, ConvTranspose, MaxPool, GlobalMaxPool
std::span<const NamedRule> batch_rules();        ///< BatchNormalization
std::span<const NamedRule> elementwise_rules();  ///< Relu, Gelu, Pow, Clip and other functions of one number
std::span<const NamedRule> recurrence_rules();   ///< RNN, GRU, LSTM
std::span<const NamedRule> reduction_rules();    ///< ReduceMax, ReduceMin, ReduceL1, ReduceL2, ReduceLogSumExp
std::span<const NamedRule> order_rules();        ///< TopK, LRN, LpPool, GlobalLpPool
std::span<const NamedRule> softmax_rules();      ///< Softmax, LogSoftmax
std::span<const NamedRule> moving_rules();       ///< Reshape to Tile (movement.hpp), Pad, Concat, DepthToSpace, ...
std::span<const NamedRule> scattering_rules();   ///< GatherND, ScatterND, ScatterElements, Scatter
std::span<const NamedRule> averaging_rules();    ///< AveragePool, GlobalAveragePool, ReduceMean, ReduceSum, CumSum
std::span<const NamedRule> resizing_rules();     ///< Resize, Upsample
std::span<const NamedRule> sampling_rules();     ///< GridSample
std::span<const NamedRule> attention_rules();    ///< Attention, MultiHeadAttention
std::span<const NamedRule> einsum_rules();       ///< Einsum
/// LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization, MeanVarianceNormalization
std::span<const NamedRule> normalization_rules();

/// The rule of an operator of ONNX's own; null if there is none.
const NamedRule* find_rule(std::string_view op);

/// The names of all operators that have a rule, of inner ones (spelled_out.hpp) too.
std::vector<std::string_view> ops_with_rules();

/// How many leading operands the node must have.
std::size_t operands_needed(const io::ComputationNode& node);

}  // namespace sigmax::graph::onnx
