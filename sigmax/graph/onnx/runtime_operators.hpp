// Operators that optimizers fuse for one runtime, in ONNX's own. Internal to graph/.
#pragma once

#include <string>

#include "sigmax/io/computation.hpp"

namespace sigmax::graph::onnx {

/// The name that ONNX Runtime's Attention gets, since ONNX has another one. The rule is in attention_rules.cpp.
inline constexpr const char* kPackedAttention = "PackedAttention";

/// The same computation with operators of ONNX Runtime's domain `com.microsoft` replaced by those of ONNX that they are
/// defined by, for those that have such a definition:
///
///   Gelu, BiasGelu, FastGelu, QuickGelu                      Gelu and x sigmoid(alpha x), of x + bias
///   SkipLayerNormalization, SkipSimplifiedLayerNormalization  of the sum of inputs and bias
///   SimplifiedLayerNormalization                             RMSNormalization, also without a domain
///   FusedConv, FusedGemm, GemmFastGelu                       with the function behind them
///   FusedMatMul, TransposeMatMul                             Transpose, MatMul and a factor, as one node with a rule
///   Attention, MultiHeadAttention                            nodes with rules of their own
///
/// Others stay and are refused.
io::Computation without_runtime_operators(const io::Computation& computation);

/// Why an operator of another domain than ONNX's is refused.
std::string reason_of_domain(const io::ComputationNode& node);

}  // namespace sigmax::graph::onnx
