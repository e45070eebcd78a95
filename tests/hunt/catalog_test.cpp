// The hunt for a wrong end among the proofs of the catalog of norms: whole spectra by their residual, the numerical
// radius, duals of Ky Fan norms. `make hunt`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "hunt/budget.hpp"
#include "hunt/random_spectrum.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/numerical_radius.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"
#include "tolerance.hpp"

namespace sigmax {
namespace {

using hunt::Spectrum;
using hunt::SpectrumMaker;

constexpr std::int64_t kEach = 10;  // a specimen counts as this many enclosures

// Triplets that were spoiled: the ends may be far apart, never wrong.
template <Real T>
void spoil(SvdResult<T>& found, SpectrumMaker& maker) {
  const double size = std::exp2(-50.0 * maker.uniform());
  for (Matrix<T>* const vectors : {&found.u, &found.v}) {
    for (T& value : vectors->values()) value += static_cast<T>(size * (maker.uniform() - 0.5));
  }
  for (double& sigma : found.sigma) sigma *= 1 + size * (maker.uniform() - 0.5);
  if (maker.pick(2) == 0) std::sort(found.sigma.rbegin(), found.sigma.rend());
  if (maker.pick(8) == 0) found.sigma[0] = std::numeric_limits<double>::quiet_NaN();
  if (maker.pick(8) == 0) found.u(0, 0) = std::numeric_limits<T>::infinity();
}

template <Real T>
void hunt_spectra(std::int64_t spectra) {
  Context context(1);
  std::int64_t enclosures = 0;
  for (std::int64_t i = 0; i < spectra; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SpectrumMaker maker(seed);
    const Spectrum s = maker.make(std::same_as<T, double>);
    SCOPED_TRACE(hunt::rerun(seed, kEach) + " " + s.what);
    const Operator<T> a = dense<T>(s.matrix);
    SvdOptions<T> options;
    options.k = s.least();
    options.method = DenseLapack{};
    options.random = vouched(random_state(seed));
    SvdResult<T> found = svd(*a, options, context);
    const bool spoiled = maker.pick(2) == 0;
    if (spoiled) spoil(found, maker);
    const CertifiedValues known = certify_values(*a, found, Which::largest, CertifyOptions{}, context);
    const auto largest = static_cast<double>(s.values.front());
    for (std::size_t j = 0; j < known.sigma.size(); ++j) {
      const Enclosure& e = known.sigma[j];
      ASSERT_LE(e.lower.value(), s.values[j] + s.error) << j;
      ASSERT_TRUE(!e.upper || e.upper->value() >= s.values[j] - s.error) << j;
      if (std::same_as<T, double> && !spoiled) {
        ASSERT_TRUE(e.is_proven());
        ASSERT_LE(e.upper->value() - e.lower.value(), 1e-10 * largest) << j;
      }
      ++enclosures;
    }
  }
  std::printf("%lld values of %lld whole spectra\n", static_cast<long long>(enclosures),
              static_cast<long long>(spectra));
}

TEST(HuntCatalog, EveryWholeSpectrumOfDoublesIsWhatItSays) { hunt_spectra<double>(hunt::budget(4'000) / kEach); }
TEST(HuntCatalog, EveryWholeSpectrumOfFloatsIsWhatItSays) { hunt_spectra<float>(hunt::budget(2'000) / kEach); }

// A direct sum of blocks with known numerical radii, turned by an orthogonal matrix in long double and rounded. The
// rounding moves w by at most its Frobenius norm.
struct Radius {
  std::int64_t n = 0;
  std::vector<double> entries;
  long double w = 0;
  long double error = 0;
};

Radius make_radius(SpectrumMaker& maker, std::uint64_t seed) {
  Radius r;
  r.n = 1 + maker.pick(9);
  const auto n = static_cast<std::size_t>(r.n);
  std::vector<long double> a(n * n, 0.0L);
  const auto number = [&] { return std::ldexp(1 + maker.uniform(), -static_cast<int>(maker.pick(3))); };
  for (std::size_t at = 0; at < n;) {
    const std::int64_t kind = n - at < 2 ? 0 : maker.pick(4);
    if (kind == 0) {
      const long double x = (maker.pick(2) == 0 ? 1 : -1) * number();
      a[at * n + at] = x;
      r.w = std::max(r.w, std::fabs(x));
      at += 1;
    } else if (kind == 1) {  // a rotation: eigenvalues x +- i y, normal
      const long double x = number();
      const long double y = number();
      a[at * n + at] = a[(at + 1) * n + at + 1] = x;
      a[at * n + at + 1] = y;
      a[(at + 1) * n + at] = -y;
      r.w = std::max(r.w, std::sqrt(x * x + y * y));
      at += 2;
    } else if (kind == 2) {  // a disc of radius |b|/2 around x
      const long double x = number() - 1;
      const long double b = number();
      a[at * n + at] = a[(at + 1) * n + at + 1] = x;
      a[at * n + at + 1] = b;
      r.w = std::max(r.w, std::fabs(x) + b / 2);
      at += 2;
    } else {  // a Jordan block of zeros, of the order that is left or three
      const std::size_t order = std::min<std::size_t>(n - at, 3);
      const long double b = number();
      for (std::size_t i = 0; i + 1 < order; ++i) a[(at + i) * n + at + i + 1] = b;
      r.w = std::max(r.w, b * std::cos(std::acos(-1.0L) / static_cast<long double>(order + 1)));
      at += order;
    }
  }
  const auto q = gallery::orthonormal(r.n, r.n, seed);
  const bool turned = maker.pick(3) != 0;
  const double unit = maker.pick(4) == 0 ? std::ldexp(1.0, static_cast<int>(maker.pick(1800)) - 900) : 1.0;
  long double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      long double sum = turned ? 0 : a[i * n + j];
      for (std::size_t k = 0; turned && k < n; ++k) {
        for (std::size_t l = 0; l < n; ++l) sum += q[k][i] * a[k * n + l] * q[l][j];
      }
      r.entries.push_back(static_cast<double>(sum) * unit);
      squares += std::pow(static_cast<long double>(r.entries.back()) / unit - sum, 2.0L);
    }
  }
  r.w *= unit;
  // And the errors of q and of the sums, in long double.
  r.error = (std::sqrt(squares) + 1e-17L) * unit;
  return r;
}

TEST(HuntCatalog, EveryNumericalRadiusIsWhatItSays) {
  Context context(1);
  const std::int64_t count = hunt::budget(3'000) / kEach;
  std::int64_t narrow = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SpectrumMaker maker(seed);
    const Radius r = make_radius(maker, seed);
    SCOPED_TRACE(hunt::rerun(seed, kEach));
    const Tensor matrix = Tensor::copy_of(r.entries, {r.n, r.n});
    const norms::NormResult found =
        norms::norm(matrix, norms::NumericalRadius{}, repeatable<norms::NormOptions>(), context);
    ASSERT_TRUE(found.enclosure->is_proven());
    ASSERT_LE(found.enclosure->lower.value(), r.w + r.error);
    ASSERT_GE(found.enclosure->upper->value(), r.w - r.error);
    narrow += found.enclosure->relative_width() < 1e-8 ? 1 : 0;
    // From any vector.
    std::vector<double> re;
    std::vector<double> im;
    for (std::int64_t j = 0; j < r.n; ++j) {
      re.push_back(maker.uniform() - 0.5);
      im.push_back(maker.uniform() - 0.5);
    }
    ScannedMatrix m(stored_view(matrix), context);
    const Enclosure any = bounds::enclose_numerical_radius(m.in_range(context), re, im, context);
    ASSERT_LE(any.lower.value(), r.w + r.error);
    ASSERT_GE(any.upper->value(), r.w - r.error);
  }
  std::printf("%lld numerical radii, %lld narrower than 1e-8\n", static_cast<long long>(count),
              static_cast<long long>(narrow));
  EXPECT_EQ(narrow, count);
}

TEST(HuntCatalog, EveryDualOfAKyFanNormIsWhatItSays) {
  const std::int64_t count = hunt::budget(20'000) / kEach;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SpectrumMaker maker(seed);
    SCOPED_TRACE(hunt::rerun(seed, kEach));
    const std::int64_t n = 1 + maker.pick(8);
    const double width = std::exp2(-60.0 * maker.uniform());
    std::vector<double> truth;
    std::vector<Enclosure> known;
    for (std::int64_t j = 0; j < n; ++j) {
      truth.push_back(maker.pick(5) == 0 && j > 0 ? truth.back() : (maker.pick(6) == 0 ? 0 : maker.uniform()));
    }
    std::sort(truth.rbegin(), truth.rend());
    for (const double value : truth) {
      const double below = value * (1 - width * maker.uniform());
      const double above = value * (1 + width * maker.uniform());
      known.push_back(bounds::between(bounds::exactly(below), bounds::exactly(above)));
    }
    const std::int64_t k = 1 + maker.pick(n);
    const double p = maker.pick(3) == 0 ? 1 + static_cast<double>(maker.pick(3)) : 1 + 4 * maker.uniform();
    const Enclosure e = norms::ky_fan_dual(known, {k, p});
    // <s, y> / |y| for many y from below; the exact dual in double, known to rounding, from both sides.
    const double wanted = norms::ky_fan_dual(truth, {k, p});
    ASSERT_LE(e.lower.value(), wanted * (1 + tolerance::relative(n, 16)));
    ASSERT_TRUE(e.upper);
    ASSERT_GE(e.upper->value(), wanted * (1 - tolerance::relative(n, 16)));
    for (int trial = 0; trial < 4; ++trial) {
      std::vector<double> y;
      for (std::int64_t j = 0; j < n; ++j) y.push_back(std::pow(maker.uniform(), 3));
      std::sort(y.rbegin(), y.rend());
      long double inner = 0;
      long double power = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        inner += static_cast<long double>(truth[static_cast<std::size_t>(j)]) * y[static_cast<std::size_t>(j)];
        if (j < k) power += std::pow(static_cast<long double>(y[static_cast<std::size_t>(j)]), p);
      }
      ASSERT_LE(inner,
                e.upper->value() * std::pow(power, 1 / static_cast<long double>(p)) * (1 + tolerance::kExtended));
    }
  }
}

}  // namespace
}  // namespace sigmax
