// Power iteration on each matrix of a batch.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/small.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/batched/batched.hpp"

namespace sigmax {
namespace {

using kernels::small_stride;
using kernels::StridedMatrix;

// Size limit of the entries: larger matrices are processed one after another, in place, each on all threads.
constexpr std::int64_t kAloneInSteps = std::int64_t{1} << 20;
// The total of entries times steps that is worth a task.
constexpr std::int64_t kTaskOfSteps = std::int64_t{1} << 20;

template <Real T>
void check(const Tensor& a, MatrixView<T> u, MatrixView<T> v, std::span<T> sigma, const PowerOptions& options) {
  if (a.rank() != 3) {
    throw Error(fmt::format("[batched_power_iteration] a batch has 3 dimensions, [batch, rows, columns], got {}",
                            to_string(a.shape())));
  }
  if (!is_real(a.dtype()))
    throw Error(fmt::format("[batched_power_iteration] {} does not store real numbers", name(a.dtype())));
  const std::int64_t count = a.shape()[0], rows = a.shape()[1], columns = a.shape()[2];
  if (u.rows != rows || v.rows != columns || u.columns != count || v.columns != count ||
      static_cast<std::int64_t>(sigma.size()) != count) {
    throw Error(fmt::format(
        "[batched_power_iteration] {} matrices of {}x{} take u of {}x{}, v of {}x{} and {} values, got {}x{}, "
        "{}x{} and {}",
        count, rows, columns, rows, count, columns, count, count, u.rows, u.columns, v.rows, v.columns, sigma.size()));
  }
  if (options.steps < 1)
    throw Error(fmt::format("[batched_power_iteration] steps must be positive, got {}", options.steps));
  if (!(options.epsilon > 0))
    throw Error(fmt::format("[batched_power_iteration] epsilon must be positive, got {}", options.epsilon));
}

// |x|, scaled if squares leave the range of double.
template <Real T>
double norm_of(const T* x, std::int64_t n) {
  double squares = 0;
  for (std::int64_t i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  if (squares > 0x1p-900 && squares < 0x1p+900) return std::sqrt(squares);
  double largest = 0;
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, static_cast<double>(std::fabs(x[i])));
  if (!(largest > 0) || !std::isfinite(largest)) return std::sqrt(squares);
  squares = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double scaled = static_cast<double>(x[i]) / largest;
    squares += scaled * scaled;
  }
  return largest * std::sqrt(squares);
}

// x <- N(x); returns x . N(x).
template <Real T>
T normalize(T* x, std::int64_t n, double epsilon) {
  const double norm = norm_of(x, n);
  const double divisor = std::max(norm, epsilon);
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(static_cast<double>(x[i]) / divisor);
  return static_cast<T>(norm * (norm / divisor));
}

template <Real T>
T iterate(const StridedMatrix& a, T* work, std::span<T> u, std::span<T> v, const PowerOptions& options) {
  const std::int64_t m = a.rows, n = a.columns;
  T* const x = work + m * small_stride(n);
  T* const y = x + small_stride(n);
  kernels::small_load(a, 1.0, work);
  std::copy(v.begin(), v.end(), x);
  std::fill(x + n, x + small_stride(n), T{0});
  std::copy(u.begin(), u.end(), y);
  T sigma = 0;
  const auto left = [&] {
    kernels::small_multiply(m, n, work, x, y);
    sigma = normalize(y, m, options.epsilon);
  };
  const auto right = [&] {
    kernels::small_multiply_transposed(m, n, work, y, x);
    sigma = normalize(x, n, options.epsilon);
  };
  for (std::int64_t step = 0; step < options.steps; ++step) {
    if (options.order == PowerIteration::Order::u_first) {
      left();
      right();
    } else {
      right();
      left();
    }
  }
  std::copy_n(x, n, v.begin());
  std::copy_n(y, m, u.begin());
  return sigma;
}

}  // namespace

template <Real T>
void batched_power_iteration(const Tensor& matrices, const PowerOptions& options, MatrixView<T> u, MatrixView<T> v,
                             std::span<T> sigma, Context& context) {
  const FloatingEnvironment environment;
  check(matrices, u, v, sigma, options);
  const std::int64_t count = matrices.shape()[0], rows = matrices.shape()[1], columns = matrices.shape()[2];
  if (rows * columns > kAloneInSteps) {
    for (std::int64_t i = 0; i < count; ++i) {
      const Operator<T> a = dense<T>(matrices.slice(i));
      sigma[static_cast<std::size_t>(i)] = static_cast<T>(power_steps(*a, options, u.column(i), v.column(i), context));
    }
    return;
  }
  if (rows == 0 || columns == 0) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::fill(u.column(i).begin(), u.column(i).end(), T{0});
      std::fill(v.column(i).begin(), v.column(i).end(), T{0});
    }
    std::fill(sigma.begin(), sigma.end(), T{0});
    return;
  }
  const std::int64_t each =
      std::max<std::int64_t>(kTaskOfSteps / (rows * columns * std::min<std::int64_t>(options.steps, 64)), 1);
  const std::int64_t stride = matrices.strides()[0];
  const auto elements = static_cast<std::size_t>((rows + 1) * small_stride(columns) + small_stride(rows));
  context.parallel_for(static_cast<std::size_t>((count + each - 1) / each), [&](std::size_t p) {
    auto work = context.scratch<T>(elements);
    const std::int64_t first = static_cast<std::int64_t>(p) * each;
    for (std::int64_t i = first; i < std::min(first + each, count); ++i) {
      context.check_cancel();
      const StridedMatrix a{matrices.dtype(),
                            matrices.data() + static_cast<std::size_t>(i * stride) * size_of(matrices.dtype()),
                            rows,
                            columns,
                            matrices.strides()[1],
                            matrices.strides()[2]};
      sigma[static_cast<std::size_t>(i)] = iterate(a, work.data(), u.column(i), v.column(i), options);
    }
  });
}

template void batched_power_iteration<float>(const Tensor&, const PowerOptions&, MatrixView<float>, MatrixView<float>,
                                             std::span<float>, Context&);
template void batched_power_iteration<double>(const Tensor&, const PowerOptions&, MatrixView<double>,
                                              MatrixView<double>, std::span<double>, Context&);

}  // namespace sigmax
