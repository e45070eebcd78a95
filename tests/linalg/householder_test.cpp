// Eigenvalues of tridiagonal and of full symmetric matrices against closed forms and extended precision.
#include "sigmax/linalg/householder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/spectra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

// Eigenvalue number k of T by bisection on counts in long double.
double reference_value(const Tridiagonal& t, std::size_t k) {
  const std::size_t n = t.diagonal.size();
  long double bound = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const long double left = i > 0 ? std::fabs(t.off_diagonal[i - 1]) : 0;
    const long double right = i + 1 < n ? std::fabs(t.off_diagonal[i]) : 0;
    bound = std::max(bound, std::fabs(static_cast<long double>(t.diagonal[i])) + left + right);
  }
  long double low = -bound, high = bound;
  const auto below = [&](long double x) {
    std::size_t count = 0;
    long double q = 1;
    for (std::size_t i = 0; i < n; ++i) {
      const long double e = i > 0 ? t.off_diagonal[i - 1] : 0;
      q = t.diagonal[i] - x - (i > 0 ? e * e / q : 0);
      if (q == 0) q = bound * 0x1p-80L;
      count += q < 0 ? 1 : 0;
    }
    return count;
  };
  for (int step = 0; step < 80; ++step) {
    const long double middle = (low + high) / 2;
    (below(middle) <= k ? low : high) = middle;
  }
  return static_cast<double>((low + high) / 2);
}

double norm_of(const std::vector<double>& values) {
  return values.empty() ? 0 : std::max(std::fabs(values.front()), std::fabs(values.back()));
}

void check(const Tridiagonal& t, const std::string& what, std::size_t step = 1) {
  Context context(2);
  const std::vector<double> values = eigenvalues(t, context);
  ASSERT_EQ(values.size(), t.diagonal.size()) << what;
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end())) << what;
  // The error does not grow with the order: a few units of the norm.
  const double allowed = tolerance::of_matrix(1, 1, norm_of(values));
  for (std::size_t k = 0; k < values.size(); k += step) {
    EXPECT_NEAR(values[k], reference_value(t, k), allowed) << what << " value " << k;
  }
}

TEST(TridiagonalValues, KnowsClosedForms) {
  Context context(3);
  for (const std::size_t n : {1, 2, 3, 10, 127, 128, 129, 500}) {
    for (const double scale : {1.0, 1e-150, 1e150, -3.0}) {
      const Tridiagonal t{std::vector<double>(n, 2 * scale), std::vector<double>(n - 1, scale)};
      const std::vector<double> values = eigenvalues(t, context);
      for (std::size_t k = 0; k < n; ++k) {
        const double angle = std::numbers::pi * static_cast<double>(k + 1) / static_cast<double>(n + 1);
        const double exact = 2 * scale + 2 * std::fabs(scale) * std::cos(angle);
        EXPECT_NEAR(values[n - 1 - k], exact, tolerance::of_matrix(1, 1, 4 * std::fabs(scale))) << n << " " << k;
      }
    }
  }
}

TEST(TridiagonalValues, KnowsMatricesOfEveryKind) {
  for (const std::size_t n : {2, 5, 40, 150}) {
    const auto size = static_cast<std::int64_t>(n);
    check({gallery::normal(size, 1), gallery::normal(size - 1, 2)}, "normal", 3);
    check({std::vector<double>(n, 0.0), gallery::normal(size - 1, 3)}, "no diagonal", 3);
    check({gallery::normal(size, 4), std::vector<double>(n - 1, 0.0)}, "diagonal", 3);
    check({std::vector<double>(n, 1.0), std::vector<double>(n - 1, 0.0)}, "identity", 3);
    check({std::vector<double>(n, 1.0), std::vector<double>(n - 1, 1e-9)}, "cluster", 3);
    check({std::vector<double>(n, 0.0), std::vector<double>(n - 1, 0.0)}, "zero", 3);
    Tridiagonal wilkinson{{}, std::vector<double>(n - 1, 1.0)};  // pairs of close eigenvalues
    for (std::size_t i = 0; i < n; ++i) {
      wilkinson.diagonal.push_back(std::fabs(static_cast<double>(i) - 0.5 * static_cast<double>(n - 1)));
    }
    check(wilkinson, "Wilkinson", 3);
    Tridiagonal graded{gallery::geometric(size, 1e18), gallery::geometric(size - 1, 1e18)};
    check(graded, "graded", 3);
    std::reverse(graded.diagonal.begin(), graded.diagonal.end());
    std::reverse(graded.off_diagonal.begin(), graded.off_diagonal.end());
    check(graded, "graded upwards", 3);
    Tridiagonal split{gallery::normal(size, 5), gallery::normal(size - 1, 6)};
    for (std::size_t i = 0; i + 1 < n; i += 4) split.off_diagonal[i] = i % 8 == 0 ? 0 : 1e-300;
    check(split, "split", 3);
  }
}

