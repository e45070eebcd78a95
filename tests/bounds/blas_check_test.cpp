#include "sigmax/bounds/matrix_proof/blas_check.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>
#include "sigmax/core/dtype.hpp"

namespace sigmax::bounds {
namespace {

// Routines that are each wrong in one way; the others are the linked ones. The operands are row-major (gemm, syrk) or
// column-major (trsm, potrf) as the check passes them.
using Entries = std::vector<double>;

Entries copy(const double* a, int rows, int stride, double (*change)(double)) {
  Entries result(a, a + static_cast<std::ptrdiff_t>(rows) * stride);
  for (double& value : result) value = change(value);
  return result;
}
double to_float(double x) { return static_cast<float>(x); }
// Rounds to 32 bits: a type between float and double, as splitting into two half-width numbers gives.
double to_32_bits(double x) {
  int exponent = 0;
  const double significand = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(significand, 32)), exponent - 32);
}
double as_it_is(double x) { return x; }

template <double (*left)(double), double (*right)(double), double (*sum)(double)>
void changed_gemm(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                  double alpha, const double* a, blasint lda, const double* b, blasint ldb, double beta, double* c,
                  blasint ldc) {
  const Entries x = copy(a, ta == CblasNoTrans ? m : k, lda, left);
  const Entries y = copy(b, tb == CblasNoTrans ? k : n, ldb, right);
  cblas_dgemm(order, ta, tb, m, n, k, alpha, x.data(), lda, y.data(), ldb, beta, c, ldc);
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(m) * ldc; ++i) c[i] = sum(c[i]);
}

void rounding_syrk(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE t, blasint n, blasint k, double alpha,
                   const double* a, blasint lda, double beta, double* c, blasint ldc) {
  const Entries x = copy(a, t == CblasNoTrans ? n : k, lda, to_float);
  cblas_dsyrk(order, uplo, t, n, k, alpha, x.data(), lda, beta, c, ldc);
}

template <bool of_factor>
void rounding_trsm(CBLAS_ORDER order, CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE t, CBLAS_DIAG diagonal,
                   blasint m, blasint n, double alpha, const double* a, blasint lda, double* b, blasint ldb) {
  const Entries factor = copy(a, side == CblasLeft ? m : n, lda, of_factor ? to_float : as_it_is);
  if (!of_factor) {
    for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(n) * ldb; ++i) b[i] = to_float(b[i]);
  }
  cblas_dtrsm(order, side, uplo, t, diagonal, m, n, alpha, factor.data(), lda, b, ldb);
}

template <double (*change)(double)>
void changed_potrf(const char* uplo, const int* n, double* a, const int* lda, int* info) {
  dpotrf_(uplo, n, a, lda, info);
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(*n) * *lda; ++i) a[i] = change(a[i]);
}

