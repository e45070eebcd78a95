// What the conformance suite does not show of convolutions: refusals, the work of many pieces, the entries that they
// read, and the float form.
#include "sigmax/ops/convolution/convolution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "conformance/reference_matrix.hpp"
#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/ops/convolution/interleaved.hpp"
#include "sigmax/ops/materialize.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

ConvolutionLayer two_axes(std::int64_t in, std::int64_t out, const ConvolutionAxis& axis) {
  return {in, out, 1, PaddingMode::Zeros, false, {axis, axis}};
}

std::string refusal(const Tensor& kernel, const ConvolutionGeometry& geometry) {
  try {
    static_cast<void>(convolution<double>(kernel, geometry));
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing thrown";
}

TEST(Convolution, RefusesAKernelOfAnotherShapeOrType) {
  const ConvolutionGeometry geometry(two_axes(2, 3, {3, 1, 1, 1, 1, 0}), {4, 4});
  EXPECT_EQ(refusal(Tensor::copy_of(std::vector<float>(54), {2, 3, 3, 3}), geometry),
            "[convolution] the geometry (3x3 kernel, 2 -> 3 channels, padding 1) takes a kernel [3, 2, 3, 3], got [2, "
            "3, 3, 3]");
  const std::vector<std::byte> bytes(54);
  const Tensor whole(DType::i8, {3, 2, 3, 3}, bytes.data(), nullptr);
  EXPECT_EQ(refusal(whole, geometry), "[convolution] i8 does not store real numbers");
}

TEST(Convolution, SaysWhatItIs) {
  const std::vector<float> kernel(54, 0.5F);
  ConvolutionLayer layer = two_axes(2, 3, {3, 1, 1, 1, 1, 0});
  const Tensor tensor = Tensor::copy_of(kernel, {3, 2, 3, 3});
  const Operator<double> a = convolution<double>(tensor, ConvolutionGeometry(layer, {4, 5}));
  EXPECT_EQ(a->shape(), (Shape{60, 40}));
  EXPECT_EQ(a->depth(), 1);
  const auto is = std::get<structure::Convolution>(a->structure());
  EXPECT_EQ(is.kernel->rows, 3);
  EXPECT_EQ(is.kernel->columns, 18);
  EXPECT_EQ(is.kernel->data, tensor.data());
  EXPECT_EQ(*is.correlation, ConvolutionGeometry(layer, {4, 5}).correlation());
  layer.transposed = true;
  layer.in_channels = 3;
  layer.out_channels = 2;
  const Operator<double> up = convolution<double>(tensor, ConvolutionGeometry(layer, {4, 5}));
  EXPECT_EQ(up->shape(), (Shape{40, 60}));
  const auto turned = std::get<structure::Transposed<double>>(up->structure());
  EXPECT_TRUE(std::holds_alternative<structure::Convolution>(turned.of->structure()));
}

// A layer whose work is cut into many pieces and whose images into chunks. Outputs drawn at random against their sums
// in long double, on every instruction set, and the same bits for any number of threads.
template <Real T>
void check_a_large_layer(const ConvolutionLayer& layer, const std::vector<std::int64_t>& size) {
  const ConvolutionGeometry geometry(layer, size);
  const Correlation& c = geometry.correlation();
  const std::vector<double> kernel = gallery::normal(c.weights(), 61);
  const Tensor tensor = Tensor::rounded(kernel, layer.kernel_shape(), DType::bf16);
  const Tensor flat = tensor.reshaped({c.out_channels, c.terms()});
  constexpr std::int64_t kImages = 3;
  Matrix<T> x(c.columns(), kImages), y(c.rows(), kImages), z(c.columns(), kImages);
  std::ranges::transform(gallery::normal(c.columns() * kImages, 62), x.values().begin(),
                         [](double value) { return static_cast<T>(value); });
  const std::int64_t outputs = c.output_positions();
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    const Operator<T> a = convolution<T>(tensor, geometry);
    Context one(1);
    a->apply_gram(x.view(), y.view(), z.view(), one);
    for (std::int64_t sample = 0; sample < 200; ++sample) {
      const std::int64_t row = sample * 7919 % c.rows();
      const std::int64_t image = sample % kImages;
      const std::int64_t o = row / outputs;
      const std::int64_t first = o / (c.out_channels / c.groups) * (c.in_channels / c.groups);
      long double sum = 0, magnitude = 0;
      for (std::int64_t k = 0; k < c.terms(); ++k) {
        const std::int64_t j = input_of(c, row % outputs, k % c.taps());
        if (j == kPaddedZero) continue;
        const long double term = static_cast<long double>(flat.at(std::vector<std::int64_t>{o, k})) *
                                 x((first + k / c.taps()) * c.input_positions() + j, image);
        sum += term;
        magnitude += std::fabs(term);
      }
      ASSERT_LE(std::fabs(y(row, image) - sum), tolerance::gamma<T>(c.terms()) * magnitude) << row;
    }
    // <z, x> = |y|^2: the other half, whose rounding is relative to |A|^T |A| |x| <= C |x|, C^2 <= row sum times column
    // sum of the matrix of absolute values.
    long double along = 0, square = 0, length = 0;
    for (std::int64_t k = 0; k < c.columns() * kImages; ++k) {
      const auto at = static_cast<std::size_t>(k);
      along += static_cast<long double>(z.values()[at]) * x.values()[at];
      length += static_cast<long double>(x.values()[at]) * x.values()[at];
    }
    for (const T value : y.values()) square += static_cast<long double>(value) * value;
    long double largest = 0;
    for (std::int64_t k = 0; k < flat.size(); ++k) {
      largest =
          std::max<long double>(largest, std::fabs(flat.at(std::vector<std::int64_t>{k / c.terms(), k % c.terms()})));
    }
    const long double norm_square =
        largest * largest * static_cast<long double>(c.terms()) * static_cast<long double>(c.adjoint_terms());
    EXPECT_LE(std::fabs(along - square), tolerance::gamma<T>(c.terms() + c.adjoint_terms()) * norm_square * length);
    for (const int threads : {2, 3}) {
      Context several(threads);
      Matrix<T> other_y(c.rows(), kImages), other_z(c.columns(), kImages);
      a->apply_gram(x.view(), other_y.view(), other_z.view(), several);
      EXPECT_EQ(other_y, y) << threads;
      EXPECT_EQ(other_z, z) << threads;
    }
  });
}

