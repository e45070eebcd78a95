#include <complex>
#include <limits>

#include "environment/entry_functions.hpp"
#include "repeatable.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/interval.hpp"
#include "sigmax/bounds/matrix_powers.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/sensitivity/linear_system.hpp"
#include "sigmax/sensitivity/non_normality.hpp"
#include "sigmax/sensitivity/perturbation.hpp"
#include "sigmax/sensitivity/tikhonov.hpp"

namespace sigmax {
namespace {

using Complex = std::complex<double>;

Matrix<double> square_of(const Values& entries, std::int64_t n) {
  Matrix<double> a(n, n);
  for (std::size_t i = 0; i < a.values().size(); ++i) a.values()[i] = entries[i];
  return a;
}

void add_angles(Functions& f) {
  f.add("arithmetic of enclosures", [](Context&) {
    const Enclosure a = bounds::exactly(1.0 / 3), b = bounds::at_most(0.7);
    const std::vector<Enclosure> two{bounds::exactly(2), bounds::exactly(1.9)};
    const std::vector<Enclosure> moved = bounds::mirsky(two, bounds::exactly(1.0 / 3));
    return Values(Result(bounds::sum(a, b), bounds::difference(b, a), bounds::product(a, b), bounds::quotient(b, a),
                         bounds::square_root(a), bounds::moved(a, b), bounds::no_more_than(a), moved[0], moved[1]));
  });
  f.add("angles", [](Context&) {
    const sensitivity::ChangeSize change = sensitivity::change_of_at_most(0.1, 1.0 / 3, 3);
    const std::vector<Enclosure> values{bounds::exactly(3), bounds::exactly(2), bounds::exactly(1.0 / 3)};
    Values result;
    for (const Enclosure& e : sensitivity::perturbed_values(values, change)) result.push_back(e.lower.value());
    for (const auto& angles :
         {sensitivity::wedin(values, values, change, 2), sensitivity::yu_wang_samworth(values, change, 2)}) {
      result.push_back(angles.largest.upper->value());
      result.push_back(angles.total.upper->value());
    }
    return result;
  });
}

void add_eigenvalues(Functions& f, double scale) {
  Values entries = gallery::normal(12 * 12, 7);
  for (double& value : entries) value *= scale;
  const Tensor tensor = Tensor::copy_of(entries, {12, 12});
  const Matrix<double> a = square_of(entries, 12);
  Matrix<double> symmetric = a;
  for (std::int64_t i = 0; i < 12; ++i) {
    for (std::int64_t j = 0; j < i; ++j) symmetric(i, j) = symmetric(j, i);
  }
  const sensitivity::ChangeSize change = sensitivity::change_of_at_most(0.01 * scale);
  f.add("eigenvalues", [=](Context& context) {
    const bounds::SymmetricEigenvalues s = bounds::symmetric_eigenvalues(symmetric, context);
    const bounds::EigenvalueDisks disks = sensitivity::eigenvalue_disks(tensor, context);
    Values result(Result(s.values, s.radius.value(), disks.condition, disks.residual.value(),
                         sensitivity::symmetric_eigenvalue_distance(s, change),
                         sensitivity::eigenvalue_distance(disks, change), sensitivity::davis_kahan(s, change, 3).total,
                         sensitivity::davis_kahan(s, s, change, 3).largest));
    for (const Complex& value : disks.values) result.push_back(value.imag());
    return result;
  });
  f.add("non-normality", [=](Context& context) {
    const sensitivity::NonNormality found = sensitivity::non_normality(tensor, context);
    const std::vector<Complex> v(12, Complex(1, 0.3));
    const sensitivity::PowerBound bound = sensitivity::power_bound(tensor, 8 * scale, context);
    return Values(Result(found.departure.value, found.departure.enclosure, found.kreiss.lower.value(),
                         found.eigenvector_condition, sensitivity::departure_from_normality(tensor, context).value,
                         sensitivity::kreiss_constant(tensor, context).lower.value(),
                         sensitivity::pseudospectral_radius(tensor, 0.1 * scale, context).value,
                         bound.constant ? bound.constant->value() : -1, bounds::two_norm_upper(a, context).value(),
                         bounds::kreiss_quotient(a, 1.5, v).value(), bounds::resolvent_norm(a, scale, v).value(),
                         bounds::pseudospectral_point(a, scale, 30 * scale, v).value()));
  });
}

void add_systems(Functions& f, double scale) {
  Values entries = gallery::normal(12 * 12, 9);
  for (double& value : entries) value *= scale;
  const Tensor square = Tensor::copy_of(entries, {12, 12});
  const Tensor tall = Tensor::copy_of(entries, {24, 6});
  Values b = gallery::normal(24, 3);
  for (double& value : b) value *= scale;
  const Values x = gallery::normal(12, 4);
  const auto options = repeatable<CertifyOptions>();
  f.add("linear systems", [=](Context& context) {
    const std::span<const double> right(b);
    const auto errors = sensitivity::backward_errors(square, x, right.first(12), options, context);
    const auto solution = sensitivity::solution_error(square, x, right.first(12), context);
    const auto skeel = sensitivity::skeel(square, x, context);
    const auto fit = sensitivity::least_squares_condition(tall, right, context);
    const auto backward =
        sensitivity::least_squares_backward_error(tall, std::span(x).first(6), right, options, context);
    const auto bound = sensitivity::forward_error(bounds::exactly(10), 1e-3, 1e-3);
    const auto rate = sensitivity::gradient_descent(bounds::exactly(10));
    const Operator<double> op = dense<double>(square);
    const auto of_operator = sensitivity::solution_error(*(op + op), x, right.first(12), options, context);
    return Values(Result(errors.normwise, errors.componentwise, solution->two_norm.value(), of_operator,
                         sensitivity::reliable_digits(solution), skeel->of_matrix, *skeel->of_solution, fit.kappa,
                         fit.solution_by_matrix, backward.optimal, backward.estimate, bound.over_solution,
                         bound.over_computed, rate.optimal_step, rate.with_momentum, rate.steps_per_digit,
                         sensitivity::ridge_condition(bounds::exactly(3), bounds::exactly(1), 1.0 / 3),
                         sensitivity::ridge_condition_of_symmetric(Values{3, 1}, 0.1, 1.0 / 3),
                         sensitivity::backward_error<double>(*dense<double>(square), x, right.first(12), context)));
  });
  f.add("Tikhonov", [=](Context& context) {
    const std::span<const double> right(b);
    const sensitivity::Tikhonov whole(tall, right, context);
    const Operator<double> op = dense<double>(tall);
    const sensitivity::Tikhonov part(*op, right, 3, context);
    const sensitivity::Tikhonov enough = sensitivity::tikhonov_to_tolerance(*op, right, scale, 1e-3, 6, context);
    const sensitivity::TikhonovSolution found = whole.solve(0.5 * scale);
    Values result(Result(found.x, found.residual_norm, found.filter, found.effective_condition,
                         part.solve(0.5 * scale).x, part.optimality(0.5 * scale), enough.optimality(scale)));
    for (const sensitivity::Chosen& chosen : whole.by_gcv()) result.push_back(chosen.lambda);
    for (const sensitivity::Chosen& chosen : whole.by_l_curve()) result.push_back(chosen.lambda);
    if (const auto chosen = whole.by_discrepancy(found.residual_norm)) result.push_back(chosen->lambda);
    return result;
  });
}

}  // namespace

void add_sensitivity(Functions& f) {
  add_angles(f);
  for (const double scale : {1.0, 0x1p-1015}) {
    add_eigenvalues(f, scale);
    add_systems(f, scale);
  }
}

}  // namespace sigmax
