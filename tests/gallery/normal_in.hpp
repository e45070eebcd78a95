// Normal numbers in float or double.
#pragma once

#include <cstdint>
#include <vector>

#include "gallery/stored.hpp"
#include "sigmax/core/dtype.hpp"

namespace sigmax::gallery {

/// normal(), each number rounded to T.
template <Real T>
std::vector<T> normal_in(std::int64_t count, std::uint64_t seed) {
  const std::vector<double> values = normal(count, seed);
  return {values.begin(), values.end()};
}

}  // namespace sigmax::gallery
