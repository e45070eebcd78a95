// The public entry point: sigmax/sigmax.hpp alone, as a program includes it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/sigmax.hpp"

namespace sigmax {
namespace {

// [2 4 4; 4 2 -4] / 6 has orthogonal rows of length 1, so this matrix has the singular values 3 and 1.
const std::vector<double> kRows = {1, 2, 2, 2.0 / 3, 1.0 / 3, -2.0 / 3};

template <class Action>
std::string refused(Action action) {
  try {
    static_cast<void>(action());
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// Whether both ends are proven, contain the value, and are no further apart than the width at which the search stops.
testing::AssertionResult encloses(const Enclosure& found, double value) {
  if (!found.is_proven()) return testing::AssertionFailure() << "not proven";
  const double slack = SvdOptions<double>{}.tolerance * value;
  const bool holds = found.lower.value() <= value + slack && found.upper->value() >= value - slack &&
                     found.upper->value() - found.lower.value() <= slack;
  if (holds) return testing::AssertionSuccess();
  return testing::AssertionFailure() << found.lower.value() << " ... " << found.upper->value() << " for " << value;
}

TEST(SigmaMax, IsOneCallForAnOperatorATensorAndMemoryOfOnesOwn) {
  const Tensor tensor = Tensor::copy_of(kRows, {2, 3});
  const Operator<double> a = dense<double>(tensor);
  EXPECT_TRUE(encloses(sigma_max(*a), 3));
  EXPECT_TRUE(encloses(sigma_max(tensor), 3));
  EXPECT_TRUE(encloses(sigma_max(kRows, 2, 3), 3));
  EXPECT_TRUE(encloses(sigma_max(*(2.0 * a)), 6));
  EXPECT_TRUE(encloses(sigma_max(*(0.0 * a)), 0));
}

TEST(SigmaMax, ReadsFloatsAsTheyAre) {
  const std::vector<float> values = {3, 0, 0, 0, 2, 0};
  EXPECT_TRUE(encloses(sigma_max(values, 2, 3), 3));
  EXPECT_TRUE(encloses(sigma_max(std::span(values).last(3), 1, 3), 2));
  EXPECT_TRUE(encloses(sigma_max(*dense<float>(Tensor::view_of(values, {2, 3}))), 3));
}

TEST(SigmaMax, SeesMemoryThatHasChangedSinceBecauseItCopiesNothing) {
  std::vector<float> values = {3, 0, 0, 2};
  const Tensor view = Tensor::view_of(values, {2, 2});
  EXPECT_EQ(view.data(), reinterpret_cast<const std::byte*>(values.data()));
  EXPECT_TRUE(encloses(sigma_max(view), 3));
  values[3] = -7;
  EXPECT_TRUE(encloses(sigma_max(view), 7));
}

TEST(SigmaMax, ReadsColumnMajorMemoryAndOneWithGaps) {
  // The same matrix by columns, and by rows of four numbers, one of which is not part of it.
  const std::vector<double> columns = {1, 2.0 / 3, 2, 1.0 / 3, 2, -2.0 / 3};
  EXPECT_TRUE(encloses(sigma_max(Tensor::view_of(columns, {2, 3}, {1, 2})), 3));
  const std::vector<double> padded = {1, 2, 2, 1e9, 2.0 / 3, 1.0 / 3, -2.0 / 3};
  EXPECT_TRUE(encloses(sigma_max(Tensor::view_of(padded, {2, 3}, {4, 1})), 3));
}

TEST(SigmaMax, TakesTheOptionsOfCertify) {
  CertifyOptions options;
  options.method = CertifyMethod::probabilistic;
  options.failure_probability = 1e-6;
  Context context(1);
  std::vector<double> values(static_cast<std::size_t>(200 * 100));
  static_cast<void>(fill_normal(random_state(5), values));
  const Enclosure probable = sigma_max(values, 200, 100, options, context);
  ASSERT_TRUE(probable.upper);
  EXPECT_EQ(probable.upper->certainty(), Certainty::probabilistic);
  EXPECT_EQ(probable.failure_probability(), 1e-6);
  const Enclosure proven = sigma_max(values, 200, 100);
  EXPECT_TRUE(proven.is_proven());
  EXPECT_LE(proven.lower.value(), probable.upper->value());

  options = {};
  options.relative_width = 0.5;
  const Enclosure rough = sigma_max(values, 200, 100, options, context);
  EXPECT_TRUE(rough.is_proven());
  EXPECT_LE(rough.relative_width(), 0.5);
  EXPECT_LE(rough.lower.value(), proven.upper->value());
  EXPECT_GE(rough.upper->value(), proven.lower.value());
}

TEST(SigmaMax, OfAnOperatorKnownByItsProductsHasNoProof) {
  const Operator<double> a = dense<double>(Tensor::copy_of(kRows, {2, 3}));
  const Operator<double> opaque = function_operator<double>(
      {2, 3}, [a](auto in, auto out, Context& context) { a->apply(in, out, context); },
      [a](auto in, auto out, Context& context) { a->apply_adjoint(in, out, context); });
  const Enclosure found = sigma_max(*opaque);
  EXPECT_FALSE(found.is_proven());
  EXPECT_NEAR(found.lower.value(), 3, 3 * SvdOptions<double>{}.tolerance);
}

TEST(SigmaMax, RefusesWhatIsNotAMatrix) {
  const std::vector<double> five(5, 1.0);
  EXPECT_EQ(refused([&] { return sigma_max(five, 2, 3); }), "[tensor] 5 values do not fill shape [2, 3]");
  EXPECT_NE(refused([&] { return sigma_max(Tensor::view_of(five, {5})); }).find("2"), std::string::npos);
  EXPECT_NE(refused([&] { return sigma_max(std::span<const double>(), 0, 3); }), "nothing was thrown");
  const std::vector<double> broken = {1, std::numeric_limits<double>::quiet_NaN(), 3, 4};
  EXPECT_NE(refused([&] { return sigma_max(broken, 2, 2); }), "nothing was thrown");
  CertifyOptions options;
  options.relative_width = -1;
  EXPECT_NE(refused([&] { return sigma_max(kRows, 2, 3, options); }).find("relative_width"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
