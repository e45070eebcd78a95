// Triplets of any matrix in long double, by one-sided Jacobi rotations, and derivatives by differences of functions of
// them, with enough digits that the differences are exact as far as the tests can see.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "grad/problems.hpp"

namespace sigmax::problems {

namespace detail {

inline long double dot(const std::vector<long double>& x, const std::vector<long double>& y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0L);
}

inline void rotate(std::vector<long double>& x, std::vector<long double>& y, long double c, long double s) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double first = x[i], second = y[i];
    x[i] = c * first - s * second;
    y[i] = s * first + c * second;
  }
}

}  // namespace detail

/// Rotates the columns of A (at most as many as rows) until they are orthogonal: A Y = X diag(s). A wider A is
/// transposed. For s = 0, x is left 0. A must have ordinary magnitude because its squares are formed.
inline AllTriplets exact_triplets(std::int64_t rows, std::int64_t columns, const std::vector<long double>& a) {
  const bool wide = rows < columns;
  const auto length = static_cast<std::size_t>(std::max(rows, columns));
  const auto count = static_cast<std::size_t>(std::min(rows, columns));
  std::vector<std::vector<long double>> b(count, std::vector<long double>(length)), y = b;
  for (std::size_t j = 0; j < count; ++j) {
    for (std::size_t i = 0; i < length; ++i) b[j][i] = wide ? a[j * length + i] : a[i * count + j];
    y[j].assign(count, 0.0L);
    y[j][j] = 1;
  }
  constexpr long double kEnough = 4 * std::numeric_limits<long double>::epsilon();
  bool turned = true;
  for (int sweep = 0; turned && sweep < 60; ++sweep) {
    turned = false;
    for (std::size_t j = 0; j < count; ++j) {
      for (std::size_t k = j + 1; k < count; ++k) {
        const long double jj = detail::dot(b[j], b[j]), kk = detail::dot(b[k], b[k]), jk = detail::dot(b[j], b[k]);
        if (std::fabs(jk) <= kEnough * std::sqrt(jj) * std::sqrt(kk)) continue;
        turned = true;
        const long double zeta = (kk - jj) / (2 * jk);
        const long double t = (zeta < 0 ? -1 : 1) / (std::fabs(zeta) + std::hypot(1.0L, zeta));
        const long double c = 1 / std::hypot(1.0L, t);
        detail::rotate(b[j], b[k], c, c * t);
        detail::rotate(y[j], y[k], c, c * t);
      }
    }
  }
  std::vector<long double> norms;
  for (const auto& column : b) norms.push_back(std::sqrt(detail::dot(column, column)));
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t j, std::size_t k) { return norms[j] > norms[k]; });
  AllTriplets all{rows, columns, {}, {}, {}};
  for (const std::size_t j : order) {
    all.s.push_back(norms[j]);
    for (long double& value : b[j]) value = norms[j] > 0 ? value / norms[j] : 0.0L;
    all.x.push_back(wide ? y[j] : b[j]);
    all.y.push_back(wide ? b[j] : y[j]);
  }
  return all;
}

/// The triplets of A + t H, A = `known`, in units of sigma_1.
class ExactPath {
 public:
  ExactPath(const Known& known, const std::vector<double>& direction) : known_(known), direction_(direction) {}

  /// f'(0) of a vector-valued f(triplets of A + t H): Richardson's extrapolation with steps of `share` of `gap`, the
  /// distance, relative to sigma_1, over which f changes.
  template <class F>
  std::vector<long double> derivative(const F& f, double gap, long double share = 0x1p-12L) const {
    const long double h = share * static_cast<long double>(gap);
    std::vector<long double> result;
    for (const auto& [at, weight] : {std::pair{h, 8 / (12 * h)}, std::pair{-h, -8 / (12 * h)},
                                     std::pair{2 * h, -1 / (12 * h)}, std::pair{-2 * h, 1 / (12 * h)}}) {
      const std::vector<long double> values = f(triplets(at));
      result.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) result[i] += weight * values[i];
    }
    return result;
  }

  AllTriplets triplets(long double t) const {
    const long double unit = known_.s.front();
    std::vector<long double> moved;
    for (std::size_t i = 0; i < direction_.size(); ++i) {
      moved.push_back((static_cast<long double>(known_.entries[i]) + t * direction_[i]) / unit);
    }
    AllTriplets all = exact_triplets(known_.rows, known_.columns, moved);
    for (long double& value : all.s) value *= unit;
    return all;
  }

 private:
  const Known& known_;
  const std::vector<double>& direction_;
};

/// Normal entries in units of A, with a norm of about sigma_1.
inline std::vector<double> direction_like(const Known& known, std::uint64_t seed) {
  std::vector<double> h = gallery::normal(known.rows * known.columns, seed);
  const double norm = std::sqrt(static_cast<double>(known.rows)) + std::sqrt(static_cast<double>(known.columns));
  for (double& value : h) value *= known.s.front() / norm;
  return h;
}

}  // namespace sigmax::problems
