#include "sigmax/nn/proximal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/grad/outer_update.hpp"
#include "sigmax/grad/triplets/leading.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/maps/water_level.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::nn {
namespace {

template <Real T>
struct Problem {
  const Tensor& weight;
  const ScannedMatrix& scanned;
  std::span<T> result;
  const ProximalOptions& options;
  Context& context;

  std::int64_t all() const { return std::min(weight.shape()[0], weight.shape()[1]); }
  double frobenius() const { return scanned.frobenius(); }

  // An upper limit of |W|_*, rounding included.
  double nuclear_at_most() const { return frobenius() * std::sqrt(static_cast<double>(all())) * (1 + 1e-12); }

  ProximalResult zero(double threshold) const {
    std::fill(result.begin(), result.end(), T{0});
    ProximalResult done;
    done.zero = true;
    done.threshold = threshold;
    return done;
  }

  // factor W = (scale W) / divisor, to rounding
  void copy(double scale, double divisor) const {
    std::fill(result.begin(), result.end(), T{0});
    norms::add_entries<T>(norms::entries_of(scanned), norms::entry::Proportional{scale, divisor}, 1, result, context);
  }

  ProximalResult unchanged(double threshold) const {
    copy(1, 1);
    ProximalResult done;
    done.unchanged = true;
    done.threshold = threshold;
    return done;
  }

  // level(sigma) gives the threshold for a matrix of these singular values; it is the answer once the rest of W lies
  // below it. map(sigma_i, threshold) is the weight of u_i v_i^T, which is added to W or forms the result alone.
  template <class Level, class Map>
  ProximalResult leading(const Level& level, const Map& map, bool from_weight) const {
    const Operator<double> a = dense<double>(weight);
    SvdOptions<double> solver;
    solver.tolerance = options.tolerance;
    solver.max_products = options.max_products;
    solver.random = options.random;
    grad::Leading<double> top(*a, solver, context);
    double threshold = 0;
    std::int64_t k = std::clamp<std::int64_t>(options.triplets, 1, all());
    while (true) {
      top.extend(k);
      threshold = level(std::span<const double>(top.sigma()));
      if (top.is_complete()) break;
      if (top.sigma().back() > threshold) {
        k = std::min(2 * k, all());
      } else if (top.probe() <= threshold) {
        break;
      }
    }
    ProximalResult done;
    std::vector<double> weights;
    for (const double sigma : top.sigma()) weights.push_back(sigma > threshold ? map(sigma, threshold) : 0.0);
    const OuterSum<double> sum = top.outer_sum(weights);
    done.threshold = threshold;
    done.triplets = sum.view().terms();
    done.dense = top.is_dense();
    done.outcome = top.outcome();
    done.zero = !from_weight && done.triplets == 0;
    done.unchanged = from_weight && done.triplets == 0;
    if (from_weight) copy(1, 1);
    grad::update_outer<T>(sum.view(), from_weight ? 1 : 0, result, context);
    return done;
  }

  // (sigma_i - lambda)_+
  ProximalResult soft(double lambda) const {
    if (frobenius() <= lambda) return zero(lambda);
    return leading([=](std::span<const double>) { return lambda; },
                   [](double sigma, double theta) { return sigma - theta; }, false);
  }

  ProximalResult operator()(ball::Spectral b) const {
    if (b.radius == 0) return zero(0);
    if (frobenius() <= b.radius) return unchanged(b.radius);
    return leading([&](std::span<const double>) { return b.radius; },
                   [](double sigma, double radius) { return radius - sigma; }, true);
  }

  ProximalResult operator()(ball::Nuclear b) const {
    if (b.radius == 0) return zero(0);
    if (nuclear_at_most() <= b.radius) return unchanged(0);
    // Outside the ball a level is needed as soon as the values found fill it; 0 means that they do not.
    bool inside = false;
    const auto level = [&](std::span<const double> sigma) {
      const std::optional<double> theta = norms::water_level(sigma, kInfinity, b.radius);
      inside = !theta;
      return theta.value_or(0);
    };
    ProximalResult done = leading(
        level, [](double sigma, double theta) { return sigma - theta; }, false);
    if (!inside) return done;
    ProximalResult same = unchanged(0);
    same.triplets = done.triplets;
    same.dense = done.dense;
    same.outcome = done.outcome;
    return same;
  }
};

template <Real T>
struct Proximal {
  const Problem<T>& problem;
  double lambda;

