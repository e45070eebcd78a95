#include "sigmax/linalg/block_cholesky.hpp"

#include <cmath>
#include <utility>

#include "sigmax/linalg/cholesky.hpp"
#include "sigmax/linalg/tiled.hpp"

namespace sigmax {

BlockMatrix block_matrix(std::vector<std::int64_t> sizes) {
  BlockMatrix a;
  a.sizes = std::move(sizes);
  a.lower.resize(a.count());
  for (std::size_t i = 0; i < a.count(); ++i) a.lower[i].resize(i + 1);
  return a;
}

void BlockMatrix::fill_in() {
  for (std::size_t k = 0; k < count(); ++k) {
    for (std::size_t i = k + 1; i < count(); ++i) {
      if (!has(i, k)) continue;
      for (std::size_t j = k + 1; j <= i; ++j) {
        if (has(j, k) && !has(i, j)) lower[i][j] = Matrix<double>(sizes[i], sizes[j]);
      }
    }
  }
}

// Right-looking: the factor of the pivot block, the blocks below it, and their products subtracted from the rest.
bool cholesky(BlockMatrix& a, Context& context) {
  for (std::size_t k = 0; k < a.count(); ++k) {
    context.check_cancel();
    const bool scalar = k == 0 && a.first_is_scalar;
    if (scalar) {
      if (!(a.first > 0)) return false;
      a.first = std::sqrt(a.first);
    } else if (!cholesky(a.lower[k][k].values().data(), a.sizes[k], context)) {
      return false;
    }
    for (std::size_t i = k + 1; i < a.count(); ++i) {
      if (!a.has(i, k)) continue;
      if (scalar) {
        for (double& value : a.lower[i][k].values()) value /= a.first;
      } else {
        tiled::solve_from_right(a.lower[k][k], a.lower[i][k], context);
      }
    }
    for (std::size_t i = k + 1; i < a.count(); ++i) {
      if (!a.has(i, k)) continue;
      tiled::add_square(-1, a.lower[i][k], 1, a.lower[i][i], context);
      for (std::size_t j = k + 1; j < i; ++j) {
        if (a.has(j, k)) tiled::multiply_transposed(-1, a.lower[i][k], a.lower[j][k], 1, a.lower[i][j], context);
      }
    }
  }
  return true;
}

std::vector<Matrix<double>> solve_rows(const BlockMatrix& l, std::vector<Matrix<double>> y, std::int64_t rows,
                                       Context& context) {
  for (std::size_t k = 0; k < l.count(); ++k) {
    if (y[k].empty()) continue;
    context.check_cancel();
    if (k == 0 && l.first_is_scalar) {
      for (double& value : y[k].values()) value /= l.first;
    } else {
      tiled::solve_from_right(l.lower[k][k], y[k], context);
    }
    for (std::size_t j = k + 1; j < l.count(); ++j) {
      if (!l.has(j, k)) continue;
      if (y[j].empty()) y[j] = Matrix<double>(rows, l.sizes[j]);
      tiled::multiply_transposed(-1, y[k], l.lower[j][k], 1, y[j], context);
    }
  }
  return y;
}

}  // namespace sigmax
