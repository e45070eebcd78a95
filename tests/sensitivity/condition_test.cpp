// Condition numbers: closed forms, exact rational inverses, invariance, and what is said where nothing can be proven.
#include "sigmax/sensitivity/condition.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::sensitivity {
namespace {

using Values = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// The width of a proof in which each end moved outward by 64 u in each of at most 60 steps.
constexpr double kTight = tolerance::kSmallProof;

struct NamedNorm {
  std::string name;
  norms::Norm norm;
};
const std::vector<NamedNorm> kNorms = {
    {"1", norms::ColumnSum{}}, {"2", norms::Spectral{}}, {"inf", norms::RowSum{}}, {"fro", norms::Frobenius{}}};

Tensor tensor(const Values& values, std::int64_t rows, std::int64_t columns, DType type = DType::f64) {
  return Tensor::rounded(values, {rows, columns}, type);
}

ConditionOptions options_for_tests() { return {repeatable<CertifyOptions>(), true}; }

Condition of(const Tensor& a, const norms::Norm& which, const ConditionOptions& options = options_for_tests()) {
  Context context(1);
  return condition(a, which, options, context);
}

// Both ends, `truth` being rounded to double.
void expect_encloses(const Enclosure& e, double truth, double width, const std::string& what = "") {
  EXPECT_LE(e.lower.value(), truth * (1 + tolerance::kEpsilon)) << what;
  ASSERT_TRUE(e.upper) << what;
  EXPECT_GE(e.upper->value(), truth * (1 - tolerance::kEpsilon)) << what;
  EXPECT_LE(e.upper->value() - e.lower.value(), width * truth) << what;
}

// A Hilbert matrix times the least common multiple of its denominators: integers, with the same condition numbers.
Values hilbert(std::int64_t n) {
  std::int64_t multiple = 1;
  for (std::int64_t k = 1; k < 2 * n; ++k) multiple = std::lcm(multiple, k);
  Values values;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) values.push_back(static_cast<double>(multiple / (i + j + 1)));
  }
  return values;
}

// [[1, 2], [-3, 4]], whose inverse is [[4, -2], [3, 1]] / 10.
TEST(Condition, OfATwoByTwoMatrixIsThatOfItsInverse) {
  const Tensor m = tensor({1, 2, -3, 4}, 2, 2);
  expect_encloses(of(m, norms::ColumnSum{}).number, 4.2, kTight);
  expect_encloses(of(m, norms::RowSum{}).number, 4.2, kTight);
  expect_encloses(of(m, norms::Frobenius{}).number, 3, kTight);
  expect_encloses(of(m, norms::Spectral{}).number, 2.61803398874989485, kTight);
  for (const NamedNorm& which : kNorms) {
    const Condition found = of(m, which.norm);
    EXPECT_EQ(found.kind(), norms::Known::proven);
    EXPECT_GE(found.value, found.number.lower.value());
    EXPECT_LE(found.value, found.number.upper->value());
    expect_encloses(*found.sigma_min, 1.95439507584854796, kTight, which.name);
  }
}

TEST(Condition, TheDistanceToSingularityIsTheReciprocalOfTheInverseNorm) {
  const Tensor m = tensor({1, 2, -3, 4}, 2, 2);
  expect_encloses(of(m, norms::ColumnSum{}).distance, 10.0 / 7, kTight);
  expect_encloses(of(m, norms::RowSum{}).distance, 5.0 / 3, kTight);
  expect_encloses(of(m, norms::Spectral{}).distance, 1.95439507584854796, kTight);
  // diag(2, 1): sigma_min, and not |A|_F / kappa_F.
  expect_encloses(of(tensor({2, 0, 0, 1}, 2, 2), norms::Frobenius{}).distance, 1, kTight);
}

