// Small dense matrices as tests write and check them: entries by rows, and a solver in extended precision.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

#include "gallery/reference_svd.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::dense_support {

using Rows = std::initializer_list<std::initializer_list<double>>;

inline Matrix<double> matrix(Rows rows) {
  Matrix<double> a(static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows.begin()->size()));
  std::int64_t i = 0;
  for (const auto& row : rows) {
    std::int64_t j = 0;
    for (const double value : row) a(i, j++) = value;
    ++i;
  }
  return a;
}

/// From row-major values, as the gallery makes them.
inline Matrix<double> matrix(const std::vector<double>& values, std::int64_t rows, std::int64_t columns) {
  Matrix<double> a(rows, columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) a(i, j) = values[static_cast<std::size_t>(i * columns + j)];
  }
  return a;
}

inline std::vector<double> row_major(const Matrix<double>& a) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.columns(); ++j) values.push_back(a(i, j));
  }
  return values;
}

inline Tensor tensor(const Matrix<double>& a) { return Tensor::copy_of(row_major(a), {a.rows(), a.columns()}); }
inline Tensor tensor(Rows rows) { return tensor(matrix(rows)); }

inline Matrix<double> hilbert(std::int64_t n) {
  Matrix<double> h(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) h(i, j) = 1 / static_cast<double>(i + j + 1);
  }
  return h;
}

inline std::vector<long double> reference_values(const Matrix<double>& a) {
  return gallery::reference_singular_values(row_major(a), static_cast<std::size_t>(a.rows()),
                                            static_cast<std::size_t>(a.columns()));
}

/// A row-major square matrix in long double.
using LongMatrix = std::vector<std::vector<long double>>;

inline LongMatrix in_long(const Matrix<double>& a) {
  LongMatrix result(static_cast<std::size_t>(a.rows()),
                    std::vector<long double>(static_cast<std::size_t>(a.columns())));
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.columns(); ++j) {
      result[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] = a(i, j);
    }
  }
  return result;
}

/// The solution of A Y = B by elimination with complete pivoting, in long double, refined twice. Relative error of
/// about n kappa(A) 2^-64 before refinement.
inline LongMatrix solve(const LongMatrix& a, const LongMatrix& b) {
  const std::size_t n = a.size();
  const std::size_t k = b.front().size();
  const auto eliminate = [&](LongMatrix m, LongMatrix rhs) {
    std::vector<std::size_t> order(n);
    for (std::size_t j = 0; j < n; ++j) order[j] = j;
    for (std::size_t step = 0; step < n; ++step) {
      std::size_t row = step, column = step;
      for (std::size_t i = step; i < n; ++i) {
        for (std::size_t j = step; j < n; ++j) {
          if (std::fabs(m[i][j]) > std::fabs(m[row][column])) row = i, column = j;
        }
      }
      std::swap(m[step], m[row]);
      std::swap(rhs[step], rhs[row]);
      for (auto& each : m) std::swap(each[step], each[column]);
      std::swap(order[step], order[column]);
      for (std::size_t i = step + 1; i < n; ++i) {
        const long double factor = m[i][step] / m[step][step];
        for (std::size_t j = step; j < n; ++j) m[i][j] -= factor * m[step][j];
        for (std::size_t j = 0; j < k; ++j) rhs[i][j] -= factor * rhs[step][j];
      }
    }
    LongMatrix y(n, std::vector<long double>(k));
    for (std::size_t column = 0; column < k; ++column) {
      for (std::size_t i = n; i-- > 0;) {
        long double sum = rhs[i][column];
        for (std::size_t j = i + 1; j < n; ++j) sum -= m[i][j] * y[order[j]][column];
        y[order[i]][column] = sum / m[i][i];
      }
    }
    return y;
  };
  LongMatrix y = eliminate(a, b);
  for (int step = 0; step < 2; ++step) {
    LongMatrix rest = b;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t column = 0; column < k; ++column) {
        for (std::size_t j = 0; j < n; ++j) rest[i][column] -= a[i][j] * y[j][column];
      }
    }
    const LongMatrix more = eliminate(a, rest);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t column = 0; column < k; ++column) y[i][column] += more[i][column];
    }
  }
  return y;
}

inline std::vector<long double> solve(const Matrix<double>& a, const std::vector<double>& b) {
  LongMatrix right;
  for (const double value : b) right.push_back({static_cast<long double>(value)});
  std::vector<long double> y;
  for (const auto& row : solve(in_long(a), right)) y.push_back(row.front());
  return y;
}

}  // namespace sigmax::dense_support
