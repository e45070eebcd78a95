// Many layers at once: the same bits as the functions for one layer, for any number of threads; and blocks.
#include "sigmax/nn/normalize_layers.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nn/samples.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {
namespace {

// A model: its weights, states, and space for the results.
struct Model {
  Model() {
    const std::vector<Layout> shapes = {{{30, 20}, 0},       {{1200, 1000}, 0},   {{1, 1}, 0},
                                        {{300, 400}, 0},     {{64, 32, 4, 4}, 1}, {{128, 784}, 0},
                                        {{64, 64, 3, 3}, 0}, {{16, 700}, 1},      {{1100, 1000}, 1}};
    for (const Layout& layout : shapes) {
      const auto seed = static_cast<std::uint64_t>(weights.size());
      weights.emplace_back(DType::f32, layout.shape, layout.dimension, seed);
      outputs.push_back(weights.back());
      gradients.emplace_back(DType::f32, layout.shape, layout.dimension, seed + 100);
      grad_weights.push_back(weights.back());
      u.push_back(unit_vector<float>(weights.back().rows(), seed));
      v.push_back(unit_vector<float>(weights.back().columns(), seed + 50));
    }
  }

  std::vector<Layer<float>> layers() {
    std::vector<Layer<float>> all;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      all.push_back({.weight = weights[i].weight(),
                     .u = u[i],
                     .v = v[i],
                     .normalized = outputs[i].output(),
                     .rule = {i % 2 == 0 ? Rule::Kind::divide : Rule::Kind::at_most, 1.5, 1},
                     .options = {.iteration = static_cast<Iteration>(i % 3), .steps = 1 + static_cast<int>(i % 2)}});
    }
    return all;
  }

  std::vector<LayerGradient<float>> layer_gradients(const std::vector<Layer<float>>& layers) {
    std::vector<LayerGradient<float>> all;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      all.push_back({.weight = weights[i].weight(),
                     .u = u[i],
                     .v = v[i],
                     .f = layers[i].f,
                     .grad_output = gradients[i].weight(),
                     .grad_weight = grad_weights[i].output()});
    }
    return all;
  }

  std::vector<Sample> weights, outputs, gradients, grad_weights;
  std::vector<std::vector<float>> u, v;
};

TEST(NormalizeLayers, GivesWhatALoopOverTheLayersGivesForAnyNumberOfThreads) {
  Model one_by_one;
  Context alone(1);
  std::vector<Layer<float>> expected = one_by_one.layers();
  for (Layer<float>& layer : expected) {
    layer.result = step<float>(layer.weight, layer.options, layer.u, layer.v, alone);
    layer.f = factor(layer.rule, layer.result.sigma);
    scale_weight(layer.weight, layer.f.value, layer.normalized, alone);
  }
  std::vector<LayerGradient<float>> expected_gradients = one_by_one.layer_gradients(expected);
  for (LayerGradient<float>& layer : expected_gradients) {
    layer.result = normalize_vjp<float>(layer.weight, layer.u, layer.v, layer.f, layer.grad_output, layer.always_inner,
                                        layer.grad_weight, alone);
  }
  for (const int threads : {1, 2, 3, 8}) {
    Context context(threads);
    Model model;
    std::vector<Layer<float>> layers = model.layers();
    normalize<float>(layers, context);
    std::vector<LayerGradient<float>> gradients = model.layer_gradients(layers);
    normalize_vjp<float>(gradients, context);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const std::string what = model.weights[i].what() + ", threads " + std::to_string(threads);
      EXPECT_EQ(layers[i].result.sigma, expected[i].result.sigma) << what;
      EXPECT_EQ(layers[i].f.value, expected[i].f.value) << what;
      EXPECT_EQ(model.u[i], one_by_one.u[i]) << what;
      EXPECT_EQ(model.v[i], one_by_one.v[i]) << what;
      EXPECT_EQ(model.outputs[i].values(), one_by_one.outputs[i].values()) << what;
      EXPECT_EQ(gradients[i].result.inner, expected_gradients[i].result.inner) << what;
      EXPECT_EQ(model.grad_weights[i].values(), one_by_one.grad_weights[i].values()) << what;
    }
  }
}

