// Points of the torus and the phases of waves there, with a proven error. Internal to bounds/ and grad/.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sigmax::bounds {

/// A point of the torus, exactly: t_a = 2 pi numerator[a] / denominator[a], 0 <= numerator < denominator <= 2^52.
/// Unused axes are 0 / 1.
struct TorusPoint {
  std::array<std::int64_t, 3> numerator{0, 0, 0};
  std::array<std::int64_t, 3> denominator{1, 1, 1};
  bool operator==(const TorusPoint&) const = default;
};

/// cos and sin of 2 pi numerator / denominator, each with an absolute error of at most kPhaseError, whatever the C
/// library computes.
inline constexpr double kPhaseError = 0x1p-50;
struct Phase {
  double cosine = 1;
  double sine = 0;
};
Phase phase(std::int64_t numerator, std::int64_t denominator);

using Position = std::array<std::int64_t, 3>;

/// The phase of p.t, reduced exactly.
Phase phase(const Position& p, const TorusPoint& t);

/// Many positions by their distinct coordinates: a box has few of these, so that phases come from a table for each
/// axis. The table of a long axis comes from two shorter ones.
class Coordinates {
 public:
  Coordinates() = default;
  explicit Coordinates(std::span<const Position> positions);

  std::size_t size() const noexcept { return indices_.size(); }
  /// The distinct coordinates on an axis, ascending.
  std::span<const std::int64_t> on(std::size_t axis) const { return distinct_[axis]; }
  /// How many phases one call of phases() computes by their series.
  std::size_t phases_computed() const noexcept;
  /// Which coordinate on each axis a position has.
  const std::array<std::uint32_t, 3>& of(std::size_t position) const { return indices_[position]; }

  /// out[p] = the phase of p.t for each position, each part with an error of at most 8 kPhaseError.
  void phases(const TorusPoint& t, std::span<Phase> out) const;

 private:
  std::array<std::vector<std::int64_t>, 3> distinct_;
  std::vector<std::array<std::uint32_t, 3>> indices_;
  std::vector<std::size_t> active_;  // the axes on which phases are not all 1
  std::size_t longest_ = 0;
  std::int64_t step_ = 0;  // of the table of the longest axis that is split; 0: it is not
};

}  // namespace sigmax::bounds
