// A prime is a derivative in the direction H. For G = U D V^T + sum_i p_i v_i^T + u_i q_i^T, D = diag(xi) + C:
//
//   G' = sum_i (U' D + U C' + p_i') v_i^T + (U D + p_i) v_i'^T + u_i' q_i^T + u_i q_i'^T
//
// with U', V', sigma' from svd_jvp, C' from S' = U'^T phi and R' = V'^T psi (grad/triplets/coupling.hpp). For p_i' and
// q_i', the system and its constraints are differentiated. With Q_u = 1 - U U^T, Q_v likewise:
//
//   sigma_i p_i - A q_i = Q_u phi_i,  sigma_i q_i - A^T p_i = Q_v psi_i,  U^T p_i = 0,  V^T q_i = 0
//
//   U^T p_i' = -U'^T p_i,  V^T q_i' = -V'^T q_i,  and on the complement
//   sigma_i p - A q   = Q_u (H q_i   - sigma_i' p_i - U' U^T phi_i)
//   sigma_i q - A^T p = Q_v (H^T p_i - sigma_i' q_i - V' V^T psi_i)
//
// The projection removes U U'^T phi_i, the other half of the derivative of Q_u, and the products of A with the parts of
// p_i' and q_i' in the known span.
#include "sigmax/grad/svd_vjp_vjp.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/triplets/coupling.hpp"
#include "sigmax/grad/triplets/frame.hpp"
#include "sigmax/grad/triplets/tangent.hpp"
#include "sigmax/kernels/vector.hpp"

namespace sigmax {
namespace {

Matrix<double> negative(Matrix<double> x) {
  for (double& value : x.values()) value = -value;
  return x;
}

// Writes blocks of k terms one after another.
template <Real T>
class Terms {
 public:
  Terms(OuterSum<T>& sum, std::int64_t k) : sum_(sum), k_(k) {}

  // weight sum_i left_i right_i^T
  void add(MatrixView<const T> left, MatrixView<const T> right, double weight) {
    for (std::int64_t i = 0; i < k_; ++i, ++at_) {
      std::ranges::copy(left.column(i), sum_.u.column(at_).begin());
      std::ranges::copy(right.column(i), sum_.v.column(at_).begin());
      sum_.weights[static_cast<std::size_t>(at_)] = weight;
    }
  }

 private:
  OuterSum<T>& sum_;
  std::int64_t k_;
  std::int64_t at_ = 0;
};

// The vectors of G, and their derivatives.
template <Real T>
struct Vectors {
  Matrix<T> p, q;  // in the units of the frame
  Matrix<T> p_dot, q_dot;
};

template <Real T>
Vectors<T> differentiate(Frame<T>& frame, const VectorCoupling& coupling, const SvdJvp<T>& dot, Matrix<T> phi,
                         Matrix<T> psi, const LinearOperator<T>& direction) {
  const std::int64_t k = frame.count();
  std::vector<std::int64_t> all(static_cast<std::size_t>(k));
  std::iota(all.begin(), all.end(), 0);
  const double known = kernels::norm2(coupling.c().values());
  auto [p, q] = frame.solve(all, std::move(phi), std::move(psi), known);
  Matrix<T> f(p.rows(), k);
  Matrix<T> h(q.rows(), k);
  if (has_entries(p) || has_entries(q)) {
    direction.apply(std::as_const(q).view(), f.view(), frame.context());
    direction.apply_adjoint(std::as_const(p).view(), h.view(), frame.context());
    scale_by(f, -frame.exponent());
    scale_by(h, -frame.exponent());
  }
  for (std::int64_t i = 0; i < k; ++i) {
    const T rate = static_cast<T>(-dot.sigma[static_cast<std::size_t>(i)]);
    kernels::axpy(rate, std::as_const(p).column(i), f.column(i));
    kernels::axpy(rate, std::as_const(q).column(i), h.column(i));
  }
  add_product(dot.u.view(), negative(coupling.s()), f.view());
  add_product(dot.v.view(), negative(coupling.r()), h.view());
  double moved = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    const auto size = [i](const Matrix<T>& x) { return kernels::norm2(x.column(i)); };
    moved = std::hypot(moved, size(p) * size(dot.v), size(q) * size(dot.u));
  }
  auto [p_dot, q_dot] = frame.solve(std::move(all), std::move(f), std::move(h), moved);
  add_product(frame.u(), negative(inner_products<T>(dot.u.view(), std::as_const(p).view())), p_dot.view());
  add_product(frame.v(), negative(inner_products<T>(dot.v.view(), std::as_const(q).view())), q_dot.view());
  return {std::move(p), std::move(q), std::move(p_dot), std::move(q_dot)};
}

}  // namespace

