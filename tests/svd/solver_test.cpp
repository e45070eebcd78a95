// Every solver on every spectrum, through the single entry: values, vectors, residuals, outcomes; and no bit depends on
// the number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "svd/solver_suite.hpp"

namespace sigmax {
namespace {

using suite::Case;
using suite::Promise;
using suite::Solver;

template <class T>
class Solvers : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Solvers, Reals);

template <Real T>
double tolerance_of() {
  return std::same_as<T, float> ? 1e-5 : 1e-10;
}

// The values that a method with `copies` random columns can distinguish, in descending order: a longer run of equal
// ones is shortened.
std::vector<double> reachable(const std::vector<double>& sigma, std::int64_t copies) {
  std::vector<double> some;
  std::int64_t run = 0;
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    run = i > 0 && sigma[i] == sigma[i - 1] ? run + 1 : 1;
    if (run <= copies) some.push_back(sigma[i]);
  }
  return some;
}

bool may_give_up(const Solver& solver) {
  return solver.promise == Promise::lower || solver.promise == Promise::deflated;
}

template <Real T>
double of_triplets(const Case<T>& c) {
  return tolerance::relative_in<T>(c.rows, c.columns) + tolerance::of_bidiagonal(c.least());
}

template <Real T>
double rounding_of(const Case<T>& c, const Solver& solver, double sigma) {
  if (solver.promise == Promise::exact) return of_triplets(c) * c.norm();
  return of_triplets(c) * c.norm() + tolerance::of_projection_in<T>(c.rows, c.columns, c.norm(), sigma);
}

template <Real T>
void expect_values(const Case<T>& c, const Solver& solver, const SvdOptions<T>& options, const SvdResult<T>& result,
                   const std::string& what) {
  const auto columns = static_cast<std::size_t>(options.k);
  std::vector<double> least = c.sigma;  // what is promised of each, except for errors
  if (solver.copies < options.k) {
    least = reachable(c.sigma, solver.copies);
    least.resize(c.sigma.size(), 0.0);
  }
  double above = of_triplets(c) * c.norm();
  for (std::size_t i = 0; i < columns; ++i) {
    const double rounding = rounding_of(c, solver, c.sigma[i]);
    EXPECT_LE(result.sigma[i], c.sigma[i] + above) << what << ", value " << i;
    // The earlier triplets are exact for A + E, and |E| is at most their residuals from both sides.
    if (solver.promise == Promise::deflated) above += 2 * c.norm() * result.residual[i];
    EXPECT_LE(result.sigma[i], result.sigma[i > 0 ? i - 1 : 0]) << what << ", value " << i;
    double allowed = 0;
    if (solver.promise == Promise::tolerance) allowed = tolerance::of_estimate(options.tolerance) * least[i];
    if (solver.promise == Promise::sketch) {
      const auto& method = std::get<Randomized>(solver.method);
      allowed = tolerance::of_subspace_iteration(c.sigma, i, options.k, method.oversampling, method.power_steps);
    }
    if (may_give_up(solver)) allowed = least[i];
    EXPECT_GE(result.sigma[i], least[i] - allowed - rounding) << what << ", value " << i;
  }
}

template <Real T>
void expect_triplets(const Case<T>& c, const Solver& solver, const SvdOptions<T>& options, const SvdResult<T>& result,
                     const std::string& what) {
  const double rounding = tolerance::relative_in<T>(c.rows, c.columns);
  ASSERT_EQ(result.sigma.size(), static_cast<std::size_t>(options.k)) << what;
  ASSERT_EQ(result.residual.size(), static_cast<std::size_t>(options.k)) << what;
  ASSERT_EQ(result.u.rows(), c.rows) << what;
  ASSERT_EQ(result.u.columns(), options.k) << what;
  ASSERT_EQ(result.v.rows(), c.columns) << what;
  ASSERT_EQ(result.v.columns(), options.k) << what;
  EXPECT_LE(checks::orthonormality_error(result.u), rounding) << what;
  EXPECT_LE(checks::orthonormality_error(result.v), rounding) << what;
  EXPECT_EQ(result.state.subspace.rows(), c.columns) << what;
  EXPECT_TRUE(result.statistics.products > 0 || std::holds_alternative<DenseLapack>(result.statistics.method)) << what;
  EXPECT_GT(result.statistics.reads, 0) << what;
  for (std::int64_t i = 0; i < options.k; ++i) {
    const checks::Residuals truth = suite::residuals_of(c, result, i);
    const double stated = result.residual[static_cast<std::size_t>(i)];
    const bool deflated = solver.promise == Promise::deflated;
    if (!deflated) {
      EXPECT_LE(truth.forward, of_triplets(c)) << what << ", triplet " << i;
    }
    EXPECT_NEAR(stated, deflated ? truth.larger() : truth.backward, tolerance::of_residual_in<T>(c.rows, c.columns))
        << what << ", triplet " << i;
  }
}

