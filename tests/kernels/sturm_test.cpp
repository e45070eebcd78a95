// The characteristic polynomial against long double, the counts against known eigenvalues, for every instruction set.
#include "sigmax/kernels/sturm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

struct Values {
  std::vector<std::int64_t> below, exponent;
  std::vector<double> mantissa;
};

Values evaluate(const std::vector<double>& d, const std::vector<double>& squares, const std::vector<double>& x) {
  Values v{std::vector<std::int64_t>(x.size()), std::vector<std::int64_t>(x.size()), std::vector<double>(x.size())};
  sturm(d.data(), squares.data(), static_cast<std::int64_t>(d.size()), x.data(), static_cast<std::int64_t>(x.size()),
        {v.below.data(), v.mantissa.data(), v.exponent.data()});
  return v;
}

// The eigenvalues of (1, 0, 1) / 2 of order n are cos(k pi / (n + 1)).
TEST(Sturm, CountsEigenvalues) {
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const std::size_t n : {1, 2, 7, 8, 9, 100, 1000}) {
      const std::vector<double> d(n, 0.0), squares(n - 1, 0.25);
      std::vector<double> x;
      std::vector<std::int64_t> wanted;
      for (std::size_t k = 0; k <= n; ++k) {
        const auto middle = static_cast<double>(n - k) + 0.5;  // between two of them
        x.push_back(std::cos(std::numbers::pi * middle / static_cast<double>(n + 1)));
        wanted.push_back(static_cast<std::int64_t>(k));
      }
      x.resize((n + 8) / 8 * 8, -2.0);
      wanted.resize(x.size(), 0);
      const Values values = evaluate(d, squares, x);
      EXPECT_EQ(values.below, wanted) << target << " order " << n;
      for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_EQ(std::signbit(values.mantissa[i]), values.below[i] % 2 == 1) << target << " order " << n;
      }
    }
  });
}

TEST(Sturm, EvaluatesThePolynomial) {
  constexpr std::size_t n = 40;
  std::vector<double> d = gallery::normal(n, 1), squares = gallery::normal(n - 1, 2), x = gallery::normal(56, 3);
  for (double& value : d) value = std::fmod(value, 1.0);
  for (double& value : squares) value = std::fmod(value * value, 1.0);
  gallery::for_each_simd_target([&](const std::string& target) {
    const Values values = evaluate(d, squares, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      // Also with absolute values, which rounding errors are relative to.
      long double p = d[0] - static_cast<long double>(x[i]), before = 1;
      long double size = std::fabs(p), size_before = 1;
      for (std::size_t k = 1; k < n; ++k) {
        const long double t = d[k] - static_cast<long double>(x[i]);
        before = std::exchange(p, t * p - squares[k - 1] * before);
        size_before = std::exchange(size, std::fabs(t) * size + squares[k - 1] * size_before);
      }
      const long double computed =
          std::ldexp(static_cast<long double>(values.mantissa[i]), static_cast<int>(values.exponent[i]));
      EXPECT_LE(std::fabs(computed - p), tolerance::gamma(4 * n) * size) << target;
    }
  });
}

// Zero on the diagonal and tiny entries next to it: no overflow, no underflow, no lost sign.
TEST(Sturm, KeepsInRange) {
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const double square : {0x1p-110, 0x1p-60, 1.0, 4.0}) {
      for (const double diagonal : {0.0, 4.0, -4.0}) {
        constexpr std::size_t n = 3000;
        const std::vector<double> d(n, diagonal), squares(n - 1, square), x = {-4, -3, -0x1p-40, 0, 0x1p-60, 1, 3, 4};
        const Values values = evaluate(d, squares, x);
        for (std::size_t i = 0; i < x.size(); ++i) {
          EXPECT_TRUE(std::isfinite(values.mantissa[i])) << target;
          EXPECT_EQ(std::signbit(values.mantissa[i]), values.below[i] % 2 == 1) << target;
          const double outside = 2 * std::sqrt(square);
          if (x[i] < diagonal - outside) {
            EXPECT_EQ(values.below[i], 0) << target << " " << square << " " << x[i];
          }
          if (x[i] > diagonal + outside) {
            EXPECT_EQ(values.below[i], 3000) << target << " " << square << " " << x[i];
          }
        }
      }
    }
  });
}

TEST(Sturm, GivesEachPointTheSameBitsInAnyCompany) {
  const std::vector<double> d(100, 0.25), squares(99, 0.3);
  std::vector<double> x = gallery::normal(64, 9);
  const Values together = evaluate(d, squares, x);
  for (std::size_t i = 0; i < x.size(); i += 8) {
    const std::vector<double> some(x.begin() + static_cast<std::ptrdiff_t>(i),
                                   x.begin() + static_cast<std::ptrdiff_t>(i + 8));
    const Values apart = evaluate(d, squares, some);
    for (std::size_t k = 0; k < 8; ++k) {
      EXPECT_EQ(apart.mantissa[k], together.mantissa[i + k]);
      EXPECT_EQ(apart.exponent[k], together.exponent[i + k]);
    }
  }
}

}  // namespace
}  // namespace sigmax::kernels
