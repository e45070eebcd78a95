// The kernels for one small matrix, for every instruction set: against long double, with the error bounds stated.
#include "sigmax/kernels/small.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gallery/simd_targets.hpp"
#include "gallery/stored.hpp"
#include "sigmax/core/context.hpp"
#include "tolerance.hpp"

namespace sigmax::kernels {
namespace {

using gallery::normal;

StridedMatrix strided(const Tensor& a) {
  return {a.dtype(), a.data(), a.shape()[0], a.shape()[1], a.strides()[0], a.strides()[1]};
}

// 64-byte aligned and filled with NaN: the old content must not matter.
template <class T>
class Aligned {
 public:
  explicit Aligned(std::int64_t count) : context_(1), buffer_(context_.scratch<T>(static_cast<std::size_t>(count))) {
    std::fill(buffer_.begin(), buffer_.end(), std::numeric_limits<T>::quiet_NaN());
  }
  T* data() { return buffer_.data(); }
  T& operator[](std::int64_t i) { return buffer_[static_cast<std::size_t>(i)]; }

 private:
  Context context_;
  Context::Buffer<T> buffer_;
};

template <class T>
long double gamma(std::int64_t terms) {
  return tolerance::gamma(terms) * static_cast<long double>(tolerance::coarseness<T>());
}

template <class T>
class Small : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Small, Types);

TYPED_TEST(Small, LoadsEveryStorageTypeWithAnyStrides) {
  using T = TypeParam;
  gallery::for_each_simd_target([](const std::string& target) {
    for (const DType dtype : gallery::kStorageTypes) {
      for (const auto& [rows, columns] : {std::pair{1, 1}, {3, 17}, {17, 3}, {20, 70}, {70, 33}, {1, 40}, {40, 1}}) {
        const std::vector<double> values = normal(rows * columns, 3);
        const Tensor plain = Tensor::rounded(values, {rows, columns}, dtype);
        for (const Tensor& a : {plain, gallery::column_major(dtype, rows, columns, values),
                                gallery::gapped(dtype, rows, columns, values)}) {
          const std::int64_t stride = small_stride(columns);
          Aligned<T> out(rows * stride);
          small_load(strided(a), 0.25, out.data());
          double largest = 0;
          for (std::int64_t i = 0; i < rows; ++i) {
            for (std::int64_t j = 0; j < stride; ++j) {
              const double value = j < columns ? plain.at(std::vector<std::int64_t>{i, j}) : 0.0;
              ASSERT_EQ(out[i * stride + j], static_cast<T>(0.25 * value)) << target << " " << name(dtype) << " " << j;
              largest = std::max(largest, std::fabs(value));
            }
          }
          EXPECT_EQ(small_largest(strided(a)), largest) << target << " " << name(dtype);
        }
      }
    }
  });
}

TEST(SmallLargest, IsNanIfAnEntryIsNotFinite) {
  gallery::for_each_simd_target([](const std::string& target) {
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      for (std::size_t at = 0; at < 45; ++at) {
        for (const DType dtype : gallery::kStorageTypes) {
          std::vector<double> values = normal(45, 1);
          values[at] = at % 2 == 0 ? bad : -bad;
          EXPECT_TRUE(std::isnan(small_largest(strided(Tensor::rounded(values, {5, 9}, dtype))))) << target << at;
          EXPECT_TRUE(std::isnan(small_largest(strided(gallery::column_major(dtype, 5, 9, values))))) << target << at;
          EXPECT_TRUE(std::isnan(small_largest(strided(gallery::gapped(dtype, 5, 9, values))))) << target << at;
        }
      }
    }
  });
}

// The working copy of a normal matrix, and its entries.
template <class T>
struct Sample {
  Sample(std::int64_t rows, std::int64_t columns)
      : values(normal(rows * columns, 9)), copy(rows * small_stride(columns)) {
    for (double& value : values) value = static_cast<double>(static_cast<float>(value));
    const Tensor a = Tensor::copy_of(std::span<const double>(values), {rows, columns});
    small_load(strided(a), 1.0, copy.data());
  }
  std::vector<double> values;
  Aligned<T> copy;
};

template <class T, class S>
void check_products(std::int64_t rows, std::int64_t columns, const std::string& what) {
  Sample<T> a(rows, columns);
  Aligned<S> x(small_stride(columns)), y(small_stride(rows)), image(small_stride(rows)), back(small_stride(columns));
  const std::vector<double> from = normal(columns, 4), left = normal(rows, 5);
  for (std::int64_t j = 0; j < small_stride(columns); ++j) {
    x[j] = j < columns ? static_cast<S>(from[static_cast<std::size_t>(j)]) : S{0};
  }
  for (std::int64_t i = 0; i < rows; ++i) y[i] = static_cast<S>(left[static_cast<std::size_t>(i)]);
  small_multiply(rows, columns, a.copy.data(), x.data(), image.data());
  small_multiply_transposed(rows, columns, a.copy.data(), y.data(), back.data());
  const auto entry = [&](std::int64_t i, std::int64_t j) -> long double {
    return a.values[static_cast<std::size_t>(i * columns + j)];
  };
  for (std::int64_t i = 0; i < rows; ++i) {
    long double sum = 0, magnitude = 0;
    for (std::int64_t j = 0; j < columns; ++j) {
      sum += entry(i, j) * x[j];
      magnitude += std::fabs(entry(i, j) * x[j]);
    }
    ASSERT_LE(std::fabs(sum - image[i]), gamma<S>(columns + 1) * magnitude) << what << " row " << i;
  }
  for (std::int64_t j = 0; j < small_stride(columns); ++j) {
    long double sum = 0, magnitude = 0;
    for (std::int64_t i = 0; i < rows && j < columns; ++i) {
      sum += entry(i, j) * y[i];
      magnitude += std::fabs(entry(i, j) * y[i]);
    }
    ASSERT_LE(std::fabs(sum - back[j]), gamma<S>(rows + 1) * magnitude) << what << " column " << j;
  }
}

