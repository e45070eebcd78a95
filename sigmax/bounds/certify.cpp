#include "sigmax/bounds/certify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/probabilistic.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/operator_proof/collatz.hpp"
#include "sigmax/bounds/operator_proof/composite.hpp"
#include "sigmax/bounds/operator_proof/expression.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/svd/certificate_contents.hpp"
#include "sigmax/svd/christoffel.hpp"

namespace sigmax {
namespace {

using bounds::Expression;
using bounds::Measured;
using bounds::Proof;

// The hint's vector in double, moved by a power of two so that its largest entry is in [1/2, 1). Empty if it is
// unusable: zero, or not finite.
template <Real T>
std::vector<double> vector_of(const SvdResult<T>& hint) {
  const std::span<const T> from = hint.v.column(0);
  std::vector<double> x(from.begin(), from.end());
  double largest = 0;
  for (const double value : x) largest = std::isfinite(value) ? std::max(largest, std::fabs(value)) : HUGE_VAL;
  if (!(largest > 0) || !std::isfinite(largest)) return {};
  const int exponent = -std::ilogb(largest) - 1;
  for (double& value : x) value = std::ldexp(value, exponent);
  return x;
}

// Whether a recurrence has products in float: from an operator of floats, or from a solver that iterated in float.
template <Real T>
bool is_in_float(const SvdResult<T>& hint) {
  return std::same_as<T, float> ||
         std::ranges::any_of(contents(hint.certificate).recurrences,
                             [](const LanczosRecurrence& recurrence) { return recurrence.unit_roundoff > 0x1p-40; });
}

// `norm`: the magnitude that rounding errors of products are relative to, if that may be more than sigma_max.
template <Real T>
std::optional<UpperBound> probable_upper(Shape shape, const SvdResult<T>& hint, const CertifyOptions& options,
                                         double norm) {
  if (hint.certificate.empty()) return std::nullopt;
  std::vector<LanczosRecurrence> recurrences = contents(hint.certificate).recurrences;
  for (LanczosRecurrence& recurrence : recurrences) {
    if (std::same_as<T, float>) recurrence.unit_roundoff = std::max(recurrence.unit_roundoff, 0x1p-24);
  }
  return bounds::probabilistic_upper_bound(recurrences, contents(hint.certificate).scale, options.failure_probability,
                                           shape.rows + shape.columns, norm);
}

// Whether products with the operator, in float or in double, stay so far within the range that no underflow or overflow
// on the way falsifies a recurrence (docs/proofs.md, where the exponents are derived). svd() scales the vectors of an
// operator that is itself far from 1; this compensates for a stored matrix, but not for factors between other
// operators.
bool keeps_range(const Expression& e, bool in_float) {
  if (e.is_zero()) return true;
  if (e.kind == Expression::Kind::stored) return std::abs(e.exponent) <= (in_float ? 60 : 700);
  return bounds::reach(e) <= (in_float ? 20 : 200);
}

// Nothing is known about the inside of an opaque part. The claim is about the operator's products as they are computed.
// But if a solver iterated in float, its products were those of a different operator: one that differs by the rounding
// of float where the opaque part is the whole operator, a term, or a part of a stack, and by an unknown amount where it
// is inside a product or a multiple.
template <Real T>
bool hides_in_products(const LinearOperator<T>& a, bool within = false) {
  const auto any = [&](const auto& parts, bool inside) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const Operator<T>& part) { return hides_in_products(*part, inside); });
  };
  return std::visit(
      [&](const auto& s) {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::same_as<S, structure::Opaque>) return within;
        if constexpr (std::same_as<S, structure::Sum<T>>) return any(s.terms, within);
        if constexpr (std::same_as<S, structure::Kronecker<T>>) return any(s.factors, true);
        if constexpr (std::same_as<S, structure::Stacked<T>>) return any(s.parts, within);
        if constexpr (std::same_as<S, structure::Transposed<T>>) return hides_in_products(*s.of, within);
        if constexpr (std::same_as<S, structure::Scaled<T>>) return hides_in_products(*s.of, true);
        if constexpr (std::same_as<S, structure::Product<T>>) {
          return hides_in_products(*s.left, true) || hides_in_products(*s.right, true);
        }
        return false;
      },
      a.structure());
}

