#include "sigmax/recovery/threshold.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/svd/svd.hpp"

namespace sigmax::recovery {
namespace {

// Triplets beyond those expected, so that a growing rank shows without a second try.
constexpr std::int64_t kMore = 4;
// Up to this order, and for more than a fifth of all triplets, the full decomposition is cheaper.
constexpr std::int64_t kSmall = 64;
constexpr std::int64_t kFifth = 5;

Matrix<double> first_columns(const Matrix<double>& x, std::int64_t count) {
  Matrix<double> result(x.rows(), std::min(count, x.columns()));
  std::copy_n(x.values().begin(), result.values().size(), result.values().begin());
  return result;
}

// The k leading triplets, the vectors for the next call, and the next random numbers: the one call of svd() for these.
struct Leading {
  std::vector<double> sigma;
  std::vector<double> residual;
  Matrix<double> u;
  Matrix<double> v;
  Matrix<double> subspace;
  RandomState random;
  std::int64_t products = 0;
};

Leading leading(const LinearOperator<double>& a, std::int64_t k, const Method& method, double tolerance,
                const Matrix<double>& start, const RandomState& random, Context& context) {
  SvdOptions<double> options;
  options.k = k;
  options.method = method;
  options.tolerance = tolerance;
  options.check = Check::none;
  options.start = start;
  options.random = random;
  SvdResult<double> found = svd(a, options, context);
  return {std::move(found.sigma),          std::move(found.residual), std::move(found.u),       std::move(found.v),
          std::move(found.state.subspace), found.state.random,        found.statistics.products};
}

}  // namespace

// k = a few more than the last time;  until the residuals are small enough:
//   the k leading triplets from the last subspace and k random vectors
//
// The rank grows by at most a quarter and kMore a call. Early iterates have many singular values above the threshold
// that the answer does not have; computing them would cost more than all later iterations.
LowRank Threshold::operator()(const LinearOperator<double>& a, double threshold, double accuracy, Context& context) {
  constexpr std::int64_t kQuarter = 4;
  constexpr std::int64_t kRounds = 4;
  const Shape shape = a.shape();
  const std::int64_t order = std::min(shape.rows, shape.columns);
  const std::int64_t k = std::min(expected_ + expected_ / kQuarter + kMore, order);
  const bool whole = order <= kSmall || kFifth * k > order;
  Leading found;
  for (std::int64_t steps = subspace_.empty() ? 2 : 0;; ++steps) {
    const Method method = whole ? Method(DenseLapack{}) : Method(Randomized{.oversampling = 2, .power_steps = steps});
    found = leading(a, whole ? order : k, method, 1e-10, whole ? Matrix<double>() : first_columns(subspace_, k),
                    random_, context);
    random_ = found.random;
    products_ += found.products;
    if (!found.subspace.empty()) subspace_ = std::move(found.subspace);
    double worst = 0;
    for (std::size_t i = 0; i < found.sigma.size() && found.sigma[i] > threshold; ++i) {
      worst = std::max(worst, found.residual[i]);
    }
    if (whole || worst <= accuracy || steps >= kRounds) break;
  }
  const std::int64_t kept =
      std::partition_point(found.sigma.begin(), found.sigma.end(), [&](double s) { return s > threshold; }) -
      found.sigma.begin();
  expected_ = kept;
  LowRank x{first_columns(found.u, kept), {}, first_columns(found.v, kept)};
  for (std::int64_t i = 0; i < kept; ++i) x.sigma.push_back(found.sigma[static_cast<std::size_t>(i)] - threshold);
  return x;
}

void Threshold::start_from(const LowRank& x) {
  subspace_ = x.v;
  expected_ = std::max<std::int64_t>(x.rank(), 1);
}

double Threshold::largest(const LinearOperator<double>& a, double tolerance, Context& context) {
  const Leading found = leading(a, 1, Auto{}, tolerance, {}, random_, context);
  random_ = found.random;
  products_ += found.products;
  return found.sigma.front();
}

}  // namespace sigmax::recovery
