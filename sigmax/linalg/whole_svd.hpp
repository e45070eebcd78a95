// The whole singular value decomposition of a matrix in working memory, real or complex, by LAPACK.
#pragma once

#include <complex>
#include <cstdint>

namespace sigmax {

/// Which singular vectors are wanted, k = min(rows, columns).
enum class WholeVectors {
  none,
  thin,  ///< U rows x k, V^H k x columns
  full,  ///< U rows x rows, V^H columns x columns: completed to orthonormal bases
};

/// A = U diag(sigma) V^H with all k = min(rows, columns) values, descending. T is double or std::complex<double>.
///
/// `a`, `u` and `vh` are row-major without gaps; `u` and `vh` are not used without vectors. `a` is overwritten. Each
/// value has an error of about u sigma_1, also for entries from 1e-300 to 1e300; a value beyond the range of double is
/// infinite. A matrix with NaN or infinite entries gives NaN everywhere. For k = 0, U and V^H are identities.
///
/// By dgesdd or zgesdd, on one thread. Cost: about 8/3 m n k flops without vectors, and several times that with them.
/// Throws Error if a side or LAPACK's working memory is beyond its 32-bit integers, or if LAPACK fails to converge.
template <class T>
void whole_svd(T* a, std::int64_t rows, std::int64_t columns, WholeVectors vectors, double* sigma, T* u, T* vh);

}  // namespace sigmax
