// The single entry: range, precision, state, the arguments it refuses, the choices of Auto. The solvers behind it are
// tested in solver_test.cpp.
#include "sigmax/svd/svd.hpp"
#include "sigmax/svd/certificate_contents.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gallery/spectra.hpp"
#include "ops/counting_operator.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/function.hpp"
#include "sigmax/svd/policy.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

template <Real T>
SvdOptions<T> with(double tolerance) {
  auto options = repeatable<SvdOptions<T>>();
  options.tolerance = tolerance;
  return options;
}

Operator<double> stored(const std::vector<double>& values, std::int64_t rows, std::int64_t columns,
                        DType dtype = DType::f64) {
  return dense<double>(Tensor::rounded(values, {rows, columns}, dtype));
}

TEST(Svd, FindsTheTopOfEverySpectrumAtAnyScale) {
  Context context(2);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : {std::pair{60, 40}, {40, 60}, {1, 30}, {30, 1}, {1, 1}, {2, 2}}) {
      const std::string what = spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns);
      const std::vector<double> sigma = spectrum.values(std::min(rows, columns));
      const double top = *std::max_element(sigma.begin(), sigma.end());
      const auto options = repeatable<SvdOptions<double>>();
      const auto result =
          svd(*stored(gallery::with_singular_values(rows, columns, sigma), rows, columns), options, context);
      const double rounding = tolerance::of_matrix(rows, columns, top);
      EXPECT_EQ(result.outcome == SvdOutcome::out_of_products, false) << what;
      ASSERT_EQ(result.sigma.size(), 1U) << what;
      EXPECT_LE(result.sigma.front(), top + rounding) << what;
      EXPECT_GE(result.sigma.front(), top * (1 - tolerance::of_estimate(options.tolerance)) - rounding) << what;
    }
  }
}

TEST(Svd, ReachesFullPrecisionWhenAsked) {
  Context context(2);
  const auto a = stored(gallery::with_singular_values(90, 80, gallery::geometric(80, 1e3)), 90, 80);
  EXPECT_NEAR(svd(*a, with<double>(1e-15), context).sigma.front(), 1, tolerance::relative(90, 80));
}

TEST(Svd, KnowsSingleEntriesAtTheEdgesOfTheRange) {
  Context context(1);
  for (const double value : {5e-324, 1e-310, 2.3e-308, 1e-200, 1.0, 1e200, 1.7e308}) {
    const auto result = svd(*stored({-value}, 1, 1), {}, context);
    EXPECT_NEAR(result.sigma.front(), value, tolerance::of_matrix(1, 1, value));
    EXPECT_NEAR(result.v(0, 0) * result.u(0, 0), -1, tolerance::relative(1, 1)) << value;
  }
  for (const float value : {1e-45F, 1e-38F, 1e-20F, 1.0F, 1e20F, 3e38F}) {
    const auto a = dense<float>(Tensor::copy_of(std::vector<float>{value}, {1, 1}));
    EXPECT_NEAR(svd(*a, {}, context).sigma.front(), static_cast<double>(value),
                tolerance::of_matrix<float>(1, 1, static_cast<double>(value)));
  }
}

TEST(Svd, WorksOnLargerMatricesAtTheEdgesOfTheRange) {
  Context context(1);
  const std::vector<double> normal = gallery::normal(50 * 40, 4);
  const double reference = svd(*stored(normal, 50, 40), {}, context).sigma.front();
  for (const Method& method : {Method(Auto{}), Method(Lanczos{}), Method(BlockKrylov{}), Method(DenseLapack{})}) {
    for (const int exponent : {-1060, -600, -150, 150, 600, 1010}) {
      std::vector<double> values = normal;
      for (double& value : values) value = std::ldexp(value, exponent);
      auto options = repeatable<SvdOptions<double>>();
      options.method = method;
      const auto result = svd(*stored(values, 50, 40), options, context);
      // Entries near the lower edge have lost digits already.
      const double lost = exponent < -1000 ? std::ldexp(40.0, -1074 - exponent) : 0;
      EXPECT_NEAR(std::ldexp(result.sigma.front(), -exponent), reference,
                  reference * tolerance::of_estimate(options.tolerance) + lost)
          << name(method) << " 2^" << exponent;
    }
  }
}

