// The requirements on every operator, in double and in float. A new operator joins with one line in the table of
// tests/ops/conformance_test.cpp.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "conformance/reference_matrix.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/ops/materialize.hpp"
#include "tolerance.hpp"

namespace sigmax::conformance {

/// One line of the table: an operator and the matrix that it must represent.
struct OperatorCase {
  std::string name;
  ReferenceMatrix matrix;
  std::vector<Tensor> parameters;  ///< the tensors whose elements are the operator's parameters, in order
  std::function<Operator<double>()> in_double;
  std::function<Operator<float>()> in_float;
  bool has_single = true;  ///< whether in_single() of the operator in double gives one
};

inline void PrintTo(const OperatorCase& c, std::ostream* out) { *out << c.name; }

/// make.operator()<T>() gives the operator that computes in T.
template <class Make>
OperatorCase operator_case(std::string name, ReferenceMatrix matrix, std::vector<Tensor> parameters, Make make,
                           bool has_single = true) {
  return {std::move(name),
          std::move(matrix),
          std::move(parameters),
          [make] { return make.template operator()<double>(); },
          [make] { return make.template operator()<float>(); },
          has_single};
}

/// A block of columns with `gap` unused elements between them, which are NaN and must stay NaN. Entries are also NaN
/// until they are written.
template <Real T>
class Block {
 public:
  Block(std::int64_t rows, std::int64_t columns, std::int64_t gap = 0)
      : rows_(rows),
        columns_(columns),
        stride_(rows + gap),
        data_(static_cast<std::size_t>(stride_ * columns), std::numeric_limits<T>::quiet_NaN()) {}

  static Block random(std::int64_t rows, std::int64_t columns, std::uint64_t seed, std::int64_t gap = 0) {
    Block block(rows, columns, gap);
    const std::vector<double> values = gallery::normal(rows * columns, seed);
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) {
        block(i, j) = static_cast<T>(values[static_cast<std::size_t>(j * rows + i)]);
      }
    }
    return block;
  }

  T& operator()(std::int64_t i, std::int64_t j) { return data_[static_cast<std::size_t>(i + j * stride_)]; }
  T operator()(std::int64_t i, std::int64_t j) const { return data_[static_cast<std::size_t>(i + j * stride_)]; }
  MatrixView<T> view() { return {data_.data(), rows_, columns_, stride_}; }
  MatrixView<const T> view() const { return {data_.data(), rows_, columns_, stride_}; }

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
  std::vector<T> data_;
};

