// Small zero-padded convolutions whose matrices are sub-blocks of a large one's: what they show bounds its norm from
// below. Internal to bounds/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// A zero-padded axis with a dilation as interleaved copies without one: every output reads the entries of one residue
/// class. Different copies only; those that read padding alone are left out. Entries and outputs of different copies
/// are different, so the norm of the convolution is the largest norm of a copy. Empty if the stride does not divide
/// the dilation: then the axis does not split in this way.
std::vector<CorrelationAxis> interleaved_copies(const CorrelationAxis& axis);

/// An axis with zeros around it, of at most `most` entries, whose matrix is a sub-block of this one: away from entries
/// that padding copies, and one of the interleaved copies where there are any. Empty if nothing is left.
std::optional<CorrelationAxis> sub_block(PaddingMode mode, const CorrelationAxis& axis, std::int64_t most);

/// The layer of one or all groups with these axes and zeros around, on images of their size.
ConvolutionGeometry geometry_of(std::int64_t in_channels, std::int64_t out_channels, std::int64_t groups,
                                std::span<const CorrelationAxis> axes);

/// Whether the axis is long because its taps are far apart, so that products would read zeros mostly, and splits into
/// interleaved copies.
bool is_spread_out(const CorrelationAxis& axis);

/// Every choice of one interleaved copy on each axis that is spread out; the other axes stay as they are.
std::vector<ConvolutionGeometry> interleaved_geometries(const Correlation& correlation);

/// An image of one group, [in channels, axes...], of which the convolution's quotient |A x| / |x| comes close to |F(t)
/// v| / |v|: the wave of v at t under a window, sin(pi (x + 1) / (n + 1)) on each axis, whose spectrum is about pi / n
/// wide. `axes` have the stride and dilation of `symbol_axes`. The real and the imaginary part; one of them is at least
/// as good as the wave.
struct Wave {
  std::vector<double> re;
  std::vector<double> im;
};
Wave windowed_wave(const Symbol& f, const TorusPoint& t, const ComplexVector& v,
                   std::span<const SymbolAxis> symbol_axes, std::span<const CorrelationAxis> axes);

}  // namespace sigmax::bounds