// Exact values: the inverse of a Hilbert matrix has integer entries.
TEST(Condition, OfHilbertMatricesIsProvenWhereLapackEstimatesIt) {
  constexpr double kTen = 16026286870216.8828;
  expect_encloses(of(tensor(hilbert(3), 3, 3), norms::ColumnSum{}).number, 748, kTight);
  expect_encloses(of(tensor(hilbert(5), 5, 5), norms::ColumnSum{}).number, 943656, kTight);
  expect_encloses(of(tensor(hilbert(5), 5, 5), norms::Spectral{}).number, 476607.250242560809,
                  tolerance::width_of_smallest(5, 5, 476607));
  expect_encloses(of(tensor(hilbert(10), 10, 10), norms::ColumnSum{}).number, 35357439251992.0,
                  tolerance::width_of_inverse(10, kTen));
  expect_encloses(of(tensor(hilbert(10), 10, 10), norms::Spectral{}).number, kTen,
                  tolerance::width_of_inverse(10, kTen));
}

// Two Hilbert matrices H on top of each other, the second with other signs D: the pseudo-inverse is [H^-1, H^-1 D] / 2,
// so that the condition number is that of H in the 1- and the infinity-norm. A projection onto the range is known to n
// u kappa only, which would make the upper end more than twice the lower one at 1e13.
TEST(Condition, OfTallAndWideMatricesIsNarrowInTheNormsOfEntries) {
  for (const auto& [n, kappa] : {std::pair{5, 943656.0}, std::pair{10, 35357439251992.0}}) {
    const double width = tolerance::width_of_pseudo_inverse(n, kappa);
    const Values square = hilbert(n);
    Values tall = square;
    for (std::size_t i = 0; i < square.size(); ++i)
      tall.push_back((i / static_cast<std::size_t>(n)) % 3 == 1 ? -square[i] : square[i]);
    const Tensor a = tensor(tall, 2 * n, n);
    const Tensor turned(a.dtype(), {n, 2 * n}, {a.strides()[1], a.strides()[0]}, a.data(), a.owner());
    for (const norms::Norm& which : {norms::Norm(norms::ColumnSum{}), norms::Norm(norms::RowSum{})}) {
      expect_encloses(of(a, which).number, kappa, width);
      expect_encloses(of(turned, which).number, kappa, width);
    }
  }
}

// Any matrix with orthonormal columns, times a number, is as well conditioned as possible in the 2-norm alone.
TEST(Condition, OfARotationIsOneInTheTwoNormAlone) {
  const double c = std::sqrt(0.5);
  const Tensor rotation = tensor({c, -c, c, c}, 2, 2);
  expect_encloses(of(rotation, norms::Spectral{}).number, 1, kTight);
  expect_encloses(of(rotation, norms::ColumnSum{}).number, 2, kTight);
  expect_encloses(of(rotation, norms::Frobenius{}).number, 2, kTight);
  EXPECT_GE(of(rotation, norms::Spectral{}).number.lower.value(), 1);
}

TEST(Condition, OfARectangleUsesThePseudoInverse) {
  const Values sigma = gallery::geometric(6, 1e4);
  double squares = 0, inverses = 0;
  for (const double value : sigma) squares += value * value, inverses += 1 / (value * value);
  // Rounding the entries moves each value by u |A|_F.
  const double moved = tolerance::of_matrix(11, 6, 1e4, 1);
  for (const auto& [rows, columns] : {std::pair{11, 6}, std::pair{6, 11}}) {
    const Tensor a = tensor(gallery::with_singular_values(rows, columns, sigma), rows, columns);
    const Condition two = of(a, norms::Spectral{});
    EXPECT_NEAR(two.number.lower.value(), 1e4, 1e4 * moved);
    EXPECT_NEAR(two.number.upper->value(), 1e4, 1e4 * moved);
    const Condition frobenius = of(a, norms::Frobenius{});
    EXPECT_LE(frobenius.number.lower.value(), std::sqrt(squares * inverses) * (1 + moved));
    EXPECT_GE(frobenius.number.upper->value(), std::sqrt(squares * inverses) * (1 - moved));
    EXPECT_LE(frobenius.number.relative_width(), 60 * moved);
    // In the 1-norm the number is proven for both shapes; the distance is not known.
    EXPECT_EQ(of(a, norms::ColumnSum{}).kind(), norms::Known::proven);
    EXPECT_FALSE(of(a, norms::ColumnSum{}).distance.upper) << "no formula for rectangles";
    EXPECT_TRUE(two.distance.upper);
  }
  // [1 2]: pseudo-inverse [1; 2] / 5
  expect_encloses(of(tensor({1, 2}, 1, 2), norms::ColumnSum{}).number, 2 * 0.6, kTight);
  expect_encloses(of(tensor({1, 2}, 1, 2), norms::RowSum{}).number, 3 * 0.4, kTight);
}

