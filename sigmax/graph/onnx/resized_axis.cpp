#include "sigmax/graph/onnx/resized_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::graph::onnx {
namespace {

[[noreturn]] void refuse_numbers() {
  throw RefusedNode{"has a scale whose coordinates and weights do not fit into 64 bits"};
}

/// An integer whose products and sums are checked.
struct Checked {
  std::int64_t value = 0;

  friend Checked operator*(Checked a, Checked b) {
    Checked c;
    if (__builtin_mul_overflow(a.value, b.value, &c.value)) refuse_numbers();
    return c;
  }
  friend Checked operator+(Checked a, Checked b) {
    Checked c;
    if (__builtin_add_overflow(a.value, b.value, &c.value)) refuse_numbers();
    return c;
  }
  friend Checked operator-(Checked a, Checked b) {
    Checked c;
    if (__builtin_sub_overflow(a.value, b.value, &c.value)) refuse_numbers();
    return c;
  }
};

Checked operator""_i(unsigned long long value) { return {static_cast<std::int64_t>(value)}; }

/// floor(a / b), b > 0
std::int64_t divided_down(Checked a, Checked b) { return a.value / b.value - (a.value % b.value < 0 ? 1 : 0); }

/// The coordinate of output x in the input: value / divisor.
struct Coordinate {
  Checked value;
  Checked divisor{1};
};

struct Ends {
  Checked start, end, divisor;
};

/// start and end over a common divisor.
Ends ends_of(const AxisResize& r) {
  const auto part = [](double x) { return x == 0 ? Ratio{0, 1} : ratio_of(std::fabs(x)); };
  const Ratio start = part(r.start), end = part(r.end);
  const std::int64_t divisor = std::max(start.denominator, end.denominator);  // powers of two
  const auto over = [&](double x, const Ratio& ratio) {
    return Checked{x < 0 ? -ratio.numerator : ratio.numerator} * Checked{divisor / ratio.denominator};
  };
  return {over(r.start, start), over(r.end, end), {divisor}};
}

/// Whether tf_crop_and_resize puts the extrapolation value there.
bool is_outside(const AxisResize& r, const Coordinate& c) {
  if (r.coordinates != "tf_crop_and_resize") return false;
  return c.value.value < 0 || (Checked{r.inputs - 1} * c.divisor - c.value).value < 0;
}

Coordinate coordinate_of(const AxisResize& r, std::int64_t at) {
  const Checked x{at}, n{r.inputs}, m{r.outputs}, up{r.scale.numerator}, down{r.scale.denominator};
  const std::string& how = r.coordinates;
  if (how == "asymmetric") return {x * down, up};
  if (how == "tf_half_pixel_for_nn") return {(2_i * x + 1_i) * down, 2_i * up};
  if (how == "align_corners" && (n * up).value % down.value != 0) {
    throw RefusedNode{"aligns corners of a size that is not whole, which runtimes do in different ways"};
  }
  if (how == "align_corners") return m.value == 1 ? Coordinate{} : Coordinate{x * (n - 1_i), m - 1_i};
  if (how == "pytorch_half_pixel" && m.value == 1) return {};
  // (x + 1/2) / s - 1/2
  if (how == "half_pixel" || how == "pytorch_half_pixel") return {(2_i * x + 1_i) * down - up, 2_i * up};
  // (n - 1) / 2 + (x + 1/2 - m / 2) / s: symmetric about the middle for any m
  if (how == "tf_crop_and_resize") {
    // start (n - 1) + x (end - start) (n - 1) / (m - 1), or the middle of both for one output
    const auto [first, last, divisor] = ends_of(r);
    if (m.value == 1) return {(first + last) * (n - 1_i), 2_i * divisor};
    return {first * (n - 1_i) * (m - 1_i) + x * (last - first) * (n - 1_i), divisor * (m - 1_i)};
  }
  if (how == "half_pixel_symmetric") return {(n - 1_i) * up + (2_i * x + 1_i - m) * down, 2_i * up};
  throw RefusedNode{fmt::format("has the coordinate_transformation_mode '{}'", how)};
}

std::int64_t nearest_of(const AxisResize& r, const Coordinate& c) {
  const auto floor_of = [](Checked value, Checked divisor) { return divided_down(value, divisor); };
  const auto ceil_of = [](Checked value, Checked divisor) { return -divided_down(0_i - value, divisor); };
  if (r.rounding == "round_prefer_floor") return ceil_of(2_i * c.value - c.divisor, 2_i * c.divisor);
  if (r.rounding == "round_prefer_ceil") return floor_of(2_i * c.value + c.divisor, 2_i * c.divisor);
  if (r.rounding == "floor") return floor_of(c.value, c.divisor);
  if (r.rounding == "ceil") return ceil_of(c.value, c.divisor);
  throw RefusedNode{fmt::format("has the nearest_mode '{}'", r.rounding)};
}

/// Keys' weights of the entries at -1, 0, 1, 2 for a coordinate f = p / q beyond entry 0, and their divisor: with
/// a = A / E,
///     a f (1 - f)^2,  (a + 2) f^3 - (a + 3) f^2 + 1,  the second at 1 - f,  a (1 - f) f^2,   all times E q^3.
std::pair<std::vector<Checked>, Checked> cubic_weights(double coefficient, Checked p, Checked q) {
  const Ratio size = ratio_of(std::fabs(coefficient));
  const Checked a{coefficient < 0 ? -size.numerator : size.numerator};
  const Checked e{size.denominator};
  const auto near = [&](Checked t) { return (a + 2_i * e) * t * t * t - (a + 3_i * e) * t * t * q + e * q * q * q; };
  return {{a * p * (q - p) * (q - p), near(p), near(q - p), a * (q - p) * p * p}, e * q * q * q};
}

AxisMatrix::Row reduced_row(std::vector<std::pair<std::int64_t, std::int64_t>> entries, std::int64_t divisor) {
  if (divisor == 0) throw RefusedNode{"has weights that add up to 0"};
  std::int64_t common = divisor;
  for (const auto& [column, numerator] : entries) common = std::gcd(common, numerator);
  common = divisor < 0 ? -common : common;
  for (auto& [column, numerator] : entries) numerator /= common;
  return {std::move(entries), divisor / common};
}

AxisMatrix::Row row_of(const AxisResize& r, std::int64_t at) {
  const Coordinate c = coordinate_of(r, at);
  if (is_outside(r, c)) return {};
  const auto inside = [&](std::int64_t column) { return std::clamp<std::int64_t>(column, 0, r.inputs - 1); };
  if (r.mode == "nearest") return {{{inside(nearest_of(r, c)), 1}}, 1};
  const std::int64_t first = divided_down(c.value, c.divisor);
  const Checked p = c.value - Checked{first} * c.divisor;
  if (r.mode == "linear") {
    return reduced_row({{inside(first), (c.divisor - p).value}, {inside(first + 1), p.value}}, c.divisor.value);
  }
  if (r.mode != "cubic") throw RefusedNode{fmt::format("resizes in mode '{}'", r.mode)};
  // In lowest terms first: the weights are cubes.
  const Checked common{std::gcd(p.value, c.divisor.value)};
  auto [weights, divisor] = cubic_weights(r.cubic, {p.value / common.value}, {c.divisor.value / common.value});
  std::vector<std::pair<std::int64_t, std::int64_t>> entries;
  Checked sum;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::int64_t column = first - 1 + static_cast<std::int64_t>(k);
    if (r.excludes_outside && column != inside(column)) continue;
    entries.emplace_back(inside(column), weights[k].value);
    sum = sum + weights[k];
  }
  return reduced_row(std::move(entries), r.excludes_outside ? sum.value : divisor.value);
}

}  // namespace

