// What a user can do about a node that has no bound. Internal to `sigmax lipschitz`.
#pragma once

#include <string>
#include <vector>

#include "cli/lipschitz/report.hpp"
#include "cli/options.hpp"
#include "sigmax/io/computation.hpp"

namespace sigmax::cli {

/// For each refused node of the report, in words that follow its reason: which option gives it a bound or leaves it
/// out, or that none does.
std::vector<std::string> ways_out(const LipschitzReport& report, const io::Computation& computation,
                                  const LipschitzRequest& options);

}  // namespace sigmax::cli
