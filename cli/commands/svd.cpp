#include "cli/commands/svd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/matrix/svd_report.hpp"
#include "cli/matrix/target.hpp"
#include "cli/terminal/progress.hpp"
#include "cli/terminal/proofs.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/io/bytes/atomic_file.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/numpy/npy_writer.hpp"
#include "sigmax/io/numpy/npz_writer.hpp"
#include "sigmax/io/safetensors/safetensors_writer.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::cli {
namespace {

using Output = SvdRequest::Output;
using Clock = std::chrono::steady_clock;

// The matrix, the facts found by reading it once, and the request.
struct Problem {
  Operator<double> a;
  double frobenius = 0;
  Seed seed;
  sigmax::SvdOptions<double> options;
};

// The result. sigma_1 belongs to the matrix, whichever triplets were requested.
struct Solution {
  std::shared_ptr<const SvdResult<double>> triplets;
  std::vector<Enclosure> values;  // one per triplet; empty if none were requested
  double sigma_1 = 0;
  std::optional<Enclosure> enclosure;
  double seconds = 0;
};

double frobenius_norm(const NamedMatrix& named, Context& context) {
  const ScannedMatrix scanned(stored_view(named.matrix()), context);
  if (!scanned.is_finite()) require_finite(named, "its singular values do not exist", context);
  return scanned.frobenius();
}

std::int64_t count_of(const SvdRequest& options, const NamedMatrix& named) {
  const std::int64_t most = std::min(named.matrix().shape()[0], named.matrix().shape()[1]);
  const std::int64_t wanted = options.count.value_or(most);
  if (wanted <= most || options.capped) return std::min(wanted, most);
  throw Error(fmt::format("-k {}: '{}' is a matrix {} and has {} singular values; -k all takes them all", wanted,
                          named.name, to_string(named.matrix().shape()), most));
}

Problem problem_of(const SvdRequest& options, const NamedMatrix& named, Context& context) {
  Problem problem;
  problem.options.k = count_of(options, named);
  problem.frobenius = frobenius_norm(named, context);
  problem.options.which = options.smallest ? Which::smallest : Which::largest;
  problem.options.accuracy = options.accuracy;
  problem.options.tolerance = options.tolerance;
  problem.options.max_products = options.max_products;
  problem.options.method = options.method;
  problem.seed = options.seed ? *options.seed : drawn_seed();
  problem.options.random = random_state(problem.seed);
  problem.a = dense<double>(named.matrix());
  return problem;
}

// The largest triplet, in addition to the smallest ones: sigma_i / sigma_1 and the enclosure need it.
SvdResult<double> largest_triplet(const Problem& problem, Context& context) {
  sigmax::SvdOptions<double> options;
  options.max_products = problem.options.max_products;
  options.random = problem.options.random;
  options.check = Check::none;  // its certificate is the check
  return svd(*problem.a, options, context);
}

// Triplets, with an enclosure of each value if one is requested; otherwise the method's values are only estimates. If
// it found a value twice, a brief check finds most further copies.
CertifiedSvd<double> triplets_of(const Problem& problem, const CertifyRequest& request, Context& context) {
  if (request.kind != CertifyRequest::Kind::none) {
    return certified_svd(*problem.a, problem.options, request.options(), context);
  }
  sigmax::SvdOptions<double> options = problem.options;
  options.check = options.k > 1 ? Check::brief : Check::none;
  return {svd(*problem.a, options, context), {}};
}

Solution solve(const Problem& problem, const CertifyRequest& request, Context& context) {
  const Clock::time_point start = Clock::now();
  Solution solution;
  CertifiedSvd<double> found = triplets_of(problem, request, context);
  const auto triplets = std::make_shared<SvdResult<double>>(std::move(found.triplets));
  solution.triplets = triplets;
  solution.values = std::move(found.sigma);
  solution.sigma_1 = solution.triplets->sigma.front();
  SvdResult<double> largest;
  const SvdResult<double>* hint = solution.triplets.get();
  const bool smallest = problem.options.which == Which::smallest;
  if (smallest) {
    largest = largest_triplet(problem, context);
    solution.sigma_1 = std::max(solution.sigma_1, largest.sigma.front());
    hint = &largest;
  }
  solution.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (request.kind == CertifyRequest::Kind::none) return solution;
  if (!smallest && solution.values.front().is_proven()) {
    solution.enclosure = solution.values.front();
    return solution;
  }
  solution.enclosure = certify(*problem.a, *hint, request.options(), context);
  if (smallest) return solution;
  // Not the narrower of the two: each may fail with its own probability, and a choice by width fails if either
  // fails.
  Enclosure& first = solution.values.front();
  if (solution.enclosure->upper) {
    first = *solution.enclosure;
  } else {
    solution.enclosure = first;
  }
  const double allowed = std::max(4 * problem.options.tolerance, 1e-9);
  if (is_contradicted(solution.values, triplets->sigma, allowed) && triplets->outcome != SvdOutcome::out_of_products) {
    triplets->outcome = SvdOutcome::unconfirmed;
  }
  return solution;
}

std::string_view outcome_name(SvdOutcome outcome) {
  switch (outcome) {
    case SvdOutcome::converged: return "converged";
    case SvdOutcome::completed: return "completed";
    case SvdOutcome::unconfirmed: return "unconfirmed";
    case SvdOutcome::out_of_products: return "out_of_products";
  }
  return "";
}

// Shares of |A|_F^2. Values are divided by |A|_F before squaring, so that nothing overflows. Sums run from the first
// triplet on or, for the smallest triplets, from the last one back.
void fill_triplets(SvdReport& report, const Solution& solution) {
  const SvdResult<double>& result = *solution.triplets;
  const double sigma_1 = solution.sigma_1;
  const std::size_t count = result.sigma.size();
  const std::int64_t total = std::min(report.matrix[0], report.matrix[1]);
  const std::int64_t before = report.smallest ? total - static_cast<std::int64_t>(count) : 0;
  report.triplets.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double sigma = result.sigma[i];
    report.triplets[i] = {before + static_cast<std::int64_t>(i) + 1,
                          sigma,
                          sigma_1 > 0 ? sigma / sigma_1 : 0,
                          0,
                          result.residual[i],
                          std::nullopt};
    if (!solution.values.empty()) report.triplets[i].enclosure = solution.values[i];
  }
  double energy = 0;
  for (std::size_t step = 0; step < count && report.frobenius > 0; ++step) {
    SvdReport::Triplet& each = report.triplets[report.smallest ? count - 1 - step : step];
    const double share = each.sigma / report.frobenius;
    energy += share * share;
    each.energy = std::min(energy, 1.0);
  }
}

