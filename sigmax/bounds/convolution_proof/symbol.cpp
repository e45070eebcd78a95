#include "sigmax/bounds/convolution_proof/symbol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/linalg/stored_view.hpp"

namespace sigmax::bounds {
namespace {

// One place of the kernel: its position in the symbol and its block of columns.
struct TapPlace {
  Position position{0, 0, 0};
  std::int64_t block = 0;
};

std::vector<TapPlace> places_of(std::span<const SymbolAxis> axes, std::int64_t& blocks) {
  std::vector<TapPlace> places{TapPlace{}};
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    const SymbolAxis& a = axes[axis];
    std::vector<TapPlace> next;
    for (const TapPlace& place : places) {
      for (std::int64_t p = 0; p < a.kernel; ++p) {
        TapPlace more = place;
        more.position[axis] = a.dilation * p / a.stride;
        more.block = place.block * a.stride + a.dilation * p % a.stride;
        next.push_back(more);
      }
    }
    places = std::move(next);
  }
  // Only phases that have taps: the columns of the others are 0.
  const std::vector<std::int64_t> used = phases_with_taps(axes);
  for (TapPlace& place : places) {
    place.block = std::lower_bound(used.begin(), used.end(), place.block) - used.begin();
  }
  blocks = static_cast<std::int64_t>(used.size());
  return places;
}

std::vector<Position> positions_of(const std::vector<TapPlace>& places) {
  std::vector<Position> positions;
  positions.reserve(places.size());
  for (const TapPlace& place : places) positions.push_back(place.position);
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

// visit(e, i): entry e of a group's part of the kernel is value i of its symbol.
template <class Visit>
void for_each_entry(const Symbol& f, const std::vector<TapPlace>& places, std::int64_t in, Visit visit) {
  const auto taps = static_cast<std::int64_t>(places.size());
  const std::int64_t height = f.is_transposed ? f.columns : f.rows;
  for (std::int64_t p = 0; p < taps; ++p) {
    const TapPlace& place = places[static_cast<std::size_t>(p)];
    const auto tap = std::lower_bound(f.taps.begin(), f.taps.end(), place.position) - f.taps.begin();
    for (std::int64_t o = 0; o < height; ++o) {
      for (std::int64_t i = 0; i < in; ++i) {
        const std::int64_t column = place.block * in + i;
        const std::int64_t within = f.is_transposed ? column + o * f.rows : o + column * f.rows;
        visit(static_cast<std::size_t>((o * in + i) * taps + p),
              static_cast<std::size_t>(tap * f.rows * f.columns + within));
      }
    }
  }
}

// The sum of |K_p| and what bounds its norm.
void measure_spread(Symbol& f) {
  const auto entries = static_cast<std::size_t>(f.rows * f.columns);
  std::vector<double> sums(entries, 0.0);
  for (std::size_t p = 0; p < f.taps.size(); ++p) {
    const double* const k = f.tap(p);
    for (std::size_t i = 0; i < entries; ++i) sums[i] += std::fabs(k[i]);
  }
  std::vector<double> of_rows(static_cast<std::size_t>(f.rows), 0.0);
  double most = 0;
  for (std::int64_t j = 0; j < f.columns; ++j) {
    double sum = 0;
    for (std::int64_t i = 0; i < f.rows; ++i) {
      const double value = sums[static_cast<std::size_t>(i + j * f.rows)];
      sum += value;
      of_rows[static_cast<std::size_t>(i)] += value;
    }
    most = larger_of(most, sum);
  }
  const double largest_row = *std::max_element(of_rows.begin(), of_rows.end());
  const auto terms = static_cast<std::int64_t>(f.taps.size()) + f.rows + f.columns;
  const double slack = 1 + gamma(terms);
  const NormRange norm = norm_range(sums);
  f.spread_f = round_up(std::ldexp(norm.upper, norm.exponent) * slack);
  f.spread = smaller_of(f.spread_f, round_up(std::sqrt(most * slack) * std::sqrt(largest_row * slack)));
}

}  // namespace

std::vector<std::int64_t> phases_with_taps(std::span<const SymbolAxis> axes) {
  std::vector<std::int64_t> phases{0};
  for (const SymbolAxis& a : axes) {
    std::vector<std::int64_t> next;
    for (const std::int64_t phase : phases) {
      for (std::int64_t p = 0; p < std::min(a.kernel, a.stride); ++p) {
        next.push_back(phase * a.stride + a.dilation * p % a.stride);
      }
    }
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    phases = std::move(next);
  }
  return phases;
}

SymbolAxis reduced_axis(std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
  const std::int64_t common = std::gcd(stride, dilation);
  const std::int64_t of_stride = stride / common;
  return {kernel, of_stride, of_stride == 1 ? 1 : dilation / common};
}

std::vector<SymbolAxis> reduced_axes(const ConvolutionLayer& layer) {
  std::vector<SymbolAxis> axes;
  for (const ConvolutionAxis& axis : layer.axes) {
    axes.push_back(reduced_axis(axis.kernel, axis.stride, axis.dilation));
  }
  return axes;
}

Symbols make_symbols(const Tensor& kernel, std::int64_t groups, std::span<const SymbolAxis> axes, Context& context) {
  std::int64_t taps = 1;
  for (const SymbolAxis& axis : axes) taps *= axis.kernel;
  const std::int64_t out = kernel.rank() > 1 ? kernel.shape()[0] : 0;
  const std::int64_t in = kernel.rank() > 1 ? kernel.shape()[1] : 0;
  if (kernel.rank() != axes.size() + 2 || out < 1 || in < 1 || out % groups != 0 || kernel.size() != out * in * taps) {
    throw Error(fmt::format("[convolution_norm] a kernel of shape {} does not fit {} axes with {} taps and {} groups",
                            to_string(kernel.shape()), axes.size(), taps, groups));
  }
  ScannedMatrix scanned(stored_view(kernel.reshaped({out, in * taps})), context);
  require_finite(scanned.facts(), "convolution_norm", "kernel");
  return make_symbols(scanned.in_range(context), out, groups, axes);
}

Symbols make_symbols(const InRange& a, std::int64_t out, std::int64_t groups, std::span<const SymbolAxis> axes) {
  std::int64_t taps = 1;
  for (const SymbolAxis& axis : axes) taps *= axis.kernel;
  const std::int64_t in = a.matrix.size() / out / taps;
  Symbols result;
  if (a.facts.max_abs == 0) {
    result.is_zero = true;
    result.is_deficient = true;
    return result;
  }
  const double scale = gram_scale(a.facts);
  result.exponent = static_cast<std::int64_t>(std::ilogb(a.factor)) - static_cast<std::int64_t>(std::ilogb(scale));
  std::vector<double> rows(static_cast<std::size_t>(out * in * taps));
  // It is row-major; a single row or column is the same either way.
  kernels::convert(a.matrix, scale, rows.data(), a.matrix.columns);
  std::int64_t blocks = 0;
  const std::vector<TapPlace> places = places_of(axes, blocks);
  const std::vector<Position> positions = positions_of(places);
  const std::int64_t height = out / groups;
  const std::int64_t width = in * blocks;
  std::int64_t phases = 1;
  for (const SymbolAxis& axis : axes) phases *= axis.stride;
  result.is_deficient = std::min(height, width) < std::min(height, in * phases);
  for (std::int64_t g = 0; g < groups; ++g) {
    Symbol f;
    f.group = g;
    f.is_transposed = width > height;
    f.rows = std::max(width, height);
    f.columns = std::min(width, height);
    f.taps = positions;
    f.values.assign(positions.size() * static_cast<std::size_t>(f.rows * f.columns), 0.0);
    const double* const entries = rows.data() + g * height * in * taps;
    for_each_entry(f, places, in, [&](std::size_t e, std::size_t i) { f.values[i] = entries[e]; });
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
      std::int64_t most = 0;
      for (const Position& p : positions) most = std::max(most, p[axis]);
      f.degree[axis] = 0.5 * static_cast<double>(most);  // the first tap is at 0
    }
    measure_spread(f);
    if (std::any_of(f.values.begin(), f.values.end(), [](double value) { return value != 0; })) {
      result.groups.push_back(std::move(f));
    } else {
      result.is_deficient = true;
    }
  }
  return result;
}

