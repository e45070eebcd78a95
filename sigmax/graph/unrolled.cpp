#include "sigmax/graph/unrolled.hpp"

#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/graph/scalar/interval.hpp"
#include "sigmax/graph/scalar/named.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/product.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph {
namespace {

using Kind = Recurrence::Kind;

class Steps {
 public:
  explicit Steps(const Recurrence& recurrence) : r_(recurrence), gates_(r_.input_weight->shape().rows / r_.hidden) {
    x_ = add(Input{}, {}, r_.steps * r_.width);
    graph_.inputs = {x_};
    for (std::int64_t g = 0; g < gates_; ++g) {
      from_input_.push_back(rows_of_gate(r_.input_weight, g));
      from_state_.push_back(rows_of_gate(r_.recurrent_weight, g));
      std::vector<double> bias;
      if (!r_.bias.empty()) bias.assign(r_.bias.begin() + g * r_.hidden, r_.bias.begin() + (g + 1) * r_.hidden);
      biases_.push_back(std::move(bias));
    }
  }

  Graph run() {
    const std::vector<double> zeros(static_cast<std::size_t>(r_.hidden), 0.0);
    Index h = add(Constant{zeros}, {}, r_.hidden), c = h;
    std::vector<Index> states(static_cast<std::size_t>(r_.steps));
    for (std::int64_t s = 0; s < r_.steps; ++s) {
      const std::int64_t t = r_.backward ? r_.steps - 1 - s : s;
      at_ = affine(range_selection<double>(r_.steps * r_.width, t * r_.width, r_.width), x_);
      is_first_ = s == 0;
      step(h, c);
      states[static_cast<std::size_t>(t)] = h;
    }
    graph_.outputs = {add(Stack{}, std::move(states), r_.steps * r_.hidden)};
    return std::move(graph_);
  }

 private:
  void step(Index& h, Index& c) {
    switch (r_.kind) {
      case Kind::Simple: h = function(0, argument(0, h)); break;
      case Kind::Gru: h = gru(h); break;
      case Kind::Lstm: {
        const Index added = product(function(0, argument(0, h)), function(1, argument(3, h)));
        const Index open = function(0, argument(1, h));
        c = is_first_ ? added : sum({product(function(0, argument(2, h)), c), added});
        h = product(open, function(2, c));
        break;
      }
    }
  }

  Index gru(Index h) {
    const Index z = function(0, argument(0, h)), reset = function(0, argument(1, h));
    const Index from_input = affine(from_input_[2], at_, biases_[2]);
    Index inside = 0;
    if (r_.linear_before_reset) {
      inside = product(reset, affine(from_state_[2], h, r_.recurrent_bias));
    } else {
      inside = affine(from_state_[2], product(reset, h));
    }
    const Index n = function(1, sum({from_input, inside}));
    const std::vector<double> ones(static_cast<std::size_t>(r_.hidden), 1.0);
    const Index rest = affine(scaled(-1.0, identity<double>(r_.hidden)), z, ones);
    return within_candidates(sum({product(rest, n), product(z, h)}));
  }

  // With z in [0, 1] a state is a mean of candidates, which products of intervals do not know: this changes no value.
  Index within_candidates(Index h) {
    const Interval z = r_.functions[0]->range({}), n = r_.functions[1]->range({});
    if (!(z.least >= 0) || !(z.greatest <= 1) || !is_bounded(n)) return h;
    const Interval states = hull(n, point(0));
    return add(Elementwise{{named_function("Clip", {states.least, states.greatest})}}, {h}, r_.hidden);
  }

  /// W_g x_t + R_g h + bias
  Index argument(std::size_t g, Index h) {
    const Index from_input = affine(from_input_[g], at_, biases_[g]);
    return is_first_ ? from_input : sum({from_input, affine(from_state_[g], h)});
  }

  Operator<double> rows_of_gate(const Operator<double>& weight, std::int64_t g) const {
    if (gates_ == 1) return weight;
    return sigmax::product(range_selection<double>(gates_ * r_.hidden, g * r_.hidden, r_.hidden), weight);
  }

  Index add(Operation operation, std::vector<Index> inputs, std::int64_t size) {
    graph_.nodes.push_back({"a step", std::move(operation), std::move(inputs), {size}});
    return graph_.nodes.size() - 1;
  }
  Index affine(Operator<double> map, Index from, std::vector<double> offset = {}) {
    const std::int64_t rows = map->shape().rows;
    return add(Affine{std::move(map), std::move(offset)}, {from}, rows);
  }
  Index function(std::size_t f, Index from) { return add(Elementwise{{r_.functions[f]}}, {from}, r_.hidden); }
  Index sum(std::vector<Index> terms) { return add(Sum{}, std::move(terms), r_.hidden); }
  Index product(Index a, Index b) { return add(Product{}, {a, b}, r_.hidden); }

  const Recurrence& r_;
  std::int64_t gates_;
  Graph graph_;
  Index x_ = 0;
  Index at_ = 0;
  bool is_first_ = true;
  std::vector<Operator<double>> from_input_, from_state_;
  std::vector<std::vector<double>> biases_;
};

}  // namespace

Graph unrolled(const Recurrence& recurrence) {
  const FloatingEnvironment environment;
  if (recurrence.steps < 1 || recurrence.hidden < 1) throw Error("[unrolled] the layer has no steps");
  return Steps(recurrence).run();
}

}  // namespace sigmax::graph
