#include "sigmax/grad/triplets/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/grad/systems/complement.hpp"
#include "sigmax/kernels/vector.hpp"
#include "sigmax/ops/range_checked.hpp"

namespace sigmax {
namespace {

template <Real T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

template <Real T>
int exponent_of_largest(const SvdResult<T>& triplets) {
  const double largest = triplets.sigma.empty() ? 0 : triplets.sigma.front();
  if (!(largest > 0) || !std::isfinite(largest)) return 0;
  const int exponent = std::ilogb(largest);
  return std::abs(exponent) <= kInRange<T> ? 0 : exponent;
}

template <Real T>
void check(std::string_view who, const Shape& shape, const SvdResult<T>& triplets, const GradientOptions& options) {
  const auto k = static_cast<std::int64_t>(triplets.sigma.size());
  if (k < 1 || k > std::min(shape.rows, shape.columns) || triplets.u.rows() != shape.rows ||
      triplets.v.rows() != shape.columns || triplets.u.columns() != k || triplets.v.columns() != k) {
    throw Error(fmt::format("[{}] {} values with u of {}x{} and v of {}x{} are not triplets of a {}x{} operator", who,
                            k, triplets.u.rows(), triplets.u.columns(), triplets.v.rows(), triplets.v.columns(),
                            shape.rows, shape.columns));
  }
  double previous = std::numeric_limits<double>::max();
  for (const double sigma : triplets.sigma) {
    if (!(sigma >= 0 && sigma <= previous * (1 + 1e-6)) || std::isinf(sigma)) {
      throw Error(fmt::format("[{}] singular values are finite and descend, got {}", who, sigma));
    }
    previous = sigma;
  }
  for (const Matrix<T>* x : {&triplets.u, &triplets.v}) {
    require_finite(x->values(), who, "the block of singular vectors");
  }
  if (options.tolerance && (!(*options.tolerance > 0) || !std::isfinite(*options.tolerance))) {
    throw Error(fmt::format("[{}] the tolerance must be positive, got {}", who, *options.tolerance));
  }
  if (options.max_products < 1) {
    throw Error(fmt::format("[{}] max_products must be positive, got {}", who, options.max_products));
  }
}

double norm(std::span<const float> x) { return kernels::norm2(x); }
double norm(std::span<const double> x) { return kernels::norm2(x); }

}  // namespace

template <Real T>
Matrix<double> inner_products(MatrixView<const T> x, MatrixView<const T> y) {
  Matrix<double> c(x.columns, y.columns);
  for (std::int64_t j = 0; j < y.columns; ++j) {
    for (std::int64_t i = 0; i < x.columns; ++i) c(i, j) = kernels::dot(x.column(i), y.column(j));
  }
  return c;
}

template <Real T>
void add_product(MatrixView<const T> x, const Matrix<double>& c, MatrixView<T> out) {
  for (std::int64_t j = 0; j < out.columns; ++j) {
    for (std::int64_t i = 0; i < x.columns; ++i) {
      if (c(i, j) != 0) kernels::axpy(static_cast<T>(c(i, j)), x.column(i), out.column(j));
    }
  }
}

template <Real T>
bool has_entries(const Matrix<T>& x) {
  return std::ranges::any_of(x.values(), [](T value) { return value != 0; });
}

template <Real T>
void scale_by(Matrix<T>& x, int exponent) {
  if (exponent == 0) return;
  for (T& value : x.values()) value = static_cast<T>(std::ldexp(static_cast<double>(value), exponent));
}

template <Real T>
int exponent_of(const Matrix<T>& x, const Matrix<T>& y) {
  double largest = 0;
  for (const Matrix<T>* block : {&x, &y}) {
    for (const T value : block->values()) largest = std::max(largest, std::fabs(static_cast<double>(value)));
  }
  return largest > 0 && std::isfinite(largest) ? std::ilogb(largest) : 0;
}

template <Real T>
Frame<T>::Frame(std::string_view who, const LinearOperator<T>& a, const SvdResult<T>& triplets,
                const GradientOptions& options, Context& context)
    : who_(who),
      triplets_(triplets),
      options_(options),
      context_(context),
      exponent_(exponent_of_largest(triplets)),
      a_(a, exponent_) {
  check(who, a.shape(), triplets, options);
  for (const double sigma : triplets.sigma) sigma_.push_back(std::ldexp(sigma, -exponent_));
  const auto longer = static_cast<double>(std::max(a.shape().rows, a.shape().columns));
  rounding_ = 8 * kEpsilon<T> * std::sqrt(longer) * sigma_.front();
  no_gap_ = rounding_;
  for (const double residual : triplets.residual) {
    if (std::isfinite(residual)) no_gap_ = std::max(no_gap_, residual * sigma_.front());
  }
  // A caller's 0 may mean that it is not known.
  if (triplets.next && *triplets.next > 0 && std::isfinite(*triplets.next)) {
    next_ = std::min(std::ldexp(*triplets.next, -exponent_), sigma_.back());
  }
}

template <Real T>
void Frame<T>::require_block(std::string_view what, const Matrix<T>& x, std::int64_t rows) const {
  if (x.empty() && x.rows() == 0) return;
  if (x.rows() == rows && x.columns() == count()) return;
  throw Error(
      fmt::format("[{}] {} is {}x{}, {}x{} for these triplets", who_, what, rows, count(), x.rows(), x.columns()));
}

template <Real T>
bool Frame<T>::spans_all() const noexcept {
  const Shape shape = a_.shape();
  return count() == std::min(shape.rows, shape.columns);
}

// In the order of GradientOutcome, except that a missing gap outweighs everything.
template <Real T>
void Frame<T>::note(GradientOutcome outcome) {
  const auto weight = [](GradientOutcome o) { return o == GradientOutcome::no_gap ? 10 : static_cast<int>(o); };
  if (weight(outcome) > weight(report_.outcome)) report_.outcome = outcome;
}

template <Real T>
typename Frame<T>::Coupling Frame<T>::couple(std::int64_t i, std::int64_t j, double sum, double difference,
                                             double negligible) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const double si = sigma_[static_cast<std::size_t>(i)];
  const double sj = sigma_[static_cast<std::size_t>(j)];
  Coupling result{0, 0, si - sj, si + sj};
  if (std::fabs(result.gap) <= no_gap_) {
    if (std::fabs(sum) > negligible) note(GradientOutcome::no_gap);
    result.gap = kNone;
  }
  if (result.reach <= 2 * rounding()) {
    if (std::fabs(difference) > negligible) note(GradientOutcome::no_gap);
    result.reach = kNone;
  }
  result.close = sum / (2 * result.gap);
  result.far = difference / (2 * result.reach);
  return result;
}

