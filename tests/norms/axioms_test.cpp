// What every norm of the table satisfies: the axioms, and the invariances of its family.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/norms/catalog.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/norm_of_blocks.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr std::int64_t kOrder = 4;

// Norms whose value is computed, not only bounded from below.
std::vector<std::string> ords() {
  std::vector<std::string> all;
  for (const Norm& which : usual_norms(kOrder, kOrder)) {
    const Norm same = simplified(which);
    if (row_of(which).convex && row_of(same).family != Family::induced) all.push_back(spelling_of(which));
  }
  for (const char* const more :
       {"schatten:1.5", "kyfan:3,1.5", "mixed:3,1.5,rows", "mixed:1,3", "mixed:inf,1", "induced:1,3"}) {
    all.emplace_back(more);
  }
  return all;
}

double value_of(const std::vector<double>& a, const std::string& ord, Context& context) {
  return norm(Tensor::copy_of(a, {kOrder, kOrder}), parse_norm(ord), context).value;
}

double slack(double value) { return tolerance::of_matrix(kOrder, kOrder, value, 64); }

TEST(NormAxioms, HoldForEveryConvexRow) {
  Context context(1);
  std::set<std::string_view> seen;
  for (const std::string& ord : ords()) seen.insert(row_of(parse_norm(ord)).spelling);
  for (const Row& row : rows()) {
    if (row.convex) {
      EXPECT_TRUE(seen.contains(row.spelling)) << row.spelling;
    }
  }
  for (const std::string& ord : ords()) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const std::vector<double> a = gallery::normal(kOrder * kOrder, seed);
      const std::vector<double> b = gallery::normal(kOrder * kOrder, seed + 50);
      std::vector<double> sum = a;
      std::vector<double> scaled = a;
      for (std::size_t i = 0; i < a.size(); ++i) {
        sum[i] += b[i];
        scaled[i] *= -3;
      }
      const double of_a = value_of(a, ord, context);
      const double of_b = value_of(b, ord, context);
      EXPECT_GT(of_a, 0) << ord;
      EXPECT_NEAR(value_of(scaled, ord, context), 3 * of_a, slack(3 * of_a)) << ord;
      EXPECT_LE(value_of(sum, ord, context), of_a + of_b + slack(of_a + of_b)) << ord;
    }
    EXPECT_EQ(value_of(std::vector<double>(kOrder * kOrder, 0.0), ord, context), 0) << ord;
  }
}

// Only ends are known of the induced norms that are hard: the axioms in the form that ends can break.
TEST(NormAxioms, AreNotBrokenByTheEndsOfHardInducedNorms) {
  Context context(1);
  const auto ends = [&](const std::vector<double>& a, const Norm& which) {
    return *norm(Tensor::copy_of(a, {kOrder, kOrder}), which, repeatable<NormOptions>(), context).enclosure;
  };
  for (const Norm& which : {Norm(Induced{2, 1}), Norm(Induced{HUGE_VAL, 1}), Norm(Induced{HUGE_VAL, 2.5}),
                            Norm(Induced{3, 3}), Norm(Induced{1.5, 4}), Norm(Induced{4, 1.5})}) {
    const std::string ord = spelling_of(which);
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const std::vector<double> a = gallery::normal(kOrder * kOrder, seed);
      const std::vector<double> b = gallery::normal(kOrder * kOrder, seed + 50);
      std::vector<double> sum = a, scaled = a;
      for (std::size_t i = 0; i < a.size(); ++i) {
        sum[i] += b[i];
        scaled[i] *= -4;
      }
      const Enclosure of_a = ends(a, which), of_b = ends(b, which), of_sum = ends(sum, which);
      EXPECT_GT(of_a.lower.value(), 0) << ord;
      EXPECT_LE(of_sum.lower.value(), (of_a.upper->value() + of_b.upper->value()) * (1 + slack(1))) << ord;
      const Enclosure of_scaled = ends(scaled, which);
      EXPECT_LE(of_scaled.lower.value(), 4 * of_a.upper->value()) << ord;
      EXPECT_GE(of_scaled.upper->value(), 4 * of_a.lower.value()) << ord;
    }
  }
}

std::vector<double> product(const std::vector<std::vector<long double>>& u, const std::vector<double>& a,
                            const std::vector<std::vector<long double>>& v) {
  std::vector<double> result;
  for (std::size_t i = 0; i < kOrder; ++i) {
    for (std::size_t j = 0; j < kOrder; ++j) {
      long double sum = 0;
      for (std::size_t k = 0; k < kOrder; ++k) {
        for (std::size_t l = 0; l < kOrder; ++l) sum += u[k][i] * a[k * kOrder + l] * v[l][j];
      }
      result.push_back(static_cast<double>(sum));
    }
  }
  return result;
}

TEST(NormAxioms, FunctionsOfSingularValuesAreUnitarilyInvariant) {
  Context context(1);
  for (const std::string& ord : ords()) {
    const Norm which = parse_norm(ord);
    const bool weakly = std::holds_alternative<NumericalRadius>(which);  // only under U^T A U
    if (row_of(simplified(which)).family != Family::singular_values && ord != "fro" && !weakly) continue;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const std::vector<double> a = gallery::normal(kOrder * kOrder, seed);
      const auto u = gallery::orthonormal(kOrder, kOrder, seed);
      const auto v = weakly ? u : gallery::orthonormal(kOrder, kOrder, seed + 9);
      const double wanted = value_of(a, ord, context);
      EXPECT_NEAR(value_of(product(u, a, v), ord, context), wanted, slack(wanted)) << ord;
    }
  }
}

