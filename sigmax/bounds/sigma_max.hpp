// The largest singular value in one call: an interval, and how it is known.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/bounds/certify.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// lower <= sigma_max(A) <= upper: svd() finds the leading singular vectors, certify() encloses.
///
/// The kind of the upper end (`upper->certainty()`, `is_proven()` for both ends):
/// - proven: a theorem about the stored values, every rounding error included (docs/proofs.md). With the default
///   options, a matrix whose shorter side is at most 4096 gets one, and so does any matrix whose norm is cheap to
///   bound.
/// - probabilistic: true except with `failure_probability()`, by default 1e-9, over a random start that is drawn anew
///   for each call.
/// - missing (`!upper`): an operator known only through its products may have a lower end alone, and a norm beyond the
///   range of double always does.
/// The lower end is proven in all cases. An interval of nonzero width is not a failure: its width is the accuracy.
///
/// Cost, for an m x n matrix with k = min(m, n): 5 to 60 reads of A to find the vectors, fewer if the first singular
/// value is well separated. A proof then takes m n k flops for the Gram matrix and one or two factorizations of k^3 / 3
/// flops, with 2 k^2 doubles; less than a second for 2048 x 2048 on two cores. Beyond the limit for proofs, only the
/// reads. A `relative_width` in the options also loosens the search, to an eighth of that width.
///
/// Throws Error as svd() and certify() do: an operator without entries, entries that are NaN or infinite, options out
/// of range; Canceled on request.
template <Real T>
Enclosure sigma_max(const LinearOperator<T>& a, const CertifyOptions& options, Context& context);

/// As above, on every hardware thread.
template <Real T>
Enclosure sigma_max(const LinearOperator<T>& a, const CertifyOptions& options = {});

/// sigma_max of a stored matrix, read where it lies: a tensor of a checkpoint, or one over your own memory
/// (Tensor::view_of). Throws Error as above, and if the tensor is not 2-dimensional or not of a real type.
Enclosure sigma_max(const Tensor& matrix, const CertifyOptions& options, Context& context);
Enclosure sigma_max(const Tensor& matrix, const CertifyOptions& options = {});

/// sigma_max of rows x columns values in row-major order in your own memory: nothing is copied, nothing is kept. Other
/// layouts: Tensor::view_of with strides. Throws Error as above, and unless there are rows x columns values.
Enclosure sigma_max(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options, Context& context);
Enclosure sigma_max(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options = {});
Enclosure sigma_max(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options, Context& context);
Enclosure sigma_max(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options = {});

}  // namespace sigmax
