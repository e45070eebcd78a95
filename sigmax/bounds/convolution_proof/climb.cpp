#include "sigmax/bounds/convolution_proof/climb.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/blas.hpp"

namespace sigmax::bounds {
namespace {

using Complex = std::complex<double>;
constexpr std::int64_t kFreeDenominator = std::int64_t{1} << 44;  // denominators of points that no grid gives

using Angles = std::array<double, 3>;

// |h|^2, h = sum_p w_p exp(i p.t), with its gradient and Hessian.
struct Scalar {
  double value = 0;
  Angles gradient{};
  std::array<Angles, 3> hessian{};
};

Scalar scalar_at(const Symbol& f, const Coordinates& taps, std::span<const Complex> w, const Angles& t) {
  std::array<std::vector<Complex>, 3> waves;
  for (std::size_t a = 0; a < 3; ++a) {
    for (const std::int64_t at : taps.on(a)) waves[a].push_back(std::polar(1.0, static_cast<double>(at) * t[a]));
  }
  Complex h;
  std::array<Complex, 3> first{};
  std::array<std::array<Complex, 3>, 3> second{};
  for (std::size_t p = 0; p < w.size(); ++p) {
    const std::array<std::uint32_t, 3>& at = taps.of(p);
    const Complex term = w[p] * waves[0][at[0]] * waves[1][at[1]] * waves[2][at[2]];
    h += term;
    for (std::size_t a = 0; a < 3; ++a) {
      const double pa = static_cast<double>(f.taps[p][a]) - f.degree[a];
      first[a] += Complex(0, pa) * term;
      for (std::size_t b = 0; b < 3; ++b) {
        second[a][b] -= pa * (static_cast<double>(f.taps[p][b]) - f.degree[b]) * term;
      }
    }
  }
  Scalar result{std::norm(h), {}, {}};
  for (std::size_t a = 0; a < 3; ++a) {
    result.gradient[a] = 2 * (std::conj(h) * first[a]).real();
    for (std::size_t b = 0; b < 3; ++b) {
      result.hessian[a][b] = 2 * (std::conj(h) * second[a][b] + std::conj(first[a]) * first[b]).real();
    }
  }
  return result;
}

// (damping I - H) d = gradient; nothing if the matrix is not positive definite.
bool step_of(const Scalar& s, double damping, Angles& d) {
  double l[3][3] = {};
  for (std::size_t j = 0; j < 3; ++j) {
    for (std::size_t i = j; i < 3; ++i) {
      double sum = (i == j ? damping : 0.0) - s.hessian[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i][k] * l[j][k];
      if (i == j) {
        if (!(sum > 0)) return false;
        l[j][j] = std::sqrt(sum);
      } else {
        l[i][j] = sum / l[j][j];
      }
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    double sum = s.gradient[i];
    for (std::size_t k = 0; k < i; ++k) sum -= l[i][k] * d[k];
    d[i] = sum / l[i][i];
  }
  for (std::size_t i = 3; i-- > 0;) {
    double sum = d[i];
    for (std::size_t k = i + 1; k < 3; ++k) sum -= l[k][i] * d[k];
    d[i] = sum / l[i][i];
  }
  return true;
}

constexpr double kFlopsOfTerm = 250;  // of one term in scalar_at()

// The nearby maximum of |h|, by damped Newton steps that increase it; adds to `flops`.
Angles maximum_near(const Symbol& f, const Coordinates& taps, std::span<const Complex> w, Angles t, double& flops,
                    const Context& context) {
  const auto evaluate = [&](const Angles& at) {
    context.check_cancel();
    flops += kFlopsOfTerm * static_cast<double>(taps.size());
    return scalar_at(f, taps, w, at);
  };
  Scalar s = evaluate(t);
  double damping = 1e-3 * s.value;
  for (int step = 0; step < 30; ++step) {
    bool moved = false;
    for (int attempt = 0; attempt < 25 && !moved; ++attempt) {
      Angles d{};
      if (step_of(s, damping, d)) {
        Angles next = t;
        for (std::size_t a = 0; a < 3; ++a) next[a] += d[a];
        const Scalar there = evaluate(next);
        if (there.value > s.value) {
          const double gain = there.value / s.value - 1;
          t = next;
          s = there;
          moved = true;
          damping /= 8;
          if (gain < 1e-15) return t;
        }
      }
      if (!moved) damping = std::max(damping * 4, 1e-8 * s.value);
    }
    if (!moved) break;
  }
  return t;
}

Angles angles_of(const TorusPoint& t) {
  Angles angles{};
  for (std::size_t a = 0; a < 3; ++a) {
    angles[a] = 2 * std::numbers::pi * static_cast<double>(t.numerator[a]) / static_cast<double>(t.denominator[a]);
  }
  return angles;
}

TorusPoint point_at(const Angles& angles) {
  TorusPoint t;
  for (std::size_t a = 0; a < 3; ++a) {
    const double turns = angles[a] / (2 * std::numbers::pi);
    const double part = turns - std::floor(turns);
    t.denominator[a] = kFreeDenominator;
    t.numerator[a] = static_cast<std::int64_t>(part * static_cast<double>(kFreeDenominator)) % kFreeDenominator;
  }
  return t;
}

// K_p v for every tap, one after another: one read of the taps.
std::vector<ComplexVector> tap_products(const Symbol& f, const ComplexVector& v) {
  const SerialBlas serial;
  std::vector<ComplexVector> products(f.taps.size());
  const auto rows = static_cast<int>(f.rows);
  const auto columns = static_cast<int>(f.columns);
  for (std::size_t p = 0; p < products.size(); ++p) {
    for (const auto part : {&ComplexVector::re, &ComplexVector::im}) {
      std::vector<double>& y = products[p].*part;
      y.resize(static_cast<std::size_t>(f.rows));
      cblas_dgemv(CblasColMajor, CblasNoTrans, rows, columns, 1.0, f.tap(p), rows, (v.*part).data(), 1, 0.0, y.data(),
                  1);
    }
  }
  return products;
}

// u^* K_p v for every tap, u = F(t) v.
std::vector<Complex> own_weights(const Symbol& f, const Coordinates& taps, const TorusPoint& t,
                                 const ComplexVector& v) {
  const std::vector<ComplexVector> products = tap_products(f, v);
  const auto m = static_cast<std::size_t>(f.rows);
  ComplexVector u{std::vector<double>(m, 0.0), std::vector<double>(m, 0.0)};
  std::vector<Phase> phases(f.taps.size());
  taps.phases(t, phases);
  for (std::size_t p = 0; p < products.size(); ++p) {
    const Phase e = phases[p];
    for (std::size_t i = 0; i < m; ++i) {
      u.re[i] += e.cosine * products[p].re[i] - e.sine * products[p].im[i];
      u.im[i] += e.sine * products[p].re[i] + e.cosine * products[p].im[i];
    }
  }
  std::vector<Complex> w(products.size());
  for (std::size_t p = 0; p < w.size(); ++p) {
    for (std::size_t i = 0; i < m; ++i) {
      w[p] += std::conj(Complex(u.re[i], u.im[i])) * Complex(products[p].re[i], products[p].im[i]);
    }
  }
  return w;
}

}  // namespace

Top climb(const GramPolynomial& g, Top from, double tolerance, double most_flops, Context& context) {
  constexpr int kMostSteps = 60;
  constexpr int kProducts = 48;
  const double residual = 0.03 * std::sqrt(tolerance);
  const Symbol& f = g.symbol();
  const Coordinates taps(f.taps);
  const double before = from.flops;
  double flops = 0;
  for (int step = 0; step < kMostSteps && flops < most_flops; ++step) {
    context.check_cancel();
    flops += 4 * static_cast<double>(f.rows * f.columns * static_cast<std::int64_t>(f.taps.size()));
    const Angles next =
        maximum_near(f, taps, own_weights(f, taps, from.at, from.vector), angles_of(from.at), flops, context);
    Top top = top_from(g, point_at(next), from.vector, residual, kProducts, context);
    flops += top.flops;
    if (!(top.norm > from.norm)) break;
    const double gain = top.norm / from.norm - 1;
    from = std::move(top);
    if (gain < tolerance) break;
  }
  from.flops = before + flops;
  return from;
}

}  // namespace sigmax::bounds
