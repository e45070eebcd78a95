#include "sigmax/ops/low_rank.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gallery/stored.hpp"
#include "ops/counting_operator.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

Tensor filled(DType dtype, std::int64_t rows, std::int64_t columns, double value) {
  return Tensor::rounded(std::vector<double>(static_cast<std::size_t>(rows * columns), value), {rows, columns}, dtype);
}

TEST(LowRank, IsAScaledProductOfStoredMatrices) {
  const Tensor b = filled(DType::f32, 8, 2, 1);
  const Tensor a = filled(DType::bf16, 2, 5, 1);
  const auto outer = low_rank<double>(b, a, 0.25)->structure();
  const auto& scaled = std::get<structure::Scaled<double>>(outer);
  EXPECT_EQ(scaled.factor, 0.25);
  const auto inner = scaled.of->structure();
  const auto& product = std::get<structure::Product<double>>(inner);
  EXPECT_EQ(std::get<structure::Stored>(product.left->structure()).matrix->data, b.data());
  EXPECT_EQ(std::get<structure::Stored>(product.right->structure()).matrix->data, a.data());
  EXPECT_TRUE(std::holds_alternative<structure::Product<double>>(low_rank<double>(b, a)->structure()));
}

// One huge and one tiny factor with a moderate product: the squares of both are out of range. 16 x 2 and 2 x 16 have
// inner matrices on both sides, 3 x 2 and 2 x 3 on neither.
template <Real T>
void expect_in_range(DType dtype, double size) {
  for (const std::int64_t n : {16, 3}) {
    const auto nn = static_cast<double>(n);
    for (const double of_b : {size, 1 / size}) {
      const Operator<T> a = low_rank<T>(filled(dtype, n, 2, of_b), filled(dtype, 2, n, 1 / of_b), 0.5);
      const std::vector<T> x(static_cast<std::size_t>(n), 1);
      std::vector<T> y(x.size());
      std::vector<T> z(x.size());
      Context context(1);
      const double margin = tolerance::of_matrix<T>(n, n, nn * nn);
      a->apply_gram(x, z, context);
      for (const T value : z) EXPECT_NEAR(value, nn * nn, margin) << of_b;
      a->apply_gram(x, y, z, context);
      for (const T value : y) EXPECT_NEAR(value, nn, margin) << of_b;
      for (const T value : z) EXPECT_NEAR(value, nn * nn, margin) << of_b;
      a->apply_outer_gram(x, z, context);
      for (const T value : z) EXPECT_NEAR(value, nn * nn, margin) << of_b;
    }
  }
}

TEST(LowRank, StaysInRangeWhereOneFactorMakesUpForTheOther) {
  for (const double size : {1.0, 0x1p650, 0x1p990}) expect_in_range<double>(DType::f64, size);
  expect_in_range<double>(DType::f32, 0x1p100);
  expect_in_range<float>(DType::f32, 0x1p100);
}

TEST(LowRank, PassesNonFiniteEntriesOn) {
  std::vector<double> b(32, 1.0);
  b[5] = std::numeric_limits<double>::quiet_NaN();
  const auto a = low_rank<double>(Tensor::copy_of(b, {16, 2}), filled(DType::f64, 2, 16, 1));
  std::vector<double> z(16);
  Context context(1);
  a->apply_gram(std::vector<double>(16, 1.0), z, context);
  for (const double value : z) EXPECT_TRUE(std::isnan(value));
}

// This includes the inner matrices, which are formed with the threads of the context.
TEST(LowRank, HasTheSameBitsHoweverManyThreadsItWasMadeWith) {
  const std::int64_t n = 40000;
  const Tensor b = Tensor::copy_of(gallery::normal(n * 8, 1), {n, 8});
  const Tensor a = Tensor::copy_of(gallery::normal(8 * n, 2), {8, n});
  const std::vector<double> x = gallery::normal(n, 3);
  std::vector<double> first;
  for (const int threads : {1, 3}) {
    Context context(threads);
    const auto op = low_rank<double>(b, a, 0.1, context);
    std::vector<double> z(x.size());
    std::vector<double> w(x.size());
    op->apply_gram(x, z, context);
    op->apply_outer_gram(x, w, context);
    z.insert(z.end(), w.begin(), w.end());
    if (threads == 1) first = z;
    EXPECT_EQ(z, first);
  }
}

TEST(LowRank, RefusesFactorsThatDoNotFitAndSaysWhy) {
  const Tensor b = filled(DType::f32, 4, 2, 1);
  const Tensor a = filled(DType::f32, 3, 5, 1);
  const auto message = [](const Tensor& left, const Tensor& right, double scale = 1) {
    return message_of([&] { return low_rank<double>(left, right, scale); });
  };
  EXPECT_NE(message(b, a).find("[low_rank] B of 4x2 times A of 3x5"), std::string::npos) << message(b, a);
  EXPECT_NE(message(b.reshaped({8}), a).find("B has 2 dimensions, got shape [8]"), std::string::npos);
  EXPECT_NE(message(b, a.reshaped({1, 3, 5})).find("A has 2 dimensions, got shape [1, 3, 5]"), std::string::npos);
  EXPECT_NE(message(b, Tensor(DType::i8, {2, 1}, nullptr, nullptr)).find("A has the type i8"), std::string::npos);
  EXPECT_NE(message(b, b.reshaped({2, 4}), std::nan("")).find("got nan"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
