// Values computed with mpmath at 40 digits, for matrices and vectors small enough to check by hand. The figures are
// typed in with the digits that were computed.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/exponent.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/maps/proximal.hpp"
#include "sigmax/norms/matrix_proximal.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/norms/vector.hpp"
#include "support/widths.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const std::vector<double>& entries_of_m() {
  static const std::vector<double> entries{1, 2, -3, 4};
  return entries;
}

Tensor m() { return Tensor::copy_of(entries_of_m(), {2, 2}); }

// Proofs of matrices of orders up to 4 lose little: that of a value, twice for a quotient of two.
const double kWidth = tolerance::kSmallProof + 2 * tolerance::width_of_value(4, 4, 1);

// A few roundings of the computation, and the last of the typed digits.
double allowed(double value) { return tolerance::relative(8, 8, std::fabs(value) + 1); }

void expect_norm(const Tensor& a, const std::string& ord, double wanted) {
  Context context(1);
  const NormResult found = norm(a, parse_norm(ord), repeatable<NormOptions>(), context);
  EXPECT_NEAR(found.value, wanted, allowed(wanted)) << ord;
  EXPECT_EQ(found.kind(), Known::proven) << ord;
  EXPECT_LE(found.enclosure->lower.value(), wanted + allowed(wanted)) << ord;
  EXPECT_GE(found.enclosure->upper->value(), wanted - allowed(wanted)) << ord;
  EXPECT_LE(found.enclosure->relative_width(), kWidth) << ord;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& wanted, const std::string& what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], allowed(10)) << what << " " << i;
}

TEST(Golden, NormsOfATwoByTwoMatrix) {
  expect_norm(m(), "2", 5.11667273601692729);
  expect_norm(m(), "-2", 1.95439507584854796);
  expect_norm(m(), "nuc", std::sqrt(50.0));
  expect_norm(m(), "fro", std::sqrt(30.0));
  expect_norm(m(), "schatten:3", 5.21000730958691321);
  expect_norm(m(), "schatten:1.5", 5.89317327266478179);
  expect_norm(m(), "induced:1,2", std::sqrt(20.0));
  expect_norm(m(), "induced:2,inf", 5);
  expect_norm(m(), "induced:1,1", 6);
  expect_norm(m(), "induced:inf,inf", 7);
  expect_norm(m(), "induced:2,2", 5.11667273601692729);
}

TEST(Golden, ConditionOfATwoByTwoMatrix) {
  Context context(1);
  const WholeSpectrum spectrum = whole_spectrum(m(), repeatable<NormOptions>(), context);
  const Enclosure kappa = condition_number(spectrum.known);
  EXPECT_LE(kappa.lower.value(), 2.61803398874989485);
  EXPECT_GE(kappa.upper->value(), 2.61803398874989485);
  EXPECT_LE(kappa.relative_width(), kWidth);
  // kappa_F = |M|_F |M^-1|_F, |M^-1|_F^2 = 1/s_1^2 + 1/s_2^2.
  const std::vector<Enclosure> inverse{bounds::quotient(bounds::exactly(1), spectrum.known[0]),
                                       bounds::quotient(bounds::exactly(1), spectrum.known[1])};
  EXPECT_NEAR(bounds::p_norm(spectrum.known, 2).upper->value() * bounds::p_norm(inverse, 2).upper->value(), 3,
              3 * kWidth);
}

// |u v^T| = |u|_q |v|_{p*}.
TEST(Golden, InducedNormsOfARankOneMatrix) {
  const std::vector<double> u{3, -1, 2};
  const std::vector<double> v{0.5, -4};
  std::vector<double> product;
  for (const double x : u) {
    for (const double y : v) product.push_back(x * y);
  }
  const Tensor a = Tensor::copy_of(product, {3, 2});
  for (const double q : {1.0, 1.5, 2.0, 4.0, kInfinity}) {
    expect_norm(a, spelling_of(Induced{1, q}), vector_norm(u, q) * 4);
    expect_norm(a, spelling_of(Induced{q, kInfinity}), 3 * vector_norm(v, conjugate(q)));
  }
  expect_norm(a, "induced:2,2", vector_norm(u, 2) * vector_norm(v, 2));
}

