// Derivatives in float on narrow storage, compared with those in double of the same entries.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "grad/problems.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/grad/svd_vjp_vjp.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using problems::by;

// The double version of an f32 triplet and cotangent, and the float version.
struct InBoth {
  SvdResult<float> triplets;
  SvdCotangent<float> cotangent;
  SvdCotangent<double> same;
};

Matrix<float> rounded(const Matrix<double>& x) {
  Matrix<float> result(x.rows(), x.columns());
  std::ranges::transform(x.values(), result.values().begin(), [](double value) { return static_cast<float>(value); });
  return result;
}

Matrix<double> widened(const Matrix<float>& x) {
  Matrix<double> result(x.rows(), x.columns());
  std::ranges::copy(x.values(), result.values().begin());
  return result;
}

InBoth in_both(const SvdResult<double>& triplets, const Shape& shape) {
  InBoth both;
  both.triplets.sigma = triplets.sigma;
  both.triplets.next = triplets.next;
  both.triplets.u = rounded(triplets.u);
  both.triplets.v = rounded(triplets.v);
  both.cotangent = problems::random_cotangent<float>(shape, static_cast<std::int64_t>(triplets.sigma.size()));
  both.same = {both.cotangent.sigma, widened(both.cotangent.u), widened(both.cotangent.v)};
  return both;
}

// The same matrix stored narrowly and in double.
struct Narrow {
  Tensor stored;
  Operator<double> exact;
};

Narrow narrow(DType dtype, std::int64_t rows, std::int64_t columns, const std::vector<double>& values) {
  const Tensor stored = Tensor::rounded(values, {rows, columns}, dtype);
  std::vector<double> entries(values.size());
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = gallery::fetch(dtype, stored.data(), i);
  return {stored, dense<double>(Tensor::copy_of(entries, {rows, columns}))};
}

TEST(NarrowStorage, ComputesInFloatOnNarrowStorage) {
  Context context(2);
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const auto& [rows, columns] :
         {std::pair{40, 40}, std::pair{150, 150}, std::pair{300, 20}, std::pair{20, 300}, std::pair{160, 900}}) {
      SCOPED_TRACE(std::string(name(dtype)) + " " + std::to_string(rows) + "x" + std::to_string(columns));
      const std::int64_t n = std::min(rows, columns);
      const Narrow a =
          narrow(dtype, rows, columns, gallery::with_singular_values(rows, columns, gallery::geometric(n, 1e3), 3));
      const SvdResult<double> triplets = svd(*a.exact, problems::to_rounding(2), context);
      const InBoth both = in_both(triplets, a.exact->shape());
      const problems::Dense wanted =
          problems::as_matrix(svd_vjp(*a.exact, triplets, both.same, by(FullSvd{}), context).cotangent);
      const SvdVjp<float> found = svd_vjp(*dense<float>(a.stored), both.triplets, both.cotangent, {}, context);
      EXPECT_EQ(found.report.outcome, GradientOutcome::converged);
      const double gap = *std::min_element(found.report.gap.begin(), found.report.gap.end());
      EXPECT_LE(problems::as_matrix(found.cotangent).distance(wanted),
                (tolerance::relative_in<float>(1, 1, 4) / gap + tolerance::of_estimate(1e-5)) * wanted.norm());
    }
  }
}

TEST(NarrowStorage, ForwardAndSecondDerivativesInFloatAreThoseInDouble) {
  Context context(2);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const auto& [rows, columns] : {std::pair{12, 9}, std::pair{9, 12}, std::pair{200, 160}}) {
      SCOPED_TRACE(std::string(name(dtype)) + " " + std::to_string(rows) + "x" + std::to_string(columns));
      std::vector<double> sigma = gallery::spectrum("power_law").values(std::min(rows, columns));
      const Narrow a = narrow(dtype, rows, columns, gallery::with_singular_values(rows, columns, sigma, 3));
      const Narrow towards = narrow(dtype, rows, columns, gallery::normal(rows * columns, 4));
      const SvdResult<double> triplets = svd(*a.exact, problems::to_rounding(2), context);
      const InBoth both = in_both(triplets, a.exact->shape());
      const Operator<float> single = dense<float>(a.stored), direction = dense<float>(towards.stored);
      const SvdVjpVjp<double> wanted =
          svd_vjp_vjp(*a.exact, triplets, both.same, *towards.exact, by(FullSvd{}), context);
      const SvdVjpVjp<float> found = svd_vjp_vjp(*single, both.triplets, both.cotangent, *direction, {}, context);
      const SvdJvp<float> forward = svd_jvp(*single, both.triplets, *direction, {}, context);
      const double gap = *std::min_element(wanted.report.gap.begin(), wanted.report.gap.end());
      const double allowed = tolerance::relative_in<float>(1, 1, 4) / gap + tolerance::of_estimate(1e-5);
      const problems::Dense second = problems::as_matrix(wanted.cotangent);
      EXPECT_LE(problems::as_matrix(found.cotangent).distance(second), 2 * allowed * second.norm());
      double wrong = 0, size = 0;
      for (const auto& [x, y] : {std::pair{widened(forward.u), wanted.u}, std::pair{widened(forward.v), wanted.v}}) {
        for (std::size_t i = 0; i < x.values().size(); ++i) {
          wrong = std::hypot(wrong, x.values()[i] - y.values()[i]);
          size = std::hypot(size, y.values()[i]);
        }
      }
      EXPECT_LE(wrong, allowed * size);
    }
  }
}

}  // namespace
}  // namespace sigmax
