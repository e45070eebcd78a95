// Values that leave the range of float inside an operator, or the range of double at its end.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/single_range.hpp"
#include "sigmax/svd/svd.hpp"
#include "support/opaque.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kBlock = 64;
constexpr std::int64_t kOrder = kBlock + 100;

// `value` in the leading block, all of it or its diagonal; `rest` on the diagonal below.
Operator<double> blocks(double value, bool full, double rest, DType dtype = DType::f64) {
  std::vector<double> values(kOrder * kOrder, 0.0);
  for (std::int64_t i = 0; i < kBlock; ++i) {
    for (std::int64_t j = 0; j < kBlock; ++j)
      values[static_cast<std::size_t>(i * kOrder + j)] = full || i == j ? value : 0;
  }
  for (std::int64_t i = kBlock; i < kOrder; ++i) values[static_cast<std::size_t>(i * (kOrder + 1))] = rest;
  return dense<double>(Tensor::rounded(values, {kOrder, kOrder}, dtype));
}

Operator<double> factor(double value) {
  return diagonal<double>(Tensor::copy_of(std::vector<double>(kOrder, value), {kOrder}));
}

// Each is 2^-21 times the ones of the leading block, of norm 2^-15, through intermediate numbers that float cannot
// represent, and 2^-16 on the diagonal below, which is all that float would see.
std::vector<std::pair<std::string, Operator<double>>> beyond_float() {
  const Operator<double> tiny = blocks(0x1p-151, true, 0);
  const Operator<double> big = blocks(0x1p65, false, 0x1p65);
  const Operator<double> rest = blocks(0, false, 0x1p-16);
  const double inexact = 0x1p65 * (1 - 0x1p-52);
  return {
      {"a product of three", big * (tiny * big) + rest},
      {"grouped the other way", (big * tiny) * big + rest},
      {"transposed", transposed(big * (tiny * big)) + rest},
      {"multiples of multiples", scaled<double>(inexact, transposed(scaled<double>(0x1p65, tiny))) + rest},
      {"a multiple of a product", scaled<double>(0x1p65, tiny * big) + rest},
      {"diagonals", factor(0x1p65) * (tiny * factor(0x1p65)) + rest},
      {"a stack within a product", (factor(0x1p65) * stack_columns<double>({tiny, rest})) *
                                           stack_rows<double>({factor(0x1p65), scaled<double>(0, factor(1))}) +
                                       rest},
      {"of negative powers", blocks(0x1p-75, false, 0) * (blocks(0x1p-75, false, 0) * blocks(0x1p129, true, 0)) + rest},
  };
}

TEST(Range, NoPartThatFloatCannotHoldIsLost) {
  Context context(1);
  for (const auto& [what, a] : beyond_float()) {
    EXPECT_FALSE(float_holds(*a, context)) << what;
    for (const double tolerance : {1e-4, 1e-8}) {
      SvdOptions<double> options;
      options.method = Lanczos{};
      options.tolerance = tolerance;
      const SvdResult<double> result = svd(*a, options, context);
      EXPECT_NEAR(result.sigma.front() / 0x1p-15, 1, tolerance::of_estimate(tolerance)) << what;
    }
  }
}

TEST(Range, OrdinaryOperatorsStillIterateInFloat) {
  Context context(1);
  const Operator<double> w = blocks(0.01, true, 0.5);
  const Operator<double> far = blocks(0x1p-160, true, 0);
  EXPECT_TRUE(float_holds(*w, context));
  EXPECT_TRUE(float_holds(*(w + far), context)) << "a term that float cannot hold is nothing compared with sigma_1";
  EXPECT_TRUE(float_holds(*(w * transposed(w) + w), context));
  EXPECT_TRUE(float_holds(*scaled<double>(0.3, w), context));
  EXPECT_TRUE(float_holds(*stack_rows<double>({w, 2.0 * w}), context));
  EXPECT_TRUE(float_holds(*(identity<double>(kOrder) + w), context));
  EXPECT_TRUE(float_holds(*(factor(1) * w), context));
  EXPECT_TRUE(float_holds(*kronecker({identity<double>(3), w}), context));
  EXPECT_FALSE(float_holds(*kronecker({far, w}), context));
  const Operator<double> hidden = std::make_shared<OpaqueOperator<double>>(w);
  EXPECT_TRUE(float_holds(*(hidden + w), context)) << "opaque, as a term";
  EXPECT_FALSE(float_holds(*(hidden * w), context)) << "opaque, in a product";
}

// sigma^2 leaves the range of float, at either end, while the products do not: every method notices.
TEST(Range, SquaresThatLeaveFloatAreScaled) {
  Context context(1);
  constexpr std::int64_t m = 30;
  constexpr std::int64_t n = 4;
  for (const int exponent : {-75, -65, -50, 55, 58, 60, 61, 62, 63, 64, 80, 100}) {
    std::vector<double> values(m * n, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::ldexp(i % 5 == 0 ? 1.0 : 1e-3 * (i % 7), exponent);
    const Tensor tensor = Tensor::rounded(values, {m, n}, DType::f32);
    const double truth = svd(*dense<double>(tensor), SvdOptions<double>{}, context).sigma.front();
    for (const Method& method : {Method{Lanczos{}}, Method{Lanczos{Lanczos::Form::bidiagonal}}, Method{BlockKrylov{}},
                                 Method{DenseLapack{}}, Method{PowerIteration{}}, Method{Randomized{}}}) {
      SvdOptions<float> options;
      options.method = method;
      options.tolerance = 1e-6;
      const SvdResult<float> result = svd(*dense<float>(tensor), options, context);
      EXPECT_NEAR(result.sigma.front() / truth, 1, tolerance::of_estimate(options.tolerance))
          << exponent << " " << name(method);
    }
  }
}

TEST(Range, AValueBeyondDoubleIsTheLargestDouble) {
  Context context(1);
  constexpr std::int64_t n = 40;
  std::vector<double> values(n * n);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 3 == 0 ? 1e308 : i % 3 == 1 ? 1e-308 : -1.5e308;
  const Operator<double> a = dense<double>(Tensor::copy_of(values, {n, n}));
  for (const Method& method :
       {Method{Lanczos{}}, Method{BlockKrylov{}}, Method{DenseLapack{}}, Method{PowerIteration{}}}) {
    SvdOptions<double> options;
    options.method = method;
    const SvdResult<double> result = svd(*a, options, context);
    EXPECT_EQ(result.sigma.front(), std::numeric_limits<double>::max()) << name(method);
    EXPECT_TRUE(std::isfinite(result.next.value_or(0))) << name(method);
    EXPECT_TRUE(std::isfinite(result.residual.front())) << name(method);
  }
}

}  // namespace
}  // namespace sigmax
