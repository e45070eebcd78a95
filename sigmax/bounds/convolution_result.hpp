// What an enclosure of a convolution's norm is asked for, and what it says.
#pragma once

#include <cstdint>
#include <string_view>

#include "sigmax/core/bound.hpp"

namespace sigmax {

/// The quantity that a convolution's enclosure encloses.
enum class ConvolutionQuestion {
  every_size,  ///< the supremum of the norms over all input sizes
  input_size,  ///< the norm at the given input size
  circular,    ///< the norm of the circular convolution of the given size
};

/// "every_size", "input_size", "circular".
std::string_view name(ConvolutionQuestion question) noexcept;

/// The theorem that an end of an enclosure comes from.
enum class ConvolutionTheorem {
  zero,              ///< every weight is 0, or every output reads padding zeros alone
  torus_point,       ///< a quotient of the symbol at a point of the torus (a lower end)
  branch_and_bound,  ///< cells of the torus and M. Riesz' theorem
  circulant,         ///< the symbol on the grid of the circular convolution, which determines its norm
  offset_grid,       ///< the symbol on a shifted grid: the matrix is a sub-block of a twisted circulant
  one_axis,          ///< one axis as it is, the others as a twisted circulant: a block band for each frequency
  dense,             ///< the matrix itself, formed and factored
  product,           ///< a quotient of one product with the operator (a lower end)
};

/// "branch_and_bound", "one_axis", ...
std::string_view name(ConvolutionTheorem theorem) noexcept;

struct ConvolutionNormOptions {
  /// The value of (upper - lower) / upper that is enough. 0: 1e-6 at every size and on a circle, 0.02 at an input size.
  double relative_width = 0;
  /// About how many floating-point operations may be used, the default about a minute's on two cores. When they are
  /// used up, the ends reached so far are returned: true, but wider.
  double most_flops = 4e12;
  /// At an input size: a matrix whose shorter side is at most this is formed and factored if the other theorems do not
  /// reach the width.
  std::int64_t dense_up_to = 4096;
  /// At an input size: one axis is kept as it is, and the others become a twisted circulant, if the shorter side of the
  /// matrices that this leaves, channels times the size of that axis, is at most this. 0: never.
  std::int64_t one_axis_up_to = 8192;
  /// At an input size: no lower end is searched for, so that it may be 0; `relative_width` is then that of each theorem
  /// itself. Taken are the matrix and the theorem with one axis whole where they cost a tenth of `most_flops` at most,
  /// otherwise shifted grids of few points, or S: a bound a few percent above the norm for a tenth of the time.
  bool upper_alone = false;
};

/// An enclosure of a convolution's norm, and what it means.
struct ConvolutionNorm {
  Enclosure sigma_max;
  double estimate = 0;  ///< the largest value that was seen; no statement
  ConvolutionQuestion question = ConvolutionQuestion::every_size;
  ConvolutionTheorem lower_by = ConvolutionTheorem::torus_point;
  ConvolutionTheorem upper_by = ConvolutionTheorem::branch_and_bound;
  /// What padding with copies multiplies the norm with, at most: for example sqrt(2) for each reflected axis and
  /// sqrt(pad + 1) for each replicated one. It is part of an upper end from the symbol; 1: none.
  double border_factor = 1;
  std::int64_t points = 0;  ///< points of the torus whose symbol was factored
  double flops = 0;         ///< about how many operations that took
};

}  // namespace sigmax
