// What the three ends of a segment have in common. Internal to bounds/.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sigmax/bounds/convolution_inequality.hpp"
#include "sigmax/bounds/convolution_inequality/image_grid.hpp"

namespace sigmax::bounds {

/// Throws Error if a map does not fit the images before it, or numbers are out of range. Returns the last correlation,
/// or null.
const Correlation* validate(const ImageSegment& segment);
/// The same of a map that reads what the segment makes.
void validate(const ImageMap& map, const Correlation* before, std::int64_t channels);

/// The sum of the exponents of the maps.
std::int64_t exponent_of(const ImageSegment& segment);
/// The units of the last images.
const std::vector<double>& last_units(const ImageSegment& segment);
std::vector<std::vector<GridNeed>> needs_of(const ImageSegment& segment);

/// body(run, first, last) for runs of `count` pieces, on the context's threads; how many runs, at most 8, depends on
/// the count alone.
std::size_t runs_of(std::size_t count);
template <class Body>
void in_runs(std::size_t count, Context& context, Body body) {
  const std::size_t runs = runs_of(count);
  context.parallel_for(runs, [&](std::size_t run) {
    const Context::Serial serial(context);
    body(run, count * run / runs, count * (run + 1) / runs);
  });
}

}  // namespace sigmax::bounds
