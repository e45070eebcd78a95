#include "sigmax/lipschitz/walk/rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <type_traits>
#include <utility>
#include <variant>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/graph/scalar/expression_function.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Box;
using graph::Interval;

Rule one(const Limit& factor) { return {{factor}, false, {}, false}; }

Rule refused(std::string reason, bool needs_bounded_domain = false) {
  return {{}, false, std::move(reason), needs_bounded_domain};
}

// The root of a square is exact: r^2 of a whole number r below 2^26 is not rounded.
Limit root(double count) {
  const double r = std::sqrt(count);
  if (r < 0x1p26 && r == std::floor(r) && r * r == count) return limit(r);
  return bounds::square_root(bounds::exactly(count));
}

double greatest_magnitude(const Box& x) {
  double most = 0;
  for (const Interval& each : x) most = std::max(most, graph::magnitude(each));
  return most;
}

// sqrt(sum of the greatest x_i^2), each step rounded up.
Limit size_of_box(const Box& x) {
  const double most = greatest_magnitude(x);
  if (!(most > 0) || std::isinf(most)) return limit(most);
  double squares = 0;
  for (const Interval& each : x) {
    const double ratio = graph::up(graph::magnitude(each) / most);
    squares = graph::up(squares + graph::up(ratio * ratio));
  }
  return limit(graph::up(most * graph::up(std::sqrt(squares))));
}

class RuleVisitor {
 public:
  RuleVisitor(graph::Index node, const Known& known, Norms& norms)
      : node_(known.graph.nodes[node]), own_(known.boxes[node]), known_(known), norms_(norms) {}

  Rule operator()(const graph::Input&) const { return one(limit(1)); }
  Rule operator()(const graph::Constant&) const { return {}; }
  Rule operator()(const graph::Refused& r) const { return refused(r.reason); }
  Rule operator()(const graph::Affine& affine) const {
    const Limit norm = norms_.of(affine.map);
    if (!norm) return refused(norms_.why());
    return one(affine.row_error > 0 ? norm * (limit(1) + limit(affine.row_error)) : norm);
  }
  Rule operator()(const graph::Elementwise& elementwise) const {
    const auto slopes = entry_slopes(elementwise, box(0));
    if (!slopes) {
      return refused(fmt::format("is not Lipschitz, or not proven to be, where its argument may be ({}){}",
                                 names(elementwise), advice(elementwise)),
                     true);
    }
    return one(limit(greatest_magnitude(*slopes)));
  }
  Rule operator()(const graph::Sum&) const { return {std::vector<Limit>(inputs(), limit(1)), false, {}, false}; }
  Rule operator()(const graph::Stack&) const { return {std::vector<Limit>(inputs(), limit(1)), true, {}, false}; }
  // |max(a, b) - max(a', b')| <= max(|a - a'|, |b - b'|), entry by entry.
  Rule operator()(const graph::Extreme&) const { return {std::vector<Limit>(inputs(), limit(1)), true, {}, false}; }

  Rule operator()(const graph::Product&) const {
    Rule rule;
    for (const std::size_t k : {0u, 1u}) {
      const Limit other = limit(greatest_magnitude(box(1 - k)));
      if (!other && moves(k)) {
        return refused("multiplies by a value that is not bounded", true);
      }
      rule.factors.push_back(moves(k) ? other : limit(0));
    }
    return rule;
  }

  // d(a / b) = da / b - a db / b^2
  Rule operator()(const graph::Quotient&) const {
    double reciprocal = 0;
    double slope = 0;
    for (std::size_t i = 0; i < box(0).size(); ++i) {
      const Interval below = box(1)[i];
      if (graph::contains(below, 0)) return refused("divides by a value that may be 0", true);
      const double each = graph::up(1 / std::min(std::fabs(below.least), std::fabs(below.greatest)));
      reciprocal = std::max(reciprocal, each);
      if (moves(1)) slope = std::max(slope, graph::magnitude((box(0)[i] / below) / below));
    }
    if (std::isinf(slope)) return refused("divides a value that is not bounded by one that varies", true);
    return {{limit(reciprocal), limit(slope)}, false, {}, false};
  }

  Rule operator()(const graph::MatrixProduct& product) const { return rule_of(product, node_, known_, norms_.norm()); }