// Counts the products it is asked for, by precision.
struct Counted {
  std::int64_t doubles = 0;
};
Operator<double> counting(const Operator<double>& a, Counted& count) {
  class Counting final : public LinearOperator<double> {
   public:
    Counting(Operator<double> of, Counted& counter) : of_(std::move(of)), count_(counter) {}
    Shape shape() const override { return of_->shape(); }
    Operator<float> in_single() const override { return of_->in_single(); }

   private:
    void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context& context) const override {
      ++count_.doubles;
      of_->apply(x, y, context);
    }
    void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& context) const override {
      ++count_.doubles;
      of_->apply_adjoint(y, x, context);
    }
    Operator<double> of_;
    Counted& count_;
  };
  return std::make_shared<Counting>(a, count);
}

TEST(Svd, IteratesInFloatAndEndsInDoubleWhereTheToleranceLeavesRoom) {
  Context context(2);
  const auto a = stored(gallery::normal(300 * 200, 9), 300, 200, DType::f32);
  const double exact = svd(*a, with<double>(1e-14), context).sigma.front();
  Counted loose;
  SvdOptions<double> options = with<double>(1e-6);
  options.check = Check::none;  // the check would be made in double
  const auto quick = svd(*counting(a, loose), options, context);
  EXPECT_EQ(loose.doubles, 2);  // one pass: A v, A^T of it
  EXPECT_LE(std::fabs(quick.sigma.front() - exact), tolerance::of_estimate(1e-6) * exact);
  EXPECT_LE(quick.sigma.front(), exact * (1 + tolerance::relative(300, 200)));
  Counted strict;
  const auto precise = svd(*counting(a, strict), with<double>(1e-12), context);
  EXPECT_GT(strict.doubles, 10);
  EXPECT_LE(std::fabs(precise.sigma.front() - exact), tolerance::of_estimate(1e-12) * exact);
}

// sigma_3^2 is below the rounding errors of A^T A in float, and sigma_3 above those of A.
TEST(Svd, BidiagonalisesInFloatWhatTheGramOperatorInFloatCannotDo) {
  Context context(1);
  std::vector<double> spectrum(40, 1e-6);
  spectrum[0] = 1;
  spectrum[1] = 1e-2;
  spectrum[2] = 2e-4;
  const auto a = stored(gallery::with_singular_values(60, 40, spectrum, 4), 60, 40, DType::f32);
  SvdOptions<double> options = with<double>(1e-14);
  options.k = 3;
  const auto exact = svd(*a, options, context).sigma;
  options.tolerance = 1e-6;
  options.check = Check::none;
  Counted count;
  const auto found = svd(*counting(a, count), options, context);
  EXPECT_EQ(count.doubles, 4) << "two evaluations: after either form of the process in float";
  EXPECT_EQ(std::get<Lanczos>(found.statistics.method).form, Lanczos::Form::bidiagonal);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(found.sigma[i], exact[i], exact[i] * tolerance::of_estimate(1e-6));
  options.method = Lanczos{.form = Lanczos::Form::gram};
  Counted gram_only;
  static_cast<void>(svd(*counting(a, gram_only), options, context));
  EXPECT_GT(gram_only.doubles, 4) << "where only that form is allowed it goes on in double";
}

TEST(Svd, FallsBackToDoubleWhereFloatCannotHoldTheEntries) {
  Context context(1);
  std::vector<double> values = gallery::normal(60 * 50, 3);
  const double reference = svd(*stored(values, 60, 50), with<double>(1e-12), context).sigma.front();
  for (const double scale : {1e-60, 1e60}) {
    std::vector<double> scaled = values;
    for (double& value : scaled) value *= scale;
    const double sigma = svd(*stored(scaled, 60, 50), with<double>(1e-6), context).sigma.front();
    EXPECT_NEAR(sigma / scale, reference, reference * tolerance::of_estimate(1e-6));
  }
}

