#include "sigmax/svd/checks/known_space.hpp"

#include <algorithm>
#include <utility>

#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/small_dense.hpp"

namespace sigmax {
namespace {

// Values below this much of the largest are evaluated once more.
constexpr double kGraded = 1e-3;

}  // namespace

void remove_components(const Matrix<double>& v, Matrix<double>& x) {
  for (int pass = 0; pass < 2; ++pass) {
    const Matrix<double> c = lapack::product(v, x, true);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(x.rows()), static_cast<int>(x.columns()),
                static_cast<int>(v.columns()), -1.0, v.values().data(), static_cast<int>(v.rows()), c.values().data(),
                static_cast<int>(c.rows()), 1.0, x.values().data(), static_cast<int>(x.rows()));
  }
}

template <Real T>
void KnownSpace<T>::join(const Matrix<T>& x) {
  Matrix<double> all(n_, v_.columns() + x.columns());
  std::ranges::copy(v_.values(), all.values().begin());
  std::ranges::copy(x.values(), all.values().begin() + static_cast<std::ptrdiff_t>(v_.values().size()));
  v_ = lapack::orthonormal(std::move(all));
  z_ = Matrix<double>(n_, v_.columns());
  coupled_.theta.assign(static_cast<std::size_t>(v_.columns()), 0.0);
  // Ritz values are accurate to u theta_1: values far below that scale are evaluated once more, by themselves.
  for (std::int64_t first = 0; first < v_.columns();) {
    rotate_from(first);
    const double largest = coupled_.theta[static_cast<std::size_t>(first)];
    while (first < v_.columns() && coupled_.theta[static_cast<std::size_t>(first)] >= kGraded * largest) ++first;
    if (!(largest > 0)) break;
  }
  Matrix<double> e = z_;
  remove_components(v_, e);
  coupled_.f = lapack::product(e, e, true);
}

template <Real T>
void KnownSpace<T>::replace(const Matrix<T>& x, const Matrix<T>& y) {
  v_ = {};
  join(x);
  if (y.columns() > 0) join(y);
}

template <Real T>
Matrix<T> KnownSpace<T>::vectors(std::int64_t count) const {
  return converted<T>(v_.view().column_range(0, count));
}

template <Real T>
void KnownSpace<T>::rotate_from(std::int64_t first) {
  const std::int64_t count = v_.columns() - first;
  Matrix<double> v = converted<double>(std::as_const(v_).view().column_range(first, count));
  const Matrix<T> rounded = converted<T>(std::as_const(v).view());
  Matrix<T> image(n_, count);
  product_(rounded.view(), image.view());
  products_ += count;
  v = converted<double>(rounded.view());
  const Matrix<double> z = converted<double>(std::as_const(image).view());
  Matrix<double> h = lapack::product(v, z, true);
  for (std::int64_t j = 0; j < count; ++j) {
    for (std::int64_t i = 0; i < j; ++i) h(j, i) = 0.5 * (h(i, j) + h(j, i));
  }
  const SmallEigen ritz = largest_of_symmetric(std::move(h), count);
  const Matrix<double> rotated = lapack::product(v, ritz.vector);
  const Matrix<double> of_rotated = lapack::product(z, ritz.vector);
  for (std::int64_t j = 0; j < count; ++j) {
    std::ranges::copy(rotated.column(j), v_.column(first + j).begin());
    std::ranges::copy(of_rotated.column(j), z_.column(first + j).begin());
    coupled_.theta[static_cast<std::size_t>(first + j)] = std::max(ritz.value[static_cast<std::size_t>(j)], 0.0);
  }
}

template class KnownSpace<float>;
template class KnownSpace<double>;

}  // namespace sigmax
