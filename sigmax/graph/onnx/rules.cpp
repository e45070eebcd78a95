#include "sigmax/graph/onnx/rules.hpp"

#include <algorithm>

namespace sigmax::graph::onnx {
namespace {

using Family = std::span<const NamedRule> (*)();

constexpr Family kFamilies[] = {
    identity_rules,  // one family a line
};

}  // namespace

const NamedRule* find_rule(std::string_view op) {
  for (const Family family : kFamilies) {
    const auto rules = family();
    const auto found = std::ranges::find(rules, op, &NamedRule::op);
    if (found != rules.end()) return &*found;
  }
  return nullptr;
}

}  // namespace sigmax::graph::onnx