// An invariant space of one vector, and of two after another is injected.
TEST(Svd, GoesOnFromAStartThatIsASingularVectorOfAnOrthogonalMatrix) {
  Context context(1);
  std::vector<double> identity(25);
  for (std::size_t i = 0; i < 5; ++i) identity[6 * i] = 3;
  SvdOptions<double> options = with<double>(1e-12);
  options.start = Matrix<double>(5, 1);
  options.start(0, 0) = 1;
  options.method = Lanczos{.form = Lanczos::Form::gram};
  const auto result = svd(*stored(identity, 5, 5), options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::converged);
  EXPECT_NEAR(result.sigma.front(), 3, 3 * tolerance::of_triplets(5, 5));
}

TEST(Svd, EndsWithSmallBasesToo) {
  Context context(1);
  const auto a = stored(gallery::normal(60 * 40, 5), 60, 40);
  const double exact = svd(*a, with<double>(1e-14), context).sigma.front();
  for (const std::int64_t basis : {9, 10, 13}) {
    SvdOptions<double> options = with<double>(1e-9);
    options.method = Lanczos{.form = Lanczos::Form::gram, .basis = basis};
    const auto result = svd(*a, options, context);
    EXPECT_EQ(result.outcome, SvdOutcome::converged) << basis;
    EXPECT_LT(result.statistics.products, 1500) << basis;
    EXPECT_NEAR(result.sigma.front(), exact, exact * tolerance::of_estimate(1e-9)) << basis;
  }
}

TEST(Svd, GivesTheSameBitsForAnyNumberOfThreads) {
  const Tensor tensor = Tensor::rounded(gallery::normal(900 * 600, 2), {900, 600}, DType::f32);
  for (const double tolerance : {1e-6, 1e-12}) {
    Context one(1);
    const auto first = svd(*dense<double>(tensor), with<double>(tolerance), one);
    for (const int threads : {2, 3}) {
      Context context(threads);
      const auto result = svd(*dense<double>(tensor), with<double>(tolerance), context);
      EXPECT_EQ(result.sigma, first.sigma);
      EXPECT_EQ(result.u, first.u);
      EXPECT_EQ(result.v, first.v);
      EXPECT_EQ(result.statistics.products, first.statistics.products);
    }
  }
}

TEST(Svd, ContinuesFromTheStateThatItReturned) {
  Context context(1);
  const auto a = stored(gallery::normal(200 * 300, 8), 200, 300);
  auto options = repeatable<SvdOptions<double>>();
  options.random = random_state(3);
  options.check = Check::none;
  const auto first = svd(*a, options, context);
  EXPECT_NE(first.state.random, options.random);
  ASSERT_FALSE(first.certificate.empty());
  SvdOptions<double> again = options;
  again.random = first.state.random;
  const auto second = svd(*a, again, context);
  ASSERT_FALSE(second.certificate.empty());
  EXPECT_NEAR(first.sigma.front(), second.sigma.front(),
              tolerance::of_estimate(options.tolerance) * first.sigma.front());
  EXPECT_NE(contents(first.certificate).recurrences.front().alpha,
            contents(second.certificate).recurrences.front().alpha);
  again.start = first.state.subspace;
  const auto warm = svd(*a, again, context);
  EXPECT_LT(warm.statistics.products, first.statistics.products / 2);
  EXPECT_TRUE(warm.certificate.empty()) << "a certificate needs a random start";
}

TEST(Svd, SaysWhenItRanOutOfProducts) {
  Context context(1);
  auto options = repeatable<SvdOptions<double>>();
  options.max_products = 3;
  const auto result = svd(*stored(gallery::normal(100 * 100, 8), 100, 100), options, context);
  EXPECT_EQ(result.outcome, SvdOutcome::out_of_products);
  EXPECT_EQ(result.statistics.products, 3);
  EXPECT_GT(result.sigma.front(), 0);
  EXPECT_GT(result.residual.front(), 0);
  EXPECT_NE(std::string(message(result.outcome)).find("products"), std::string::npos);
}

