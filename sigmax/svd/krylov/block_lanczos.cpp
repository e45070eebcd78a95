#include "sigmax/svd/krylov/block_lanczos.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "sigmax/kernels/reads.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/convergence.hpp"

namespace sigmax {

template <Real T>
BlockLanczos<T>::BlockLanczos(std::int64_t n, std::int64_t block, std::int64_t capacity, MatrixView<const T> first,
                              const RandomState& random, Context& context)
    : KrylovProcess<T>(n, capacity, capacity + block, capacity, random, context) {
  const MatrixView<T> x = basis_.next(block);
  for (std::int64_t j = 0; j < first.columns; ++j) {
    std::copy(first.column(j).begin(), first.column(j).end(), x.column(j).begin());
  }
  random_ = fill_normal_columns(random_, x, first.columns);
  const std::int64_t rank = basis_.append(block, 0, random_).rank;
  random_in_next_ = block - first.columns + (block - rank);
}

template <Real T>
void BlockLanczos<T>::enter(const Matrix<double>& found) {
  for (std::int64_t j = 0; j < found.columns(); ++j) {
    for (std::int64_t i = 0; i < done_ + found.columns(); ++i) {
      // The newest diagonal block is measured twice, as itself and as its transpose.
      const double value = i < done_ ? found(i, j) : (found(i, j) + found(done_ + j, i - done_)) / 2;
      h_(i, done_ + j) = value;
      h_(done_ + j, i) = value;
    }
  }
}

// Z = C Q_j;  H_j = Q^T Z;  Z - Q H_j = Q_{j+1} R
template <Real T>
void BlockLanczos<T>::step(const Product& product) {
  const std::int64_t n = basis_.order();
  const std::int64_t count = basis_.count();
  const std::int64_t p = width();
  const MatrixView<T> z = basis_.next(p);
  product(std::as_const(basis_).columns(done_, p), z);
  this->count(p, kernels::reads_of(p));
  random_columns_ += random_in_next_;
  if (n - count >= p) {
    double scale = 0;
    for (std::int64_t i = 0; i < done_; ++i) scale = std::max(scale, h_(i, i));
    const auto found = basis_.append(p, negligible<T>(n) * scale, random_);
    enter(found.c);
    for (std::int64_t j = 0; j < p; ++j) std::ranges::copy(found.r.column(j), h_.column(done_ + j).begin() + count);
    random_in_next_ = p - found.rank;
    invariant_ = found.rank == 0;
  } else {
    // Fewer dimensions are left than the block has columns: all of them are added, which covers any direction of Z.
    enter(basis_.orthogonalize(z));
    while (basis_.count() < n) basis_.append_random(random_);
    random_in_next_ = n - count;
    filling_ = count < n;
    invariant_ = !filling_;
    if (invariant_) random_columns_ = n;
  }
  done_ += p;
  newest_ = p;
}

template <Real T>
RitzPairs BlockLanczos<T>::ritz(std::int64_t count) const {
  Matrix<double> h(done_, done_);
  for (std::int64_t j = 0; j < done_; ++j) std::copy_n(h_.column(j).begin(), done_, h.column(j).begin());
  // Finite products may have inner products that are not finite: svd() then scales the operator and starts again.
  if (!std::ranges::all_of(h.values(), [](double value) { return std::isfinite(value); })) throw NotFinite{};
  SmallEigen top = largest_of_symmetric(std::move(h), count);
  RitzPairs pairs{std::move(top.value), {}, std::move(top.vector)};
  for (std::int64_t i = 0; i < pairs.weights.columns(); ++i) {
    // The pending vectors are coupled only to the newest block.
    pairs.residual.push_back(
        this->residual_of(std::as_const(pairs.weights).column(i).last(static_cast<std::size_t>(newest_))));
  }
  return pairs;
}

template <Real T>
Matrix<T> BlockLanczos<T>::vectors(const RitzPairs& pairs, std::int64_t count) const {
  Matrix<T> x(basis_.order(), count);
  basis_.combine(pairs.weights.view().column_range(0, count), x.view());
  return x;
}

template <Real T>
void BlockLanczos<T>::restart(const RitzPairs& kept) {
  const std::int64_t keep = kept.weights.columns();
  const std::int64_t p = width();
  this->reduce(kept.theta, kept.weights.view());
  // The same product moves the newest block.
  Matrix<double> weights(basis_.count(), keep + p);
  for (std::int64_t j = 0; j < keep; ++j) std::ranges::copy(kept.weights.column(j), weights.column(j).begin());
  for (std::int64_t j = 0; j < p; ++j) weights(done_ + j, keep + j) = 1;
  basis_.compress(std::as_const(weights).view());
  done_ = keep;
}

template class BlockLanczos<float>;
template class BlockLanczos<double>;

}  // namespace sigmax
