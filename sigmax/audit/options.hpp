// What an audit is asked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sigmax/audit/roles/assumed_role.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::audit {

/// How far the upper end of sigma_max is to be certified.
struct CertifyOptions {
  /// Weights whose shorter side is at most this get a proven upper bound (Cholesky: rows columns k + k^3 / 3 flops for
  /// the shorter side k), others a probabilistic one. 0: never proven.
  std::int64_t proven_up_to = 4096;
  /// Beyond that size too, where forming the Gram matrix costs no more than a probabilistic bound's Lanczos steps: for
  /// a shorter side k and a longer side l, k + k^2 / l <= 400 (long thin matrices, and small ones).
  bool proven_if_cheap = false;
  bool probabilistic = true;          ///< false: no upper end where it is not proven
  double failure_probability = 1e-9;  ///< of each probabilistic bound, at least kLeastFailureProbability
  /// Of the random start vectors. Empty: drawn, once for the audit. One that was not drawn repeats an audit digit by
  /// digit; a matrix made by somebody who knew it could defeat a probabilistic bound, so there are none then, and the
  /// upper ends are proven ones, where need be wide.
  std::optional<Seed> seed{};
};

struct Options {
  bool full_spectrum = true;  ///< false leaves out everything in SpectrumFigures
  CertifyOptions certify;
  std::int64_t min_dim = 1;  ///< weights whose shorter side is less are skipped, with that reason
  /// Names to audit; others are listed as skipped with `reason`. Empty: all.
  std::function<bool(const std::string& name)> select;
  std::string not_selected_reason = "not selected";
  /// The role that the user gives a tensor, against the evidence; nothing for those it says nothing of. Empty: none.
  std::function<std::optional<AssumedRole>(const std::string& name)> assume;
};

}  // namespace sigmax::audit
