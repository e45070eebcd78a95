#include "sigmax/linalg/tiled.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "sigmax/linalg/blas.hpp"

namespace sigmax::tiled {
namespace {

constexpr std::int64_t kTiledExtent = 256;

std::int64_t tiles_of(std::int64_t n) { return (n + kTiledExtent - 1) / kTiledExtent; }

struct Piece {
  std::int64_t first;
  int extent;
};

Piece piece(std::int64_t index, std::int64_t n) {
  const std::int64_t first = index * kTiledExtent;
  return {first, static_cast<int>(std::min(kTiledExtent, n - first))};
}

int leading(const Matrix<double>& a) { return static_cast<int>(std::max<std::int64_t>(a.rows(), 1)); }

// The tile at rows i, columns j of alpha A B^T + beta C.
void product_tile(double alpha, const Matrix<double>& a, const Matrix<double>& b, double beta, Matrix<double>& c,
                  Piece i, Piece j) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, i.extent, j.extent, static_cast<int>(a.columns()), alpha,
              a.values().data() + i.first, leading(a), b.values().data() + j.first, leading(b), beta,
              c.values().data() + i.first + j.first * c.rows(), leading(c));
}

// body(i, j) for the tiles with i >= j.
template <class Body>
void each_lower_tile(std::int64_t n, Context& context, const Body& body) {
  const std::int64_t count = tiles_of(n);
  context.parallel_for(static_cast<std::size_t>(count * (count + 1) / 2), [&](std::size_t t) {
    // t counts the tiles of the lower triangle row by row.
    const auto index = static_cast<std::int64_t>(t);
    auto row = static_cast<std::int64_t>((std::sqrt(8.0 * static_cast<double>(t) + 1) - 1) / 2);
    while (row * (row + 1) / 2 > index) --row;
    while ((row + 1) * (row + 2) / 2 <= index) ++row;
    body(piece(row, n), piece(index - row * (row + 1) / 2, n));
  });
}

void solve_left(CBLAS_TRANSPOSE side, const Matrix<double>& l, Matrix<double>& x, Context& context) {
  if (x.empty()) return;
  context.parallel_for(static_cast<std::size_t>(tiles_of(x.columns())), [&](std::size_t tile) {
    const Piece j = piece(static_cast<std::int64_t>(tile), x.columns());
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, side, CblasNonUnit, static_cast<int>(x.rows()), j.extent, 1.0,
                l.values().data(), leading(l), x.column(j.first).data(), leading(x));
  });
}

}  // namespace

void multiply_transposed(double alpha, const Matrix<double>& a, const Matrix<double>& b, double beta, Matrix<double>& c,
                         Context& context) {
  const std::int64_t rows = tiles_of(c.rows());
  context.parallel_for(static_cast<std::size_t>(rows * tiles_of(c.columns())), [&](std::size_t t) {
    const auto index = static_cast<std::int64_t>(t);
    product_tile(alpha, a, b, beta, c, piece(index % rows, c.rows()), piece(index / rows, c.columns()));
  });
}

void add_square(double alpha, const Matrix<double>& a, double beta, Matrix<double>& c, Context& context) {
  each_lower_tile(c.rows(), context, [&](Piece i, Piece j) {
    if (i.first != j.first) {
      product_tile(alpha, a, a, beta, c, i, j);
    } else {
      cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, i.extent, static_cast<int>(a.columns()), alpha,
                  a.values().data() + i.first, leading(a), beta, c.values().data() + i.first + i.first * c.rows(),
                  leading(c));
    }
  });
}

void add_symmetric(double alpha, const Matrix<double>& a, const Matrix<double>& b, double beta, Matrix<double>& c,
                   Context& context) {
  each_lower_tile(c.rows(), context, [&](Piece i, Piece j) { product_tile(alpha, a, b, beta, c, i, j); });
}

void solve_from_right(const Matrix<double>& l, Matrix<double>& x, Context& context) {
  if (x.empty()) return;
  context.parallel_for(static_cast<std::size_t>(tiles_of(x.rows())), [&](std::size_t tile) {
    const Piece i = piece(static_cast<std::int64_t>(tile), x.rows());
    cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, i.extent,
                static_cast<int>(x.columns()), 1.0, l.values().data(), leading(l), x.values().data() + i.first,
                leading(x));
  });
}

void solve_from_left(const Matrix<double>& l, Matrix<double>& x, Context& context) {
  solve_left(CblasNoTrans, l, x, context);
}

void solve_transposed_from_left(const Matrix<double>& l, Matrix<double>& x, Context& context) {
  solve_left(CblasTrans, l, x, context);
}

// X = L^-1 has zeros above its diagonal, so that each tile of columns is a smaller solve, and each tile of X^T X starts
// at the row where both factors do.
Matrix<double> inverse_of_square(const Matrix<double>& l, Context& context) {
  const std::int64_t n = l.rows();
  Matrix<double> x(n, n);
  Matrix<double> result(n, n);
  const std::int64_t count = tiles_of(n);
  context.parallel_for(static_cast<std::size_t>(count), [&](std::size_t tile) {
    const Piece j = piece(static_cast<std::int64_t>(tile), n);
    for (std::int64_t k = j.first; k < j.first + j.extent; ++k) x(k, k) = 1;
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, static_cast<int>(n - j.first),
                j.extent, 1.0, l.values().data() + j.first + j.first * n, leading(l),
                x.values().data() + j.first + j.first * n, leading(x));
  });
  each_lower_tile(n, context, [&](Piece i, Piece j) {
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, i.extent, j.extent, static_cast<int>(n - i.first), 1.0,
                x.values().data() + i.first + i.first * n, leading(x), x.values().data() + i.first + j.first * n,
                leading(x), 0.0, result.values().data() + i.first + j.first * n, leading(result));
  });
  mirror_lower(result, context);
  return result;
}

void mirror_lower(Matrix<double>& a, Context& context) {
  constexpr std::int64_t kMirror = 64;
  const std::int64_t n = a.rows();
  context.parallel_for(static_cast<std::size_t>((n + kMirror - 1) / kMirror), [&](std::size_t block) {
    const std::int64_t first = static_cast<std::int64_t>(block) * kMirror;
    const std::int64_t last = std::min(first + kMirror, n);
    for (std::int64_t j0 = 0; j0 < last; j0 += kMirror) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = j0; j < std::min(j0 + kMirror, i); ++j) a(j, i) = a(i, j);
      }
    }
  });
}

}  // namespace sigmax::tiled
