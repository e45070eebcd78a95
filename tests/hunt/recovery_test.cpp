// The hunt for an optimum outside its enclosure: answers and duals that are random, or nearly right, for problems whose
// optimum follows from reference singular values; and for a sparse matrix whose norm is outside its ends. `make hunt`.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "hunt/budget.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/duality.hpp"
#include "sigmax/bounds/sparse_sigma_max.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::bounds {
namespace {

class Specimen {
 public:
  explicit Specimen(std::uint64_t seed) : random_(seed) {
    rows_ = 1 + static_cast<std::int64_t>(random_() % 7);
    columns_ = 1 + static_cast<std::int64_t>(random_() % 7);
    spread_ = std::array{1, 1, 6, 25}[random_() % 4];
    m_ = Matrix<double>(rows_, columns_);
    for (double& value : m_.values()) value = number();
    if (random_() % 4 == 0 && rows_ > 1) {  // of lower rank
      for (std::int64_t j = 0; j < columns_; ++j) m_(rows_ - 1, j) = m_(0, j);
    }
    std::vector<double> by_rows;
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < columns_; ++j) by_rows.push_back(m_(i, j));
    }
    sigma_ = gallery::reference_singular_values(by_rows, static_cast<std::size_t>(rows_),
                                                static_cast<std::size_t>(columns_));
  }

  double number() {
    if (random_() % 12 == 0) return 0;
    const double mantissa = std::uniform_real_distribution<double>(-1, 1)(random_);
    return std::ldexp(mantissa, static_cast<int>(random_() % static_cast<std::uint64_t>(2 * spread_)) - spread_);
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  const Matrix<double>& m() const { return m_; }
  const std::vector<long double>& sigma() const { return sigma_; }
  long double nuclear() const { return std::accumulate(sigma_.begin(), sigma_.end(), 0.0L); }

  SparseMatrix all_observed() const {
    std::vector<std::int64_t> row;
    std::vector<std::int64_t> column;
    for (std::size_t e = 0; e < m_.values().size(); ++e) {
      row.push_back(static_cast<std::int64_t>(e) % rows_);
      column.push_back(static_cast<std::int64_t>(e) / rows_);
    }
    return {{rows_, columns_}, row, column, m_.values()};
  }

  // M's own triplets lowered by `by`, as far as svd() finds them, or anything else; and the values in between.
  struct Guess {
    Matrix<double> u;
    std::vector<double> sigma;
    Matrix<double> v;
    Factors view() const { return {u.view(), sigma, v.view()}; }
  };
  Guess guess(double by) {
    const std::int64_t k = std::min(rows_, columns_);
    auto options = repeatable<SvdOptions<double>>();
    options.k = k;
    options.check = Check::none;
    Context context(1);
    const SparseMatrix all = all_observed();
    const SvdResult<double> svd = sigmax::svd(*sparse<double>(all), options, context);
    Guess x{svd.u, svd.sigma, svd.v};
    for (double& value : x.sigma) value = std::max(value - by, 0.0);
    const std::uint64_t kind = below(3);
    for (const std::span<double> part : {x.u.values(), std::span<double>(x.sigma), x.v.values()}) {
      for (double& value : part) {
        if (kind == 1) value *= 1 + 1e-3 * number();
        if (kind == 2) value = number();
      }
    }
    return x;
  }

  // U V^T over the values above `by`, an optimal dual of most problems here, or anything else; column-major.
  Matrix<double> dual(double by) {
    Matrix<double> y(rows_, columns_);
    const Guess x = guess(0);
    for (std::size_t k = 0; k < x.sigma.size(); ++k) {
      if (!(x.sigma[k] > by)) continue;
      for (std::int64_t j = 0; j < columns_; ++j) {
        for (std::int64_t i = 0; i < rows_; ++i) {
          y(i, j) += x.u(i, static_cast<std::int64_t>(k)) * x.v(j, static_cast<std::int64_t>(k));
        }
      }
    }
    if (below(3) == 0) {
      for (double& value : y.values()) value = number();
    }
    return y;
  }

  std::vector<double> in_order_of_rows(const Matrix<double>& y) const {
    std::vector<double> result;
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < columns_; ++j) result.push_back(y(i, j));
    }
    return result;
  }

 private:
  std::mt19937_64 random_;
  std::int64_t rows_;
  std::int64_t columns_;
  int spread_;
  Matrix<double> m_;
  std::vector<long double> sigma_;
};

