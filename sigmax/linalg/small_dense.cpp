#include "sigmax/linalg/small_dense.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax {
namespace {

// LAPACK's order is ascending.
SmallEigen descending(std::span<const double> values, const Matrix<double>& vectors, std::int64_t count) {
  SmallEigen result{std::vector<double>(static_cast<std::size_t>(count)), Matrix<double>(vectors.rows(), count)};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = count - 1 - i;
    result.value[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>(from)];
    std::ranges::copy(vectors.column(from), result.vector.column(i).begin());
  }
  return result;
}

// All eigenpairs by divide and conquer, which does not fail; used where inverse iteration fails on a cluster.
SmallEigen all_of_symmetric(Matrix<double> a, std::int64_t count) {
  const int n = static_cast<int>(a.rows());
  std::vector<double> values(static_cast<std::size_t>(n));
  std::vector<double> work(static_cast<std::size_t>(1 + 6 * n + 2 * n * n));
  std::vector<int> integer_work(static_cast<std::size_t>(3 + 5 * n));
  const int work_size = static_cast<int>(work.size());
  const int integer_size = static_cast<int>(integer_work.size());
  int info = 0;
  dsyevd_("V", "L", &n, a.values().data(), &n, values.data(), work.data(), &work_size, integer_work.data(),
          &integer_size, &info);
  if (info != 0) throw Error(fmt::format("[small_dense] dsyevd failed, info {}", info));
  Matrix<double> top(n, count);
  for (std::int64_t i = 0; i < count; ++i) std::ranges::copy(a.column(n - count + i), top.column(i).begin());
  return descending(std::span<const double>(values).last(static_cast<std::size_t>(count)), top, count);
}

}  // namespace

SmallEigen largest_of_symmetric(Matrix<double> a, std::int64_t wanted) {
  const int n = static_cast<int>(a.rows());
  const int count = static_cast<int>(std::min<std::int64_t>(wanted, n));
  const int first = n - count + 1;
  const double unused = 0;
  int found = 0;
  int info = 0;
  Matrix<double> overwritten = a;
  std::vector<double> values(static_cast<std::size_t>(n));
  Matrix<double> vectors(n, count);
  std::vector<int> support(static_cast<std::size_t>(2 * n));
  std::vector<double> work(static_cast<std::size_t>(26 * n + 64 * n));
  std::vector<int> integer_work(static_cast<std::size_t>(10 * n));
  const int work_size = static_cast<int>(work.size());
  const int integer_size = static_cast<int>(integer_work.size());
  dsyevr_("V", "I", "L", &n, overwritten.values().data(), &n, &unused, &unused, &first, &n, &unused, &found,
          values.data(), vectors.values().data(), &n, support.data(), work.data(), &work_size, integer_work.data(),
          &integer_size, &info);
  if (info != 0 || found != count) return all_of_symmetric(std::move(a), count);
  return descending(values, vectors, count);
}

SmallSvd svd_of_square(Matrix<double> a) {
  const int n = static_cast<int>(a.rows());
  SmallSvd result{Matrix<double>(n, n), std::vector<double>(static_cast<std::size_t>(n)), Matrix<double>(n, n)};
  Matrix<double> wt(n, n);
  std::vector<int> integer_work(static_cast<std::size_t>(8 * n));
  std::vector<double> work(static_cast<std::size_t>(4 * n * n + 7 * n + 64 * n));
  const int work_size = static_cast<int>(work.size());
  int info = 0;
  dgesdd_("A", &n, &n, a.values().data(), &n, result.sigma.data(), result.p.values().data(), &n, wt.values().data(), &n,
          work.data(), &work_size, integer_work.data(), &info);
  if (info != 0) throw Error(fmt::format("[small_dense] dgesdd failed, info {}", info));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) result.w(j, i) = wt(i, j);
  }
  return result;
}

}  // namespace sigmax
