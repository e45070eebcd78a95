// Matrices and vectors that are hard on proofs: of very different sizes, of small integers, nearly singular.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "sigmax/core/matrix.hpp"

namespace sigmax::hunt {

class HostileMaker {
 public:
  explicit HostileMaker(std::uint64_t seed) : random_(seed) {}

  std::int64_t pick(std::int64_t count) { return std::uniform_int_distribution<std::int64_t>(0, count - 1)(random_); }
  double uniform() { return std::uniform_real_distribution<double>()(random_); }
  double normal() { return std::normal_distribution<double>()(random_); }

  std::vector<double> vector(std::int64_t n) {
    std::vector<double> x(static_cast<std::size_t>(n));
    const auto kind = pick(4);
    for (double& value : x) {
      value = kind == 0 ? static_cast<double>(pick(5)) - 2 : normal();
      if (kind == 1) value *= std::pow(10.0, -20 * uniform());
    }
    return x;
  }

  Matrix<double> matrix(std::int64_t m, std::int64_t n) {
    Matrix<double> a(m, n);
    const auto kind = pick(7);
    const double range = 16 * uniform();
    std::vector<double> rows, columns;
    for (std::int64_t i = 0; i < m; ++i) rows.push_back(kind == 2 ? std::pow(10.0, -range * uniform()) : 1.0);
    for (std::int64_t j = 0; j < n; ++j) columns.push_back(kind == 3 ? std::pow(10.0, -range * uniform()) : 1.0);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double value = kind == 1   ? static_cast<double>(pick(7)) - 3
                       : kind == 4 ? 1 / static_cast<double>(i + j + 1)
                       : kind == 5 ? (j == n - 1 || i == j ? 1.0
                                      : i > j              ? -1.0
                                                           : 0.0)
                                   : normal();
        value *= rows[static_cast<std::size_t>(i)] * columns[static_cast<std::size_t>(j)];
        a(i, j) = value;
      }
    }
    if (kind == 6 && m > 1 && n > 1) {  // the last column nearly a sum of the others
      const double apart = std::pow(10.0, -16 * uniform());
      for (std::int64_t i = 0; i < m; ++i) {
        double sum = 0;
        for (std::int64_t j = 0; j + 1 < n; ++j) sum += a(i, j);
        a(i, n - 1) = sum + apart * normal();
      }
    }
    return a;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace sigmax::hunt
