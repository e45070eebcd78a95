#include "sigmax/svd/svd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/ops/single_range.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "sigmax/svd/checks/check_values.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/convergence.hpp"
#include "sigmax/svd/policy.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/task.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// The methods' own options: a number that is given is positive.
struct CheckMethod {
  void operator()(const PowerIteration& m) const { positive("power", "steps", m.steps); }
  void operator()(const Deflation& m) const { positive("deflation", "steps", m.steps); }
  void operator()(const Lanczos& m) const { positive("lanczos", "basis", m.basis); }
  void operator()(const BlockKrylov& m) const {
    positive("block-krylov", "block", m.block);
    positive("block-krylov", "basis", m.basis);
  }
  template <class Other>
  void operator()(const Other&) const {}

  static void positive(std::string_view method, std::string_view what, std::optional<std::int64_t> given) {
    if (given && *given < 1) throw Error(fmt::format("[{}] {} must be positive, got {}", method, what, *given));
  }
};

template <Real T>
void check(const Shape& shape, const SvdOptions<T>& options) {
  const std::int64_t most = std::min(shape.rows, shape.columns);
  if (most < 1) throw Error(fmt::format("[svd] an operator without entries, {}x{}", shape.rows, shape.columns));
  if (options.k < 1 || options.k > most) {
    throw Error(fmt::format("[svd] k must be between 1 and {} for a {}x{} operator, got {}", most, shape.rows,
                            shape.columns, options.k));
  }
  if (!(options.tolerance > 0) || !std::isfinite(options.tolerance)) {
    throw Error(fmt::format("[svd] the tolerance must be positive, got {}", options.tolerance));
  }
  if (options.max_products < 1) {
    throw Error(fmt::format("[svd] max_products must be positive, got {}", options.max_products));
  }
  std::visit(CheckMethod{}, options.method);
  check_failure_probability("svd", options.failure_probability);
  if (!options.start.empty() && options.start.rows() != shape.columns) {
    throw Error(fmt::format("[svd] start vectors of {} entries for an operator of {} columns", options.start.rows(),
                            shape.columns));
  }
  require_finite(options.start.values(), "svd", "the block of start vectors");
  const bool finds_smallest = std::holds_alternative<Auto>(options.method) ||
                              std::holds_alternative<DenseLapack>(options.method) ||
                              std::holds_alternative<InverseLanczos>(options.method);
  if (options.which == Which::smallest && !finds_smallest) {
    throw Error(fmt::format("[svd] {} finds the largest triplets only: take auto, dense or inverse for the smallest",
                            name(options.method)));
  }
  if (options.which == Which::largest && std::holds_alternative<InverseLanczos>(options.method)) {
    throw Error("[svd] inverse finds the smallest triplets only: take auto or lanczos for the largest");
  }
}

// Only the directions of start vectors count. Scaling is by powers of two, so that vectors of any ordinary size keep
// their bits.
template <Real T>
void to_ordinary_size(Matrix<T>& start) {
  for (std::int64_t j = 0; j < start.columns(); ++j) {
    T largest = 0;
    for (const T value : std::as_const(start).column(j)) largest = std::max(largest, std::abs(value));
    if (!(largest > 0) || std::abs(std::ilogb(largest)) <= 20) continue;
    const int exponent = -std::ilogb(largest);
    for (T& value : start.column(j)) value = std::ldexp(value, exponent);
  }
}

template <Real T>
Task<T> task_of(const Shape& shape, const SvdOptions<T>& options) {
  Task<T> task;
  task.convergence = {options.accuracy, options.tolerance, options.k};
  task.which = options.which;
  task.max_products = options.max_products;
  const bool open = std::holds_alternative<Auto>(options.method);
  task.method = open ? choose(shape, options.k, options.which) : options.method;
  task.check = options.check;
  task.failure_probability = options.failure_probability;
  task.start = options.start;
  to_ordinary_size(task.start);
  task.random = given_or_drawn(options.random);
  return task;
}

