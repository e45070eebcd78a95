// Power iteration on batches: each matrix as in power_steps().
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/batched/batched.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Order = PowerIteration::Order;

template <class T>
struct Vectors {
  Vectors(const Tensor& batch, std::uint64_t seed)
      : u(batch.shape()[1], batch.shape()[0]),
        v(batch.shape()[2], batch.shape()[0]),
        sigma(static_cast<std::size_t>(batch.shape()[0])) {
    static_cast<void>(random_unit_vectors(random_state(seed), u.view()));
    static_cast<void>(random_unit_vectors(random_state(seed, 1), v.view()));
  }
  Matrix<T> u;
  Matrix<T> v;
  std::vector<T> sigma;
};

template <class T>
void iterate(const Tensor& batch, Vectors<T>& x, const PowerOptions& options, Context& context) {
  batched_power_iteration<T>(batch, options, x.u.view(), x.v.view(), x.sigma, context);
}

template <class T>
void expect_as_one_by_one(const Tensor& batch, const PowerOptions& options, Context& context) {
  Vectors<T> all(batch, 3), single(batch, 3);
  iterate(batch, all, options, context);
  const std::int64_t rows = batch.shape()[1], columns = batch.shape()[2];
  const double unit = tolerance::relative(rows, columns) * tolerance::coarseness<T>();
  for (std::int64_t i = 0; i < batch.shape()[0]; ++i) {
    const Operator<T> a = dense<T>(batch.slice(i));
    const double sigma = power_steps<T>(*a, options, single.u.column(i), single.v.column(i), context);
    EXPECT_NEAR(all.sigma[static_cast<std::size_t>(i)], sigma, unit * sigma) << to_string(batch.shape());
    for (std::int64_t j = 0; j < rows; ++j) EXPECT_NEAR(all.u(j, i), single.u(j, i), unit);
    for (std::int64_t j = 0; j < columns; ++j) EXPECT_NEAR(all.v(j, i), single.v(j, i), unit);
  }
}

template <class T>
class BatchedPower : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(BatchedPower, Types);

TYPED_TEST(BatchedPower, IsPowerIterationOnEachMatrix) {
  Context context(2);
  for (const Dimensions& shape :
       {Dimensions{1, 1, 1}, Dimensions{7, 1, 9}, Dimensions{7, 9, 1}, Dimensions{20, 12, 33}, Dimensions{3, 64, 64}}) {
    const std::vector<double> values = gallery::normal(shape[0] * shape[1] * shape[2], 2);
    for (const DType dtype : gallery::kStorageTypes) {
      const Tensor batch = Tensor::rounded(values, shape, dtype);
      for (const Order order : {Order::u_first, Order::v_first}) {
        for (const std::int64_t steps : {1, 4}) expect_as_one_by_one<TypeParam>(batch, {order, steps}, context);
      }
    }
    // Transposed in place, by strides.
    const Tensor plain = Tensor::rounded(values, shape, DType::f32);
    const Tensor turned(DType::f32, {shape[0], shape[2], shape[1]}, {shape[1] * shape[2], 1, shape[2]}, plain.data(),
                        plain.owner());
    expect_as_one_by_one<TypeParam>(turned, {Order::u_first, 2}, context);
  }
}

TYPED_TEST(BatchedPower, GoesOnWhereItStopped) {
  using T = TypeParam;
  Context context(1);
  const Tensor batch = Tensor::rounded(gallery::normal(5 * 8 * 6, 2), {5, 8, 6}, DType::f32);
  for (const Order order : {Order::u_first, Order::v_first}) {
    Vectors<T> at_once(batch, 1), in_parts(batch, 1);
    iterate(batch, at_once, {order, 5}, context);
    iterate(batch, in_parts, {order, 2}, context);
    iterate(batch, in_parts, {order, 3}, context);
    EXPECT_EQ(at_once.u, in_parts.u);
    EXPECT_EQ(at_once.v, in_parts.v);
    EXPECT_EQ(at_once.sigma, in_parts.sigma);
  }
}

TYPED_TEST(BatchedPower, GivesTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  Context one(1), three(3);
  for (const Dimensions& shape : {Dimensions{300, 40, 30}, Dimensions{2, 1100, 1000}}) {  // the second one by one
    const Tensor batch = Tensor::rounded(gallery::normal(shape[0] * shape[1] * shape[2], 2), shape, DType::f32);
    Vectors<T> first(batch, 1), second(batch, 1);
    iterate(batch, first, {Order::v_first, 3}, one);
    iterate(batch, second, {Order::v_first, 3}, three);
    EXPECT_EQ(first.u, second.u);
    EXPECT_EQ(first.v, second.v);
    EXPECT_EQ(first.sigma, second.sigma);
  }
}

TYPED_TEST(BatchedPower, TakesZeroHugeAndNanMatrices) {
  using T = TypeParam;
  Context context(1);
  std::vector<double> values = gallery::normal(4 * 5 * 6, 2);
  const int exponent = std::same_as<T, float> ? 100 : 900;
  std::fill(values.begin(), values.begin() + 30, 0.0);
  for (std::size_t i = 30; i < 60; ++i) values[i] = std::ldexp(values[i], exponent);
  values[70] = std::numeric_limits<double>::quiet_NaN();
  const Tensor batch = Tensor::rounded(values, {4, 5, 6}, DType::f64);
  Vectors<T> x(batch, 1);
  iterate(batch, x, {Order::v_first, 400}, context);
  EXPECT_EQ(x.sigma[0], 0);
  EXPECT_TRUE(std::isnan(x.sigma[2]));
  const BatchResult truth = batched_svd(batch, {}, context);
  for (const std::size_t i : {std::size_t{1}, std::size_t{3}}) {
    EXPECT_NEAR(x.sigma[i] / truth.sigma[i], 1, tolerance::relative(5, 6) * tolerance::coarseness<T>());
  }
}

TYPED_TEST(BatchedPower, TakesEmptyOnesAndRefusesWhatDoesNotFit) {
  using T = TypeParam;
  Context context(1);
  for (const Dimensions& shape : {Dimensions{0, 3, 4}, Dimensions{2, 0, 4}, Dimensions{2, 3, 0}}) {
    const Tensor batch = Tensor::copy_of(std::span<const double>(), shape);
    Matrix<T> u(shape[1], shape[0]), v(shape[2], shape[0]);
    std::vector<T> sigma(static_cast<std::size_t>(shape[0]), T{7});
    batched_power_iteration<T>(batch, {}, u.view(), v.view(), sigma, context);
    EXPECT_EQ(sigma, std::vector<T>(sigma.size()));
  }
  const Tensor batch = Tensor::rounded(gallery::normal(24, 2), {2, 3, 4}, DType::f32);
  Vectors<T> x(batch, 1);
  EXPECT_THROW(batched_power_iteration<T>(batch, {}, x.v.view(), x.u.view(), x.sigma, context), Error);
  EXPECT_THROW(batched_power_iteration<T>(batch.slice(0), {}, x.u.view(), x.v.view(), x.sigma, context), Error);
  EXPECT_THROW(iterate(batch, x, {Order::u_first, 0}, context), Error);
  EXPECT_THROW(iterate(batch, x, {Order::u_first, 1, -1}, context), Error);
  context.request_cancel();
  EXPECT_THROW(iterate(batch, x, {}, context), Canceled);
}

}  // namespace
}  // namespace sigmax
