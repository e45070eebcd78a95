#include "sigmax/grad/systems/complement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/kernels/vector.hpp"

namespace sigmax {
namespace {

// Limits of the shorter side and of all entries: up to here a factorization costs less than the iteration ...
constexpr std::int64_t kSmallOrder = 128;
constexpr std::int64_t kSmallEntries = std::int64_t{1} << 17;
// ... unless the iteration takes fewer steps than twice the length of the shorter side, as it does if the gap is known
// and at least this fraction of sigma_i. For smaller gaps the factorization is also more accurate.
constexpr double kOrdinaryGap = 0.005;
// Up to here a factorization always costs less.
constexpr std::int64_t kTinyOrder = 16;

// The expected number of conjugate-gradient steps for the worst column: ln(2 / tolerance) sqrt(kappa) / 2 with kappa =
// sigma_i^2 / (sigma_i^2 - sigma_{k+1}^2). Infinite if a gap is unknown or small.
template <Real T>
double expected_steps(const ComplementSystems<T>& systems, double tolerance) {
  const double next = systems.next.value_or(0);
  double least = 1;  // 1 / kappa
  for (const std::int64_t i : systems.which) {
    const double ratio = next / systems.sigma[static_cast<std::size_t>(i)];
    if (!(next > 0) || !(ratio <= 1 - kOrdinaryGap)) return std::numeric_limits<double>::infinity();
    least = std::min(least, (1 - ratio) * (1 + ratio));
  }
  return 0.5 * std::log(2 / std::max(tolerance, 0x1p-53)) / std::sqrt(least);
}

template <Real T>
GradientSolver choose(const ComplementSystems<T>& systems, double tolerance) {
  const Shape shape = systems.a.shape();
  const std::int64_t order = std::min(shape.rows, shape.columns);
  if (order > kSmallOrder || shape.rows * shape.columns > kSmallEntries) return ConjugateGradients{};
  if (order <= kTinyOrder || expected_steps(systems, tolerance) > 2 * static_cast<double>(order))
    return DenseCholesky{};
  return ConjugateGradients{};
}

}  // namespace

std::string_view name(const GradientSolver& solver) {
  struct Name {
    std::string_view operator()(const Auto&) const { return "auto"; }
    std::string_view operator()(const ConjugateGradients&) const { return "conjugate-gradients"; }
    std::string_view operator()(const DenseCholesky&) const { return "cholesky"; }
    std::string_view operator()(const DenseBordered&) const { return "bordered"; }
    std::string_view operator()(const FullSvd&) const { return "full-svd"; }
  };
  return std::visit(Name{}, solver);
}

std::string_view message(GradientOutcome outcome) {
  switch (outcome) {
    case GradientOutcome::exact: return "exact: nothing had to be solved for";
    case GradientOutcome::converged: return "converged";
    case GradientOutcome::subgradient:
      return "a singular value is multiple or zero and has no gradient: a generalized gradient is given";
    case GradientOutcome::no_gap:
      return "singular vectors of a multiple or zero value have no derivative, their part is left out: take more "
             "triplets, so that the gap lies behind the last, or a loss of values alone";
    case GradientOutcome::out_of_products: return "not converged: allow more products, or a larger tolerance";
  }
  return "";
}

template <Real T>
void project_away(MatrixView<const T> q, MatrixView<T> x) {
  for (std::int64_t j = 0; j < x.columns; ++j) {
    for (std::int64_t i = 0; i < q.columns; ++i) {
      kernels::axpy(static_cast<T>(-kernels::dot(q.column(i), std::span<const T>(x.column(j)))), q.column(i),
                    x.column(j));
    }
  }
}

template <Real T>
ComplementSolution<T> solve(const ComplementSystems<T>& systems, const GradientOptions& options, Context& context) {
  const GradientSolver chosen =
      std::holds_alternative<Auto>(options.solver) ? choose(systems, tolerance_of<T>(options)) : options.solver;
  ComplementSolution<T> solution = std::visit(
      [&](const auto& solver) -> ComplementSolution<T> {
        if constexpr (std::same_as<std::decay_t<decltype(solver)>, Auto>) {
          throw InternalError("[gradient] Auto reached the solvers: choose() must name one before");
        } else {
          return solve(systems, solver, options, context);
        }
      },
      chosen);
  solution.solver = chosen;
  return solution;
}

template ComplementSolution<float> solve<float>(const ComplementSystems<float>&, const GradientOptions&, Context&);
template ComplementSolution<double> solve<double>(const ComplementSystems<double>&, const GradientOptions&, Context&);
template void project_away<float>(MatrixView<const float>, MatrixView<float>);
template void project_away<double>(MatrixView<const double>, MatrixView<double>);

}  // namespace sigmax