template <Real T>
SvdResult<T> solve_as(const LinearOperator<T>& a, const Task<T>& task, Context& context) {
  return std::visit(
      [&](const auto& method) -> SvdResult<T> {
        if constexpr (std::same_as<std::decay_t<decltype(method)>, Auto>) {
          throw InternalError("[svd] Auto reached the solvers: choose() must name a method before");
        } else {
          return solve(a, task, method, context);
        }
      },
      task.method);
}

// Solves on A as it is, and again on a scaled A if that turns out to be out of range. This is rare, and it saves other
// calls a read of A.
template <Real T>
SvdResult<T> solve_in_range(const LinearOperator<T>& a, const Task<T>& task, Context& context) {
  std::optional<int> exponent;
  try {
    SvdResult<T> result = solve_as(Guarded<T>(a), task, context);
    // The smallest triplets do not show how large A is, but their method forms the matrix and scales it itself.
    const double sigma = task.which == Which::largest && !result.sigma.empty() ? result.sigma.front() : 1;
    if (sigma > 0 && std::abs(std::ilogb(sigma)) <= kInRange<T>) return result;
    if (sigma > 0 && std::isfinite(sigma)) {
      exponent = std::ilogb(sigma);
    } else {
      exponent = exponent_by_products(a, task.random, context);
      if (!exponent || std::abs(*exponent) <= kInRange<T>) return result;
    }
  } catch (const NotFinite&) {
    exponent = exponent_by_products(a, task.random, context);
  }
  if (!exponent) exponent = 0;
  try {
    SvdResult<T> result = solve_as(Guarded<T>(a, *exponent), task, context);
    rescale(result, *exponent);
    return result;
  } catch (const NotFinite&) {
    throw_products_not_finite(
        "svd", std::same_as<T, float> ? "its parts leave the range of float" : "its parts leave the range of double");
  }
}

// The same task for the float form of the operator.
Task<float> in_single(const Task<double>& task) {
  return {task.convergence,
          task.which,
          task.max_products,
          task.method,
          task.check,
          task.failure_probability,
          converted<float>(task.start),
          task.random};
}

// Whether a sigma_max found in float is usable for the next stage.
bool in_single_range(const SvdResult<float>& found) {
  return !found.sigma.empty() && found.sigma.front() > 0 &&
         std::abs(std::ilogb(found.sigma.front())) <= kInRange<float>;
}

// The end in double of an iteration in float: a vector good to 1e-5 gives a sigma good to 1e-10. Nothing if it misses
// the requested accuracy.
std::optional<SvdResult<double>> evaluated(const LinearOperator<double>& a, const SvdResult<float>& found,
                                           const Task<double>& task, Context& context) {
  if (!in_single_range(found)) return std::nullopt;
  Triplets<double> triplets = triplets_from_right<double>(a, converted<double>(found.state.subspace).view(), context);
  // Rounding may have misled a float iteration.
  const bool converged = found.outcome == SvdOutcome::converged;
  if (converged &&
      !task.convergence.is_borne_out(triplets.sigma, triplets.residual, found.next, attainable<double>())) {
    return std::nullopt;
  }
  SvdResult<double> result;
  take(result, std::move(triplets), task.k());
  result.next = found.next;
  result.outcome = found.outcome;
  result.statistics.method = found.statistics.method;
  result.statistics.products = found.statistics.products + 1;
  result.statistics.reads = found.statistics.reads + 1;
  result.certificate = found.certificate;
  for (LanczosRecurrence& recurrence : contents(result.certificate).recurrences) recurrence.unit_roundoff = 0x1p-24;
  result.state.neighbors = converted<double>(found.state.neighbors);
  result.state.random = found.state.random;
  return result;
}

