// An operator as one matrix with a bound on its rounding, for enclosures of norms of its entries. Internal to the
// library.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::bounds {

/// The operator is 2^exponent (M + E) with |E|_F at most a bound that only this class knows. It must not outlive the
/// context.
class FormedOperator {
 public:
  /// Nothing if a part is opaque, if a matrix formed on the way has more than `formed_up_to` entries, or if no product
  /// may be formed (blas_support.hpp). Cost: a read of each stored matrix, the flops of the products, a matrix of
  /// doubles for each level of the tree; nothing for a stored matrix. Throws Error as certify() does.
  template <Real T>
  static std::optional<FormedOperator> of(const LinearOperator<T>& a, std::int64_t formed_up_to, Context& context);

  FormedOperator(FormedOperator&&) noexcept;
  FormedOperator& operator=(FormedOperator&&) noexcept;
  ~FormedOperator();

  bool is_zero() const;           ///< then there is no matrix
  const InRange& matrix() const;  ///< M, or its transpose; `factor` is to be ignored
  bool transposed() const;        ///< whether it is the transpose
  std::int64_t exponent() const;

  /// The enclosure of f of the operator for a norm f, from one of f(M) and an upper end c with f(E) <= c |E|_F for
  /// every E: |f(M + E) - f(M)| <= f(E). The smallest of several norms is allowed if c holds for each.
  Enclosure enclosure(const Enclosure& of_matrix, const UpperBound& c) const;

 private:
  struct State;
  explicit FormedOperator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sigmax::bounds
