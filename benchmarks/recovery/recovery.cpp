// How long do matrix completion and robust PCA take to a proven gap, and how much memory? run.py has the peers.
//
//     bench_recovery [--quick] ...                         the size aim and two more problems, drawn here
//     bench_recovery --problem soft_impute|complete|robust_pca --lambda L --tolerance T --data FILE.npy --json FILE
//
// FILE.npy is a float64 matrix; NaN marks an entry that is not observed.
#include <sys/resource.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/recovery/completion.hpp"
#include "sigmax/recovery/robust_pca.hpp"

namespace sigmax::benchmark {
namespace {

struct Question {
  std::string problem;
  double lambda = 0;
  double tolerance = 1e-4;
};

double peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// The observed entries: those that are not NaN.
SparseMatrix observed(const Tensor& matrix) {
  const std::int64_t columns = matrix.shape()[1];
  const auto* const values = reinterpret_cast<const double*>(matrix.data());
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> column;
  std::vector<double> given;
  for (std::int64_t e = 0; e < matrix.size(); ++e) {
    if (std::isnan(values[e])) continue;
    row.push_back(e / columns);
    column.push_back(e % columns);
    given.push_back(values[e]);
  }
  return {{matrix.shape()[0], columns}, row, column, given};
}

// A random matrix of this rank with entries of order sqrt(rank), a share of it observed in random places.
SparseMatrix drawn(std::int64_t rows, std::int64_t columns, std::int64_t rank, double share, std::uint64_t seed) {
  std::vector<double> u(static_cast<std::size_t>(rows * rank));
  std::vector<double> v(static_cast<std::size_t>(columns * rank));
  static_cast<void>(fill_normal(random_state(seed, 0), u));
  static_cast<void>(fill_normal(random_state(seed, 1), v));
  std::vector<double> coin(static_cast<std::size_t>(columns));
  RandomState random = random_state(seed, 2);
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> column;
  std::vector<double> given;
  for (std::int64_t i = 0; i < rows; ++i) {
    random = fill_uniform(random, coin);
    for (std::int64_t j = 0; j < columns; ++j) {
      if (coin[static_cast<std::size_t>(j)] >= share) continue;
      double sum = 0;
      for (std::int64_t k = 0; k < rank; ++k) {
        sum += u[static_cast<std::size_t>(i * rank + k)] * v[static_cast<std::size_t>(j * rank + k)];
      }
      row.push_back(i);
      column.push_back(j);
      given.push_back(sum);
    }
  }
  return {{rows, columns}, row, column, given};
}

nlohmann::json figures_of(const Enclosure& optimum, double gap, recovery::RecoveryOutcome outcome, std::int64_t rank,
                          std::int64_t iterations, double seconds) {
  return {{"seconds", seconds},
          {"lower", optimum.lower.value()},
          {"upper", optimum.upper ? optimum.upper->value() : std::nan("")},
          {"proven", optimum.is_proven()},
          {"gap", gap},
          {"converged", outcome == recovery::RecoveryOutcome::converged},
          {"rank", rank},
          {"iterations", iterations},
          {"peak_mebibytes", peak_mebibytes()}};
}

recovery::RecoveryOptions options_for(const Question& question) {
  recovery::RecoveryOptions options;
  options.tolerance = question.tolerance;
  return options;
}

nlohmann::json solve(const Question& question, const SparseMatrix& m, Context& context) {
  const double start = seconds_now();
  const recovery::Completion found = question.problem == "complete"
                                         ? recovery::complete(m, options_for(question), context)
                                         : recovery::soft_impute(m, question.lambda, options_for(question), context);
  return figures_of(found.optimum, found.relative_gap, found.outcome, found.x.rank(), found.iterations,
                    seconds_now() - start);
}

nlohmann::json solve_file(const Question& question, const Options& options, Context& context) {
  const io::Checkpoint file = io::open_checkpoint(options.data);
  const Tensor matrix = file.entries.front().load().compact();
  if (matrix.rank() != 2 || matrix.dtype() != DType::f64) {
    fmt::print(stderr, "{}: want a 2-dimensional float64 array\n", options.data);
    std::exit(1);
  }
  if (question.problem != "robust_pca") return solve(question, observed(matrix), context);
  const double start = seconds_now();
  const recovery::RobustPca found = recovery::robust_pca(matrix, question.lambda, options_for(question), context);
  return figures_of(found.optimum, found.relative_gap, found.outcome, found.low_rank.rank(), found.iterations,
                    seconds_now() - start);
}

nlohmann::json solve_drawn(const Options& options, Context& context) {
  struct Size {
    Question question;
    std::int64_t rows, columns, rank;
    double share;
  };
  const std::vector<Size> sizes =
      options.quick ? std::vector<Size>{{{"soft_impute", 5}, 400, 300, 5, 0.2}, {{"complete"}, 400, 300, 5, 0.2}}
                    : std::vector<Size>{{{"soft_impute", 20}, 4000, 3000, 20, 0.05},
                                        {{"complete"}, 4000, 3000, 20, 0.05},
                                        {{"complete"}, 1500, 1200, 8, 0.1},
                                        {{"soft_impute", 5}, 1500, 1200, 8, 0.1}};
  Table table({"to a gap of 1e-4", "time", "gap", "rank", "steps", "peak memory"});
  nlohmann::json cases = nlohmann::json::array();
  for (const Size& size : sizes) {
    const SparseMatrix m = drawn(size.rows, size.columns, size.rank, size.share, options.seed);
    nlohmann::json figures = solve(size.question, m, context);
    figures["case"] = fmt::format("{} {}x{}, {:.0f} % of rank {}", size.question.problem, size.rows, size.columns,
                                  100 * size.share, size.rank);
    table.add({figures["case"], time_text(figures["seconds"]),
               fmt::format("{:.1e}{}", figures["gap"].get<double>(), figures["proven"] ? "" : " (probable)"),
               std::to_string(figures["rank"].get<int>()), std::to_string(figures["iterations"].get<int>()),
               fmt::format("{:.0f} MiB", figures["peak_mebibytes"].get<double>())});
    cases.push_back(std::move(figures));
  }
  table.print();
  return cases;
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  Question question;
  std::vector<char*> rest{argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--problem" && i + 1 < argc) {
      question.problem = argv[++i];
    } else if (word == "--lambda" && i + 1 < argc) {
      question.lambda = std::atof(argv[++i]);
    } else if (word == "--tolerance" && i + 1 < argc) {
      question.tolerance = std::atof(argv[++i]);
    } else {
      rest.push_back(argv[i]);
    }
  }
  const Options options = parse_options(static_cast<int>(rest.size()), rest.data());
  sigmax::Context context = context_with_blas(options);
  if (options.data.empty()) {
    fmt::print("{}, {} threads, seed {}\n", cpu_name(), options.threads, options.seed);
    write_json(options, {{"question", "recovery"}, {"cases", solve_drawn(options, context)}});
  } else {
    write_json(options, solve_file(question, options, context));
  }
}
