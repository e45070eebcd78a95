// The hunt for an enclosure that does not contain the truth, over random trees of all operators: `make hunt`. A failure
// here is the worst possible bug of this project.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "gallery/on_a_stack.hpp"
#include "hunt/budget.hpp"
#include "hunt/random_tree.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

using hunt::Grower;
using hunt::Grown;
using hunt::WideTruth;

constexpr CertifyMethod kMethods[] = {CertifyMethod::automatic, CertifyMethod::proven, CertifyMethod::probabilistic,
                                      CertifyMethod::cheapest};

// Limits on factoring and on forming: everything, little of either, nothing.
struct Limit {
  std::int64_t proven_up_to, formed_up_to;
};
constexpr Limit kLimits[] = {{4096, 1 << 20}, {2, 1 << 20}, {4096, 0}, {2, 8}, {0, 0}};

constexpr std::int64_t kEach = std::size(kMethods) * std::size(kLimits);

// Hints by every form of Lanczos, at tolerances that float can and cannot reach, early and late; a unit vector if svd()
// refuses, and sometimes a vector unrelated to the operator.
template <Real T>
SvdResult<T> hint_for(const LinearOperator<T>& a, std::uint64_t seed, Context& context) {
  constexpr Lanczos::Form kForms[] = {Lanczos::Form::automatic, Lanczos::Form::gram, Lanczos::Form::bidiagonal};
  SvdOptions<T> options;
  options.method = Lanczos{kForms[seed % 3]};
  options.tolerance = seed / 3 % 2 == 0 ? 1e-6 : 1e-12;
  options.max_products = seed / 6 % 4 == 0 ? 4 : 200;
  options.random = random_state(seed);
  SvdResult<T> hint;
  try {
    if (seed % 10 != 0) return svd(a, options, context);
  } catch (const InternalError&) {
    throw;
  } catch (const Error&) {  // products beyond the range of T
  }
  hint.v = Matrix<T>(a.shape().columns, 1);
  hint.v(static_cast<std::int64_t>(seed) % a.shape().columns, 0) = 1;
  return hint;
}

template <Real T>
void expect_truth(const Grown<T>& s, std::uint64_t seed, long double slack, Context& context) {
  const WideTruth truth = hunt::sigma_max(s.is);
  const SvdResult<T> hint = hint_for(*s.op, seed, context);
  for (const CertifyMethod method : kMethods) {
    for (const Limit& limit : kLimits) {
      CertifyOptions options;
      options.method = method;
      options.proven_up_to = limit.proven_up_to;
      options.formed_up_to = limit.formed_up_to;
      options.relative_width = (seed + static_cast<std::uint64_t>(limit.proven_up_to)) % 3 == 0 ? 1e-6 : 0;
      const Enclosure e = certify(*s.op, hint, options, context);
      ASSERT_TRUE(contains(e, truth, slack))
          << hunt::rerun(seed) << " method " << static_cast<int>(method) << " up to " << limit.proven_up_to << ","
          << limit.formed_up_to << ": "
          << fmt::format("[{:.17g}, {:.17g}] against 2^{} ({:.20Lg} +- {:.2Lg}) of ", e.lower.value(),
                         e.upper ? e.upper->value() : INFINITY, truth.exponent, truth.value, truth.error)
          << s.what.substr(0, 2000);
      const bool proofs_alone = method == CertifyMethod::proven || method == CertifyMethod::cheapest;
      ASSERT_TRUE(!proofs_alone || !e.upper || e.upper->certainty() == Certainty::proven) << s.what;
    }
  }
}

template <Real T>
void hunt_trees(std::int64_t enclosures) {
  Context context(1);
  const std::int64_t specimens = std::max<std::int64_t>(1, enclosures / kEach);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Grower<T> grower(seed);
    const std::size_t rows = grower.extent();
    const std::size_t columns = grower.extent();
    Grown<T> s = grower.tree(rows, columns, grower.pick(5));
    if (seed % 4 == 0) {
      const Grown<T> zeros = grower.zero_of_kind(grower.pick(Grower<T>::kZeroKinds), rows, columns, 3);
      s = grower.with_zero(grower.pick(Grower<T>::kWays), s, zeros);
    }
    SCOPED_TRACE(s.what.substr(0, 2000));
    ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(expect_truth(s, seed, 0, context))) << "seed " << seed;
  }
  std::printf("%lld enclosures of trees\n", static_cast<long long>(specimens * kEach));
}

