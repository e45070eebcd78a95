// The self-test behind blas_supports_proofs(): whether BLAS routines form inner products as proofs assume. Internal to
// bounds/.
#pragma once

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::bounds {

/// The routines that proofs rely on.
struct BlasRoutines {
  decltype(&cblas_dgemm) gemm;
  decltype(&cblas_dsyrk) syrk;
  decltype(&cblas_dtrsm) trsm;
  decltype(&dpotrf_) potrf;
};

/// Those that this program is linked with.
BlasRoutines linked_blas();

/// Runs each routine on problems in which every partial sum is exact in double, for any order of summation, with or
/// without fused multiply-adds: the results must be exact. False for routines that round their operands or sums to less
/// than double, or that combine rows or columns of different size (Strassen and Winograd, splitting into integers with
/// common exponents, block inverses). Covers sizes on both sides of the usual blocking, and the transpositions that are
/// used. Takes a few milliseconds.
///
/// It is only a test: it does not see the behavior for other sizes, on another processor or in intermittent failures.
bool forms_inner_products(const BlasRoutines& blas);

}  // namespace sigmax::bounds
