// Derivation of the header's formula. A v_i = sigma_i u_i and A^T u_i = sigma_i v_i, differentiated:
//
//   sigma_i du_i - A dv_i   = dA v_i   - dsigma_i u_i
//   sigma_i dv_i - A^T du_i = dA^T u_i - dsigma_i v_i
//
// Their products with u_j and v_j, j <= k, are two equations for u_j^T du_i and v_j^T dv_i: closed forms in P = U^T dA
// V (grad/svd_jvp.hpp). On the complement of U and V they are M_i [a_i; b_i] = [dA v_i; dA^T u_i], with the symmetric
// M_i = [sigma_i, -A; -A^T, sigma_i]. So phi_i^T a_i + psi_i^T b_i = [p_i; q_i]^T [dA v_i; dA^T u_i] with M_i [p_i;
// q_i] = [phi_i; psi_i], and this is the inner product of dA with p_i v_i^T + u_i q_i^T: the transpose of a solve is a
// solve.
#include "sigmax/grad/svd_vjp.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/triplets/coupling.hpp"
#include "sigmax/grad/triplets/frame.hpp"
#include "sigmax/kernels/vector.hpp"

namespace sigmax {
namespace {

// Terms (u_i, v_i, xi_i).
template <Real T>
void append_values(const SvdResult<T>& triplets, std::span<const double> xi, std::int64_t at, OuterSum<T>& sum) {
  for (std::size_t i = 0; i < xi.size(); ++i) {
    const auto to = at + static_cast<std::int64_t>(i);
    std::ranges::copy(triplets.u.column(static_cast<std::int64_t>(i)), sum.u.column(to).begin());
    std::ranges::copy(triplets.v.column(static_cast<std::int64_t>(i)), sum.v.column(to).begin());
    sum.weights[static_cast<std::size_t>(to)] = xi[i];
  }
}

}  // namespace

template <Real T>
SvdVjp<T> svd_vjp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                  const GradientOptions& options, Context& context) {
  const FloatingEnvironment environment;
  Frame<T> frame("svd_vjp", a, triplets, options, context);
  const Shape shape = a.shape();
  const std::int64_t k = frame.count();
  const std::vector<double> xi = checked_values(frame, "svd_vjp", cotangent);
  SvdVjp<T> result;
  const bool of_vectors = has_entries(cotangent.u) || has_entries(cotangent.v);
  const bool of_values = std::ranges::any_of(xi, [](double x) { return x != 0; });
  if (!of_vectors) {
    result.cotangent = OuterSum<T>(shape.rows, shape.columns, of_values ? k : 0);
    if (of_values) append_values<T>(triplets, xi, 0, result.cotangent);
  } else {
    Matrix<T> phi = cotangent.u.empty() ? Matrix<T>(shape.rows, k) : cotangent.u;
    Matrix<T> psi = cotangent.v.empty() ? Matrix<T>(shape.columns, k) : cotangent.v;
    const VectorCoupling coupling(frame, phi, psi);
    double known = kernels::norm2(coupling.c().values());
    for (const double x : xi) known = std::hypot(known, std::ldexp(x, frame.exponent()));
    std::vector<std::int64_t> all(static_cast<std::size_t>(k));
    std::iota(all.begin(), all.end(), 0);
    auto [p, q] = frame.solve(std::move(all), std::move(phi), std::move(psi), known);
    // If values are in range, their terms are added to the others; otherwise their weights differ.
    const bool in_range = frame.exponent() == 0;
    Matrix<double> c = coupling.c();
    for (std::int64_t i = 0; i < k && in_range; ++i) c(i, i) += xi[static_cast<std::size_t>(i)];
    add_product(frame.u(), c, p.view());
    const bool apart = of_values && !in_range;
    OuterSum<T>& sum = result.cotangent;
    sum = OuterSum<T>(shape.rows, shape.columns, (apart ? 3 : 2) * k);
    const auto half = static_cast<std::ptrdiff_t>(k * shape.rows);
    const auto half_right = static_cast<std::ptrdiff_t>(k * shape.columns);
    std::ranges::copy(p.values(), sum.u.values().begin());
    std::ranges::copy(triplets.v.values(), sum.v.values().begin());
    std::ranges::copy(triplets.u.values(), sum.u.values().begin() + half);
    std::ranges::copy(q.values(), sum.v.values().begin() + half_right);
    std::ranges::fill(sum.weights, std::ldexp(1.0, -frame.exponent()));
    if (apart) append_values<T>(triplets, xi, 2 * k, sum);
  }
  frame.judge_values(xi);
  result.report = frame.report();
  return result;
}

template <Real T>
SvdVjp<T> svd_vjp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                  const GradientOptions& options) {
  const FloatingEnvironment environment;
  Context context;
  return svd_vjp(a, triplets, cotangent, options, context);
}

template <Real T>
GradientReport svd_vjp_into(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                            const GradientOptions& options, std::span<T> grad, Context& context) {
  const FloatingEnvironment environment;
  SvdVjp<T> result = svd_vjp(a, triplets, cotangent, options, context);
  a.pull_back(result.cotangent.view(), grad, context);
  return std::move(result.report);
}

template SvdVjp<float> svd_vjp<float>(const LinearOperator<float>&, const SvdResult<float>&, const SvdCotangent<float>&,
                                      const GradientOptions&, Context&);
template SvdVjp<double> svd_vjp<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                        const SvdCotangent<double>&, const GradientOptions&, Context&);
template SvdVjp<float> svd_vjp<float>(const LinearOperator<float>&, const SvdResult<float>&, const SvdCotangent<float>&,
                                      const GradientOptions&);
template SvdVjp<double> svd_vjp<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                        const SvdCotangent<double>&, const GradientOptions&);
template GradientReport svd_vjp_into<float>(const LinearOperator<float>&, const SvdResult<float>&,
                                            const SvdCotangent<float>&, const GradientOptions&, std::span<float>,
                                            Context&);
template GradientReport svd_vjp_into<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                             const SvdCotangent<double>&, const GradientOptions&, std::span<double>,
                                             Context&);

}  // namespace sigmax
