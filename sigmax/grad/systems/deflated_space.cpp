#include "sigmax/grad/systems/deflated_space.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/grad/systems/complement.hpp"
#include "sigmax/kernels/vector.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/small_dense.hpp"

namespace sigmax {
namespace {

// The columns of w made orthogonal to `known` and to each other; columns with a small remainder are dropped.
template <Real T>
Matrix<T> orthonormal_in_complement(MatrixView<const T> w, MatrixView<const T> known) {
  Matrix<T> result(w.rows, w.columns);
  std::int64_t kept = 0;
  for (std::int64_t j = 0; j < w.columns; ++j) {
    const MatrixView<T> x = result.view().column_range(kept, 1);
    std::ranges::copy(w.column(j), x.data);
    const double before = kernels::norm2(std::span<const T>(x.column(0)));
    for (int pass = 0; pass < 2; ++pass) {
      project_away<T>(known, x);
      project_away<T>(std::as_const(result).view().column_range(0, kept), x);
    }
    const double left = kernels::norm2(std::span<const T>(x.column(0)));
    if (!(left > before / 8) || !std::isfinite(left)) continue;
    for (T& value : x.column(0)) value = static_cast<T>(value / left);
    ++kept;
  }
  Matrix<T> columns(w.rows, kept);
  std::copy_n(result.values().begin(), columns.values().size(), columns.values().begin());
  return columns;
}

}  // namespace

template <Real T>
DeflatedSpace<T>::DeflatedSpace(MatrixView<const T> w, MatrixView<const T> known, GramSide<T>& side)
    : w_(orthonormal_in_complement(w, known)), image_(w_.rows(), w_.columns()), g_(w_.columns(), w_.columns()) {
  if (empty()) return;
  side.multiply(std::as_const(w_).view(), image_.view());
  project_away<T>(known, image_.view());
  const std::int64_t m = w_.columns();
  for (std::int64_t j = 0; j < m; ++j) {
    for (std::int64_t i = 0; i <= j; ++i) {
      g_(i, j) = g_(j, i) = 0.5 * (kernels::dot(std::as_const(w_).column(i), std::as_const(image_).column(j)) +
                                   kernels::dot(std::as_const(w_).column(j), std::as_const(image_).column(i)));
    }
  }
  const SerialBlas serial;
  largest_ = largest_of_symmetric(g_, 1).value.front();
}

template <Real T>
DeflatedSpace<T>::System::System(const DeflatedSpace& deflation, double s)
    : deflation_(&deflation), s_(s), factor_(deflation.g_.rows(), deflation.g_.rows()) {
  const std::int64_t m = factor_.rows();
  for (std::int64_t j = 0; j < m; ++j) {
    for (std::int64_t i = j; i < m; ++i) {
      double sum = (i == j ? s : 0) - deflation.g_(i, j);
      for (std::int64_t l = 0; l < j; ++l) sum -= factor_(i, l) * factor_(j, l);
      factor_(i, j) = i == j ? std::sqrt(sum) : sum / factor_(j, j);
    }
  }
}

template <Real T>
std::vector<double> DeflatedSpace<T>::System::solve(std::vector<double> y) const {
  const std::int64_t m = factor_.rows();
  const auto at = [&y](std::int64_t i) -> double& { return y[static_cast<std::size_t>(i)]; };
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t l = 0; l < i; ++l) at(i) -= factor_(i, l) * at(l);
    at(i) /= factor_(i, i);
  }
  for (std::int64_t i = m - 1; i >= 0; --i) {
    for (std::int64_t l = i + 1; l < m; ++l) at(i) -= factor_(l, i) * at(l);
    at(i) /= factor_(i, i);
  }
  return y;
}

template <Real T>
void DeflatedSpace<T>::System::correct(std::span<T> x, std::span<T> r) const {
  if (deflation_ == nullptr) return;
  const Matrix<T>& w = deflation_->w_;
  std::vector<double> y;
  for (std::int64_t j = 0; j < w.columns(); ++j) y.push_back(kernels::dot(w.column(j), std::span<const T>(r)));
  y = solve(std::move(y));
  for (std::int64_t j = 0; j < w.columns(); ++j) {
    const double c = y[static_cast<std::size_t>(j)];
    kernels::axpy(static_cast<T>(c), w.column(j), x);
    kernels::axpy(static_cast<T>(-s_ * c), w.column(j), r);
    kernels::axpy(static_cast<T>(c), deflation_->image_.column(j), r);
  }
}

template <Real T>
void DeflatedSpace<T>::System::direct(std::span<const T> r, std::span<T> d) const {
  if (deflation_ == nullptr) return;
  const Matrix<T>& w = deflation_->w_;
  std::vector<double> y;
  for (std::int64_t j = 0; j < w.columns(); ++j) {
    y.push_back(s_ * kernels::dot(w.column(j), r) - kernels::dot(deflation_->image_.column(j), r));
  }
  y = solve(std::move(y));
  for (std::int64_t j = 0; j < w.columns(); ++j) {
    kernels::axpy(static_cast<T>(-y[static_cast<std::size_t>(j)]), w.column(j), d);
  }
}

template class DeflatedSpace<float>;
template class DeflatedSpace<double>;

}  // namespace sigmax