TEST(Hunt, EveryEnclosureOfATreeOfDoublesContainsTheTruth) { hunt_trees<double>(hunt::budget(10'000) / 2); }
TEST(Hunt, EveryEnclosureOfATreeOfFloatsContainsTheTruth) { hunt_trees<float>(hunt::budget(10'000) / 4); }

// A node that is zero by its structure is easily mistaken for something small. Tests each kind of node with each pair
// of kinds below it.
TEST(Hunt, ZerosInEveryPairOfKindsAreZero) {
  Context context(1);
  constexpr int kKinds = Grower<double>::kZeroKinds;
  std::int64_t specimens = 0;
  for (int kind = 0; kind < kKinds; ++kind) {
    for (int pair = 0; pair < kKinds * kKinds; ++pair) {
      const auto seed = static_cast<std::uint64_t>(kind * kKinds * kKinds + pair + 1);
      Grower<double> grower(seed);
      const Grown<double> zeros = grower.zero_of_kind(kind, 3, 3, 3, pair / kKinds, pair % kKinds);
      const Grown<double> w = grower.tree(3, 3, 0);
      const Grown<double> s = grower.with_zero(pair % Grower<double>::kWays, w, zeros);
      SCOPED_TRACE(s.what);
      ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(expect_truth(zeros, seed, 0, context)));
      ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(expect_truth(s, seed, 0, context)));
      const Enclosure e = certify(*zeros.op, hint_for(*zeros.op, seed, context), CertifyOptions{}, context);
      EXPECT_EQ(e.upper->value(), 0);
      ++specimens;
    }
  }
  std::printf("%lld enclosures of zeros\n", static_cast<long long>(2 * specimens * kEach));
}

// 300 to 1200 operators deep. A chain costs as much as a thousand small trees.
template <Real T>
void hunt_chains(std::int64_t enclosures) {
  Context context(1);
  const std::int64_t specimens = std::max<std::int64_t>(1, enclosures / kEach);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Grower<T> grower(seed);
    const Grown<T> s = grower.chain(grower.pick(2) == 0 ? 300 + grower.pick(700) : 1000 + grower.pick(201));
    SCOPED_TRACE(s.what);
    ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(expect_truth(s, seed, 0, context))) << "seed " << seed;
  }
  std::printf("%lld enclosures of chains\n", static_cast<long long>(specimens * kEach));
}

TEST(Hunt, EveryEnclosureOfADeepChainContainsTheTruth) {
  gallery::on_a_stack(4, [] { hunt_chains<double>(hunt::budget(10'000) / 20); });
}
TEST(Hunt, EveryEnclosureOfADeepChainOfFloatsContainsTheTruth) {
  gallery::on_a_stack(4, [] { hunt_chains<float>(hunt::budget(10'000) / 50); });
}

// For an operator with an opaque part the lower end is one of the products as they are computed. It may differ from the
// truth by their rounding, relative to the sizes of the parts. The rest is as above.
template <Real T>
void hunt_hidden(std::int64_t enclosures) {
  Context context(1);
  const std::int64_t specimens = std::max<std::int64_t>(1, enclosures / kEach);
  for (std::int64_t i = 0; i < specimens; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Grower<T> grower(seed, true);
    const std::size_t rows = grower.extent();
    const std::size_t columns = grower.extent();
    const Grown<T> s = grower.tree(rows, columns, grower.pick(4));
    // For at most 4 levels of products of at most 10 terms.
    const long double slack = 64 * static_cast<long double>(std::numeric_limits<T>::epsilon()) * s.is.magnitude;
    SCOPED_TRACE(s.what.substr(0, 2000));
    ASSERT_NO_THROW(ASSERT_NO_FATAL_FAILURE(expect_truth(s, seed, slack, context))) << "seed " << seed;
  }
  std::printf("%lld enclosures of trees with opaque parts\n", static_cast<long long>(specimens * kEach));
}

TEST(Hunt, EveryEnclosureAroundOpaquePartsContainsTheTruth) { hunt_hidden<double>(hunt::budget(10'000) / 8); }
TEST(Hunt, EveryEnclosureAroundOpaquePartsOfFloatsContainsTheTruth) { hunt_hidden<float>(hunt::budget(10'000) / 8); }

}  // namespace
}  // namespace sigmax
