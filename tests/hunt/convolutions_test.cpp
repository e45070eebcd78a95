// The hunt for a wrong end of a convolution's norm: random geometries, all parameters drawn, against the singular
// values of the dense matrix in extended precision. `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "hunt/budget.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/circular_convolution.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "support/correlation_matrix.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kLargestSide = 56;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : engine_(seed) {}

  std::int64_t pick(std::int64_t first, std::int64_t last) {
    return std::uniform_int_distribution<std::int64_t>(first, last)(engine_);
  }

  ConvolutionLayer layer() {
    ConvolutionLayer result;
    result.groups = pick(1, 3) == 1 ? 2 : 1;
    result.in_channels = result.groups * pick(1, 3);
    result.out_channels = result.groups * pick(1, 3);
    result.transposed = pick(1, 4) == 1;
    result.padding_mode = result.transposed ? PaddingMode::Zeros : static_cast<PaddingMode>(pick(0, 3));
    const std::int64_t axes = std::array<std::int64_t, 6>{1, 1, 1, 2, 2, 3}[static_cast<std::size_t>(pick(0, 5))];
    for (std::int64_t i = 0; i < axes; ++i) {
      ConvolutionAxis axis;
      axis.kernel = pick(1, axes == 1 ? 5 : 3);
      axis.stride = pick(1, 2) == 1 ? 1 : pick(1, 3);
      axis.dilation = pick(1, 3) > 1 ? 1 : pick(1, 3);
      axis.pad_low = pick(0, 3);
      axis.pad_high = pick(0, 2) == 0 ? pick(0, 3) : axis.pad_low;
      if (result.transposed) axis.output_padding = pick(0, axis.stride - 1);
      result.axes.push_back(axis);
    }
    return result;
  }

  std::vector<std::int64_t> size(std::size_t axes) {
    std::vector<std::int64_t> sizes;
    for (std::size_t i = 0; i < axes; ++i) sizes.push_back(pick(1, axes == 1 ? 18 : axes == 2 ? 6 : 3));
    return sizes;
  }

  // Entries of one kind: Gaussian, one sign, sparse, one channel much larger, or a shift.
  Tensor kernel(const Dimensions& shape) {
    std::vector<double> values(static_cast<std::size_t>(*element_count(shape)));
    std::normal_distribution<double> normal;
    const std::int64_t kind = pick(0, 4);
    for (double& value : values) {
      value = normal(engine_);
      if (kind == 1) value = std::fabs(value);
      if (kind == 2 && pick(0, 2) != 0) value = 0;
      if (kind == 3 && pick(0, 3) == 0) value *= 1e4;
    }
    if (kind == 4) {
      std::fill(values.begin(), values.end(), 0.0);
      values[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(values.size()) - 1))] = 1;
    }
    const DType types[] = {DType::f64, DType::f64, DType::f32, DType::f16, DType::bf16};
    const DType type = types[pick(0, 4)];
    if (type == DType::f64 && pick(0, 3) == 0) {
      const int exponent = static_cast<int>(pick(-990, 990));
      for (double& value : values) value = std::ldexp(value, exponent);
    }
    return Tensor::rounded(values, shape, type);
  }

 private:
  std::mt19937_64 engine_;
};

// A geometry small enough to be formed, drawn until one is valid.
ConvolutionGeometry draw(Maker& maker) {
  for (;;) {
    ConvolutionLayer layer = maker.layer();
    std::vector<std::int64_t> size = maker.size(layer.axes.size());
    try {
      ConvolutionGeometry geometry(layer, size);
      if (geometry.rows() <= kLargestSide && geometry.columns() <= kLargestSide) return geometry;
    } catch (const Error&) {  // an empty output, or reflected pads that exceed the image
    }
  }
}

// A whole circulant: a stride that divides the size, and pads that give size / stride outputs.
ConvolutionGeometry draw_circular(Maker& maker) {
  for (;;) {
    ConvolutionLayer layer = maker.layer();
    layer.transposed = false;
    layer.padding_mode = PaddingMode::Circular;
    std::vector<std::int64_t> size = maker.size(layer.axes.size());
    for (std::size_t i = 0; i < size.size(); ++i) {
      ConvolutionAxis& axis = layer.axes[i];
      axis.output_padding = 0;
      size[i] = std::max(size[i] / axis.stride, std::int64_t{1}) * axis.stride;
      const std::int64_t pads = axis.reach() - 1;
      axis.pad_low = maker.pick(0, pads);
      axis.pad_high = pads - axis.pad_low;
    }
    const ConvolutionGeometry geometry(layer, size);
    if (geometry.rows() <= kLargestSide && geometry.columns() <= kLargestSide) return geometry;
  }
}

