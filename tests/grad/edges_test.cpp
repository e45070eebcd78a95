// Cases where derivatives do not exist, or matrices lie at the edges of the range: every outcome, and only finite
// results.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "grad/problems.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/grad/svd_vjp_vjp.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::by;
using problems::Known;

template <Real T>
bool is_finite(const OuterSum<T>& sum) {
  bool finite = true;
  for (const T value : sum.u.values()) finite = finite && std::isfinite(value);
  for (const T value : sum.v.values()) finite = finite && std::isfinite(value);
  for (const double value : sum.weights) finite = finite && std::isfinite(value);
  return finite;
}

template <Real T>
bool is_finite(const Matrix<T>& x) {
  return std::ranges::all_of(x.values(), [](T value) { return std::isfinite(value); });
}

// Without a gap for its vectors, every derivative of them is finite and says so.
void expect_no_gap(const LinearOperator<double>& a, const SvdResult<double>& triplets, const GradientSolver& solver,
                   Context& context) {
  const auto k = static_cast<std::int64_t>(triplets.sigma.size());
  const SvdCotangent<double> cotangent = problems::random_cotangent(a.shape(), k);
  const SvdVjp<double> backward = svd_vjp(a, triplets, cotangent, by(solver), context);
  EXPECT_EQ(backward.report.outcome, GradientOutcome::no_gap);
  EXPECT_TRUE(is_finite(backward.cotangent));
  std::vector<double> towards = gallery::normal(a.shape().rows * a.shape().columns, 7);
  const Operator<double> direction = dense<double>(Tensor::copy_of(towards, {a.shape().rows, a.shape().columns}));
  const SvdJvp<double> forward = svd_jvp(a, triplets, *direction, by(solver), context);
  EXPECT_EQ(forward.report.outcome, GradientOutcome::no_gap);
  EXPECT_TRUE(is_finite(forward.u) && is_finite(forward.v));
  EXPECT_TRUE(std::ranges::all_of(forward.sigma, [](double x) { return std::isfinite(x); }));
  const SvdVjpVjp<double> second = svd_vjp_vjp(a, triplets, cotangent, *direction, by(solver), context);
  EXPECT_EQ(second.report.outcome, GradientOutcome::no_gap);
  EXPECT_TRUE(is_finite(second.cotangent));
  // Conjugate gradients estimate the gap on the way, and a missing gap shows as rounding.
  ASSERT_EQ(backward.report.gap.size(), forward.report.gap.size());
  for (std::size_t i = 0; i < forward.report.gap.size(); ++i) {
    EXPECT_NEAR(backward.report.gap[i], forward.report.gap[i],
                tolerance::of_triplets(a.shape().rows, a.shape().columns));
  }
}

// |B|_2 >= |A|_2 + <G, B - A> for B near and far.
void expect_subgradient(const Known& known, const OuterSum<double>& g, Context& context) {
  for (const double length : {1e-3, 0.1, 1.0, 10.0}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const std::vector<double> step = gallery::normal(known.rows * known.columns, seed);
      std::vector<double> b = known.entries;
      for (std::size_t i = 0; i < b.size(); ++i) b[i] += length * step[i];
      const Operator<double> there = dense<double>(Tensor::copy_of(b, {known.rows, known.columns}));
      const double value = svd(*there, problems::to_rounding(1), context).sigma[0];
      const double below = known.s[0] + length * problems::pairing(g, step);
      EXPECT_GE(value + tolerance::of_matrix(known.rows, known.columns, value), below) << length;
    }
  }
}

Operator<double> diagonal_matrix(std::int64_t rows, std::int64_t columns, const std::vector<double>& d) {
  std::vector<double> entries(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < d.size(); ++i) entries[i * static_cast<std::size_t>(columns) + i] = d[i];
  return dense<double>(Tensor::copy_of(entries, {rows, columns}));
}

TEST(Edges, MultipleLowerValuesAreNoMatter) {
  Context context(1);
  const Operator<double> a = diagonal_matrix(3, 3, {3, 1, 1});
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(1), context);
  // With u = v = e_1: p and q solve [3, -1; -1, 3] [p; q] = [phi; psi] in each of the other two directions.
  SvdCotangent<double> cotangent{{0}, Matrix<double>(3, 1), Matrix<double>(3, 1)};
  const double sign = triplets.u(0, 0) > 0 ? 1 : -1;
  ASSERT_GT(sign * triplets.v(0, 0), 0);
  cotangent.u(1, 0) = 1;
  cotangent.v(2, 0) = 1;
  for (const GradientSolver& solver : problems::every_solver()) {
    SCOPED_TRACE(name(solver));
    const SvdVjp<double> found = svd_vjp(*a, triplets, cotangent, by(solver), context);
    EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
    const problems::Dense g = problems::as_matrix(found.cotangent);
    // p = (3, 1) / 8 in (e_2, e_3), q = (1, 3) / 8.
    const double wanted[9] = {0, 1.0 / 8, 3.0 / 8, 3.0 / 8, 0, 0, 1.0 / 8, 0, 0};
    for (std::size_t i = 0; i < 9; ++i) {
      EXPECT_NEAR(static_cast<double>(g.entries[i]), sign * wanted[i], tolerance::relative(3, 3, 1.5)) << i;
    }
    EXPECT_NEAR(found.report.gap[0], 2.0 / 3, tolerance::of_estimate(1e-4));
  }
}

