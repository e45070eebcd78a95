// Boxes of operations on groups of entries.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/evaluate/local_map.hpp"
#include "sigmax/graph/ranges/node.hpp"
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/graph/scalar/elementary.hpp"

namespace sigmax::graph {
namespace {

using evaluation::each_group;

/// The indices of a group's entries.
class Members {
 public:
  Members(std::size_t start, const Groups& groups)
      : start_(start), step_(static_cast<std::size_t>(groups.inner)), size_(static_cast<std::size_t>(groups.length)) {}
  std::size_t size() const { return size_; }
  std::size_t operator[](std::size_t k) const { return start_ + k * step_; }

 private:
  std::size_t start_;
  std::size_t step_;
  std::size_t size_;
};

/// For each k the sum of all others: no subtraction, so that it is as good as its terms.
std::vector<Interval> sums_of_others(const std::vector<Interval>& terms) {
  std::vector<Interval> result(terms.size(), point(0));
  Interval before = point(0);
  for (std::size_t k = 0; k < terms.size(); ++k) {
    result[k] = before;
    before = before + terms[k];
  }
  Interval behind = point(0);
  for (std::size_t k = terms.size(); k-- > 0;) {
    result[k] = result[k] + behind;
    behind = behind + terms[k];
  }
  return result;
}

/// With e_k = exp(x_k - m), m a number near the largest: y_k = e_k / (e_k + sum of the others), which grows with e_k
/// and falls with the others; log y_k = (x_k - m) - log sum.
void softmax_of_group(const Softmax& softmax, const Box& x, const Members& members, Box& y) {
  double shift = -kInfinity;
  for (std::size_t k = 0; k < members.size(); ++k) shift = std::max(shift, x[members[k]].greatest);
  const Interval everywhere = softmax.logarithm ? Interval{-kInfinity, 0} : Interval{0, 1};
  if (!std::isfinite(shift)) {
    for (std::size_t k = 0; k < members.size(); ++k) y[members[k]] = everywhere;
    return;
  }
  std::vector<Interval> e(members.size());
  for (std::size_t k = 0; k < members.size(); ++k) e[k] = exponential(x[members[k]] - point(shift));
  const std::vector<Interval> others = sums_of_others(e);
  for (std::size_t k = 0; k < members.size(); ++k) {
    Interval& out = y[members[k]];
    if (softmax.logarithm) {
      const Interval sum = e[k] + others[k];
      const Interval log_sum =
          sum.least > 0 ? logarithm(sum) : Interval{-kInfinity, logarithm(point(sum.greatest)).greatest};
      out = overlap(everywhere, (x[members[k]] - point(shift)) - log_sum);
      continue;
    }
    const auto ratio = [](double own, double rest, bool upward) {
      if (own == 0) return 0.0;
      const double sum = upward ? down(own + rest) : up(own + rest);
      return upward ? up(own / std::max(sum, 0x1p-1074)) : std::max(0.0, down(own / sum));
    };
    out = overlap(everywhere,
                  {ratio(e[k].least, others[k].greatest, false), ratio(e[k].greatest, others[k].least, true)});
  }
}

/// log(sum exp(x_k)) grows with each x_k: an end of it is that of all ends, m + log(sum exp(x_k - m)).
Interval log_sum(const Box& x, const Members& members) {
  const auto of_ends = [&](bool greatest) {
    double most = -kInfinity;
    const auto end = [&](std::size_t k) { return greatest ? x[members[k]].greatest : x[members[k]].least; };
    for (std::size_t k = 0; k < members.size(); ++k) most = std::max(most, end(k));
    if (std::isinf(most)) return point(most);
    Interval sum = point(0);
    for (std::size_t k = 0; k < members.size(); ++k) {
      if (end(k) > -kInfinity) sum = sum + exponential(point(end(k)) - point(most));
    }
    return point(most) + logarithm(sum);
  };
  return {of_ends(false).least, of_ends(true).greatest};
}

Interval reduced(Reduction::Kind kind, const Box& x, const Members& members) {
  if (kind == Reduction::Kind::LogSumExp) return log_sum(x, members);
  Interval result = kind == Reduction::Kind::Maximum || kind == Reduction::Kind::Minimum ? x[members[0]] : point(0);
  for (std::size_t k = 0; k < members.size(); ++k) {
    const Interval& each = x[members[k]];
    switch (kind) {
      case Reduction::Kind::Maximum: result = maximum(result, each); break;
      case Reduction::Kind::Minimum: result = minimum(result, each); break;
      case Reduction::Kind::AbsoluteSum: result = result + absolute(each); break;
      case Reduction::Kind::LogSumExp: break;
      case Reduction::Kind::EuclideanNorm: {
        // sqrt(a^2 + b^2) by way of the larger one, so that squares stay in range.
        const Interval other = absolute(each);
        const Interval greater = maximum(result, other);
        const Interval lesser = minimum(result, other);
        if (greater.least > 0 && std::isfinite(greater.greatest)) {
          result = greater * square_root(point(1) + square(lesser / greater));
        } else {
          result = {greater.least, result.greatest + other.greatest};
        }
        break;
      }
    }
  }
  return result;
}

}  // namespace

Box box_of(const Softmax& softmax, const Box& x) {
  Box y(x.size());
  each_group(softmax.groups,
             [&](std::size_t start) { softmax_of_group(softmax, x, Members(start, softmax.groups), y); });
  return y;
}

Box box_of(const Reduction& reduction, const Box& x) {
  Box y;
  each_group(reduction.groups,
             [&](std::size_t start) { y.push_back(reduced(reduction.kind, x, Members(start, reduction.groups))); });
  return y;
}

Box box_of(const MaxPool& pool, const Box& x) {
  const std::int64_t in = pool.window.input_positions();
  const std::int64_t out = pool.window.output_positions();
  const std::int64_t taps = pool.window.taps();
  Box y(static_cast<std::size_t>(pool.channels * out), point(0));
  for (std::int64_t a = 0; a < out; ++a) {
    std::vector<std::int64_t> window;
    for (std::int64_t p = 0; p < taps; ++p) {
      const std::int64_t from = input_of(pool.window, a, p);
      if (from >= 0) window.push_back(from);
    }
    for (std::int64_t c = 0; c < pool.channels && !window.empty(); ++c) {
      Interval& result = y[static_cast<std::size_t>(c * out + a)];
      result = x[static_cast<std::size_t>(c * in + window[0])];
      for (const std::int64_t each : window) result = maximum(result, x[static_cast<std::size_t>(c * in + each)]);
    }
  }
  return y;
}

// h = c / s with s^2 at least the mean of c^2. Always |h_k| <= sqrt n, and sqrt(n - 1) if the c sum up to 0: then
// c_k^2 <= (n - 1) times the sum of the other squares.
Box box_of(const Standardization& s, const Box& x) {
  Box y(x.size());
  const double n = static_cast<double>(s.groups.length);
  const double most = up(std::sqrt(s.centered ? n - 1 : n));
  each_group(s.groups, [&](std::size_t start) {
    const Members members(start, s.groups);
    Interval mean = point(0);
    if (s.centered) {
      for (std::size_t k = 0; k < members.size(); ++k) mean = mean + x[members[k]];
      mean = mean / point(n);
    }
    Interval squares = point(0);
    for (std::size_t k = 0; k < members.size(); ++k) squares = squares + square(x[members[k]] - mean);
    const Interval divisor = point(n - static_cast<double>(s.correction));
    const Interval scale = square_root(squares / divisor + point(s.epsilon)) + point(s.added);
    for (std::size_t k = 0; k < members.size(); ++k) {
      const std::size_t i = members[k];
      const Interval h = overlap({-most, most}, (x[i] - mean) / scale);
      y[i] = h * point(s.gain.empty() ? 1 : s.gain[i]) + point(s.offset.empty() ? 0 : s.offset[i]);
    }
  });
  return y;
}

Box box_of(const MatrixProduct& n, const Box& a, const Box& b) {
  Box y;
  y.reserve(static_cast<std::size_t>(n.batch * n.rows * n.columns));
  for (std::int64_t t = 0; t < n.batch; ++t) {
    for (std::int64_t i = 0; i < n.rows; ++i) {
      for (std::int64_t j = 0; j < n.columns; ++j) {
        Interval sum = point(0);
        for (std::int64_t k = 0; k < n.inner; ++k) {
          sum = sum + a[static_cast<std::size_t>((t * n.rows + i) * n.inner + k)] *
                          b[static_cast<std::size_t>((t * n.inner + k) * n.columns + j)];
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

}  // namespace sigmax::graph
