// certify() of diagonals, selections and Kronecker products: alone, as parts of others, and too large to be formed.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "conformance/reference_matrix.hpp"
#include "gallery/reference_svd.hpp"
#include "ops/counting_operator.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/selection.hpp"
#include "support/opaque.hpp"
#include "support/widths.hpp"

namespace sigmax {
namespace {

// A vector that is not one of the operator's singular vectors: what is known must not depend on it.
template <Real T>
Enclosure certified(const Operator<T>& a, CertifyMethod method = CertifyMethod::automatic) {
  SvdResult<T> hint;
  hint.v = Matrix<T>(a->shape().columns, 1);
  for (std::int64_t j = 0; j < a->shape().columns; ++j) hint.v(j, 0) = static_cast<T>(1 + j % 5);
  CertifyOptions options;
  options.method = method;
  options.random = random_state(5);
  Context context(1);
  return certify(*a, hint, options, context);
}

// Proven, and both ends within `width`.
void expect_proven(const Enclosure& e, long double truth, double width = 0x1p-40) {
  ASSERT_TRUE(e.upper.has_value());
  EXPECT_EQ(e.upper->failure_probability(), 0);
  EXPECT_LE(e.lower.value(), truth);
  EXPECT_GE(e.upper->value(), truth);
  EXPECT_GE(e.lower.value(), truth * (1 - width));
  EXPECT_LE(e.upper->value(), truth * (1 + width));
}

Operator<double> normal(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  return dense<double>(Tensor::copy_of(gallery::normal(rows * columns, seed), {rows, columns}));
}

long double truth_of(const Operator<double>& a) {
  Context context(1);
  const conformance::ReferenceMatrix m = conformance::evaluate(*a, context);
  std::vector<long double> values;
  conformance::each_entry(m, [&](std::int64_t i, std::int64_t j) { values.push_back(m.value(i, j)); });
  return gallery::reference_singular_values(values, static_cast<std::size_t>(m.shape().rows),
                                            static_cast<std::size_t>(m.shape().columns))[0];
}

TEST(CertifiedParts, ADiagonalHasItsLargestEntry) {
  for (const double scale : {1.0, 1e-300, 1e300}) {
    const std::vector<double> d{0.25 * scale, -3 * scale, 0, 1e-5 * scale};
    expect_proven(certified(diagonal<double>(Tensor::copy_of(d, {4}))), 3 * static_cast<long double>(scale));
    expect_proven(certified(diagonal<float>(Tensor::copy_of(d, {4}))), 3 * static_cast<long double>(scale));
  }
  const Enclosure zero = certified(diagonal<double>(Tensor::copy_of(std::vector<double>(3), {3})));
  EXPECT_EQ(zero.upper->value(), 0);
  expect_proven(certified(identity<double>(7)), 1);
  const std::vector<double> bad{1, std::numeric_limits<double>::infinity()};
  EXPECT_NE(message_of([&] { return certified(diagonal<double>(Tensor::copy_of(bad, {2}))); }).find("entry 1"),
            std::string::npos);
}

TEST(CertifiedParts, ASelectionHasTheRootOfItsMostCopies) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 50; ++i) {
    const std::int64_t inputs = 1 + static_cast<std::int64_t>(random() % 7);
    std::vector<std::int64_t> index;
    std::vector<int> copies(static_cast<std::size_t>(inputs));
    int most = 0;
    const std::size_t count = 1 + random() % 20;
    for (std::size_t k = 0; k < count; ++k) {
      index.push_back(static_cast<std::int64_t>(random() % static_cast<std::size_t>(inputs + 1)) - 1);
      if (index.back() >= 0) most = std::max(most, ++copies[static_cast<std::size_t>(index.back())]);
    }
    const Operator<double> a = selection<double>(inputs, index);
    for (const Operator<double>& either : {a, transposed(a)}) {
      expect_proven(certified(either), std::sqrt(static_cast<long double>(most)));
      expect_proven(certified(either, CertifyMethod::proven), std::sqrt(static_cast<long double>(most)));
    }
  }
}

TEST(CertifiedParts, AWeightedSelectionHasTheLargestSumOfSquares) {
  const std::vector<std::int64_t> index{2, 0, 2, -1, 1, 2, 0};
  const std::vector<double> d{3, -5, 4, 100, 6, 0, 5};
  const Operator<double> s = selection<double>(4, index);
  const Operator<double> rows = diagonal<double>(Tensor::copy_of(d, {7}));
  const Operator<double> columns =
      diagonal<double>(Tensor::copy_of(std::vector<double>{1e-200, -7e-200, 5e-200, 1}, {4}));
  expect_proven(certified(rows * s), std::sqrt(50.0L));  // 5^2 + 5^2 for entry 0
  expect_proven(certified(transposed(rows * s)), truth_of(rows * s));
  expect_proven(certified(s * columns), std::sqrt(75.0L) * 1e-200L);
  expect_proven(certified(kronecker({identity<double>(2), rows * s})), std::sqrt(50.0L));
  expect_proven(certified(scaled<double>(-3, s * columns)), 3 * std::sqrt(75.0L) * 1e-200L);
}

