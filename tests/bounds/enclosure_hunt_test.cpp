// The hunt for an enclosure that does not contain the truth: thousands of hostile matrices against a reference in
// extended precision. A failure here is the worst bug that this project can have.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/enclose.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax {
namespace {

constexpr DType kStorages[] = {DType::f64, DType::f32, DType::f16, DType::bf16};

struct Case {
  std::string what;
  std::size_t rows = 1;
  std::size_t columns = 1;
  std::vector<double> values;
};

// One hostile matrix after another, all from one seed.
class Hostile {
 public:
  explicit Hostile(unsigned seed) : random_(seed) {}

  Case next() {
    Case c;
    c.rows = extent();
    c.columns = extent();
    c.values.resize(c.rows * c.columns);
    const int kind = pick(10);
    for (std::size_t i = 0; i < c.rows; ++i) {
      for (std::size_t j = 0; j < c.columns; ++j) c.values[i * c.columns + j] = entry(kind, i, j);
    }
    if (kind == 9) make_rank_one(c);
    const int scale = pick(6);
    const double factor = scale == 0 ? 1e-300 : scale == 1 ? 1e300 : scale == 2 ? 1e-30 : 1;
    for (double& value : c.values) value *= factor;
    c.what = fmt::format("{}x{} kind {} scale {}", c.rows, c.columns, kind, factor);
    return c;
  }

 private:
  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  double normal() { return std::normal_distribution<double>()(random_); }
  std::size_t extent() { return static_cast<std::size_t>(pick(4) == 0 ? 1 + pick(3) : 1 + pick(26)); }

  double entry(int kind, std::size_t i, std::size_t j) {
    switch (kind) {
      case 0: return normal();
      case 1: return i == j ? 1.0 : 0.0;  // sigma_1 = sigma_2 = ...
      case 2: return 1.0;                 // rank one, |A|_1 |A|_inf is sharp
      case 3: return pick(2) == 0 ? 1.0 : -1.0;
      case 4: return pick(8) == 0 ? normal() : 0.0;         // sparse, often zero rows or all zero
      case 5: return normal() * std::pow(10.0, -pick(30));  // entries over 30 orders of magnitude
      case 6: return 1.0 / static_cast<double>(i + j + 1);  // Hilbert
      case 7: return i == j ? 1.0 + 1e-15 * normal() : 1e-16 * normal();
      case 8: return 5e-324 * pick(4);  // subnormal, whatever the scale makes of it
      default: return normal();
    }
  }

  void make_rank_one(Case& c) {
    std::vector<double> row(c.columns);
    for (double& value : row) value = normal();
    for (std::size_t i = 0; i < c.rows; ++i) {
      const double factor = normal();
      for (std::size_t j = 0; j < c.columns; ++j) c.values[i * c.columns + j] = factor * row[j];
    }
  }

  std::mt19937 random_;
};

std::vector<double> stored_values(const Tensor& t) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < t.shape()[0]; ++i) {
    for (std::int64_t j = 0; j < t.shape()[1]; ++j) values.push_back(t.at(std::vector<std::int64_t>{i, j}));
  }
  return values;
}

bool contains(const Enclosure& e, long double truth) {
  return static_cast<long double>(e.lower.value()) <= truth &&
         (!e.upper || truth <= static_cast<long double>(e.upper->value()));
}

std::string show(const Enclosure& e, long double truth) {
  return fmt::format("[{:.17g}, {:.17g}] against {:.20Lg}", e.lower.value(), e.upper ? e.upper->value() : INFINITY,
                     truth);
}

