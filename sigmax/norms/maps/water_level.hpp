// Projection of a vector of nonnegative numbers onto a capped simplex: the level that is subtracted. Internal to norms/
// and nn/.
#pragma once

#include <optional>
#include <span>

namespace sigmax::norms {

/// theta >= 0 with sum_i clip(sigma_i - theta, 0, cap) = total, for sigma descending and nonnegative, cap >= 0
/// (infinite: none) and total >= 0; nothing if sum_i min(sigma_i, cap) < total, so that no level is needed. Exact
/// except for rounding: the sum is piecewise linear in theta, with corners at sigma_i and sigma_i - cap.
///
/// Cost: O(n log n). Held, Wolfe and Crowder, Mathematical Programming 6, 1974, for cap infinite.
std::optional<double> water_level(std::span<const double> sigma, double cap, double total);

}  // namespace sigmax::norms
