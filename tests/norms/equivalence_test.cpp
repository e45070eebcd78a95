// The constants between norms: they hold, they are attained, and the known ones are found.
#include "sigmax/norms/equivalence.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gallery/stored.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/equivalence/hadamard.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/norms/norm.hpp"
#include "tolerance.hpp"

namespace sigmax::norms {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const std::vector<Shape> kShapes{{1, 1}, {1, 5}, {4, 1}, {2, 2}, {3, 3}, {4, 4},
                                 {2, 4}, {6, 3}, {3, 7}, {8, 4}, {5, 5}};

std::vector<Norm> norms_of_table(Shape shape) {
  const std::int64_t all = std::min(shape.rows, shape.columns);
  std::vector<Norm> norms{Frobenius{},
                          MaxAbs{},
                          Entrywise{1},
                          Entrywise{3},
                          ColumnSum{},
                          RowSum{},
                          Spectral{},
                          Nuclear{},
                          Schatten{1.5},
                          Schatten{3},
                          Mixed{2, 1},
                          Mixed{1, 2},
                          Mixed{2, kInfinity, By::rows},
                          Mixed{kInfinity, 1},
                          Induced{1, 2},
                          Induced{2, 1},
                          Induced{kInfinity, 1},
                          Induced{kInfinity, 2},
                          Induced{2, kInfinity},
                          Induced{3, 1.5},
                          Induced{1.5, 3}};
  for (const std::int64_t k : {std::int64_t{1}, std::int64_t{2}, all}) {
    if (k <= all) {
      norms.push_back(KyFan{k, 1});
      norms.push_back(KyFan{k, 2});
    }
  }
  return norms;
}

// The least and the greatest value that a norm may have, relative rounding included.
struct Ends {
  double lower = 0;
  double upper = 0;
};

Ends ends_of(const Tensor& a, const Norm& which) {
  Context context(1);
  if (const auto* n = std::get_if<Induced>(&which)) {
    InducedOptions options = repeatable<InducedOptions>();
    options.starts = 2;
    const InducedNorm found = induced_norm(a, n->p, n->q, options, context);
    return {found.enclosure.lower.value(), found.enclosure.upper->value()};
  }
  const NormResult found = norm(a, which, context);
  const double rounding = tolerance::relative(a.shape()[0] + 64, a.shape()[1] + 64, 1) * found.value;
  return {found.value - rounding, found.value + rounding};
}

std::string named(const Norm& a, const Norm& b, Shape shape) {
  return fmt::format("{} against {}, {}x{}", spelling_of(b), spelling_of(a), shape.rows, shape.columns);
}

std::vector<Tensor> matrices(Shape shape) {
  const std::int64_t size = shape.rows * shape.columns;
  std::vector<Tensor> result;
  for (const std::uint64_t seed : {1U, 2U}) {
    std::vector<double> values = gallery::normal(size, seed);
    result.push_back(Tensor::copy_of(values, {shape.rows, shape.columns}));
    for (double& value : values) value = std::fabs(value) > 1 ? value : 0;  // sparse
    values[0] = 1;
    result.push_back(Tensor::copy_of(values, {shape.rows, shape.columns}));
  }
  std::vector<double> signs = gallery::normal(size, 3);
  for (double& value : signs) value = value < 0 ? -1 : 1;
  result.push_back(Tensor::copy_of(signs, {shape.rows, shape.columns}));
  std::vector<double> one(static_cast<std::size_t>(size));  // of rank one
  for (std::size_t i = 0; i < one.size(); ++i) {
    one[i] = signs[i / static_cast<std::size_t>(shape.columns)] *
             (1 + signs[i % static_cast<std::size_t>(shape.columns)] / 2);
  }
  result.push_back(Tensor::copy_of(one, {shape.rows, shape.columns}));
  return result;
}

// All extremal matrices of the shape: one that attains the constant of a pair is a hard case for the others.
void add_extremal(std::vector<Tensor>& all, Shape shape) {
  const std::int64_t shorter = std::min(shape.rows, shape.columns);
  for (const std::int64_t k : {std::int64_t{1}, std::int64_t{2}, shorter}) {
    if (k > shorter) continue;
    for (const ExtremalKind kind : {ExtremalKind::entry, ExtremalKind::column, ExtremalKind::row, ExtremalKind::ones,
                                    ExtremalKind::identity, ExtremalKind::balanced_rows, ExtremalKind::balanced_columns,
                                    ExtremalKind::frame_of_columns, ExtremalKind::frame_of_rows}) {
      all.push_back(Extremal{kind, k, shape.rows, shape.columns}.matrix());
    }
    if (shape.rows % k == 0 && shape.columns % k == 0 && has_hadamard(k)) {
      all.push_back(Extremal{ExtremalKind::hadamard_blocks, k, shape.rows, shape.columns}.matrix());
    }
  }
  if (hadamard_divisor(std::max(shape.rows, shape.columns), shorter) > 0) {
    all.push_back(Extremal{ExtremalKind::hadamard, 1, shape.rows, shape.columns}.matrix());
  }
}

TEST(Equivalence, IsTestedForEveryRow) {
  for (const Row& row : rows()) {
    // KnowsTheNumericalRadius, RefusesWhatIsNoNorm.
    if (!row.convex || row.family == Family::numerical_range) continue;
    EXPECT_TRUE(std::ranges::any_of(norms_of_table({4, 4}), [&](const Norm& which) {
      return row_of(which).spelling == row.spelling;
    })) << row.spelling;
  }
}

TEST(Equivalence, HoldsForMatricesOfManyKinds) {
  for (const Shape shape : kShapes) {
    const std::vector<Norm> norms = norms_of_table(shape);
    std::vector<Tensor> all = matrices(shape);
    add_extremal(all, shape);
    std::vector<Equivalence> constants;
    for (const Norm& a : norms) {
      for (const Norm& b : norms) constants.push_back(equivalence(a, b, shape));
    }
    for (const Tensor& a : all) {
      std::vector<Ends> ends;
      for (const Norm& which : norms) ends.push_back(ends_of(a, which));
      for (std::size_t i = 0; i < norms.size(); ++i) {
        for (std::size_t j = 0; j < norms.size(); ++j) {
          const Equivalence& e = constants[i * norms.size() + j];
          EXPECT_LE(ends[j].lower, e.greatest.value * ends[i].upper) << named(norms[i], norms[j], shape);
          EXPECT_GE(ends[j].upper, e.least.value * ends[i].lower) << named(norms[i], norms[j], shape);
        }
      }
    }
  }
}

TEST(Equivalence, IsAttainedByTheExtremalMatrix) {
  for (const Shape shape : kShapes) {
    const std::vector<Norm> norms = norms_of_table(shape);
    for (const Norm& a : norms) {
      for (const Norm& b : norms) {
        const Equivalence e = equivalence(a, b, shape);
        for (const Constant& constant : {e.least, e.greatest}) {
          if (!constant.is_best()) continue;
          const Tensor x = constant.extremal->matrix();
          ASSERT_EQ(x.shape(), (Dimensions{shape.rows, shape.columns})) << named(a, b, shape);
          const Ends above = ends_of(x, b);
          const Ends below = ends_of(x, a);
          EXPECT_GT(below.lower, 0) << named(a, b, shape);
          EXPECT_LE(above.lower, constant.value * below.upper) << named(a, b, shape);
          EXPECT_GE(above.upper, constant.value * below.lower) << named(a, b, shape);
        }
      }
    }
  }
}

// The two directions are each other's reciprocals, and nothing is between a norm and itself.
TEST(Equivalence, IsReciprocalInTheOtherDirection) {
  for (const Shape shape : kShapes) {
    for (const Norm& a : norms_of_table(shape)) {
      for (const Norm& b : norms_of_table(shape)) {
        const Equivalence forward = equivalence(a, b, shape);
        const Equivalence backward = equivalence(b, a, shape);
        const double rounding = tolerance::relative(64, 64);
        EXPECT_NEAR(forward.least.value * backward.greatest.value, 1, rounding) << named(a, b, shape);
        EXPECT_EQ(forward.least.is_best(), backward.greatest.is_best()) << named(a, b, shape);
        EXPECT_LE(forward.least.value, forward.greatest.value * (1 + rounding)) << named(a, b, shape);
      }
      const Equivalence same = equivalence(a, a, shape);
      EXPECT_EQ(same.least.value, 1);
      EXPECT_EQ(same.greatest.value, 1);
      EXPECT_TRUE(same.least.is_best() && same.greatest.is_best());
    }
  }
}

struct Known {
  Norm a, b;
  double least, greatest;
};

// Higham, Accuracy and Stability of Numerical Algorithms, tables 6.1 and 6.2; Horn and Johnson, section 5.6.
TEST(Equivalence, HasTheConstantsOfTheTextbooks) {
  for (const auto& [m, n] : {std::pair<double, double>{6, 3}, {3, 7}, {4, 4}}) {
    const double r = std::min(m, n);
    const std::vector<Known> known{
        {Spectral{}, Frobenius{}, 1, std::sqrt(r)},
        {Spectral{}, Nuclear{}, 1, r},
        {Frobenius{}, Nuclear{}, 1, std::sqrt(r)},
        {Spectral{}, ColumnSum{}, 1 / std::sqrt(n), std::sqrt(m)},
        {Spectral{}, RowSum{}, 1 / std::sqrt(m), std::sqrt(n)},
        {ColumnSum{}, RowSum{}, 1 / m, n},
        {Frobenius{}, ColumnSum{}, 1 / std::sqrt(n), std::sqrt(m)},
        {Frobenius{}, RowSum{}, 1 / std::sqrt(m), std::sqrt(n)},
        {MaxAbs{}, Spectral{}, 1, std::sqrt(m * n)},
        {MaxAbs{}, Frobenius{}, 1, std::sqrt(m * n)},
        {MaxAbs{}, ColumnSum{}, 1, m},
        {MaxAbs{}, RowSum{}, 1, n},
        {MaxAbs{}, Entrywise{1}, 1, m * n},
        {Entrywise{1}, Frobenius{}, 1 / std::sqrt(m * n), 1},
        {Entrywise{1}, Nuclear{}, 1 / std::sqrt(m * n), 1},
        {Mixed{2, 1}, Nuclear{}, 1 / std::sqrt(n), 1},
        {Mixed{2, 1}, Frobenius{}, 1 / std::sqrt(n), 1},
        {Spectral{}, KyFan{2, 1}, 1, 2},
        {KyFan{2, 1}, Nuclear{}, 1, r / 2},
        {Frobenius{}, KyFan{2, 1}, 1 / std::sqrt(std::max(1.0, r / 4)), std::sqrt(2.0)},
        {Spectral{}, Schatten{3}, 1, std::cbrt(r)},
        {Spectral{}, Induced{kInfinity, 1}, 1, std::sqrt(m * n)},
        {Spectral{}, Induced{2, 1}, 1, std::sqrt(m)},
        {Frobenius{}, Induced{2, 1}, 1 / std::sqrt(r), std::sqrt(m)},
        {Induced{kInfinity, 2}, Induced{2, 1}, 1 / std::sqrt(n), std::sqrt(m)},
    };
    for (const Known& wanted : known) {
      const Shape shape{static_cast<std::int64_t>(m), static_cast<std::int64_t>(n)};
      const Equivalence e = equivalence(wanted.a, wanted.b, shape);
      const double rounding = tolerance::relative(64, 64);
      EXPECT_NEAR(e.greatest.value, wanted.greatest, rounding * wanted.greatest) << named(wanted.a, wanted.b, shape);
      EXPECT_NEAR(e.least.value, wanted.least, rounding * wanted.least) << named(wanted.a, wanted.b, shape);
    }
  }
}

// The pairs that the header promises, in every shape.
TEST(Equivalence, IsBestForTheUsualNormsAndForInducedNorms) {
  for (const Shape shape : kShapes) {
    const std::int64_t all = std::min(shape.rows, shape.columns);
    const std::vector<std::vector<Norm>> groups{
        {Spectral{}, Frobenius{}, Nuclear{}, Schatten{1.5}, Schatten{3}, ColumnSum{}, RowSum{}},
        {Spectral{}, Nuclear{}, KyFan{1, 3}, KyFan{(all + 1) / 2, 1}, KyFan{(all + 1) / 2, 2}, Schatten{1.5}},
        {Spectral{}, Frobenius{}, Schatten{3}, MaxAbs{}, ColumnSum{}, RowSum{}, Entrywise{3}},
        {Induced{2, 2}, Induced{kInfinity, 1}, Induced{2, 1}, Induced{3, 1.5}, Induced{1, 3}}};
    for (const std::vector<Norm>& group : groups) {
      for (const Norm& a : group) {
        for (const Norm& b : group) EXPECT_TRUE(equivalence(a, b, shape).greatest.is_best()) << named(a, b, shape);
      }
    }
  }
}

// sqrt(m n min(m, n)) needs entries +-1 and orthogonal rows.
TEST(Equivalence, NeedsAHadamardMatrixForTheSumOfMagnitudes) {
  const Constant four = equivalence(Spectral{}, Entrywise{1}, {4, 4}).greatest;
  EXPECT_TRUE(four.is_best());
  EXPECT_NEAR(four.value, 8, tolerance::relative(64, 64, 8));
  EXPECT_TRUE(equivalence(Spectral{}, Entrywise{1}, {3, 8}).greatest.is_best());
  EXPECT_TRUE(equivalence(Spectral{}, Entrywise{1}, {12, 5}).greatest.is_best());
  const Constant three = equivalence(Spectral{}, Entrywise{1}, {3, 3}).greatest;
  EXPECT_FALSE(three.is_best());
  // The best is 5 (Banica, Collins, Schlenker: I - 2/3 J); the inequality holds with 27^(1/2).
  EXPECT_GE(three.value, 5);
}

TEST(Equivalence, KnowsTheNumericalRadius) {
  for (const std::int64_t n : {1, 2, 5}) {
    const Equivalence e = equivalence(Spectral{}, NumericalRadius{}, {n, n});
    EXPECT_EQ(e.greatest.value, 1);
    EXPECT_TRUE(e.greatest.is_best());
    EXPECT_NEAR(e.least.value, n > 1 ? 0.5 : 1.0, tolerance::kEpsilon);
    EXPECT_TRUE(e.least.is_best());
  }
  EXPECT_THROW(equivalence(Spectral{}, NumericalRadius{}, {2, 3}), Error);
}

TEST(Equivalence, RefusesWhatIsNoNorm) {
  EXPECT_THROW(equivalence(SmallestSingular{}, Frobenius{}, {3, 3}), Error);
  EXPECT_THROW(equivalence(Frobenius{}, ColumnSum{true}, {3, 3}), Error);
  EXPECT_THROW(equivalence(RowSum{true}, Frobenius{}, {3, 3}), Error);
  EXPECT_THROW(equivalence(Frobenius{}, KyFan{4}, {3, 3}), Error);
  EXPECT_THROW(equivalence(Frobenius{}, Schatten{0.5}, {3, 3}), Error);
  EXPECT_THROW(equivalence(Frobenius{}, Spectral{}, {0, 3}), Error);
}

TEST(Hadamard, HasOrthogonalRowsOfSigns) {
  int count = 0;
  for (std::int64_t order = 0; order <= 64; ++order) {
    if (!has_hadamard(order)) continue;
    ++count;
    const std::vector<double> h = hadamard(order);
    for (std::int64_t i = 0; i < order; ++i) {
      for (std::int64_t j = 0; j < order; ++j) {
        double inner = 0;
        for (std::int64_t k = 0; k < order; ++k) {
          inner += h[static_cast<std::size_t>(i * order + k)] * h[static_cast<std::size_t>(j * order + k)];
        }
        ASSERT_EQ(inner, i == j ? static_cast<double>(order) : 0) << order;
        ASSERT_EQ(std::fabs(h[static_cast<std::size_t>(i * order + j)]), 1) << order;
      }
    }
  }
  EXPECT_GE(count, 14);
  EXPECT_FALSE(has_hadamard(3));
  EXPECT_FALSE(has_hadamard(6));
  EXPECT_EQ(hadamard_divisor(24, 5), 24);
  EXPECT_EQ(hadamard_divisor(36, 5), 12);
  EXPECT_EQ(hadamard_divisor(9, 2), 0);
}

}  // namespace
}  // namespace sigmax::norms
