#include "sigmax/svd/krylov/process.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/svd/convergence.hpp"

namespace sigmax {

template <Real T>
KrylovProcess<T>::KrylovProcess(std::int64_t n, std::int64_t capacity, std::int64_t room, std::int64_t columns,
                                const RandomState& random, Context& context)
    : capacity_(capacity), basis_(n, room, context), h_(room, columns), random_(random) {}

template <Real T>
void KrylovProcess<T>::start_random(std::int64_t width) {
  start_.draw(basis_, width, random_);
  width_ = width;
}

template <Real T>
void KrylovProcess<T>::start_from(MatrixView<const T> start, std::int64_t width) {
  const std::int64_t n = basis_.order();
  std::vector<double> ignored(static_cast<std::size_t>(basis_.capacity()));
  for (std::int64_t j = 0; j < start.columns && basis_.count() < std::min(width, n); ++j) {
    const MatrixView<T> x = basis_.next();
    std::ranges::copy(start.column(j), x.data);
    const double before = blas1::norm<T>(x.column(0));
    if (!(before > 0)) continue;
    blas1::scale(x.column(0), 1 / before);
    const double left = basis_.remove(x, 0, 0, ignored);
    if (left <= negligible<T>(n)) continue;
    blas1::scale(x.column(0), 1 / left);
    basis_.accept();
  }
  width_ = basis_.count();
}

template <Real T>
void KrylovProcess<T>::inject() {
  end_recurrences();
  basis_.append_random(random_);
}

template <Real T>
std::vector<LanczosRecurrence> KrylovProcess<T>::recurrences() {
  end_recurrences();
  return std::move(recurrences_);
}

template <Real T>
void KrylovProcess<T>::end_recurrences() {
  if (std::exchange(first_cycle_, false)) recurrences_ = read_recurrences();
}

template <Real T>
void KrylovProcess<T>::count(std::int64_t width, std::int64_t reads) {
  if (width == pending() && first_cycle_) ++complete_steps_;
  products_ += width;
  reads_ += reads;
}

template <Real T>
double KrylovProcess<T>::orthogonalize(std::int64_t slot, std::int64_t middle, std::int64_t column) {
  const MatrixView<T> x = basis_.columns(basis_.count(), 1);
  if (slot != basis_.count()) std::ranges::copy(basis_.at(slot), x.data);
  return basis_.remove(x, middle - width_, 2 * width_, h_.column(column));
}

template <Real T>
void KrylovProcess<T>::join(double left, std::int64_t column, double rounding) {
  if (spans_all() || left <= rounding) return;
  h_(basis_.count(), column) = left;
  blas1::scale(basis_.next().column(0), 1 / left);
  basis_.accept();
}

template <Real T>
void KrylovProcess<T>::reduce(std::span<const double> values, MatrixView<const double> x) {
  end_recurrences();
  const std::int64_t keep = x.columns;
  Matrix<double> h(h_.rows(), h_.columns());
  for (std::int64_t i = 0; i < keep; ++i) {
    h(i, i) = values[static_cast<std::size_t>(i)];
    for (std::int64_t p = 0; p < pending(); ++p) h(keep + p, i) = coupling(done_ + p, x.column(i));
  }
  h_ = std::move(h);
}

template <Real T>
void KrylovProcess<T>::compress(MatrixView<const double> y) {
  const std::int64_t keep = y.columns;
  const std::int64_t waiting = pending();
  basis_.compress(y);
  for (std::int64_t p = 0; p < waiting; ++p) std::ranges::copy(basis_.at(done_ + p), basis_.at(keep + p).begin());
  basis_.accept(waiting);
  done_ = keep;
}

template <Real T>
double KrylovProcess<T>::coupling(std::int64_t p, std::span<const double> y) const {
  const std::int64_t first = done_ - static_cast<std::int64_t>(y.size());
  double sum = 0;
  for (std::size_t j = 0; j < y.size(); ++j) sum += h_(p, first + static_cast<std::int64_t>(j)) * y[j];
  return sum;
}

template <Real T>
double KrylovProcess<T>::residual_of(std::span<const double> y) const {
  double sum = 0;
  for (std::int64_t p = done_; p < basis_.count(); ++p) {
    const double r = coupling(p, y);
    sum += r * r;
  }
  return std::sqrt(sum);
}

template class KrylovProcess<float>;
template class KrylovProcess<double>;

}  // namespace sigmax
