#include "sigmax/bounds/matrix_proof/shifted_gram.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::bounds {
namespace {

// The strictly lower triangle: sign times the upper.
void copy_upper(GramMatrix& g, double sign, Context& context) {
  constexpr std::int64_t kBlock = 32;
  const std::int64_t n = g.order;
  double* const b = g.values.data();
  context.parallel_for(static_cast<std::size_t>((n + kBlock - 1) / kBlock), [&](std::size_t block) {
    const std::int64_t first = static_cast<std::int64_t>(block) * kBlock;
    const std::int64_t last = std::min(first + kBlock, n);
    for (std::int64_t i0 = first; i0 < n; i0 += kBlock) {
      for (std::int64_t j = first; j < last; ++j) {
        for (std::int64_t i = std::max(i0, j + 1); i < std::min(i0 + kBlock, n); ++i)
          b[i + j * n] = sign * b[j + i * n];
      }
    }
  });
}

// The error of factoring the matrix in the lower triangle.
double factor_error(const GramMatrix& g) { return factorization_error(take_diagonal(g)); }

}  // namespace

double factorization_error(std::span<const double> diagonal) {
  const auto n = static_cast<std::int64_t>(diagonal.size());
  double trace = 0;
  double largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double entry = diagonal[static_cast<std::size_t>(i)];
    const double constant = gamma(i + 5);
    trace += constant / (1 - constant) * larger_of(entry, 0.0);
    largest = larger_of(largest, std::fabs(entry));
  }
  // Underflow in the factorization adds at most n (n + 2 + sqrt(max b_ii)) 2^-1074, which n 2^-1000 covers: derivation
  // in docs/proofs.md.
  return round_up(trace * (1 + gamma(n)) + kUnitRoundoff * largest + static_cast<double>(n) * 0x1p-1000);
}

std::vector<double> take_diagonal(const GramMatrix& g) {
  std::vector<double> diagonal(static_cast<std::size_t>(g.order));
  for (std::int64_t i = 0; i < g.order; ++i) {
    diagonal[static_cast<std::size_t>(i)] = g.values[static_cast<std::size_t>(i + i * g.order)];
  }
  return diagonal;
}

double shift(GramMatrix& g, std::span<const double> diagonal, double sign, double tau, Context& context) {
  copy_upper(g, sign, context);
  for (std::int64_t i = 0; i < g.order; ++i) {
    g.values[static_cast<std::size_t>(i + i * g.order)] = sign * diagonal[static_cast<std::size_t>(i)] + tau;
  }
  return factor_error(g);
}

double shift(GramMatrix& g, std::span<const double> diagonal, double sign, double tau, const Matrix<double>& w,
             double spread, Context& context) {
  shift(g, diagonal, sign, tau, context);
  const SerialBlas serial;
  constexpr std::int64_t kTile = 256;
  const std::int64_t n = g.order;
  const int ld = static_cast<int>(n);
  const int k = static_cast<int>(w.columns());
  double* const b = g.values.data();
  context.parallel_for(static_cast<std::size_t>((n + kTile - 1) / kTile), [&](std::size_t tile) {
    const std::int64_t first = static_cast<std::int64_t>(tile) * kTile;
    const int width = static_cast<int>(std::min(kTile, n - first));
    const double* const rows = w.values().data() + first;
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, width, k, 1.0, rows, ld, 1.0, b + first + first * n, ld);
    const std::int64_t below = n - first - width;
    if (below == 0) return;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, static_cast<int>(below), width, k, 1.0, rows + width, ld, rows,
                ld, 1.0, b + first + width + first * n, ld);
  });
  double square = 0;
  for (const double value : w.values()) square += value * value;
  square = round_up(square * (1 + gamma(static_cast<std::int64_t>(w.values().size()) + 1)));
  const double formed = gamma(w.columns() + 3) * (1 + 0x1p-10) * (spread + std::fabs(tau) + square);
  return round_up(factor_error(g) + formed + static_cast<double>(n * (w.columns() + 1)) * 0x1p-1074);
}

void restore(GramMatrix& g, std::span<const double> diagonal, Context& context) {
  for (std::int64_t i = 0; i < g.order; ++i) {
    g.values[static_cast<std::size_t>(i + i * g.order)] = diagonal[static_cast<std::size_t>(i)];
  }
  if (g.triangles == Triangles::both) mirror_upper(g.values.data(), g.order, context);
}

}  // namespace sigmax::bounds
