#include "sigmax/bounds/convolution_proof/sub_block.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::bounds {
namespace {

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
std::int64_t ceil_quotient(std::int64_t a, std::int64_t b) { return -floor_quotient(-a, b); }

// Zeros around; outputs that read padding alone, and entries that no output reads, left out at the ends.
std::optional<CorrelationAxis> trimmed(CorrelationAxis a) {
  if (a.input < 1 || a.output < 1) return std::nullopt;
  const std::int64_t first = std::max<std::int64_t>(0, ceil_quotient(a.pad_low - a.reach() + 1, a.stride));
  const std::int64_t last = std::min(a.output - 1, floor_quotient(a.input - 1 + a.pad_low, a.stride));
  if (first > last) return std::nullopt;
  a.pad_low -= a.stride * first;
  a.output = last - first + 1;
  if (a.pad_low < 0) {  // the first output reads the entries from -pad_low on
    a.input += a.pad_low;
    a.pad_low = 0;
  }
  a.input = std::min(a.input, a.window() - a.pad_low);
  return a.input < 1 ? std::nullopt : std::optional(a);
}

// The entries that padding copies lie within the pads of the ends. Without them every output reads zeros beyond.
std::optional<CorrelationAxis> away_from_copies(PaddingMode mode, CorrelationAxis a) {
  const std::int64_t low = a.pad_low;
  const std::int64_t high = a.pad_high();
  if (mode == PaddingMode::Zeros || (low == 0 && high == 0)) return a;
  const std::int64_t from = ceil_quotient(std::max(low, high) + 1, a.stride) * a.stride;
  // Output j + from / stride of the whole axis is output j of the entries from `from` on.
  a.input = std::min(a.input - 2 * from, a.window() - low - high - 2 * from);
  if (a.input < 1 || a.input + low + high < a.reach()) return std::nullopt;
  a.output = (a.input + low + high - a.reach()) / a.stride + 1;
  return a;
}

// The axis without the common divisor g of stride and dilation: all outputs read one class of entries modulo g.
CorrelationAxis without_divisor(const CorrelationAxis& axis) {
  const std::int64_t g = std::gcd(axis.stride, axis.dilation);
  const std::int64_t q = floor_quotient(-axis.pad_low, g);
  const std::int64_t rest = -axis.pad_low - g * q;
  return {axis.kernel, axis.stride / g, axis.dilation / g, -q, ceil_quotient(axis.input - rest, g), axis.output};
}

}  // namespace

// With stride 1 the outputs r + d b read the class of r - pad modulo d, each with the taps next to each other. The
// sizes of a copy change with r only where one of these quotients does: embedding_of() has the argument.
std::vector<CorrelationAxis> interleaved_copies(const CorrelationAxis& axis) {
  const CorrelationAxis a = without_divisor(axis);
  if (a.stride != 1) return {};
  const std::int64_t d = a.dilation;
  std::vector<CorrelationAxis> copies;
  for (const std::int64_t r :
       {std::int64_t{0}, a.pad_low % d, (a.pad_low % d + std::max<std::int64_t>(a.input, 0) % d) % d, a.output % d}) {
    if (r >= a.output) continue;
    const std::int64_t from = floor_quotient(r - a.pad_low, d);
    const std::int64_t of_class = r - a.pad_low - d * from;
    const auto copy =
        trimmed({a.kernel, 1, 1, -from, ceil_quotient(a.input - of_class, d), ceil_quotient(a.output - r, d)});
    if (copy && std::find(copies.begin(), copies.end(), *copy) == copies.end()) copies.push_back(*copy);
  }
  return copies;
}

std::optional<CorrelationAxis> sub_block(PaddingMode mode, const CorrelationAxis& axis, std::int64_t most) {
  std::optional<CorrelationAxis> a = away_from_copies(mode, axis);
  if (!a) return std::nullopt;
  std::vector<CorrelationAxis> copies = interleaved_copies(*a);
  if (!copies.empty()) {
    a = *std::max_element(copies.begin(), copies.end(), [](const CorrelationAxis& one, const CorrelationAxis& other) {
      return std::pair(one.input, one.output) < std::pair(other.input, other.output);
    });
  } else {
    a = trimmed(without_divisor(*a));
  }
  if (!a || a->input <= most) return a;
  a->input = most;
  return trimmed(*a);
}

ConvolutionGeometry geometry_of(std::int64_t in_channels, std::int64_t out_channels, std::int64_t groups,
                                std::span<const CorrelationAxis> axes) {
  ConvolutionLayer layer;
  layer.in_channels = in_channels;
  layer.out_channels = out_channels;
  layer.groups = groups;
  std::vector<std::int64_t> sizes;
  for (const CorrelationAxis& a : axes) {
    layer.axes.push_back({a.kernel, a.stride, a.dilation, a.pad_low, a.pad_high(), 0});
    sizes.push_back(a.input);
  }
  return {std::move(layer), std::move(sizes)};
}

