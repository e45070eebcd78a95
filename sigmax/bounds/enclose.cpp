#include "sigmax/bounds/enclose.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "sigmax/bounds/cholesky.hpp"
#include "sigmax/bounds/proof.hpp"
#include "sigmax/bounds/rounding.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/matvec.hpp"

namespace sigmax::bounds {
namespace {

// Both ends of every enclosure move outward by this much: it covers the entries that in_range lost to underflow and the
// last operations on the ends themselves, and a double-precision SVD's own last digits fall inside.
constexpr double kMargin = 0x1p-49;

LowerBound widened_lower(double value) { return Proof::lower(round_down(value * (1 - kMargin))); }
double widened_upper(double value) { return round_up(value * (1 + kMargin)); }

double frobenius_up(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  return round_up(std::sqrt(round_up(facts.sum_squares * (1 + gamma(a.size() + 2)))) / facts.scale);
}

// |A|_1 |A|_inf >= |A|_2^2, also for |A| in place of A, rounded up.
double schur_up(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  return round_up(facts.largest_row_sum * (1 + gamma(a.columns)) * facts.largest_column_sum * (1 + gamma(a.rows)));
}

Enclosure zero_enclosure() { return {Proof::lower(0), Proof::proven(0)}; }

// tau I - G in the lower triangle of `b`; returns an upper bound on its trace weighted with Cholesky's error constants,
// sum_i gamma_{i+4} b_ii / (1 - gamma), plus the rounding of its diagonal, max u |b_ii|.
double shifted(const GramMatrix& g, double tau, double* b, Context& context) {
  const std::int64_t n = g.order;
  context.parallel_for(static_cast<std::size_t>(n), [&](std::size_t column) {
    const auto j = static_cast<std::int64_t>(column);
    for (std::int64_t i = j; i < n; ++i) b[i + j * n] = -g.values[static_cast<std::size_t>(i + j * n)];
    b[j + j * n] += tau;
  });
  double trace = 0;
  double largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double diagonal = std::fmax(b[i + i * n], 0.0);
    const double constant = gamma(i + 5);
    trace += constant / (1 - constant) * diagonal;
    largest = std::fmax(largest, diagonal);
  }
  // Underflow in the factorization adds at most n^2 (1 + max b_ii) 2^-1074; with entries of G at most n, far less than
  // the last digit of any of this.
  return round_up(trace * (1 + gamma(n)) + kUnitRoundoff * largest + static_cast<double>(n) * 0x1p-1000);
}

struct GramTop {
  double lambda;
  std::vector<double> vector;
};

GramTop top_of(const GramMatrix& g, Context& context) {
  const kernels::StoredMatrix stored{DType::f64, reinterpret_cast<const std::byte*>(g.values.data()), g.order, g.order,
                                     g.order};
  LanczosOptions options;
  options.tolerance = 1e-15;
  options.max_products = 400;
  const LanczosResult<double> top = lanczos<double>(
      g.order, [&](auto x, auto z) { kernels::multiply<double>(stored, x, z, context); }, {}, options, context);
  return {top.theta.front(), {top.vectors.values().begin(), top.vectors.values().end()}};
}

}  // namespace

UpperBound norm_upper_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts) {
  if (facts.max_abs == 0) return Proof::proven(0);
  const double schur = round_up(std::sqrt(schur_up(a, facts)));
  return Proof::proven(widened_upper(std::fmin(frobenius_up(a, facts), schur)));
}

