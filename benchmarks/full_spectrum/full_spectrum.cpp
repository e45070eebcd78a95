// How long do all singular values of one fp32 matrix take, and how wrong are they, against LAPACK in both precisions
// and Eigen? The time of sigmax includes finding the largest entry and forming the Gram matrix.
#include "benchmarks/common/comparison.hpp"
#include "benchmarks/common/data.hpp"
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/peers.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/linalg/gram_matrix.hpp"
#include "sigmax/linalg/spectrum.hpp"

namespace sigmax::benchmark {
namespace {

kernels::StoredMatrix stored(const FloatMatrix& a) {
  return {DType::f32, std::as_bytes(std::span(a.values)).data(), a.rows, a.columns, a.columns};
}

std::vector<double> spectrum_of(const FloatMatrix& a, Context& context) {
  const double largest = kernels::scan(stored(a), context).max_abs;
  const double scale = largest > 0 ? std::ldexp(1.0, -std::ilogb(largest) - 1) : 1.0;
  const GramMatrix g = gram_matrix(stored(a), scale, Triangles::upper, context);
  return spectrum(stored(a), g, context).values;
}

std::vector<double> widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }

class Question {
 public:
  Question(const Options& options, Context& context)
      : options_(options), context_(context), machine_(describe_machine(context)) {}

  void ask(const FloatMatrix& a) {
    const std::vector<double> reference = peers::lapack_values<double>(a);
    Context alone(1);
    std::vector<Contender> contenders = {
        {"sigmax", [&] { return spectrum_of(a, context_); }},
        {"sigmax, 1 thread", [&] { return spectrum_of(a, alone); }},
        {"LAPACK sgesdd, values", [&] { return widened(peers::lapack_values<float>(a)); }},
        {"LAPACK dgesdd, values", [&] { return peers::lapack_values<double>(a); }},
    };
    if (std::min(a.rows, a.columns) <= 512) {
      contenders.push_back({"Eigen BDCSVD, fp32", [&] { return peers::eigen_bdcsvd(a); }});
    }
    TimingOptions timing;
    timing.rounds = options_.quick ? 3 : 5;
    nlohmann::json figures = compare(table_, a.name, contenders, reference, timing);
    // Half of A A^T or A^T A, and the reduction to tridiagonal form.
    const auto order = static_cast<double>(std::min(a.rows, a.columns));
    const double flops = order * static_cast<double>(a.values.size()) + 4.0 / 3 * order * order * order;
    const double limit = flops / (1e9 * machine_["dgemm_gflops"].get<double>());
    table_.add({fmt::format("  limit: {:.3g} GFlop at the rate of dgemm", flops * 1e-9), time_text(limit), "", ""});
    figures["limit_seconds"] = limit;
    cases_.push_back(figures);
  }

  void finish() {
    table_.print();
    write_json(options_,
               {{"question", "full_spectrum"}, {"seed", options_.seed}, {"machine", machine_}, {"cases", cases_}});
  }

 private:
  const Options& options_;
  Context& context_;
  nlohmann::json machine_;
  Table table_{{"all singular values", "median", "of sigmax", "error"}};
  nlohmann::json cases_ = nlohmann::json::array();
};

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context = context_with_blas(options);
  Question question(options, context);
  for_each_matrix(options, {{2048, 2048}, {1024, 1024}, {4096, 1024}, {1024, 4096}, {384, 384}, {100, 100}},
                  {{1024, 1024}, {384, 384}, {100, 100}}, [&](const FloatMatrix& a) { question.ask(a); });
  question.finish();
}
