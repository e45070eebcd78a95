// The matrix-vector kernels against long double, with the error bound that their header states.
#include "sigmax/kernels/matvec.hpp"

#include <gtest/gtest.h>

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

// A vector in long double with the sum of absolute values that its error is measured against.
struct Reference {
  explicit Reference(std::int64_t size) : value(static_cast<std::size_t>(size)), magnitude(value.size()) {}
  std::vector<long double> value;
  std::vector<long double> magnitude;
};

Reference product(const std::vector<double>& a, std::int64_t rows, std::int64_t columns, const Reference& x) {
  Reference y(rows);
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    for (std::size_t j = 0; j < x.value.size(); ++j) {
      const long double entry = a[i * static_cast<std::size_t>(columns) + j];
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
      const long double entry = a[i * static_cast<std::size_t>(columns) + j];
      x.value[j] += entry * y.value[i];
      x.magnitude[j] += std::fabs(entry) * y.magnitude[i];
    }
  }
  return x;
}

Reference exact(const std::vector<double>& x) {
  Reference r(static_cast<std::int64_t>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    r.value[i] = x[i];
    r.magnitude[i] = std::fabs(x[i]);
  }
  return r;
}

void expect_within(const std::vector<double>& computed, const Reference& wanted, std::int64_t terms,
                   const std::string& what) {
  const long double gamma = tolerance::gamma(terms);
  for (std::size_t i = 0; i < computed.size(); ++i) {
    ASSERT_LE(std::fabs(computed[i] - wanted.value[i]), gamma * wanted.magnitude[i])
        << what << ", entry " << i << " is " << computed[i] << " instead of " << wanted.value[i];
  }
}

std::vector<double> filled_with_nan(std::int64_t size) {
  return std::vector<double>(static_cast<std::size_t>(size), std::numeric_limits<double>::quiet_NaN());
}

// All three kernels on one matrix. Outputs begin as NaN: what is there before must not matter.
void check(const Stored& stored, Context& context, const std::string& where = {}) {
  const StoredMatrix a = stored.matrix();
  const std::string what = stored.what() + " " + where;
  const std::vector<double> values = stored.values();
  const std::vector<double> x = normal(a.columns, 11);
  const std::vector<double> y = normal(a.rows, 12);

  std::vector<double> image = filled_with_nan(a.rows);
  multiply(a, x, image, context);
  const Reference wanted_image = product(values, a.rows, a.columns, exact(x));
  expect_within(image, wanted_image, a.columns, "multiply " + what);

  std::vector<double> adjoint = filled_with_nan(a.columns);
  multiply_transposed(a, y, adjoint, context);
  expect_within(adjoint, transposed_product(values, a.columns, exact(y)), a.rows, "multiply_transposed " + what);

  std::vector<double> z = filled_with_nan(a.columns);
  gram(a, x, z, context);
  expect_within(z, transposed_product(values, a.columns, wanted_image), a.rows + a.columns, "gram " + what);
}

Stored sample(DType dtype, std::int64_t rows, std::int64_t columns, std::int64_t gap = 0, std::int64_t offset = 0) {
  return {dtype, rows, columns, normal(rows * columns, 7), gap, offset};
}

void check_small_shapes(DType dtype, Context& context, const std::string& where) {
  constexpr std::int64_t kAwkward[][2] = {{0, 0}, {1, 1}, {5, 3}};  // gap and offset, in elements
  for (std::int64_t rows = 1; rows <= 20; ++rows) {
    for (std::int64_t columns = 1; columns <= 40; ++columns) {
      for (const auto& [gap, offset] : kAwkward) {
        check(sample(dtype, rows, columns, gap, offset), context, where);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Matvec, StaysWithinItsErrorBoundForEveryShapeAroundTheVectorLengths) {
  Context context(1);
  for (const DType dtype : kStorageTypes) check_small_shapes(dtype, context, {});
}

TEST(Matvec, StaysWithinItsErrorBoundOnEveryInstructionSet) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    EXPECT_EQ(simd_target(), target);
    for (const DType dtype : kStorageTypes) {
      for (std::int64_t rows = 1; rows <= 17; rows += 4) {
        for (std::int64_t columns = 1; columns <= 35; ++columns) {
          check(sample(dtype, rows, columns, columns % 3, columns % 2), context, target);
        }
      }
      check(sample(dtype, 257, 331), context, target);
    }
  });
}

