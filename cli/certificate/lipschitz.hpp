// The certificate of a network's bound.
#pragma once

#include <optional>
#include <string>

#include "cli/lipschitz/report.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::cli {

struct LipschitzCertificate {
  std::string text;
  double upper = 0;  ///< what it shows
};

/// For a report that has a bound, made with NetworkBoundOptions::keep_proofs. Parts that the inequality bounded come
/// with their multipliers, other layers of neurons with the norms of their matrices, and anything else as not checked.
/// What the certificate shows is the product over the parts, which may be more than the report's bound.
///
/// Cost: a hash of the file and, where norms are needed, their proofs. Throws as opening the file does.
LipschitzCertificate lipschitz_certificate(const LipschitzReport& report, const std::optional<Seed>& seed,
                                           Context& context);

}  // namespace sigmax::cli