TEST(Condition, AgreesWithExtendedPrecisionForEveryTypeAndShape) {
  for (const DType type : gallery::kStorageTypes) {
    for (const auto& [rows, columns] : {std::pair{5, 5}, std::pair{9, 4}, std::pair{3, 8}, std::pair{1, 1}}) {
      const Tensor a = tensor(gallery::normal(rows * columns, 11), rows, columns, type);
      Values stored;
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) stored.push_back(a.at(std::vector<std::int64_t>{i, j}));
      }
      const auto sigma =
          gallery::reference_singular_values(stored, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
      const auto kappa = static_cast<double>(sigma.front() / sigma.back());
      const Condition found = of(a, norms::Spectral{});
      EXPECT_LE(found.number.lower.value(), kappa * (1 + tolerance::kEpsilon));
      EXPECT_GE(found.number.upper->value(), kappa * (1 - tolerance::kEpsilon));
      EXPECT_LE(found.number.relative_width(), tolerance::width_of_smallest(rows, columns, kappa));
    }
  }
}

// kappa does not depend on the scale; sigma_min and the distance do.
TEST(Condition, IsSafeAtEveryScale) {
  const Values values = gallery::with_singular_values(6, 6, gallery::geometric(6, 1e8));
  for (const NamedNorm& which : kNorms) {
    const Condition plain = of(tensor(values, 6, 6), which.norm);
    for (const int exponent : {-1000, -990, 990, 1000}) {
      Values moved = values;
      for (double& value : moved) value = std::ldexp(value, exponent);
      const Condition found = of(tensor(moved, 6, 6), which.norm);
      ASSERT_TRUE(found.number.upper) << which.name << exponent;
      EXPECT_NEAR(found.value / plain.value, 1, tolerance::kGramIsEnough) << which.name << exponent;
      const double distance = std::ldexp(found.distance.lower.value(), -exponent);
      EXPECT_NEAR(distance / plain.distance.lower.value(), 1, tolerance::kGramIsEnough) << which.name << exponent;
    }
  }
}

TEST(Condition, OfASingularMatrixHasNoUpperEnd) {
  for (const NamedNorm& which : kNorms) {
    const Condition hidden = of(tensor({1, 2, 2, 4}, 2, 2), which.norm);
    EXPECT_EQ(hidden.kind(), norms::Known::lower_only) << which.name;
    EXPECT_GT(hidden.number.lower.value(), 1e14) << which.name;
    EXPECT_EQ(hidden.distance.lower.value(), 0) << which.name;
    // Where it can be seen, it is said.
    for (const Values& values : {Values{0, 0, 1, 2}, Values{3, 3, 1, 1}, Values{1, -1, -2, 2}, Values(4, 0.0)}) {
      const Condition seen = of(tensor(values, 2, 2), which.norm);
      EXPECT_TRUE(seen.singular) << which.name;
      EXPECT_EQ(seen.value, kInfinity) << which.name;
      EXPECT_FALSE(seen.number.upper) << which.name;
      EXPECT_EQ(seen.distance.upper->value(), 0) << which.name;
    }
  }
  // A zero row of a tall matrix, or a zero column of a wide one, does not lower the rank.
  EXPECT_FALSE(of(tensor({1, 0, 0, 1, 0, 0}, 3, 2), norms::Spectral{}).singular);
  EXPECT_EQ(of(tensor({1, 0, 0, 1, 0, 0}, 3, 2), norms::Spectral{}).kind(), norms::Known::proven);
}

