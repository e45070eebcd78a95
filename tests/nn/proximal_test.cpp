// Proximal maps and projections by their definitions: closed forms on diagonal matrices, the optimality condition, the
// Moreau identity, and firm nonexpansiveness.
#include "sigmax/nn/proximal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "gallery/spectra.hpp"
#include "gallery/stored.hpp"
#include "nn/penalties.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/nn/regularize.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {
namespace {

// Every norm is a penalty; those without a map in closed form, and the penalties of G, are not proximal penalties.
static_assert(std::is_constructible_v<Penalty, norms::Schatten> && std::is_constructible_v<Penalty, norms::RowSum>);
static_assert(!std::is_constructible_v<ProximalPenalty, norms::Schatten>);
static_assert(!std::is_constructible_v<ProximalPenalty, norms::RowSum>);
static_assert(!std::is_constructible_v<ProximalPenalty, penalty::Orthogonality>);

const std::vector<Line<ProximalPenalty>>& lines() {
  static const auto all = lines_and<ProximalPenalty>({{"kyfan 2", penalty::KyFan{2}}, {"kyfan 4", penalty::KyFan{4}}});
  return all;
}

Penalty as_penalty(const ProximalPenalty& penalty) {
  return std::visit([](const auto& p) { return Penalty(p); }, penalty);
}

struct Mapped {
  std::vector<double> x;
  ProximalResult result;
};

Mapped prox(const Tensor& w, const ProximalPenalty& penalty, double lambda, Context& context) {
  Mapped mapped;
  mapped.x.assign(static_cast<std::size_t>(w.size()), NAN);
  mapped.result = proximal<double>(w, penalty, lambda, repeatable<ProximalOptions>(), mapped.x, context);
  return mapped;
}

Mapped onto(const Tensor& w, const Ball& ball, Context& context) {
  Mapped mapped;
  mapped.x.assign(static_cast<std::size_t>(w.size()), NAN);
  mapped.result = project<double>(w, ball, repeatable<ProximalOptions>(), mapped.x, context);
  return mapped;
}

std::vector<double> singular_values(const std::vector<double>& x, std::int64_t rows, std::int64_t columns) {
  auto options = repeatable<SvdOptions<double>>();
  options.k = std::min(rows, columns);
  options.method = DenseLapack{};
  return svd(*dense<double>(Tensor::copy_of(x, {rows, columns})), options).sigma;
}

double sum_of(const std::vector<double>& sigma, std::size_t k) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(k, sigma.size()); ++i) sum += sigma[i];
  return sum;
}

double value_of(const ProximalPenalty& penalty, const std::vector<double>& x, std::int64_t rows, std::int64_t columns,
                Context& context) {
  return regularize<double>(Tensor::copy_of(x, {rows, columns}), as_penalty(penalty), {}, {}, context).value;
}

// Written out from the definition.
TEST(Proximal, ClosedFormsOnDiagonalMatrices) {
  Context context(1);
  const auto diagonal = [](const std::vector<double>& d) {
    std::vector<double> a(d.size() * d.size(), 0.0);
    for (std::size_t i = 0; i < d.size(); ++i) a[i * d.size() + i] = d[i];
    return a;
  };
  struct Case {
    ProximalPenalty penalty;
    double lambda;
    std::vector<double> wanted;
  };
  // For diag(-5, 3, 2, 0).
  const Case cases[] = {
      {penalty::SquaredFrobenius{}, 0.5, {-2.5, 1.5, 1, 0}},
      {penalty::Frobenius{}, std::sqrt(38.0) / 4, {-3.75, 2.25, 1.5, 0}},
      {penalty::Frobenius{}, 7, {0, 0, 0, 0}},
      {penalty::Nuclear{}, 2.5, {-2.5, 0.5, 0, 0}},
      {penalty::Nuclear{}, 5, {0, 0, 0, 0}},
      {penalty::Spectral{}, 1, {-4, 3, 2, 0}},
      {penalty::Spectral{}, 4, {-2, 2, 2, 0}},      // (5 - 2) + (3 - 2) = 4
      {penalty::Spectral{}, 10, {0, 0, 0, 0}},      // the nuclear norm
      {penalty::KyFan{2}, 1, {-4, 2, 2, 0}},        // theta = 2: clip(3, 0, 1) + clip(1, 0, 1) + 0 = 2
      {penalty::KyFan{2}, 2, {-3, 1.5, 1.5, 0}},    // theta = 3/2: 2 + 3/2 + 1/2 = 4
      {penalty::KyFan{2}, 4, {-1, 0.5, 0.5, 0}},    // theta = 1/2: 4 + 5/2 + 3/2 = 8
      {penalty::KyFan{2}, 6, {0, 0, 0, 0}},         // theta = 0: 5 + 3 + 2 < 12, and all below 6
      {penalty::KyFan{4}, 2.5, {-2.5, 0.5, 0, 0}},  // all values: the nuclear norm
  };
  for (const Case& c : cases) {
    const Mapped found = prox(Tensor::copy_of(diagonal({-5, 3, 2, 0}), {4, 4}), c.penalty, c.lambda, context);
    EXPECT_LE(distance(found.x, diagonal(c.wanted)), tolerance::of_matrix(4, 4, 10))
        << c.penalty.index() << " " << c.lambda;
  }
  const Tensor w = Tensor::copy_of(diagonal({-5, 3, 2, 0}), {4, 4});
  EXPECT_LE(distance(onto(w, ball::Spectral{2.5}, context).x, diagonal({-2.5, 2.5, 2, 0})),
            tolerance::of_matrix(4, 4, 10));
  EXPECT_LE(distance(onto(w, ball::Nuclear{4}, context).x, diagonal({-3, 1, 0, 0})), tolerance::of_matrix(4, 4, 10));
  EXPECT_EQ(onto(w, ball::Nuclear{10.5}, context).x, diagonal({-5, 3, 2, 0}));
  EXPECT_EQ(onto(w, ball::Spectral{5.5}, context).x, diagonal({-5, 3, 2, 0}));
}

