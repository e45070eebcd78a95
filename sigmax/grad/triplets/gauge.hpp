// Checks whether a loss of singular triplets depends on choices that the matrix does not determine: the signs of (u_i,
// v_i), and rotations among triplets of equal sigma.
//
// A = sum sigma_i u_i v_i^T stays the same if u_i and v_i change sign together, if (u_i, u_j) and (v_i, v_j) are
// rotated by the same angle where sigma_i = sigma_j, and if only u_i is changed where sigma_i = 0. A loss that changes
// is not a function of A: solvers may make different choices, and no gradient of it means anything. Such a loss passes
// any comparison of derivatives in which the choice happens to stay the same.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "sigmax/core/view.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::grad {

/// L(sigma, U, V) of k triplets.
using TripletLoss =
    std::function<double(std::span<const double> sigma, MatrixView<const double> u, MatrixView<const double> v)>;

struct GaugeOptions {
  double tolerance = 1e-9;        ///< of a change, relative to the largest |L| seen
  double equal = 1e-12;           ///< singular values that differ by at most this much of sigma_1 count as equal
  std::int64_t combinations = 4;  ///< random choices of all signs at once, in addition to each sign on its own
  RandomState random{};
};

/// One other way to write the same matrix.
struct GaugeChange {
  enum class Kind {
    sign,       ///< (u_i, v_i) -> (-u_i, -v_i)
    signs,      ///< signs of several triplets
    rotation,   ///< rotation of the pairs (u_i, u_j), (v_i, v_j), sigma_i = sigma_j
    left_sign,  ///< u_i -> -u_i, sigma_i = 0
  };
  Kind kind = Kind::sign;
  std::optional<std::int64_t> i{};  ///< nothing for `signs`
  std::optional<std::int64_t> j{};  ///< of a rotation alone
  double loss = 0;                  ///< L after the change
  double relative_change = 0;       ///< |L - L_before| over the largest |L|
};

struct GaugeResult {
  bool invariant = true;
  double loss = 0;  ///< L of the unchanged triplets
  std::vector<GaugeChange> changes;
  std::size_t worst = 0;
  /// sigma_k equals the value after it: the k triplets are an arbitrary part of a larger group, which cannot be tested
  /// without the rest of the group. Ask for more triplets.
  bool cut_through_equal_values = false;
  std::string message;
  RandomState random;
};

/// Evaluates the loss once for each change: k signs, `combinations`, two angles for each pair of neighbors of equal
/// sigma, one for each sigma of 0. `next` is the value after the last, if known. Throws Error if the shapes do not
/// fit, if there are no triplets, if the sigma ascend, or if the loss is not finite.
GaugeResult check_gauge(const TripletLoss& loss, std::span<const double> sigma, MatrixView<const double> u,
                        MatrixView<const double> v, std::optional<double> next = {}, const GaugeOptions& options = {});

/// As above, for the result of svd().
GaugeResult check_gauge(const TripletLoss& loss, const SvdResult<double>& triplets, const GaugeOptions& options = {});

}  // namespace sigmax::grad
