// Every singular value of a stored matrix.
#pragma once

#include <string_view>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"

namespace sigmax {

/// How the values were found.
enum class SpectrumMethod {
  gram,          ///< eigenvalues of the Gram matrix in double
  gram_refined,  ///< the same, with the smallest value refined against the matrix itself
  bidiagonal,    ///< LAPACK's dgesdd on the matrix in double
};

struct Spectrum {
  /// sigma_1 >= ... >= sigma_k >= 0, k = min(rows, columns).
  ///
  /// Accuracy: |computed - exact| is of the order of u sigma_1 / (sigma_i / sigma_1) for `gram`, u = 2^-53, and of
  /// u sigma_1 for the refined smallest value and for `bidiagonal`. The method is chosen so that the smallest value has
  /// the accuracy of a double-precision bidiagonal SVD and the sum of all values a relative error below about 1e-11.
  std::vector<double> values;
  SpectrumMethod method = SpectrumMethod::gram;
};

/// The singular values of `a`, which must be free of non-finite entries and, if f64, of entries beyond 2^+-400.
/// `g` is gram_matrix(a, s); only its upper triangle is read.
///
/// Cost for order k: k^2 doubles and 4/3 k^3 flops beyond the Gram matrix; another k^3/3 flops and a few dozen reads of
/// A if the smallest value is refined; a full bidiagonalization if that is not enough (rank-deficient matrices). Rows
/// or columns of zeros on the shorter side are set aside first: they are exact zero singular values.
/// Throws Error if LAPACK fails to converge.
Spectrum spectrum(const kernels::StoredMatrix& a, const GramMatrix& g, Context& context);

/// As above for `a` in range: the values are in units of a.in_range().factor. Computes the Gram matrix if it does not
/// exist yet. The entries must be finite.
Spectrum spectrum(ScannedMatrix& a, Context& context);

/// The same values in the units of the entries: infinite where they exceed the range of double.
std::vector<double> singular_values(ScannedMatrix& a, Context& context);

/// As above, but each value has an error of about u sigma_1, where spectrum() promises that of the smallest value and
/// of the sum. By the Gram matrix only if one side is longer by half and the values show that nothing was lost;
/// otherwise by LAPACK on one thread.
std::vector<double> singular_values_each(ScannedMatrix& a, Context& context);

}  // namespace sigmax