template <Real T>
std::vector<std::int64_t> Frame<T>::leave_complement(std::span<const std::int64_t> which, Matrix<T>& f, Matrix<T>& h) {
  const auto columns = static_cast<std::int64_t>(which.size());
  std::vector<double> before;
  for (std::int64_t c = 0; c < columns; ++c) before.push_back(std::hypot(norm(f.column(c)), norm(h.column(c))));
  for (int pass = 0; pass < 2; ++pass) {
    project_away<T>(u(), f.view());
    project_away<T>(v(), h.view());
  }
  std::vector<std::int64_t> left;
  for (std::int64_t c = 0; c < columns; ++c) {
    const double after = std::hypot(norm(f.column(c)), norm(h.column(c)));
    const auto at = static_cast<std::size_t>(c);
    if (!std::isfinite(after)) throw Error(fmt::format("[{}] what is to be differentiated is not finite", who_));
    if (!(after > 16 * kEpsilon<T> * before[at])) continue;
    if (is_zero(which[at])) {
      note(GradientOutcome::no_gap);
      continue;
    }
    left.push_back(c);
  }
  return left;
}

template <Real T>
typename Frame<T>::Solution Frame<T>::solve(std::vector<std::int64_t> which, Matrix<T> f, Matrix<T> h, double known) {
  const auto columns = static_cast<std::int64_t>(which.size());
  const std::vector<std::int64_t> left = leave_complement(which, f, h);
  Solution all{Matrix<T>(f.rows(), columns), Matrix<T>(h.rows(), columns)};
  if (left.empty()) return all;
  // Squares stay in range whatever the units of the loss.
  const int unit = exponent_of(f, h);
  scale_by(f, -unit);
  scale_by(h, -unit);
  const double known_squares = std::pow(std::min(std::ldexp(known, -unit), 0x1p300), 2);

  ComplementSystems<T> systems{a_,
                               sigma_,
                               u(),
                               v(),
                               next_,
                               {},
                               Matrix<T>(f.rows(), static_cast<std::int64_t>(left.size())),
                               Matrix<T>(h.rows(), static_cast<std::int64_t>(left.size())),
                               known_squares,
                               no_gap_,
                               triplets_.state.neighbors.view()};
  for (std::size_t c = 0; c < left.size(); ++c) {
    systems.which.push_back(which[static_cast<std::size_t>(left[c])]);
    std::ranges::copy(f.column(left[c]), systems.f.column(static_cast<std::int64_t>(c)).begin());
    std::ranges::copy(h.column(left[c]), systems.h.column(static_cast<std::int64_t>(c)).begin());
  }
  ComplementSolution<T> found;
  if (spans_all()) {
    Solution direct = solve_beyond_all(systems.which, std::move(systems.f), std::move(systems.h));
    found.p = std::move(direct.p);
    found.q = std::move(direct.q);
    found.has_gap.assign(left.size(), true);
  } else {
    try {
      found = sigmax::solve(systems, options_, context_);
    } catch (const NotFinite&) {
      throw_products_not_finite(who_);
    }
    note(found.converged ? GradientOutcome::converged : GradientOutcome::out_of_products);
    report_.solver = found.solver;
    if (found.next) next_ = std::max(next_.value_or(0), std::min(*found.next, sigma_.back()));
  }
  for (std::size_t c = 0; c < left.size(); ++c) {
    if (!found.has_gap[c]) note(GradientOutcome::no_gap);
    std::ranges::copy(found.p.column(static_cast<std::int64_t>(c)), all.p.column(left[c]).begin());
    std::ranges::copy(found.q.column(static_cast<std::int64_t>(c)), all.q.column(left[c]).begin());
  }
  scale_by(all.p, unit);
  scale_by(all.q, unit);
  report_.iterations += found.iterations;
  report_.reads += found.reads;
  report_.error = std::max(report_.error, found.error);
  return all;
}

