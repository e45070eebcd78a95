// Eigenvalues of a dense symmetric matrix: Householder reduction to tridiagonal form, then the eigenvalues of that.
// Internal to the library.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/linalg/tridiagonal.hpp"

namespace sigmax {

/// A symmetric matrix of order n in scratch memory laid out for the kernels of kernels/symmetric.hpp: the lower
/// triangle by columns, a stride that is a multiple of 8, zeros in the padding.
class SymmetricWork {
 public:
  SymmetricWork(std::int64_t order, Context& context);

  std::int64_t order() const noexcept { return order_; }
  std::int64_t padded() const noexcept { return padded_; }
  std::int64_t stride() const noexcept { return stride_; }
  double* data() noexcept { return values_.data(); }
  double* column(std::int64_t j) noexcept { return values_.data() + j * stride_; }

 private:
  std::int64_t order_;
  std::int64_t padded_;
  std::int64_t stride_;
  Context::Buffer<double> values_;
};

/// T = Q^T A Q, Q = H_1 H_2 ... with H_j = I - tau_j v_j v_j^T.
struct TridiagonalForm {
  Tridiagonal t;
  std::vector<double> tau;
};

/// `a` is overwritten: column j holds v_j from row j + 1 on. The norm of A should be within 2^+-300 of 1.
///
/// T is exactly similar to A + E, |E| of the order of n u |A| (Higham, Accuracy and Stability, ch. 19). Cost: 4/3 n^3
/// flops. Half of them are products of the trailing matrix with a vector, which read each entry of its triangle once:
/// n^3 / 6 numbers from memory or cache. The bits are the same for any number of threads. The caller holds a
/// SerialBlas. Throws Canceled on request.
TridiagonalForm tridiagonalize(SymmetricWork& a, Context& context);

/// Q y: maps an eigenvector y of T to an eigenvector of A. `reduced` is the matrix as tridiagonalize() left it.
/// Cost: 2 n^2 flops, one read of `reduced`.
std::vector<double> from_tridiagonal(SymmetricWork& reduced, const TridiagonalForm& form, std::span<const double> y,
                                     Context& context);

}  // namespace sigmax
