#include "sigmax/recovery/robust_pca.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "sigmax/bounds/duality.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/stored_view.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/recovery/observed.hpp"
#include "sigmax/recovery/threshold.hpp"

namespace sigmax::recovery {
namespace {

// Columns that a sweep works on at a time.
constexpr std::int64_t kPanel = 32;

Tensor view_of(const Matrix<double>& x) { return Tensor::view_of(x.values(), {x.rows(), x.columns()}, {1, x.rows()}); }

// The matrix in double, column-major, divided by 2^exponent: its largest entry is in [1/2, 1).
struct Data {
  Matrix<double> m;
  std::int64_t exponent = 0;
  double largest = 0;  ///< after the division
};

Data data_of(const Tensor& matrix, Context& context) {
  const StoredView view = stored_view(matrix);
  if (view.matrix.size() == 0) {
    throw Error(fmt::format("[robust_pca] a matrix without entries, {}", to_string(matrix.shape())));
  }
  Data data{Matrix<double>(view.matrix.columns, view.matrix.rows)};
  in_double(view.matrix, 1, data.m.values().data(), context);
  if (!view.transposed) data.m = lapack::transposed(std::as_const(data.m).view());
  const std::int64_t rows = data.m.rows();
  const std::span<double> values = data.m.values();
  for (std::size_t e = 0; e < values.size(); ++e) {
    if (!std::isfinite(values[e])) {
      throw Error(fmt::format("[robust_pca] entry ({}, {}) is {}: robust PCA needs every entry, complete() does not",
                              static_cast<std::int64_t>(e) % rows, static_cast<std::int64_t>(e) / rows, values[e]));
    }
    data.largest = std::max(data.largest, std::fabs(values[e]));
  }
  data.exponent = exponent_of(data.largest);
  for (double& value : values) value = std::ldexp(value, static_cast<int>(-data.exponent));
  data.largest = std::ldexp(data.largest, static_cast<int>(-data.exponent));
  return data;
}

// Beyond 1 a lambda changes nothing: the entrywise norm is at least the nuclear norm.
double checked_lambda(double lambda) {
  if (!(lambda >= 0x1p-500) || !std::isfinite(lambda)) {
    throw Error(
        fmt::format("[robust_pca] lambda must be positive and finite, got {}: 1 / sqrt(max(rows, columns)) suits "
                    "errors in random places",
                    lambda));
  }
  return std::min(lambda, 2.0);
}

double shrunk(double x, double by) { return x > by ? x - by : x < -by ? x + by : 0; }

// The sums of one sweep over the entries.
struct Sums {
  double misfit = 0;   // |M - L - S|_F^2
  double error = 0;    // sum |m_ij - l_ij|
  double sparse = 0;   // sum |s_ij|
  double product = 0;  // <Y, M>
  void add(const Sums& other) {
    misfit += other.misfit;
    error += other.error;
    sparse += other.sparse;
    product += other.product;
  }
};

class AugmentedLagrangian {
 public:
  AugmentedLagrangian(const Data& data, double lambda, const RecoveryOptions& options, Context& context)
      : data_(data),
        lambda_(lambda),
        options_(options),
        context_(context),
        threshold_(given_or_drawn(options.random)),
        schedule_(options.tolerance),
        dual_(data.m.rows(), data.m.columns()),
        work_(data.m.rows(), data.m.columns()) {}

  RobustPca run();

 private:
  void begin();
  void check_start() const;
  Sums sweep();
  void to_target();
  // What the misfit and the dual cost in the gap, relative to the upper end.
  struct Costs {
    double misfit;
    double dual;
    double gap;
  };
  Costs estimated_costs(const Sums& sums);
  bounds::Optimum prove() const;
  template <class Body>
  void each_panel(const Body& body);
  RobustPca answer(const bounds::Optimum& optimum, std::int64_t iterations);

