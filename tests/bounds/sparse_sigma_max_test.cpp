#include "sigmax/bounds/sparse_sigma_max.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "bounds/hunt.hpp"
#include "gallery/reference_svd.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

struct Sample {
  SparseMatrix matrix;
  std::vector<double> dense;  // row-major

  hunt::Truth truth() const {
    const Shape shape = matrix.pattern->shape();
    const long double value = gallery::reference_singular_values(dense, static_cast<std::size_t>(shape.rows),
                                                                 static_cast<std::size_t>(shape.columns))[0];
    return {value, 0x1p-56L * value};
  }
};

// Entries of random signs with exponents spread over +-`spread` around `center`.
Sample sample(std::int64_t rows, std::int64_t columns, double share, int spread, int center, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> column;
  std::vector<double> values;
  std::vector<double> dense(static_cast<std::size_t>(rows * columns));
  for (std::int64_t e = 0; e < rows * columns; ++e) {
    if (uniform(random) > share) continue;
    const double exponent = center + spread * (2 * uniform(random) - 1);
    const double value =
        std::ldexp((1 + uniform(random)) * (uniform(random) < 0.5 ? -1 : 1), static_cast<int>(exponent));
    row.push_back(e / columns);
    column.push_back(e % columns);
    values.push_back(value);
    dense[static_cast<std::size_t>(e)] = value;
  }
  return {SparseMatrix({rows, columns}, row, column, values), dense};
}

TEST(SparseSigmaMax, IsProvenAndTightForHostileEntries) {
  std::mt19937_64 random(7);
  Context context(1);
  for (int i = 0; i < 400; ++i) {
    const auto rows = static_cast<std::int64_t>(1 + random() % 24);
    const auto columns = static_cast<std::int64_t>(1 + random() % 24);
    const int spread = std::array{0, 2, 40, 600}[random() % 4];
    const int center = std::array{0, 0, 350, -350, 900, -1000}[random() % 6];
    const double share = 0.1 + 0.9 * static_cast<double>(random() % 100) / 100;
    const Sample a = sample(rows, columns, share, std::min(spread, 1000 - std::abs(center)), center, random);
    const Enclosure e = sigma_max(a.matrix, repeatable<CertifyOptions>(), context);
    const hunt::Truth truth = a.truth();
    ASSERT_TRUE(hunt::contains(e, truth)) << hunt::show(e, truth) << " case " << i;
    ASSERT_TRUE(e.is_proven());
    // Subnormal matrices have no room for a relative width.
    if (truth.value > 0x1p-1000L) {
      ASSERT_LE(e.relative_width(), 1e-9) << i;
    }
  }
}

TEST(SparseSigmaMax, HasCheapAndProbabilisticEndsOnRequest) {
  std::mt19937_64 random(8);
  Context context(1);
  const Sample a = sample(70, 50, 0.2, 2, 0, random);
  const hunt::Truth truth = a.truth();
  auto options = repeatable<CertifyOptions>();
  options.method = CertifyMethod::cheapest;
  const Enclosure cheap = sigma_max(a.matrix, options, context);
  EXPECT_TRUE(hunt::contains(cheap, truth));
  EXPECT_TRUE(cheap.is_proven());
  options.method = CertifyMethod::none;
  EXPECT_FALSE(sigma_max(a.matrix, options, context).upper.has_value());
  options.method = CertifyMethod::automatic;
  options.proven_up_to = 49;
  const Enclosure probable = sigma_max(a.matrix, options, context);
  EXPECT_TRUE(hunt::contains(probable, truth));
  ASSERT_TRUE(probable.upper.has_value());
  EXPECT_EQ(probable.upper->certainty(), Certainty::probabilistic);
  EXPECT_LT(probable.relative_width(), cheap.relative_width());
  options.method = CertifyMethod::proven;
  EXPECT_EQ(sigma_max(a.matrix, options, context).upper->value(), cheap.upper->value());
  options = repeatable<CertifyOptions>();
  options.relative_width = 0.01;
  const Enclosure loose = sigma_max(a.matrix, options, context);
  EXPECT_TRUE(hunt::contains(loose, truth));
  EXPECT_LE(loose.relative_width(), 0.02);
}

TEST(SparseSigmaMax, HasTheSameBitsForAnyNumberOfThreads) {
  std::mt19937_64 random(9);
  const Sample a = sample(300, 260, 0.1, 2, 0, random);
  Context one(1);
  const Enclosure first = sigma_max(a.matrix, repeatable<CertifyOptions>(), one);
  for (const int threads : {2, 3}) {
    Context context(threads);
    const Enclosure e = sigma_max(a.matrix, repeatable<CertifyOptions>(), context);
    EXPECT_EQ(e.lower.value(), first.lower.value());
    EXPECT_EQ(e.upper->value(), first.upper->value());
  }
}

TEST(SparseSigmaMax, IsZeroWithoutEntriesAndRefusesOthers) {
  Context context(1);
  const std::vector<std::int64_t> none;
  const std::vector<std::int64_t> zero{0};
  const Enclosure e = sigma_max(SparseMatrix({4, 3}, none, none, {}), {}, context);
  EXPECT_EQ(e.lower.value(), 0);
  EXPECT_EQ(e.upper->value(), 0);
  EXPECT_EQ(sigma_max(SparseMatrix({4, 3}, zero, zero, std::vector<double>{0}), {}, context).upper->value(), 0);
  EXPECT_THROW(sigma_max(SparseMatrix({0, 3}, none, none, {}), {}, context), Error);
  EXPECT_THROW(sigma_max(SparseMatrix({4, 3}, zero, zero, std::vector<double>{NAN}), {}, context), Error);
  CertifyOptions options;
  options.relative_width = -1;
  EXPECT_THROW(sigma_max(SparseMatrix({4, 3}, zero, zero, std::vector<double>{1}), options, context), Error);
}

}  // namespace
}  // namespace sigmax
