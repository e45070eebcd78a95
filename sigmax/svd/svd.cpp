#include "sigmax/svd/svd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/ops/single_range.hpp"
#include "sigmax/svd/checks/check_values.hpp"
#include "sigmax/svd/christoffel.hpp"
#include "sigmax/svd/krylov/convergence.hpp"
#include "sigmax/svd/policy.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

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
  check_failure_probability("svd", options.failure_probability);
  if (!options.start.empty() && options.start.rows() != shape.columns) {
    throw Error(fmt::format("[svd] start vectors of {} entries for an operator of {} columns", options.start.rows(),
                            shape.columns));
  }
  for (const T value : options.start.values()) {
    if (!std::isfinite(value)) throw Error("[svd] the start vectors have entries that are not finite");
  }
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

// Only the directions of start vectors count: by powers of two, so that vectors of any ordinary size keep their bits.
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
SvdResult<T> solve_as(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context) {
  return std::visit(
      [&](const auto& method) -> SvdResult<T> {
        if constexpr (std::same_as<std::decay_t<decltype(method)>, Auto>) {
          throw Error("[svd] the method is chosen before");
        } else {
          return solve(a, options, method, context);
        }
      },
      options.method);
}

// On A as it is, and once more on a scaled A if that turns out to be out of range: rare, and it spares the others a
// read of A to find out.
template <Real T>
SvdResult<T> solve_in_range(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context) {
  std::optional<int> exponent;
  try {
    SvdResult<T> result = solve_as(Guarded<T>(a), options, context);
    // Of the smallest triplets nothing says how large A is, but the method forms the matrix and scales by itself.
    const double sigma = options.which == Which::largest && !result.sigma.empty() ? result.sigma.front() : 1;
    if (sigma > 0 && std::abs(std::ilogb(sigma)) <= kInRange<T>) return result;
    if (sigma > 0 && std::isfinite(sigma)) {
      exponent = std::ilogb(sigma);
    } else {
      exponent = exponent_by_products(a, *options.random, context);
      if (!exponent || std::abs(*exponent) <= kInRange<T>) return result;
    }
  } catch (const NotFinite&) {
    exponent = exponent_by_products(a, *options.random, context);
  }
  if (!exponent) exponent = 0;
  try {
    SvdResult<T> result = solve_as(Guarded<T>(a, *exponent), options, context);
    rescale(result, *exponent);
    return result;
  } catch (const NotFinite&) {
    throw Error(fmt::format(
        "[svd] the operator's products are not finite: it holds NaN or infinity, or its parts leave the range of {}",
        std::same_as<T, float> ? "float" : "double"));
  }
}

// Whether the residuals, as evaluated in double, bear out the error that was asked for. Estimates from two sides differ
// by a little: what is meant is a float iteration that went astray by its rounding.
bool meets(const Triplets<double>& triplets, double next, const SvdOptions<double>& options) {
  if (static_cast<std::int64_t>(triplets.sigma.size()) < options.k) return false;
  std::vector<double> sigma(triplets.sigma.begin(), triplets.sigma.begin() + options.k);
  std::vector<double> residual(triplets.residual.begin(), triplets.residual.begin() + options.k);
  for (double& value : residual) value *= sigma.front();
  if (next > 0) sigma.push_back(std::min(next, sigma.back()));
  const TripletTolerance wanted{options.accuracy, options.tolerance, attainable<double>()};
  return wanted.excess(sigma, residual, options.k) <= 4;
}

SvdOptions<float> in_single(const SvdOptions<double>& options) {
  SvdOptions<float> result;
  result.k = options.k;
  result.accuracy = options.accuracy;
  result.tolerance = options.tolerance;
  result.max_products = options.max_products;
  result.method = options.method;
  result.start = in_type<float>(options.start);
  result.random = options.random;
  result.check = options.check;
  return result;
}

// Whether a sigma_max found in float is one to go on from.
bool in_single_range(const SvdResult<float>& found) {
  return !found.sigma.empty() && found.sigma.front() > 0 &&
         std::abs(std::ilogb(found.sigma.front())) <= kInRange<float>;
}

