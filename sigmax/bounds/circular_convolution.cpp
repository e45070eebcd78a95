#include "sigmax/bounds/circular_convolution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/bounds/convolution_proof/embedding.hpp"
#include "sigmax/bounds/convolution_proof/grid_values.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"

namespace sigmax {
namespace {

using bounds::Symbol;
using bounds::Symbols;
using bounds::TorusPoint;

// A whole circulant: its symbols and the points of its grid, one of each two opposite ones.
struct Circulant {
  Symbols symbols;
  std::vector<TorusPoint> points;
};

void check_whole(const char* who, const ConvolutionGeometry& geometry) {
  if (geometry.layer().padding_mode != PaddingMode::Circular) {
    throw Error(fmt::format("[{}] the padding is {}; only a circular convolution has its values on a grid", who,
                            name(geometry.layer().padding_mode)));
  }
  const std::vector<CorrelationAxis>& axes = geometry.correlation().axes;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const CorrelationAxis& axis = axes[i];
    if (axis.input % axis.stride != 0) {
      throw Error(fmt::format("[{}] the stride {} does not divide the input size {} of axis {}", who, axis.stride,
                              axis.input, i));
    }
    if (axis.output != axis.input / axis.stride) {
      throw Error(fmt::format("[{}] axis {} has {} outputs, a whole circulant {}: its pads must add up to {}", who, i,
                              axis.output, axis.input / axis.stride, axis.reach() - 1));
    }
  }
}

Circulant circulant_of(const char* who, const Tensor& kernel, const ConvolutionGeometry& geometry, Context& context) {
  check_whole(who, geometry);
  if (kernel.shape() != geometry.layer().kernel_shape()) {
    throw Error(fmt::format("[{}] the layer ({}) takes a kernel {}, got {}", who, describe(geometry.layer()),
                            to_string(geometry.layer().kernel_shape()), to_string(kernel.shape())));
  }
  std::vector<bounds::SymbolAxis> axes;
  std::vector<bounds::GridAxis> grid;
  for (const CorrelationAxis& axis : geometry.correlation().axes) {
    const bounds::CircularAxis one = bounds::circular_axis(axis);
    axes.push_back(one.symbol);
    grid.push_back({one.grid, 0, 1});
  }
  Circulant result{bounds::make_symbols(kernel, geometry.layer().groups, axes, context), bounds::grid_points(grid)};
  return result;
}

bool is_own_opposite(const TorusPoint& t) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (2 * t.numerator[axis] % t.denominator[axis] != 0) return false;
  }
  return true;
}

// F(t): real where t is its own opposite, otherwise [[re, -im], [im, re]], which has every singular value twice.
Matrix<double> real_form(const Symbol& f, const TorusPoint& t) {
  const bool is_real = is_own_opposite(t);
  const std::int64_t m = f.rows;
  const std::int64_t n = f.columns;
  Matrix<double> a(is_real ? m : 2 * m, is_real ? n : 2 * n);
  for (std::size_t p = 0; p < f.taps.size(); ++p) {
    const bounds::Phase e = bounds::phase(f.taps[p], t);
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < m; ++i) {
        const double k = f.tap(p)[i + j * m];
        a(i, j) += k * e.cosine;
        if (!is_real) a(m + i, j) += k * e.sine;
      }
    }
  }
  if (is_real) return a;
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < m; ++i) {
      a(i, n + j) = -a(m + i, j);
      a(m + i, n + j) = a(i, j);
    }
  }
  return a;
}

Enclosure enclosure_of(double lower, double upper, std::int64_t exponent) {
  const double most = upper > 0 ? bounds::widened_upper(bounds::times_power(upper, exponent)) : 0.0;
  return bounds::Proof::enclosure(bounds::widened_lower(bounds::times_power(lower, exponent)),
                                  bounds::Proof::proven(most));
}

// A + U (clip(S) - S) V^T: exact where nothing is clipped. Except at values of 0 this is a function of A alone, so that
// the result has the form [[re, -im], [im, re]] as A has.
Matrix<double> clipped(Matrix<double> a, double least, double most) {
  const Matrix<double> original = a;
  const std::int64_t count = std::min(a.rows(), a.columns());
  const lapack::Decomposition d = lapack::decompose(a.view(), 0, count);
  const double none = 4 * static_cast<double>(a.rows() + a.columns()) * bounds::kUnitRoundoff * d.sigma.front();
  if (least > 0 && !(d.sigma.back() > none)) {
    throw Error("[clip_circular] a value of 0 has no singular vectors to raise it along; take least = 0");
  }
  Matrix<double> scaled(d.wanted.u.rows(), count);
  for (std::int64_t j = 0; j < count; ++j) {
    const double sigma = d.wanted.sigma[static_cast<std::size_t>(j)];
    const double change = std::clamp(sigma, least, most) - sigma;
    for (std::int64_t i = 0; i < scaled.rows(); ++i) scaled(i, j) = d.wanted.u(i, j) * change;
  }
  Matrix<double> result = lapack::product(scaled, lapack::transposed(d.wanted.v.view()));
  for (std::size_t i = 0; i < result.values().size(); ++i) result.values()[i] += original.values()[i];
  return result;
}