// X minimizes 1/2 |X - W|^2 + lambda f(X) if and only if G = (W - X) / lambda is a subgradient of f at X:
// f(Y) >= f(X) + <G, Y - X>. Tested for Y toward X's neighbors, toward 0, toward W, and along G.
void expect_optimal(const std::vector<double>& w, const std::vector<double>& x, const Line<ProximalPenalty>& line,
                    double lambda, std::int64_t rows, std::int64_t columns, const std::string& what, Context& context) {
  const double f = value_of(line.penalty, x, rows, columns, context);
  const auto objective = [&](const std::vector<double>& y, double value) {
    return 0.5 * std::pow(distance(y, w), 2) + lambda * value;
  };
  const double at_x = objective(x, f);
  const double size = norm2(w);
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    for (const double t : {1e-4, 1e-2, 1.0}) {
      std::vector<double> step = gallery::normal(rows * columns, seed);
      if (seed == 7) step = w;
      if (seed == 8) step = x;
      const double length = norm2(step);
      if (length == 0) continue;
      for (const double side : {-1.0, 1.0}) {
        std::vector<double> y = x;
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += side * t * size * step[i] / length;
        const double value = objective(y, value_of(line.penalty, y, rows, columns, context));
        // The minimum of a function with curvature 1: the function grows by half the square of the distance.
        EXPECT_GE(value + tolerance::relative(rows, columns, at_x + value, 64),
                  at_x + 0.5 * std::pow(distance(y, x), 2))
            << what << " t " << t << " seed " << seed;
      }
    }
  }
}

TEST(Proximal, IsTheMinimumOverTheGallery) {
  Context context(1);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{6, 5}, {5, 6}, {40, 30}}) {
    for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
      const std::vector<double> sigma = spectrum.values(std::min(rows, columns));
      if (sigma[0] == 0 || sigma[0] > 1e100 || sigma[0] < 1e-100) continue;  // squares of distances
      if (rows == 40 && spectrum.name != "power_law" && spectrum.name != "double_top") continue;
      const std::vector<double> w = gallery::with_singular_values(rows, columns, sigma, 3);
      for (const Line<ProximalPenalty>& line : lines()) {
        for (const double share : {0.05, 0.4, 1.5}) {
          const double lambda = share * sigma[0];
          const std::string what = line.name + " of " + spectrum.name + " " + std::to_string(rows) + "x" +
                                   std::to_string(columns) + " lambda " + std::to_string(share);
          const Mapped found = prox(Tensor::copy_of(w, {rows, columns}), line.penalty, lambda, context);
          expect_optimal(w, found.x, line, lambda, rows, columns, what, context);
        }
      }
    }
  }
}

