// Second derivatives against differences of the first ones: those of the sum over all triplets in long double, and
// those by the parameters of every operator.
#include "sigmax/grad/svd_vjp_vjp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "grad/exact.hpp"
#include "grad/parametrized.hpp"
#include "grad/problems.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::by;
using problems::Known;

// For values in units of A, so that both parts of the derivative have similar size.
SvdCotangent<double> cotangent_for(const Known& known, std::int64_t k) {
  SvdCotangent<double> w = problems::random_cotangent({known.rows, known.columns}, k);
  for (double& xi : w.sigma) xi /= known.s.front();
  return w;
}

// Rounding of A, of the triplets and of the solves over the gap, which enters the derivative twice as it enters the
// gradient once, and the tolerance of an iterative solver.
double allowed(const Known& known, std::int64_t k) {
  return tolerance::relative(known.rows, known.columns, 2 / known.least_gap(k)) + tolerance::of_estimate(1e-12);
}

// The derivative in the direction H of the gradient by the sum over all triplets.
problems::Dense second_derivative(const Known& known, const SvdResult<double>& triplets, const SvdCotangent<double>& w,
                                  const std::vector<double>& h) {
  const auto k = static_cast<std::int64_t>(triplets.sigma.size());
  return {known.rows, known.columns,
          problems::ExactPath(known, h).derivative(
              [&](const problems::AllTriplets& all) {
                return problems::gradient_by_all_triplets(all, triplets, w).entries;
              },
              known.least_gap(k))};
}

void expect_second_derivative(const Known& known, const SvdCotangent<double>& w, std::int64_t k, Context& context) {
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
  const std::vector<double> h = problems::direction_like(known, 31);
  const problems::Dense wanted = second_derivative(known, triplets, w, h);
  const Operator<double> direction = dense<double>(Tensor::copy_of(h, {known.rows, known.columns}));
  for (const GradientSolver& solver : problems::every_solver()) {
    SCOPED_TRACE(name(solver));
    const SvdVjpVjp<double> found = svd_vjp_vjp(*a, triplets, w, *direction, by(solver), context);
    const double error = problems::as_matrix(found.cotangent).distance(wanted);
    EXPECT_LE(error, allowed(known, k) * wanted.norm());
    if (known.least_gap(k) >= tolerance::kOrdinaryGap) {
      EXPECT_LE(error, tolerance::kSumOverTriplets * wanted.norm());
    }
    // With respect to (xi, phi, psi) it is the derivative in the direction.
    const SvdJvp<double> forward = svd_jvp(*a, triplets, *direction, by(solver), context);
    EXPECT_EQ(found.sigma, forward.sigma);
    EXPECT_EQ(found.u, forward.u);
    EXPECT_EQ(found.v, forward.v);
  }
}

TEST(SvdVjpVjp, IsTheDerivativeOfTheSumOverAllTripletsForEverySpectrumShapeAndSolver) {
  Context context(1);
  int compared = 0, ordinary = 0;
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : {std::pair{14, 9}, std::pair{9, 14}, std::pair{10, 10}}) {
      for (const std::int64_t k : {1, 2, 3}) {
        const Known known{rows, columns, spectrum.values(std::min(rows, columns))};
        if (known.least_gap(k) < 1e-10) continue;
        SCOPED_TRACE(spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns) +
                     ", k = " + std::to_string(k));
        expect_second_derivative(known, cotangent_for(known, k), k, context);
        ++compared;
        if (known.least_gap(k) >= tolerance::kOrdinaryGap) ++ordinary;
      }
    }
  }
  EXPECT_GE(compared, 80);
  EXPECT_GE(ordinary, 30);
}

TEST(SvdVjpVjp, TakesRepeatedLowerValuesAllTripletsOneRowAndOneColumn) {
  Context context(1);
  for (const Known& known : {Known{9, 6, {3, 2.4, 1.9, 1.1, 1.1, 0.3}}, Known{6, 9, {3, 2.4, 1.9, 1.1, 1.1, 0.3}},
                             Known{6, 6, {3, 1, 1, 1, 0, 0}}, Known{4, 6, {4, 3, 2, 1}}, Known{6, 4, {4, 3, 2, 1}},
                             Known{1, 9, {2.5}}, Known{9, 1, {2.5}}, Known{1, 1, {2.5}}}) {
    for (std::int64_t k = 1; k <= static_cast<std::int64_t>(known.s.size()); ++k) {
      if (known.least_gap(k) == 0) continue;
      SCOPED_TRACE(std::to_string(known.rows) + "x" + std::to_string(known.columns) + ", k = " + std::to_string(k));
      expect_second_derivative(known, cotangent_for(known, k), k, context);
    }
  }
}

