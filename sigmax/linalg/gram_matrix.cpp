#include "sigmax/linalg/gram_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kPanelElements = std::int64_t{1} << 17;
constexpr std::int64_t kLeastWidth = 256;  // with less, the tiles of G go to and from memory too often
constexpr double kFlopsWorthTiles = 5e8;
constexpr std::int64_t kGramTile = 256;
constexpr std::int64_t kSmallTile = 128;  // gives a long thin matrix of a few hundred columns tiles to share

std::int64_t tile_of(const kernels::StoredMatrix& a, std::int64_t order) {
  const double flops = static_cast<double>(a.rows) * static_cast<double>(a.columns) * static_cast<double>(order);
  if (flops < kFlopsWorthTiles) return order;
  return order > 4 * kGramTile ? kGramTile : kSmallTile;
}

// A block of the lower triangle of the row-major G, by its first row and column: G_ij += P_i P_j^T for a panel P of
// order x width, P_i^T P_j for one of width x order.
struct Tile {
  std::int64_t i, j;
};

}  // namespace

// The upper triangle in column-major order is the lower in row-major order. Works in blocks that stay in cache.
void mirror_upper(double* a, std::int64_t n, Context& context) {
  constexpr std::int64_t kBlock = 32;
  context.parallel_for(static_cast<std::size_t>((n + kBlock - 1) / kBlock), [&](std::size_t block) {
    const std::int64_t first = static_cast<std::int64_t>(block) * kBlock;
    const std::int64_t last = std::min(first + kBlock, n);
    for (std::int64_t j0 = 0; j0 < last; j0 += kBlock) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = j0; j < std::min(j0 + kBlock, i); ++j) a[j * n + i] = a[i * n + j];
      }
    }
  });
}

GramMatrix gram_matrix(const kernels::StoredMatrix& a, double scale, Triangles triangles, Context& context) {
  const FloatingEnvironment environment;
  if (a.size() == 0) throw Error(fmt::format("[gram_matrix] the matrix is empty, {}x{}", a.rows, a.columns));
  const SerialBlas serial;
  const bool of_rows = a.rows <= a.columns;
  const std::int64_t order = std::min(a.rows, a.columns);
  const std::int64_t terms = std::max(a.rows, a.columns);
  const std::int64_t width = std::min(std::clamp<std::int64_t>(kPanelElements / order, kLeastWidth, 2048), terms);
  GramMatrix g{order,    terms, scale, of_rows, context.scratch<double>(static_cast<std::size_t>(order * order)),
               triangles};
  auto panel = context.scratch<double>(static_cast<std::size_t>(order * width));
  double* const values = g.values.data();

  const std::int64_t tile = tile_of(a, order);
  std::vector<Tile> tiles;
  for (std::int64_t i = 0; i < order; i += tile) {
    for (std::int64_t j = 0; j <= i; j += tile) tiles.push_back({i, j});
  }
  for (std::int64_t first = 0; first < terms; first += width) {
    context.check_cancel();
    const std::int64_t count = std::min(width, terms - first);
    kernels::StoredMatrix part = a.row_range(of_rows ? 0 : first, of_rows ? a.rows : count);
    if (of_rows) {
      part.data += static_cast<std::size_t>(first) * size_of(a.dtype);
      part.columns = count;
    }
    in_double(part, scale, panel.data(), context);
    const auto transposed = of_rows ? CblasNoTrans : CblasTrans;
    const auto other = of_rows ? CblasTrans : CblasNoTrans;
    const auto step = of_rows ? part.columns : std::int64_t{1};  // from one index of G to the next in the panel
    const int ld = static_cast<int>(part.columns);
    const int n = static_cast<int>(order);
    context.parallel_for(tiles.size(), [&](std::size_t t) {
      const auto [i, j] = tiles[t];
      const int rows = static_cast<int>(std::min(tile, order - i));
      const int columns = static_cast<int>(std::min(tile, order - j));
      const double* left = panel.data() + i * step;
      const double* right = panel.data() + j * step;
      double* c = values + i * order + j;
      if (first == 0) {
        // G is cleared here and not by beta = 0: BLAS libraries differ on whether that clears a NaN in uninitialized
        // memory.
        for (int row = 0; row < rows; ++row) std::fill_n(c + row * order, columns, 0.0);
      }
      if (i == j) {
        cblas_dsyrk(CblasRowMajor, CblasLower, transposed, rows, static_cast<int>(count), 1.0, left, ld, 1.0, c, n);
      } else {
        cblas_dgemm(CblasRowMajor, transposed, other, rows, columns, static_cast<int>(count), 1.0, left, ld, right, ld,
                    1.0, c, n);
      }
    });
  }
  if (triangles == Triangles::both) mirror_upper(values, order, context);
  return g;
}

}  // namespace sigmax
