#include "sigmax/lipschitz/steep_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math

namespace sigmax::lipschitz {
namespace {

using Vector = std::vector<double>;

VectorNorm dual_of(VectorNorm norm) {
  if (norm == VectorNorm::two) return norm;
  return norm == VectorNorm::one ? VectorNorm::infinity : VectorNorm::one;
}

/// |y|, and instead of y a vector of the dual norm 1 whose product with y is |y|. 0 for a norm that is not finite.
double norm_and_dual(Vector& y, VectorNorm norm) {
  double size = 0;
  if (norm == VectorNorm::two) {
    size = normalize(y);
  } else if (norm == VectorNorm::one) {
    for (double& each : y) {
      size += std::fabs(each);
      each = each < 0 ? -1 : 1;
    }
  } else if (!y.empty()) {
    const auto greatest =
        std::ranges::max_element(y, {}, [](double each) { return std::isnan(each) ? -1 : std::fabs(each); });
    size = std::fabs(*greatest);
    const double sign = *greatest < 0 ? -1 : 1;
    const auto place = greatest - y.begin();
    std::ranges::fill(y, 0.0);
    y[static_cast<std::size_t>(place)] = sign;
  }
  return std::isfinite(size) ? size : 0;
}

// A search goes from steps of the first length and width to the last ones.
constexpr double kWidest = 1;
constexpr double kNarrowest = 0.02;
constexpr double kLongest = 0.3;
constexpr double kShortest = 0.01;
constexpr std::size_t kMostRows = 64;

/// The i-th of `count` numbers from `first` to `last` with equal quotients.
double between(double first, double last, int i, int count) {
  return first * std::pow(last / first, static_cast<double>(i) / std::max(1, count - 1));
}

}  // namespace

SteepPoint SteepSearch::at(Vector x) {
  SteepPoint point{std::move(x), region_.normal(), 0};
  norm_and_dual(point.v, dual_of(norm_));
  iterate(point, 2);
  return point;
}

void SteepSearch::settle(SteepPoint& point, int steps) {
  const Local local = iterate(point, steps);
  const auto outputs = static_cast<std::size_t>(output_size(graph_));
  if (norm_ == VectorNorm::two || outputs > kMostRows) return;
  Vector columns(point.x.size(), 0.0);
  for (std::size_t i = 0; i < outputs; ++i) {
    Vector unit(outputs, 0.0);
    unit[i] = 1;
    Vector row = reverse(graph_, local.values, unit, context_);
    for (std::size_t k = 0; k < row.size(); ++k) columns[k] += std::fabs(row[k]);
    if (norm_ == VectorNorm::one) continue;
    const double sum = norm_and_dual(row, VectorNorm::one);
    if (sum > point.norm) point = {point.x, std::move(row), sum};
  }
  if (norm_ == VectorNorm::infinity) return;
  const double greatest = norm_and_dual(columns, VectorNorm::infinity);
  if (greatest > point.norm) point = {point.x, std::move(columns), greatest};
}

// Boyd's power method: with dual(y) a vector of the dual norm 1 and y . dual(y) = |y|, v <- the vector of norm 1 with
// the greatest product with J^T dual(J v). |J v| never falls. In the Euclidean norm it is the power iteration on J^T J.
SteepSearch::Local SteepSearch::iterate(SteepPoint& point, int steps) {
  Local local{evaluate(graph_, point.x, context_), {}};
  for (int step = 0;; ++step) {
    local.u = forward(graph_, local.values, point.v, context_);
    point.norm = norm_and_dual(local.u, norm_);
    if (step == steps || !(point.norm > 0)) return local;
    Vector next = reverse(graph_, local.values, local.u, context_);
    if (!(norm_and_dual(next, dual_of(norm_)) > 0)) return local;
    point.v = std::move(next);
  }
}

// Of length 1.
Vector SteepSearch::direction_at(const SteepPoint& point, const Local& local, double width) {
  Vector direction = bend(graph_, local.values, point.v, local.u, width, context_);
  const double length = normalize(direction);
  if (length > 0 && std::isfinite(length)) return direction;
  direction = region_.normal();
  normalize(direction);
  return direction;
}

// What the length of a step is relative to.
double SteepSearch::size_at(const Vector& x) {
  return region_.is_bounded() ? region_.scale() : std::max(length_of(x), 1e-3);
}

void SteepSearch::ascend(SteepPoint& point, int steps) {
  if (steps <= 0) return;
  SteepPoint moving = point;
  settle(moving);
  Vector momentum(point.x.size(), 0.0);
  for (int i = 0; i < steps; ++i) {
    if (norm_ != VectorNorm::two && i % 8 == 7) settle(moving);
    const Local local = iterate(moving, 1);
    if (moving.norm > point.norm) point = moving;
    const Vector direction = direction_at(moving, local, between(kWidest, kNarrowest, i, steps));
    for (std::size_t k = 0; k < momentum.size(); ++k) momentum[k] = momentum[k] / 2 + direction[k];
    Vector step = momentum;
    normalize(step);
    moving.x = region_.inside(stepped(moving.x, between(kLongest, kShortest, i, steps) * size_at(moving.x), step));
  }
}

void SteepSearch::climb(SteepPoint& point, int steps) {
  const double longest = 0.5;
  double length = 0.1;
  Local local = iterate(point, 3);
  for (int i = 0; i < steps; ++i) {
    Vector direction;
    if (i % 3 == 0) {
      direction = direction_at(point, local, between(1, 1e-3, i / 3 % 4, 4));
    } else {
      direction = i % 3 == 1 ? point.v : region_.normal();
      normalize(direction);
    }
    const double side = i % 6 == 1 ? -1.0 : 1.0;
    SteepPoint moved{region_.inside(stepped(point.x, side * length * size_at(point.x), direction)), point.v, 0};
    Local there = iterate(moved, 2);
    if (moved.norm > point.norm) {
      point = std::move(moved);
      local = std::move(there);
      length *= 1.6;
    } else {
      length *= 0.85;
    }
    if (length < 1e-7 || length > longest) length = longest;
  }
}

}  // namespace sigmax::lipschitz
