#include "cli/reading/option_parts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "sigmax/core/bound.hpp"

namespace sigmax::cli {
namespace {

constexpr int kMostJobs = 1024;
constexpr std::array<Reason, 5> kReasons = {Reason::unread, Reason::nan, Reason::empty, Reason::missing,
                                            Reason::lower_only};

const std::map<std::string, Color> kColors = {
    {"auto", Color::automatic}, {"always", Color::always}, {"never", Color::never}};

}  // namespace

CLI::Option* add_list(CLI::App* app, const char* name, std::vector<std::string>& values, const char* text) {
  return app->add_option(name, values, text)->allow_extra_args(false);
}

void add_target(CLI::App* app, std::string& target) {
  app->add_option("FILE[:TENSOR]", target,
                  "a checkpoint and the name of one of its tensors; the name may be left out if only one is a matrix")
      ->required();
}

void add_assumed(CLI::App* app, Typed& typed) {
  add_list(app, "--as", typed.assumed,
           "read tensors with a match of REGEX in their name as ROLE, whatever the evidence (repeatable: the first "
           "match counts; see below)")
      ->option_text("REGEX=ROLE")
      ->group(kSelection);
}

void add_general(CLI::App* app, CommonOptions& common, Typed& typed) {
  app->add_flag(
         "-q,--quiet", common.quiet,
         "print only what trips or fails: no progress, notes or warnings; audit, lipschitz, and svd when it writes a "
         "file, print a table only if --format asks for one")
      ->group(kGeneral);
  app->add_flag("-v,--verbose", common.verbose, "print more: every part, every skipped tensor, byte offsets")
      ->group(kGeneral);
  offer(typed, names_of(kColors),
        app->add_option("--color", typed.color, "auto (on a terminal, if NO_COLOR is not set), always or never")
            ->option_text("WHEN")
            ->group(kGeneral));
  app->set_help_flag("-h,--help", "this page")->group(kGeneral);
}

void add_jobs(CLI::App* app, int& jobs) {
  app->add_option("-j,--jobs", jobs, "number of threads; default: all hardware threads. The digits do not depend on it")
      ->option_text("N")
      ->check(count_from_one(kMostJobs))
      ->group(kComputation);
}

void add_seed(CLI::App* app, Typed& typed) {
  app->add_option("--seed", typed.seed,
                  "the seed of the random start, to repeat a run digit by digit. By default each run draws one, after "
                  "the file was made. Probabilistic ends depend on that: with --seed the ends are proven, some of them "
                  "wide, or there are none, since a file could be made for a seed")
      ->option_text("N[:STREAM]")
      ->group(kComputation);
}

void add_report_file(CLI::App* app, Typed& typed, const char* name, ReportFile::Kind kind, const char* text) {
  app->add_option(name, typed.files[kind], text)->option_text("FILE")->group(kReports);
}

void add_certificate(CLI::App* app, std::string& path) {
  app->add_option("--certificate", path, "also write what tools/check-certificate needs to check the proofs by itself")
      ->option_text("FILE")
      ->group(kReports);
}

void check_certificate(const std::string& path, const std::vector<ReportFile>& others) {
  if (path == "-") throw Error("a certificate is called '-'; it is written to a file");
  for (const ReportFile& other : others) {
    if (other.path == path) throw Error(fmt::format("a report and a certificate are to be written to '{}'", path));
  }
}

Color color_of(const Typed& typed) { return chosen("--color", typed.color, kColors); }

CLI::Validator count_from_one(std::int64_t most) {
  return CLI::Validator(
      [most](const std::string& text) {
        std::int64_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, value);
        if (error == std::errc() && stop == end && value >= 1 && value <= most) return std::string();
        const std::string range = most == std::numeric_limits<std::int64_t>::max() ? std::string("from 1 up")
                                                                                   : fmt::format("from 1 to {}", most);
        return fmt::format("takes a whole number {}, got '{}'", range, text);
      },
      "");
}

std::vector<std::string> certify_words() { return {"proven", "proven:", "probabilistic", "none"}; }

std::vector<std::string> reason_words() {
  std::vector<std::string> words;
  words.reserve(std::size(kReasons));
  for (const Reason reason : kReasons) words.emplace_back(name(reason));
  return words;
}

std::set<Reason> reasons_of(const std::vector<std::string>& lists) {
  std::map<std::string, Reason> known;
  for (const Reason reason : kReasons) known.emplace(name(reason), reason);
  std::set<Reason> reasons;
  for (const std::string& list : lists) {
    for (std::size_t begin = 0; begin <= list.size();) {
      const std::size_t end = std::min(list.find(',', begin), list.size());
      reasons.insert(chosen("--allow", list.substr(begin, end - begin), known));
      begin = end + 1;
    }
  }
  return reasons;
}

std::pair<std::string, std::optional<bool>> sort_key(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {text, std::nullopt};
  const std::string direction = text.substr(colon + 1);
  if (direction != "asc" && direction != "desc") {
    throw Error(fmt::format("--sort takes KEY, KEY:asc or KEY:desc, got '{}'", text));
  }
  return {text.substr(0, colon), direction == "asc"};
}

std::optional<Seed> seed_of(const std::string& text) {
  if (text.empty()) return {};
  Seed seed;
  const char* const end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, seed.number);
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == ':') {
    read = std::from_chars(read.ptr + 1, end, seed.stream);
  }
  if (read.ec == std::errc() && read.ptr == end) return seed;
  throw Error(
      fmt::format("--seed takes a whole number from 0 to 2^64 - 1, and optionally a second one after a colon, as in a "
                  "report, got '{}'",
                  text));
}

void check_failure_probability(double value) {
  if (value >= kLeastFailureProbability && value < 1) return;
  throw Error(
      fmt::format("--failure-probability must be at least {} and below 1, got {}; --certify proven or none "
                  "gives no probabilistic ends",
                  kLeastFailureProbability, value));
}

CertifyRequest certify_request(const std::string& text) {
  using Kind = CertifyRequest::Kind;
  if (text.empty()) return {};
  if (text == "proven") return {Kind::proven, {}};
  if (text == "probabilistic") return {Kind::probabilistic, {}};
  if (text == "none") return {Kind::none, {}};
  if (text.starts_with("proven:")) {
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data() + 7, text.data() + text.size(), size);
    if (error == std::errc() && end == text.data() + text.size() && size >= 1) return {Kind::proven, size};
  }
  throw Error(fmt::format("--certify takes proven, proven:N with N at least 1, probabilistic or none, got '{}'", text));
}

void check_paths(const std::vector<std::string>& paths, const std::set<std::string_view>& arguments) {
  for (const std::string& path : paths) {
    // CLI11 reads an argument in brackets as a list.
    if (!arguments.contains(path)) throw Error(fmt::format("write ./ before a PATH in brackets, as in ./[{}]", path));
    if (path.empty()) throw Error("PATH is empty; name a checkpoint");
    if (path == "-") throw Error("PATH is '-': a checkpoint is mapped, not streamed; name a file");
  }
}

std::vector<ReportFile> report_files(const Typed& typed) {
  std::vector<ReportFile> files;
  std::set<std::string> seen;
  for (const auto& [kind, path] : typed.files) {
    if (path.empty()) continue;
    if (path == "-") throw Error("a report file is called '-'; --format writes to standard output");
    if (!seen.insert(path).second) throw Error(fmt::format("two reports are to be written to '{}'", path));
    files.push_back({kind, path});
  }
  return files;
}

}  // namespace sigmax::cli
