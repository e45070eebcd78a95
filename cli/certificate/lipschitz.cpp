#include "cli/certificate/lipschitz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "cli/certificate/certificate.hpp"
#include "sigmax/bounds/certify.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::cli {
namespace {

using lipschitz::PartBound;
using lipschitz::PartProof;

// At least a b and a + b: the nearest double is less than one step away.
double up(double value) { return std::nextafter(value, std::numeric_limits<double>::infinity()); }

// 32 MiB of values, 43 MiB of text.
constexpr std::int64_t kMostCarried = std::int64_t{1} << 22;

/// A matrix that a file stores.
struct StoredMatrix {
  const io::Entry* entry;
  Tensor tensor;
};

bool is_the_same(const Matrix<double>& matrix, const Tensor& tensor, bool transposed) {
  const Dimensions shape =
      transposed ? Dimensions{matrix.columns(), matrix.rows()} : Dimensions{matrix.rows(), matrix.columns()};
  if (tensor.shape() != shape) return false;
  for (std::int64_t j = 0; j < matrix.columns(); ++j) {
    for (std::int64_t i = 0; i < matrix.rows(); ++i) {
      if (matrix(i, j) != tensor.at(transposed ? std::array{j, i} : std::array{i, j})) return false;
    }
  }
  return true;
}

class NetworkCertificate {
 public:
  NetworkCertificate(const LipschitzReport& report, const std::optional<Seed>& seed, Context& context)
      : report_(report),
        seed_(seed),
        context_(context),
        checkpoint_(io::open_checkpoint(std::filesystem::path(report.file))) {
    for (const io::Entry& entry : checkpoint_.entries) {
      if (entry.shape.size() == 2 && is_real(entry.dtype) && entry.unreadable.empty()) {
        stored_.push_back({&entry, entry.load()});
      }
    }
  }

  LipschitzCertificate write() {
    report::List parts;
    double upper = 1;
    for (const PartBound& part : report_.result.parts) {
      context_.check_cancel();
      auto [record, bound] = part_of(part);
      parts.emplace_back(std::move(record));
      upper = report_.result.parts.size() == 1 ? bound : up(upper * bound);
    }
    report::Record shapes;
    for (std::size_t place = 0; place < report_.graph.inputs.size(); ++place) {
      shapes.push_back({input_name(place), report_.graph.nodes[report_.graph.inputs[place]].shape});
    }
    certificate_.claim({{"kind", "lipschitz"},
                        {"upper", exactly(upper)},
                        {"domain", report_.domain},
                        {"file", certificate_.file(report_.file)},
                        {"input_shapes", std::move(shapes)},
                        {"parts", std::move(parts)}});
    for (const std::string& each : report_.result.walk.assumptions) certificate_.assume(each);
    return {certificate_.text(), upper};
  }

 private:
  // Inputs that are no real numbers are not among the graph's. The checker follows none of those.
  std::string input_name(std::size_t place) const {
    return report_.inputs.size() == report_.graph.inputs.size() ? report_.inputs[place]
                                                                : report_.graph.nodes[report_.graph.inputs[place]].name;
  }

  std::string end_of(const PartBound& part) const {
    return part.to < report_.graph.nodes.size() ? report_.graph.nodes[part.to].name : std::string("the outputs");
  }

  std::pair<report::Record, double> part_of(const PartBound& part) {
    std::string why = part.why.empty() ? "it is bounded by other rules" : part.why;
    const bool has_layers = part.proof && !part.proof->network.output.empty();
    const std::int64_t carried = has_layers ? carried_entries(part.proof->network) : 0;
    if (carried > kMostCarried) {
      why = fmt::format("its matrices have {} entries that are not stored as they are, more than {}", carried,
                        kMostCarried);
    } else if (has_layers) {
      const bool by_inequality = !part.proof->multipliers.values.empty();
      auto [network, own] = network_of(*part.proof, by_inequality);
      const double bound = part.proof->row_error == 0 ? own : up(own * up(1 + part.proof->row_error));
      return {{{"to", end_of(part)},
               {"method", by_inequality ? "inequality" : "norms"},
               {"bound", exactly(bound)},
               {"why", report::Value()},
               {"network", std::move(network)}},
              bound};
    }
    const double bound = part.bound->value();
    return {{{"to", end_of(part)},
             {"method", "unchecked"},
             {"bound", exactly(bound)},
             {"why", why},
             {"network", report::Value()}},
            bound};
  }

