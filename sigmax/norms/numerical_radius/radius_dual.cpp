#include "sigmax/norms/numerical_radius/radius_dual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/radius_dual.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::norms {
namespace {

constexpr std::int64_t kSolvedUpTo = 96;
constexpr int kMostSteps = 3000;
constexpr double kSettled = 1e-12;
constexpr double kNormal = 1e-13;

double size_of(const Matrix<double>& a) { return std::sqrt(blas::dot(a.values(), a.values())); }

double trace_of(const Matrix<double>& a) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.rows(); ++i) sum += a(i, i);
  return sum;
}

// [[P, B^T], [B, P]]
Matrix<double> block(const Matrix<double>& p, const Matrix<double>& b) {
  const std::int64_t n = b.rows();
  Matrix<double> s(2 * n, 2 * n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      s(i, j) = s(n + i, n + j) = p(i, j);
      s(n + i, j) = s(j, n + i) = b(i, j);
    }
  }
  return s;
}

// The semidefinite matrix nearest to W.
Matrix<double> positive_part(const Matrix<double>& w) {
  const lapack::SymmetricEigen eigen = lapack::symmetric_eigen(w);
  Matrix<double> right = lapack::transposed(eigen.vectors.view());
  for (std::int64_t j = 0; j < right.columns(); ++j) {
    for (std::int64_t i = 0; i < right.rows(); ++i) {
      right(i, j) *= std::max(eigen.values[static_cast<std::size_t>(i)], 0.0);
    }
  }
  return lapack::product(eigen.vectors, right);
}

// A P that is feasible except for rounding, its trace, and an X with <X, B> / w(X) near that.
struct Witnesses {
  Matrix<double> p;
  double trace = 0;
  Matrix<double> x;

  void offer(const Matrix<double>& other, const Matrix<double>& b) {
    const double least = lapack::symmetric_eigen(block(other, b)).values.front();
    const double missing = std::max(-least, 0.0);
    const double repaired = trace_of(other) + static_cast<double>(b.rows()) * missing;
    if (!p.empty() && !(repaired < trace)) return;
    p = other;
    // The proof looks for the smallest eigenvalue in wide steps: it must be near 0 already.
    for (std::int64_t i = 0; i < p.rows(); ++i) p(i, i) += missing;
    trace = repaired;
  }
};

// P = (|B| + |B^T|) / 2 and X = U V^T of B = U diag(sigma) V^T, which solve both problems for a normal B.
Witnesses polar(const Matrix<double>& b, double& nuclear) {
  Matrix<double> copy = b;
  const lapack::Svd svd = lapack::decompose(copy.view(), 0, b.rows()).wanted;
  const auto weighted = [&](const Matrix<double>& v) {
    Matrix<double> right = lapack::transposed(v.view());
    for (std::int64_t j = 0; j < right.columns(); ++j) {
      for (std::int64_t i = 0; i < right.rows(); ++i) right(i, j) *= svd.sigma[static_cast<std::size_t>(i)];
    }
    return lapack::product(v, right);
  };
  Matrix<double> p = weighted(svd.u);
  const Matrix<double> other = weighted(svd.v);
  for (std::size_t i = 0; i < p.values().size(); ++i) p.values()[i] = 0.5 * (p.values()[i] + other.values()[i]);
  nuclear = 0;
  for (const double sigma : svd.sigma) nuclear += sigma;
  Witnesses found;
  found.offer(p, b);
  found.x = lapack::product(svd.u, lapack::transposed(svd.v.view()));
  return found;
}