// One level of Strassen's recursion on the even part, for row-major operands, transposed first if necessary:
// M1 = (A11 + A22)(B11 + B22), ...
void strassen_gemm(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                   double alpha, const double* a, blasint lda, const double* b, blasint ldb, double beta, double* c,
                   blasint ldc) {
  if (m % 2 != 0 || n % 2 != 0 || k % 2 != 0) {
    return cblas_dgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
  const int hm = m / 2, hn = n / 2, hk = k / 2;
  const auto part = [](const double* x, int stride, bool transposed, int rows, int columns, int i0, int j0) {
    Entries result;
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        const std::ptrdiff_t row = transposed ? j0 + j : i0 + i;
        result.push_back(x[row * stride + (transposed ? i0 + i : j0 + j)]);
      }
    }
    return result;
  };
  const auto left = [&](int i, int j) { return part(a, lda, ta == CblasTrans, hm, hk, i * hm, j * hk); };
  const auto right = [&](int i, int j) { return part(b, ldb, tb == CblasTrans, hk, hn, i * hk, j * hn); };
  const auto add = [](Entries x, double factor, const Entries& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += factor * y[i];
    return x;
  };
  const auto times = [&](const Entries& x, const Entries& y) {
    Entries z(static_cast<std::size_t>(hm) * static_cast<std::size_t>(hn));
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, hm, hn, hk, 1.0, x.data(), hk, y.data(), hn, 0.0, z.data(),
                hn);
    return z;
  };
  const Entries m1 = times(add(left(0, 0), 1, left(1, 1)), add(right(0, 0), 1, right(1, 1)));
  const Entries m2 = times(add(left(1, 0), 1, left(1, 1)), right(0, 0));
  const Entries m3 = times(left(0, 0), add(right(0, 1), -1, right(1, 1)));
  const Entries m4 = times(left(1, 1), add(right(1, 0), -1, right(0, 0)));
  const Entries m5 = times(add(left(0, 0), 1, left(0, 1)), right(1, 1));
  const Entries m6 = times(add(left(1, 0), -1, left(0, 0)), add(right(0, 0), 1, right(0, 1)));
  const Entries m7 = times(add(left(0, 1), -1, left(1, 1)), add(right(1, 0), 1, right(1, 1)));
  const auto put = [&](int i0, int j0, const Entries& x) {
    for (int i = 0; i < hm; ++i) {
      for (int j = 0; j < hn; ++j) {
        double& to = c[static_cast<std::ptrdiff_t>(i0 * hm + i) * ldc + j0 * hn + j];
        to = beta * to + alpha * x[static_cast<std::size_t>(i * hn + j)];
      }
    }
  };
  put(0, 0, add(add(add(m1, 1, m4), -1, m5), 1, m7));
  put(0, 1, add(m3, 1, m5));
  put(1, 0, add(m2, 1, m4));
  put(1, 1, add(add(add(m1, -1, m2), 1, m3), 1, m6));
}

TEST(BlasCheck, AcceptsTheLinkedRoutinesInAFewMilliseconds) {
  EXPECT_TRUE(blas_supports_proofs());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(forms_inner_products(linked_blas()));
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  std::printf("%.1f ms\n", taken.count());
}

TEST(BlasCheck, RefusesRoutinesThatRoundOrRecombine) {
  const BlasRoutines good = linked_blas();
  const auto with = [&](auto change) {
    BlasRoutines blas = good;
    change(blas);
    return blas;
  };
  const std::vector<std::pair<const char*, BlasRoutines>> bad{
      {"gemm, left operand to float", with([](auto& b) { b.gemm = changed_gemm<to_float, as_it_is, as_it_is>; })},
      {"gemm, right operand to float", with([](auto& b) { b.gemm = changed_gemm<as_it_is, to_float, as_it_is>; })},
      {"gemm, result to float", with([](auto& b) { b.gemm = changed_gemm<as_it_is, as_it_is, to_float>; })},
      {"gemm, operand of 32 bits", with([](auto& b) { b.gemm = changed_gemm<to_32_bits, as_it_is, as_it_is>; })},
      {"gemm, result of 32 bits", with([](auto& b) { b.gemm = changed_gemm<as_it_is, as_it_is, to_32_bits>; })},
      {"gemm, Strassen", with([](auto& b) { b.gemm = strassen_gemm; })},
      {"syrk, operand to float", with([](auto& b) { b.syrk = rounding_syrk; })},
      {"trsm, factor to float", with([](auto& b) { b.trsm = rounding_trsm<true>; })},
      {"trsm, right side to float", with([](auto& b) { b.trsm = rounding_trsm<false>; })},
      {"potrf, result to float", with([](auto& b) { b.potrf = changed_potrf<to_float>; })},
  };
  for (const auto& [what, blas] : bad) EXPECT_FALSE(forms_inner_products(blas)) << what;
}

// The wrappers themselves are not the reason for the refusals.
TEST(BlasCheck, AcceptsRoutinesThatChangeNothing) {
  BlasRoutines blas = linked_blas();
  blas.gemm = changed_gemm<as_it_is, as_it_is, as_it_is>;
  blas.potrf = changed_potrf<as_it_is>;
  EXPECT_TRUE(forms_inner_products(blas));
}

}  // namespace
}  // namespace sigmax::bounds
