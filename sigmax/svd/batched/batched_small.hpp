// One matrix of a batch: the largest triplet by a direct method, or all by LAPACK. Internal to svd/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sigmax/core/context.hpp"
#include "sigmax/kernels/small.hpp"
#include "sigmax/svd/batched/batched.hpp"

namespace sigmax {

/// What is known from the largest entry of a matrix before any work is done.
struct Magnitude {
  double largest = 0;  ///< max |a_ij|, NaN if an entry is not finite
  int exponent = 0;    ///< the largest entry of 2^-exponent A is in [1, 2)
};

Magnitude magnitude_of(const kernels::StridedMatrix& a);

/// The working copy (kernels/small.hpp) of 2^-exponent A.
template <Real T>
void load_scaled(const kernels::StridedMatrix& a, int exponent, T* out);

/// Working memory for the matrices of one piece of a batch, one after another.
class SmallScratch {
 public:
  SmallScratch(std::span<const kernels::StridedMatrix> matrices, Context& context);

  /// Space for `count` elements, starting at the front of the buffer; each call takes the next piece, 64-byte aligned.
  template <class T>
  T* take(std::int64_t count) {
    std::byte* const at = buffer_.data() + used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(at);
  }
  void start_over() noexcept { used_ = 0; }

 private:
  Context::Buffer<std::byte> buffer_;
  std::size_t used_ = 0;
};

/// The destinations of the results for one matrix. u and v are null if vectors are not wanted.
struct SmallResult {
  std::span<double> sigma;
  double* residual = nullptr;  ///< null if it is not wanted
  Matrix<double>* u = nullptr;
  Matrix<double>* v = nullptr;
};

/// The outcome not_finite: NaN everywhere.
BatchOutcome not_finite(const SmallResult& result);

/// The outcome for a matrix that takes no work, with the result filled in: not_finite(), or for the zero matrix zeros
/// and the first unit vectors. Nothing for any other matrix.
std::optional<BatchOutcome> without_work(const Magnitude& magnitude, const SmallResult& result);

/// sigma_max of a matrix with entries, by tridiagonalization of its Gram matrix.
BatchOutcome largest_of_small(const kernels::StridedMatrix& a, const BatchOptions& options, SmallScratch& scratch,
                              const SmallResult& result);

/// The first sigma.size() values of a matrix with entries, by LAPACK in double: from the Gram matrix as in spectrum(),
/// or by dgesdd if vectors are wanted. Call it within a Context::Serial while a SerialBlas is alive. Throws Error if
/// LAPACK does not converge.
BatchOutcome values_of_small(const kernels::StridedMatrix& a, const SmallResult& result, Context& context);

}  // namespace sigmax
