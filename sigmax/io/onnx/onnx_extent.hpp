// The extents of shapes in an ONNX graph, which need not be known. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sigmax::io::onnx {

/// An extent that is not known.
inline constexpr std::int64_t kUnknownExtent = -1;
inline bool is_known(std::int64_t extent) { return extent >= 0; }

/// Longer extents, and values with more axes, are not followed.
inline constexpr std::int64_t kMostExtent = std::int64_t{1} << 30;
inline constexpr std::size_t kMostRank = 8;
inline std::int64_t checked(std::int64_t extent) {
  return is_known(extent) && extent <= kMostExtent ? extent : kUnknownExtent;
}

}  // namespace sigmax::io::onnx
