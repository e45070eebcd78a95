#include "sigmax/core/closest_names.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace sigmax {
namespace {

// Insertions, deletions, replacements and exchanges of neighbors, each counted 1: Levenshtein's distance with Damerau's
// exchanges, three rows of the table at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, above);
    std::swap(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> closest_names(std::string_view wanted, const std::vector<std::string>& names,
                                       std::size_t count) {
  const std::size_t tolerance = std::max<std::size_t>(2, wanted.size() / 3);
  std::vector<std::pair<std::size_t, const std::string*>> close;
  for (const std::string& name : names) {
    // Lengths that differ by more than the tolerance cannot be nearer; they are not worth the table.
    const std::size_t gap = std::max(name.size(), wanted.size()) - std::min(name.size(), wanted.size());
    const bool contains = !wanted.empty() && name.find(wanted) != std::string::npos;
    const std::size_t distance = contains ? 0 : gap > tolerance ? tolerance + 1 : edit_distance(wanted, name);
    if (distance <= tolerance) close.emplace_back(distance, &name);
  }
  std::stable_sort(close.begin(), close.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> result;
  for (std::size_t i = 0; i < std::min(count, close.size()); ++i) result.push_back(*close[i].second);
  return result;
}

}  // namespace sigmax