TEST(SvdVjpVjp, OfValuesAloneIsTheHessianOfTheValue) {
  Context context(1);
  const Known known{7, 5, {3, 2, 1.5, 1, 0.5}};
  for (const std::int64_t k : {1, 2, 5}) {
    SvdCotangent<double> w = problems::random_cotangent({7, 5}, k);
    w.u = Matrix<double>(7, k);
    w.v = Matrix<double>(5, k);
    expect_second_derivative(known, w, k, context);
  }
}

// The step of the differences, relative to the gap.
constexpr double kStep = 2e-4;

// <svd_vjp(A; w), H>, vectors aligned with those of `like`.
double first_derivative(const Operator<double>& a, const SvdCotangent<double>& w, const std::vector<double>& h,
                        const SvdResult<double>& like, Context& context) {
  SvdResult<double> triplets = svd(*a, problems::to_rounding(static_cast<std::int64_t>(like.sigma.size())), context);
  problems::align(triplets, like);
  return problems::pairing(svd_vjp(*a, triplets, w, by(FullSvd{}), context).cotangent, h);
}

TEST(SvdVjpVjp, PulledBackIsTheDerivativeOfTheVjpByParametersOfEveryOperatorAndSpectrum) {
  Context context(1);
  int ordinary = 0;
  const int compared = problems::for_each_parametrized([&](const problems::ParametrisedPath& path, const Known& known,
                                                           std::int64_t k, const std::string& what) {
    SCOPED_TRACE(what);
    const Operator<double> a = path(0);
    const double gap = known.least_gap(k);
    const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
    const SvdCotangent<double> w = cotangent_for(known, k);
    const std::vector<double> h = problems::direction_like(known, 31);
    const double wanted =
        problems::derivative([&](double t) { return first_derivative(path(t), w, h, triplets, context); }, kStep * gap);
    const Operator<double> direction = dense<double>(Tensor::copy_of(h, {known.rows, known.columns}));
    const SvdVjpVjp<double> second = svd_vjp_vjp(*a, triplets, w, *direction, by(Auto{}), context);
    std::vector<double> grad(static_cast<std::size_t>(a->parameter_count()));
    a->pull_back(second.cotangent.view(), grad, context);
    const auto [found, size] = path.slope(grad);
    const double error = std::fabs(static_cast<double>(found) - wanted) / static_cast<double>(size);
    EXPECT_LE(error, tolerance::of_difference(known.rows, known.columns, 2 / gap, kStep));
    if (gap < tolerance::kOrdinaryGap) return;
    EXPECT_LE(error, tolerance::kFiniteDifference);
    ++ordinary;
  });
  EXPECT_GE(compared, 400);
  EXPECT_GE(ordinary, 200);
}

TEST(SvdVjpVjp, IsSymmetric) {
  Context context(1);
  const Known known{8, 6, {3, 2.4, 1.9, 1.1, 0.8, 0.3}};
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(2), context);
  const SvdCotangent<double> w = problems::random_cotangent({8, 6}, 2);
  const std::vector<double> h = gallery::normal(48, 31), e = gallery::normal(48, 32);
  const auto along = [&](const std::vector<double>& towards, const std::vector<double>& with) {
    const Operator<double> direction = dense<double>(Tensor::copy_of(towards, {8, 6}));
    return problems::pairing(svd_vjp_vjp(*a, triplets, w, *direction, {}, context).cotangent, with);
  };
  const double one = along(h, e), other = along(e, h);
  const double kappa = std::pow(1 / known.least_gap(2), 2);
  EXPECT_NEAR(one, other, (tolerance::relative(8, 6, kappa) + tolerance::of_estimate(1e-10)) * 48 * kappa);
}

}  // namespace
}  // namespace sigmax