bool is_spread_out(const CorrelationAxis& axis) {
  constexpr std::int64_t kLong = std::int64_t{1} << 20;
  return axis.dilation > 1 && axis.dilation % axis.stride == 0 && axis.window() > kLong;
}

std::vector<ConvolutionGeometry> interleaved_geometries(const Correlation& c) {
  std::vector<std::vector<CorrelationAxis>> chosen{{}};
  for (const CorrelationAxis& axis : c.axes) {
    const std::vector<CorrelationAxis> copies =
        is_spread_out(axis) ? interleaved_copies(axis) : std::vector<CorrelationAxis>{axis};
    std::vector<std::vector<CorrelationAxis>> next;
    for (const std::vector<CorrelationAxis>& before : chosen) {
      for (const CorrelationAxis& copy : copies) {
        next.push_back(before);
        next.back().push_back(copy);
      }
    }
    chosen = std::move(next);
  }
  std::vector<ConvolutionGeometry> result;
  result.reserve(chosen.size());
  for (const std::vector<CorrelationAxis>& axes : chosen) {
    result.push_back(geometry_of(c.in_channels, c.out_channels, c.groups, axes));
  }
  return result;
}

// Entry x of the image is at x + pad_low = stride z + phase, in channel (i, phase) of the symbol at position z. If the
// symbol is that of the adjoint's taps, f = M^T for the symbol M of the convolution, and v belongs to M^T, then
// conj(M^T v) belongs to M.
Wave windowed_wave(const Symbol& f, const TorusPoint& t, const ComplexVector& v,
                   std::span<const SymbolAxis> symbol_axes, std::span<const CorrelationAxis> axes) {
  ComplexVector of_input = v;
  if (f.is_transposed) {
    of_input = times(f, t, v);
    for (double& value : of_input.im) value = -value;
  }
  const std::vector<std::int64_t> phases = phases_with_taps(symbol_axes);
  const std::size_t channels = of_input.re.size() / phases.size();
  std::array<std::vector<Phase>, 3> waves{{{{1, 0}}, {{1, 0}}, {{1, 0}}}};
  std::array<std::vector<std::int64_t>, 3> parts{{{0}, {0}, {0}}};
  std::array<std::int64_t, 3> strides{1, 1, 1};
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    const CorrelationAxis& a = axes[axis];
    strides[axis] = a.stride;
    waves[axis].clear();
    parts[axis].clear();
    for (std::int64_t x = 0; x < a.input; ++x) {
      Position at{0, 0, 0};
      at[axis] = (x + a.pad_low) / a.stride;
      const Phase wave = phase(at, t);
      const double window = std::sin(std::numbers::pi * static_cast<double>(x + 1) / static_cast<double>(a.input + 1));
      waves[axis].push_back({window * wave.cosine, window * wave.sine});
      parts[axis].push_back((x + a.pad_low) % a.stride);
    }
  }
  const std::size_t positions = waves[0].size() * waves[1].size() * waves[2].size();
  Wave result{std::vector<double>(channels * positions, 0.0), std::vector<double>(channels * positions, 0.0)};
  std::size_t position = 0;
  for (std::size_t i = 0; i < waves[0].size(); ++i) {
    for (std::size_t j = 0; j < waves[1].size(); ++j) {
      const Phase& a = waves[0][i];
      const Phase& b = waves[1][j];
      const Phase plane{a.cosine * b.cosine - a.sine * b.sine, a.sine * b.cosine + a.cosine * b.sine};
      for (std::size_t k = 0; k < waves[2].size(); ++k, ++position) {
        const std::int64_t part = (parts[0][i] * strides[1] + parts[1][j]) * strides[2] + parts[2][k];
        const auto found = std::lower_bound(phases.begin(), phases.end(), part);
        if (found == phases.end() || *found != part) continue;  // no output reads these entries
        const std::size_t block = static_cast<std::size_t>(found - phases.begin()) * channels;
        const Phase& c = waves[2][k];
        const double re = plane.cosine * c.cosine - plane.sine * c.sine;
        const double im = plane.sine * c.cosine + plane.cosine * c.sine;
        for (std::size_t channel = 0; channel < channels; ++channel) {
          const double of_re = of_input.re[block + channel];
          const double of_im = of_input.im[block + channel];
          result.re[channel * positions + position] = re * of_re - im * of_im;
          result.im[channel * positions + position] = re * of_im + im * of_re;
        }
      }
    }
  }
  return result;
}

}  // namespace sigmax::bounds
