#include "sigmax/grad/batched.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "grad/problems.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

struct Batch {
  std::vector<problems::Known> known;
  Tensor tensor;
  BatchResult triplets;
  BatchCotangent cotangent;
};

Batch make_batch(std::int64_t count, std::int64_t k, Context& context) {
  Batch batch;
  std::vector<double> all;
  for (std::int64_t i = 0; i < count; ++i) {
    batch.known.push_back({12, 8, gallery::geometric(8, 30), static_cast<std::uint64_t>(i + 1)});
    all.insert(all.end(), batch.known.back().entries.begin(), batch.known.back().entries.end());
  }
  batch.tensor = Tensor::copy_of(all, {count, 12, 8});
  auto options = repeatable<BatchOptions>();
  options.k = k;
  options.accuracy = Accuracy::vectors;
  options.tolerance = 1e-14;
  options.vectors = true;
  batch.triplets = batched_svd(batch.tensor, options, context);
  batch.cotangent.sigma = gallery::normal(count * k, 7);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    batch.cotangent.u.push_back(problems::random_block(12, k, 100 + seed));
    batch.cotangent.v.push_back(problems::random_block(8, k, 200 + seed));
  }
  return batch;
}

TEST(BatchedSvdVjp, IsTheGradientOfEachMatrix) {
  Context context(2);
  for (const std::int64_t k : {1, 3}) {
    const Batch batch = make_batch(5, k, context);
    std::vector<double> grad(static_cast<std::size_t>(batch.tensor.size()), 1.0);
    GradientOptions options;
    options.tolerance = 1e-12;
    const auto reports = batched_svd_vjp<double>(batch.tensor, batch.triplets, batch.cotangent, options, grad, context);
    ASSERT_EQ(reports.size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(reports[i].outcome, GradientOutcome::converged);
      SvdResult<double> triplets;
      const auto sigma = batch.triplets.values(static_cast<std::int64_t>(i));
      triplets.sigma.assign(sigma.begin(), sigma.end());
      triplets.u = batch.triplets.u[i];
      triplets.v = batch.triplets.v[i];
      const auto first = batch.cotangent.sigma.begin() + static_cast<std::ptrdiff_t>(i) * k;
      const problems::Dense wanted = problems::gradient_by_all_triplets(
          batch.known[i].triplets(), triplets, {{first, first + k}, batch.cotangent.u[i], batch.cotangent.v[i]});
      problems::Dense found{12, 8};
      for (std::size_t e = 0; e < 96; ++e) found.entries[e] = grad[i * 96 + e] - 1.0L;
      const double gap = batch.known[i].least_gap(k);
      EXPECT_LE(found.distance(wanted),
                (tolerance::relative(12, 8, 1 / gap) + tolerance::of_estimate(1e-12)) * wanted.norm());
    }
  }
}

TEST(BatchedSvdVjp, GivesTheSameBitsForAnyNumberOfThreadsInFloatToo) {
  Context one(1);
  const Batch batch = make_batch(9, 2, one);
  std::vector<float> first;
  for (const int threads : {1, 3}) {
    Context context(threads);
    std::vector<float> grad(static_cast<std::size_t>(batch.tensor.size()));
    batched_svd_vjp<float>(batch.tensor, batch.triplets, batch.cotangent, {}, grad, context);
    if (threads == 1) first = grad;
    EXPECT_EQ(grad, first);
  }
}

// A gap, a double largest value, zero and repeated lower values, wide and tall and of every storage type: the results
// are those of svd_vjp for each matrix alone.
TEST(BatchedSvdVjp, SaysOfEachMatrixWhatSvdVjpSaysOfItAlone) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& [rows, columns] : {std::pair{7, 4}, std::pair{4, 7}, std::pair{4, 4}}) {
      std::vector<double> all;
      for (const std::vector<double>& diagonal :
           {std::vector<double>{4, 2, 1, 0.5}, {2, 2, 1, 0.5}, {0, 0, 0, 0}, {3, 1, 1, 1}, {3, 0, 0, 0}}) {
        std::vector<double> entries(static_cast<std::size_t>(rows * columns));
        for (std::size_t i = 0; i < 4; ++i) entries[i * static_cast<std::size_t>(columns) + i] = diagonal[i];
        all.insert(all.end(), entries.begin(), entries.end());
      }
      const Tensor tensor = Tensor::rounded(all, {5, rows, columns}, dtype);
      auto options = repeatable<BatchOptions>();
      options.k = 2;
      options.accuracy = Accuracy::vectors;
      options.vectors = true;
      const BatchResult triplets = batched_svd(tensor, options, context);
      BatchCotangent cotangent{gallery::normal(10, 7), {}, {}};
      for (std::int64_t i = 0; i < 5; ++i) {
        const SvdCotangent<double> own = problems::random_cotangent({rows, columns}, 2);
        cotangent.u.push_back(own.u);
        cotangent.v.push_back(own.v);
      }
      std::vector<double> grad(all.size());
      const auto reports = batched_svd_vjp<double>(tensor, triplets, cotangent, {}, grad, context);
      EXPECT_EQ(reports[0].outcome, GradientOutcome::converged);
      for (const std::size_t i : {1, 2, 3, 4}) EXPECT_EQ(reports[i].outcome, GradientOutcome::no_gap) << i;
      for (std::size_t i = 0; i < 5; ++i) {
        SvdResult<double> one;
        const auto sigma = triplets.values(static_cast<std::int64_t>(i));
        one.sigma.assign(sigma.begin(), sigma.end());
        one.residual.assign(2, triplets.residual[i]);
        one.u = triplets.u[i];
        one.v = triplets.v[i];
        std::vector<double> wanted(static_cast<std::size_t>(rows * columns));
        svd_vjp_into<double>(*dense<double>(tensor.slice(static_cast<std::int64_t>(i))), one,
                             {{cotangent.sigma[2 * i], cotangent.sigma[2 * i + 1]}, cotangent.u[i], cotangent.v[i]}, {},
                             wanted, context);
        const auto first = grad.begin() + static_cast<std::ptrdiff_t>(i * wanted.size());
        EXPECT_EQ(std::vector<double>(first, first + rows * columns), wanted) << name(dtype) << " " << i;
        for (const double value : wanted) EXPECT_TRUE(std::isfinite(value)) << i;
      }
    }
  }
}

TEST(BatchedSvdVjp, PassesOverMatricesThatAreNotFiniteAndRefusesWhatDoesNotFit) {
  Context context(1);
  Batch batch = make_batch(2, 1, context);
  batch.triplets.outcome[1] = BatchOutcome::not_finite;
  batch.triplets.sigma[1] = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> grad(static_cast<std::size_t>(batch.tensor.size()));
  const auto run = [&](const BatchCotangent& cotangent) {
    return batched_svd_vjp<double>(batch.tensor, batch.triplets, cotangent, {}, grad, context);
  };
  const auto reports = run(batch.cotangent);
  EXPECT_EQ(reports[0].outcome, GradientOutcome::converged);
  EXPECT_EQ(reports[1].outcome, GradientOutcome::no_gap);
  for (std::size_t e = 96; e < 192; ++e) ASSERT_EQ(grad[e], 0);
  BatchCotangent wrong = batch.cotangent;
  wrong.u.pop_back();
  EXPECT_THROW(run(wrong), Error);
  grad.pop_back();
  EXPECT_THROW(run(batch.cotangent), Error);
  batch.triplets.u.clear();
  grad.push_back(0);
  EXPECT_THROW(run(batch.cotangent), Error);
}

}  // namespace
}  // namespace sigmax
