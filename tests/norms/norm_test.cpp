// Every norm by name against plain long double sums, in every storage type and layout.
#include "sigmax/norms/norm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A matrix in long double, row-major.
struct Plain {
  std::size_t rows;
  std::size_t columns;
  std::vector<double> values;

  std::vector<long double> sums(bool of_columns) const {
    std::vector<long double> all(of_columns ? columns : rows);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) all[of_columns ? j : i] += std::fabs(values[i * columns + j]);
    }
    return all;
  }

  // The q-norm of the p-norms of the lines.
  long double mixed(long double p, long double q, bool of_columns) const {
    std::vector<long double> lines(of_columns ? columns : rows, 0.0L);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        const long double x = std::fabs(static_cast<long double>(values[i * columns + j]));
        long double& line = lines[of_columns ? j : i];
        line = std::isinf(p) ? std::max(line, x) : line + std::pow(x, p);
      }
    }
    long double total = 0;
    for (long double line : lines) {
      if (!std::isinf(p)) line = std::pow(line, 1 / p);
      total = std::isinf(q) ? std::max(total, line) : total + std::pow(line, q);
    }
    return std::isinf(q) ? total : std::pow(total, 1 / q);
  }

  long double p_norm(long double p) const {
    long double sum = 0;
    for (const double value : values) sum += std::pow(std::fabs(static_cast<long double>(value)), p);
    return std::pow(sum, 1 / p);
  }
};

long double largest(const std::vector<long double>& x) { return *std::max_element(x.begin(), x.end()); }
long double smallest(const std::vector<long double>& x) { return *std::min_element(x.begin(), x.end()); }

long double schatten_of(const std::vector<long double>& sigma, long double p) {
  long double sum = 0;
  for (const long double value : sigma) sum += std::pow(value, p);
  return std::pow(sum, 1 / p);
}

double value_of(const Tensor& tensor, const std::string& ord, Context& context) {
  return norm(tensor, parse_norm(ord), context).value;
}

void check(const Tensor& tensor, const std::string& what, Context& context) {
  Plain plain{static_cast<std::size_t>(tensor.shape()[0]), static_cast<std::size_t>(tensor.shape()[1]), {}};
  for (std::int64_t i = 0; i < tensor.shape()[0]; ++i) {
    for (std::int64_t j = 0; j < tensor.shape()[1]; ++j) plain.values.push_back(tensor.at(std::vector{i, j}));
  }
  const std::vector<long double> sigma = gallery::reference_singular_values(plain.values, plain.rows, plain.columns);
  const std::vector<long double> first_two(sigma.begin(),
                                           sigma.begin() + std::min<std::ptrdiff_t>(2, std::ssize(sigma)));
  struct Line {
    const char* ord;
    long double wanted;
    long double scale = 0;  // the magnitude that the error is relative to; 0: the value itself
  };
  const Line lines[] = {
      {"fro", plain.p_norm(2)},
      {"entrywise:1", plain.p_norm(1)},
      {"entrywise:2", plain.p_norm(2)},
      {"entrywise:3.5", plain.p_norm(3.5L)},
      {"1", largest(plain.sums(true))},
      {"-1", smallest(plain.sums(true))},
      {"inf", largest(plain.sums(false))},
      {"-inf", smallest(plain.sums(false))},
      {"2", sigma.front()},
      {"-2", sigma.back(), sigma.front()},
      {"nuc", schatten_of(sigma, 1)},
      {"schatten:1", schatten_of(sigma, 1)},
      {"schatten:2", plain.p_norm(2)},
      {"schatten:3", schatten_of(sigma, 3)},
      {"schatten:inf", sigma.front()},
      {"kyfan:1", sigma.front()},
      {first_two.size() == 2 ? "kyfan:2" : "kyfan:1", schatten_of(first_two, 1)},
      {first_two.size() == 2 ? "kyfan:2,2.5" : "kyfan:1,2.5", schatten_of(first_two, 2.5L)},
      {"mixed:2,1", plain.mixed(2, 1, true)},
      {"mixed:2,1,rows", plain.mixed(2, 1, false)},
      {"mixed:3.5,1.25", plain.mixed(3.5L, 1.25L, true)},
      {"mixed:inf,1", plain.mixed(kInfinity, 1, true)},
      {"mixed:inf,3,rows", plain.mixed(kInfinity, 3, false)},
      {"mixed:1,inf", plain.mixed(1, kInfinity, true)},
      {"induced:1,3", plain.mixed(3, kInfinity, true)},
      {"induced:2,inf", plain.mixed(2, kInfinity, false)},
      {"induced:4,inf", plain.mixed(4.0L / 3, kInfinity, false)},
      {"induced:inf,inf", plain.mixed(1, kInfinity, false)},
      {"induced:2,2", sigma.front()},
  };
  for (const Line& line : lines) {
    const double allowed = tolerance::of_matrix(tensor.shape()[0], tensor.shape()[1],
                                                static_cast<double>(line.scale > 0 ? line.scale : line.wanted), 16);
    EXPECT_NEAR(value_of(tensor, line.ord, context), static_cast<double>(line.wanted), allowed)
        << line.ord << " of " << what;
  }
  double max_abs = 0;
  for (const double value : plain.values) max_abs = std::max(max_abs, std::fabs(value));
  EXPECT_EQ(value_of(tensor, "max", context), max_abs) << what;
  EXPECT_EQ(value_of(tensor, "entrywise:inf", context), max_abs) << what;
}

