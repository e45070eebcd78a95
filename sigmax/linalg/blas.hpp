// The BLAS and LAPACK routines that sigmax calls, and the rule under which it calls them. Internal to the library.
//
// BLAS runs on the calling thread alone: sigmax cuts its work into tiles by shape, runs the tiles on its own threads
// and combines them in a fixed order, so that results have the same bits for any number of threads. Each public
// function that calls BLAS holds a SerialBlas while it runs.
#pragma once

#include <cblas.h>

#include <cmath>
#include <complex>
#include <span>

extern "C" {
// LAPACK, Fortran convention: column-major, everything by address. The hidden string lengths are not passed: every
// routine here looks at the first character of its flags only.
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info);
void dsyevr_(const char* jobz, const char* range, const char* uplo, const int* n, double* a, const int* lda,
             const double* vl, const double* vu, const int* il, const int* iu, const double* abstol, int* m, double* w,
             double* z, const int* ldz, int* isuppz, double* work, const int* lwork, int* iwork, const int* liwork,
             int* info);
void dgeqrf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work, const int* lwork,
             int* info);
void dorgqr_(const int* m, const int* n, const int* k, double* a, const int* lda, const double* tau, double* work,
             const int* lwork, int* info);
void dormqr_(const char* side, const char* trans, const int* m, const int* n, const int* k, const double* a,
             const int* lda, const double* tau, double* c, const int* ldc, double* work, const int* lwork, int* info);
void dgttrf_(const int* n, double* dl, double* d, double* du, double* du2, int* ipiv, int* info);
void dgttrs_(const char* trans, const int* n, const int* nrhs, const double* dl, const double* d, const double* du,
             const double* du2, const int* ipiv, double* b, const int* ldb, int* info);
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* ipiv, int* info);
void dgetrs_(const char* trans, const int* n, const int* nrhs, const double* a, const int* lda, const int* ipiv,
             double* b, const int* ldb, int* info);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dsytrf_(const char* uplo, const int* n, double* a, const int* lda, int* ipiv, double* work, const int* lwork,
             int* info);
void dsytrs_(const char* uplo, const int* n, const int* nrhs, const double* a, const int* lda, const int* ipiv,
             double* b, const int* ldb, int* info);
void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s, double* u,
             const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork, int* iwork, int* info);
void dgeev_(const char* jobvl, const char* jobvr, const int* n, double* a, const int* lda, double* wr, double* wi,
            double* vl, const int* ldvl, double* vr, const int* ldvr, double* work, const int* lwork, int* info);
void dgees_(const char* jobvs, const char* sort, int (*select)(const double*, const double*), const int* n, double* a,
            const int* lda, int* sdim, double* wr, double* wi, double* vs, const int* ldvs, double* work,
            const int* lwork, int* bwork, int* info);
void dggev_(const char* jobvl, const char* jobvr, const int* n, double* a, const int* lda, double* b, const int* ldb,
            double* alphar, double* alphai, double* beta, double* vl, const int* ldvl, double* vr, const int* ldvr,
            double* work, const int* lwork, int* info);
void zgeev_(const char* jobvl, const char* jobvr, const int* n, std::complex<double>* a, const int* lda,
            std::complex<double>* w, std::complex<double>* vl, const int* ldvl, std::complex<double>* vr,
            const int* ldvr, std::complex<double>* work, const int* lwork, double* rwork, int* info);
void zgees_(const char* jobvs, const char* sort, int (*select)(const std::complex<double>*), const int* n,
            std::complex<double>* a, const int* lda, int* sdim, std::complex<double>* w, std::complex<double>* vs,
            const int* ldvs, std::complex<double>* work, const int* lwork, double* rwork, int* bwork, int* info);
void zgesdd_(const char* jobz, const int* m, const int* n, std::complex<double>* a, const int* lda, double* s,
             std::complex<double>* u, const int* ldu, std::complex<double>* vt, const int* ldvt,
             std::complex<double>* work, const int* lwork, double* rwork, int* iwork, int* info);
void dgetri_(const int* n, double* a, const int* lda, const int* ipiv, double* work, const int* lwork, int* info);
}

namespace sigmax {

/// While at least one SerialBlas exists in the process, the BLAS library uses one thread. Destroying the last one
/// restores the number of threads that was set before the first.
class SerialBlas {
 public:
  SerialBlas();
  ~SerialBlas();
  SerialBlas(const SerialBlas&) = delete;
  SerialBlas& operator=(const SerialBlas&) = delete;
};

/// x^T y and |x| as the BLAS library forms them, sums of floats in double. Outside of hot loops: kernels/vector.hpp has
/// its own, with a stated order and error.
namespace blas {

inline double dot(std::span<const double> x, std::span<const double> y) {
  return cblas_ddot(static_cast<int>(x.size()), x.data(), 1, y.data(), 1);
}
inline double dot(std::span<const float> x, std::span<const float> y) {
  return cblas_dsdot(static_cast<int>(x.size()), x.data(), 1, y.data(), 1);
}
inline double norm(std::span<const double> x) { return cblas_dnrm2(static_cast<int>(x.size()), x.data(), 1); }
inline double norm(std::span<const float> x) { return std::sqrt(dot(x, x)); }

}  // namespace blas

}  // namespace sigmax
