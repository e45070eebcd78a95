// The nuclear norm by duality: the golden value, closed forms, the sum of the singular values in extended precision.
#include "sigmax/bounds/nuclear_norm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/norms/norm.hpp"
#include "support/widths.hpp"

namespace sigmax {
namespace {

std::vector<double> gaussian(std::int64_t size, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(size));
  static_cast<void>(fill_normal(random_state(seed), values));
  return values;
}

std::optional<Enclosure> ends_of(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                                 const CertifyOptions& options = {}) {
  Context context(2);
  const Tensor a = Tensor::view_of(values, {rows, columns});
  ScannedMatrix scanned(stored_view(a), context);
  return bounds::enclose_nuclear_norm(scanned, options, context);
}

// sqrt(50) by hand: tr(A^T A) + 2 |det A| = 30 + 20.
TEST(NuclearNorm, ContainsTheClosedFormOfAMatrixOfOrderTwo) {
  const std::vector<double> m{1, 2, -3, 4};
  const std::optional<Enclosure> found = ends_of(m, 2, 2);
  ASSERT_TRUE(found);
  ASSERT_TRUE(found->is_proven());
  // sqrt(50), to 19 digits
  const long double truth = 7.071067811865475244L;
  EXPECT_LE(found->lower.value(), truth);
  EXPECT_GE(found->upper->value(), truth);
  EXPECT_LE(found->relative_width(), tolerance::width_of_nuclear_norm(2, std::sqrt(30.0), std::sqrt(50.0)));
}

TEST(NuclearNorm, ContainsTheSumOfTheValuesOfEveryShape) {
  std::uint64_t seed = 1;
  for (const auto& [rows, columns] :
       {std::pair{1, 1}, {1, 7}, {6, 1}, {5, 5}, {20, 13}, {9, 30}, {60, 60}, {120, 40}}) {
    const std::vector<double> values = gaussian(rows * columns, seed++);
    const std::optional<Enclosure> found = ends_of(values, rows, columns);
    ASSERT_TRUE(found && found->is_proven()) << rows << "x" << columns;
    const std::vector<long double> sigma = gallery::reference_singular_values(values, rows, columns);
    long double truth = 0, squares = 0;
    for (const long double s : sigma) {
      truth += s;
      squares += s * s;
    }
    EXPECT_LE(found->lower.value(), truth) << rows << "x" << columns;
    EXPECT_GE(found->upper->value(), truth) << rows << "x" << columns;
    EXPECT_LE(found->relative_width(),
              tolerance::width_of_nuclear_norm(std::min(rows, columns), static_cast<double>(std::sqrt(squares)),
                                               static_cast<double>(truth)))
        << rows << "x" << columns;
  }
}

TEST(NuclearNorm, ScalesByPowersOfTwoFromOneEndOfTheRangeToTheOther) {
  const std::vector<double> values = gaussian(12 * 12, 9);
  const std::optional<Enclosure> wanted = ends_of(values, 12, 12);
  ASSERT_TRUE(wanted);
  for (const int exponent : {-990, -500, 500, 990}) {
    std::vector<double> moved;
    for (const double value : values) moved.push_back(std::ldexp(value, exponent));
    const std::optional<Enclosure> found = ends_of(moved, 12, 12);
    ASSERT_TRUE(found) << exponent;
    EXPECT_EQ(found->lower.value(), std::ldexp(wanted->lower.value(), exponent)) << exponent;
    EXPECT_EQ(found->upper->value(), std::ldexp(wanted->upper->value(), exponent)) << exponent;
  }
}

TEST(NuclearNorm, OfAZeroMatrixIsZeroAndOfASingularOneLeftToItsValues) {
  const std::optional<Enclosure> zero = ends_of(std::vector<double>(6, 0.0), 2, 3);
  ASSERT_TRUE(zero);
  EXPECT_EQ(zero->upper->value(), 0);
  const std::vector<double> ones(25, 1.0);
  EXPECT_FALSE(ends_of(ones, 5, 5));
  Context context(1);
  const norms::NormResult found = norms::norm(Tensor::view_of(std::span<const double>(ones), {5, 5}), norms::Nuclear{},
                                              norms::NormOptions{}, context);
  ASSERT_TRUE(found.enclosure && found.enclosure->is_proven());
  EXPECT_LE(found.enclosure->lower.value(), 5);
  EXPECT_GE(found.enclosure->upper->value(), 5);
}

TEST(NuclearNorm, AsksForLeaveToFactor) {
  const std::vector<double> values = gaussian(16, 2);
  CertifyOptions options;
  options.proven_up_to = 3;
  EXPECT_FALSE(ends_of(values, 4, 4, options));
  options = {};
  options.method = CertifyMethod::cheapest;
  EXPECT_FALSE(ends_of(values, 4, 4, options));
}

TEST(NuclearNorm, RefusesEmptyAndNonFiniteMatrices) {
  EXPECT_THROW(static_cast<void>(ends_of({}, 0, 3)), Error);
  const std::vector<double> values{1, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW(static_cast<void>(ends_of(values, 1, 2)), Error);
}

}  // namespace
}  // namespace sigmax
