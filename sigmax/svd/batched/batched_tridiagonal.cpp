#include "sigmax/svd/batched/batched_tridiagonal.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace sigmax {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// An upper bound on all eigenvalues, and on their magnitude: Gershgorin's circles.
struct Range {
  double upper = 0;
  double magnitude = 0;
};

Range range_of(std::span<const double> diagonal, std::span<const double> off) {
  Range range{-INFINITY, 0};
  double before = 0;
  for (std::size_t i = 0; i < diagonal.size(); ++i) {
    const double after = i < off.size() ? std::fabs(off[i]) : 0;
    range.upper = std::max(range.upper, diagonal[i] + before + after);
    range.magnitude = std::max(range.magnitude, std::fabs(diagonal[i]) + before + after);
    before = after;
  }
  return range;
}

// n eigenvalues of mean m and variance s^2 lie below m + s sqrt(n - 1) (Samuelson 1968). Often tighter than Gershgorin.
double moment_bound(std::span<const double> diagonal, std::span<const double> off) {
  const auto n = static_cast<double>(diagonal.size());
  double sum = 0;
  for (const double a : diagonal) sum += a;
  const double mean = sum / n;
  double squares = 0;
  for (const double a : diagonal) squares += (a - mean) * (a - mean);
  for (const double b : off) squares += 2 * b * b;
  return mean + std::sqrt(squares / n * (n - 1)) * (1 + n * kEpsilon);
}

// The characteristic polynomial p(x) = det(x I - T) and its first two derivatives, up to a common factor, by
//   p_j = (x - a_j) p_{j-1} - b_{j-1}^2 p_{j-2},
// with the largest of the three rescaled to 1 before it leaves the range: with |T| within 2^+-30 of 1, eight steps move
// it by 2^+-300 at most.
struct Polynomial {
  double value = 1;
  double first = 0;
  double second = 0;
};

Polynomial evaluate(std::span<const double> diagonal, std::span<const double> off, double x) {
  Polynomial p;
  Polynomial before{0, 0, 0};
  for (std::size_t j = 0; j < diagonal.size(); ++j) {
    const double a = x - diagonal[j];
    const double b = j > 0 ? off[j - 1] * off[j - 1] : 0;
    const Polynomial next{a * p.value - b * before.value, (a * p.first - b * before.first) + p.value,
                          (a * p.second - b * before.second) + 2 * p.first};
    before = p;
    p = next;
    if (j % 8 == 7) {
      const double size = std::max({std::fabs(p.value), std::fabs(p.first), std::fabs(p.second)});
      if ((size < 0x1p-200 && size > 0) || size > 0x1p+200) {
        const double factor = std::ldexp(1.0, -std::ilogb(size));
        for (Polynomial* q : {&p, &before}) {
          q->value *= factor;
          q->first *= factor;
          q->second *= factor;
        }
      }
    }
  }
  return p;
}

// By bisection on the count of eigenvalues above: reliable, but ten times slower.
double by_bisection(std::span<const double> diagonal, std::span<const double> off, const Range& range) {
  double low = -range.magnitude;
  double high = range.upper;
  constexpr int kMostHalvings = 54;  // from 2 magnitude to 2 eps magnitude
  for (int halving = 0; halving < kMostHalvings && high - low > 2 * kEpsilon * range.magnitude; ++halving) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (tridiagonal_count_above(diagonal, off, middle, middle).of_first > 0 ? low : high) = middle;
  }
  return high;
}

}  // namespace