/// |y - M_p ... M_1 x| <= gamma(operations) |M_p| ... |M_1| |x|, entry by entry. The factors come in the order in which
/// they are applied.
template <Real T>
void expect_product(std::initializer_list<const ReferenceMatrix*> factors, const Block<T>& x, const Block<T>& y) {
  std::int64_t operations = 0;
  for (const ReferenceMatrix* m : factors) operations += m->operations();
  for (std::int64_t k = 0; k < x.columns(); ++k) {
    std::vector<long double> wanted;
    for (std::int64_t i = 0; i < x.rows(); ++i) wanted.push_back(x(i, k));
    std::vector<long double> magnitude = wanted;
    for (long double& m : magnitude) m = std::fabs(m);
    for (const ReferenceMatrix* m : factors) {
      wanted = m->times(wanted);
      magnitude = m->magnitudes_times(magnitude);
    }
    for (std::int64_t i = 0; i < y.rows(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      ASSERT_LE(std::fabs(y(i, k) - wanted[at]), tolerance::gamma<T>(operations) * magnitude[at])
          << "entry " << i << " of column " << k << " of " << x.columns();
    }
  }
}

/// Every entry found equals the expected one up to gamma(operations) times its magnitude.
template <Real T, class Entries>
void expect_entries(const ReferenceMatrix& wanted, const Entries& found, std::int64_t operations) {
  each_entry(wanted, [&](std::int64_t i, std::int64_t j) {
    ASSERT_LE(std::fabs(found(i, j) - wanted.value(i, j)), tolerance::gamma<T>(operations) * wanted.magnitude(i, j))
        << "entry " << i << ", " << j;
  });
}

/// Checks everything that an operator computes from blocks of `count` columns.
template <Real T>
void expect_products(const Operator<T>& a, const ReferenceMatrix& m, std::int64_t count, std::int64_t gap,
                     Context& context) {
  const auto [rows, columns] = m.shape();
  const ReferenceMatrix turned = transposed(m);
  const Block<T> x = Block<T>::random(columns, count, 1, gap);
  const Block<T> y = Block<T>::random(rows, count, 2, gap);
  Block<T> image(rows, count, 2 * gap);
  Block<T> back(columns, count, gap);
  a->apply(x.view(), image.view(), context);
  a->apply_adjoint(y.view(), back.view(), context);
  expect_product({&m}, x, image);
  expect_product({&turned}, y, back);

  Block<T> z(columns, count, 2 * gap);
  Block<T> image_beside(rows, count, gap);
  Block<T> z_beside(columns, count, 2 * gap);
  Block<T> w(rows, count, gap);
  a->apply_gram(x.view(), z.view(), context);
  a->apply_gram(x.view(), image_beside.view(), z_beside.view(), context);
  a->apply_outer_gram(y.view(), w.view(), context);
  expect_product({&m, &turned}, x, z);
  expect_product({&m, &turned}, x, z_beside);
  expect_product({&m}, x, image_beside);
  expect_product({&turned, &m}, y, w);
  for (const Block<T>* block : {&image, &back, &z, &image_beside, &z_beside, &w}) {
    EXPECT_TRUE(block->gaps_untouched());
  }
}

class OperatorConformance : public testing::TestWithParam<OperatorCase> {
 protected:
  /// Calls body(the operator) in double and in float.
  template <class Body>
  void in_both_types(const Body& body) {
    {
      SCOPED_TRACE("double");
      body(GetParam().in_double());
    }
    {
      SCOPED_TRACE("float");
      body(GetParam().in_float());
    }
  }

  const ReferenceMatrix& matrix() const { return GetParam().matrix; }
  std::int64_t rows() const { return matrix().shape().rows; }
  std::int64_t columns() const { return matrix().shape().columns; }

  Context context_{2};
};

template <Real T>
long double inner(const Block<T>& x, const Block<T>& y, std::int64_t column) {
  long double sum = 0;
  for (std::int64_t i = 0; i < x.rows(); ++i) sum += static_cast<long double>(x(i, column)) * y(i, column);
  return sum;
}

TEST_P(OperatorConformance, HasTheShapeOfItsMatrix) {
  in_both_types([&](const auto& a) { EXPECT_EQ(a->shape(), matrix().shape()); });
}

TEST_P(OperatorConformance, MultipliesBlocksOfAnyWidthAndStride) {
  const bool large = rows() * columns() > 4096;
  in_both_types([&]<Real T>(const Operator<T>& a) {
    for (std::int64_t count = 1; count <= 9; count += large ? 4 : 1) {
      expect_products(a, matrix(), count, count % 2 == 0 ? 3 : 0, context_);
      if (HasFatalFailure()) return;
    }
  });
}

TEST_P(OperatorConformance, HasAnAdjoint) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const auto x = Block<T>::random(columns(), 3, 3);
    const auto y = Block<T>::random(rows(), 3, 4);
    Block<T> image(rows(), 3);
    Block<T> back(columns(), 3);
    a->apply(x.view(), image.view(), context_);
    a->apply_adjoint(y.view(), back.view(), context_);
    for (std::int64_t k = 0; k < 3; ++k) {
      const auto norms = static_cast<double>(std::sqrt(inner(x, x, k) * inner(y, y, k)));
      EXPECT_LE(std::fabs(inner(image, y, k) - inner(x, back, k)),
                tolerance::gamma<T>(2 * matrix().operations()) * matrix().frobenius() * norms);
    }
  });
}

TEST_P(OperatorConformance, IsWhatItsStructureSays) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const ReferenceMatrix found = evaluate(*a, context_);
    ASSERT_EQ(found.shape(), matrix().shape());
    expect_entries<T>(
        matrix(), [&](auto i, auto j) { return found.value(i, j); }, matrix().operations());
  });
}

TEST_P(OperatorConformance, MaterialisesToItsMatrix) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const Matrix<T> found = materialize(*a, context_);
    ASSERT_EQ((Shape{found.rows(), found.columns()}), matrix().shape());
    // The entries of the table have few bits, so stored entries come back exactly.
    const bool stored = std::holds_alternative<structure::Stored>(a->structure());
    expect_entries<T>(matrix(), found, stored ? 0 : matrix().operations());
  });
}

