// Matrices whose singular values occur in copies and clusters, with all values in extended precision.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::hunt {

struct Spectrum {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Tensor matrix;
  std::vector<long double> values;  // of the stored matrix, descending
  long double error = 0;            // of each value, at most
  std::string what;

  std::int64_t least() const { return std::min(rows, columns); }
};

/// One to twenty copies of a value, or this many values within a relative width of 1e-15 to 1e-2; over two decades or
/// ten; with zeros; scaled far up or down.
class SpectrumMaker {
 public:
  explicit SpectrumMaker(std::uint64_t seed) : random_(seed) {}

  std::int64_t pick(std::int64_t count) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(count));
  }
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  /// `scales`: whether f64 matrices may have any scale.
  Spectrum make(bool scales) {
    constexpr DType kTypes[] = {DType::f64, DType::f64, DType::f32, DType::bf16, DType::f16};
    Spectrum s;
    const bool diagonal = pick(3) == 0;
    s.rows = diagonal ? 1 + pick(140) : 1 + pick(36);
    s.columns = diagonal ? 1 + pick(140) : 1 + pick(36);
    const std::vector<double> sigma = values(s.least());
    const DType type = kTypes[pick(5)];
    const double scale =
        scales && type == DType::f64 && pick(4) == 0 ? std::ldexp(1.0, static_cast<int>(pick(1800)) - 900) : 1.0;
    std::vector<double> a(static_cast<std::size_t>(s.rows * s.columns), 0.0);
    const std::vector<std::int64_t> order = permutation(s.least());
    for (std::size_t i = 0; i < sigma.size(); ++i) {
      a[static_cast<std::size_t>(static_cast<std::int64_t>(i) * s.columns + order[i])] =
          (pick(2) == 0 ? 1 : -1) * sigma[i];
    }
    if (!diagonal) {
      for (int times = 0; times < 2; ++times) reflect(a, s.rows, s.columns);
    }
    for (double& value : a) value *= scale;
    s.matrix = Tensor::rounded(a, {s.rows, s.columns}, type);
    std::vector<double> stored(a.size());
    for (std::size_t i = 0; i < stored.size(); ++i) stored[i] = gallery::fetch(type, s.matrix.data(), i);
    if (diagonal) {
      for (std::size_t i = 0; i < sigma.size(); ++i) {
        s.values.push_back(std::fabs(static_cast<long double>(
            stored[static_cast<std::size_t>(static_cast<std::int64_t>(i) * s.columns + order[i])])));
      }
      std::sort(s.values.rbegin(), s.values.rend());
    } else {
      s.values = gallery::reference_singular_values(stored, static_cast<std::size_t>(s.rows),
                                                    static_cast<std::size_t>(s.columns));
      s.error = 0x1p-56L * s.values.front();
    }
    s.what =
        fmt::format("{} {}x{} {} times {:.3g}", diagonal ? "diagonal" : "dense", s.rows, s.columns, name(type), scale);
    return s;
  }

 private:
  std::vector<double> values(std::int64_t count) {
    const double decades = pick(4) == 0 ? 10 : 2;
    std::vector<double> sigma;
    while (static_cast<std::int64_t>(sigma.size()) < count) {
      const double value = pick(16) == 0 ? 0 : std::pow(10.0, -decades * uniform() * (pick(2) == 0 ? 1 : 0.2));
      const std::int64_t copies = pick(3) == 0 ? 1 + pick(20) : 1;
      const double width = pick(2) == 0 ? 0 : std::pow(10.0, -15 + 13 * uniform());
      for (std::int64_t i = 0; i < copies && static_cast<std::int64_t>(sigma.size()) < count; ++i) {
        sigma.push_back(value * (1 - width * uniform()));
      }
    }
    return sigma;
  }

  std::vector<std::int64_t> permutation(std::int64_t count) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_);
    return order;
  }

  // A <- (I - 2 u u^T) A (I - 2 v v^T), rounded: the reference computes the values after rounding.
  void reflect(std::vector<double>& a, std::int64_t rows, std::int64_t columns) {
    std::normal_distribution<double> normal;
    const auto m = static_cast<std::size_t>(rows);
    const auto n = static_cast<std::size_t>(columns);
    const auto direction = [&](std::size_t length) {
      std::vector<double> x(length);
      for (double& value : x) value = normal(random_);
      const double norm = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
      for (double& value : x) value /= norm;
      return x;
    };
    const std::vector<double> u = direction(m), v = direction(n);
    std::vector<double> row(n, 0.0);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) row[j] += u[i] * a[i * n + j];
    }
    for (std::size_t i = 0; i < m; ++i) {
      double along = 0;
      for (std::size_t j = 0; j < n; ++j) along += (a[i * n + j] -= 2 * u[i] * row[j]) * v[j];
      for (std::size_t j = 0; j < n; ++j) a[i * n + j] -= 2 * along * v[j];
    }
  }

  std::mt19937_64 random_;
};

}  // namespace sigmax::hunt
