// Matrix completion by accelerated soft-impute: soft_impute() of completion.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/recovery/completion.hpp"
#include "sigmax/recovery/observed.hpp"
#include "sigmax/recovery/proximal_gradient.hpp"

namespace sigmax::recovery {
namespace {

// lambda in the units of the scaled entries. Beyond 2^900 the answer is zero in any case.
double scaled_lambda(double lambda, std::int64_t exponent) {
  if (!(lambda > 0) || !std::isfinite(lambda)) {
    throw Error(fmt::format(
        "[soft_impute] lambda must be positive and finite, got {}: complete() fits the entries exactly", lambda));
  }
  const double scaled = std::ldexp(lambda, static_cast<int>(-exponent));
  if (!(scaled >= 0x1p-500)) {
    throw Error(
        fmt::format("[soft_impute] lambda {} is below 2^-500 of the largest entry: complete() fits the entries "
                    "exactly",
                    lambda));
  }
  return std::min(scaled, 0x1p900);
}

double dot(const std::vector<double>& x, const std::vector<double>& y) { return blas::dot(x, y); }

class SoftImpute {
 public:
  SoftImpute(const Observed& problem, double lambda, const RecoveryOptions& options, Context& context)
      : problem_(problem),
        lambda_(lambda),
        options_(options),
        context_(context),
        threshold_(given_or_drawn(options.random)),
        steps_(problem, threshold_, context),
        schedule_(options.tolerance) {}

  Completion run();

 private:
  double estimated_gap();
  void lower_lambda();
  bounds::Optimum prove() const;

  const Observed& problem_;
  double lambda_;
  const RecoveryOptions& options_;
  Context& context_;
  Threshold threshold_;
  ProximalGradient steps_;
  Schedule schedule_;
  double current_ = 0;  // lambda of this step
  int waited_ = 0;      // steps with it
};

// The dual is what is left of the entries, scaled as bounds::least_squares_optimum() does.
double SoftImpute::estimated_gap() {
  const std::vector<double>& residual = steps_.residual();
  const double norm = problem_.norm(residual, std::clamp(0.02 * options_.tolerance, 1e-10, 1e-3), threshold_, context_);
  const double square = dot(residual, residual);
  const double upper = square / 2 + lambda_ * steps_.now().nuclear();
  if (norm == 0 || square == 0) return 1;
  const std::vector<double> m(problem_.values().begin(), problem_.values().end());
  const double product = dot(residual, m);
  const double c = std::min(lambda_ / norm, product / square);
  return (upper - (c * product - c * c * square / 2)) / upper;
}

// As soon as the entries have settled a little: too early, the rank would rise far beyond that of the answer.
void SoftImpute::lower_lambda() {
  constexpr double kSettled = 0.05;
  constexpr int kPatience = 10;
  if (steps_.change() > kSettled && ++waited_ < kPatience) return;
  waited_ = 0;
  current_ = std::max(lambda_, 0.6 * current_);
}

bounds::Optimum SoftImpute::prove() const {
  return bounds::least_squares_optimum(problem_.m(), lambda_, factors(steps_.now().x), steps_.residual(),
                                       problem_.exponent(), certificate(options_, steps_.residual()), context_);
}

Completion SoftImpute::run() {
  const SerialBlas serial;
  const Start start = problem_.start("soft_impute", options_.start);
  current_ = lambda_;
  if (start.x.rank() > 0) {
    threshold_.start_from(start.x);
  } else {
    // From a lambda at which the rank is small, down to the lambda asked for.
    const std::vector<double> all(problem_.values().begin(), problem_.values().end());
    current_ = std::max(lambda_, problem_.norm(all, 1e-2, threshold_, context_) / 2);
  }
  steps_.start(start.x);
  std::optional<bounds::Optimum> proven;
  std::int64_t iteration = 0;
  while (!proven && iteration < options_.max_iterations) {
    context_.check_cancel();
    steps_.step(problem_.values(), current_);
    ++iteration;
    const bool is_last = iteration == options_.max_iterations;
    if (current_ > lambda_) {
      lower_lambda();
    } else if (schedule_.due(iteration) && !is_last) {
      const double gap = estimated_gap();
      context_.report({static_cast<double>(iteration), static_cast<double>(options_.max_iterations),
                       fmt::format("gap {:.1e}, rank {}", gap, steps_.now().x.rank())});
      if (schedule_.is_promising(gap, iteration)) {
        const bounds::Optimum found = prove();
        if (found.relative_gap <= options_.tolerance) proven = found;
        if (!proven) schedule_.failed(iteration);
      }
    }
  }
  if (!proven) proven = prove();
  std::vector<double> dual = steps_.residual();
  for (double& value : dual) value = std::ldexp(value, static_cast<int>(problem_.exponent()));
  Completion result = problem_.answer(steps_.now().x, std::move(dual), std::nullopt, *proven, options_.tolerance);
  result.iterations = iteration;
  result.products = threshold_.products();
  return result;
}

}  // namespace

Completion soft_impute(const SparseMatrix& observed, double lambda, const RecoveryOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Observed problem("soft_impute", observed, options);
  const double scaled = scaled_lambda(lambda, problem.exponent());
  if (problem.is_zero()) {
    return problem.zero([&](const bounds::Factors& x, std::span<const double> y) {
      return bounds::least_squares_optimum(problem.m(), scaled, x, y, 0, options.certify, context);
    });
  }
  return SoftImpute(problem, scaled, options, context).run();
}

Completion soft_impute(const SparseMatrix& observed, double lambda, const RecoveryOptions& options) {
  const FloatingEnvironment environment;
  Context context;
  return soft_impute(observed, lambda, options, context);
}

}  // namespace sigmax::recovery