// All singular values of the correlation, in descending order.
std::vector<long double> truth_of(const ConvolutionGeometry& geometry, const std::vector<double>& values) {
  const Correlation& c = geometry.correlation();
  const std::vector<double> matrix = support::correlation_matrix(c, values);
  return gallery::reference_singular_values(matrix, static_cast<std::size_t>(c.rows()),
                                            static_cast<std::size_t>(c.columns()));
}

std::vector<double> entries_of(const Tensor& kernel) {
  std::vector<double> values(static_cast<std::size_t>(kernel.size()));
  const Tensor flat = kernel.reshaped({kernel.size()});
  for (std::int64_t j = 0; j < kernel.size(); ++j) {
    values[static_cast<std::size_t>(j)] = flat.at(std::array<std::int64_t, 1>{j});
  }
  return values;
}

// Counts of relative widths by powers of ten.
struct Histogram {
  std::map<std::string, std::array<std::int64_t, 10>> counts;

  void add(const std::string& what, double width) {
    const double digits = width > 0 ? -std::log10(width) : 9;
    ++counts[what][static_cast<std::size_t>(std::min(std::max(digits, 0.0), 9.0))];
  }
  void print() const {
    std::printf("relative widths:              1    0.1   0.01   1e-3   1e-4   1e-5   1e-6   1e-7   1e-8   1e-9\n");
    for (const auto& [what, row] : counts) {
      std::printf("%-24s", what.c_str());
      for (const std::int64_t count : row) std::printf(" %6lld", static_cast<long long>(count));
      std::printf("\n");
    }
  }
};

// A convolution and its singular values from the definition. The largest power of two in the kernel comes out before
// the sums are formed in double.
struct Drawn {
  ConvolutionGeometry geometry;
  Tensor kernel;
  int exponent = 0;
  std::vector<long double> truth;

  Drawn(ConvolutionGeometry of, Maker& maker)
      : geometry(std::move(of)), kernel(maker.kernel(geometry.layer().kernel_shape())) {
    std::vector<double> values = entries_of(kernel);
    double largest = 0;
    for (const double value : values) largest = std::max(largest, std::fabs(value));
    exponent = largest > 0 ? std::ilogb(largest) : 0;
    for (double& value : values) value = std::ldexp(value, -exponent);
    truth = truth_of(geometry, values);
  }

  long double slack() const { return truth.front() * 1e-17L * static_cast<long double>(kLargestSide * kLargestSide); }
  long double unscaled(double end) const { return std::ldexp(static_cast<long double>(end), -exponent); }
  std::string repeat(std::uint64_t seed) const {
    return fmt::format("{} {} input {} {}", hunt::rerun(seed), describe(geometry.layer()),
                       to_string(geometry.input_size()), name(geometry.layer().padding_mode));
  }
};

TEST(HuntConvolutions, NoEndIsWrongAtAnySize) {
  Context context(1);
  Histogram widths;
  const std::int64_t cases = hunt::budget(400);
  for (std::int64_t i = 0; i < cases; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Maker maker(seed);
    const Drawn drawn(draw(maker), maker);
    const ConvolutionGeometry& geometry = drawn.geometry;
    const Tensor& kernel = drawn.kernel;
    ConvolutionNormOptions options;
    options.relative_width = std::array<double, 4>{0, 1e-1, 1e-4, 1e-9}[static_cast<std::size_t>(maker.pick(0, 3))];
    options.dense_up_to = maker.pick(0, 2) == 0 ? 64 : 0;
    if (maker.pick(0, 19) == 0) options.most_flops = static_cast<double>(maker.pick(1, 1000000));
    if (maker.pick(0, 3) == 0) options.one_axis_up_to = 0;
    SCOPED_TRACE(drawn.repeat(seed));
    const long double truth = drawn.truth.front(), slack = drawn.slack();
    const ConvolutionNorm at_size = convolution_norm(kernel, geometry, options, context);
    ASSERT_TRUE(at_size.sigma_max.is_proven());
    ASSERT_LE(drawn.unscaled(at_size.sigma_max.lower.value()), truth + slack) << name(at_size.lower_by);
    ASSERT_GE(drawn.unscaled(at_size.sigma_max.upper->value()), truth - slack) << name(at_size.upper_by);
    const ConvolutionNorm every = convolution_norm(kernel, geometry.layer(), options, context);
    ASSERT_TRUE(every.sigma_max.is_proven());
    ASSERT_GE(drawn.unscaled(every.sigma_max.upper->value()), truth - slack)
        << "a size exceeds the bound for every size";
    const std::string mode = geometry.transposed() ? "transposed" : std::string(name(geometry.layer().padding_mode));
    widths.add(mode + " " + std::string(name(at_size.upper_by)), at_size.sigma_max.relative_width());
    widths.add(mode + " every_size", every.sigma_max.relative_width());
  }
  widths.print();
}

