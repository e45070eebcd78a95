// Conjugate gradients without the slow directions, which are spanned by approximate eigenvectors. Internal to grad/.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/ops/gram_side.hpp"

namespace sigmax {

/// For K = s - C on the complement of known eigenvectors of C, and W with orthonormal columns there: with
/// E = W^T K W, the part x = W E^-1 W^T r of a solution leaves the residual r - K x orthogonal to W, and search
/// directions d - W E^-1 (K W)^T d are K-orthogonal to W, so conjugate gradients stay out of span(W). If W holds
/// eigenvectors, the condition number becomes that of the remaining spectrum; if they are approximate, nearly so, and
/// the solution is just as exact. Source: Saad, Yeung, Erhel and Guyomarc'h, A deflated version of the conjugate
/// gradient algorithm, SIAM J. Sci. Comput. 21 (2000).
template <Real T>
class DeflatedSpace {
 public:
  /// An empty space.
  DeflatedSpace() = default;
  /// The space span(w), as far as it lies in the complement of `known`: one read of C for all columns.
  DeflatedSpace(MatrixView<const T> w, MatrixView<const T> known, GramSide<T>& side);

  bool empty() const noexcept { return w_.columns() == 0; }
  /// The largest eigenvalue of W^T C W: at most the largest of C on the complement, and E is definite for every s above
  /// it.
  double largest() const noexcept { return largest_; }

  /// The space for one s.
  class System {
   public:
    System() = default;
    System(const DeflatedSpace& deflation, double s);
    /// x += W E^-1 W^T r, r -= K W E^-1 W^T r
    void correct(std::span<T> x, std::span<T> r) const;
    /// d -= W E^-1 (K W)^T r
    void direct(std::span<const T> r, std::span<T> d) const;

   private:
    std::vector<double> solve(std::vector<double> y) const;

    const DeflatedSpace* deflation_ = nullptr;
    double s_ = 0;
    Matrix<double> factor_;  // L of E = L L^T
  };

 private:
  Matrix<T> w_;
  Matrix<T> image_;   // C W
  Matrix<double> g_;  // W^T C W
  double largest_ = 0;
};

extern template class DeflatedSpace<float>;
extern template class DeflatedSpace<double>;

}  // namespace sigmax
