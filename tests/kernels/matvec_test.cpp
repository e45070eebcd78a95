// The products of stored matrices with blocks against long double, with the error bound that their header states.
#include "sigmax/kernels/matvec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/kernels/convert.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using gallery::kStorageTypes;
using gallery::normal;
using gallery::Stored;

template <class T>
constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();

// Columns with gaps between them: entries outside the block are NaN and must stay so.
template <class T>
class Block {
 public:
  Block(std::int64_t rows, std::int64_t columns, std::int64_t gap)
      : rows_(rows),
        columns_(columns),
        stride_(rows + gap),
        values_(static_cast<std::size_t>(stride_ * columns), kNaN<T>) {}

  static Block random(std::int64_t rows, std::int64_t columns, std::int64_t gap, std::uint64_t seed) {
    Block block(rows, columns, gap);
    const std::vector<double> values = normal(rows * columns, seed);
    for (std::int64_t c = 0; c < columns; ++c) {
      for (std::int64_t i = 0; i < rows; ++i)
        block(i, c) = static_cast<T>(values[static_cast<std::size_t>(i + c * rows)]);
    }
    return block;
  }

  T& operator()(std::int64_t i, std::int64_t c) { return values_[static_cast<std::size_t>(i + c * stride_)]; }
  T operator()(std::int64_t i, std::int64_t c) const { return values_[static_cast<std::size_t>(i + c * stride_)]; }
  MatrixView<T> view() { return {values_.data(), rows_, columns_, stride_}; }
  MatrixView<const T> view() const { return {values_.data(), rows_, columns_, stride_}; }
  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }

  bool gaps_are_untouched() const {
    for (std::int64_t c = 0; c < columns_; ++c) {
      for (std::int64_t i = rows_; i < stride_; ++i) {
        if (!std::isnan((*this)(i, c))) return false;
      }
    }
    return true;
  }
  bool operator==(const Block& other) const {
    for (std::int64_t c = 0; c < columns_; ++c) {
      for (std::int64_t i = 0; i < rows_; ++i) {
        if ((*this)(i, c) != other(i, c)) return false;
      }
    }
    return true;
  }

 private:
  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t stride_;
  std::vector<T> values_;
};

// A vector in long double with the sum of absolute values as the measure of its error.
struct Reference {
  explicit Reference(std::int64_t size) : value(static_cast<std::size_t>(size)), magnitude(value.size()) {}
  template <class T>
  Reference(const Block<T>& block, std::int64_t c) : Reference(block.rows()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      value[i] = block(static_cast<std::int64_t>(i), c);
      magnitude[i] = std::fabs(value[i]);
    }
  }
  std::vector<long double> value;
  std::vector<long double> magnitude;
};

Reference product(const std::vector<double>& a, std::int64_t rows, const Reference& x) {
  Reference y(rows);
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    for (std::size_t j = 0; j < x.value.size(); ++j) {
      const long double entry = a[i * x.value.size() + j];
      y.value[i] += entry * x.value[j];
      y.magnitude[i] += std::fabs(entry) * x.magnitude[j];
    }
  }
  return y;
}

Reference transposed_product(const std::vector<double>& a, std::int64_t columns, const Reference& y) {
  Reference x(columns);
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    for (std::size_t j = 0; j < x.value.size(); ++j) {
      const long double entry = a[i * x.value.size() + j];
      x.value[j] += entry * y.value[i];
      x.magnitude[j] += std::fabs(entry) * y.magnitude[i];
    }
  }
  return x;
}

// The longest chain of roundings, as the header states it: along a row, along a column, and for an entry itself.
std::int64_t row_terms(std::int64_t columns) { return std::min(columns, columns / 2 + 24) + 1; }
std::int64_t column_terms(std::int64_t rows) { return std::min(rows, rows / 4 + 80) + 1; }

