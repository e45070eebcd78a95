#include "sigmax/audit/audit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <numeric>
#include <utility>

#include "sigmax/audit/convolution.hpp"
#include "sigmax/audit/layout.hpp"
#include "sigmax/audit/measure.hpp"
#include "sigmax/audit/roles/role.hpp"
#include "sigmax/audit/roles/unread.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/svd/christoffel.hpp"

namespace sigmax::audit {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Job {
  const io::Entry* entry;
  MatrixPlan plan;
  std::string file;
  double cost = 0;  // approximate flops, for the order of work and for progress
};

// Matrices below this many flops are measured on one thread each, several at a time; larger ones one at a time with all
// threads.
constexpr double kParallelFlops = 1.2e10;

double matrix_cost(std::int64_t rows, std::int64_t columns) {
  const auto shorter = static_cast<double>(std::min(rows, columns));
  return static_cast<double>(rows) * static_cast<double>(columns) * shorter + 4 * shorter * shorter * shorter + 1e5;
}

// Some tens of points of the torus, at each of which the Gram matrix of a complex symbol is formed and factored.
double operator_cost(const MatrixPlan& plan, const Dimensions& shape) {
  constexpr double kPoints = 60, kComplex = 4;
  const auto taps = static_cast<double>(kernel_taps(plan.layout, shape));
  if (!plan.convolution || taps == 1) return 0;
  const double rows = static_cast<double>(plan.rows), channels = static_cast<double>(plan.columns) / taps;
  const double shorter = std::min(rows, channels);
  return static_cast<double>(plan.batch) * kPoints * kComplex * rows * channels * shorter;
}

double job_cost(const MatrixPlan& plan) {
  double cost = static_cast<double>(plan.batch) * matrix_cost(plan.rows, plan.columns);
  for (const PartPlan& part : plan.parts) {
    if (part.rows != plan.rows) cost += matrix_cost(part.rows, plan.columns);
  }
  return cost;
}

bool is_small(const MatrixPlan& plan) { return matrix_cost(plan.rows, plan.columns) < kParallelFlops; }

// Runs body(i) for many small matrices in parallel on all threads, or for a few large ones in turn.
void for_each_matrix(std::size_t count, bool small, Context& context, const std::function<void(std::size_t)>& body) {
  if (!small) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  context.parallel_for(count, [&](std::size_t i) {
    const Context::Serial serial(context);
    body(i);
  });
}

// At a size, a product with the operator costs one multiplication for each entry of the kernel and place of the window.
bool is_costly(const ConvolutionToMeasure& convolution, const OperatorNormOptions& wanted) {
  if (!convolution.input_size || convolution.layer.padding_mode == PaddingMode::Circular) return false;
  const ConvolutionGeometry geometry(convolution.layer, *convolution.input_size);
  const Correlation& correlation = geometry.correlation();
  return static_cast<double>(correlation.rows()) * static_cast<double>(correlation.terms()) > wanted.cheap_product;
}

std::optional<OperatorNorm> norm_as_operator(const Job& job, const Tensor& tensor, const Figures& figures,
                                             const Options& options, Context& context) {
  const ConvolutionPlan& plan = *job.plan.convolution;
  io::StatedConvolution stated;
  stated.settings = plan.settings;
  stated.has_mode = plan.has_settings;
  if (options.convolution) stated = io::overlaid(std::move(stated), options.convolution(job.entry->name));
  const auto convolution = convolution_of(tensor, job.plan.layout, stated.transposed.value_or(plan.transposed), stated);
  if (!convolution) return std::nullopt;
  const OperatorNormOptions& wanted = *options.operator_norms;
  ConvolutionNormOptions how;
  how.relative_width = is_costly(*convolution, wanted) ? wanted.width_at_a_size : wanted.relative_width;
  how.dense_up_to = wanted.dense_up_to;
  how.most_flops = wanted.most_flops;
  return operator_norm(*convolution, figures, how, context);
}

TensorResult audit_loaded(const Job& job, const Tensor& tensor, const Options& options, Context& context) {
  const MatrixPlan& plan = job.plan;
  TensorResult result;
  result.name = job.entry->name;
  result.file = job.file;
  result.provenance = job.entry->provenance;
  result.shape = job.entry->shape;
  result.dtype = job.entry->dtype;
  result.role = plan.role;
  result.role_evidence = plan.evidence;
  result.layout = layout_text(plan.layout);
  result.rows = plan.rows;
  result.columns = plan.columns;
  result.batch = plan.batch;

  const std::vector<Tensor> blocks = blocks_of(tensor, plan.layout);
  std::vector<Measurement> measured(blocks.size());
  for_each_matrix(blocks.size(), is_small(plan), context,
                  [&](std::size_t b) { measured[b] = measure(blocks[b], options, context); });
  const Measurement whole =
      blocks.size() == 1 ? std::move(measured[0]) : block_diagonal(measured, plan.rows, plan.columns, tensor.dtype());
  if (whole.first_non_finite) {
    const std::int64_t size = plan.rows * plan.columns;
    const std::int64_t entry = *whole.first_non_finite % size;
    result.non_finite = NonFinite{whole.nan, whole.infinite,
                                  tensor_index(plan.layout, result.shape, *whole.first_non_finite / size,
                                               entry / plan.columns, entry % plan.columns)};
    return result;
  }
  result.figures = whole.figures;
  if (plan.convolution && options.operator_norms) {
    result.operator_norm = norm_as_operator(job, tensor, *result.figures, options, context);
  }
  std::vector<std::optional<Figures>> part_figures(plan.parts.size());
  for_each_matrix(plan.parts.size(), is_small(plan), context, [&](std::size_t p) {
    const PartPlan& part = plan.parts[p];
    const auto block = static_cast<std::size_t>(part.block);
    part_figures[p] = part.rows == plan.rows
                          ? measured[block].figures
                          : measure(blocks[block].range(part.first_row, part.rows), options, context).figures;
  });
  for (std::size_t p = 0; p < plan.parts.size(); ++p) {
    result.parts.push_back({plan.parts[p].name, plan.parts[p].rows, plan.columns, *part_figures[p]});
  }
  return result;
}

// If a file changed while it was read, its figures belong to no actual weight.
TensorResult audit_tensor(const Job& job, const Options& options, Context& context) {
  const Clock::time_point start = Clock::now();
  const Tensor tensor = job.entry->load();
  TensorResult result = io::while_intact(tensor, [&] { return audit_loaded(job, tensor, options, context); });
  result.seconds = seconds_since(start);
  return result;
}

Model describe(const io::Checkpoint& checkpoint) {
  Model model;
  std::vector<std::string> paths;
  for (const auto& path : checkpoint.paths) paths.push_back(path.string());
  model.path = fmt::format("{}", fmt::join(paths, " "));
  model.format = checkpoint.format;
  for (const io::SourceFile& file : checkpoint.files)
    model.files.push_back({file.path.string(), file.format, file.bytes});
  model.notes = checkpoint.notes;
  for (const auto& file : checkpoint.unread_files) model.unread_files.push_back({file.path.string(), file.reason});
  return model;
}

struct Plan {
  std::vector<Job> jobs;
  std::vector<Skipped> skipped;
};

// Whether --min-dim excludes a tensor whose matrix is not known: its shorter side as [first, rest] is too short.
bool is_below(const Dimensions& shape, std::int64_t min_dim) {
  if (shape.size() < 2) return false;
  const std::int64_t elements = element_count(shape).value_or(std::numeric_limits<std::int64_t>::max());
  const std::int64_t rest = shape.front() > 0 ? elements / shape.front() : 0;
  return std::min(shape.front(), rest) < min_dim;
}

Plan make_plan(const io::Checkpoint& checkpoint, const Options& options) {
  Plan plan;
  const Siblings siblings(checkpoint.entries, configs_of(checkpoint));
  for (const io::Entry& entry : checkpoint.entries) {
    const std::string file = entry.file.string();
    const auto skip = [&](std::string reason, std::optional<Evidence> evidence = std::nullopt) {
      const std::string dtype = entry.dtype == DType::unknown ? entry.dtype_name : std::string(name(entry.dtype));
      plan.skipped.push_back({entry.name, file, entry.provenance, entry.shape, dtype, std::move(reason), evidence});
    };
    if (options.select && !options.select(entry.name)) {
      skip(options.not_selected_reason);
      continue;
    }
    auto classified = classify(entry, siblings, options.assume ? options.assume(entry.name) : std::nullopt);
    if (const auto* no_matrix = std::get_if<NoMatrix>(&classified)) {
      // A tensor known to be something else does not count as an unread weight.
      const bool is_other = no_matrix->evidence.has_value();
      skip(no_matrix->reason, no_matrix->evidence);
      plan.skipped.back().unread_weight =
          (no_matrix->is_weight || (!is_other && may_be_unread_weight(entry, siblings))) &&
          !is_below(entry.shape, options.min_dim);
      continue;
    }
    MatrixPlan& matrix = std::get<MatrixPlan>(classified);
    if (std::min(matrix.rows, matrix.columns) < options.min_dim) {
      skip(
          fmt::format("shorter side {} is below --min-dim {}", std::min(matrix.rows, matrix.columns), options.min_dim));
      continue;
    }
    const double cost = job_cost(matrix) + (options.operator_norms ? operator_cost(matrix, entry.shape) : 0);
    plan.jobs.push_back({&entry, std::move(matrix), file, cost});
  }
  return plan;
}

void count(const TensorResult& tensor, Summary& summary) {
  ++summary.audited;
  const std::int64_t size = tensor.batch * tensor.rows * tensor.columns;
  summary.parameters += size;
  summary.bytes += static_cast<std::uint64_t>(size) * size_of(tensor.dtype);
  if (!tensor.figures) {
    ++summary.non_finite;
  } else if (const Enclosure& sigma_max = tensor.figures->sigma_max; !sigma_max.upper) {
    ++summary.lower_only;
  } else {
    ++(sigma_max.is_proven() ? summary.proven : summary.probabilistic);
  }
}

}  // namespace

