// Vector kernels against long double, with the accuracy that their header states.
#include "sigmax/kernels/vector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/normal_in.hpp"
#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using gallery::normal_in;

// The number of terms, as the header states it.
std::int64_t terms(std::size_t n) {
  const auto size = static_cast<std::int64_t>(n);
  return std::min<std::int64_t>(size, (1 << 13) + size / (1 << 14) + 16);
}

template <class T>
void check_sums(std::span<const T> x, std::span<const T> y, const std::string& what) {
  long double sum = 0, magnitude = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += static_cast<long double>(x[i]) * y[i];
    magnitude += std::fabs(static_cast<long double>(x[i]) * y[i]);
    squares += static_cast<long double>(x[i]) * x[i];
  }
  EXPECT_LE(std::fabs(dot(x, y) - sum), tolerance::gamma(terms(x.size())) * magnitude) << what << " " << x.size();
  const long double norm = std::sqrt(squares);
  EXPECT_LE(std::fabs(norm2(x) - norm), tolerance::gamma(terms(x.size()) + 2) * norm) << what << " " << x.size();
}

template <class T>
void check_updates(std::span<const T> x, std::span<const T> y, const std::string& what) {
  const T alpha = T(-1.375);
  std::vector<T> sum(y.begin(), y.end()), scaled(x.begin(), x.end());
  axpy(alpha, x, std::span<T>(sum));
  scale(alpha, std::span<T>(scaled));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double term = static_cast<long double>(alpha) * x[i];
    const long double bound = tolerance::gamma_in<T>(2) * (std::fabs(term) + std::fabs(static_cast<long double>(y[i])));
    ASSERT_LE(std::fabs(sum[i] - (term + y[i])), bound) << what << " element " << i << " of " << x.size();
    ASSERT_EQ(scaled[i], alpha * x[i]) << what << " element " << i << " of " << x.size();
  }
}

template <class T>
void check_copies(std::span<const T> x, const std::string& what) {
  std::vector<float> single(x.size());
  std::vector<double> full(x.size());
  copy(x, std::span<float>(single));
  copy(x, std::span<double>(full));
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(single[i], static_cast<float>(x[i])) << what << " element " << i << " of " << x.size();
    ASSERT_EQ(full[i], static_cast<double>(x[i])) << what << " element " << i << " of " << x.size();
  }
}

template <class T>
void check_all(std::int64_t size, std::int64_t offset, const std::string& what) {
  const std::vector<T> x = normal_in<T>(size + offset, 1), y = normal_in<T>(size + 2 * offset, 2);
  const std::span<const T> from = std::span(x).subspan(static_cast<std::size_t>(offset));
  const std::span<const T> to = std::span(y).subspan(static_cast<std::size_t>(2 * offset));
  check_sums<T>(from, to, what);
  check_updates<T>(from, to, what);
  check_copies<T>(from, what);
}

TEST(Vector, IsAsAccurateAsStatedForEveryLengthAndAlignmentOnEveryInstructionSet) {
  gallery::for_each_simd_target([&](const std::string& target) {
    for (std::int64_t size = 0; size <= 150; ++size) {
      for (const std::int64_t offset : {0, 1, 3}) {
        check_all<float>(size, offset, target);
        check_all<double>(size, offset, target);
      }
    }
    for (const std::int64_t size : {16383, 16384, 16385, 100003}) {
      check_all<float>(size, 1, target);
      check_all<double>(size, 1, target);
    }
  });
}

TEST(Vector, KeepsTheNormOfHugeAndTinyVectorsInRange) {
  using F64 = std::numeric_limits<double>;
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const double unit : {F64::max() / 16, 1e300, 1e200, 1e154, 1e-154, 1e-200, 1e-300, F64::min()}) {
      std::vector<double> x = normal_in<double>(77, 3);
      for (double& value : x) value *= unit / 16;
      long double squares = 0;
      for (const double value : x) squares += static_cast<long double>(value) * value;
      const long double norm = std::sqrt(squares);
      EXPECT_LE(std::fabs(norm2(x) - norm), tolerance::gamma(terms(x.size()) + 2) * norm) << target << " " << unit;
    }
    for (const double value : {F64::max(), F64::denorm_min(), 5 * F64::denorm_min()}) {
      EXPECT_EQ(norm2(std::vector<double>{0, -value, 0}), value) << target;
    }
    EXPECT_EQ(norm2(std::vector<double>(9, F64::max())), F64::infinity()) << target;
    EXPECT_EQ(norm2(std::vector<float>{std::numeric_limits<float>::max()}), std::numeric_limits<float>::max());
    EXPECT_EQ(norm2(std::vector<float>{std::numeric_limits<float>::denorm_min()}),
              std::numeric_limits<float>::denorm_min());
    EXPECT_EQ(norm2(std::vector<double>(5, 0.0)), 0);
    EXPECT_EQ(norm2(std::vector<double>()), 0);
  });
}

TEST(Vector, LetsThroughWhatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const std::size_t at : {0, 5, 40, 63}) {
      std::vector<double> x(64, 1.0);
      x[at] = infinity;
      EXPECT_EQ(norm2(x), infinity) << target;
      EXPECT_EQ(dot(x, std::vector<double>(64, -2.0)), -infinity) << target;
      x[at] = nan;
      EXPECT_TRUE(std::isnan(norm2(x))) << target;
      x[(at + 1) % 64] = 1e300;
      EXPECT_TRUE(std::isnan(norm2(x))) << target;
      std::vector<float> single(64);
      copy(std::span<const double>(x), std::span<float>(single));
      EXPECT_TRUE(std::isnan(single[at])) << target;
      EXPECT_EQ(single[(at + 1) % 64], std::numeric_limits<float>::infinity()) << target;
      EXPECT_TRUE(std::isnan(norm2(single))) << target;
    }
  });
}

TEST(Vector, RefusesVectorsOfDifferentLengths) {
  const std::vector<double> two(2), three(3);
  std::vector<double> out(3);
  std::vector<float> single(2);
  EXPECT_THROW(dot(two, three), Error);
  EXPECT_THROW(axpy(1.0, two, out), Error);
  EXPECT_THROW(copy(std::span<const double>(three), std::span<float>(single)), Error);
  EXPECT_THROW(copy(std::span<const double>(two), std::span<double>(out)), Error);
}

}  // namespace
}  // namespace sigmax::kernels
