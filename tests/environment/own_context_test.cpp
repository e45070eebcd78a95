// The functions of sigmax/sigmax.hpp without a context: each makes its own, and returns the bits that it would return
// with any other.
#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "environment/entry_functions.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/sigmax.hpp"
#include "support/graphs.hpp"

namespace sigmax {
namespace {

const Tensor kMatrix = Tensor::rounded(gallery::normal(300, 4), {20, 15}, DType::f64);
const Tensor kStack = Tensor::rounded(gallery::normal(360, 6), {3, 12, 10}, DType::f64);

const Tensor kSquare = Tensor::rounded(gallery::normal(144, 9), {12, 12}, DType::f64);
const Values kVector = vector_of<double>(20);
const std::span<const double> kRight(kVector);

// `call` takes a context or nothing, and passes on what it takes.
void expect_same_bits(const auto& call) {
  Context one(1);
  const Values own = call(), given = call(one);
  EXPECT_EQ(own, given);
  EXPECT_FALSE(own.empty());
}

TEST(OwnContext, NormsHaveTheSameBits) {
  Context one(1);
  const norms::Norm which = norms::KyFan{2};
  const auto options = repeatable<norms::NormOptions>();
  const Operator<double> a = dense<double>(kMatrix);
  EXPECT_EQ(norms::norm(kMatrix, which).value, norms::norm(kMatrix, which, one).value);
  EXPECT_EQ(norms::norm(kMatrix, which, options).value, norms::norm(kMatrix, which, options, one).value);
  EXPECT_EQ(norms::norm(*a, which, options).value, norms::norm(*a, which, options, one).value);
  const std::vector<Tensor> blocks{kStack.slice(0), kStack.slice(1)};
  EXPECT_EQ(norms::norm_of_blocks(blocks, which).value, norms::norm_of_blocks(blocks, which, one).value);
  EXPECT_EQ(norms::norm_of_blocks(blocks, which, options).value,
            norms::norm_of_blocks(blocks, which, options, one).value);
}

TEST(OwnContext, SpecialNormsHaveTheSameBits) {
  const auto options = repeatable<norms::NormOptions>();
  const Operator<double> a = dense<double>(kMatrix), square = dense<double>(kSquare);
  const norms::Norm which = norms::Schatten{3};
  const norms::Gauge gauge{"sigma_1", [](std::span<const double> sigma) { return sigma[0]; }};
  const std::vector<Tensor> blocks{kStack.slice(0), kStack.slice(1)};
  expect_same_bits([&](auto&... context) {
    Values values(Result(
        norms::dual_norm(kMatrix, which, options, context...).value,
        norms::dual_norm(*a, which, options, context...).value,
        norms::gauge_norm(kMatrix, gauge, options, context...).value,
        norms::gauge_norm(*a, gauge, options, context...).value,
        norms::whole_spectrum(kMatrix, options, context...).sigma, norms::whole_spectrum(*a, options, context...).sigma,
        norms::mean_gain(kMatrix, options, context...).value, norms::mean_gain(*a, options, context...).value,
        norms::numerical_radius(kSquare, options, context...).value,
        norms::numerical_radius(*square, options, context...).value,
        norms::numerical_radius_point(kSquare, context...).re, norms::numerical_radius_point(*square, context...).re));
    for (const norms::NamedResult& one : norms::all_norms(blocks, options, context...)) {
      values.push_back(one.result.value);
    }
    return values;
  });
  const auto induced = repeatable<norms::InducedOptions>();
  const auto fan = repeatable<norms::FanOptions>();
  expect_same_bits([&](auto&... context) {
    const norms::Majorization ordered = norms::fan_dominated(kSquare, kMatrix, fan, context...);
    const norms::Majorization of_operators = norms::fan_dominated(*square, *a, fan, context...);
    return Values(Result(norms::induced_norm(*a, 3, 1.5, induced, context...).enclosure,
                         static_cast<double>(ordered.verdict), static_cast<double>(ordered.k),
                         static_cast<double>(of_operators.verdict), static_cast<double>(of_operators.k)));
  });
}

TEST(OwnContext, MatrixMapsHaveTheSameBits) {
  const auto halved = [](std::span<const double> sigma) {
    Values values(sigma.begin(), sigma.end());
    for (double& value : values) value /= 2;
    return values;
  };
  expect_same_bits([&](auto&... context) {
    return Values(Result(norms::proximal(kMatrix, norms::Nuclear{}, 0.7, context...),
                         norms::project(kMatrix, norms::Spectral{}, 1, context...),
                         norms::mapped_values(kMatrix, halved, context...),
                         materialize(*dense<double>(kMatrix), context...)));
  });
}

TEST(OwnContext, BoundsHaveTheSameBits) {
  const auto options = repeatable<CertifyOptions>();
  const std::vector<std::int64_t> rows{0, 1, 2, 3}, columns{2, 0, 1, 2};
  const SparseMatrix sparse({4, 3}, rows, columns, kRight.first(4));
  const ConvolutionLayer layer{3, 2, 1, PaddingMode::Circular, false, {{3, 1, 1, 1, 1, 0}}};
  const ConvolutionGeometry geometry(layer, {6});
  const Tensor kernel = Tensor::copy_of(kRight.first(18), layer.kernel_shape());
  const Operator<double> a = dense<double>(kMatrix);
  const auto request = repeatable<SvdOptions<double>>();
  const SvdResult<double> hint = svd(*a, request);
  expect_same_bits([&](auto&... context) {
    Values values(Result(sigma_max(sparse, options, context...), certify(*a, hint, options, context...)));
    const ClippedConvolution clipped = clip_circular(kernel, geometry, 0.1, 0.5, context...);
    const auto* weights = reinterpret_cast<const double*>(clipped.kernel.data());
    values.insert(values.end(), weights, weights + clipped.kernel.size());
    for (const Enclosure& one : certify_values(*a, hint, Which::largest, options, context...).sigma) {
      values.push_back(one.lower.value());
    }
    const CertifiedSvd<double> both = certified_svd(*a, request, options, context...);
    values.insert(values.end(), both.triplets.sigma.begin(), both.triplets.sigma.end());
    return values;
  });
}

TEST(OwnContext, ConditionsHaveTheSameBits) {
  auto options = repeatable<sensitivity::EstimateOptions>();
  options.condition.certify.random = options.random;
  const Operator<double> a = dense<double>(kSquare);
  const norms::Norm inf = norms::RowSum{};
  const sensitivity::Estimator hager = sensitivity::HagerHigham{};
  expect_same_bits([&](auto&... context) {
    const sensitivity::ConditionOptions& condition = options.condition;
    return Values(Result(sensitivity::condition(kSquare, 3, 1.5, condition, context...).number,
                         sensitivity::condition(*a, inf, condition, context...).number,
                         sensitivity::condition(*a, condition, context...).number,
                         sensitivity::estimate_condition(kSquare, inf, hager, options, context...).number.value(),
                         sensitivity::estimate_condition(*a, inf, hager, options, context...).number.value(),
                         sensitivity::nearest_singular(kSquare, inf, condition, context...).x,
                         sensitivity::nearest_singular(kSquare, 3, 1.5, condition, context...).x,
                         sensitivity::nearest_singular(*a, norms::Spectral{}, condition, context...).x));
  });
}

TEST(OwnContext, LinearSystemsHaveTheSameBits) {
  const auto options = repeatable<CertifyOptions>();
  const Operator<double> square = dense<double>(kSquare), tall = dense<double>(kMatrix);
  const auto b = kRight.first(12), x = kRight.last(12), of_tall = kRight.first(15);
  expect_same_bits([&](auto&... context) {
    const sensitivity::Tikhonov tikhonov(kMatrix, kRight, context...);
    const sensitivity::Tikhonov of_operator(*tall, kRight, 5, context...);
    const auto to_tolerance = sensitivity::tikhonov_to_tolerance(*tall, kRight, 0.5, 1e-8, 15, context...);
    return Values(
        Result(sensitivity::backward_errors(kSquare, x, b, options, context...).normwise,
               sensitivity::backward_error(*square, x, b, context...),
               sensitivity::solution_error(kSquare, x, b, context...)->two_norm.value(),
               sensitivity::solution_error(*square, x, b, options, context...),
               sensitivity::skeel(kSquare, x, context...)->of_matrix,
               sensitivity::least_squares_backward_error(kMatrix, of_tall, kRight, options, context...).optimal,
               sensitivity::least_squares_backward_error(kMatrix, of_tall, kRight, 0.5, options, context...).optimal,
               sensitivity::least_squares_condition(kMatrix, kRight, context...).kappa, tikhonov.solve(0.5).x,
               of_operator.solve(0.5).x, to_tolerance.solve(0.5).x));
  });
}

TEST(OwnContext, NonNormalityAndPerturbationsHaveTheSameBits) {
  const auto options = repeatable<CertifyOptions>();
  const Operator<double> a = dense<double>(kMatrix);
  const Operator<double> e = dense<double>(Tensor::rounded(gallery::normal(300, 8), {20, 15}, DType::f64));
  const Tensor unit = Tensor::rounded(
      [] {
        Values values(144);
        for (std::size_t i = 0; i < 12; ++i) values[13 * i] = 1;
        return values;
      }(),
      {12, 12}, DType::f64);
  expect_same_bits([&](auto&... context) {
    Values values(Result(sensitivity::departure_from_normality(kSquare, context...).enclosure,
                         sensitivity::eigenvalue_disks(kSquare, context...).condition,
                         sensitivity::pseudospectral_radius(kSquare, 0.1, context...).value,
                         sensitivity::kreiss_constant(kSquare, context...).lower.value(),
                         sensitivity::power_bound(kSquare, 8, context...).constant->value(),
                         sensitivity::power_bound(kSquare, unit, 30, context...).constant->value(),
                         sensitivity::non_normality(kSquare, context...).numerical_radius,
                         sensitivity::size_of(*e, options, context...).spectral));
    for (const Enclosure& one : sensitivity::perturbed_values(*a, *e, 2, options, context...)) {
      values.push_back(one.lower.value());
    }
    return values;
  });
}

TEST(OwnContext, GradientsOfNormsHaveTheSameBits) {
  Context one(1);
  const auto options = repeatable<grad::NormVjpOptions>();
  const Operator<double> a = dense<double>(kMatrix);
  std::vector<double> own(300), given(300);
  grad::norm_vjp<double>(kMatrix, norms::Spectral{}, options, own);
  grad::norm_vjp<double>(kMatrix, norms::Spectral{}, options, given, one);
  EXPECT_EQ(own, given);
  grad::norm_vjp<double>(*a, norms::Schatten{3}, options, own);
  grad::norm_vjp<double>(*a, norms::Schatten{3}, options, given, one);
  EXPECT_EQ(own, given);
  nn::regularize<double>(kMatrix, nn::penalty::Orthogonality{}, options, own);
  nn::regularize<double>(kMatrix, nn::penalty::Orthogonality{}, options, given, one);
  EXPECT_EQ(own, given);
  const norms::Gauge gauge{"sigma_1", [](std::span<const double> sigma) { return sigma[0]; }};
  const grad::GaugeSubgradient first = [](std::span<const double> sigma) {
    Values weights(sigma.size());
    weights[0] = 1;
    return weights;
  };
  grad::gauge_vjp<double>(kMatrix, gauge, first, options, own);
  grad::gauge_vjp<double>(kMatrix, gauge, first, options, given, one);
  EXPECT_EQ(own, given);
  const norms::Norm which = norms::Schatten{3};
  EXPECT_EQ(grad::norm_cotangent(*a, which, options).norm.value,
            grad::norm_cotangent(*a, which, options, one).norm.value);
  EXPECT_EQ(grad::gauge_cotangent(*a, gauge, first, options).norm.value,
            grad::gauge_cotangent(*a, gauge, first, options, one).norm.value);
}

TEST(OwnContext, GradientsOfConvolutionsHaveTheSameBits) {
  Context one(1);
  const ConvolutionLayer layer{5, 4, 1, PaddingMode::Zeros, false, {{3, 1, 1, 1, 1, 0}, {5, 2, 1, 0, 0, 0}}};
  const Tensor kernel = kMatrix.reshaped(layer.kernel_shape());
  std::vector<double> own(300), given(300);
  grad::convolution_norm_vjp<double>(kernel, layer, {}, own);
  grad::convolution_norm_vjp<double>(kernel, layer, {}, given, one);
  EXPECT_EQ(own, given);
  const auto options = repeatable<nn::ConvolutionRegularizeOptions>();
  const std::vector<nn::ConvolutionWeight<double>> first{{kernel, layer, {{6, 7}}, own}};
  const std::vector<nn::ConvolutionWeight<double>> second{{kernel, layer, {{6, 7}}, given}};
  nn::regularize_convolutions<double>(first, nn::penalty::OperatorNorm{}, options);
  nn::regularize_convolutions<double>(second, nn::penalty::OperatorNorm{}, options, one);
  EXPECT_EQ(own, given);
  nn::regularize_convolution<double>(first[0], nn::penalty::OperatorNorm{}, options);
  nn::regularize_convolution<double>(second[0], nn::penalty::OperatorNorm{}, options, one);
  EXPECT_EQ(own, given);
}

TEST(OwnContext, ProximalMapsHaveTheSameBits) {
  Context one(1);
  const auto options = repeatable<nn::ProximalOptions>();
  std::vector<double> own(300), given(300);
  nn::proximal<double>(kMatrix, nn::penalty::Nuclear{}, 0.7, options, own);
  nn::proximal<double>(kMatrix, nn::penalty::Nuclear{}, 0.7, options, given, one);
  EXPECT_EQ(own, given);
  nn::project<double>(kMatrix, nn::ball::Spectral{1}, options, own);
  nn::project<double>(kMatrix, nn::ball::Spectral{1}, options, given, one);
  EXPECT_EQ(own, given);
}

TEST(OwnContext, TripletsAndTheirDerivativesHaveTheSameBits) {
  Context one(1);
  const Operator<double> a = dense<double>(kMatrix);
  auto request = repeatable<SvdOptions<double>>();
  request.k = 2;
  request.accuracy = Accuracy::vectors;
  const SvdResult<double> top = svd(*a, request, one);
  EXPECT_EQ(svd(*a, request).sigma, top.sigma);
  const Operator<double> direction = dense<double>(Tensor::rounded(gallery::normal(300, 8), {20, 15}, DType::f64));
  EXPECT_EQ(svd_jvp(*a, top, *direction).sigma, svd_jvp(*a, top, *direction, {}, one).sigma);
  SvdTangent<double> tangent{Matrix<double>(20, 2), Matrix<double>(15, 2)};
  direction->apply(top.v.view(), tangent.image.view(), one);
  direction->apply_adjoint(top.u.view(), tangent.adjoint_image.view(), one);
  EXPECT_EQ(svd_jvp(*a, top, tangent).sigma, svd_jvp(*a, top, tangent, {}, one).sigma);
  SvdCotangent<double> cotangent;
  cotangent.sigma = {1, 0.5};
  std::vector<double> own(300), given(300);
  svd_vjp_into<double>(*a, top, cotangent, {}, own);
  svd_vjp_into<double>(*a, top, cotangent, {}, given, one);
  EXPECT_EQ(own, given);
}

TEST(OwnContext, BatchesHaveTheSameBits) {
  Context one(1);
  const auto options = repeatable<BatchOptions>();
  EXPECT_EQ(batched_svd(kStack, options).sigma, batched_svd(kStack, options, one).sigma);
  const std::vector<Tensor> matrices{kMatrix, kStack.slice(2)};
  EXPECT_EQ(batched_svd(matrices, options).sigma, batched_svd(matrices, options, one).sigma);
}

TEST(OwnContext, GraphsHaveTheSameBits) {
  using graph_support::Kind;
  const graph::Graph graph = graph_support::composition(4, 4, {Kind::affine, Kind::relu, Kind::softmax});
  const Values x = vector_of<double>(input_size(graph));
  const auto bounds_of = [](const std::vector<std::optional<UpperBound>>& all) {
    Values values;
    for (const auto& each : all) values.push_back(each->value());
    return values;
  };
  expect_same_bits([&](auto&... context) {
    const graph::Values values = evaluate(graph, x, context...);
    const Values y = outputs(graph, values);
    const std::vector<graph::Box> boxes = ranges(graph, graph::box_of(x), context...);
    Values all(Result(y, forward(graph, values, x, context...), reverse(graph, values, y, context...),
                      bend(graph, values, x, y, 0.25, context...), evaluate_with_errors(graph, x, context...).errors,
                      boxes.back()[0].least, range_of(graph, graph.nodes.size() - 1, boxes, context...)[0].greatest));
    Values image(y.size());
    Context one(1);
    jacobian(graph, x, context...)->apply(x, image, one);
    all.insert(all.end(), image.begin(), image.end());
    return all;
  });
  lipschitz::WalkOptions options;
  options.certify = repeatable<CertifyOptions>();
  auto quick = repeatable<lipschitz::LowerOptions>();
  quick.starts = 1;
  quick.steps = 3;
  const auto attack = repeatable<lipschitz::AttackOptions>();
  const lipschitz::Domain domain = lipschitz::Ball{x, 1};
  expect_same_bits([&](auto&... context) {
    const lipschitz::Lower lower = lower_bound(graph, domain, quick, context...);
    return Values(
        Result(lipschitz::walk(graph, domain, options, context...).bound->value(), lower.bound.value(),
               lipschitz::difference_quotient(graph, lower.x, x, lipschitz::VectorNorm::one, context...).value(),
               bounds_of(lipschitz::pair_bounds(graph, {{0, 1}}, domain, options, context...)),
               bounds_of(lipschitz::outputs_by_walk(graph, domain, options, context...)),
               lipschitz::attack(graph, x, 0, 0.5, attack, context...).value_or(Values()),
               lipschitz::puts_first(graph, x, 0, context...) == true ? 1.0 : 0.0));
  });
  lipschitz::CertifiedAccuracyOptions certifying;
  certifying.radii = {0.1};
  certifying.bound.walk = options;
  certifying.attack = attack;
  expect_same_bits([&](auto&... context) {
    lipschitz::NetworkBoundOptions how = certifying.bound;
    how.walk.known = lipschitz::known_norms(graph, options, context...);
    return Values(Result(bounds_of(lipschitz::margin_bounds(graph, {{0, 1}}, domain, how, context...)),
                         lipschitz::certified_accuracy(graph, {{x, 0}}, certifying, context...).inputs[0].radius));
  });
}

}  // namespace
}  // namespace sigmax
