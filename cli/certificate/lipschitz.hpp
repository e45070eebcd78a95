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
  std::optional<double> upper;  ///< what it claims
  std::string why{};            ///< if it claims nothing
};

/// For a report that has a bound, made with NetworkBoundOptions::keep_proofs. A network of layers of neurons comes with
/// their slopes and the multipliers of the inequality; a linear map needs neither. Its matrices are in the file, where
/// the checker finds them. For any other network the certificate claims nothing and says why. What it claims may be
/// more than the report's bound.
///
/// Cost: a hash of the file and, for a linear map, the proof of its norm. Throws as opening the file does.
LipschitzCertificate lipschitz_certificate(const LipschitzReport& report, const std::optional<Seed>& seed,
                                           Context& context);

}  // namespace sigmax::cli
