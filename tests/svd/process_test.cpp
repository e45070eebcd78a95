// The shared parts of the Lanczos processes in the smallest form: a diagonal matrix, one vector at a time.
#include "sigmax/svd/krylov/process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/svd/convergence.hpp"
#include "support/triplets.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

template <Real T>
class Diagonal final : public KrylovProcess<T> {
 public:
  Diagonal(std::vector<double> lambda, std::int64_t capacity, Context& context)
      : KrylovProcess<T>(static_cast<std::int64_t>(lambda.size()), capacity, capacity + 16, capacity + 16,
                         random_state(1), context),
        lambda_(std::move(lambda)) {}

  void multiply() {
    const std::int64_t slot = basis_.count();
    image_of(basis_.at(done_), basis_.next().column(0));
    this->count(1, 1);
    const double left = this->orthogonalize(slot, done_, done_);
    ++done_;
    this->join(left, done_ - 1, negligible<T>(basis_.order()) * lambda_.front());
  }

  SmallEigen ritz(std::int64_t wanted) const {
    Matrix<double> h(done_, done_);
    for (std::int64_t j = 0; j < done_; ++j) {
      for (std::int64_t i = j; i < done_; ++i) h(i, j) = h_(i, j);
    }
    return largest_of_symmetric(std::move(h), wanted);
  }

  void restart(std::int64_t keep) {
    const SmallEigen kept = ritz(keep);
    this->reduce(kept.value, kept.vector.view());
    this->compress(kept.vector.view());
  }

  // max |C v_j - V H_j|
  double misfit() const {
    checks::Largest largest;
    std::vector<T> image(lambda_.size());
    for (std::int64_t j = 0; j < done_; ++j) {
      image_of(basis_.at(j), image);
      double squares = 0;
      for (std::size_t l = 0; l < image.size(); ++l) {
        double rest = static_cast<double>(image[l]);
        // H_ij above the diagonal is known as H_ji once v_j has been multiplied.
        for (std::int64_t i = 0; i < basis_.count(); ++i) {
          rest -= (i < j ? h_(j, i) : h_(i, j)) * static_cast<double>(basis_.at(i)[l]);
        }
        squares += rest * rest;
      }
      largest.add(std::sqrt(squares));
    }
    return largest.value();
  }

  // The distance of the Ritz vectors' residuals from those of residual_of().
  double error_of_residuals(std::int64_t wanted) const {
    const SmallEigen pairs = ritz(wanted);
    Matrix<T> x(basis_.order(), pairs.vector.columns());
    basis_.combine(pairs.vector.view(), x.view());
    checks::Largest largest;
    for (std::int64_t j = 0; j < x.columns(); ++j) {
      double squares = 0;
      for (std::size_t l = 0; l < lambda_.size(); ++l) {
        const double r = (lambda_[l] - pairs.value[static_cast<std::size_t>(j)]) * static_cast<double>(x.column(j)[l]);
        squares += r * r;
      }
      largest.add(std::fabs(std::sqrt(squares) - this->residual_of(pairs.vector.column(j))));
    }
    return largest.value();
  }

 private:
  using KrylovProcess<T>::basis_;
  using KrylovProcess<T>::done_;
  using KrylovProcess<T>::h_;

  void image_of(std::span<const T> x, std::span<T> z) const {
    for (std::size_t l = 0; l < x.size(); ++l) z[l] = static_cast<T>(lambda_[l] * static_cast<double>(x[l]));
  }
  std::vector<LanczosRecurrence> read_recurrences() override {
    return this->start_.recurrences(std::as_const(h_).view(), basis_.count(), done_, this->steps_known());
  }

  std::vector<double> lambda_;
};

template <class T>
class ProcessTest : public testing::Test {
 protected:
  static double rounding(std::int64_t n) { return tolerance::of_matrix_in<T>(n, n, 1); }
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(ProcessTest, Reals);

TYPED_TEST(ProcessTest, CoefficientsExplainEveryProductAcrossRestartsAndInjections) {
  using T = TypeParam;
  Context context(1);
  Diagonal<T> process(gallery::geometric(120, 30), 24, context);
  process.start_random(2);
  int restarts = 0;
  for (int step = 0; step < 90; ++step) {
    if (process.done() == process.capacity()) {
      process.restart(7);
      EXPECT_EQ(process.done(), 7);
      ++restarts;
      EXPECT_LE(process.error_of_residuals(7), this->rounding(120)) << step;
    }
    if (step == 40) process.inject();
    process.multiply();
    ASSERT_GT(process.pending(), 0);
    EXPECT_LE(process.misfit(), this->rounding(120)) << step;
    EXPECT_LE(process.error_of_residuals(3), this->rounding(120)) << step;
  }
  EXPECT_GT(restarts, 3);
  EXPECT_EQ(process.pending(), 3);
  EXPECT_EQ(process.products(), 90);
  EXPECT_EQ(process.reads(), 90);
}

TYPED_TEST(ProcessTest, EndsWhereTheSpaceIsExhausted) {
  using T = TypeParam;
  Context context(1);
  Diagonal<T> process({2, 2, 1, 1, 1}, 5, context);  // two different values
  process.start_random(1);
  while (process.pending() > 0) process.multiply();
  EXPECT_EQ(process.done(), 2);
  EXPECT_FALSE(process.spans_all());
  while (process.done() < 5) {
    process.inject();
    while (process.pending() > 0) process.multiply();
  }
  EXPECT_TRUE(process.spans_all());
  const SmallEigen all = process.ritz(5);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(all.value[i], i < 2 ? 2 : 1, 2 * this->rounding(5)) << i;
}

TYPED_TEST(ProcessTest, TakesTheIndependentColumnsOfAStart) {
  using T = TypeParam;
  Context context(1);
  Matrix<T> start(6, 4);  // e_2, 0, 3 e_2, e_2 + e_5
  start(2, 0) = 1;
  start(2, 2) = 3;
  start(2, 3) = start(5, 3) = 1;
  Diagonal<T> process(gallery::geometric(6, 4), 6, context);
  process.start_from(std::as_const(start).view(), 4);
  EXPECT_EQ(process.pending(), 2);
  Diagonal<T> narrow(gallery::geometric(6, 4), 6, context);
  narrow.start_from(std::as_const(start).view(), 1);
  EXPECT_EQ(narrow.pending(), 1);
}

TYPED_TEST(ProcessTest, RecurrencesEndAtTheFirstInjection) {
  using T = TypeParam;
  Context context(1);
  Diagonal<T> process(gallery::geometric(60, 30), 30, context);
  process.start_random(1);
  for (int step = 0; step < 6; ++step) process.multiply();
  process.inject();
  for (int step = 0; step < 6; ++step) process.multiply();
  const std::vector<LanczosRecurrence> recurrences = process.recurrences();
  ASSERT_EQ(recurrences.size(), 1U);
  EXPECT_EQ(recurrences.front().alpha.size(), 6U);
  EXPECT_EQ(recurrences.front().beta.size(), 6U);
}

}  // namespace
}  // namespace sigmax
