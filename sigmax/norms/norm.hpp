// Any norm of a matrix or an operator, by name: its value, and what is known about it. norms/table.hpp lists the norms.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax::norms {

/// How the value is known.
enum class Known {
  proven,         ///< between two ends that are theorems
  probabilistic,  ///< between two ends, one of them true except with the stated probability
  lower_only,     ///< at least the lower end
  computed,       ///< a computed value: no enclosure was requested, or none exists
};

/// `proven`, `probabilistic`, `lower_only`, `computed`.
std::string_view message(Known kind);

struct NormResult {
  double value = 0;
  std::optional<Enclosure> enclosure;  ///< of the norm
  std::string meaning;                 ///< `induced 2-norm, sigma_max`
  /// Distance from a tie, as NormGradient::gap; given where all singular values were computed.
  std::optional<double> gap;
  SvdOutcome outcome = SvdOutcome::converged;  ///< of the solver, where one was needed

  Known kind() const noexcept;
};

struct NormOptions {
  bool enclose = true;  ///< whether an enclosure is wanted
  /// How the enclosures of singular values may be found.
  CertifyOptions certify{.proven_up_to = std::numeric_limits<std::int64_t>::max()};
  double tolerance = 0;  ///< of singular values, as SvdOptions::tolerance. 0: 1e-14 for double, 1e-6 for float
  std::int64_t max_products = 10000;
  std::optional<RandomState> random{};  ///< of the solver, as SvdOptions::random
};

/// The norm of any operator.
///
/// | norm | cost | enclosure |
/// | --- | --- | --- |
/// | Spectral | one solve for the largest value | as certify() |
/// | Ky Fan k, SmallestSingular | one solve for k values, or for 2 | as certify_values(), added up |
/// | nuclear, Schatten p | all triplets | as certify_values(), added up with their powers |
/// | norms of entries | the entries, in T, and two reads of them | proven, if the operator is one stored matrix |
/// | Frobenius of anything else | with an enclosure all triplets | as Schatten 2 |
///
/// Entries of a sum or product are rounded when they are formed, so norms of them are `computed`, without an enclosure.
/// An operator with an opaque part is known only through its products (certify()). With equal random states the result
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

/// The norm of the block-diagonal matrix with these blocks, all of one shape: a grouped convolution, a stack of
/// experts. It costs the norm of each block. The result is the largest (smallest) norm of a block for sigma_max, sums
/// and entries; (sum n_b^p)^(1/p) for Schatten, entrywise and Frobenius norms n_b; the sum of the k largest of all
/// singular values for KyFan. The zeros outside the blocks do not count as entries, and the singular values are those
/// of the blocks.
///
/// The value alone, and for Spectral its enclosure. Throws Error as norm() does, and if there are no blocks or their
/// shapes differ.
NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, Context& context);

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
inline NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which) {
  Context context;
  return norm_of_blocks(blocks, which, context);
}

}  // namespace sigmax::norms
