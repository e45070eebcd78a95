// Gradients of triplets against the sum over all triplets in long double and against finite differences, by every
// solver.
#include "sigmax/grad/svd_vjp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "grad/parametrized.hpp"
#include "grad/problems.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::by;
using problems::Known;

// The error of a gradient, relative to its norm: rounding of A, of the triplets and of the solve, each over the gap,
// plus the tolerance if the solver iterates.
double allowed(const Known& known, std::int64_t k, double tolerance = 1e-12) {
  return tolerance::relative(known.rows, known.columns, 1 / known.least_gap(k)) + tolerance::of_estimate(tolerance);
}

void expect_gradient(const Known& known, std::int64_t k, Context& context) {
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
  const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), k);
  const problems::Dense wanted = problems::gradient_by_all_triplets(known.triplets(), triplets, cotangent);
  for (const GradientSolver& solver : problems::every_solver()) {
    SCOPED_TRACE(name(solver));
    const SvdVjp<double> found = svd_vjp(*a, triplets, cotangent, by(solver), context);
    const double error = problems::as_matrix(found.cotangent).distance(wanted) / wanted.norm();
    EXPECT_LE(error, allowed(known, k));
    if (known.least_gap(k) >= tolerance::kOrdinaryGap) {
      EXPECT_LE(error, tolerance::kSumOverTriplets);
    }
    const bool all = k == std::min(known.rows, known.columns);
    EXPECT_EQ(found.report.outcome, all ? GradientOutcome::exact : GradientOutcome::converged);
    ASSERT_EQ(found.report.gap.size(), static_cast<std::size_t>(k));
    EXPECT_NEAR(found.report.gap.front(), known.gap(0), std::max(0.01 * known.gap(0), known.gap(0) < 1 ? 0.0 : 1.0));
  }
}

TEST(SvdVjp, IsTheSumOverAllTripletsForEverySpectrumAndShape) {
  Context context(2);
  int compared = 0;
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : {std::pair{20, 12}, std::pair{12, 20}, std::pair{16, 16}}) {
      for (const std::int64_t k : {1, 3}) {
        const Known known{rows, columns, spectrum.values(12 + (rows == 16 ? 4 : 0))};
        if (known.least_gap(k) < 1e-10) continue;
        // Beyond that, rounding turns a matrix with a cluster of rounding's width into a different matrix.
        SCOPED_TRACE(spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns) +
                     ", k = " + std::to_string(k));
        expect_gradient(known, k, context);
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, 40);
}

TEST(SvdVjp, TakesOneRowOneColumnAndAllTriplets) {
  Context context(1);
  expect_gradient({1, 9, {2.5}}, 1, context);
  expect_gradient({9, 1, {2.5}}, 1, context);
  expect_gradient({1, 1, {2.5}}, 1, context);
  expect_gradient({6, 4, {4, 3, 2, 1}}, 4, context);
  expect_gradient({4, 6, {4, 3, 2, 1}}, 4, context);
}

// The step of the differences, relative to the gap.
constexpr double kStep = 2e-4;

TEST(SvdVjp, PulledBackIsTheDerivativeByParametersOfEveryOperatorAndSpectrum) {
  Context context(2);
  int ordinary = 0;
  const int compared = problems::for_each_parametrized(
      [&](const problems::ParametrisedPath& path, const Known& known, std::int64_t k, const std::string& what) {
        SCOPED_TRACE(what);
        const Operator<double> a = path(0);
        const double gap = known.least_gap(k);
        const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
        SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), k);
        for (double& xi : cotangent.sigma) xi /= known.s.front();
        const double wanted = problems::derivative(
            [&](double t) { return problems::loss(*path(t), cotangent, triplets, context); }, kStep * gap);
        std::vector<double> grad(static_cast<std::size_t>(a->parameter_count()));
        svd_vjp_into<double>(*a, triplets, cotangent, by(Auto{}), grad, context);
        const auto [found, size] = path.slope(grad);
        const double error = std::fabs(static_cast<double>(found) - wanted) / static_cast<double>(size);
        EXPECT_LE(error, tolerance::of_difference(known.rows, known.columns, 1 / gap, kStep));
        if (gap < tolerance::kOrdinaryGap) return;
        EXPECT_LE(error, tolerance::kFiniteDifference);
        ++ordinary;
      });
  EXPECT_GE(compared, 400);
  EXPECT_GE(ordinary, 200);
}

TEST(SvdVjp, GivesTheSameBitsForAnyNumberOfThreadsAndMeetsItsToleranceWithoutAMatrix) {
  const std::int64_t n = 150;
  const Known known{n, n, gallery::spectrum("power_law").values(n)};
  const Operator<double> a = known.a();
  Context one(1);
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(3), one);
  const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), 3);
  const problems::Dense wanted = problems::gradient_by_all_triplets(known.triplets(), triplets, cotangent);
  OuterSum<double> first;
  for (const int threads : {1, 2, 3}) {
    Context context(threads);
    const SvdVjp<double> found = svd_vjp(*a, triplets, cotangent, by(Auto{}, 1e-9), context);
    EXPECT_EQ(name(found.report.solver), "conjugate-gradients");
    EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted), tolerance::of_stop(1e-9) * wanted.norm());
    if (threads == 1) first = found.cotangent;
    EXPECT_EQ(found.cotangent.u, first.u) << threads;
    EXPECT_EQ(found.cotangent.v, first.v) << threads;
  }
}

TEST(SvdVjp, SolvesNothingForValuesOrForWhatLiesAlongTheVectors) {
  Context context(1);
  const Known known{8, 6, {5, 3, 2, 1, 0.5, 0.25}};
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(2), context);
  const SvdVjp<double> of_values = svd_vjp<double>(*a, triplets, {{2, -1}, {}, {}}, {}, context);
  EXPECT_EQ(of_values.report.outcome, GradientOutcome::exact);
  EXPECT_EQ(of_values.report.reads, 0);
  EXPECT_EQ(of_values.cotangent.weights, (std::vector<double>{2, -1}));
  SvdCotangent<double> along{{}, triplets.u, triplets.v};
  const SvdVjp<double> gauge = svd_vjp(*a, triplets, along, {}, context);
  EXPECT_EQ(gauge.report.iterations, 0);
  EXPECT_LE(problems::as_matrix(gauge.cotangent).norm(), tolerance::relative(8, 6, 1 / known.least_gap(2)));
}

}  // namespace
}  // namespace sigmax