TEST(CertifiedParts, AKroneckerProductHasTheProductOfItsFactors) {
  const Operator<double> a = normal(9, 6, 1);
  const Operator<double> b = normal(5, 8, 2);
  const Operator<double> c = scaled<double>(-0.3, normal(3, 3, 4) * normal(3, 2, 5));
  const long double of_a = truth_of(a);
  const long double of_b = truth_of(b);
  const long double of_c = truth_of(c);
  expect_proven(certified(kronecker({a, b})), of_a * of_b);
  expect_proven(certified(transposed(kronecker({a, b, c}))), of_a * of_b * of_c);
  EXPECT_NEAR(static_cast<double>(truth_of(kronecker({b, c})) / (of_b * of_c)), 1, 1e-14);
  // Too large for any matrix of it: 9 * 2^40 rows.
  const std::int64_t many = std::int64_t{1} << 20;
  Context context(1);
  CertifyOptions options;
  SvdResult<double> hint;
  hint.v = Matrix<double>(6 * many, 1);
  hint.v(0, 0) = 1;
  expect_proven(certify(*kronecker({identity<double>(many), a}), hint, options, context), of_a);
  const Enclosure zero = certified(kronecker({a, scaled<double>(0, b)}));
  EXPECT_EQ(zero.upper->value(), 0);
}

TEST(CertifiedParts, FactorsNeedNoHint) {
  Context context(1);
  const auto options = repeatable<CertifyOptions>();
  const auto without_hint = [&](const Operator<double>& a) { return certify_factors(*a, options, context); };
  const Operator<double> w = normal(9, 6, 1);
  const std::int64_t many = std::int64_t{1} << 40;
  expect_proven(*without_hint(kronecker({identity<double>(many), w})), truth_of(w));
  expect_proven(*without_hint(scaled<double>(-3, transposed(kronecker({w, w})))), 3 * truth_of(w) * truth_of(w));
  expect_proven(*without_hint(range_selection<double>(many, 5, many - 9)), 1);
  EXPECT_EQ(without_hint(scaled<double>(0, identity<double>(4)))->upper->value(), 0);
  EXPECT_FALSE(without_hint(w).has_value());
  EXPECT_FALSE(without_hint(identity<double>(6) + transposed(w) * w).has_value());
  CertifyOptions none = options;
  none.proven_up_to = 0;
  EXPECT_FALSE(certify_factors(*kronecker({w, w}), none, context).has_value());
  // No search for vectors: they would have 2^40 entries.
  expect_proven(sigma_max(*kronecker({identity<double>(many), w}), options, context), truth_of(w));
}

TEST(CertifiedParts, ProofsComposeThem) {
  const Operator<double> w = normal(6, 6, 7);
  const Operator<double> d = diagonal<double>(Tensor::copy_of(std::vector<double>{1, 0.5, -2, 3, 0, 1e-3}, {6}));
  const Operator<double> s = selection<double>(6, {5, 0, 0, -1, 2, 3, 3, 3});
  const Operator<double> v = normal(3, 2, 8);
  const Operator<double> k = kronecker({v, normal(2, 3, 9)});  // 6 x 6
  const std::vector<std::pair<std::string, Operator<double>>> all{
      {"half of a residual block", identity<double>(6) + scaled<double>(0.5, normal(6, 9, 11) * normal(9, 6, 12))},
      {"scaled rows", d * w},
      {"scaled columns", w * d},
      {"moved rows", s * w},
      {"moved columns", w * transposed(s)},
      {"added rows", transposed(s) * normal(8, 6, 13)},
      {"added columns", normal(5, 8, 14) * s},
      {"without its mean", identity<double>(6) - scaled<double>(1 / 6.0, constant(6, 6))},
      {"with a Kronecker product", k + w},
      {"in a product", k * w},
      {"of a product", kronecker({d * w, v}) + normal(18, 12, 16)},
      {"stacked", stack_rows<double>({k, d, w})},
      {"diagonals of diagonals", d * d * w},
  };
  for (const auto& [what, a] : all) {
    SCOPED_TRACE(what);
    expect_proven(certified(a), truth_of(a), 0x1p-36);
    // Neither formed nor factored: wider, and still true.
    for (const CertifyMethod method : {CertifyMethod::proven, CertifyMethod::cheapest}) {
      CertifyOptions options;
      options.method = method;
      options.formed_up_to = 1;
      SvdResult<double> hint;
      hint.v = Matrix<double>(a->shape().columns, 1);
      hint.v(0, 0) = 1;
      Context context(1);
      const Enclosure e = certify(*a, hint, options, context);
      EXPECT_LE(e.lower.value(), truth_of(a));
      EXPECT_GE(e.upper->value(), truth_of(a));
    }
  }
}

TEST(CertifiedParts, SidesThatAreMovedAreNotFormed) {
  // 3000 x 20: the diagonal alone would have 9 million entries.
  const Operator<double> w = normal(3000, 20, 17);
  const Operator<double> d = diagonal<double>(Tensor::copy_of(std::vector<double>(3000, 2), {3000}));
  CertifyOptions options;
  options.formed_up_to = 3000 * 20;
  Context context(1);
  const SvdResult<double> hint = svd(*w, repeatable<SvdOptions<double>>(), context);
  const long double truth = certify(*w, hint, CertifyOptions{}, context).lower.value();
  expect_proven(certify(*(d * w), hint, options, context), 2 * truth * (1 + 0x1p-44L), 0x1p-36);
}

TEST(CertifiedParts, AnOpaqueFactorLeavesNoProof) {
  const Operator<double> hidden = std::make_shared<OpaqueOperator<double>>(normal(3, 3, 18));
  EXPECT_FALSE(certified(kronecker({identity<double>(2), hidden})).upper.has_value());
}

}  // namespace
}  // namespace sigmax
