#include "sigmax/ops/diagonal.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "ops/counting_operator.hpp"

namespace sigmax {
namespace {

TEST(Diagonal, CopiesItsEntriesFromAnyStride) {
  const std::vector<double> values = {2, -1, 3, -1, 5};
  Operator<double> d;
  {
    const Tensor whole = Tensor::copy_of(values, {5});
    d = diagonal<double>(Tensor(DType::f64, {3}, {2}, whole.data(), whole.owner()));
  }
  std::vector<double> y(3);
  Context context(1);
  d->apply(std::vector<double>{1, 10, 100}, y, context);
  EXPECT_EQ(y, (std::vector<double>{2, 30, 500}));
}

TEST(Diagonal, RefusesWhatIsNotAListOfRealNumbers) {
  EXPECT_NE(message_of([] {
              return diagonal<double>(Tensor::copy_of(std::vector<double>{1, 2}, {2, 1}));
            }).find("[diagonal] the entries have 1 dimension, got shape [2, 1]"),
            std::string::npos);
  EXPECT_NE(message_of([] { return diagonal<double>(Tensor(DType::i32, {2}, nullptr, nullptr)); }).find("i32"),
            std::string::npos);
  EXPECT_NE(message_of([] { return identity<double>(-3); }).find("got -3"), std::string::npos);
}

}  // namespace
}  // namespace sigmax
