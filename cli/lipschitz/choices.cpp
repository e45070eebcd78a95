#include "cli/lipschitz/choices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "cli/reading/option_parts.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::cli {
namespace {

// Each takes the norm of a matrix or several.
constexpr std::size_t kMostBounds = 2000;

std::vector<std::string> parts_of(const std::vector<std::string>& lists) {
  std::vector<std::string> parts;
  for (const std::string& list : lists) {
    for (std::size_t begin = 0; begin <= list.size();) {
      const std::size_t end = std::min(list.find(',', begin), list.size());
      parts.push_back(list.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return parts;
}

/// The two numbers around a sign; nothing if the text is not such a pair.
std::optional<std::pair<std::size_t, std::size_t>> two_numbers(std::string_view text, char sign) {
  const std::size_t at = text.find(sign);
  if (at == std::string_view::npos) return std::nullopt;
  const auto first = number_in<std::size_t>(text.substr(0, at));
  const auto second = number_in<std::size_t>(text.substr(at + 1));
  if (!first || !second) return std::nullopt;
  return std::pair(*first, *second);
}

void require_entry(const char* option, std::size_t entry, std::size_t size) {
  if (entry < size) return;
  throw Error(fmt::format("{}: there is no output {}; the network has {}, counted from 0", option, entry, size));
}

void require_few(const char* option, std::size_t count, std::size_t size, const char* example) {
  if (count <= kMostBounds) return;
  throw Error(fmt::format("{} asks for {} bounds of a network with {} outputs, more than {}; name fewer, as in {}",
                          option, count, size, kMostBounds, example));
}

}  // namespace

EntryChoice entry_choice(const std::vector<std::string>& lists) {
  EntryChoice choice;
  for (const std::string& part : parts_of(lists)) {
    if (part == "all") {
      choice.all = true;
    } else if (const auto one = number_in<std::size_t>(part)) {
      choice.ranges.emplace_back(*one, *one);
    } else if (const auto range = two_numbers(part, '-'); range && range->first <= range->second) {
      choice.ranges.push_back(*range);
    } else {
      throw Error(fmt::format("--per-output takes all, or numbers from 0 such as 0,3,5-9; got '{}'", part));
    }
  }
  return choice;
}

PairChoice pair_choice(const std::vector<std::string>& lists) {
  PairChoice choice;
  for (const std::string& part : parts_of(lists)) {
    if (part == "all") {
      choice.all = true;
    } else if (const auto one = number_in<std::size_t>(part)) {
      choice.with_all.push_back(*one);
    } else if (const auto pair = two_numbers(part, ':'); pair && pair->first != pair->second) {
      choice.pairs.push_back(*pair);
    } else {
      throw Error(
          fmt::format("--per-pair takes all, a number (with each other output) or two such as 3:7; got '{}'", part));
    }
  }
  return choice;
}

std::map<std::string, std::string> input_values(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> values;
  for (const std::string& text : texts) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      throw Error(fmt::format("--input-value takes NAME=NUMBER or NAME=FILE.npy, got '{}'", text));
    }
    if (!values.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      throw Error(fmt::format("--input-value names '{}' twice", text.substr(0, equals)));
    }
  }
  return values;
}

std::vector<std::size_t> chosen_entries(const EntryChoice& choice, std::size_t size) {
  constexpr const char* kOption = "--per-output";
  std::set<std::size_t> entries;
  for (const auto& [first, last] : choice.ranges) {
    require_entry(kOption, last, size);
    for (std::size_t i = first; i <= last; ++i) entries.insert(i);
  }
  for (std::size_t i = 0; choice.all && i < size; ++i) entries.insert(i);
  require_few(kOption, entries.size(), size, "--per-output 0-99");
  return {entries.begin(), entries.end()};
}

std::vector<std::pair<std::size_t, std::size_t>> chosen_pairs(const PairChoice& choice, std::size_t size) {
  constexpr const char* kOption = "--per-pair";
  constexpr const char* kExample = "--per-pair 3 or 3:7";
  if (choice.all) require_few(kOption, size / 2 * (size - 1), size, kExample);
  std::set<std::pair<std::size_t, std::size_t>> pairs;
  const auto add = [&](std::size_t i, std::size_t j) {
    require_entry(kOption, std::max(i, j), size);
    if (i != j) pairs.insert(std::minmax(i, j));
  };
  for (const auto& [i, j] : choice.pairs) add(i, j);
  for (const std::size_t i : choice.with_all) {
    require_entry(kOption, i, size);
    for (std::size_t j = 0; j < size; ++j) add(i, j);
  }
  for (std::size_t i = 0; choice.all && i < size; ++i) {
    for (std::size_t j = i + 1; j < size; ++j) add(i, j);
  }
  require_few(kOption, pairs.size(), size, kExample);
  if (pairs.empty()) throw Error(fmt::format("--per-pair: the network has {} outputs, which make no pair", size));
  return {pairs.begin(), pairs.end()};
}

}  // namespace sigmax::cli
