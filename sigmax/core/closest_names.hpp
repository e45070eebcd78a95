// Which names a mistyped one may have meant. Internal to the library and cli/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax {

/// At most `count` of `names`, the nearest first: those that contain `wanted`, or whose edit distance is at most a
/// third of its length (and at least 2).
std::vector<std::string> closest_names(std::string_view wanted, const std::vector<std::string>& names,
                                       std::size_t count);

}  // namespace sigmax
