// The norm of a convolution at one input size with one axis kept whole: which axis, and which grids on the others.
// Internal to bounds/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/convolution_proof/one_axis.hpp"
#include "sigmax/bounds/convolution_proof/search.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// One axis whole, the others on shifted grids.
struct OneAxisChoice {
  Symbols symbols;
  WholeAxis whole;
  std::vector<TorusPoint> points;
  double estimate = 0;  ///< of the largest norm, in units of the symbols' values
  double flops = 0;     ///< of a proof
};

struct OneAxisLimits {
  std::int64_t order = 0;  ///< the shorter side of the matrices that are factored, at most
  double flops = 0;        ///< of one proof
};

/// Over the axes and the offsets 0 and pi of the others, the choice whose largest norm is the least, as Lanczos
/// estimates it; nothing where the limits or the budget allow none. `least`: the sizes of the grids.
std::optional<OneAxisChoice> best_one_axis(const Tensor& kernel, const ConvolutionGeometry& geometry,
                                           const std::vector<std::int64_t>& least, const OneAxisLimits& limits,
                                           Budget& budget, Context& context);

}  // namespace sigmax::bounds