TEST(Edges, ADoubleLargestValueHasASubgradientAndItsVectorsNone) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair{6, 6}, std::pair{9, 6}, std::pair{6, 9}}) {
    const Known known{rows, columns, {2, 2, 1, 0.5, 0.3, 0.1}};
    const Operator<double> a = known.a();
    const SvdResult<double> triplets = svd(*a, problems::to_rounding(1), context);
    const SvdVjp<double> of_value = svd_vjp<double>(*a, triplets, {{1}, {}, {}}, {}, context);
    EXPECT_EQ(of_value.report.outcome, GradientOutcome::subgradient);
    EXPECT_NEAR(of_value.report.gap[0], 0, tolerance::of_triplets(rows, columns));
    EXPECT_NEAR(problems::as_matrix(of_value.cotangent).norm(), 1, tolerance::relative(rows, columns));
    expect_subgradient(known, of_value.cotangent, context);
    for (const GradientSolver& solver : problems::every_solver()) {
      SCOPED_TRACE(name(solver));
      expect_no_gap(*a, triplets, solver, context);
      const SvdVjp<double> of_vectors =
          svd_vjp(*a, triplets, problems::random_cotangent(a->shape(), 1), by(solver), context);
      EXPECT_NEAR(of_vectors.report.gap[0], 0, tolerance::of_triplets(rows, columns));
    }
  }
}

// sigma_2 = sigma_3 and k = 2: the first triplet has a gap, the second has none.
TEST(Edges, ATripletWithAGapKeepsItsGradientBesideOneThatIsCutFromItsCopies) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair{12, 8}, std::pair{8, 12}, std::pair{8, 8}}) {
    const Known known{rows, columns, {1, 0.5, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1}};
    const Operator<double> a = known.a();
    const SvdResult<double> triplets = svd(*a, problems::to_rounding(2), context);
    SvdResult<double> first = svd(*a, problems::to_rounding(1), context);
    problems::align(first, triplets);
    SvdCotangent<double> of_first = problems::random_cotangent(a->shape(), 2);
    of_first.sigma[1] = 0;
    std::ranges::fill(of_first.u.column(1), 0.0);
    std::ranges::fill(of_first.v.column(1), 0.0);
    SvdCotangent<double> alone{{of_first.sigma[0]}, Matrix<double>(rows, 1), Matrix<double>(columns, 1)};
    std::ranges::copy(of_first.u.column(0), alone.u.values().begin());
    std::ranges::copy(of_first.v.column(0), alone.v.values().begin());
    const problems::Dense wanted = problems::gradient_by_all_triplets(known.triplets(), first, alone);
    for (const GradientSolver& solver : problems::every_solver()) {
      SCOPED_TRACE(name(solver));
      const SvdVjp<double> found = svd_vjp(*a, triplets, of_first, by(solver), context);
      EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
      EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted), tolerance::kSumOverTriplets * wanted.norm());
      expect_no_gap(*a, triplets, solver, context);
    }
    const SvdVjp<double> of_value = svd_vjp<double>(*a, triplets, {{0, 1}, {}, {}}, {}, context);
    EXPECT_EQ(of_value.report.outcome, GradientOutcome::subgradient);
  }
}

