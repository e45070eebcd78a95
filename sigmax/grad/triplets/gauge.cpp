#include "sigmax/grad/triplets/gauge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::grad {
namespace {

// Neither is a multiple of the other or of a right angle.
constexpr double kAngles[] = {0.7, 2.1};

Matrix<double> copy_of(MatrixView<const double> x) {
  Matrix<double> result(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), result.column(j).begin());
  return result;
}

void negate(Matrix<double>& x, std::int64_t i) {
  for (double& value : x.column(i)) value = -value;
}

void rotate(Matrix<double>& x, std::int64_t i, std::int64_t j, double angle) {
  const double c = std::cos(angle);
  const double s = std::sin(angle);
  const std::span<double> first = x.column(i);
  const std::span<double> second = x.column(j);
  for (std::size_t row = 0; row < first.size(); ++row) {
    const double before = first[row];
    first[row] = c * before - s * second[row];
    second[row] = s * before + c * second[row];
  }
}

// The loss of the same matrix, written in other ways.
class Trial {
 public:
  Trial(const TripletLoss& loss, std::span<const double> sigma, MatrixView<const double> u, MatrixView<const double> v)
      : loss_(loss), sigma_(sigma), u_(u), v_(v) {}

  template <class Change>
  double after(const Change& change) const {
    Matrix<double> u = copy_of(u_);
    Matrix<double> v = copy_of(v_);
    change(u, v);
    return finite(loss_(sigma_, std::as_const(u).view(), std::as_const(v).view()));
  }
  double before() const { return finite(loss_(sigma_, u_, v_)); }

 private:
  static double finite(double value) {
    if (!std::isfinite(value)) throw Error(fmt::format("[check_gauge] the loss is {}; it must be finite", value));
    return value;
  }

  const TripletLoss& loss_;
  std::span<const double> sigma_;
  MatrixView<const double> u_;
  MatrixView<const double> v_;
};

void require(std::span<const double> sigma, MatrixView<const double> u, MatrixView<const double> v) {
  const auto k = static_cast<std::int64_t>(sigma.size());
  if (k == 0 || u.columns != k || v.columns != k) {
    throw Error(
        fmt::format("[check_gauge] {} values, {} left and {} right vectors: the numbers must be equal, and at "
                    "least 1",
                    k, u.columns, v.columns));
  }
  if (!std::is_sorted(sigma.rbegin(), sigma.rend())) throw Error("[check_gauge] the singular values must not ascend");
}

std::string describe(const GaugeResult& result) {
  std::string text = "the loss does not depend on the choice of singular vectors";
  if (!result.invariant) {
    const GaugeChange& worst = result.changes[result.worst];
    switch (worst.kind) {
      case GaugeChange::Kind::sign:
        text = fmt::format("the loss depends on the sign of (u_{0}, v_{0})", worst.i.value() + 1);
        break;
      case GaugeChange::Kind::signs: text = "the loss depends on the signs of several (u_i, v_i) together"; break;
      case GaugeChange::Kind::rotation:
        text = fmt::format("the loss depends on the choice of vectors within the equal sigma_{} = sigma_{}",
                           worst.i.value() + 1, worst.j.value() + 1);
        break;
      case GaugeChange::Kind::left_sign:
        text =
            fmt::format("the loss depends on the sign of u_{0}, which sigma_{0} = 0 leaves open", worst.i.value() + 1);
        break;
    }
    text += fmt::format(
        ", which A does not determine: {:.10g} becomes {:.10g}; write it with u_i v_i^T, or with squares "
        "or absolute values of products with u_i and v_i",
        result.loss, worst.loss);
  }
  if (result.cut_through_equal_values) {
    text += "; the last value equals the one behind it: the vectors are an arbitrary choice, ask for more triplets";
  }
  return text;
}

}  // namespace

GaugeResult check_gauge(const TripletLoss& loss, std::span<const double> sigma, MatrixView<const double> u,
                        MatrixView<const double> v, std::optional<double> next, const GaugeOptions& options) {
  const FloatingEnvironment environment;
  require(sigma, u, v);
  const Trial trial(loss, sigma, u, v);
  const auto k = static_cast<std::int64_t>(sigma.size());
  const double equal = options.equal * sigma.front();
  const auto value = [&](std::int64_t i) { return sigma[static_cast<std::size_t>(i)]; };
  using M = Matrix<double>;
  GaugeResult result;
  result.loss = trial.before();
  const auto add = [&](GaugeChange::Kind kind, std::optional<std::int64_t> i, std::optional<std::int64_t> j,
                       double changed) {
    result.changes.push_back({kind, i, j, changed, 0});
  };
  for (std::int64_t i = 0; i < k; ++i) {
    add(GaugeChange::Kind::sign, i, {}, trial.after([i](M& left, M& right) {
      negate(left, i);
      negate(right, i);
    }));
    if (value(i) <= equal) add(GaugeChange::Kind::left_sign, i, {}, trial.after([i](M& left, M&) { negate(left, i); }));
    if (i + 1 == k || value(i) - value(i + 1) > equal) continue;
    for (const double angle : kAngles) {
      add(GaugeChange::Kind::rotation, i, i + 1, trial.after([=](M& left, M& right) {
        rotate(left, i, i + 1, angle);
        rotate(right, i, i + 1, angle);
      }));
    }
  }
  result.random = options.random;
  std::vector<double> draws(static_cast<std::size_t>(k));
  for (std::int64_t c = 0; k > 1 && c < options.combinations; ++c) {
    result.random = fill_uniform(result.random, draws);
    add(GaugeChange::Kind::signs, {}, {}, trial.after([&](M& left, M& right) {
      for (std::int64_t i = 0; i < k; ++i) {
        if (draws[static_cast<std::size_t>(i)] < 0.5) continue;
        negate(left, i);
        negate(right, i);
      }
    }));
  }
  double largest = std::fabs(result.loss);
  for (const GaugeChange& change : result.changes) largest = std::max(largest, std::fabs(change.loss));
  for (std::size_t at = 0; at < result.changes.size(); ++at) {
    GaugeChange& change = result.changes[at];
    if (largest > 0) change.relative_change = std::fabs(change.loss - result.loss) / largest;
    if (change.relative_change > options.tolerance) result.invariant = false;
    if (change.relative_change > result.changes[result.worst].relative_change) result.worst = at;
  }
  result.cut_through_equal_values = next && *next > 0 && value(k - 1) - *next <= equal;
  result.message = describe(result);
  return result;
}

GaugeResult check_gauge(const TripletLoss& loss, const SvdResult<double>& triplets, const GaugeOptions& options) {
  const FloatingEnvironment environment;
  return check_gauge(loss, triplets.sigma, triplets.u.view(), triplets.v.view(), triplets.next, options);
}

}  // namespace sigmax::grad
