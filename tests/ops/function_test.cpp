#include "sigmax/ops/function.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "ops/counting_operator.hpp"

namespace sigmax {
namespace {

const BlockFunction<double> kNothing = [](MatrixView<const double>, MatrixView<double>, Context&) {};

TEST(FunctionOperator, IsOpaqueAndGetsWholeBlocks) {
  std::int64_t widest = 0;
  const auto a = function_operator<double>(
      {2, 3}, [&](MatrixView<const double> x, MatrixView<double>, Context&) { widest = x.columns; }, kNothing);
  EXPECT_TRUE(std::holds_alternative<structure::Opaque>(a->structure()));
  Context context(1);
  Matrix<double> x(3, 20);
  Matrix<double> y(2, 20);
  a->apply(std::as_const(x).view(), y.view(), context);
  EXPECT_EQ(widest, 20);
}

TEST(FunctionOperator, LetsWhatAFunctionThrowsThrough) {
  const auto a = function_operator<double>(
      {2, 2}, [](MatrixView<const double>, MatrixView<double>, Context&) { throw std::domain_error("no"); }, kNothing);
  Context context(1);
  Matrix<double> x(2, 1);
  Matrix<double> y(2, 1);
  EXPECT_THROW(a->apply(std::as_const(x).view(), y.view(), context), std::domain_error);
}

// An operator that declares parameters without overriding pull_back_impl().
class Unfinished final : public LinearOperator<double> {
 public:
  Shape shape() const override { return {1, 1}; }
  std::int64_t parameter_count() const override { return 2; }

 private:
  void apply_impl(MatrixView<const double>, MatrixView<double>, Context&) const override {}
  void apply_adjoint_impl(MatrixView<const double>, MatrixView<double>, Context&) const override {}
};

TEST(FunctionOperator, IsAConstantToGradientsUnlessItHasParameters) {
  Context context(1);
  const OuterSum<double> one(2, 2, 1);
  std::vector<double> grad(3);
  const auto a = function_operator<double>({2, 2}, kNothing, kNothing);
  EXPECT_NO_THROW(a->pull_back(one.view(), {}, context));
  EXPECT_NE(message_of([&] {
              a->pull_back(one.view(), grad, context);
              return 0;
            }).find("3 entries for 0 parameters: the operator does not say what it depends on"),
            std::string::npos);
  const auto b = function_operator<double>(
      {2, 2}, kNothing, kNothing,
      {3, [](const Cotangent<double>& g, std::span<double> out, Context&) { out[2] += g.weights[0]; }});
  b->pull_back(one.view(), grad, context);
  EXPECT_EQ(grad, (std::vector<double>{0, 0, 1}));
  EXPECT_NE(message_of([&] {
              return function_operator<double>({2, 2}, kNothing, kNothing, {3, {}});
            }).find("3 parameters, but pull_back is an empty"),
            std::string::npos);
  EXPECT_NE(message_of([&] {
              return function_operator<double>({2, 2}, kNothing, kNothing, {-3, {}});
            }).find("got -3"),
            std::string::npos);
  grad.resize(2);
  EXPECT_NE(message_of([&] {
              Unfinished().pull_back(OuterSum<double>(1, 1, 1).view(), grad, context);
              return 0;
            }).find("must override pull_back_impl"),
            std::string::npos);
}

TEST(FunctionOperator, RefusesEmptyFunctionsAndNegativeShapes) {
  EXPECT_NE(message_of([] {
              return function_operator<double>({2, 2}, {}, kNothing);
            }).find("apply is an empty"),
            std::string::npos);
  EXPECT_NE(message_of([] {
              return function_operator<double>({2, 2}, kNothing, {});
            }).find("apply_adjoint is an empty"),
            std::string::npos);
  EXPECT_NE(message_of([] {
              return function_operator<double>({-1, 2}, kNothing, kNothing);
            }).find("-1x2"),
            std::string::npos);
}

}  // namespace
}  // namespace sigmax
