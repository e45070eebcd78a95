// Gradients of every norm against the formula with known singular vectors and against differences.
#include "sigmax/grad/norm_vjp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "grad/norm_cases.hpp"
#include "grad/norm_gradients.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/grad/check_norm.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/low_rank.hpp"
#include "tolerance.hpp"

namespace sigmax::grad {
namespace {

using gradient_cases::allowed;
using gradient_cases::Found;
using gradient_cases::gradient_of;
using gradient_cases::Known;
using gradient_cases::NamedNorm;

bool equal_where_it_matters(const Known& known, const std::vector<long double>& weights) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (known.sigma[i] == 0 && std::fabs(weights[i]) > 0) return true;  // the vectors of 0 are not known
    for (std::size_t j = i + 1; j < weights.size(); ++j) {
      if (weights[i] != weights[j] && known.sigma[i] == known.sigma[j]) return true;
    }
  }
  return false;
}

TEST(NormVjp, AgreesWithTheFormulaOfKnownSingularVectorsOverTheGallery) {
  Context context(2);
  for (const auto& [rows, columns] :
       {std::pair<std::int64_t, std::int64_t>{12, 7}, {7, 12}, {9, 9}, {60, 40}, {1, 6}}) {
    for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
      const Known known(rows, columns, spectrum.values(std::min(rows, columns)));
      if (known.sigma[0] == 0) continue;
      const Tensor matrix = Tensor::copy_of(known.entries, {rows, columns});
      for (const NamedNorm& line : gradient_cases::spectral_norms()) {
        const auto* ky_fan = std::get_if<norms::KyFan>(&line.norm);
        if (ky_fan != nullptr && ky_fan->k > std::min(rows, columns)) continue;
        const std::vector<long double> sigma(known.sigma.begin(), known.sigma.end());
        const std::vector<long double> weights = line.weights(sigma);
        if (equal_where_it_matters(known, weights)) continue;
        const Found found = gradient_of(matrix, line.norm, context);
        const double error = gradient_cases::distance(found.gradient, known.combined(weights));
        EXPECT_LE(error, allowed(known, weights))
            << line.name << " of " << spectrum.name << " " << rows << "x" << columns;
        EXPECT_EQ(found.norm.kind, GradientKind::unique)
            << line.name << " of " << spectrum.name << " " << found.norm.note;
      }
    }
  }
}

TEST(NormVjp, AgreesWithDifferencesOverTheGallery) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{6, 5}, {5, 6}, {1, 5}}) {
    for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
      const Known known(rows, columns, spectrum.values(std::min(rows, columns)));
      const Tensor matrix = Tensor::copy_of(known.entries, {rows, columns});
      // Gaps of 1e-9 and 1e-6 are below, and at the limit of, what differences can see.
      const bool decidable = spectrum.name != "clustered_top" && spectrum.name != "tiny_gap";
      for (const NamedNorm& line : gradient_cases::all_norms()) {
        const auto* ky_fan = std::get_if<norms::KyFan>(&line.norm);
        if (ky_fan != nullptr && ky_fan->k > std::min(rows, columns)) continue;
        CheckOptions options;
        options.directions = 4;
        options.coordinates_up_to = spectrum.name == "power_law" ? 64 : 0;
        const NormCheckResult result = check_norm(matrix, line.norm, options, context);
        const std::string what = line.name + " of " + spectrum.name + " " + std::to_string(rows) + "x" +
                                 std::to_string(columns) + ": " + result.check.message + "; " + result.norm.note;
        if (decidable) {
          EXPECT_TRUE(result.holds) << what;
        } else {
          EXPECT_NE(result.check.verdict, Verdict::disagree) << what;
        }
      }
    }
  }
}

