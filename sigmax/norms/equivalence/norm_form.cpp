#include "sigmax/norms/equivalence/norm_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "sigmax/core/error.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/exponent.hpp"

namespace sigmax::norms {
namespace {

using Kind = NormForm::Kind;

struct FormOf {
  Shape shape;

  std::int64_t all() const { return std::min(shape.rows, shape.columns); }

  NormForm operator()(Frobenius) const { return {Kind::ky_fan, 2, 2, all()}; }
  NormForm operator()(MaxAbs) const { return {Kind::columns, kInfinity, kInfinity}; }
  NormForm operator()(Entrywise n) const { return {Kind::columns, n.p, n.p}; }
  NormForm operator()(ColumnSum n) const {
    require_norm(!n.smallest, n);
    return {Kind::columns, 1, kInfinity};
  }
  NormForm operator()(RowSum n) const {
    require_norm(!n.smallest, n);
    return {Kind::rows, 1, kInfinity};
  }
  NormForm operator()(Spectral) const { return {Kind::ky_fan, 1, 2, 1}; }
  NormForm operator()(SmallestSingular n) const {
    require_norm(false, n);
    return {};
  }
  NormForm operator()(Nuclear) const { return {Kind::ky_fan, 1, 2, all()}; }
  NormForm operator()(Schatten n) const { return {Kind::ky_fan, n.p, 2, all()}; }
  NormForm operator()(KyFan n) const { return {Kind::ky_fan, n.p, 2, n.k}; }
  NormForm operator()(Mixed n) const { return {n.by == By::columns ? Kind::columns : Kind::rows, n.p, n.q}; }
  NormForm operator()(Induced n) const { return {Kind::induced, n.p, n.q}; }
  NormForm operator()(NumericalRadius) const {
    if (shape.rows != shape.columns) {
      throw Error(
          fmt::format("[equivalence] the numerical radius needs a square shape, got {}x{}", shape.rows, shape.columns));
    }
    return {Kind::radius, 2, 2};
  }

  static void require_norm(bool is_norm, const Norm& which) {
    if (!is_norm) throw Error(fmt::format("[equivalence] {} is not a norm", spelling_of(which)));
  }
};

}  // namespace

NormForm form_of(const Norm& which, Shape shape) { return std::visit(FormOf{shape}, which); }

NormForm transposed(const NormForm& form) {
  NormForm result = form;
  if (form.kind == Kind::columns) result.kind = Kind::rows;
  if (form.kind == Kind::rows) result.kind = Kind::columns;
  if (form.kind == Kind::induced) {
    result.p = conjugate(form.q);
    result.q = conjugate(form.p);
  }
  return result;
}

double root_of(double n, double p) { return std::isinf(p) ? 1 : std::pow(n, 1 / p); }

}  // namespace sigmax::norms
