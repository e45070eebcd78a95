// What the options of several commands are made of. Internal to the reading of the command line.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/options.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::cli {

/// Headings of the help pages.
inline constexpr const char* kSelection = "Which tensors";
inline constexpr const char* kComputation = "What is computed";
inline constexpr const char* kReports = "Reports";
inline constexpr const char* kGates = "Checks";
inline constexpr const char* kGeneral = "General";

/// What was typed, before it is given its types.
struct Typed {
  std::vector<std::string> layers, exclude, gates, allowed, assumed;
  std::string sort, certify, format, seed, color = "auto";
  std::map<ReportFile::Kind, std::string> files;
  std::int64_t top = 0;
  std::set<std::string_view> arguments;
  std::map<const CLI::Option*, std::vector<std::string>> offered;  ///< what a shell completes
};

/// Notes what a shell offers for an option.
inline CLI::Option* offer(Typed& typed, std::vector<std::string> values, CLI::Option* option) {
  typed.offered[option] = std::move(values);
  return option;
}

template <class T>
std::vector<std::string> names_of(const std::map<std::string, T>& choices) {
  std::vector<std::string> names;
  names.reserve(choices.size());
  for (const auto& [name, value] : choices) names.push_back(name);
  return names;
}

/// The value of the choice `text`. Throws Error that names them all.
template <class T>
T chosen(std::string_view option, const std::string& text, const std::map<std::string, T>& choices) {
  const auto found = choices.find(text);
  if (found != choices.end()) return found->second;
  std::string known;
  for (const auto& [name, value] : choices) known += (known.empty() ? "" : ", ") + name;
  throw Error(fmt::format("{} takes one of {}, got '{}'", option, known, text));
}

/// An option that is repeated, with one value each time, so that a path may follow.
CLI::Option* add_list(CLI::App* app, const char* name, std::vector<std::string>& values, const char* text);

/// --as REGEX=ROLE; role_list_footer (cli/help.hpp) has the roles.
void add_assumed(CLI::App* app, Typed& typed);

/// --quiet, --verbose, --color and --help.
void add_general(CLI::App* app, CommonOptions& common, Typed& typed);
void add_jobs(CLI::App* app, int& jobs);
void add_seed(CLI::App* app, Typed& typed);

void add_report_file(CLI::App* app, Typed& typed, const char* name, ReportFile::Kind kind, const char* text);

Color color_of(const Typed& typed);

/// A whole number from 1 up, and no larger than `most`.
CLI::Validator count_from_one(std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// The words that --certify takes, and those of --allow.
std::vector<std::string> certify_words();
std::vector<std::string> reason_words();

/// What --allow lists, separated by commas. Throws Error for a word that is no reason.
std::set<Reason> reasons_of(const std::vector<std::string>& lists);

/// `KEY`, `KEY:asc` and `KEY:desc`: the key, and the direction if there is one. Throws Error for another direction.
std::pair<std::string, std::optional<bool>> sort_key(const std::string& text);

/// Throws Error for a text that is not how --certify is written.
CertifyRequest certify_request(const std::string& text);

/// A seed as it was typed, not drawn; nothing for an empty text. Throws Error for a text that is none.
std::optional<Seed> seed_of(const std::string& text);

/// Throws Error for one that random numbers do not support.
void check_failure_probability(double value);

/// Throws Error for a file called `-` and for two of one name.
std::vector<ReportFile> report_files(const Typed& typed);

/// Throws Error for a PATH that is empty, `-`, or was taken apart by the parser.
void check_paths(const std::vector<std::string>& paths, const std::set<std::string_view>& arguments);

}  // namespace sigmax::cli
