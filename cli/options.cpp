#include "cli/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "cli/certify/options.hpp"
#include "cli/declared.hpp"
#include "cli/exit_code.hpp"
#include "cli/lipschitz/options.hpp"
#include "cli/matrix/cond_options.hpp"
#include "cli/matrix/norm_options.hpp"
#include "cli/matrix/svd_options.hpp"
#include "cli/reading/help.hpp"
#include "cli/reading/mistakes.hpp"
#include "cli/reading/option_parts.hpp"
#include "sigmax/core/closest_names.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/report/columns.hpp"

namespace sigmax::cli {
namespace {

const std::map<std::string, Format> kFormats = {
    {"table", Format::table}, {"json", Format::json}, {"csv", Format::csv}, {"markdown", Format::markdown}};
const std::map<std::string, ListOptions::Sort> kListSorts = {
    {"name", ListOptions::Sort::name}, {"elements", ListOptions::Sort::elements}, {"bytes", ListOptions::Sort::bytes}};

void add_paths(CLI::App* app, std::vector<std::string>& paths) {
  app->add_option(
         "PATH", paths,
         "a checkpoint: a file (safetensors, npy, npz, PyTorch or ONNX, recognized by its content), an index file of "
         "shards, or a folder (also one of torch.distributed.checkpoint); several paths are read as one model")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->required();
}

void add_selection(CLI::App* app, Typed& typed, std::int64_t& min_dim) {
  add_list(app, "--layers", typed.layers,
           "only tensors with a match of REGEX in their name (RE2 syntax; repeatable: one match is enough)")
      ->option_text("REGEX")
      ->group(kSelection);
  add_list(app, "--exclude", typed.exclude, "leave out tensors with a match of REGEX in their name (repeatable)")
      ->option_text("REGEX")
      ->group(kSelection);
  app->add_option("--min-dim", min_dim, "only weights whose shorter side is at least N")
      ->option_text("N")
      ->check(count_from_one())
      ->group(kSelection);
}

// The columns that people see. A shell offers only these, although a report can be sorted by any column.
std::vector<std::string> sort_keys() {
  std::vector<std::string> keys;
  for (const report::Column& column : report::columns()) {
    if ((column.uses & report::table) != 0) keys.emplace_back(column.key);
  }
  return keys;
}

CLI::App* add_audit(CLI::App& app, AuditOptions& options, Typed& typed) {
  CLI::App* audit = app.add_subcommand(
      "audit",
      "how strongly each weight of a checkpoint can stretch its input, with proof\n"
      "Measures every weight: an enclosure of its largest singular value, its norms, condition number, ranks and "
      "energy; tensors that are not weights are listed with the reason.");
  add_paths(audit, options.paths);
  add_selection(audit, typed, options.min_dim);
  add_assumed(audit, typed);
  add_convolutions(audit, typed.convolutions);
  offer(typed, {"none"},
        audit
            ->add_option("--norm-width", typed.norm_width,
                         "the relative width of the operator norm's enclosure, or none for no operator norm; default "
                         "1e-3, 0.05 for large layers at an image size; with --quick and with --certify none: none")
            ->option_text("W|none")
            ->group(kConvolutions));
  audit->add_flag("--quick", options.quick, "only sigma_max and the norms, without the full spectrum")
      ->group(kComputation);
  offer(typed, certify_words(),
        audit
            ->add_option("--certify", typed.certify,
                         "how the upper end of sigma_max is to be known: proven (any size), proven:N (proven if the "
                         "shorter side is at most N, otherwise probabilistic), probabilistic or none; default "
                         "proven:4096, and with --quick proven only where that costs no more than probabilistic")
            ->option_text("HOW")
            ->group(kComputation));
  audit
      ->add_option("--failure-probability", options.failure_probability,
                   "how likely each probabilistic upper end may be wrong: at least 1e-15, less than 1; default 1e-9")
      ->option_text("P")
      ->group(kComputation);
  add_seed(audit, typed);
  add_jobs(audit, options.jobs);
  offer(typed, names_of(kFormats),
        audit->add_option("--format", typed.format, "on standard output: table (default), json, csv or markdown")
            ->option_text("FORMAT")
            ->group(kReports));
  add_report_file(audit, typed, "--json", ReportFile::Kind::json, "also write JSON, schema sigmax.audit/1");
  add_report_file(audit, typed, "--html", ReportFile::Kind::html, "also write one self-contained page");
  add_report_file(audit, typed, "--csv", ReportFile::Kind::csv, "also write CSV, one line per weight");
  add_report_file(audit, typed, "--markdown", ReportFile::Kind::markdown, "also write Markdown");
  add_certificate(audit, options.certificate);
  offer(typed, sort_keys(),
        audit
            ->add_option("--sort", typed.sort,
                         "order by a column: numbers from the largest down, text from a to z; append :asc or :desc to "
                         "choose; default: the file's order")
            ->option_text("KEY[:asc|:desc]")
            ->group(kReports));
  audit->add_option("--top", typed.top, "report only the first N weights; the summary and the checks cover all of them")
      ->option_text("N")
      ->check(count_from_one())
      ->group(kReports);
  add_list(
      audit, "--fail-if", typed.gates,
      "exit with 1 if a weight meets EXPR, with 4 if EXPR cannot be judged for some weight (repeatable; see below)")
      ->option_text("EXPR")
      ->group(kGates);
  offer(
      typed, reason_words(),
      add_list(audit, "--allow", typed.allowed,
               "what the checks may ignore: unread, nan, empty, missing or lower-only, separated by commas (see below)")
          ->option_text("WHAT")
          ->group(kGates));
  add_general(audit, options.common, typed);
  audit->footer(audit_footer);
  return audit;
}

CLI::App* add_list_command(CLI::App& app, ListOptions& options, Typed& typed) {
  CLI::App* list = app.add_subcommand("ls",
                                      "what a checkpoint holds: names, shapes, types, bytes\n"
                                      "Lists every tensor without reading its values.");
  add_paths(list, options.paths);
  add_selection(list, typed, options.min_dim);
  offer(typed, names_of(kFormats),
        list->add_option("--format", typed.format, "on standard output: table (default), json, csv or markdown")
            ->option_text("FORMAT")
            ->group(kReports));
  offer(typed, names_of(kListSorts),
        list->add_option("--sort", typed.sort,
                         "order by name (a to z), elements or bytes (the largest first); append :asc or :desc to "
                         "choose; default: the file's order")
            ->option_text("KEY[:asc|:desc]")
            ->group(kReports));
  list->add_option("--top", typed.top, "list only the first N tensors")
      ->option_text("N")
      ->check(count_from_one())
      ->group(kReports);
  add_general(list, options.common, typed);
  list->footer(list_footer);
  return list;
}

NameFilter name_filter(const Typed& typed) {
  NameFilter filter;
  for (const std::string& source : typed.layers) filter.layers.emplace_back("--layers", source);
  for (const std::string& source : typed.exclude) filter.exclude.emplace_back("--exclude", source);
  return filter;
}

// An argument, quoted for a shell.
std::string quoted(std::string_view argument) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string_view::npos) return std::string(argument);
  std::string text = "'";
  for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string command_line(int argc, const char* const* argv) {
  std::string text = "sigmax";
  for (int i = 1; i < argc; ++i) text += ' ' + quoted(argv[i]);
  return text;
}

// The column key for `text`, a key or a short name. Throws Error with the nearest names, or with all of them.
std::string sort_column(const std::string& text) {
  std::string wanted = column_key(text);
  std::vector<std::string> keys;
  for (const report::Column& column : report::columns()) {
    if (column.key == wanted) return wanted;
    keys.emplace_back(column.key);
  }
  keys.emplace_back("sigma");
  const std::vector<std::string> close = closest_names(text, keys, 3);
  const std::string meant = close.empty() ? std::string() : fmt::format("did you mean {}? ", fmt::join(close, ", "));
  throw Error(fmt::format("--sort: there is no column '{}'; {}the columns are {}", text, meant, fmt::join(keys, ", ")));
}

AuditOptions finished(AuditOptions options, const Typed& typed) {
  check_paths(options.paths, typed.arguments);
  if (typed.top > 0) options.top = static_cast<std::size_t>(typed.top);
  options.names = name_filter(typed);
  options.roles = role_overrides(typed.assumed);
  options.convolutions = convolution_overrides(typed.convolutions);
  options.common.color = color_of(typed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kFormats);
  options.certify = certify_request(typed.certify);
  options.operator_norms = !options.quick && options.certify.kind != CertifyRequest::Kind::none;
  if (!typed.norm_width.empty()) {
    options.operator_norms = typed.norm_width != "none";
    if (options.operator_norms) options.norm_width = relative_width("--norm-width", typed.norm_width);
  }
  options.seed = seed_of(typed.seed);
  check_failure_probability(options.failure_probability);
  if (!typed.sort.empty()) {
    const auto [key, ascending] = sort_key(typed.sort);
    options.sort = report::Order(sort_column(key), ascending);
  }
  options.prints = !options.common.quiet || !typed.format.empty();
  for (const std::string& source : typed.gates) options.gates.emplace_back(source);
  options.allowed = reasons_of(typed.allowed);
  options.files = report_files(typed);
  check_certificate(options.certificate, options.files);
  return options;
}

ListOptions finished(ListOptions options, const Typed& typed) {
  check_paths(options.paths, typed.arguments);
  if (typed.top > 0) options.top = static_cast<std::size_t>(typed.top);
  options.names = name_filter(typed);
  options.common.color = color_of(typed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kFormats);
  if (!typed.sort.empty()) {
    const auto [key, ascending] = sort_key(typed.sort);
    options.sort = chosen("--sort", key, kListSorts);
    options.descending = ascending ? !*ascending : options.sort != ListOptions::Sort::name;
  }
  return options;
}

// All declarations, and the variables into which the parser reads.
struct CommandLine {
  CLI::App app{"The singular values of neural-network weights, with proof.", "sigmax"};
  bool version = false;
  AuditOptions audit;
  ListOptions list;
  NormRequest norm;
  CondRequest cond;
  SvdRequest svd;
  SvdTyped svd_typed;
  LipschitzRequest lipschitz;
  LipschitzTyped lipschitz_typed;
  AccuracyRequest accuracy;
  AccuracyTyped accuracy_typed;
  Typed typed_audit, typed_list, typed_norm, typed_cond, typed_svd, typed_lipschitz, typed_accuracy;
  CLI::App* audit_command;
  CLI::App* list_command;
  CLI::App* norm_command;
  CLI::App* cond_command;
  CLI::App* svd_command;
  CLI::App* lipschitz_command;
  CLI::App* certify_command;

