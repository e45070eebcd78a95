// Matrix completion with exact entries by the method of multipliers: complete() of completion.hpp.
//
// The augmented Lagrangian of min |X|_* with P(X) = P(M), multiplier Y on the observed places and penalty mu, is up to
// a constant mu times
//
//   1/2 |P(M) + Y / mu - P(X)|^2 + |X|_* / mu
//
// the problem of soft_impute() for the target M + Y / mu and lambda = 1 / mu:
//
//   X <- steps of ProximalGradient on it, until they are short compared with the misfit M - X
//   Y <- mu times what is left of the target, Y + mu P(M - X)
//
// At the minimum over X, Y is a subgradient of |X|_*, so sigma_max(Y) = 1: the answer of the dual. The method converges
// for any fixed penalty (Rockafellar, Math. Oper. Res. 1, 1976; for this problem it is Bregman's iteration: Yin, Osher,
// Goldfarb and Darbon, SIAM J. Imaging Sci. 1, 2008), and the penalty only rises. One step of length one for each
// multiplier would be the alternating direction method, which needs many times as many steps: docs/recovery.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/recovery/completion.hpp"
#include "sigmax/recovery/observed.hpp"
#include "sigmax/recovery/proximal_gradient.hpp"

namespace sigmax::recovery {
namespace {

// The number of nonzero rows or columns that the misfit can have.
double most_rank(const SparsePattern& pattern) {
  const Shape shape = pattern.shape();
  return static_cast<double>(std::min(shape.rows - pattern.empty_rows(), shape.columns - pattern.empty_columns()));
}

double product(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (std::size_t e = 0; e < x.size(); ++e) sum += x[e] * y[e];
  return sum;
}

double squared_misfit(std::span<const double> m, std::span<const double> x) {
  double sum = 0;
  for (std::size_t e = 0; e < x.size(); ++e) sum += (m[e] - x[e]) * (m[e] - x[e]);
  return sum;
}

class Multipliers {
 public:
  Multipliers(const Observed& problem, const RecoveryOptions& options, Context& context)
      : problem_(problem),
        options_(options),
        context_(context),
        threshold_(given_or_drawn(options.random)),
        steps_(problem, threshold_, context),
        schedule_(options.tolerance),
        rank_(most_rank(problem.pattern())),
        size_(std::sqrt(product(problem.values(), problem.values()))) {}

  Completion run();

 private:
  void begin();
  void step();
  std::vector<double> dual() const;
  // What the misfit and the dual cost in the gap, relative to the upper end: their sum estimates it.
  struct Costs {
    double misfit;
    double dual;
  };
  Costs estimated_costs();
  void raise_penalty(const Costs& costs);
  bounds::Optimum prove() const;

