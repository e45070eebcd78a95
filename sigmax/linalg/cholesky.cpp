#include "sigmax/linalg/cholesky.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kCholeskyTile = 192;
constexpr std::int64_t kWorthTiles = 640;

bool factor_block(double* a, std::int64_t n, std::int64_t stride) {
  const int order = static_cast<int>(n);
  const int ld = static_cast<int>(stride);
  int info = 0;
  dpotrf_("L", &order, a, &ld, &info);
  if (info != 0) return false;
  for (std::int64_t i = 0; i < n; ++i) {
    const double pivot = a[i + i * stride];
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
  }
  return true;
}

}  // namespace

// Right-looking, by tiles: factor the diagonal tile; solve for the tiles below it; subtract their products from all
// remaining tiles.
bool cholesky(double* a, std::int64_t n, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  if (n <= kWorthTiles) return factor_block(a, n, n);
  const auto at = [a, n](std::int64_t i, std::int64_t j) { return a + i + j * n; };
  const auto extent = [n](std::int64_t i) { return static_cast<int>(std::min(kCholeskyTile, n - i)); };
  const int ld = static_cast<int>(n);
  for (std::int64_t k = 0; k < n; k += kCholeskyTile) {
    context.check_cancel();
    if (!factor_block(at(k, k), extent(k), n)) return false;
    const std::int64_t next = k + kCholeskyTile;
    if (next >= n) break;
    const std::int64_t below = (n - next + kCholeskyTile - 1) / kCholeskyTile;
    context.parallel_for(static_cast<std::size_t>(below), [&](std::size_t t) {
      const std::int64_t i = next + static_cast<std::int64_t>(t) * kCholeskyTile;
      cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, extent(i), extent(k), 1.0, at(k, k),
                  ld, at(i, k), ld);
    });
    context.parallel_for(static_cast<std::size_t>(below * (below + 1) / 2), [&](std::size_t t) {
      // t counts the tiles of the lower triangle row by row.
      auto row = static_cast<std::int64_t>((std::sqrt(8.0 * static_cast<double>(t) + 1) - 1) / 2);
      while (row * (row + 1) / 2 > static_cast<std::int64_t>(t)) --row;
      while ((row + 1) * (row + 2) / 2 <= static_cast<std::int64_t>(t)) ++row;
      const std::int64_t i = next + row * kCholeskyTile;
      const std::int64_t j = next + (static_cast<std::int64_t>(t) - row * (row + 1) / 2) * kCholeskyTile;
      if (i == j) {
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, extent(i), extent(k), -1.0, at(i, k), ld, 1.0, at(i, i),
                    ld);
      } else {
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, extent(i), extent(j), extent(k), -1.0, at(i, k), ld,
                    at(j, k), ld, 1.0, at(i, j), ld);
      }
    });
  }
  return true;
}

}  // namespace sigmax
