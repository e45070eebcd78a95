// Second derivatives against finite differences of the first ones.
#include "sigmax/grad/svd_vjp_vjp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "grad/problems.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::Known;

// <svd_vjp(B; w), H>, vectors aligned with those of `like`.
double first_derivative(std::int64_t rows, std::int64_t columns, const std::vector<double>& b,
                        const SvdCotangent<double>& w, const std::vector<double>& h, const SvdResult<double>& like,
                        Context& context) {
  const Operator<double> moved = dense<double>(Tensor::copy_of(b, {rows, columns}));
  SvdResult<double> triplets =
      svd(*moved, problems::to_rounding(static_cast<std::int64_t>(like.sigma.size())), context);
  problems::align(triplets, like);
  GradientOptions options;
  options.solver = FullSvd{};
  return problems::pairing(svd_vjp(*moved, triplets, w, options, context).cotangent, h);
}

void expect_second_derivative(const Known& known, const SvdCotangent<double>& w, const GradientSolver& solver,
                              std::int64_t k, Context& context) {
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
  const std::vector<double> h = gallery::normal(known.rows * known.columns, 31);
  const std::vector<double> e = gallery::normal(known.rows * known.columns, 32);
  const Operator<double> direction = dense<double>(Tensor::copy_of(h, {known.rows, known.columns}));
  GradientOptions options;
  options.solver = solver;
  options.tolerance = 1e-12;
  const SvdVjpVjp<double> found = svd_vjp_vjp(*a, triplets, w, *direction, options, context);
  const double wanted = problems::derivative(
      [&](double t) {
        std::vector<double> moved = known.entries;
        for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += t * e[i];
        return first_derivative(known.rows, known.columns, moved, w, h, triplets, context);
      },
      1e-4);
  const problems::Dense g = problems::as_matrix(found.cotangent);
  double size = 0;
  for (std::size_t i = 0; i < e.size(); ++i) size += std::fabs(static_cast<double>(g.entries[i]) * e[i]);
  EXPECT_NEAR(problems::pairing(found.cotangent, e), wanted, tolerance::kFiniteDifference * size);
  // With respect to (xi, phi, psi) it is the derivative in the direction.
  const SvdJvp<double> forward = svd_jvp(*a, triplets, *direction, options, context);
  EXPECT_EQ(found.sigma, forward.sigma);
  EXPECT_EQ(found.u, forward.u);
  EXPECT_EQ(found.v, forward.v);
}

TEST(SvdVjpVjp, IsTheDerivativeOfTheVjpForAnyNumberOfTripletsAndEverySolver) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair{9, 6}, std::pair{6, 9}, std::pair{6, 6}}) {
    const Known known{rows, columns, {3, 2.4, 1.9, 1.1, 1.1, 0.3}};
    for (const std::int64_t k : {1, 2, 3, 6}) {
      if (known.least_gap(k) == 0) continue;
      for (const GradientSolver& solver :
           std::vector<GradientSolver>{ConjugateGradients{}, DenseCholesky{}, FullSvd{}}) {
        SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(columns) + ", k = " + std::to_string(k) + ", " +
                     std::string(name(solver)));
        expect_second_derivative(known, problems::random_cotangent({rows, columns}, k), solver, k, context);
      }
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
    expect_second_derivative(known, w, Auto{}, k, context);
  }
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
