#include "cli/lipschitz/options.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>

#include "cli/lipschitz/choices.hpp"
#include "cli/reading/help.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::LmiEffort;
using lipschitz::VectorNorm;

const std::map<std::string, LipschitzRequest::Format> kLipschitzFormats = {
    {"text", LipschitzRequest::Format::text},
    {"value", LipschitzRequest::Format::value},
    {"json", LipschitzRequest::Format::json},
    {"csv", LipschitzRequest::Format::csv},
    {"markdown", LipschitzRequest::Format::markdown}};
const std::map<std::string, VectorNorm> kVectorNorms = {
    {"1", VectorNorm::one}, {"2", VectorNorm::two}, {"inf", VectorNorm::infinity}};
constexpr const char* kNetwork = "Which network";
constexpr const char* kInputs = "Which inputs";

// NAME=1x3x224x224; names may hold an `=`, shapes do not.
std::pair<std::string, Dimensions> input_shape(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  Dimensions shape;
  bool good = equals != std::string::npos && equals > 0;
  std::string_view rest = std::string_view(text).substr(good ? equals + 1 : text.size());
  while (good) {
    const std::size_t end = rest.find_first_of("x,");
    const auto extent = number_in<std::int64_t>(rest.substr(0, end));
    good = extent && *extent > 0;
    if (good) shape.push_back(*extent);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (!good) throw Error(fmt::format("--input-shape takes NAME=1x3x224x224, got '{}'", text));
  return {text.substr(0, equals), shape};
}

}  // namespace

const std::map<std::string, LmiEffort>& efforts() {
  static const std::map<std::string, LmiEffort> all = {
      {"fast", LmiEffort::fast}, {"default", LmiEffort::standard}, {"high", LmiEffort::high}};
  return all;
}

std::map<std::string, Dimensions> input_shapes(const std::vector<std::string>& texts) {
  std::map<std::string, Dimensions> shapes;
  for (const std::string& text : texts) {
    const auto [name, shape] = input_shape(text);
    if (!shapes.emplace(name, shape).second) throw Error(fmt::format("--input-shape names '{}' twice", name));
  }
  return shapes;
}

graph::Interval input_box(const std::string& text) {
  const std::size_t comma = text.find(',');
  const std::string_view all = text;
  if (comma != std::string::npos) {
    const auto low = number_in<double>(all.substr(0, comma));
    const auto high = number_in<double>(all.substr(comma + 1));
    if (low && high && std::isfinite(*low) && std::isfinite(*high) && *low <= *high) return {*low, *high};
  }
  throw Error(fmt::format("--input-box takes LO,HI with LO <= HI, such as 0,1; got '{}'", text));
}

namespace {

double radius_of(const char* option, const std::string& text) {
  const auto radius = number_in<double>(text);
  if (radius && std::isfinite(*radius) && *radius >= 0) return *radius;
  throw Error(fmt::format("{} takes a number that is not negative, got '{}'", option, text));
}

void add_inputs(CLI::App* lipschitz, LipschitzRequest& options, LipschitzTyped& own) {
  add_list(lipschitz, "--input-shape", own.shapes,
           "the shape of an input whose sizes the file leaves open (repeatable); an open first axis is 1 by default")
      ->option_text("NAME=1x3x8x8")
      ->group(kNetwork);
  add_list(lipschitz, "--input-value", own.values,
           "an input that is a constant, such as a sampling rate or a state: a number for all its entries, or a NumPy "
           "array (repeatable)")
      ->option_text("NAME=N|FILE.npy")
      ->group(kNetwork);
  add_list(lipschitz, "--output", options.outputs, "only this output of the file (repeatable); default: all of them")
      ->option_text("NAME")
      ->group(kNetwork);
  CLI::Option* const box = lipschitz
                               ->add_option("--input-box", own.box,
                                            "only inputs whose entries all lie between LO and HI; products of data and "
                                            "attention have a bound only on such a set")
                               ->option_text("LO,HI")
                               ->group(kInputs);
  lipschitz->add_option("--input-norm", own.norm, "only inputs of a norm (--ord) of at most R")
      ->option_text("R")
      ->excludes(box)
      ->group(kInputs);
  CLI::Option* const around =
      lipschitz
          ->add_option("--around", own.around,
                       "also bound the network near given inputs: a NumPy array of one, or with an axis in front that "
                       "counts them")
          ->option_text("FILE.npy")
          ->group(kInputs);
  CLI::Option* const radius =
      lipschitz->add_option("--eps", own.radius, "how near, in the norm (--ord) of all inputs together")
          ->option_text("R")
          ->needs(around)
          ->group(kInputs);
  around->needs(radius);
}

void add_reports(CLI::App* lipschitz, Typed& typed) {
  offer(typed, names_of(kLipschitzFormats),
        lipschitz
            ->add_option("--format", typed.format,
                         "on standard output: text (default), value (the upper end alone), json, csv or markdown")
            ->option_text("FORMAT")
            ->group(kReports));
  add_report_file(lipschitz, typed, "--json", ReportFile::Kind::json, "also write JSON, schema sigmax.lipschitz/1");
  add_report_file(lipschitz, typed, "--html", ReportFile::Kind::html,
                  "also write one self-contained page, with the graph drawn");
  add_report_file(lipschitz, typed, "--csv", ReportFile::Kind::csv, "also write CSV, one line per node");
  add_report_file(lipschitz, typed, "--markdown", ReportFile::Kind::markdown, "also write Markdown");
  add_list(lipschitz, "--fail-if", typed.gates,
           "exit with 1 if the network meets EXPR, with 4 if EXPR cannot be judged (repeatable; see below)")
      ->option_text("EXPR")
      ->group(kGates);
}

}  // namespace

