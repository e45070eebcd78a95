// A request of `--certify`.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/bounds/options.hpp"

namespace sigmax::cli {

/// The kind of enclosure of sigma_max that `--certify` requests.
struct CertifyRequest {
  enum class Kind { automatic, proven, probabilistic, none };
  Kind kind = Kind::automatic;
  std::optional<std::int64_t> size;  ///< the N of `proven:N`: the largest shorter side for which a proof is demanded

  /// True if a weight whose shorter side is `side` must have a proven upper end for the run to succeed.
  bool demands_proof(std::int64_t side) const noexcept { return kind == Kind::proven && (!size || side <= *size); }

  /// The options to pass to the library.
  CertifyOptions options() const;
};

}  // namespace sigmax::cli
