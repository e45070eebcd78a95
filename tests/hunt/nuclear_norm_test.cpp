// The hunt for a wrong end of the nuclear norm: by duality with the polar factor, and as norm() gives it, which falls
// back to the whole spectrum. `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "hunt/budget.hpp"
#include "hunt/hostile_matrix.hpp"
#include "hunt/random_spectrum.hpp"
#include "sigmax/bounds/nuclear_norm.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/norms/norm.hpp"

namespace sigmax {
namespace {

struct Specimen {
  Tensor matrix;
  long double sum = 0;    // of the singular values
  long double error = 0;  // of the sum, at most
  std::string what;
};

// Hostile entries of small order, one in four times a power of two; one in eight has a spectrum of copies, clusters and
// zeros.
Specimen make(std::uint64_t seed) {
  hunt::HostileMaker maker(seed);
  if (maker.pick(8) == 0) {
    const hunt::Spectrum s = hunt::SpectrumMaker(seed).make(true);
    Specimen found{s.matrix, 0, 0, s.what};
    for (const long double value : s.values) found.sum += value;
    // And the rounding of the sum.
    found.error = static_cast<long double>(s.least()) * s.error + 0x1p-57L * found.sum;
    return found;
  }
  const std::int64_t rows = 1 + maker.pick(12);
  const std::int64_t columns = maker.pick(2) == 0 ? rows : 1 + maker.pick(12);
  const Matrix<double> a = maker.matrix(rows, columns);
  const int exponent = maker.pick(4) == 0 ? static_cast<int>(maker.pick(1800)) - 900 : 0;
  std::vector<double> entries;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) entries.push_back(std::ldexp(a(i, j), exponent));
  }
  Specimen found{Tensor::rounded(entries, {rows, columns}, DType::f64), 0, 0,
                 fmt::format("{}x{} times 2^{}", rows, columns, exponent)};
  const std::vector<long double> sigma =
      gallery::reference_singular_values(entries, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
  for (const long double value : sigma) found.sum += value;
  // 2^-56 sigma_1 for each value, as for the spectra.
  found.error = static_cast<long double>(sigma.size() + 1) * 0x1p-56L * sigma.front();
  return found;
}

TEST(HuntNuclear, NoEndIsOnTheWrongSide) {
  Context context(1);
  std::int64_t by_duality = 0;
  const std::int64_t count = hunt::budget(4000);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    const Specimen s = make(seed);
    SCOPED_TRACE(fmt::format("{} {}", hunt::rerun(seed), s.what));
    ScannedMatrix scanned(stored_view(s.matrix), context);
    const std::optional<Enclosure> dual = bounds::enclose_nuclear_norm(scanned, CertifyOptions{}, context);
    if (dual) {
      ASSERT_TRUE(dual->is_proven());
      ASSERT_LE(dual->lower.value(), s.sum + s.error);
      ASSERT_GE(dual->upper->value(), s.sum - s.error);
      ++by_duality;
    }
    const norms::NormResult found = norms::norm(s.matrix, norms::Nuclear{}, norms::NormOptions{}, context);
    ASSERT_TRUE(found.enclosure && found.enclosure->is_proven());
    ASSERT_LE(found.enclosure->lower.value(), s.sum + s.error);
    ASSERT_GE(found.enclosure->upper->value(), s.sum - s.error);
  }
  std::printf("%lld matrices, %lld by duality\n", static_cast<long long>(count), static_cast<long long>(by_duality));
  // A proof that never applies proves nothing.
  EXPECT_GE(2 * by_duality, count - 10);
}

}  // namespace
}  // namespace sigmax
