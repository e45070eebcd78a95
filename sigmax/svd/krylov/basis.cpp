#include "sigmax/svd/krylov/basis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/ops/range_checked.hpp"

namespace sigmax {
namespace {

// Vectors begin on cache lines, but not all on the same line modulo a page: otherwise rows that a kernel reads together
// would compete for the same set of the first-level cache.
template <Real T>
std::int64_t padded(std::int64_t n) {
  constexpr auto kLine = static_cast<std::int64_t>(64 / sizeof(T));
  constexpr std::int64_t kPage = 64 * kLine;
  const std::int64_t whole = (n + kLine - 1) / kLine * kLine;
  return whole % kPage == 0 ? whole + kLine : whole;
}

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b, float* c,
          std::int64_t ldc) {
  cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
              1, a, static_cast<int>(lda), b, static_cast<int>(k), 0, c, static_cast<int>(ldc));
}

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, std::int64_t lda, const double* b, double* c,
          std::int64_t ldc) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
              1, a, static_cast<int>(lda), b, static_cast<int>(k), 0, c, static_cast<int>(ldc));
}

// A remainder below this many units of rounding of the column itself is only rounding.
template <Real T>
double rounding(std::int64_t n) {
  return 4 * std::sqrt(static_cast<double>(n)) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

}  // namespace

namespace blas1 {

template <Real T>
double dot(std::span<const T> x, std::span<const T> y) {
  constexpr std::size_t kLanes = 16;
  std::array<double, kLanes> sums{};
  const std::size_t n = x.size();
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) sums[l] += static_cast<double>(x[i + l]) * static_cast<double>(y[i + l]);
  }
  for (std::size_t l = 0; i < n; ++i, ++l) sums[l] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) sums[l] += sums[l + half];
  }
  return sums[0];
}

template <Real T>
double norm(std::span<const T> x) {
  return std::sqrt(dot(x, x));
}

template <Real T>
void scale(std::span<T> x, double factor) {
  for (T& value : x) value = static_cast<T>(value * factor);
}

template double dot<float>(std::span<const float>, std::span<const float>);
template double dot<double>(std::span<const double>, std::span<const double>);
template double norm<float>(std::span<const float>);
template double norm<double>(std::span<const double>);
template void scale<float>(std::span<float>, double);
template void scale<double>(std::span<double>, double);

}  // namespace blas1

template <Real T>
Basis<T>::Basis(std::int64_t n, std::int64_t capacity, Context& context)
    : n_(n),
      capacity_(capacity),
      stride_(padded<T>(n)),
      context_(&context),
      vectors_(context.scratch<T>(n > 0 && capacity > 0 ? static_cast<std::size_t>(stride_ * capacity) : 0)) {
  if (n < 1 || capacity < 1) {
    throw Error(fmt::format("[basis] order and capacity must be positive, got {} and {}", n, capacity));
  }
}

template <Real T>
kernels::StoredMatrix Basis<T>::stored(std::int64_t first, std::int64_t number) const {
  constexpr DType kType = std::same_as<T, float> ? DType::f32 : DType::f64;
  return {kType, reinterpret_cast<const std::byte*>(vectors_.data() + first * stride_), number, n_, stride_};
}

template <Real T>
MatrixView<T> Basis<T>::next(std::int64_t number) {
  if (count_ + number > capacity_) {
    throw Error(fmt::format("[basis] no room for {} more vectors: {} of {} are in use", number, count_, capacity_));
  }
  return columns(count_, number);
}

template <Real T>
void Basis<T>::accept(std::int64_t number) {
  static_cast<void>(next(number));
  count_ += number;
}

template <Real T>
void Basis<T>::truncate(std::int64_t number) {
  count_ = std::min(count_, number);
}

template <Real T>
void Basis<T>::sweep(std::int64_t first, std::int64_t number, MatrixView<T> x, MatrixView<double> coefficients) const {
  if (number == 0 || x.columns == 0) return;
  auto found = context_->scratch<T>(static_cast<std::size_t>(number * x.columns));
  auto image = context_->scratch<T>(static_cast<std::size_t>(n_ * x.columns));
  const MatrixView<T> c(found.data(), number, x.columns);
  const MatrixView<T> projection(image.data(), n_, x.columns);
  kernels::gram<T>(stored(first, number), x, c, projection, *context_);
  for (std::int64_t j = 0; j < x.columns; ++j) {
    for (std::int64_t i = 0; i < number; ++i) {
      coefficients.data[i + j * coefficients.stride] += static_cast<double>(c.data[i + j * c.stride]);
    }
    T* to = x.data + j * x.stride;
    const T* from = projection.data + j * n_;
    for (std::int64_t i = 0; i < n_; ++i) to[i] -= from[i];
  }
}

