#include "sigmax/io/pytorch/pickle.hpp"

namespace sigmax::io {

std::int64_t Pickle::integer(Id id) const noexcept {
  const Node& node = nodes_[id];
  return node.kind == PickleKind::integer || node.kind == PickleKind::boolean ? node.integer : 0;
}

double Pickle::real(Id id) const noexcept {
  return nodes_[id].kind == PickleKind::real ? nodes_[id].real : static_cast<double>(integer(id));
}

std::span<const Pickle::Id> Pickle::items(Id id) const noexcept {
  switch (nodes_[id].kind) {
    case PickleKind::list:
    case PickleKind::tuple:
    case PickleKind::set:
    case PickleKind::dict:
    case PickleKind::persistent_id: return values(id);
    default: return {};
  }
}

Pickle::Id Pickle::item(Id id, std::size_t index) const noexcept {
  const auto all = items(id);
  return index < all.size() ? all[index] : kAbsent;
}

Pickle::Call Pickle::call(Id id) const noexcept {
  if (!is(id, PickleKind::call)) return {};
  const auto parts = values(id);
  return {parts[0], parts[1], parts[2], parts[3], parts[4]};
}

std::string_view Pickle::global_module(Id id) const noexcept {
  return is(id, PickleKind::global) ? text(values(id)[0]) : std::string_view{};
}

std::string_view Pickle::global_attribute(Id id) const noexcept {
  return is(id, PickleKind::global) ? text(values(id)[1]) : std::string_view{};
}

bool Pickle::is_global(Id id, std::string_view module, std::string_view attribute) const noexcept {
  return is(id, PickleKind::global) && global_module(id) == module && global_attribute(id) == attribute;
}

Pickle::Id Pickle::find(Id dict, std::string_view key) const noexcept {
  if (!is(dict, PickleKind::dict)) return kAbsent;
  const auto pairs = values(dict);
  for (std::size_t i = pairs.size(); i >= 2; i -= 2) {
    const Id candidate = pairs[i - 2];
    const bool named = is(candidate, PickleKind::text) || is(candidate, PickleKind::bytes);
    if (named && text(candidate) == key) return pairs[i - 1];
  }
  return kAbsent;
}

}  // namespace sigmax::io
