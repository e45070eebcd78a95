// Layers whose norm is that of a convolution: the same steps as on the dense matrix, its gradient, and refusals.
#include <gtest/gtest.h>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "nn/samples.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/nn/normalize_layers.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {
namespace {

// A convolution layer in memory, with its state and a gradient of its output.
template <Real T>
struct Case {
  Case(ConvolutionLayer layer, std::vector<std::int64_t> size, DType dtype)
      : geometry(std::move(layer), std::move(size)),
        shape(geometry.layer().kernel_shape()),
        kernel(dtype, shape, geometry.transposed() ? 1 : 0, 31),
        normalized(kernel),
        grad(dtype, shape, geometry.transposed() ? 1 : 0, 32),
        grad_weight(grad),
        map(map_of(kernel)),
        u(unit_vector<T>(map->shape().rows, 1)),
        v(unit_vector<T>(map->shape().columns, 2)) {}

  Operator<T> map_of(const Sample& of) const {
    return convolution<T>(Tensor::copy_of(std::span<const double>(of.values()), shape), geometry);
  }

  Layer<T> layer(const Rule& rule, const StepOptions& options) {
    return {.weight = kernel.weight(),
            .map = map,
            .u = u,
            .v = v,
            .normalized = normalized.output(),
            .rule = rule,
            .options = options};
  }
  LayerGradient<T> gradient(const Factor& f) {
    return {.weight = kernel.weight(),
            .map = map,
            .u = u,
            .v = v,
            .f = f,
            .grad_output = grad.weight(),
            .grad_weight = grad_weight.output()};
  }

  ConvolutionGeometry geometry;
  Dimensions shape;
  Sample kernel, normalized, grad, grad_weight;
  Operator<T> map;
  std::vector<T> u, v;
};

ConvolutionLayer plain(std::int64_t in, std::int64_t out, ConvolutionAxis axis, int axes = 2) {
  return {.in_channels = in,
          .out_channels = out,
          .axes = std::vector<ConvolutionAxis>(static_cast<std::size_t>(axes), axis)};
}

template <Real T>
std::vector<Case<T>> cases(DType dtype) {
  ConvolutionLayer grouped = plain(4, 6, {.kernel = 3, .stride = 2, .pad_low = 1, .pad_high = 1});
  grouped.groups = 2;
  ConvolutionLayer back = plain(3, 2, {.kernel = 3, .stride = 2, .pad_low = 1, .pad_high = 1, .output_padding = 1});
  back.transposed = true;
  ConvolutionLayer round = plain(2, 3, {.kernel = 3, .dilation = 2, .pad_low = 2, .pad_high = 1}, 1);
  round.padding_mode = PaddingMode::Reflect;
  std::vector<Case<T>> all;
  all.emplace_back(plain(3, 4, {.kernel = 3, .pad_low = 1, .pad_high = 1}), std::vector<std::int64_t>{6, 5}, dtype);
  all.emplace_back(grouped, std::vector<std::int64_t>{7, 6}, dtype);
  all.emplace_back(back, std::vector<std::int64_t>{4, 3}, dtype);
  all.emplace_back(round, std::vector<std::int64_t>{9}, dtype);
  return all;
}

double largest(const LinearOperator<double>& a, Context& context) {
  SvdOptions<double> options;
  options.method = DenseLapack{};
  return svd(a, options, context).sigma.front();
}

TEST(NormalizeConvolution, TheScaledKernelsOperatorHasTheTargetNorm) {
  Context context(2);
  for (Case<double>& c : cases<double>(DType::f64)) {
    std::vector<Layer<double>> layers{
        c.layer({.target = 2.5}, {.iteration = Iteration::lanczos, .steps = 200, .tolerance = 1e-15})};
    normalize<double>(layers, context);
    const double sigma = largest(*c.map, context);
    const double stop = tolerance::of_estimate(1e-13);
    EXPECT_NEAR(layers[0].result.sigma, sigma, stop * sigma) << c.kernel.what();
    EXPECT_NEAR(largest(*c.map_of(c.normalized), context), 2.5, 2.5 * stop) << c.kernel.what();
  }
}

TEST(NormalizeConvolution, StepsAsOnTheDenseMatrix) {
  Context context(2);
  for (Case<double>& c : cases<double>(DType::f64)) {
    const Matrix<double> dense = materialize(*c.map, context);
    Vector80 u = in_80(c.u), v = in_80(c.v);
    const auto image = [&](const Vector80& x, bool adjoint) {
      Vector80 y(static_cast<std::size_t>(adjoint ? dense.columns() : dense.rows()));
      for (std::int64_t j = 0; j < dense.columns(); ++j) {
        for (std::int64_t i = 0; i < dense.rows(); ++i) {
          const auto to = static_cast<std::size_t>(adjoint ? j : i), from = static_cast<std::size_t>(adjoint ? i : j);
          y[to] += dense(i, j) * x[from];
        }
      }
      return y;
    };
    const auto unit = [](Vector80 x) {
      const Real80 length = norm_80(x);
      for (Real80& value : x) value /= length;
      return x;
    };
    Real80 sigma = 0;
    for (int k = 0; k < 3; ++k) {
      u = unit(image(v, false));
      const Vector80 x = image(u, true);
      sigma = norm_80(x);
      v = unit(x);
    }
    std::vector<Layer<double>> layers{c.layer({}, {.steps = 3})};
    normalize<double>(layers, context);
    const std::int64_t terms = 3 * 2 * (dense.rows() + dense.columns());
    // Each step divides the errors of the products, relative to |A|, by the length of the image.
    const double allowed =
        static_cast<double>(tolerance::gamma(terms)) * largest(*c.map, context) / static_cast<double>(sigma);
    EXPECT_NEAR(layers[0].result.sigma, static_cast<double>(sigma), allowed * static_cast<double>(sigma));
    for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(c.v[i], static_cast<double>(v[i]), allowed);
    for (std::size_t i = 0; i < u.size(); ++i) EXPECT_NEAR(c.u[i], static_cast<double>(u[i]), allowed);
  }
}

template <Real T>
void check_range(double scale) {
  Context context(2);
  constexpr DType kType = std::same_as<T, float> ? DType::f32 : DType::f64;
  for (const Iteration iteration : {Iteration::u_first, Iteration::v_first, Iteration::lanczos}) {
    std::vector<Case<T>> plain = cases<T>(kType), far = cases<T>(kType);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      Case<T>&near = plain[i], &wide = far[i];
      std::vector<double> values = near.kernel.values();
      for (double& value : values) value *= scale;
      wide.kernel = Sample(kType, wide.shape, wide.geometry.transposed() ? 1 : 0, values);
      wide.map = wide.map_of(wide.kernel);
      const StepOptions options{.iteration = iteration, .steps = 4, .epsilon = std::numeric_limits<T>::min()};
      std::vector<Layer<T>> layers{near.layer({}, options), wide.layer({}, options)};
      normalize<T>(layers, context);
      const double sigma = layers[0].result.sigma;
      const std::int64_t rows = near.map->shape().rows, columns = near.map->shape().columns;
      EXPECT_NEAR(layers[1].result.sigma / scale, sigma, tolerance::of_matrix_in<T>(rows, columns, sigma)) << scale;
      const std::vector<double> expected = near.normalized.values(), found = wide.normalized.values();
      for (std::size_t k = 0; k < found.size(); ++k) {
        EXPECT_NEAR(found[k], expected[k], tolerance::relative_in<T>(rows, columns)) << scale;
      }
    }
  }
}

