// Recurrent layers: what a change of x_s can do to h_t, summed over time.
//
// Write dx_s and dh_t for the norms of changes; s_f, s_g, s_p bound the slopes of the functions, f, g, p their values;
// every function acts entry by entry, so that its Jacobian is a diagonal matrix.
//
//     Simple  dh_t <= s_f (|W| dx_t + |R| dh_{t-1})
//     LSTM    dc_t <= k_t (|W| dx_t + |R| dh_{t-1}) + f dc_{t-1},  k_t^2 = (s_f g)^2 + (s_f |c_{t-1}|)^2 + (f s_g)^2
//             (the sum of the three in the norm of greatest entries, the greatest in that of sums),
//             dh_t <= s_f p(c_t) (|W| dx_t + |R| dh_{t-1}) + f s_p dc_t,  |c_t| <= f |c_{t-1}| + f g entry by entry:
//             [D_i D_f D_c] has rows of three entries, and the changes of all gates together are those of W x + R h
//     GRU     dr, dz <= s_f (|W| dx_t + |R| dh_{t-1}),
//             dn <= s_g (|W| dx_t + |R| (f dh_{t-1} + |h| dr)), or s_g (|W| dx_t + f |R| dh_{t-1} + q dr) with
//             linear_before_reset, q the greatest entry of R h + its bias,
//             dh_t <= dn + dh_{t-1} + |h - n| dz,  |h| <= g entry by entry: with z in [0, 1] h is a mean of candidates
//
// Each is dh_t <= sum_s m_ts dx_s with m >= 0, and so |dh| <= |m|_2 |dx|. Where m depends on t - s alone, |m|_2 is at
// most the sum of its coefficients.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/interval.hpp"
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/lipschitz/walk/rule.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Interval;
using graph::Recurrence;

/// What is used of a function: bounds of |slope| and |value| on an interval, and the range.
struct Facts {
  Limit slope;
  Limit value;
  Interval range;
};

Facts facts_of(const graph::Function& f, const Interval& domain = {}) {
  const std::optional<Interval> slopes = f->slopes(domain);
  const Interval range = f->range(domain);
  return {slopes ? limit(graph::magnitude(*slopes)) : std::nullopt, limit(graph::magnitude(range)), range};
}

/// sum of the first `steps` powers
Limit geometric(const Limit& ratio, std::int64_t steps) {
  Limit power = limit(1);
  Limit sum = limit(0);
  for (std::int64_t k = 0; k < steps && sum; ++k) {
    sum = sum + power;
    power = power * ratio;
  }
  return sum;
}

Limit simple(const Recurrence& r, const Limit& w, const Limit& u) {
  const Facts f = facts_of(r.functions[0]);
  return f.slope * w * geometric(f.slope * u, r.steps);
}

// The range of f may exceed [0, 1] by the rounding of its ends, e: then |1 - z| + |z| <= 1 + 2 e, and |h| <= g times a
// power of that.
Limit gru(const Recurrence& r, const Limit& w, const Limit& u, VectorNorm norm) {
  const Facts f = facts_of(r.functions[0]);
  const Facts g = facts_of(r.functions[1]);
  const double beyond = std::max({0.0, -f.range.least, f.range.greatest - 1});
  if (!(beyond < 0x1p-30)) return std::nullopt;
  Limit h = g.value;
  for (std::int64_t t = 0; t < r.steps && beyond > 0; ++t) h = h * (limit(1) + limit(3 * beyond));
  const Limit rest = limit(graph::magnitude(graph::point(1) - f.range));
  Limit inside = u * h;
  if (r.linear_before_reset) {
    double bias = 0;
    for (const double each : r.recurrent_bias) bias = std::max(bias, std::fabs(each));
    // |h| in the norm, by its greatest entry.
    const double n = static_cast<double>(r.hidden);
    const double entries = norm == VectorNorm::one ? n : norm == VectorNorm::two ? graph::up(std::sqrt(n)) : 1;
    inside = u * limit(entries) * h + limit(bias);
  }
  const Limit between = h + g.value;
  const Limit of_input = rest * g.slope * (w + inside * f.slope * w) + between * f.slope * w;
  const Limit of_state = f.value + rest * g.slope * (u * f.value + inside * f.slope * u) + between * f.slope * u;
  return of_input * geometric(of_state, r.steps);
}

