// Functions of single entries as neurons: which of them are linear, or nearly. Internal to lipschitz/.
#pragma once

#include <cstdint>
#include <vector>

#include "sigmax/graph/scalar_function.hpp"

namespace sigmax::lipschitz {

/// z_i = f_i(v_i) is put together of z = D v + (the neurons, each at its place), with D diagonal, D_ii within
/// middle_i +- reach_i; neuron k is a function of v_places[k] with slopes in [least_k, most_k].
struct SplitFunctions {
  std::vector<double> middle;  ///< for each entry; empty: D = 0
  std::vector<double> reach;   ///< for each entry, as long as `middle`
  std::vector<std::int64_t> places;
  std::vector<double> least;
  std::vector<double> most;
  /// Neurons for the rest of an entry that is nearly linear: a greater `error` would have put it into `reach`.
  std::int64_t nearly_linear = 0;
};

/// All s (1 + d), s among the slopes and |d| <= relative.
graph::Interval widened(const graph::Interval& slopes, double relative);

/// Entries with slopes [0, 0] have no neuron. With `fold`, an entry whose slopes differ by less than 2^-10 of the
/// larger is linear, with the middle slope, and has a neuron with slopes in [-reach, reach] for the rest; a reach of at
/// most `error` times the middle is an error of D instead. Then local bounds tend to the norm of the Jacobian as the
/// domain shrinks: multipliers of neurons with slopes in [a, b] grow with 1 / (b - a)^2, those of the rest do not.
SplitFunctions split_functions(const std::vector<graph::Interval>& slopes, bool fold, double error);

/// A neuron for each entry, with the slopes that are given.
SplitFunctions all_neurons(const std::vector<graph::Interval>& slopes);

}  // namespace sigmax::lipschitz