// With all triplets known, A is zero on the complement, and only the longer side has one.
template <Real T>
typename Frame<T>::Solution Frame<T>::solve_beyond_all(const std::vector<std::int64_t>& which, Matrix<T> f,
                                                       Matrix<T> h) {
  for (std::size_t c = 0; c < which.size(); ++c) {
    const double inverse = 1 / sigma_[static_cast<std::size_t>(which[c])];
    const auto column = static_cast<std::int64_t>(c);
    for (T& value : f.column(column)) value = static_cast<T>(static_cast<double>(value) * inverse);
    for (T& value : h.column(column)) value = static_cast<T>(static_cast<double>(value) * inverse);
  }
  return {std::move(f), std::move(h)};
}

template <Real T>
void Frame<T>::judge_values(std::span<const double> xi) {
  for (std::size_t i = 0; i < xi.size(); ++i) {
    if (xi[i] != 0 && is_zero(static_cast<std::int64_t>(i))) note(GradientOutcome::subgradient);
    // Triplets after the k-th have no weight.
    const bool last = i + 1 == xi.size();
    if (last && (spans_all() || !next_)) continue;
    const double below = last ? *next_ : sigma_[i + 1];
    if (sigma_[i] - below <= rounding() && xi[i] != (last ? 0.0 : xi[i + 1])) note(GradientOutcome::subgradient);
  }
}

template <Real T>
GradientReport Frame<T>::report() const {
  GradientReport result = report_;
  const double largest = sigma_.front();
  for (std::size_t i = 0; i < sigma_.size(); ++i) {
    double gap = largest;
    if (i > 0) gap = std::min(gap, sigma_[i - 1] - sigma_[i]);
    if (i + 1 < sigma_.size()) {
      gap = std::min(gap, sigma_[i] - sigma_[i + 1]);
    } else if (!spans_all() && next_) {
      gap = std::min(gap, sigma_[i] - *next_);
    }
    if (is_zero(static_cast<std::int64_t>(i))) gap = 0;
    result.gap.push_back(largest > 0 ? std::max(gap, 0.0) / largest : 0.0);
  }
  return result;
}

template Matrix<double> inner_products<float>(MatrixView<const float>, MatrixView<const float>);
template Matrix<double> inner_products<double>(MatrixView<const double>, MatrixView<const double>);
template void add_product<float>(MatrixView<const float>, const Matrix<double>&, MatrixView<float>);
template void add_product<double>(MatrixView<const double>, const Matrix<double>&, MatrixView<double>);
template void scale_by<float>(Matrix<float>&, int);
template void scale_by<double>(Matrix<double>&, int);
template int exponent_of<float>(const Matrix<float>&, const Matrix<float>&);
template int exponent_of<double>(const Matrix<double>&, const Matrix<double>&);
template bool has_entries<float>(const Matrix<float>&);
template bool has_entries<double>(const Matrix<double>&);
template class Frame<float>;
template class Frame<double>;

}  // namespace sigmax
