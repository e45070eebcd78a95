// The solver named Lanczos, in its forms, on matrices with known singular values.
#include "sigmax/svd/krylov/golub_kahan.hpp"
#include "sigmax/svd/certificate_contents.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/solvers.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using Form = Lanczos::Form;

template <class T>
class LanczosSvdTest : public testing::Test {
 protected:
  static constexpr double kTolerance = std::same_as<T, float> ? 1e-5 : 1e-12;

  static SvdOptions<T> options(std::int64_t k) {
    auto result = repeatable<SvdOptions<T>>();
    result.k = k;
    result.tolerance = kTolerance;
    return result;
  }
  static double rounding(const Shape& shape, double norm) {
    return tolerance::of_matrix(shape.rows, shape.columns, norm) * tolerance::coarseness<T>();
  }
  static SvdResult<T> run(const Operator<T>& a, const SvdOptions<T>& options, const Lanczos& method, int threads = 1) {
    Context context(threads);
    const Task<T> task{.convergence = {options.accuracy, options.tolerance, options.k},
                       .max_products = options.max_products,
                       .method = method,
                       .start = options.start,
                       .random = given_or_drawn(options.random)};
    return solve(*a, task, method, context);
  }
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(LanczosSvdTest, Reals);

template <Real T>
Operator<T> stored(const std::vector<double>& values, std::int64_t rows, std::int64_t columns) {
  return dense<T>(Tensor::rounded(values, {rows, columns}, std::same_as<T, float> ? DType::f32 : DType::f64));
}

// The residuals of triplet i of the matrix that stored() makes of the values: its entries have type T.
template <Real T>
checks::Residuals residuals(std::vector<double> values, const SvdResult<T>& result, std::int64_t i) {
  for (double& value : values) value = static_cast<double>(static_cast<T>(value));
  return checks::residuals_of<T>(values, result, i);
}

bool in_range(double top) { return top == 0 || (top < 1e20 && top > 1e-20); }

TYPED_TEST(LanczosSvdTest, FindsTheTripletsOfEverySpectrumInEveryShape) {
  using T = TypeParam;
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    if (!in_range(spectrum.values(1)[0])) continue;
    for (const Shape shape : {Shape{34, 20}, {20, 34}, {18, 18}, {1, 17}, {17, 1}, {60, 3}}) {
      const std::int64_t least = std::min(shape.rows, shape.columns);
      std::vector<double> truth = spectrum.values(least);
      std::sort(truth.rbegin(), truth.rend());
      const std::vector<double> values = gallery::with_singular_values(shape.rows, shape.columns, truth);
      const Operator<T> a = stored<T>(values, shape.rows, shape.columns);
      for (const std::int64_t k : {std::int64_t{1}, std::int64_t{2}, std::int64_t{5}, least}) {
        if (k > least) continue;
        for (const Form form : {Form::automatic, Form::gram, Form::bidiagonal}) {
          const SvdResult<T> result = this->run(a, this->options(k), {.form = form});
          const std::string what = spectrum.name + " " + std::to_string(shape.rows) + "x" +
                                   std::to_string(shape.columns) + ", k " + std::to_string(k) + ", form " +
                                   std::to_string(static_cast<int>(form));
          // Squares below rounding cannot be told from zero.
          const bool forgot = form == Form::gram && result.outcome == SvdOutcome::unconfirmed;
          EXPECT_TRUE(forgot || result.outcome == SvdOutcome::converged) << what;
          ASSERT_EQ(result.sigma.size(), static_cast<std::size_t>(k)) << what;
          const double rounding = this->rounding(shape, truth[0]) + tolerance::of_bidiagonal(least) * truth[0];
          const double cluster =
              spectrum.name == "clustered_top" ? truth[0] - truth[std::min<std::size_t>(truth.size(), 8) - 1] : 0;
          for (std::int64_t i = 0; i < k; ++i) {
            const double sigma = truth[static_cast<std::size_t>(i)];
            const double squared = form == Form::gram && truth[0] > 0
                                       ? tolerance::of_gram_root(shape.rows, shape.columns, truth[0], sigma,
                                                                 4 * tolerance::coarseness<T>())
                                       : 0;
            const double found = result.sigma[static_cast<std::size_t>(i)];
            EXPECT_NEAR(found, sigma, rounding + squared + cluster + tolerance::of_estimate(this->kTolerance) * sigma)
                << what << ", value " << i;
            const checks::Residuals r = residuals(values, result, i);
            EXPECT_LE(r.forward, rounding) << what << ", value " << i;
            // The reported residual may include the rounding of A^T A v, of the order of sigma_1^2, divided by sigma_i.
            const double reported = result.residual[static_cast<std::size_t>(i)] * result.sigma[0];
            const double amplified = found > rounding ? rounding * truth[0] / found : 0;
            EXPECT_LE(r.backward, reported + rounding) << what << ", value " << i;
            EXPECT_LE(reported, r.backward + rounding + amplified) << what << ", value " << i;
          }
          EXPECT_LE(checks::orthonormality_error(result.u), this->rounding(shape, 1)) << what;
          EXPECT_LE(checks::orthonormality_error(result.v), this->rounding(shape, 1)) << what;
          EXPECT_GE(result.statistics.products, 1) << what;
          EXPECT_GT(result.statistics.reads, 0) << what;
          EXPECT_NE(std::get<Lanczos>(result.statistics.method).form, Form::automatic) << what;
          EXPECT_EQ(result.state.subspace.rows(), shape.columns) << what;
        }
      }
    }
  }
}

