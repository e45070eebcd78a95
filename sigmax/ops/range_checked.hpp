// The operator as the solvers see it: in range, watched for NaN and infinity. Internal to the library.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>

#include "sigmax/core/rng.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// Where |A| = 2^e with |e| beyond this, squares of the products come near the ends of the range of T.
template <Real T>
inline constexpr int kInRange = std::same_as<T, float> ? 20 : 100;

/// Thrown by the products of a Guarded operator whose result is not finite, because of entries that are not finite or
/// by overflow. svd() catches it.
struct NotFinite {};

/// What a caller is told then: throws Error `[who] the operator's products are not finite: it holds NaN or infinity`,
/// and what else may be the reason.
[[noreturn]] void throw_products_not_finite(std::string_view who, std::string_view or_else = {});

/// 2^-exponent A, with every result checked: throws NotFinite if one is not finite. With an exponent other than 0, the
/// Gram products scale between their two halves, so that neither half leaves the range, and take two passes.
///
/// Does not own A.
template <Real T>
class Guarded final : public LinearOperator<T> {
 public:
  explicit Guarded(const LinearOperator<T>& a, int exponent = 0) : a_(a), exponent_(exponent) {}

  Shape shape() const override { return a_.shape(); }
  Structure<T> structure() const override;

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override;
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override;
  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override;
  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override;

  const LinearOperator<T>& a_;
  int exponent_;
};

/// The exponent e with |A| about 2^e, from A g for a random g at three scales; nothing for the zero operator. Up to
/// three products. Throws Error if none of them is finite.
template <Real T>
std::optional<int> exponent_by_products(const LinearOperator<T>& a, const RandomState& random, Context& context);

extern template class Guarded<float>;
extern template class Guarded<double>;

}  // namespace sigmax
