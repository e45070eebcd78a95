// Gradients of gauges that the caller gives: against the norms of the table, finite differences and their definition.
#include "sigmax/grad/gauge_vjp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "gallery/spectra.hpp"
#include "repeatable.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/norms/norm.hpp"
#include "tolerance.hpp"

namespace sigmax::grad {
namespace {

using Vector = std::vector<double>;

norms::Gauge weighted_pair() {
  return {"2 sigma_1 + sigma_2", [](std::span<const double> s) { return 2 * s[0] + (s.size() > 1 ? s[1] : 0); }};
}

Vector of_weighted_pair(std::span<const double> s) {
  Vector w(s.size(), 0.0);
  w[0] = 2;
  if (w.size() > 1) w[1] = 1;
  return w;
}

norms::Gauge schatten_3() {
  return {"Schatten 3", [](std::span<const double> s) {
            double sum = 0;
            for (const double x : s) sum += std::pow(x / s[0], 3);
            return s[0] > 0 ? s[0] * std::cbrt(sum) : 0.0;
          }};
}

Vector of_schatten_3(std::span<const double> s) {
  const double value = schatten_3().value(s);
  Vector w;
  for (const double x : s) w.push_back((x / value) * (x / value));
  return w;
}

Vector gradient_of(const Vector& a, std::int64_t rows, std::int64_t columns, const norms::Gauge& gauge,
                   const GaugeSubgradient& subgradient, Context& context) {
  Vector g(a.size(), 0.0);
  static_cast<void>(gauge_vjp<double>(Tensor::copy_of(a, {rows, columns}), gauge, subgradient,
                                      repeatable<NormVjpOptions>(), g, context));
  return g;
}

TEST(GaugeVjp, AgreesWithTheNormOfTheTable) {
  Context context(1);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Vector a = gallery::normal(5 * 4, seed);
    Vector wanted(a.size(), 0.0);
    static_cast<void>(norm_vjp<double>(Tensor::copy_of(a, {5, 4}), norms::Schatten{3}, repeatable<NormVjpOptions>(),
                                       wanted, context));
    const Vector found = gradient_of(a, 5, 4, schatten_3(), of_schatten_3, context);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(found[i], wanted[i], tolerance::of_triplets(5, 4, 1e3));
  }
}

// f(B) >= f(A) + <G, B - A>, with equal singular values and with zeros as well.
TEST(GaugeVjp, IsASubgradient) {
  Context context(1);
  for (const Vector& sigma : {Vector{4, 3, 1}, {2, 2, 2}, {3, 1, 0}, {5, 0, 0}}) {
    const Vector a = gallery::with_singular_values(4, 3, sigma, 3);
    const auto value = [&](const Vector& b) {
      return norms::gauge_norm(Tensor::copy_of(b, {4, 3}), weighted_pair(), repeatable<norms::NormOptions>(), context)
          .value;
    };
    const Vector g = gradient_of(a, 4, 3, weighted_pair(), of_weighted_pair, context);
    const double here = value(a);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Vector b = gallery::normal(4 * 3, seed);
      const double step = seed % 2 == 0 ? 1e-3 : 1.0;
      double inner = 0;
      for (std::size_t i = 0; i < b.size(); ++i) {
        inner += g[i] * step * b[i];
        b[i] = a[i] + step * b[i];
      }
      EXPECT_GE(value(b), here + inner - tolerance::of_triplets(4, 3, 1e3)) << sigma[1] << " " << seed;
    }
  }
}

TEST(GaugeVjp, SaysThatItIsTheCallersSubgradient) {
  Context context(1);
  Vector g(12, 0.0);
  const Tensor a = Tensor::copy_of(gallery::normal(12, 1), {4, 3});
  const NormGradient found =
      gauge_vjp<double>(a, weighted_pair(), of_weighted_pair, repeatable<NormVjpOptions>(), g, context);
  EXPECT_EQ(found.kind, GradientKind::subgradient);
  EXPECT_NE(found.note.find("caller"), std::string::npos);
  EXPECT_NEAR(found.value, norms::gauge_norm(a, weighted_pair(), repeatable<norms::NormOptions>(), context).value,
              tolerance::of_triplets(4, 3, 1e3));
  const NormGradient zero = gauge_vjp<double>(Tensor::copy_of(Vector(12, 0.0), {4, 3}), weighted_pair(),
                                              of_weighted_pair, repeatable<NormVjpOptions>(), g, context);
  EXPECT_EQ(zero.value, 0);
}

TEST(GaugeVjp, RefusesWhatIsNoSubgradient) {
  Context context(1);
  Vector g(12, 0.0);
  const Tensor a = Tensor::copy_of(gallery::normal(12, 1), {4, 3});
  const auto refuse = [&](const GaugeSubgradient& wrong) {
    EXPECT_THROW(
        static_cast<void>(gauge_vjp<double>(a, weighted_pair(), wrong, repeatable<NormVjpOptions>(), g, context)),
        Error);
  };
  refuse({});
  refuse([](std::span<const double>) { return Vector{2, 1}; });
  refuse([](std::span<const double>) { return Vector{2, 1, -1}; });
  refuse([](std::span<const double>) { return Vector{2, std::nan(""), 0}; });
  refuse([](std::span<const double>) { return Vector{2, 2, 0}; });  // not homogeneous with the value
  Vector short_one(11, 0.0);
  EXPECT_THROW(static_cast<void>(gauge_vjp<double>(a, weighted_pair(), of_weighted_pair, repeatable<NormVjpOptions>(),
                                                   short_one, context)),
               Error);
}

}  // namespace
}  // namespace sigmax::grad
