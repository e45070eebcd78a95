// Where derivatives do not exist, or matrices lie at the edges of the range: every outcome, and nothing that is not
// finite.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "grad/problems.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "sigmax/grad/svd_vjp.hpp"
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
    EXPECT_NEAR(of_value.report.gap[0], 0, tolerance::relative(rows, columns));
    EXPECT_NEAR(problems::as_matrix(of_value.cotangent).norm(), 1, tolerance::relative(rows, columns));
    for (const GradientSolver& solver : problems::every_solver()) {
      SCOPED_TRACE(name(solver));
      const SvdVjp<double> of_vectors =
          svd_vjp(*a, triplets, problems::random_cotangent(a->shape(), 1), by(solver), context);
      EXPECT_EQ(of_vectors.report.outcome, GradientOutcome::no_gap);
      EXPECT_TRUE(is_finite(of_vectors.cotangent));
      EXPECT_NEAR(of_vectors.report.gap[0], 0, tolerance::relative(rows, columns));
      const SvdJvp<double> forward = svd_jvp(*a, triplets, *a, by(solver), context);
      EXPECT_TRUE(std::isfinite(forward.sigma[0]));
    }
  }
}

TEST(Edges, ALossOfTheSpanAloneHasAGradientThoughItsValuesAreEqual) {
  Context context(1);
  const Known known{9, 7, {2, 2, 1, 0.5, 0.3, 0.2, 0.1}};
  const Operator<double> a = known.a();
  const SvdResult<double> triplets = svd(*a, problems::to_rounding(2), context);
  // L = <U U^T, F> for a symmetric F: phi = 2 F U.
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
  // A loss of one of the two vectors is none.
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
  for (const GradientSolver& solver : problems::every_solver()) {
    const SvdVjp<double> of_vectors =
        svd_vjp(*zero, triplets, problems::random_cotangent({5, 4}, 2), by(solver), context);
    EXPECT_EQ(of_vectors.report.outcome, GradientOutcome::no_gap);
    EXPECT_TRUE(is_finite(of_vectors.cotangent));
  }
  // Rank two: the first two triplets are as any others.
  const Operator<double> deficient = diagonal_matrix(6, 5, {3, 2});
  for (const std::int64_t k : {2, 3}) {
    const SvdResult<double> some = svd(*deficient, problems::to_rounding(k), context);
    const SvdVjp<double> found = svd_vjp(*deficient, some, problems::random_cotangent({6, 5}, k), by(Auto{}), context);
    EXPECT_EQ(found.report.outcome, k == 2 ? GradientOutcome::converged : GradientOutcome::no_gap);
    EXPECT_TRUE(is_finite(found.cotangent));
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
    triplets.next = std::ldexp(triplets.next, exponent);
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

TEST(Edges, ComputesInFloatOnNarrowStorage) {
  Context context(2);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t n : {40, 150}) {
      std::vector<double> entries = gallery::with_singular_values(n, n, gallery::geometric(n, 1e3), 3);
      const Tensor stored = Tensor::rounded(entries, {n, n}, dtype);
      for (std::int64_t i = 0; i < n * n; ++i) {
        entries[static_cast<std::size_t>(i)] = gallery::fetch(dtype, stored.data(), static_cast<std::size_t>(i));
      }
      const Operator<double> exact = dense<double>(Tensor::copy_of(entries, {n, n}));
      const SvdResult<double> triplets = svd(*exact, problems::to_rounding(2), context);
      const SvdCotangent<float> cotangent = problems::random_cotangent<float>({n, n}, 2);
      SvdResult<float> in_float;
      in_float.sigma = triplets.sigma;
      in_float.next = triplets.next;
      SvdCotangent<double> in_double{cotangent.sigma, Matrix<double>(n, 2), Matrix<double>(n, 2)};
      in_float.u = in_float.v = Matrix<float>(n, 2);
      for (std::size_t i = 0; i < cotangent.u.values().size(); ++i) {
        in_double.u.values()[i] = static_cast<double>(cotangent.u.values()[i]);
        in_double.v.values()[i] = static_cast<double>(cotangent.v.values()[i]);
        in_float.u.values()[i] = static_cast<float>(triplets.u.values()[i]);
        in_float.v.values()[i] = static_cast<float>(triplets.v.values()[i]);
      }
      const problems::Dense wanted =
          problems::as_matrix(svd_vjp(*exact, triplets, in_double, by(FullSvd{}), context).cotangent);
      const SvdVjp<float> found = svd_vjp(*dense<float>(stored), in_float, cotangent, {}, context);
      EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
      const double gap = *std::min_element(found.report.gap.begin(), found.report.gap.end());
      EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted),
                (tolerance::relative_in<float>(1, 1, 4) / gap + tolerance::of_estimate(1e-5)) * wanted.norm())
          << name(dtype) << " " << n;
    }
  }
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
  EXPECT_GT(found.report.error, options.tolerance);
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
  EXPECT_THROW(svd_vjp(*a, good, cotangent, by(ConjugateGradients{}), context), Cancelled);
}

}  // namespace
}  // namespace sigmax
