// Which rules there are, by family, and the rule of an operator. Internal to graph/.
//
// A family is a source with a function that gives its rules. A new family is declared here and joins the list in
// rules.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

std::span<const NamedRule> identity_rules();  ///< Identity, Dropout, Cast

/// The rule of an operator of ONNX's own; null if there is none.
const NamedRule* find_rule(std::string_view op);

/// How many leading operands the node must have.
std::size_t operands_needed(const io::ComputationNode& node);

}  // namespace sigmax::graph::onnx