  CommandLine() {
    app.formatter(std::make_shared<HelpPage>());
    app.set_help_flag("-h,--help", "this page")->group(kGeneral);
    app.add_flag("--version", version, "the version, its BLAS and SIMD target, and the formats it reads")
        ->group(kGeneral);
    app.footer(main_footer);
    audit_command = add_audit(app, audit, typed_audit);
    list_command = add_list_command(app, list, typed_list);
    norm_command = add_norm(app, norm, typed_norm);
    cond_command = add_cond(app, cond, typed_cond);
    svd_command = add_svd(app, svd, typed_svd, svd_typed);
    lipschitz_command = add_lipschitz(app, lipschitz, typed_lipschitz, lipschitz_typed);
    certify_command = add_certify(app, accuracy, typed_accuracy, accuracy_typed);
    app.require_subcommand(0, 1);
  }
};

DeclaredOption declared_option(const CLI::Option& option, const Typed* typed) {
  DeclaredOption declared;
  for (const std::string& name : option.get_snames()) declared.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) declared.names.push_back("--" + name);
  declared.argument = option.get_option_text();
  declared.text = option.get_description();
  declared.group = option.get_group();
  declared.repeatable = option.get_items_expected_max() > 1;
  if (typed != nullptr) {
    if (const auto found = typed->offered.find(&option); found != typed->offered.end()) declared.values = found->second;
  }
  return declared;
}

