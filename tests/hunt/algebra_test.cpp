// The hunt for a p-norm outside its enclosure: random powers, numbers with random exponents, random widths. `make
// hunt`.
#include "sigmax/bounds/algebra.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "hunt/budget.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"

namespace sigmax::bounds {
namespace {

// In long double, whose exponents reach far beyond those of double. The errors are one rounding in each quotient
// (counted p times) and power, before the root divides by p, and one in each addition.
long double p_norm_of(const std::vector<double>& x, double p, long double* error) {
  const long double largest = *std::max_element(x.begin(), x.end());
  const auto exponent = static_cast<long double>(p);
  long double sum = 0;
  for (const double value : x) sum += std::pow(static_cast<long double>(value) / largest, exponent);
  const auto terms = static_cast<long double>(x.size());
  *error = (8 + (terms + 4) / exponent) * std::numeric_limits<long double>::epsilon();
  return largest * std::pow(sum, 1 / exponent);
}

double random_power(std::mt19937_64& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  switch (random() % 5) {
    case 0: return static_cast<double>(1 + random() % 8);
    case 1: return 1 + unit(random);
    case 2: return 1 + std::exp2(-52 * unit(random));
    case 3: return std::exp2(50 * unit(random));
    default: return 1 + static_cast<double>(random() % 64) / 8;
  }
}

std::vector<double> random_numbers(std::mt19937_64& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  const double spread = random() % 2 == 0 ? 2 : 400;
  const double center = random() % 2 == 0 ? 0 : 1000 * (unit(random) - 0.5);
  std::vector<double> x(1 + random() % 40);
  for (double& value : x) value = (1 + unit(random)) * std::exp2(std::floor(center + spread * (unit(random) - 0.5)));
  if (random() % 4 == 0) std::fill(x.begin(), x.end(), x.front());
  return x;
}

TEST(HuntAlgebra, EveryPNormIsWithinItsEnclosure) {
  const std::int64_t count = hunt::budget(20'000);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t seed = hunt::seed_of(i);
    SCOPED_TRACE(hunt::rerun(seed));
    std::mt19937_64 random(seed);
    const double p = random_power(random);
    const std::vector<double> x = random_numbers(random);
    long double error = 0;
    const long double truth = p_norm_of(x, p, &error);
    const Enclosure e = p_norm(x, p);
    ASSERT_TRUE(e.is_proven());
    ASSERT_LE(e.lower.value(), truth * (1 + error)) << "p = " << p;
    ASSERT_GE(e.upper->value(), truth * (1 - error)) << "p = " << p;

    // Each number is known by an interval: the norms of the lower and of the upper ends are both in the enclosure.
    std::vector<double> upper = x;
    std::vector<Enclosure> known;
    for (double& value : upper) {
      const double lower = value;
      value *= 1 + static_cast<double>(random() % 3) / 2;
      known.push_back(Proof::enclosure(Proof::lower(lower), Proof::proven(value)));
    }
    const Enclosure wide = p_norm(known, p);
    ASSERT_LE(wide.lower.value(), truth * (1 + error)) << "p = " << p;
    ASSERT_GE(wide.upper->value(), p_norm_of(upper, p, &error) * (1 - error)) << "p = " << p;
  }
}

}  // namespace
}  // namespace sigmax::bounds