// The end in double of an iteration in float: a vector good to 1e-5 gives a sigma good to 1e-10. Nothing if it is not
// as good as was asked for.
std::optional<SvdResult<double>> evaluated(const LinearOperator<double>& a, const SvdResult<float>& found,
                                           const SvdOptions<double>& options, Context& context) {
  if (!in_single_range(found)) return std::nullopt;
  Triplets<double> triplets = triplets_from_right<double>(a, in_double(found.subspace).view(), context);
  if (found.outcome == SvdOutcome::converged && !meets(triplets, found.next, options)) return std::nullopt;
  SvdResult<double> result;
  take(result, std::move(triplets), options.k);
  result.next = found.next;
  result.outcome = found.outcome;
  result.method = found.method;
  result.products = found.products + 1;
  result.reads = found.reads + 1;
  result.recurrences = found.recurrences;
  for (LanczosRecurrence& recurrence : result.recurrences) recurrence.unit_roundoff = 0x1p-24;
  result.neighbors = in_double(found.neighbors);
  result.theta = found.theta;
  result.scale = found.scale;
  result.random = found.random;
  return result;
}

// Lanczos in float, on the Gram operator unless that is ruled out; what it cannot do, bidiagonalization may.
std::optional<SvdResult<double>> solve_mixed(const LinearOperator<double>& a, const LinearOperator<float>& single,
                                             const SvdOptions<double>& options, const Lanczos& method,
                                             Context& context) {
  SvdOptions<float> float_options = in_single(options);
  if (method.form == Lanczos::Form::bidiagonal) {
    return evaluated(a, solve_as(single, float_options, context), options, context);
  }
  const SvdResult<float> found = gram_subspace(single, float_options, method, context);
  auto result = evaluated(a, found, options, context);
  const bool hopeless = !in_single_range(found) || found.products >= options.max_products;
  if (result || method.form == Lanczos::Form::gram || hopeless) return result;

  float_options.method = Lanczos{.form = Lanczos::Form::bidiagonal, .basis = method.basis};
  float_options.start = found.subspace;
  float_options.max_products -= found.products;
  float_options.random = found.random;
  SvdResult<float> finer = solve_as(single, float_options, context);
  finer.products += found.products;
  finer.reads += found.reads;
  finer.recurrences = found.recurrences;
  finer.theta = found.theta;
  return evaluated(a, finer, options, context);
}

// The iteration in float, its end in double. Nothing if float does not get there.
std::optional<SvdResult<double>> solve_mixed(const LinearOperator<double>& a, const LinearOperator<float>& single,
                                             const SvdOptions<double>& options, Context& context) {
  const Guarded<float> guarded(single);
  try {
    const auto* lanczos = std::get_if<Lanczos>(&options.method);
    if (lanczos != nullptr) return solve_mixed(a, guarded, options, *lanczos, context);
    return evaluated(a, solve_as(guarded, in_single(options), context), options, context);
  } catch (const NotFinite&) {
    return std::nullopt;
  }
}

// In the precision that the tolerance asks for.
template <Real T>
SvdResult<T> solved(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context) {
  if constexpr (std::same_as<T, double>) {
    if (single_precision_is_enough(options.method, options.accuracy, options.tolerance)) {
      const Operator<float> single = a.in_single();
      if (single != nullptr && float_holds(a, context)) {
        if (auto result = solve_mixed(a, *single, options, context)) return std::move(*result);
      }
    }
  }
  return solve_in_range(a, options, context);
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
             "allow "
             "more products, ask for another method, or see the enclosures";
    case SvdOutcome::out_of_products: return "not converged: allow more products, or a larger tolerance";
  }
  return "";
}

template <Real T>
SvdResult<T> svd(const LinearOperator<T>& a, const SvdOptions<T>& options, Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  check(shape, options);
  SvdOptions<T> chosen = options;
  chosen.random = given_or_drawn(options.random);
  to_ordinary_size(chosen.start);
  if (std::holds_alternative<Auto>(options.method)) {
    const bool stored = std::holds_alternative<structure::Stored>(a.structure());
    chosen.method = choose({shape, options.k, options.which, options.accuracy, options.tolerance, stored});
  }
  SvdResult<T> result = solved(a, chosen, context);
  if (chosen.check != Check::none) check_values(a, chosen, result, context);
  if (chosen.accuracy == Accuracy::values) result.neighbors = {};  // they were for the check
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
