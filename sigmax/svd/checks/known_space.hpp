// Orthonormal vectors that a check knows, with their Ritz pairs and their coupling to the rest. Internal to svd/.
#pragma once

#include <cstdint>

#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/interlacing.hpp"
#include "sigmax/svd/krylov/gram_lanczos.hpp"

namespace sigmax {

/// X -= V (V^T X), twice.
void remove_components(const Matrix<double>& v, Matrix<double>& x);

/// V with orthonormal columns, its Ritz pairs of C, and their coupling to the rest. Refers to the product of C.
template <Real T>
class KnownSpace {
 public:
  KnownSpace(std::int64_t n, const SymmetricProduct<T>& product) : n_(n), product_(product) {}

  /// V <- the Ritz vectors in span(V, X).
  void join(const Matrix<T>& x);

  /// Only the Ritz vectors in span(X, Y).
  void replace(const Matrix<T>& x, const Matrix<T>& y);

  std::int64_t size() const { return v_.columns(); }
  std::int64_t products() const { return products_; }
  const Coupled& coupled() const { return coupled_; }
  /// The first `count` Ritz vectors.
  Matrix<T> vectors(std::int64_t count) const;

 private:
  // The columns from `first` on become Ritz vectors of their span, with their images.
  void rotate_from(std::int64_t first);

  std::int64_t n_;
  const SymmetricProduct<T>& product_;
  Matrix<double> v_;
  Matrix<double> z_;  // C V
  Coupled coupled_;
  std::int64_t products_ = 0;
};

}  // namespace sigmax