CLI::App* add_lipschitz(CLI::App& app, LipschitzRequest& options, Typed& typed, LipschitzTyped& own) {
  CLI::App* lipschitz = app.add_subcommand(
      "lipschitz",
      "how far a whole network can move its output, with proof\n"
      "Reads the graph of an ONNX model and bounds |f(x) - f(y)| / |x - y| over all inputs x, y, in the Euclidean norm "
      "or another (--ord): from above with proof, and from below by two inputs that show it. A node that has no bound "
      "is named, and so is what was assumed.");
  lipschitz->add_option("FILE", options.path, "an ONNX model")->required();
  add_inputs(lipschitz, options, own);
  offer(typed, names_of(kVectorNorms),
        lipschitz
            ->add_option("--ord", own.ord,
                         "the norm of inputs and of outputs: 2 (default), 1 or inf; the matrix inequality is about 2 "
                         "alone")
            ->option_text("ORD")
            ->group(kComputation));
  offer(typed, names_of(efforts()),
        lipschitz
            ->add_option("--effort", own.effort,
                         "how long the matrix inequality is searched for a better bound: fast, default or high")
            ->option_text("EFFORT")
            ->group(kComputation));
  lipschitz->add_flag("--no-lower", options.no_lower, "do not look for two inputs that show how large it is at least")
      ->group(kComputation);
  add_list(lipschitz, "--per-output", own.per_output,
           "also bound single entries of the outputs, counted from 0: all, or 0,3,5-9 (repeatable)")
      ->option_text("all|LIST")
      ->group(kComputation);
  add_list(lipschitz, "--per-pair", own.per_pair,
           "also bound differences of two of them, such as the margins of a classifier: all, 3 (with each other) or "
           "3:7, separated by commas (repeatable)")
      ->option_text("all|LIST")
      ->group(kComputation);
  add_seed(lipschitz, typed);
  add_jobs(lipschitz, options.jobs);
  add_reports(lipschitz, typed);
  add_certificate(lipschitz, options.certificate);
  add_general(lipschitz, options.common, typed);
  lipschitz->footer(lipschitz_footer);
  return lipschitz;
}

LipschitzRequest finished(LipschitzRequest options, const Typed& typed, const LipschitzTyped& own) {
  check_paths({options.path}, typed.arguments);
  check_certificate(options.certificate);
  options.common.color = color_of(typed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kLipschitzFormats);
  if (!own.effort.empty()) options.effort = chosen("--effort", own.effort, efforts());
  options.input_shapes = input_shapes(own.shapes);
  if (!own.box.empty()) options.box = input_box(own.box);
  if (!own.norm.empty()) options.input_norm = radius_of("--input-norm", own.norm);
  if (!own.ord.empty()) options.norm = chosen("--ord", own.ord, kVectorNorms);
  if (!options.certificate.empty() && options.norm != VectorNorm::two) {
    throw Error(fmt::format("a certificate is about --ord 2; leave --ord {} off, or --certificate", own.ord));
  }
  options.input_values = input_values(own.values);
  if (!own.around.empty()) options.around = AroundInputs{own.around, radius_of("--eps", own.radius)};
  if (!own.per_output.empty()) options.per_output = entry_choice(own.per_output);
  if (!own.per_pair.empty()) options.per_pair = pair_choice(own.per_pair);
  options.seed = seed_of(typed.seed);
  options.prints = !options.common.quiet || !typed.format.empty();
  for (const std::string& source : typed.gates) options.gates.emplace_back(source);
  options.files = report_files(typed);
  return options;
}

}  // namespace sigmax::cli
