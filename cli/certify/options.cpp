#include "cli/certify/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "cli/lipschitz/options.hpp"
#include "cli/reading/help.hpp"

namespace sigmax::cli {
namespace {

const std::map<std::string, AccuracyRequest::Format> kAccuracyFormats = {
    {"text", AccuracyRequest::Format::text},
    {"json", AccuracyRequest::Format::json},
    {"csv", AccuracyRequest::Format::csv},
    {"markdown", AccuracyRequest::Format::markdown}};

std::vector<double> number_list(std::string_view option, const std::string& text, std::string_view example,
                                bool positive) {
  std::vector<double> numbers;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const auto number = number_in<double>(rest.substr(0, comma));
    if (!number || !std::isfinite(*number) || (positive && !(*number > 0))) {
      throw Error(fmt::format("{} takes {}numbers separated by commas, such as {}; got '{}'", option,
                              positive ? "positive " : "", example, text));
    }
    numbers.push_back(*number);
    if (comma == std::string_view::npos) return numbers;
    rest.remove_prefix(comma + 1);
  }
}

DataScale data_scale(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string_view all = text;
  const auto over = number_in<double>(all.substr(0, slash));
  const auto under = slash == std::string::npos ? std::optional(1.0) : number_in<double>(all.substr(slash + 1));
  const auto is_good = [](const std::optional<double>& x) { return x && std::isfinite(*x) && *x > 0; };
  if (is_good(over) && is_good(under)) return {*over, *under};
  throw Error(fmt::format("--scale takes a positive number or a quotient of two, such as 1/255; got '{}'", text));
}

}  // namespace

CLI::App* add_certify(CLI::App& app, AccuracyRequest& options, Typed& typed, AccuracyTyped& own) {
  CLI::App* certify = app.add_subcommand(
      "certify",
      "on how many data a classifier keeps its class within a radius, with proof\n"
      "Counts the samples whose class no change of a Euclidean norm up to EPS can turn: from below with proof, by "
      "Lipschitz bounds of the differences of logits, and from above by changes that an attack finds.");
  certify->add_option("FILE", options.path, "an ONNX model whose greatest output is the class")->required();
  certify
      ->add_option("--data", options.data,
                   "the samples, one for each index of the first axis: an array of numbers in any file of arrays; with "
                   "the labels in one file if they are called x and y, images and labels, or x_test and y_test")
      ->option_text("FILE[:ARRAY]")
      ->required()
      ->group(kSelection);
  certify
      ->add_option("--labels", options.labels,
                   "the class of each sample: whole numbers from 0 on, or a row with one 1 for each sample")
      ->option_text("FILE[:ARRAY]")
      ->group(kSelection);
  certify->add_option("--samples", own.samples, "only N samples, drawn at random (see --seed); default: all")
      ->option_text("N")
      ->check(count_from_one())
      ->group(kSelection);
  certify
      ->add_option("--eps", own.radii,
                   "the radii, in units of the data after --scale and before --mean and --std, such as 0.1,0.3")
      ->option_text("EPS[,EPS...]")
      ->required()
      ->group(kComputation);
  certify->add_option("--scale", own.scale, "multiply the stored numbers by S, such as 1/255 for bytes; default 1")
      ->option_text("S")
      ->group(kComputation);
  certify
      ->add_option("--mean", own.mean,
                   "what the network expects is (x - mean) / std of the scaled data x: one mean, or one for each "
                   "channel; default 0")
      ->option_text("M[,M...]")
      ->group(kComputation);
  certify->add_option("--std", own.deviation, "the standard deviation, or one for each channel; default 1")
      ->option_text("D[,D...]")
      ->group(kComputation);
  add_list(certify, "--input-shape", own.shapes,
           "the shape of an input whose sizes the file leaves open (repeatable); an open first axis is 1 by default")
      ->option_text("NAME=1x3x8x8")
      ->group(kComputation);
  certify
      ->add_option("--input-box", own.box,
                   "only changes after which every entry of the scaled data is between LO and HI")
      ->option_text("LO,HI")
      ->group(kComputation);
  offer(typed, names_of(efforts()),
        certify
            ->add_option("--effort", own.effort,
                         "how long better bounds are searched for: fast, default or high. fast bounds no sample by "
                         "itself, high searches for each pair of classes and each sample again")
            ->option_text("EFFORT")
            ->group(kComputation));
  certify
      ->add_option(
          "--local-limit", options.local_limit,
          "bound at most N samples by themselves, of those that the bounds of the network and the attack leave "
          "open; default 1000")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber)
      ->group(kComputation);
  certify->add_flag("--no-attack", options.no_attack, "do not look for changes that turn the class")
      ->group(kComputation);
  certify
      ->add_option("--seed", typed.seed,
                   "the seed of the attack's random starts and of --samples, to repeat a run; drawn by default")
      ->option_text("N[:STREAM]")
      ->group(kComputation);
  add_jobs(certify, options.jobs);
  offer(typed, names_of(kAccuracyFormats),
        certify->add_option("--format", typed.format, "text (default), json, csv (a line for each radius) or markdown")
            ->option_text("FORMAT")
            ->group(kReports));
  certify
      ->add_flag("--per-sample", options.per_sample,
                 "what is known of each sample, in the JSON, and in CSV instead of the lines of the radii")
      ->group(kReports);
  add_list(certify, "--fail-if", own.gates,
           "exit with 1 if COMPARISON holds: certified(EPS), attacked(EPS) or clean and a number, such as "
           "'certified(0.1) < 0.5' (repeatable)")
      ->option_text("COMPARISON")
      ->group(kGates);
  add_general(certify, options.common, typed);
  certify->footer(certify_footer);
  return certify;
}

AccuracyRequest finished(AccuracyRequest options, const Typed& typed, const AccuracyTyped& own) {
  check_paths({options.path}, typed.arguments);
  options.common.color = color_of(typed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kAccuracyFormats);
  if (!own.effort.empty()) options.effort = chosen("--effort", own.effort, efforts());
  options.input_shapes = input_shapes(own.shapes);
  if (!own.box.empty()) options.box = input_box(own.box);
  options.radii = number_list("--eps", own.radii, "0.1,0.3", true);
  if (!own.scale.empty()) options.scale = data_scale(own.scale);
  if (!own.mean.empty()) options.normalization.mean = number_list("--mean", own.mean, "0.1307", false);
  if (!own.deviation.empty()) options.normalization.deviation = number_list("--std", own.deviation, "0.3081", true);
  if (own.samples > 0) options.samples = static_cast<std::size_t>(own.samples);
  options.seed = seed_of(typed.seed);
  for (const std::string& source : own.gates) {
    AccuracyGate gate(source);
    if (gate.radius() && std::ranges::find(options.radii, *gate.radius()) == options.radii.end()) {
      throw Error(fmt::format("--fail-if '{}': {:g} is not one of the radii of --eps", source, *gate.radius()));
    }
    options.gates.push_back(std::move(gate));
  }
  return options;
}

}  // namespace sigmax::cli
