// The rank-r update against long double, for every instruction set.
#include "sigmax/kernels/outer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

template <Real T>
Matrix<T> block(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Matrix<T> x(rows, columns);
  const std::vector<double> values = gallery::normal(rows * columns, seed);
  for (std::size_t i = 0; i < values.size(); ++i) x.values()[i] = static_cast<T>(values[i]);
  return x;
}

template <Real T>
struct Update {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t terms;
  std::int64_t gap;
  Matrix<T> u = block<T>(rows, terms, 1);
  Matrix<T> v = block<T>(columns, terms, 2);
  std::vector<double> weights = gallery::normal(terms, 3);

  std::int64_t stride() const { return columns + gap; }

  // Row-major, with gaps that hold a number that must stay.
  std::vector<T> before() const {
    std::vector<T> g(static_cast<std::size_t>(rows * stride()), T(7));
    const std::vector<double> values = gallery::normal(rows * columns, 4);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        g[static_cast<std::size_t>(i * stride() + j)] =
            static_cast<T>(values[static_cast<std::size_t>(i * columns + j)]);
      }
    }
    return g;
  }

  std::vector<T> after(Context& context) const {
    std::vector<T> g = before();
    add_outer<T>(u.view(), v.view(), weights, g.data(), stride(), context);
    return g;
  }

  void check(const std::vector<T>& found) const {
    const std::vector<T> old = before();
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < stride(); ++j) {
        const auto at = static_cast<std::size_t>(i * stride() + j);
        if (j >= columns) {
          ASSERT_EQ(found[at], T(7)) << "between rows";
          continue;
        }
        long double sum = old[at], magnitude = std::fabs(static_cast<long double>(old[at]));
        for (std::int64_t k = 0; k < terms; ++k) {
          const long double term = static_cast<long double>(weights[static_cast<std::size_t>(k)]) * u(i, k) * v(j, k);
          sum += term;
          magnitude += std::fabs(term);
        }
        ASSERT_LE(std::fabs(found[at] - sum),
                  tolerance::gamma<T>(1) * std::fabs(sum) + tolerance::gamma(2 * terms + 1) * magnitude)
            << i << ", " << j;
      }
    }
  }
};

template <class T>
class AddOuter : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(AddOuter, Types);

TYPED_TEST(AddOuter, AddsOuterProductsOfAnyShapeAndNumber) {
  Context context(2);
  gallery::for_each_simd_target([&](const std::string& target) {
    SCOPED_TRACE(target);
    for (const std::int64_t rows : {1, 3, 4, 9}) {
      for (const std::int64_t columns : {1, 2, 7, 8, 15, 16, 17, 33, 100}) {
        for (const std::int64_t terms : {1, 2, 5}) {
          const Update<TypeParam> update{rows, columns, terms, rows % 3};
          update.check(update.after(context));
        }
      }
    }
  });
}

TYPED_TEST(AddOuter, CutsManyTermsIntoPanels) {
  Context context(2);
  const Update<TypeParam> update{40, 131, 700, 5};
  update.check(update.after(context));
}

TYPED_TEST(AddOuter, GivesTheSameBitsForAnyNumberOfThreads) {
  const Update<TypeParam> update{501, 607, 3, 0};
  Context one(1);
  const std::vector<TypeParam> first = update.after(one);
  update.check(first);
  for (const int threads : {2, 3}) {
    Context context(threads);
    EXPECT_EQ(update.after(context), first) << threads << " threads";
  }
}

TYPED_TEST(AddOuter, LeavesAMatrixWithoutElementsOrTermsAlone) {
  Context context(1);
  for (const auto& [rows, columns, terms] : {std::array{0, 5, 2}, std::array{5, 0, 2}, std::array{2, 3, 0}}) {
    const Update<TypeParam> update{rows, columns, terms, 0};
    EXPECT_EQ(update.after(context), update.before());
  }
}

TYPED_TEST(AddOuter, RefusesWhatDoesNotFit) {
  Context context(1);
  const Update<TypeParam> update{4, 5, 2, 0};
  std::vector<TypeParam> g = update.before();
  const auto call = [&](std::span<const double> weights, std::int64_t stride) {
    add_outer<TypeParam>(update.u.view(), update.v.view(), weights, g.data(), stride, context);
  };
  EXPECT_THROW(call(std::vector<double>{1}, 5), Error);
  EXPECT_THROW(call(update.weights, 4), Error);
}

}  // namespace
}  // namespace sigmax::kernels