template <Real T>
Matrix<double> Basis<T>::orthogonalize(MatrixView<T> x) const {
  Matrix<double> coefficients(count_, x.columns);
  sweep(0, count_, x, coefficients.view());
  sweep(0, count_, x, coefficients.view());
  return coefficients;
}

template <Real T>
double Basis<T>::remove(MatrixView<T> x, std::int64_t near, std::int64_t number, std::span<double> coefficients) const {
  const std::span<T> z = x.column(0);
  for (std::int64_t j = std::max<std::int64_t>(near, 0); j < std::min(near + number, count_); ++j) {
    const std::span<const T> v = at(j);
    const double c = blas1::dot<T>(v, z);
    coefficients[static_cast<std::size_t>(j)] += c;
    for (std::size_t i = 0; i < v.size(); ++i) {
      z[i] = static_cast<T>(static_cast<double>(z[i]) - c * static_cast<double>(v[i]));
    }
  }
  double left = blas1::norm<T>(z);
  for (int pass = 0; pass < 3 && left > 0; ++pass) {
    sweep(0, count_, x, {coefficients.data(), count_, 1});
    const double after = blas1::norm<T>(z);
    const bool enough = after > 0.5 * left;
    left = after;
    if (enough) break;
  }
  if (!std::isfinite(left)) throw NotFinite{};
  return left;
}

template <Real T>
double Basis<T>::clean(std::int64_t first, std::int64_t number, MatrixView<T> x,
                       MatrixView<double> coefficients) const {
  sweep(first, number, x, coefficients);
  sweep(first, number, x, coefficients);
  const double left = blas1::norm<T>(x.column(0));
  if (!std::isfinite(left)) throw NotFinite{};
  return left;
}

// Vector `index` becomes a random direction orthogonal to all vectors before it.
template <Real T>
void Basis<T>::fill_random(std::int64_t index, RandomState& random) {
  if (index >= n_) throw Error(fmt::format("[basis] a space of order {} has no more directions", n_));
  std::vector<double> normal(static_cast<std::size_t>(n_));
  Matrix<double> ignored(std::max<std::int64_t>(index, 1), 1);
  const std::span<T> x = at(index);
  // With one dimension left, a random vector keeps 1 / n of its square on average; a smaller remainder, mostly
  // rounding, is drawn again.
  for (int attempt = 0; attempt < 20; ++attempt) {
    random = fill_normal(random, normal);
    std::transform(normal.begin(), normal.end(), x.begin(), [](double value) { return static_cast<T>(value); });
    const double before = blas1::norm<T>(x);
    const double left = clean(0, index, columns(index, 1), ignored.view());
    if (left <= 16 * rounding<T>(n_) * before) continue;
    blas1::scale<T>(x, 1 / left);
    blas1::scale<T>(x, 1 / clean(0, index, columns(index, 1), ignored.view()));
    return;
  }
  throw Error(fmt::format("[basis] no direction orthogonal to {} vectors of order {} found", index, n_));
}

template <Real T>
void Basis<T>::append_random(RandomState& random) {
  static_cast<void>(next());
  fill_random(count_, random);
  ++count_;
}

namespace {

// sum + left right, for an upper triangular `right`.
Matrix<double> with_product(Matrix<double> sum, const Matrix<double>& left, const Matrix<double>& right) {
  for (std::int64_t j = 0; j < right.columns(); ++j) {
    for (std::int64_t k = 0; k <= j; ++k) {
      for (std::int64_t i = 0; i < left.rows(); ++i) sum(i, j) += left(i, k) * right(k, j);
    }
  }
  return sum;
}

}  // namespace