// Singular values mapped by the formulas, with the known vectors, at any scale.
TEST(Proximal, MapsSingularValuesOverTheGallery) {
  Context context(2);
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{12, 7}, {7, 12}, {60, 50}, {1, 5}}) {
    for (const gallery::NamedSpectrum& spectrum : gallery::spectra()) {
      const Known known(rows, columns, spectrum.values(std::min(rows, columns)));
      const Tensor w = Tensor::copy_of(known.entries, {rows, columns});
      const double unit = known.sigma[0];
      for (const double share : {0.1, 0.5, 1.0}) {
        const double lambda = share * unit;
        std::vector<long double> soft;
        std::vector<long double> clipped;
        for (const double value : known.sigma) {
          soft.push_back(std::max(0.0, value - lambda));
          clipped.push_back(std::min(value, lambda));
        }
        const double slack = tolerance::of_matrix(rows, columns, unit, 64);
        const std::string what = spectrum.name + " " + std::to_string(rows) + "x" + std::to_string(columns);
        const std::vector<double> nuclear = prox(w, penalty::Nuclear{}, lambda, context).x;
        EXPECT_LE(distance(nuclear, known.combined(soft)), slack) << what;
        const std::vector<double> spectral = onto(w, ball::Spectral{lambda}, context).x;
        EXPECT_LE(distance(spectral, known.combined(clipped)), slack) << what;
        // Moreau: W is the sum of the two because the norms are dual.
        std::vector<double> sum = nuclear;
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += spectral[i];
        EXPECT_LE(distance(sum, known.entries), slack) << what;
        std::vector<double> other = prox(w, penalty::Spectral{}, lambda, context).x;
        const std::vector<double> ball = onto(w, ball::Nuclear{lambda}, context).x;
        for (std::size_t i = 0; i < other.size(); ++i) other[i] += ball[i];
        EXPECT_LE(distance(other, known.entries), slack) << what;
      }
    }
  }
}

TEST(Proximal, ProjectionsEndInTheBall) {
  Context context(1);
  const std::vector<double> w = gallery::normal(20 * 15, 5);
  const std::vector<double> sigma = singular_values(w, 20, 15);
  const double nuclear = sum_of(sigma, sigma.size());
  const Tensor tensor = Tensor::copy_of(w, {20, 15});
  for (const double share : {0.0, 0.01, 0.3, 0.99}) {
    const std::vector<double> clipped = onto(tensor, ball::Spectral{share * sigma[0]}, context).x;
    EXPECT_NEAR(singular_values(clipped, 20, 15)[0], share * sigma[0], tolerance::of_matrix(20, 15, sigma[0]));
    const std::vector<double> within = onto(tensor, ball::Nuclear{share * nuclear}, context).x;
    EXPECT_NEAR(sum_of(singular_values(within, 20, 15), 15), share * nuclear, tolerance::of_matrix(20, 15, nuclear));
  }
}

// |prox(A) - prox(B)|^2 <= <prox(A) - prox(B), A - B>
TEST(Proximal, IsFirmlyNonexpansive) {
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const double nearness : {1e-3, 1.0}) {
      const std::vector<double> a = gallery::normal(7 * 5, seed);
      std::vector<double> b = gallery::normal(7 * 5, seed + 100);
      for (std::size_t i = 0; i < b.size(); ++i) b[i] = a[i] + nearness * b[i];
      const auto check = [&](const std::vector<double>& x, const std::vector<double>& y, const std::string& what) {
        double inner = 0;
        for (std::size_t i = 0; i < x.size(); ++i) inner += (x[i] - y[i]) * (a[i] - b[i]);
        EXPECT_LE(std::pow(distance(x, y), 2), inner + tolerance::relative(7, 5, norm2(a) + norm2(b), 16)) << what;
      };
      const Tensor first = Tensor::copy_of(a, {7, 5});
      const Tensor second = Tensor::copy_of(b, {7, 5});
      for (const Line<ProximalPenalty>& line : lines()) {
        for (const double lambda : {0.3, 1.5}) {
          check(prox(first, line.penalty, lambda, context).x, prox(second, line.penalty, lambda, context).x, line.name);
        }
      }
      check(onto(first, ball::Spectral{1.5}, context).x, onto(second, ball::Spectral{1.5}, context).x, "spectral ball");
      check(onto(first, ball::Nuclear{2}, context).x, onto(second, ball::Nuclear{2}, context).x, "nuclear ball");
    }
  }
}

