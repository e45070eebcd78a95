// Bases of Krylov spaces: orthonormality to working accuracy, whatever is appended.
#include "sigmax/svd/krylov/basis.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

template <class T>
class BasisTest : public testing::Test {
 protected:
  static double working(std::int64_t n) { return tolerance::of_matrix(n, n, 1) * tolerance::coarseness<T>(); }
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(BasisTest, Reals);

template <Real T>
void fill(MatrixView<T> x, std::uint64_t seed) {
  const std::vector<double> values = gallery::normal(x.rows * x.columns, seed);
  for (std::int64_t j = 0; j < x.columns; ++j) {
    for (std::int64_t i = 0; i < x.rows; ++i) {
      x.column(j)[static_cast<std::size_t>(i)] = static_cast<T>(values[static_cast<std::size_t>(i + j * x.rows)]);
    }
  }
}

template <Real T>
Matrix<T> copy_of(MatrixView<const T> x) {
  Matrix<T> copy(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), copy.column(j).begin());
  return copy;
}

template <Real T>
double orthonormality_error(const Basis<T>& basis) {
  return checks::orthonormality_error(basis.count(), [&basis](std::int64_t j) { return basis.at(j); });
}

// max |X - Q C - P R| over the columns, in norm, with P the vectors after the first C.rows
template <Real T>
double misfit(const Basis<T>& basis, const Matrix<T>& x, const typename Basis<T>::Appended& found) {
  checks::Largest largest;
  const std::int64_t before = found.c.rows();
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    double sum = 0;
    for (std::int64_t i = 0; i < x.rows(); ++i) {
      double rest = static_cast<double>(x(i, j));
      for (std::int64_t k = 0; k < basis.count(); ++k) {
        const double weight = k < before ? found.c(k, j) : found.r(k - before, j);
        rest -= weight * static_cast<double>(basis.at(k)[static_cast<std::size_t>(i)]);
      }
      sum += rest * rest;
    }
    largest.add(std::sqrt(sum));
  }
  return largest.value();
}

TYPED_TEST(BasisTest, AppendsBlocksOfEverySizeAndTellsWhatTheyWere) {
  using T = TypeParam;
  Context context(2);
  for (const std::int64_t n : {12, 64, 257, 1024}) {
    Basis<T> basis(n, 12, context);
    RandomState random = random_state(3);
    for (const std::int64_t b : {1, 3, 8}) {
      fill(basis.next(b), static_cast<std::uint64_t>(n + b));
      const Matrix<T> x = copy_of<T>(basis.next(b));
      const auto found = basis.append(b, 0, random);
      EXPECT_EQ(found.rank, b);
      EXPECT_LE(orthonormality_error(basis), this->working(n)) << n << " entries, block of " << b;
      EXPECT_LE(misfit(basis, x, found), this->working(n) * std::sqrt(n)) << n << " entries, block of " << b;
    }
    EXPECT_EQ(random, random_state(3)) << "no random direction was needed";
  }
}

TYPED_TEST(BasisTest, ReplacesDependentColumnsByFreshDirections) {
  using T = TypeParam;
  Context context(1);
  const std::int64_t n = 50;
  Basis<T> basis(n, 8, context);
  RandomState random = random_state(4);
  fill(basis.next(3), 1);
  basis.append(3, 0, random);
  // A combination of the basis, a new vector, its double, zero, and another new vector.
  const MatrixView<T> x = basis.next(5);
  fill(x, 2);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    x.column(0)[at] = 2 * basis.at(0)[at] - basis.at(2)[at];
    x.column(2)[at] = 2 * x.column(1)[at];
    x.column(3)[at] = 0;
  }
  const Matrix<T> before = copy_of<T>(x);
  const auto found = basis.append(5, 0, random);
  EXPECT_EQ(found.rank, 2);
  EXPECT_EQ(found.r(0, 0), 0);
  EXPECT_EQ(found.r(2, 2), 0);
  EXPECT_EQ(found.r(3, 3), 0);
  EXPECT_GT(found.r(1, 1), 0);
  EXPECT_GT(found.r(4, 4), 0);
  EXPECT_NE(random, random_state(4));
  EXPECT_LE(orthonormality_error(basis), this->working(n));
  EXPECT_LE(misfit(basis, before, found), this->working(n) * std::sqrt(n));
}

TYPED_TEST(BasisTest, StaysOrthonormalWhenColumnsNearlyDependOnIt) {
  using T = TypeParam;
  Context context(1);
  const std::int64_t n = 300;
  const T small = std::sqrt(std::numeric_limits<T>::epsilon());
  Basis<T> basis(n, 9, context);
  RandomState random = random_state(5);
  fill(basis.next(4), 1);
  basis.append(4, 0, random);
  const MatrixView<T> x = basis.next(5);
  fill(x, 2);
  for (std::int64_t j = 0; j < 5; ++j) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
      x.column(j)[i] = basis.at(1)[i] + small * x.column(j)[i];
  }
  EXPECT_EQ(basis.append(5, 0, random).rank, 5);
  EXPECT_LE(orthonormality_error(basis), this->working(n));
}

