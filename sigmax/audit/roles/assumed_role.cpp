#include "sigmax/audit/roles/assumed_role.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include "sigmax/audit/roles/stored_layout.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::audit {
namespace {

using Kind = AssumedRole::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 11> kKinds = {{
    {"dense", Kind::dense},
    {"dense_in_out", Kind::dense_in_out},
    {"convolution", Kind::convolution},
    {"transposed_convolution", Kind::transposed_convolution},
    {"channels_last", Kind::channels_last},
    {"depthwise_channels_last", Kind::depthwise_channels_last},
    {"recurrent", Kind::recurrent},
    {"embedding", Kind::embedding},
    {"expert_stack", Kind::expert_stack},
    {"expert_stack_in_out", Kind::expert_stack_in_out},
    {"skip", Kind::skip},
}};

bool has_groups(Kind kind) {
  return kind == Kind::convolution || kind == Kind::transposed_convolution || kind == Kind::channels_last;
}

std::string_view spelling(Kind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return k.second == kind; })->first;
}

Layout layout_of(const AssumedRole& role, const Dimensions& shape) {
  const std::size_t rank = shape.size();
  Layout layout{std::vector<Axis>(rank, Axis::in), 1, 0};
  switch (role.kind) {
    case Kind::convolution: return convolution_layout(rank, role.groups);
    case Kind::transposed_convolution: return transposed_convolution_layout(rank, role.groups);
    case Kind::channels_last: return channels_last_layout(rank, role.groups);
    case Kind::depthwise_channels_last: return depthwise_channels_last_layout(shape);
    case Kind::dense_in_out: layout.axes.back() = Axis::out; break;
    case Kind::embedding:
      layout.axes.assign(rank, Axis::width);
      layout.axes.front() = Axis::entries;
      break;
    case Kind::expert_stack:
    case Kind::expert_stack_in_out:
      layout.axes.assign(rank, Axis::stack);
      layout.axes[rank - 2] = role.kind == Kind::expert_stack ? Axis::out : Axis::in;
      layout.axes[rank - 1] = role.kind == Kind::expert_stack ? Axis::in : Axis::out;
      break;
    case Kind::skip:
    case Kind::dense:
    case Kind::recurrent: layout.axes.front() = Axis::out;
  }
  return layout;
}

Role role_of(Kind kind) {
  switch (kind) {
    case Kind::convolution:
    case Kind::transposed_convolution:
    case Kind::channels_last:
    case Kind::depthwise_channels_last: return Role::convolution;
    case Kind::recurrent: return Role::recurrent;
    case Kind::embedding: return Role::embedding;
    case Kind::expert_stack:
    case Kind::expert_stack_in_out: return Role::expert_stack;
    case Kind::skip:
    case Kind::dense:
    case Kind::dense_in_out: break;
  }
  return Role::dense;
}

}  // namespace

AssumedRole parse_assumed_role(std::string_view text) {
  const auto colon = text.find(':');
  const auto found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& k) { return k.first == text.substr(0, colon); });
  if (found == kKinds.end()) {
    std::vector<std::string> names;
    names.reserve(kKinds.size());
    for (const auto& [spelled, kind] : kKinds) names.push_back(std::string(spelled) + (has_groups(kind) ? "[:G]" : ""));
    throw Error(fmt::format("'{}' is not a role; the roles are {}", text, fmt::join(names, ", ")));
  }
  AssumedRole role{found->second, 1};
  if (colon == std::string_view::npos) return role;
  const std::string_view count = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), role.groups);
  if (!has_groups(role.kind) || error != std::errc() || end != count.data() + count.size() || role.groups < 1) {
    throw Error(
        fmt::format("'{}': only convolution, transposed_convolution and channels_last take a number of "
                    "groups, at least 1, as in convolution:32",
                    text));
  }
  return role;
}

std::optional<MatrixPlan> plan_of(const AssumedRole& role, const io::Entry& entry) {
  if (role.kind == Kind::skip) return std::nullopt;
  const Role kind = role_of(role.kind);
  const std::size_t least = kind == Role::convolution || kind == Role::expert_stack ? 3 : 2;
  if (entry.shape.size() < least) {
    throw Error(fmt::format("'{}' has the shape {} and cannot be read as {}, which has {} dimensions or more",
                            entry.name, to_string(entry.shape), spelling(role.kind), least));
  }
  Layout layout = layout_of(role, entry.shape);
  const std::int64_t channels = entry.shape[layout.split];
  if (channels % layout.groups != 0) {
    throw Error(fmt::format("'{}' has the shape {}, and {} groups do not divide its {} channels", entry.name,
                            to_string(entry.shape), layout.groups, channels));
  }
  MatrixPlan plan = make_plan(kind, Evidence::user, std::move(layout), entry.shape);
  add_blocks(plan, entry.shape);
  return plan;
}

}  // namespace sigmax::audit