// kernel += weight / positions * re(F exp(-i p.t)) for every position p of the image.
void add_inverse(const Symbol& f, const Matrix<double>& a, const TorusPoint& t, std::span<const std::int64_t> sizes,
                 double factor, std::span<double> kernel) {
  const bool is_real = a.rows() == f.rows;
  std::int64_t positions = 1;
  for (const std::int64_t size : sizes) positions *= size;
  for (std::int64_t position = 0; position < positions; ++position) {
    bounds::Position p{0, 0, 0};
    std::int64_t rest = position;
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      p[axis] = rest % sizes[axis];
      rest /= sizes[axis];
    }
    const bounds::Phase e = bounds::phase(p, t);
    for (std::int64_t j = 0; j < f.columns; ++j) {
      for (std::int64_t i = 0; i < f.rows; ++i) {
        const double im = is_real ? 0.0 : a(f.rows + i, j);
        // The symbol of a wide kernel is transposed: (j, i) is then (out, in).
        const std::int64_t at = f.is_transposed ? j * f.rows + i : i * f.columns + j;
        kernel[static_cast<std::size_t>(at * positions + position)] += factor * (e.cosine * a(i, j) + e.sine * im);
      }
    }
  }
}

}  // namespace

CircularExtremes circular_extremes(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                   const ConvolutionNormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Circulant c = circulant_of("circular_extremes", kernel, geometry, context);
  if (c.symbols.is_zero) {
    const Enclosure zero = bounds::zero_enclosure();
    return {zero, zero, bounds::quotient(zero, zero), 0, 0};
  }
  const double width = options.relative_width > 0 ? options.relative_width : 1e-6;
  bounds::Budget budget;
  budget.most_flops = options.most_flops;
  const bounds::Range largest =
      bounds::largest_on(c.symbols, c.points, nullptr, width, std::numeric_limits<double>::infinity(), budget, context);
  bounds::Range smallest{0, 0, {}, 0};
  if (!c.symbols.is_deficient) smallest = bounds::smallest_on(c.symbols, c.points, budget, context);
  const Enclosure sigma_max = enclosure_of(largest.lower, largest.upper, c.symbols.exponent);
  const Enclosure sigma_min = enclosure_of(smallest.lower, smallest.upper, c.symbols.exponent);
  // The quotient does not depend on the scale, and the values without it are far from the ends of the range.
  const Enclosure condition =
      bounds::quotient(enclosure_of(largest.lower, largest.upper, 0), enclosure_of(smallest.lower, smallest.upper, 0));
  return {sigma_max, sigma_min, condition, budget.points, budget.flops};
}

CircularExtremes circular_extremes(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                   const ConvolutionNormOptions& options) {
  Context context;
  return circular_extremes(kernel, geometry, options, context);
}

std::vector<double> circular_spectrum(const Tensor& kernel, const ConvolutionGeometry& geometry, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  const Circulant c = circulant_of("circular_spectrum", kernel, geometry, context);
  const auto count = static_cast<std::size_t>(std::min(geometry.rows(), geometry.columns()));
  std::vector<double> values;
  for (const Symbol& f : c.symbols.groups) {
    std::vector<std::vector<double>> at(c.points.size());
    context.parallel_for(c.points.size(), [&](std::size_t i) {
      context.check_cancel();
      Matrix<double> a = real_form(f, c.points[i]);
      at[i] = lapack::singular_values(a.view());
    });
    for (const std::vector<double>& some : at) values.insert(values.end(), some.begin(), some.end());
  }
  for (double& value : values) value = bounds::times_power(value, c.symbols.exponent);
  std::sort(values.begin(), values.end(), std::greater<>());
  values.resize(count, 0.0);  // the rest belongs to zeros that the symbols leave out
  return values;
}

std::vector<double> circular_spectrum(const Tensor& kernel, const ConvolutionGeometry& geometry) {
  Context context;
  return circular_spectrum(kernel, geometry, context);
}

ClippedConvolution clip_circular(const Tensor& kernel, const ConvolutionGeometry& geometry, double least, double most,
                                 Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  if (!(least >= 0 && least <= most && std::isfinite(most))) {
    throw Error(
        fmt::format("[clip_circular] the values must be clipped to 0 <= least <= most, got {} and {}", least, most));
  }
  const Circulant c = circulant_of("clip_circular", kernel, geometry, context);
  ConvolutionLayer layer = geometry.layer();
  double positions = 1;
  for (std::size_t i = 0; i < layer.axes.size(); ++i) {
    ConvolutionAxis& axis = layer.axes[i];
    const std::int64_t n = geometry.input_size()[i];
    if (axis.stride != 1) {
      throw Error(fmt::format("[clip_circular] axis {} has stride {}; clipping takes stride 1", i, axis.stride));
    }
    const std::int64_t low = axis.pad_low % n;
    axis = ConvolutionAxis{n, 1, 1, low, n - 1 - low, 0};
    positions *= static_cast<double>(n);
  }
  ConvolutionGeometry full(layer, geometry.input_size());
  const Dimensions shape = layer.kernel_shape();
  std::vector<double> weights(static_cast<std::size_t>(*element_count(shape)), 0.0);
  if (c.symbols.is_deficient && least > 0) {
    throw Error("[clip_circular] a group of zeros has no singular vectors to raise its values along; take least = 0");
  }
  const std::size_t each = weights.size() / static_cast<std::size_t>(layer.groups);
  for (const Symbol& f : c.symbols.groups) {
    std::vector<Matrix<double>> at(c.points.size());
    const double down = bounds::times_power(1, -c.symbols.exponent);
    context.parallel_for(c.points.size(), [&](std::size_t i) {
      context.check_cancel();
      at[i] = clipped(real_form(f, c.points[i]), least * down, most * down);
    });
    const std::span<double> part(weights.data() + each * static_cast<std::size_t>(f.group), each);
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double weight = is_own_opposite(c.points[i]) ? 1.0 : 2.0;
      add_inverse(f, at[i], c.points[i], geometry.input_size(), weight / positions, part);
    }
  }
  for (double& value : weights) value = bounds::times_power(value, c.symbols.exponent);
  return {Tensor::copy_of(weights, shape), std::move(full)};
}

}  // namespace sigmax