Symbols symbols_of(const Tensor& kernel, const ConvolutionLayer& layer, Context& context) {
  return make_symbols(kernel, layer.groups, reduced_axes(layer), context);
}

ConvolutionLayer without_stride(ConvolutionLayer layer) {
  for (ConvolutionAxis& axis : layer.axes) axis.stride = 1;
  return layer;
}

std::vector<double> of_kernel(const Symbol& f, std::span<const double> derivatives, std::span<const SymbolAxis> axes) {
  std::int64_t blocks = 0;
  const std::vector<TapPlace> places = places_of(axes, blocks);
  const std::int64_t height = f.is_transposed ? f.columns : f.rows;
  const std::int64_t in = f.rows * f.columns / height / blocks;
  std::vector<double> result(static_cast<std::size_t>(height * in) * places.size());
  for_each_entry(f, places, in, [&](std::size_t e, std::size_t i) { result[e] = derivatives[i]; });
  return result;
}

ComplexVector times(const Symbol& f, const TorusPoint& t, const ComplexVector& v) {
  const auto m = static_cast<std::size_t>(f.rows);
  ComplexVector y{std::vector<double>(m, 0.0), std::vector<double>(m, 0.0)};
  std::vector<double> re(m), im(m);
  std::vector<Phase> phases(f.taps.size());
  Coordinates(f.taps).phases(t, phases);
  for (std::size_t p = 0; p < f.taps.size(); ++p) {
    const Phase e = phases[p];
    std::fill(re.begin(), re.end(), 0.0);
    std::fill(im.begin(), im.end(), 0.0);
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double a = v.re[static_cast<std::size_t>(j)];
      const double b = v.im[static_cast<std::size_t>(j)];
      const double* const column = f.tap(p) + j * f.rows;
      for (std::size_t i = 0; i < m; ++i) {
        re[i] += column[i] * a;
        im[i] += column[i] * b;
      }
    }
    for (std::size_t i = 0; i < m; ++i) {
      y.re[i] += e.cosine * re[i] - e.sine * im[i];
      y.im[i] += e.sine * re[i] + e.cosine * im[i];
    }
  }
  return y;
}

