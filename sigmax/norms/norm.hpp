// Any norm of one matrix, by name.
#pragma once

#include <cstdint>
#include <optional>
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

}  // namespace sigmax::norms
