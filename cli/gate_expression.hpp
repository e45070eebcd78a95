// An expression of --fail-if as a tree. Internal to gates.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/gate.hpp"
#include "sigmax/report/columns.hpp"

namespace sigmax::cli {

enum class Relation { greater, greater_equal, less, less_equal, equal, unequal };

struct Gate::Node {
  enum class Kind { comparison, negation, both, either };
  Kind kind = Kind::comparison;
  std::shared_ptr<const Node> left, right;
  std::string key;                               ///< for a comparison: the figure
  const report::WeightColumn* column = nullptr;  ///< null for `nonfinite`
  Relation relation = Relation::greater;
  double number = 0;
};

/// Reads the grammar of gate.hpp. Throws Error with the position and what was expected.
std::shared_ptr<const Gate::Node> parse_expression(std::string_view source);

}  // namespace sigmax::cli
