// The expressions of the functions that have names. Internal to graph/.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

struct NamedExpression {
  std::string_view name;
  std::size_t required;          ///< parameters that have no default
  std::vector<double> defaults;  ///< of the others
  Expression (*expression)(std::span<const double> parameters);
};

/// In the order of named.hpp.
const std::vector<NamedExpression>& named_expressions();

}  // namespace sigmax::graph