TEST(NormalizeConvolution, HoldsOverTheRangeOfTheType) {
  for (const double scale : {0x1p+120, 0x1p+60, 0x1p-60, 0x1p-90}) check_range<float>(scale);
  for (const double scale : {0x1p+1000, 0x1p+500, 0x1p-500, 0x1p-900}) check_range<double>(scale);
}

TEST(NormalizeConvolution, TheGradientAgreesWithCentralDifferences) {
  Context context(1);
  for (const Rule& rule : {Rule{}, Rule{Rule::Kind::at_most, 0.25, -1.5}, Rule{Rule::Kind::at_most, 1e6, 1}}) {
    for (Case<double>& c : cases<double>(DType::f64)) {
      std::vector<Layer<double>> layers{c.layer(rule, {.steps = 2})};
      normalize<double>(layers, context);
      std::vector<LayerGradient<double>> gradients{c.gradient(layers[0].f)};
      normalize_vjp<double>(gradients, context);
      const std::vector<double> weights = c.kernel.values(), g = c.grad.values(), found = c.grad_weight.values();
      // L = <G, f(u^T A(W) v) W>, quadratic in W over a linear function of it: central differences with a step of h
      // leave h^2 times a third derivative, some |G| |W| / sigma^3 |u v^T|^3 of the kernel's size.
      const auto loss = [&](const std::vector<double>& at) {
        const auto map = convolution<double>(Tensor::copy_of(std::span<const double>(at), c.shape), c.geometry);
        std::vector<double> image(static_cast<std::size_t>(map->shape().rows));
        map->apply(MatrixView<const double>(std::span<const double>(c.v)), MatrixView<double>(std::span<double>(image)),
                   context);
        long double sigma = 0, inner = 0;
        for (std::size_t i = 0; i < image.size(); ++i) sigma += static_cast<long double>(c.u[i]) * image[i];
        for (std::size_t i = 0; i < at.size(); ++i) inner += static_cast<long double>(g[i]) * at[i];
        return static_cast<double>(inner) * factor(rule, static_cast<double>(sigma)).value;
      };
      double scale = 0;
      for (std::size_t i = 0; i < g.size(); ++i) scale += std::fabs(g[i] * weights[i]);
      const double h = 1e-5;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        std::vector<double> after = weights, before = weights;
        after[i] += h;
        before[i] -= h;
        EXPECT_NEAR(found[i], (loss(after) - loss(before)) / (2 * h), tolerance::kFiniteDifference * (1 + scale))
            << c.kernel.what() << " entry " << i;
      }
    }
  }
}

