#include "sigmax/bounds/operator_proof/composite.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/convolution_proof/correlation_bound.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/gram_proof.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/residual_proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/operator_proof/collatz.hpp"
#include "sigmax/bounds/operator_proof/form.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax::bounds {
namespace {

using Kind = Expression::Kind;
// For a convolution that is too large to be formed; a tenth of a percent costs about half of what a millionth does.
constexpr double kWidthOfSymbols = 1e-3;
constexpr double kFlopsOfSymbols = 1e13;

// A stored matrix as gram_matrix() takes it: in range, with its scan. N = unit matrix + E, |E|_F <= error.
struct Source {
  InRange range;
  bool transposed = false;
  double unit = 1;
  double error = 0;
  std::optional<Formed> formed;  // the matrix behind `range`, if it was formed
};

Source source_of(const Expression& e, Context& context) {
  Source source;
  if (e.kind == Kind::stored) {
    source.range = e.leaf;
    source.transposed = e.transposed;
    source.unit = e.unit;
    return source;
  }
  source.formed.emplace(form(e, context));
  source.error = source.formed->error;
  source.range = ScannedMatrix(source.formed->matrix(), context).in_range(context);
  source.unit = source.range.factor;
  return source;
}

double upper_of(const Measured& measured) {
  return measured.sigma_max.upper ? measured.sigma_max.upper->value() : kInfinity;
}

}  // namespace

bool is_provable(const Expression& e, const Limits& limits) {
  if (!blas_supports_proofs()) return false;
  return std::min(e.rows, e.columns) <= limits.shorter && (e.kind == Kind::stored || is_formable(e, limits.entries));
}

Measured prove(const Expression& e, std::span<const double> x, const Limits& limits, Context& context) {
  const FloatingEnvironment environment;
  if (e.is_zero()) return {zero_enclosure(), 0};
  const Source source = source_of(e, context);
  ProofOptions options;
  options.vector = x;
  options.of_rows = source.transposed;
  options.relative_width = limits.relative_width;
  options.random = limits.random;
  Measured m{zero_enclosure(), 0};
  if (source.range.facts.max_abs > 0) {
    GramMatrix g = gram_matrix(source.range, context);
    m = scaled(prove(source.range, g, options, context), static_cast<std::int64_t>(std::ilogb(source.unit)));
  }
  if (source.error == 0) return m;
  // Weyl: |sigma_max(N) - sigma_max(M)| <= |N - M|_2 <= |N - M|_F.
  const double reached = larger_of(m.sigma_max.lower.value() - source.error, 0.0);
  return {Proof::enclosure(widened_lower(reached), Proof::proven(widened_upper(upper_of(m) + source.error))),
          m.estimate};
}

namespace {

// Residuals that are larger leave room for what the Gram matrix shows about the leading values.
constexpr double kGoodWidth = 0x1p-30;

// Proves a whole spectrum by its residual; by the Gram matrix if that is wide, such as with vectors in float. Both are
// theorems, so the closer ends count.
ProvenValues prove_stored(const InRange& a, const ValuesQuestion& question, Context& context) {
  const std::vector<Enclosure> by_residual = enclose_by_residual(a, question, context);
  if (!by_residual.empty() && by_residual.front().relative_width() <= kGoodWidth) return {by_residual, 0, 0, true};
  GramMatrix g = gram_matrix(a, context);
  ProvenValues proven = prove_values(a, g, question, context);
  for (std::size_t i = 0; i < by_residual.size(); ++i) {
    const Enclosure& one = proven.sigma[i];
    const Enclosure& other = by_residual[i];
    proven.sigma[i] = Proof::enclosure(one.lower.value() > other.lower.value() ? one.lower : other.lower,
                                       other.upper->value() < one.upper->value() ? other.upper : one.upper);
  }
  return proven;
}

}  // namespace

// Weyl: |sigma_i(N) - sigma_i(M)| <= |N - M|_2 for every i.
ProvenValues prove_values(const Expression& e, ValuesQuestion question, Context& context) {
  const auto k = static_cast<std::size_t>(question.right.columns);
  if (e.is_zero()) return {std::vector<Enclosure>(k, zero_enclosure()), 0};
  const Source source = source_of(e, context);
  if (source.transposed) std::swap(question.right, question.left);
  if (question.next) *question.next /= source.unit;
  for (double& value : question.sigma) value /= source.unit;
  ProvenValues proven{std::vector<Enclosure>(k, zero_enclosure()), 0};
  if (source.range.facts.max_abs > 0) {
    proven = prove_stored(source.range, question, context);
  }
  proven.resolution *= source.unit;
  proven.formed = source.error;
  for (Enclosure& sigma : proven.sigma) {
    sigma = scaled(Measured{sigma, 0}, static_cast<std::int64_t>(std::ilogb(source.unit))).sigma_max;
    if (source.error == 0) continue;
    const double upper = sigma.upper ? sigma.upper->value() : kInfinity;
    sigma = Proof::enclosure(widened_lower(larger_of(sigma.lower.value() - source.error, 0.0)),
                             Proof::proven(widened_upper(upper + source.error)));
  }
  return proven;
}

