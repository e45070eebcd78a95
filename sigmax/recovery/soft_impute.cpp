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
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/recovery/completion.hpp"
#include "sigmax/recovery/observed.hpp"

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

double sum(const std::vector<double>& x) {
  double total = 0;
  for (const double value : x) total += value;
  return total;
}

// <A, B>_F = sum_kl s_k t_l (u_k^T x_l) (v_k^T y_l): two products of thin matrices.
double inner(const LowRank& a, const LowRank& b) {
  if (a.rank() == 0 || b.rank() == 0) return 0;
  const Matrix<double> of_u = lapack::product(a.u, b.u, true);
  const Matrix<double> of_v = lapack::product(a.v, b.v, true);
  double total = 0;
  for (std::int64_t l = 0; l < b.rank(); ++l) {
    for (std::int64_t k = 0; k < a.rank(); ++k) {
      total += a.sigma[static_cast<std::size_t>(k)] * b.sigma[static_cast<std::size_t>(l)] * of_u(k, l) * of_v(k, l);
    }
  }
  return total;
}

// An iterate, its entries at the observed places, what is left of the observed entries, and its objective.
struct Iterate {
  LowRank x;
  std::vector<double> entries;
  std::vector<double> residual;
  double square = 0;  // |residual|^2

  double objective(double lambda) const { return square / 2 + lambda * sum(x.sigma); }
};

class SoftImpute {
 public:
  SoftImpute(const Observed& problem, double lambda, const RecoveryOptions& options, Context& context)
      : problem_(problem),
        lambda_(lambda),
        options_(options),
        context_(context),
        threshold_(given_or_drawn(options.random)),
        schedule_(options.tolerance) {}

  Completion run();

 private:
  Iterate evaluated(LowRank x) const;
  void step();
  double estimated_gap();
  void lower_lambda();
  bounds::Optimum prove() const;

  const Observed& problem_;
  double lambda_;
  const RecoveryOptions& options_;
  Context& context_;
  Threshold threshold_;
  Schedule schedule_;
  Iterate now_;
  Iterate before_;
  double momentum_ = 1;
  double current_ = 0;  // lambda of this step
  int waited_ = 0;      // steps with it
  double change_ = 1;   // relative, of the entries in the last step
};

Iterate SoftImpute::evaluated(LowRank x) const {
  Iterate it{std::move(x), {}, {}};
  it.entries = problem_.entries(it.x, context_);
  it.residual.resize(it.entries.size());
  for (std::size_t e = 0; e < it.entries.size(); ++e) it.residual[e] = problem_.values()[e] - it.entries[e];
  it.square = dot(it.residual, it.residual);
  return it;
}

// Z = X_k + b (X_k - X_{k-1});  X_{k+1} = the shrunk triplets of Z + P(M - Z)
// The momentum begins again if the objective has risen, or if the step points against it: <Z - X_{k+1}, X_{k+1} - X_k>
// > 0 (O'Donoghue and Candes, Found. Comput. Math. 15, 2015). The second test sees an overshoot of one part long before
// the sum of all parts rises.
void SoftImpute::step() {
  const double next = (1 + std::sqrt(1 + 4 * momentum_ * momentum_)) / 2;
  const double b = (momentum_ - 1) / next;
  std::vector<double> rest(now_.entries.size());
  for (std::size_t e = 0; e < rest.size(); ++e) {
    rest[e] = problem_.values()[e] - (now_.entries[e] + b * (now_.entries[e] - before_.entries[e]));
  }
  const Observed::Part parts[] = {{&now_.x, 1 + b}, {&before_.x, -b}};
  const double accuracy = std::clamp(0.1 * change_, 1e-11, 1e-3);
  const Operator<double> z = problem_.operator_of(parts, std::move(rest));
  Iterate found = evaluated(threshold_(*z, current_, accuracy, context_));
  double moved = 0;
  for (std::size_t e = 0; e < found.entries.size(); ++e) {
    moved += (found.entries[e] - now_.entries[e]) * (found.entries[e] - now_.entries[e]);
  }
  change_ = std::sqrt(moved / std::max(dot(found.entries, found.entries), 0x1p-900));
  // Z - X_{k+1} = (1 + b) X_k - b X_{k-1} - X_{k+1}
  const double with_now = inner(found.x, now_.x);
  const double against = (1 + b) * (with_now - inner(now_.x, now_.x)) -
                         b * (inner(before_.x, found.x) - inner(before_.x, now_.x)) -
                         (inner(found.x, found.x) - with_now);
  momentum_ = against > 0 || found.objective(current_) > now_.objective(current_) ? 1 : next;
  before_ = std::move(now_);
  now_ = std::move(found);
}

// The dual is what is left of the entries, scaled as bounds::least_squares_optimum() does.
double SoftImpute::estimated_gap() {
  const double norm =
      problem_.norm(now_.residual, std::clamp(0.02 * options_.tolerance, 1e-10, 1e-3), threshold_, context_);
  const double upper = now_.objective(lambda_);
  if (norm == 0 || now_.square == 0) return 1;
  std::vector<double> m(problem_.values().begin(), problem_.values().end());
  const double product = dot(now_.residual, m);
  const double c = std::min(lambda_ / norm, product / now_.square);
  return (upper - (c * product - c * c * now_.square / 2)) / upper;
}

// As soon as the entries have settled a little: too early, the rank would rise far beyond that of the answer.
void SoftImpute::lower_lambda() {
  constexpr double kSettled = 0.05;
  constexpr int kPatience = 10;
  if (change_ > kSettled && ++waited_ < kPatience) return;
  waited_ = 0;
  current_ = std::max(lambda_, 0.6 * current_);
}

bounds::Optimum SoftImpute::prove() const {
  return bounds::least_squares_optimum(problem_.m(), lambda_, factors(now_.x), now_.residual, problem_.exponent(),
                                       certificate(options_, now_.residual), context_);
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
  now_ = evaluated(start.x);
  before_ = now_;
  std::optional<bounds::Optimum> proven;
  std::int64_t iteration = 0;
  while (!proven && iteration < options_.max_iterations) {
    context_.check_cancel();
    step();
    ++iteration;
    const bool is_last = iteration == options_.max_iterations;
    if (current_ > lambda_) {
      lower_lambda();
    } else if (schedule_.due(iteration) && !is_last) {
      const double gap = estimated_gap();
      context_.report({static_cast<double>(iteration), static_cast<double>(options_.max_iterations),
                       fmt::format("gap {:.1e}, rank {}", gap, now_.x.rank())});
      if (schedule_.is_promising(gap, iteration)) {
        const bounds::Optimum found = prove();
        if (found.relative_gap <= options_.tolerance) proven = found;
        if (!proven) schedule_.failed(iteration);
      }
    }
  }
  if (!proven) proven = prove();
  std::vector<double> dual = now_.residual;
  for (double& value : dual) value = std::ldexp(value, static_cast<int>(problem_.exponent()));
  Completion result = problem_.answer(now_.x, std::move(dual), std::nullopt, *proven, options_.tolerance);
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
