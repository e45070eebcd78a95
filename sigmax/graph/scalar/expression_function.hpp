// A ScalarFunction of an expression. Internal to graph/ and lipschitz/.
#pragma once

#include <string>

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

/// The function that the expression is. Its slopes and values on the whole line are found here, in about a millisecond;
/// those on an interval then take a few evaluations. Without a name it is called by its expression.
Function function_of(Expression expression, std::string name = "");

/// The expression of a function made by function_of(); null for others.
const Expression* expression_of(const ScalarFunction& function);

}  // namespace sigmax::graph
