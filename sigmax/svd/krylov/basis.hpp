// A growing orthonormal basis of a Krylov space: shared by all Krylov solvers. Internal to svd/.
//
// The vectors are stored one after another in one aligned buffer. So the basis is also a row-major matrix with one
// vector per row, and the kernels' Gram product with it is a sweep of Gram-Schmidt in one read.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/stored_matrix.hpp"

namespace sigmax {

/// Q, of order() x count(), with orthonormal columns to working accuracy of T. The bits do not depend on the number of
/// threads.
template <Real T>
class Basis {
 public:
  /// Space for `capacity` vectors of n entries; at most n of them can be in use. Throws Error if n or capacity is not
  /// positive.
  Basis(std::int64_t n, std::int64_t capacity, Context& context);

  std::int64_t order() const noexcept { return n_; }
  std::int64_t capacity() const noexcept { return capacity_; }
  std::int64_t count() const noexcept { return count_; }

  /// Vector j < capacity().
  std::span<T> at(std::int64_t j) { return columns(j, 1).column(0); }
  std::span<const T> at(std::int64_t j) const { return columns(j, 1).column(0); }

  MatrixView<T> columns(std::int64_t first, std::int64_t number) {
    return {vectors_.data() + first * stride_, n_, number, stride_};
  }
  MatrixView<const T> columns(std::int64_t first, std::int64_t number) const {
    return {vectors_.data() + first * stride_, n_, number, stride_};
  }

  /// The space after the basis: a product is written here, made orthogonal in place, and appended. Throws Error if
  /// there is not enough space.
  MatrixView<T> next(std::int64_t number = 1);

  /// Appends the first `number` vectors of next() to the basis as they are.
  void accept(std::int64_t number = 1);

  /// Forgets all vectors except the first `number`.
  void truncate(std::int64_t number);

  /// One sweep of classical Gram-Schmidt: X -= Q_s (Q_s^T X), Q_s the vectors [first, first + number), which need not
  /// have been accepted. Adds Q_s^T X to `coefficients`, number x X.columns. Cost: one read of Q_s for 8 columns.
  void sweep(std::int64_t first, std::int64_t number, MatrixView<T> x, MatrixView<double> coefficients) const;

  /// X -= Q (Q^T X) over the whole basis, twice: one sweep leaves errors that grow with cancellation, two are enough
  /// (unless X lies in the span to working accuracy). Returns the sum of both sweeps' coefficients, count() x
  /// X.columns.
  Matrix<double> orthogonalize(MatrixView<T> x) const;

  /// X -= Q (Q^T X) for one vector, Q^T X added to `coefficients`; returns |X| after it. Made for Krylov processes: X
  /// has components along the `number` vectors from `near` (as far as they exist), which are removed first, and often
  /// only rounding along the others, so that one sweep is as good as two. If the sweep removes more than rounding, a
  /// second sweep follows. Throws NotFinite if X is not finite, or its square overflows.
  double remove(MatrixView<T> x, std::int64_t near, std::int64_t number, std::span<double> coefficients) const;

  /// What append() found: X = Q C + P R + E, where P holds the new vectors and |E| is of the order of rounding and the
  /// floor.
  struct Appended {
    Matrix<double> c;       ///< count() before x b
    Matrix<double> r;       ///< b x b, upper triangular; R_ii = 0 where P_i is a fresh direction
    std::int64_t rank = 0;  ///< columns that were not replaced
  };

  /// Orthonormalizes the first b columns of next() against the basis and among themselves, and appends them to it: two
  /// rounds of block Gram-Schmidt, each followed by one within the block, and a third if the second has left little of
  /// a column. A column whose remainder is at most `floor` (absolute), or is rounding of the column, is replaced by a
  /// random direction drawn from `random`, orthogonal to all vectors. Throws Error if there is no space, or if fewer
  /// than b dimensions are left; NotFinite if a column is not finite.
  Appended append(std::int64_t b, double floor, RandomState& random);

  /// A random unit vector orthogonal to the basis, appended to it. Throws Error if the basis is full or spans the
  /// space.
  void append_random(RandomState& random);

  /// out = Q W over the first W.rows vectors, W.rows x k. One read of them.
  void combine(MatrixView<const double> weights, MatrixView<T> out) const;

  /// Q <- Q S in place over the first S.rows vectors, S with orthonormal columns (thick restart), in panels of rows
  /// that stay in cache; count() becomes S.columns. Vectors from index S.rows on stay in place.
  void compress(MatrixView<const double> weights);

 private:
  kernels::StoredMatrix stored(std::int64_t first, std::int64_t number) const;
  // Makes column `x` (accepted or not) orthogonal to the `number` vectors from `first`, by two sweeps; adds to
  // `coefficients`; returns the norm of the remainder.
  double clean(std::int64_t first, std::int64_t number, MatrixView<T> x, MatrixView<double> coefficients) const;
  void fill_random(std::int64_t index, RandomState& random);
  void multiply_panels(MatrixView<const double> weights, T* out, std::int64_t out_stride) const;

  std::int64_t n_;
  std::int64_t capacity_;
  std::int64_t stride_;
  std::int64_t count_ = 0;
  Context* context_;
  Context::Buffer<T> vectors_;
};

/// Operations on single vectors, on the calling thread. Their order of summation does not depend on the instruction
/// set; that of kernels/vector.hpp does.
namespace blas1 {

/// x^T y, the sum formed in double in a fixed order.
template <Real T>
double dot(std::span<const T> x, std::span<const T> y);

/// |x|, for entries whose squares neither overflow nor underflow in double.
template <Real T>
double norm(std::span<const T> x);

/// x *= factor
template <Real T>
void scale(std::span<T> x, double factor);

}  // namespace blas1

extern template class Basis<float>;
extern template class Basis<double>;

}  // namespace sigmax