// twice: C_s = Q^T X; X -= Q C_s; X = P R_s by Gram-Schmidt, column after column; X <- P
// X = Q C_1 + (Q C_2 + P R_2) R_1 = Q (C_1 + C_2 R_1) + P R_2 R_1
//
// If Q is orthonormal only to d, the first round leaves d |X| of a column in span(Q), which may be more than `nothing`;
// the second takes that away too. So what is left of a column is known after the second round, and columns with no
// remainder are replaced at that point.
//
// A round leaves e = O(sqrt(n) eps) of its unit columns in span(Q), and e / left after the division by what is left.
// Columns that stay have left |X| >= 4 e |X| in the second round (rounding()), so that a third round, in which at most
// a quarter of a column can be lost, is the last.
template <Real T>
typename Basis<T>::Appended Basis<T>::append(std::int64_t b, double floor, RandomState& random) {
  constexpr int kMostRounds = 3;
  constexpr double kLittle = 0.5;  // what must be left of a unit column to be clean
  const MatrixView<T> x = next(b);
  if (count_ + b > n_) {
    throw Error(fmt::format("[basis] {} more vectors than a space of order {} has dimensions", count_ + b - n_, n_));
  }
  Appended result{Matrix<double>(count_, b), Matrix<double>(b, b), b};
  std::vector<double> nothing;
  for (std::int64_t j = 0; j < b; ++j) {
    nothing.push_back(std::max(floor, rounding<T>(n_) * blas1::norm<T>(x.column(j))));
    result.r(j, j) = 1;
  }
  bool clean_enough = false;
  for (int round = 0; round < kMostRounds && !clean_enough; ++round) {
    clean_enough = round > 0;
    Matrix<double> c(count_, b);
    Matrix<double> r(b, b);
    sweep(0, count_, x, c.view());
    for (std::int64_t j = 0; j < b; ++j) {
      const double left = clean(count_, j, x.column_range(j, 1), r.view().column_range(j, 1));
      const double whole = result.r(j, j);  // 0 once the column was replaced
      const bool stays = round < 2 && whole > 0 ? left * whole > nothing[static_cast<std::size_t>(j)] : left > 0;
      if (stays) {
        r(j, j) = left;
        blas1::scale<T>(x.column(j), 1 / left);
        clean_enough = clean_enough && left > kLittle;
      } else {
        fill_random(count_ + j, random);
        --result.rank;
        clean_enough = false;
      }
    }
    result.c = with_product(std::move(result.c), c, result.r);
    result.r = with_product(Matrix<double>(b, b), r, result.r);
  }
  count_ += b;
  return result;
}

// Panels of rows of Q, each about 128 KiB, times W: each task copies only its panel's product.
template <Real T>
void Basis<T>::multiply_panels(MatrixView<const double> weights, T* out, std::int64_t out_stride) const {
  const std::int64_t k = weights.columns;
  const std::int64_t terms = weights.rows;
  auto w = context_->scratch<T>(static_cast<std::size_t>(terms * k));
  for (std::int64_t j = 0; j < k; ++j) {
    for (std::int64_t i = 0; i < terms; ++i)
      w[static_cast<std::size_t>(i + j * terms)] = static_cast<T>(weights.data[i + j * weights.stride]);
  }
  const SerialBlas serial;
  constexpr std::int64_t kPanelBytes = std::int64_t{128} << 10;
  const std::int64_t rows_each =
      std::clamp<std::int64_t>(kPanelBytes / static_cast<std::int64_t>(sizeof(T)) / terms / 64 * 64, 64, 4096);
  const std::int64_t panels = (n_ + rows_each - 1) / rows_each;
  context_->parallel_for(static_cast<std::size_t>(panels), [&](std::size_t p) {
    const std::int64_t first = static_cast<std::int64_t>(p) * rows_each;
    const std::int64_t rows = std::min(rows_each, n_ - first);
    auto product = context_->scratch<T>(static_cast<std::size_t>(rows * k));
    gemm(rows, k, terms, vectors_.data() + first, stride_, w.data(), product.data(), rows);
    for (std::int64_t j = 0; j < k; ++j) {
      std::copy_n(product.data() + j * rows, rows, out + first + j * out_stride);
    }
  });
}

template <Real T>
void Basis<T>::combine(MatrixView<const double> weights, MatrixView<T> out) const {
  if (weights.rows > count_ || out.rows != n_ || out.columns != weights.columns) {
    throw Error(fmt::format("[basis] {}x{} weights of {} vectors do not give {}x{}", weights.rows, weights.columns,
                            count_, out.rows, out.columns));
  }
  if (weights.rows > 0) multiply_panels(weights, out.data, out.stride);
}

template <Real T>
void Basis<T>::compress(MatrixView<const double> weights) {
  if (weights.rows > count_ || weights.columns > weights.rows) {
    throw Error(fmt::format("[basis] {}x{} weights do not compress {} vectors", weights.rows, weights.columns, count_));
  }
  if (weights.rows > 0) multiply_panels(weights, vectors_.data(), stride_);
  count_ = weights.columns;
}

template class Basis<float>;
template class Basis<double>;

}  // namespace sigmax