TEST(NormAxioms, NormsOfEntriesIgnoreSignsAndGrowWithMagnitudes) {
  Context context(1);
  for (const std::string& ord : ords()) {
    if (row_of(simplified(parse_norm(ord))).family != Family::entries) continue;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const std::vector<double> a = gallery::normal(kOrder * kOrder, seed);
      std::vector<double> other = a;
      std::vector<double> larger = a;
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (i % 3 == seed % 3) other[i] = -other[i];
        larger[i] *= 1 + 0.1 * static_cast<double>(i % 4);
      }
      const double wanted = value_of(a, ord, context);
      EXPECT_EQ(value_of(other, ord, context), wanted) << ord;
      EXPECT_GE(value_of(larger, ord, context), wanted * (1 - slack(1))) << ord;
    }
  }
}

// Ky Fan: |A| <= |B| in every unitarily invariant norm if the spectra are weakly majorized.
TEST(NormAxioms, WeakMajorizationOrdersEveryUnitarilyInvariantNorm) {
  Context context(1);
  const std::vector<double> less{3, 3, 0, 0};
  const std::vector<double> more{4, 2, 0, 0};
  const std::vector<double> incomparable{4, 1.5, 1, 0};
  const auto of = [&](const std::vector<double>& sigma, const std::string& ord) {
    return value_of(gallery::with_singular_values(kOrder, kOrder, sigma, 2), ord, context);
  };
  for (const std::string& ord : ords()) {
    if (row_of(simplified(parse_norm(ord))).family != Family::singular_values && ord != "fro") continue;
    EXPECT_LE(of(less, ord), of(more, ord) + slack(6)) << ord;
  }
  EXPECT_GT(of(less, "kyfan:2"), of(incomparable, "kyfan:2"));
}

// |A x|_q over 1 x 1 blocks is |d|_r, 1/r = 1/q - 1/p, for p > q.
TEST(NormAxioms, InducedNormsOfABlockDiagonalAreTheirOwnCombination) {
  Context context(1);
  std::vector<Tensor> blocks;
  const std::vector<double> d{3, -2, 0.5, 4};
  for (const double value : d) blocks.push_back(Tensor::copy_of(std::vector<double>{value}, {1, 1}));
  for (const auto& [p, q] :
       {std::pair{4.0, 4.0 / 3}, {3.0, 1.5}, {HUGE_VAL, 1.0}, {2.0, 1.0}, {3.0, 3.0}, {2.0, 4.0}}) {
    const NormResult found = norm_of_blocks(blocks, Induced{p, q}, repeatable<NormOptions>(), context);
    double wanted = 4;
    if (p > q) {
      const double r = std::isinf(p) ? q : 1 / (1 / q - 1 / p);
      double sum = 0;
      for (const double value : d) sum += std::pow(std::fabs(value), r);
      wanted = std::pow(sum, 1 / r);
    }
    EXPECT_NEAR(found.value, wanted, slack(wanted)) << p << " " << q;
    EXPECT_EQ(found.kind(), Known::proven) << p << " " << q;
    EXPECT_LE(found.enclosure->relative_width(), tolerance::width_of_p_norm(4, 2) + tolerance::kSmallProof)
        << p << " " << q;
  }
}

TEST(AllNorms, AgreeWithTheNormsOneByOne) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{5, 5}, {3, 7}, {1, 4}, {1, 1}}) {
    const std::vector<Tensor> one{Tensor::copy_of(gallery::normal(rows * columns, 4), {rows, columns})};
    for (const NamedResult& each : all_norms(one, repeatable<NormOptions>(), context)) {
      const NormResult wanted = norm(one.front(), each.norm, repeatable<NormOptions>(), context);
      const std::string ord = spelling_of(each.norm);
      EXPECT_NEAR(each.result.value, wanted.value, tolerance::of_matrix(rows, columns, wanted.value + 1, 64)) << ord;
      EXPECT_EQ(each.result.meaning, wanted.meaning);
      EXPECT_EQ(each.result.kind(), wanted.kind()) << ord;
      EXPECT_FALSE(each.result.method.empty()) << ord;
    }
  }
  const std::vector<Tensor> two{Tensor::copy_of(gallery::normal(6, 4), {2, 3}),
                                Tensor::copy_of(gallery::normal(6, 5), {2, 3})};
  for (const NamedResult& each : all_norms(two, repeatable<NormOptions>(), context)) {
    EXPECT_EQ(each.result.kind(), Known::proven) << spelling_of(each.norm);
  }
}

TEST(AllNorms, HaveTheSameBitsForAnyNumberOfThreads) {
  Context one(1);
  Context four(4);
  const std::vector<Tensor> a{Tensor::rounded(gallery::normal(70 * 70, 6), {70, 70}, DType::f32)};
  const auto first = all_norms(a, repeatable<NormOptions>(), one);
  const auto second = all_norms(a, repeatable<NormOptions>(), four);
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::string ord = spelling_of(first[i].norm);
    EXPECT_EQ(first[i].result.value, second[i].result.value) << ord;
    EXPECT_EQ(first[i].result.enclosure->lower.value(), second[i].result.enclosure->lower.value()) << ord;
    EXPECT_EQ(first[i].result.enclosure->upper->value(), second[i].result.enclosure->upper->value()) << ord;
  }
}

}  // namespace
}  // namespace sigmax::norms