std::string refusal(const LinearOperator<double>& a, const SvdOptions<double>& options) {
  Context context(1);
  try {
    svd(a, options, context);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Svd, RefusesWhatDoesNotFitAndSaysSo) {
  const auto a = stored(gallery::normal(20, 1), 4, 5);
  const auto says = [&](const SvdOptions<double>& options, const std::string& words) {
    const std::string said = refusal(*a, options);
    EXPECT_NE(said.find(words), std::string::npos) << said;
  };
  auto options = repeatable<SvdOptions<double>>();
  options.k = 5;
  says(options, "between 1 and 4");
  options = with<double>(0);
  says(options, "tolerance");
  options = {};
  options.max_products = 0;
  says(options, "max_products");
  options = {};
  options.start = Matrix<double>(3, 1);
  says(options, "3 entries");
  options = {};
  options.start = Matrix<double>(5, 1);
  options.start(2, 0) = std::numeric_limits<double>::quiet_NaN();
  says(options, "not finite");
  options = {};
  options.which = Which::smallest;
  options.method = Lanczos{};
  says(options, "take auto, dense or inverse");
  options = {};
  options.method = InverseLanczos{};
  says(options, "inverse finds the smallest");
  Context context(1);
  EXPECT_THROW(svd(*dense<double>(Tensor(DType::f32, {0, 4}, nullptr, nullptr)), {}, context), Error);
  EXPECT_THROW(svd(*dense<double>(Tensor(DType::f32, {4, 0}, nullptr, nullptr)), {}, context), Error);
}

TEST(Svd, RefusesAnOperatorWithNanOrInfinity) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const auto& [rows, columns] : {std::pair{60, 50}, {5, 4}}) {
      std::vector<double> values = gallery::normal(rows * columns, 1);
      values[7] = bad;
      EXPECT_NE(refusal(*stored(values, rows, columns), {}).find("NaN or infinity"), std::string::npos);
      EXPECT_NE(refusal(*stored(values, rows, columns), with<double>(1e-6)).find("NaN or infinity"), std::string::npos);
    }
  }
}

TEST(Svd, CountsTheReadsThatItsProductsTake) {
  Context context(1);
  const std::vector<double> sigma = gallery::geometric(40, 10);
  for (const auto& [rows, columns] : {std::pair{130, 40}, {40, 130}}) {
    const Operator<double> a = stored(gallery::with_singular_values(rows, columns, sigma), rows, columns);
    for (const Method& method : {Method(Lanczos{.form = Lanczos::Form::gram}),
                                 Method(Lanczos{.form = Lanczos::Form::bidiagonal}), Method(BlockKrylov{})}) {
      const auto counts = std::make_shared<Counts>();
      const CountingOperator counted(a, counts);  // opaque, so that a wide one is processed from the left
      auto options = repeatable<SvdOptions<double>>();
      options.k = 3;
      options.method = method;
      options.check = Check::none;
      const SvdResult<double> result = svd<double>(counted, options, context);
      const int products =
          counts->apply + counts->adjoint + counts->gram + counts->gram_with_image + counts->outer_gram;
      EXPECT_LE(counts->widest, 8);  // one read each
      EXPECT_EQ(result.statistics.reads, products) << name(method) << " " << rows << "x" << columns;
    }
  }
}

TEST(Svd, TakesTheSolverThatThePolicyNames) {
  Context context(1);
  const auto chosen = [&](std::int64_t rows, std::int64_t columns, std::int64_t k, Which which) {
    auto options = repeatable<SvdOptions<double>>();
    options.k = k;
    options.which = which;
    return std::string(
        name(svd(*stored(gallery::normal(rows * columns, 1), rows, columns), options, context).statistics.method));
  };
  for (const auto& [rows, columns] : {std::pair{6, 8}, {200, 90}, {90, 200}}) {
    for (const std::int64_t k : {1, 3, 6}) {
      for (const Which which : {Which::largest, Which::smallest}) {
        const Method expected = choose({rows, columns}, k, which);
        EXPECT_EQ(chosen(rows, columns, k, which), name(expected)) << rows << "x" << columns << " k " << k;
      }
    }
  }
  EXPECT_EQ(name(choose({6, 8}, 1, Which::largest)), "dense");
  EXPECT_EQ(name(choose({4096, 4096}, 1, Which::largest)), "lanczos");
  EXPECT_EQ(name(choose({4096, 4096}, 1, Which::smallest)), "inverse");
}

}  // namespace
}  // namespace sigmax