TYPED_TEST(LanczosSvdTest, SeesValuesThatTheirSquaresLose) {
  using T = TypeParam;
  const Shape shape{60, 40};
  const double small = std::same_as<T, float> ? 1e-4 : 1e-10;
  std::vector<double> truth(40, 0.0);
  truth[0] = 1;
  for (int i = 1; i < 4; ++i) truth[static_cast<std::size_t>(i)] = small / i;
  for (std::size_t i = 4; i < 40; ++i) truth[i] = small / 100;
  const std::vector<double> values = gallery::with_singular_values(shape.rows, shape.columns, truth);
  const Operator<T> a = stored<T>(values, shape.rows, shape.columns);
  for (const Form form : {Form::automatic, Form::bidiagonal}) {
    SvdOptions<T> options = this->options(4);
    options.accuracy = Accuracy::vectors;
    options.tolerance = std::same_as<T, float> ? 1e-6 : 1e-14;
    const SvdResult<T> result = this->run(a, options, {.form = form});
    EXPECT_EQ(std::get<Lanczos>(result.statistics.method).form, Form::bidiagonal);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(result.sigma[i], truth[i], this->rounding(shape, 1));
  }
}

TYPED_TEST(LanczosSvdTest, RestartsInBothForms) {
  using T = TypeParam;
  for (const Shape shape : {Shape{150, 120}, {120, 150}}) {
    std::vector<double> truth;
    for (int i = 0; i < 120; ++i) truth.push_back(1 / (1 + 0.01 * i));
    const std::vector<double> values = gallery::with_singular_values(shape.rows, shape.columns, truth);
    const Operator<T> a = stored<T>(values, shape.rows, shape.columns);
    for (const Form form : {Form::gram, Form::bidiagonal}) {
      for (const std::int64_t k : {1, 4}) {
        const SvdResult<T> result = this->run(a, this->options(k), {.form = form, .basis = 3 * k + 6});
        EXPECT_EQ(result.outcome, SvdOutcome::converged);
        EXPECT_GT(result.statistics.products, 2 * (3 * k + 6));
        EXPECT_EQ(std::get<Lanczos>(result.statistics.method).basis, 3 * k + 6);
        for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
          EXPECT_NEAR(result.sigma[i], truth[i], this->rounding(shape, 1) + tolerance::of_estimate(this->kTolerance));
        }
      }
    }
  }
}

TYPED_TEST(LanczosSvdTest, SavesProductsFromAWarmStart) {
  using T = TypeParam;
  for (const Shape shape : {Shape{130, 90}, {90, 130}}) {
    std::vector<double> values = gallery::normal(shape.rows * shape.columns, 4);
    SvdOptions<T> options = this->options(3);
    options.tolerance = 1e-5;
    for (const Form form : {Form::gram, Form::bidiagonal}) {
      const SvdResult<T> cold = this->run(stored<T>(values, shape.rows, shape.columns), options, {.form = form});
      std::vector<double> drifted = gallery::normal(shape.rows * shape.columns, 5);
      for (std::size_t i = 0; i < values.size(); ++i) drifted[i] = values[i] + 1e-4 * drifted[i];
      const Operator<T> a = stored<T>(drifted, shape.rows, shape.columns);
      const SvdResult<T> again = this->run(a, options, {.form = form});
      options.start = cold.state.subspace;
      const SvdResult<T> warm = this->run(a, options, {.form = form});
      options.start = {};
      EXPECT_EQ(warm.outcome, SvdOutcome::converged);
      EXPECT_LT(2 * warm.statistics.products, again.statistics.products);
      EXPECT_TRUE(warm.certificate.empty());
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(warm.sigma[i], again.sigma[i], tolerance::of_estimate(options.tolerance) * again.sigma[0]);
      }
    }
  }
}