TEST(Convolution, OfManyPiecesMultipliesInFloatAndDouble) {
  const ConvolutionLayer layer = two_axes(33, 45, {3, 1, 1, 1, 1, 0});
  check_a_large_layer<float>(layer, {30, 31});
  check_a_large_layer<double>(layer, {17, 40});
}

TEST(Convolution, OfManyPiecesMayBeStridedGroupedAndReflected) {
  ConvolutionLayer layer = two_axes(36, 48, {4, 2, 1, 2, 1, 0});
  layer.groups = 3;
  layer.padding_mode = PaddingMode::Reflect;
  check_a_large_layer<float>(layer, {44, 47});
  layer.padding_mode = PaddingMode::Zeros;
  layer.axes[0] = {5, 3, 2, 4, 4, 0};
  check_a_large_layer<double>(layer, {44, 47});
}

// Whole numbers, so that every product is exact and must be the matrix's, whose entries input_of() gives.
template <Real T>
void check_depthwise(const ConvolutionLayer& layer, const std::vector<std::int64_t>& size) {
  const ConvolutionGeometry geometry(layer, size);
  const Correlation& c = geometry.correlation();
  constexpr std::int64_t kImages = 3;
  const auto whole = [](std::int64_t k) { return static_cast<T>(k * k * 7 % 11 - 5); };
  std::vector<T> kernel;
  for (std::int64_t k = 0; k < c.weights(); ++k) kernel.push_back(whole(k));
  Matrix<T> matrix(c.rows(), c.columns());
  for (std::int64_t row = 0; row < c.rows(); ++row) {
    const std::int64_t channel = row / c.output_positions();
    for (std::int64_t p = 0; p < c.taps(); ++p) {
      const std::int64_t j = input_of(c, row % c.output_positions(), p);
      if (j == kPaddedZero) continue;
      matrix(row, channel * c.input_positions() + j) += kernel[static_cast<std::size_t>(channel * c.taps() + p)];
    }
  }
  const auto times = [&](const Matrix<T>& x, bool adjoint) {
    Matrix<T> y(adjoint ? c.columns() : c.rows(), kImages);
    for (std::int64_t k = 0; k < kImages; ++k) {
      for (std::int64_t i = 0; i < c.rows(); ++i) {
        for (std::int64_t j = 0; j < c.columns(); ++j) {
          y(adjoint ? j : i, k) += matrix(i, j) * x(adjoint ? i : j, k);
        }
      }
    }
    return y;
  };
  Matrix<T> x(c.columns(), kImages), y(c.rows(), kImages);
  for (std::size_t k = 0; k < x.values().size(); ++k) x.values()[k] = whole(static_cast<std::int64_t>(3 * k + 1));
  for (std::size_t k = 0; k < y.values().size(); ++k) y.values()[k] = whole(static_cast<std::int64_t>(5 * k + 2));
  const Matrix<T> ax = times(x, false), aty = times(y, true), gram = times(ax, true), outer = times(aty, false);
  const Operator<T> a = convolution<T>(Tensor::copy_of(kernel, layer.kernel_shape()), geometry);
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    Context context(2);
    Matrix<T> found_y(c.rows(), kImages), found_x(c.columns(), kImages);
    const auto& in = layer.transposed ? y : x;
    const auto& out = layer.transposed ? x : y;
    Matrix<T>& first = layer.transposed ? found_x : found_y;
    Matrix<T>& second = layer.transposed ? found_y : found_x;
    a->apply(in.view(), first.view(), context);
    EXPECT_EQ(first, layer.transposed ? aty : ax);
    a->apply_adjoint(out.view(), second.view(), context);
    EXPECT_EQ(second, layer.transposed ? ax : aty);
    first = Matrix<T>(first.rows(), kImages);
    a->apply_gram(in.view(), first.view(), second.view(), context);
    EXPECT_EQ(first, layer.transposed ? aty : ax);
    EXPECT_EQ(second, layer.transposed ? outer : gram);
    a->apply_outer_gram(out.view(), first.view(), context);
    EXPECT_EQ(first, layer.transposed ? gram : outer);
  });
}