  const Observed& problem_;
  const RecoveryOptions& options_;
  Context& context_;
  Threshold threshold_;
  ProximalGradient steps_;
  Schedule schedule_;
  double rank_;
  double size_;                 // |P(M)|_F
  std::vector<double> target_;  // M + Y / mu
  double lambda_ = 0;           // 1 / mu
  double of_step_ = 0;          // lambda of the last step: what is left of its target is that times Y
  int multipliers_ = 0;         // with this penalty
};

void Multipliers::begin() {
  const Start start = problem_.start("complete", options_.start);
  if (start.x.rank() > 0) threshold_.start_from(start.x);
  steps_.start(start.x);
  target_.assign(problem_.values().begin(), problem_.values().end());
  const double penalty = start.penalty.value_or(0);
  if (penalty > 0x1p-60 && penalty < 0x1p60) {
    lambda_ = 1 / penalty;
  } else {
    // Half of the largest singular value of the target: the rank begins small. With a far smaller one the first
    // iterates fit the entries by hundreds of triplets that the answer does not have.
    lambda_ = problem_.norm(target_, 1e-2, threshold_, context_) / 2;
  }
  for (std::size_t e = 0; e < start.dual.size(); ++e) target_[e] += lambda_ * start.dual[e];
}

void Multipliers::step() {
  // The multiplier changes once a step is shorter than this part of the misfit, both relative.
  constexpr double kShort = 0.5;
  steps_.step(target_, lambda_);
  of_step_ = lambda_;
  const double misfit = std::sqrt(squared_misfit(problem_.values(), steps_.now().entries));
  if (steps_.distance() * size_ > kShort * misfit) return;
  for (std::size_t e = 0; e < target_.size(); ++e) target_[e] = problem_.values()[e] + steps_.residual()[e];
  ++multipliers_;
}

std::vector<double> Multipliers::dual() const {
  std::vector<double> y = steps_.residual();
  for (double& value : y) value /= of_step_;
  return y;
}

Multipliers::Costs Multipliers::estimated_costs() {
  const std::vector<double> y = dual();
  const double value = product(y, problem_.values());
  const double norm = problem_.norm(y, std::clamp(0.02 * options_.tolerance, 1e-10, 1e-3), threshold_, context_);
  const double nuclear = steps_.now().nuclear();
  const double lower = norm > 0 ? value / norm : 0;
  const double of_misfit = std::sqrt(rank_ * squared_misfit(problem_.values(), steps_.now().entries));
  const double upper = nuclear + of_misfit;
  return {of_misfit / upper, std::fabs(nuclear - lower) / upper};
}

// Where a penalty has had its multipliers and the misfit is still what the gap is made of, a larger one makes it fall
// faster, and the problems for X harder. The multiplier Y stays.
void Multipliers::raise_penalty(const Costs& costs) {
  constexpr double kApart = 3;
  constexpr double kFactor = 1.5;
  constexpr int kPatience = 20;
  if (multipliers_ < kPatience || costs.misfit < kApart * costs.dual) return;
  multipliers_ = 0;
  lambda_ /= kFactor;
  for (std::size_t e = 0; e < target_.size(); ++e) {
    target_[e] = problem_.values()[e] + (target_[e] - problem_.values()[e]) / kFactor;
  }
}

bounds::Optimum Multipliers::prove() const {
  const std::vector<double> y = dual();
  return bounds::completion_optimum(problem_.m(), factors(steps_.now().x), y, problem_.exponent(),
                                    certificate(options_, y), context_);
}

Completion Multipliers::run() {
  const SerialBlas serial;
  begin();
  std::optional<bounds::Optimum> proven;
  std::int64_t iteration = 0;
  while (!proven && iteration < options_.max_iterations) {
    context_.check_cancel();
    step();
    ++iteration;
    if (!schedule_.due(iteration) || iteration == options_.max_iterations) continue;
    const Costs costs = estimated_costs();
    const double gap = costs.misfit + costs.dual;
    context_.report({static_cast<double>(iteration), static_cast<double>(options_.max_iterations),
                     fmt::format("gap {:.1e}, rank {}", gap, steps_.now().x.rank())});
    if (schedule_.is_promising(gap, iteration)) {
      const bounds::Optimum found = prove();
      if (found.relative_gap <= options_.tolerance) proven = found;
      if (!proven) schedule_.failed(iteration);
    }
    if (!proven) raise_penalty(costs);
  }
  if (!proven) proven = prove();
  Completion result = problem_.answer(steps_.now().x, dual(), 1 / lambda_, *proven, options_.tolerance);
  result.iterations = iteration;
  result.products = threshold_.products();
  return result;
}

}  // namespace

Completion complete(const SparseMatrix& observed, const RecoveryOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Observed problem("complete", observed, options);
  if (problem.is_zero()) {
    return problem.zero([&](const bounds::Factors& x, std::span<const double> y) {
      return bounds::completion_optimum(problem.m(), x, y, 0, options.certify, context);
    });
  }
  return Multipliers(problem, options, context).run();
}

Completion complete(const SparseMatrix& observed, const RecoveryOptions& options) {
  const FloatingEnvironment environment;
  Context context;
  return complete(observed, options, context);
}

}  // namespace sigmax::recovery
