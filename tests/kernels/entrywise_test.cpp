// Combinations and inner products of weights against long double, for every instruction set, layout and storage type.
#include "sigmax/kernels/entrywise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "nn/samples.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using nn::Real80;
using nn::Sample;
using nn::Vector80;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class T>
void check_combination(const nn::Layout& layout, DType dtype, bool with_y, bool outer, const std::string& target) {
  Context context(2);
  const Sample x(dtype, layout.shape, layout.dimension, 1), y(dtype, layout.shape, layout.dimension, 2);
  Sample out = x;
  const std::vector<T> u = nn::unit_vector<T>(x.rows(), 3), v = nn::unit_vector<T>(x.columns(), 4);
  Combination<T> what{.alpha = 1.3, .x = x.weight()};
  if (with_y) {
    what.beta = -0.7;
    what.y = y.weight();
  }
  if (outer) {
    what.gamma = 2.1;
    what.u = u;
    what.v = v;
  }
  combination<T>(what, out.output(), context);
  const Vector80 found = out.matrix(), from_x = x.matrix(), from_y = y.matrix();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Real80 terms[] = {1.3L * from_x[i], with_y ? -0.7L * from_y[i] : 0.0L,
                            outer ? 2.1L * u[i / v.size()] * v[i % v.size()] : 0.0L};
    const Real80 sum = terms[0] + terms[1] + terms[2];
    const Real80 magnitudes = std::fabs(terms[0]) + std::fabs(terms[1]) + std::fabs(terms[2]);
    const Real80 allowed = magnitudes * tolerance::gamma_in<T>(6) + std::fabs(sum) * unit_roundoff(dtype) * 1.01L +
                           (dtype == DType::f16 ? 0x1p-24L : 0.0L);
    ASSERT_LE(std::fabs(found[i] - sum), allowed) << target << " " << x.what() << " " << with_y << outer << " " << i;
  }
}

TEST(Entrywise, CombinesWithinItsErrorBoundOnEveryInstructionSet) {
  gallery::for_each_simd_target([](const std::string& target) {
    for (const nn::Layout& layout : nn::layouts()) {
      const bool large = *element_count(layout.shape) > 10000;
      for (const DType dtype : gallery::kStorageTypes) {
        if (large && dtype != DType::f32) continue;
        for (const bool with_y : {false, true}) {
          for (const bool outer : {false, true}) {
            if (dtype != DType::f64) check_combination<float>(layout, dtype, with_y, outer, target);
            if (!large) check_combination<double>(layout, dtype, with_y, outer, target);
          }
        }
      }
    }
  });
}

TEST(Entrywise, RoundsToNearestAndKeepsNaN) {
  gallery::for_each_simd_target([](const std::string& target) {
    Context context(1);
    std::vector<double> values = gallery::normal(64, 5);
    values[3] = kNaN;
    values[5] = std::numeric_limits<double>::infinity();
    values[7] = -std::numeric_limits<double>::infinity();
    for (const DType dtype : {DType::f16, DType::bf16}) {
      const Sample x(dtype, {4, 16}, 0, values);
      Sample out = x;
      combination<float>({.alpha = 0.3F, .x = x.weight()}, out.output(), context);
      const std::vector<double> from = x.values(), found = out.values();
      for (std::size_t i = 0; i < from.size(); ++i) {
        const double product = static_cast<double>(0.3F * static_cast<float>(from[i]));
        const double wanted =
            dtype == DType::f16 ? f16_to_double(double_to_f16(product)) : bf16_to_double(double_to_bf16(product));
        if (std::isnan(wanted)) {
          EXPECT_TRUE(std::isnan(found[i])) << target;
        } else {
          EXPECT_EQ(found[i], wanted) << target << " " << name(dtype) << " " << i;
        }
      }
    }
  });
}

TEST(Entrywise, InnerProductsHoldTheirErrorBoundOnEveryInstructionSet) {
  gallery::for_each_simd_target([](const std::string& target) {
    Context context(2);
    for (const nn::Layout& layout : nn::layouts()) {
      for (const DType dtype : gallery::kStorageTypes) {
        if (*element_count(layout.shape) > 10000 && dtype != DType::f32) continue;
        const Sample x(dtype, layout.shape, layout.dimension, 1), y(dtype, layout.shape, layout.dimension, 2);
        const Vector80 a = x.matrix(), b = y.matrix();
        Real80 sum = 0, magnitudes = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
          sum += a[i] * b[i];
          magnitudes += std::fabs(a[i] * b[i]);
        }
        EXPECT_LE(std::fabs(inner_product(x.weight(), y.weight(), context) - sum),
                  tolerance::gamma(static_cast<std::int64_t>(a.size())) * magnitudes)
            << target << " " << x.what();
      }
    }
  });
}

