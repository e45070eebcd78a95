// A BLAS whose products round their operands to float, as a library in a "fast" mode may. Its symbols take precedence
// over those of the library that a program is linked with: as a part of the program, or preloaded.
#include <cblas.h>
#include <dlfcn.h>

#include <cstddef>
#include <vector>

namespace {

std::vector<double> rounded(const double* a, blasint rows, blasint stride) {
  std::vector<double> result(a, a + static_cast<std::ptrdiff_t>(rows) * stride);
  for (double& value : result) value = static_cast<float>(value);
  return result;
}

template <class Function>
Function next(Function, const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {
int rounding_blas_calls = 0;

void cblas_dgemm(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE ta, const enum CBLAS_TRANSPOSE tb,
                 const blasint m, const blasint n, const blasint k, const double alpha, const double* a,
                 const blasint lda, const double* b, const blasint ldb, const double beta, double* c,
                 const blasint ldc) {
  ++rounding_blas_calls;
  const bool by_rows = order == CblasRowMajor;
  const std::vector<double> x = rounded(a, (ta == CblasNoTrans) == by_rows ? m : k, lda);
  const std::vector<double> y = rounded(b, (tb == CblasNoTrans) == by_rows ? k : n, ldb);
  next(&cblas_dgemm, "cblas_dgemm")(order, ta, tb, m, n, k, alpha, x.data(), lda, y.data(), ldb, beta, c, ldc);
}

void cblas_dsyrk(const enum CBLAS_ORDER order, const enum CBLAS_UPLO uplo, const enum CBLAS_TRANSPOSE t,
                 const blasint n, const blasint k, const double alpha, const double* a, const blasint lda,
                 const double beta, double* c, const blasint ldc) {
  ++rounding_blas_calls;
  const std::vector<double> x = rounded(a, (t == CblasNoTrans) == (order == CblasRowMajor) ? n : k, lda);
  next(&cblas_dsyrk, "cblas_dsyrk")(order, uplo, t, n, k, alpha, x.data(), lda, beta, c, ldc);
}
}
