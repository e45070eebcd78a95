#include "sigmax/bounds/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/bounds/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {
namespace {

using Kind = Expression::Kind;

// The weight 2^shift of a part, rounded up where it is so small that it is none.
double weight_up(std::int64_t shift) { return std::ldexp(1.0, static_cast<int>(std::max<std::int64_t>(shift, -1000))); }

Expression leaf(const kernels::StoredMatrix& a, bool transposed, Context& context) {
  const kernels::Scan facts = kernels::scan(a, context);
  if (!facts.finite()) {
    throw Error(fmt::format("[certify] the matrix has {} NaN and {} infinite entries", facts.nan, facts.infinite));
  }
  Expression e;
  e.kind = Kind::stored;
  e.rows = transposed ? a.columns : a.rows;
  e.columns = transposed ? a.rows : a.columns;
  e.leaf = in_range(a, facts, context);
  e.transposed = transposed;
  e.unit = gram_scale(e.leaf.facts);
  e.exponent = std::ilogb(e.leaf.factor) - std::ilogb(e.unit);
  if (facts.max_abs == 0) return e;
  e.norm = round_up(norm_upper_bound(e.leaf.matrix, e.leaf.facts).value() * e.unit);
  e.frobenius = round_up(frobenius_upper_bound(e.leaf.matrix, e.leaf.facts) * e.unit);
  return e;
}

// The exponent of parts that are added or stacked: that of the largest, zero parts apart.
std::int64_t common_exponent(const std::vector<Expression>& parts) {
  std::int64_t exponent = std::numeric_limits<std::int64_t>::min();
  for (const Expression& part : parts) {
    if (part.norm > 0) exponent = std::max(exponent, part.exponent);
  }
  if (exponent != std::numeric_limits<std::int64_t>::min()) return exponent;
  for (const Expression& part : parts) exponent = std::max(exponent, part.exponent);
  return exponent;
}

void require(bool fits, const char* what, const Expression& first, const Expression& second) {
  if (fits) return;
  throw Error(fmt::format("[certify] a {} of parts that do not fit: {}x{} and {}x{}", what, first.rows, first.columns,
                          second.rows, second.columns));
}

Expression sum(std::vector<Expression> parts) {
  Expression e;
  e.kind = Kind::sum;
  e.rows = parts[0].rows;
  e.columns = parts[0].columns;
  e.exponent = common_exponent(parts);
  for (const Expression& part : parts) {
    require(part.rows == e.rows && part.columns == e.columns, "sum", parts[0], part);
    if (part.norm > 0) e.norm = round_up(e.norm + weight_up(e.shift(part)) * part.norm);
  }
  e.parts = std::move(parts);
  return e;
}

Expression stack(std::vector<Expression> parts, bool below) {
  Expression e;
  e.kind = below ? Kind::below : Kind::beside;
  e.exponent = common_exponent(parts);
  double square = 0;
  for (const Expression& part : parts) {
    require(below ? part.columns == parts[0].columns : part.rows == parts[0].rows, "stack", parts[0], part);
    (below ? e.rows : e.columns) += below ? part.rows : part.columns;
    const double norm = part.norm > 0 ? weight_up(e.shift(part)) * part.norm : 0;
    square = round_up(square + norm * norm);
  }
  (below ? e.columns : e.rows) = below ? parts[0].columns : parts[0].rows;
  if (square > 0) e.norm = round_up(std::sqrt(square));
  e.parts = std::move(parts);
  return e;
}

Expression product(Expression left, Expression right) {
  require(left.columns == right.rows, "product", left, right);
  Expression e;
  e.kind = Kind::product;
  e.rows = left.rows;
  e.columns = right.columns;
  e.exponent = left.exponent + right.exponent;
  if (left.norm > 0 && right.norm > 0) {
    const double norm = round_up(left.norm * right.norm);
    const int exponent = std::ilogb(norm) + 1;
    e.exponent += exponent;
    e.unit = std::ldexp(1.0, -exponent);
    e.norm = norm * e.unit;
  }
  e.parts.push_back(std::move(left));
  e.parts.push_back(std::move(right));
  return e;
}

Expression times(double factor, Expression of) {
  if (!std::isfinite(factor)) throw Error(fmt::format("[certify] the operator is scaled by {}", factor));
  int exponent = 0;
  Expression e;
  e.kind = Kind::scaled;
  e.factor = std::frexp(factor, &exponent);
  e.rows = of.rows;
  e.columns = of.columns;
  e.exponent = of.exponent + exponent;
  if (factor != 0 && of.norm > 0) e.norm = round_up(std::fabs(e.factor) * of.norm);
  e.parts.push_back(std::move(of));
  return e;
}

// One call operator for each structure: a new one does not compile until it is handled.
template <Real T>
struct TakeApart {
  bool transposed;
  Context& context;

  std::optional<Expression> of(const LinearOperator<T>& a, bool flip) const {
    return std::visit(TakeApart{flip, context}, a.structure());
  }

  std::optional<std::vector<Expression>> all(const std::vector<Operator<T>>& operators) const {
    if (operators.empty()) throw Error("[certify] a sum or stack of no parts");
    std::vector<Expression> parts;
    for (const Operator<T>& part : operators) {
      std::optional<Expression> e = of(*part, transposed);
      if (!e) return std::nullopt;
      parts.push_back(std::move(*e));
    }
    return parts;
  }

  std::optional<Expression> operator()(const structure::Opaque&) const { return std::nullopt; }

  std::optional<Expression> operator()(const structure::Stored& stored) const {
    return leaf(*stored.matrix, stored.transposed != transposed, context);
  }

  std::optional<Expression> operator()(const structure::Sum<T>& s) const {
    std::optional<std::vector<Expression>> parts = all(s.terms);
    if (!parts) return std::nullopt;
    return sum(std::move(*parts));
  }

  std::optional<Expression> operator()(const structure::Product<T>& p) const {
    std::optional<Expression> left = of(transposed ? *p.right : *p.left, transposed);
    if (!left) return std::nullopt;
    std::optional<Expression> right = of(transposed ? *p.left : *p.right, transposed);
    if (!right) return std::nullopt;
    return product(std::move(*left), std::move(*right));
  }

  std::optional<Expression> operator()(const structure::Scaled<T>& s) const {
    std::optional<Expression> e = of(*s.of, transposed);
    if (!e) return std::nullopt;
    return times(s.factor, std::move(*e));
  }

  std::optional<Expression> operator()(const structure::Transposed<T>& t) const { return of(*t.of, !transposed); }

  std::optional<Expression> operator()(const structure::Stacked<T>& s) const {
    std::optional<std::vector<Expression>> parts = all(s.parts);
    if (!parts) return std::nullopt;
    return stack(std::move(*parts), s.of_rows != transposed);
  }
};

}  // namespace

template <Real T>
std::optional<Expression> take_apart(const LinearOperator<T>& a, Context& context) {
  const FloatingEnvironment environment;
  return TakeApart<T>{false, context}.of(a, false);
}

template std::optional<Expression> take_apart<float>(const LinearOperator<float>&, Context&);
template std::optional<Expression> take_apart<double>(const LinearOperator<double>&, Context&);

}  // namespace sigmax::bounds