template <Real T>
SvdVjpVjp<T> svd_vjp_vjp(const LinearOperator<T>& a, const SvdResult<T>& triplets, const SvdCotangent<T>& cotangent,
                         const LinearOperator<T>& direction, const GradientOptions& options, Context& context) {
  const FloatingEnvironment environment;
  Frame<T> frame("svd_vjp_vjp", a, triplets, options, context);
  const Shape shape = a.shape();
  const std::int64_t k = frame.count();
  const std::vector<double> xi = checked_values(frame, "svd_vjp_vjp", cotangent);
  const SvdJvp<T> dot = derivative_in(frame, shape, tangent_of("svd_vjp_vjp", direction, shape, triplets, context));

  const double unit = std::ldexp(1.0, -frame.exponent());
  const bool of_vectors = has_entries(cotangent.u) || has_entries(cotangent.v);
  SvdVjpVjp<T> result;
  result.cotangent = OuterSum<T>(shape.rows, shape.columns, (of_vectors ? 6 : 2) * k);
  Terms<T> terms(result.cotangent, k);
  Matrix<double> values(k, k);
  for (std::int64_t i = 0; i < k; ++i) values(i, i) = xi[static_cast<std::size_t>(i)];
  Matrix<T> left(shape.rows, k);
  Matrix<T> left_of_dot(shape.rows, k);
  add_product(dot.u.view(), values, left.view());
  add_product(frame.u(), values, left_of_dot.view());
  terms.add(std::as_const(left).view(), frame.v(), 1);
  terms.add(std::as_const(left_of_dot).view(), dot.v.view(), 1);
  if (of_vectors) {
    Matrix<T> phi = cotangent.u.empty() ? Matrix<T>(shape.rows, k) : cotangent.u;
    Matrix<T> psi = cotangent.v.empty() ? Matrix<T>(shape.columns, k) : cotangent.v;
    const VectorCoupling coupling(frame, phi, psi);
    const Matrix<double> c_dot =
        coupling.derivative(inner_products<T>(dot.u.view(), std::as_const(phi).view()),
                            inner_products<T>(dot.v.view(), std::as_const(psi).view()), dot.sigma);
    Vectors<T> vectors = differentiate(frame, coupling, dot, std::move(phi), std::move(psi), direction);
    add_product(dot.u.view(), coupling.c(), vectors.p_dot.view());
    add_product(frame.u(), c_dot, vectors.p_dot.view());
    add_product(frame.u(), coupling.c(), vectors.p.view());
    terms.add(std::as_const(vectors.p_dot).view(), frame.v(), unit);
    terms.add(std::as_const(vectors.p).view(), dot.v.view(), unit);
    terms.add(dot.u.view(), std::as_const(vectors.q).view(), unit);
    terms.add(frame.u(), std::as_const(vectors.q_dot).view(), unit);
  }
  frame.judge_values(xi);
  for (const double value : dot.sigma) result.sigma.push_back(std::ldexp(value, frame.exponent()));
  result.u = dot.u;
  result.v = dot.v;
  result.report = frame.report();
  return result;
}

template SvdVjpVjp<float> svd_vjp_vjp<float>(const LinearOperator<float>&, const SvdResult<float>&,
                                             const SvdCotangent<float>&, const LinearOperator<float>&,
                                             const GradientOptions&, Context&);
template SvdVjpVjp<double> svd_vjp_vjp<double>(const LinearOperator<double>&, const SvdResult<double>&,
                                               const SvdCotangent<double>&, const LinearOperator<double>&,
                                               const GradientOptions&, Context&);

}  // namespace sigmax