TEST_P(OperatorConformance, ComputesInFloatToo) {
  const Operator<float> single = GetParam().in_double()->in_single();
  ASSERT_EQ(single != nullptr, GetParam().has_single);
  EXPECT_EQ(GetParam().in_float()->in_single(), nullptr);
  if (single == nullptr) return;
  ASSERT_EQ(single->shape(), matrix().shape());
  expect_products(single, matrix(), 2, 1, context_);
}

TEST_P(OperatorConformance, GivesTheSameBitsForAnyNumberOfThreads) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const auto x = Block<T>::random(columns(), 2, 6);
    const auto y = Block<T>::random(rows(), 2, 7);
    std::vector<T> first;
    for (const int threads : {1, 2, 3}) {
      Context context(threads);
      Block<T> image(rows(), 2);
      Block<T> back(columns(), 2);
      Block<T> z(columns(), 2);
      Block<T> w(rows(), 2);
      a->apply(x.view(), image.view(), context);
      a->apply_adjoint(y.view(), back.view(), context);
      a->apply_gram(x.view(), z.view(), context);
      a->apply_outer_gram(y.view(), w.view(), context);
      const Matrix<T> entries = materialize(*a, context);
      std::vector<T> all(entries.values().begin(), entries.values().end());
      for (const Block<T>* block : {&image, &back, &z, &w}) {
        for (std::int64_t k = 0; k < 2; ++k) {
          for (std::int64_t i = 0; i < block->rows(); ++i) all.push_back((*block)(i, k));
        }
      }
      if (threads == 1) first = all;
      EXPECT_EQ(all, first) << threads << " threads";
    }
  });
}

TEST_P(OperatorConformance, TakesABlockWithoutColumns) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    Block<T> x(columns(), 0);
    Block<T> y(rows(), 0);
    EXPECT_NO_THROW(a->apply(std::as_const(x).view(), y.view(), context_));
    EXPECT_NO_THROW(a->apply_adjoint(std::as_const(y).view(), x.view(), context_));
    EXPECT_NO_THROW(a->apply_gram(std::as_const(x).view(), x.view(), context_));
    EXPECT_NO_THROW(a->apply_gram(std::as_const(x).view(), y.view(), x.view(), context_));
    EXPECT_NO_THROW(a->apply_outer_gram(std::as_const(y).view(), y.view(), context_));
  });
}

TEST_P(OperatorConformance, RefusesBlocksThatDoNotFit) {
  in_both_types([&]<Real T>(const Operator<T>& a) {
    const auto x = Block<T>::random(columns(), 2, 7);
    const auto longer_x = Block<T>::random(columns() + 1, 2, 7);
    const auto y = Block<T>::random(rows(), 2, 8);
    const auto longer_y = Block<T>::random(rows() + 1, 2, 8);
    Block<T> to_x(columns(), 2);
    Block<T> to_y(rows(), 2);
    Block<T> narrow_x(columns(), 1);
    Block<T> narrow_y(rows(), 1);
    EXPECT_THROW(a->apply(longer_x.view(), to_y.view(), context_), Error);
    EXPECT_THROW(a->apply(x.view(), narrow_y.view(), context_), Error);
    EXPECT_THROW(a->apply_adjoint(longer_y.view(), to_x.view(), context_), Error);
    EXPECT_THROW(a->apply_adjoint(y.view(), narrow_x.view(), context_), Error);
    EXPECT_THROW(a->apply_gram(longer_x.view(), to_x.view(), context_), Error);
    EXPECT_THROW(a->apply_gram(x.view(), narrow_x.view(), context_), Error);
    EXPECT_THROW(a->apply_gram(x.view(), narrow_y.view(), to_x.view(), context_), Error);
    EXPECT_THROW(a->apply_outer_gram(longer_y.view(), to_y.view(), context_), Error);
    EXPECT_THROW(a->apply_outer_gram(y.view(), narrow_y.view(), context_), Error);
    try {
      a->apply(longer_x.view(), to_y.view(), context_);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(std::to_string(columns() + 1)), std::string::npos) << error.what();
    }
  });
}

}  // namespace sigmax::conformance