Ratio ratio_of(double scale) {
  int exponent = 0;
  const double significand = std::frexp(scale, &exponent);
  if (!(scale > 0) || !std::isfinite(scale)) throw RefusedNode{fmt::format("has a scale or weight of {}", scale)};
  auto numerator = static_cast<std::int64_t>(std::ldexp(significand, 53));
  exponent -= 53;
  while (numerator % 2 == 0) {
    numerator /= 2;
    ++exponent;
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  if (numerator >= kMost || std::abs(exponent) >= 40) refuse_numbers();
  Ratio ratio{numerator, 1};
  for (; exponent > 0 && ratio.numerator < kMost; --exponent) ratio.numerator *= 2;
  if (ratio.numerator >= kMost) refuse_numbers();
  for (; exponent < 0; ++exponent) ratio.denominator *= 2;
  return ratio;
}

// With a = A / E, the weights of the entries at -1, 0, 1, 2 are
//
//     a f - 2 a f^2 + a f^3,   1 - (a + 3) f^2 + (a + 2) f^3,   -a f + (2 a + 3) f^2 - (a + 2) f^3,   a f^2 - a f^3
CubicAxis cubic_axis(const AxisResize& resize) {
  if (resize.inputs < 1) throw RefusedNode{"resizes an axis without entries"};
  if (resize.excludes_outside) refuse_numbers();
  const Ratio size = ratio_of(std::fabs(resize.cubic));
  const Checked a{resize.cubic < 0 ? -size.numerator : size.numerator}, e{size.denominator}, none{0};
  const std::array<std::array<Checked, 4>, 4> coefficients = {
      {{none, e, none, none},
       {a, none, none - a, none},
       {none - 2_i * a, none - a - 3_i * e, 2_i * a + 3_i * e, a},
       {a, a + 2_i * e, none - a - 2_i * e, none - a}}};
  CubicAxis result;
  for (AxisMatrix& part : result.parts) part.columns = resize.inputs;
  for (std::int64_t at = 0; at < resize.outputs; ++at) {
    const Coordinate c = coordinate_of(resize, at);
    const std::int64_t first = divided_down(c.value, c.divisor);
    const Checked p = c.value - Checked{first} * c.divisor;
    result.fractions.push_back(static_cast<double>(p.value) / static_cast<double>(c.divisor.value));
    for (std::size_t m = 0; m < 4; ++m) {
      AxisMatrix::Row row{{}, e.value};
      for (std::size_t k = 0; k < 4 && !is_outside(resize, c); ++k) {
        const std::int64_t column =
            std::clamp<std::int64_t>(first - 1 + static_cast<std::int64_t>(k), 0, resize.inputs - 1);
        row.entries.emplace_back(column, coefficients[m][k].value);
      }
      result.parts[m].rows.push_back(std::move(row));
    }
  }
  return result;
}

AxisMatrix resized_axis(const AxisResize& resize) {
  if (resize.inputs < 1) throw RefusedNode{"resizes an axis without entries"};
  AxisMatrix matrix{resize.inputs, {}};
  for (std::int64_t at = 0; at < resize.outputs; ++at) matrix.rows.push_back(row_of(resize, at));
  return matrix;
}

}  // namespace sigmax::graph::onnx
