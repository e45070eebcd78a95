// Recurrent layers, one direction from a zero state. With a = W x_t + R h + b in pieces, one for each gate, and h, c
// the state before the step:
//
//     Simple  h' = f(a)
//     GRU     z = f(a_z), r = f(a_r), n = g(W_h x_t + b_h + R_h (r h)), h' = (1 - z) n + z h;
//             linear_before_reset: n = g(W_h x_t + b_h + r (R_h h + recurrent_bias))
//     LSTM    i = f(a_i), o = f(a_o), k = f(a_f), n = g(a_c), c' = k c + i n, h' = o p(c')
//
// The derivative goes through the steps in the same order forward, and in the opposite one backward.
#include <cstdint>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

#include "sigmax/graph/evaluate/local_map.hpp"

namespace sigmax::graph::evaluation {
namespace {

using Kind = Recurrence::Kind;

/// What a step of a run leaves for its derivative.
struct Step {
  Vector h;         ///< before the step
  Vector c;         ///< before the step; LSTM
  Vector a;         ///< before the functions, all gates
  Vector gate;      ///< behind the functions, all gates
  Vector inside{};  ///< R_h h + recurrent_bias; GRU with linear_before_reset
  Vector cell{};    ///< c'; LSTM
};

/// Products with one of the layer's matrices, null vectors being zeros.
Vector times(const Operator<double>& a, const Vector& x, Context& context) {
  Vector y(static_cast<std::size_t>(a->shape().rows), 0.0);
  if (!x.empty() && !y.empty()) a->apply(MatrixView<const double>(x), MatrixView<double>(y), context);
  return y;
}
Vector times_adjoint(const Operator<double>& a, const Vector& y, Context& context) {
  Vector x(static_cast<std::size_t>(a->shape().columns), 0.0);
  if (!x.empty() && !y.empty()) a->apply_adjoint(MatrixView<const double>(y), MatrixView<double>(x), context);
  return x;
}

void add_to(Vector& y, const Vector& x) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += x[i];
}

class RecurrenceMap final : public LocalMap {
 public:
  explicit RecurrenceMap(const Recurrence& recurrence)
      : r_(recurrence),
        n_(static_cast<std::size_t>(recurrence.hidden)),
        width_(static_cast<std::size_t>(recurrence.width)),
        steps_(static_cast<std::size_t>(recurrence.steps)) {}

  Vector value(Operands x, Context& context) const override {
    Vector y(steps_ * n_, 0.0);
    run(*x[0], &y, context);
    return y;
  }

  Vector push(Operands x, const Vector& y, Tangents dx, Context& context) const override {
    const std::vector<Step> trace = run(*x[0], nullptr, context);
    Vector dy(y.size(), 0.0);
    Vector dh(n_, 0.0);
    Vector dc(n_, 0.0);
    for (std::size_t s = 0; s < steps_; ++s) {
      push_step(trace[s], times(r_.input_weight, at_time(*dx[0], s, width_), context), dh, dc, context);
      std::copy(dh.begin(), dh.end(), dy.begin() + static_cast<std::ptrdiff_t>(row(s) * n_));
    }
    return dy;
  }

  void pull(Operands x, const Vector&, const Vector& dy, Cotangents dx, Context& context) const override {
    const std::vector<Step> trace = run(*x[0], nullptr, context);
    Vector dh(n_, 0.0);
    Vector dc(n_, 0.0);
    for (std::size_t s = steps_; s-- > 0;) {
      add_to(dh, at_time(dy, s, n_));
      const Vector share = times_adjoint(r_.input_weight, pull_step(trace[s], dh, dc, context), context);
      for (std::size_t i = 0; i < width_; ++i) (*dx[0])[row(s) * width_ + i] += share[i];
    }
  }

 private:
  std::size_t row(std::size_t step) const { return r_.backward ? steps_ - 1 - step : step; }
  Vector at_time(const Vector& x, std::size_t step, std::size_t width) const {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(row(step) * width);
    return {first, first + static_cast<std::ptrdiff_t>(width)};
  }
  const ScalarFunction& function(std::size_t gate) const {
    if (r_.kind == Kind::Gru) return *r_.functions[gate == 2 ? 1 : 0];
    if (r_.kind == Kind::Lstm) return *r_.functions[gate == 3 ? 1 : 0];
    return *r_.functions[0];
  }
  const ScalarFunction& cell_function() const { return *r_.functions[2]; }

