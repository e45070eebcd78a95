// The hunt for an induced norm outside its enclosure: each proof by itself, with vectors and scalings that no sensible
// search would offer, on matrices of hostile scales. `make hunt`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "hunt/budget.hpp"
#include "hunt/wide_induced.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/induced_bounds.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/norms/induced.hpp"

namespace sigmax::bounds {
namespace {

using hunt::conjugate;
using hunt::norm_of;
using hunt::Wide;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Specimen {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  std::vector<double> a;
  double p = 1;
  double q = 1;
  std::string what;

  hunt::WideInduced wide() const {
    return {static_cast<std::size_t>(rows), static_cast<std::size_t>(columns), Wide(a.begin(), a.end()), p, q};
  }
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::mt19937_64& random() { return random_; }
  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  double unit() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  double exponent() {
    switch (pick(8)) {
      case 0: return 1;
      case 1: return 2;
      case 2: return kInfinity;
      case 3: return 1 + unit();
      case 4: return 2 + 4 * unit();
      case 5: return 2 + (unit() - 0.5) * std::exp2(-50 * unit());
      case 6: return 1 + std::exp2(-30 * unit());
      default: return std::exp2(12 * unit());
    }
  }

  // Numbers near 1, or of wildly different scales, with zeros among them.
  std::vector<double> numbers(std::size_t count, double spread, double center, bool zeros) {
    std::vector<double> x(count);
    for (double& value : x) {
      value =
          std::ldexp(2 * unit() - 1, static_cast<int>(std::clamp(center + spread * (unit() - 0.5), -1060.0, 1000.0)));
      if (zeros && pick(3) == 0) value = 0;
    }
    return x;
  }

  Specimen specimen() {
    Specimen s;
    s.rows = 1 + pick(7);
    s.columns = 1 + pick(7);
    s.p = exponent();
    s.q = pick(4) == 0 ? s.p : exponent();
    const double spread = std::vector<double>{0, 4, 60, 400, 1900}[static_cast<std::size_t>(pick(5))];
    const double center = pick(2) == 0 ? 0 : 1900 * (unit() - 0.5);
    const auto m = static_cast<std::size_t>(s.rows);
    const auto n = static_cast<std::size_t>(s.columns);
    s.a = numbers(m * n, spread, center, pick(2) == 0);
    switch (pick(7)) {
      case 0:
        for (double& value : s.a) value = std::fabs(value);
        break;
      case 1: {  // scaled rows and columns
        const std::vector<double> w = numbers(m, 40, 0, false);
        const std::vector<double> v = numbers(n, 40, 0, false);
        for (std::size_t i = 0; i < m * n; ++i) s.a[i] *= w[i / n] * v[i % n];
        break;
      }
      case 2:  // diagonal
        for (std::size_t i = 0; i < m * n; ++i) s.a[i] = i / n == i % n ? s.a[i] : 0;
        break;
      case 3: {  // rank one
        const std::vector<double> w = numbers(m, 4, 0, false);
        for (std::size_t i = 0; i < m * n; ++i) s.a[i] = w[i / n] * s.a[i % n];
        break;
      }
      case 4:  // entries of one magnitude, among them Hadamard matrices
        for (double& value : s.a) value = std::copysign(std::ldexp(1.0, static_cast<int>(center)), value);
        break;
      default: break;
    }
    for (double& value : s.a) value = std::isfinite(value) ? value : 0;
    s.what = fmt::format("{}x{}, {} -> {}, spread {}, center {}", s.rows, s.columns, s.p, s.q, spread, center);
    return s;
  }

  // From 2^-100 to 2^100.
  std::vector<double> scaling(std::size_t count) {
    std::vector<double> w =
        numbers(count, std::vector<double>{0, 10, 190}[static_cast<std::size_t>(pick(3))], 0, false);
    for (double& value : w) value = std::clamp(std::fabs(value), 0x1p-100, 0x1p100);
    return w;
  }

 private:
  std::mt19937_64 random_;
};

// The norm, where a formula or a finite search gives it.
std::optional<long double> known(const hunt::WideInduced& s) {
  const std::size_t m = s.rows;
  const std::size_t n = s.columns;
  long double best = 0;
  if (s.p == 1) {
    for (std::size_t j = 0; j < n; ++j) best = std::max(best, norm_of(s.column(j), s.q));
    return best;
  }
  if (std::isinf(s.q) || m == 1) {
    for (std::size_t i = 0; i < m; ++i) best = std::max(best, norm_of(s.row(i), conjugate(s.p)));
    return best;
  }
  if (n == 1) return norm_of(s.column(0), s.q);
  const auto over_signs = [&](std::size_t count, const auto& value) {
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << count); ++bits) {
      Wide signs;
      for (std::size_t k = 0; k < count; ++k) signs.push_back(((bits >> k) & 1) != 0 ? -1 : 1);
      best = std::max(best, value(signs));
    }
    return best;
  };
  if (std::isinf(s.p)) return over_signs(n, [&](const Wide& x) { return norm_of(s.product(x), s.q); });
  if (s.q == 1) return over_signs(m, [&](const Wide& y) { return norm_of(s.adjoint_product(y), conjugate(s.p)); });
  bool diagonal = true;
  for (std::size_t i = 0; i < m * n; ++i) diagonal = diagonal && (i / n == i % n || s.a[i] == 0);
  if (diagonal) {
    Wide d;
    for (std::size_t i = 0; i < std::min(m, n); ++i) d.push_back(s.a[i * n + i]);
    return norm_of(d, s.p > s.q ? 1 / (1 / s.q - 1 / s.p) : kInfinity);
  }
  return std::nullopt;
}

