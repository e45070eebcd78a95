// The hot loop of depthwise convolutions: sums of weighted shifted copies of one small image, with vectors along its
// rows. Internal to the library.
#pragma once

#include <cstdint>

#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// Output rows x width; taps_down x taps_across taps, step_down rows and step_across columns apart.
struct PlaneShape {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  std::int64_t taps_down = 1;
  std::int64_t taps_across = 1;
  std::int64_t step_down = 1;
  std::int64_t step_across = 1;
};

/// destination[a to_pitch + b] = sum over p and q of
///     w[p taps_across + q] source[(a + p step_down) from_pitch + b + q step_across],    a < rows, b < width.
///
/// Sums are formed in T with the terms in order, by fused multiplications where the machine has them:
/// |computed - exact| <= gamma_taps sum |w| |source|. A result depends on its own terms and the instruction set only.
/// Vectors read up to plane_slack<T>() elements beyond a row's last source element; only the outputs are written.
///
/// On the calling thread, in its floating-point mode. Cost: 2 taps flops for each output, widths rounded up to vectors.
template <Real T>
void plane_sums(const PlaneShape& shape, const T* w, const T* source, std::int64_t from_pitch, T* destination,
                std::int64_t to_pitch);

/// destination[a to_pitch + b] = source[a from_pitch + b]. Nothing else is read or written.
template <Real T>
void plane_copy(std::int64_t rows, std::int64_t width, const T* source, std::int64_t from_pitch, T* destination,
                std::int64_t to_pitch);

/// Elements that must be readable beyond each row, whatever the target.
template <Real T>
constexpr std::int64_t plane_slack() {
  return 256 / static_cast<std::int64_t>(sizeof(T));
}

}  // namespace sigmax::kernels
