// The name that a function usually has. Internal to graph/.
#pragma once

#include <string>

#include "sigmax/graph/scalar/expression.hpp"

namespace sigmax::graph {

/// The name of the activation function without parameters whose values are those of f to 1e-6, as with constants
/// rounded to float; empty if there is none. It is for people: no claim follows from it.
std::string usual_name(const Expression& f);

}  // namespace sigmax::graph