// min trace P with S = [[P, B^T], [B, P]], S = Z, Z >= 0, by the alternating direction method of multipliers with the
// scaled multiplier U:
//   P <- the mean of the diagonal blocks of Z - U, less I / (2 rho)
//   Z <- the positive part of S + U;  U <- S + U - Z
// U is minus the negative part, so -rho U >= 0, and at the solution its diagonal blocks add up to I: by Ando's theorem
// X = 2 rho U_21 has w(X) <= 1, and <X, B> is the dual value.
void solve(const Matrix<double>& b, double typical, Witnesses& best, Context& context) {
  const std::int64_t n = b.rows();
  double rho = 1 / typical;
  Matrix<double> z = positive_part(block(best.p, b));
  Matrix<double> u(2 * n, 2 * n);
  Matrix<double> p = best.p;
  for (int step = 1; step <= kMostSteps; ++step) {
    context.check_cancel();
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        p(i, j) = 0.5 * (z(i, j) - u(i, j) + z(n + i, n + j) - u(n + i, n + j)) - (i == j ? 0.5 / rho : 0.0);
      }
    }
    Matrix<double> w = block(p, b);
    const double size = size_of(w);
    for (std::size_t i = 0; i < w.values().size(); ++i) w.values()[i] += u.values()[i];
    Matrix<double> next = positive_part(w);
    double moved = 0;
    double missed = 0;
    for (std::size_t i = 0; i < w.values().size(); ++i) {
      const double change = next.values()[i] - z.values()[i];
      const double multiplier = w.values()[i] - next.values()[i];
      const double gap = multiplier - u.values()[i];
      moved += change * change;
      missed += gap * gap;
      u.values()[i] = multiplier;
    }
    z = std::move(next);
    const double primal = std::sqrt(missed) / size;
    const double dual = std::sqrt(moved) / std::max(size_of(u), 1e-300);
    if (primal <= kSettled && dual <= kSettled) break;
    if (step % 20 == 0 && step <= kMostSteps / 2) {
      const double factor = primal > 5 * dual ? 2.0 : (dual > 5 * primal ? 0.5 : 1.0);
      rho *= factor;
      for (double& value : u.values()) value /= factor;
    }
  }
  best.offer(p, b);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < n; ++i) best.x(i, j) = 2 * rho * u(n + i, j);
  }
}

void require_square(std::int64_t rows, std::int64_t columns) {
  if (rows == columns && rows > 0) return;
  throw Error(fmt::format("[dual_norm] only a square matrix has a numerical radius, got {}x{}", rows, columns));
}

Enclosure radius_of(const Matrix<double>& x, Context& context) {
  const std::vector<double> values(x.values().begin(), x.values().end());
  return *numerical_radius(Tensor::copy_of(values, {x.rows(), x.columns()}), NormOptions{}, context).enclosure;
}

NormResult of_stored(ScannedMatrix& m, bool enclose, Context& context) {
  const SerialBlas serial;
  require_finite(m.facts(), "dual_norm");
  NormResult result;
  result.meaning = "dual of the " + meaning_of(NumericalRadius{});
  if (m.facts().max_abs == 0) {
    if (enclose) {
      result.enclosure = bounds::exactly(0);
      result.method = "exact";
    }
    return result;
  }
  const InRange& range = m.in_range(context);
  const Matrix<double> b = bounds::radius_dual_matrix(range);
  double nuclear = 0;
  Witnesses best = polar(b, nuclear);
  const Matrix<double> polar_factor = best.x;
  const bool is_normal = best.trace <= nuclear * (1 + kNormal * static_cast<double>(b.rows()));
  const bool solved = !is_normal && b.rows() <= kSolvedUpTo;
  if (solved) solve(b, nuclear / static_cast<double>(b.rows()), best, context);
  result.value = best.trace / gram_scale(range.facts) * range.factor;
  if (!enclose) return result;
  Enclosure known = bounds::enclose_radius_dual(range, best.p, best.x, radius_of(best.x, context), context);
  // The polar factor proves the nuclear norm, which a search that ended early may not reach.
  if (solved) {
    const Enclosure other =
        bounds::enclose_radius_dual(range, best.p, polar_factor, radius_of(polar_factor, context), context);
    if (other.lower.value() > known.lower.value()) known = other;
  }
  require_unchanged(range, context);
  result.enclose(known);
  result.method = "two matrices, of Ando's theorem and its dual";
  return result;
}

}  // namespace

NormResult radius_dual(const Tensor& matrix, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const StoredView view = stored_view(matrix);
  require_square(view.matrix.rows, view.matrix.columns);
  ScannedMatrix m(view, context);
  return of_stored(m, options.enclose, context);
}

template <Real T>
NormResult radius_dual(const LinearOperator<T>& a, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require_square(a.shape().rows, a.shape().columns);
  const Structure<T> structure = a.structure();
  if (const auto* stored = std::get_if<structure::Stored>(&structure)) {
    ScannedMatrix m(StoredView{Tensor(), *stored->matrix, stored->transposed}, context);
    return of_stored(m, options.enclose, context);
  }
  const Matrix<T> entries = materialize(a, context);
  const kernels::StoredMatrix view{std::same_as<T, float> ? DType::f32 : DType::f64,
                                   std::as_bytes(entries.values()).data(), entries.columns(), entries.rows(),
                                   entries.rows()};
  ScannedMatrix m(StoredView{Tensor(), view, true}, context);
  return of_stored(m, false, context);
}

template NormResult radius_dual<float>(const LinearOperator<float>&, const NormOptions&, Context&);
template NormResult radius_dual<double>(const LinearOperator<double>&, const NormOptions&, Context&);

}  // namespace sigmax::norms