// The smaller upper end. A probabilistic end below the proven lower end means that its random start failed; it is
// dropped.
Enclosure with_probable(const Enclosure& enclosure, const std::optional<UpperBound>& probable) {
  if (!probable || !(probable->value() >= enclosure.lower.value())) return enclosure;
  if (enclosure.upper && enclosure.upper->value() <= probable->value()) return enclosure;
  return Proof::enclosure(enclosure.lower, probable);
}

// |A v| / |v| as the operator computes A v.
template <Real T>
LowerBound of_products(const LinearOperator<T>& a, const std::vector<double>& x, Context& context) {
  if (x.empty()) return Proof::lower(0);
  std::vector<T> in(x.begin(), x.end());
  std::vector<T> out(static_cast<std::size_t>(a.shape().rows));
  a.apply(std::span<const T>(in), std::span<T>(out), context);
  const std::vector<double> image(out.begin(), out.end());
  const bounds::NormRange norm = bounds::norm_range(image);
  if (!std::isfinite(norm.upper)) return Proof::lower(0);
  const bounds::NormRange length = bounds::norm_range(x);
  return bounds::widened_lower(
      bounds::round_down(std::ldexp(bounds::round_down(norm.lower / length.upper), norm.exponent - length.exponent)));
}

// |N x| / |x|, with the rounding of the whole tree.
LowerBound of_image(const Expression& e, const std::vector<double>& x, Context& context) {
  if (x.empty()) return Proof::lower(0);
  const bounds::Image y = bounds::image(e, x, false, context);
  const bounds::NormRange norm = bounds::norm_range(y.values);
  const bounds::NormRange length = bounds::norm_range(x);
  if (!std::isfinite(norm.upper) || !std::isfinite(y.error)) return Proof::lower(0);
  const double reached = bounds::round_down(std::ldexp(norm.lower, norm.exponent)) - y.error;
  return bounds::widened_lower(bounds::round_down(bounds::larger_of(reached, 0.0) / length.upper));
}

// The relative width that a factorization would reach: a cheap bound that is as tight makes the factorization
// unnecessary.
double width_of_proof(const Expression& e) {
  const double k = static_cast<double>(std::min(e.rows, e.columns));
  const double n = static_cast<double>(std::max(e.rows, e.columns));
  return (k * (k + 9) + 4 * n) * bounds::kUnitRoundoff + 0x1p-46;
}

// An enclosure of this relative width is not replaced by a probabilistic one.
constexpr double kNarrow = 0x1p-20;

// Computes bounds in the order of their cost, until one is tight enough.
class Certifier {
 public:
  Certifier(const Expression& e, const std::vector<double>& x, const CertifyOptions& options, const RandomState& random,
            Context& context)
      : e_(e), x_(x), options_(options), context_(context) {
    limits_.shorter = options.proven_up_to;
    limits_.entries = options.formed_up_to;
    limits_.relative_width = options.relative_width;
    limits_.random = random;
  }

  Enclosure run() {
    if (e_.is_zero()) return bounds::zero_enclosure();
    look();
    return Proof::enclosure(lower_, Proof::proven(upper_));
  }

  /// Whether no other bound can improve the ends by much.
  bool is_closed() const { return closed_ || may_factor(); }

 private:
  bool may_factor() const { return options_.admits_factorization() && bounds::is_provable(e_, limits_); }

  void look() {
    if (bounds::has_factors(e_) && options_.admits_factorization()) by_factors();
    if (closed_) return;
    if (may_factor() && options_.relative_width == 0 && x_.empty()) return factor();
    if (const LowerBound reached = of_image(e_, x_, context_); reached.value() > lower_.value()) lower_ = reached;
    if (options_.method == CertifyMethod::none) return;
    offer(e_.norm);
    if (is_enough()) return;
    collatz();
    if (is_enough() || options_.method == CertifyMethod::cheapest) return;
    if (may_factor()) return factor();
    const bool wants_parts = options_.method != CertifyMethod::probabilistic && e_.kind != Expression::Kind::stored;
    if (wants_parts) offer(bounds::algebraic_upper_bound(e_, limits_, context_));
  }

  bool is_enough() const {
    return upper_ - lower_.value() <= std::max(options_.relative_width, width_of_proof(e_)) * upper_;
  }

  void offer(double upper) { upper_ = bounds::smaller_of(upper_, bounds::widened_upper(upper)); }

