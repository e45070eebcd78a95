#include "cli/certificate/lipschitz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "cli/certificate/certificate.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::PartBound;
using lipschitz::PartProof;

// At least a + b and a b: the nearest double is less than one step away.
double up(double value) { return std::nextafter(value, std::numeric_limits<double>::infinity()); }

/// What keeps others from checking the bound, in words; empty if nothing does.
std::string obstacle(const LipschitzReport& report) {
  const auto& parts = report.result.parts;
  if (report.domain != "everywhere") return "slopes on a domain are not checked";
  if (report.graph.inputs.size() != 1) return "it has several inputs";
  if (parts.empty()) return "the inequality was not used";
  if (parts.size() > 1) return fmt::format("it is bounded in {} parts", parts.size());
  const PartBound& part = parts.front();
  if (!part.proof) return part.why.empty() ? "it is bounded by other rules" : part.why;
  if (part.proof->network.output.empty()) return "its output is constant";
  if (part.proof->row_error > 0) return "the entries of its last map are not stored";
  if (!part.proof->network.layers.empty() && part.proof->multipliers.values.empty()) return part.why;
  return {};
}

// More than the norm by a margin that the checker's factorization needs, for orders of up to thousands.
std::optional<double> norm_of(const NetworkTerm& term, const std::optional<Seed>& seed, Context& context) {
  const Matrix<double>& weight = term.weight;
  const Operator<double> a =
      dense<double>(Tensor::view_of(weight.values(), {weight.rows(), weight.columns()}, {1, weight.rows()}));
  SvdOptions<double> search;
  search.random = seed ? random_state(*seed) : drawn_random_state();
  CertifyOptions proven;
  proven.method = CertifyMethod::proven;
  const auto upper = certify(*a, svd(*a, search, context), proven, context).upper;
  if (!upper) return std::nullopt;
  double errors = 0;  // the norm of what is not known of the entries is at most the sum of all of it
  for (const double each : term.error.values()) errors = up(errors + each);
  return up(up(upper->value() + errors) * (1 + 0x1p-36));
}

report::List layers_of(const PartProof& proof) {
  report::List layers;
  for (std::size_t i = 0; i < proof.network.layers.size(); ++i) {
    const NeuronLayer& layer = proof.network.layers[i];
    const auto& exponents = proof.multipliers.exponents;
    layers.emplace_back(report::Record{{"least", exactly(*std::ranges::min_element(layer.least))},
                                       {"most", exactly(*std::ranges::max_element(layer.most))},
                                       {"multipliers", exactly(proof.multipliers.values[i])},
                                       {"exponent", exponents.empty() ? std::int64_t{0} : exponents[i]}});
  }
  return layers;
}

// Inputs that are no real numbers are not among the graph's. The checker follows none of those.
std::string input_name(const LipschitzReport& report) {
  const bool is_only = report.inputs.size() == 1;
  return is_only ? report.inputs.front() : report.graph.nodes[report.graph.inputs.front()].name;
}

}  // namespace

LipschitzCertificate lipschitz_certificate(const LipschitzReport& report, const std::optional<Seed>& seed,
                                           Context& context) {
  Certificate certificate(SIGMAX_VERSION);
  std::optional<double> upper;
  std::string why = obstacle(report);
  if (why.empty()) {
    const PartProof& proof = *report.result.parts.front().proof;
    const bool is_linear = proof.network.layers.empty();
    upper = is_linear ? norm_of(proof.network.output.front(), seed, context) : proof.bound;
    if (!upper) why = "its norm leaves the range of double";
  }
  if (upper) {
    const graph::Node& input = report.graph.nodes[report.graph.inputs.front()];
    certificate.claim({{"kind", "lipschitz"},
                       {"upper", exactly(*upper)},
                       {"file", certificate.file(report.file)},
                       {"input_shapes", report::Record{{input_name(report), input.shape}}},
                       {"layers", layers_of(*report.result.parts.front().proof)}});
  } else {
    certificate.leave_unchecked(fmt::format("the bound of the network: {}", why));
  }
  for (const std::string& each : report.result.walk.assumptions) certificate.assume(each);
  return {certificate.text(), upper, std::move(why)};
}

}  // namespace sigmax::cli
