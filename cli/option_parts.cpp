#include "cli/option_parts.hpp"

#include <charconv>
#include <system_error>

namespace sigmax::cli {
namespace {

constexpr int kMostJobs = 1024;
const CLI::Range kSeed(std::int64_t{0}, std::int64_t{1} << 62);

const std::map<std::string, Colour> kColours = {
    {"auto", Colour::automatic}, {"always", Colour::always}, {"never", Colour::never}};

}  // namespace

void add_general(CLI::App* app, CommonOptions& common, Typed& typed) {
  app->add_flag("-q,--quiet", common.quiet, "no progress, notes or warnings")->group(kGeneral);
  app->add_flag("-v,--verbose", common.verbose, "more: every part and every skipped tensor, byte offsets")
      ->group(kGeneral);
  app->add_option("--color", typed.colour, "auto (a terminal, and NO_COLOR unset), always or never")
      ->option_text("WHEN")
      ->group(kGeneral);
  app->set_help_flag("-h,--help", "this page")->group(kGeneral);
}

void add_jobs(CLI::App* app, int& jobs) {
  app->add_option("-j,--jobs", jobs, "threads; every hardware thread by default, and the same digits for any number")
      ->option_text("N")
      ->check(CLI::Range(1, kMostJobs))
      ->group(kComputation);
}

void add_seed(CLI::App* app, std::optional<std::uint64_t>& seed) {
  app->add_option(
         "--seed", seed,
         "of the random start that probabilistic ends rest on, to repeat a run; drawn anew by default, so that "
         "no file can be made to defeat them")
      ->check(kSeed)
      ->option_text("N")
      ->group(kComputation);
}

void add_report_file(CLI::App* app, Typed& typed, const char* name, ReportFile::Kind kind, const char* text) {
  app->add_option(name, typed.files[kind], text)->option_text("FILE")->group(kReports);
}

Colour colour_of(const Typed& typed) { return chosen("--color", typed.colour, kColours); }

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
    // CLI11 takes an argument in brackets for a list.
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