  const Data& data_;
  double lambda_;
  const RecoveryOptions& options_;
  Context& context_;
  Threshold threshold_;
  Schedule schedule_;
  LowRank low_rank_;
  Matrix<double> dual_;      // Y
  Matrix<double> work_;      // S after a sweep, and the next M - S + Y / mu after to_target()
  double penalty_ = 0;       // mu
  double tolerance_ = 1e-3;  // of the estimates of sigma_max(Y)
};

// body(panel, first column, number of columns) for panels of columns.
template <class Body>
void AugmentedLagrangian::each_panel(const Body& body) {
  const std::int64_t columns = data_.m.columns();
  context_.parallel_for(static_cast<std::size_t>((columns + kPanel - 1) / kPanel), [&](std::size_t panel) {
    const std::int64_t first = static_cast<std::int64_t>(panel) * kPanel;
    body(panel, first, std::min(kPanel, columns - first));
  });
}

// T = M - L + Y / mu;  S = T shrunk by lambda / mu;  Y = mu (T - S), which is mu T clipped to |y_ij| <= lambda
// work_ is S after this.
Sums AugmentedLagrangian::sweep() {
  const std::int64_t rows = data_.m.rows();
  const std::int64_t rank = low_rank_.rank();
  Matrix<double> w = low_rank_.u;
  for (std::int64_t k = 0; k < rank; ++k) {
    for (double& value : w.column(k)) value *= low_rank_.sigma[static_cast<std::size_t>(k)];
  }
  std::vector<Sums> all(static_cast<std::size_t>((data_.m.columns() + kPanel - 1) / kPanel));
  each_panel([&](std::size_t panel, std::int64_t first, std::int64_t count) {
    std::vector<double> l(static_cast<std::size_t>(rows * count));
    if (rank > 0) {
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, static_cast<int>(rows), static_cast<int>(count),
                  static_cast<int>(rank), 1.0, w.values().data(), static_cast<int>(rows),
                  low_rank_.v.values().data() + first, static_cast<int>(low_rank_.v.rows()), 0.0, l.data(),
                  static_cast<int>(rows));
    }
    Sums& sums = all[panel];
    const double* const m = data_.m.values().data() + first * rows;
    double* const y = dual_.values().data() + first * rows;
    double* const work = work_.values().data() + first * rows;
    for (std::int64_t e = 0; e < rows * count; ++e) {
      const double rest = m[e] - l[static_cast<std::size_t>(e)];
      const double target = rest + y[e] / penalty_;
      const double s = shrunk(target, lambda_ / penalty_);
      y[e] = std::clamp(penalty_ * target, -lambda_, lambda_);
      work[e] = s;
      sums.misfit += (rest - s) * (rest - s);
      sums.error += std::fabs(rest);
      sums.sparse += std::fabs(s);
      sums.product += y[e] * m[e];
    }
  });
  Sums total;
  for (const Sums& each : all) total.add(each);
  return total;
}

// work_: from S to M - S + Y / mu.
void AugmentedLagrangian::to_target() {
  const std::int64_t rows = data_.m.rows();
  each_panel([&](std::size_t, std::int64_t first, std::int64_t count) {
    for (std::int64_t e = first * rows; e < (first + count) * rows; ++e) {
      const auto at = static_cast<std::size_t>(e);
      work_.values()[at] = data_.m.values()[at] - work_.values()[at] + dual_.values()[at] / penalty_;
    }
  });
}

void AugmentedLagrangian::check_start() const {
  const Start& start = options_.start;
  const LowRank& x = start.x;
  const bool fits = x.rank() == 0 || (x.u.rows() == data_.m.rows() && x.v.rows() == data_.m.columns() &&
                                      x.u.columns() == x.rank() && x.v.columns() == x.rank());
  if (!fits || (!start.dual.empty() && start.dual.size() != data_.m.values().size())) {
    throw Error(fmt::format("[robust_pca] the start is {}x{} of rank {} with {} dual values for a {}x{} matrix",
                            x.u.rows(), x.v.rows(), x.rank(), start.dual.size(), data_.m.rows(), data_.m.columns()));
  }
  for (const std::span<const double> all :
       {x.u.values(), std::span<const double>(x.sigma), x.v.values(), std::span<const double>(start.dual)}) {
    require_finite(all, "robust_pca", "the start");
  }
}

// Without a start: S = 0, Y = M over the number that makes it satisfy both constraints.
void AugmentedLagrangian::begin() {
  check_start();
  const Start& start = options_.start;
  const double norm = threshold_.largest(*dense<double>(view_of(data_.m)), 1e-2, context_);
  penalty_ = std::ldexp(start.penalty.value_or(0), static_cast<int>(data_.exponent));
  if (!(penalty_ > 0x1p-60 && penalty_ < 0x1p60)) penalty_ = 1.25 / norm;
  if (!start.dual.empty()) {
    std::ranges::copy(start.dual, dual_.values().begin());
  } else {
    const double by = std::max(norm, data_.largest / lambda_);
    std::ranges::transform(data_.m.values(), dual_.values().begin(), [&](double value) { return value / by; });
  }
  if (start.x.rank() > 0) {
    low_rank_ = times_power(start.x, -data_.exponent);
    threshold_.start_from(low_rank_);
    sweep();
  }
  to_target();
}

// |L|_* + lambda |S|_1 lies between the ends: the misfit makes the upper one larger, and Y the lower one smaller.
AugmentedLagrangian::Costs AugmentedLagrangian::estimated_costs(const Sums& sums) {
  double nuclear = 0;
  for (const double sigma : low_rank_.sigma) nuclear += sigma;
  const double upper = nuclear + lambda_ * sums.error;
  const double norm = threshold_.largest(*dense<double>(view_of(dual_)), tolerance_, context_);
  // No |y_ij| exceeds lambda; where all are smaller, the proof makes more of Y than this.
  const double lower = sums.product / std::max(norm, 1.0);
  const double between = nuclear + lambda_ * sums.sparse;
  const Costs costs{std::fabs(upper - between) / upper, std::fabs(between - lower) / upper, (upper - lower) / upper};
  tolerance_ = std::clamp(0.02 * costs.gap, 1e-10, 1e-3);
  return costs;
}

bounds::Optimum AugmentedLagrangian::prove() const {
  const std::span<const double> values = dual_.values();
  return bounds::robust_pca_optimum(data_.m.view(), lambda_, factors(low_rank_), dual_.view(), data_.exponent,
                                    certificate(options_, values), context_);
}

RobustPca AugmentedLagrangian::answer(const bounds::Optimum& optimum, std::int64_t iterations) {
  const bool is_met = optimum.relative_gap <= options_.tolerance;
  RobustPca result{times_power(std::move(low_rank_), data_.exponent),
                   std::move(work_),
                   0,
                   optimum.value,
                   optimum.relative_gap,
                   is_met ? RecoveryOutcome::converged : RecoveryOutcome::out_of_iterations};
  for (double& value : result.sparse.values()) {
    result.nonzero += value != 0 ? 1 : 0;
    value = std::ldexp(value, static_cast<int>(data_.exponent));
  }
  result.dual.assign(dual_.values().begin(), dual_.values().end());
  result.penalty = std::ldexp(penalty_, static_cast<int>(-data_.exponent));
  result.iterations = iterations;
  result.products = threshold_.products();
  return result;
}

// L = the triplets of M - S + Y / mu, shrunk by 1 / mu;  S and Y as above
// mu rises while the misfit costs more than the dual, and falls while it costs far less
RobustPca AugmentedLagrangian::run() {
  constexpr double kFactor = 1.5;
  constexpr double kAhead = 5;
  const SerialBlas serial;
  begin();
  double square = 0;
  for (const double value : data_.m.values()) square += value * value;
  double accuracy = 1e-3;
  for (std::int64_t iteration = 1;; ++iteration) {
    context_.check_cancel();
    low_rank_ = threshold_(*dense<double>(view_of(work_)), 1 / penalty_, accuracy, context_);
    const Sums sums = sweep();
    const Costs costs = estimated_costs(sums);
    const bool is_last = iteration == options_.max_iterations;
    if (schedule_.due(iteration)) {
      context_.report({static_cast<double>(iteration), static_cast<double>(options_.max_iterations),
                       fmt::format("gap {:.1e}, rank {}", costs.gap, low_rank_.rank())});
    }
    if (schedule_.is_promising(costs.gap, iteration) || is_last) {
      const bounds::Optimum found = prove();
      if (found.relative_gap <= options_.tolerance || is_last) return answer(found, iteration);
      schedule_.failed(iteration);
    }
    accuracy = std::clamp(0.1 * std::sqrt(sums.misfit / square), 1e-11, 1e-3);
    if (iteration <= options_.max_iterations / 2) {
      if (costs.misfit > costs.dual) {
        penalty_ *= kFactor;
      } else if (costs.dual > kAhead * costs.misfit) {
        penalty_ /= kFactor;
      }
    }
    to_target();
  }
}

}  // namespace

RobustPca robust_pca(const Tensor& matrix, double lambda, const RecoveryOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check("robust_pca", options);
  const double checked = checked_lambda(lambda);
  const Data data = data_of(matrix, context);
  if (data.largest > 0) return AugmentedLagrangian(data, checked, options, context).run();
  const Matrix<double> none(data.m.rows(), data.m.columns());
  const LowRank zero{Matrix<double>(data.m.rows(), 0), {}, Matrix<double>(data.m.columns(), 0)};
  const bounds::Optimum optimum =
      bounds::robust_pca_optimum(data.m.view(), checked, factors(zero), none.view(), 0, options.certify, context);
  RobustPca result{zero, none, 0, optimum.value, optimum.relative_gap, RecoveryOutcome::converged};
  result.dual.assign(none.values().size(), 0.0);
  return result;
}

RobustPca robust_pca(const Tensor& matrix, double lambda, const RecoveryOptions& options) {
  const FloatingEnvironment environment;
  Context context;
  return robust_pca(matrix, lambda, options, context);
}

}  // namespace sigmax::recovery