// A view with gaps changes only its own entries, and gives the same results as the entries without gaps.
TEST(Entrywise, PartsOfWeightsLeaveTheRestAlone) {
  Context context(1);
  const Sample x(DType::f32, {5, 9, 3}, 1);
  Sample out(DType::f32, {5, 9, 3}, 1, std::vector<double>(135, -1.0));
  UnfoldedMatrix part = x.weight();
  UnfoldedOutput to = out.output();
  part.data = x.weight().run(2, 0);
  to.data = out.output().run(2, 0);
  part.rows = to.rows = 4;
  const std::vector<float> u(4, 0.0F), v(15, 1.0F);
  for (const bool outer : {false, true}) {
    Combination<float> what{.alpha = 2, .x = part};
    if (outer) {
      what.gamma = 1;
      what.u = u;
      what.v = v;
    }
    combination<float>(what, to, context);
    const Vector80 found = out.matrix(), from = x.matrix();
    for (std::size_t i = 0; i < found.size(); ++i) {
      const bool inside = i / 15 >= 2 && i / 15 < 6;
      EXPECT_EQ(found[i], inside ? 2 * from[i] : -1) << i;
    }
  }
}

TEST(Entrywise, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const nn::Layout& layout : {nn::Layout{{700, 600}, 0}, nn::Layout{{64, 128, 7, 7}, 1}}) {
    const Sample x(DType::f32, layout.shape, layout.dimension, 1), y(DType::f32, layout.shape, layout.dimension, 2);
    const std::vector<float> u = nn::unit_vector<float>(x.rows(), 3), v = nn::unit_vector<float>(x.columns(), 4);
    std::vector<double> first;
    double product = 0;
    for (const int threads : {1, 2, 5}) {
      Context context(threads);
      Sample out = x;
      combination<float>({.alpha = 1.1, .x = x.weight(), .gamma = 0.3, .u = u, .v = v}, out.output(), context);
      const double here = inner_product(x.weight(), y.weight(), context);
      if (threads == 1) {
        first = out.values();
        product = here;
      }
      EXPECT_EQ(out.values(), first);
      EXPECT_EQ(here, product);
    }
  }
}

// Eight MiB, with rows that begin anywhere in a vector.
TEST(Entrywise, LargeOutputsAreWrittenWhole) {
  Context context(2);
  const std::int64_t rows = 1031, columns = 2049;
  const Sample x(DType::f32, {rows, columns}, 0, 1);
  Sample out(DType::f32, {rows, columns}, 0, std::vector<double>(static_cast<std::size_t>(rows * columns), -1.0));
  const std::vector<float> u = nn::unit_vector<float>(rows, 3), v = nn::unit_vector<float>(columns, 4);
  const std::vector<double> from = x.values();
  for (const double gamma : {0.0, 1000.0}) {
    Combination<float> what{.alpha = 1.5, .x = x.weight()};
    if (gamma != 0) {
      what.gamma = gamma;
      what.u = u;
      what.v = v;
    }
    combination<float>(what, out.output(), context);
    const std::vector<double> found = out.values();
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double outer = gamma * static_cast<double>(u[i / v.size()]) * static_cast<double>(v[i % v.size()]);
      const double allowed =
          static_cast<double>(tolerance::gamma_in<float>(6)) * (std::fabs(1.5 * from[i]) + std::fabs(outer));
      ASSERT_NEAR(found[i], 1.5 * from[i] + outer, allowed) << i;
    }
  }
}

TEST(Entrywise, RefusesWhatDoesNotFit) {
  Context context(1);
  const Sample x(DType::f32, {4, 3}, 0), y(DType::f32, {3, 4}, 0), wide(DType::f64, {4, 3}, 0);
  Sample out = x, wide_out = wide;
  const std::vector<float> u(4), v(4);
  EXPECT_THROW(inner_product(x.weight(), y.weight(), context), Error);
  EXPECT_THROW(inner_product(x.weight(), wide.weight(), context), Error);
  EXPECT_THROW(combination<float>({.x = y.weight()}, out.output(), context), Error);
  EXPECT_THROW(combination<float>({.x = wide.weight()}, wide_out.output(), context), Error);
  EXPECT_THROW(combination<float>({.x = x.weight(), .gamma = 1, .u = u, .v = v}, out.output(), context), Error);
}

}  // namespace
}  // namespace sigmax::kernels