TEST(TridiagonalValues, GivesTheSameBitsForAnyNumberOfThreads) {
  const Tridiagonal t{gallery::normal(700, 7), gallery::normal(699, 8)};
  Context one(1), three(3);
  EXPECT_EQ(eigenvalues(t, one), eigenvalues(t, three));
}

// The lower triangle of the row-major symmetric matrix.
SymmetricWork work_of(const std::vector<double>& a, std::int64_t n, Context& context) {
  SymmetricWork work(n, context);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j; i < n; ++i) work.column(j)[i] = a[static_cast<std::size_t>(i * n + j)];
  }
  return work;
}

// Q diag(values) Q^T with a random orthogonal Q.
std::vector<double> symmetric(std::int64_t n, const std::vector<double>& values, std::uint64_t seed) {
  const auto q = gallery::orthonormal(n, n, seed);
  std::vector<double> a(static_cast<std::size_t>(n * n));
  for (std::size_t i = 0; i < q.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      long double sum = 0;
      for (std::size_t k = 0; k < q.size(); ++k) sum += q[k][i] * values[k] * q[k][j];
      a[i * q.size() + j] = a[j * q.size() + i] = static_cast<double>(sum);
    }
  }
  return a;
}

void check_full(const std::vector<double>& wanted, const std::string& what, Context& context) {
  const auto n = static_cast<std::int64_t>(wanted.size());
  std::vector<double> sorted = wanted;
  std::sort(sorted.begin(), sorted.end());
  SymmetricWork work = work_of(symmetric(n, wanted, 11), n, context);
  const std::vector<double> values = eigenvalues(tridiagonalize(work, context).t, context);
  ASSERT_EQ(values.size(), sorted.size());
  for (std::size_t k = 0; k < values.size(); ++k) {
    EXPECT_NEAR(values[k], sorted[k], tolerance::of_matrix(n, n, norm_of(sorted))) << what << " of order " << n;
  }
}

TEST(Tridiagonal, KeepsTheEigenvaluesOfEveryOrder) {
  Context context(2);
  for (const std::int64_t n : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 50, 63, 64, 65, 66, 80, 97}) {
    check_full(gallery::normal(n, 13), "normal", context);
  }
}

TEST(Tridiagonal, KeepsTheEigenvaluesOfEverySpectrum) {
  Context context(2);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    if (spectrum.name.ends_with("150") || spectrum.name.ends_with("300")) continue;  // outside its purpose
    check_full(spectrum.values(70), spectrum.name, context);
    check_full(spectrum.values(19), spectrum.name, context);
  }
  std::vector<double> indefinite = gallery::geometric(60, 1e12);
  for (std::size_t i = 0; i < indefinite.size(); i += 2) indefinite[i] = -indefinite[i];
  check_full(indefinite, "indefinite", context);
}

TEST(Tridiagonal, TakesMatricesThatNeedNoReduction) {
  Context context(1);
  for (const std::int64_t n : {5, 20, 60}) {
    std::vector<double> diagonal(static_cast<std::size_t>(n * n), 0.0), ones(static_cast<std::size_t>(n * n), 1.0);
    for (std::int64_t i = 0; i < n; ++i) diagonal[static_cast<std::size_t>(i * n + i)] = static_cast<double>(i);
    SymmetricWork work = work_of(diagonal, n, context);
    const std::vector<double> values = eigenvalues(tridiagonalize(work, context).t, context);
    for (std::size_t k = 0; k < values.size(); ++k) {
      EXPECT_NEAR(values[k], static_cast<double>(k), tolerance::of_matrix(1, 1, static_cast<double>(n)));
    }
    SymmetricWork rank_one = work_of(ones, n, context);
    const std::vector<double> one = eigenvalues(tridiagonalize(rank_one, context).t, context);
    EXPECT_NEAR(one.back(), static_cast<double>(n), tolerance::of_matrix(n, n, static_cast<double>(n)));
    EXPECT_NEAR(one[one.size() - 2], 0, tolerance::of_matrix(n, n, static_cast<double>(n)));
    EXPECT_NEAR(one.front(), 0, tolerance::of_matrix(n, n, static_cast<double>(n)));
  }
}

