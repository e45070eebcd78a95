#include "sigmax/lipschitz/lmi/lmi.hpp"

#include <cstdint>
#include <optional>
#include <utility>

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
  }
  return "";
}

namespace {

// The searches that an effort asks for, each from the result of the one before it.
class Bounding {
 public:
  Bounding(const LayeredNetwork& network, Context& context)
      : network_(with_distinct_slopes(network)), search_(search_network(network_)), context_(context) {
    for (const auto& kept : search_.kept) neurons_ += static_cast<std::int64_t>(kept.size());
  }

  std::int64_t neurons() const { return neurons_; }

  void run(LmiSearch kind, double gap) {
    const auto found = kind == LmiSearch::whole_network
                           ? (best_ ? search_whole_network(search_.used, *best_, gap, context_) : std::nullopt)
                           : search_layers(search_.used, kind, gap, context_);
    if (!found) return;
    NetworkMultipliers multipliers = restored(search_, found->values, found->rho);
    const auto bound = prove_network_bound(network_, multipliers, context_);
    if (!bound || (result_.bound && result_.bound->lipschitz.value() <= bound->lipschitz.value())) return;
    result_ = {bound, std::move(multipliers), kind};
    best_ = found;
  }

  LmiBound result() && { return std::move(result_); }

 private:
  LayeredNetwork network_;
  SearchNetwork search_;
  Context& context_;
  std::int64_t neurons_ = 0;
  std::optional<FoundMultipliers> best_;
  LmiBound result_;
};

}  // namespace

LmiBound lmi_bound(const LayeredNetwork& network, const LmiOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const SerialBlas serial;
  validate(network, "lmi_bound");
  Bounding bounding(network, context);
  bounding.run(LmiSearch::closed_form, options.gap);
  if (options.effort == LmiEffort::fast) return std::move(bounding).result();
  constexpr double kLayerGap = 1e-4;
  bounding.run(LmiSearch::layer_by_layer, kLayerGap);
  constexpr std::int64_t kStandardUpTo = 400;
  constexpr std::int64_t kHighUpTo = 1500;
  const std::int64_t most = options.effort == LmiEffort::high ? kHighUpTo : kStandardUpTo;
  if (bounding.neurons() <= most) bounding.run(LmiSearch::whole_network, options.gap);
  return std::move(bounding).result();
}

}  // namespace sigmax::lipschitz