Result audit(const io::Checkpoint& checkpoint, const Options& asked, Context& context) {
  const FloatingEnvironment environment;
  const Clock::time_point start = Clock::now();
  check_failure_probability("audit", asked.certify.failure_probability);
  Options options = asked;
  if (!options.seed) options.seed = drawn_seed();
  Plan plan = make_plan(checkpoint, options);
  Result result;
  result.model = describe(checkpoint);
  result.full_spectrum = options.full_spectrum;
  result.seed = *options.seed;
  result.skipped = std::move(plan.skipped);

  // Large weights first, one after another; then the small ones in parallel, the costliest first so that the threads
  // finish together.
  std::vector<std::size_t> order(plan.jobs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return plan.jobs[a].cost > plan.jobs[b].cost; });
  double total = 0;
  for (const Job& job : plan.jobs) total += job.cost;
  // A weight that would keep one thread busy long after the others have finished also counts as large. This choice may
  // depend on the number of threads, because both ways give the same bits.
  const double alone = std::min(kParallelFlops, total / (2 * context.threads()));
  const auto middle =
      std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return plan.jobs[i].cost >= alone; });
  const auto large = static_cast<std::size_t>(middle - order.begin());

  double done = 0;
  std::mutex mutex;
  result.tensors.resize(plan.jobs.size());
  const auto run = [&](std::size_t position) {
    context.check_cancel();
    const std::size_t i = order[position];
    const Job& job = plan.jobs[i];
    result.tensors[i] = audit_tensor(job, options, context);
    const std::scoped_lock lock(mutex);
    done += job.cost;
    context.report({done, total, job.entry->name});
  };
  for_each_matrix(large, false, context, run);
  for_each_matrix(order.size() - large, true, context, [&](std::size_t i) { run(large + i); });

  for (const TensorResult& tensor : result.tensors) count(tensor, result.summary);
  result.summary.skipped = static_cast<std::int64_t>(result.skipped.size());
  result.summary.unread = std::count_if(result.skipped.begin(), result.skipped.end(),
                                        [](const Skipped& tensor) { return tensor.unread_weight; });
  result.summary.threads = context.threads();
  result.summary.seconds = seconds_since(start);
  return result;
}

}  // namespace sigmax::audit
