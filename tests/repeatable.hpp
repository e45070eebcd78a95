// Options of solvers whose start repeats, so that a test does today what it did yesterday. By default a solver draws
// its start; tests of that say so.
#pragma once

#include "sigmax/core/rng.hpp"

namespace sigmax {

/// The defaults, with a constant start. It counts as drawn, since no test's matrix was made for it.
template <class Options>
Options repeatable() {
  Options options;
  options.random = vouched(RandomState{});
  return options;
}

}  // namespace sigmax
