// Any norm of a matrix or an operator, by name: its value, and what is known about it. norms/table.hpp lists the norms.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::norms {

/// The norm of any operator.
///
/// | norm | cost | enclosure |
/// | --- | --- | --- |
/// | Spectral | one solve for the largest value | as certify() |
/// | Ky Fan k, SmallestSingular | one solve for k values, or for 2 (*) | as certify_values(), added up |
/// | nuclear, Schatten p | all triplets | as certify_values(), added up with their powers |
/// | norms of entries | the entries, in T, and two reads of them | proven, if it is stored or may be formed |
/// | induced P, Q | exact as a norm of entries for P = 1 or Q = infinity, Spectral for 2, 2 | as those |
/// | any other induced P, Q | as induced_norm() (norms/induced.hpp) | its proofs; without `enclose` the lower end |
/// | NumericalRadius | norms/numerical_radius.hpp | proven, if it is stored or may be formed |
/// | Frobenius of anything else | with an enclosure all triplets | as Schatten 2 |
///
/// (*) Where the lower end of sigma_min would be 0, the residual of a whole decomposition is tried, up to a shorter
/// side of 1024 or NormOptions::whole_up_to.
///
/// Entries of a sum or product are rounded when they are formed, up to CertifyOptions::formed_up_to entries; the ends
/// are moved outward by the norm of that rounding. An operator with an opaque part is known only through its products
/// (certify()): norms of its entries are `computed`, without an enclosure. With equal random states the result
/// has the same bits for any number of threads.
///
/// Throws Error for an operator without entries or with products that are not finite, for p < 1 or k out of range, and
/// where svd() and certify() do.
template <Real T>
NormResult norm(const LinearOperator<T>& a, const Norm& which, const NormOptions& options, Context& context);

/// The norm of a matrix, of any real storage type, read where it lies. The value costs one or two reads for norms of
/// entries, the Gram matrix and its proof for Spectral, and the full spectrum for the others; it is infinite where it
/// exceeds the range of double. An enclosure adds the cost in the table above. It leaves the value unchanged unless the
/// value lies outside.
///
/// Throws Error if the tensor is not a matrix of a real type, is empty, or has NaN or infinite entries, and in the
/// cases above.
NormResult norm(const Tensor& matrix, const Norm& which, const NormOptions& options, Context& context);

/// The value alone, and for Spectral its enclosure.
NormResult norm(const Tensor& matrix, const Norm& which, Context& context);

/// As above, on all hardware threads.
template <Real T>
NormResult norm(const LinearOperator<T>& a, const Norm& which, const NormOptions& options = {}) {
  Context context;
  return norm(a, which, options, context);
}

inline NormResult norm(const Tensor& matrix, const Norm& which, const NormOptions& options) {
  Context context;
  return norm(matrix, which, options, context);
}

inline NormResult norm(const Tensor& matrix, const Norm& which) {
  Context context;
  return norm(matrix, which, context);
}

}  // namespace sigmax::norms