// Restarts leave a basis that is orthonormal only to some d above rounding. The first round
// then leaves d of a column in its span, which is not a new direction.
TYPED_TEST(BasisTest, SeesThroughItsOwnErrorWhatLiesInItsSpan) {
  using T = TypeParam;
  Context context(1);
  const std::int64_t n = 60;
  Basis<T> basis(n, 11, context);
  RandomState random = random_state(7);
  fill(basis.next(9), 1);
  basis.append(9, 0, random);
  const Matrix<T> unused = copy_of<T>(basis.columns(8, 1));
  basis.truncate(8);
  const double rounding = 4 * std::sqrt(static_cast<double>(n)) * std::numeric_limits<T>::epsilon();
  const double d = 64 * rounding;
  const double little = 8 * rounding;
  const MatrixView<T> x = basis.next(3);
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    basis.at(0)[i] += static_cast<T>(d) * basis.at(1)[i];
    x.column(0)[i] = basis.at(1)[i];
    x.column(1)[i] = basis.at(0)[i] + basis.at(5)[i];
    x.column(2)[i] = basis.at(1)[i] + static_cast<T>(little) * unused.column(0)[i];
  }
  const Matrix<T> before = copy_of<T>(x);
  const auto found = basis.append(3, 0, random);
  EXPECT_EQ(found.rank, 1);
  EXPECT_EQ(found.r(0, 0), 0);
  EXPECT_EQ(found.r(1, 1), 0);
  EXPECT_NEAR(found.r(2, 2), little, little / 2);
  checks::Largest error;
  for (std::int64_t j = 8; j < 11; ++j) {
    for (std::int64_t i = 0; i <= j; ++i) {
      error.add(std::fabs(blas1::dot<T>(std::as_const(basis).at(i), std::as_const(basis).at(j)) - (i == j ? 1 : 0)));
    }
  }
  EXPECT_LE(error.value(), this->working(n));
  EXPECT_LE(misfit(basis, before, found), this->working(n) * std::sqrt(n) + d * d);
}

TYPED_TEST(BasisTest, TakesWhatIsBelowTheFloorForNothing) {
  using T = TypeParam;
  Context context(1);
  for (const double floor : {0.0, 1.0}) {
    Basis<T> basis(20, 2, context);
    RandomState random = random_state(6);
    fill(basis.next(), 1);
    basis.append(1, floor, random);
    fill(basis.next(), 2);
    blas1::scale<T>(basis.next().column(0), 0.01);
    EXPECT_EQ(basis.append(1, floor, random).rank, floor > 0 ? 0 : 1);
  }
}

TYPED_TEST(BasisTest, SpansTheWholeSpaceWithRandomDirections) {
  using T = TypeParam;
  Context context(1);
  for (const std::int64_t n : {1, 2, 7, 40}) {
    Basis<T> basis(n, n + 1, context);
    RandomState random{};
    for (std::int64_t j = 0; j < n; ++j) basis.append_random(random);
    EXPECT_LE(orthonormality_error(basis), this->working(n));
    EXPECT_THROW(basis.append_random(random), Error);
  }
}

TYPED_TEST(BasisTest, CombinesAndCompressesAlike) {
  using T = TypeParam;
  Context context(2);
  for (const std::int64_t n : {5, 200, 70000}) {
    const std::int64_t count = std::min<std::int64_t>(n, 11);
    Basis<T> basis(n, count + 1, context);
    RandomState random = random_state(8);
    for (std::int64_t j = 0; j < count; ++j) basis.append_random(random);
    Basis<double> small(count, 4, context);
    for (std::int64_t j = 0; j < 4; ++j) small.append_random(random);
    Matrix<double> weights(count, 4);
    for (std::int64_t j = 0; j < 4; ++j) std::ranges::copy(small.at(j), weights.column(j).begin());
    Matrix<T> combined(n, 4);
    basis.combine(std::as_const(weights).view(), combined.view());
    for (std::int64_t j = 0; j < 4; ++j) {
      for (std::int64_t i = 0; i < n; i += 1 + n / 7) {
        double sum = 0;
        for (std::int64_t k = 0; k < count; ++k) {
          sum += weights(k, j) * static_cast<double>(basis.at(k)[static_cast<std::size_t>(i)]);
        }
        EXPECT_NEAR(static_cast<double>(combined(i, j)), sum, this->working(count));
      }
    }
    basis.compress(std::as_const(weights).view());
    ASSERT_EQ(basis.count(), 4);
    EXPECT_EQ(copy_of<T>(basis.columns(0, 4)), combined);
    EXPECT_LE(orthonormality_error(basis), this->working(count) * std::sqrt(n));
  }
}

TYPED_TEST(BasisTest, HasTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  const std::int64_t n = 100000;
  std::vector<Matrix<T>> results;
  for (const int threads : {1, 3}) {
    Context context(threads);
    Basis<T> basis(n, 20, context);
    RandomState random{};
    fill(basis.next(8), 1);
    basis.append(8, 0, random);
    fill(basis.next(8), 2);
    basis.append(8, 0, random);
    Matrix<double> weights(16, 3);
    for (std::int64_t i = 0; i < 16; ++i) weights(i, i % 3) = 1.0 / static_cast<double>(i + 1);
    basis.compress(std::as_const(weights).view());
    results.push_back(copy_of<T>(basis.columns(0, 16)));
  }
  EXPECT_EQ(results[0], results[1]);
}

TYPED_TEST(BasisTest, RefusesWhatDoesNotFit) {
  using T = TypeParam;
  Context context(1);
  EXPECT_THROW(Basis<T>(0, 1, context), Error);
  EXPECT_THROW(Basis<T>(1, 0, context), Error);
  Basis<T> basis(3, 4, context);
  RandomState random{};
  EXPECT_THROW(static_cast<void>(basis.next(5)), Error);
  fill(basis.next(4), 1);
  EXPECT_THROW(basis.append(4, 0, random), Error);
  basis.next().column(0)[1] = std::numeric_limits<T>::quiet_NaN();
  EXPECT_THROW(basis.append(1, 0, random), NotFinite);
  Matrix<T> out(3, 1);
  const Matrix<double> one(1, 1);
  EXPECT_THROW(basis.combine(std::as_const(one).view(), out.view()), Error);
  EXPECT_THROW(basis.compress(std::as_const(one).view()), Error);
}

}  // namespace
}  // namespace sigmax