TEST(Golden, DualsOfKyFanNorms) {
  const std::vector<double> s{5, 3, 2, 1};
  const struct {
    KyFan norm;
    double wanted;
  } cases[] = {{{2, 1}, 5.5}, {{2, 2}, 11 / std::sqrt(2.0)}};
  EXPECT_NEAR(ky_fan_dual(s, cases[0].norm), cases[0].wanted, allowed(6));
  EXPECT_NEAR(ky_fan_dual(s, cases[1].norm), cases[1].wanted, allowed(8));
  // The Ky Fan (2, 3)-norm itself: (125 + 27)^(1/3).
  Context context(1);
  const Tensor diagonal = Tensor::copy_of(std::vector<double>{5, 0, 0, 0, 0, 3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1}, {4, 4});
  expect_norm(diagonal, "kyfan:2,3", std::cbrt(152.0));
  for (const auto& c : {cases[0], cases[1]}) {
    const NormResult found = dual_norm(diagonal, c.norm, repeatable<NormOptions>(), context);
    EXPECT_NEAR(found.value, c.wanted, allowed(c.wanted));
    EXPECT_EQ(found.kind(), Known::proven);
    EXPECT_LE(found.enclosure->relative_width(), kWidth);
  }
}

TEST(Golden, MapsOfLists) {
  expect_near(project_ky_fan(std::vector<double>{5, 3, 2, 1}, 2, 5), {10.0 / 3, 5.0 / 3, 5.0 / 3, 1}, "Ky Fan ball");
  const std::vector<double> x{3, 2, 1};
  expect_near(proximal_p(x, 3, 1), {2.21385483368810775, 1.59297419145304198, .876712539960659769}, "prox of |.|_3");
  expect_near(proximal_p(x, kInfinity, 2), {1.5, 1.5, 1}, "prox of 2 |.|_inf");
  expect_near(project_p(x, 3, 1), {.85118456040427708, .66972300821874863, .43605592979191010}, "3-ball");
}

TEST(Golden, MapsOfATwoByTwoMatrix) {
  Context context(1);
  expect_near(proximal(m(), Induced{1, 1}, 2, context), {.5, .5, -2.5, 2.5}, "prox of 2 |.|_{1->1}");
  expect_near(proximal(m(), Nuclear{}, 2, context),
              {-.376457471885928573, .609120984830290409, -1.59469944154650939, 2.58027789826272837},
              "singular value thresholding at 2");
}

// A net of M and [1 1] with ReLU between: Bartlett's measure with reference 0, ranks, spectral product and path norms.
TEST(Golden, MeasuresOfATwoLayerNet) {
  Context context(1);
  const Tensor last = Tensor::copy_of(std::vector<double>{1, 1}, {1, 2});
  const Tensor first = m();
  double product = 1;
  double ratios = 0;
  double ranks = 0;
  for (const Tensor* const layer : {&first, &last}) {
    const auto value = [&](const char* ord) { return norm(*layer, parse_norm(ord), context).value; };
    product *= value("2");
    // |A^T|_{2,1} sums the 2-norms of the rows of A.
    ratios += std::pow(value("mixed:2,1,rows") / value("2"), 2.0 / 3);
    ranks += std::pow(value("fro") / value("2"), 2);
  }
  EXPECT_NEAR(product * std::pow(ratios, 1.5), 24.5834334807156781, allowed(25));
  EXPECT_NEAR(ranks, 2.14589803375031546, allowed(3));
  EXPECT_NEAR(product * product, 2 * (15 + 5 * std::sqrt(5.0)), allowed(53));
  // Paths: the column sums of |M| and of its squares, each path once.
  EXPECT_NEAR(norm(m(), Entrywise{1}, context).value, 10, allowed(10));
  EXPECT_NEAR(norm(m(), Frobenius{}, context).value, std::sqrt(30.0), allowed(6));
}

TEST(Golden, LengthsBeyondTheRangeOfSquares) {
  const std::vector<double> values{600, 800};
  const Tensor half = Tensor::rounded(values, {2}, DType::f16);
  EXPECT_EQ(vector_norm(half, 2).value, 1000);
  const Tensor huge = Tensor::copy_of(std::vector<double>{1e200, 1e200}, {2});
  const NormResult found = vector_norm(huge, 2);
  EXPECT_NEAR(found.value / 1e200, std::sqrt(2.0), allowed(1));
  EXPECT_EQ(found.kind(), Known::proven);
}

}  // namespace
}  // namespace sigmax::norms
