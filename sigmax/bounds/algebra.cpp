#include "sigmax/bounds/algebra.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/powers.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

void require_some(const char* who, std::size_t count) {
  if (count == 0) throw Error(fmt::format("[{}] there is nothing to combine", who));
}

void require_power(double p) {
  if (!(p >= 1)) throw Error(fmt::format("[p_norm] p must be at least 1, got {}", p));
}

}  // namespace

Enclosure exactly(double value) {
  const FloatingEnvironment environment;
  if (!(value >= 0) || std::isinf(value)) {
    throw Error(fmt::format("[exactly] a quantity must be finite and not negative, got {}", value));
  }
  return Proof::enclosure(Proof::lower(value), Proof::proven(value));
}

Enclosure p_norm(std::span<const Enclosure> x, double p) {
  const FloatingEnvironment environment;
  require_some("p_norm", x.size());
  require_power(p);
  std::vector<double> lower;
  std::vector<double> upper;
  double lower_failure = 0;
  double upper_failure = 0;
  for (const Enclosure& e : x) {
    lower.push_back(e.lower.value());
    lower_failure += e.lower.failure_probability();
    upper.push_back(e.upper ? e.upper->value() : kInfinity);
    upper_failure += e.upper ? e.upper->failure_probability() : 0;
  }
  return Proof::enclosure(lower_end(p_norm_range(lower, p).lower, lower_failure),
                          upper_end(p_norm_range(upper, p).upper, upper_failure));
}

Enclosure p_norm(std::span<const double> x, double p) {
  const FloatingEnvironment environment;
  require_some("p_norm", x.size());
  require_power(p);
  require_finite(x, "p_norm", "the vector");
  std::vector<double> magnitudes;
  magnitudes.reserve(x.size());
  for (const double value : x) magnitudes.push_back(std::fabs(value));
  const ValueRange range = p_norm_range(magnitudes, p);
  return Proof::enclosure(Proof::lower(range.lower), Proof::proven(range.upper));
}

// The largest quantity is at least each of them, and so at least the greatest lower end, whatever the others are.
Enclosure largest(std::span<const Enclosure> x) {
  const FloatingEnvironment environment;
  require_some("largest", x.size());
  LowerBound lower = x.front().lower;
  double upper = 0;
  double failure = 0;
  for (const Enclosure& e : x) {
    if (e.lower.value() > lower.value()) lower = e.lower;
    upper = larger_of(upper, e.upper ? e.upper->value() : kInfinity);
    failure += e.upper ? e.upper->failure_probability() : 0;
  }
  return Proof::enclosure(lower, upper_end(upper, failure));
}

Enclosure smallest(std::span<const Enclosure> x) {
  const FloatingEnvironment environment;
  require_some("smallest", x.size());
  std::optional<UpperBound> upper;
  double lower = kInfinity;
  double failure = 0;
  for (const Enclosure& e : x) {
    if (e.upper && (!upper || e.upper->value() < upper->value())) upper = e.upper;
    lower = smaller_of(lower, e.lower.value());
    failure += e.lower.failure_probability();
  }
  return Proof::enclosure(lower_end(lower, failure), upper);
}

Enclosure square(const Enclosure& x) {
  const FloatingEnvironment environment;
  const double lower = x.lower.value();
  const double least = smaller_of(round_down(lower * lower), kLargest);
  if (!x.upper) return Proof::enclosure(lower_end(least, x.lower.failure_probability()), std::nullopt);
  const double upper = x.upper->value();
  return Proof::enclosure(lower_end(least, x.lower.failure_probability()),
                          upper_end(upper == 0 ? 0.0 : round_up(upper * upper), x.upper->failure_probability()));
}

Enclosure quotient(const Enclosure& x, const Enclosure& y) {
  const FloatingEnvironment environment;
  double least = 0;
  double least_failure = 0;
  if (y.upper && y.upper->value() > 0) {
    least = smaller_of(round_down(x.lower.value() / y.upper->value()), kLargest);
    least_failure = x.lower.failure_probability() + y.upper->failure_probability();
  }
  std::optional<UpperBound> most;
  if (x.upper && y.lower.value() > 0) {
    const double upper = x.upper->value();
    most = upper_end(upper == 0 ? 0.0 : round_up(upper / y.lower.value()),
                     x.upper->failure_probability() + y.lower.failure_probability());
  }
  return Proof::enclosure(lower_end(least, least_failure), most);
}

Enclosure between(const Enclosure& below, const Enclosure& above) { return Proof::enclosure(below.lower, above.upper); }

ColumnSums::ColumnSums(std::size_t columns) : sums_(columns, 0.0) { require_some("ColumnSums", columns); }

void ColumnSums::add(std::span<const double> row) {
  const FloatingEnvironment environment;
  if (row.size() != sums_.size()) {
    throw Error(fmt::format("[ColumnSums] a row of {} numbers for {} columns", row.size(), sums_.size()));
  }
  require_finite(row, "ColumnSums", "the row");
  for (std::size_t j = 0; j < row.size(); ++j) sums_[j] += std::fabs(row[j]);
  ++rows_;
}

std::vector<Enclosure> ColumnSums::enclosures() const {
  const FloatingEnvironment environment;
  std::vector<Enclosure> result;
  result.reserve(sums_.size());
  for (const double sum : sums_) {
    const ValueRange range = sum == 0 ? ValueRange{} : within(sum, gamma(rows_));
    result.push_back(Proof::enclosure(Proof::lower(range.lower), Proof::proven(range.upper)));
  }
  return result;
}

}  // namespace sigmax::bounds
