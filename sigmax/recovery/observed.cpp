#include "sigmax/recovery/observed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::recovery {
namespace {

// The row of entry e in the order of rows.
std::int64_t row_of(const SparsePattern& pattern, std::size_t e) {
  const std::span<const std::int64_t> begin = pattern.by_rows().begin;
  return std::ranges::upper_bound(begin, static_cast<std::int64_t>(e)) - begin.begin() - 1;
}

// S + W V^T for a sparse S and thin W and V. The products with W and V are BLAS's, panels of columns side by side: a
// sum of operators would make them one vector at a time.
class SparsePlusLowRank final : public LinearOperator<double> {
 public:
  SparsePlusLowRank(Operator<double> s, Matrix<double> w, Matrix<double> v)
      : s_(std::move(s)), w_(std::move(w)), v_(std::move(v)) {}

  Shape shape() const override { return s_->shape(); }

 private:
  void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context& context) const override {
    s_->apply(x, y, context);
    add_product(w_, v_, x, y, context);
  }

  void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& context) const override {
    s_->apply_adjoint(y, x, context);
    add_product(v_, w_, y, x, context);
  }

  // out += left right^T in
  static void add_product(const Matrix<double>& left, const Matrix<double>& right, MatrixView<const double> in,
                          MatrixView<double> out, Context& context) {
    constexpr std::int64_t kPanel = 8;
    const SerialBlas serial;
    const auto rank = static_cast<int>(left.columns());
    const auto rows = static_cast<int>(left.rows());
    const auto columns = static_cast<int>(right.rows());
    context.parallel_for(static_cast<std::size_t>((in.columns + kPanel - 1) / kPanel), [&](std::size_t panel) {
      const std::int64_t first = static_cast<std::int64_t>(panel) * kPanel;
      const int count = static_cast<int>(std::min(kPanel, in.columns - first));
      std::vector<double> inner(static_cast<std::size_t>(rank * count));
      cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, rank, count, columns, 1.0, right.values().data(), columns,
                  in.data + first * in.stride, static_cast<int>(in.stride), 0.0, inner.data(), rank);
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, rows, count, rank, 1.0, left.values().data(), rows,
                  inner.data(), rank, 1.0, out.data + first * out.stride, static_cast<int>(out.stride));
    });
  }

  Operator<double> s_;
  Matrix<double> w_;
  Matrix<double> v_;
};

}  // namespace

void check(const char* who, const RecoveryOptions& options) {
  if (!(options.tolerance > 0) || !std::isfinite(options.tolerance)) {
    throw Error(fmt::format("[{}] the tolerance must be positive, got {}", who, options.tolerance));
  }
  if (options.max_iterations < 1) {
    throw Error(fmt::format("[{}] max_iterations must be positive, got {}", who, options.max_iterations));
  }
  const std::optional<double> penalty = options.start.penalty;
  if (penalty && (!(*penalty >= 0) || !std::isfinite(*penalty))) {
    throw Error(fmt::format("[{}] the penalty of a start must not be negative, got {}", who, *penalty));
  }
}

int exponent_of(double value) { return value == 0 ? 0 : std::ilogb(value) + 1; }

LowRank times_power(LowRank x, std::int64_t exponent) {
  for (double& sigma : x.sigma) {
    sigma = std::min(std::ldexp(sigma, static_cast<int>(exponent)), std::numeric_limits<double>::max());
  }
  return x;
}

CertifyOptions certificate(const RecoveryOptions& options, std::span<const double> dual) {
  CertifyOptions certify = options.certify;
  if (certify.relative_width == 0) certify.relative_width = options.tolerance / 16;
  if (!certify.random && options.random) certify.random = forked(*options.random, dual);
  return certify;
}

bounds::Factors factors(const LowRank& x) { return {x.u.view(), x.sigma, x.v.view()}; }

Observed::Observed(const char* who, const SparseMatrix& given, const RecoveryOptions& options)
    : m_(given.pattern, given.values) {
  check(who, options);
  const Shape shape = pattern().shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[{}] a matrix without rows or columns, {}x{}", who, shape.rows, shape.columns));
  }
  double largest = 0;
  for (std::size_t e = 0; e < m_.values.size(); ++e) {
    if (!std::isfinite(m_.values[e])) {
      throw Error(fmt::format("[{}] the observed entry ({}, {}) is {}: leave it out of the list", who,
                              row_of(pattern(), e), pattern().by_rows().column[e], m_.values[e]));
    }
    largest = std::max(largest, std::fabs(m_.values[e]));
  }
  is_zero_ = largest == 0;
  exponent_ = exponent_of(largest);
  for (double& value : m_.values) value = std::ldexp(value, static_cast<int>(-exponent_));
}