  // [0, 0, R_h (r v)]: what the reset gate lets through to the candidate.
  Vector through_reset(const Vector& gate, const Vector& v, Context& context) const {
    Vector reset(n_);
    for (std::size_t i = 0; i < n_; ++i) reset[i] = gate[n_ + i] * v[i];
    return times(r_.recurrent_weight, reset, context);
  }

  std::vector<Step> run(const Vector& x, Vector* y, Context& context) const {
    std::vector<Step> trace;
    Vector h(n_, 0.0);
    Vector c(n_, 0.0);
    for (std::size_t s = 0; s < steps_; ++s) {
      Step step{h, c, times(r_.input_weight, at_time(x, s, width_), context), {}};
      if (!r_.bias.empty()) add_to(step.a, r_.bias);
      advance(step, h, c, context);
      if (y != nullptr) std::copy(h.begin(), h.end(), y->begin() + static_cast<std::ptrdiff_t>(row(s) * n_));
      if (y == nullptr) trace.push_back(std::move(step));
    }
    return trace;
  }

  void apply_functions(Step& step, std::size_t from, std::size_t to) const {
    step.gate.resize(step.a.size(), 0.0);
    for (std::size_t gate = from; gate < to; ++gate) {
      for (std::size_t i = gate * n_; i < (gate + 1) * n_; ++i) step.gate[i] = function(gate).value(step.a[i]);
    }
  }

  void advance(Step& step, Vector& h, Vector& c, Context& context) const {
    const Vector recurrent = times(r_.recurrent_weight, step.h, context);
    const std::size_t whole = r_.kind == Kind::Gru ? 2 * n_ : step.a.size();
    for (std::size_t i = 0; i < whole; ++i) step.a[i] += recurrent[i];
    switch (r_.kind) {
      case Kind::Simple:
        apply_functions(step, 0, 1);
        h = step.gate;
        break;
      case Kind::Gru: {
        apply_functions(step, 0, 2);
        const Vector reset = r_.linear_before_reset ? Vector() : through_reset(step.gate, step.h, context);
        if (r_.linear_before_reset) step.inside.assign(n_, 0.0);
        for (std::size_t i = 0; i < n_; ++i) {
          if (r_.linear_before_reset) {
            step.inside[i] = recurrent[2 * n_ + i] + (r_.recurrent_bias.empty() ? 0 : r_.recurrent_bias[i]);
            step.a[2 * n_ + i] += step.gate[n_ + i] * step.inside[i];
          } else {
            step.a[2 * n_ + i] += reset[2 * n_ + i];
          }
        }
        apply_functions(step, 2, 3);
        for (std::size_t i = 0; i < n_; ++i) {
          h[i] = (1 - step.gate[i]) * step.gate[2 * n_ + i] + step.gate[i] * step.h[i];
        }
        break;
      }
      case Kind::Lstm:
        apply_functions(step, 0, 4);
        for (std::size_t i = 0; i < n_; ++i) {
          c[i] = step.gate[2 * n_ + i] * step.c[i] + step.gate[i] * step.gate[3 * n_ + i];
          h[i] = step.gate[n_ + i] * cell_function().value(c[i]);
        }
        step.cell = c;
        break;
    }
  }

  double slope(const Step& step, std::size_t gate, std::size_t i) const {
    return function(gate).derivative(step.a[gate * n_ + i]);
  }

  // `da` comes as W dx; dh and dc go from before the step to behind it.
  void push_step(const Step& step, Vector da, Vector& dh, Vector& dc, Context& context) const {
    const Vector recurrent = times(r_.recurrent_weight, dh, context);
    const auto gate_tangent = [&](std::size_t gate, std::size_t i) {
      return slope(step, gate, i) * (da[gate * n_ + i] + recurrent[gate * n_ + i]);
    };
    if (r_.kind == Kind::Simple) {
      for (std::size_t i = 0; i < n_; ++i) dh[i] = gate_tangent(0, i);
    } else if (r_.kind == Kind::Lstm) {
      for (std::size_t i = 0; i < n_; ++i) {
        const double* const g = step.gate.data() + i;
        dc[i] = gate_tangent(2, i) * step.c[i] + g[2 * n_] * dc[i] + gate_tangent(0, i) * g[3 * n_] +
                g[0] * gate_tangent(3, i);
        const double p = cell_function().value(step.cell[i]);
        dh[i] = gate_tangent(1, i) * p + g[n_] * cell_function().derivative(step.cell[i]) * dc[i];
      }
    } else {
      push_gru(step, da, recurrent, dh, context);
    }
  }

