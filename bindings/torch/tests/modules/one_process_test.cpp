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

  // Rounding of a product of 90 terms and of a backward stable factorization: a few hundred unit roundoffs.
  static constexpr double kRounding = 512 * 2.2e-16;

  at::Tensor sigma_;
  at::Tensor matrix_;
};

TEST_F(OneProcess, LibTorchsOwnLinearAlgebraIsRight) {
  EXPECT_LE((at::linalg_svdvals(matrix_) - sigma_).abs().max().item<double>(), kRounding);
  const at::Tensor product = at::matmul(matrix_.t(), matrix_);
  const at::Tensor sums = (matrix_.unsqueeze(2) * matrix_.unsqueeze(1)).sum(0);
  EXPECT_LE((product - sums).abs().max().item<double>(), kRounding);
}

TEST_F(OneProcess, SigmaxSolversAreRight) {
  const auto a = sigmax::dense<double>(view_of(matrix_));
  sigmax::SvdOptions<double> options;
  options.k = 5;
  options.tolerance = 1e-14;
  for (const sigmax::Method& method : {sigmax::Method(sigmax::Auto{}), sigmax::Method(sigmax::DenseLapack{})}) {
    options.method = method;
    const auto found = sigmax::svd(*a, options);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(found.sigma[i], 1.0 / static_cast<double>(i + 1), 1e-12);
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
  EXPECT_LE(direct.lower.value(), 1 + kRounding);
  EXPECT_GE(direct.upper->value(), 1 - kRounding);
  EXPECT_LE(direct.relative_width(), 1e-9);
  const sigmax::torch::Certificate bound = sigmax::torch::certify(matrix_);
  EXPECT_EQ(bound.certainty, "proven");
  EXPECT_LE(bound.lower, 1 + kRounding);
  EXPECT_GE(bound.upper, 1 - kRounding);
}

}  // namespace
