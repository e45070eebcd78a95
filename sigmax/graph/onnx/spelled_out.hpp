// Operators that a file spells out in several nodes. Internal to graph/.
#pragma once

#include "sigmax/io/computation.hpp"

namespace sigmax::graph::onnx {

/// The name of an operator that no file has: y = (x - mean) / sqrt(variance + epsilon) over the axes in the attribute
/// `axes`, or, if the attribute `centered` is 0, y = x / sqrt(mean of x^2 + epsilon). The rule is in
/// normalization_rules.cpp.
inline constexpr const char* kStandardization = "Standardization";

/// The same computation with these nodes replaced by one operator, where they are exactly its definition:
///
///   Standardization  d / sqrt(mean(d^2) + epsilon), with d = x - mean(x) or any d; the three means over the same axes
///                    and with one number for epsilon. d^2 may be d d; the root may be a power of 0.5, and the quotient
///                    a product with the reciprocal or with a power of -0.5.
///   Softmax          e^z / sum(e^z) along one axis; z may be w - max(w) along it, which is the Softmax of w.
///   LogSoftmax       the logarithm of a Softmax.
///
/// Casts between real types are no change, as in the import. Nodes that became unnecessary are still there.
io::Computation without_spelled_operators(const io::Computation& computation);

}  // namespace sigmax::graph::onnx
