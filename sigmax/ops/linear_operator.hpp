// The contract that every solver works against: whatever has singular values is a linear operator.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/kernels/stored_matrix.hpp"
#include "sigmax/ops/cotangent.hpp"

namespace sigmax {

/// rows x columns: the operator maps vectors of `columns` entries to vectors of `rows` entries.
struct Shape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  bool operator==(const Shape&) const = default;
};

/// Operators are made of others to this depth at most: a stack of 4 MiB is enough for all that recurses.
inline constexpr std::int64_t kMostDepth = 2500;

template <Real T>
class LinearOperator;

template <Real T>
using Operator = std::shared_ptr<const LinearOperator<T>>;

/// What an operator is made of: what proofs, and solvers that know a shortcut, look at.
namespace structure {
/// Known by its products alone: nothing but a probabilistic bound can be said of it.
struct Opaque {};
/// A stored matrix (`transposed`: its transpose), alive as long as the operator. The products' values are the stored
/// ones, exactly.
struct Stored {
  const kernels::StoredMatrix* matrix = nullptr;
  bool transposed = false;
};
template <Real T>
struct Sum {
  std::vector<Operator<T>> terms;
};
/// left right
template <Real T>
struct Product {
  Operator<T> left;
  Operator<T> right;
};
template <Real T>
struct Scaled {
  double factor = 1;
  Operator<T> of;
};
template <Real T>
struct Transposed {
  Operator<T> of;
};
/// The parts below each other (`of_rows`) or beside each other.
template <Real T>
struct Stacked {
  std::vector<Operator<T>> parts;
  bool of_rows = true;
};
}  // namespace structure

template <Real T>
using Structure = std::variant<structure::Opaque, structure::Stored, structure::Sum<T>, structure::Product<T>,
                               structure::Scaled<T>, structure::Transposed<T>, structure::Stacked<T>>;

/// A real linear operator A. The smallest useful one:
///
///     class Twice final : public LinearOperator<double> {
///      public:
///       Shape shape() const override { return {3, 3}; }
///      private:
///       void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context&) const override {
///         for (int j = 0; j < x.columns; ++j) {
///           for (int i = 0; i < 3; ++i) y.column(j)[i] = 2 * x.column(j)[i];
///         }
///       }
///       void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& c) const override {
///         apply_impl(y, x, c);
///       }
///     };
///
/// The public functions check shapes and call the _impl functions with whole blocks of at least one column; inputs and
/// outputs must not overlap, and no output needs to be initialized.
template <Real T>
class LinearOperator {
 public:
  virtual ~LinearOperator() = default;

  virtual Shape shape() const = 0;

  /// y = A x for a block of columns. Throws Error if the shapes do not fit.
  void apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const;

  /// x = A^T y for a block of columns. Throws Error if the shapes do not fit.
  void apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const;

  /// z = A^T A x for a block of columns, in one read of A where the operator can. Throws Error if the shapes do not
  /// fit.
  void apply_gram(MatrixView<const T> x, MatrixView<T> z, Context& context) const;

  /// The same, and y = A x beside it: a step of power iteration in one read. Throws Error if the shapes do not fit.
  void apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;

  /// z = A A^T y for a block of columns, in one read of A where the operator can: the Gram product on the side of the
  /// rows. Throws Error if the shapes do not fit.
  void apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const;

  /// How many numbers theta the operator A(theta) is a function of, for gradients. Zero for an operator that is a
  /// constant, or does not say what it depends on: as a part of others it counts as a constant. The order of the
  /// parameters is documented where the operator is; an operator made of others has theirs one after another, once for
  /// each place in which a part occurs.
  virtual std::int64_t parameter_count() const { return 0; }

  /// grad += d/dtheta sum_i w_i u_i^T A(theta) v_i: a cotangent of A becomes one of its parameters, without a dense
  /// matrix. `grad` has parameter_count() entries and is added to, so that several cotangents or uses of the same
  /// parameters accumulate; sums are formed in double and rounded to T once. The same bits for any number of threads.
  /// Throws Error if the shapes do not fit; so for any `grad` but an empty one if the operator has no parameters.
  void pull_back(const Cotangent<T>& cotangent, std::span<T> grad, Context& context) const;

  /// What the operator is made of.
  virtual Structure<T> structure() const { return structure::Opaque{}; }

  /// The same operator computing in float, for solvers that iterate in float and finish in double; null where there is
  /// none (and for T = float). The parameters are shared, not copied.
  ///
  /// Float has a small range. svd() looks at the scales of stored matrices in products and multiples before it iterates
  /// in float; an opaque operator must return null unless float holds all that its products come across on the way.
  virtual Operator<float> in_single() const { return nullptr; }

  /// How many operators deep it is: 1, and one more than its deepest part where it is made of others. Products, proofs
  /// and destructors recurse as deep, so that the operators of ops/ refuse to be deeper than kMostDepth.
  virtual std::int64_t depth() const { return 1; }

 protected:
  /// `y` is empty (no data) where the image is not wanted. The default makes two passes.
  virtual void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;
  /// The default makes two passes.
  virtual void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const;
  /// For at least one term and one parameter. An operator with parameters overrides it; the default throws Error.
  virtual void pull_back_impl(const Cotangent<T>& cotangent, std::span<T> grad, Context& context) const;

 private:
  virtual void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const = 0;
  virtual void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const = 0;
};

extern template class LinearOperator<float>;
extern template class LinearOperator<double>;

}  // namespace sigmax