TEST(Edges, ALossOfTheSpanAloneHasAGradientThoughItsValuesAreEqual) {
  Context context(1);
  const Known known{9, 7, {2, 2, 1, 0.5, 0.3, 0.2, 0.1}};
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(2), context);
  // For L = <U U^T, F> with a symmetric F: phi = 2 F U.
  Matrix<double> f = problems::random_block(9, 9, 3);
  for (std::int64_t i = 0; i < 9; ++i) {
    for (std::int64_t j = 0; j < i; ++j) f(i, j) = f(j, i);
  }
  const auto apply_f = [&](const Matrix<double>& u) {
    Matrix<double> phi(9, 2);
    for (std::int64_t c = 0; c < 2; ++c) {
      for (std::int64_t i = 0; i < 9; ++i) {
        for (std::int64_t j = 0; j < 9; ++j) phi(i, c) += 2 * f(i, j) * u(j, c);
      }
    }
    return phi;
  };
  const SvdVjp<double> found = svd_vjp<double>(*a, triplets, {{1, 1}, apply_f(triplets.u), {}}, by(Auto{}), context);
  EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
  const std::vector<double> direction = gallery::normal(63, 4);
  const auto loss = [&](double t) {
    std::vector<double> moved = known.entries;
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += t * direction[i];
    const auto now = svd(*dense<double>(Tensor::copy_of(moved, {9, 7})), problems::to_rounding(2), context);
    const Matrix<double> phi = apply_f(now.u);
    double sum = now.sigma[0] + now.sigma[1];
    for (std::size_t i = 0; i < phi.values().size(); ++i) sum += phi.values()[i] * now.u.values()[i] / 2;
    return sum;
  };
  EXPECT_NEAR(problems::pairing(found.cotangent, direction), problems::derivative(loss, 1e-4),
              tolerance::kFiniteDifference * problems::as_matrix(found.cotangent).norm() * 8);
  // A loss of only one of the two vectors is not such a function.
  const SvdVjp<double> of_one = svd_vjp(*a, triplets, problems::random_cotangent(a->shape(), 2), by(Auto{}), context);
  EXPECT_EQ(of_one.report.outcome, GradientOutcome::no_gap);
  EXPECT_TRUE(is_finite(of_one.cotangent));
}

TEST(Edges, AZeroMatrixAndZeroValuesHaveSubgradientsOfValuesOnly) {
  Context context(1);
  const Operator<double> zero = diagonal_matrix(5, 4, {});
  const SvdResult<double> triplets = svd(*zero, problems::to_rounding(2), context);
  const SvdVjp<double> of_values = svd_vjp<double>(*zero, triplets, {{1, 0}, {}, {}}, {}, context);
  EXPECT_EQ(of_values.report.outcome, GradientOutcome::subgradient);
  EXPECT_EQ(of_values.report.gap, (std::vector<double>{0, 0}));
  expect_subgradient({5, 4, {0, 0, 0, 0}}, of_values.cotangent, context);
  for (const GradientSolver& solver : problems::every_solver()) {
    SCOPED_TRACE(name(solver));
    expect_no_gap(*zero, triplets, solver, context);
  }
}

// The second triplet's system is singular, and its iterates grow without bound until that is detected. Their size must
// not count as the size of the gradient, by which the first is judged.
TEST(Edges, ATripletWithoutAGapDoesNotCostTheOthersTheirDigits) {
  Context context(1);
  for (const double second : {0.5, 0.9, 0.99}) {
    std::vector<double> s{1, second, second};
    for (int i = 0; i < 30; ++i) s.push_back(second * (0.9 - 0.018 * i));
    const Known known{40, 33, s};
    const Operator<double> a = known.a();
    const SvdResult<double> triplets = svd(*a, problems::to_rounding(2), context);
    SvdCotangent<double> of_both = problems::random_cotangent(a->shape(), 2);
    SvdCotangent<double> of_first = of_both;
    std::ranges::fill(of_first.u.column(1), 0.0);
    std::ranges::fill(of_first.v.column(1), 0.0);
    for (const GradientSolver& solver : problems::every_solver()) {
      SCOPED_TRACE(std::string(name(solver)) + " " + std::to_string(second));
      const SvdVjp<double> both = svd_vjp(*a, triplets, of_both, by(solver), context);
      const SvdVjp<double> first = svd_vjp(*a, triplets, of_first, by(solver), context);
      EXPECT_EQ(both.report.outcome, GradientOutcome::no_gap);
      EXPECT_LE(both.report.error, tolerance::of_stop(1e-12));
      // q_1, outside the span of V.
      double wrong = 0, size = 0;
      for (std::int64_t j = 0; j < 33; ++j) {
        wrong = std::hypot(wrong, both.cotangent.v(j, 2) - first.cotangent.v(j, 2));
        size = std::hypot(size, first.cotangent.v(j, 2));
      }
      EXPECT_LE(wrong, tolerance::of_estimate(1e-12) * size);
    }
  }
}

// The rank is two: the first two triplets are ordinary, the third is zero.
TEST(Edges, ARankDeficientMatrixHasGradientsWhereItsValuesAreNotZero) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair{6, 5}, std::pair{5, 6}, std::pair{5, 5}}) {
    const Known known{rows, columns, {3, 2, 0, 0, 0}};
    const Operator<double> a = known.a();
    const SvdResult<double> two = svd(*a, problems::to_rounding(2), context);
    const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), 2);
    const problems::Dense wanted = problems::gradient_by_all_triplets(known.triplets(), two, cotangent);
    for (const GradientSolver& solver : problems::every_solver()) {
      SCOPED_TRACE(name(solver));
      const SvdVjp<double> found = svd_vjp(*a, two, cotangent, by(solver), context);
      EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
      EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted), tolerance::kSumOverTriplets * wanted.norm());
      expect_no_gap(*a, svd(*a, problems::to_rounding(3), context), solver, context);
    }
  }
}