template <class T>
void expect_within(const Block<T>& computed, std::int64_t c, const Reference& wanted, std::int64_t terms,
                   const std::string& what) {
  const long double gamma = tolerance::gamma_in<T>(terms);
  for (std::size_t i = 0; i < wanted.value.size(); ++i) {
    const T value = computed(static_cast<std::int64_t>(i), c);
    ASSERT_LE(std::fabs(value - wanted.value[i]), gamma * wanted.magnitude[i])
        << what << ", entry " << i << " of column " << c << " is " << value << " instead of " << wanted.value[i];
  }
}

// All products of one matrix. Outputs begin as NaN: their old content must not matter.
template <class T>
struct Products {
  Products(const StoredMatrix& a, const Block<T>& x, const Block<T>& y, Context& context)
      : image(a.rows, x.columns(), 3),
        adjoint(a.columns, x.columns(), 2),
        with_image(a.columns, x.columns(), 0),
        its_image(a.rows, x.columns(), 5),
        alone(a.columns, x.columns(), 1),
        outer(a.rows, x.columns(), 7) {
    multiply<T>(a, x.view(), image.view(), context);
    multiply_transposed<T>(a, y.view(), adjoint.view(), context);
    gram<T>(a, x.view(), its_image.view(), with_image.view(), context);
    gram<T>(a, x.view(), {}, alone.view(), context);
    outer_gram<T>(a, y.view(), outer.view(), context);
  }

  bool gaps_are_untouched() const {
    return image.gaps_are_untouched() && adjoint.gaps_are_untouched() && with_image.gaps_are_untouched() &&
           its_image.gaps_are_untouched() && alone.gaps_are_untouched() && outer.gaps_are_untouched();
  }
  bool operator==(const Products&) const = default;

  Block<T> image, adjoint, with_image, its_image, alone, outer;
};

template <class T>
void check(const Stored& stored, std::int64_t columns, Context& context, const std::string& where = {}) {
  const StoredMatrix a = stored.matrix();
  const std::string what = stored.what() + (sizeof(T) == 4 ? " in float" : " in double") + " times " +
                           std::to_string(columns) + " columns " + where;
  const Block<T> x = Block<T>::random(a.columns, columns, columns % 3, 11);
  const Block<T> y = Block<T>::random(a.rows, columns, columns % 2, 12);
  const Products<T> found(a, x, y, context);
  EXPECT_TRUE(found.gaps_are_untouched()) << what;
  EXPECT_EQ(found.alone, found.with_image) << what;
  const std::vector<double> values = stored.values();
  const std::int64_t along_row = row_terms(a.columns), along_column = column_terms(a.rows);
  for (std::int64_t c = 0; c < columns; ++c) {
    const Reference image = product(values, a.rows, Reference(x, c));
    const Reference adjoint = transposed_product(values, a.columns, Reference(y, c));
    expect_within(found.image, c, image, along_row, "multiply " + what);
    expect_within(found.its_image, c, image, along_row, "the image of gram " + what);
    expect_within(found.adjoint, c, adjoint, along_column, "multiply_transposed " + what);
    expect_within(found.alone, c, transposed_product(values, a.columns, image), along_row + along_column,
                  "gram " + what);
    expect_within(found.outer, c, product(values, a.rows, adjoint), along_row + along_column, "outer_gram " + what);
  }
}

void check_both(const Stored& stored, std::int64_t columns, Context& context, const std::string& where = {}) {
  check<float>(stored, columns, context, where);
  check<double>(stored, columns, context, where);
}

Stored sample(DType dtype, std::int64_t rows, std::int64_t columns, std::int64_t gap = 0, std::int64_t offset = 0) {
  return {dtype, rows, columns, normal(rows * columns, 7), gap, offset};
}

constexpr std::int64_t kWidths[] = {1, 2, 3, 4, 5, 8};

