// Penalties: values by definition, gradients against differences and against known singular vectors.
#include "sigmax/nn/regularize.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "nn/penalties.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/check.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {
namespace {

using grad::GradientKind;
const std::vector<Line<Penalty>>& lines() {
  static const auto all = lines_and<Penalty>({{"kyfan 3", penalty::KyFan{3}},
                                              {"schatten 3", norms::Schatten{3}},
                                              {"entrywise 3", norms::Entrywise{3}},
                                              {"orthogonality", penalty::Orthogonality{}},
                                              {"spectral orthogonality", penalty::SpectralOrthogonality{}}});
  return all;
}

struct Found {
  grad::NormGradient norm;
  std::vector<double> gradient;
};

Found regularized(const Tensor& w, const Penalty& penalty, Context& context, double scale = 1) {
  Found found;
  found.gradient.assign(static_cast<std::size_t>(w.size()), 0.0);
  auto options = repeatable<grad::NormVjpOptions>();
  options.scale = scale;
  found.norm = regularize<double>(w, penalty, options, found.gradient, context);
  return found;
}

// By plain sums over the entries, in long double.
double orthogonality(std::span<const double> w, std::size_t rows, std::size_t columns) {
  const bool of_rows = rows <= columns;
  const std::size_t order = std::min(rows, columns);
  long double total = 0;
  for (std::size_t i = 0; i < order; ++i) {
    for (std::size_t j = 0; j < order; ++j) {
      long double sum = i == j ? -1 : 0;
      for (std::size_t k = 0; k < std::max(rows, columns); ++k) {
        sum += static_cast<long double>(of_rows ? w[i * columns + k] : w[k * columns + i]) *
               (of_rows ? w[j * columns + k] : w[k * columns + j]);
      }
      total += sum * sum;
    }
  }
  return static_cast<double>(total);
}

TEST(Regularize, GradientsAgreeWithDifferencesOverTheGallery) {
  Context context(1);
  for (const auto& shape : {std::pair<std::int64_t, std::int64_t>{6, 4}, {4, 6}, {5, 5}}) {
    const std::int64_t rows = shape.first, columns = shape.second;
    for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
      std::vector<double> sigma = spectrum.values(std::min(rows, columns));
      if (sigma[0] > 1e100 || (sigma[0] < 1e-100 && sigma[0] > 0)) continue;  // (1e150)^4 is out of range
      // Gaps of 1e-9 and 1e-6 are below, and at the limit of, what differences can see.
      const bool decidable = spectrum.name != "clustered_top" && spectrum.name != "tiny_gap";
      const std::vector<double> w = gallery::with_singular_values(rows, columns, sigma, 2);
      for (const Line<Penalty>& line : lines()) {
        const Found found = regularized(Tensor::copy_of(w, {rows, columns}), line.penalty, context);
        const auto value = [&](std::span<const double> x) {
          return regularize<double>(Tensor::copy_of(x, {rows, columns}), line.penalty, {}, {}, context).value;
        };
        const grad::CheckResult check = grad::check_gradient(value, w, found.gradient, {.directions = 2});
        const std::string what = line.name + " of " + spectrum.name + " " + std::to_string(rows) + "x" +
                                 std::to_string(columns) + ": " + check.message + "; " + found.norm.note;
        if (found.norm.kind == GradientKind::unique && decidable) {
          EXPECT_EQ(check.verdict, grad::Verdict::agree) << what;
        }
        EXPECT_NE(check.verdict, grad::Verdict::disagree) << what;
      }
    }
  }
}

TEST(Regularize, OrthogonalityIsItsDefinition) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& shape : {std::pair<std::int64_t, std::int64_t>{9, 4}, {4, 9}, {6, 6}, {1, 5}, {5, 1}}) {
      const std::int64_t rows = shape.first, columns = shape.second;
      const std::vector<double> values = gallery::normal(rows * columns, 12);
      const Tensor plain = Tensor::rounded(values, {rows, columns}, dtype);
      std::vector<double> stored;
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) stored.push_back(plain.at(std::vector{i, j}));
      }
      const double wanted = orthogonality(stored, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
      const Found reference = regularized(plain, penalty::Orthogonality{}, context);
      // 4 W (W^T W - I), column by column of the definition: by differences of the plain sums.
      const auto value = [&](std::span<const double> x) {
        return orthogonality(x, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
      };
      const grad::CheckResult check = grad::check_gradient(value, stored, reference.gradient);
      EXPECT_TRUE(check.agrees()) << check.message;
      std::vector<Tensor> layouts = other_layouts(dtype, rows, columns, values);
      layouts.push_back(plain);
      for (const Tensor& w : layouts) {
        const Found found = regularized(w, penalty::Orthogonality{}, context);
        EXPECT_NEAR(found.norm.value, wanted, tolerance::of_matrix(rows, columns, wanted + 1, 16)) << name(dtype);
        EXPECT_LE(distance(found.gradient, reference.gradient),
                  tolerance::relative(rows, columns, norm2(reference.gradient), 16));
      }
    }
  }
}