  ProximalResult operator()(penalty::SquaredFrobenius) const {
    problem.copy(1, 1 + 2 * lambda);
    return {};
  }

  ProximalResult operator()(penalty::Frobenius) const {
    if (problem.frobenius() <= lambda) return problem.zero(lambda);
    problem.copy(1 - lambda / problem.frobenius(), 1);
    ProximalResult done;
    done.threshold = lambda;
    return done;
  }

  ProximalResult operator()(penalty::Nuclear) const { return problem.soft(lambda); }
  ProximalResult operator()(penalty::Spectral) const { return ky_fan(1); }

  ProximalResult operator()(penalty::KyFan p) const {
    norms::require_valid("proximal", p, problem.all());
    if (std::isinf(p.p)) return ky_fan(1);
    if (p.p != 1) {
      throw Error(fmt::format("[proximal] the map of {} is not known; use p = 1", norms::spelling_of(p)));
    }
    return ky_fan(p.k);
  }

  // If no level is needed, every value is lowered by at most lambda, as for the nuclear norm, so the values above
  // lambda suffice. But only all values together show that no level is needed.
  ProximalResult ky_fan(std::int64_t k) const {
    const double total = static_cast<double>(k) * lambda;
    if (k == problem.all() || problem.nuclear_at_most() <= total) return problem.soft(lambda);
    bool needed = true;
    const auto level = [&](std::span<const double> sigma) {
      const std::optional<double> theta = norms::water_level(sigma, lambda, total);
      needed = theta.has_value();
      return theta.value_or(0);
    };
    const auto taken = [&](double sigma, double theta) { return -std::clamp(sigma - theta, 0.0, lambda); };
    ProximalResult done = problem.leading(level, taken, true);
    return needed ? done : problem.soft(lambda);
  }
};

template <Real T>
ScannedMatrix checked(const Tensor& weight, const char* who, double amount, std::span<const T> result,
                      Context& context) {
  if (!(amount >= 0) || std::isinf(amount)) {
    throw Error(fmt::format("[{}] lambda or radius must be finite and not negative, got {}", who, amount));
  }
  if (static_cast<std::int64_t>(result.size()) != weight.size()) {
    throw Error(fmt::format("[{}] a result of {} entries for a weight of shape {}", who, result.size(),
                            to_string(weight.shape())));
  }
  return scanned_finite(weight, who, "weight", context);
}

}  // namespace

template <Real T>
ProximalResult proximal(const Tensor& weight, const ProximalPenalty& penalty, double lambda,
                        const ProximalOptions& options, std::span<T> result, Context& context) {
  const FloatingEnvironment environment;
  const ScannedMatrix scanned = checked<T>(weight, "proximal", lambda, result, context);
  const Problem<T> problem{weight, scanned, result, options, context};
  return std::visit(Proximal<T>{problem, lambda}, penalty);
}

template <Real T>
ProximalResult project(const Tensor& weight, const Ball& onto, const ProximalOptions& options, std::span<T> result,
                       Context& context) {
  const FloatingEnvironment environment;
  const double radius = std::visit([](const auto& ball) { return ball.radius; }, onto);
  const ScannedMatrix scanned = checked<T>(weight, "project", radius, result, context);
  const Problem<T> problem{weight, scanned, result, options, context};
  return std::visit(problem, onto);
}

template ProximalResult proximal<float>(const Tensor&, const ProximalPenalty&, double, const ProximalOptions&,
                                        std::span<float>, Context&);
template ProximalResult proximal<double>(const Tensor&, const ProximalPenalty&, double, const ProximalOptions&,
                                         std::span<double>, Context&);
template ProximalResult project<float>(const Tensor&, const Ball&, const ProximalOptions&, std::span<float>, Context&);
template ProximalResult project<double>(const Tensor&, const Ball&, const ProximalOptions&, std::span<double>,
                                        Context&);

}  // namespace sigmax::nn
