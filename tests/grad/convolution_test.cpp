// Gradients of norms with respect to a convolution's kernel, against differences and against the formula.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "gallery/convolutions.hpp"
#include "repeatable.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/check_norm.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

TEST(ConvolutionGradient, OfEveryNormAgreesWithDifferences) {
  std::mt19937_64 random(21);
  Context context(1);
  for (int i = 0; i < 12; ++i) {
    const gallery::DrawnConvolution drawn = gallery::drawn_convolution(random, 400);
    SCOPED_TRACE(describe(drawn.geometry.layer()));
    const grad::OperatorFamily family = [&](std::span<const double> theta) {
      return convolution<double>(Tensor::copy_of(theta, drawn.kernel.shape()), drawn.geometry);
    };
    // Generic kernels: at zeros that were drawn the norm may have a kink.
    const std::vector<double> theta = gallery::normal(drawn.kernel.size(), 100 + static_cast<std::uint64_t>(i));
    for (const norms::Norm& which :
         {norms::Norm(norms::Spectral{}), norms::Norm(norms::Nuclear{}), norms::Norm(norms::Frobenius{})}) {
      const grad::NormCheckResult result = grad::check_norm(family, theta, which, grad::CheckOptions{}, context);
      EXPECT_TRUE(result.holds) << i << ": " << grad::message(result.check.verdict);
    }
  }
}

// dsigma/dK[o, i, p] = sum_a u[o, a] x_padded[i, stride a + dilation p - pad_low].
TEST(ConvolutionGradient, OfSigmaIsTheCorrelationOfItsVectors) {
  std::mt19937_64 random(22);
  Context context(2);
  for (int i = 0; i < 50; ++i) {
    const gallery::DrawnConvolution drawn = gallery::drawn_convolution(random, 20000);
    SCOPED_TRACE(describe(drawn.geometry.layer()));
    const Operator<double> a = convolution<double>(drawn.kernel, drawn.geometry);
    const SvdResult<double> found = svd(*a, repeatable<SvdOptions<double>>(), context);
    std::vector<double> gradient(static_cast<std::size_t>(a->parameter_count()));
    const std::vector<double> weights{1};
    a->pull_back({found.u.view(), found.v.view(), weights}, gradient, context);
    const Correlation& c = drawn.geometry.correlation();
    const Matrix<double>& of_rows = drawn.geometry.transposed() ? found.v : found.u;
    const Matrix<double>& of_columns = drawn.geometry.transposed() ? found.u : found.v;
    const std::int64_t outputs = c.output_positions();
    for (std::int64_t e = 0; e < c.weights(); ++e) {
      const std::int64_t o = e / c.terms();
      const std::int64_t channel =
          o / (c.out_channels / c.groups) * (c.in_channels / c.groups) + e % c.terms() / c.taps();
      long double sum = 0;
      for (std::int64_t position = 0; position < outputs; ++position) {
        const std::int64_t j = input_of(c, position, e % c.taps());
        if (j == kPaddedZero) continue;
        sum += static_cast<long double>(of_rows(o * outputs + position, 0)) *
               of_columns(channel * c.input_positions() + j, 0);
      }
      // |u| |v| <= 1 for each of the copies of an entry.
      const auto copies = static_cast<long double>(c.copies());
      ASSERT_LE(std::fabs(gradient[static_cast<std::size_t>(e)] - sum), tolerance::gamma(outputs + 2) * copies) << e;
    }
  }
}

}  // namespace
}  // namespace sigmax
