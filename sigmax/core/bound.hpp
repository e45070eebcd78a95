// Bounds are types: a lower bound cannot be passed where an upper bound is asked.
#pragma once

#include <limits>
#include <optional>

namespace sigmax {

namespace bounds {
class Proof;  // sigmax/bounds/matrix_proof/proof.hpp: the only maker of bounds; only the sources of bounds/ use it
}

/// How a bound is known.
enum class Certainty {
  proven,         ///< a theorem, every rounding error of its evaluation included
  probabilistic,  ///< true except with the stated probability over the solver's own random start
};

/// The smallest failure probability that a probabilistic bound may have. Random numbers of 53 bits support no smaller
/// one: one of them is 0 with a probability of 3 2^-53 (docs/proofs.md).
inline constexpr double kLeastFailureProbability = 1e-15;

/// A number that the quantity is at least, and how that is known. Power iteration and Lanczos give proven lower bounds
/// of the largest value, rounding included; for the smallest values it takes a proof or a check.
class LowerBound {
 public:
  double value() const noexcept { return value_; }
  Certainty certainty() const noexcept { return certainty_; }

  /// Probability that the bound is wrong; 0 if it is proven.
  double failure_probability() const noexcept { return failure_probability_; }

 private:
  friend class bounds::Proof;
  LowerBound(double value, Certainty certainty, double failure_probability) noexcept
      : value_(value), certainty_(certainty), failure_probability_(failure_probability) {}
  double value_;
  Certainty certainty_;
  double failure_probability_;
};

/// A number that the quantity is at most, and how that is known. Only bounds/ can make one.
class UpperBound {
 public:
  double value() const noexcept { return value_; }
  Certainty certainty() const noexcept { return certainty_; }

  /// Probability that the bound is wrong; 0 if it is proven.
  double failure_probability() const noexcept { return failure_probability_; }

 private:
  friend class bounds::Proof;
  UpperBound(double value, Certainty certainty, double failure_probability) noexcept
      : value_(value), certainty_(certainty), failure_probability_(failure_probability) {}
  double value_;
  Certainty certainty_;
  double failure_probability_;
};

/// lower <= quantity <= upper. The upper end is missing where none was asked for or none was reached. Only bounds/ can
/// make one, by Proof::enclosure(), which refuses ends that contradict each other.
struct Enclosure {
  LowerBound lower;
  std::optional<UpperBound> upper;

  /// Whether both ends are present and both are theorems.
  bool is_proven() const noexcept {
    return upper && lower.certainty() == Certainty::proven && upper->certainty() == Certainty::proven;
  }

  /// Probability that one of the ends is wrong, at most; 0 if every end that is present is proven.
  double failure_probability() const noexcept {
    return lower.failure_probability() + (upper ? upper->failure_probability() : 0.0);
  }

  /// (upper - lower) / upper, 0 for [0, 0]; infinite without an upper end.
  double relative_width() const noexcept {
    if (!upper) return std::numeric_limits<double>::infinity();
    return upper->value() > 0 ? (upper->value() - lower.value()) / upper->value() : 0.0;
  }

 private:
  friend class bounds::Proof;
  Enclosure(LowerBound from, std::optional<UpperBound> to) noexcept : lower(from), upper(to) {}
};

}  // namespace sigmax
