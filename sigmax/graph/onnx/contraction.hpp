// Sums of products over named axes: Einsum. Internal to graph/.
#pragma once

#include <map>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

/// An axis's name: axes of one name have one index. An axis of extent 1 fits any other (broadcasting).
using Label = int;
using Labels = std::vector<Label>;

/// out[...] = sum of left[...] right[...] over the labels that are not in `out`.
struct Contraction {
  Labels left;
  Labels right;
  Labels out;
};

/// The labels' extents. Throws RefusedNode if there is not one label for each axis, or extents do not fit.
std::map<Label, std::int64_t> extents_of(const Contraction& contraction, const Dimensions& left,
                                         const Dimensions& right);

/// The contraction of a value with a constant: a matrix along axes of the value, exactly the stored numbers. With a
/// label in all three, there is a matrix for each of its indices (a grouped convolution of one tap).
Value contracted(Builder& builder, const Value& left, const Known& right, const Contraction& contraction);

/// The contraction of two values: a MatrixProduct.
Value contracted(Builder& builder, const Value& left, const Value& right, const Contraction& contraction);

}  // namespace sigmax::graph::onnx