// Whole numbers, as above, on images too large for a matrix: every sum is formed from input_of().
template <Real T>
void check_in_bands(const ConvolutionLayer& layer, const std::vector<std::int64_t>& size) {
  const ConvolutionGeometry geometry(layer, size);
  const Correlation& c = geometry.correlation();
  const auto whole = [](std::int64_t k) { return static_cast<T>(k * k * 7 % 11 - 5); };
  std::vector<T> kernel;
  for (std::int64_t k = 0; k < c.weights(); ++k) kernel.push_back(whole(k));
  const auto times = [&](const Matrix<T>& x, bool adjoint) {
    Matrix<T> y(adjoint ? c.columns() : c.rows(), 1);
    for (std::int64_t row = 0; row < c.rows(); ++row) {
      const std::int64_t channel = row / c.output_positions();
      for (std::int64_t p = 0; p < c.taps(); ++p) {
        const std::int64_t j = input_of(c, row % c.output_positions(), p);
        if (j == kPaddedZero) continue;
        const std::int64_t column = channel * c.input_positions() + j;
        const T weight = kernel[static_cast<std::size_t>(channel * c.taps() + p)];
        y(adjoint ? column : row, 0) += weight * x(adjoint ? row : column, 0);
      }
    }
    return y;
  };
  Matrix<T> x(c.columns(), 1), y(c.rows(), 1);
  for (std::size_t k = 0; k < x.values().size(); ++k) x.values()[k] = whole(static_cast<std::int64_t>(3 * k + 1));
  for (std::size_t k = 0; k < y.values().size(); ++k) y.values()[k] = whole(static_cast<std::int64_t>(5 * k + 2));
  const Matrix<T> ax = times(x, false), aty = times(y, true);
  const Operator<T> a = convolution<T>(Tensor::copy_of(kernel, layer.kernel_shape()), geometry);
  Context context(2);
  const auto& in = layer.transposed ? y : x;
  const auto& out = layer.transposed ? x : y;
  Matrix<T> first(in.rows(), 1), second(out.rows(), 1);
  a->apply(in.view(), second.view(), context);
  EXPECT_EQ(second, layer.transposed ? aty : ax);
  a->apply_adjoint(out.view(), first.view(), context);
  EXPECT_EQ(first, layer.transposed ? ax : aty);
  second = Matrix<T>(second.rows(), 1);
  a->apply_gram(in.view(), second.view(), first.view(), context);
  EXPECT_EQ(second, layer.transposed ? aty : ax);
  EXPECT_EQ(first, layer.transposed ? times(aty, false) : times(ax, true));
  a->apply_outer_gram(out.view(), second.view(), context);
  EXPECT_EQ(second, layer.transposed ? times(ax, true) : times(aty, false));
}