TEST(NormalizeConvolution, EveryStorageTypeGivesTheGradientOfDouble) {
  Context context(2);
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    std::vector<Case<float>> single = cases<float>(dtype);
    for (Case<float>& c : single) {
      std::vector<Layer<float>> layers{c.layer({}, {.steps = 1})};
      normalize<float>(layers, context);
      std::vector<LayerGradient<float>> gradients{c.gradient(layers[0].f)};
      normalize_vjp<float>(gradients, context);
      // In double, from the same state.
      const Operator<double> map =
          convolution<double>(Tensor::copy_of(std::span<const double>(c.kernel.values()), c.shape), c.geometry);
      const std::vector<double> u(c.u.begin(), c.u.end()), v(c.v.begin(), c.v.end());
      std::vector<double> slope(c.kernel.values().size());
      const double one = 1;
      map->pull_back({MatrixView<const double>(std::span<const double>(u)),
                      MatrixView<const double>(std::span<const double>(v)), std::span<const double>(&one, 1)},
                     std::span<double>(slope), context);
      const std::vector<double> w = c.kernel.values(), g = c.grad.values(), found = c.grad_weight.values();
      double p = 0, size = 0;
      for (std::size_t i = 0; i < w.size(); ++i) p += g[i] * w[i], size += std::fabs(g[i] * w[i]);
      const Factor f = layers[0].f;
      for (std::size_t i = 0; i < w.size(); ++i) {
        const double wanted = f.value * g[i] + f.first * p * slope[i];
        const double terms = std::fabs(f.value * g[i]) + std::fabs(f.first) * size * std::fabs(slope[i]);
        EXPECT_NEAR(found[i], wanted,
                    terms * static_cast<double>(tolerance::gamma_in<float>(8)) +
                        1.01 * unit_roundoff(dtype) * std::fabs(wanted) + 0x1p-24)
            << c.kernel.what() << " entry " << i;
      }
    }
  }
}

TEST(NormalizeConvolution, GivesTheSameBitsForAnyNumberOfThreadsAmongOtherLayers) {
  std::vector<std::vector<double>> seen;
  for (const int threads : {1, 2, 3}) {
    Context context(threads);
    std::vector<Case<float>> all = cases<float>(DType::f32);
    Sample matrix(DType::f32, {40, 30}, 0, 5);
    std::vector<float> u = unit_vector<float>(40, 1), v = unit_vector<float>(30, 2);
    std::vector<Layer<float>> layers{{.weight = matrix.weight(), .u = u, .v = v}};
    for (Case<float>& c : all) layers.push_back(c.layer({}, {.steps = 2}));
    normalize<float>(layers, context);
    std::vector<double> found;
    for (const Layer<float>& layer : layers) {
      found.push_back(layer.result.sigma);
      found.insert(found.end(), layer.v.begin(), layer.v.end());
    }
    seen.push_back(found);
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
}

TEST(NormalizeConvolution, RefusesWhatDoesNotFit) {
  Context context(1);
  std::vector<Case<double>> all = cases<double>(DType::f64);
  Case<double>& c = all[0];
  Layer<double> layer = c.layer({}, {});
  layer.u = std::span<double>(c.u).first(3);
  EXPECT_THROW(normalize<double>(std::span<Layer<double>>(&layer, 1), context), Error);
  EXPECT_THROW(block_layers(c.layer({}, {}), {.row_blocks = 2}), Error);
  LayerGradient<double> gradient = c.gradient({1, -1});
  gradient.map = all[1].map;
  EXPECT_THROW(normalize_vjp<double>(std::span<LayerGradient<double>>(&gradient, 1), context), Error);
}

}  // namespace
}  // namespace sigmax::nn
