#include "sigmax/ops/function.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

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
