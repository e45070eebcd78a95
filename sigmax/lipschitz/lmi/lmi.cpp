#include "sigmax/lipschitz/lmi/lmi.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/lipschitz/lmi/layers.hpp"
#include "sigmax/lipschitz/lmi/problem.hpp"
#include "sigmax/lipschitz/lmi/search_network.hpp"
#include "sigmax/lipschitz/lmi/whole_network.hpp"

namespace sigmax::lipschitz {

std::string_view name(LmiSearch search) noexcept {
  switch (search) {
    case LmiSearch::closed_form: return "closed_form";
    case LmiSearch::layer_by_layer: return "layer_by_layer";
    case LmiSearch::whole_network: return "whole_network";
    case LmiSearch::by_frequency: return "by_frequency";
  }
  return "";
}

namespace {

bool are_multipliers(const NetworkMultipliers& multipliers) {
  return std::ranges::all_of(multipliers.values, [](const std::vector<double>& layer) {
    return std::ranges::all_of(layer, [](double mu) { return mu >= 0 && std::isfinite(mu); });
  });
}

constexpr double kMoreOfHigh = 20;  // operations of a search

// The searches that an effort asks for, each from the result of the one before it.
class Bounding {
 public:
  Bounding(const LayeredNetwork& network, double most_flops, Context& context)
      : network_(with_distinct_slopes(network)),
        search_(search_network(network_)),
        budget_(most_flops),
        context_(context) {
    for (const auto& kept : search_.kept) {
      neurons_ += static_cast<std::int64_t>(kept.size());
      widest_ = std::max(widest_, static_cast<std::int64_t>(kept.size()));
    }
  }

  std::int64_t neurons() const { return neurons_; }
  std::int64_t widest() const { return widest_; }

  void run(LmiSearch kind, double gap = 0) {
    const auto found = kind == LmiSearch::whole_network
                           ? (best_ ? search_whole_network(search_.used, *best_, gap, budget_, context_) : std::nullopt)
                           : search_layers(search_.used, kind, gap, budget_, context_);
    if (!found) return;
    NetworkMultipliers multipliers = restored(search_, found->values, found->rho);
    // A search may lose its way; what it found is then not a multiplier.
    if (!are_multipliers(multipliers)) return;
    const auto bound = prove_network_bound(network_, multipliers, context_);
    if (!bound || (result_.bound && result_.bound->lipschitz.value() <= bound->lipschitz.value())) return;
    result_ = {bound, std::move(multipliers), kind};
    best_ = found;
  }

  LmiBound result() && { return std::move(result_); }

 private:
  LayeredNetwork network_;
  SearchNetwork search_;
  SearchBudget budget_;
  Context& context_;
  std::int64_t neurons_ = 0;
  std::int64_t widest_ = 0;
  std::optional<FoundMultipliers> best_;
  LmiBound result_;
};

}  // namespace

LmiBound lmi_bound(const LayeredNetwork& network, const LmiOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  validate(network, "lmi_bound");
  const bool is_high = options.effort == LmiEffort::high;
  Bounding bounding(network, is_high ? kMoreOfHigh * options.most_flops : options.most_flops, context);
  bounding.run(LmiSearch::closed_form);
  if (options.effort == LmiEffort::fast || network.layers.empty()) return std::move(bounding).result();
  // Which of the two gaps is better depends on the network (layers.hpp). The small one takes a few times as long.
  constexpr std::int64_t kBothUpTo = 400;
  bounding.run(LmiSearch::layer_by_layer, 10);
  if (bounding.widest() <= kBothUpTo) bounding.run(LmiSearch::layer_by_layer, 0.1);
  constexpr std::int64_t kStandardUpTo = 1100;
  constexpr std::int64_t kHighUpTo = 2500;
  const std::int64_t most = is_high ? kHighUpTo : kStandardUpTo;
  constexpr std::int64_t kFewNeurons = 500;
  const double gap = bounding.neurons() > kFewNeurons && !is_high ? 10 * options.gap : options.gap;
  if (bounding.neurons() <= most) bounding.run(LmiSearch::whole_network, gap);
  return std::move(bounding).result();
}

std::vector<std::optional<NetworkBound>> lmi_bounds(const LayeredNetwork& network,
                                                    const std::vector<std::vector<NetworkTerm>>& outputs,
                                                    const LmiOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  std::int64_t most = 1;
  for (const std::vector<NetworkTerm>& output : outputs) {
    if (output.empty()) throw Error("[lmi_bounds] an output has no terms");
    most = std::max(most, output.front().weight.rows());
    validate(network, output, output.front().weight.rows(), network.layers.size() + 1, "lmi_bounds");
  }
  const LmiBound whole = lmi_bound(network, options, context);
  std::vector<std::optional<NetworkBound>> bounds(outputs.size());
  const LayeredNetwork distinct = with_distinct_slopes(network);
  const auto lmi = whole.bound ? NetworkLmi::factor(distinct, whole.multipliers, most, context) : std::nullopt;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (lmi) bounds[i] = lmi->bound(outputs[i], context);
    if (options.effort != LmiEffort::high) continue;
    LayeredNetwork own = network;
    own.output = outputs[i];
    const auto better = lmi_bound(own, options, context).bound;
    if (better && (!bounds[i] || better->lipschitz.value() < bounds[i]->lipschitz.value())) bounds[i] = better;
  }
  return bounds;
}

}  // namespace sigmax::lipschitz
