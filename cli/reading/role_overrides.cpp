#include "cli/reading/role_overrides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "cli/terminal/terminal.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

// The one that counts for the name: none of the overrides is past the end.
std::size_t first_match(const RoleOverrides& roles, const std::string& name) {
  const auto found =
      std::find_if(roles.begin(), roles.end(), [&](const RoleOverride& role) { return role.names.matches(name); });
  return static_cast<std::size_t>(found - roles.begin());
}

}  // namespace

RoleOverrides role_overrides(const std::vector<std::string>& sources) {
  RoleOverrides roles;
  for (const std::string& source : sources) {
    const auto end = source.rfind('=');
    if (end == std::string::npos || end == 0) {
      throw Error(fmt::format("--as takes REGEX=ROLE, as in 'conv_dw=convolution:32', got '{}'", source));
    }
    roles.push_back(
        {source, NamePattern("--as", source.substr(0, end)), audit::parse_assumed_role(source.substr(end + 1))});
  }
  return roles;
}

std::optional<audit::AssumedRole> assumed_role(const RoleOverrides& roles, const std::string& name) {
  const std::size_t found = first_match(roles, name);
  return found == roles.size() ? std::nullopt : std::optional(roles[found].role);
}

void tell_unmatched(const RoleOverrides& roles, const io::Checkpoint& checkpoint, const Messages& messages) {
  for (const RoleOverride& role : roles) {
    const bool matches = std::any_of(checkpoint.entries.begin(), checkpoint.entries.end(),
                                     [&](const io::Entry& entry) { return role.names.matches(entry.name); });
    if (!matches) messages.warning(fmt::format("--as: no tensor's name matches '{}'", role.names.source()));
  }
}

void tell_without_effect(const RoleOverrides& roles, const audit::Result& result, const Messages& messages) {
  struct Effect {
    bool matched = false, taken = false;
    const audit::Skipped* in_vain = nullptr;  // the first
  };
  std::vector<Effect> effects(roles.size());
  const auto is_users = [](const auto& evidence) { return evidence == audit::Evidence::user; };
  for (const audit::TensorResult& tensor : result.tensors) {
    const std::size_t found = first_match(roles, tensor.name);
    if (found < roles.size()) effects[found].matched = effects[found].taken = true;
  }
  for (const audit::Skipped& tensor : result.skipped) {
    const std::size_t found = first_match(roles, tensor.name);
    if (found == roles.size()) continue;
    Effect& effect = effects[found];
    effect.matched = true;
    effect.taken = effect.taken || is_users(tensor.role_evidence);
    if (effect.in_vain == nullptr && !is_users(tensor.role_evidence)) effect.in_vain = &tensor;
  }
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (effects[i].taken) continue;
    if (const audit::Skipped* tensor = effects[i].in_vain) {
      messages.warning(fmt::format("--as '{}' changes nothing: '{}' {} is skipped: {}", roles[i].source,
                                   report::name_in_sentence(tensor->name), to_string(tensor->shape),
                                   report::visible(tensor->reason)));
      continue;
    }
    const auto matches = [&](const auto& tensor) { return roles[i].names.matches(tensor.name); };
    const bool shadowed = std::any_of(result.tensors.begin(), result.tensors.end(), matches) ||
                          std::any_of(result.skipped.begin(), result.skipped.end(), matches);
    if (shadowed) {
      messages.warning(
          fmt::format("--as '{}' changes nothing: an earlier --as matches each of its tensors", roles[i].source));
    }
  }
}

}  // namespace sigmax::cli
