#include "sigmax/bounds/convolution_proof/phase.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::bounds {
namespace {

// sum_{j} x^(2 j) (-1)^j / (first + 2 j)! first!, as far as |x| <= pi / 4 needs it: the rest is below 0.02 u.
double series(double square, const std::array<double, 8>& inverses) {
  double sum = 1;
  for (std::size_t j = 8; j-- > 0;) sum = 1 - square * inverses[j] * sum;
  return sum;
}

constexpr std::array<double, 8> inverses_from(int first) {
  std::array<double, 8> result{};
  for (int j = 1; j <= 8; ++j) {
    const int k = first + 2 * j;
    result[static_cast<std::size_t>(j - 1)] = 1.0 / static_cast<double>(k * (k - 1));
  }
  return result;
}
constexpr std::array<double, 8> kOfCosine = inverses_from(0);
constexpr std::array<double, 8> kOfSine = inverses_from(1);

std::int64_t floor_modulo(std::int64_t a, std::int64_t m) {
  const std::int64_t r = a % m;
  return r < 0 ? r + m : r;
}

// a b mod m for 0 <= a, b < m <= 2^52. The quotient is below 2^52 and has two roundings, so that q is wrong by less
// than 3 and the remainder, exact modulo 2^64, is in (-3 m, 3 m).
std::int64_t times_modulo(std::int64_t a, std::int64_t b, std::int64_t m) {
  const auto q = static_cast<std::int64_t>(static_cast<double>(a) * static_cast<double>(b) / static_cast<double>(m));
  auto r = static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b) -
                                     static_cast<std::uint64_t>(q) * static_cast<std::uint64_t>(m));
  while (r < 0) r += m;
  while (r >= m) r -= m;
  return r;
}

}  // namespace

// 4 numerator = q denominator + r with |r| <= denominator / 2 in integers; the angle is pi / 2 (q + r / denominator).
// x = pi / 2 r / denominator carries three roundings, 3 u |x| < 2.4 u, which moves the point along the circle. The
// Horner schemes add less than 4 u: their terms, at most 0.31, have three roundings, and the difference one. The
// series' remainders are 0.02 u: in all less than 8 u for a part, and less than 8.2 u for the complex number.
Phase phase(std::int64_t numerator, std::int64_t denominator) {
  std::int64_t q = 4 * numerator / denominator;
  std::int64_t r = 4 * numerator - q * denominator;
  if (2 * r > denominator) {
    r -= denominator;
    ++q;
  }
  const double x = static_cast<double>(r) / static_cast<double>(denominator) * 1.5707963267948966;
  const double cosine = series(x * x, kOfCosine);
  const double sine = x * series(x * x, kOfSine);
  switch (q % 4) {
    case 0: return {cosine, sine};
    case 1: return {-sine, cosine};
    case 2: return {-cosine, -sine};
    default: return {sine, -cosine};
  }
}

// Over the common denominator where it is small enough, otherwise axis by axis by the addition theorem; its errors are
// at most twice those of a factor and 4 u, which the callers' kPhaseError * 8 allows for.
Phase phase(const Position& p, const TorusPoint& t) {
  Phase result;
  bool first = true;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t d = t.denominator[axis];
    const std::int64_t n = t.numerator[axis];
    if (n == 0 || p[axis] == 0) continue;
    const Phase one = phase(times_modulo(floor_modulo(p[axis], d), n, d), d);
    result = first ? one
                   : Phase{result.cosine * one.cosine - result.sine * one.sine,
                           result.sine * one.cosine + result.cosine * one.sine};
    first = false;
  }
  return result;
}

Coordinates::Coordinates(std::span<const Position> positions) : indices_(positions.size()) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::vector<std::int64_t>& distinct = distinct_[axis];
    distinct.reserve(positions.size());
    for (const Position& p : positions) distinct.push_back(p[axis]);
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (std::size_t p = 0; p < positions.size(); ++p) {
      indices_[p][axis] = static_cast<std::uint32_t>(
          std::lower_bound(distinct.begin(), distinct.end(), positions[p][axis]) - distinct.begin());
    }
    if (distinct.size() > distinct_[longest_].size()) longest_ = axis;
    if (distinct.size() > 1 || (distinct.size() == 1 && distinct.front() != 0)) active_.push_back(axis);
  }
  const std::vector<std::int64_t>& most = distinct_[longest_];
  constexpr std::size_t kLong = 64;
  if (most.size() > kLong && most.back() - most.front() < 4 * static_cast<std::int64_t>(most.size())) {
    step_ = static_cast<std::int64_t>(std::sqrt(static_cast<double>(most.back() - most.front()))) + 1;
  }
}

std::size_t Coordinates::phases_computed() const noexcept {
  std::size_t count = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const bool is_split = step_ > 0 && axis == longest_;
    count += is_split ? 2 * static_cast<std::size_t>(step_) : distinct_[axis].size();
  }
  return count;
}

// The factors of phase(p, t), and one more where the longest axis is split: four complex factors, each wrong by less
// than 8.2 u, and three products, 3 u each: 42 u, which the callers' 8 kPhaseError = 64 u allows for.
void Coordinates::phases(const TorusPoint& t, std::span<Phase> out) const {
  const auto at = [&](std::size_t axis, std::int64_t coordinate) {
    Position one{0, 0, 0};
    one[axis] = coordinate;
    return phase(one, t);
  };
  const auto times = [](const Phase& a, const Phase& b) {
    return Phase{a.cosine * b.cosine - a.sine * b.sine, a.sine * b.cosine + a.cosine * b.sine};
  };
  std::array<std::vector<Phase>, 3> tables;
  for (const std::size_t axis : active_) {
    const std::vector<std::int64_t>& distinct = distinct_[axis];
    std::vector<Phase>& table = tables[axis];
    table.reserve(distinct.size());
    if (step_ == 0 || axis != longest_) {
      for (const std::int64_t coordinate : distinct) table.push_back(at(axis, coordinate));
      continue;
    }
    const std::int64_t first = distinct.front();
    std::vector<Phase> low, high;
    for (std::int64_t i = 0; i < step_; ++i) low.push_back(at(axis, i));
    for (std::int64_t i = first; i <= distinct.back(); i += step_) high.push_back(at(axis, i));
    std::size_t block = 0;
    std::int64_t begin = first;
    for (const std::int64_t coordinate : distinct) {
      for (; coordinate - begin >= step_; begin += step_) ++block;
      table.push_back(times(high[block], low[static_cast<std::size_t>(coordinate - begin)]));
    }
  }
  if (active_.size() == 1) {
    const std::size_t axis = active_.front();
    for (std::size_t p = 0; p < indices_.size(); ++p) out[p] = tables[axis][indices_[p][axis]];
    return;
  }
  for (std::size_t p = 0; p < indices_.size(); ++p) {
    Phase product;
    for (std::size_t i = 0; i < active_.size(); ++i) {
      const Phase& factor = tables[active_[i]][indices_[p][active_[i]]];
      product = i == 0 ? factor : times(product, factor);
    }
    out[p] = product;
  }
}

}  // namespace sigmax::bounds
