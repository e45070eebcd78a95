#include "sigmax/bounds/operator_proof/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/matrix_proof/stored_bounds.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax::bounds {
namespace {

using Kind = Expression::Kind;

// Larger exponents of the operator are refused, so that their sums stay far from the end of int64.
constexpr std::int64_t kMostExponent = std::int64_t{1} << 40;

// Every node is made here, and has the properties that expression.hpp states.
Expression checked(Expression e) {
  const bool fine = e.is_zero() ? e.norm == 0 && e.exponent == 0 && e.parts.empty() && !e.leaf.owner
                                : e.norm >= 0x1p-2 && e.norm <= 0x1p40;
  const bool part_is_zero = (e.kind == Kind::product || e.kind == Kind::scaled || e.kind == Kind::sum) &&
                            std::any_of(e.parts.begin(), e.parts.end(), std::mem_fn(&Expression::is_zero));
  if (!fine || part_is_zero || !(e.unit > 0) || !std::isfinite(e.unit) || !std::isfinite(e.factor)) {
    throw_contradiction(fmt::format("a node of norm {}, unit {} and factor {}", e.norm, e.unit, e.factor));
  }
  if (std::abs(e.exponent) > kMostExponent) {
    throw Error(fmt::format("[certify] the operator's parts are scaled by 2^{}, too far for any number", e.exponent));
  }
  return e;
}

Expression zero(std::int64_t rows, std::int64_t columns) {
  Expression e;
  e.rows = rows;
  e.columns = columns;
  return checked(std::move(e));
}

Expression leaf(ScannedMatrix& scanned, bool transposed, Context& context) {
  require_finite(scanned.facts(), "certify");
  const kernels::StoredMatrix& a = scanned.view().matrix;
  Expression e;
  e.rows = transposed ? a.columns : a.rows;
  e.columns = transposed ? a.rows : a.columns;
  if (scanned.facts().max_abs == 0) return checked(std::move(e));
  e.kind = Kind::stored;
  e.leaf = scanned.in_range(context);
  e.transposed = transposed;
  e.unit = gram_scale(e.leaf.facts);
  e.exponent = std::ilogb(e.leaf.factor) - std::ilogb(e.unit);
  e.norm = round_up(norm_upper_bound(e.leaf).value() * e.unit);
  e.frobenius = round_up(frobenius_upper_bound(e.leaf) * e.unit);
  return checked(std::move(e));
}

// Kept out of its caller's frame: TakeApart recurses as deep as the operator, and a ScannedMatrix is large.
[[gnu::noinline]] Expression leaf(const kernels::StoredMatrix& a, bool transposed, Context& context) {
  ScannedMatrix scanned(a, context);
  return leaf(scanned, transposed, context);
}

// A column of the correlation has each of its channel's weights at most `copies` times, in a row each weight stands at
// most once: Schur's bound follows from the kernel's row sums, and column sums summed over the taps. With one tap alone
// the matrix is K_p times a selection of norm at most sqrt(copies), so that taps add up to at most sqrt(copies taps)
// |K|_F. At most `copies` weights of a row meet in one entry, which makes its square at most `copies` times their sum.
[[gnu::noinline]] Expression leaf(const structure::Convolution& c, bool transposed, Context& context) {
  const Correlation& correlation = *c.correlation;
  ScannedMatrix scanned(*c.kernel, context);
  require_finite(scanned.facts(), "certify", "kernel");
  Expression e;
  e.rows = transposed ? correlation.columns() : correlation.rows();
  e.columns = transposed ? correlation.rows() : correlation.columns();
  if (scanned.facts().max_abs == 0) return checked(std::move(e));
  e.kind = Kind::convolution;
  e.correlation = std::make_shared<const Correlation>(correlation);
  e.leaf = scanned.in_range(context);
  e.transposed = transposed;
  e.unit = gram_scale(e.leaf.facts);
  e.exponent = std::ilogb(e.leaf.factor) - std::ilogb(e.unit);
  const double copies = static_cast<double>(correlation.copies());
  const double times = copies * static_cast<double>(correlation.taps());
  const double frobenius = frobenius_upper_bound(e.leaf);
  const double schur = std::sqrt(times * schur_upper_bound(e.leaf));
  e.norm = round_up(smaller_of(round_up(schur), std::sqrt(times) * frobenius) * e.unit);
  const double places = copies * static_cast<double>(correlation.output_positions());
  e.frobenius = round_up(std::sqrt(places) * frobenius * e.unit);
  return checked(std::move(e));
}

// A copy of the entries, so that nothing can change them between the steps of a proof.
[[gnu::noinline]] Expression leaf(const structure::Diagonal& d) {
  Expression e;
  e.rows = e.columns = d.order;
  if (d.order == 0) return checked(std::move(e));
  e.kind = Kind::diagonal;
  e.norm = 1;
  e.frobenius = round_up(std::sqrt(static_cast<double>(d.order)));
  if (d.is_identity()) return checked(std::move(e));
  double largest = 0;
  for (std::size_t i = 0; i < d.entries.size(); ++i) {
    if (!std::isfinite(d.entries[i])) {
      throw Error(fmt::format("[certify] entry {} of a diagonal is {}", i, d.entries[i]));
    }
    largest = std::max(largest, std::fabs(d.entries[i]));
  }
  if (largest == 0) return zero(e.rows, e.columns);
  e.exponent = std::ilogb(largest) + 1;
  std::vector<double> scaled;
  scaled.reserve(d.entries.size());
  for (const double entry : d.entries) {
    scaled.push_back(times_power(entry, -e.exponent));
    e.underflowed = e.underflowed || times_power(scaled.back(), e.exponent) != entry;
  }
  e.norm = times_power(largest, -e.exponent);
  e.diagonal = std::make_shared<const std::vector<double>>(std::move(scaled));
  return checked(std::move(e));
}

// S^T S is diagonal with the numbers of copies.
[[gnu::noinline]] Expression leaf(const structure::Selection& s, bool transposed) {
  const SelectedEntries& entries = *s.entries;
  Expression e;
  e.rows = transposed ? entries.inputs() : entries.size();
  e.columns = transposed ? entries.size() : entries.inputs();
  if (entries.most_copies() == 0) return checked(std::move(e));
  e.kind = Kind::selection;
  e.transposed = transposed;
  e.norm = entries.most_copies() == 1 ? 1 : round_up(std::sqrt(static_cast<double>(entries.most_copies())));
  e.frobenius = round_up(std::sqrt(static_cast<double>(entries.selected())));
  e.selected = std::make_shared<const SelectedEntries>(entries);
  return checked(std::move(e));
}

void require(bool fits, const char* what, const Expression& first, const Expression& second) {
  if (fits) return;
  throw Error(fmt::format("[certify] a {} of parts that do not fit: {}x{} and {}x{}", what, first.rows, first.columns,
                          second.rows, second.columns));
}

// The exponent of parts that are added or stacked: the largest exponent of the parts that are not zero.
std::int64_t common_exponent(const std::vector<Expression>& parts) {
  std::int64_t exponent = std::numeric_limits<std::int64_t>::min();
  for (const Expression& part : parts) {
    if (!part.is_zero()) exponent = std::max(exponent, part.exponent);
  }
  return exponent;
}

// Moves the power of two that brings a norm into [1/2, 1) to the exponent. For parts that are added or stacked this
// power is not negative: the largest alone has a norm of 1/4, so that no part is ever weighted by more than 2.
int normalize(Expression& e) {
  const int exponent = std::ilogb(e.norm) + 1;
  e.norm = std::ldexp(e.norm, -exponent);
  e.exponent += exponent;
  return exponent;
}

Expression sum(std::vector<Expression> parts) {
  for (const Expression& part : parts) {
    require(part.rows == parts[0].rows && part.columns == parts[0].columns, "sum", parts[0], part);
  }
  Expression e;
  e.kind = Kind::sum;
  e.rows = parts[0].rows;
  e.columns = parts[0].columns;
  std::erase_if(parts, std::mem_fn(&Expression::is_zero));
  if (parts.empty()) return zero(e.rows, e.columns);
  if (parts.size() == 1) return std::move(parts[0]);
  e.exponent = common_exponent(parts);
  for (const Expression& part : parts) e.norm = round_up(e.norm + power_up(e.shift(part)) * part.norm);
  normalize(e);
  e.parts = std::move(parts);
  return checked(std::move(e));
}

Expression stack(std::vector<Expression> parts, bool below) {
  Expression e;
  e.kind = below ? Kind::below : Kind::beside;
  for (const Expression& part : parts) {
    require(below ? part.columns == parts[0].columns : part.rows == parts[0].rows, "stack", parts[0], part);
    (below ? e.rows : e.columns) += below ? part.rows : part.columns;
  }
  (below ? e.columns : e.rows) = below ? parts[0].columns : parts[0].rows;
  if (std::all_of(parts.begin(), parts.end(), std::mem_fn(&Expression::is_zero))) return zero(e.rows, e.columns);
  e.exponent = common_exponent(parts);
  double square = 0;
  for (const Expression& part : parts) {
    const double norm = part.is_zero() ? 0 : power_up(e.shift(part)) * part.norm;
    square = round_up(square + norm * norm);
  }
  e.norm = round_up(std::sqrt(square));
  normalize(e);
  e.parts = std::move(parts);
  return checked(std::move(e));
}

Expression product(Expression left, Expression right) {
  require(left.columns == right.rows, "product", left, right);
  if (left.is_zero() || right.is_zero()) return zero(left.rows, right.columns);
  Expression e;
  e.kind = Kind::product;
  e.rows = left.rows;
  e.columns = right.columns;
  e.exponent = left.exponent + right.exponent;
  e.norm = round_up(left.norm * right.norm);
  e.unit = std::ldexp(1.0, -normalize(e));
  e.parts.push_back(std::move(left));
  e.parts.push_back(std::move(right));
  return checked(std::move(e));
}

// The singular values of A (x) B are the products of those of A and B.
Expression kronecker(Expression left, Expression right) {
  const std::int64_t rows = left.rows * right.rows;
  const std::int64_t columns = left.columns * right.columns;
  if (left.is_zero() || right.is_zero()) return zero(rows, columns);
  Expression e;
  e.kind = Kind::kronecker;
  e.rows = rows;
  e.columns = columns;
  e.exponent = left.exponent + right.exponent;
  e.norm = round_up(left.norm * right.norm);
  e.unit = std::ldexp(1.0, -normalize(e));
  e.parts.push_back(std::move(left));
  e.parts.push_back(std::move(right));
  return checked(std::move(e));
}

// By halves, so that the depth grows by little.
[[gnu::noinline]] Expression kronecker_of(std::span<Expression> factors) {
  if (factors.size() == 1) return std::move(factors.front());
  const std::size_t half = factors.size() / 2;
  return kronecker(kronecker_of(factors.first(half)), kronecker_of(factors.subspan(half)));
}

Expression times(double factor, Expression of) {
  if (!std::isfinite(factor)) throw Error(fmt::format("[certify] the operator is scaled by {}", factor));
  if (factor == 0 || of.is_zero()) return zero(of.rows, of.columns);
  int exponent = 0;
  const double significand = std::frexp(factor, &exponent);
  Expression e;
  e.kind = Kind::scaled;
  e.rows = of.rows;
  e.columns = of.columns;
  e.exponent = of.exponent + exponent;
  e.norm = round_up(std::fabs(significand) * of.norm);
  e.factor = std::ldexp(significand, -normalize(e));
  e.parts.push_back(std::move(of));
  return checked(std::move(e));
}

// Out of the frames of TakeApart as well.
[[gnu::noinline]] Expression product_of(std::vector<Expression>& factors) {
  return product(std::move(factors[0]), std::move(factors[1]));
}

// One call operator for each structure: a new one does not compile until it is handled.
template <Real T>
struct TakeApart {
  bool transposed;
  std::int64_t depth;
  Context& context;