// Each part is a sum of products k (c a - s b) with at most columns + taps + 3 roundings and two phases: an entry's
// parts are wrong by at most (gamma + 8 phase errors) sum |k| (|a| + |b|), so the vector by 2 sqrt(2) < 3 times the
// constant times |sum |K_p||_2 |v|.
double times_error(const Symbol& f) {
  const auto terms = f.columns + static_cast<std::int64_t>(f.taps.size()) + 4;
  return round_up(3 * (gamma(terms) + 8 * kPhaseError) * f.spread + 0x1p-900);
}

namespace {

NormRange length_of(const ComplexVector& v) {
  std::vector<double> all(v.re);
  all.insert(all.end(), v.im.begin(), v.im.end());
  NormRange range = norm_range(all);
  range.lower = round_down(std::ldexp(range.lower, range.exponent));
  range.upper = round_up(std::ldexp(range.upper, range.exponent));
  return range;
}

}  // namespace

double quotient_below(const Symbol& f, const TorusPoint& t, const ComplexVector& v) {
  const NormRange length = length_of(v);
  if (!(length.lower > 0) || !std::isfinite(length.upper)) return 0;
  const double least = length_of(times(f, t, v)).lower - round_up(times_error(f) * length.upper);
  return least > 0 ? round_down(least / length.upper) : 0.0;
}

double quotient_above(const Symbol& f, const TorusPoint& t, const ComplexVector& v) {
  const NormRange length = length_of(v);
  if (!(length.lower > 0) || !std::isfinite(length.upper)) return f.spread;
  const double most = length_of(times(f, t, v)).upper + round_up(times_error(f) * length.upper);
  return round_up(most / length.lower);
}

}  // namespace sigmax::bounds