TEST(NormVjp, TheCheckerFindsAWrongGradientOfEachNorm) {
  Context context(1);
  const std::vector<double> x = gallery::normal(30, 8);
  for (const NamedNorm& line : gradient_cases::all_norms()) {
    const Tensor matrix = Tensor::copy_of(x, {6, 5});
    Found found = gradient_of(matrix, line.norm, context);
    const auto value = [&](std::span<const double> at) {
      return norms::norm(Tensor::copy_of(at, {6, 5}), line.norm, context).value;
    };
    EXPECT_TRUE(check_gradient(value, x, found.gradient, {.tolerance = 1e-6}).agrees()) << line.name;
    found.gradient[13] += 1e-3;
    const CheckResult wrong = check_gradient(value, x, found.gradient, {.tolerance = 1e-6});
    EXPECT_EQ(wrong.verdict, Verdict::disagree) << line.name;
    EXPECT_EQ(wrong.directions[wrong.worst].coordinate, 13) << line.name;
  }
}

TEST(NormVjp, StorageTypesAndLayoutsGiveTheSameGradient) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    for (const auto& [rows, columns] :
         {std::pair<std::int64_t, std::int64_t>{8, 5}, {5, 8}, {1, 7}, {7, 1}, {40, 30}}) {
      const std::vector<double> values = gallery::normal(rows * columns, 21);
      const Tensor plain = Tensor::rounded(values, {rows, columns}, dtype);
      std::vector<double> stored;
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) stored.push_back(plain.at(std::vector{i, j}));
      }
      for (const NamedNorm& line : gradient_cases::all_norms()) {
        const auto* ky_fan = std::get_if<norms::KyFan>(&line.norm);
        if (ky_fan != nullptr && ky_fan->k > std::min(rows, columns)) continue;
        const std::string what =
            std::string(name(dtype)) + " " + line.name + " " + std::to_string(rows) + "x" + std::to_string(columns);
        const Found wanted = gradient_of(Tensor::copy_of(stored, {rows, columns}), line.norm, context, -2.5);
        const double slack = tolerance::relative(rows, columns, 1e4) * 2.5;
        for (const Tensor& matrix : {plain, gallery::column_major(dtype, rows, columns, values),
                                     gallery::gapped(dtype, rows, columns, values)}) {
          const Found found = gradient_of(matrix, line.norm, context, -2.5);
          EXPECT_LE(gradient_cases::distance(found.gradient, wanted.gradient), slack) << what;
          EXPECT_NEAR(found.norm.value, wanted.norm.value, tolerance::of_matrix(rows, columns, wanted.norm.value, 16))
              << what;
          // In float: added to the existing values, rounded once.
          std::vector<float> single(values.size(), 0.25F);
          auto options = repeatable<NormVjpOptions>();
          options.scale = -2.5;
          norm_vjp<float>(matrix, line.norm, options, single, context);
          for (std::size_t i = 0; i < single.size(); ++i) {
            EXPECT_NEAR(single[i], 0.25 + found.gradient[i], tolerance::relative_in<float>(1, 1, 1)) << what;
          }
        }
      }
    }
  }
}

TEST(NormVjp, TheSameBitsForAnyNumberOfThreads) {
  const std::vector<double> values = gallery::normal(300 * 260, 2);
  const Tensor matrix = Tensor::rounded(values, {300, 260}, DType::f32);
  Context one(1);
  Context four(4);
  for (const NamedNorm& line : gradient_cases::all_norms()) {
    const Found first = gradient_of(matrix, line.norm, one);
    const Found second = gradient_of(matrix, line.norm, four);
    EXPECT_EQ(first.gradient, second.gradient) << line.name;
    EXPECT_EQ(first.norm.value, second.norm.value) << line.name;
  }
}

TEST(NormVjp, ValuesAreThoseOfNorm) {
  Context context(2);
  const Tensor matrix = Tensor::copy_of(gallery::normal(70 * 50, 6), {70, 50});
  for (const NamedNorm& line : gradient_cases::all_norms()) {
    const double wanted = norms::norm(matrix, line.norm, context).value;
    EXPECT_NEAR(gradient_of(matrix, line.norm, context).norm.value, wanted, tolerance::of_matrix(70, 50, wanted, 16))
        << line.name;
  }
}