SvdReport report_of(const SvdRequest& options, const NamedMatrix& named, const Problem& problem,
                    const Solution& solution, const Context& context) {
  const SvdResult<double>& result = *solution.triplets;
  SvdReport report;
  report.source = named.file;
  report.tensor = named.name;
  report.shape = named.shape;
  report.matrix = named.matrix().shape();
  report.dtype = named.matrix().dtype();
  report.smallest = options.smallest;
  report.values_only = options.values_only;
  report.frobenius = problem.frobenius;
  report.rounding = unit_roundoff(report.dtype) * problem.frobenius;
  report.sigma_1 = solution.enclosure;
  const bool saves_vectors = options.output && options.output->kind != Output::Kind::npy && !options.values_only;
  if (saves_vectors) report.output = options.output->path;
  report.method = name(result.statistics.method);
  report.converged = result.outcome != SvdOutcome::out_of_products;
  report.confirmed = result.outcome != SvdOutcome::unconfirmed;
  report.outcome = outcome_name(result.outcome);
  report.in_words = message(result.outcome);
  report.of_vectors = options.accuracy == Accuracy::vectors;
  report.tolerance = options.tolerance;
  report.seed = problem.seed;
  report.products = result.statistics.products;
  report.reads = result.statistics.reads;
  report.seconds = solution.seconds;
  report.threads = context.threads();
  fill_triplets(report, solution);
  return report;
}

