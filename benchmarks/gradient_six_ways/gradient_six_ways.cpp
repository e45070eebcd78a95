// sigmax's solvers for the gradient of a singular triplet, by name: error and time on one case.
//
//     bench_gradient_six_ways --data CASE.npz [--json OUT] [--threads N] [--quick]
//
// The native half of run.py. The triplet comes from svd() to rounding, outside of the measured time: only the backward
// pass is compared. An f32 matrix is processed in float, an f64 one in double. --quick: only errors.
#include <algorithm>
#include <string>
#include <vector>

#include "benchmarks/common/gradient_case.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::benchmark {
namespace {

template <Real T>
nlohmann::json ask(const GradientCase& data, const Options& options, Context& context) {
  const Operator<T> op = dense<T>(data.a);
  SvdOptions<T> svd_options;
  svd_options.method = DenseLapack{};
  const SvdResult<T> top = svd(*op, svd_options, context);
  const SvdCotangent<T> cotangent = cotangent_of<T>(data);
  nlohmann::json solvers;
  const GradientSolver all[] = {Auto{}, ConjugateGradients{}, DenseCholesky{}, DenseBordered{}, FullSvd{}};
  for (const GradientSolver& solver : all) {
    GradientOptions how;
    how.solver = solver;
    how.tolerance = sizeof(T) == sizeof(float) ? 1e-6 : 1e-13;
    how.max_products = 1000;
    std::vector<T> gradient(data.value_part.size());
    GradientReport report;
    const auto run = [&] {
      std::ranges::fill(gradient, T(0));
      report = svd_vjp_into<T>(*op, top, cotangent, how, gradient, context);
    };
    run();
    const double error = gradient_error(data, std::vector<double>(gradient.begin(), gradient.end()));
    std::vector<double> seconds;
    if (!options.quick) seconds = take_turns({{"", run}}).front().seconds;
    const std::string key(std::holds_alternative<Auto>(solver) ? "automatic" : name(solver));
    solvers[key] = {{"error", error},
                    {"seconds", seconds},
                    {"reads", report.reads},
                    {"iterations", report.iterations},
                    {"gap", report.gap.front()},
                    {"outcome", message(report.outcome)}};
  }
  return solvers;
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context(options.threads);
  const GradientCase data = read_gradient_case(options, "benchmarks/gradient_six_ways/run.py");
  const bool single = data.a.dtype() == sigmax::DType::f32;
  const nlohmann::json solvers = single ? ask<float>(data, options, context) : ask<double>(data, options, context);
  for (const auto& [solver, found] : solvers.items()) {
    fmt::print("{:<20} {:.1e}\n", solver, found["error"].get<double>());
  }
  write_json(options, {{"solvers", solvers}});
}