double inner_upper_bound(const Expression& product, const Limits& limits, Context& context) {
  const FloatingEnvironment environment;
  const Expression& left = product.parts[0];
  const Expression& right = product.parts[1];
  const std::int64_t r = left.columns;
  if (product.is_zero()) return 0;
  if (r >= std::min(product.rows, product.columns) || r > limits.shorter || !blas_supports_proofs()) return kInfinity;
  for (const Expression* part : {&left, &right}) {
    if (part->kind != Kind::stored && !is_formable(*part, limits.entries)) return kInfinity;
  }
  const Source b = source_of(left, context);
  const Source a = source_of(right, context);
  if (b.range.facts.max_abs == 0 || a.range.facts.max_abs == 0) {
    return round_up(product.unit * (b.error * right.norm + (left.norm + b.error) * a.error));
  }
  GramMatrix lb = gram_matrix(b.range, context);
  GramMatrix la = gram_matrix(a.range, context);
  if (!dominate(lb, gram_error(b.range, lb), context)) return kInfinity;
  if (!dominate(la, gram_error(a.range, la), context)) return kInfinity;

  // C = L_A^T L_B, both lower triangular and column-major; |C_computed - C|_F <= gamma_r |L_A|_F |L_B|_F.
  auto c = context.scratch<double>(static_cast<std::size_t>(r * r));
  std::fill(c.begin(), c.end(), 0.0);
  {
    const SerialBlas serial;
    const int n = static_cast<int>(r);
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, n, n, n, 1.0, la.values.data(), n, lb.values.data(), n, 1.0,
                c.data(), n);
  }
  const auto norm_of = [](const GramMatrix& l) {
    return norm_range(std::span<const double>(l.values.data(), l.values.size())).upper;
  };
  const double rounding = round_up(gamma(r) * norm_of(la) * norm_of(lb) + static_cast<double>(r * r) * 0x1p-1074);
  ScannedMatrix inner(stored_matrix(c.data(), r, r), context);
  const InRange& range = inner.in_range(context);
  double norm = 0;
  if (range.facts.max_abs > 0) {
    GramMatrix g = gram_matrix(range, context);
    ProofOptions options;
    options.random = limits.random;
    norm = upper_of(scaled(prove(range, g, options, context), range.factor));
  }
  // |N| = unit |B A| and B A = (unit_b B' + E_b)(unit_a A' + E_a), the norms of the parts bounding those of B' and A'.
  // One factor at a time, so that underflow loses less than rounding up adds.
  const double formed = round_up(round_up((norm + rounding) * (b.unit / lb.scale)) * (a.unit / la.scale));
  return round_up(product.unit * (formed + b.error * right.norm + (left.norm + b.error) * a.error));
}

namespace {

// D S or S D, for a diagonal D and a selection S.
bool is_weighted_selection(const Expression& e) {
  if (e.kind != Kind::product) return false;
  const Expression& left = e.parts[0];
  const Expression& right = e.parts[1];
  if (left.kind == Kind::diagonal) return right.kind == Kind::selection && !right.transposed;
  return left.kind == Kind::selection && !left.transposed && right.kind == Kind::diagonal;
}

// With at most one entry in a row, (D S)^T (D S) is diagonal: entry j is the sum of d_i^2 over the copies i of x_j. For
// S D it is d_j^2 for each copy. Sums of c squares of numbers of at most 1 are wrong by gamma_{c+1}, and by the
// underflow of each.
Ends ends_of_weighted_selection(const Expression& e) {
  const bool diagonal_first = e.parts[0].kind == Kind::diagonal;
  const Expression& d = e.parts[diagonal_first ? 0 : 1];
  const SelectedEntries& entries = *e.parts[diagonal_first ? 1 : 0].selected;
  std::vector<double> squares(static_cast<std::size_t>(entries.inputs()), 0.0);
  for (std::int64_t i = 0; i < entries.size(); ++i) {
    const std::int64_t j = entries.at(i);
    if (j < 0) continue;
    const double weight = d.is_identity() ? 1 : (*d.diagonal)[static_cast<std::size_t>(diagonal_first ? i : j)];
    squares[static_cast<std::size_t>(j)] += weight * weight;
  }
  const double largest = *std::max_element(squares.begin(), squares.end());
  const double copies = static_cast<double>(entries.most_copies());
  const double relative = gamma(entries.most_copies() + 1);
  const double lost = copies * 0x1p-1072;
  const double lower = larger_of(largest * (1 - relative) - lost, 0.0);
  return {round_down(round_down(std::sqrt(lower)) * e.unit),
          round_up(round_up(std::sqrt(largest * (1 + relative) + lost)) * e.unit)};
}

}  // namespace

