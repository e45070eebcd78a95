// Enclosures of norms contain the value in extended precision, for stored matrices and for operators composed of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Reference {
  std::string ord;
  long double value;
  bool of_values;  // a norm of singular values
};

long double p_norm(const std::vector<long double>& x, long double p) {
  const long double largest = *std::max_element(x.begin(), x.end());
  if (largest == 0) return 0;
  long double sum = 0;
  for (const long double value : x) sum += std::pow(value / largest, p);
  return largest * std::pow(sum, 1 / p);
}

// The q-norm of the p-norms of the columns or rows.
long double mixed(const std::vector<long double>& a, std::size_t rows, std::size_t columns, long double p,
                  long double q, bool of_columns) {
  std::vector<std::vector<long double>> lines(of_columns ? columns : rows);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) lines[of_columns ? j : i].push_back(std::fabs(a[i * columns + j]));
  }
  const auto norm_of = [](const std::vector<long double>& x, long double r) {
    return std::isinf(r) ? *std::max_element(x.begin(), x.end()) : p_norm(x, r);
  };
  std::vector<long double> lengths;
  for (const auto& line : lines) lengths.push_back(norm_of(line, p));
  return norm_of(lengths, q);
}

std::vector<Reference> references(const std::vector<long double>& a, std::size_t rows, std::size_t columns) {
  std::vector<long double> entries;
  std::vector<long double> row_sums(rows, 0.0L);
  std::vector<long double> column_sums(columns, 0.0L);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const long double value = std::fabs(a[i * columns + j]);
      entries.push_back(value);
      row_sums[i] += value;
      column_sums[j] += value;
    }
  }
  const std::vector<long double> sigma = gallery::reference_singular_values(a, rows, columns);
  const auto k = std::min<std::size_t>(2, sigma.size());
  const std::vector<long double> leading(sigma.begin(), sigma.begin() + static_cast<std::ptrdiff_t>(k));
  return {{"fro", p_norm(entries, 2), false},
          {"max", *std::max_element(entries.begin(), entries.end()), false},
          {"entrywise:1", p_norm(entries, 1), false},
          {"entrywise:3.5", p_norm(entries, 3.5L), false},
          {"1", *std::max_element(column_sums.begin(), column_sums.end()), false},
          {"-1", *std::min_element(column_sums.begin(), column_sums.end()), false},
          {"inf", *std::max_element(row_sums.begin(), row_sums.end()), false},
          {"-inf", *std::min_element(row_sums.begin(), row_sums.end()), false},
          {"2", sigma.front(), true},
          {"-2", sigma.back(), true},
          {"nuc", p_norm(sigma, 1), true},
          {"schatten:3", p_norm(sigma, 3), true},
          {"schatten:inf", sigma.front(), true},
          {"kyfan:" + std::to_string(k), p_norm(leading, 1), true},
          {"kyfan:" + std::to_string(k) + ",3", p_norm(leading, 3), true},
          {"mixed:2,1", mixed(a, rows, columns, 2, 1, true), false},
          {"mixed:1.5,3.5,rows", mixed(a, rows, columns, 1.5L, 3.5L, false), false},
          {"mixed:inf,2", mixed(a, rows, columns, kInfinity, 2, true), false},
          {"induced:1,2", mixed(a, rows, columns, 2, kInfinity, true), false},
          {"induced:4,inf", mixed(a, rows, columns, 4.0L / 3, kInfinity, false), false}};
}

NormOptions enclosing() { return repeatable<NormOptions>(); }

