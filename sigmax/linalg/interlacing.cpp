#include "sigmax/linalg/interlacing.hpp"
#include "sigmax/core/infinity.hpp"

#include <algorithm>
#include <cmath>

namespace sigmax {
namespace {

// The number of values of eta that are tried, each half of the one before, beginning at the bounded quantity.
constexpr int kTrials = 64;

// f_K, |F_KN|^2 and f_N of the columns [i, k) and [k, deflated).
struct Blocks {
  double of_wanted = 0;
  double between = 0;
  double of_rest = 0;
};

Blocks blocks_of(const Coupled& c, std::int64_t i, std::int64_t k, std::int64_t deflated) {
  Blocks b;
  for (std::int64_t j = i; j < k; ++j) {
    b.of_wanted += c.f(j, j);
    for (std::int64_t l = k; l < deflated; ++l) b.between += c.f(j, l) * c.f(j, l);
  }
  for (std::int64_t l = k; l < deflated; ++l) b.of_rest += c.f(l, l);
  return b;
}

// An upper bound on lambda_i(H + F / eta). The best zeta makes both sides equal: they are the larger eigenvalue of
// [own, c; c, nu], c = |F_KN| / eta.
double lifted(const Coupled& c, const Blocks& b, std::int64_t i, std::int64_t k, std::int64_t deflated, double eta) {
  const double own = c.theta[static_cast<std::size_t>(i)] + b.of_wanted / eta;
  if (deflated == k) return own;
  const double nu = c.theta[static_cast<std::size_t>(k)] + b.of_rest / eta;
  const double apart = std::hypot(own - nu, 2 * std::sqrt(b.between) / eta);
  // Both blocks as one, by Weyl.
  const double whole = c.theta[static_cast<std::size_t>(i)] + (b.of_wanted + b.of_rest) / eta;
  return std::min(whole, 0.5 * (own + nu + apart));
}

}  // namespace

std::vector<double> upper_values(const Coupled& coupled, std::int64_t k, std::int64_t deflated, double tau) {
  std::vector<double> upper(static_cast<std::size_t>(k), kInfinity);
  for (std::int64_t i = 0; i < k; ++i) {
    double& best = upper[static_cast<std::size_t>(i)];
    const Blocks blocks = blocks_of(coupled, i, k, deflated);
    const double theta = coupled.theta[static_cast<std::size_t>(i)];
    const auto offer = [&](double eta) {
      if (!(eta > 0)) return;
      const double value = std::max(lifted(coupled, blocks, i, k, deflated, eta), tau + eta);
      best = std::min(best, value);
    };
    if (tau == -kInfinity) {  // the complement is empty
      best = theta;
      continue;
    }
    offer(theta - tau);
    offer(std::sqrt(blocks.of_wanted));
    double eta = std::max(theta, tau);
    for (int trial = 0; trial < kTrials; ++trial, eta *= 0.5) offer(eta);
  }
  // The i-th value is not smaller than the later ones, so a bound on it also bounds them.
  for (std::size_t i = 1; i < upper.size(); ++i) upper[i] = std::min(upper[i], upper[i - 1]);
  return upper;
}

Room room_above(const Coupled& coupled, std::int64_t k, double limit) {
  const auto size = static_cast<std::int64_t>(coupled.theta.size());
  Room best{k, limit};
  double most = -kInfinity;
  for (std::int64_t deflated = k; deflated <= size; ++deflated) {
    const Blocks blocks = blocks_of(coupled, k - 1, k, deflated);
    double least = kInfinity;
    double eta = limit;
    for (int trial = 0; trial < kTrials; ++trial, eta *= 0.5) {
      if (lifted(coupled, blocks, k - 1, k, deflated, eta) <= limit) least = eta;
    }
    if (least == kInfinity) continue;
    // After the last known value, the next one is guessed at the average spacing of the ones before it.
    const double first = coupled.theta[static_cast<std::size_t>(k) - 1];
    const double last = coupled.theta[static_cast<std::size_t>(size) - 1];
    const double spacing = size > k ? (first - last) / static_cast<double>(size - k) : 0;
    const double next = deflated < size ? coupled.theta[static_cast<std::size_t>(deflated)] : last - spacing;
    const double room = limit - least - next;
    if (room > most) {
      most = room;
      best = {deflated, limit - least, true};
    }
  }
  return best;
}

}  // namespace sigmax
