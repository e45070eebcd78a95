// Gradients of norms at ties, against the definition of a subgradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "grad/norm_cases.hpp"
#include "grad/norm_gradients.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/norms/norm.hpp"
#include "tolerance.hpp"

namespace sigmax::grad {
namespace {

using gradient_cases::allowed;
using gradient_cases::Found;
using gradient_cases::gradient_of;
using gradient_cases::Known;
using gradient_cases::NamedNorm;

// f(B) >= f(A) + <G, B - A> for every B: the definition of a subgradient. Also A + t B for small t, where wrong ones
// are detected.
void expect_subgradient(const std::vector<double>& a, std::int64_t rows, std::int64_t columns, const NamedNorm& line,
                        Context& context) {
  const Found found = gradient_of(Tensor::copy_of(a, {rows, columns}), line.norm, context);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    for (const double t : {1e-3, 1.0}) {
      const std::vector<double> step = gallery::normal(rows * columns, seed);
      std::vector<double> b;
      double along = 0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        b.push_back(a[i] + t * step[i]);
        along += found.gradient[i] * (b[i] - a[i]);
      }
      const double value = norms::norm(Tensor::copy_of(b, {rows, columns}), line.norm, context).value;
      const double slack = tolerance::of_matrix(rows, columns, value + found.norm.value, 16);
      EXPECT_GE(value + slack, found.norm.value + along) << line.name << " t " << t << " " << found.norm.note;
    }
  }
}

bool is_convex(const NamedNorm& line) { return line.name[0] != '-'; }

TEST(NormVjp, AtTiesItIsASubgradientAndSaysSo) {
  Context context(1);
  struct Tie {
    std::vector<double> entries;
    std::vector<std::string> not_unique;
  };
  const Tie ties[] = {
      // diag(2, 2, 1): sigma_1 = sigma_2
      {{2, 0, 0, 0, 2, 0, 0, 0, 1},
       {"2", "schatten:inf", "kyfan:1", "max", "entrywise:inf", "entrywise:1", "1", "-1", "inf", "-inf",
        "mixed:1,3,rows", "induced:1,2", "induced:3,inf"}},
      // diag(3, 1, 1): equal values that affect only the smallest
      {{3, 0, 0, 0, 1, 0, 0, 0, 1},
       {"-2", "entrywise:1", "1", "-1", "inf", "-inf", "mixed:1,3,rows", "kyfan:2,4.000000"}},
      // rank 1: no norm of all values has a unique gradient
      {{1, 2, 3, 2, 4, 6, 3, 6, 9}, {"-2", "nuc", "schatten:1.000000", "kyfan:3"}},
      {std::vector<double>(9, 1.0),
       {"-2", "nuc", "schatten:1.000000", "kyfan:3", "max", "entrywise:inf", "1", "-1", "inf", "-inf", "mixed:inf,2",
        "induced:1,2", "induced:3,inf"}},
      {std::vector<double>(9, 0.0), {}},
  };
  for (const Tie& tie : ties) {
    const bool zero = tie.entries[0] == 0;
    for (const NamedNorm& line : gradient_cases::all_norms()) {
      if (line.name == "kyfan:5") continue;
      const Found found = gradient_of(Tensor::copy_of(tie.entries, {3, 3}), line.norm, context);
      const bool expected = !zero && std::ranges::find(tie.not_unique, line.name) == tie.not_unique.end();
      EXPECT_EQ(found.norm.kind == GradientKind::unique, expected) << line.name << " " << found.norm.note;
      EXPECT_EQ(found.norm.note.empty(), expected) << line.name;
      if (!expected) {
        EXPECT_EQ(found.norm.kind, is_convex(line) ? GradientKind::subgradient : GradientKind::generalized)
            << line.name;
      }
      if (zero) {
        EXPECT_EQ(found.gradient, std::vector<double>(9, 0.0)) << line.name;
      }
      for (const double value : found.gradient) EXPECT_TRUE(std::isfinite(value)) << line.name;
      if (is_convex(line)) expect_subgradient(tie.entries, 3, 3, line, context);
    }
  }
}

// torch.linalg.svd's backward gives NaN for diag(3, 1, 1).
TEST(NormVjp, RepeatedLowerValuesDoNotMatter) {
  Context context(1);
  const Tensor a = Tensor::copy_of(std::vector<double>{3, 0, 0, 0, 1, 0, 0, 0, 1}, {3, 3});
  const Found found = gradient_of(a, norms::Spectral{}, context);
  EXPECT_EQ(found.norm.kind, GradientKind::unique);
  EXPECT_NEAR(found.norm.gap.value(), 2.0 / 3, tolerance::relative(3, 3));
  std::vector<double> wanted(9, 0.0);
  wanted[0] = 1;
  EXPECT_LE(gradient_cases::distance(found.gradient, wanted), tolerance::relative(3, 3));
}

// A Krylov space holds one copy of a multiple value; the gradient of a Ky Fan norm needs all copies.
TEST(NormVjp, CopiesOfAMultipleValueAreFound) {
  Context context(2);
  std::vector<double> sigma{5, 2, 2, 2, 2, 2};
  for (std::int64_t i = 6; i < 80; ++i) sigma.push_back(1 / static_cast<double>(i));
  const Known known(90, 80, sigma);
  const Tensor matrix = Tensor::copy_of(known.entries, {90, 80});
  for (const std::int64_t k : {1, 6}) {
    std::vector<long double> weights(80, 0.0L);
    std::fill_n(weights.begin(), k, 1.0L);
    const Found found = gradient_of(matrix, norms::KyFan{k}, context);
    EXPECT_EQ(found.norm.kind, GradientKind::unique) << found.norm.note;
    EXPECT_LE(gradient_cases::distance(found.gradient, known.combined(weights)), allowed(known, weights)) << k;
  }
  for (const std::int64_t k : {2, 3, 5}) {
    const Found found = gradient_of(matrix, norms::KyFan{k}, context);
    EXPECT_EQ(found.norm.kind, GradientKind::subgradient) << k;
    EXPECT_NEAR(found.norm.value, 5 + 2 * static_cast<double>(k - 1), tolerance::of_matrix(90, 80, 15)) << k;
  }
}

}  // namespace
}  // namespace sigmax::grad
