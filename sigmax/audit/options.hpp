// What an audit is asked.
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
  /// How far the upper end of sigma_max is to be certified. `seed` takes the place of `random`.
  CertifyOptions certify;
  /// Starts the random vectors. Empty: drawn, once for the audit. A seed that was not drawn repeats an audit digit by
  /// digit. Somebody who knew it could make a matrix that defeats a probabilistic bound, so such an audit has proven
  /// upper ends only, some of them wide.
  std::optional<Seed> seed{};
  std::int64_t min_dim = 1;  ///< weights whose shorter side is less are skipped, with that reason
  /// Names to audit; others are listed as skipped with `reason`. Empty: all.
  std::function<bool(const std::string& name)> select;
  std::string not_selected_reason = "not selected";
  /// The role that the user gives a tensor, against the evidence; nothing for those it says nothing of. Empty: none.
  std::function<std::optional<AssumedRole>(const std::string& name)> assume;
};

}  // namespace sigmax::audit