// A scaled by c scales the gradient of the values by 1 and that of the vectors by 1 / c.
TEST(Edges, ScalesWithTheMatrixToTheEndsOfTheRange) {
  Context context(1);
  const Known known{9, 7, {3, 2, 1, 0.5, 0.3, 0.2, 0.1}};
  const auto gradient = [&](int exponent, bool of_values, const GradientSolver& solver) {
    std::vector<double> entries = known.entries;
    for (double& value : entries) value = std::ldexp(value, exponent);
    const Operator<double> a = dense<double>(Tensor::copy_of(entries, {9, 7}));
    SvdResult<double> triplets = svd(*known.a(), problems::to_rounding(2), context);
    for (double& sigma : triplets.sigma) sigma = std::ldexp(sigma, exponent);
    triplets.next = std::ldexp(triplets.next.value(), exponent);
    SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), 2);
    if (!of_values) cotangent.sigma.clear();
    SvdVjp<double> found = svd_vjp(*a, triplets, cotangent, by(solver), context);
    EXPECT_TRUE(is_finite(found.cotangent));
    EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
    for (double& weight : found.cotangent.weights) {
      if (!of_values) weight = std::ldexp(weight, exponent);
    }
    return problems::as_matrix(found.cotangent);
  };
  for (const GradientSolver& solver : problems::every_solver()) {
    const problems::Dense wanted = gradient(0, false, solver);
    for (const int exponent : {-500, -60, 60, 500}) {
      SCOPED_TRACE(std::to_string(exponent) + " " + std::string(name(solver)));
      EXPECT_LE(gradient(exponent, false, solver).distance(wanted),
                (tolerance::relative(9, 7, 1 / known.least_gap(2)) + tolerance::of_estimate(1e-12)) * wanted.norm());
    }
  }
  EXPECT_GT(gradient(500, true, Auto{}).norm(), 0);
}

TEST(Edges, SaysWhenProductsRunOut) {
  Context context(1);
  const Known known{30, 30, gallery::geometric(30, 3)};
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(1), context);
  GradientOptions options = by(ConjugateGradients{});
  options.max_products = 2;
  const SvdVjp<double> found = svd_vjp(*a, triplets, problems::random_cotangent(a->shape(), 1), options, context);
  EXPECT_EQ(found.report.outcome, GradientOutcome::out_of_products);
  EXPECT_EQ(found.report.iterations, 2);
  EXPECT_GT(found.report.error, 1e-10);  // the tolerance in double, if none is given
  EXPECT_TRUE(is_finite(found.cotangent));
}

TEST(Edges, RefusesWhatDoesNotFit) {
  Context context(1);
  const Known known{5, 4, {4, 3, 2, 1}};
  const Operator<double> a = known.a();
  const SvdResult<double> good = svd(*a, problems::to_rounding(2), context);
  const SvdCotangent<double> cotangent = problems::random_cotangent({5, 4}, 2);
  const auto refuses = [&](const SvdResult<double>& triplets, const SvdCotangent<double>& g, const GradientOptions& o) {
    EXPECT_THROW(svd_vjp(*a, triplets, g, o, context), Error);
  };
  SvdResult<double> bad = good;
  bad.sigma.pop_back();
  refuses(bad, cotangent, {});
  bad = good;
  bad.sigma[1] = std::numeric_limits<double>::quiet_NaN();
  refuses(bad, cotangent, {});
  // For the values alone too, which need only the triplets.
  const SvdCotangent<double> of_values{{1, 1}, {}, {}};
  bad = good;
  bad.sigma[0] = std::numeric_limits<double>::infinity();
  refuses(bad, cotangent, {});
  refuses(bad, of_values, {});
  bad = good;
  bad.v(2, 1) = std::numeric_limits<double>::quiet_NaN();
  refuses(bad, cotangent, {});
  refuses(bad, of_values, {});
  bad = good;
  bad.u = Matrix<double>(4, 2);
  refuses(bad, cotangent, {});
  refuses(good, {{1}, {}, {}}, {});
  refuses(good, {{}, Matrix<double>(5, 1), {}}, {});
  refuses(good, {{}, {}, Matrix<double>(5, 2)}, {});
  SvdCotangent<double> infinite = cotangent;
  infinite.u(0, 0) = std::numeric_limits<double>::infinity();
  refuses(good, infinite, {});
  GradientOptions options;
  options.tolerance = -1;
  refuses(good, cotangent, options);
  options = {};
  options.max_products = 0;
  refuses(good, cotangent, options);
  context.request_cancel();
  EXPECT_THROW(svd_vjp(*a, good, cotangent, by(ConjugateGradients{}), context), Canceled);
}

}  // namespace
}  // namespace sigmax
