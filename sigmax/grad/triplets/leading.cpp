#include "sigmax/grad/triplets/leading.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/systems/complement.hpp"
#include "sigmax/svd/policy.hpp"

namespace sigmax::grad {
namespace {

// (I - U U^T) A (I - V V^T). With A V = U S to rounding and A^T U = V S + R, |R| a small multiple of the tolerance, the
// projection in the middle of a Gram product changes it only by |R|^2, so it is left out: one read of A.
template <Real T>
class Remainder final : public LinearOperator<T> {
 public:
  Remainder(const LinearOperator<T>& a, const Matrix<T>& u, const Matrix<T>& v) : a_(a), u_(u), v_(v) {}

  Shape shape() const override { return a_.shape(); }

 private:
  Matrix<T> projected(MatrixView<const T> x, const Matrix<T>& q) const {
    Matrix<T> copy(x.rows, x.columns);
    for (std::int64_t j = 0; j < x.columns; ++j) std::ranges::copy(x.column(j), copy.column(j).begin());
    project_away<T>(q.view(), copy.view());
    return copy;
  }
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    a_.apply(std::as_const(*this).projected(x, v_).view(), y, context);
    project_away<T>(u_.view(), y);
  }
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    a_.apply_adjoint(std::as_const(*this).projected(y, u_).view(), x, context);
    project_away<T>(v_.view(), x);
  }
  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    const Matrix<T> inside = projected(x, v_);
    if (y.data == nullptr) {
      a_.apply_gram(inside.view(), z, context);
    } else {
      a_.apply_gram(inside.view(), y, z, context);
      project_away<T>(u_.view(), y);
    }
    project_away<T>(v_.view(), z);
  }
  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    const Matrix<T> inside = projected(y, u_);
    a_.apply_outer_gram(inside.view(), z, context);
    project_away<T>(u_.view(), z);
  }

  const LinearOperator<T>& a_;
  const Matrix<T>& u_;
  const Matrix<T>& v_;
};

template <Real T>
Matrix<T> picked(const Matrix<T>& x, const std::vector<std::int64_t>& columns) {
  Matrix<T> result(x.rows(), static_cast<std::int64_t>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::ranges::copy(x.column(columns[i]), result.column(static_cast<std::int64_t>(i)).begin());
  }
  return result;
}

template <Real T>
Matrix<T> beside(const Matrix<T>& left, const Matrix<T>& right) {
  if (left.empty()) return right;
  Matrix<T> result(left.rows(), left.columns() + right.columns());
  const auto middle = std::ranges::copy(left.values(), result.values().begin()).out;
  std::ranges::copy(right.values(), middle);
  return result;
}

}  // namespace

template <Real T>
Leading<T>::Leading(const LinearOperator<T>& a, SvdOptions<T> options, Context& context)
    : a_(&a), options_(std::move(options)), context_(&context), all_(std::min(a.shape().rows, a.shape().columns)) {
  options_.accuracy = Accuracy::vectors;
  options_.which = Which::largest;
  options_.check = Check::none;  // grow() searches the remainder until its largest value is smaller
}

template <Real T>
void Leading<T>::extend(std::int64_t count) {
  const FloatingEnvironment environment;
  count = std::min(count, all_);
  while (!complete_ && static_cast<std::int64_t>(sigma_.size()) < count) {
    solve(count - static_cast<std::int64_t>(sigma_.size()));
  }
}

template <Real T>
std::optional<double> Leading<T>::probe() {
  const FloatingEnvironment environment;
  if (complete_) return std::nullopt;
  return solve(1);
}

// until the largest one of the remainder is no larger than the count-th: add it
template <Real T>
void Leading<T>::grow(std::int64_t count) {
  const FloatingEnvironment environment;
  count = std::min(count, all_);
  if (count <= count_) return;
  extend(count);
  while (!complete_) {
    const double last = sigma_[static_cast<std::size_t>(count) - 1];
    if (solve(1) <= last) break;
  }
  count_ = std::min(count, static_cast<std::int64_t>(sigma_.size()));
}

template <Real T>
double Leading<T>::solve(std::int64_t k) {
  const auto found = static_cast<std::int64_t>(sigma_.size());
  const bool whole = is_cheaper_whole(all_, found + k);
  options_.k = whole ? all_ : k;
  options_.method = whole ? Method(DenseLapack{}) : Method(Auto{});
  SvdResult<T> result =
      whole || found == 0 ? svd(*a_, options_, *context_) : svd<T>(Remainder<T>(*a_, u_, v_), options_, *context_);
  options_.random = result.state.random;
  options_.start = {};
  if (result.outcome == SvdOutcome::out_of_products) outcome_ = result.outcome;
  const double largest = result.sigma.front();
  if (whole) {
    sigma_ = std::move(result.sigma);
    u_ = std::move(result.u);
    v_ = std::move(result.v);
    complete_ = true;
    dense_ = true;
    return largest;
  }
  append(result);
  // Below this level only rounding is left.
  const double longer = static_cast<double>(std::max(a_->shape().rows, a_->shape().columns));
  complete_ = static_cast<std::int64_t>(sigma_.size()) >= all_ ||
              largest <= 4 * longer * std::numeric_limits<T>::epsilon() * sigma_.front();
  return largest;
}

template <Real T>
void Leading<T>::append(const SvdResult<T>& found) {
  std::vector<double> sigma = sigma_;
  sigma.insert(sigma.end(), found.sigma.begin(), found.sigma.end());
  std::vector<std::int64_t> order(sigma.size());
  std::iota(order.begin(), order.end(), 0);
  const auto value = [&](std::int64_t i) { return sigma[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) { return value(i) > value(j); });
  u_ = picked(beside(u_, found.u), order);
  v_ = picked(beside(v_, found.v), order);
  sigma_.clear();
  for (const std::int64_t i : order) sigma_.push_back(value(i));
}

template <Real T>
std::optional<double> Leading<T>::next() const noexcept {
  if (static_cast<std::int64_t>(sigma_.size()) <= count_) return std::nullopt;
  return sigma_[static_cast<std::size_t>(count_)];
}

template <Real T>
OuterSum<T> Leading<T>::outer_sum(std::span<const double> weights) const {
  const FloatingEnvironment environment;
  std::vector<std::int64_t> used;
  std::vector<double> kept;
  for (std::size_t i = 0; i < std::min(weights.size(), sigma_.size()); ++i) {
    if (weights[i] == 0) continue;
    used.push_back(static_cast<std::int64_t>(i));
    kept.push_back(weights[i]);
  }
  return {picked(u_, used), picked(v_, used), std::move(kept)};
}

template class Leading<float>;
template class Leading<double>;

}  // namespace sigmax::grad
