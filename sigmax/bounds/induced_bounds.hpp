// Enclosures of the induced norm |A|_{p->q} = max |A x|_q / |x|_p, from vectors that nobody needs to trust: a search
// finds them (norms/induced.hpp has one), and each gives an end that is a theorem, whatever the vector.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::bounds {

/// The proof of an upper end.
enum class InducedProof {
  none,           ///< no upper end
  zero,           ///< the matrix is zero
  columns,        ///< 1 -> q, or one column: the largest q-norm of a column, exactly
  rows,           ///< p -> infinity, or one row: the largest p*-norm of a row, exactly
  sigma_max,      ///< 2 -> 2
  collatz,        ///< the generalized Collatz quotient of |A|
  scaling,        ///< a diagonal scaling and sigma_max
  interpolation,  ///< between norms that are known exactly
  comparison,     ///< sigma_max or the Frobenius norm, and the constants between vector norms
};

/// `columns`, `scaling`, ...
std::string_view message(InducedProof proof);

/// Both ends of |A|_{p->q} for a matrix that is stored, or that may be formed. Each call below can only improve them.
/// Each end is a theorem about the operator, its rounding included; an upper end that rests on a probabilistic bound of
/// sigma_max is probabilistic.
///
/// The matrix must not change while the object lives; enclosure() compares its sums with those of the first read. The
/// object must not outlive the context. All throw Error for p or q less than 1 or NaN, and for vectors that do not fit.
class InducedBounds {
 public:
  /// 1 <= p, q <= infinity. One read. Throws Error for entries that are not finite.
  InducedBounds(ScannedMatrix& a, double p, double q, Context& context);

  /// Nothing if an operator has an opaque part or would take a matrix of more than `formed_up_to` entries. Throws Error
  /// as take_apart() does.
  template <Real T>
  static std::optional<InducedBounds> of(const LinearOperator<T>& a, double p, double q, std::int64_t formed_up_to,
                                         Context& context);

  InducedBounds(InducedBounds&&) noexcept;
  InducedBounds& operator=(InducedBounds&&) noexcept;
  ~InducedBounds();

  /// The matrix behind all products, for searches: the norm of the operator is 2^exponent() times that of this matrix,
  /// or of its transpose, except for the rounding of a composite. Without data if is_zero().
  const kernels::StoredMatrix& matrix() const;
  bool transposed() const;
  bool is_zero() const;
  std::int64_t exponent() const;

  /// Exact ends, for 1 -> q and p -> infinity, and for a matrix of one column or row whatever the exponents, with the
  /// index of the column or row; otherwise nothing, and -1.
  std::int64_t lines();

  /// The column with the largest q-norm and the row with the largest p*-norm: the maximizers of 1 -> q and
  /// p -> infinity, from which a search may start. Two reads, with powers of each entry.
  struct Lines {
    std::int64_t column = 0;
    std::int64_t row = 0;
  };
  Lines largest_lines() const;

  /// Exact ends for 2 -> 2.
  void sigma(const CertifyOptions& options);

  /// A lower end: the quotient of x.
  void vector(std::span<const double> x);

  /// An upper end for p >= q, q finite: a generalized Collatz quotient. `x` becomes a better vector. Returns the
  /// quotient of |A| at x, which no later call will come below, in the units of matrix().
  double collatz(std::vector<double>& x);

  /// An upper end from positive w (one for each row) and v (one for each column).
  void scaling(std::span<const double> w, std::span<const double> v, const CertifyOptions& options);

  /// An upper end from norms that are known exactly. Computes sigma_max of the matrix.
  void interpolation(const CertifyOptions& options);

  /// In the units of matrix(); an infinite upper end is missing.
  double lower() const;
  double upper() const;
  InducedProof proof() const;

  /// Throws InternalError if the ends contradict each other or the matrix has changed.
  Enclosure enclosure() const;

 private:
  struct State;
  explicit InducedBounds(std::unique_ptr<State> state);
  void offer(double upper, double failure, InducedProof proof);
  void offer_if_zero();
  std::unique_ptr<State> state_;
};

/// For an operator that is known through its products only, or that is too large to be formed: the quotient of x, and
/// |A|_2 n^max(1/2 - 1/p, 0) m^max(1/q - 1/2, 0), with |A|_2 by sigma_max(). The quotient includes the rounding of the
/// products by the operator's structure; an opaque part stands for its products as they are computed.
template <Real T>
Enclosure enclosure_by_products(const LinearOperator<T>& a, double p, double q, std::span<const double> x,
                                const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
Enclosure enclosure_by_products(const LinearOperator<T>& a, double p, double q, std::span<const double> x,
                                const CertifyOptions& options = {}) {
  Context context;
  return enclosure_by_products(a, p, q, x, options, context);
}

}  // namespace sigmax::bounds
