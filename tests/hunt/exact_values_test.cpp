// The hunt for an end on the wrong side of a value that is known exactly, down to the last bit: rows of a Hadamard
// matrix times d_i have the singular values |d_i| sqrt(n), and sqrt(n) is a power of two. `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "hunt/budget.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kEach = 10;  // a matrix counts as this many enclosures

struct Exact {
  Tensor matrix;
  std::vector<double> values;  // exact, largest first
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}
  std::int64_t pick(std::int64_t count) { return std::uniform_int_distribution<std::int64_t>(0, count - 1)(random_); }
  double uniform() { return std::uniform_real_distribution<double>()(random_); }

  Exact make(bool in_float) {
    const std::int64_t n = std::int64_t{4} << (2 * (1 + pick(3)));  // 16, 64, 256
    const std::int64_t m = 1 + pick(std::min<std::int64_t>(n, 96));
    std::vector<double> d = factors(m);
    if (in_float) {
      for (double& value : d) value = static_cast<double>(static_cast<float>(value));
    }
    const bool tall = pick(2) == 0;
    std::vector<double> entries(static_cast<std::size_t>(m * n));
    const auto flip = static_cast<std::uint64_t>(pick(n));
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const bool negative = std::popcount((static_cast<std::uint64_t>(i) ^ flip) & static_cast<std::uint64_t>(j)) % 2;
        entries[static_cast<std::size_t>(tall ? j * m + i : i * n + j)] =
            negative ? -d[static_cast<std::size_t>(i)] : d[static_cast<std::size_t>(i)];
      }
    }
    Exact exact{tall ? Tensor::rounded(entries, {n, m}, DType::f64) : Tensor::rounded(entries, {m, n}, DType::f64), {}};
    for (const double value : d) exact.values.push_back(std::fabs(value) * std::sqrt(static_cast<double>(n)));
    std::ranges::sort(exact.values, std::greater<>());
    return exact;
  }

 private:
  // Graded values with copies and clusters, which rounding relative to the largest would hide.
  std::vector<double> factors(std::int64_t m) {
    const std::int64_t kind = pick(6);
    const double ratio = std::pow(10.0, -13 * uniform());
    const double spread = std::pow(10.0, -16 + 14 * uniform());
    const std::int64_t copies = 1 + pick(std::min<std::int64_t>(m, 12));
    std::vector<double> d;
    for (std::int64_t i = 0; i < m; ++i) {
      const double along = static_cast<double>(i) / static_cast<double>(m);
      switch (kind) {
        case 0: d.push_back(1 - 0.9 * along); break;
        case 1: d.push_back(std::pow(ratio, along)); break;
        case 2: d.push_back(i < 2 * copies ? 1 + spread * uniform() : 0.5 * uniform()); break;
        case 3: d.push_back(i < m / 2 ? 1 : ratio * (1 + spread * uniform())); break;
        case 4: d.push_back(pick(3) != 0 ? 0 : uniform()); break;
        default: d.push_back(i % copies == 0 ? std::pow(10.0, -13 * uniform()) : 1); break;
      }
    }
    std::ranges::shuffle(d, random_);
    return d;
  }

  std::mt19937_64 random_;
};

const Method kMethods[] = {
    Auto{},       Lanczos{Lanczos::Form::gram}, Lanczos{Lanczos::Form::bidiagonal}, BlockKrylov{}, Deflation{},
    DenseLapack{}};

template <Real T>
struct Asked {
  SvdOptions<T> svd;
  CertifyOptions certify;
  bool opaque = false;
};

template <Real T>
Asked<T> asked(Maker& maker, const Exact& exact, std::uint64_t seed) {
  const auto most = static_cast<std::int64_t>(exact.values.size());
  Asked<T> result;
  SvdOptions<T>& options = result.svd;
  options.k = 1 + maker.pick(std::min<std::int64_t>(most, 20));
  options.which = maker.pick(3) == 0 ? Which::smallest : Which::largest;
  if (options.which == Which::largest) options.method = kMethods[maker.pick(std::size(kMethods))];
  if (std::holds_alternative<Deflation>(options.method)) {
    options.k = std::min<std::int64_t>(options.k, 4);
    options.max_products = 2000;
  }
  const double tolerances[] = {1e-12, 1e-10, 1e-6, 1e-3};
  options.tolerance = std::same_as<T, float> ? 1e-5 : tolerances[maker.pick(4)];
  options.random = vouched(random_state(seed));
  // A start within few eigenspaces: those of the largest or the smallest value, or neither.
  if (options.which == Which::largest && maker.pick(3) == 0) {
    options.start = Matrix<T>(exact.matrix.shape()[1], 1);
    options.start.values()[static_cast<std::size_t>(maker.pick(options.start.rows()))] = 1;
  }
  if (maker.pick(2) == 0) result.certify.method = CertifyMethod::probabilistic;
  result.opaque = maker.pick(4) == 0;
  return result;
}

