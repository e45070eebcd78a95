// Boxes of recurrent layers: the equations of evaluate/recurrence.cpp in intervals, step by step.
#include <cstdint>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/ranges/linear.hpp"
#include "sigmax/graph/ranges/node.hpp"
#include "sigmax/graph/ranges/outward.hpp"

namespace sigmax::graph {
namespace {

class BoxRecurrence {
 public:
  BoxRecurrence(const Recurrence& recurrence, Context& context)
      : r_(recurrence),
        context_(context),
        n_(static_cast<std::size_t>(recurrence.hidden)),
        h_(n_, point(0)),
        c_(n_, point(0)) {}

  const Box& advance(const Box& x) {
    Box a = image(*r_.input_weight, x, false, context_);
    for (std::size_t i = 0; i < a.size() && !r_.bias.empty(); ++i) a[i] = a[i] + point(r_.bias[i]);
    const Box recurrent = image(*r_.recurrent_weight, h_, false, context_);
    switch (r_.kind) {
      case Recurrence::Kind::Simple:
        for (std::size_t i = 0; i < n_; ++i) h_[i] = r_.functions[0]->range(a[i] + recurrent[i]);
        break;
      case Recurrence::Kind::Gru: advance_gru(a, recurrent); break;
      case Recurrence::Kind::Lstm: advance_lstm(a, recurrent); break;
    }
    return h_;
  }

 private:
  void advance_lstm(const Box& a, const Box& recurrent) {
    for (std::size_t i = 0; i < n_; ++i) {
      const auto gate = [&](std::size_t g) {
        return r_.functions[g == 3 ? 1 : 0]->range(a[g * n_ + i] + recurrent[g * n_ + i]);
      };
      c_[i] = gate(2) * c_[i] + gate(0) * gate(3);
      h_[i] = gate(1) * r_.functions[2]->range(c_[i]);
    }
  }

  void advance_gru(const Box& a, const Box& recurrent) {
    Box z(n_);
    Box r(n_);
    Box reset(n_);
    for (std::size_t i = 0; i < n_; ++i) {
      z[i] = r_.functions[0]->range(a[i] + recurrent[i]);
      r[i] = r_.functions[0]->range(a[n_ + i] + recurrent[n_ + i]);
      reset[i] = r[i] * h_[i];
    }
    Box through;
    if (!r_.linear_before_reset) through = image(*r_.recurrent_weight, reset, false, context_);
    for (std::size_t i = 0; i < n_; ++i) {
      const std::size_t k = 2 * n_ + i;
      const Interval bias = point(r_.recurrent_bias.empty() ? 0 : r_.recurrent_bias[i]);
      const Interval candidate =
          r_.functions[1]->range(a[k] + (r_.linear_before_reset ? r[i] * (recurrent[k] + bias) : through[k]));
      const Interval next = (point(1) - z[i]) * candidate + z[i] * h_[i];
      const bool is_mean = z[i].least >= 0 && z[i].greatest <= 1;
      h_[i] = is_mean ? overlap(next, hull(candidate, h_[i])) : next;
    }
  }

  const Recurrence& r_;
  Context& context_;
  std::size_t n_;
  Box h_;
  Box c_;
};

}  // namespace

Box box_of(const Recurrence& recurrence, const Box& x, Context& context) {
  Box y(static_cast<std::size_t>(recurrence.steps * recurrence.hidden));
  BoxRecurrence layer(recurrence, context);
  for (std::int64_t s = 0; s < recurrence.steps; ++s) {
    const std::int64_t row = recurrence.backward ? recurrence.steps - 1 - s : s;
    const auto first = x.begin() + row * recurrence.width;
    const Box& h = layer.advance(Box(first, first + recurrence.width));
    std::copy(h.begin(), h.end(), y.begin() + row * recurrence.hidden);
  }
  return y;
}

}  // namespace sigmax::graph