// With every padding: the smallest values of the operator, formed for the proof.
TEST(HuntConvolutions, NoSmallestValueAtAnySizeIsWrong) {
  Context context(1);
  Histogram widths;
  const std::int64_t cases = hunt::budget(400);
  for (std::int64_t i = 0; i < cases; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Maker maker(seed);
    const Drawn drawn(draw(maker), maker);
    SCOPED_TRACE(drawn.repeat(seed));
    const Operator<double> a = convolution<double>(drawn.kernel, drawn.geometry);
    const auto count = static_cast<std::int64_t>(drawn.truth.size());
    SvdOptions<double> wanted;
    wanted.which = Which::smallest;
    wanted.k = maker.pick(1, std::min<std::int64_t>(3, count));
    wanted.random = random_state(seed);
    const CertifiedSvd<double> found = certified_svd(*a, wanted, CertifyOptions{}, context);
    ASSERT_EQ(found.sigma.size(), static_cast<std::size_t>(wanted.k));
    for (std::int64_t j = 0; j < wanted.k; ++j) {
      const long double truth = drawn.truth[static_cast<std::size_t>(count - wanted.k + j)];
      const Enclosure& e = found.sigma[static_cast<std::size_t>(j)];
      ASSERT_TRUE(e.is_proven());
      ASSERT_LE(drawn.unscaled(e.lower.value()), truth + drawn.slack()) << j;
      ASSERT_GE(drawn.unscaled(e.upper->value()), truth - drawn.slack()) << j;
      widths.add(std::string(name(drawn.geometry.layer().padding_mode)), e.relative_width());
    }
  }
  widths.print();
}

// The largest, the smallest, their quotient, and every value of the spectrum.
TEST(HuntConvolutions, NoValueOfACircleIsWrong) {
  Context context(1);
  Histogram widths;
  const std::int64_t cases = hunt::budget(400);
  for (std::int64_t i = 0; i < cases; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Maker maker(seed);
    const Drawn drawn(draw_circular(maker), maker);
    const ConvolutionGeometry& geometry = drawn.geometry;
    const Tensor& kernel = drawn.kernel;
    SCOPED_TRACE(drawn.repeat(seed));
    const std::vector<long double>& truth = drawn.truth;
    const long double most = truth.front(), least = truth.back(), slack = drawn.slack();
    const CircularExtremes found = circular_extremes(kernel, geometry, {}, context);
    ASSERT_TRUE(found.sigma_max.is_proven() && found.sigma_min.is_proven());
    ASSERT_LE(drawn.unscaled(found.sigma_max.lower.value()), most + slack);
    ASSERT_GE(drawn.unscaled(found.sigma_max.upper->value()), most - slack);
    ASSERT_LE(drawn.unscaled(found.sigma_min.lower.value()), least + slack);
    ASSERT_GE(drawn.unscaled(found.sigma_min.upper->value()), least - slack);
    if (least > slack) {
      ASSERT_LE(static_cast<long double>(found.condition.lower.value()) * (least - slack), most + slack);
    }
    if (found.condition.upper) {
      ASSERT_GE(static_cast<long double>(found.condition.upper->value()) * (least + slack), most - slack);
    }
    const std::vector<double> spectrum = circular_spectrum(kernel, geometry, context);
    ASSERT_EQ(spectrum.size(), truth.size());
    const double allowed = tolerance::of_matrix(geometry.rows(), geometry.columns(), static_cast<double>(most));
    for (std::size_t k = 0; k < truth.size(); ++k) {
      ASSERT_NEAR(static_cast<double>(drawn.unscaled(spectrum[k])), static_cast<double>(truth[k]), allowed)
          << "value " << k;
    }
    widths.add("circular sigma_max", found.sigma_max.relative_width());
    widths.add("circular sigma_min", found.sigma_min.relative_width());
    if (found.condition.upper) widths.add("circular condition", found.condition.relative_width());
  }
  widths.print();
}

}  // namespace
}  // namespace sigmax
