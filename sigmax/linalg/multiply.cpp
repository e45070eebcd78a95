#include "sigmax/linalg/multiply.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sigmax/linalg/blas.hpp"

namespace sigmax {

void multiply_add(double alpha, const Matrix<double>& a, bool adjoint, const Matrix<double>& b, double beta,
                  Matrix<double>& c, Context& context) {
  constexpr std::int64_t kTile = 128;
  const int m = static_cast<int>(c.rows());
  const int k = static_cast<int>(b.rows());
  const int lda = static_cast<int>(a.rows());
  const std::int64_t tiles = (c.columns() + kTile - 1) / kTile;
  context.parallel_for(static_cast<std::size_t>(tiles), [&](std::size_t tile) {
    const std::int64_t first = static_cast<std::int64_t>(tile) * kTile;
    const int width = static_cast<int>(std::min(kTile, c.columns() - first));
    cblas_dgemm(CblasColMajor, adjoint ? CblasTrans : CblasNoTrans, CblasNoTrans, m, width, k, alpha, a.values().data(),
                lda, b.column(first).data(), k, beta, c.column(first).data(), m);
  });
}

}  // namespace sigmax
