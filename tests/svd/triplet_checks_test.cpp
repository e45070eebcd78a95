// The checks that other tests rely on: they find errors, above all NaN in any place.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/core/matrix.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The triplets of a 5 x 4 matrix, exact except for rounding, and its entries.
struct Exact {
  std::vector<double> entries;
  SvdResult<double> triplets;
};

Exact exact() {
  Exact all;
  all.triplets.sigma = {3, 2, 1, 0.5};
  all.entries = gallery::with_singular_values(5, 4, all.triplets.sigma);
  const auto fill = [](Matrix<double>& x, std::int64_t rows, std::uint64_t seed) {
    x = Matrix<double>(rows, 4);
    const auto columns = gallery::orthonormal(rows, 4, seed);  // with_singular_values uses those of seeds 2 and 3
    for (std::int64_t j = 0; j < 4; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) {
        x(i, j) = static_cast<double>(columns[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)]);
      }
    }
  };
  fill(all.triplets.u, 5, 2);
  fill(all.triplets.v, 4, 3);
  return all;
}

TEST(TripletChecks, PassExactTripletsAndFindWhatIsOff) {
  Exact e = exact();
  EXPECT_LE(checks::orthonormality_error(e.triplets.u), tolerance::relative(5, 4));
  EXPECT_LE(checks::largest_residual<double>(e.entries, e.triplets), tolerance::of_matrix(5, 4, 3));
  constexpr double kOff = 1e-6;
  e.triplets.u(2, 1) += kOff;
  EXPECT_GT(checks::orthonormality_error(e.triplets.u), kOff * std::fabs(e.triplets.u(2, 1)));
  EXPECT_GT(checks::residuals_of(e.entries, e.triplets, 1).forward, kOff);
  e = exact();
  e.triplets.sigma[2] += kOff;
  EXPECT_NEAR(checks::largest_residual<double>(e.entries, e.triplets), kOff, tolerance::of_matrix(5, 4, 3));
}

// Wherever it stands, and whatever is added after it.
TEST(TripletChecks, FailOnNaNInAnyPlace) {
  const double anything = std::numeric_limits<double>::max();
  for (std::int64_t j = 0; j < 4; ++j) {
    for (std::int64_t i = 0; i < 4; ++i) {
      Exact e = exact();
      e.triplets.v(i, j) = kNaN;
      EXPECT_GT(checks::orthonormality_error(e.triplets.v), anything) << i << " " << j;
      EXPECT_GT(checks::largest_residual<double>(e.entries, e.triplets), anything) << i << " " << j;
      EXPECT_GT(checks::residuals_of(e.entries, e.triplets, j).forward, anything) << i << " " << j;
      EXPECT_GT(checks::residuals_of(e.entries, e.triplets, j).backward, anything) << i << " " << j;
    }
    Exact e = exact();
    e.triplets.sigma[static_cast<std::size_t>(j)] = kNaN;
    EXPECT_GT(checks::largest_residual<double>(e.entries, e.triplets), anything) << j;
  }
  for (std::size_t at = 0; at < 20; ++at) {
    Exact e = exact();
    e.entries[at] = kNaN;
    EXPECT_GT(checks::largest_residual<double>(e.entries, e.triplets), anything) << at;
  }
}

TEST(TripletChecks, TheLargestOfValuesWithANaNIsInfinite) {
  for (const std::vector<double>& values :
       std::vector<std::vector<double>>{{kNaN}, {kNaN, 1}, {1, kNaN}, {1, kNaN, 2}}) {
    checks::Largest largest;
    for (const double value : values) largest.add(value);
    EXPECT_TRUE(std::isinf(largest.value()));
  }
  checks::Largest largest;
  for (const double value : {1.0, 3.0, 2.0}) largest.add(value);
  EXPECT_EQ(largest.value(), 3);
}

}  // namespace
}  // namespace sigmax
