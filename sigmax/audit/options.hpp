// The options of an audit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sigmax/audit/roles/assumed_role.hpp"
#include "sigmax/bounds/options.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::audit {

struct Options {
  bool full_spectrum = true;  ///< false leaves out everything in SpectrumFigures
  /// How the upper end of sigma_max is certified. `seed` replaces `random`.
  CertifyOptions certify;
  /// Seeds the random vectors. Empty: drawn once for the audit. A given seed repeats an audit digit by digit. Somebody
  /// who knows the seed could construct a matrix that defeats a probabilistic bound, so such an audit has only proven
  /// upper ends, some of them wide.
  std::optional<Seed> seed{};
  std::int64_t min_dim = 1;  ///< weights with a shorter side below this are skipped, with that reason
  /// Names to audit; others are listed as skipped with `not_selected_reason`. Empty: all.
  std::function<bool(const std::string& name)> select;
  std::string not_selected_reason = "not selected";
  /// The role that the user assigns to a tensor, overriding the evidence; nothing for tensors without such a role.
  /// Empty: none.
  std::function<std::optional<AssumedRole>(const std::string& name)> assume;
};

}  // namespace sigmax::audit
