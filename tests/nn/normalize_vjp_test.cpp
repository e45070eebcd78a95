// Gradients of spectral normalization against central differences in long double, and against the formulas.
#include "sigmax/nn/normalize_vjp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/samples.hpp"
#include "sigmax/core/error.hpp"
#include "tolerance.hpp"

namespace sigmax::nn {
namespace {

// The rules by definition, in long double.
Real80 factor_80(const Rule& rule, Real80 sigma) {
  if (rule.kind == Rule::Kind::at_most && sigma <= rule.target) return rule.scale;
  return rule.scale * rule.target / sigma;
}

Real80 sigma_80(const Vector80& w, const Vector80& u, const Vector80& v) { return dot_80(u, multiply_80(w, v)); }

// <G, f(sigma(W)) W>: the differentiated function, u and v held fixed.
Real80 loss_80(const Rule& rule, const Vector80& w, const Vector80& u, const Vector80& v, const Vector80& g) {
  return factor_80(rule, sigma_80(w, u, v)) * dot_80(g, w);
}

// d loss / dW, by central differences of long double: h = 2^-20 makes both errors, h^2 times the third derivative and
// u / h, of the order of 2^-40.
constexpr Real80 kStep = 0x1p-20L;
constexpr double kDifference = 0x1p-36;

template <class Function>
Vector80 gradient_80(const Function& function, Vector80 at) {
  Vector80 result(at.size());
  for (std::size_t i = 0; i < at.size(); ++i) {
    const Real80 here = at[i];
    at[i] = here + kStep;
    const Real80 after = function(at);
    at[i] = here - kStep;
    result[i] = (after - function(at)) / (2 * kStep);
    at[i] = here;
  }
  return result;
}

struct Case {
  Layout layout;
  Rule rule;
};

// The sigma of the samples is between 1 and 10.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Layout& layout : {Layout{{4, 3}, 0}, Layout{{3, 5}, 1}, Layout{{3, 4, 2}, 1}, Layout{{2, 3, 3, 3}, 0}}) {
    for (const Rule& rule : {Rule{}, Rule{Rule::Kind::divide, 2.5, 0.5}, Rule{Rule::Kind::at_most, 0.25, -1.5},
                             Rule{Rule::Kind::at_most, 100, 2}}) {
      all.push_back({layout, rule});
    }
  }
  return all;
}

// A weight with its state, and an output gradient, in T and in long double.
struct Setting {
  Setting(const Layout& layout, DType dtype)
      : weight(dtype, layout.shape, layout.dimension, 21),
        g(dtype, layout.shape, layout.dimension, 22),
        u(unit_vector<double>(weight.rows(), 1)),
        v(unit_vector<double>(weight.columns(), 2)) {
    Context context(1);
    sigma = step<double>(weight.weight(), {.steps = 2}, u, v, context).sigma;
  }
  Sample weight, g;
  std::vector<double> u, v;
  double sigma = 0;
};

double scale_of(const Setting& s) { return static_cast<double>(norm_80(s.weight.matrix()) * norm_80(s.g.matrix())); }

void expect_equal(const Vector80& found, const Vector80& wanted, double allowed, const std::string& what) {
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(found[i]), static_cast<double>(wanted[i]), allowed) << what << " entry " << i;
  }
}

TEST(NormalizeVjp, AgreesWithCentralDifferencesForEveryRuleAndLayout) {
  Context context(1);
  for (const Case& c : cases()) {
    const Setting s(c.layout, DType::f64);
    const Factor f = factor(c.rule, s.sigma);
    Sample gradient = s.g;
    const NormalizeGradient result =
        normalize_vjp<double>(s.weight.weight(), s.u, s.v, f, s.g.weight(), true, gradient.output(), context);
    const Vector80 u = in_80(s.u), v = in_80(s.v), g = s.g.matrix();
    const Vector80 wanted =
        gradient_80([&](const Vector80& w) { return loss_80(c.rule, w, u, v, g); }, s.weight.matrix());
    const double allowed = (kDifference + tolerance::relative(4, 10)) * scale_of(s);
    expect_equal(gradient.matrix(), wanted, allowed, s.weight.what());
    // dL/dscale = p f / scale
    Rule larger = c.rule, less = c.rule;
    larger.scale += 0x1p-10;
    less.scale -= 0x1p-10;
    const Vector80 w = s.weight.matrix();
    const Real80 slope = (loss_80(larger, w, u, v, g) - loss_80(less, w, u, v, g)) / 0x1p-9L;
    EXPECT_NEAR(result.inner * f.value / c.rule.scale, static_cast<double>(slope), allowed);
  }
}

template <class T>
void check_type(const Layout& layout, DType dtype) {
  Context context(2);
  const Setting s(layout, dtype);
  const std::vector<T> u(s.u.begin(), s.u.end()), v(s.v.begin(), s.v.end());
  const Factor f = factor({}, s.sigma);
  Sample gradient = s.g;
  const NormalizeGradient result =
      normalize_vjp<T>(s.weight.weight(), u, v, f, s.g.weight(), false, gradient.output(), context);
  const Vector80 w = s.weight.matrix(), g = s.g.matrix(), found = gradient.matrix();
  const std::int64_t size = s.weight.weight().size();
  const Real80 p = dot_80(g, w);
  EXPECT_LE(std::fabs(result.inner - p), tolerance::gamma(size) * norm_80(g) * norm_80(w)) << s.weight.what();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Real80 outer = in_80(u)[i / v.size()] * in_80(v)[i % v.size()];
    const Real80 wanted = f.value * g[i] + f.first * p * outer;
    const Real80 terms = std::fabs(f.value * g[i]) + std::fabs(f.first * norm_80(g) * norm_80(w) * outer);
    const auto allowed = static_cast<double>(terms * (tolerance::gamma_in<T>(6) + tolerance::gamma(size)) +
                                             std::fabs(wanted) * unit_roundoff(dtype) * 1.01L + 0x1p-24L);
    ASSERT_NEAR(static_cast<double>(found[i]), static_cast<double>(wanted), allowed) << s.weight.what() << " " << i;
  }
}