LowerResult lower_bound(const kernels::StoredMatrix& a, const kernels::Scan& facts, std::span<const double> x,
                        bool transposed, Context& context) {
  const auto terms = static_cast<std::int64_t>(x.size());
  std::vector<double> image(static_cast<std::size_t>(transposed ? a.columns : a.rows));
  if (transposed) {
    kernels::multiply_transposed<double>(a, x, image, context);
  } else {
    kernels::multiply<double>(a, x, image, context);
  }
  const double image_norm = std::sqrt(sum_squares(image));
  const double vector_norm = std::sqrt(sum_squares(x));
  if (!(vector_norm > 0) || !std::isfinite(image_norm)) return {Proof::lower(0), 0};
  const double image_down = round_down(image_norm * (1 - gamma(static_cast<std::int64_t>(image.size()) + 2)));
  const double vector_up = round_up(vector_norm * (1 + gamma(terms + 2)));
  const double quotient = round_down(image_down / vector_up);
  const double rounding = round_up(gamma(terms) * frobenius_up(a, facts));
  return {widened_lower(std::fmax(quotient - rounding, 0.0)), image_norm / vector_norm};
}

double gram_scale(const kernels::Scan& facts) {
  return facts.max_abs > 0 ? std::ldexp(1.0, -std::ilogb(facts.max_abs) - 1) : 1.0;
}

// tau <- theta (1 + slack);  until cholesky(tau I - G) completes: slack <- 16 slack
// sigma_max^2 <= tau + |E_cholesky| + |E_diagonal| + |E_product|
Measured prove(const kernels::StoredMatrix& a, const kernels::Scan& facts, const GramMatrix& g, Context& context) {
  if (facts.max_abs == 0) return {zero_enclosure(), 0};
  const GramTop top = top_of(g, context);
  const LowerResult lower = lower_bound(a, facts, top.vector, g.of_rows, context);
  double upper = norm_upper_bound(a, facts).value();

  const double magnitude = g.scale * frobenius_up(a, facts);
  const double spread = std::fmin(round_up(magnitude * magnitude), round_up(schur_up(a, facts) * g.scale * g.scale));
  const double n = static_cast<double>(g.order);
  const double product_error = round_up(gamma(g.terms) * spread + n * static_cast<double>(g.terms + 1) * 0x1p-1074);

  // Slack of about the error that will be added anyway: more would widen the enclosure, less would risk a second try.
  double slack = round_up(n * (n + 9) * kUnitRoundoff) + 0x1p-46;
  auto b = context.scratch<double>(static_cast<std::size_t>(g.order * g.order));
  for (int attempt = 0; attempt < 5; ++attempt, slack *= 16) {
    const double tau = top.lambda * (1 + slack);
    const double factor_error = shifted(g, tau, b.data(), context);
    if (!cholesky(b.data(), g.order, context)) continue;
    const double square = round_up(tau + factor_error + product_error);
    upper = std::fmin(upper, widened_upper(round_up(std::sqrt(square)) / g.scale));
    break;
  }
  return {{lower.bound, Proof::proven(upper)}, lower.estimate};
}

double christoffel_upper_bound(const LanczosRecurrence& recurrence, double theta, double failure_probability,
                               std::int64_t terms) {
  const std::size_t steps = recurrence.alpha.size();
  const double c = failure_probability * std::sqrt(std::numbers::pi / 2);
  const double target = std::pow(recurrence.start_norm / c, 2);
  const double slack = static_cast<double>(terms + static_cast<std::int64_t>(steps)) * 8 * kUnitRoundoff;
  const double floor = slack * theta;  // of each beta: a smaller one is rounding, and a larger one is the safe side
  const auto reaches_target = [&](double x) {
    double before = 0;
    double here = 1;
    double sum = 1;
    for (std::size_t j = 0; j < steps && sum < target; ++j) {
      const double beta_before = j > 0 ? recurrence.beta[j - 1] : 0.0;
      const double after =
          ((x - recurrence.alpha[j]) * here - beta_before * before) / std::fmax(recurrence.beta[j], floor);
      before = std::exchange(here, after);
      sum += here * here;
    }
    return sum >= target;
  };
  if (!(theta > 0)) return 0;  // the zero operator
  double low = theta;
  double high = 2 * theta;
  while (!reaches_target(high)) {
    low = high;
    high *= 2;
    if (!std::isfinite(high)) return high;
  }
  while (high - low > 1e-14 * high && low < 0.5 * (low + high) && 0.5 * (low + high) < high) {
    const double middle = 0.5 * (low + high);
    (reaches_target(middle) ? high : low) = middle;
  }
  return high * (1 + slack);
}