TEST(Matvec, StaysWithinItsErrorBoundAcrossPieces) {
  Context context(3);
  for (const DType dtype : kStorageTypes) {
    check(sample(dtype, 1000, 700), context);
    check(sample(dtype, 1001, 699, 3, 1), context);
  }
  check(sample(DType::f32, 3, 200000), context);
  check(sample(DType::f32, 200000, 3), context);
  check(sample(DType::bf16, 20001, 17), context);
}

TEST(Matvec, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const auto& [rows, columns] : {std::pair{1000, 700}, {200000, 3}, {3, 200000}, {77, 19}}) {
    const Stored stored = sample(DType::f32, rows, columns);
    const std::vector<double> x = normal(columns, 3);
    const std::vector<double> y = normal(rows, 4);
    std::vector<std::vector<double>> first;
    for (const int threads : {1, 2, 3}) {
      Context context(threads);
      std::vector<std::vector<double>> results = {filled_with_nan(rows), filled_with_nan(columns),
                                                  filled_with_nan(columns)};
      multiply(stored.matrix(), x, results[0], context);
      multiply_transposed(stored.matrix(), y, results[1], context);
      gram(stored.matrix(), x, results[2], context);
      if (threads == 1) first = results;
      EXPECT_EQ(results, first) << rows << "x" << columns << " with " << threads << " threads";
    }
  }
}

TEST(Matvec, GivesZerosForAMatrixWithoutRowsOrColumns) {
  Context context(1);
  const std::vector<double> three = {1, 2, 3};
  std::vector<double> out = filled_with_nan(3);
  const StoredMatrix no_columns{DType::f32, nullptr, 3, 0, 1};
  multiply(no_columns, {}, out, context);
  EXPECT_EQ(out, std::vector<double>(3, 0.0));
  const StoredMatrix no_rows{DType::f32, nullptr, 0, 3, 3};
  out = filled_with_nan(3);
  multiply_transposed(no_rows, {}, out, context);
  EXPECT_EQ(out, std::vector<double>(3, 0.0));
  out = filled_with_nan(3);
  gram(no_rows, three, out, context);
  EXPECT_EQ(out, std::vector<double>(3, 0.0));
}

TEST(Matvec, CarriesNonFiniteEntriesToTheResult) {
  Context context(1);
  std::vector<double> values(8 * 9, 1.0);
  values[4 * 9 + 8] = std::numeric_limits<double>::quiet_NaN();
  values[5 * 9 + 2] = std::numeric_limits<double>::infinity();
  for (const DType dtype : kStorageTypes) {
    const Stored stored(dtype, 8, 9, values);
    std::vector<double> y(8);
    multiply(stored.matrix(), std::vector<double>(9, 1.0), y, context);
    EXPECT_TRUE(std::isnan(y[4]));
    EXPECT_TRUE(std::isinf(y[5]));
    EXPECT_EQ(y[3], 9);
  }
}

TEST(Matvec, RefusesTypesAndLengthsThatDoNotFit) {
  Context context(1);
  const Stored stored = sample(DType::f32, 4, 3);
  std::vector<double> three(3), four(4);
  EXPECT_THROW(multiply(stored.matrix(), four, four, context), Error);
  EXPECT_THROW(multiply(stored.matrix(), three, three, context), Error);
  EXPECT_THROW(multiply_transposed(stored.matrix(), three, three, context), Error);
  EXPECT_THROW(gram(stored.matrix(), three, four, context), Error);
  StoredMatrix integers = stored.matrix();
  integers.dtype = DType::i32;
  try {
    multiply(integers, three, four, context);
    FAIL() << "integers were multiplied";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("i32"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sigmax::kernels