// x_0 an upper bound;  G = p'/p,  H = G^2 - p''/p = sum 1 / (x - lambda_i)^2
// x <- x - n / (G + sqrt((n - 1)(n H - G^2)))
// Above the largest root all of 1 / (x - lambda_i) are positive, so the step does not pass it (Kahan 1967). A count at
// the end detects rounding errors; then bisection decides.
double tridiagonal_largest(std::span<const double> diagonal, std::span<const double> off) {
  const Range range = range_of(diagonal, off);
  if (diagonal.size() == 1 || !(range.magnitude > 0)) return range.upper;
  const auto n = static_cast<double>(diagonal.size());
  const double noise = 4 * kEpsilon * range.magnitude;
  double x = std::min(range.upper, moment_bound(diagonal, off));
  bool done = false;
  for (int step = 0; step < 40 && !done; ++step) {
    const Polynomial p = evaluate(diagonal, off, x);
    if (p.value == 0) break;
    const double g = p.first / p.value;
    const double h = g * g - p.second / p.value;
    const double move = n / (g + std::sqrt(std::max((n - 1) * (n * h - g * g), 0.0)));
    if (!(move > 0)) break;
    x -= move;
    done = move <= noise;
  }
  const double slack = n * noise;
  const CountAbove count = tridiagonal_count_above(diagonal, off, x + slack, x - slack);
  return count.of_first == 0 && count.of_second > 0 ? x : by_bisection(diagonal, off, range);
}

// The signs of the pivots of T - x I = L D L^T: d_i = (a_i - x) - b_{i-1}^2 / d_{i-1}. A pivot of zero is replaced by a
// tiny one, which does not affect the count.
CountAbove tridiagonal_count_above(std::span<const double> diagonal, std::span<const double> off, double first,
                                   double second) {
  constexpr double kTiny = std::numeric_limits<double>::min();
  CountAbove count;
  double p = 1;
  double q = 1;
  for (std::size_t i = 0; i < diagonal.size(); ++i) {
    const double b = i > 0 ? off[i - 1] * off[i - 1] : 0;
    p = (diagonal[i] - first) - b / p;
    q = (diagonal[i] - second) - b / q;
    if (std::fabs(p) < kTiny) p = -kTiny;
    if (std::fabs(q) < kTiny) q = -kTiny;
    count.of_first += p > 0 ? 1 : 0;
    count.of_second += q > 0 ? 1 : 0;
  }
  return count;
}

// d_i from above, e_i from below;  twist at the k where gamma_k = d_k + e_k - (a_k - theta) is smallest: row k of the
// inverse is largest there.  x_k = 1,  x_{i-1} = -b_{i-1} x_i / d_{i-1},  x_{i+1} = -b_i x_i / e_{i+1}
void tridiagonal_vector(std::span<const double> diagonal, std::span<const double> off, double theta,
                        std::span<double> work, std::span<double> vector) {
  const std::size_t n = diagonal.size();
  const double tiny = kEpsilon * std::max(range_of(diagonal, off).magnitude, std::numeric_limits<double>::min()) * 1e-3;
  const auto kept = [tiny](double pivot) { return std::fabs(pivot) < tiny ? -tiny : pivot; };
  const std::span<double> d = work.first(n);
  const std::span<double> e = work.subspan(n, n);
  d[0] = kept(diagonal[0] - theta);
  e[n - 1] = kept(diagonal[n - 1] - theta);
  for (std::size_t i = 1; i < n; ++i) {
    const std::size_t j = n - 1 - i;
    d[i] = kept((diagonal[i] - theta) - off[i - 1] * off[i - 1] / d[i - 1]);
    e[j] = kept((diagonal[j] - theta) - off[j] * off[j] / e[j + 1]);
  }
  std::size_t twist = 0;
  double smallest = INFINITY;
  for (std::size_t i = 0; i < n; ++i) {
    const double gamma = std::fabs(d[i] + e[i] - (diagonal[i] - theta));
    if (gamma < smallest) {
      smallest = gamma;
      twist = i;
    }
  }
  vector[twist] = 1;
  for (std::size_t i = twist; i > 0; --i) vector[i - 1] = -off[i - 1] * vector[i] / d[i - 1];
  for (std::size_t i = twist; i + 1 < n; ++i) vector[i + 1] = -off[i] * vector[i] / e[i + 1];
}

}  // namespace sigmax