TYPED_TEST(Small, ProductsStayWithinTheirErrorBounds) {
  using T = TypeParam;
  gallery::for_each_simd_target([](const std::string& target) {
    for (const std::int64_t rows : {1, 2, 5, 8, 23}) {
      for (const std::int64_t columns : {1, 7, 16, 31, 50, 100}) {
        const std::string what = target + " " + std::to_string(rows) + "x" + std::to_string(columns);
        check_products<T, T>(rows, columns, what);
        check_products<T, double>(rows, columns, what);
      }
    }
  });
}

TYPED_TEST(Small, GramMatrixStaysWithinItsErrorBound) {
  using T = TypeParam;
  gallery::for_each_simd_target([](const std::string& target) {
    for (const auto& [rows, columns] : {std::pair{1, 1}, {3, 2}, {40, 17}, {33, 33}, {700, 20}, {130, 50}}) {
      Sample<T> a(rows, columns);
      const std::int64_t stride = small_stride(columns);
      Aligned<T> g(stride * stride);
      small_gram(rows, columns, a.copy.data(), g.data());
      for (std::int64_t i = 0; i < stride; ++i) {
        for (std::int64_t j = 0; j < stride; ++j) {
          long double sum = 0, magnitude = 0;
          for (std::int64_t r = 0; r < rows && i < columns && j < columns; ++r) {
            const long double term = static_cast<long double>(a.copy[r * stride + i]) * a.copy[r * stride + j];
            sum += term;
            magnitude += std::fabs(term);
          }
          ASSERT_LE(std::fabs(sum - g[i * stride + j]), gamma<T>(rows + 1) * magnitude)
              << target << " " << rows << "x" << columns << " at " << i << ", " << j;
        }
      }
    }
  });
}

// G = Q T Q^T column by column: Q T Q^T e_j, where Q^T is found from Q e_i.
template <class T>
void check_tridiagonal(std::int64_t n, const std::vector<double>& entries, const std::string& what) {
  const std::int64_t stride = small_stride(n);
  Aligned<T> g(stride * stride), work(2 * stride);
  double squares = 0;
  for (std::int64_t i = 0; i < stride; ++i) {
    for (std::int64_t j = 0; j < stride; ++j) {
      const double value = i < n && j < n ? entries[static_cast<std::size_t>(i * n + j)] : 0.0;
      g[i * stride + j] = static_cast<T>(value);
      squares += value * value;
    }
  }
  std::vector<double> diagonal(static_cast<std::size_t>(n)), off(static_cast<std::size_t>(n));
  small_tridiagonal(n, g.data(), work.data(), diagonal.data(), off.data());
  std::vector<std::vector<double>> q;  // q[k] = Q e_k
  for (std::int64_t k = 0; k < n; ++k) {
    Aligned<T> x(stride);
    std::fill(x.data(), x.data() + stride, T{0});
    x[k] = 1;
    small_rotate(n, g.data(), x.data());
    q.emplace_back(x.data(), x.data() + n);
  }
  const double unit = tolerance::relative(n, n) * tolerance::coarseness<T>();
  for (std::size_t i = 0; i < q.size(); ++i) {
    for (std::size_t j = 0; j < q.size(); ++j) {
      double sum = 0;
      double product = 0;
      for (std::size_t k = 0; k < q.size(); ++k) {
        product += q[i][k] * q[j][k];
        double row = diagonal[k] * q[k][j];
        if (k > 0) row += off[k - 1] * q[k - 1][j];
        if (k + 1 < q.size()) row += off[k] * q[k + 1][j];
        sum += q[k][i] * row;
      }
      ASSERT_NEAR(product, i == j ? 1 : 0, unit) << what;
      ASSERT_NEAR(sum, entries[i * q.size() + j], unit * std::sqrt(squares)) << what << " at " << i << ", " << j;
    }
  }
}

TYPED_TEST(Small, TridiagonalFormIsOrthogonallySimilar) {
  using T = TypeParam;
  gallery::for_each_simd_target([](const std::string& target) {
    for (const std::int64_t n : {1, 2, 3, 4, 7, 15, 16, 17, 18, 33, 60}) {
      const std::string what = target + " order " + std::to_string(n);
      std::vector<double> full(static_cast<std::size_t>(n * n)), diagonal(full.size()), one(full.size(), 1.0);
      const std::vector<double> entries = normal(n * n, 2);
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        diagonal[i * static_cast<std::size_t>(n) + i] = entries[i];
        for (std::size_t j = 0; j < static_cast<std::size_t>(n); ++j) {
          const auto at = [n](std::size_t r, std::size_t c) { return r * static_cast<std::size_t>(n) + c; };
          full[at(i, j)] = entries[at(std::min(i, j), std::max(i, j))];
        }
      }
      check_tridiagonal<T>(n, full, what);
      check_tridiagonal<T>(n, diagonal, what + " diagonal");
      check_tridiagonal<T>(n, one, what + " rank one");
      check_tridiagonal<T>(n, std::vector<double>(full.size()), what + " zero");
    }
  });
}

}  // namespace
}  // namespace sigmax::kernels
