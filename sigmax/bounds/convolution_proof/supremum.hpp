// The largest norm of a symbol over the torus, and over a grid of it. Internal to bounds/.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/bounds/convolution_proof/top_vector.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::bounds {

/// The work that may still be used, and what was used.
struct Budget {
  double most_flops = 1e14;
  double flops = 0;
  std::int64_t points = 0;

  bool allows(double more) const noexcept { return flops + more <= most_flops; }
};

/// lower <= quantity <= upper for the values of the symbols, both rounded outward; infinite: unknown.
struct Range {
  double lower = 0;
  double upper = 0;
  Top top;                ///< where the lower end was found
  std::size_t group = 0;  ///< and in which group
};

/// S, the largest |F(t)|_2 over the torus and the groups, by branch and bound: docs/convolutions.md. `relative_width`
/// is aimed at; when the budget is used up the upper end is larger. The same for any number of threads.
Range supremum(const Symbols& symbols, double relative_width, Budget& budget, Context& context);

/// The largest |F(t)|_2 over these points and the groups. With `near`, the point next to it is looked at first. The
/// upper end may be missing (infinite) once the lower end exceeds `enough`.
Range largest_on(const Symbols& symbols, std::span<const TorusPoint> points, const Range* near, double relative_width,
                 double enough, Budget& budget, Context& context);

/// The smallest of the `columns` singular values of F(t) over these points and the groups: those of the shorter side.
/// The lower end may be 0, if the value is below about 1e-8 of the largest.
Range smallest_on(const Symbols& symbols, std::span<const TorusPoint> points, Budget& budget, Context& context);

}  // namespace sigmax::bounds