template <Real T>
Operator<T> hidden(const Operator<T>& a) {
  return function_operator<T>(
      a->shape(), [a](MatrixView<const T> x, MatrixView<T> y, Context& context) { a->apply(x, y, context); },
      [a](MatrixView<const T> x, MatrixView<T> y, Context& context) { a->apply_adjoint(x, y, context); });
}

template <Real T>
void hunt(std::int64_t matrices) {
  Context context(1);
  std::int64_t ends = 0;
  std::int64_t unconfirmed = 0;
  for (std::int64_t i = 0; i < matrices; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Maker maker(seed);
    const Exact exact = maker.make(std::same_as<T, float>);
    const Asked<T> ask = asked<T>(maker, exact, seed);
    const Operator<T> stored = dense<T>(exact.matrix);
    const Operator<T> a = ask.opaque ? hidden(stored) : stored;
    SCOPED_TRACE(fmt::format("{} {} {}x{} k {}", hunt::rerun(seed, kEach), name(ask.svd.method), a->shape().rows,
                             a->shape().columns, ask.svd.k));
    const CertifiedSvd<T> found = certified_svd(*a, ask.svd, ask.certify, context);
    unconfirmed += found.triplets.outcome == SvdOutcome::unconfirmed ? 1 : 0;
    const double largest = exact.values.front();
    // For an opaque operator the ends are those of its products as they are computed: sums in T, in the order of one
    // instruction set, wrong by gamma |A| |x| in each entry, so by gamma |A|_F at most.
    double squares = 0;
    for (const double value : exact.values) squares += value * value;
    const auto in_sums = static_cast<double>(tolerance::gamma_in<T>(std::max(a->shape().rows, a->shape().columns)));
    const double rounding = ask.opaque ? in_sums * std::sqrt(squares) : 0;
    for (std::int64_t j = 0; j < ask.svd.k; ++j) {
      const std::int64_t index =
          ask.svd.which == Which::largest ? j : static_cast<std::int64_t>(exact.values.size()) - ask.svd.k + j;
      const double truth = exact.values[static_cast<std::size_t>(index)];
      const Enclosure& e = found.sigma[static_cast<std::size_t>(j)];
      ASSERT_LE(e.lower.value(), truth + rounding) << j;
      if (e.upper) {
        ASSERT_GE(e.upper->value(), truth - rounding) << j;
      }
      ends += e.upper ? 2 : 1;
      if (found.triplets.outcome != SvdOutcome::converged) continue;
      const double allowed = tolerance::of_small_values<T>(a->shape().rows, a->shape().columns, ask.svd.tolerance);
      ASSERT_NEAR(found.triplets.sigma[static_cast<std::size_t>(j)], truth, allowed * largest) << j;
    }
  }
  std::printf("%lld ends of %lld matrices, %lld unconfirmed\n", static_cast<long long>(ends),
              static_cast<long long>(matrices), static_cast<long long>(unconfirmed));
  EXPECT_LE(unconfirmed, matrices / 10 + 1);
}

// A start in the null space finds zero, and only a search elsewhere can contradict that.
TEST(HuntExact, AStartInTheNullSpaceIsNoAnswer) {
  std::vector<double> entries(16 * 10, 0.0);
  entries[3 * 10 + 4] = 3;
  const Operator<double> stored = dense<double>(Tensor::rounded(entries, {16, 10}, DType::f64));
  Context context(1);
  for (const Operator<double>& a : {stored, hidden(stored)}) {
    for (const Method& method : kMethods) {
      SvdOptions<double> options;
      options.method = method;
      options.start = Matrix<double>(10, 1);
      options.start.values()[0] = 1;
      options.random = vouched(random_state(1));
      const CertifiedSvd<double> found = certified_svd(*a, options, CertifyOptions{}, context);
      if (found.triplets.outcome == SvdOutcome::converged) {
        EXPECT_NEAR(found.triplets.sigma.front(), 3, 3 * tolerance::of_converged<double>(options.tolerance))
            << name(method);
      }
    }
  }
}

TEST(HuntExact, WhatIsKnownByItsProductsAloneConvergesByItsCheck) {
  Context context(1);
  for (const double top : {0.0, 3.0}) {
    std::vector<double> entries(16 * 10, 0.0);
    for (std::size_t i = 0; i < 10; ++i) entries[i * 11] = top / static_cast<double>(i + 1);
    const Operator<double> a = hidden(dense<double>(Tensor::rounded(entries, {16, 10}, DType::f64)));
    SvdOptions<double> options;
    options.k = 2;
    options.random = random_state(1);  // not drawn: no probability, and so no upper end
    const CertifiedSvd<double> found = certified_svd(*a, options, CertifyOptions{}, context);
    EXPECT_EQ(found.triplets.outcome, SvdOutcome::converged) << top;
    EXPECT_NEAR(found.triplets.sigma.front(), top, tolerance::of_estimate(options.tolerance) * top);
  }
}

TEST(HuntExact, NoEndOfDoublesIsOnTheWrongSide) { hunt<double>(hunt::budget(5'000) / kEach); }
TEST(HuntExact, NoEndOfFloatsIsOnTheWrongSide) { hunt<float>(hunt::budget(5'000) / kEach); }

}  // namespace
}  // namespace sigmax
