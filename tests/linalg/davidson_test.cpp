// The smallest singular value by a search that a Cholesky factor steers, and the cases in which it gives up.
#include "sigmax/linalg/davidson.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using gallery::Stored;

// The value for rows or columns `indices` of the shorter side, with a factor whose leading dimension is one more than
// needed.
std::optional<double> smallest_of(const Stored& stored, double scale, const std::vector<std::int64_t>& indices,
                                  Context& context) {
  const kernels::StoredMatrix a = stored.matrix();
  const GramMatrix g = gram_matrix(a, scale, Triangles::both, context);
  const std::size_t n = indices.size();
  const std::size_t stride = n + 1;
  std::vector<double> factor(n * stride, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) {
      factor[i + j * stride] = g.values[static_cast<std::size_t>(indices[i] * g.order + indices[j])];
    }
  }
  const int order = static_cast<int>(n);
  const int ld = static_cast<int>(stride);
  int info = 0;
  dpotrf_("L", &order, factor.data(), &ld, &info);
  if (info != 0) return std::nullopt;
  const MatrixView<const double> lower(factor.data(), order, order, ld);
  return smallest_singular_value(a, g.of_rows, scale, indices, lower, context);
}

std::vector<std::int64_t> all_of(std::int64_t n) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(n));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

TEST(Smallest, IsAsAccurateAsAnSvdOfTheMatrix) {
  Context context(2);
  for (const auto& [rows, columns] : {std::pair{40, 40}, {60, 30}, {30, 60}, {1, 7}, {7, 1}, {1, 1}}) {
    const std::int64_t least = std::min(rows, columns);
    for (const double kappa : {1.0, 1e2, 1e4, 1e6, 3e7}) {
      for (const double scale : {1.0, 0x1p20}) {
        const std::vector<double> sigma = gallery::geometric(least, kappa);
        const Stored stored(DType::f64, rows, columns, gallery::with_singular_values(rows, columns, sigma), 2);
        const std::optional<double> value = smallest_of(stored, scale, all_of(least), context);
        ASSERT_TRUE(value.has_value()) << stored.what() << " " << kappa;
        EXPECT_NEAR(*value, sigma.back(), tolerance::of_matrix(rows, columns, 1)) << stored.what() << " " << kappa;
      }
    }
  }
}

TEST(Smallest, LooksAtTheGivenRowsOrColumnsAlone) {
  Context context(1);
  for (const bool tall : {true, false}) {
    const std::vector<double> sigma = gallery::geometric(6, 1e3);
    const std::vector<double> small = gallery::with_singular_values(6, 20, sigma);
    std::vector<double> values(8 * 20, 0.0);  // with two rows of zeros
    std::vector<std::int64_t> indices = {0, 1, 3, 4, 5, 7};
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 20; ++j) {
        const auto row = static_cast<std::size_t>(indices[i]);
        values[tall ? j * 8 + row : row * 20 + j] = small[i * 20 + j];
      }
    }
    const Stored stored(DType::f64, tall ? 20 : 8, tall ? 8 : 20, values);
    const std::optional<double> value = smallest_of(stored, 1, indices, context);
    ASSERT_TRUE(value.has_value());
    EXPECT_NEAR(*value, sigma.back(), tolerance::of_matrix(20, 8, 1));
  }
}

// A factor of another matrix steers badly, but a returned value always comes from the matrix itself.
TEST(Smallest, GivesNothingWhereTheSearchLeadsNowhere) {
  Context context(1);
  constexpr std::int64_t n = 300;
  std::vector<double> sigma = gallery::geometric(n, 10);
  const Stored stored(DType::f64, n, n, gallery::with_singular_values(n, n, sigma));
  std::vector<double> identity(static_cast<std::size_t>(n * n), 0.0);
  for (std::int64_t i = 0; i < n; ++i) identity[static_cast<std::size_t>(i * n + i)] = 1;
  const MatrixView<const double> lower(identity.data(), n, n);
  const std::optional<double> value = smallest_singular_value(stored.matrix(), true, 1, all_of(n), lower, context);
  EXPECT_TRUE(!value || *value >= sigma.back() - tolerance::of_matrix(n, n, 1));

  std::vector<double> broken = identity;
  broken[0] = 0;
  const MatrixView<const double> singular(broken.data(), n, n);
  EXPECT_FALSE(smallest_singular_value(stored.matrix(), true, 1, all_of(n), singular, context).has_value());
}

// v_i turned towards the others: the value is accurate or there is none.
TEST(Smallest, TakesTheValueOfAVectorThatIsCloseEnough) {
  Context context(1);
  constexpr std::int64_t n = 12;
  for (const double kappa : {2.0, 1e3, 1e5}) {
    std::vector<double> sigma = gallery::geometric(n, 10);
    sigma.back() = 1 / kappa;
    sigma[n - 2] = 2 / kappa;
    std::sort(sigma.rbegin(), sigma.rend());
    std::vector<double> diagonal(static_cast<std::size_t>(n * n), 0.0);
    for (std::size_t i = 0; i < sigma.size(); ++i) diagonal[i * sigma.size() + i] = sigma[i];
    const Stored stored(DType::f64, n, n, diagonal);
    const double next = sigma[n - 2] * sigma[n - 2];
    int taken = 0;
    for (const double turn : {0.0, 1e-12, 1e-9, 1e-6, 1e-3, 1e-1}) {
      for (const std::size_t towards : {std::size_t{0}, std::size_t{5}, std::size_t{n - 2}}) {
        std::vector<double> x(static_cast<std::size_t>(n), 0.0);
        x.back() = 2;  // of any length
        x[towards] = 2 * turn;
        const auto value = smallest_from_vector(stored.matrix(), false, 1, all_of(n), x, next, 1, 1e-12, context);
        if (!value) continue;
        ++taken;
        EXPECT_NEAR(*value, sigma.back(), tolerance::of_estimate(1e-12) * sigma.back() + tolerance::of_matrix(n, n, 1));
      }
    }
    EXPECT_GE(taken, 3);
    const std::vector<double> x(static_cast<std::size_t>(n), 1.0);
    EXPECT_FALSE(smallest_from_vector(stored.matrix(), false, 1, all_of(n), x, next, 1, 1e-12, context).has_value());
    // With a second value that is as small, the residual alone would decide, and it is not used.
    std::vector<double> last(static_cast<std::size_t>(n), 0.0);
    last.back() = 1;
    last.front() = 1e-9;
    const double same = sigma.back() * sigma.back();
    EXPECT_FALSE(smallest_from_vector(stored.matrix(), false, 1, all_of(n), last, same, 1, 1e-12, context).has_value());
  }
}

}  // namespace
}  // namespace sigmax
