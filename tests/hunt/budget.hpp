// The length and the start of a hunt: the same program is a test of seconds, and with `make hunt` a test of hours.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace sigmax::hunt {

inline std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::atoll(text) : otherwise;
}

/// SIGMAX_HUNT, or `otherwise`: the total number of things that a hunt checks.
inline std::int64_t budget(std::int64_t otherwise) { return from_environment("SIGMAX_HUNT", otherwise); }

/// The seed of specimen i: SIGMAX_HUNT_SEED, or 1, and the numbers after it.
inline std::uint64_t seed_of(std::int64_t i) {
  return static_cast<std::uint64_t>(from_environment("SIGMAX_HUNT_SEED", 1) + i);
}

/// What a failure says: the environment in which the hunt checks this specimen alone, with `each` the part of the
/// budget that a specimen takes.
inline std::string rerun(std::uint64_t seed, std::int64_t each = 1) {
  return "SIGMAX_HUNT=" + std::to_string(each) + " SIGMAX_HUNT_SEED=" + std::to_string(seed);
}

}  // namespace sigmax::hunt