  // Operators of ops/ are not deeper than this; operators of others may report any structure.
  std::optional<Expression> of(const LinearOperator<T>& a, bool flip) const {
    if (depth >= kMostDepth) {
      throw Error(
          fmt::format("[certify] the operator has more than {} levels of operators made of others", kMostDepth));
    }
    return std::visit(TakeApart{flip, depth + 1, context}, a.structure());
  }

  bool add(std::vector<Expression>& parts, const LinearOperator<T>& a) const {
    std::optional<Expression> e = of(a, transposed);
    if (e) parts.push_back(std::move(*e));
    return e.has_value();
  }

  std::optional<std::vector<Expression>> all(const std::vector<Operator<T>>& operators) const {
    if (operators.empty()) throw Error("[certify] a sum, stack or Kronecker product has no parts");
    std::vector<Expression> parts;
    for (const Operator<T>& part : operators) {
      if (!add(parts, *part)) return std::nullopt;
    }
    return parts;
  }

  // None is inlined into of(): its frame would hold the expressions of all of them at every level.
  std::optional<Expression> operator()(const structure::Opaque&) const { return std::nullopt; }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Stored& stored) const {
    return leaf(*stored.matrix, stored.transposed != transposed, context);
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Convolution& c) const {
    return leaf(c, transposed, context);
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Diagonal& d) const { return leaf(d); }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Selection& s) const {
    return leaf(s, transposed);
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Kronecker<T>& k) const {
    std::optional<std::vector<Expression>> factors = all(k.factors);
    if (!factors) return std::nullopt;
    return kronecker_of(*factors);
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Sum<T>& s) const {
    std::optional<std::vector<Expression>> parts = all(s.terms);
    if (!parts) return std::nullopt;
    return sum(std::move(*parts));
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Product<T>& p) const {
    std::vector<Expression> parts;  // not on the stack: the frame is that of every level
    if (!add(parts, transposed ? *p.right : *p.left)) return std::nullopt;
    if (!add(parts, transposed ? *p.left : *p.right)) return std::nullopt;
    return product_of(parts);
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Scaled<T>& s) const {
    std::optional<Expression> e = of(*s.of, transposed);
    if (!e) return std::nullopt;
    return times(s.factor, std::move(*e));
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Transposed<T>& t) const {
    return of(*t.of, !transposed);
  }

  [[gnu::noinline]] std::optional<Expression> operator()(const structure::Stacked<T>& s) const {
    std::optional<std::vector<Expression>> parts = all(s.parts);
    if (!parts) return std::nullopt;
    return stack(std::move(*parts), s.of_rows != transposed);
  }
};

}  // namespace