ConvolutionLayer depthwise(std::int64_t channels, std::vector<ConvolutionAxis> axes,
                           PaddingMode mode = PaddingMode::Zeros, bool transposed = false) {
  return {channels, channels, channels, mode, transposed, std::move(axes)};
}

// With fewer channels than vectors want, the general loops.
TEST(Convolution, MayBeDepthwise) {
  for (const bool transposed : {false, true}) {
    for (std::int64_t kernel = 1; kernel <= 4; ++kernel) {
      for (const std::int64_t dilation : {1, 2}) {
        for (std::int64_t low = 0; low <= 2; ++low) {
          const ConvolutionAxis axis{kernel, 1, dilation, low, 1, 0};
          const ConvolutionAxis three{3, 1, 1, 1, 1, 0};
          ConvolutionLayer layer = depthwise(low == 0 ? 3 : 9, {axis, axis}, PaddingMode::Zeros, transposed);
          SCOPED_TRACE(describe(layer));
          check_depthwise<float>(layer, {9, 8});
          layer.axes[0] = three;
          check_depthwise<double>(layer, {15, 10});
          layer.axes.pop_back();
          check_depthwise<float>(layer, {19});
        }
      }
    }
  }
}

TEST(Convolution, MayBeDepthwiseWithAnyStrideAndPadding) {
  for (const PaddingMode mode :
       {PaddingMode::Zeros, PaddingMode::Circular, PaddingMode::Reflect, PaddingMode::Replicate}) {
    for (const std::int64_t stride : {1, 2, 3, 5}) {
      for (const std::int64_t kernel : {1, 2, 3, 6}) {
        const ConvolutionAxis axis{kernel, stride, 1 + kernel % 2, 3, stride - 1, 0};
        const ConvolutionAxis other{3, stride == 1 ? 2 : 1, 1, 1, 0, 0};
        const ConvolutionLayer layer = depthwise(17, {axis, other}, mode);
        SCOPED_TRACE(describe(layer));
        check_depthwise<float>(layer, {10, 5});
        check_depthwise<double>(depthwise(9, {other, axis}, mode), {6, 11});
        check_depthwise<float>(depthwise(8, {axis}, mode), {23});
        if (mode == PaddingMode::Zeros) check_depthwise<double>(depthwise(5, {axis, other}, mode, true), {4, 5});
      }
    }
  }
  const ConvolutionAxis three{3, 1, 1, 1, 1, 0}, strided{2, 2, 1, 0, 1, 0};
  check_depthwise<float>(depthwise(8, {three, strided, three}), {3, 5, 4});
  check_depthwise<double>(depthwise(4, {strided, three, strided}, PaddingMode::Circular), {4, 3, 5});
}

// Long axes are taken in bands, which must fit together whatever the stride, the padding and the unread rest are.
TEST(Convolution, MayBeDepthwiseInBands) {
  for (const std::int64_t stride : {1, 2, 3, 7}) {
    for (const std::int64_t kernel : {1, 3, 4}) {
      for (const std::int64_t low : {0, 2, 40}) {
        const ConvolutionAxis axis{kernel, stride, 2, low, 5, 0};
        for (const bool transposed : {false, true}) {
          const ConvolutionLayer layer = depthwise(8, {axis, {1, 1, 1, 0, 0, 0}}, PaddingMode::Zeros, transposed);
          SCOPED_TRACE(describe(layer));
          check_in_bands<float>(layer, {transposed ? 60 : 90, 200});
        }
      }
    }
  }
}