  void collatz() {
    bounds::CollatzOptions steps;
    steps.lower = lower_.value();
    steps.width = std::max(options_.relative_width, width_of_proof(e_));
    // If no better bound can follow, take the best that a few reads can give.
    steps.persist = !may_factor();
    offer(bounds::collatz_upper_bound(e_, x_, steps, context_));
  }

  // sigma_max from those of the factors. Their ends are as close as proofs can be, unless a factor is too large.
  void by_factors() {
    const bounds::Ends ends = bounds::ends_of_factors(e_, limits_, context_);
    bounds::require_unchanged(e_, context_);
    lower_ = bounds::widened_lower(ends.lower);
    offer(ends.upper);
    closed_ = upper_ - lower_.value() <= std::max(options_.relative_width, kNarrow) * upper_;
  }

  // Checking that the matrix is unchanged is cheap compared with a factorization.
  void factor() {
    if (e_.kind == Expression::Kind::product) {
      offer(bounds::inner_upper_bound(e_, limits_, context_));
      if (is_enough()) return bounds::require_unchanged(e_, context_);
    }
    const Enclosure proven = bounds::prove(e_, x_, limits_, context_).sigma_max;
    bounds::require_unchanged(e_, context_);
    if (proven.lower.value() > lower_.value()) lower_ = proven.lower;
    if (proven.upper) upper_ = bounds::smaller_of(upper_, proven.upper->value());
  }

  const Expression& e_;
  const std::vector<double>& x_;
  const CertifyOptions& options_;
  Context& context_;
  bounds::Limits limits_;
  LowerBound lower_ = Proof::lower(0);
  double upper_ = std::numeric_limits<double>::infinity();
  bool closed_ = false;
};

// sigma_max(s A) = |s| sigma_max(A): factors at the root need not be formed. The operator's norm is between `lower` and
// `upper` times 2^exponent |e|.
struct Peeled {
  const Expression* e;
  double lower = 1;
  double upper = 1;
  std::int64_t exponent = 0;
};

// N = factor N_0. The operator stays 2^exponent N for any number of peeled factors: only the power of two of their
// product moves to the exponent.
Peeled peel(const Expression& root) {
  Peeled peeled{&root};
  peeled.exponent = root.exponent;
  while (peeled.e->kind == Expression::Kind::scaled) {
    const double magnitude = std::fabs(peeled.e->factor);
    const bool exact = peeled.e->is_power_of_two();
    peeled.lower = exact ? peeled.lower * magnitude : bounds::round_down(peeled.lower * magnitude);
    peeled.upper = exact ? peeled.upper * magnitude : bounds::round_up(peeled.upper * magnitude);
    const int exponent = std::ilogb(peeled.upper);
    peeled.lower = std::ldexp(peeled.lower, -exponent);
    peeled.upper = std::ldexp(peeled.upper, -exponent);
    peeled.exponent += exponent;
    peeled.e = &peeled.e->parts[0];
  }
  return peeled;
}

Enclosure put_back(const Enclosure& inner, const Peeled& peeled) {
  Enclosure enclosure = inner;
  if (peeled.upper != 1 && !inner.upper) {
    enclosure = Proof::enclosure(bounds::widened_lower(inner.lower.value() * peeled.lower), std::nullopt);
  } else if (peeled.upper != 1 && inner.upper->value() > 0) {
    enclosure = Proof::enclosure(bounds::widened_lower(inner.lower.value() * peeled.lower),
                                 Proof::proven(bounds::widened_upper(inner.upper->value() * peeled.upper)));
  }
  return bounds::scaled(Measured{enclosure, 0}, peeled.exponent).sigma_max;
}

void check(const CertifyOptions& options) {
  if (!(options.relative_width >= 0)) {
    throw Error(fmt::format("[certify] relative_width must not be negative, got {}", options.relative_width));
  }
  check_failure_probability("certify", options.failure_probability);
}

template <Real T>
void check(Shape shape, const SvdResult<T>& hint, const CertifyOptions& options) {
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[certify] the operator is empty, {}x{}", shape.rows, shape.columns));
  }
  if (hint.v.rows() != shape.columns || hint.v.columns() < 1) {
    throw Error(fmt::format("[certify] the hint has {} vectors of {} entries for {} columns: pass what svd() returned",
                            hint.v.columns(), hint.v.rows(), shape.columns));
  }
  check(options);
}

