// What every operator must do, whatever it is. A new operator joins with one line in the table of
// tests/ops/conformance_test.cpp.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "tolerance.hpp"

namespace sigmax::conformance {

/// One line of the table: an operator and the matrix that it must be.
struct OperatorCase {
  std::string name;
  std::function<Operator<double>()> make;
  Shape shape;
  std::vector<double> matrix;  ///< row-major
};

inline void PrintTo(const OperatorCase& c, std::ostream* out) { *out << c.name; }

/// A block of columns with `gap` unused elements between them, which are NaN and must stay NaN.
class Block {
 public:
  Block(std::int64_t rows, std::int64_t columns, std::int64_t gap = 0)
      : rows_(rows),
        columns_(columns),
        stride_(rows + gap),
        data_(static_cast<std::size_t>(stride_ * columns), std::numeric_limits<double>::quiet_NaN()) {}

  static Block random(std::int64_t rows, std::int64_t columns, std::uint64_t seed, std::int64_t gap = 0) {
    Block block(rows, columns, gap);
    const std::vector<double> values = gallery::normal(rows * columns, seed);
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) block(i, j) = values[static_cast<std::size_t>(j * rows + i)];
    }
    return block;
  }

  static Block identity(std::int64_t order) {
    Block block(order, order);
    for (std::int64_t j = 0; j < order; ++j) {
      for (std::int64_t i = 0; i < order; ++i) block(i, j) = i == j ? 1 : 0;
    }
    return block;
  }

  double& operator()(std::int64_t i, std::int64_t j) { return data_[static_cast<std::size_t>(i + j * stride_)]; }
  double operator()(std::int64_t i, std::int64_t j) const { return data_[static_cast<std::size_t>(i + j * stride_)]; }
  MatrixView<double> view() { return {data_.data(), rows_, columns_, stride_}; }
  MatrixView<const double> view() const { return {data_.data(), rows_, columns_, stride_}; }

  bool gaps_untouched() const {
    for (std::int64_t j = 0; j < columns_; ++j) {
      for (std::int64_t i = rows_; i < stride_; ++i) {
        if (!std::isnan((*this)(i, j))) return false;
      }
    }
    return true;
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }

 private:
  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t stride_;
  std::vector<double> data_;
};

class OperatorConformance : public testing::TestWithParam<OperatorCase> {
 protected:
  void SetUp() override { a_ = GetParam().make(); }

  std::int64_t rows() const { return GetParam().shape.rows; }
  std::int64_t columns() const { return GetParam().shape.columns; }
  std::int64_t terms() const { return rows() + columns(); }
  double entry(std::int64_t i, std::int64_t j) const {
    return GetParam().matrix[static_cast<std::size_t>(i * columns() + j)];
  }

  // y_i = sum_j a_ij x_j (or the transpose), with the sum of absolute values.
  void expect_product(const Block& x, const Block& y, bool adjoint) const {
    for (std::int64_t k = 0; k < x.columns(); ++k) {
      for (std::int64_t i = 0; i < y.rows(); ++i) {
        long double wanted = 0;
        long double magnitude = 0;
        for (std::int64_t j = 0; j < x.rows(); ++j) {
          const long double term = static_cast<long double>(adjoint ? entry(j, i) : entry(i, j)) * x(j, k);
          wanted += term;
          magnitude += std::fabs(term);
        }
        ASSERT_LE(std::fabs(y(i, k) - wanted), tolerance::gamma(terms()) * magnitude)
            << GetParam().name << " entry " << i << " of column " << k;
      }
    }
  }

  double frobenius() const {
    double sum = 0;
    for (const double value : GetParam().matrix) sum += value * value;
    return std::sqrt(sum);
  }

  Operator<double> a_;
  Context context_{2};
};

inline long double inner(const Block& x, const Block& y, std::int64_t column) {
  long double sum = 0;
  for (std::int64_t i = 0; i < x.rows(); ++i) sum += static_cast<long double>(x(i, column)) * y(i, column);
  return sum;
}

TEST_P(OperatorConformance, HasTheShapeOfItsMatrix) { EXPECT_EQ(a_->shape(), GetParam().shape); }

TEST_P(OperatorConformance, MaterialisesToItsMatrix) {
  const Block identity = Block::identity(columns());
  Block y(rows(), columns());
  a_->apply(identity.view(), y.view(), context_);
  for (std::int64_t i = 0; i < rows(); ++i) {
    for (std::int64_t j = 0; j < columns(); ++j) {
      // Multiplications with 1 and sums with 0: an operator that stores its entries gives them back exactly.
      EXPECT_LE(std::fabs(y(i, j) - entry(i, j)), tolerance::gamma(terms()) * std::fabs(entry(i, j)));
    }
  }
}

