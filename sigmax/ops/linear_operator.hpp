// The interface that every solver works on: everything with singular values is a linear operator.
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

/// The largest depth of composed operators: a stack of 4 MiB is enough for everything that recurses.
inline constexpr std::int64_t kMostDepth = 2500;

struct Correlation;
class SelectedEntries;

template <Real T>
class LinearOperator;

template <Real T>
using Operator = std::shared_ptr<const LinearOperator<T>>;

/// The structure of an operator, for proofs and for solvers that know a shortcut.
namespace structure {
/// Known only through its products: its upper bounds can only be probabilistic.
struct Opaque {};
/// A stored matrix (`transposed`: its transpose), alive as long as the operator. The products use exactly the stored
/// values.
struct Stored {
  const kernels::StoredMatrix* matrix = nullptr;
  bool transposed = false;
};
/// A convolution of images (ops/convolution/geometry.hpp) with a stored kernel of out_channels rows, whose columns are
/// the input channels of a group and the taps; both alive as long as the operator. The products use exactly the stored
/// values.
struct Convolution {
  const kernels::StoredMatrix* kernel = nullptr;
  const Correlation* correlation = nullptr;
};
/// diag(entries), alive as long as the operator; the identity of this order if there are none. The products use exactly
/// these values.
struct Diagonal {
  std::int64_t order = 0;
  std::span<const double> entries{};

  bool is_identity() const noexcept { return entries.empty(); }
};
/// y_i is an entry of x, or 0 (ops/selection.hpp). Alive as long as the operator.
struct Selection {
  const SelectedEntries* entries = nullptr;
};
/// factors[0] (x) factors[1] (x) ..., at least one.
template <Real T>
struct Kronecker {
  std::vector<Operator<T>> factors;
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
/// The parts below each other (`of_rows`) or side by side.
template <Real T>
struct Stacked {
  std::vector<Operator<T>> parts;
  bool of_rows = true;
};
}  // namespace structure

template <Real T>
using Structure = std::variant<structure::Opaque, structure::Stored, structure::Convolution, structure::Diagonal,
                               structure::Selection, structure::Kronecker<T>, structure::Sum<T>, structure::Product<T>,
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

  /// z = A^T A x for a block of columns, in one read of A where the operator supports it. Throws Error if the shapes do
  /// not fit.
  void apply_gram(MatrixView<const T> x, MatrixView<T> z, Context& context) const;

  /// As above, with y = A x as a second output: a step of power iteration in one read. Throws Error if the shapes do
  /// not fit.
  void apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;

  /// z = A A^T y for a block of columns, in one read of A where the operator supports it: the Gram product on the side
  /// of the rows. Throws Error if the shapes do not fit.
  void apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const;

  /// The number of parameters theta of the operator A(theta), for gradients. Zero for an operator that is a constant or
  /// does not declare its parameters: as a part of others it counts as a constant. The order of the parameters is
  /// documented with the operator. A composed operator has the parameters of its parts one after another, once for each
  /// place in which a part occurs.
  virtual std::int64_t parameter_count() const { return 0; }

  /// grad += d/dtheta sum_i w_i u_i^T A(theta) v_i: a cotangent of A becomes one of its parameters, without a dense
  /// matrix. `grad` has parameter_count() entries and is added to, so that several cotangents or uses of the same
  /// parameters accumulate; sums are formed in double and rounded to T once. The bits are the same for any number of
  /// threads. Throws Error if the shapes do not fit; without parameters, only an empty `grad` fits.
  void pull_back(const Cotangent<T>& cotangent, std::span<T> grad, Context& context) const;

  /// The operator's structure, in terms of its parts.
  virtual Structure<T> structure() const { return structure::Opaque{}; }

  /// This operator with arithmetic in float, for solvers that iterate in float and finish in double; null where there
  /// is none (and for T = float). The parameters are shared, not copied.
  ///
  /// Float has a small range. svd() checks the scales of stored matrices in products and multiples before it iterates
  /// in float; an opaque operator must return null unless float can hold every intermediate value of its products.
  virtual Operator<float> in_single() const { return nullptr; }

  /// The depth of the operator: 1, or for a composed one the depth of its deepest part plus 1. Products, proofs and
  /// destructors recurse to this depth, so the operators of ops/ refuse to be deeper than kMostDepth.
  virtual std::int64_t depth() const { return 1; }

 protected:
  /// `y` is empty (no data) if the image is not needed. The default makes two passes.
  virtual void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const;
  /// The default makes two passes.
  virtual void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const;
  /// Called with at least one term and one parameter. An operator with parameters overrides it; the default throws
  /// Error.
  virtual void pull_back_impl(const Cotangent<T>& cotangent, std::span<T> grad, Context& context) const;

 private:
  virtual void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const = 0;
  virtual void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const = 0;
};

extern template class LinearOperator<float>;
extern template class LinearOperator<double>;

}  // namespace sigmax
