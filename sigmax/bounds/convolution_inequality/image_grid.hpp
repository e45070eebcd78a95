// The tori that a chain of images is laid on, and the frequencies of the last of them. Internal to bounds/.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/bounds/convolution_proof/phase.hpp"

namespace sigmax::bounds {

/// What a map needs on an axis: points on the torus that it reads, and on that of its outputs.
struct GridNeed {
  std::int64_t stride = 1;
  std::int64_t read = 1;
  std::int64_t written = 1;
};

/// For each axis: no window of this map goes around a torus of `read` points, and its outputs are different points of
/// one of `written`.
std::vector<GridNeed> grid_needs(const Correlation& correlation);

/// As above for windows whose entries outside of the image may be anything.
std::vector<GridNeed> window_needs(const Correlation& window);

/// The least numbers of points of the last torus, by axis, with which every map has what it needs: map k reads
/// stride_k times the points that it writes.
std::vector<std::int64_t> last_points(std::span<const std::vector<GridNeed>> maps);

/// Half of the frequencies of that torus: one of t and -t, and how often it counts.
struct Frequency {
  TorusPoint point;
  double weight = 1;
};
std::vector<Frequency> half_of_frequencies(std::span<const std::int64_t> points, const HalfOffsets& offsets);

/// The frequencies of the torus that a map with these strides reads, which it makes to one of the torus that it writes:
/// how many there are, and one of them, (t + 2 pi m) / stride on each axis.
std::int64_t alias_count(std::span<const std::int64_t> strides);
TorusPoint alias_of(const TorusPoint& t, std::int64_t alias, std::span<const std::int64_t> strides);

}  // namespace sigmax::bounds