TEST(Norm, AgreesWithPlainSumsInEveryStorageTypeAndLayout) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& [rows, columns] :
         {std::pair<std::int64_t, std::int64_t>{7, 12}, {12, 7}, {1, 9}, {9, 1}, {1, 1}}) {
      const std::vector<double> values = gallery::normal(rows * columns, 53);
      const std::string what = std::string(name(dtype)) + " " + std::to_string(rows) + "x" + std::to_string(columns);
      check(Tensor::rounded(values, {rows, columns}, dtype), what, context);
      check(gallery::column_major(dtype, rows, columns, values), what + " column-major", context);
      check(gallery::gapped(dtype, rows, columns, values), what + " gapped", context);
    }
  }
}

// The results of numpy.linalg.norm for this matrix.
TEST(Norm, MeansWhatNumPyMeans) {
  Context context(1);
  const Tensor a = Tensor::copy_of(std::vector<double>{1, -2, 3, 4, 5, -6}, {2, 3});
  EXPECT_EQ(value_of(a, "1", context), 9);
  EXPECT_EQ(value_of(a, "-1", context), 5);
  EXPECT_EQ(value_of(a, "inf", context), 15);
  EXPECT_EQ(value_of(a, "-inf", context), 6);
  EXPECT_DOUBLE_EQ(value_of(a, "fro", context), std::sqrt(91.0));
  // A A^T = [[14, -24], [-24, 77]]
  const double root = std::sqrt(63.0 * 63 + 4 * 24 * 24);
  EXPECT_DOUBLE_EQ(value_of(a, "2", context), std::sqrt((91 + root) / 2));
  EXPECT_DOUBLE_EQ(value_of(a, "-2", context), std::sqrt((91 - root) / 2));
  EXPECT_DOUBLE_EQ(value_of(a, "nuc", context), std::sqrt((91 + root) / 2) + std::sqrt((91 - root) / 2));
}

TEST(Norm, KeepsHugeAndTinyMatricesInRange) {
  Context context(1);
  const char* const ords[] = {"fro",
                              "max",
                              "entrywise:1",
                              "entrywise:3",
                              "1",
                              "-1",
                              "inf",
                              "-inf",
                              "2",
                              "-2",
                              "nuc",
                              "schatten:3",
                              "kyfan:2",
                              "kyfan:2,3",
                              "mixed:2,1",
                              "mixed:3,1.5",
                              "mixed:3,2,rows",
                              "induced:1,3",
                              "induced:3,inf"};
  const std::vector<double> values = gallery::normal(6 * 5, 59);
  const Tensor plain = Tensor::copy_of(values, {6, 5});
  for (const double unit : {0x1p1000, 0x1p-1000}) {
    std::vector<double> scaled = values;
    for (double& value : scaled) value *= unit;
    const Tensor tensor = Tensor::copy_of(scaled, {6, 5});
    for (const char* const ord : ords) {
      const double wanted = value_of(plain, ord, context);
      EXPECT_NEAR(value_of(tensor, ord, context) / unit, wanted, tolerance::of_matrix(6, 5, wanted))
          << ord << " " << unit;
    }
  }
}