// The reference is known to a few roundings of long double; `width` is absolute.
void expect_encloses(const NormResult& found, const Reference& wanted, double width, const std::string& what) {
  const long double slack = 64 * std::numeric_limits<long double>::epsilon() * wanted.value;
  ASSERT_TRUE(found.enclosure.has_value()) << what;
  EXPECT_EQ(found.kind(), Known::proven) << what;
  ASSERT_TRUE(found.enclosure->upper.has_value()) << what;
  EXPECT_LE(found.enclosure->lower.value(), wanted.value + slack) << what;
  EXPECT_GE(found.enclosure->upper->value(), wanted.value - slack) << what;
  EXPECT_LE(found.enclosure->lower.value(), found.value) << what;
  EXPECT_GE(found.enclosure->upper->value(), found.value) << what;
  EXPECT_LE(found.enclosure->upper->value() - found.enclosure->lower.value(), width) << what;
}

// A factorization distinguishes values whose squares differ by more than rounding, so each value is known to the square
// root of rounding.
double width_of(const Reference& wanted, double largest, std::int64_t rows, std::int64_t columns) {
  const auto all = static_cast<double>(std::min(rows, columns));
  if (wanted.of_values) return all * largest * std::sqrt(tolerance::relative(rows + columns, 1, all, 64));
  return tolerance::relative(512 + rows + columns, 1) * static_cast<double>(wanted.value);
}

TEST(NormEnclosure, ContainsTheValueOfEveryNormInEveryStorageTypeAndLayout) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& [rows, columns] :
         {std::pair<std::int64_t, std::int64_t>{7, 12}, {12, 7}, {1, 9}, {9, 1}, {1, 1}}) {
      const std::vector<double> values = gallery::normal(rows * columns, 71);
      for (const Tensor& tensor :
           {Tensor::rounded(values, {rows, columns}, dtype), gallery::column_major(dtype, rows, columns, values)}) {
        std::vector<long double> exact;
        for (std::int64_t i = 0; i < rows; ++i) {
          for (std::int64_t j = 0; j < columns; ++j) exact.push_back(tensor.at(std::vector{i, j}));
        }
        const auto all = references(exact, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
        const auto largest = static_cast<double>(all[8].value);
        for (const Reference& wanted : all) {
          const NormResult found = norm(tensor, parse_norm(wanted.ord), enclosing(), context);
          const std::string what = wanted.ord + " of " + std::string(name(dtype)) + " " + std::to_string(rows) + "x" +
                                   std::to_string(columns);
          expect_encloses(found, wanted, width_of(wanted, largest, rows, columns), what);
          const NormResult of_operator = norm(*dense<double>(tensor), parse_norm(wanted.ord), enclosing(), context);
          expect_encloses(of_operator, wanted, width_of(wanted, largest, rows, columns), "operator, " + what);
          EXPECT_EQ(of_operator.meaning, found.meaning);
        }
      }
    }
  }
}

// Its square is below the rounding of the others' squares, so no proof that squares the matrix sees it.
TEST(NormEnclosure, TellsATinySmallestValueFromZero) {
  Context context(1);
  constexpr double kTiny = 1e-10;
  const std::vector<double> values = gallery::with_singular_values(6, 4, {1, 0.5, 1e-3, kTiny}, 4);
  const std::vector<long double> exact(values.begin(), values.end());
  const long double wanted = gallery::reference_singular_values(exact, 6, 4).back();
  const Tensor a = Tensor::copy_of(values, {6, 4});
  for (const NormResult& found : {norm(a, SmallestSingular{}, enclosing(), context),
                                  norm(*dense<double>(a), SmallestSingular{}, enclosing(), context)}) {
    EXPECT_EQ(found.kind(), Known::proven);
    EXPECT_FALSE(found.method.empty());
    EXPECT_GT(found.enclosure->lower.value(), 0.9 * kTiny);
    EXPECT_LE(found.enclosure->lower.value(), wanted);
    EXPECT_GE(found.enclosure->upper->value(), wanted);
    EXPECT_LE(found.enclosure->upper->value(), 1.1 * kTiny);
  }
}