  // The Jacobian of the softmax is diag(p) - p p^T, the covariance matrix of a unit vector that is drawn with the
  // probabilities p: its norm is at most 1/2, and at most that of diag(p). Its row and column sums of |entries| are
  // 2 p_i (1 - p_i) <= 1/2. That of the logarithm is I - 1 p^T, at most |1| for p a unit vector, with row sums 2 (1 -
  // p_i) and column sums between 1 and n - 1.
  Rule operator()(const graph::Softmax& softmax) const {
    if (!softmax.logarithm) {
      const double most = greatest_magnitude(own_);
      return one(limit(std::min(0.5, norms_.norm() == VectorNorm::two ? most : 2 * most)));
    }
    const double n = static_cast<double>(softmax.groups.length);
    return one(by_norm(limit(std::max(1.0, n - 1)), root(n), limit(2)));
  }
  Rule operator()(const graph::Reduction& reduction) const {
    const double n = static_cast<double>(reduction.groups.length);
    switch (reduction.kind) {
      case graph::Reduction::Kind::Maximum:
      case graph::Reduction::Kind::Minimum: break;
      // Its gradient is a softmax, numbers of the sum 1: each norm of it is at most 1.
      case graph::Reduction::Kind::LogSumExp: break;
      case graph::Reduction::Kind::EuclideanNorm: return one(by_norm(limit(1), limit(1), root(n)));
      case graph::Reduction::Kind::AbsoluteSum: return one(by_norm(limit(1), root(n), limit(n)));
    }
    return one(limit(1));
  }
  // Each order statistic is a maximum of minima, and sorted vectors are no farther from each other than the vectors
  // were: of all orders, that of both ascending has the least sum of |x_i - y_i|^p (rearrangement).
  Rule operator()(const graph::Sorted&) const { return one(limit(1)); }
  Rule operator()(const graph::LocalResponse& response) const { return rule_of(response, norms_.norm()); }
  // Each window's maximum moves by no more than the greatest move in it: a sum, or a sum of squares, counts an entry
  // once for each of its windows.
  Rule operator()(const graph::MaxPool& pool) const {
    std::vector<std::int64_t> windows(static_cast<std::size_t>(pool.window.input_positions()), 0);
    for (std::int64_t a = 0; a < pool.window.output_positions(); ++a) {
      for (std::int64_t p = 0; p < pool.window.taps(); ++p) {
        const std::int64_t from = input_of(pool.window, a, p);
        if (from >= 0) ++windows[static_cast<std::size_t>(from)];
      }
    }
    const std::int64_t most = windows.empty() ? 0 : *std::ranges::max_element(windows);
    const double copies = static_cast<double>(most);
    return one(by_norm(limit(copies), root(copies), limit(1)));
  }
  Rule operator()(const graph::Standardization& standardization) const { return rule_of(standardization, norms_); }
  Rule operator()(const graph::Recurrence& recurrence) const { return rule_of(recurrence, box(0), norms_); }

 private:
  Limit by_norm(const Limit& in_one, const Limit& in_two, const Limit& in_infinity) const {
    if (norms_.norm() == VectorNorm::one) return in_one;
    return norms_.norm() == VectorNorm::two ? in_two : in_infinity;
  }
  std::size_t inputs() const { return node_.inputs.size(); }
  const Box& box(std::size_t k) const { return known_.boxes[node_.inputs[k]]; }
  bool moves(std::size_t k) const { return known_.moves[node_.inputs[k]]; }
  /// What makes a jump go away, of functions that have one.
  static std::string advice(const graph::Elementwise& elementwise) {
    const std::string name = elementwise.functions[0]->name();
    if (name.starts_with("ThresholdedRelu")) {
      return ": it jumps from 0 to alpha at alpha, unless alpha is 0 or inputs are bounded so that its argument stays "
             "on "
             "one side";
    }
    if (name.starts_with("Shrink")) {
      return ": it jumps at lambd unless bias = lambd, or inputs are bounded so that its argument stays on one side";
    }
    if (name.starts_with("Is")) {
      return ": a comparison jumps where both sides are equal. A Where has a bound if what it chooses between are "
             "functions, entry by entry, of the one value that is compared with a constant, and meet there; a Where "
             "that takes the greater or lesser of two values does as Max, Min, Relu or Clip; and any does where inputs "
             "are bounded so that the comparison has one result";
    }
    const graph::Expression* const f = graph::expression_of(*elementwise.functions[0]);
    const bool chooses = f != nullptr && std::ranges::any_of(f->terms(), [](const graph::Term& term) {
                           return term.symbol == graph::Symbol::Where && !term.continuous;
                         });
    if (chooses) {
      return ": it jumps, or is not known to be continuous, where the condition of its Where changes. It has a bound "
             "if "
             "both sides have one value there, or if inputs are bounded so that the condition has one result";
    }
    return "";
  }
  static std::string names(const graph::Elementwise& elementwise) {
    std::string all;
    for (const graph::Function& each : elementwise.functions) all += (all.empty() ? "" : ", ") + each->name();
    constexpr std::size_t kShown = 80;
    return all.size() <= kShown ? all : all.substr(0, kShown) + "...";
  }
  const graph::Node& node_;
  const Box& own_;
  const Known& known_;
  Norms& norms_;
};

}  // namespace

