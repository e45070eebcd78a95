#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "sigmax/bounds/convolution_proof/climb.hpp"
#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/bounds/convolution_proof/top_vector.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/hermitian.hpp"
#include "sigmax/linalg/blas.hpp"
#include "tolerance.hpp"

namespace sigmax::bounds {
namespace {

TEST(Phase, IsWithinItsStatedErrorOfTheCircle) {
  for (const std::int64_t d : {1, 2, 3, 7, 8, 12, 97, 360, 1 << 20}) {
    for (std::int64_t n = 0; n < d; n += std::max<std::int64_t>(1, d / 997)) {
      const long double angle =
          2 * std::numbers::pi_v<long double> * static_cast<long double>(n) / static_cast<long double>(d);
      const Phase e = phase(n, d);
      ASSERT_LE(std::fabs(e.cosine - std::cos(angle)), kPhaseError) << n << " / " << d;
      ASSERT_LE(std::fabs(e.sine - std::sin(angle)), kPhaseError) << n << " / " << d;
    }
  }
}

// Against the phase of the sum, which is reduced exactly, on boxes, lines with a split table and scattered positions.
TEST(Phase, OfManyPositionsIsWithinItsStatedError) {
  std::vector<Position> box, line, scattered;
  for (std::int64_t i = -3; i <= 3; ++i) {
    for (std::int64_t j = -40; j <= 40; ++j) box.push_back({i, 2 * j, i % 2});
  }
  for (std::int64_t i = -1000; i <= 1000; i += 2) line.push_back({0, 0, i});
  for (std::int64_t i = 0; i < 100; ++i) scattered.push_back({i * i * i, i, -(std::int64_t{1} << 30) * i});
  const std::int64_t fine = std::int64_t{1} << 44;
  const std::vector<TorusPoint> points{
      {}, {{1, 3, 5}, {7, 11, 13}}, {{fine / 3, fine - 1, 12345}, {fine, fine, fine}}, {{0, 1, 2}, {1, 2, 3}}};
  for (const std::vector<Position>& positions : {box, line, scattered}) {
    const Coordinates coordinates(positions);
    ASSERT_EQ(coordinates.size(), positions.size());
    std::vector<Phase> found(positions.size());
    for (const TorusPoint& t : points) {
      coordinates.phases(t, found);
      for (std::size_t p = 0; p < positions.size(); ++p) {
        const Phase expected = phase(positions[p], t);
        ASSERT_LE(std::fabs(found[p].cosine - expected.cosine), 16 * kPhaseError);
        ASSERT_LE(std::fabs(found[p].sine - expected.sine), 16 * kPhaseError);
      }
    }
  }
  EXPECT_LT(Coordinates(line).phases_computed(), 100U);
}

Symbol gaussian(std::int64_t channels, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(channels * channels * 9));
  static_cast<void>(fill_normal(random_state(seed), std::span<double>(values)));
  Context context(1);
  const std::vector<SymbolAxis> axes{{3, 1, 1}, {3, 1, 1}};
  return make_symbols(Tensor::copy_of(values, {channels, channels, 3, 3}), 1, axes, context).groups.front();
}

// The limits lie on both sides of the square of the norm, half as far from it as the stated rounding is and four times
// as far.
template <Real T>
void expect_sharp(const GramPolynomial& g, const TorusPoint& t) {
  Context context(1);
  const double norm = top_at(g, t, nullptr, 1e-13, 2000, nullptr, context).norm;
  const double square = norm * norm;
  const double error = g.relative_error<T>(square) + tolerance::relative(g.order(), g.order());
  const std::vector<TorusPoint> points(4, t);
  const std::vector<double> limits{square * (1 - 1e-9), square * (1 - 0.5 * error), square * (1 + 4 * error),
                                   square * 1.5};
  std::vector<char> passed(4);
  g.at_most<T>(points, limits, passed, context);
  EXPECT_FALSE(passed[0]);
  EXPECT_FALSE(passed[1]);
  EXPECT_TRUE(passed[2]);
  EXPECT_TRUE(passed[3]);
}

TEST(GramPolynomial, ProvesLimitsAboveTheNormAndNoneBelow) {
  const SerialBlas serial;
  Context context(1);
  for (const std::int64_t channels : {1, 3, 17, 64, 96}) {
    const Symbol f = gaussian(channels, static_cast<std::uint64_t>(channels));
    const GramPolynomial g(f, true, context);
    for (const TorusPoint& t : {TorusPoint{}, TorusPoint{{1, 2, 0}, {5, 7, 1}}, TorusPoint{{3, 1, 0}, {8, 2, 1}}}) {
      SCOPED_TRACE(channels);
      expect_sharp<double>(g, t);
      if (channels >= 64) expect_sharp<float>(g, t);  // what it is used for
    }
  }
}

// v^* G(t) v = |F(t) v|^2, for long lines of taps on each axis, in boxes and with a stride, and for short ones.
TEST(GramPolynomial, IsTheSquareOfTheSymbolForEveryShapeOfTaps) {
  Context context(2);
  const std::vector<std::vector<SymbolAxis>> shapes{
      {{40, 1, 1}}, {{17, 1, 1}, {1, 1, 1}}, {{2, 1, 1}, {23, 1, 1}}, {{3, 1, 1}, {2, 1, 1}, {19, 1, 1}},
      {{50, 2, 3}}, {{5, 1, 1}, {4, 2, 1}}};
  for (const std::vector<SymbolAxis>& axes : shapes) {
    Dimensions shape{3, 2};
    for (const SymbolAxis& axis : axes) shape.push_back(axis.kernel);
    std::vector<double> values(static_cast<std::size_t>(*element_count(shape)));
    static_cast<void>(fill_normal(random_state(values.size()), std::span<double>(values)));
    const Symbol f = make_symbols(Tensor::copy_of(values, shape), 1, axes, context).groups.front();
    const GramPolynomial g(f, false, context);
    auto panels = context.scratch<double>(static_cast<std::size_t>(kernels::hermitian_size(g.order())));
    for (const TorusPoint& t : {TorusPoint{}, TorusPoint{{1, 2, 4}, {5, 7, 9}}, TorusPoint{{3, 1, 1}, {8, 2, 3}}}) {
      g.values<double>({&t, 1}, panels.data(), context);
      for (std::int64_t i = 0; i < g.order(); ++i) {
        for (std::int64_t j = 0; j <= i; ++j) {
          ComplexVector first, second;
          first.re.assign(static_cast<std::size_t>(g.order()), 0.0);
          first.im = second.re = second.im = first.re;
          first.re[static_cast<std::size_t>(i)] = second.re[static_cast<std::size_t>(j)] = 1;
          const ComplexVector a = times(f, t, first), b = times(f, t, second);
          double re = 0, im = 0;  // a^* b
          for (std::size_t k = 0; k < a.re.size(); ++k) {
            re += a.re[k] * b.re[k] + a.im[k] * b.im[k];
            im += a.re[k] * b.im[k] - a.im[k] * b.re[k];
          }
          const auto taps = static_cast<std::int64_t>(f.taps.size());
          const double slack = tolerance::of_matrix(f.rows * taps, f.columns, f.spread * f.spread);
          EXPECT_NEAR(panels[static_cast<std::size_t>(kernels::hermitian_place(i, j))], re, slack);
          if (i == j) continue;
          EXPECT_NEAR(panels[static_cast<std::size_t>(kernels::hermitian_place(i, j) + 16)], im, slack);
        }
      }
    }
  }
}

// What a climb takes is counted, and it ends a step after it has taken that much.
TEST(Climb, EndsWhereItsWorkIsUsedUp) {
  const SerialBlas serial;
  Context context(1);
  const Symbol f = gaussian(12, 3);
  const GramPolynomial g(f, false, context);
  const Top from = top_at(g, {{1, 2, 0}, {5, 7, 1}}, nullptr, 1e-2, 10, nullptr, context);
  EXPECT_GT(from.flops, 0);
  const Top none = climb(g, from, 1e-6, 0, context);
  EXPECT_EQ(none.norm, from.norm);
  EXPECT_EQ(none.flops, from.flops);
  const Top all = climb(g, from, 1e-6, kInfinity, context);
  EXPECT_GT(all.norm, from.norm);
  const double taken = all.flops - from.flops;
  const Top some = climb(g, from, 1e-6, 0.1 * taken, context);
  EXPECT_LT(some.flops, all.flops);
  EXPECT_GE(some.norm, from.norm);
  EXPECT_LE(some.norm, all.norm);
}

TEST(GramPolynomial, ProvesLimitsBelowTheSmallestEigenvalueAndNoneAbove) {
  const SerialBlas serial;
  Context context(1);
  // A symbol with the values 1 and 3 at t = 0: rows (1, 0), (0, 3), split over two taps.
  Symbol f = gaussian(2, 1);
  std::fill(f.values.begin(), f.values.end(), 0.0);
  f.values[0] = 0.25;
  f.values[4] = 0.75;
  f.values[7] = 3;
  const GramPolynomial g(f, false, context);
  std::vector<char> passed(3);
  g.at_least(std::vector<TorusPoint>(3), std::vector<double>{0.5, 1 - 1e-12, 1 + 1e-12}, passed, context);
  EXPECT_TRUE(passed[0]);
  EXPECT_FALSE(passed[2]);
}

// Every point of the torus lies within the radius of a center, or its opposite does.
TEST(Covering, CoversTheTorusAtEachLevel) {
  for (const std::array<double, 3>& degree :
       {std::array<double, 3>{1, 0, 0}, {0.5, 1, 0}, {1, 1, 0}, {0, 3, 1.5}, {0.5, 0.5, 1}}) {
    Covering covering(degree, 1.0);
    std::vector<TorusPoint> cells = covering.centers();
    for (int level = 0; level < 3; ++level) {
      std::vector<double> uniform(3 * 400);
      static_cast<void>(fill_uniform(random_state(5), std::span<double>(uniform)));
      for (std::size_t i = 0; i < uniform.size(); i += 3) {
        double least = 100;
        for (const TorusPoint& cell : cells) {
          for (const double sign : {1.0, -1.0}) {
            double distance = 0;
            for (std::size_t axis = 0; axis < 3; ++axis) {
              const double turns = uniform[i + axis] - sign * static_cast<double>(cell.numerator[axis]) /
                                                           static_cast<double>(cell.denominator[axis]);
              distance += degree[axis] * 2 * std::numbers::pi * std::fabs(turns - std::round(turns));
            }
            least = std::min(least, distance);
          }
        }
        ASSERT_LE(least, covering.radius() * (1 + 1e-12)) << level;
      }
      cells = covering.split(cells);
    }
  }
}

}  // namespace
}  // namespace sigmax::bounds
