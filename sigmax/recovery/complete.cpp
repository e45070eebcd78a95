// Matrix completion with exact entries by alternating directions: complete() of completion.hpp.
//
// min |X|_* with X = Z, Z fixed at the observed places Omega. The augmented Lagrangian with multiplier -Y and penalty
// mu is minimized over X and over Z in turn:
//
//   X <- the triplets of Z + Y / mu, shrunk by 1 / mu
//   Z <- M on Omega, X - Y / mu elsewhere
//   Y <- Y + mu (Z - X)
//
// Elsewhere the last two lines give Y = 0, so Z = X there: Y lies on Omega, and Z + Y / mu is X plus a matrix on Omega.
// No dense matrix occurs. At the fixed point Y is a subgradient of |X|_*, so sigma_max(Y) = 1: the answer of the dual.
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

namespace sigmax::recovery {
namespace {

// The number of nonzero rows or columns that the misfit can have.
double most_rank(const SparsePattern& pattern) {
  const Shape shape = pattern.shape();
  return static_cast<double>(std::min(shape.rows - pattern.empty_rows(), shape.columns - pattern.empty_columns()));
}

class AlternatingDirections {
 public:
  AlternatingDirections(const Observed& problem, const RecoveryOptions& options, Context& context)
      : problem_(problem),
        options_(options),
        context_(context),
        threshold_(given_or_drawn(options.random)),
        schedule_(options.tolerance),
        rank_(most_rank(problem.pattern())) {}

  Completion run();

 private:
  void begin();
  void step();
  // What the misfit and the dual cost in the gap, relative to the upper end: their sum estimates it.
  struct Costs {
    double misfit;
    double dual;
  };
  Costs estimated_costs();
  void balance(const Costs& costs);
  bounds::Optimum prove() const;

  const Observed& problem_;
  const RecoveryOptions& options_;
  Context& context_;
  Threshold threshold_;
  Schedule schedule_;
  double rank_;
  LowRank x_;
  std::vector<double> entries_;  // of x_
  std::vector<double> dual_;
  double penalty_ = 0;
  double change_ = 1;  // relative, of the entries in the last step
};

void AlternatingDirections::begin() {
  Start start = problem_.start("complete", options_.start);
  x_ = std::move(start.x);
  if (x_.rank() > 0) threshold_.start_from(x_);
  entries_ = problem_.entries(x_, context_);
  dual_ = start.dual.empty() ? std::vector<double>(entries_.size()) : std::move(start.dual);
  penalty_ = start.penalty.value_or(0);
  if (penalty_ > 0x1p-60 && penalty_ < 0x1p60) return;
  // With sigma_max(P(M)) as the first threshold the rank begins at zero.
  const std::vector<double> all(problem_.values().begin(), problem_.values().end());
  penalty_ = 1 / problem_.norm(all, 1e-2, threshold_, context_);
}

void AlternatingDirections::step() {
  std::vector<double> rest(entries_.size());
  for (std::size_t e = 0; e < rest.size(); ++e) rest[e] = problem_.values()[e] - entries_[e] + dual_[e] / penalty_;
  const Observed::Part parts[] = {{&x_, 1.0}};
  const double accuracy = std::clamp(0.1 * change_, 1e-11, 1e-3);
  const Operator<double> z = problem_.operator_of(parts, std::move(rest));
  x_ = threshold_(*z, 1 / penalty_, accuracy, context_);
  const std::vector<double> found = problem_.entries(x_, context_);
  double moved = 0;
  double size = 0;
  for (std::size_t e = 0; e < found.size(); ++e) {
    moved += (found[e] - entries_[e]) * (found[e] - entries_[e]);
    size += found[e] * found[e];
    dual_[e] += penalty_ * (problem_.values()[e] - found[e]);
  }
  change_ = size > 0 ? std::sqrt(moved / size) : 1;
  entries_ = found;
}

AlternatingDirections::Costs AlternatingDirections::estimated_costs() {
  double misfit = 0;
  double product = 0;
  for (std::size_t e = 0; e < entries_.size(); ++e) {
    const double r = problem_.values()[e] - entries_[e];
    misfit += r * r;
    product += dual_[e] * problem_.values()[e];
  }
  const double norm = problem_.norm(dual_, std::clamp(0.02 * options_.tolerance, 1e-10, 1e-3), threshold_, context_);
  double nuclear = 0;
  for (const double sigma : x_.sigma) nuclear += sigma;
  const double lower = norm > 0 ? product / norm : 0;
  const double of_misfit = std::sqrt(rank_ * misfit);
  const double upper = nuclear + of_misfit;
  return {of_misfit / upper, std::fabs(nuclear - lower) / upper};
}

// A larger penalty makes the misfit fall faster, a smaller one the error of the dual.
void AlternatingDirections::balance(const Costs& costs) {
  constexpr double kApart = 3;
  constexpr double kFactor = 1.5;
  if (costs.misfit > kApart * costs.dual) penalty_ *= kFactor;
  if (costs.dual > kApart * costs.misfit) penalty_ /= kFactor;
}

bounds::Optimum AlternatingDirections::prove() const {
  return bounds::completion_optimum(problem_.m(), factors(x_), dual_, problem_.exponent(), certificate(options_, dual_),
                                    context_);
}

Completion AlternatingDirections::run() {
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
                     fmt::format("gap {:.1e}, rank {}", gap, x_.rank())});
    if (schedule_.is_promising(gap, iteration)) {
      const bounds::Optimum found = prove();
      if (found.relative_gap <= options_.tolerance) proven = found;
      if (!proven) schedule_.failed(iteration);
    }
    if (iteration <= options_.max_iterations / 2) balance(costs);
  }
  if (!proven) proven = prove();
  Completion result = problem_.answer(x_, dual_, penalty_, *proven, options_.tolerance);
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
  return AlternatingDirections(problem, options, context).run();
}

Completion complete(const SparseMatrix& observed, const RecoveryOptions& options) {
  const FloatingEnvironment environment;
  Context context;
  return complete(observed, options, context);
}

}  // namespace sigmax::recovery