Rule rule_of(graph::Index node, const Known& known, Norms& norms) {
  return std::visit(RuleVisitor(node, known, norms), known.graph.nodes[node].operation);
}

// Entries with the same function and interval are asked about once: everywhere that is all of them.
std::optional<std::vector<Interval>> entry_slopes(const graph::Elementwise& elementwise, const Box& x) {
  std::vector<Interval> all;
  all.reserve(x.size());
  std::map<std::pair<const graph::ScalarFunction*, std::pair<double, double>>, Interval> asked;
  const graph::ScalarFunction* last = nullptr;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const graph::ScalarFunction& f = *elementwise.functions[elementwise.which.empty() ? 0 : elementwise.which[i]];
    if (&f == last && x[i] == x[i - 1]) {
      all.push_back(all.back());
      continue;
    }
    last = &f;
    const auto [known, is_new] = asked.emplace(std::pair(&f, std::pair(x[i].least, x[i].greatest)), Interval{});
    if (is_new) {
      const std::optional<Interval> slopes = f.slopes(x[i]);
      if (!slopes || !std::isfinite(slopes->least) || !std::isfinite(slopes->greatest)) return std::nullopt;
      known->second = *slopes;
    }
    all.push_back(known->second);
  }
  return all;
}

Limit size_of(graph::Index index, const Known& known, Norms& norms) {
  if (norms.norm() != VectorNorm::two) return std::nullopt;
  const graph::Node& node = known.graph.nodes[index];
  const Limit from_box = size_of_box(known.boxes[index]);
  const auto vector_size = [](const std::vector<double>& x) {
    if (x.empty()) return limit(0);
    const bool finite = std::ranges::all_of(x, [](double each) { return std::isfinite(each); });
    return finite ? Limit(bounds::no_more_than(bounds::p_norm(x, 2))) : std::nullopt;  // a mask in front of a softmax
  };
  Limit other;
  if (const auto* const affine = std::get_if<graph::Affine>(&node.operation)) {
    const Limit before = known.sizes[node.inputs[0]];
    if (before) {
      other = norms.of(affine->map) * (limit(1) + limit(affine->row_error)) * before + vector_size(affine->offset) +
              vector_size(affine->offset_error);
    }
  } else if (const auto* const s = std::get_if<graph::Standardization>(&node.operation)) {
    // The entries of a group that is not multiplied by its gain have the norm sqrt n at most.
    double gain = s->gain.empty() ? 1 : 0;
    for (const double each : s->gain) gain = std::max(gain, std::fabs(each));
    other = limit(gain) * root(static_cast<double>(node.size())) + vector_size(s->offset);
  } else if (const auto* const softmax = std::get_if<graph::Softmax>(&node.operation)) {
    if (!softmax->logarithm) other = root(static_cast<double>(softmax->groups.outer * softmax->groups.inner));
  } else if (std::holds_alternative<graph::Sum>(node.operation)) {
    other = limit(0);
    for (const graph::Index input : node.inputs) other = other + known.sizes[input];
  }
  return lesser(from_box, other);
}

}  // namespace sigmax::lipschitz