// Up to order 32 the proof is cheaper than the search, and given where a probabilistic end would do.
TEST(Condition, OfASmallMatrixIsProvenEvenWhereAProbabilisticEndIsAskedFor) {
  ConditionOptions options = options_for_tests();
  options.certify.method = CertifyMethod::probabilistic;
  for (const std::int64_t n : {1, 2, 3, 4, 32}) {
    const Tensor a = tensor(gallery::with_singular_values(n + 2, n, gallery::geometric(n, 100)), n + 2, n);
    const double kappa = n == 1 ? 1 : 100;
    const Condition two = of(a, norms::Spectral{}, options);
    EXPECT_EQ(two.kind(), norms::Known::proven) << n;
    ASSERT_TRUE(two.number.upper) << n;
    EXPECT_LE(two.number.lower.value(), kappa * (1 + 1e-9)) << n;
    EXPECT_GE(two.number.upper->value(), kappa * (1 - 1e-9)) << n;
    for (const norms::Norm& which : {norms::Norm(norms::ColumnSum{}), norms::Norm(norms::RowSum{})}) {
      EXPECT_EQ(of(a, which, options).kind(), norms::Known::proven) << n;
    }
  }
  const Tensor larger = tensor(gallery::with_singular_values(35, 33, gallery::geometric(33, 100)), 35, 33);
  EXPECT_EQ(of(larger, norms::Spectral{}, options).kind(), norms::Known::probabilistic);
}

TEST(Condition, OfAMatrixTooLargeToFactorHasAProbabilisticEndInTheTwoNormAlone) {
  const Tensor a = tensor(gallery::with_singular_values(40, 30, gallery::geometric(30, 100)), 40, 30);
  ConditionOptions options = options_for_tests();
  options.certify.proven_up_to = 8;
  const Condition two = of(a, norms::Spectral{}, options);
  EXPECT_EQ(two.kind(), norms::Known::probabilistic);
  // Rounding the entries moves each value by u |A|_F.
  const double moved = tolerance::of_matrix(40, 30, 100, 1);
  EXPECT_LE(two.number.lower.value(), 100 * (1 + moved));
  EXPECT_GE(two.number.upper->value(), 100 * (1 - moved));
  EXPECT_LE(two.number.relative_width(), 0.1);
  EXPECT_GT(two.number.failure_probability(), 0);
  const Condition one = of(a, norms::ColumnSum{}, options);
  EXPECT_EQ(one.kind(), norms::Known::lower_only);
  EXPECT_LE(one.number.lower.value(), of(a, norms::ColumnSum{}).number.upper->value());
}

// |A|_{1->inf} = 4 and |A^-1|_{inf->1} = 0.8, by the four sign vectors.
TEST(Condition, OfPairsOfExponents) {
  Context context(1);
  const Tensor m = tensor({1, 2, -3, 4}, 2, 2);
  const ConditionOptions options = options_for_tests();
  const Condition mixed = condition(m, 1, kInfinity, options, context);
  EXPECT_LE(mixed.number.lower.value(), 3.2 * (1 + tolerance::kEpsilon));
  EXPECT_GE(mixed.number.upper->value(), 3.2 * (1 - tolerance::kEpsilon));
  EXPECT_LE(mixed.number.upper->value(), 3.2 * 1.8);
  for (const auto& [p, norm] :
       {std::pair<double, norms::Norm>{1, norms::ColumnSum{}}, std::pair<double, norms::Norm>{2, norms::Spectral{}},
        std::pair<double, norms::Norm>{kInfinity, norms::RowSum{}}}) {
    const Condition pair = condition(m, p, p, options, context);
    const Condition known = of(m, norm);
    EXPECT_NEAR(pair.number.upper->value() / known.number.upper->value(), 1, 2 * kTight) << p;
    EXPECT_NEAR(pair.distance.lower.value() / known.distance.lower.value(), 1, 2 * kTight) << p;
  }
  EXPECT_THROW(condition(tensor({1, 2}, 1, 2), 3, 3, options, context), Error);
  EXPECT_THROW(condition(m, 0.5, 3, options, context), Error);
  EXPECT_EQ(condition(tensor({1, 1, 1, 1}, 2, 2), 3, 2, options, context).value, kInfinity);
}

