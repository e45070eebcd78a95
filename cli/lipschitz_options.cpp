#include "cli/lipschitz_options.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>

#include "cli/help.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::LmiEffort;

const std::map<std::string, LipschitzRequest::Format> kLipschitzFormats = {
    {"text", LipschitzRequest::Format::text},
    {"value", LipschitzRequest::Format::value},
    {"json", LipschitzRequest::Format::json},
    {"markdown", LipschitzRequest::Format::markdown}};
const std::map<std::string, LmiEffort> kEfforts = {
    {"fast", LmiEffort::fast}, {"default", LmiEffort::standard}, {"high", LmiEffort::high}};

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

// NAME=16000; names may hold an `=`, numbers do not.
std::pair<std::string, double> input_number(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals != std::string::npos && equals > 0) {
    const auto number = number_in<double>(std::string_view(text).substr(equals + 1));
    if (number && std::isfinite(*number)) return {text.substr(0, equals), *number};
  }
  throw Error(fmt::format("--input-value takes NAME=NUMBER, got '{}'", text));
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

double input_norm(const std::string& text) {
  const auto radius = number_in<double>(text);
  if (radius && std::isfinite(*radius) && *radius >= 0) return *radius;
  throw Error(fmt::format("--input-norm takes a number that is not negative, got '{}'", text));
}

}  // namespace

CLI::App* add_lipschitz(CLI::App& app, LipschitzRequest& options, Typed& typed, LipschitzTyped& own) {
  CLI::App* lipschitz = app.add_subcommand(
      "lipschitz",
      "how far a whole network can move its output, with proof\n"
      "Reads the graph of an ONNX model and bounds |f(x) - f(y)| / |x - y| over all inputs x, y, in the Euclidean "
      "norm: "
      "from above with proof, and from below by two inputs that show it. A node that has no bound is named, and so is "
      "what was assumed.");
  lipschitz->add_option("FILE", options.path, "an ONNX model")->required();
  add_list(lipschitz, "--input-shape", own.shapes,
           "the shape of an input whose sizes the file leaves open (repeatable); an open first axis is 1 by default")
      ->option_text("NAME=1x3x8x8")
      ->group(kComputation);
  add_list(lipschitz, "--input-value", own.numbers,
           "an input that is a constant with all entries this number, such as a sampling rate or a first state "
           "(repeatable)")
      ->option_text("NAME=16000")
      ->group(kComputation);
  CLI::Option* const box = lipschitz
                               ->add_option("--input-box", own.box,
                                            "only inputs whose entries all lie between LO and HI; products of data and "
                                            "attention have a bound only on such a set")
                               ->option_text("LO,HI")
                               ->group(kComputation);
  lipschitz->add_option("--input-norm", own.norm, "only inputs of a Euclidean norm of at most R")
      ->option_text("R")
      ->excludes(box)
      ->group(kComputation);
  offer(typed, names_of(kEfforts),
        lipschitz
            ->add_option("--effort", own.effort,
                         "how long the matrix inequality is searched for a better bound: fast, default or high")
            ->option_text("EFFORT")
            ->group(kComputation));
  lipschitz->add_flag("--no-lower", options.no_lower, "do not look for two inputs that show how large it is at least")
      ->group(kComputation);
  add_seed(lipschitz, typed);
  add_jobs(lipschitz, options.jobs);
  offer(typed, names_of(kLipschitzFormats),
        lipschitz->add_option("--format", typed.format, "text (default), value (the upper end alone), json or markdown")
            ->option_text("FORMAT")
            ->group(kReports));
  add_general(lipschitz, options.common, typed);
  lipschitz->footer(lipschitz_footer);
  return lipschitz;
}

LipschitzRequest finished(LipschitzRequest options, const Typed& typed, const LipschitzTyped& own) {
  check_paths({options.path}, typed.arguments);
  options.common.color = color_of(typed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kLipschitzFormats);
  if (!own.effort.empty()) options.effort = chosen("--effort", own.effort, kEfforts);
  for (const std::string& text : own.shapes) {
    const auto [name, shape] = input_shape(text);
    if (!options.input_shapes.emplace(name, shape).second) {
      throw Error(fmt::format("--input-shape names '{}' twice", name));
    }
  }
  for (const std::string& text : own.numbers) {
    const auto [name, number] = input_number(text);
    if (!options.input_numbers.emplace(name, number).second) {
      throw Error(fmt::format("--input-value names '{}' twice", name));
    }
  }
  if (!own.box.empty()) options.box = input_box(own.box);
  if (!own.norm.empty()) options.norm = input_norm(own.norm);
  options.seed = seed_of(typed.seed);
  return options;
}

}  // namespace sigmax::cli