// The exact combination, in long double: the operator itself, without the rounding of its products.
TEST(NormEnclosure, ContainsTheValueOfASumAndAProduct) {
  Context context(2);
  constexpr std::int64_t kRows = 9, kColumns = 6, kInner = 4;
  const std::vector<double> a = gallery::normal(kRows * kColumns, 3);
  const std::vector<double> b = gallery::normal(kRows * kInner, 4);
  const std::vector<double> c = gallery::normal(kInner * kColumns, 5);
  const Operator<double> op = dense<double>(Tensor::copy_of(a, {kRows, kColumns})) +
                              0.5 * (dense<double>(Tensor::copy_of(b, {kRows, kInner})) *
                                     dense<double>(Tensor::copy_of(c, {kInner, kColumns})));
  std::vector<long double> exact(a.begin(), a.end());
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < kColumns; ++j) {
      for (std::size_t k = 0; k < kInner; ++k) {
        exact[i * kColumns + j] += 0.5L * b[i * kInner + k] * c[k * kColumns + j];
      }
    }
  }
  const auto all = references(exact, kRows, kColumns);
  const auto largest = static_cast<double>(all[8].value);
  for (const Reference& wanted : all) {
    const NormResult found = norm(*op, parse_norm(wanted.ord), enclosing(), context);
    // The rounding of each entry; for norms of entries, as many times as there are entries.
    const Reference of_values{wanted.ord, wanted.value, true};
    expect_encloses(found, wanted, width_of(of_values, largest, kRows, kColumns), wanted.ord);
    const double rounding = tolerance::of_matrix(kRows, kColumns, largest, 64);
    EXPECT_NEAR(found.value, static_cast<double>(wanted.value), rounding) << wanted.ord;
  }
}

TEST(NormEnclosure, OfAnOpaqueOperatorIsNotCalledProven) {
  Context context(1);
  const Operator<double> inner = dense<double>(Tensor::copy_of(gallery::normal(40 * 30, 8), {40, 30}));
  const Operator<double> opaque = function_operator<double>(
      inner->shape(), [=](MatrixView<const double> x, MatrixView<double> y, Context& c) { inner->apply(x, y, c); },
      [=](MatrixView<const double> y, MatrixView<double> x, Context& c) { inner->apply_adjoint(y, x, c); });
  for (const Norm& which : {Norm(Spectral{}), Norm(KyFan{2}), Norm(SmallestSingular{}), Norm(Nuclear{})}) {
    const NormResult found = norm(*opaque, which, NormOptions{}, context);
    // Without a check the only lower bound of the smallest value is 0.
    const bool says_nothing = found.enclosure && found.enclosure->lower.value() == 0;
    EXPECT_TRUE(found.kind() != Known::proven || says_nothing) << spelling_of(which);
    const NormResult known = norm(*inner, which, NormOptions{}, context);
    EXPECT_NEAR(found.value, known.value, tolerance::of_matrix(40, 30, known.value, 64)) << spelling_of(which);
  }
  EXPECT_EQ(norm(*opaque, RowSum{}, NormOptions{}, context).kind(), Known::computed);
}

TEST(NormEnclosure, HoldsForHugeTinyAndZeroMatrices) {
  Context context(1);
  const std::vector<double> values = gallery::normal(6 * 5, 59);
  for (const double unit : {0x1p1000, 0x1p-1000, 0.0}) {
    std::vector<double> scaled = values;
    for (double& value : scaled) value *= unit;
    const std::vector<long double> exact(scaled.begin(), scaled.end());
    const Tensor tensor = Tensor::copy_of(scaled, {6, 5});
    const auto all = references(exact, 6, 5);
    for (const Reference& wanted : all) {
      const NormResult found = norm(tensor, parse_norm(wanted.ord), enclosing(), context);
      expect_encloses(found, wanted, width_of(wanted, static_cast<double>(all[8].value), 6, 5), wanted.ord);
    }
  }
}

