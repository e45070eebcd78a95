// Certificates: an enclosure of sigma_max and how it is known.
#pragma once

#include <cstdint>

#include "sigmax/core/bound.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

struct CertifyOptions {
  /// An operator whose shorter side is at most this gets a proven upper end; a larger one a probabilistic one.
  std::int64_t proven_up_to = 4096;
  double failure_probability = 1e-9;  ///< of a probabilistic upper end; 0: none
};

/// lower <= sigma_max <= upper for a stored matrix (dense()), starting from what svd() found. The lower end is always
/// proven. Cost of a proven upper end for shorter side k: rows x columns x k + k^3/3 flops and 2 k^2 doubles; of a
/// probabilistic one: nothing beyond svd(), whose start vector must have been random.
///
/// Throws Error if the operator is not a stored matrix, if it has non-finite entries, or if the hint does not fit it.
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint, const CertifyOptions& options,
                  Context& context);

/// The same with the default options on every hardware thread.
template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint);

extern template Enclosure certify<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                          const CertifyOptions&, Context&);
extern template Enclosure certify<double>(const LinearOperator<double>&, const SvdResult<double>&);

}  // namespace sigmax
