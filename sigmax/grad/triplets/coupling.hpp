// How the k known triplets rotate into each other: the closed forms of derivatives within their span. Internal to
// grad/.
//
// Every fraction over sigma_i^2 - sigma_j^2 is split into one over sigma_i - sigma_j and one over sigma_i + sigma_j:
// (sigma_i a + sigma_j b) / (sigma_i^2 - sigma_j^2) = (a + b) / (2 (sigma_i - sigma_j)) + (a - b) / (2 (sigma_i +
// sigma_j)). Then only a + b cancels for values close to each other, and the cancellation is explicit.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/svd_cotangent.hpp"
#include "sigmax/grad/triplets/frame.hpp"

namespace sigmax {

/// The cotangent of sigma, or zeros for an empty one. Throws Error unless it has k entries, all finite, and those of u
/// and v are empty or have a column for each triplet.
template <Real T>
std::vector<double> checked_values(const Frame<T>& frame, std::string_view who, const SvdCotangent<T>& cotangent);

/// C of svd_vjp: C_ji = (sigma_i (S_ji - S_ij) + sigma_j (R_ji - R_ij)) / (sigma_i^2 - sigma_j^2), S = U^T phi, R = V^T
/// psi.
class VectorCoupling {
 public:
  template <Real T>
  VectorCoupling(Frame<T>& frame, const Matrix<T>& phi, const Matrix<T>& psi);

  const Matrix<double>& c() const noexcept { return c_; }
  const Matrix<double>& s() const noexcept { return s_; }
  const Matrix<double>& r() const noexcept { return r_; }

  /// The derivative of C when S, R and sigma move by ds, dr and dsigma.
  Matrix<double> derivative(const Matrix<double>& ds, const Matrix<double>& dr, std::span<const double> dsigma) const;

 private:
  Matrix<double> s_;
  Matrix<double> r_;
  Matrix<double> c_;
  Matrix<double> gap_;
  Matrix<double> reach_;
};

/// alpha and beta of svd_jvp from P, with zero diagonals: U^T du and V^T dv. Entries of P up to `negligible` are
/// rounding.
struct Rotation {
  Matrix<double> alpha;
  Matrix<double> beta;
};
template <Real T>
Rotation rotation(Frame<T>& frame, const Matrix<double>& p, double negligible);

}  // namespace sigmax
