// The options of a certificate.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/core/rng.hpp"

namespace sigmax {

/// How an upper end may be found.
enum class CertifyMethod {
  automatic,      ///< proven up to CertifyOptions::proven_up_to, beyond that the smaller of the cheap bounds
  proven,         ///< proven ends alone, by a factorization where the limits allow one
  probabilistic,  ///< no factorization: the solver's own random start, or a cheap proven bound if that is smaller
  cheapest,       ///< proven ends alone, from norms and a few reads of A
  none,           ///< the lower end alone; for the smallest values the upper end alone
};

/// For certify(), certify_values(), bounds::enclose() and the audit.
struct CertifyOptions {
  CertifyMethod method = CertifyMethod::automatic;
  /// The value of (upper - lower) / upper that is enough: the first bound that reaches it ends the work, beginning with
  /// bounds that need no read of A. 0: the tightest.
  double relative_width = 0;
  /// A matrix whose shorter side k is at most this is proven by a factorization (rows columns k + k^3 / 3 flops). 0: no
  /// matrix.
  std::int64_t proven_up_to = 4096;
  /// enclose() and the audit also factor a larger stored matrix if its Gram matrix costs no more than the Lanczos steps
  /// of a probabilistic bound. With a shorter side k and a longer side l, that means k + k^2 / l <= 400: long thin
  /// matrices, and small ones. certify() ignores it.
  bool proven_if_cheap = false;
  /// A sum, product or stack of at most this many entries may be formed, 8 bytes each, so that it can be factored.
  std::int64_t formed_up_to = std::int64_t{1} << 27;
  double failure_probability = 1e-9;  ///< of a probabilistic upper end, at least kLeastFailureProbability
  /// The start of the certificate's own searches. Empty: the hint's state if there is a hint, otherwise a drawn state.
  /// A start that was not drawn gives no probabilistic end.
  std::optional<RandomState> random{};

  /// Whether a factorization is requested, if the limits allow one.
  bool admits_factorization() const noexcept {
    return method == CertifyMethod::automatic || method == CertifyMethod::proven;
  }

  /// Whether an end may be probabilistic.
  bool admits_probable() const noexcept {
    return method == CertifyMethod::automatic || method == CertifyMethod::probabilistic;
  }
};

}  // namespace sigmax
