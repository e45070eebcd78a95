// The norms whose gradients are tested, and a full-decomposition formula for each in long double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gallery/spectra.hpp"
#include "sigmax/norms/table.hpp"

namespace sigmax::gradient_cases {

struct NamedNorm {
  std::string name;
  norms::Norm norm;
  /// df/dsigma_i for a function of singular values, descending; empty for one of entries.
  std::function<std::vector<long double>(const std::vector<long double>& sigma)> weights;
};

namespace detail {
inline std::vector<long double> first(std::size_t count, std::size_t k) {
  std::vector<long double> weights(count, 0.0L);
  std::fill_n(weights.begin(), std::min(k, count), 1.0L);
  return weights;
}

inline std::vector<long double> of_schatten(const std::vector<long double>& sigma, long double p) {
  long double sum = 0;
  for (const long double value : sigma) sum += std::pow(value / sigma[0], p);
  std::vector<long double> weights;
  for (const long double value : sigma) weights.push_back(std::pow(value / sigma[0], p - 1) * std::pow(sum, 1 / p - 1));
  return weights;
}

inline NamedNorm schatten(double p) {
  const auto exponent = static_cast<long double>(p);
  return {"schatten:" + std::to_string(p), norms::Schatten{p},
          [exponent](const std::vector<long double>& sigma) { return of_schatten(sigma, exponent); }};
}

inline NamedNorm ky_fan(std::int64_t k) {
  return {"kyfan:" + std::to_string(k), norms::KyFan{k},
          [k](const std::vector<long double>& sigma) { return first(sigma.size(), static_cast<std::size_t>(k)); }};
}

inline NamedNorm ky_fan_p(std::int64_t k, double p) {
  const auto exponent = static_cast<long double>(p);
  const auto count = static_cast<std::size_t>(k);
  return {"kyfan:" + std::to_string(k) + "," + std::to_string(p), norms::KyFan{k, p},
          [exponent, count](const std::vector<long double>& sigma) {
            const auto leading = std::min(count, sigma.size());
            std::vector<long double> weights =
                of_schatten({sigma.begin(), sigma.begin() + static_cast<std::ptrdiff_t>(leading)}, exponent);
            weights.resize(sigma.size(), 0.0L);
            return weights;
          }};
}
}  // namespace detail

inline const std::vector<NamedNorm>& spectral_norms() {
  static const std::vector<NamedNorm> all = {
      {"2", norms::Spectral{}, [](const std::vector<long double>& s) { return detail::first(s.size(), 1); }},
      {"-2", norms::SmallestSingular{},
       [](const std::vector<long double>& s) {
         std::vector<long double> weights(s.size(), 0.0L);
         weights.back() = 1;
         return weights;
       }},
      {"nuc", norms::Nuclear{}, [](const std::vector<long double>& s) { return detail::of_schatten(s, 1); }},
      detail::schatten(1),
      detail::schatten(1.5),
      detail::schatten(2),
      detail::schatten(4),
      {"schatten:inf", norms::Schatten{std::numeric_limits<double>::infinity()},
       [](const std::vector<long double>& s) { return detail::first(s.size(), 1); }},
      {"fro", norms::Frobenius{}, [](const std::vector<long double>& s) { return detail::of_schatten(s, 2); }},
      detail::ky_fan(1),
      detail::ky_fan(3),
      detail::ky_fan(5),
      detail::ky_fan_p(3, 2.5),
      detail::ky_fan_p(2, 4),
  };
  return all;
}

inline const std::vector<NamedNorm>& entry_norms() {
  static const std::vector<NamedNorm> all = {
      {"max", norms::MaxAbs{}, {}},
      {"entrywise:1", norms::Entrywise{1}, {}},
      {"entrywise:2", norms::Entrywise{2}, {}},
      {"entrywise:3.5", norms::Entrywise{3.5}, {}},
      {"entrywise:inf", norms::Entrywise{std::numeric_limits<double>::infinity()}, {}},
      {"1", norms::ColumnSum{}, {}},
      {"-1", norms::ColumnSum{true}, {}},
      {"inf", norms::RowSum{}, {}},
      {"-inf", norms::RowSum{true}, {}},
      {"mixed:2,1", norms::Mixed{2, 1, norms::By::columns}, {}},
      {"mixed:3,1.5,rows", norms::Mixed{3, 1.5, norms::By::rows}, {}},
      {"mixed:inf,2", norms::Mixed{std::numeric_limits<double>::infinity(), 2, norms::By::columns}, {}},
      {"mixed:1,3,rows", norms::Mixed{1, 3, norms::By::rows}, {}},
      {"induced:1,2", norms::Induced{1, 2}, {}},
      {"induced:3,inf", norms::Induced{3, std::numeric_limits<double>::infinity()}, {}},
  };
  return all;
}

inline std::vector<NamedNorm> all_norms() {
  std::vector<NamedNorm> all = spectral_norms();
  all.insert(all.end(), entry_norms().begin(), entry_norms().end());
  return all;
}

/// U diag(sigma) V^T with the factors known, in long double.
struct Known {
  std::int64_t rows;
  std::int64_t columns;
  std::vector<double> sigma;
  std::vector<std::vector<long double>> u;
  std::vector<std::vector<long double>> v;
  std::vector<double> entries;  ///< row-major, rounded once

  Known(std::int64_t m, std::int64_t n, std::vector<double> values, std::uint64_t seed = 1)
      : rows(m), columns(n), sigma(std::move(values)) {
    const auto count = static_cast<std::int64_t>(sigma.size());
    u = gallery::orthonormal(m, count, 2 * seed);
    v = gallery::orthonormal(n, count, 2 * seed + 1);
    const std::vector<long double> weights(sigma.begin(), sigma.end());
    for (const long double value : combined(weights)) entries.push_back(static_cast<double>(value));
  }

  /// U diag(weights) V^T, row-major.
  std::vector<long double> combined(const std::vector<long double>& weights) const {
    std::vector<long double> sum(static_cast<std::size_t>(rows * columns), 0.0L);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      for (std::size_t i = 0; i < u[k].size(); ++i) {
        for (std::size_t j = 0; j < v[k].size(); ++j) sum[i * v[k].size() + j] += weights[k] * u[k][i] * v[k][j];
      }
    }
    return sum;
  }
};

/// sqrt(sum (x - y)^2)
template <class X, class Y>
double distance(const X& x, const Y& y) {
  long double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double d = static_cast<long double>(x[i]) - static_cast<long double>(y[i]);
    sum += d * d;
  }
  return static_cast<double>(std::sqrt(sum));
}

template <class X>
double norm2(const X& x) {
  return distance(x, std::vector<double>(x.size(), 0.0));
}

}  // namespace sigmax::gradient_cases
