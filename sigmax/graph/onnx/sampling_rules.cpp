// GridSample at constant positions: a linear map with up to four entries of the image for each output.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/product.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph::onnx {
namespace {

__extension__ using Wide = __int128;

/// value / divisor, the divisor a power of two.
struct SampledPlace {
  Wide value = 0;
  Wide divisor = 1;
};

Wide entry_below(const SampledPlace& c) { return c.value / c.divisor - (c.value % c.divisor < 0 ? 1 : 0); }

/// To nearest, ties to even.
Wide nearest_entry(const SampledPlace& c) {
  const Wide down = entry_below(c), twice = 2 * (c.value - down * c.divisor);
  if (twice != c.divisor) return twice < c.divisor ? down : down + 1;
  return down % 2 == 0 ? down : down + 1;
}

/// How an axis is read.
struct SampledAxis {
  std::int64_t extent = 1;
  bool aligns = false;
  bool is_nearest = false;
  std::string padding;
};

/// ((g + 1) / 2) (n - 1), or ((g + 1) n - 1) / 2, exactly.
SampledPlace place_of(double g, const SampledAxis& axis) {
  if (!(std::fabs(g) < 0x1p40)) throw RefusedNode{fmt::format("samples at {}", g)};
  int exponent = 0;
  auto mantissa = static_cast<std::int64_t>(std::ldexp(std::frexp(g, &exponent), 53));
  exponent -= 53;
  while (mantissa != 0 && mantissa % 2 == 0) {
    mantissa /= 2;
    ++exponent;
  }
  if (mantissa == 0) exponent = 0;
  if (exponent < static_cast<int>(std::bit_width(static_cast<std::uint64_t>(axis.extent))) - 122) {
    throw RefusedNode{"has positions that do not fit into 128 bits"};
  }
  const Wide unit = Wide{1} << (exponent < 0 ? -exponent : 0);
  const Wide from_start = Wide{mantissa} * (Wide{1} << (exponent > 0 ? exponent : 0)) + unit;
  if (axis.aligns) return {from_start * (axis.extent - 1), 2 * unit};
  return {from_start * axis.extent - unit, 2 * unit};
}

/// Reflected about the first and last entry, or about the borders half an entry beyond them.
SampledPlace reflected(const SampledPlace& c, const SampledAxis& axis) {
  // In halves, so that borders are whole.
  const Wide least = (axis.aligns ? 0 : -1) * c.divisor;
  const Wide range = 2 * (axis.aligns ? axis.extent - 1 : axis.extent) * c.divisor;
  if (range == 0) return {0, 1};
  Wide beyond = 2 * c.value - least;
  if (beyond < 0) beyond = -beyond;
  const Wide turns = beyond / range, rest = beyond - turns * range;
  return {turns % 2 == 0 ? least + rest : least + range - rest, 2 * c.divisor};
}

/// The two entries that an output is between, -1 for one outside, and their weights. Each weight is rounded once.
struct Between {
  std::int64_t entries[2] = {-1, -1};
  double weights[2] = {0, 0};
};

Between between(double g, const SampledAxis& axis) {
  SampledPlace c = place_of(g, axis);
  if (axis.is_nearest) c = {nearest_entry(c), 1};
  if (axis.padding == "reflection") c = reflected(c, axis);
  if (axis.padding != "zeros") c.value = std::clamp<Wide>(c.value, 0, (axis.extent - 1) * c.divisor);
  const Wide first = entry_below(c), beyond = c.value - first * c.divisor;
  const auto entry = [&](Wide at) { return at < 0 || at >= axis.extent ? -1 : static_cast<std::int64_t>(at); };
  const auto divisor = static_cast<double>(c.divisor);
  return {{entry(first), entry(first + 1)},
          {static_cast<double>(c.divisor - beyond) / divisor, static_cast<double>(beyond) / divisor}};
}

std::vector<Value> import_grid_sample(Builder& builder) {
  const Value &x = *builder.operand(0), &grid = *builder.operand(1);
  if (!grid.known) throw RefusedNode{"computes where it samples from the input: it is not linear in both"};
  const std::string mode = builder.text("mode", builder.opset() < 20 ? "bilinear" : "linear");
  const bool is_nearest = mode == "nearest";
  if (!is_nearest && mode != "bilinear" && mode != "linear") {
    throw RefusedNode{fmt::format("samples in mode '{}', which no rule knows", mode)};
  }
  const std::string padding = builder.text("padding_mode", "zeros");
  if (padding != "zeros" && padding != "border" && padding != "reflection") {
    throw RefusedNode{fmt::format("has the padding_mode '{}'", padding)};
  }
  if (x.shape.size() != 4 || grid.shape.size() != 4 || grid.shape[0] != x.shape[0] || grid.shape[3] != 2) {
    throw RefusedNode{
        fmt::format("samples a value of shape {} at positions of shape {}", to_string(x.shape), to_string(grid.shape))};
  }
  const bool aligns = builder.integer("align_corners", 0) != 0;
  const SampledAxis across{x.shape[3], aligns, is_nearest, padding}, down{x.shape[2], aligns, is_nearest, padding};
  const Dimensions shape{x.shape[0], x.shape[1], grid.shape[1], grid.shape[2]};
  const std::int64_t positions = shape[2] * shape[3], count = counted(shape);
  if (count == 0 || counted(x.shape) == 0) throw RefusedNode{"samples no entries"};
  const std::vector<double> numbers = grid.known->numbers();
  std::vector<std::int64_t> source[4];
  std::vector<double> weights[4];
  for (std::int64_t image = 0; image < shape[0]; ++image) {
    std::vector<std::pair<Between, Between>> places;  // column, row
    for (std::int64_t p = 0; p < positions; ++p) {
      const auto at = static_cast<std::size_t>(2 * (image * positions + p));
      places.emplace_back(between(numbers[at], across), between(numbers[at + 1], down));
    }
    for (std::int64_t channel = 0; channel < shape[1]; ++channel) {
      const std::int64_t first = (image * shape[1] + channel) * x.shape[2] * x.shape[3];
      for (const auto& [column, row] : places) {
        for (std::size_t corner = 0; corner < 4; ++corner) {
          const std::int64_t i = row.entries[corner / 2], j = column.entries[corner % 2];
          const double weight = row.weights[corner / 2] * column.weights[corner % 2];
          const bool counts = i >= 0 && j >= 0 && weight != 0;
          source[corner].push_back(counts ? first + i * x.shape[3] + j : -1);
          weights[corner].push_back(counts ? weight : 0);
        }
      }
    }
  }
  std::vector<Index> terms;
  for (std::size_t corner = 0; corner < 4; ++corner) {
    const bool counts = std::ranges::any_of(weights[corner], [](double each) { return each != 0; });
    if (!counts && (corner < 3 || !terms.empty())) continue;
    const bool is_exact = std::ranges::all_of(weights[corner], [](double each) { return each == 0 || each == 1; });
    const auto map = product(diagonal<double>(Tensor::copy_of(weights[corner], {count})),
                             selection<double>(counted(x.shape), std::move(source[corner])));
    terms.push_back(*emit_affine(builder, map, builder.node_of(x), shape, {}, is_exact ? 0.0 : rounding_error(5)).node);
  }
  if (terms.size() == 1) return {Value{shape, std::nullopt, terms[0]}};
  return {builder.emit(Sum{}, std::move(terms), shape)};
}

}  // namespace

std::span<const NamedRule> sampling_rules() {
  static constexpr NamedRule kRules[] = {{"GridSample", import_grid_sample}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
