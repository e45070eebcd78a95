// The roles that the user gives tensors: --as REGEX=ROLE.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/reading/name_filter.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/audit/roles/assumed_role.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::cli {

class Messages;

/// The role that names which match are to have.
struct RoleOverride {
  std::string source;  ///< as it was typed
  NamePattern names;
  audit::AssumedRole role;
};

/// In the order given: the first that matches a name counts.
using RoleOverrides = std::vector<RoleOverride>;

/// Reads `attn\.c_proj=dense_in_out`: the role stands behind the last `=`. Throws Error for any other text.
RoleOverrides role_overrides(const std::vector<std::string>& sources);

/// The role of the tensor `name`, if there is one for it.
std::optional<audit::AssumedRole> assumed_role(const RoleOverrides& roles, const std::string& name);

/// Warns of patterns that match no tensor's name.
void tell_unmatched(const RoleOverrides& roles, const io::Checkpoint& checkpoint, const Messages& messages);

/// Warns of patterns that match, and change nothing: of tensors that are not matrices (a vector, integers), or that an
/// earlier pattern has taken.
void tell_without_effect(const RoleOverrides& roles, const audit::Result& result, const Messages& messages);

}  // namespace sigmax::cli