// Lanczos in float, on the Gram operator unless that is ruled out; if that fails, bidiagonalization may succeed.
std::optional<SvdResult<double>> solve_mixed(const LinearOperator<double>& a, const LinearOperator<float>& single,
                                             const Task<double>& task, const Lanczos& method, Context& context) {
  Task<float> single_task = in_single(task);
  if (method.form == Lanczos::Form::bidiagonal) {
    return evaluated(a, solve_as(single, single_task, context), task, context);
  }
  const SvdResult<float> found = gram_subspace(single, single_task, method, context);
  auto result = evaluated(a, found, task, context);
  const bool hopeless = !in_single_range(found) || found.statistics.products >= task.max_products;
  if (result || method.form == Lanczos::Form::gram || hopeless) return result;

  single_task.method = Lanczos{.form = Lanczos::Form::bidiagonal, .basis = method.basis};
  single_task.start = found.state.subspace;
  single_task.max_products -= found.statistics.products;
  single_task.random = found.state.random;
  SvdResult<float> finer = solve_as(single, single_task, context);
  finer.statistics.products += found.statistics.products;
  finer.statistics.reads += found.statistics.reads;
  contents(finer.certificate).recurrences = contents(found.certificate).recurrences;
  return evaluated(a, finer, task, context);
}

// The iteration in float, its end in double. Nothing if float does not reach the accuracy.
std::optional<SvdResult<double>> solve_mixed(const LinearOperator<double>& a, const LinearOperator<float>& single,
                                             const Task<double>& task, Context& context) {
  const Guarded<float> guarded(single);
  try {
    const auto* lanczos = std::get_if<Lanczos>(&task.method);
    if (lanczos != nullptr) return solve_mixed(a, guarded, task, *lanczos, context);
    return evaluated(a, solve_as(guarded, in_single(task), context), task, context);
  } catch (const NotFinite&) {
    return std::nullopt;
  }
}

// Solves in the precision that the tolerance needs.
template <Real T>
SvdResult<T> solved(const LinearOperator<T>& a, const Task<T>& task, Context& context) {
  if constexpr (std::same_as<T, double>) {
    if (single_precision_is_enough(task.method, task.convergence)) {
      const Operator<float> single = a.in_single();
      if (single != nullptr && float_holds(a, context)) {
        if (auto result = solve_mixed(a, *single, task, context)) return std::move(*result);
      }
    }
  }
  return solve_in_range(a, task, context);
}

}  // namespace

std::string_view name(const Method& method) {
  struct Name {
    std::string_view operator()(const Auto&) const { return "auto"; }
    std::string_view operator()(const PowerIteration&) const { return "power"; }
    std::string_view operator()(const Deflation&) const { return "deflation"; }
    std::string_view operator()(const Lanczos&) const { return "lanczos"; }
    std::string_view operator()(const BlockKrylov&) const { return "block-krylov"; }
    std::string_view operator()(const Randomized&) const { return "randomized"; }
    std::string_view operator()(const DenseLapack&) const { return "dense"; }
    std::string_view operator()(const InverseLanczos&) const { return "inverse"; }
  };
  return std::visit(Name{}, method);
}

std::string_view message(SvdOutcome outcome) {
  switch (outcome) {
    case SvdOutcome::converged: return "converged";
    case SvdOutcome::completed: return "all its steps made: the residuals say how far that went";
    case SvdOutcome::unconfirmed:
      return "not confirmed: what is known of the values leaves room for one that was missed, or contradicts them; "
             "allow more products, ask for another method, or see the enclosures";
    case SvdOutcome::out_of_products: return "not converged: allow more products, or a larger tolerance";
  }
  return "";
}

template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context) {
  const FloatingEnvironment environment;
  check(a.shape(), options);
  const Task<T> task = task_of(a.shape(), options);
  SvdResult<T> result = solved(a, task, context);
  if (task.check != Check::none) check_values(a, task, result, context);
  if (options.accuracy == Accuracy::values) result.state.neighbors = {};  // they were only for the check
  return result;
}

template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a, const SvdOptions<T>& options) {
  const FloatingEnvironment environment;
  Context context;
  return svd(a, options, context);
}

template SvdResult<float> svd<float>(const LinearOperator<float>&, const SvdOptions<float>&, Context&);
template SvdResult<double> svd<double>(const LinearOperator<double>&, const SvdOptions<double>&, Context&);
template SvdResult<float> svd<float>(const LinearOperator<float>&, const SvdOptions<float>&);
template SvdResult<double> svd<double>(const LinearOperator<double>&, const SvdOptions<double>&);

}  // namespace sigmax
