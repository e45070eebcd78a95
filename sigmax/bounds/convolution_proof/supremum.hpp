// The largest norm of a symbol over the torus. Internal to bounds/.
#pragma once

#include "sigmax/bounds/convolution_proof/search.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::bounds {

/// S, the largest |F(t)|_2 over the torus and the groups, by branch and bound: docs/convolutions.md. `relative_width`
/// is aimed at; when the budget is used up the upper end is larger. The number of threads changes nothing.
Range supremum(const Symbols& symbols, double relative_width, Budget& budget, Context& context);

}  // namespace sigmax::bounds
