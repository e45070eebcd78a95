#include "sigmax/norms/equivalence/extremal.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/equivalence/hadamard.hpp"
#include "sigmax/norms/equivalence/norm_form.hpp"

namespace sigmax::norms {
namespace {

// Row-major places of a matrix under construction.
struct MatrixEntries {
  std::int64_t rows;
  std::int64_t columns;
  std::vector<double> values = std::vector<double>(static_cast<std::size_t>(rows * columns), 0.0);

  double& operator()(std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(i * columns + j)]; }
};

// Rows of the real Fourier basis: their columns have equal length, cos^2 + sin^2 = 1 for each pair and 1/2 for the
// constant row of an odd k. k < n keeps every frequency below n / 2, where the rows are orthogonal and of one length.
void fill_frame(MatrixEntries& a, std::int64_t k, std::int64_t n, bool of_columns) {
  const double unit = std::sqrt(2.0 / static_cast<double>(k));
  for (std::int64_t i = 0; i < k; ++i) {
    const std::int64_t frequency = (i + 2 - k % 2) / 2;
    for (std::int64_t j = 0; j < n; ++j) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(frequency * j % n) / static_cast<double>(n);
      double entry = (i + k % 2) % 2 == 0 ? std::cos(angle) : std::sin(angle);
      if (k % 2 == 1 && i == 0) entry = std::sqrt(0.5);
      if (k == n) entry = i == j ? 1 / unit : 0;
      (of_columns ? a(i, j) : a(j, i)) = unit * entry;
    }
  }
}

void fill_balanced(MatrixEntries& a, std::int64_t k, bool of_rows) {
  const std::int64_t whole = of_rows ? a.rows : a.columns;
  std::int64_t at = 0;
  for (std::int64_t part = 0; part < k; ++part) {
    for (std::int64_t count = share(whole, k, part); count > 0; --count, ++at)
      (of_rows ? a(at, part) : a(part, at)) = 1;
  }
}

void fill_hadamard(MatrixEntries& a) {
  const std::int64_t shorter = std::min(a.rows, a.columns);
  const std::int64_t order = hadamard_divisor(std::max(a.rows, a.columns), shorter);
  const std::vector<double> h = hadamard(order);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) a(i, j) = h[static_cast<std::size_t>((i % order) * order + j % order)];
  }
}

void fill_blocks(MatrixEntries& a, std::int64_t k) {
  const std::vector<double> h = hadamard(k);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) {
      a(i, j) = h[static_cast<std::size_t>(i / (a.rows / k) * k + j / (a.columns / k))];
    }
  }
}

}  // namespace

Tensor Extremal::matrix() const {
  const FloatingEnvironment environment;
  MatrixEntries a{rows, columns};
  switch (kind) {
    case ExtremalKind::entry: a(0, 0) = 1; break;
    case ExtremalKind::beside_diagonal: a(0, 1) = 1; break;
    case ExtremalKind::column:
      for (std::int64_t i = 0; i < rows; ++i) a(i, 0) = 1;
      break;
    case ExtremalKind::row:
      for (std::int64_t j = 0; j < columns; ++j) a(0, j) = 1;
      break;
    case ExtremalKind::ones: std::fill(a.values.begin(), a.values.end(), 1.0); break;
    case ExtremalKind::identity:
      for (std::int64_t i = 0; i < k; ++i) a(i, i) = 1;
      break;
    case ExtremalKind::balanced_rows: fill_balanced(a, k, true); break;
    case ExtremalKind::balanced_columns: fill_balanced(a, k, false); break;
    case ExtremalKind::hadamard: fill_hadamard(a); break;
    case ExtremalKind::hadamard_blocks: fill_blocks(a, k); break;
    case ExtremalKind::frame_of_columns: fill_frame(a, k, columns, true); break;
    case ExtremalKind::frame_of_rows: fill_frame(a, k, rows, false); break;
  }
  return Tensor::copy_of(a.values, {rows, columns});
}

}  // namespace sigmax::norms
