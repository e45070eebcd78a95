// Operators of the greatest depth: no clamping, no stack overflow, no time that grows faster than the depth.
#include <gtest/gtest.h>

#include <cmath>

#include "gallery/on_a_stack.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax {
namespace {

Operator<double> filled(std::int64_t n, double value, double diagonal) {
  std::vector<double> values(static_cast<std::size_t>(n * n), value);
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * n + i)] = diagonal;
  return dense<double>(Tensor::copy_of(values, {n, n}));
}

SvdResult<double> hint_of(std::int64_t n) {
  SvdResult<double> hint;
  hint.v = Matrix<double>(n, 1);
  for (std::int64_t i = 0; i < n; ++i) hint.v(i, 0) = 1 + 0.3 * static_cast<double>(i);
  return hint;
}

// 2^d (s (s ( ... (s ones)))) I with s the double above 1/2: the norm is 6 (2 s)^d. Inside a product, so that the
// factors are not at the root.
void enclose_chains() {
  Context context(1);
  constexpr std::int64_t n = 6;
  const double half = std::nextafter(0.5, 1.0);
  for (const int depth : {10, 500, 990, 1000, 1005, 1018, 1060, 1080, 1200, 2400}) {
    Operator<double> a = filled(n, 1, 1);
    for (int i = 0; i < depth; ++i) a = scaled<double>(half, a);
    a = a * filled(n, 0, 1);
    for (int left = depth; left > 0; left -= 500) a = scaled<double>(std::ldexp(1.0, std::min(left, 500)), a);
    const long double truth = 6 * std::pow(2 * static_cast<long double>(half), depth);
    for (const auto method : {CertifyMethod::automatic, CertifyMethod::proven, CertifyMethod::cheapest}) {
      for (const std::int64_t formed : {std::int64_t{1} << 20, std::int64_t{0}}) {
        CertifyOptions options;
        options.method = method;
        options.formed_up_to = formed;
        const Enclosure e = certify(*a, hint_of(n), options, context);
        ASSERT_LE(e.lower.value(), truth) << depth;
        ASSERT_TRUE(e.upper.has_value());
        ASSERT_GE(e.upper->value(), truth) << depth;
        // Each factor moves the bound by 2^-46, twice.
        EXPECT_LE(e.upper->value(), truth * (1 + depth * 0x1p-44L)) << depth;
      }
    }
  }
}

TEST(Deep, ChainsOfFactorsInAProductAreEnclosedAtAnyDepth) { gallery::on_a_stack(4, enclose_chains); }

std::vector<Operator<double>> deepest() {
  const Operator<double> leaf = filled(3, 0.25, 0.5);
  std::vector<Operator<double>> all(6, leaf);
  for (std::int64_t depth = 1; depth < kMostDepth; ++depth) {
    all[0] = scaled<double>(0.7, all[0]);
    all[1] = all[1] * leaf;
    all[2] = leaf * all[2];
    all[3] = depth % 2 == 0 ? scaled<double>(0.9, all[3]) : transposed(all[3]);
    all[4] = depth % 2 == 0 ? sum<double>({all[4], leaf}) : transposed(all[4]);
    if (depth % 2 == 0) all[5] = stack_columns<double>({leaf, leaf}) * stack_rows<double>({all[5], leaf});
  }
  return all;
}

void use_all() {
  Context context(1);
  for (const Operator<double>& a : deepest()) {
    SvdOptions<double> options;
    options.method = Lanczos{};
    options.tolerance = 1e-8;
    options.max_products = 10;
    const SvdResult<double> hint = svd(*a, options, context);
    const std::int64_t leaf = 3;
    EXPECT_GE(a->shape().rows, leaf);
    for (const std::int64_t formed : {std::int64_t{1} << 20, std::int64_t{0}}) {
      CertifyOptions limits;
      limits.formed_up_to = formed;
      const Enclosure e = certify(*a, hint, limits, context);
      EXPECT_TRUE(!e.upper || e.upper->value() >= e.lower.value());
    }
    EXPECT_EQ(materialize(*a, context).rows(), a->shape().rows);
  }
}

// Everything that recurses, at the greatest depth, on half of the main thread's default stack on Linux.
TEST(Deep, TheDeepestOperatorsFitOnAStack) { gallery::on_a_stack(4, use_all); }

TEST(Deep, ADeeperOneIsRefusedWhereItIsMade) {
  const Operator<double> leaf = filled(3, 0.25, 0.5);
  Operator<double> a = leaf;
  while (a->depth() < kMostDepth) a = a * leaf;
  EXPECT_THROW(a * leaf, Error);
  EXPECT_THROW(scaled<double>(0.7, a), Error);
  EXPECT_THROW(transposed(a), Error);
  EXPECT_THROW(a + leaf, Error);
  EXPECT_THROW(stack_rows<double>({a, leaf}), Error);
  EXPECT_THROW(stack_columns<double>({leaf, a}), Error);
}

// An operator whose structure contains itself, and one whose scale doubles with each level.
class Endless final : public LinearOperator<double>, public std::enable_shared_from_this<Endless> {
 public:
  Shape shape() const override { return {1, 1}; }
  Structure<double> structure() const override { return structure::Scaled<double>{0.7, shared_from_this()}; }

 private:
  void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context&) const override { y.data[0] = x.data[0]; }
  void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context&) const override {
    x.data[0] = y.data[0];
  }
};

TEST(Deep, AStructureWithoutEndIsRefused) {
  Context context(1);
  const auto endless = std::make_shared<const Endless>();
  EXPECT_THROW(certify(*endless, hint_of(1), CertifyOptions{}, context), Error);
}

}  // namespace
}  // namespace sigmax