TEST(Matvec, StaysWithinItsErrorBoundForEveryShapeAroundTheVectorLengths) {
  Context context(1);
  for (const DType dtype : kStorageTypes) {
    for (std::int64_t rows = 1; rows <= 19; ++rows) {
      for (std::int64_t columns = 1; columns <= 40; ++columns) {
        const std::int64_t gap = columns % 3 == 0 ? 0 : rows % 5;
        check_both(sample(dtype, rows, columns, gap, columns % 4), kWidths[(rows * 7 + columns) % 6], context);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Matvec, StaysWithinItsErrorBoundOnEveryInstructionSet) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    EXPECT_EQ(simd_target(), target);
    for (const DType dtype : kStorageTypes) {
      for (std::int64_t columns = 1; columns <= 67; ++columns) {
        const std::int64_t rows = 1 + columns * 5 % 14;
        check_both(sample(dtype, rows, columns, columns % 3, columns % 2), kWidths[columns % 6], context, target);
      }
      for (const std::int64_t columns : {127, 128, 129, 192, 255, 257, 300}) {
        for (const std::int64_t width : {1, 2, 4, 7, 8}) {
          check_both(sample(dtype, 4 + columns % 9, columns, columns % 2, width % 2), width, context, target);
        }
      }
    }
  });
}

TEST(Matvec, StaysWithinItsErrorBoundAcrossBlocksAndPieces) {
  Context context(3);
  for (const DType dtype : kStorageTypes) {
    check_both(sample(dtype, 401, 699, 3, 1), 1, context);
    check_both(sample(dtype, 260, 512), 9, context);
    check_both(sample(dtype, 1, 9000), 8, context);
    check_both(sample(dtype, 9000, 1), 8, context);
    check_both(sample(dtype, 37, 6001), 3, context);
    check_both(sample(dtype, 6001, 37), 3, context);
  }
  // Rows, then columns, so long that eight of them do not fit in a cache.
  check_both(sample(DType::f32, 3, 200000), 1, context);
  check_both(sample(DType::bf16, 200000, 3), 1, context);
  check_both(sample(DType::f64, 150, 5000, 1), 1, context);
}

template <class T>
void expect_same_bits(const Stored& stored, std::int64_t columns) {
  const StoredMatrix a = stored.matrix();
  const Block<T> x = Block<T>::random(a.columns, columns, 0, 3);
  const Block<T> y = Block<T>::random(a.rows, columns, 0, 4);
  Context one(1);
  const Products<T> wanted(a, x, y, one);
  for (const int threads : {2, 3}) {
    Context context(threads);
    EXPECT_EQ(Products<T>(a, x, y, context), wanted) << stored.what() << " with " << threads << " threads";
  }
  const Context::Serial serial(one);
  EXPECT_EQ(Products<T>(a, x, y, one), wanted) << stored.what();
}

TEST(Matvec, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const auto& [rows, columns] : {std::pair{1000, 700}, {100000, 5}, {5, 100000}, {120, 9000}, {77, 19}}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Stored stored = sample(dtype, rows, columns);
      expect_same_bits<float>(stored, 3);
      expect_same_bits<double>(stored, 2);
    }
  }
}

TEST(Matvec, GivesEachColumnWhateverStandsBesideIt) {
  Context context(2);
  const Stored stored = sample(DType::f32, 90, 333);
  Block<double> x = Block<double>::random(333, 8, 0, 5);
  Block<double> before(333, 8, 0);
  gram<double>(stored.matrix(), x.view(), {}, before.view(), context);
  for (std::int64_t j = 0; j < 333; ++j) x(j, 3) = kNaN<double>;
  Block<double> after(333, 8, 0);
  gram<double>(stored.matrix(), x.view(), {}, after.view(), context);
  for (std::int64_t c = 0; c < 8; ++c) {
    for (std::int64_t j = 0; j < 333; ++j) {
      if (c == 3) {
        ASSERT_TRUE(std::isnan(after(j, c)));
      } else {
        ASSERT_EQ(after(j, c), before(j, c));
      }
    }
  }
}