// A sum is formed, and its condition number proven; an operator that is known through its products has a check.
TEST(Condition, OfOperatorsIsThatOfTheirMatrices) {
  Context context(1);
  const Values sigma = gallery::geometric(12, 50);
  const Values values = gallery::with_singular_values(12, 12, sigma);
  Values half = values;
  for (double& value : half) value *= 0.5;
  const Operator<double> sum = dense<double>(tensor(half, 12, 12)) + dense<double>(tensor(half, 12, 12));
  const Condition proven = condition(*sum, options_for_tests(), context);
  EXPECT_EQ(proven.kind(), norms::Known::proven);
  const double moved = tolerance::of_matrix(12, 12, 50, 1);  // by rounding the entries
  const double width = tolerance::width_of_smallest(12, 12, 50);
  EXPECT_NEAR(proven.value, 50, 50 * (width + moved));
  for (const NamedNorm& which : kNorms) {
    const Condition stored = of(tensor(values, 12, 12), which.norm);
    for (const Operator<double>& op : {sum, 0.5 * (sum + sum), dense<double>(tensor(values, 12, 12))}) {
      const Condition formed = condition(*op, which.norm, options_for_tests(), context);
      EXPECT_EQ(formed.kind(), norms::Known::proven) << which.name;
      EXPECT_LE(formed.number.lower.value(), stored.number.upper->value()) << which.name;
      EXPECT_GE(formed.number.upper->value(), stored.number.lower.value()) << which.name;
      EXPECT_LE(formed.number.relative_width(), width) << which.name;
      EXPECT_NEAR(formed.distance.lower.value() / stored.distance.lower.value(), 1, 2 * width) << which.name;
    }
  }
  // A product that is ill-conditioned beyond what its Gram matrix shows.
  const Operator<double> product =
      dense<double>(tensor(gallery::with_singular_values(6, 6, gallery::geometric(6, 1e5), 4), 6, 6)) *
      dense<double>(tensor(gallery::with_singular_values(6, 6, gallery::geometric(6, 1e5), 5), 6, 6));
  const Condition hard = condition(*product, norms::ColumnSum{}, options_for_tests(), context);
  EXPECT_EQ(hard.kind(), norms::Known::proven);
  EXPECT_GT(hard.number.lower.value(), 1e7);
  EXPECT_LE(hard.number.relative_width(), 1e-2);
  const Operator<double> nothing = sum - sum;
  EXPECT_FALSE(condition(*nothing, norms::ColumnSum{}, options_for_tests(), context).number.upper);
  const Operator<double> inner = dense<double>(tensor(values, 12, 12));
  const Operator<double> opaque = function_operator<double>(
      {12, 12}, [inner](auto x, auto y, Context& c) { inner->apply(x, y, c); },
      [inner](auto y, auto x, Context& c) { inner->apply_adjoint(y, x, c); });
  const Condition checked = condition(*opaque, options_for_tests(), context);
  EXPECT_NE(checked.kind(), norms::Known::proven);
  EXPECT_LE(checked.number.lower.value(), 50 * (1 + moved));
  EXPECT_THROW(condition(*opaque, norms::RowSum{}, options_for_tests(), context), Error);
}

TEST(Condition, RefusesWhatHasNone) {
  EXPECT_THROW(of(Tensor::rounded(Values{}, {0, 3}, DType::f64), norms::Spectral{}), Error);
  EXPECT_THROW(of(tensor({1, std::nan("")}, 1, 2), norms::ColumnSum{}), Error);
  EXPECT_THROW(of(tensor({1, kInfinity}, 1, 2), norms::Frobenius{}), Error);
  EXPECT_THROW(of(Tensor::rounded(Values(8), {2, 2, 2}, DType::f64), norms::Spectral{}), Error);
  for (const norms::Norm& which : {norms::Norm{norms::Nuclear{}}, norms::Norm{norms::ColumnSum{true}},
                                   norms::Norm{norms::MaxAbs{}}, norms::Norm{norms::SmallestSingular{}}}) {
    EXPECT_THROW(of(tensor({1, 2, -3, 4}, 2, 2), which), Error) << norms::spelling_of(which);
  }
}

}  // namespace
}  // namespace sigmax::sensitivity
