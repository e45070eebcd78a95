#include "sigmax/linalg/hermitian_cholesky.hpp"

#include <algorithm>
#include <cmath>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/hermitian.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kHermitianTile = 64;  // complex columns that one product updates

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b,
          std::int64_t ldb, double* c) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
              1.0, a, static_cast<int>(lda), b, static_cast<int>(ldb), 0.0, c, static_cast<int>(m));
}
void trsm(std::int64_t m, std::int64_t n, const double* l, double* x, std::int64_t ldx) {
  cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, static_cast<int>(m), static_cast<int>(n),
              1.0, l, static_cast<int>(n), x, static_cast<int>(ldx));
}
// The first w complex columns of the w x w corner at b, by the textbook formula, right-looking.
bool factor_corner(double* b, std::int64_t n, std::int64_t w) {
  for (std::int64_t k = 0; k < w; ++k) {
    double* const re = b + 2 * k * n;
    double* const im = re + n;
    if (!(re[k] > 0) || !std::isfinite(re[k])) return false;
    const double pivot = std::sqrt(re[k]);
    re[k] = pivot;
    im[k] = 0;
    for (std::int64_t i = k + 1; i < w; ++i) {
      re[i] /= pivot;
      im[i] /= pivot;
    }
    for (std::int64_t j = k + 1; j < w; ++j) {
      const double a = re[j];
      const double c = im[j];
      double* const to_re = b + 2 * j * n;
      double* const to_im = to_re + n;
      for (std::int64_t i = j; i < w; ++i) {
        to_re[i] -= re[i] * a + im[i] * c;
        to_im[i] -= im[i] * a - re[i] * c;
      }
    }
  }
  return true;
}

// Rows [first, last) of w complex columns as real rows: (re, im), (-im, re) for each of them.
void embed(const double* panel, std::int64_t n, std::int64_t first, std::int64_t last, std::int64_t w, double* out) {
  const std::int64_t rows = 2 * (last - first);
  for (std::int64_t k = 0; k < w; ++k) {
    const double* const re = panel + 2 * k * n;
    const double* const im = re + n;
    double* const of_re = out + 2 * k * rows;
    double* const of_im = of_re + rows;
    for (std::int64_t i = first; i < last; ++i) {
      of_re[2 * (i - first)] = re[i];
      of_im[2 * (i - first)] = im[i];
      of_re[2 * (i - first) + 1] = -im[i];
      of_im[2 * (i - first) + 1] = re[i];
    }
  }
}

}  // namespace

// In a band, a complex row l_i is the real row (re l_i1, im l_i1, re l_i2, ...). Then re(l_i l_j^*) is its inner
// product with the same row of j, im(l_i l_j^*) that with (-im l_j1, re l_j1, ...): each product of complex blocks is
// one real product, and a solve with a triangular block one real solve, with no arithmetic in vain.
//
// The error of an entry, real part or imaginary part, which have the same sums: let c_0 = b_ij, and c_p = fl(c_{p-1} -
// t_p), t_p the sum of the products of piece p, at most 64. |t_p - exact| <= gamma_64 s_p, s_p the sum of the
// magnitudes of its products; fl() adds u |c_p|. The last c is divided, or multiplied by the rounded 1 / l_jj, after
// the products in the panel of column j, at most 64 in any order: |c - sum - l l_jj| <= gamma_{67} (s + |l| l_jj). Each
// c_p is what remains of the sum, except for the errors, so |c_p| is at most the magnitudes of all products, times 1 +
// 2^-11. These are sum_m |re re| + |im im| <= sum_m |l_im| |l_jm|, and the two parts together at most sqrt(2) times
// one.
//
// A piece counts only if it lies before the panel of column j. Panels have 32 columns in a band, and a piece is one of
// them. In the kernel they have 16, pieces 32 and the last one of a row 16 if the panels before j are an odd number. So
// column k, from 1, has at most k / 32 + 1 pieces, and none if it is in the first panel: then it has 2 (k - 1)
// products.
//
// Outside of the envelope all of this is exact: products and sums of zeros, which are left out.
bool hermitian_cholesky(double* b, std::int64_t n, const HermitianBand& band, Context& context) {
  const FloatingEnvironment environment;
  constexpr std::int64_t kPanel = kHermitianPanel;
  const std::int64_t tall = std::min(n, (1 + band.below) * band.block + kPanel);
  const std::int64_t ld = band.stride;
  auto corner = context.scratch<double>(static_cast<std::size_t>(4 * kPanel * kPanel));
  auto rows = context.scratch<double>(static_cast<std::size_t>(n > kPanel ? 4 * tall * kPanel : 1));
  auto update = context.scratch<double>(static_cast<std::size_t>(n > kPanel ? 2 * tall * kHermitianTile : 1));
  for (std::int64_t k = 0; k < n; k += kPanel) {
    context.check_cancel();
    const std::int64_t w = std::min(kPanel, n - k);
    double* const panel = b + 2 * k * ld;
    if (!factor_corner(panel + k, ld, w)) return false;
    const std::int64_t next = k + w;
    const std::int64_t last = std::min(n, band.rows_of(next - 1));
    if (next >= last) continue;
    std::fill(corner.begin(), corner.end(), 0.0);
    embed(panel, ld, k, next, w, corner.data());
    trsm(last - next, 2 * w, corner.data(), panel + next, ld);
    embed(panel, ld, next, last, w, rows.data());
    const std::int64_t stride = 2 * (last - next);
    for (std::int64_t j = next; j < last; j += kHermitianTile) {
      const std::int64_t columns = std::min(kHermitianTile, last - j);
      const std::int64_t height = last - j;
      gemm(height, 2 * columns, 2 * w, panel + j, ld, rows.data() + 2 * (j - next), stride, update.data());
      for (std::int64_t c = 0; c < 2 * columns; ++c) {
        double* const to = b + (2 * j + c) * ld + j;
        const double* const from = update.data() + c * height;
        for (std::int64_t i = c / 2; i < height; ++i) to[i] -= from[i];
      }
    }
  }
  return true;
}

template <Real T>
bool hermitian_cholesky(T* b, std::int64_t n, const Context& context) {
  const FloatingEnvironment environment;
  static_assert(kernels::kHermitianPiece == kHermitianPanel);
  constexpr std::int64_t kAtATime = 16;  // panels: at most 512 n^2 flops
  const std::int64_t panels = kernels::hermitian_order(n) / kernels::kHermitianRows;
  for (std::int64_t first = 0; first < panels; first += kAtATime) {
    context.check_cancel();
    if (!kernels::hermitian_factor(b, n, first, std::min(panels, first + kAtATime))) return false;
  }
  return true;
}

template bool hermitian_cholesky<float>(float*, std::int64_t, const Context&);
template bool hermitian_cholesky<double>(double*, std::int64_t, const Context&);

}  // namespace sigmax
