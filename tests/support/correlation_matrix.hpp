// The matrix of a convolution, entry by entry from the definition: what every other form of it must equal.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::support {

/// The entry of an axis that output `a` reads with tap `p`; -1 for a zero.
inline std::int64_t entry_read(PaddingMode mode, const CorrelationAxis& axis, std::int64_t a, std::int64_t p) {
  const std::int64_t n = axis.input;
  std::int64_t x = axis.stride * a + axis.dilation * p - axis.pad_low;
  switch (mode) {
    case PaddingMode::Zeros: return x >= 0 && x < n ? x : -1;
    case PaddingMode::Circular: return ((x % n) + n) % n;
    case PaddingMode::Reflect:
      while (x < 0 || x >= n) x = x < 0 ? -x : 2 * (n - 1) - x;
      return x;
    case PaddingMode::Replicate: return x < 0 ? 0 : x >= n ? n - 1 : x;
  }
  return -1;
}

/// Row-major, correlation.rows() x correlation.columns(), for the kernel's entries in row-major order.
inline std::vector<double> correlation_matrix(const Correlation& c, const std::vector<double>& kernel) {
  std::vector<double> matrix(static_cast<std::size_t>(c.rows() * c.columns()), 0.0);
  const std::int64_t outputs = c.output_positions();
  const std::int64_t inputs = c.input_positions();
  const std::int64_t in = c.in_channels / c.groups;
  const std::int64_t out = c.out_channels / c.groups;
  for (std::int64_t position = 0; position < outputs; ++position) {
    for (std::int64_t tap = 0; tap < c.taps(); ++tap) {
      std::int64_t at = 0;
      std::int64_t a_rest = position;
      std::int64_t p_rest = tap;
      std::int64_t scale = 1;
      bool inside = true;
      for (std::size_t axis = c.axes.size(); axis-- > 0;) {
        const CorrelationAxis& one = c.axes[axis];
        const std::int64_t x = entry_read(c.padding_mode, one, a_rest % one.output, p_rest % one.kernel);
        a_rest /= one.output;
        p_rest /= one.kernel;
        inside = inside && x >= 0;
        at += scale * x;
        scale *= one.input;
      }
      if (!inside) continue;
      for (std::int64_t o = 0; o < c.out_channels; ++o) {
        for (std::int64_t i = 0; i < in; ++i) {
          const std::int64_t row = o * outputs + position;
          const std::int64_t column = (o / out * in + i) * inputs + at;
          matrix[static_cast<std::size_t>(row * c.columns() + column)] +=
              kernel[static_cast<std::size_t>((o * in + i) * c.taps() + tap)];
        }
      }
    }
  }
  return matrix;
}

}  // namespace sigmax::support
