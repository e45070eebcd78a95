// How long does a proven enclosure of sigma_max take, of relative width 1e-6 or less, against LAPACK's values without
// any proof?
#include "benchmarks/common/comparison.hpp"
#include "benchmarks/common/data.hpp"
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/peers.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::benchmark {
namespace {

nlohmann::json ask(const FloatMatrix& a, const Options& options, Table& table, Context& context) {
  const double reference = peers::lapack_values<double>(a).front();
  const Operator<double> op = dense<double>(a.tensor());
  std::uint64_t seed = 1;
  double width = 0;
  bool holds = true;
  const std::vector<Contender> contenders = {
      {"sigmax, svd and certify",
       [&]() -> std::vector<double> {
         SvdOptions<double> svd_options;
         svd_options.tolerance = 1e-7;
         svd_options.check = Check::none;  // the certificate is one
         svd_options.random = random_state(seed++);
         const auto top = svd(*op, svd_options, context);
         const Enclosure enclosure = certify(*op, top, {}, context);
         width = enclosure.relative_width();
         // This allows for dgesdd's own error; the tests search for violations in higher precision.
         const double slack = 1e-13 * reference;
         holds = holds && enclosure.lower.value() <= reference + slack && enclosure.is_proven() &&
                 reference - slack <= enclosure.upper->value();
         return {top.sigma.front()};
       }},
      {"LAPACK dgesdd, values", [&]() -> std::vector<double> { return {peers::lapack_values<double>(a).front()}; }},
      {"LAPACK sgesdd, values", [&]() -> std::vector<double> { return {peers::lapack_values<float>(a).front()}; }},
  };
  TimingOptions timing;
  timing.rounds = options.quick ? 3 : 5;
  nlohmann::json figures = compare(table, a.name, contenders, {reference}, timing);
  // The Gram matrix, both triangles or one, and a Cholesky factorization.
  const auto shorter = static_cast<double>(std::min(a.rows, a.columns));
  const auto longer = static_cast<double>(std::max(a.rows, a.columns));
  const double limit = (shorter * shorter * longer + shorter * shorter * shorter / 3) / gemm_rate<double>();
  table.add({fmt::format("  width {:.1e}, {}; limit: its flops at dgemm's rate", width,
                         holds ? "proven" : "NOT an enclosure"),
             time_text(limit), "", ""});
  figures["relative_width"] = width;
  figures["holds"] = holds;
  figures["limit_seconds"] = limit;
  return figures;
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context = context_with_blas(options);
  Table table({"proven enclosure of sigma_max", "median", "of sigmax", "error"});
  nlohmann::json cases = nlohmann::json::array();
  for_each_matrix(options, {{2048, 2048}, {4096, 1024}, {1024, 4096}, {512, 512}}, {{512, 512}},
                  [&](const FloatMatrix& a) { cases.push_back(ask(a, options, table, context)); });
  table.print();
  write_json(options, {{"question", "proven_enclosure"},
                       {"seed", options.seed},
                       {"machine", describe_machine(context)},
                       {"cases", cases}});
}
