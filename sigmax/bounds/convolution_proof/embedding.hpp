// Convolutions of one size inside of circulants, whose norms their symbols give. Internal to bounds/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// An axis as a sub-block of a circulant.
struct AxisEmbedding {
  SymbolAxis symbol;
  /// Any grid of at least this many points on this axis will do: every circulant of that many outputs contains the
  /// axis. 0: every output of the axis reads padding alone.
  std::int64_t least_grid = 1;
};

/// The axis with zeros beyond `input` entries, of which `pad_low` lie before the first.
AxisEmbedding embedding_of(const CorrelationAxis& axis);

/// The correlation with its padded image as the input: for padding with copies.
CorrelationAxis padded(const CorrelationAxis& axis);

/// The largest number of entries of the padded image that are copies of one entry: their root is the norm of padding.
std::int64_t copies_of(PaddingMode mode, const CorrelationAxis& axis);

/// What the square of the symbol's supremum is to be multiplied with, for each axis, to bound the square of the norm at
/// every input size for which the axis has an output: the largest copies_of(), repeated rows of a circular axis, and 2
/// for a reflected axis whose outputs lie in one period.
double copies_at_every_size(PaddingMode mode, const ConvolutionAxis& axis);

/// A circular axis: the rows of a stride-g circulant, g = gcd(stride, n), on the grid of n / g points.
struct CircularAxis {
  SymbolAxis symbol;
  std::int64_t grid = 1;
  std::int64_t repeats = 1;  ///< each row of that circulant occurs at most this often
  bool is_whole = true;      ///< each row occurs at least once
};
CircularAxis circular_axis(const CorrelationAxis& axis);

/// All points (2 pi j + offset) / grid, offset = 2 pi numerator / denominator on each axis; one of each two opposite
/// ones if the offsets are all 0 or pi.
struct GridAxis {
  std::int64_t grid = 1;
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
};
std::vector<TorusPoint> grid_points(const std::vector<GridAxis>& axes);

}  // namespace sigmax::bounds