// A Matrix is column-major, so v in memory is vt row by row, and u needs its strides swapped.
void write_output(const Output& output, const SvdReport& report, const std::shared_ptr<const SvdResult<double>>& result,
                  Context& context) {
  const auto k = static_cast<std::int64_t>(result->sigma.size());
  const auto tensor = [&](const double* data, Dimensions shape, Dimensions strides) {
    return Tensor(DType::f64, std::move(shape), std::move(strides), reinterpret_cast<const std::byte*>(data), result);
  };
  std::vector<io::OutputTensor> tensors;
  const Tensor s = tensor(result->sigma.data(), {k}, {1});
  if (report.values_only) {
    tensors = {{"s", s}};
  } else {
    const std::int64_t rows = result->u.rows(), columns = result->v.rows();
    tensors = {{"u", tensor(result->u.values().data(), {rows, k}, {1, rows})},
               {"s", s},
               {"vt", tensor(result->v.values().data(), {k, columns}, {columns, 1})}};
  }
  switch (output.kind) {
    case Output::Kind::npy: io::write_npy(output.path, s, context); break;
    case Output::Kind::npz: io::write_npz(output.path, tensors, context); break;
    case Output::Kind::safetensors:
      io::write_safetensors(output.path, tensors,
                            {{"tensor", report::utf8_or_hex(report.tensor)},
                             {"which", report.smallest ? "smallest" : "largest"},
                             {"method", report.method},
                             {"outcome", report.outcome},
                             {"residual", report::round_trip(largest_residual(report))}},
                            context);
      break;
  }
}

std::string render(const SvdReport& report, const SvdRequest& options) {
  switch (options.format) {
    case SvdRequest::Format::values: return svd_as_values(report);
    case SvdRequest::Format::csv: return svd_as_csv(report);
    case SvdRequest::Format::json: return svd_as_json(report);
    case SvdRequest::Format::table: break;
  }
  return svd_as_table(report, style_of(1, options.common.color));
}

void check_outputs(const SvdRequest& options, const io::Checkpoint& checkpoint) {
  std::vector<std::filesystem::path> inputs;
  for (const io::SourceFile& file : checkpoint.files) inputs.push_back(file.path);
  for (const ReportFile& file : options.files) io::check_writable(file.path, inputs);
  if (options.output) io::check_writable(options.output->path, inputs);
}

// Reports what was requested but not reached, even under --quiet.
bool tell_what_is_missing(const SvdReport& report, const SvdRequest& options, const Messages& messages) {
  bool missing = false;
  if (!report.converged) {
    messages.finding("not converged", fmt::format("{}: {} stopped after {} products short of a tolerance of {}; allow "
                                                  "more (--max-products) or a larger --tolerance",
                                                  report.tensor, report.method, report.products, report.tolerance));
    missing = true;
  }
  if (!report.confirmed) {
    messages.finding(
        "not confirmed",
        fmt::format("{}: the bounds leave room for a singular value that was missed, or differ from what {} "
                    "found; allow more products (--max-products) or use another --method",
                    report.tensor, report.method));
    missing = true;
  }
  const std::int64_t side = std::min(report.matrix[0], report.matrix[1]);
  const bool proven = report.sigma_1 && report.sigma_1->is_proven();
  if (options.certify.demands_proof(side) && !proven) {
    messages.finding("not proven", fmt::format("{}: no proven upper end", report.tensor));
    missing = true;
  }
  return missing;
}

}  // namespace

int run_svd(const SvdRequest& options, Context& context) {
  const Messages messages(options.common);
  const Target target = parse_target(options.target);
  const io::Checkpoint checkpoint = open_target(target, context);
  check_outputs(options, checkpoint);
  const NamedMatrix named = find_matrix(checkpoint, target, options.roles, Stacks::one_by_one, messages);
  context.check_cancel();

  SvdReport report;
  {
    const ProgressLine progress(context, "svd", options.common);
    const auto [problem, solution] = io::while_intact(named.matrix(), [&] {
      Problem posed = problem_of(options, named, context);
      Solution found = solve(posed, options.certify, context);
      return std::pair(std::move(posed), std::move(found));
    });
    report = report_of(options, named, problem, solution, context);
    report.file = target.path.string();
    if (options.output) write_output(*options.output, report, solution.triplets, context);
  }
  for (const ReportFile& file : options.files) io::write_file(file.path, svd_as_json(report));
  if (options.prints) print(render(report, options));
  if (options.certify.kind != CertifyRequest::Kind::none) tell_if_proofs_are_wide(messages);
  return tell_what_is_missing(report, options, messages) ? kNotReached : kSuccess;
}

}  // namespace sigmax::cli
