// Derivatives of triplets in a direction: the adjoint of svd_vjp, and finite differences.
#include "sigmax/grad/svd_jvp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "grad/exact.hpp"
#include "grad/problems.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::by;
using problems::Known;

Operator<double> direction_like(const LinearOperator<double>& a, std::vector<double>& entries, std::uint64_t seed) {
  const auto [rows, columns] = a.shape();
  entries = gallery::normal(rows * columns, seed);
  return dense<double>(Tensor::copy_of(entries, {rows, columns}));
}

// The relative error of a derivative: rounding over the gap, and the tolerance of an iterative solver.
double allowed(const Known& known, std::int64_t k) {
  return tolerance::relative(known.rows, known.columns, 1 / known.least_gap(k)) + tolerance::of_estimate(1e-12);
}

// <(xi, phi, psi), JVP>
double pairing(const SvdCotangent<double>& w, const SvdJvp<double>& d, double& size) {
  double sum = 0;
  const auto add = [&](double term) {
    sum += term;
    size += std::fabs(term);
  };
  for (std::size_t i = 0; i < d.sigma.size(); ++i) add(w.sigma[i] * d.sigma[i]);
  for (std::size_t i = 0; i < d.u.values().size(); ++i) add(w.u.values()[i] * d.u.values()[i]);
  for (std::size_t i = 0; i < d.v.values().size(); ++i) add(w.v.values()[i] * d.v.values()[i]);
  return sum;
}

TEST(SvdJvp, IsTheAdjointOfTheVjpForEverySpectrumShapeAndSolver) {
  Context context(2);
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : {std::pair{14, 9}, std::pair{9, 14}}) {
      for (const std::int64_t k : {1, 3, 9}) {
        const Known known{rows, columns, spectrum.values(9)};
        const double gap = known.least_gap(k);
        if (gap < 1e-10) continue;
        const Operator<double> a = known.a();
        const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
        const SvdCotangent<double> w = problems::random_cotangent(a->shape(), k);
        std::vector<double> entries;
        const Operator<double> direction = direction_like(*a, entries, 9);
        for (const GradientSolver& solver : problems::every_solver()) {
          SCOPED_TRACE(spectrum.name + ", k = " + std::to_string(k) + ", " + std::string(name(solver)));
          const SvdJvp<double> forward = svd_jvp(*a, triplets, *direction, by(solver), context);
          const SvdVjp<double> backward = svd_vjp(*a, triplets, w, by(solver), context);
          double size = 0;
          const double left = pairing(w, forward, size);
          const double right = problems::pairing(backward.cotangent, entries);
          const double error = std::fabs(left - right) / size;
          EXPECT_LE(error, allowed(known, k));
          if (gap >= tolerance::kOrdinaryGap) {
            EXPECT_LE(error, tolerance::kSumOverTriplets);
          }
        }
      }
    }
  }
}

// sigma, u and v of the first k triplets, with the signs of `like`.
std::vector<long double> stacked(const problems::AllTriplets& all, const SvdResult<double>& like) {
  std::vector<long double> values;
  for (std::size_t i = 0; i < like.sigma.size(); ++i) {
    const long double sign = problems::inner(all.x[i], like.u.column(static_cast<std::int64_t>(i))) < 0 ? -1 : 1;
    values.push_back(all.s[i]);
    for (const long double x : all.x[i]) values.push_back(sign * x);
    for (const long double y : all.y[i]) values.push_back(sign * y);
  }
  return values;
}

TEST(SvdJvp, IsTheDerivativeOfExactTripletsForEverySpectrumShapeAndSolver) {
  Context context(2);
  int ordinary = 0;
  for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
    for (const auto& [rows, columns] : {std::pair{14, 9}, std::pair{9, 14}, std::pair{10, 10}}) {
      for (const std::int64_t k : {1, 3}) {
        const Known known{rows, columns, spectrum.values(std::min(rows, columns))};
        if (known.least_gap(k) < 1e-10) continue;
        const Operator<double> a = known.a();
        const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
        const std::vector<double> h = problems::direction_like(known, 9);
        const std::vector<long double> wanted = problems::ExactPath(known, h).derivative(
            [&](const problems::AllTriplets& all) { return stacked(all, triplets); }, known.least_gap(k));
        const Operator<double> direction = dense<double>(Tensor::copy_of(h, {rows, columns}));
        for (const GradientSolver& solver : problems::every_solver()) {
          SCOPED_TRACE(spectrum.name + ", k = " + std::to_string(k) + ", " + std::string(name(solver)));
          const SvdJvp<double> found = svd_jvp(*a, triplets, *direction, by(solver), context);
          long double of_values = 0, of_vectors = 0, size = 0;
          auto next = wanted.begin();
          for (std::int64_t i = 0; i < k; ++i) {
            of_values = std::hypot(of_values, *next++ - found.sigma[static_cast<std::size_t>(i)]);
            for (const std::span<const double> x : {found.u.column(i), found.v.column(i)}) {
              for (const double value : x) {
                size = std::hypot(size, *next);
                of_vectors = std::hypot(of_vectors, *next++ - value);
              }
            }
          }
          EXPECT_LE(of_values, tolerance::relative(rows, columns, known.s.front() / known.least_gap(k)));
          EXPECT_LE(of_vectors, allowed(known, k) * size);
          if (known.least_gap(k) < tolerance::kOrdinaryGap) continue;
          EXPECT_LE(of_values, tolerance::kSumOverTriplets * known.s.front());
          EXPECT_LE(of_vectors, tolerance::kSumOverTriplets * size);
          ++ordinary;
        }
      }
    }
  }
  EXPECT_GE(ordinary, 100);
}

TEST(SvdJvp, IsTheDerivative) {
  Context context(1);
  const Known known{10, 7, {3, 2.4, 1.5, 1.5, 0.7, 0.2, 0.1}};
  const Operator<double> a = known.a();
  for (const std::int64_t k : {1, 2}) {
    const SvdResult<double> triplets = svd(*a, problems::to_rounding(k), context);
    std::vector<double> entries;
    const Operator<double> direction = direction_like(*a, entries, 9);
    const SvdJvp<double> found = svd_jvp(*a, triplets, *direction, {}, context);
    const SvdCotangent<double> w = problems::random_cotangent(a->shape(), k);
    double size = 0;
    const double wanted = problems::derivative(
        [&](double t) {
          std::vector<double> moved = known.entries;
          for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += t * entries[i];
          return problems::loss(*dense<double>(Tensor::copy_of(moved, {10, 7})), w, triplets, context);
        },
        2e-4);
    const double sum = pairing(w, found, size);
    EXPECT_NEAR(sum, wanted, tolerance::kFiniteDifference * size);
    for (std::int64_t i = 0; i < k; ++i) {
      double along = 0;
      for (std::int64_t l = 0; l < 10; ++l) along += found.u(l, i) * triplets.u(l, i);
      EXPECT_NEAR(along, 0, tolerance::relative(10, 7, 1 / known.least_gap(k)) * size);
    }
  }
}

TEST(SvdJvp, RefusesADirectionOfAnotherShape) {
  Context context(1);
  const Known known{4, 3, {3, 2, 1}};
  const SvdResult<double> triplets = svd(*known.a(), problems::to_rounding(1), context);
  EXPECT_THROW(svd_jvp(*known.a(), triplets, *Known{3, 4, {3, 2, 1}}.a(), {}, context), Error);
  EXPECT_THROW(
      svd_jvp(*known.a(), triplets, SvdTangent<double>{Matrix<double>(4, 2), Matrix<double>(3, 1)}, {}, context),
      Error);
}

}  // namespace
}  // namespace sigmax