// |A x - lambda x| for the eigenvectors that are mapped back from the tridiagonal matrix.
TEST(Tridiagonal, BringsEigenvectorsBack) {
  Context context(2);
  for (const std::int64_t n : {1, 2, 3, 9, 33, 70}) {
    const std::vector<double> a = symmetric(n, gallery::normal(n, 23), 29);
    SymmetricWork work = work_of(a, n, context);
    const TridiagonalForm form = tridiagonalize(work, context);
    const std::vector<double> values = eigenvalues(form.t, context);
    for (const std::size_t k : {std::size_t{0}, values.size() / 2, values.size() - 1}) {
      const auto y = eigenvector(form.t, values[k]);
      ASSERT_TRUE(y.has_value());
      const std::vector<double> x = from_tridiagonal(work, form, *y, context);
      long double residual = 0, norm = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        long double sum = -static_cast<long double>(values[k]) * x[i];
        for (std::size_t j = 0; j < x.size(); ++j) sum += static_cast<long double>(a[i * x.size() + j]) * x[j];
        residual += sum * sum;
        norm += static_cast<long double>(x[i]) * x[i];
      }
      EXPECT_NEAR(static_cast<double>(norm), 1, tolerance::relative(n, n)) << n;
      EXPECT_LE(static_cast<double>(std::sqrt(residual)), tolerance::of_matrix(n, n, norm_of(values))) << n;
    }
  }
}

TEST(TridiagonalValues, GivesEigenvectorsOfAwkwardMatrices) {
  Context context(1);
  const std::vector<Tridiagonal> all = {{std::vector<double>(20, 1.0), std::vector<double>(19, 0.0)},
                                        {std::vector<double>(20, 0.0), std::vector<double>(19, 0.0)},
                                        {std::vector<double>(20, 2.0), std::vector<double>(19, 1e-200)},
                                        {{1.0, 1.0, 3.0}, {0.0, 1.0}}};
  for (const Tridiagonal& t : all) {
    const std::vector<double> values = eigenvalues(t, context);
    for (const double value : values) {
      const auto x = eigenvector(t, value);
      if (!x) continue;
      double residual = 0;
      for (std::size_t i = 0; i < x->size(); ++i) {
        double sum = (t.diagonal[i] - value) * (*x)[i];
        if (i > 0) sum += t.off_diagonal[i - 1] * (*x)[i - 1];
        if (i + 1 < x->size()) sum += t.off_diagonal[i] * (*x)[i + 1];
        residual += sum * sum;
      }
      EXPECT_LE(std::sqrt(residual), tolerance::of_matrix(20, 20, norm_of(values)));
    }
  }
}

// Large enough for several strips of columns, and tiles in the updates.
TEST(Tridiagonal, GivesTheSameBitsForAnyNumberOfThreads) {
  const SerialBlas serial;
  constexpr std::int64_t n = 420;
  std::vector<double> a = gallery::normal(n * n, 17);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < i; ++j)
      a[static_cast<std::size_t>(j * n + i)] = a[static_cast<std::size_t>(i * n + j)];
  }
  Context one(1);
  SymmetricWork alone = work_of(a, n, one);
  const Tridiagonal wanted = tridiagonalize(alone, one).t;
  for (const int threads : {2, 3}) {
    Context context(threads);
    SymmetricWork work = work_of(a, n, context);
    const Tridiagonal t = tridiagonalize(work, context).t;
    EXPECT_EQ(t.diagonal, wanted.diagonal);
    EXPECT_EQ(t.off_diagonal, wanted.off_diagonal);
  }
  // tr A and tr A^2 are those of T.
  double trace = 0, squares = 0;
  for (std::int64_t i = 0; i < n; ++i) trace += a[static_cast<std::size_t>(i * n + i)];
  for (const double entry : a) squares += entry * entry;
  double trace_t = 0, squares_t = 0;
  for (const double d : wanted.diagonal) trace_t += d, squares_t += d * d;
  for (const double e : wanted.off_diagonal) squares_t += 2 * e * e;
  EXPECT_NEAR(trace_t, trace, tolerance::of_matrix(n, n, std::sqrt(squares)));
  EXPECT_NEAR(squares_t, squares, tolerance::of_matrix(n, n, squares));
}

TEST(Tridiagonal, WorksWithEveryInstructionSet) {
  Context context(1);
  gallery::for_each_simd_target(
      [&](const std::string& target) { check_full(gallery::normal(75, 19), target, context); });
}

TEST(Tridiagonal, CanBeCanceled) {
  Context context(2);
  SymmetricWork work = work_of(gallery::normal(100 * 100, 21), 100, context);
  context.request_cancel();
  EXPECT_THROW(static_cast<void>(tridiagonalize(work, context)), Canceled);
}

}  // namespace
}  // namespace sigmax
