#include "sigmax/sensitivity/estimate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/arithmetic.hpp"
#include "sigmax/bounds/formed_operator.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/pseudo_inverse.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/sensitivity/solver.hpp"

namespace sigmax::sensitivity {
namespace {

constexpr int kMostRounds = 5;

double sum_of(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += std::fabs(value);
  return sum;
}

double sign_of(double value) { return value < 0 ? -1 : 1; }

// A witness y, and the number of solves that it took. With `adjoint` everything is about A^T in place of A.
struct Search {
  const LuSolver& solver;
  bool adjoint = false;
  std::vector<double> best{};
  double estimate = 0;  // |A^-1 b| / |b|
  std::int64_t solves = 0;

  void solve(Matrix<double>& x, bool transposed) {
    solver.solve(x, transposed != adjoint);
    solves += x.columns();
  }
  void offer(std::span<const double> y, double value) {
    if (!(value > estimate)) return;
    estimate = value;
    best.assign(y.begin(), y.end());
  }
};

// x <- e / n;  y = A^-1 x;  z = A^-T sign(y);  x <- e_j for the largest |z_j|, until |y|_1 no longer grows or the signs
// repeat; and b_i = +-(1 + (i - 1) / (n - 1)), which the iteration does not find where it matters
void hager_higham(Search& search) {
  const std::int64_t n = search.solver.order();
  Matrix<double> x(n, 1);
  for (double& value : x.values()) value = 1 / static_cast<double>(n);
  std::vector<double> signs(static_cast<std::size_t>(n), 0.0);
  std::int64_t unit = -1;
  double before = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    search.solve(x, false);
    const double size = sum_of(x.values());
    search.offer(x.values(), size);
    if (n == 1 || !(size > before)) break;
    before = size;
    std::vector<double> now;
    for (const double value : x.values()) now.push_back(sign_of(value));
    if (now == signs) break;
    signs = now;
    std::ranges::copy(signs, x.values().begin());
    search.solve(x, true);
    const auto largest =
        std::ranges::max_element(x.values(), [](double a, double b) { return std::fabs(a) < std::fabs(b); });
    const std::int64_t next = largest - x.values().begin();
    if (unit >= 0 && std::fabs(x(unit, 0)) == std::fabs(*largest)) break;
    unit = next;
    std::ranges::fill(x.values(), 0.0);
    x(unit, 0) = 1;
  }
  if (n == 1) return;
  for (std::int64_t i = 0; i < n; ++i) {
    x(i, 0) = (i % 2 == 0 ? 1 : -1) * (1 + static_cast<double>(i) / static_cast<double>(n - 1));
  }
  search.solve(x, false);
  search.offer(x.values(), 2 * sum_of(x.values()) / (3 * static_cast<double>(n)));
}

// Whether a column of signs is parallel to a column of another matrix of signs.
bool is_parallel(std::span<const double> s, const Matrix<double>& others, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const double inner = std::inner_product(s.begin(), s.end(), others.column(j).begin(), 0.0);
    if (std::fabs(inner) == static_cast<double>(s.size())) return true;
  }
  return false;
}

class Signs {
 public:
  explicit Signs(RandomState random) : random_(random) {}
  void fill(std::span<double> x) {
    random_ = fill_uniform(random_, x);
    for (double& value : x) value = value < 0.5 ? -1 : 1;
  }

 private:
  RandomState random_;
};

// Replaces columns of S that are parallel to earlier ones or to columns of `old`, a few times: for small n there are
// not enough different columns.
void make_different(Matrix<double>& s, const Matrix<double>& old, Signs& signs) {
  for (std::int64_t j = 0; j < s.columns(); ++j) {
    for (int attempt = 0; attempt < 8; ++attempt) {
      if (!is_parallel(s.column(j), s, j) && !is_parallel(s.column(j), old, old.columns())) break;
      signs.fill(s.column(j));
    }
  }
}

Matrix<double> unit_vectors(std::int64_t n, std::span<const std::int64_t> which) {
  Matrix<double> x(n, static_cast<std::int64_t>(which.size()));
  for (std::size_t j = 0; j < which.size(); ++j) x(which[j], static_cast<std::int64_t>(j)) = 1;
  return x;
}

