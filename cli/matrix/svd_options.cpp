#include "cli/matrix/svd_options.hpp"

#include <cmath>
#include <filesystem>
#include <utility>

#include "cli/reading/help.hpp"

namespace sigmax::cli {
namespace {

const std::map<std::string, SvdRequest::Format> kSvdFormats = {{"table", SvdRequest::Format::table},
                                                               {"values", SvdRequest::Format::values},
                                                               {"csv", SvdRequest::Format::csv},
                                                               {"json", SvdRequest::Format::json}};
const std::map<std::string, Accuracy> kAccuracies = {{"values", Accuracy::values}, {"vectors", Accuracy::vectors}};
const std::map<std::string, SvdRequest::Output::Kind> kEndings = {
    {".npz", SvdRequest::Output::Kind::npz},
    {".safetensors", SvdRequest::Output::Kind::safetensors},
    {".npy", SvdRequest::Output::Kind::npy}};

const std::map<std::string, Method>& methods() {
  static const std::map<std::string, Method> kMethods = [] {
    std::map<std::string, Method> all;
    for (const Method& method :
         {Method(Auto{}), Method(PowerIteration{}), Method(Deflation{}), Method(Lanczos{}), Method(BlockKrylov{}),
          Method(Randomized{}), Method(DenseLapack{}), Method(InverseLanczos{})}) {
      all.emplace(name(method), method);
    }
    return all;
  }();
  return kMethods;
}

// The count, or nothing for `all`.
std::optional<std::int64_t> count_of(const std::string& text) {
  if (text == "all") return std::nullopt;
  const auto count = number_in<std::int64_t>(text);
  if (count.value_or(0) < 1) throw Error(fmt::format("-k takes a number from 1 up, or all, got '{}'", text));
  return count;
}

SvdRequest::Output output_of(const std::string& path) {
  const auto found = kEndings.find(std::filesystem::path(path).extension().string());
  if (found == kEndings.end()) {
    throw Error(
        fmt::format("--output '{}': end the name with .npz or .safetensors (u, s and vt) or .npy (only s)", path));
  }
  return {found->second, path};
}

void check_combination(const SvdRequest& options, const SvdTyped& typed) {
  const std::string method(name(options.method));
  const auto is = [&](const char* text) { return method == text; };
  const bool several = !options.count || *options.count > 1;
  if (is("power") && several && !options.smallest) {
    throw Error("--method power finds one triplet: add -k 1, or use deflation or lanczos for more");
  }
  if (options.smallest && !is("auto") && !is("dense") && !is("inverse")) {
    throw Error(
        fmt::format("--method {} finds the largest triplets only: with --smallest use auto, dense or inverse", method));
  }
  if (is("inverse") && !options.smallest) {
    throw Error("--method inverse finds the smallest triplets: add --smallest, or use auto or lanczos for the largest");
  }
  if (is("randomized") && (typed.tolerance || !typed.accuracy.empty())) {
    throw Error(
        "--method randomized makes its passes and stops: leave out --tolerance and --accuracy, or use block-krylov");
  }
}

void add_computation(CLI::App* command, SvdRequest& options, Typed& typed, SvdTyped& svd) {
  offer(typed, {"all"},
        command->add_option("-k,--count", svd.count, "how many triplets, or all; default 10, or all if there are fewer")
            ->option_text("N")
            ->group(kComputation));
  command->add_flag("--smallest", options.smallest, "the smallest singular values instead of the largest")
      ->group(kComputation);
  offer(typed, names_of(kAccuracies),
        command
            ->add_option("--accuracy", svd.accuracy,
                         "what the tolerance applies to: values, the error of each sigma_i relative to sigma_i; or "
                         "vectors, the residual |A^T u_i - sigma_i v_i| relative to sigma_1. Default: vectors if "
                         "--output saves them, otherwise values")
            ->option_text("OF")
            ->group(kComputation));
  command->add_option("--tolerance", svd.tolerance, "the accuracy to reach, which --accuracy defines; default 1e-10")
      ->option_text("T")
      ->group(kComputation);
  offer(typed, names_of(methods()),
        command
            ->add_option("--method", svd.method,
                         "auto (default), power, deflation, lanczos, block-krylov, randomized, dense or inverse")
            ->option_text("NAME")
            ->group(kComputation));
  command
      ->add_option("--max-products", options.max_products,
                   "stop after N products of A^T A with a vector, even without convergence; default 10000")
      ->check(count_from_one())
      ->option_text("N")
      ->group(kComputation);
  offer(typed, certify_words(),
        command
            ->add_option("--certify", typed.certify,
                         "how each value is to be known, including its index and its multiplicity: proven (any size), "
                         "proven:N (proven if the shorter side is at most N, otherwise probabilistic), probabilistic, "
                         "or none (an estimate); default proven:4096")
            ->option_text("HOW")
            ->group(kComputation));
}

}  // namespace

CLI::App* add_svd(CLI::App& app, SvdRequest& options, Typed& typed, SvdTyped& svd) {
  CLI::App* command = app.add_subcommand(
      "svd",
      "the largest or smallest singular triplets of one matrix\n"
      "Prints each singular value with an enclosure and its triplet's residual; can write u, s and vt to a file. The "
      "matrix is the one that an audit measures. A convolution kernel is read as the matrix [out, rest]; if it has "
      "groups, or if the tensor is a stack of matrices, name one of them.");
  add_target(command, options.target);
  add_assumed(command, typed);
  add_computation(command, options, typed, svd);
  add_seed(command, typed);
  add_jobs(command, options.jobs);
  offer(typed, names_of(kSvdFormats),
        command
            ->add_option("--format", typed.format,
                         "on standard output: table (default), values (one per line, nothing else), csv or json")
            ->option_text("FORMAT")
            ->group(kReports));
  add_report_file(command, typed, "--json", ReportFile::Kind::json, "also write JSON, schema sigmax.svd/1");
  command
      ->add_option("-o,--output", svd.output,
                   "write the triplets, in double: u, s and vt to .npz or .safetensors, only s to .npy")
      ->option_text("FILE")
      ->group(kReports);
  command->add_flag("--values-only", options.values_only, "no residuals, and only s in the file")->group(kReports);
  add_general(command, options.common, typed);
  command->footer(svd_footer);
  return command;
}

SvdRequest finished(SvdRequest options, const Typed& typed, const SvdTyped& svd) {
  check_paths({options.target}, typed.arguments);
  options.common.color = color_of(typed);
  options.roles = role_overrides(typed.assumed);
  if (!typed.format.empty()) options.format = chosen("--format", typed.format, kSvdFormats);
  if (!svd.count.empty()) {
    options.count = count_of(svd.count);
    options.capped = false;
  }
  if (!svd.method.empty()) options.method = chosen("--method", svd.method, methods());
  if (!svd.accuracy.empty()) options.accuracy = chosen("--accuracy", svd.accuracy, kAccuracies);
  if (svd.tolerance) options.tolerance = *svd.tolerance;
  if (!(options.tolerance > 0 && options.tolerance < 1)) {
    throw Error(fmt::format("--tolerance must lie between 0 and 1, got {}", options.tolerance));
  }
  // power computes one triplet, so one is the default.
  if (svd.count.empty() && name(options.method) == "power") options.count = 1;
  check_combination(options, svd);
  options.certify = certify_request(typed.certify);
  options.seed = seed_of(typed.seed);
  options.files = report_files(typed);
  const bool writes = !options.files.empty() || !svd.output.empty();
  options.prints = !options.common.quiet || !writes || !typed.format.empty();
  if (!svd.output.empty()) {
    options.output = output_of(svd.output);
    // Saved vectors are meant for further use: if only the values are accurate to 1e-10, the vectors are accurate to
    // only 1e-5.
    const bool saves_vectors = options.output->kind != SvdRequest::Output::Kind::npy && !options.values_only;
    const bool has_tolerance = name(options.method) != "randomized";
    if (saves_vectors && has_tolerance && svd.accuracy.empty()) options.accuracy = Accuracy::vectors;
    for (const ReportFile& file : options.files) {
      if (file.path == svd.output) throw Error(fmt::format("two files are to be written to '{}'", file.path));
    }
  }
  return options;
}

}  // namespace sigmax::cli
