#include "sigmax/lipschitz/attack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/domain.hpp"
#include "sigmax/lipschitz/logit_margins.hpp"
#include "sigmax/lipschitz/region.hpp"

namespace sigmax::lipschitz {
namespace {

void require_label(const graph::Graph& graph, std::size_t label) {
  const std::int64_t classes = output_size(graph);
  if (static_cast<std::int64_t>(label) < classes) return;
  throw Error(fmt::format("[attack] there is no output {}: the network has {}", label, classes));
}

class Attack {
 public:
  Attack(const graph::Graph& graph, const std::vector<double>& x, std::size_t label, double radius,
         const AttackOptions& options, Context& context)
      : graph_(graph),
        x_(x),
        label_(label),
        radius_(radius),
        options_(options),
        context_(context),
        region_(Ball{x, radius}, options.box, input_size(graph), given_or_drawn(options.random)) {}

  std::optional<std::vector<double>> run() {
    if (output_size(graph_) < 2) return std::nullopt;
    for (int start = 0; start < options_.starts; ++start) {
      context_.check_cancel();
      std::vector<double> z = start == 0 ? x_ : region_.draw();
      if (climb(z, rival(x_, static_cast<std::size_t>(start)))) return z;
    }
    return std::nullopt;
  }

 private:
  // Steps along the gradient, until the label is beaten.
  bool climb(std::vector<double>& z, std::size_t other) {
    for (int step = 0; step <= options_.steps; ++step) {
      const graph::Values values = evaluate(graph_, z, context_);
      const std::vector<double> logits = outputs(graph_, values);
      if (is_beaten(logits) && puts_first(graph_, z, label_, context_) == false) return true;
      if (step == options_.steps) break;
      std::vector<double> dy(logits.size(), 0.0);
      dy[other] = 1;
      dy[label_] = -1;
      std::vector<double> direction = reverse(graph_, values, dy, context_);
      const double length = normalize(direction);
      if (!(length > 0) || !std::isfinite(length)) {
        direction = region_.normal();
        normalize(direction);
      }
      z = region_.inside(stepped(z, 2.5 * radius_ / options_.steps, direction));
    }
    return false;
  }

  bool is_beaten(const std::vector<double>& logits) const {
    for (std::size_t j = 0; j < logits.size(); ++j) {
      if (j != label_ && logits[j] >= logits[label_]) return true;
    }
    return false;
  }

  // The class in place `rank` among the others, where the point is now.
  std::size_t rival(const std::vector<double>& z, std::size_t rank) const {
    const std::vector<double> logits = outputs(graph_, evaluate(graph_, z, context_));
    std::vector<std::size_t> others;
    for (std::size_t j = 0; j < logits.size(); ++j) {
      if (j != label_) others.push_back(j);
    }
    std::ranges::stable_sort(others, [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
    return others[rank % others.size()];
  }

  const graph::Graph& graph_;
  const std::vector<double>& x_;
  std::size_t label_;
  double radius_;
  const AttackOptions& options_;
  Context& context_;
  Region region_;
};

}  // namespace

std::optional<bool> puts_first(const graph::Graph& graph, const std::vector<double>& x, std::size_t label,
                               Context& context) {
  const FloatingEnvironment environment;
  require_label(graph, label);
  const graph::Evaluated found = evaluate_with_errors(graph, x, context);
  bool all = true;
  for (std::size_t j = 0; j < found.values.size(); ++j) {
    if (j == label) continue;
    if (is_at_least(found, j, label)) return false;
    all = all && is_at_least(found, label, j);
  }
  return all ? std::optional(true) : std::nullopt;
}

std::optional<bool> puts_first(const graph::Graph& graph, const std::vector<double>& x, std::size_t label) {
  Context context;
  return puts_first(graph, x, label, context);
}

std::optional<std::vector<double>> attack(const graph::Graph& graph, const std::vector<double>& x, std::size_t label,
                                          double radius, const AttackOptions& options, Context& context) {
  const FloatingEnvironment environment;
  validate(Ball{x, radius}, graph);
  require_label(graph, label);
  if (options.starts < 1 || options.steps < 1) {
    throw Error(
        fmt::format("[attack] needs at least one start and one step, got {} and {}", options.starts, options.steps));
  }
  if (!options.box.empty()) {
    validate(Domain(options.box), graph);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] >= options.box[i].least && x[i] <= options.box[i].greatest) continue;
      throw Error(fmt::format("[attack] entry {} of the point, {}, is not in the box", i, x[i]));
    }
  }
  return Attack(graph, x, label, radius, options, context).run();
}

std::optional<std::vector<double>> attack(const graph::Graph& graph, const std::vector<double>& x, std::size_t label,
                                          double radius, const AttackOptions& options) {
  Context context;
  return attack(graph, x, label, radius, options, context);
}

}  // namespace sigmax::lipschitz
