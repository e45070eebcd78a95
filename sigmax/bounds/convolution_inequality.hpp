// The matrix inequality of a network (bounds/network_lmi.hpp) for chains of convolutions: one small block a frequency,
// so that its cost does not grow with the cube of the image. Derivation: docs/lipschitz-convolutions.md.
//
// Neurons outside of an image have the slope 0. So a chain of zero-padded convolutions and functions with slopes in
// [0, b] is a chain of circular ones, on a torus that no window goes around, some of whose neurons do not move. With
// one multiplier for each channel P(mu) is invariant under shifts, and the Fourier transform makes it block diagonal.
//
// A chain is cut into segments: linear maps with neurons between them, and an end. What goes from one to the next is a
// list of units u: if the values z of a channel c change by dz, then sum_c |dz_c|^2 / u_c^2 <= |dx|^2.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/network_lmi.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax {

/// 2^exponent times the convolution of an image with `kernel`, [out, in / groups, taps...] row-major. Zeros surround
/// the image.
struct ImageMap {
  Correlation correlation;
  std::vector<double> kernel;
  std::int64_t exponent = 0;
};

/// v = map(z) + constants and z' = f(v), entry by entry, where all difference quotients of channel c are in
/// [0, most_c]. In P the multiplier of its neurons is unit_c^-2.
struct ImageNeurons {
  ImageMap map;
  std::vector<double> most;
  std::vector<double> unit;
};

/// Images with sum_c |dz_c|^2 / input_c^2 <= |dx|^2, and layers of neurons on them.
struct ImageSegment {
  std::vector<double> input;
  std::vector<ImageNeurons> neurons;
};

/// Which frequencies of an axis are taken: 2 pi j / N, or (2 pi j + pi) / N. Both prove a bound.
using HalfOffsets = std::array<bool, 3>;

/// |dv| <= value |dx| for v = end(z). Nothing if P(mu) cannot be shown to be positive definite: poor units, numbers
/// beyond 2^400 of each other, or a BLAS that did not pass its test. Throws Error for maps that do not fit each other,
/// padding that is not of zeros, most < 0, and for numbers that are not finite or units that are not positive.
///
/// Cost: for each of half the frequencies of a layer with C channels about 40 C^3 flops.
std::optional<UpperBound> image_norm(const ImageSegment& segment, const ImageMap& end, const HalfOffsets& offsets,
                                     Context& context);

/// A window of maximum pooling over v: for each channel c the matrix D_c with d_c on the diagonal and o_c elsewhere.
struct PoolWindow {
  Correlation window;  ///< of one channel: where the windows lie
  std::vector<double> diagonal;
  std::vector<double> other;
};

/// The units of y, the maxima of v = end(z) in the windows: sum_c |dy_c|^2 / u_c^2 <= |dx|^2. Shown is that the windows
/// of dv have a covariance of at most s D, for the least s that is found, and u_c^2 = s d_c. Throws and is missing as
/// above; also missing if D is not positive definite.
///
/// Cost: with k entries in a window about 8 (k C)^3 / 3 flops for each of half the frequencies of y.
std::optional<std::vector<double>> pooled_units(const ImageSegment& segment, const ImageMap& end,
                                                const PoolWindow& pool, const HalfOffsets& offsets, Context& context);

/// A matrix L with  T dz = 2^exponent L du,  |du| <= |dx|.
struct FlattenedChange {
  Matrix<double> factor;
  std::int64_t exponent = 0;
};

/// For the dense layer T that reads all entries of the segment's last images, [channels, axes...] row-major, of the
/// size `positions`: as a network whose inputs are u and whose first matrix is L, what follows is bounded together with
/// the convolutions by the dense inequality. Missing and throws as above.
///
/// Cost: for m rows m^2 C flops for each frequency, and m C positions.
std::optional<FlattenedChange> flattened_change(const ImageSegment& segment, const Matrix<double>& map,
                                                const std::vector<std::int64_t>& positions, const HalfOffsets& offsets,
                                                Context& context);

/// As above, on every hardware thread.
inline std::optional<UpperBound> image_norm(const ImageSegment& segment, const ImageMap& end,
                                            const HalfOffsets& offsets = {}) {
  Context context;
  return image_norm(segment, end, offsets, context);
}
inline std::optional<std::vector<double>> pooled_units(const ImageSegment& segment, const ImageMap& end,
                                                       const PoolWindow& pool, const HalfOffsets& offsets = {}) {
  Context context;
  return pooled_units(segment, end, pool, offsets, context);
}
inline std::optional<FlattenedChange> flattened_change(const ImageSegment& segment, const Matrix<double>& map,
                                                       const std::vector<std::int64_t>& positions,
                                                       const HalfOffsets& offsets = {}) {
  Context context;
  return flattened_change(segment, map, positions, offsets, context);
}

}  // namespace sigmax
