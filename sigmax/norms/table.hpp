// The norms: one type each, and one row of description each. Help, error messages and completions read the rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

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
struct Nuclear {};           ///< sum sigma_i: Schatten 1
struct Schatten {
  double p = 1;
};  ///< (sum sigma_i^p)^(1/p), p >= 1
struct KyFan {
  std::int64_t k = 1;
};  ///< sum of the k largest singular values

using Norm =
    std::variant<Frobenius, MaxAbs, Entrywise, ColumnSum, RowSum, Spectral, SmallestSingular, Nuclear, Schatten, KyFan>;

/// What a norm is a function of. This decides where its value, enclosure and derivative are: norms/entrywise or
/// norms/spectral.
enum class Family { entries, singular_values };

/// One spelling of a norm.
struct Row {
  std::string_view spelling;  ///< `fro`, `kyfan:K`: what parse_norm() takes; a capital letter stands for a number
  std::string_view meaning;   ///< `induced 1-norm, largest column sum`; `{}` stands for the number
  std::string_view help;      ///< `the sum of the K largest singular values`
  Family family;
  bool convex = true;     ///< a norm; otherwise a derivative is Clarke's generalized gradient
  std::string_view dual;  ///< the spelling of the dual norm, where there is a simple one; empty otherwise
  Norm norm;              ///< the default of its type, for rows with a number
  std::string_view stem;  ///< the spelling without its number, `kyfan:`

  /// Whether the spelling ends in a number.
  bool has_number() const noexcept { return stem.size() < spelling.size(); }
};

/// Every norm, in the order of the help.
std::span<const Row> rows();

/// The row of a norm, by its type and its `smallest`.
const Row& row_of(const Norm& which);

/// `fro, nuc, ..., schatten:P or kyfan:K`.
std::string spellings();

/// `fro`, `nuc`, `1`, `-1`, `2`, `-2`, `inf`, `-inf` as in NumPy; `max`, `entrywise:P`, `schatten:P`, `kyfan:K`.
/// Throws Error naming the spellings that exist.
Norm parse_norm(std::string_view ord);

/// The spelling that parse_norm() reads as this norm: `schatten:1.5`.
std::string spelling_of(const Norm& which);

/// `Schatten 1.5-norm`
std::string meaning_of(const Norm& which);

/// Whether the norm is a function of singular values, by its row.
bool is_of_singular_values(const Norm& which);

/// Throws Error, beginning with [`who`], for p < 1 or NaN, and unless 1 <= k <= `values`, where `values` is the number
/// of singular values.
void require_valid(std::string_view who, const Norm& which, std::int64_t values);

}  // namespace sigmax::norms