TEST(NormEnclosure, BeyondTheRangeHasALowerEndOnly) {
  Context context(1);
  const Tensor a = Tensor::copy_of(std::vector<double>(4, std::numeric_limits<double>::max()), {2, 2});
  for (const char* const ord : {"fro", "1", "-1", "inf", "-inf", "2", "nuc", "entrywise:1", "kyfan:1"}) {
    const NormResult found = norm(a, parse_norm(ord), enclosing(), context);
    EXPECT_EQ(found.value, kInfinity) << ord;
    EXPECT_EQ(found.kind(), Known::lower_only) << ord;
    EXPECT_GE(found.enclosure->lower.value(), 0x1p1023) << ord;
  }
}

TEST(NormEnclosure, ChangesNoValueAndIsGivenOnRequestOnly) {
  Context context(2);
  // Large enough to be cut into pieces.
  const std::vector<double> values = gallery::normal(420 * 400, 11);
  const Tensor tensor = Tensor::copy_of(values, {420, 400});
  NormOptions alone = enclosing();
  alone.enclose = false;
  for (const Row& row : rows()) {
    if (row.family == Family::induced || row.family == Family::numerical_range) continue;
    const bool two = row.spelling.find(',') != std::string_view::npos;
    const Norm which = parse_norm(std::string(row.stem) + (row.has_number() ? (two ? "3,2" : "3") : ""));
    const NormResult found = norm(tensor, which, context);
    const bool spectral = std::holds_alternative<Spectral>(which);
    EXPECT_EQ(found.kind(), spectral ? Known::proven : Known::computed) << row.spelling;
    const double value = norm(tensor, which, alone, context).value;
    EXPECT_NEAR(value, found.value, spectral ? tolerance::of_matrix(420, 400, found.value) : 0) << row.spelling;
    if (row.family == Family::singular_values) continue;
    const NormResult enclosed = norm(tensor, which, enclosing(), context);
    EXPECT_EQ(enclosed.value, found.value) << row.spelling;
    EXPECT_TRUE(enclosed.enclosure->is_proven()) << row.spelling;
    EXPECT_EQ(norm(*dense<double>(tensor), which, alone, context).value, found.value) << row.spelling;
  }
}

TEST(NormEnclosure, SaysHowFarATieIs) {
  Context context(1);
  const Tensor diagonal = Tensor::copy_of(std::vector<double>{4, 0, 0, 0, 3, 0, 0, 0, 1}, {3, 3});
  const double allowed = tolerance::relative(3, 3);
  EXPECT_NEAR(norm(diagonal, KyFan{2}, context).gap.value(), 0.5, allowed);
  EXPECT_NEAR(norm(diagonal, SmallestSingular{}, context).gap.value(), 0.25, allowed);
  EXPECT_NEAR(norm(diagonal, Nuclear{}, context).gap.value(), 0.25, allowed);
  EXPECT_FALSE(norm(diagonal, Schatten{3}, context).gap.has_value());
}

TEST(NormOfAnOperator, RefusesWhatHasNoNorm) {
  Context context(1);
  const Operator<double> a = dense<double>(Tensor::copy_of(gallery::normal(6, 1), {2, 3}));
  EXPECT_THROW(static_cast<void>(norm(*a, KyFan{3}, NormOptions{}, context)), Error);
  EXPECT_THROW(static_cast<void>(norm(*a, Schatten{0.5}, NormOptions{}, context)), Error);
  EXPECT_THROW(static_cast<void>(norm(*a, Entrywise{0.5}, NormOptions{}, context)), Error);
  const Operator<double> bad = dense<double>(Tensor::copy_of(std::vector<double>{1, std::nan("")}, {1, 2}));
  EXPECT_THROW(static_cast<void>(norm(*bad, Frobenius{}, NormOptions{}, context)), Error);
  EXPECT_THROW(static_cast<void>(norm(*bad, Nuclear{}, NormOptions{}, context)), Error);
}

}  // namespace
}  // namespace sigmax::norms
