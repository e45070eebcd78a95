#include "sigmax/lipschitz/certified_accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/logit_margins.hpp"
#include "sigmax/lipschitz/output_bounds.hpp"
#include "sigmax/lipschitz/stopwatch.hpp"

namespace sigmax::lipschitz {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();

/// Inputs that are worked on between two reports of the progress.
constexpr std::size_t kChunk = 64;

void require_fit(const graph::Graph& graph, const std::vector<LabeledInput>& inputs,
                 const CertifiedAccuracyOptions& options) {
  const auto classes = static_cast<std::size_t>(output_size(graph));
  const auto entries = static_cast<std::size_t>(input_size(graph));
  if (classes < 2) throw Error(fmt::format("[certified_accuracy] {} class; two or more are wanted", classes));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].label >= classes) {
      throw Error(
          fmt::format("[certified_accuracy] input {} has the label {} of {} classes", i, inputs[i].label, classes));
    }
    if (inputs[i].x.size() != entries) {
      throw Error(fmt::format("[certified_accuracy] input {} has {} entries; the network takes {}", i,
                              inputs[i].x.size(), entries));
    }
    for (std::size_t k = 0; k < entries; ++k) {
      const double x = inputs[i].x[k];
      if (!std::isfinite(x)) throw Error(fmt::format("[certified_accuracy] entry {} of input {} is {}", k, i, x));
      if (options.box && !(x >= options.box->least && x <= options.box->greatest)) {
        throw Error(fmt::format("[certified_accuracy] entry {} of input {} is {}, which is not in [{}, {}]", k, i, x,
                                options.box->least, options.box->greatest));
      }
    }
  }
  for (const double radius : options.radii) {
    if (radius >= 0 && std::isfinite(radius)) continue;
    throw Error(fmt::format("[certified_accuracy] {} is no radius: it must be finite and not negative", radius));
  }
}

using Margins = std::vector<double>;  ///< margins_of()

class Certifying {
 public:
  Certifying(const graph::Graph& graph, const std::vector<LabeledInput>& inputs,
             const CertifiedAccuracyOptions& options, Context& context)
      : graph_(graph),
        inputs_(inputs),
        options_(options),
        context_(context),
        classes_(static_cast<std::size_t>(output_size(graph))),
        bound_(options.bound),
        random_(given_or_drawn(options.attack.random)) {
    result_.inputs.resize(inputs.size());
    margins_.resize(inputs.size());
    radii_ = options.radii;
    std::ranges::sort(radii_);
    radii_.erase(std::unique(radii_.begin(), radii_.end()), radii_.end());
  }

  CertifiedAccuracy run() && {
    timed(result_.bound_seconds, [&] { bound_pairs(); });
    timed(result_.input_seconds, [&] { in_chunks("clean", all_inputs(), [&](std::size_t i) { classify(i); }); });
    if (options_.attacks) {
      timed(result_.attack_seconds,
            [&] { in_chunks("attack", open_inputs(), [&](std::size_t i) { attack_input(i); }); });
    }
    timed(result_.local_seconds, [&] { bound_locally(); });
    count();
    return std::move(result_);
  }

 private:
  template <class Body>
  static void timed(double& seconds, const Body& body) {
    const Stopwatch watch;
    body();
    seconds = watch.seconds();
  }

  /// Each input on one thread, in chunks of a fixed size.
  template <class Body>
  void in_chunks(const char* what, const std::vector<std::size_t>& chosen, const Body& body) {
    for (std::size_t first = 0; first < chosen.size(); first += kChunk) {
      context_.check_cancel();
      context_.report({static_cast<double>(first), static_cast<double>(chosen.size()), what});
      const std::size_t count = std::min(kChunk, chosen.size() - first);
      context_.parallel_for(count, [&](std::size_t k) {
        const Context::Serial serial(context_);
        body(chosen[first + k]);
      });
    }
  }