DeclaredCommand declared_command(const CLI::App& app, const Typed* typed) {
  DeclaredCommand declared;
  if (app.get_parent() != nullptr) declared.name = app.get_name();
  const std::string text = app.get_description();
  const std::size_t end = text.find('\n');
  declared.summary = text.substr(0, end);
  if (end != std::string::npos) declared.text = text.substr(end + 1);
  for (const CLI::Option* option : app.get_options([](const CLI::Option* each) { return each->get_positional(); })) {
    declared.argument = option->get_name(true, false) + (option->get_expected_max() > 1 ? "..." : "");
    declared.argument_text = option->get_description();
  }
  for (const std::string& group : app.get_groups()) {
    const auto options =
        app.get_options([&](const CLI::Option* each) { return each->get_group() == group && each->nonpositional(); });
    if (group.empty()) continue;
    for (const CLI::Option* option : options) declared.options.push_back(declared_option(*option, typed));
  }
  declared.footer = app.get_footer();
  return declared;
}

}  // namespace

Declared declared() {
  const CommandLine line;
  Declared all;
  all.version = SIGMAX_VERSION;
  all.description = description();
  all.exit_status = exit_status();
  all.exit_notes = exit_notes();
  all.environment = environment();
  all.expressions = expressions();
  all.commands = {declared_command(line.app, nullptr),
                  declared_command(*line.audit_command, &line.typed_audit),
                  declared_command(*line.list_command, &line.typed_list),
                  declared_command(*line.norm_command, &line.typed_norm),
                  declared_command(*line.cond_command, &line.typed_cond),
                  declared_command(*line.svd_command, &line.typed_svd),
                  declared_command(*line.lipschitz_command, &line.typed_lipschitz),
                  declared_command(*line.certify_command, &line.typed_accuracy)};
  return all;
}