UpperBound probabilistic_upper_bound(const LanczosRecurrence& recurrence, double theta, double scale,
                                     double failure_probability, std::int64_t terms) {
  const double square = christoffel_upper_bound(recurrence, theta, failure_probability, terms);
  return Proof::probabilistic(widened_upper(std::sqrt(square) / scale), failure_probability);
}

Measured estimate(const kernels::StoredMatrix& a, const kernels::Scan& facts, double failure_probability,
                  const LanczosOptions& options, Context& context) {
  if (facts.max_abs == 0) return {zero_enclosure(), 0};
  // Lanczos works on (s A)^T (s A), whose entries neither overflow nor underflow.
  const double scale = gram_scale(facts);
  const auto product = [&](MatrixView<const double> x, MatrixView<double> z) {
    kernels::gram<double>(a, x, {}, z, context);
    for (std::int64_t j = 0; j < z.columns; ++j) {
      for (double& value : z.column(j)) value *= scale * scale;
    }
  };
  const LanczosResult<double> top = lanczos<double>(a.columns, product, {}, options, context);
  const LowerResult lower = lower_bound(a, facts, top.vectors.column(0), false, context);
  Measured result{{lower.bound, std::nullopt}, lower.estimate};
  if (failure_probability <= 0) return result;
  const UpperBound proven = norm_upper_bound(a, facts);
  const UpperBound probable =
      probabilistic_upper_bound(*top.recurrence, top.theta.front(), scale, failure_probability, a.rows + a.columns);
  result.sigma_max.upper = proven.value() <= probable.value() ? proven : probable;
  return result;
}

InRange in_range(const kernels::StoredMatrix& a, const kernels::Scan& facts, Context& context) {
  if (facts.scale == 1 || facts.max_abs == 0) return {a, facts, 1.0, nullptr};
  auto values = std::make_shared<std::vector<double>>(static_cast<std::size_t>(a.size()));
  kernels::convert(a, facts.scale, values->data(), a.columns);
  const kernels::StoredMatrix copy{DType::f64, reinterpret_cast<const std::byte*>(values->data()), a.rows, a.columns,
                                   a.columns};
  return {copy, kernels::scan(copy, context), 1 / facts.scale, std::move(values)};
}

Measured scaled(const Measured& measured, double factor) {
  if (factor == 1) return measured;
  Measured result{{widened_lower(measured.sigma_max.lower.value() * factor), std::nullopt}, measured.estimate * factor};
  if (const auto& upper = measured.sigma_max.upper) {
    const double value = widened_upper(upper->value() * factor);
    if (!std::isfinite(value)) return result;
    result.sigma_max.upper = upper->certainty() == Certainty::proven
                                 ? Proof::proven(value)
                                 : Proof::probabilistic(value, upper->failure_probability());
  }
  return result;
}

Measured larger(const Measured& a, const Measured& b) {
  const auto& upper_a = a.sigma_max.upper;
  const auto& upper_b = b.sigma_max.upper;
  Measured result{
      {a.sigma_max.lower.value() >= b.sigma_max.lower.value() ? a.sigma_max.lower : b.sigma_max.lower, std::nullopt},
      std::max(a.estimate, b.estimate)};
  if (!upper_a || !upper_b) return result;
  const double value = std::max(upper_a->value(), upper_b->value());
  const double failure = std::min(upper_a->failure_probability() + upper_b->failure_probability(), 1.0);
  result.sigma_max.upper = failure == 0 ? Proof::proven(value) : Proof::probabilistic(value, failure);
  return result;
}

}  // namespace sigmax::bounds
