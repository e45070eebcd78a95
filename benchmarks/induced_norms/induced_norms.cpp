// How long do proven enclosures of induced norms take, and how far apart are their ends? No library has a peer with a
// proof; the vector alone, without an upper end, is what others return as the norm.
#include <limits>

#include "benchmarks/common/data.hpp"
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/norms/induced.hpp"

namespace sigmax::benchmark {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Exponents {
  double p, q;
};

nlohmann::json ask(const FloatMatrix& a, const Options& options, Table& table, Context& context) {
  const Tensor tensor = a.tensor();
  nlohmann::json norms = nlohmann::json::array();
  table.add_line(a.name);
  for (const Exponents& e : {Exponents{kInfinity, 1}, Exponents{2, 1}, Exponents{kInfinity, 2}, Exponents{4, 4.0 / 3},
                             Exponents{3, 3}, Exponents{2, 4}, Exponents{1, 3}, Exponents{4, kInfinity}}) {
    norms::InducedOptions search;
    search.enclose = false;
    double ratio = 0;
    std::string proof;
    const std::vector<Candidate> candidates = {
        {"enclosure",
         [&] {
           const norms::InducedNorm found = norms::induced_norm(tensor, e.p, e.q, {}, context);
           ratio = found.enclosure.upper->value() / found.enclosure.lower.value();
           proof = message(found.proof);
         }},
        {"vector", [&] { static_cast<void>(norms::induced_norm(tensor, e.p, e.q, search, context)); }}};
    TimingOptions timing;
    timing.rounds = options.quick || a.rows > 1000 ? 1 : 3;
    const std::vector<Timing> times = take_turns(candidates, timing);
    const std::string name = fmt::format("{:.4g} -> {:.4g}", e.p, e.q);
    table.add(
        {"  " + name, time_text(times[0].median()), time_text(times[1].median()), fmt::format("{:.4f}", ratio), proof});
    norms.push_back({{"norm", name},
                     {"seconds", times[0].seconds},
                     {"seconds_of_the_vector", times[1].seconds},
                     {"upper_over_lower", ratio},
                     {"proof", proof}});
  }
  return {{"case", a.name}, {"norms", norms}};
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context(options.threads);
  Table table({"induced norm", "both ends", "vector alone", "upper / lower", "proof"});
  nlohmann::json cases = nlohmann::json::array();
  for_each_matrix(options, {{2000, 2000}, {300, 200}}, {{300, 200}},
                  [&](const FloatMatrix& a) { cases.push_back(ask(a, options, table, context)); });
  table.print();
  write_json(options, {{"question", "induced_norms"},
                       {"seed", options.seed},
                       {"machine", describe_machine(context)},
                       {"cases", cases}});
}
