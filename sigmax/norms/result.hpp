// The result of a norm: a value, an enclosure, and how they are known.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "sigmax/bounds/options.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/svd/result.hpp"

namespace sigmax::norms {

/// How the value is known.
enum class Known {
  proven,         ///< between two ends that are theorems
  probabilistic,  ///< between two ends, one of them true except with the stated probability
  lower_only,     ///< at least the lower end
  computed,       ///< a computed value: no enclosure was requested, or none exists
};

/// `proven`, `probabilistic`, `lower_only`, `computed`.
std::string_view message(Known kind);

struct NormResult {
  double value = 0;
  std::optional<Enclosure> enclosure;  ///< of the norm
  std::string meaning;                 ///< `induced 2-norm, sigma_max`
  std::string method;                  ///< what the enclosure rests on; empty without one
  /// Distance from a tie, as NormGradient::gap; given where all singular values were computed.
  std::optional<double> gap;
  SvdOutcome outcome = SvdOutcome::converged;  ///< of the solver, where one was needed

  Known kind() const noexcept;

  /// Takes over an enclosure of the norm, and moves the value into it.
  void enclose(const Enclosure& found);
};

/// The number in an enclosure that is nearest to a computed value.
double nearest_in(const Enclosure& enclosure, double value);

struct NormOptions {
  bool enclose = true;  ///< whether an enclosure is wanted
  /// How the enclosures of singular values may be found.
  CertifyOptions certify{.proven_up_to = std::numeric_limits<std::int64_t>::max()};
  /// Functions of all singular values are enclosed up to this shorter side: it takes a whole decomposition.
  std::int64_t whole_up_to = std::numeric_limits<std::int64_t>::max();
  /// For singular values, as SvdOptions::tolerance. Empty: 1e-14 for double, 1e-6 for float.
  std::optional<double> tolerance{};
  std::int64_t max_products = 10000;
  std::optional<RandomState> random{};  ///< of the solver, as SvdOptions::random
};

}  // namespace sigmax::norms
