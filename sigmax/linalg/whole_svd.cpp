#include "sigmax/linalg/whole_svd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kLargestInteger = std::numeric_limits<int>::max();

bool is_finite(double x) { return std::isfinite(x); }
bool is_finite(const std::complex<double>& x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); }

template <class T>
void set_identity(T* a, std::int64_t order) {
  std::fill_n(a, order * order, T{0});
  for (std::int64_t i = 0; i < order; ++i) a[i * (order + 1)] = T{1};
}

// LAPACK's integers count the entries of its working memory, which grows with the square of the shorter side.
int checked(double size, std::int64_t rows, std::int64_t columns) {
  if (!(size <= static_cast<double>(kLargestInteger))) {
    throw Error(
        fmt::format("[whole_svd] LAPACK's working memory for a {}x{} matrix has {:.0f} entries, beyond its 32-bit "
                    "integers; ask for some of the triplets",
                    rows, columns, size));
  }
  return static_cast<int>(size);
}

void decompose(char job, int m, int n, double* a, double* sigma, double* u, int u_stride, double* vt, int vt_stride,
               double* work, const int* size, std::vector<double>& /*real_work*/, int* integers, int* info) {
  dgesdd_(&job, &m, &n, a, &m, sigma, u, &u_stride, vt, &vt_stride, work, size, integers, info);
}

void decompose(char job, int m, int n, std::complex<double>* a, double* sigma, std::complex<double>* u, int u_stride,
               std::complex<double>* vt, int vt_stride, std::complex<double>* work, const int* size,
               std::vector<double>& real_work, int* integers, int* info) {
  zgesdd_(&job, &m, &n, a, &m, sigma, u, &u_stride, vt, &vt_stride, work, size, real_work.data(), integers, info);
}

double real_part(double x) { return x; }
double real_part(const std::complex<double>& x) { return x.real(); }

}  // namespace

template <class T>
void whole_svd(T* a, std::int64_t rows, std::int64_t columns, WholeVectors vectors, double* sigma, T* u, T* vh) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  if (std::max(rows, columns) > kLargestInteger) {
    throw Error(fmt::format("[whole_svd] a side of a {}x{} matrix is beyond LAPACK's 32-bit integers", rows, columns));
  }
  const std::int64_t k = std::min(rows, columns);
  const bool is_full = vectors == WholeVectors::full;
  const std::int64_t u_columns = is_full ? rows : k, vh_rows = is_full ? columns : k;
  if (k == 0) {
    if (is_full) {
      set_identity(u, rows);
      set_identity(vh, columns);
    }
    return;
  }
  if (!std::all_of(a, a + rows * columns, [](const T& x) { return is_finite(x); })) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    std::fill_n(sigma, k, kNan);
    if (vectors != WholeVectors::none) {
      std::fill_n(u, rows * u_columns, T{kNan});
      std::fill_n(vh, vh_rows * columns, T{kNan});
    }
    return;
  }
  // The row-major matrix is LAPACK's A^T = conj(V) S U^T, column-major: its left vectors, column-major, are V^H in
  // rows, and its right ones, transposed as LAPACK returns them, are U in rows.
  const char job = vectors == WholeVectors::none ? 'N' : is_full ? 'A' : 'S';
  const int m = static_cast<int>(columns), n = static_cast<int>(rows);
  const int left_stride = m, right_stride = vectors == WholeVectors::none ? 1 : static_cast<int>(u_columns);
  std::vector<double> real_work;
  if constexpr (!std::same_as<T, double>) {
    const auto shorter = static_cast<double>(k), longer = static_cast<double>(std::max(rows, columns));
    const double size =
        vectors == WholeVectors::none ? 7 * shorter : shorter * std::max(5 * shorter + 7, 2 * longer + 2 * shorter + 1);
    real_work.resize(static_cast<std::size_t>(size) + 1);
  }
  std::vector<int> integers(static_cast<std::size_t>(8 * k));
  std::vector<T> work(1);
  int info = 0;
  int size = -1;
  for (int call = 0; call < 2; ++call) {
    decompose(job, m, n, a, sigma, vh, left_stride, u, right_stride, work.data(), &size, real_work, integers.data(),
              &info);
    if (info != 0) {
      throw Error(fmt::format("[whole_svd] LAPACK's gesdd failed on a {}x{} matrix, info {}", rows, columns, info));
    }
    if (call == 0) {
      size = checked(std::ceil(real_part(work.front()) * (1 + 1e-9)), rows, columns);
      work.resize(static_cast<std::size_t>(size));
    }
  }
}

template void whole_svd(double*, std::int64_t, std::int64_t, WholeVectors, double*, double*, double*);
template void whole_svd(std::complex<double>*, std::int64_t, std::int64_t, WholeVectors, double*, std::complex<double>*,
                        std::complex<double>*);

}  // namespace sigmax