  std::vector<std::size_t> all_inputs() const {
    std::vector<std::size_t> all(inputs_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return all;
  }

  std::vector<std::size_t> open_inputs() const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::vector<Robustness>& at = result_.inputs[i].at;
      if (std::ranges::find(at, Robustness::open) != at.end()) open.push_back(i);
    }
    return open;
  }

  Domain domain() const {
    if (!options_.box) return Everywhere{};
    return graph::Box(static_cast<std::size_t>(input_size(graph_)), *options_.box);
  }

  void bound_pairs() {
    context_.report({0, 1, "bounds"});
    bound_.walk.known = known_norms(graph_, bound_.walk, context_);
    std::vector<Pair> pairs;
    result_.is_per_pair = classes_ <= options_.most_classes_for_pairs;
    if (!result_.is_per_pair) {
      NetworkBoundOptions how = bound_;
      how.lower = false;
      // |f_i - f_j| <= sqrt 2 |f|, which bounds the pair as a function of all logits.
      const auto all = network_bound(graph_, domain(), how, context_).upper;
      result_.pairs = {all};
      constant_.assign(1, all ? graph::up(all->value() * 0x1.6a09e667f3bcdp+0) : kInfinity);
      return;
    }
    for (std::size_t i = 0; i < classes_; ++i) {
      for (std::size_t j = i + 1; j < classes_; ++j) pairs.emplace_back(i, j);
    }
    result_.pairs = margin_bounds(graph_, pairs, domain(), bound_, context_);
    for (const auto& bound : result_.pairs) constant_.push_back(bound ? bound->value() : kInfinity);
  }

  double constant_of(std::size_t i, std::size_t j) const {
    if (!result_.is_per_pair) return constant_[0];
    const auto [low, high] = std::minmax(i, j);
    return constant_[low * (2 * classes_ - low - 1) / 2 + (high - low - 1)];
  }

  void classify(std::size_t i) {
    InputResult& result = result_.inputs[i];
    const std::size_t label = inputs_[i].label;
    result.label = label;
    const graph::Evaluated found = evaluate_with_errors(graph_, inputs_[i].x, context_);
    for (std::size_t j = 0; j < classes_; ++j) {
      result.error = std::max(result.error, std::isfinite(found.values[j]) ? found.errors[j] : kInfinity);
    }
    // Whoever leads all others has the greatest computed value.
    const auto greatest = static_cast<std::size_t>(std::ranges::max_element(found.values) - found.values.begin());
    const Margins lead = margins_of(found, greatest);
    if (std::ranges::all_of(lead, [](double margin) { return margin > 0; })) result.predicted = greatest;
    margins_[i] = margins_of(found, label);
    for (std::size_t j = 0; j < classes_; ++j) {
      result.is_wrong = result.is_wrong || (j != label && is_at_least(found, j, label));
    }
    const bool is_correct = result.predicted == label;
    if (is_correct) result.radius = radius_of(margins_[i], label);
    for (const double radius : radii_) {
      const bool certified =
          is_correct && holds(margins_[i], radius, [&](std::size_t j) { return constant_of(label, j); });
      result.at.push_back(certified ? Robustness::certified : result.is_wrong ? Robustness::broken : Robustness::open);
    }
  }

  /// eps L_j < m_j for all j, rounded outward.
  template <class Constant>
  static bool holds(const Margins& margins, double radius, const Constant& constant) {
    for (std::size_t j = 0; j < margins.size(); ++j) {
      if (margins[j] == kInfinity) continue;
      if (!(graph::up(radius * constant(j)) < margins[j])) return false;
    }
    return true;
  }

  double radius_of(const Margins& margins, std::size_t label) const {
    double radius = kLargest;
    for (std::size_t j = 0; j < margins.size(); ++j) {
      if (j == label) continue;
      const double constant = constant_of(label, j);
      if (constant == 0 && margins[j] > 0) continue;
      radius = std::min(radius, std::max(0.0, graph::down(margins[j] / constant)));
    }
    return radius;
  }

  void attack_input(std::size_t i) {
    std::vector<Robustness>& at = result_.inputs[i].at;
    AttackOptions how = options_.attack;
    how.box.clear();
    if (options_.box) how.box.assign(inputs_[i].x.size(), *options_.box);
    for (std::size_t r = 0; r < radii_.size(); ++r) {
      if (at[r] != Robustness::open) continue;
      how.random = forked(random_, i * radii_.size() + r);
      if (!attack(graph_, inputs_[i].x, inputs_[i].label, radii_[r], how, context_)) continue;
      for (std::size_t later = r; later < at.size(); ++later) {
        if (at[later] == Robustness::certified) {
          throw InternalError(fmt::format("[certified_accuracy] input {} is certified at {} and broken at {}", i,
                                          radii_[later], radii_[r]));
        }
        at[later] = Robustness::broken;
      }
      return;
    }
  }

  /// Bounds on balls, for inputs in their order and as many as the options allow.
  void bound_locally() {
    std::vector<std::size_t> chosen;
    for (const std::size_t i : open_inputs()) {
      if (result_.inputs[i].predicted != inputs_[i].label) continue;
      if (chosen.size() < options_.most_local) {
        chosen.push_back(i);
      } else {
        std::ranges::replace(result_.inputs[i].at, Robustness::open, Robustness::untried);
      }
    }
    in_chunks("local", chosen, [&](std::size_t i) { bound_near(i); });
  }

  void bound_near(std::size_t i) {
    std::vector<Robustness>& at = result_.inputs[i].at;
    for (std::size_t r = 0; r < radii_.size(); ++r) {
      if (at[r] != Robustness::open) continue;
      if (!holds_near(i, radii_[r])) return;
      at[r] = Robustness::local;
    }
  }

  bool holds_near(std::size_t i, double radius) {
    const std::size_t label = inputs_[i].label;
    std::vector<Pair> pairs;
    for (std::size_t j = 0; j < classes_; ++j) {
      if (j != label && !(graph::up(radius * constant_of(label, j)) < margins_[i][j])) pairs.emplace_back(label, j);
    }
    NetworkBoundOptions how = bound_;
    how.lmi.effort = options_.local_effort;
    if (options_.local_effort == LmiEffort::fast) how.walk.join_up_to = 0;
    const auto bounds = margin_bounds(graph_, pairs, Ball{inputs_[i].x, radius}, how, context_);
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      if (!bounds[k] || !(graph::up(radius * bounds[k]->value()) < margins_[i][pairs[k].second])) return false;
    }
    return true;
  }

  void count() {
    for (const InputResult& input : result_.inputs) {
      result_.correct += static_cast<std::size_t>(input.predicted == input.label);
      result_.wrong += static_cast<std::size_t>(input.is_wrong);
    }
    result_.undecided = inputs_.size() - result_.correct - result_.wrong;
    for (std::size_t r = 0; r < radii_.size(); ++r) {
      RadiusResult at;
      at.radius = radii_[r];
      for (const InputResult& input : result_.inputs) {
        switch (input.at[r]) {
          case Robustness::certified: ++at.certified; break;
          case Robustness::local: ++at.local; break;
          case Robustness::broken: ++at.broken; break;
          case Robustness::open: ++at.open; break;
          case Robustness::untried: ++at.untried; break;
        }
      }
      result_.radii.push_back(at);
    }
  }

  const graph::Graph& graph_;
  const std::vector<LabeledInput>& inputs_;
  const CertifiedAccuracyOptions& options_;
  Context& context_;
  std::size_t classes_;
  NetworkBoundOptions bound_;
  RandomState random_;
  std::vector<double> radii_;
  std::vector<double> constant_;
  std::vector<Margins> margins_;
  CertifiedAccuracy result_;
};

}  // namespace

std::string_view name(Robustness robustness) noexcept {
  switch (robustness) {
    case Robustness::certified: return "certified";
    case Robustness::local: return "local";
    case Robustness::broken: return "broken";
    case Robustness::open: return "open";
    case Robustness::untried: return "untried";
  }
  return "";
}

CertifiedAccuracy certified_accuracy(const graph::Graph& classifier, const std::vector<LabeledInput>& inputs,
                                     const CertifiedAccuracyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  graph::validate(classifier);
  require_fit(classifier, inputs, options);
  return Certifying(classifier, inputs, options, context).run();
}

CertifiedAccuracy certified_accuracy(const graph::Graph& classifier, const std::vector<LabeledInput>& inputs,
                                     const CertifiedAccuracyOptions& options) {
  Context context;
  return certified_accuracy(classifier, inputs, options, context);
}

}  // namespace sigmax::lipschitz