// The bands of an image, and of one that is a hundred times as long: a band and its neighbors' rows at most twice.
TEST(Convolution, TakesMemoryOfItsBandsOnly) {
  const auto scratch = [](const ConvolutionLayer& layer, const std::vector<std::int64_t>& size) {
    const ConvolutionGeometry geometry(layer, size);
    const std::vector<float> kernel(static_cast<std::size_t>(geometry.correlation().weights()), 1.0F);
    const Tensor tensor =
        Tensor::copy_of(kernel, {geometry.correlation().out_channels, geometry.correlation().terms()});
    const StoredView view = stored_view(tensor);
    return InterleavedProducts<float>(view.matrix, geometry.correlation()).scratch() *
           static_cast<std::int64_t>(sizeof(float));
  };
  const ConvolutionAxis taps{31, 1, 1, 15, 15, 0}, strided{31, 3, 2, 30, 30, 0}, many{5001, 1, 1, 2500, 2500, 0};
  constexpr std::int64_t kBand = std::int64_t{3} << 17;
  EXPECT_LE(scratch(depthwise(8, {taps}), {1000000}), 2 * kBand);
  EXPECT_LE(scratch(depthwise(8, {strided}), {1000000}), 2 * kBand);
  // A band has less than four times the kernel's reach of rows, x's box two reaches more, and
  // y's box a reach more in front: thirteen in all, of rows that are two reaches wider than the image.
  EXPECT_LE(scratch(depthwise(8, {many}), {1000000}), 64 * 13 * 5001);
  EXPECT_LE(scratch(depthwise(8, {taps, taps}), {2000, 224}), 64 * 13 * 31 * (224 + 2 * 31));
}

TEST(Convolution, OfManyPiecesMayBeDepthwise) {
  const ConvolutionAxis three{3, 1, 1, 1, 1, 0}, five{5, 2, 1, 2, 2, 0};
  check_a_large_layer<float>(depthwise(70, {three, three}), {14, 14});
  check_a_large_layer<double>(depthwise(70, {three, three}), {19, 33});
  check_a_large_layer<float>(depthwise(34, {five, five}), {90, 110});
  check_a_large_layer<double>(depthwise(20, {five, three}, PaddingMode::Reflect), {61, 50});
  check_a_large_layer<float>(depthwise(8, {{400, 3, 1, 200, 100, 0}}), {9001});
}

// Each image of a block has the same bits as alone.
TEST(Convolution, TreatsEachImageOfABlockAlike) {
  const ConvolutionLayer layer = two_axes(5, 6, {3, 2, 1, 1, 1, 0});
  const ConvolutionGeometry geometry(layer, {7, 7});
  const Operator<float> a =
      convolution<float>(Tensor::rounded(gallery::normal(5 * 6 * 9, 1), {6, 5, 3, 3}, DType::f32), geometry);
  constexpr std::int64_t kImages = 70;  // several chunks
  Context context(2);
  Matrix<float> x(a->shape().columns, kImages), z(a->shape().columns, kImages), one(a->shape().columns, 1);
  std::ranges::transform(gallery::normal(x.rows() * kImages, 2), x.values().begin(),
                         [](double value) { return static_cast<float>(value); });
  a->apply_gram(x.view(), z.view(), context);
  for (std::int64_t j = 0; j < kImages; ++j) {
    a->apply_gram(std::as_const(x).view().column_range(j, 1), one.view(), context);
    EXPECT_TRUE(std::ranges::equal(one.column(0), z.column(j))) << j;
  }
}

// A non-finite entry of the image reaches the outputs that it is a term of, and no other.
TEST(Convolution, KeepsANonFiniteEntryWhereItBelongs) {
  const ConvolutionGeometry geometry(two_axes(2, 3, {3, 1, 1, 1, 1, 0}), {6, 7});
  const Correlation& c = geometry.correlation();
  const Operator<double> a = convolution<double>(Tensor::copy_of(std::vector<double>(54, 1.0), {3, 2, 3, 3}), geometry);
  Context context(1);
  const Matrix<double> dense = materialize(*a, context);
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{6}, std::int64_t{20}, c.columns() - 1}) {
    std::vector<double> x(static_cast<std::size_t>(c.columns()), 1.0);
    std::vector<double> y(static_cast<std::size_t>(c.rows()));
    x[static_cast<std::size_t>(bad)] = std::numeric_limits<double>::infinity();
    a->apply(x, y, context);
    for (std::int64_t i = 0; i < c.rows(); ++i) {
      EXPECT_EQ(std::isinf(y[static_cast<std::size_t>(i)]), dense(i, bad) != 0) << bad << ' ' << i;
    }
  }
}

TEST(Convolution, RefusesImagesThatNoMemoryHolds) {
  const ConvolutionAxis axis{1, 1, 1, 0, 0, 0};
  const std::int64_t large = std::int64_t{1} << 33;
  const ConvolutionGeometry geometry({1, 1, 1, PaddingMode::Zeros, false, {axis}}, {large});
  EXPECT_NE(refusal(Tensor::copy_of(std::vector<float>(1), {1, 1, 1}), geometry).find("at most 2^31 entries"),
            std::string::npos);
}

}  // namespace
}  // namespace sigmax
