#include "sigmax/bounds/matrix_proof/gram_proof.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "bounds/hunt.hpp"
#include "tolerance.hpp"

namespace sigmax::bounds {
namespace {

struct Extents {
  std::int64_t rows, columns;
};
constexpr Extents kExtents[] = {{1, 1}, {9, 30}, {30, 9}, {200, 150}, {150, 700}};

TEST(GramProof, LeavesTheGramMatrixAsItWas) {
  Context context(2);
  for (const Extents e : kExtents) {
    const gallery::Stored a(DType::f32, e.rows, e.columns, gallery::normal(e.rows * e.columns, 4));
    ScannedMatrix scanned(a.matrix(), context);
    const InRange& range = scanned.in_range(context);
    GramMatrix g = gram_matrix(range.matrix, gram_scale(range.facts), Triangles::both, context);
    const std::vector<double> before(g.values.begin(), g.values.end());
    const Measured m = prove(range, g, {}, context);
    EXPECT_LE(m.sigma_max.relative_width(), tolerance::of_gram_proof(e.rows, e.columns));
    EXPECT_EQ(std::memcmp(before.data(), g.values.data(), before.size() * sizeof(double)), 0) << a.what();
  }
}

TEST(GramProof, OneTriangleIsEnough) {
  Context context(2);
  for (const Extents e : kExtents) {
    const gallery::Stored a(DType::f32, e.rows, e.columns, gallery::normal(e.rows * e.columns, 4));
    ScannedMatrix scanned(a.matrix(), context);
    const InRange& range = scanned.in_range(context);
    GramMatrix both = gram_matrix(range.matrix, gram_scale(range.facts), Triangles::both, context);
    GramMatrix upper = gram_matrix(range, context);
    for (std::int64_t j = 0; j < upper.order; ++j) {
      for (std::int64_t i = 0; i <= j; ++i) {
        const auto at = static_cast<std::size_t>(i + j * upper.order);
        ASSERT_EQ(both.values[at], upper.values[at]) << a.what();
      }
    }
    const Enclosure one = prove(range, both, {}, context).sigma_max;
    const Enclosure other = prove(range, upper, {}, context).sigma_max;
    EXPECT_EQ(one.lower.value(), other.lower.value());
    EXPECT_EQ(one.upper->value(), other.upper->value());
  }
}

// A vector that is good, one that is orthogonal to the first singular vector, and one on the other side.
TEST(GramProof, AnyVectorLeadsToAProof) {
  Context context(1);
  std::vector<double> values(40 * 30, 0.0);
  for (std::size_t i = 0; i < 30; ++i) values[i * 31] = i == 3 ? 2.0 : 1.0;
  const gallery::Stored a(DType::f64, 40, 30, values);
  ScannedMatrix scanned(a.matrix(), context);
  const InRange& range = scanned.in_range(context);
  GramMatrix g = gram_matrix(range, context);
  for (const bool of_rows : {false, true}) {
    for (const std::size_t where : {std::size_t{3}, std::size_t{5}}) {
      std::vector<double> x(of_rows ? 40 : 30, 0.0);
      x[where] = 1e-200;
      ProofOptions options;
      options.vector = x;
      options.of_rows = of_rows;
      const Enclosure e = prove(range, g, options, context).sigma_max;
      EXPECT_LE(e.lower.value(), 2.0);
      EXPECT_GE(e.upper->value(), 2.0);
      EXPECT_LE(e.relative_width(), tolerance::of_gram_proof(40, 30)) << where << (of_rows ? " of rows" : "");
    }
  }
}

// x^T L L^T x >= x^T G x for the given G and every G within `error` of it, in extended precision.
TEST(GramProof, DominateIsAboveAndClose) {
  Context context(1);
  const gallery::Stored a(DType::f64, 20, 60, gallery::normal(20 * 60, 5));
  ScannedMatrix scanned(a.matrix(), context);
  const InRange& range = scanned.in_range(context);
  for (const double error : {0.0, 1e-3}) {
    GramMatrix g = gram_matrix(range.matrix, gram_scale(range.facts), Triangles::both, context);
    const std::vector<double> before(g.values.begin(), g.values.end());
    ASSERT_TRUE(dominate(g, error, context));
    double trace = 0;
    for (std::size_t i = 0; i < 20; ++i) trace += before[i * 21];
    // Twice the error of the factorization, (n + 9) u trace, of the sums of the diagonal, and of these.
    const double rounding = 4 * (20 + 9) * tolerance::kUnitRoundoff * trace;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      const std::vector<double> x = gallery::normal(20, seed);
      long double above = 0, given = 0, square = 0;
      for (std::size_t j = 0; j < 20; ++j) {
        long double dot = 0;
        for (std::size_t i = 0; i < 20; ++i) {
          dot += static_cast<long double>(g.values[i + j * 20]) * x[i];
          given += static_cast<long double>(before[i + j * 20]) * x[i] * x[j];
        }
        above += dot * dot;
        square += static_cast<long double>(x[j]) * x[j];
      }
      EXPECT_GE(above, given + error * square);
      EXPECT_LE(above, given + (4 * error + rounding) * square);
    }
  }
}

}  // namespace
}  // namespace sigmax::bounds