// Few values above the threshold, in a matrix large enough that only they are found; one of them four times.
TEST(Proximal, FindsNoMoreTripletsThanItNeedsAndMissesNone) {
  Context context(2);
  std::vector<double> sigma{10, 8, 8, 8, 8, 3};
  for (std::int64_t i = 6; i < 120; ++i) sigma.push_back(1 / (1 + 0.01 * static_cast<double>(i)));
  const Known known(150, 120, sigma);
  const Tensor w = Tensor::copy_of(known.entries, {150, 120});
  std::vector<long double> soft(120, 0.0L);
  std::vector<long double> clipped(sigma.begin(), sigma.end());
  for (std::size_t i = 0; i < 6; ++i) {
    soft[i] = sigma[i] - 2;
    clipped[i] = 2;
  }
  const double slack = tolerance::of_matrix(150, 120, 10, 64);
  const Mapped nuclear = prox(w, penalty::Nuclear{}, 2, context);
  EXPECT_EQ(nuclear.result.triplets, 6);
  EXPECT_FALSE(nuclear.result.dense);
  EXPECT_LE(distance(nuclear.x, known.combined(soft)), slack);
  const Mapped spectral = onto(w, ball::Spectral{2}, context);
  EXPECT_EQ(spectral.result.triplets, 6);
  EXPECT_LE(distance(spectral.x, known.combined(clipped)), slack);
  // sum over six of (sigma_i - 2) = 33
  const Mapped prox_spectral = prox(w, penalty::Spectral{}, 33, context);
  EXPECT_EQ(prox_spectral.result.triplets, 6);
  EXPECT_NEAR(prox_spectral.result.threshold, 2, slack);
  EXPECT_LE(distance(prox_spectral.x, known.combined(clipped)), slack);
  // Many values above the threshold: the whole decomposition.
  EXPECT_TRUE(prox(w, penalty::Nuclear{}, 0.5, context).result.dense);
}

TEST(Proximal, StorageTypesAgreeAndFloatIsTheRoundedDouble) {
  Context context(2);
  for (const DType dtype : gallery::kStorageTypes) {
    const std::vector<double> values = gallery::normal(9 * 6, 4);
    const Tensor plain = Tensor::rounded(values, {9, 6}, dtype);
    for (const Line<ProximalPenalty>& line : lines()) {
      const std::vector<double> wanted = prox(plain, line.penalty, 0.7, context).x;
      for (const Tensor& w : other_layouts(dtype, 9, 6, values)) {
        EXPECT_LE(distance(prox(w, line.penalty, 0.7, context).x, wanted), tolerance::of_matrix(9, 6, 10)) << line.name;
      }
      std::vector<float> single(values.size());
      proximal<float>(plain, line.penalty, 0.7, {}, single, context);
      expect_rounded(single, wanted, 0, line.name);
    }
  }
}

TEST(Proximal, TheSameBitsForAnyNumberOfThreads) {
  const Tensor w = Tensor::rounded(gallery::normal(200 * 150, 9), {200, 150}, DType::bf16);
  Context one(1);
  Context four(4);
  for (const Line<ProximalPenalty>& line : lines()) {
    EXPECT_EQ(prox(w, line.penalty, 15, one).x, prox(w, line.penalty, 15, four).x) << line.name;
  }
  EXPECT_EQ(onto(w, ball::Nuclear{100}, one).x, onto(w, ball::Nuclear{100}, four).x);
}

TEST(Proximal, ZeroAndTrivialCases) {
  Context context(1);
  const std::vector<double> zeros(12, 0.0);
  const std::vector<double> values = gallery::normal(12, 2);
  for (const Line<ProximalPenalty>& line : lines()) {
    if (line.name == "kyfan 4") continue;
    EXPECT_EQ(prox(Tensor::copy_of(zeros, {4, 3}), line.penalty, 0.5, context).x, zeros) << line.name;
    EXPECT_LE(distance(prox(Tensor::copy_of(values, {4, 3}), line.penalty, 0, context).x, values),
              tolerance::of_matrix(4, 3, 10))
        << line.name;
  }
  EXPECT_EQ(onto(Tensor::copy_of(values, {4, 3}), ball::Spectral{0}, context).x, zeros);
  EXPECT_EQ(onto(Tensor::copy_of(values, {4, 3}), ball::Nuclear{0}, context).x, zeros);
}

TEST(Proximal, RefusesWhatIsNoProblem) {
  Context context(1);
  std::vector<double> out(4);
  const Tensor w = Tensor::copy_of(std::vector<double>{1, 2, 3, 4}, {2, 2});
  for (const Line<ProximalPenalty>& line : lines()) {
    EXPECT_THROW(proximal<double>(w, line.penalty, -1, {}, out, context), Error);
    EXPECT_THROW(proximal<double>(w, line.penalty, NAN, {}, out, context), Error);
    for (const Tensor& none : no_weights()) {
      const auto size = static_cast<std::size_t>(none.size());
      EXPECT_THROW(proximal<double>(none, line.penalty, 1, {}, std::span(out).first(size), context), Error);
    }
    EXPECT_THROW(proximal<double>(w, line.penalty, 1, {}, std::span(out).first(3), context), Error);
  }
  EXPECT_THROW(proximal<double>(w, penalty::KyFan{3}, 1, {}, out, context), Error);
  EXPECT_THROW(proximal<double>(w, penalty::KyFan{2, 2}, 1, {}, out, context), Error);
  EXPECT_THROW(project<double>(w, ball::Nuclear{INFINITY}, {}, out, context), Error);
}

}  // namespace
}  // namespace sigmax::nn