bool Expression::is_power_of_two() const {
  int ignored = 0;
  return std::fabs(std::frexp(factor, &ignored)) == 0.5;
}

std::int64_t reach(const Expression& e) {
  std::int64_t most = 0;
  switch (e.kind) {
    case Kind::zero: return 0;
    case Kind::stored:
    case Kind::convolution:
    case Kind::diagonal:
    case Kind::selection:
      return e.is_identity() ? 0 : std::max(std::abs(e.exponent), std::abs(e.exponent + std::ilogb(e.norm) + 1));
    case Kind::kronecker:
    case Kind::product: return reach(e.parts[0]) + reach(e.parts[1]);
    case Kind::scaled: return std::abs(e.exponent - e.parts[0].exponent + std::ilogb(e.factor)) + reach(e.parts[0]);
    case Kind::sum:
    case Kind::below:
    case Kind::beside:
      for (const Expression& part : e.parts) most = std::max(most, reach(part));
      return most;
  }
  return most;
}

void require_unchanged(const Expression& e, Context& context) {
  for (const Expression& part : e.parts) require_unchanged(part, context);
  if (e.kind == Kind::stored || e.kind == Kind::convolution) require_unchanged(e.leaf, context);
}

Expression stored(ScannedMatrix& a, Context& context) {
  const FloatingEnvironment environment;
  return leaf(a, a.view().transposed, context);
}

template <Real T>
std::optional<Expression> take_apart(const LinearOperator<T>& a, Context& context) {
  const FloatingEnvironment environment;
  return TakeApart<T>{false, 0, context}.of(a, false);
}

template std::optional<Expression> take_apart<float>(const LinearOperator<float>&, Context&);
template std::optional<Expression> take_apart<double>(const LinearOperator<double>&, Context&);

}  // namespace sigmax::bounds
