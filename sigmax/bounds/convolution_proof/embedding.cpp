#include "sigmax/bounds/convolution_proof/embedding.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {
namespace {

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return -floor_divide(-a, b); }

// One axis: output a reads the entries stride a + dilation p - pad of n.
struct Piece {
  std::int64_t kernel, stride, dilation, pad, input, output;
  std::int64_t reach() const { return dilation * (kernel - 1) + 1; }
};

// The outputs that read padding alone have zero rows and are left out. What remains: the entries that are read lie in
// [-low, n - 1 + high]. A circulant of N entries, a multiple of the stride, does not wrap any of them into the image if
// N >= n + max(low, high), and has these outputs as different rows if N >= stride outputs.
std::int64_t least_grid_of(Piece a) {
  if (a.input <= 0 || a.output <= 0) return 0;
  const std::int64_t first = std::max<std::int64_t>(0, ceil_divide(a.pad - a.reach() + 1, a.stride));
  const std::int64_t last = std::min(a.output - 1, floor_divide(a.input - 1 + a.pad, a.stride));
  if (first > last) return 0;
  const std::int64_t low = std::max<std::int64_t>(0, a.pad - a.stride * first);
  const std::int64_t high = std::max<std::int64_t>(0, a.stride * last + a.reach() - a.pad - a.input);
  const std::int64_t outputs = last - first + 1;
  return std::max(outputs, ceil_divide(a.input + std::max(low, high), a.stride));
}

}  // namespace

// Output a reads g (s' a + d' p) - pad, g = gcd(stride, dilation): entries of one class modulo g, x = g x' + rest, with
// -pad = g q + rest, are read at x' = s' a + d' p + q. If then s' = 1, the outputs r + d' b read the classes r + q
// modulo d', each with the taps next to each other.
//
// The sizes of a class do not depend on r between the numbers where the quotients by d' change: r = pad mod d', where
// the first entry moves on and its class is 0, r = pad + n mod d', where classes begin to have one entry less, and
// r = outputs mod d'.
AxisEmbedding embedding_of(const CorrelationAxis& axis) {
  const std::int64_t g = std::gcd(axis.stride, axis.dilation);
  const std::int64_t q = floor_divide(-axis.pad_low, g);
  const std::int64_t rest = -axis.pad_low - g * q;
  Piece a{axis.kernel, axis.stride / g, axis.dilation / g, -q, ceil_divide(axis.input - rest, g), axis.output};
  AxisEmbedding result{{a.kernel, a.stride, a.dilation}, 0};
  if (a.stride != 1 || a.dilation == 1) {
    result.least_grid = least_grid_of(a);
    return result;
  }
  result.symbol.dilation = 1;
  const std::int64_t d = a.dilation;
  for (const std::int64_t r : {std::int64_t{0}, a.pad % d, (a.pad % d + a.input % d) % d, a.output % d}) {
    if (r >= a.output) continue;
    const std::int64_t from = floor_divide(r - a.pad, d);
    const std::int64_t of_class = r - a.pad - d * from;
    const Piece part{a.kernel, 1, 1, -from, ceil_divide(a.input - of_class, d), ceil_divide(a.output - r, d)};
    result.least_grid = std::max(result.least_grid, least_grid_of(part));
  }
  return result;
}

CorrelationAxis padded(const CorrelationAxis& axis) {
  CorrelationAxis result = axis;
  result.pad_low = 0;
  result.input = axis.window();
  return result;
}

