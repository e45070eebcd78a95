#include "sigmax/svd/krylov/recurrence_reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace sigmax {
namespace {

// In four sums, so that additions need not wait for each other.
double dot(std::span<const double> x, std::span<const double> y) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + 4 <= x.size(); i += 4) {
    for (std::size_t l = 0; l < 4; ++l) sums[l] += x[i + l] * y[i + l];
  }
  for (; i < x.size(); ++i) sums[0] += x[i] * y[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

RecurrenceReader::RecurrenceReader(std::span<const double> start, LanczosRecurrence recurrence)
    : recurrence_(std::move(recurrence)) {
  std::vector<double> first(start.begin(), start.end());
  const double norm = std::sqrt(dot(first, first));
  for (double& value : first) value /= norm;
  p_.push_back(std::move(first));
}

// z = H p_j;  alpha_j = p_j^T z;  z -= P P^T z, twice;  beta_j = |z|;  p_{j+1} = z / beta_j
void RecurrenceReader::extend(MatrixView<const double> h, std::int64_t count, std::int64_t done, std::int64_t steps) {
  while (!exhausted_ && static_cast<std::int64_t>(recurrence_.alpha.size()) < steps) {
    const std::vector<double>& last = p_.back();
    std::vector<double> z(static_cast<std::size_t>(count));
    std::size_t length = last.size();
    for (std::size_t l = 0; l < std::min(last.size(), static_cast<std::size_t>(done)); ++l) {
      const double weight = last[l];
      if (weight == 0) continue;
      const double* const column = h.data + static_cast<std::int64_t>(l) * h.stride;
      for (std::size_t i = 0; i < z.size(); ++i) z[i] += column[i] * weight;
    }
    for (std::size_t i = length; i < z.size(); ++i) {
      if (z[i] != 0) length = i + 1;
    }
    z.resize(length);
    double alpha = 0;
    for (int pass = 0; pass < 2; ++pass) {
      for (auto known = p_.rbegin(); known != p_.rend(); ++known) {
        const double c = dot(*known, std::span<const double>(z).first(known->size()));
        for (std::size_t i = 0; i < known->size(); ++i) z[i] -= c * (*known)[i];
        if (known == p_.rbegin()) alpha += c;
      }
    }
    const double beta = std::sqrt(dot(z, z));
    recurrence_.alpha.push_back(alpha);
    recurrence_.beta.push_back(beta);
    // Exhausted: the remainder is rounding, not a direction.
    largest_ = std::fmax(largest_, std::fabs(alpha));
    exhausted_ = !(beta > 32 * recurrence_.unit_roundoff * largest_);
    for (double& value : z) value /= beta;
    p_.push_back(std::move(z));
  }
}

}  // namespace sigmax