bool has_factors(const Expression& e) {
  return e.kind == Kind::diagonal || e.kind == Kind::selection || e.kind == Kind::kronecker || is_weighted_selection(e);
}

// Every singular value of A (x) B is a product of one of A and one of B, so that the largest ones multiply.
Ends ends_of_factors(const Expression& e, const Limits& limits, Context& context) {
  const FloatingEnvironment environment;
  context.check_cancel();
  switch (e.kind) {
    case Kind::zero: return {};
    case Kind::diagonal: return {e.norm, e.norm};
    case Kind::selection: {
      const auto copies = static_cast<double>(e.selected->most_copies());
      return {copies > 1 ? round_down(std::sqrt(copies)) : copies, e.norm};
    }
    case Kind::kronecker: {
      const Ends left = ends_of_factors(e.parts[0], limits, context);
      const Ends right = ends_of_factors(e.parts[1], limits, context);
      for (const auto& [one, other] : {std::pair(left, right), std::pair(right, left)}) {
        // By a power of two: exact.
        if (one.lower == 1 && one.upper == 1) return {other.lower * e.unit, other.upper * e.unit};
      }
      return {round_down(left.lower * right.lower * e.unit), round_up(left.upper * right.upper * e.unit)};
    }
    case Kind::scaled: {
      const Ends of = ends_of_factors(e.parts[0], limits, context);
      return {round_down(of.lower * std::fabs(e.factor)), round_up(of.upper * std::fabs(e.factor))};
    }
    default: break;
  }
  if (is_weighted_selection(e)) return ends_of_weighted_selection(e);
  if (!is_provable(e, limits)) return {0, algebraic_upper_bound(e, limits, context)};
  const Enclosure proven = prove(e, {}, limits, context).sigma_max;
  return {proven.lower.value(), proven.upper ? smaller_of(proven.upper->value(), e.norm) : e.norm};
}

double algebraic_upper_bound(const Expression& e, const Limits& limits, Context& context) {
  const FloatingEnvironment environment;
  if (e.is_zero()) return 0;
  context.check_cancel();
  if (has_factors(e)) return ends_of_factors(e, limits, context).upper;
  if (is_provable(e, limits)) return upper_of(prove(e, {}, limits, context));
  // |s| sigma_max(A), for any bound of A: bounds of both are not needed.
  if (e.kind == Kind::scaled) {
    return round_up(std::fabs(e.factor) * algebraic_upper_bound(e.parts[0], limits, context));
  }
  CollatzOptions steps;
  steps.persist = true;
  double bound = collatz_upper_bound(e, {}, steps, context);
  std::vector<double> parts;
  if (e.kind == Kind::product) bound = smaller_of(bound, inner_upper_bound(e, limits, context));
  for (const Expression& part : e.parts) parts.push_back(algebraic_upper_bound(part, limits, context));
  const auto weighted = [&](std::size_t i) {
    return e.parts[i].is_zero() ? 0.0 : parts[i] * power_up(e.shift(e.parts[i]));
  };
  switch (e.kind) {
    case Kind::zero:
    case Kind::stored:
    case Kind::diagonal:
    case Kind::selection:
    case Kind::kronecker:
    case Kind::scaled: break;
    case Kind::convolution: {
      const double width = larger_of(limits.relative_width, kWidthOfSymbols);
      return smaller_of(bound,
                        round_up(e.unit * symbol_upper_bound(e.leaf, *e.correlation, width, kFlopsOfSymbols, context)));
    }
    case Kind::sum: {
      double sum = 0;
      for (std::size_t i = 0; i < parts.size(); ++i) sum = round_up(sum + weighted(i));
      return smaller_of(bound, sum);
    }
    case Kind::product: return smaller_of(bound, round_up(e.unit * parts[0] * parts[1]));
    case Kind::below:
    case Kind::beside: {
      double square = 0;
      for (std::size_t i = 0; i < parts.size(); ++i) square = round_up(square + weighted(i) * weighted(i));
      return smaller_of(bound, round_up(std::sqrt(square)));
    }
  }
  return bound;
}

}  // namespace sigmax::bounds
