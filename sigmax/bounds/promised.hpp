// Enclosures that are theorems under a promise of the caller's; bounds/algebra.hpp, which everybody may include, can only
// state consequences. Internal to bounds/ and norms/.
#pragma once

#include <functional>
#include <span>

#include "sigmax/core/bound.hpp"

namespace sigmax::bounds {

/// f(x_1, ..., x_n) for a function that is not negative and grows with each argument, such as a symmetric gauge of
/// singular values: f of the lower ends and f of the upper ones; an end is probabilistic, or missing, as in
/// bounds/algebra.hpp. The caller promises that, and that the computed f differs from the exact one by a factor of at
/// most 1 +- relative_error. Throws Error if f is negative, NaN or smaller at the upper ends than at the lower ones
/// beyond that error: then f is not what was promised.
using MonotoneFunction = std::function<double(std::span<const double>)>;
Enclosure monotone(std::span<const Enclosure> x, const MonotoneFunction& f, double relative_error);

}  // namespace sigmax::bounds