// Entries below 2^-1022 and results near them.
constexpr long double kTiny = 0x1p-1060L;

void expect_sound(const Specimen& s, const Enclosure& e, Maker& make, const char* by) {
  const long double lower = e.lower.value();
  const hunt::WideInduced wide = s.wide();
  const std::optional<long double> truth = known(wide);
  ASSERT_EQ(e.failure_probability(), 0) << by;
  ASSERT_LE(lower, (truth ? *truth : hunt::at_most(wide)) * (1 + hunt::kSlack) + kTiny) << by;
  if (!e.upper) return;
  const long double upper = e.upper->value();
  if (truth) {
    ASSERT_GE(upper, *truth * (1 - hunt::kSlack)) << by;
  }
  for (int start = 0; start < 3; ++start) {
    Wide x;
    for (std::int64_t j = 0; j < s.columns; ++j) x.push_back(2 * make.unit() - 1);
    ASSERT_GE(upper, hunt::reached(wide, x) * (1 - hunt::kSlack)) << by;
  }
}

// The scaling that is best for a matrix of rank one, from its largest row or column: u^(-(2 - r) / 2). A proof that has
// slack elsewhere has none here.
std::vector<double> tight_scaling(const Specimen& s, bool of_rows) {
  const auto n = static_cast<std::size_t>(s.columns);
  const auto largest = static_cast<std::size_t>(
      std::max_element(s.a.begin(), s.a.end(), [](double x, double y) { return std::fabs(x) < std::fabs(y); }) -
      s.a.begin());
  const long double r = of_rows ? std::min<long double>(s.q, 2) : std::min<long double>(conjugate(s.p), 2);
  std::vector<double> result;
  for (std::size_t i = 0; i < (of_rows ? static_cast<std::size_t>(s.rows) : n); ++i) {
    const long double entry = of_rows ? s.a[i * n + largest % n] : s.a[largest / n * n + i];
    const long double size = s.a[largest] != 0 ? std::fabs(entry / s.a[largest]) : 1;
    const long double factor = size > 0 ? std::pow(size, -(2 - r) / 2) : 0x1p100L;
    result.push_back(static_cast<double>(std::clamp(factor, 0x1p-100L, 0x1p100L)));
  }
  return result;
}

// Each call may only improve the ends, so that one wrong end is not hidden by a better one: every proof has an object
// of its own.
TEST(HuntInduced, NoProofGivesAWrongEnd) {
  Context context(1);
  const std::int64_t count = hunt::budget(2'000);
  std::int64_t uppers = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Maker make(seed);
    const Specimen s = make.specimen();
    SCOPED_TRACE(fmt::format("{}: {}", hunt::rerun(seed), s.what));
    ScannedMatrix scanned(stored_view(Tensor::view_of(s.a, {s.rows, s.columns})), context);
    CertifyOptions certify = repeatable<CertifyOptions>();
    certify.method = make.pick(4) == 0 ? CertifyMethod::cheapest : CertifyMethod::proven;
    const auto m = static_cast<std::size_t>(s.rows);
    const auto n = static_cast<std::size_t>(s.columns);
    const auto run = [&](const char* by, const auto& prove) {
      InducedBounds ends(scanned, s.p, s.q, context);
      prove(ends);
      const Enclosure e = ends.enclosure();
      uppers += e.upper ? 1 : 0;
      expect_sound(s, e, make, by);
    };
    run("lines", [&](InducedBounds& ends) { ends.lines(); });
    run("sigma", [&](InducedBounds& ends) { ends.sigma(certify); });
    run("vector",
        [&](InducedBounds& ends) { ends.vector(make.numbers(n, make.pick(2) == 0 ? 2 : 190, 0, make.pick(2) == 0)); });
    run("scaling", [&](InducedBounds& ends) { ends.scaling(make.scaling(m), make.scaling(n), certify); });
    run("tight scaling",
        [&](InducedBounds& ends) { ends.scaling(tight_scaling(s, true), tight_scaling(s, false), certify); });
    run("interpolation", [&](InducedBounds& ends) { ends.interpolation(certify); });
    run("collatz", [&](InducedBounds& ends) {
      std::vector<double> x = make.numbers(n, make.pick(2) == 0 ? 2 : 190, 0, make.pick(2) == 0);
      for (int step = make.pick(4); step >= 0; --step) ends.collatz(x);
    });
    if (::testing::Test::HasFatalFailure()) return;
  }
  if (count >= 100) {
    EXPECT_GT(uppers, count);  // there is something to be wrong about
  }
}

TEST(HuntInduced, NoNormIsOutsideItsEnclosure) {
  Context context(1);
  const std::int64_t count = hunt::budget(300);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    Maker make(seed);
    const Specimen s = make.specimen();
    SCOPED_TRACE(fmt::format("{}: {}", hunt::rerun(seed), s.what));
    norms::InducedOptions options = repeatable<norms::InducedOptions>();
    options.starts = 2;
    options.most_steps = 20;
    options.mixing_steps = 10;
    options.collatz_steps = 20;
    const Tensor tensor = Tensor::view_of(s.a, {s.rows, s.columns});
    const norms::InducedNorm found = norms::induced_norm(tensor, s.p, s.q, options, context);
    expect_sound(s, found.enclosure, make, std::string(message(found.proof)).c_str());
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_GE(found.value, found.enclosure.lower.value());
    ASSERT_LE(found.value, found.enclosure.upper ? found.enclosure.upper->value() : kInfinity);
  }
}

}  // namespace
}  // namespace sigmax::bounds