// Whether certify_factors() is worth a read of the operator's matrices.
template <Real T>
bool seems_of_factors(const LinearOperator<T>& a) {
  return std::visit(
      [](const auto& s) {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::same_as<S, structure::Scaled<T>> || std::same_as<S, structure::Transposed<T>>) {
          return seems_of_factors(*s.of);
        }
        if constexpr (std::same_as<S, structure::Product<T>>) {
          return std::holds_alternative<structure::Diagonal>(s.left->structure()) ||
                 std::holds_alternative<structure::Diagonal>(s.right->structure());
        }
        return std::same_as<S, structure::Diagonal> || std::same_as<S, structure::Selection> ||
               std::same_as<S, structure::Kronecker<T>>;
      },
      a.structure());
}

template <Real T>
Enclosure by_structure(const Expression& e, const std::vector<double>& x, const SvdResult<T>& hint,
                       const CertifyOptions& options, Context& context) {
  const Peeled peeled = peel(e);
  Certifier certifier(*peeled.e, x, options, options.random.value_or(hint.state.random), context);
  const Enclosure proven = put_back(certifier.run(), peeled);
  const bool is_open = !certifier.is_closed() && proven.relative_width() > options.relative_width;
  if (!is_open || !options.admits_probable() || !keeps_range(e, is_in_float(hint))) return proven;
  // Rounding errors of sums and products are relative to the parts, which may cancel.
  const bool cancels = peeled.e->kind != Expression::Kind::stored;
  const double norm = cancels ? bounds::times_power(e.norm, e.exponent) : 0;
  return with_probable(proven, probable_upper({e.rows, e.columns}, hint, options, norm));
}

}  // namespace

template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint, const CertifyOptions& options,
                  Context& context) {
  const FloatingEnvironment environment;
  check(a.shape(), hint, options);
  const std::vector<double> x = vector_of(hint);
  const std::optional<Expression> e = bounds::take_apart(a, context);
  if (e) return by_structure(*e, x, hint, options, context);
  const Enclosure reached = Proof::enclosure(of_products(a, x, context), std::nullopt);
  const bool foreign = std::same_as<T, double> && is_in_float(hint) && hides_in_products(a);
  if (!options.admits_probable() || foreign) return reached;
  return with_probable(reached, probable_upper(a.shape(), hint, options, 0));
}

template <Real T>
std::optional<Enclosure> certify_factors(const LinearOperator<T>& a, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(options);
  const Shape shape = a.shape();
  if (shape.rows < 1 || shape.columns < 1 || !options.admits_factorization() || !seems_of_factors(a)) {
    return std::nullopt;
  }
  const std::optional<Expression> e = bounds::take_apart(a, context);
  if (!e) return std::nullopt;
  const Peeled peeled = peel(*e);
  if (!peeled.e->is_zero() && !bounds::has_factors(*peeled.e)) return std::nullopt;
  const std::vector<double> none;
  Certifier certifier(*peeled.e, none, options, given_or_drawn(options.random), context);
  const Enclosure proven = certifier.run();
  if (!peeled.e->is_zero() && !certifier.is_closed()) return std::nullopt;
  return put_back(proven, peeled);
}

Enclosure certify(ScannedMatrix& a, const SvdResult<double>& hint, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const StoredView& view = a.view();
  const Shape stored{view.matrix.rows, view.matrix.columns};
  check(view.transposed ? Shape{stored.columns, stored.rows} : stored, hint, options);
  return by_structure(bounds::stored(a, context), vector_of(hint), hint, options, context);
}

template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint) {
  const FloatingEnvironment environment;
  Context context;
  return certify(a, hint, CertifyOptions{}, context);
}

template Enclosure certify<float>(const LinearOperator<float>&, const SvdResult<float>&, const CertifyOptions&,
                                  Context&);
template Enclosure certify<double>(const LinearOperator<double>&, const SvdResult<double>&, const CertifyOptions&,
                                   Context&);
template Enclosure certify<float>(const LinearOperator<float>&, const SvdResult<float>&);
template std::optional<Enclosure> certify_factors<float>(const LinearOperator<float>&, const CertifyOptions&, Context&);
template std::optional<Enclosure> certify_factors<double>(const LinearOperator<double>&, const CertifyOptions&,
                                                          Context&);
template Enclosure certify<double>(const LinearOperator<double>&, const SvdResult<double>&);

}  // namespace sigmax
