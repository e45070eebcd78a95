// A program that links both sigmax, with OpenBLAS, and LibTorch, which exports the BLAS and LAPACK of its MKL under the
// same names. Whichever library is bound, the results and the proofs are correct.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <tuple>

#include "bindings/torch/normalize.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "tests/tolerance.hpp"

namespace {

sigmax::Tensor view_of(const at::Tensor& matrix) {
  const auto owner = std::make_shared<at::Tensor>(matrix);
  return {sigmax::DType::f64, matrix.sizes().vec(), static_cast<const std::byte*>(owner->const_data_ptr()), owner};
}

class OneProcess : public testing::Test {
 protected:
  // Singular values 1, 1/2, 1/3, ... between random orthogonal matrices, made by LibTorch's LAPACK.
  void SetUp() override {
    at::manual_seed(3);
    const at::Tensor left = std::get<0>(at::linalg_qr(at::randn({150, 90}, at::kDouble)));
    const at::Tensor right = std::get<0>(at::linalg_qr(at::randn({90, 90}, at::kDouble)));
    sigma_ = at::arange(1, 91, at::kDouble).reciprocal();
    matrix_ = at::matmul(left * sigma_, right.t()).contiguous();
  }

  // Rounding of a product of 90 terms and of a backward stable factorization.
  const double rounding_ = sigmax::tolerance::of_matrix(150, 90, 1);

  at::Tensor sigma_;
  at::Tensor matrix_;
};

TEST_F(OneProcess, LibTorchsOwnLinearAlgebraIsRight) {
  EXPECT_LE((at::linalg_svdvals(matrix_) - sigma_).abs().max().item<double>(), rounding_);
  const at::Tensor product = at::matmul(matrix_.t(), matrix_);
  const at::Tensor sums = (matrix_.unsqueeze(2) * matrix_.unsqueeze(1)).sum(0);
  EXPECT_LE((product - sums).abs().max().item<double>(), rounding_);
}

TEST_F(OneProcess, SigmaxSolversAreRight) {
  const auto a = sigmax::dense<double>(view_of(matrix_));
  sigmax::SvdOptions<double> options;
  options.k = 5;
  options.tolerance = 1e-14;
  for (const sigmax::Method& method : {sigmax::Method(sigmax::Auto{}), sigmax::Method(sigmax::DenseLapack{})}) {
    options.method = method;
    const auto found = sigmax::svd(*a, options);
    const double allowed = rounding_ + sigmax::tolerance::of_estimate(options.tolerance);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(found.sigma[i], 1.0 / static_cast<double>(i + 1), allowed);
  }
}

TEST_F(OneProcess, ProofsHoldTheTrueValue) {
  const auto a = sigmax::dense<double>(view_of(matrix_));
  sigmax::CertifyOptions options;
  options.method = sigmax::CertifyMethod::proven;
  sigmax::Context context;
  const sigmax::Enclosure direct = sigmax::certify(*a, sigmax::svd(*a), options, context);
  ASSERT_TRUE(direct.upper.has_value());
  EXPECT_EQ(direct.upper->certainty(), sigmax::Certainty::proven);
  EXPECT_LE(direct.lower.value(), 1 + rounding_);
  EXPECT_GE(direct.upper->value(), 1 - rounding_);
  EXPECT_LE(direct.relative_width(), sigmax::tolerance::of_gram_proof(150, 90));
  const sigmax::torch::Certificate bound = sigmax::torch::certify(matrix_);
  EXPECT_EQ(bound.certainty, "proven");
  EXPECT_LE(bound.lower, 1 + rounding_);
  EXPECT_GE(bound.upper, 1 - rounding_);
}

}  // namespace
