// Building blocks for the options of several commands. Internal to the reading of the command line.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/options.hpp"
#include "cli/reading/convolution_options.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"

namespace sigmax::cli {

/// Headings of the help pages.
inline constexpr const char* kSelection = "Which tensors";
inline constexpr const char* kComputation = "What is computed";
inline constexpr const char* kConvolutions = "Convolutions";
inline constexpr const char* kReports = "Reports";
inline constexpr const char* kGates = "Checks";
inline constexpr const char* kGeneral = "General";

/// The values as typed, before conversion.
struct Typed {
  std::vector<std::string> layers, exclude, gates, allowed, assumed;
  std::string sort, certify, format, seed, by, color = "auto";
  std::map<ReportFile::Kind, std::string> files;
  TypedConvolutions convolutions;
  std::string norm_width, convolution;
  std::int64_t top = 0;
  std::set<std::string_view> arguments;
  std::map<const CLI::Option*, std::vector<std::string>> offered;  ///< the completions in a shell
};

/// Records the values that a shell offers for an option.
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

/// The value of the choice `text`. Throws Error that names all choices if there is no such choice.
template <class T>
T chosen(std::string_view option, const std::string& text, const std::map<std::string, T>& choices) {
  const auto found = choices.find(text);
  if (found != choices.end()) return found->second;
  std::string known;
  for (const auto& [name, value] : choices) known += (known.empty() ? "" : ", ") + name;
  throw Error(fmt::format("{} takes one of {}, got '{}'", option, known, text));
}

/// The number that the text is, and nothing else.
template <class T>
std::optional<T> number_in(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// An option that takes one value and may be repeated, so that a path may follow it.
CLI::Option* add_list(CLI::App* app, const char* name, std::vector<std::string>& values, const char* text);

/// FILE[:TENSOR].
void add_target(CLI::App* app, std::string& target);

/// --as REGEX=ROLE; role_list_footer (cli/reading/help.hpp) has the roles.
void add_assumed(CLI::App* app, Typed& typed);

/// --quiet, --verbose, --color and --help.
void add_general(CLI::App* app, CommonOptions& common, Typed& typed);
void add_jobs(CLI::App* app, int& jobs);
void add_seed(CLI::App* app, Typed& typed);

void add_report_file(CLI::App* app, Typed& typed, const char* name, ReportFile::Kind kind, const char* text);

/// `--certificate FILE`; check_certificate() throws Error for a path that cannot be one.
void add_certificate(CLI::App* app, std::string& path);
void check_certificate(const std::string& path, const std::vector<ReportFile>& others = {});

Color color_of(const Typed& typed);

/// A whole number from 1 to `most`.
CLI::Validator count_from_one(std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// The words that --certify takes, and those of --allow.
std::vector<std::string> certify_words();
std::vector<std::string> reason_words();

/// The reasons in the comma-separated lists of --allow. Throws Error for a word that is not a reason.
std::set<Reason> reasons_of(const std::vector<std::string>& lists);

/// The key in `KEY`, `KEY:asc` or `KEY:desc`, and the direction if there is one. Throws Error for any other direction.
std::pair<std::string, std::optional<bool>> sort_key(const std::string& text);

/// Throws Error for a text that --certify does not accept.
CertifyRequest certify_request(const std::string& text);

/// A seed from its text, never drawn; nothing for an empty text. Throws Error for a text that is not a seed.
std::optional<Seed> seed_of(const std::string& text);

/// Throws Error for a probability that the random numbers cannot support.
void check_failure_probability(double value);

/// Throws Error for a file called `-` and for two files with one name.
std::vector<ReportFile> report_files(const Typed& typed);

/// Throws Error for a PATH that is empty, is `-`, or was split by the parser.
void check_paths(const std::vector<std::string>& paths, const std::set<std::string_view>& arguments);

}  // namespace sigmax::cli
