// The functions of sigmax/sigmax.hpp without a context: each makes its own, and returns the bits that it would return
// with any other.
#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "environment/entry_functions.hpp"
#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/sigmax.hpp"

namespace sigmax {
namespace {

const Tensor kMatrix = Tensor::rounded(gallery::normal(300, 4), {20, 15}, DType::f64);
const Tensor kStack = Tensor::rounded(gallery::normal(360, 6), {3, 12, 10}, DType::f64);

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

}  // namespace
}  // namespace sigmax