// The reference's values are good to about 1e-18 of the largest.
void expect_contains(const Enclosure& e, long double truth, long double size) {
  const long double error = 0x1p-55L * size;
  ASSERT_LE(static_cast<long double>(e.lower.value()), truth + error);
  if (e.upper) {
    ASSERT_GE(static_cast<long double>(e.upper->value()), truth - error);
  }
}

TEST(HuntRecovery, EveryOptimumIsWithinItsEnclosure) {
  const std::int64_t count = hunt::budget(4'000);
  Context context(1);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(hunt::rerun(seed));
    Specimen s(seed);
    const auto options = repeatable<CertifyOptions>();
    const SparseMatrix all = s.all_observed();
    const long double nuclear = s.nuclear();

    const Specimen::Guess x = s.guess(0);
    const Optimum exact = completion_optimum(all, x.view(), s.in_order_of_rows(s.dual(0)), 0, options, context);
    ASSERT_NO_FATAL_FAILURE(expect_contains(exact.value, nuclear, nuclear));

    const double lambda = std::ldexp(1.1, static_cast<int>(s.below(12)) - 8);
    long double least = 0;
    for (const long double value : s.sigma()) {
      least += value <= lambda ? value * value / 2 : lambda * value - static_cast<long double>(lambda) * lambda / 2;
    }
    const Specimen::Guess shrunk = s.guess(lambda);
    std::vector<double> rest = s.in_order_of_rows(s.dual(lambda));
    const Optimum soft = least_squares_optimum(all, lambda, shrunk.view(), rest, 0, options, context);
    ASSERT_NO_FATAL_FAILURE(expect_contains(soft.value, least, least));

    const double above_one = 1 + std::fabs(s.number());
    const Matrix<double> y = s.dual(0);
    const Optimum robust = robust_pca_optimum(s.m().view(), above_one, x.view(), y.view(), 0, options, context);
    ASSERT_NO_FATAL_FAILURE(expect_contains(robust.value, nuclear, nuclear));
  }
}

TEST(HuntRecovery, EverySparseNormIsWithinItsEnds) {
  const std::int64_t count = hunt::budget(4'000);
  Context context(1);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(hunt::rerun(seed));
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> unit(0, 1);
    const auto rows = static_cast<std::int64_t>(1 + random() % 12);
    const auto columns = static_cast<std::int64_t>(1 + random() % 12);
    const int spread = std::array{1, 3, 40, 500}[random() % 4];
    const int center = std::array{0, 0, 400, -400, 500, -500, -1030}[random() % 7];
    const bool is_flat = random() % 3 == 0;  // many equal singular values
    std::vector<std::int64_t> row;
    std::vector<std::int64_t> column;
    std::vector<double> values;
    std::vector<double> dense(static_cast<std::size_t>(rows * columns));
    for (std::int64_t e = 0; e < rows * columns; ++e) {
      if (is_flat ? e / columns != e % columns : unit(random) < 0.6) continue;
      const double mantissa = is_flat ? 1.0 : 2 * unit(random) - 1;
      const int exponent = center + (is_flat ? 0 : static_cast<int>(spread * (2 * unit(random) - 1)));
      dense[static_cast<std::size_t>(e)] = std::ldexp(mantissa, exponent);
      row.push_back(e / columns);
      column.push_back(e % columns);
      values.push_back(dense[static_cast<std::size_t>(e)]);
    }
    const Enclosure e =
        sigma_max(SparseMatrix({rows, columns}, row, column, values), repeatable<CertifyOptions>(), context);
    const long double truth =
        gallery::reference_singular_values(dense, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns))[0];
    ASSERT_TRUE(e.is_proven());
    ASSERT_NO_FATAL_FAILURE(expect_contains(e, truth, truth));
  }
}

}  // namespace
}  // namespace sigmax::bounds