Command parse(int argc, const char* const* argv) {
  CommandLine line;
  if (auto mistake = unknown_command(line.app, argc, argv)) return Message{std::move(*mistake), kUsage};
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Message{line.app.help(), kSuccess};
  } catch (const CLI::ParseError& error) {
    return Message{explain(line.app, error), kUsage};
  }
  if (line.version) return Message{version_text(), kSuccess};
  if (auto mistake = empty_value(line.app)) return Message{std::move(*mistake), kUsage};
  line.audit.command = line.lipschitz.command = command_line(argc, argv);
  for (Typed* typed : {&line.typed_audit, &line.typed_list, &line.typed_norm, &line.typed_cond, &line.typed_svd,
                       &line.typed_lipschitz, &line.typed_accuracy})
    typed->arguments.insert(argv + 1, argv + argc);
  if (line.audit_command->parsed()) return finished(std::move(line.audit), line.typed_audit);
  if (line.list_command->parsed()) return finished(std::move(line.list), line.typed_list);
  if (line.norm_command->parsed()) return finished(std::move(line.norm), line.typed_norm);
  if (line.cond_command->parsed()) return finished(std::move(line.cond), line.typed_cond);
  if (line.svd_command->parsed()) return finished(std::move(line.svd), line.typed_svd, line.svd_typed);
  if (line.lipschitz_command->parsed()) {
    return finished(std::move(line.lipschitz), line.typed_lipschitz, line.lipschitz_typed);
  }
  if (line.certify_command->parsed()) {
    return finished(std::move(line.accuracy), line.typed_accuracy, line.accuracy_typed);
  }
  return Message{"a command is missing: audit, ls, norm, cond, svd, lipschitz or certify\nSee sigmax --help.", kUsage};
}

}  // namespace sigmax::cli
