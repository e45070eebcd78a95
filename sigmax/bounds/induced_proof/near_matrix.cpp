#include "sigmax/bounds/induced_proof/near_matrix.hpp"

#include <cmath>
#include <utility>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/operator_proof/expression.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/absolute.hpp"
#include "sigmax/kernels/matvec.hpp"

namespace sigmax::bounds {
namespace {

// Terms of a product that underflow lose 2^-1075 max(1, |a_ij|) each, whether or not a fused multiply-add is used.
double underflow(const NearMatrix& m, std::size_t terms) {
  return static_cast<double>(terms) * 0x1p-1070 * larger_of(1.0, m.range.facts.max_abs);
}

std::size_t length_out(const NearMatrix& m, bool adjoint) {
  return static_cast<std::size_t>(adjoint ? m.columns : m.rows);
}

}  // namespace

NearMatrix near_matrix(ScannedMatrix& a, Context& context) {
  const FloatingEnvironment environment;
  NearMatrix m;
  m.range = a.in_range(context);
  m.transposed = a.view().transposed;
  m.rows = m.transposed ? m.range.matrix.columns : m.range.matrix.rows;
  m.columns = m.transposed ? m.range.matrix.rows : m.range.matrix.columns;
  m.exponent = std::ilogb(m.range.factor);
  m.is_zero = m.range.facts.max_abs == 0;
  return m;
}

// The operator is 2^e.exponent N. A stored node is N = unit matrix; a formed one N = matrix + E.
template <Real T>
std::optional<NearMatrix> near_matrix(const LinearOperator<T>& a, std::int64_t formed_up_to, Context& context) {
  const FloatingEnvironment environment;
  const std::optional<Expression> e = take_apart(a, context);
  if (!e) return std::nullopt;
  NearMatrix m;
  m.rows = e->rows;
  m.columns = e->columns;
  m.is_zero = e->is_zero();
  if (m.is_zero) return m;
  double unit = e->unit;
  if (e->kind == Expression::Kind::stored) {
    m.range = e->leaf;
    m.transposed = e->transposed;
  } else {
    if (!blas_supports_proofs() || !is_formable(*e, formed_up_to)) return std::nullopt;
    m.formed.emplace(form(*e, context));
    m.range = ScannedMatrix(m.formed->matrix(), context).in_range(context);
    unit = m.range.factor;
    m.error = round_up(m.formed->error / unit);
  }
  m.exponent = e->exponent + std::ilogb(unit);
  return m;
}

EntrywiseImage entrywise_image(const NearMatrix& m, std::span<const double> x, Context& context) {
  const FloatingEnvironment environment;
  EntrywiseImage image{std::vector<double>(length_out(m, false)), {}};
  if (m.transposed) {
    kernels::multiply_transposed<double>(m.range.matrix, x, image.values, context);
  } else {
    kernels::multiply<double>(m.range.matrix, x, image.values, context);
  }
  std::vector<double> magnitudes(x.begin(), x.end());
  for (double& value : magnitudes) value = std::fabs(value);
  image.error = magnitude_image(m, magnitudes, false, context);
  const double relative = gamma(static_cast<std::int64_t>(x.size()));
  const double lost = underflow(m, x.size());
  for (double& value : image.error) value = round_up(relative * value + lost);
  return image;
}

std::vector<double> magnitude_image(const NearMatrix& m, std::span<const double> x, bool adjoint, Context& context) {
  const FloatingEnvironment environment;
  std::vector<double> y(length_out(m, adjoint));
  if (m.transposed != adjoint) {
    kernels::absolute_multiply_transposed(m.range.matrix, x, y, context);
  } else {
    kernels::absolute_multiply(m.range.matrix, x, y, context);
  }
  const double up = 1 + gamma(static_cast<std::int64_t>(x.size()) + 2);
  const double lost = underflow(m, x.size());
  for (double& value : y) value = round_up(value * up + lost);
  return y;
}

template std::optional<NearMatrix> near_matrix<float>(const LinearOperator<float>&, std::int64_t, Context&);
template std::optional<NearMatrix> near_matrix<double>(const LinearOperator<double>&, std::int64_t, Context&);

}  // namespace sigmax::bounds
