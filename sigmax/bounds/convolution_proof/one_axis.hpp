// A zero-padded convolution that is kept whole on one axis and is a twisted circulant on the others. Internal to
// bounds/.
#pragma once

#include <cstddef>
#include <span>

#include "sigmax/bounds/convolution_proof/search.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::bounds {

/// The axis that is kept. The symbol that goes with it has stride 1 and dilation 1 on this axis: tap p is at p.
struct WholeAxis {
  std::size_t index = 0;
  CorrelationAxis axis;
};

/// About how many flops one proof of one_axis_upper() takes, and the order of its largest matrix. `points` is the
/// number of frequencies.
struct OneAxisCost {
  double flops = 0;
  double bytes = 0;  ///< of one matrix
};
OneAxisCost one_axis_cost(const Symbols& symbols, const WholeAxis& whole, std::size_t points);

/// About the largest norm over these frequencies and the groups, from below: by Lanczos, without proof. The points are
/// 0 on the whole axis. Infinite if the budget does not allow that.
double one_axis_estimate(const Symbols& symbols, const WholeAxis& whole, std::span<const TorusPoint> points,
                         Budget& budget, Context& context);

/// At least that norm: one factorization of a block band for each frequency. `estimate` is what the upper end is near
/// to, by about `relative_width`; where it is too small by more than that, the result is larger, or infinite.
double one_axis_upper(const Symbols& symbols, const WholeAxis& whole, std::span<const TorusPoint> points,
                      double estimate, double relative_width, Budget& budget, Context& context);

}  // namespace sigmax::bounds