  // By norms: |dz_i| <= max |slope| sum |A_is| |dz_s|.
  std::pair<report::Record, double> network_of(const PartProof& proof, bool by_inequality) {
    const LayeredNetwork& network = proof.network;
    std::vector<double> sizes = {1};
    report::List layers;
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
      const NeuronLayer& layer = network.layers[i];
      const auto count = static_cast<std::int64_t>(layer.least.size());
      auto [terms, size] = terms_of(layer.terms, sizes, by_inequality);
      double slope = 0;
      for (const double each : layer.least) slope = std::max(slope, std::fabs(each));
      for (const double each : layer.most) slope = std::max(slope, std::fabs(each));
      sizes.push_back(up(slope * size));
      const std::vector<double> none(layer.least.size(), 0);
      layers.emplace_back(report::Record{
          {"terms", std::move(terms)},
          {"least", array_record(layer.least, {count})},
          {"most", array_record(layer.most, {count})},
          {"multipliers", array_record(by_inequality ? proof.multipliers.values[i] : none, {count})},
          {"exponent",
           by_inequality && !proof.multipliers.exponents.empty() ? proof.multipliers.exponents[i] : std::int64_t{0}}});
    }
    auto [terms, size] = terms_of(network.output, sizes, by_inequality);
    const double own = by_inequality ? proof.bound : size;
    return {{{"inputs", network.inputs},
             {"layers", std::move(layers)},
             {"output", report::Record{{"terms", std::move(terms)}}},
             {"bound", exactly(own)},
             {"row_error", exactly(proof.row_error)}},
            own};
  }

  std::pair<report::List, double> terms_of(const std::vector<NetworkTerm>& terms, const std::vector<double>& sizes,
                                           bool by_inequality) {
    report::List list;
    double size = 0;
    for (const NetworkTerm& term : terms) {
      report::Value norm;
      if (!by_inequality) {
        const double upper = norm_of(term.weight);
        size = up(size + up(upper * sizes[term.source]));
        norm = exactly(upper);
      }
      list.emplace_back(
          report::Record{{"source", term.source}, {"matrix", matrix_of(term.weight)}, {"norm", std::move(norm)}});
    }
    return {std::move(list), size};
  }

  double norm_of(const Matrix<double>& weight) {
    const Operator<double> a =
        dense<double>(Tensor::view_of(weight.values(), {weight.rows(), weight.columns()}, {1, weight.rows()}));
    SvdOptions<double> search;
    search.random = seed_ ? random_state(*seed_) : drawn_random_state();
    CertifyOptions proven;
    proven.method = CertifyMethod::proven;
    const auto upper = certify(*a, svd(*a, search, context_), proven, context_).upper;
    return upper ? upper->value() : std::numeric_limits<double>::max();
  }

  /// The entries of matrices that no tensor of the file holds, such as a convolution's.
  std::int64_t carried_entries(const LayeredNetwork& network) {
    std::int64_t count = 0;
    const auto add = [&](const std::vector<NetworkTerm>& terms) {
      for (const NetworkTerm& term : terms) {
        if (!find(term.weight)) count += term.weight.rows() * term.weight.columns();
      }
    };
    for (const NeuronLayer& layer : network.layers) add(layer.terms);
    add(network.output);
    return count;
  }

  struct Place {
    const StoredMatrix* stored;
    bool transposed;
  };

  std::optional<Place> find(const Matrix<double>& weight) const {
    for (const StoredMatrix& each : stored_) {
      for (const bool transposed : {false, true}) {
        if (is_the_same(weight, each.tensor, transposed)) return Place{&each, transposed};
      }
    }
    return std::nullopt;
  }

  report::Value matrix_of(const Matrix<double>& weight) {
    if (const auto place = find(weight)) {
      audit::Layout layout;
      layout.axes = {audit::Axis::out, audit::Axis::in};
      if (place->transposed) std::swap(layout.axes[0], layout.axes[1]);
      return certificate_.matrices(*place->stored->entry, place->stored->tensor, layout);
    }
    return certificate_.matrix(weight, "made from the model's weights");
  }

  const LipschitzReport& report_;
  const std::optional<Seed>& seed_;
  Context& context_;
  io::Checkpoint checkpoint_;
  std::vector<StoredMatrix> stored_;
  Certificate certificate_{SIGMAX_VERSION};
};

}  // namespace

LipschitzCertificate lipschitz_certificate(const LipschitzReport& report, const std::optional<Seed>& seed,
                                           Context& context) {
  return NetworkCertificate(report, seed, context).write();
}

}  // namespace sigmax::cli
