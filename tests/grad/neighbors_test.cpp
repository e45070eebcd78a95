// Conjugate gradients with the forward pass's Ritz vectors: fewer iterations, the same gradient, and no harm from
// useless vectors.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "grad/problems.hpp"
#include "repeatable.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::Known;

// A value 1 to 2 % above a crowd of values after it, like the edge of an untrained layer's spectrum.
Known crowded(std::int64_t rows, std::int64_t columns, std::int64_t k) {
  std::vector<double> s;
  for (std::int64_t i = 0; i < k; ++i) s.push_back(1.05 - 0.01 * static_cast<double>(i));
  while (static_cast<std::int64_t>(s.size()) < std::min(rows, columns)) {
    s.push_back(0.995 - 0.03 * std::sqrt(static_cast<double>(s.size()) - static_cast<double>(k)));
  }
  for (double& value : s) value = std::max(value, 0.01);
  return {rows, columns, s};
}

template <Real T>
SvdResult<T> forward(const LinearOperator<T>& a, std::int64_t k, double tolerance, Context& context) {
  auto options = repeatable<SvdOptions<T>>();
  options.k = k;
  options.accuracy = Accuracy::vectors;
  options.tolerance = tolerance;
  options.method = Lanczos{.form = Lanczos::Form::gram};
  return svd(a, options, context);
}

template <Real T>
Matrix<T> some_columns(const Matrix<T>& x, std::int64_t count) {
  Matrix<T> result(x.rows(), count);
  std::copy_n(x.values().begin(), result.values().size(), result.values().begin());
  return result;
}

// The next value is known as a Ritz value, which converges after those that were asked for. The value after it is 0.03
// smaller: this tells the two apart.
constexpr double kOfGap = 1e-3;

TEST(Neighbors, SpareIterationsAndChangeNothingElse) {
  Context context(2);
  for (const auto& [rows, columns] : {std::pair{160, 120}, std::pair{90, 800}}) {  // either side of the Gram operator
    for (const std::int64_t k : {1, 3}) {
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(columns) + ", k = " + std::to_string(k));
      const Known known = crowded(rows, columns, k);
      const Operator<double> a = known.a();
      SvdResult<double> triplets = forward<double>(*a, k, 1e-13, context);
      ASSERT_GE(triplets.state.neighbors.columns(), 4);
      EXPECT_EQ(triplets.state.neighbors.rows(), std::min(rows, columns));
      const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), k);
      const problems::Dense wanted = problems::gradient_by_all_triplets(known.triplets(), triplets, cotangent);
      const GradientOptions options = problems::by(ConjugateGradients{}, 1e-11);
      std::vector<std::int64_t> iterations;
      const Matrix<double> all = triplets.state.neighbors;
      for (const std::int64_t count : {std::int64_t{0}, std::int64_t{2}, all.columns()}) {
        triplets.state.neighbors = some_columns(all, count);
        const SvdVjp<double> found = svd_vjp(*a, triplets, cotangent, options, context);
        EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
        EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted) / wanted.norm(),
                  tolerance::relative(rows, columns, 1 / known.least_gap(k)) + tolerance::of_estimate(1e-11));
        EXPECT_NEAR(found.report.gap.back(), known.gap(static_cast<std::size_t>(k - 1)), kOfGap);
        iterations.push_back(found.report.iterations);
      }
      EXPECT_LE(iterations[1], iterations[0]);
      EXPECT_LT(iterations[2], iterations[0]);
    }
  }
}

TEST(Neighbors, InFloatDownToWhatFloatGives) {
  Context context(2);
  const Known known = crowded(300, 300, 1);
  const Operator<float> a = dense<float>(Tensor::copy_of(known.entries, {300, 300}));
  SvdResult<float> triplets = forward<float>(*a, 1, 1e-6, context);
  ASSERT_GE(triplets.state.neighbors.columns(), 4);
  const SvdCotangent<float> cotangent = problems::random_cotangent<float>(a->shape(), 1);
  const SvdVjp<float> with = svd_vjp(*a, triplets, cotangent, problems::by(ConjugateGradients{}, 1e-7), context);
  triplets.state.neighbors = {};
  const SvdVjp<float> without = svd_vjp(*a, triplets, cotangent, problems::by(ConjugateGradients{}, 1e-7), context);
  EXPECT_EQ(with.report.outcome, GradientOutcome::converged);
  double square = 0;
  double distance = 0;
  for (std::size_t i = 0; i < with.cotangent.u.values().size(); ++i) {
    const double x = with.cotangent.u.values()[i];
    const double y = without.cotangent.u.values()[i];
    square += y * y;
    distance += (x - y) * (x - y);
  }
  const double kappa = 1 / known.gap(0);
  EXPECT_LE(std::sqrt(distance / square), tolerance::relative(300, 300, kappa) * tolerance::coarseness<float>());
}

TEST(Neighbors, ThatAreOfNoUseDoNoHarm) {
  Context context(1);
  const Known known = crowded(200, 180, 2);
  const Operator<double> a = known.a();
  SvdResult<double> triplets = forward<double>(*a, 2, 1e-13, context);
  const SvdCotangent<double> cotangent = problems::random_cotangent(a->shape(), 2);
  const problems::Dense wanted = problems::gradient_by_all_triplets(known.triplets(), triplets, cotangent);
  const Matrix<double> good = triplets.state.neighbors;
  const auto expect_right = [&](const std::string& what, Matrix<double> neighbors) {
    SCOPED_TRACE(what);
    triplets.state.neighbors = std::move(neighbors);
    const SvdVjp<double> found = svd_vjp(*a, triplets, cotangent, problems::by(ConjugateGradients{}, 1e-11), context);
    EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
    EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted) / wanted.norm(),
              tolerance::relative(200, 180, 1 / known.least_gap(2)) + tolerance::of_estimate(1e-11));
  };
  expect_right("random", problems::random_block<double>(180, 5, 9));
  expect_right("the known ones again", triplets.v);
  Matrix<double> same(180, 3);
  for (std::int64_t j = 0; j < 3; ++j) std::ranges::copy(good.column(0), same.column(j).begin());
  expect_right("one three times", same);
  expect_right("zero", Matrix<double>(180, 4));
  Matrix<double> broken = good;
  broken(3, 1) = std::numeric_limits<double>::quiet_NaN();
  broken(3, 2) = std::numeric_limits<double>::infinity();
  expect_right("not finite", broken);
  expect_right("of another order", problems::random_block<double>(77, 5, 9));
}

}  // namespace
}  // namespace sigmax
