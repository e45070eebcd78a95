// Any norm of one matrix, by name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::norms {

struct Frobenius {};  ///< sqrt(sum a_ij^2)
struct MaxAbs {};     ///< largest |a_ij|
struct Entrywise {
  double p = 2;
};  ///< (sum |a_ij|^p)^(1/p), p >= 1
struct ColumnSum {
  bool smallest = false;
};  ///< largest column sum of |a_ij|: the induced 1-norm. NumPy's -1: smallest
struct RowSum {
  bool smallest = false;
};                           ///< largest row sum of |a_ij|: the induced infinity-norm; -inf: smallest
struct Spectral {};          ///< sigma_max: the induced 2-norm
struct SmallestSingular {};  ///< sigma_min, NumPy's -2; not a norm
struct Schatten {
  double p = 1;
};  ///< (sum sigma_i^p)^(1/p), p >= 1; p = 1 is the nuclear norm
struct KyFan {
  std::int64_t k = 1;
};  ///< sum of the k largest singular values

using Norm = std::variant<Frobenius, MaxAbs, Entrywise, ColumnSum, RowSum, Spectral, SmallestSingular, Schatten, KyFan>;

/// `fro`, `nuc`, `1`, `-1`, `2`, `-2`, `inf`, `-inf` as in NumPy; `max`, `entrywise:P`, `schatten:P`, `kyfan:K`.
/// Throws Error naming the spellings that exist.
Norm parse_norm(std::string_view ord);

struct NormResult {
  double value = 0;
  std::optional<Enclosure> enclosure;  ///< of sigma_max, for Spectral
  std::string meaning;                 ///< `induced 2-norm, sigma_max`
};

/// One read of the matrix for the entrywise and induced 1- and infinity-norms; the Gram matrix and its proof for
/// Spectral; the full spectrum for the others. Infinite where the value exceeds the range of double.
/// Throws Error if the tensor is not a matrix of a real type, is empty, or has NaN or infinite entries.
NormResult norm(const Tensor& matrix, const Norm& which, Context& context);

/// The norm of the block-diagonal matrix with these blocks, all of one shape, at the cost of the norm of each: a
/// grouped convolution, a stack of experts. The largest (smallest) of the blocks' for sigma_max, sums and entries;
/// (sum n_b^p)^(1/p) for Schatten, entrywise and Frobenius norms n_b; the k largest of all singular values for KyFan.
/// The zeros beside the blocks are no entries of a block, and the singular values are those of the blocks.
///
/// Throws Error as norm() does, and if there is no block or one of another shape.
NormResult norm_of_blocks(std::span<const Tensor> blocks, const Norm& which, Context& context);

}  // namespace sigmax::norms
