// Resizing along one axis in exact arithmetic. Internal to graph/.
//
// A scale is a rational number: outputs / inputs, or a float, which is an integer over a power of two. So the
// coordinate of each output is one as well, ties of `nearest` are ties, and the weights of `linear` and `cubic` are
// integers over a common divisor. A runtime that computes coordinates in float may round them otherwise: bounded is the
// network as ONNX states it, in real numbers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sigmax/graph/onnx/axis_matrix.hpp"

namespace sigmax::graph::onnx {

/// numerator / denominator, both positive.
struct Ratio {
  std::int64_t numerator = 1;
  std::int64_t denominator = 1;
};

/// The number exactly, in lowest terms. Throws RefusedNode unless it is positive and both terms are below 2^40.
Ratio ratio_of(double scale);

struct AxisResize {
  std::int64_t inputs = 1;
  std::int64_t outputs = 1;
  Ratio scale;
  std::string mode = "nearest";                 ///< nearest, linear, cubic
  std::string coordinates = "half_pixel";       ///< ONNX's coordinate_transformation_mode
  std::string rounding = "round_prefer_floor";  ///< ONNX's nearest_mode
  double cubic = -0.75;                         ///< cubic_coeff_a
  bool excludes_outside = false;                ///< cubic: weights outside are 0, and the rest are divided by their sum
  double start = 0, end = 1;                    ///< of tf_crop_and_resize; outputs outside of the input are 0
};

/// Throws RefusedNode for modes that are not known, and for numbers too large for exact arithmetic in 64 bits.
AxisMatrix resized_axis(const AxisResize& resize);

/// Cubic interpolation as a polynomial in f, how far an output lies beyond an entry: sum over m of diag(f^m) parts[m],
/// the parts exact. For scales whose weights, cubes of f, do not fit into 64 bits: here f alone is rounded, once.
struct CubicAxis {
  std::array<AxisMatrix, 4> parts;
  std::vector<double> fractions;  ///< f of each output
};

/// Throws RefusedNode with `excludes_outside`, which divides by sums of weights, and as above.
CubicAxis cubic_axis(const AxisResize& resize);

}  // namespace sigmax::graph::onnx
