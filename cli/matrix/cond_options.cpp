#include "cli/matrix/cond_options.hpp"

#include "cli/reading/help.hpp"

namespace sigmax::cli {
namespace {

const std::map<std::string, CondRequest::Format> kCondFormats = {
    {"text", CondRequest::Format::text}, {"value", CondRequest::Format::value}, {"json", CondRequest::Format::json}};
const std::map<std::string, norms::Norm> kCondNorms = {
    {"1", norms::ColumnSum{}}, {"2", norms::Spectral{}}, {"fro", norms::Frobenius{}}, {"inf", norms::RowSum{}}};

}  // namespace

CLI::App* add_cond(CLI::App& app, CondRequest& options, Typed& typed) {
  CLI::App* cond = app.add_subcommand(
      "cond",
      "the condition number of one matrix\n"
      "How much an error in the matrix or the data may grow in a solution, between two ends that say how they are "
      "known, with the distance to the nearest matrix of lower rank. The matrix is the one that an audit measures. A "
      "convolution kernel is read as the matrix [out, rest]; if it has groups, or if the tensor is a stack of "
      "matrices, name one of them.");
  add_target(cond, options.target);
  add_assumed(cond, typed);
  offer(typed, names_of(kCondNorms),
        cond->add_option("--ord", options.ord, "the norm: 1, 2 (default), inf or fro")
            ->option_text("ORD")
            ->group(kComputation));
  offer(typed, certify_words(),
        cond->add_option("--certify", typed.certify,
                         "how the ends are to be known: proven (any size), proven:N (up to N on the shorter side; "
                         "above, --ord 2 is probabilistic), probabilistic, or none (the lower end alone); proven:4096 "
                         "by default")
            ->option_text("HOW")
            ->group(kComputation));
  add_seed(cond, typed);
  add_jobs(cond, options.jobs);
  offer(typed, names_of(kCondFormats),
        cond->add_option("--format", typed.format, "text (default), value (the number alone) or json")
            ->option_text("FORMAT")
            ->group(kReports));
  add_general(cond, options.common, typed);
  cond->footer(cond_footer);
  return cond;
}

CondRequest finished(CondRequest options, const Typed& typed) {
  check_paths({options.target}, typed.arguments);
  options.common.color = color_of(typed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kCondFormats);
  options.roles = role_overrides(typed.assumed);
  options.norm = chosen("--ord", options.ord, kCondNorms);
  options.certify = certify_request(typed.certify);
  options.seed = seed_of(typed.seed);
  return options;
}

}  // namespace sigmax::cli