TEST(NormalizeVjp, HoldsItsErrorBoundInEveryLayoutAndStorageType) {
  for (const Layout& layout : {Layout{{17, 33}, 0}, Layout{{5, 7, 4, 4}, 1}, Layout{{10, 130}, 1}, Layout{{1, 1}, 0},
                               Layout{{8, 3, 3, 3}, 0}, Layout{{2, 3, 70}, 1}}) {
    for (const DType dtype : gallery::kStorageTypes) {
      check_type<double>(layout, dtype);
      if (dtype != DType::f64) check_type<float>(layout, dtype);
    }
  }
}

TEST(NormalizeVjp, ANormBelowTheTargetCostsNoInnerProductAndBendsNothing) {
  Context context(1);
  const Setting s({{4, 3}, 0}, DType::f64);
  const Factor f = factor({Rule::Kind::at_most, 1000, 1}, s.sigma);
  Sample gradient = s.g;
  const NormalizeGradient result =
      normalize_vjp<double>(s.weight.weight(), s.u, s.v, f, s.g.weight(), false, gradient.output(), context);
  EXPECT_EQ(result.inner, 0);
  EXPECT_EQ(gradient.values(), s.g.values());
}

TEST(NormalizeVjp, AZeroWeightPassesItsGradient) {
  Context context(1);
  const Setting s({{4, 3}, 0}, DType::f64);
  const Sample zero(DType::f64, {4, 3}, 0, std::vector<double>(12, 0.0));
  Sample gradient = s.g;
  normalize_vjp<double>(zero.weight(), s.u, s.v, factor({}, 0), s.g.weight(), false, gradient.output(), context);
  EXPECT_EQ(gradient.values(), s.g.values());
}

TEST(NormalizeVjp, MayWriteOverTheOutputGradient) {
  Context context(1);
  const Setting s({{3, 4, 2}, 1}, DType::f32);
  const std::vector<float> u(s.u.begin(), s.u.end()), v(s.v.begin(), s.v.end());
  const Factor f = factor({}, s.sigma);
  Sample apart = s.g, over = s.g;
  normalize_vjp<float>(s.weight.weight(), u, v, f, s.g.weight(), false, apart.output(), context);
  normalize_vjp<float>(s.weight.weight(), u, v, f, over.weight(), false, over.output(), context);
  EXPECT_EQ(apart.values(), over.values());
}

// y = f W x for a few samples: the gradient of <c, y> with respect to W from the helpers, compared with that through
// the weight.
TEST(NormalizeVjp, ScalingTheOutputHasTheGradientOfScalingTheWeight) {
  Context context(1);
  for (const Rule& rule : {Rule{}, Rule{Rule::Kind::at_most, 0.5, 2}, Rule{Rule::Kind::at_most, 100, 2}}) {
    const Setting s({{4, 3}, 0}, DType::f64);
    const Factor f = factor(rule, s.sigma);
    const std::vector<double> x = gallery::normal(3 * 5, 31), dy = gallery::normal(4 * 5, 32);
    const Vector80 w = s.weight.matrix();
    std::vector<double> y(20), by_output(12), g(12);
    for (std::size_t k = 0; k < 5; ++k) {
      for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
          y[k * 4 + i] += f.value * static_cast<double>(w[i * 3 + j]) * x[k * 3 + j];
          by_output[i * 3 + j] += f.value * dy[k * 4 + i] * x[k * 3 + j];
          g[i * 3 + j] += dy[k * 4 + i] * x[k * 3 + j];
        }
      }
    }
    const double sigma_gradient = dot(DType::f64, dy.data(), y.data(), 20, context) * f.first / f.value;
    Sample found(DType::f64, {4, 3}, 0, by_output);
    add_sigma_gradient<double>(sigma_gradient, s.u, s.v, found.output(), context);
    const Sample output_gradient(DType::f64, {4, 3}, 0, g);
    Sample wanted = output_gradient;
    normalize_vjp<double>(s.weight.weight(), s.u, s.v, f, output_gradient.weight(), false, wanted.output(), context);
    expect_equal(found.matrix(), wanted.matrix(),
                 tolerance::relative(20, 12) * static_cast<double>(norm_80(w)) * static_cast<double>(norm_80(in_80(g))),
                 "dL/dW");
  }
}

TEST(NormalizeVjp, RefusesWhatDoesNotFit) {
  Context context(1);
  const Setting s({{4, 3}, 0}, DType::f64);
  Sample other(DType::f64, {3, 4}, 0), single(DType::f32, {4, 3}, 0), gradient = s.g;
  const Factor f = factor({}, s.sigma);
  const std::vector<double> wrong(5);
  EXPECT_THROW(normalize_vjp<double>(s.weight.weight(), s.u, s.v, f, other.weight(), false, gradient.output(), context),
               Error);
  EXPECT_THROW(normalize_vjp<double>(s.weight.weight(), s.u, s.v, f, s.g.weight(), false, single.output(), context),
               Error);
  EXPECT_THROW(normalize_vjp<double>(s.weight.weight(), wrong, s.v, f, s.g.weight(), false, gradient.output(), context),
               Error);
}

}  // namespace
}  // namespace sigmax::nn
