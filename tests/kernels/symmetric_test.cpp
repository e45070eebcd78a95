// Each inner loop of the reduction against long double, for every instruction set.
#include "sigmax/kernels/symmetric.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/context.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

constexpr std::int64_t kStride = 72;

// Aligned columns of normally distributed numbers.
class Block {
 public:
  Block(Context& context, std::int64_t columns, std::uint64_t seed)
      : values_(context.scratch<double>(static_cast<std::size_t>(columns * kStride))) {
    const std::vector<double> normal = gallery::normal(columns * kStride, seed);
    std::copy(normal.begin(), normal.end(), values_.begin());
  }
  double* data() { return values_.data(); }
  double* column(std::int64_t j) { return values_.data() + j * kStride; }
  double& operator()(std::int64_t i, std::int64_t j) { return column(j)[i]; }

 private:
  Context::Buffer<double> values_;
};

// A sum, and the sum of the absolute values, which rounding errors are relative to.
struct Sum {
  long double value = 0;
  long double size = 0;
  std::int64_t terms = 0;
  void add(double a, double b) {
    value += static_cast<long double>(a) * b;
    size += std::fabs(static_cast<long double>(a) * b);
    ++terms;
  }
};

void expect_close(double computed, const Sum& sum, const std::string& what) {
  EXPECT_LE(std::fabs(computed - sum.value), tolerance::gamma(sum.terms + 2) * sum.size) << what;
}

TEST(Symmetric, MultipliesByStripsOfColumns) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const std::int64_t n : {8, 16, 40, 64}) {
      Block a(context, n, 3), x(context, 1, 4), y(context, 1, 5);
      for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t i = 0; i < j; ++i) a(i, j) = std::numeric_limits<double>::quiet_NaN();
      }
      for (std::int64_t first = 0; first < n; first += 8) {
        for (std::int64_t last = first + 8; last <= n; last += 16) {
          symmetric_columns(a.data(), kStride, n, first, last, x.data(), y.data());
          for (std::int64_t i = first; i < n; ++i) {
            Sum sum;
            for (std::int64_t j = first; j < std::min(last, i + 1); ++j) sum.add(a(i, j), x(j, 0));
            for (std::int64_t k = i + 1; i < last && k < n; ++k) sum.add(a(k, i), x(k, 0));
            expect_close(y(i, 0), sum, target + " order " + std::to_string(n) + " row " + std::to_string(i));
          }
        }
      }
    }
  });
}

TEST(Symmetric, MultipliesPanels) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const std::int64_t count : {1, 3, 4, 7, 16}) {
      Block p(context, 16, 6), x(context, 1, 7), c(context, 1, 8);
      panel_products(p.data(), kStride, count, 8, 48, x.data(), c.data());
      for (std::int64_t k = 0; k < count; ++k) {
        Sum sum;
        for (std::int64_t i = 8; i < 48; ++i) sum.add(p(i, k), x(i, 0));
        expect_close(c(k, 0), sum, target);
      }
    }
  });
}

TEST(Symmetric, CombinesPanels) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const std::int64_t count : {1, 4, 6, 16}) {
      for (const bool both : {true, false}) {
        Block v(context, 16, 6), w(context, 16, 7), y(context, 1, 8), z(context, 1, 9), before(context, 1, 8),
            z_before(context, 1, 9);
        Block weights(context, 4, 10);
        for (std::int64_t j = 0; j < 4; ++j) std::fill(weights.column(j) + count, weights.column(j) + 20, 0.0);
        panel_combine(v.data(), w.data(), kStride, count, 8, 56, {weights.column(0), weights.column(1)}, y.data(),
                      {weights.column(2), weights.column(3)}, both ? z.data() : nullptr);
        for (std::int64_t i = 8; i < 56; ++i) {
          Sum sum, other;
          sum.add(before(i, 0), 1);
          other.add(z_before(i, 0), 1);
          for (std::int64_t k = 0; k < count; ++k) {
            sum.add(v(i, k), -weights(k, 0));
            sum.add(w(i, k), -weights(k, 1));
            if (both) other.add(v(i, k), -weights(k, 2));
            if (both) other.add(w(i, k), -weights(k, 3));
          }
          expect_close(y(i, 0), sum, target);
          expect_close(z(i, 0), other, target);
        }
        EXPECT_EQ(y(7, 0), before(7, 0));
        EXPECT_EQ(y(56, 0), before(56, 0));
      }
    }
  });
}

TEST(Symmetric, AddsPartialSumsFromWhereTheyBegin) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    Block partial(context, 3, 11), y(context, 1, 12);
    const std::int64_t starts[] = {0, 16, 40};
    for (std::int64_t p = 0; p < 3; ++p) {
      std::fill(partial.column(p), partial.column(p) + starts[p], std::numeric_limits<double>::quiet_NaN());
    }
    sum_partial(partial.data(), kStride, starts, 3, 8, 64, y.data());
    for (std::int64_t i = 8; i < 64; ++i) {
      Sum sum;
      for (std::int64_t p = 0; p < 3 && starts[p] <= i; ++p) sum.add(partial(i, p), 1);
      expect_close(y(i, 0), sum, target);
    }
  });
}

TEST(Symmetric, FinishesReflections) {
  Context context(1);
  gallery::for_each_simd_target([&](const std::string& target) {
    for (const std::int64_t last : {16, 40, 64}) {
      Block v(context, 1, 13), w(context, 1, 14), a(context, 1, 15), w_before(context, 1, 14), a_before(context, 1, 15);
      Sum product;
      for (std::int64_t i = 8; i < last; ++i) product.add(v(i, 0), w(i, 0));
      expect_close(column_dot(v.data(), w.data(), 8, last), product, target);
      finish_reflection(v.data(), w.data(), 1.5, -0.25, a.data(), 0.75, 2, 8, last);
      for (std::int64_t i = 8; i < last; ++i) {
        Sum sum, column;
        sum.add(1.5, w_before(i, 0));
        sum.add(-0.25, v(i, 0));
        expect_close(w(i, 0), sum, target);
        column.add(a_before(i, 0), 1);
        column.add(-0.75, v(i, 0));
        column.add(-2, w(i, 0));
        expect_close(a(i, 0), column, target);
      }
      scaled_copy(v.data(), 0.5, a.data(), 8, last);
      for (std::int64_t i = 8; i < last; ++i) EXPECT_EQ(a(i, 0), 0.5 * v(i, 0));
    }
  });
}

}  // namespace
}  // namespace sigmax::kernels
