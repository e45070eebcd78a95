#include "cli/matrix/norm_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "cli/reading/help.hpp"

namespace sigmax::cli {
namespace {

const std::map<std::string, norms::By> kLines = {{"columns", norms::By::columns}, {"rows", norms::By::rows}};
const std::map<std::string, NormRequest::Format> kNormFormats = {
    {"text", NormRequest::Format::text}, {"value", NormRequest::Format::value}, {"json", NormRequest::Format::json}};

}  // namespace

CLI::App* add_norm(CLI::App& app, NormRequest& options, Typed& typed) {
  CLI::App* norm =
      app.add_subcommand("norm",
                         "one norm of one matrix\n"
                         "The matrix is the one that an audit measures. A convolution kernel is read as the matrix "
                         "[out, rest]; a kernel with groups, or a stack of matrices, as a block diagonal matrix.");
  add_target(norm, options.target);
  add_assumed(norm, typed);
  CLI::Option* const ord = norm->add_option("--ord", options.ord, "which norm; 2 by default (see below)")
                               ->option_text("ORD")
                               ->group(kComputation);
  offer(typed, norm_spellings(), ord);
  offer(typed, names_of(kLines),
        norm->add_option("--by", typed.by, "the lines of a mixed norm: columns (default) or rows")
            ->option_text("LINES")
            ->group(kComputation));
  norm->add_option("--conv", typed.convolution,
                   "the norm of the convolution itself, an operator between images, instead of a matrix: "
                   "stride=2,padding=1,input=32x32 and the like, over what the file says, or `file` (see below)")
      ->option_text("KEY=VALUE,...")
      ->excludes(ord)
      ->group(kConvolutions);
  norm->add_flag("--all", options.all, "a table of the usual norms instead of one")->excludes(ord)->group(kComputation);
  norm->add_flag(
          "--enclose", options.enclose,
          "enclose functions of all singular values whatever the size; without it only up to 1024 on the shorter "
          "side, since it takes a whole decomposition")
      ->group(kComputation);
  add_jobs(norm, options.jobs);
  offer(typed, names_of(kNormFormats),
        norm->add_option("--format", typed.format, "text (default), value (only the number) or json")
            ->option_text("FORMAT")
            ->group(kReports));
  add_general(norm, options.common, typed);
  norm->footer(norm_footer);
  return norm;
}

NormRequest finished(NormRequest options, const Typed& typed) {
  check_paths({options.target}, typed.arguments);
  options.common.color = color_of(typed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kNormFormats);
  options.roles = role_overrides(typed.assumed);
  options.norm = norms::parse_norm(options.ord);
  if (!typed.convolution.empty()) {
    options.convolution = convolution_request(typed.convolution);
    if (options.all || options.enclose)
      throw Error("--conv has one norm, which is always enclosed: no --all, no --enclose");
  }
  if (!typed.by.empty()) {
    auto* const mixed = std::get_if<norms::Mixed>(&options.norm);
    if (mixed == nullptr) throw Error("--by belongs to --ord mixed:P,Q");
    const auto by = chosen("--by", typed.by, kLines);
    if (std::ranges::count(options.ord, ',') > 1 && by != mixed->by) {
      throw Error(fmt::format("--ord {} and --by {} contradict each other: leave one off", options.ord, typed.by));
    }
    mixed->by = by;
  }
  if (options.all && options.format == NormRequest::Format::value) {
    throw Error("--all prints a table; use --format text or json");
  }
  return options;
}

}  // namespace sigmax::cli
