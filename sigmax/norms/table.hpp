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
  double p = 1;
};  ///< (sum sigma_i^p)^(1/p) over the k largest singular values, p >= 1: the Ky Fan (k, p)-norm

/// Whether a mixed norm takes the p-norm of each row or of each column.
enum class By { rows, columns };

struct Mixed {
  double p = 2;
  double q = 1;
  By by = By::columns;
};  ///< L_{p,q}: the q-norm of the p-norms of the columns, or of the rows; p, q >= 1
struct Induced {
  double p = 2;
  double q = 2;
};                          ///< max |A x|_q over |x|_p = 1, p, q >= 1
struct NumericalRadius {};  ///< max |x^* A x| over complex x of length 1, for a square A

using Norm = std::variant<Frobenius, MaxAbs, Entrywise, ColumnSum, RowSum, Spectral, SmallestSingular, Nuclear,
                          Schatten, KyFan, Mixed, Induced, NumericalRadius>;

/// What a norm is a function of. This decides where its value, enclosure and derivative are: norms/entries/entrywise,
/// norms/spectral, norms/induced or norms/numerical_radius.
enum class Family { entries, singular_values, induced, numerical_range };

/// How a proximal map and the projection onto the ball are found.
enum class Map {
  closed,  ///< in closed form, after a sort at most
  root,    ///< by the root of a monotone function of one number
  nested,  ///< by such a root, each value of whose function takes other roots
  none,    ///< neither is known; require_proximal() refuses
};

/// One spelling of a norm.
struct Row {
  std::string_view spelling;  ///< `fro`, `kyfan:K`: what parse_norm() takes; a capital letter stands for a number
  std::string_view meaning;   ///< `induced 1-norm, largest column sum`; `{}` stands for the number
  std::string_view help;      ///< `the sum of the K largest singular values`
  Family family;
  bool convex = true;     ///< a norm; otherwise a derivative is Clarke's generalized gradient
  std::string_view dual;  ///< the dual norm: a spelling or a formula; empty where none is known, or it is not a norm
  Norm norm;              ///< the default of its type, for rows with a number
  std::string_view stem;  ///< the spelling without its numbers, `kyfan:`
  std::string_view gradient;   ///< the gradient, or which subgradient is returned where there are several
  Map proximal = Map::none;    ///< argmin 1/2 |X - A|_F^2 + lambda |X|
  Map projection = Map::none;  ///< the nearest matrix with |X| <= r
  std::string_view cost;       ///< of the value, `one read`
  std::string_view proof;      ///< what its enclosure rests on

  /// Whether the spelling ends in numbers.
  bool has_number() const noexcept { return stem.size() < spelling.size(); }
};

/// Every norm, in the order of the help.
std::span<const Row> rows();

/// The row of a norm, by its type, its `smallest`, and for KyFan whether p is 1.
const Row& row_of(const Norm& which);

/// `fro, nuc, ..., induced:P,Q or numerical-radius`.
std::string spellings();

/// `fro`, `nuc`, `1`, `-1`, `2`, `-2`, `inf`, `-inf` as in NumPy; `max`, `entrywise:P`, `schatten:P`, `kyfan:K`,
/// `kyfan:K,P`, `mixed:P,Q` (of columns), `mixed:P,Q,rows`, `induced:P,Q`, `numerical-radius`. P and Q are numbers or
/// `inf`. Throws Error naming the spellings that exist.
Norm parse_norm(std::string_view ord);

/// The spelling that parse_norm() reads as this norm: `schatten:1.5`.
std::string spelling_of(const Norm& which);

/// `Schatten 1.5-norm`
std::string meaning_of(const Norm& which);

/// Whether the norm is a function of singular values, by its row.
bool is_of_singular_values(const Norm& which);

/// The same norm by the simplest type: `schatten:1` is nuclear, `induced:2,2` spectral. An induced norm from 1 or to
/// infinity and a mixed norm of equal exponents become norms of entries; the exponent P/(P-1) of the rows of
/// induced:P,inf is rounded. The other induced norms have no such form and stay as they are.
Norm simplified(const Norm& which);

/// simplified(), and the norms by the doubles around an exponent that had to be rounded: `below` is at most the norm,
/// `above` at least. All three are equal where nothing was rounded.
struct Around {
  Norm nearest;
  Norm below;
  Norm above;
  bool is_exact = true;
};
Around around(const Norm& which);

/// Throws Error, beginning with [`who`], for p < 1 or NaN, and unless 1 <= k <= `values`, where `values` is the number
/// of singular values.
void require_valid(std::string_view who, const Norm& which, std::int64_t values);

}  // namespace sigmax::norms
