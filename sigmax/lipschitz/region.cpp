#include "sigmax/lipschitz/region.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/ranges/outward.hpp"

namespace sigmax::lipschitz {
namespace {

// Rounded so that it is true of the exact distance.
bool is_in(const Ball& ball, const std::vector<double>& x) {
  if (x == ball.center) return true;
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] == ball.center[i]) continue;
    const double each = graph::up(std::fabs(x[i] - ball.center[i]));
    switch (ball.norm) {
      case VectorNorm::one: total = graph::up(total + each); break;
      case VectorNorm::two: total = graph::up(total + graph::up(each * each)); break;
      case VectorNorm::infinity: total = std::max(total, each); break;
    }
  }
  return total <= (ball.norm == VectorNorm::two ? graph::down(ball.radius * ball.radius) : ball.radius);
}

// A step from the center, shortened until it is about as long as the radius.
void shorten(std::vector<double>& from, const Ball& ball) {
  const double reach = ball.radius * (1 - 0x1p-40);
  if (ball.norm == VectorNorm::infinity) {
    for (double& each : from) each = std::clamp(each, -reach, reach);
    return;
  }
  double length = length_of(from);
  if (ball.norm == VectorNorm::one) {
    length = 0;
    for (const double each : from) length += std::fabs(each);
  }
  if (length <= reach) return;
  for (double& each : from) each *= reach / length;
}

void clamp(std::vector<double>& x, const graph::Box& box) {
  for (std::size_t i = 0; i < box.size(); ++i) x[i] = std::clamp(x[i], box[i].least, box[i].greatest);
}

}  // namespace

double length_of(const std::vector<double>& x) {
  double most = 0;
  for (const double each : x) most = std::max(most, std::fabs(each));
  if (!(most > 0) || !std::isfinite(most)) return most;
  double sum = 0;
  for (const double each : x) sum += (each / most) * (each / most);
  return most * std::sqrt(sum);
}

double normalize(std::vector<double>& x) {
  const double length = length_of(x);
  if (length > 0 && std::isfinite(length)) {
    for (double& each : x) each /= length;
  }
  return length;
}

std::vector<double> stepped(const std::vector<double>& x, double step, const std::vector<double>& direction) {
  std::vector<double> y = x;
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += step * direction[i];
  return y;
}

Region::Region(Domain domain, graph::Box box, std::int64_t size, const RandomState& random)
    : domain_(std::move(domain)), box_(std::move(box)), ball_(ball_of(domain_, size)), state_(random) {
  if (auto* const given = std::get_if<graph::Box>(&domain_); given != nullptr && box_.empty()) box_ = *given;
}

std::vector<double> Region::normal() {
  std::vector<double> x(ball_.center.size());
  state_ = fill_normal(state_, x);
  return x;
}

double Region::uniform() {
  double x = 0;
  state_ = fill_uniform(state_, std::span<double>(&x, 1));
  return std::fabs(x);
}

bool Region::is_bounded() const { return std::isfinite(ball_.radius); }

double Region::scale() { return is_bounded() ? ball_.radius : std::pow(10.0, 2.5 * uniform() - 1); }

// Uniform in a ball, and in the ball around a box.
std::vector<double> Region::draw() {
  std::vector<double> direction = normal();
  normalize(direction);
  const double dimension = static_cast<double>(direction.size());
  const double reach =
      is_bounded() ? ball_.radius * std::pow(uniform(), 1 / dimension) : scale() * std::sqrt(dimension);
  return inside(stepped(ball_.center, reach, direction));
}

std::optional<std::vector<double>> Region::center() const {
  if (!is_bounded()) return std::nullopt;
  return inside(ball_.center);
}

std::vector<double> Region::inside(std::vector<double> x) const {
  clamp(x, box_);
  const auto* const ball = std::get_if<Ball>(&domain_);
  if (ball == nullptr) return x;
  // The first pass leaves rounding errors only; each other halves the distance from the center, which is in the box.
  for (int pass = 0; pass < 100 && !is_in(*ball, x); ++pass) {
    std::vector<double> from(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) from[i] = x[i] - ball->center[i];
    if (pass == 0) shorten(from, *ball);
    x = stepped(ball->center, pass == 0 ? 1 : 0.5, from);
    clamp(x, box_);
  }
  return is_in(*ball, x) ? x : ball->center;
}

}  // namespace sigmax::lipschitz