TEST(Regularize, PenaltiesOfTheGramMatrixByKnownSingularVectors) {
  Context context(2);
  const std::vector<std::vector<double>> spectra = {
      {1.5, 1.1, 0.9, 0.2}, {1.05, 1, 0.9, 0.8}, {3, 1, 1, 1}, {0.9, 0.5, 0.3, 0}, {1.2, 0.5, 0, 0}};
  for (const auto& shape : {std::pair<std::int64_t, std::int64_t>{9, 4}, {4, 9}, {4, 4}}) {
    const std::int64_t rows = shape.first, columns = shape.second;
    for (const std::vector<double>& sigma : spectra) {
      const Known known(rows, columns, sigma);
      const Tensor w = Tensor::copy_of(known.entries, {rows, columns});
      std::vector<long double> all;
      double value = 0;
      for (const double s : sigma) {
        all.push_back(4 * static_cast<long double>(s) * (static_cast<long double>(s) * s - 1));
        value += std::pow(s * s - 1, 2);
      }
      const Found frobenius = regularized(w, penalty::Orthogonality{}, context);
      EXPECT_NEAR(frobenius.norm.value, value, tolerance::relative(rows, columns, 100));
      EXPECT_LE(distance(frobenius.gradient, known.combined(all)), tolerance::relative(rows, columns, 1000));
      const double top = sigma.front() * sigma.front() - 1;
      const double bottom = 1 - sigma.back() * sigma.back();
      std::vector<long double> one(4, 0.0L);
      if (top >= bottom) one.front() = 2 * sigma.front();
      if (top < bottom) one.back() = -2 * sigma.back();
      const Found spectral = regularized(w, penalty::SpectralOrthogonality{}, context);
      EXPECT_NEAR(spectral.norm.value, std::max(top, bottom), tolerance::relative(rows, columns, 10));
      EXPECT_LE(distance(spectral.gradient, known.combined(one)), tolerance::relative(rows, columns, 1000));
      EXPECT_EQ(spectral.norm.kind, GradientKind::unique) << spectral.norm.note;
    }
  }
  // An orthogonal matrix: a minimum of both, where the spectral one has a kink.
  const Known orthogonal(6, 4, {1, 1, 1, 1});
  const Tensor w = Tensor::copy_of(orthogonal.entries, {6, 4});
  EXPECT_LE(norm2(regularized(w, penalty::Orthogonality{}, context).gradient), tolerance::relative(6, 4, 16));
  EXPECT_EQ(regularized(w, penalty::SpectralOrthogonality{}, context).norm.kind, GradientKind::generalized);
}

TEST(Regularize, FloatIsTheRoundedDouble) {
  Context context(1);
  const Tensor w = Tensor::rounded(gallery::normal(40, 6), {8, 5}, DType::f32);
  for (const Line<Penalty>& line : lines()) {
    const Found found = regularized(w, line.penalty, context, 0.01);
    std::vector<float> single(40, 0.5F);
    auto options = repeatable<grad::NormVjpOptions>();
    options.scale = 0.01;
    const grad::NormGradient norm = regularize<float>(w, line.penalty, options, single, context);
    EXPECT_EQ(norm.value, found.norm.value) << line.name;
    expect_rounded(single, found.gradient, 0.5, line.name);
    EXPECT_NEAR(regularize<float>(w, line.penalty, options, {}, context).value, norm.value,
                tolerance::of_matrix(8, 5, norm.value, 16))
        << line.name;
  }
}

TEST(Regularize, TheSameBitsForAnyNumberOfThreads) {
  const Tensor w = Tensor::rounded(gallery::normal(200 * 300, 6), {200, 300}, DType::f16);
  Context one(1);
  Context four(4);
  for (const Line<Penalty>& line : lines()) {
    EXPECT_EQ(regularized(w, line.penalty, one).gradient, regularized(w, line.penalty, four).gradient) << line.name;
  }
}

// The purpose of a regularizer: steps against the gradient lower it.
TEST(Regularize, StepsAgainstTheGradientLowerThePenalty) {
  Context context(1);
  for (const Line<Penalty>& line : lines()) {
    std::vector<double> w = gallery::normal(24, 8);
    double before = regularized(Tensor::copy_of(w, {6, 4}), line.penalty, context).norm.value;
    const double first = before;
    for (int step = 0; step < 20; ++step) {
      const Found found = regularized(Tensor::copy_of(w, {6, 4}), line.penalty, context);
      for (std::size_t i = 0; i < w.size(); ++i) w[i] -= 0.01 * found.gradient[i];
      before = regularized(Tensor::copy_of(w, {6, 4}), line.penalty, context).norm.value;
    }
    EXPECT_LT(before, first) << line.name;
  }
}

TEST(Regularize, RefusesWhatIsNoWeight) {
  Context context(1);
  std::vector<double> out(4);
  const Tensor w = Tensor::copy_of(std::vector<double>{1, 2, 3, 4}, {2, 2});
  for (const Line<Penalty>& line : lines()) {
    for (const Tensor& none : no_weights()) {
      const auto size = static_cast<std::size_t>(none.size());
      EXPECT_THROW(regularize<double>(none, line.penalty, {}, std::span(out).first(size), context), Error) << line.name;
    }
    EXPECT_THROW(regularize<double>(w, line.penalty, {}, std::span(out).first(3), context), Error) << line.name;
    EXPECT_THROW(regularize<double>(w, line.penalty, {.scale = INFINITY}, out, context), Error) << line.name;
  }
}

}  // namespace
}  // namespace sigmax::nn