std::int64_t copies_of(PaddingMode mode, const CorrelationAxis& axis) {
  const std::int64_t n = axis.input;
  const std::int64_t low = axis.pad_low;
  const std::int64_t high = axis.pad_high();
  switch (mode) {
    case PaddingMode::Zeros: return 1;
    case PaddingMode::Circular: return ceil_divide(n + low + high, n);
    case PaddingMode::Replicate: return n == 1 ? 1 + low + high : 1 + std::max(low, high);
    case PaddingMode::Reflect: {
      // Entry j has the copies -j and 2 (n - 1) - j: both if n - 1 - high <= j <= low and j is not an end.
      if (low == 0 && high == 0) return 1;
      const std::int64_t from = std::max<std::int64_t>(1, n - 1 - high);
      const std::int64_t to = std::min(low, n - 2);
      return from <= to ? 3 : 2;
    }
  }
  return 1;
}

// Reflected: an entry has three copies only if low + high >= n - 1, which happens at n = low + high + 1 if both pads
// are positive. With stride 1 the outputs lie in one period of the even extension, which counts each entry twice, if
// n + low + high - reach + 1 <= 2 (n - 1); n > max(low, high). Replicated: at n = 1 there are 1 + low + high copies;
// with stride 1 all outputs of the axis are then equal, those of F at 0, which multiplies its norm with the root of
// their number. Circular, stride 1: of n entries and n + e outputs, e = low + high - reach + 1, each row occurs at most
// ceil((n + e) / n) <= 1 + max(e, 0) times; with a stride, at most 2 + max(0, e - 1).
double copies_at_every_size(PaddingMode mode, const ConvolutionAxis& axis) {
  const std::int64_t low = axis.pad_low;
  const std::int64_t high = axis.pad_high;
  switch (mode) {
    case PaddingMode::Zeros: return 1;
    case PaddingMode::Reflect: {
      if (low == 0 && high == 0) return 1;
      const bool is_in_one_period = axis.stride == 1 && std::min(low, high) + 2 <= axis.reach();
      return low == 0 || high == 0 || is_in_one_period ? 2 : 3;
    }
    case PaddingMode::Replicate: {
      const std::int64_t excess = 1 + low + high - axis.reach();
      const std::int64_t at_one = axis.stride > 1 ? 1 + low + high : excess + 1;
      return static_cast<double>(std::max(1 + std::max(low, high), at_one));
    }
    case PaddingMode::Circular: {
      const std::int64_t excess = low + high - axis.reach() + 1;
      if (axis.stride == 1) return static_cast<double>(1 + std::max<std::int64_t>(excess, 0));
      return static_cast<double>(2 + std::max<std::int64_t>(0, excess - 1));
    }
  }
  return 1;
}

CircularAxis circular_axis(const CorrelationAxis& axis) {
  const std::int64_t g = std::gcd(axis.stride, axis.input);
  CircularAxis result;
  result.symbol = {axis.kernel, g, axis.dilation};
  result.grid = axis.input / g;
  result.repeats = ceil_divide(axis.output, result.grid);
  result.is_whole = axis.output >= result.grid;
  return result;
}

std::vector<TorusPoint> grid_points(const std::vector<GridAxis>& axes) {
  std::array<GridAxis, 3> all;
  std::copy(axes.begin(), axes.end(), all.begin());
  const bool is_symmetric = std::all_of(
      all.begin(), all.end(), [](const GridAxis& a) { return a.numerator == 0 || 2 * a.numerator == a.denominator; });
  std::vector<TorusPoint> points;
  TorusPoint t;
  for (std::size_t axis = 0; axis < 3; ++axis) t.denominator[axis] = all[axis].grid * all[axis].denominator;
  for (std::int64_t i = 0; i < all[0].grid; ++i) {
    for (std::int64_t j = 0; j < all[1].grid; ++j) {
      for (std::int64_t k = 0; k < all[2].grid; ++k) {
        const std::array<std::int64_t, 3> index{i, j, k};
        for (std::size_t axis = 0; axis < 3; ++axis) {
          t.numerator[axis] = index[axis] * all[axis].denominator + all[axis].numerator;
        }
        if (!is_symmetric || canonical(t) == t) points.push_back(t);
      }
    }
  }
  return points;
}

}  // namespace sigmax::bounds