template <Real T>
void run_on_gallery(const std::vector<std::pair<std::int64_t, std::int64_t>>& shapes) {
  Context context(2);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : shapes) {
      if (!suite::representable<T>(spectrum.values(1))) continue;
      const Case<T> c = suite::make_case<T>(spectrum, rows, columns);
      for (const Solver& solver : suite::solvers()) {
        if (!solver.largest) continue;
        for (const std::int64_t k : std::set<std::int64_t>{1, std::min<std::int64_t>(3, c.least()), c.least()}) {
          if (k > solver.most_k) continue;
          auto options = repeatable<SvdOptions<T>>();
          options.k = k;
          options.tolerance = tolerance_of<T>();
          options.method = solver.method;
          options.random = random_state(7);
          if (may_give_up(solver)) options.max_products = 300;
          const std::string what = solver.name + " on " + c.name + ", k = " + std::to_string(k);
          try {
            const SvdResult<T> result = svd(*c.a, options, context);
            expect_triplets(c, solver, options, result, what);
            if (testing::Test::HasFatalFailure()) return;
            expect_values(c, solver, options, result, what);
            const SvdOutcome outcome =
                solver.promise == Promise::sketch ? SvdOutcome::completed : SvdOutcome::converged;
            // Either the method or the check of its result.
            const bool gave_up =
                result.outcome == SvdOutcome::out_of_products || result.outcome == SvdOutcome::unconfirmed;
            // Copies of values whose squares are below rounding.
            const bool forgot = solver.name == "lanczos, gram" && result.outcome == SvdOutcome::unconfirmed;
            EXPECT_TRUE(result.outcome == outcome || (may_give_up(solver) && gave_up) || forgot)
                << what << ": " << message(result.outcome);
          } catch (const std::exception& error) {
            ADD_FAILURE() << what << ": " << error.what();
          }
        }
      }
    }
  }
}

TYPED_TEST(Solvers, FindTheLargestTripletsOfVectors) { run_on_gallery<TypeParam>({{1, 1}, {1, 17}, {17, 1}}); }
TYPED_TEST(Solvers, FindTheLargestTripletsOfSquareMatrices) { run_on_gallery<TypeParam>({{4, 4}, {36, 36}}); }
TYPED_TEST(Solvers, FindTheLargestTripletsOfTallMatrices) { run_on_gallery<TypeParam>({{70, 23}, {90, 45}}); }
TYPED_TEST(Solvers, FindTheLargestTripletsOfWideMatrices) { run_on_gallery<TypeParam>({{23, 70}, {45, 90}}); }

TYPED_TEST(Solvers, FindTheSmallestTripletsOrSayThatTheyCannot) {
  using T = TypeParam;
  Context context(2);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{40, 40}, {60, 25}, {25, 60}}) {
    const std::vector<double> sigma = gallery::geometric(std::min(rows, columns), 100);
    const Case<T> c =
        suite::make_case<T>("geometric", rows, columns, gallery::with_singular_values(rows, columns, sigma), sigma);
    for (const Solver& solver : suite::solvers()) {
      auto options = repeatable<SvdOptions<T>>();
      options.k = 3;
      options.which = Which::smallest;
      options.tolerance = tolerance_of<T>();
      options.method = solver.method;
      const std::string what = solver.name + " on " + std::to_string(rows) + "x" + std::to_string(columns);
      if (!solver.smallest) {
        try {
          static_cast<void>(svd(*c.a, options, context));
          ADD_FAILURE() << what << " did not refuse";
        } catch (const Error& error) {
          const std::string message = error.what();
          EXPECT_NE(message.find(name(solver.method)), std::string::npos) << message;
          EXPECT_NE(message.find("auto"), std::string::npos) << message;
        }
        continue;
      }
      const SvdResult<T> result = svd(*c.a, options, context);
      expect_triplets(c, solver, options, result, what);
      if (testing::Test::HasFatalFailure()) return;
      EXPECT_EQ(result.outcome, SvdOutcome::converged) << what;
      for (std::size_t i = 0; i < 3; ++i) {
        const double truth = sigma[sigma.size() - 3 + i];
        EXPECT_NEAR(result.sigma[i], truth,
                    tolerance::of_estimate(options.tolerance) * truth + of_triplets(c) * c.norm())
            << what << ", value " << i;
      }
    }
  }
}

TYPED_TEST(Solvers, RefuseTheLargestWhereTheyFindTheSmallestAlone) {
  using T = TypeParam;
  Context context(1);
  const Case<T> c = suite::make_case<T>(gallery::spectrum("linear"), 20, 10);
  for (const Solver& solver : suite::solvers()) {
    if (solver.largest) continue;
    auto options = repeatable<SvdOptions<T>>();
    options.method = solver.method;
    EXPECT_THROW(static_cast<void>(svd(*c.a, options, context)), Error) << solver.name;
  }
}

