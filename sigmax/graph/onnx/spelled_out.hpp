// Operators that a file spells out in several nodes. Internal to graph/.
#pragma once

#include <map>
#include <string>

#include "sigmax/io/computation.hpp"

namespace sigmax::graph::onnx {

/// The name of an operator that no file has: y = (x - mean) / (sqrt(variance + epsilon) + added) over the axes in the
/// attribute `axes`, or, if the attribute `centered` is 0, y = x / (sqrt(mean of x^2 + epsilon) + added). Further
/// operands, each of which may be absent: the mean of squares is multiplied by operand 1 and divided by operand 2, or
/// is the sum divided by operand 2 with `sum`; y is multiplied by operand 3. The rule is in normalization_rules.cpp,
/// which knows how many entries there are.
inline constexpr const char* kStandardization = "Standardization";

/// y = sqrt(a^2 + b^2), entry by entry. The rule is in reduction_rules.cpp.
inline constexpr const char* kHypotenuse = "Hypotenuse";

/// The same computation with these nodes replaced by one operator, where they are exactly its definition:
///
///   Standardization  d / (sqrt(mean(d^2) + epsilon) + added), with d = x - mean(x) or any d; the three means over the
///                    same axes, and numbers epsilon and added, one of which may be missing. d^2 may be d d; the root
///                    may be a power of 0.5, and the quotient a product with the reciprocal or with a power of -0.5.
///                    The mean may be mean(d^2) n / (n - 1) or sum(d^2) / (n - 1), as for torch's std, with n stored or
///                    computed from shapes; d may be multiplied by a constant before the division.
///   Softmax          e^z / sum(e^z) along one axis; z may be w - max(w) along it, which is the Softmax of w.
///   LogSoftmax       the logarithm of a Softmax.
///   ReduceL2         the root of ReduceSumSquare(d), or of ReduceSum(d^2).
///   Hypotenuse       sqrt(a^2 + b^2).
///
/// Casts between real types are no change, as in the import. Nodes that became unnecessary are still there.
///
/// `outside`: constants that a graph inside of a node may use.
io::Computation without_spelled_operators(const io::Computation& computation,
                                          const std::map<std::string, const io::ComputationConstant*>& outside = {});

}  // namespace sigmax::graph::onnx