/// |m|_2 of a matrix of upper bounds, row-major: sigma_max where it is small, the root of row and column sums
/// otherwise.
Limit norm_of_influences(const std::vector<double>& m, std::int64_t steps, Norms& norms) {
  if (std::ranges::any_of(m, [](double each) { return !std::isfinite(each); })) return std::nullopt;
  constexpr std::int64_t kMost = 512;
  if (steps <= kMost || norms.norm() != VectorNorm::two)
    return norms.of(dense<double>(Tensor::copy_of(m, {steps, steps})));
  std::vector<double> columns(static_cast<std::size_t>(steps), 0.0);
  double rows = 0;
  for (std::int64_t t = 0; t < steps; ++t) {
    double row = 0;
    for (std::int64_t s = 0; s < steps; ++s) {
      const double each = m[static_cast<std::size_t>(t * steps + s)];
      row = graph::up(row + each);
      double& column = columns[static_cast<std::size_t>(s)];
      column = graph::up(column + each);
    }
    rows = std::max(rows, row);
  }
  const Limit squared = limit(rows) * limit(*std::ranges::max_element(columns));
  return squared ? Limit(bounds::square_root(*squared)) : std::nullopt;
}

Limit lstm(const Recurrence& r, const Limit& w, const Limit& u, Norms& norms) {
  const Facts f = facts_of(r.functions[0]);
  const Facts g = facts_of(r.functions[1]);
  const auto steps = static_cast<std::size_t>(r.steps);
  // |c| before each step, and what a step takes from it.
  std::vector<Limit> cell_factor;
  std::vector<Facts> behind;
  Limit c = limit(0);
  for (std::size_t t = 0; t < steps; ++t) {
    const auto row = [&](const Limit& a, const Limit& b) { return side_by_side(norms.norm(), a, b); };
    cell_factor.push_back(row(row(f.slope * g.value, f.slope * c), f.value * g.slope));
    c = f.value * c + f.value * g.value;
    if (!c || !cell_factor.back()) return std::nullopt;
    behind.push_back(facts_of(r.functions[2], {-c->upper->value(), c->upper->value()}));
  }
  std::vector<double> m(steps * steps, 0.0);
  for (std::size_t s = 0; s < steps; ++s) {
    Limit dh = limit(0);
    Limit dc = limit(0);
    for (std::size_t t = s; t < steps; ++t) {
      const Limit da = (t == s ? w : limit(0)) + u * dh;
      dc = cell_factor[t] * da + f.value * dc;
      dh = f.slope * behind[t].value * da + f.value * behind[t].slope * dc;
      if (!dh) return std::nullopt;
      m[t * steps + s] = dh->upper->value();
    }
  }
  return norm_of_influences(m, r.steps, norms);
}

}  // namespace

Rule rule_of(const Recurrence& recurrence, const graph::Box&, Norms& norms) {
  if (recurrence.steps == 0 || recurrence.hidden == 0) return {{limit(0)}, false, {}, false};
  const Limit w = norms.of(recurrence.input_weight);
  const Limit u = norms.of(recurrence.recurrent_weight);
  if (!w || !u) return {{}, false, norms.why(), false};
  Limit bound;
  switch (recurrence.kind) {
    case Recurrence::Kind::Simple: bound = simple(recurrence, w, u); break;
    case Recurrence::Kind::Gru: bound = gru(recurrence, w, u, norms.norm()); break;
    case Recurrence::Kind::Lstm: bound = lstm(recurrence, w, u, norms); break;
  }
  if (!bound) {
    return {{},
            false,
            "is a recurrence whose functions are not bounded, or whose bound is beyond the range of double",
            false};
  }
  return {{bound}, false, {}, false};
}

}  // namespace sigmax::lipschitz
