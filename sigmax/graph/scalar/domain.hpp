// Checks on a domain that a caller gives. Internal to graph/.
#pragma once

#include <fmt/format.h>

#include "sigmax/core/error.hpp"
#include "sigmax/graph/scalar_function.hpp"

namespace sigmax::graph {

/// Throws Error if the domain has no number, or an end is NaN.
inline void require_domain(const Interval& domain) {
  const bool some = domain.least <= domain.greatest && domain.least < std::numeric_limits<double>::infinity() &&
                    domain.greatest > -std::numeric_limits<double>::infinity();
  if (!some) throw Error(fmt::format("[slopes] there is no number in [{}, {}]", domain.least, domain.greatest));
}

}  // namespace sigmax::graph
