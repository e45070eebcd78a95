// The values of --per-output, --per-pair and --input-value as typed, and the entries that they choose. Internal to
// `sigmax lipschitz`.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.hpp"

namespace sigmax::cli {

/// `all`, or numbers and ranges with commas between: `0,3,5-9`. Throws Error for anything else.
EntryChoice entry_choice(const std::vector<std::string>& lists);

/// `all`, numbers (a pair with each other output) and pairs with a colon, with commas between: `3,4:9`. Throws Error
/// for anything else, and for a pair of an output with itself.
PairChoice pair_choice(const std::vector<std::string>& lists);

/// NAME=VALUE, in the order of names; a name may hold an `=`, a value does not. Throws Error for anything else, and for
/// a name that occurs twice.
std::map<std::string, std::string> input_values(const std::vector<std::string>& texts);

/// The chosen ones of `size` entries, each once, in order. Throws Error for one that does not exist, and for more than
/// can be bounded in a reasonable time.
std::vector<std::size_t> chosen_entries(const EntryChoice& choice, std::size_t size);
std::vector<std::pair<std::size_t, std::size_t>> chosen_pairs(const PairChoice& choice, std::size_t size);

}  // namespace sigmax::cli