TYPED_TEST(LanczosSvdTest, StopsAtTheResidualWhereVectorsAreWanted) {
  using T = TypeParam;
  const Operator<T> a = stored<T>(gallery::normal(80 * 60, 2), 80, 60);
  for (const Form form : {Form::gram, Form::bidiagonal}) {
    SvdOptions<T> options = this->options(4);
    options.tolerance = 1e-4;
    const SvdResult<T> values = this->run(a, options, {.form = form});
    options.accuracy = Accuracy::vectors;
    const SvdResult<T> vectors = this->run(a, options, {.form = form});
    EXPECT_LE(*std::max_element(vectors.residual.begin(), vectors.residual.end()), options.tolerance);
    EXPECT_LE(values.statistics.products, vectors.statistics.products);
  }
}

TYPED_TEST(LanczosSvdTest, FeedsTheProbabilisticBound) {
  using T = TypeParam;
  for (const Shape shape : {Shape{90, 70}, {70, 90}}) {
    const Operator<T> a = stored<T>(gallery::normal(shape.rows * shape.columns, 3), shape.rows, shape.columns);
    const double sigma = this->run(a, this->options(1), {.form = Form::bidiagonal}).sigma[0];
    for (const Form form : {Form::gram, Form::bidiagonal}) {
      for (const std::int64_t k : {1, 3}) {
        const SvdResult<T> result = this->run(a, this->options(k), {.form = form});
        ASSERT_FALSE(result.certificate.empty());
        const CertificateContents& certificate = contents(result.certificate);
        const double upper = std::sqrt(christoffel_upper_bound(certificate.recurrences, 1e-8, 160)) / certificate.scale;
        EXPECT_GE(upper, sigma - this->rounding(shape, sigma));
        EXPECT_LE(upper, 1.2 * sigma);
      }
    }
  }
}

TYPED_TEST(LanczosSvdTest, HasTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  for (const Shape shape : {Shape{1200, 300}, {300, 1200}}) {
    const Operator<T> a = stored<T>(gallery::normal(shape.rows * shape.columns, 6), shape.rows, shape.columns);
    for (const Form form : {Form::gram, Form::bidiagonal}) {
      SvdOptions<T> options = this->options(2);
      options.tolerance = 1e-3;
      options.random = random_state(11);
      const SvdResult<T> one = this->run(a, options, {.form = form, .basis = 12}, 1);
      for (const int threads : {2, 3}) {
        const SvdResult<T> many = this->run(a, options, {.form = form, .basis = 12}, threads);
        EXPECT_EQ(one.sigma, many.sigma);
        EXPECT_EQ(one.u, many.u);
        EXPECT_EQ(one.v, many.v);
        EXPECT_EQ(one.state.random, many.state.random);
      }
      EXPECT_NE(one.state.random, options.random);
    }
  }
}

TYPED_TEST(LanczosSvdTest, SaysWhenItRanOutOfProducts) {
  using T = TypeParam;
  const Operator<T> a = stored<T>(gallery::normal(90 * 80, 7), 90, 80);
  for (const Form form : {Form::automatic, Form::gram, Form::bidiagonal}) {
    for (const std::int64_t k : {1, 9}) {
      SvdOptions<T> options = this->options(k);
      options.max_products = 6;
      const SvdResult<T> result = this->run(a, options, {.form = form});
      EXPECT_EQ(result.outcome, SvdOutcome::out_of_products);
      EXPECT_EQ(result.statistics.products, 6);
      EXPECT_EQ(result.sigma.size(), static_cast<std::size_t>(k));
      EXPECT_LE(checks::orthonormality_error(result.v), this->rounding({90, 80}, 1));
    }
  }
}

// Asks to stop in its third product.
template <Real T>
class Canceling final : public LinearOperator<T> {
 public:
  Shape shape() const override { return {50, 40}; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      std::ranges::fill(y.column(j), T{0});
      for (std::size_t i = 0; i < 40; ++i) y.column(j)[i] = x.column(j)[i] / static_cast<T>(i + 1);
    }
    if (++products_ == 3) context.request_cancel();
  }
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context&) const override {
    for (std::int64_t j = 0; j < x.columns; ++j) {
      for (std::size_t i = 0; i < 40; ++i) x.column(j)[i] = y.column(j)[i] / static_cast<T>(i + 1);
    }
  }
  mutable int products_ = 0;
};

TYPED_TEST(LanczosSvdTest, StopsWhenAskedTo) {
  using T = TypeParam;
  for (const Form form : {Form::gram, Form::bidiagonal}) {
    EXPECT_THROW(this->run(std::make_shared<Canceling<T>>(), this->options(3), {.form = form}), Canceled);
  }
}

}  // namespace
}  // namespace sigmax
