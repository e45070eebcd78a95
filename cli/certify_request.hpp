// What `--certify` asks for.
#pragma once

#include <cstdint>
#include <optional>

#include "sigmax/bounds/options.hpp"

namespace sigmax::cli {

/// How far `--certify` asks sigma_max to be enclosed.
struct CertifyRequest {
  enum class Kind { automatic, proven, probabilistic, none };
  Kind kind = Kind::automatic;
  std::optional<std::int64_t> size;  ///< the N of `proven:N`, the longest shorter side that is to be proven

  /// True if a weight whose shorter side is `side` must have a proven upper end for the run to succeed.
  bool demands_proof(std::int64_t side) const noexcept { return kind == Kind::proven && (!size || side <= *size); }

  /// What the library is asked for.
  CertifyOptions options() const;
};

}  // namespace sigmax::cli