bool finite(const std::vector<double>& values) {
  for (const double value : values) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

TEST(enclosure_hunt, every_enclosure_contains_the_truth) {
  Context context(1);
  Hostile hostile(20240607);
  int checked = 0;
  for (int round = 0; round < 12000; ++round) {
    const Case c = hostile.next();
    const Dimensions shape{static_cast<std::int64_t>(c.rows), static_cast<std::int64_t>(c.columns)};
    const Tensor tensor = Tensor::rounded(c.values, shape, kStorages[round % 4]);
    const std::vector<double> stored = stored_values(tensor);
    if (!finite(stored)) continue;  // beyond the range of its storage type
    const long double truth = gallery::reference_singular_values(stored, c.rows, c.columns)[0];
    const auto a = dense<double>(tensor);
    const SvdResult<double> top = svd(*a, SvdOptions<double>{}, context);
    for (const std::int64_t proven_up_to : {std::int64_t{4096}, std::int64_t{0}}) {
      CertifyOptions options;
      options.proven_up_to = proven_up_to;
      const Enclosure e = certify(*a, top, options, context);
      ASSERT_TRUE(contains(e, truth)) << c.what << " " << name(tensor.dtype()) << ": " << show(e, truth);
      if (proven_up_to == 0) continue;
      ASSERT_TRUE(e.upper.has_value()) << c.what;
      EXPECT_EQ(e.upper->certainty(), Certainty::proven);
      // Tight as well: an enclosure of everything contains the truth too. The smallest numbers have few digits.
      const double floor = 1e-318;
      EXPECT_LE(e.upper->value() - e.lower.value(), 1e-11 * e.upper->value() + floor) << c.what << show(e, truth);
    }
    ++checked;
  }
  EXPECT_GT(checked, 8000);
}

TEST(enclosure_hunt, a_poor_hint_costs_width_and_not_truth) {
  Context context(1);
  Hostile hostile(7);
  for (int round = 0; round < 300; ++round) {
    const Case c = hostile.next();
    const Dimensions shape{static_cast<std::int64_t>(c.rows), static_cast<std::int64_t>(c.columns)};
    const Tensor tensor = Tensor::copy_of(std::span<const double>(c.values), shape);
    const long double truth = gallery::reference_singular_values(c.values, c.rows, c.columns)[0];
    SvdResult<double> hint;
    hint.v.assign(c.columns, 0.0);
    if (round % 2 == 0) hint.v[0] = 1;  // otherwise the zero vector
    for (const std::int64_t proven_up_to : {std::int64_t{4096}, std::int64_t{0}}) {
      CertifyOptions options;
      options.proven_up_to = proven_up_to;
      const Enclosure e = certify(*dense<double>(tensor), hint, options, context);
      ASSERT_TRUE(contains(e, truth)) << c.what << ": " << show(e, truth);
    }
  }
}

// The bound must fail no more often than it says. At 1e-9 nothing can be seen; at 5 % a wrong formula shows.
TEST(enclosure_hunt, the_probabilistic_bound_fails_no_more_often_than_it_says) {
  Context context(1);
  constexpr double kProbability = 0.05;
  constexpr int kRuns = 1500;
  constexpr std::int64_t n = 60;
  std::vector<double> values(n * n, 0.0);
  // A top value far from a flat rest is what a start vector can miss for some steps.
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i * n + i)] = i == 7 ? 1.0 : 0.9;
  const Tensor tensor = Tensor::copy_of(std::span<const double>(values), {n, n});
  const auto a = dense<double>(tensor);
  int failures = 0;
  for (int run = 0; run < kRuns; ++run) {
    SvdOptions<double> options;
    options.random = random_state(static_cast<std::uint64_t>(run) + 1);
    options.max_products = 1 + run % 2;  // early, where the start vector decides
    const SvdResult<double> top = svd(*a, options, context);
    const UpperBound upper =
        bounds::probabilistic_upper_bound(top.recurrence, top.theta, top.scale, kProbability, 2 * n);
    if (upper.value() < 1.0) ++failures;
  }
  const double allowed = kRuns * kProbability + 4 * std::sqrt(kRuns * kProbability * (1 - kProbability));
  EXPECT_LE(failures, allowed);
  EXPECT_GT(failures, 0) << "the test shows nothing if the bound never comes near its probability";
}

}  // namespace
}  // namespace sigmax