std::vector<double> twice(const std::vector<double>& x) {
  std::vector<double> result = x;
  for (double& value : result) value *= 2;
  return result;
}

// theta of B A, of W + B A, and of a stack, through check_norm: no dense gradient is formed for these.
TEST(NormVjp, OperatorsGetTheGradientOfTheirParameters) {
  Context context(1);
  constexpr std::int64_t kRows = 9;
  constexpr std::int64_t kColumns = 8;
  constexpr std::int64_t kRank = 2;
  const auto tensor = [](std::span<const double> theta, std::size_t first, std::int64_t rows, std::int64_t columns) {
    return Tensor::copy_of(theta.subspan(first, static_cast<std::size_t>(rows * columns)), {rows, columns});
  };
  const auto thin = [&](std::span<const double> theta) {
    return low_rank<double>(tensor(theta, 0, kRows, kRank), tensor(theta, kRows * kRank, kRank, kColumns), 0.5);
  };
  const auto adapted = [&](std::span<const double> theta) {
    const std::size_t size = kRows * kColumns;
    return dense<double>(tensor(theta, 0, kRows, kColumns)) + thin(theta.subspan(size));
  };
  struct Case {
    std::string name;
    OperatorFamily family;
    std::int64_t parameters;
    bool full_rank;
  };
  const Case cases[] = {
      {"low rank", thin, kRank * (kRows + kColumns), false},
      {"dense + low rank", adapted, kRows * kColumns + kRank * (kRows + kColumns), true},
  };
  for (const Case& c : cases) {
    const std::vector<double> theta = gallery::normal(c.parameters, 17);
    for (const NamedNorm& line : gradient_cases::all_norms()) {
      const NormCheckResult result = check_norm(c.family, theta, line.norm, {.directions = 3}, context);
      EXPECT_TRUE(result.holds) << c.name << " " << line.name << ": " << result.check.message;
      if (result.norm.kind == GradientKind::unique) {
        EXPECT_TRUE(result.check.agrees()) << c.name << " " << line.name << ": " << result.check.message;
      }
    }
    const Operator<double> a = c.family(theta);
    const auto terms = [&](const norms::Norm& which) {
      return norm_cotangent<double>(*a, which, {}, context).gradient.view().terms();
    };
    EXPECT_EQ(terms(norms::Spectral{}), 1);
    EXPECT_EQ(terms(norms::KyFan{2}), 2);
    EXPECT_EQ(terms(norms::Frobenius{}), c.full_rank ? kColumns : kRank);
    EXPECT_EQ(terms(norms::Schatten{1}), c.full_rank ? kColumns : kRank);
    // In float, compared with the same in double.
    const Operator<float> single = a->in_single();
    std::vector<float> gradient(theta.size(), 0.0F);
    std::vector<double> reference(theta.size(), 0.0);
    norm_vjp<float>(*single, norms::Spectral{}, {}, gradient, context);
    norm_vjp<double>(*a, norms::Spectral{}, {}, reference, context);
    EXPECT_LE(gradient_cases::distance(gradient, reference),
              tolerance::relative_in<float>(kRows, kColumns, 64) * gradient_cases::norm2(reference));
  }
}

TEST(NormVjp, AddsToWhatIsThere) {
  Context context(1);
  const std::vector<double> values = gallery::normal(20, 3);
  const Tensor matrix = Tensor::copy_of(values, {5, 4});
  for (const NamedNorm& line : gradient_cases::all_norms()) {
    if (line.name == "kyfan:5") continue;
    const Found once = gradient_of(matrix, line.norm, context);
    Found again = once;
    norm_vjp<double>(matrix, line.norm, {}, again.gradient, context);
    EXPECT_LE(gradient_cases::distance(again.gradient, twice(once.gradient)), tolerance::relative(5, 4)) << line.name;
  }
}