  void push_gru(const Step& step, const Vector& da, const Vector& recurrent, Vector& dh, Context& context) const {
    Vector dz(n_);
    Vector reset(n_);  // d(r h), or d(r inside)
    for (std::size_t i = 0; i < n_; ++i) {
      dz[i] = slope(step, 0, i) * (da[i] + recurrent[i]);
      const double dr = slope(step, 1, i) * (da[n_ + i] + recurrent[n_ + i]);
      const double r = step.gate[n_ + i];
      reset[i] = r_.linear_before_reset ? dr * step.inside[i] + r * recurrent[2 * n_ + i] : dr * step.h[i] + r * dh[i];
    }
    const Vector through = r_.linear_before_reset ? Vector() : times(r_.recurrent_weight, reset, context);
    for (std::size_t i = 0; i < n_; ++i) {
      const double candidate = da[2 * n_ + i] + (r_.linear_before_reset ? reset[i] : through[2 * n_ + i]);
      const double z = step.gate[i];
      dh[i] = dz[i] * (step.h[i] - step.gate[2 * n_ + i]) + (1 - z) * slope(step, 2, i) * candidate + z * dh[i];
    }
  }

  // J^T of a step: dh and dc go from behind the step to before it; the result is the cotangent of W x_t.
  Vector pull_step(const Step& step, Vector& dh, Vector& dc, Context& context) const {
    Vector da(step.a.size(), 0.0);
    if (r_.kind == Kind::Gru) return pull_gru(step, da, dh, context);
    for (std::size_t i = 0; i < n_; ++i) {
      if (r_.kind == Kind::Simple) {
        da[i] = slope(step, 0, i) * dh[i];
        continue;
      }
      const double* const g = step.gate.data() + i;
      da[n_ + i] = slope(step, 1, i) * cell_function().value(step.cell[i]) * dh[i];
      dc[i] += g[n_] * cell_function().derivative(step.cell[i]) * dh[i];
      da[i] = slope(step, 0, i) * g[3 * n_] * dc[i];
      da[2 * n_ + i] = slope(step, 2, i) * step.c[i] * dc[i];
      da[3 * n_ + i] = slope(step, 3, i) * g[0] * dc[i];
      dc[i] *= g[2 * n_];
    }
    dh = times_adjoint(r_.recurrent_weight, da, context);
    return da;
  }

  Vector pull_gru(const Step& step, Vector& da, Vector& dh, Context& context) const {
    Vector before(n_);  // the cotangent of h by ways that do not go through R
    for (std::size_t i = 0; i < n_; ++i) {
      const double z = step.gate[i];
      da[i] = slope(step, 0, i) * (step.h[i] - step.gate[2 * n_ + i]) * dh[i];
      da[2 * n_ + i] = slope(step, 2, i) * (1 - z) * dh[i];
      before[i] = z * dh[i];
    }
    Vector through(da.size(), 0.0);  // the cotangent of R h
    if (r_.linear_before_reset) {
      for (std::size_t i = 0; i < n_; ++i) {
        da[n_ + i] = slope(step, 1, i) * step.inside[i] * da[2 * n_ + i];
        through[2 * n_ + i] = step.gate[n_ + i] * da[2 * n_ + i];
      }
    } else {
      Vector candidate(da.size(), 0.0);
      std::copy(da.begin() + static_cast<std::ptrdiff_t>(2 * n_), da.end(),
                candidate.begin() + static_cast<std::ptrdiff_t>(2 * n_));
      const Vector reset = times_adjoint(r_.recurrent_weight, candidate, context);  // the cotangent of r h
      for (std::size_t i = 0; i < n_; ++i) {
        da[n_ + i] = slope(step, 1, i) * step.h[i] * reset[i];
        before[i] += step.gate[n_ + i] * reset[i];
      }
    }
    std::copy(da.begin(), da.begin() + static_cast<std::ptrdiff_t>(2 * n_), through.begin());
    dh = times_adjoint(r_.recurrent_weight, through, context);
    add_to(dh, before);
    return da;
  }

  const Recurrence& r_;
  std::size_t n_;
  std::size_t width_;
  std::size_t steps_;
};

}  // namespace

Map map_of(const Recurrence& recurrence, const Node&) { return std::make_unique<RecurrenceMap>(recurrence); }

}  // namespace sigmax::graph::evaluation
