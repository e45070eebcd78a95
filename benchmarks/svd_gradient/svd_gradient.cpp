// How long do sigma, u, v and the gradient of a loss of all three take, for one fp32 matrix?
//
//     bench_svd_gradient --data CASE.npz [--json OUT] [--threads N]
//
// The native half of run.py, which makes the case and times the peers: svd() from a new random start each time, then
// svd_vjp() into a gradient in fp32. It runs in float, like the peers, and in double on the same storage.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/common/gradient_case.hpp"
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::benchmark {
namespace {

// The results of one way of calling sigmax, kept from its last run.
struct Found {
  double error = 0;
  std::int64_t forward_reads = 0;
  GradientReport report;
};

template <Real T>
class Way {
 public:
  // `tolerance` of the residual of the vectors and of the gradient's system.
  Way(const GradientCase& data, double tolerance, Context& context)
      : data_(data),
        op_(dense<T>(data.a)),
        tolerance_(tolerance),
        cotangent_(cotangent_of<T>(data)),
        gradient_(data.value_part.size()),
        context_(context) {}

  SvdResult<T> forward() {
    SvdOptions<T> options;
    options.accuracy = Accuracy::vectors;
    options.tolerance = tolerance_;
    options.check = Check::none;  // like the peers
    options.random = random_state(seed_++);
    return svd(*op_, options, context_);
  }

  void run() {
    const SvdResult<T> top = forward();
    found_.forward_reads = top.statistics.reads;
    std::ranges::fill(gradient_, T(0));
    GradientOptions options;
    options.tolerance = tolerance_;
    found_.report = svd_vjp_into<T>(*op_, top, cotangent_, options, gradient_, context_);
  }

  const Found& found() {
    const std::vector<double> values(gradient_.begin(), gradient_.end());
    found_.error = gradient_error(data_, values);
    return found_;
  }

 private:
  const GradientCase& data_;
  Operator<T> op_;
  double tolerance_;
  SvdCotangent<T> cotangent_;
  std::vector<T> gradient_;
  std::uint64_t seed_ = 1;
  Found found_;
  Context& context_;
};

void ask(const Options& options, Context& context) {
  const GradientCase data = read_gradient_case(options, "benchmarks/svd_gradient/run.py, which also times the peers");
  Way<float> single(data, 1e-6, context);
  Way<double> twice(data, 1e-6, context);
  const std::vector<Timing> timings =
      take_turns({{"sigmax", [&] { single.run(); }},
                  {"sigmax, forward alone", [&] { static_cast<void>(single.forward()); }},
                  {"sigmax in double", [&] { twice.run(); }}},
                 {.rounds = 5});
  const double errors[] = {single.found().error, 0, twice.found().error};
  Table table({"value and gradient", "median", "error"});
  nlohmann::json candidates = nlohmann::json::array();
  for (std::size_t c = 0; c < timings.size(); ++c) {
    table.add({timings[c].name, time_text(timings[c].median()), fmt::format("{:.1e}", errors[c])});
    candidates.push_back({{"name", timings[c].name}, {"seconds", timings[c].seconds}, {"error", errors[c]}});
  }
  table.print();
  const Found& found = single.found();
  write_json(options,
             {{"candidates", candidates},
              {"notes",
               {{"reads forward", found.forward_reads},
                {"reads backward", found.report.reads},
                {"solver", name(found.report.solver)},
                {"outcome", message(found.report.outcome)}}},
              {"machine", {{"cpu", cpu_name()}, {"threads", context.threads()}, {"simd", kernels::simd_target()}}}});
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context = context_with_blas(options);
  ask(options, context);
}