// The vectors of hard induced norms: differences of the norm along a direction agree where the maximizer is unique, as
// it is for nonnegative matrices with p >= q.
TEST(NormVjp, OfAnInducedNormIsTheProductOfItsVectors) {
  Context context(1);
  for (const auto& [p, q] : {std::pair{3.0, 3.0}, {4.0, 1.5}, {HUGE_VAL, 2.0}, {3.0, 2.0}}) {
    std::vector<double> values = gallery::normal(5 * 4, 3);
    for (double& value : values) value = 0.1 + std::fabs(value);
    const norms::Norm which = norms::Induced{p, q};
    std::vector<double> gradient(values.size(), 0.0);
    NormVjpOptions options;
    options.scale = 2;
    options.random = random_state(5);
    const NormGradient found = norm_vjp<double>(Tensor::copy_of(values, {5, 4}), which, options, gradient, context);
    EXPECT_EQ(found.kind, GradientKind::subgradient);
    EXPECT_FALSE(found.note.empty());
    double along = 0;
    for (std::size_t i = 0; i < values.size(); ++i) along += gradient[i] * values[i];
    EXPECT_NEAR(along, 2 * found.value, tolerance::relative(5, 4, 2 * found.value, 64));  // homogeneous of degree 1
    const std::vector<double> step = gallery::normal(5 * 4, 8);
    double slope = 0;
    for (std::size_t i = 0; i < step.size(); ++i) slope += gradient[i] * step[i];
    const auto value_at = [&](double t) {
      std::vector<double> moved = values;
      for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += t * step[i];
      return norms::norm(Tensor::copy_of(moved, {5, 4}), which, context).value;
    };
    const double t = 1e-5;
    EXPECT_NEAR((value_at(t) - value_at(-t)) / t, slope, 1e-5 * (1 + std::fabs(slope))) << p << " " << q;
    const Operator<float> a = dense<float>(Tensor::copy_of(values, {5, 4}));
    const NormCotangent<float> in_float = norm_cotangent(*a, which, options, context);
    EXPECT_EQ(in_float.gradient.weights, std::vector<double>{2});
    const std::vector<double> zeros(20, 0.0);
    std::vector<double> nothing(20, 0.0);
    const NormGradient zero = norm_vjp<double>(Tensor::copy_of(zeros, {5, 4}), which, options, nothing, context);
    EXPECT_EQ(zero.value, 0);
    EXPECT_EQ(nothing, zeros);
  }
}

TEST(NormVjp, RefusesWhatHasNoGradient) {
  Context context(1);
  std::vector<double> grad(4);
  const auto matrix = [](std::vector<double> values) { return Tensor::copy_of(values, {2, 2}); };
  for (const NamedNorm& line : gradient_cases::all_norms()) {
    EXPECT_THROW(norm_vjp<double>(matrix({1, NAN, 2, 3}), line.norm, {}, grad, context), Error) << line.name;
    EXPECT_THROW(norm_vjp<double>(matrix({1, INFINITY, 2, 3}), line.norm, {}, grad, context), Error) << line.name;
    EXPECT_THROW(
        norm_vjp<double>(Tensor::copy_of(std::vector<double>{}, {0, 3}), line.norm, {}, std::span<double>(), context),
        Error)
        << line.name;
    EXPECT_THROW(norm_vjp<double>(matrix({1, 4, 2, 3}), line.norm, {}, std::span(grad).first(3), context), Error);
    EXPECT_THROW(norm_vjp<double>(matrix({1, 4, 2, 3}), line.norm, {.scale = NAN}, grad, context), Error);
  }
  EXPECT_THROW(norm_vjp<double>(matrix({1, 4, 2, 3}), norms::KyFan{3}, {}, grad, context), Error);
  EXPECT_THROW(norm_vjp<double>(matrix({1, 4, 2, 3}), norms::KyFan{0}, {}, grad, context), Error);
  EXPECT_THROW(norm_vjp<double>(matrix({1, 4, 2, 3}), norms::Schatten{0.5}, {}, grad, context), Error);
  EXPECT_THROW(norm_vjp<double>(matrix({1, 4, 2, 3}), norms::Entrywise{0.5}, {}, grad, context), Error);
}

}  // namespace
}  // namespace sigmax::grad
