#include "sigmax/bounds/matrix_proof/tall_inverse.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/multiply.hpp"
#include "sigmax/linalg/square.hpp"

namespace sigmax::bounds {
namespace {

// Beyond this, sums could overflow, and losses to underflow would have to be weighed.
constexpr double kLargestFactorEntry = 0x1p900;

// About R^-1 for B = Q R. Nothing is assumed of it.
std::optional<Matrix<double>> inverse_factor(const Matrix<double>& b) {
  const SerialBlas serial;
  Matrix<double> factored = b;
  const Matrix<double> r = lapack::Qr(factored.view()).r();
  const auto n = static_cast<int>(r.rows());
  for (std::int64_t i = 0; i < r.rows(); ++i) {
    if (r(i, i) == 0) return std::nullopt;
  }
  Matrix<double> s = identity(r.rows());
  cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, n, n, 1.0, r.values().data(), n,
              s.values().data(), n);
  const bool moderate =
      std::ranges::all_of(s.values(), [](double value) { return std::fabs(value) <= kLargestFactorEntry; });
  return moderate ? std::optional(std::move(s)) : std::nullopt;
}

// Q^+ for a Q with nearly orthonormal columns: M^T, and a bound of |M - Q^+|_F.
struct NearlyOrthonormal {
  Matrix<double> adjoint;
  double error = 0;
  double norm = 0;  // at least |Q^+|_F
};

// N = Q^T Q,  K = I + W + W^2 + W^3 for W = I - N,  T = I - K N:  Q^+ = (I - T)^-1 K Q^T.
std::optional<NearlyOrthonormal> nearly_orthonormal(const Matrix<double>& q, Context& context) {
  const std::int64_t n = q.columns();
  const auto frobenius = [&context](const Matrix<double>& a) { return norm_bounds(a, context).frobenius; };
  Matrix<double> w = identity(n);
  multiply_add(-1, q, true, q, 1, w, context);
  if (!(frobenius(w) < 0.5)) return std::nullopt;
  // W is symmetric except for rounding, so that K^T is as good as K.
  Matrix<double> k = identity(n);
  for (int power = 0; power < 3; ++power) {
    Matrix<double> next = identity(n);
    multiply_add(1, w, false, k, 1, next, context);
    k = std::move(next);
  }
  // T = I - K + K W for the computed W, which is within gamma_{p+1} (|Q|_F^2 + sqrt(n)) of I - N.
  Matrix<double> t = identity(n);
  for (std::size_t i = 0; i < t.values().size(); ++i) t.values()[i] -= k.values()[i];
  multiply_add(1, k, false, w, 1, t, context);
  const double of_q = frobenius(q);
  const double of_k = frobenius(k);
  const double root = round_up(std::sqrt(static_cast<double>(n)));
  const double of_w_error = round_up(gamma(q.rows() + 2) * round_up(round_up(of_q * of_q) + root) + kUnderflow);
  const double of_t_error = round_up(gamma(n + 3) * round_up(root + of_k + round_up(of_k * frobenius(w))) +
                                     round_up(of_k * of_w_error) + kUnderflow);
  const double of_t = round_up(frobenius(t) + of_t_error);
  if (!(of_t < 0.5)) return std::nullopt;
  NearlyOrthonormal result{Matrix<double>(q.rows(), n)};
  // M^T = Q K^T.
  multiply_add(1, q, false, lapack::transposed(std::as_const(k).view()), 0, result.adjoint, context);
  const double rounding = round_up(gamma(n + 1) * round_up(of_q * of_k) + kUnderflow);
  const double of_m = round_up(frobenius(result.adjoint) + rounding);
  result.error = round_up(rounding + round_up(round_up(of_t * of_m) / round_down(1 - of_t)));
  result.norm = round_up(of_m / round_down(1 - of_t));
  return result;
}

}  // namespace

// S ~ R^-1,  Q~ = B S exactly and Q = Q~ - E as computed, with a split product;  M ~ Q^+,  C = S M:
//
//     B^+ = S Q~^+,    Q~^+ - Q^+ = -Q~^+ E Q^+ + (Q~^T Q~)^-1 E^T (I - Q Q^+).
std::optional<TallInverse> tall_inverse(const TallMatrix& b, Context& context) {
  const FloatingEnvironment environment;
  if (!blas_supports_proofs()) return std::nullopt;
  const std::int64_t p = b.values.rows();
  const std::int64_t n = b.values.columns();
  const std::optional<Matrix<double>> s = inverse_factor(b.values);
  if (!s) return std::nullopt;
  context.check_cancel();
  const std::optional<Product> q = split_product(lapack::transposed(b.values.view()), *s, 1, 0, context);
  if (!q) return std::nullopt;
  context.check_cancel();
  const std::optional<NearlyOrthonormal> m = nearly_orthonormal(q->value, context);
  if (!m) return std::nullopt;
  const NormBounds of_s = norm_bounds(*s, context);
  // What B differs by from its stored values, times S. |E|_F <= sqrt(n) |E|_2.
  const NormBounds loss = b.error * of_s;
  const NormBounds e = q->error + loss;
  const double root = round_up(std::sqrt(static_cast<double>(n)));
  const double of_e = smaller_of(e.frobenius, round_up(root * e.two()));
  const double growth = round_up(of_e * m->norm);
  if (!(growth < 0.5)) return std::nullopt;
  const double of_exact = round_up(m->norm / round_down(1 - growth));  // |Q~^+|_2
  const double moved = round_up(of_e * round_up(of_exact * round_up(m->norm + of_exact)));
  const double distance = round_up(m->error + moved);  // |Q~^+ - M|_F
  TallInverse result{Matrix<double>(p, n), {}};
  multiply_add(1, m->adjoint, false, lapack::transposed(s->view()), 0, result.adjoint, context);
  // For D = Q~^+ - M, n x p: a column of S D has a 1-norm of at most sqrt(n) |S|_F |D|_F and of |S|_1 sqrt(n) |D|_F, a
  // row one of at most sqrt(p) |s_i|_2 |D|_F.
  const double wide = round_up(std::sqrt(static_cast<double>(p)));
  const NormBounds apart{round_up(root * round_up(smaller_of(of_s.one, of_s.frobenius) * distance)),
                         round_up(wide * round_up(smaller_of(of_s.inf, of_s.frobenius) * distance)),
                         round_up(of_s.frobenius * distance)};
  const NormBounds of_m = norm_bounds(m->adjoint, context).transposed();
  result.error = apart + gamma(n + 1) * (of_s * of_m) + everywhere(kUnderflow);
  return result;
}

}  // namespace sigmax::bounds