template <Real T>
void expect_same(const SvdResult<T>& a, const SvdResult<T>& b, const std::string& what) {
  EXPECT_EQ(a.sigma, b.sigma) << what;
  EXPECT_EQ(a.u, b.u) << what;
  EXPECT_EQ(a.v, b.v) << what;
  EXPECT_EQ(a.residual, b.residual) << what;
  EXPECT_EQ(a.state.subspace, b.state.subspace) << what;
  EXPECT_EQ(a.statistics.products, b.statistics.products) << what;
  EXPECT_EQ(a.state.random, b.state.random) << what;
}

// Large enough that every loop is split into pieces.
TYPED_TEST(Solvers, GiveTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  Context one(1);
  Context three(3);
  const std::int64_t rows = 900;
  const std::int64_t columns = 400;
  const Operator<T> a = dense<T>(Tensor::rounded(gallery::normal(rows * columns, 3), {rows, columns}, DType::f32));
  for (const Solver& solver : suite::solvers()) {
    auto options = repeatable<SvdOptions<T>>();
    options.k = std::min<std::int64_t>(3, solver.most_k);
    options.which = solver.largest ? Which::largest : Which::smallest;
    options.tolerance = 1e-3;
    options.max_products = 60;
    options.method = solver.method;
    expect_same(svd(*a, options, one), svd(*a, options, three), solver.name);
  }
}

TYPED_TEST(Solvers, TakeARandomStateAndGiveTheNext) {
  using T = TypeParam;
  Context context(1);
  const Case<T> c = suite::make_case<T>(gallery::spectrum("linear"), 90, 60);
  for (const Solver& solver : suite::solvers()) {
    auto options = repeatable<SvdOptions<T>>();
    options.which = solver.largest ? Which::largest : Which::smallest;
    options.method = solver.method;
    options.max_products = 20;
    options.random = random_state(11, 3);
    const SvdResult<T> first = svd(*c.a, options, context);
    expect_same(first, svd(*c.a, options, context), solver.name);
    if (!solver.random_start) continue;
    EXPECT_NE(first.state.random, options.random) << solver.name;
    options.random = first.state.random;
    EXPECT_NE(first.v, svd(*c.a, options, context).v) << solver.name;
  }
}

TYPED_TEST(Solvers, RefuseWhatIsNotFinite) {
  using T = TypeParam;
  Context context(1);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    std::vector<double> entries = gallery::normal(40 * 30, 2);
    entries[17 * 30 + 4] = bad;
    const Operator<T> a = dense<T>(Tensor::rounded(entries, {40, 30}, DType::f64));
    for (const Solver& solver : suite::solvers()) {
      auto options = repeatable<SvdOptions<T>>();
      options.method = solver.method;
      options.which = solver.largest ? Which::largest : Which::smallest;
      EXPECT_THROW(static_cast<void>(svd(*a, options, context)), Error) << solver.name;
    }
  }
}

// Twice its argument, until the `count`-th product.
template <Real T>
class TurnsBad final : public LinearOperator<T> {
 public:
  explicit TurnsBad(int count) : left_(count) {}
  Shape shape() const override { return {50, 50}; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context&) const override {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      for (std::size_t i = 0; i < 50; ++i) y.column(j)[i] = x.column(j)[i] / static_cast<T>(i + 1);
    }
    if (--left_ < 0) y.data[7] = std::numeric_limits<T>::quiet_NaN();
  }
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    apply_impl(y, x, context);
  }
  mutable int left_;
};

TYPED_TEST(Solvers, RefuseAnOperatorThatTurnsBadOnTheWay) {
  using T = TypeParam;
  Context context(1);
  for (const Solver& solver : suite::solvers()) {
    if (!solver.largest) continue;
    for (const int count : {0, 1, 2, 3}) {
      auto options = repeatable<SvdOptions<T>>();
      options.method = solver.method;
      options.tolerance = tolerance_of<T>();
      try {
        static_cast<void>(svd(TurnsBad<T>(count), options, context));
        EXPECT_LE(1, count) << solver.name << " took a product that is not a number";
      } catch (const Error&) {
      }
    }
  }
}

TYPED_TEST(Solvers, StopWhenAskedTo) {
  using T = TypeParam;
  const Case<T> c = suite::make_case<T>(gallery::spectrum("linear"), 60, 50);
  for (const Solver& solver : suite::solvers()) {
    Context context(1);
    context.request_cancel();
    auto options = repeatable<SvdOptions<T>>();
    options.method = solver.method;
    options.which = solver.largest ? Which::largest : Which::smallest;
    EXPECT_THROW(static_cast<void>(svd(*c.a, options, context)), Canceled) << solver.name;
  }
}

}  // namespace
}  // namespace sigmax