TEST(Matvec, GivesZerosForAMatrixWithoutRowsOrColumns) {
  Context context(1);
  const std::vector<double> three = {1, 2, 3};
  const std::vector<double> none;
  const std::vector<double> zeros(3, 0.0);
  const StoredMatrix no_columns{DType::f32, nullptr, 3, 0, 1};
  const StoredMatrix no_rows{DType::bf16, nullptr, 0, 3, 3};
  std::vector<double> out(3, kNaN<double>);
  multiply<double>(no_columns, none, out, context);
  EXPECT_EQ(out, zeros);
  out.assign(3, kNaN<double>);
  outer_gram<double>(no_columns, three, out, context);
  EXPECT_EQ(out, zeros);
  out.assign(3, kNaN<double>);
  multiply_transposed<double>(no_rows, none, out, context);
  EXPECT_EQ(out, zeros);
  out.assign(3, kNaN<double>);
  gram<double>(no_rows, three, {}, out, context);
  EXPECT_EQ(out, zeros);
}

TEST(Matvec, CarriesNonFiniteEntriesToEveryInstructionSetsResult) {
  Context context(1);
  std::vector<double> values(9 * 70, 1.0);
  values[4 * 70 + 69] = kNaN<double>;
  values[5 * 70 + 2] = -std::numeric_limits<double>::infinity();
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const DType dtype : kStorageTypes) {
      const Stored stored(dtype, 9, 70, values);
      Block<float> y(9, 3, 0), x(70, 3, 0);
      Block<float> ones_x(70, 3, 0), ones_y(9, 3, 0);
      for (std::int64_t c = 0; c < 3; ++c) {
        for (std::int64_t j = 0; j < 70; ++j) ones_x(j, c) = 1;
        for (std::int64_t i = 0; i < 9; ++i) ones_y(i, c) = 1;
      }
      multiply<float>(stored.matrix(), ones_x.view(), y.view(), context);
      multiply_transposed<float>(stored.matrix(), ones_y.view(), x.view(), context);
      for (std::int64_t c = 0; c < 3; ++c) {
        EXPECT_TRUE(std::isnan(y(4, c))) << target << stored.what();
        EXPECT_EQ(y(5, c), -std::numeric_limits<float>::infinity()) << target << stored.what();
        EXPECT_EQ(y(3, c), 70) << target << stored.what();
        EXPECT_TRUE(std::isnan(x(69, c))) << target << stored.what();
        EXPECT_EQ(x(2, c), -std::numeric_limits<float>::infinity()) << target << stored.what();
        EXPECT_EQ(x(3, c), 9) << target << stored.what();
      }
    }
  });
}

TEST(Matvec, RefusesTypesAndLengthsThatDoNotFit) {
  Context context(1);
  const Stored stored = sample(DType::f32, 4, 3);
  std::vector<double> three(3), four(4), other(3);
  EXPECT_THROW(multiply<double>(stored.matrix(), four, four, context), Error);
  EXPECT_THROW(multiply<double>(stored.matrix(), three, three, context), Error);
  EXPECT_THROW(multiply_transposed<double>(stored.matrix(), three, three, context), Error);
  EXPECT_THROW(gram<double>(stored.matrix(), three, {}, four, context), Error);
  EXPECT_THROW(gram<double>(stored.matrix(), three, other, three, context), Error);
  EXPECT_THROW(outer_gram<double>(stored.matrix(), four, three, context), Error);
  EXPECT_THROW(multiply<double>(stored.matrix(), Block<double>(3, 2, 0).view(), four, context), Error);
  StoredMatrix integers = stored.matrix();
  integers.dtype = DType::i32;
  try {
    multiply<double>(integers, three, four, context);
    FAIL() << "integers were multiplied";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("i32"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sigmax::kernels