// Higham and Tisseur's algorithm 2.4.
void block_hager_higham(Search& search, std::int64_t columns, RandomState random) {
  const std::int64_t n = search.solver.order();
  const auto offer_all = [&](const Matrix<double>& y) {
    for (std::int64_t j = 0; j < y.columns(); ++j) search.offer(y.column(j), sum_of(y.column(j)));
  };
  if (columns >= n) {  // the whole inverse
    std::vector<std::int64_t> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    Matrix<double> x = unit_vectors(n, all);
    search.solve(x, false);
    offer_all(x);
    return;
  }
  Signs signs(random);
  Matrix<double> x(n, columns);
  std::ranges::fill(x.column(0), 1.0);
  for (std::int64_t j = 1; j < columns; ++j) signs.fill(x.column(j));
  make_different(x, Matrix<double>(n, 0), signs);
  for (double& value : x.values()) value /= static_cast<double>(n);
  Matrix<double> old(n, 0);
  std::vector<char> used(static_cast<std::size_t>(n), 0);
  double before = 0;
  for (int round = 0; round < kMostRounds; ++round) {
    search.solve(x, false);
    offer_all(x);
    if (round > 0 && !(search.estimate > before)) break;
    before = search.estimate;
    Matrix<double> s(n, columns);
    std::ranges::transform(x.values(), s.values().begin(), sign_of);
    bool repeats = old.columns() > 0;
    for (std::int64_t j = 0; repeats && j < columns; ++j) repeats = is_parallel(s.column(j), old, old.columns());
    if (repeats) break;
    make_different(s, old, signs);
    old = s;
    search.solve(s, true);
    std::vector<double> largest(static_cast<std::size_t>(n), 0.0);
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        double& most = largest[static_cast<std::size_t>(i)];
        most = std::max(most, std::fabs(s(i, j)));
      }
    }
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
      return largest[static_cast<std::size_t>(a)] > largest[static_cast<std::size_t>(b)];
    });
    std::vector<std::int64_t> chosen;
    for (const std::int64_t i : order) {
      if (static_cast<std::int64_t>(chosen.size()) == columns) break;
      if (used[static_cast<std::size_t>(i)] == 0) chosen.push_back(i);
    }
    if (chosen.empty()) break;
    for (const std::int64_t i : chosen) used[static_cast<std::size_t>(i)] = 1;
    x = unit_vectors(n, chosen);
    if (static_cast<std::int64_t>(chosen.size()) < columns) {
      search.solve(x, false);
      offer_all(x);
      break;
    }
  }
}

double length_of(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::fabs(value));
  if (!(largest > 0) || !std::isfinite(largest)) return largest;
  double square = 0;
  for (const double value : x) square += (value / largest) * (value / largest);
  return largest * std::sqrt(square);
}

void randomized(Search& search, const RandomizedInverse& how, RandomState random) {
  Matrix<double> x(search.solver.order(), how.samples);
  static_cast<void>(fill_normal(random, x.values()));
  const auto normalize = [&] {
    for (std::int64_t j = 0; j < x.columns(); ++j) {
      const double length = length_of(x.column(j));
      for (double& value : x.column(j)) value /= length > 0 ? length : 1.0;
    }
  };
  normalize();
  for (int step = 0;; ++step) {
    search.solve(x, false);
    for (std::int64_t j = 0; j < x.columns(); ++j) search.offer(x.column(j), length_of(x.column(j)));
    if (step == how.steps) return;
    normalize();
    search.solve(x, true);
    normalize();
  }
}

// What the vector that was found shows, in the units of 2^exponent A. |A^-1|_inf = |A^-T|_1.
Enclosure shown_by(const Search& search, ScannedMatrix& scanned, double p, Context& context) {
  if (search.best.empty()) return bounds::at_least(bounds::exactly(0));
  if (!std::ranges::all_of(search.best, [](double value) { return std::isfinite(value); })) {
    return bounds::at_least(bounds::exactly(0));
  }
  if (!search.adjoint) return bounds::inverse_lower_bound(scanned, search.best, p, context);
  StoredView view = scanned.view();
  view.transposed = !view.transposed;
  ScannedMatrix turned(std::move(view), context);
  return bounds::inverse_lower_bound(turned, search.best, p, context);
}

void require_valid(const norms::Norm& which, const Estimator& estimator) {
  const bool random = std::holds_alternative<RandomizedInverse>(estimator);
  const auto* const columns = std::get_if<norms::ColumnSum>(&which);
  const auto* const rows = std::get_if<norms::RowSum>(&which);
  const bool fits =
      random ? std::holds_alternative<norms::Spectral>(which) || std::holds_alternative<norms::Frobenius>(which)
             : (columns != nullptr && !columns->smallest) || (rows != nullptr && !rows->smallest);
  if (!fits) {
    throw Error(fmt::format("[estimate_condition] {} does not estimate the norm {}: pass {}", name(estimator),
                            norms::spelling_of(which), random ? "2 or fro" : "1 or inf"));
  }
  const auto* const block = std::get_if<BlockHagerHigham>(&estimator);
  const auto* const samples = std::get_if<RandomizedInverse>(&estimator);
  if ((block != nullptr && block->columns < 1) ||
      (samples != nullptr && (samples->samples < 1 || samples->steps < 0))) {
    throw Error(
        "[estimate_condition] the number of columns or samples must be at least 1, and that of steps at least 0");
  }
}

}  // namespace

std::string_view name(const Estimator& estimator) {
  if (std::holds_alternative<HagerHigham>(estimator)) return "Hager and Higham";
  return std::holds_alternative<BlockHagerHigham>(estimator) ? "Higham and Tisseur" : "randomized";
}

