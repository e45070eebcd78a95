#include "sigmax/svd/methods/power.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/svd/methods/power_loop.hpp"
#include "sigmax/svd/solvers.hpp"

namespace sigmax {
namespace {

// Bounds of |A v| for |v| = 1: between them A^T A v is in range whatever the shape.
template <Real T>
constexpr double kFar = std::same_as<T, float> ? 0x1p+50 : 0x1p+400;

template <Real T>
void check(const LinearOperator<T>& a, const PowerOptions& options, std::span<T> u, std::span<T> v) {
  const auto rows = static_cast<std::size_t>(a.shape().rows), columns = static_cast<std::size_t>(a.shape().columns);
  if (u.size() != rows || v.size() != columns) {
    throw Error(fmt::format("[power] a {}x{} operator takes u of {} and v of {} entries, got {} and {}", rows, columns,
                            rows, columns, u.size(), v.size()));
  }
  if (options.steps < 1) throw Error(fmt::format("[power] steps must be positive, got {}", options.steps));
  if (!(options.epsilon > 0)) throw Error(fmt::format("[power] epsilon must be positive, got {}", options.epsilon));
}

// x <- x / divisor, one division per entry as in PyTorch.
template <Real T>
void divide(std::span<T> x, double divisor) {
  for (T& value : x) value = static_cast<T>(static_cast<double>(value) / divisor);
}

// x <- N(x). Returns x . N(x), which is |x| unless epsilon takes hold.
template <Real T>
double normalize_as_torch(std::span<T> x, double epsilon) {
  const double norm = blas::norm(std::span<const T>(x));
  const double divisor = std::max(norm, epsilon);
  divide(x, divisor);
  return std::isfinite(norm) ? norm * (norm / divisor) : norm;
}

// u <- N(A v),  v <- A^T u
template <Real T>
void advance(const LinearOperator<T>& a, double epsilon, std::span<T> u, std::span<T> v, std::span<T> next,
             Context& context) {
  a.apply_gram(MatrixView<const T>(v), MatrixView<T>(u), MatrixView<T>(next), context);
  const double norm = blas::norm(std::span<const T>(u));
  const double divisor = std::max(norm, epsilon);
  divide(u, divisor);
  const bool far = norm > kFar<T> || (norm < 1 / kFar<T> && norm > 0);
  if (far) {
    a.apply_adjoint(MatrixView<const T>(u), MatrixView<T>(v), context);
    return;
  }
  std::copy(next.begin(), next.end(), v.begin());
  divide(v, divisor);
}

// sigma = 0: any unit vectors are singular vectors.
template <Real T>
void make_unit(std::span<T> x) {
  if (normalize(x) > 0) return;
  x[0] = 1;
}

// The start of v_first, because svd() starts from right vectors: u = N(A v).
template <Real T>
void first_left(const LinearOperator<T>& a, std::span<T> u, std::span<const T> v, Context& context) {
  a.apply(MatrixView<const T>(v), MatrixView<T>(u), context);
  normalize(u);
}

// The larger of |A v - sigma u| and |A^T u - sigma v|; one of them is zero except for rounding.
template <Real T>
double residual_of(const LinearOperator<T>& a, PowerIteration::Order order, double sigma, std::span<const T> u,
                   std::span<const T> v, Context& context) {
  const bool u_first = order == PowerIteration::Order::u_first;
  const std::span<const T> other = u_first ? u : v;
  std::vector<T> image(other.size());
  if (u_first) {
    a.apply(MatrixView<const T>(v), MatrixView<T>(image), context);
  } else {
    a.apply_adjoint(MatrixView<const T>(u), MatrixView<T>(image), context);
  }
  return distance<T>(image, sigma, other);
}

template <Real T>
void fixed_steps(const LinearOperator<T>& a, PowerIteration::Order order, std::int64_t steps, SvdResult<T>& result,
                 Context& context) {
  const std::span<T> u = result.u.column(0), v = result.v.column(0);
  make_unit(v);
  if (order == PowerIteration::Order::v_first) {
    first_left<T>(a, u, v, context);
    result.statistics.reads += 2;
  }
  const PowerOptions options{order, steps, std::numeric_limits<T>::min()};
  const double sigma = power_steps(a, options, u, v, context);
  result.sigma = {sigma};
  result.residual = {sigma > 0 ? residual_of<T>(a, order, sigma, u, v, context) / sigma : 0.0};
  make_unit(u);
  make_unit(v);
  result.statistics.products = steps;
  result.statistics.reads += steps + 1;
  result.outcome = SvdOutcome::completed;
}

template <Real T>
void until_converged(const LinearOperator<T>& a, const Task<T>& task, SvdResult<T>& result, Context& context) {
  const std::span<T> u = result.u.column(0), v = result.v.column(0);
  const PowerLoopResult run =
      power_loop<T>(a, {}, task.convergence, {std::nullopt, task.max_products, 0}, u, v, context);
  result.sigma = {run.sigma};
  result.residual = {
      run.sigma > 0 ? residual_of<T>(a, PowerIteration::Order::v_first, run.sigma, u, v, context) / run.sigma : 0.0};
  result.statistics.products = run.products;
  result.statistics.reads = run.products + 1;
  result.outcome = run.met ? SvdOutcome::converged : SvdOutcome::out_of_products;
}

}  // namespace

// u_first:  t = A v, w = A^T t in one read;  u = N(t);  v = N(w / max(|t|, epsilon))
// v_first:  v = N(A^T u);  then the same with one pair shifted, and only A v at the end:
//           steps v u v u ... v u = (v) (u v) (u v) ... (u)
template <Real T>
double power_steps(const LinearOperator<T>& a, const PowerOptions& options, std::span<T> u, std::span<T> v,
                   Context& context) {
  const FloatingEnvironment environment;
  check(a, options, u, v);
  const SerialBlas serial;
  const bool u_first = options.order == PowerIteration::Order::u_first;
  auto scratch = context.scratch<T>(v.size());
  const std::span<T> next(scratch.data(), scratch.size());
  double sigma = 0;
  if (!u_first) {
    a.apply_adjoint(MatrixView<const T>(u), MatrixView<T>(v), context);
    normalize_as_torch(v, options.epsilon);
  }
  for (std::int64_t pairs = u_first ? options.steps : options.steps - 1; pairs > 0; --pairs) {
    context.check_cancel();
    advance(a, options.epsilon, u, v, next, context);
    sigma = normalize_as_torch(v, options.epsilon);
  }
  if (!u_first) {
    a.apply(MatrixView<const T>(v), MatrixView<T>(u), context);
    sigma = normalize_as_torch(u, options.epsilon);
  }
  return sigma;
}

template <Real T>
RandomState random_unit_vectors(RandomState state, MatrixView<T> x) {
  const FloatingEnvironment environment;
  std::vector<double> normal(static_cast<std::size_t>(x.rows));
  for (std::int64_t j = 0; j < x.columns; ++j) {
    state = fill_normal(state, normal);
    const double norm = blas::norm(std::span<const double>(normal));
    for (std::size_t i = 0; i < normal.size(); ++i) x.column(j)[i] = static_cast<T>(normal[i] / norm);
  }
  return state;
}

// With a fixed number of steps, the result is PyTorch's own sigma, u and v: for u_first A^T u = sigma v holds to
// rounding and A v = sigma u does not, and the residual is that of the latter. With a tolerance, A v = sigma u holds in
// either order.
template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const Task<T>& task, const PowerIteration& method, Context& context) {
  if (task.k() != 1) {
    throw Error(
        fmt::format("[power] power iteration finds one triplet, got k = {}: take Deflation for more", task.k()));
  }
  const SerialBlas serial;
  const Shape shape = a.shape();
  SvdResult<T> result;
  result.statistics.method = method;
  result.state.random = task.random;
  result.u = Matrix<T>(shape.rows, 1);
  result.v = Matrix<T>(shape.columns, 1);
  if (task.start.empty()) {
    result.state.random = random_unit_vectors(result.state.random, result.v.view());
  } else {
    std::copy_n(task.start.column(0).begin(), shape.columns, result.v.column(0).begin());
  }
  if (method.steps) {
    fixed_steps(a, method.order, *method.steps, result, context);
  } else {
    until_converged(a, task, result, context);
  }
  result.state.subspace = result.v;
  return result;
}

template double power_steps<float>(const LinearOperator<float>&, const PowerOptions&, std::span<float>,
                                   std::span<float>, Context&);
template double power_steps<double>(const LinearOperator<double>&, const PowerOptions&, std::span<double>,
                                    std::span<double>, Context&);
template RandomState random_unit_vectors<float>(RandomState, MatrixView<float>);
template RandomState random_unit_vectors<double>(RandomState, MatrixView<double>);
template SvdResult<float> solve<float>(const LinearOperator<float>&, const Task<float>&, const PowerIteration&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const Task<double>&, const PowerIteration&,
                                         Context&);

}  // namespace sigmax
