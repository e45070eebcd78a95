// The largest and the smallest singular value of a symbol over points of the torus. Internal to bounds/.
#pragma once

#include <span>

#include "sigmax/bounds/convolution_proof/search.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::bounds {

/// The largest |F(t)|_2 over these points and the groups. With `near`, the point next to it is looked at first. The
/// upper end may be missing (infinite) once the lower end exceeds `enough`.
Range largest_on(const Symbols& symbols, std::span<const TorusPoint> points, const Range* near, double relative_width,
                 double enough, Budget& budget, Context& context);

/// The smallest of the `columns` singular values of F(t) over these points and the groups: those of the shorter side.
/// The lower end may be 0, if the value is below about 1e-8 of the largest.
Range smallest_on(const Symbols& symbols, std::span<const TorusPoint> points, Budget& budget, Context& context);

}  // namespace sigmax::bounds