namespace {

bool is_of_rows(const norms::Norm& which) { return std::holds_alternative<norms::RowSum>(which); }
bool is_of_columns(const norms::Norm& which) { return std::holds_alternative<norms::ColumnSum>(which); }

struct Found {
  Enclosure inverse;  // of 2^exponent A, from below
  std::int64_t exponent = 0;
  std::int64_t solves = 0;
};

Found search_in(ScannedMatrix& scanned, const norms::Norm& which, const Estimator& estimator,
                const EstimateOptions& options, Context& context) {
  require_finite(scanned.facts(), "estimate_condition");
  const LuSolver solver(scanned, context);
  Search search{solver, is_of_rows(which)};
  if (solver.is_regular()) {
    const RandomState random = given_or_drawn(options.random);
    if (std::holds_alternative<HagerHigham>(estimator)) hager_higham(search);
    if (const auto* block = std::get_if<BlockHagerHigham>(&estimator)) {
      block_hager_higham(search, block->columns, random);
    }
    if (const auto* samples = std::get_if<RandomizedInverse>(&estimator)) randomized(search, *samples, random);
  }
  const double p = is_of_rows(which) || is_of_columns(which) ? 1 : 2;
  const Enclosure inverse = shown_by(search, scanned, p, context);
  return {inverse, bounds::unit_exponent(scanned), search.solves};
}

ConditionEstimate assembled(const Enclosure& norm, const Found& found) {
  Condition known{bounds::condition(bounds::scaled(norm, found.exponent), found.inverse), norm,
                  bounds::scaled(found.inverse, found.exponent),
                  bounds::scaled(bounds::reciprocal(found.inverse), -found.exponent)};
  known.value = known.number.lower.value();
  return {known.number.lower, known.inverse.lower, known, found.solves};
}

}  // namespace

ConditionEstimate estimate_condition(const Tensor& matrix, const norms::Norm& which, const Estimator& estimator,
                                     const EstimateOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (matrix.rank() != 2 || matrix.shape()[0] != matrix.shape()[1] || matrix.size() == 0) {
    throw Error(fmt::format("[estimate_condition] a tensor of shape {}: estimators solve with a square matrix",
                            to_string(matrix.shape())));
  }
  require_valid(which, estimator);
  ScannedMatrix scanned(stored_view(matrix), context);
  const Found found = search_in(scanned, which, estimator, options, context);
  const Enclosure norm = *norms::norm(matrix, which, {.certify = options.condition.certify}, context).enclosure;
  ConditionEstimate result = assembled(norm, found);
  if (options.with_proof) result.proven = condition(matrix, which, options.condition, context);
  return result;
}

// A = 2^e (M + E): the vector y that was found for M has |A y| <= 2^e (|M y| + |E| |y|).
template <Real T>
ConditionEstimate estimate_condition(const LinearOperator<T>& a, const norms::Norm& which, const Estimator& estimator,
                                     const EstimateOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  if (shape.rows != shape.columns || shape.rows < 1) {
    throw Error(fmt::format("[estimate_condition] a {}x{} operator: estimators solve with a square matrix", shape.rows,
                            shape.columns));
  }
  require_valid(which, estimator);
  const auto formed = bounds::FormedOperator::of(a, options.condition.certify.formed_up_to, context);
  if (!formed) {
    throw Error(
        "[estimate_condition] solves need the entries, and this operator cannot be formed with a bound of its "
        "rounding: make it a stored matrix by materialize(), or raise CertifyOptions::formed_up_to");
  }
  const Enclosure norm = *norms::norm(a, which, {.certify = options.condition.certify}, context).enclosure;
  if (formed->is_zero()) return assembled(norm, {bounds::at_least(bounds::exactly(0))});
  ScannedMatrix scanned(StoredView{Tensor(), formed->matrix().matrix, formed->transposed()}, context);
  Found found = search_in(scanned, which, estimator, options, context);
  // |M y| / |y| is at most this; |E|_1 and |E|_inf are at most sqrt(n) |E|_F.
  const Enclosure shrunk = bounds::scaled(bounds::reciprocal(found.inverse), -found.exponent);
  const bool entries = is_of_rows(which) || is_of_columns(which);
  const Enclosure root = bounds::square_root(bounds::exactly(entries ? static_cast<double>(shape.rows) : 1.0));
  found.inverse = bounds::at_least(bounds::reciprocal(formed->enclosure(shrunk, *root.upper)));
  found.exponent = 0;
  ConditionEstimate result = assembled(norm, found);
  if (options.with_proof) result.proven = condition(a, which, options.condition, context);
  return result;
}

template ConditionEstimate estimate_condition<float>(const LinearOperator<float>&, const norms::Norm&, const Estimator&,
                                                     const EstimateOptions&, Context&);
template ConditionEstimate estimate_condition<double>(const LinearOperator<double>&, const norms::Norm&,
                                                      const Estimator&, const EstimateOptions&, Context&);

}  // namespace sigmax::sensitivity