Start Observed::start(const char* who, const Start& given) const {
  const Shape shape = pattern().shape();
  Start start = given;
  if (given.x.rank() > 0) {
    if (given.x.u.rows() != shape.rows || given.x.v.rows() != shape.columns || given.x.u.columns() != given.x.rank() ||
        given.x.v.columns() != given.x.rank()) {
      throw Error(fmt::format("[{}] the start is {}x{} of rank {}, the matrix {}x{}", who, given.x.u.rows(),
                              given.x.v.rows(), given.x.rank(), shape.rows, shape.columns));
    }
    start.x = times_power(std::move(start.x), -exponent_);
  } else {
    start.x = {Matrix<double>(shape.rows, 0), {}, Matrix<double>(shape.columns, 0)};
  }
  if (!given.dual.empty() && given.dual.size() != m_.values.size()) {
    throw Error(fmt::format("[{}] the start has {} dual values for {} observed entries", who, given.dual.size(),
                            m_.values.size()));
  }
  for (const std::span<const double> all : {std::span<const double>(start.x.sigma), std::as_const(start.x.u).values(),
                                            std::as_const(start.x.v).values(), std::span<const double>(start.dual)}) {
    require_finite(all, who, "the start");
  }
  if (given.penalty) start.penalty = std::ldexp(*given.penalty, static_cast<int>(exponent_));
  return start;
}

std::vector<double> Observed::entries(const LowRank& x, Context& context) const {
  Matrix<double> w = x.u;
  for (std::int64_t k = 0; k < x.rank(); ++k) {
    for (double& value : w.column(k)) value *= x.sigma[static_cast<std::size_t>(k)];
  }
  std::vector<double> result(m_.values.size());
  kernels::sampled_product(pattern().by_rows(), std::as_const(w).view(), x.v.view(), result, context);
  return result;
}

Operator<double> Observed::operator_of(std::span<const Part> parts, std::vector<double> values) const {
  Operator<double> rest = sparse<double>(SparseMatrix(m_.pattern, std::move(values)));
  std::int64_t rank = 0;
  for (const Part& part : parts) rank += part.factor == 0 ? 0 : part.x->rank();
  if (rank == 0) return rest;
  const Shape shape = pattern().shape();
  Matrix<double> left(shape.rows, rank);
  Matrix<double> right(shape.columns, rank);
  std::int64_t at = 0;
  for (const Part& part : parts) {
    if (part.factor == 0) continue;
    for (std::int64_t k = 0; k < part.x->rank(); ++k, ++at) {
      const double factor = part.factor * part.x->sigma[static_cast<std::size_t>(k)];
      for (std::int64_t i = 0; i < shape.rows; ++i) left(i, at) = factor * part.x->u(i, k);
      std::ranges::copy(part.x->v.column(k), right.column(at).begin());
    }
  }
  return std::make_shared<SparsePlusLowRank>(std::move(rest), std::move(left), std::move(right));
}

double Observed::norm(const std::vector<double>& values, double tolerance, Threshold& threshold,
                      Context& context) const {
  if (std::all_of(values.begin(), values.end(), [](double value) { return value == 0; })) return 0;
  return threshold.largest(*sparse<double>(SparseMatrix(m_.pattern, values)), tolerance, context);
}

Completion Observed::answer(LowRank x, std::vector<double> dual, std::optional<double> penalty,
                            const bounds::Optimum& optimum, double tolerance) const {
  const bool is_met = optimum.relative_gap <= tolerance;
  const auto back = static_cast<int>(exponent_);
  Completion result{times_power(std::move(x), exponent_), optimum.value, optimum.relative_gap,
                    is_met ? RecoveryOutcome::converged : RecoveryOutcome::out_of_iterations};
  // A power of two is exact except for underflow.
  result.misfit = std::ldexp(optimum.misfit, back) + (exponent_ < 0 ? 0x1p-1074 : 0);
  result.dual = std::move(dual);
  if (penalty) result.penalty = std::ldexp(*penalty, -back);
  result.empty_rows = pattern().empty_rows();
  result.empty_columns = pattern().empty_columns();
  return result;
}

Completion Observed::zero(
    const std::function<bounds::Optimum(const bounds::Factors&, std::span<const double>)>& prove) const {
  const Start nothing = start("zero", {});
  std::vector<double> dual(m_.values.size());
  const bounds::Optimum optimum = prove(factors(nothing.x), dual);
  return answer(nothing.x, std::move(dual), std::nullopt, optimum, 1);
}

bool Schedule::due(std::int64_t iteration) {
  if (iteration < next_) return false;
  next_ = iteration + std::max<std::int64_t>(5, iteration / 20);
  return true;
}

}  // namespace sigmax::recovery
