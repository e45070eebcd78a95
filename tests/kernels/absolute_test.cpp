#include "sigmax/kernels/absolute.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

struct Extents {
  std::int64_t rows, columns;
};
constexpr Extents kExtents[] = {{1, 1}, {1, 40}, {40, 1}, {7, 13}, {21, 64}, {700, 421}};

std::vector<double> positive(std::int64_t count, std::uint64_t seed) {
  std::vector<double> x = gallery::normal(count, seed);
  for (double& value : x) value = std::fabs(value) + 0.01;
  return x;
}

// |A| x or |A|^T x in extended precision.
std::vector<long double> reference(const gallery::Stored& a, Extents e, const std::vector<long double>& x,
                                   bool transposed) {
  std::vector<long double> y(static_cast<std::size_t>(transposed ? e.columns : e.rows), 0.0L);
  for (std::int64_t i = 0; i < e.rows; ++i) {
    for (std::int64_t j = 0; j < e.columns; ++j) {
      const auto in = static_cast<std::size_t>(transposed ? i : j);
      const auto out = static_cast<std::size_t>(transposed ? j : i);
      y[out] += std::fabs(static_cast<long double>(a(i, j))) * x[in];
    }
  }
  return y;
}

void expect_near(const std::vector<double>& got, const std::vector<long double>& wanted, std::int64_t terms,
                 const std::string& what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_LE(std::fabs(static_cast<long double>(got[i]) - wanted[i]), tolerance::gamma(terms) * wanted[i])
        << what << " at " << i;
  }
}

TEST(Absolute, ProductsAreThoseOfTheAbsoluteValuesOnEveryTarget) {
  gallery::for_each_simd_target([](const std::string& target) {
    for (const DType dtype : gallery::kStorageTypes) {
      for (const Extents e : kExtents) {
        if (e.rows > 100 && dtype != DType::f32) continue;
        const gallery::Stored a(dtype, e.rows, e.columns, gallery::normal(e.rows * e.columns, 3), 3, 1);
        const std::string what = target + " " + a.what();
        Context context(2);
        const std::vector<double> x = positive(e.columns, 5);
        const std::vector<double> y = positive(e.rows, 6);
        std::vector<double> ax(y.size()), aty(x.size()), gram(x.size());
        absolute_multiply(a.matrix(), x, ax, context);
        absolute_multiply_transposed(a.matrix(), y, aty, context);
        absolute_gram(a.matrix(), x, gram, context);
        const std::vector<long double> image = reference(a, e, {x.begin(), x.end()}, false);
        expect_near(ax, image, e.columns, what);
        expect_near(aty, reference(a, e, {y.begin(), y.end()}, true), e.rows, what);
        expect_near(gram, reference(a, e, image, true), e.rows + e.columns, what);
      }
    }
  });
}

TEST(Absolute, SameBitsOnOneThreadAndOnThree) {
  const gallery::Stored a(DType::bf16, 2000, 700, gallery::normal(2000 * 700, 8));
  const std::vector<double> x = positive(700, 1);
  const std::vector<double> y = positive(2000, 2);
  std::vector<double> first[3], second[3];
  for (const int threads : {1, 3}) {
    Context context(threads);
    auto& out = threads == 1 ? first : second;
    out[0].resize(2000);
    out[1].resize(700);
    out[2].resize(700);
    absolute_multiply(a.matrix(), x, out[0], context);
    absolute_multiply_transposed(a.matrix(), y, out[1], context);
    absolute_gram(a.matrix(), x, out[2], context);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(first[i], second[i]);
}

TEST(Absolute, RefusesWhatDoesNotFit) {
  const gallery::Stored a(DType::f32, 3, 2, std::vector<double>(6, 1.0));
  std::vector<double> two(2), three(3);
  Context context(1);
  EXPECT_THROW(absolute_multiply(a.matrix(), three, three, context), Error);
  EXPECT_THROW(absolute_multiply_transposed(a.matrix(), two, two, context), Error);
  EXPECT_THROW(absolute_gram(a.matrix(), two, three, context), Error);
}

}  // namespace
}  // namespace sigmax::kernels
