// How long do the 10 largest singular triplets of one fp32 matrix take, to 1e-6, against ARPACK, Spectra and LAPACK?
// And how much longer until it is known that they are the 10 largest? No peer shows that.
#include "benchmarks/common/comparison.hpp"
#include "benchmarks/common/data.hpp"
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/peers.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::benchmark {
namespace {

constexpr int kTriplets = 10;

std::vector<double> first_of(const auto& values) { return {values.begin(), values.begin() + kTriplets}; }

nlohmann::json ask(const FloatMatrix& a, const Options& options, Table& table, Context& context) {
  const std::vector<double> reference = first_of(peers::lapack_values<double>(a));
  const Operator<double> op = dense<double>(a.tensor());
  std::uint64_t seed = 1;
  std::int64_t reads = 0;
  const auto sigmax_by = [&](Method method, Accuracy accuracy, double tolerance, Check check = Check::none) {
    return [&, method, accuracy, tolerance, check] {
      SvdOptions<double> svd_options;
      svd_options.k = kTriplets;
      svd_options.tolerance = tolerance;
      svd_options.accuracy = accuracy;
      svd_options.method = method;
      svd_options.check = check;
      svd_options.random = vouched(random_state(seed++));
      const auto result = svd(*op, svd_options, context);
      reads = result.statistics.reads;
      return result.sigma;
    };
  };
  const auto proven = [&](double tolerance) {
    return [&, tolerance] {
      SvdOptions<double> svd_options;
      svd_options.k = kTriplets;
      svd_options.tolerance = tolerance;
      svd_options.random = vouched(random_state(seed++));
      return certified_svd(*op, svd_options, CertifyOptions{}, context).triplets.sigma;
    };
  };
  const std::vector<Contender> contenders = {
      {"sigmax, values to 1e-6", sigmax_by(Auto{}, Accuracy::values, 1e-6)},
      {"sigmax, brief check", sigmax_by(Auto{}, Accuracy::values, 1e-6, Check::brief)},
      {"sigmax, checked at 1e-9", sigmax_by(Auto{}, Accuracy::values, 1e-6, Check::full)},
      {"sigmax, proven", proven(1e-6)},
      {"sigmax, values to 1e-10", sigmax_by(Auto{}, Accuracy::values, 1e-10)},
      {"sigmax, to 1e-10, checked", sigmax_by(Auto{}, Accuracy::values, 1e-10, Check::full)},
      {"sigmax, to 1e-10, proven", proven(1e-10)},
      {"sigmax, vectors to 1e-3", sigmax_by(Auto{}, Accuracy::vectors, 1e-3)},
      {"sigmax, vectors to 1e-6", sigmax_by(Auto{}, Accuracy::vectors, 1e-6)},
      {"sigmax lanczos", sigmax_by(Lanczos{}, Accuracy::values, 1e-6)},
      {"sigmax block-krylov", sigmax_by(BlockKrylov{}, Accuracy::values, 1e-6)},
      {"sigmax randomized, 2 power steps", sigmax_by(Randomized{}, Accuracy::values, 1e-6)},
      {"ARPACK with vectors, tol 1e-6", [&] { return peers::arpack(a, kTriplets, 1e-6F, true); }},
      {"Spectra PartialSVD, tol 1e-6", [&] { return peers::spectra(a, kTriplets, 1e-6F); }},
      {"Spectra on OpenBLAS, tol 1e-6", [&] { return peers::spectra_blas(a, kTriplets, 1e-6F); }},
      {"Spectra on OpenBLAS, tol 1e-3", [&] { return peers::spectra_blas(a, kTriplets, 1e-3F); }},
      {"LAPACK sgesdd, values", [&] { return first_of(peers::lapack_values<float>(a)); }},
  };
  TimingOptions timing;
  timing.rounds = options.quick ? 3 : 5;
  nlohmann::json figures = compare(table, a.name, contenders, reference, timing);
  contenders.front().values();
  const double limit = static_cast<double>(reads) * a.bytes() /
                       read_bandwidth(static_cast<std::size_t>(a.bytes()), context, {.rounds = 5});
  table.add({fmt::format("  limit: {} reads of {:.0f} MiB", reads, a.bytes() / 0x1p20), time_text(limit), "", ""});
  figures["reads"] = reads;
  figures["limit_seconds"] = limit;
  return figures;
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context = context_with_blas(options);
  Table table({"10 largest triplets", "median", "of sigmax", "error"});
  nlohmann::json cases = nlohmann::json::array();
  for_each_matrix(options, {{4096, 1024}, {1024, 4096}, {2048, 2048}}, {{4096, 1024}, {1024, 4096}},
                  [&](const FloatMatrix& a) { cases.push_back(ask(a, options, table, context)); });
  table.print();
  write_json(options,
             {{"question", "top_k"}, {"seed", options.seed}, {"machine", describe_machine(context)}, {"cases", cases}});
}