TEST_P(OperatorConformance, AppliesItsMatrixToBlocksWithAnyStride) {
  for (const std::int64_t count : {1, 2, 5}) {
    for (const std::int64_t gap : {0, 3}) {
      const Block x = Block::random(columns(), count, 1, gap);
      Block y(rows(), count, 2 * gap);
      a_->apply(x.view(), y.view(), context_);
      expect_product(x, y, false);
      EXPECT_TRUE(y.gaps_untouched());

      const Block from = Block::random(rows(), count, 2, gap);
      Block to(columns(), count, gap);
      a_->apply_adjoint(from.view(), to.view(), context_);
      expect_product(from, to, true);
      EXPECT_TRUE(to.gaps_untouched());
    }
  }
}

TEST_P(OperatorConformance, HasAnAdjoint) {
  const Block x = Block::random(columns(), 3, 3);
  const Block y = Block::random(rows(), 3, 4);
  Block image(rows(), 3);
  Block back(columns(), 3);
  a_->apply(x.view(), image.view(), context_);
  a_->apply_adjoint(y.view(), back.view(), context_);
  for (std::int64_t k = 0; k < 3; ++k) {
    const auto norms = static_cast<double>(std::sqrt(inner(x, x, k) * inner(y, y, k)));
    EXPECT_LE(std::fabs(inner(image, y, k) - inner(x, back, k)),
              tolerance::of_matrix(rows(), columns(), frobenius()) * norms);
  }
}

TEST_P(OperatorConformance, HasTheGramProductOfItsTwoHalves) {
  const Block x = Block::random(columns(), 3, 5, 1);
  Block image(rows(), 3);
  Block wanted(columns(), 3);
  Block z(columns(), 3, 2);
  a_->apply(x.view(), image.view(), context_);
  a_->apply_adjoint(std::as_const(image).view(), wanted.view(), context_);
  a_->apply_gram(x.view(), z.view(), context_);
  for (std::int64_t k = 0; k < 3; ++k) {
    const auto norm = static_cast<double>(std::sqrt(inner(x, x, k)));
    for (std::int64_t j = 0; j < columns(); ++j) {
      EXPECT_LE(std::fabs(z(j, k) - wanted(j, k)),
                tolerance::of_matrix(rows(), columns(), frobenius() * frobenius()) * norm);
    }
  }
  EXPECT_TRUE(z.gaps_untouched());
}

TEST_P(OperatorConformance, GivesTheSameBitsForAnyNumberOfThreads) {
  const Block x = Block::random(columns(), 2, 6);
  std::vector<double> first;
  for (const int threads : {1, 2, 3}) {
    Context context(threads);
    Block image(rows(), 2);
    Block z(columns(), 2);
    a_->apply(x.view(), image.view(), context);
    a_->apply_gram(x.view(), z.view(), context);
    std::vector<double> all;
    for (std::int64_t k = 0; k < 2; ++k) {
      for (std::int64_t i = 0; i < rows(); ++i) all.push_back(image(i, k));
      for (std::int64_t i = 0; i < columns(); ++i) all.push_back(z(i, k));
    }
    if (threads == 1) first = all;
    EXPECT_EQ(all, first) << threads << " threads";
  }
}

TEST_P(OperatorConformance, TakesABlockWithoutColumns) {
  Block x(columns(), 0);
  Block y(rows(), 0);
  EXPECT_NO_THROW(a_->apply(std::as_const(x).view(), y.view(), context_));
  EXPECT_NO_THROW(a_->apply_adjoint(std::as_const(y).view(), x.view(), context_));
  EXPECT_NO_THROW(a_->apply_gram(std::as_const(x).view(), x.view(), context_));
}

TEST_P(OperatorConformance, RefusesBlocksThatDoNotFit) {
  const Block x = Block::random(columns(), 2, 7);
  const Block longer_x = Block::random(columns() + 1, 2, 7);
  const Block y = Block::random(rows(), 2, 8);
  const Block longer_y = Block::random(rows() + 1, 2, 8);
  Block to_x(columns(), 2);
  Block to_y(rows(), 2);
  Block narrow_x(columns(), 1);
  Block narrow_y(rows(), 1);
  EXPECT_THROW(a_->apply(longer_x.view(), to_y.view(), context_), Error);
  EXPECT_THROW(a_->apply(x.view(), narrow_y.view(), context_), Error);
  EXPECT_THROW(a_->apply_adjoint(longer_y.view(), to_x.view(), context_), Error);
  EXPECT_THROW(a_->apply_adjoint(y.view(), narrow_x.view(), context_), Error);
  EXPECT_THROW(a_->apply_gram(longer_x.view(), to_x.view(), context_), Error);
  EXPECT_THROW(a_->apply_gram(x.view(), narrow_x.view(), context_), Error);
  try {
    a_->apply(longer_x.view(), to_y.view(), context_);
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(columns() + 1)), std::string::npos) << error.what();
  }
}

}  // namespace sigmax::conformance
