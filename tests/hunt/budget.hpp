// The length and the start of a hunt: the same program is a test of seconds, and with `make hunt` a test of hours.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace sigmax::hunt {

inline std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::atoll(text) : otherwise;
}

/// SIGMAX_HUNT, or `otherwise`: the total number of things that a hunt checks.
inline std::int64_t budget(std::int64_t otherwise) { return from_environment("SIGMAX_HUNT", otherwise); }

/// SIGMAX_HUNT_SEED, or 1: the first specimen's seed; the others follow. A failure names the seed of its specimen;
/// SIGMAX_HUNT=1 SIGMAX_HUNT_SEED=<that> checks it alone.
inline std::uint64_t first_seed() { return static_cast<std::uint64_t>(from_environment("SIGMAX_HUNT_SEED", 1)); }

}  // namespace sigmax::hunt