TEST(Norm, IsInfiniteWhereItsValueIsBeyondTheRange) {
  Context context(1);
  const Tensor a = Tensor::copy_of(std::vector<double>(4, std::numeric_limits<double>::max()), {2, 2});
  for (const char* const ord : {"fro", "1", "-1", "inf", "-inf", "2", "nuc", "entrywise:1"}) {
    EXPECT_EQ(value_of(a, ord, context), kInfinity) << ord;
  }
  EXPECT_EQ(value_of(a, "max", context), std::numeric_limits<double>::max());
}

TEST(Norm, IsZeroForAZeroMatrix) {
  Context context(1);
  const Tensor zero = Tensor::copy_of(std::vector<float>(12, 0.0F), {3, 4});
  for (const char* const ord : {"fro", "max", "entrywise:3", "1", "-1", "inf", "-inf", "2", "-2", "nuc", "schatten:3",
                                "kyfan:2,3", "mixed:2,1", "mixed:3,inf", "induced:1,2", "induced:3,inf"}) {
    EXPECT_EQ(value_of(zero, ord, context), 0) << ord;
  }
}

TEST(Norm, EnclosesTheSpectralNormAndNothingElse) {
  Context context(1);
  const Tensor a = Tensor::copy_of(gallery::normal(9 * 8, 61), {9, 8});
  const NormResult spectral = norm(a, Spectral{}, context);
  ASSERT_TRUE(spectral.enclosure.has_value());
  const std::vector<double> values = gallery::normal(9 * 8, 61);
  const long double sigma = gallery::reference_singular_values(values, 9, 8)[0];
  EXPECT_LE(spectral.enclosure->lower.value(), sigma);
  ASSERT_TRUE(spectral.enclosure->upper.has_value());
  EXPECT_GE(spectral.enclosure->upper->value(), sigma);
  EXPECT_FALSE(norm(a, Frobenius{}, context).enclosure.has_value());
}

TEST(Norm, SaysWhatItIs) {
  Context context(1);
  const Tensor a = Tensor::copy_of(std::vector<double>{1, 2, 3, 4}, {2, 2});
  EXPECT_EQ(norm(a, Spectral{}, context).meaning, "induced 2-norm, sigma_max");
  EXPECT_EQ(norm(a, parse_norm("1"), context).meaning, "induced 1-norm, largest column sum");
  EXPECT_EQ(norm(a, parse_norm("-inf"), context).meaning, "smallest row sum");
  EXPECT_EQ(norm(a, parse_norm("nuc"), context).meaning, "nuclear norm, sum of singular values");
}

TEST(Norm, RefusesWhatHasNoNorm) {
  Context context(1);
  const auto message = [&](const Tensor& tensor, const Norm& which) -> std::string {
    try {
      static_cast<void>(norm(tensor, which, context));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const Tensor a = Tensor::copy_of(std::vector<double>{1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_NE(message(Tensor(DType::f32, {0, 3}, nullptr, nullptr), Frobenius{}).find("[0, 3]"), std::string::npos);
  EXPECT_NE(message(a.reshaped({6}), Frobenius{}).find("[6]"), std::string::npos);
  EXPECT_NE(message(Tensor(DType::i64, {1, 1}, nullptr, nullptr), Frobenius{}).find("i64"), std::string::npos);
  const Tensor bad = Tensor::copy_of(std::vector<double>{std::nan(""), 1, kInfinity, -kInfinity}, {2, 2});
  EXPECT_NE(message(bad, Frobenius{}).find("1 NaN and 2 infinite"), std::string::npos);
  EXPECT_NE(message(a, Entrywise{0.5}).find("0.5"), std::string::npos);
  EXPECT_NE(message(a, Schatten{0.25}).find("0.25"), std::string::npos);
  EXPECT_NE(message(a, KyFan{3}).find("between 1"), std::string::npos);
  EXPECT_NE(message(a, KyFan{0}).find("between 1"), std::string::npos);
}

}  // namespace
}  // namespace sigmax::norms
