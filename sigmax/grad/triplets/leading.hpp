// The largest triplets of an operator, found a few at a time and with every copy of a multiple value. Internal to grad/
// and nn/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/cotangent.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::grad {

/// A Krylov space may contain fewer copies of a multiple value than exist, although its residuals say converged. So
/// every further triplet is searched for in B = (I - U U^T) A (I - V V^T), with U and V the vectors found before, from
/// a new random start: a missed value is the largest one left and is found next.
///
///     Leading<double> leading(a, options, context);   // k and tolerance as for svd()
///     leading.grow(1);                                // at least this many, if they exist
///     leading.next();                                 // the largest singular value that is left
///
/// If svd() decomposes the whole matrix, the first request finds all triplets.
template <Real T>
class Leading {
 public:
  /// `options` are used without k and accuracy; the operator must outlive this. Throws Error for an operator without
  /// entries.
  Leading(const LinearOperator<T>& a, SvdOptions<T> options, Context& context);

  /// Finds triplets until there are `count` and nothing larger than the count-th is left, or until all are found.
  void grow(std::int64_t count);

  /// Finds triplets until there are `count`, or until all are found. Remaining values may be larger than the last one
  /// found.
  void extend(std::int64_t count);

  /// Finds and adds the largest remaining triplet; returns its sigma, or nothing if none is left.
  std::optional<double> probe();

  /// sigma of the largest triplet beyond those of grow(), if one was found.
  std::optional<double> next() const noexcept;

  std::int64_t all() const noexcept { return all_; }  ///< min(rows, columns)
  std::int64_t count() const noexcept { return count_; }
  const std::vector<double>& sigma() const noexcept { return sigma_; }  ///< descending; at least count() values
  bool is_complete() const noexcept { return complete_; }               ///< only rounding is left
  bool is_dense() const noexcept { return dense_; }  ///< found by a decomposition of the whole matrix
  SvdOutcome outcome() const noexcept { return outcome_; }

  /// sum weights_i u_i v_i^T over the first weights.size() triplets; terms of weight 0 are left out.
  OuterSum<T> outer_sum(std::span<const double> weights) const;

 private:
  double solve(std::int64_t k);  // the largest value found
  void append(const SvdResult<T>& found);

  const LinearOperator<T>* a_;
  SvdOptions<T> options_;
  Context* context_;
  std::int64_t all_;
  std::int64_t count_ = 0;
  std::vector<double> sigma_;
  Matrix<T> u_;
  Matrix<T> v_;
  bool complete_ = false;
  bool dense_ = false;
  SvdOutcome outcome_ = SvdOutcome::converged;
};

extern template class Leading<float>;
extern template class Leading<double>;

}  // namespace sigmax::grad
