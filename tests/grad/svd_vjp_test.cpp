// Gradients of triplets against the sum over all triplets in long double and against finite differences, by every
// solver.
#include "sigmax/grad/svd_vjp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "grad/problems.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/low_rank.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::Known;

const std::vector<GradientSolver> kSolvers = {ConjugateGradients{}, DenseCholesky{}, DenseBordered{}, FullSvd{},
                                              Auto{}};

GradientOptions by(const GradientSolver& solver, double tolerance = 1e-12) {
  GradientOptions options;
  options.solver = solver;
  options.tolerance = tolerance;
  return options;
}

// What a gradient is wrong by, relative to its norm: rounding of A, of the triplets and of the solve, each over the
// gap, and where the solver iterates its tolerance.
double allowed(const Known& known, std::int64_t k, double tolerance = 1e-12) {
  return tolerance::relative(known.rows, known.columns, 1 / known.least_gap(k)) + tolerance::of_estimate(tolerance);
}

void expect_gradient(const Known& known, std::int64_t k, Context& context) {
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
  const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), k);
  const problems::Dense wanted = problems::gradient_by_all_triplets(known, triplets, cotangent);
  for (const GradientSolver& solver : kSolvers) {
    SCOPED_TRACE(name(solver));
    const SvdVjp<double> found = svd_vjp(*a, triplets, cotangent, by(solver), context);
    EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted), allowed(known, k) * wanted.norm());
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
        // Beyond that, a matrix of a cluster of rounding's width is another one.
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

// The parameters of an operator, as tensors, and how it is made of them.
struct Parametrised {
  std::string name;
  std::vector<Dimensions> shapes;
  std::function<Operator<double>(const std::vector<Tensor>&)> make;
};

const std::vector<Parametrised>& operators() {
  static const auto d = [](const Tensor& t) { return dense<double>(t); };
  static const std::vector<Parametrised> all = {
      {"dense", {{9, 7}}, [](const auto& t) { return d(t[0]); }},
      {"transposed", {{9, 7}}, [](const auto& t) { return transposed(d(t[0])); }},
      {"low_rank", {{9, 4}, {4, 7}}, [](const auto& t) { return low_rank<double>(t[0], t[1], 0.5); }},
      {"merged_adapter",
       {{9, 7}, {9, 2}, {2, 7}},
       [](const auto& t) { return d(t[0]) + low_rank<double>(t[1], t[2], 0.5); }},
      {"product", {{9, 5}, {5, 7}}, [](const auto& t) { return d(t[0]) * d(t[1]); }},
      {"scaled_rows", {{9}, {9, 7}}, [](const auto& t) { return diagonal<double>(t[0]) * (-2 * d(t[1])); }},
      {"residual_block", {{8, 8}}, [](const auto& t) { return identity<double>(8) + d(t[0]); }},
      {"stacked",
       {{3, 7}, {6, 7}},
       [](const auto& t) {
         return stack_rows({d(t[0]), d(t[1])});
       }},
      {"beside",
       {{7, 3}, {7, 6}},
       [](const auto& t) {
         return stack_columns({d(t[0]), d(t[1])});
       }},
      {"used_twice", {{5, 5}}, [](const auto& t) { return d(t[0]) * d(t[0]); }},
  };
  return all;
}

TEST(SvdVjp, PulledBackIsTheDerivativeByParametersOfEveryOperator) {
  Context context(2);
  for (const Parametrised& of : operators()) {
    for (const std::int64_t k : {1, 2}) {
      SCOPED_TRACE(of.name + ", k = " + std::to_string(k));
      std::vector<std::vector<double>> at, direction;
      std::uint64_t seed = 20;
      for (const Dimensions& shape : of.shapes) {
        at.push_back(gallery::normal(*element_count(shape), seed++));
        direction.push_back(gallery::normal(*element_count(shape), seed++));
      }
      const auto moved = [&](double t) {
        std::vector<Tensor> tensors;
        for (std::size_t p = 0; p < at.size(); ++p) {
          std::vector<double> values = at[p];
          for (std::size_t i = 0; i < values.size(); ++i) values[i] += t * direction[p][i];
          tensors.push_back(Tensor::copy_of(values, of.shapes[p]));
        }
        return of.make(tensors);
      };
      const Operator<double> a = moved(0);
      const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
      const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), k);
      const double wanted =
          problems::derivative([&](double t) { return problems::loss(*moved(t), cotangent, triplets, context); }, 2e-4);
      std::vector<double> grad(static_cast<std::size_t>(a->parameter_count()));
      svd_vjp_into<double>(grad, *a, triplets, cotangent, by(Auto{}), context);
      double found = 0, size = 0;
      std::size_t p = 0;
      // What is used twice has its gradient in two places.
      for (std::size_t place = 0; p < grad.size(); ++place) {
        for (const double towards : direction[place % direction.size()]) {
          found += grad[p] * towards;
          size += std::fabs(grad[p++] * towards);
        }
      }
      EXPECT_NEAR(found, wanted, tolerance::kFiniteDifference * size);
    }
  }
}

TEST(SvdVjp, GivesTheSameBitsForAnyNumberOfThreadsAndMeetsItsToleranceWithoutAMatrix) {
  const std::int64_t n = 150;
  const Known known{n, n, gallery::spectra()[7].values(n)};
  const Operator<double> a = known.a();
  Context one(1);
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(3), one);
  const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), 3);
  const problems::Dense wanted = problems::gradient_by_all_triplets(known, triplets, cotangent);
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
