// How long does sigma_max of one fp32 matrix take, to 1e-3 and to 1e-6, against LAPACK, ARPACK, Spectra and Eigen?
//
// ARPACK and Spectra are called with the tolerance in their residual that users would write for the wanted error, and
// again with the loosest power of ten that meets the error on this matrix, found beforehand: this accounting favors
// them most.
#include "benchmarks/common/comparison.hpp"
#include "benchmarks/common/data.hpp"
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/peers.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::benchmark {
namespace {

using Solve = std::function<std::vector<double>(float tolerance)>;

// The loosest tolerance 10^-e with an error of at most `wanted`.
float loosest(const Solve& solve, double wanted, const std::vector<double>& reference) {
  float tolerance = 0.1F;
  while (tolerance > 1e-7F && error_of(solve(tolerance), reference) > wanted) tolerance /= 10;
  return tolerance;
}

std::vector<double> first_of(const auto& values) { return {static_cast<double>(values.front())}; }

class Question {
 public:
  Question(const Options& options, Context& context) : options_(options), context_(context) {}

  void ask(const FloatMatrix& a) {
    const std::vector<double> reference = first_of(peers::lapack_values<double>(a));
    const Operator<double> op = dense<double>(a.tensor());
    for (const double wanted : {1e-3, 1e-6}) {
      std::int64_t reads = 0;
      std::vector<Contender> contenders;
      const auto sigmax_with = [&](Check check) {
        return [&, check] {
          SvdOptions<double> svd_options;
          svd_options.tolerance = wanted;
          svd_options.check = check;
          svd_options.random = vouched(random_state(seed_++));
          const auto result = svd(*op, svd_options, context_);
          if (check == Check::none) reads = result.statistics.reads;
          return result.sigma;
        };
      };
      contenders.push_back({"sigmax", sigmax_with(Check::none)});
      contenders.push_back({"sigmax, checked at 1e-9", sigmax_with(Check::full)});
      contenders.push_back({"LAPACK sgesdd, values", [&] { return first_of(peers::lapack_values<float>(a)); }});
      const auto iterative = [&](const std::string& name, const Solve& solve) {
        const float usual = static_cast<float>(wanted);
        contenders.push_back({fmt::format("{} tol {:.0e}", name, wanted), [solve, usual] { return solve(usual); }});
        const float loose = loosest(solve, wanted, reference);
        contenders.push_back(
            {fmt::format("{} tol {:.0e}, loosest", name, loose), [solve, loose] { return solve(loose); }});
      };
      iterative("ARPACK", [&a](float t) { return peers::arpack(a, 1, t); });
      iterative("Spectra PartialSVD", [&a](float t) { return peers::spectra(a, 1, t); });
      iterative("Spectra on OpenBLAS", [&a](float t) { return peers::spectra_blas(a, 1, t); });
      if (std::min(a.rows, a.columns) <= 1024) {
        contenders.push_back({"Eigen BDCSVD", [&] { return first_of(peers::eigen_bdcsvd(a)); }});
      }
      TimingOptions timing;
      timing.rounds = options_.quick ? 3 : 5;
      nlohmann::json figures =
          compare(table_, fmt::format("{}, to {:.0e}", a.name, wanted), contenders, reference, timing);
      const double limit = static_cast<double>(reads) * a.bytes() /
                           read_bandwidth(static_cast<std::size_t>(a.bytes()), context_, {.rounds = 5});
      table_.add({fmt::format("  limit: {} reads of {:.0f} MiB", reads, a.bytes() / 0x1p20), time_text(limit), "", ""});
      figures["wanted"] = wanted;
      figures["reads"] = reads;
      figures["limit_seconds"] = limit;
      cases_.push_back(figures);
    }
  }

  void finish() {
    table_.print();
    write_json(options_, {{"question", "sigma_max"},
                          {"seed", options_.seed},
                          {"machine", describe_machine(context_)},
                          {"cases", cases_}});
  }

 private:
  const Options& options_;
  Context& context_;
  Table table_{{"sigma_max", "median", "of sigmax", "error"}};
  nlohmann::json cases_ = nlohmann::json::array();
  std::uint64_t seed_ = 1;
};

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context = context_with_blas(options);
  Question question(options, context);
  for_each_matrix(options, {{2048, 2048}, {4096, 1024}, {1024, 4096}, {512, 512}}, {{512, 512}},
                  [&](const FloatMatrix& a) { question.ask(a); });
  question.finish();
}