TEST(NormalizeLayers, WithoutAnOutputOnlyTheStateIsWritten) {
  Model model, reference;
  Context context(2);
  std::vector<Layer<float>> layers = model.layers(), wanted = reference.layers();
  for (Layer<float>& layer : layers) layer.normalized = {};
  normalize<float>(layers, context);
  normalize<float>(wanted, context);
  EXPECT_EQ(model.u, reference.u);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(layers[i].f.value, wanted[i].f.value);
    EXPECT_EQ(model.outputs[i].values(), model.weights[i].values());
  }
}

TEST(NormalizeLayers, NoLayersAreNoWork) {
  Context context(2);
  normalize<double>({}, context);
  normalize_vjp<double>({}, context);
}

// Each block as if it were a separate weight, copied out.
void check_blocks(const Layout& layout, const BlockGrid& grid) {
  Context context(1);
  const Sample sample(DType::f64, layout.shape, layout.dimension);
  Sample out = sample;
  const std::int64_t rows = sample.rows() / grid.row_blocks, columns = sample.columns() / grid.column_blocks;
  std::vector<double> u, v;
  for (std::int64_t b = 0; b < grid.count(); ++b) {
    const auto part_u = unit_vector<double>(rows, static_cast<std::uint64_t>(b));
    const auto part_v = unit_vector<double>(columns, static_cast<std::uint64_t>(b + 99));
    u.insert(u.end(), part_u.begin(), part_u.end());
    v.insert(v.end(), part_v.begin(), part_v.end());
  }
  std::vector<double> u2 = u, v2 = v;
  std::vector<Layer<double>> layers =
      block_layers<double>({.weight = sample.weight(), .u = u, .v = v, .normalized = out.output()}, grid);
  normalize<double>(layers, context);
  const Vector80 w = sample.matrix(), found = out.matrix();
  for (std::int64_t b = 0; b < grid.count(); ++b) {
    const std::int64_t i0 = b / grid.column_blocks * rows, j0 = b % grid.column_blocks * columns;
    Vector80 block;
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        block.push_back(w[static_cast<std::size_t>((i0 + i) * sample.columns() + j0 + j)]);
      }
    }
    const std::vector<double> start(v2.begin() + b * columns, v2.begin() + (b + 1) * columns);
    const Reference wanted =
        reference_steps(block, Vector80(static_cast<std::size_t>(rows)), in_80(start), Iteration::u_first, 1);
    const auto at = static_cast<std::size_t>(b);
    const double allowed = tolerance::of_matrix(rows, columns, static_cast<double>(norm_80(block) / wanted.sigma));
    EXPECT_NEAR(layers[at].result.sigma, static_cast<double>(wanted.sigma), allowed * layers[at].result.sigma);
    for (std::int64_t i = 0; i < rows; ++i) {
      EXPECT_NEAR(u[static_cast<std::size_t>(b * rows + i)], static_cast<double>(wanted.u[static_cast<std::size_t>(i)]),
                  allowed);
      for (std::int64_t j = 0; j < columns; ++j) {
        const auto entry = static_cast<std::size_t>((i0 + i) * sample.columns() + j0 + j);
        EXPECT_NEAR(static_cast<double>(found[entry]), static_cast<double>(w[entry] / wanted.sigma),
                    allowed * static_cast<double>(std::fabs(w[entry])));
      }
    }
  }
}

TEST(NormalizeLayers, BlocksAreWeightsOfTheirOwn) {
  check_blocks({{12, 7}, 0}, {4, 1});
  check_blocks({{6, 12}, 0}, {1, 3});
  check_blocks({{6, 12}, 0}, {2, 3});
  check_blocks({{4, 6, 3, 3}, 1}, {3, 1});
  check_blocks({{4, 6, 3, 3}, 1}, {2, 2});
  check_blocks({{8, 6}, 1}, {2, 4});
  check_blocks({{5, 4}, 0}, {1, 1});
}

TEST(NormalizeLayers, BlocksThatDoNotDivideAreRefused) {
  const Sample sample(DType::f64, {6, 4}, 0);
  std::vector<double> u(6), v(4);
  const Layer<double> layer{.weight = sample.weight(), .u = u, .v = v};
  EXPECT_THROW(block_layers<double>(layer, {4, 1}), Error);
  EXPECT_THROW(block_layers<double>(layer, {1, 3}), Error);
  EXPECT_THROW(block_layers<double>(layer, {0, 1}), Error);
  EXPECT_THROW(block_layers<double>(layer, {2, 1}), Error) << "v holds one block's part";
}

}  // namespace
}  // namespace sigmax::nn
