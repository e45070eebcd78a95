#include "sigmax/bounds/certify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/bounds/collatz.hpp"
#include "sigmax/bounds/composite.hpp"
#include "sigmax/bounds/expression.hpp"
#include "sigmax/bounds/probabilistic.hpp"
#include "sigmax/bounds/proof.hpp"
#include "sigmax/bounds/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/svd/christoffel.hpp"

namespace sigmax {
namespace {

using bounds::Expression;
using bounds::Measured;
using bounds::Proof;

// The hint's vector in double, moved by a power of two so that its largest entry is in [1/2, 1). Empty where it is of
// no use: zero, or not finite.
template <Real T>
std::vector<double> vector_of(const SvdResult<T>& hint) {
  const std::span<const T> from = hint.v.column(0);
  std::vector<double> x(from.begin(), from.end());
  double largest = 0;
  for (const double value : x) largest = std::isfinite(value) ? std::fmax(largest, std::fabs(value)) : HUGE_VAL;
  if (!(largest > 0) || !std::isfinite(largest)) return {};
  const int exponent = -std::ilogb(largest) - 1;
  for (double& value : x) value = std::ldexp(value, exponent);
  return x;
}

// `norm`: what the products round relatively to, if that may be more than sigma_max.
template <Real T>
std::optional<UpperBound> probable_upper(const LinearOperator<T>& a, const SvdResult<T>& hint,
                                         const CertifyOptions& options, double norm) {
  if (hint.recurrences.empty()) return std::nullopt;
  std::vector<LanczosRecurrence> recurrences = hint.recurrences;
  for (LanczosRecurrence& recurrence : recurrences) {
    if (std::same_as<T, float>) recurrence.unit_roundoff = std::max(recurrence.unit_roundoff, 0x1p-24);
  }
  const Shape shape = a.shape();
  const UpperBound upper = bounds::probabilistic_upper_bound(recurrences, hint.scale, options.failure_probability,
                                                             shape.rows + shape.columns, norm);
  if (!std::isfinite(upper.value())) return std::nullopt;
  return upper;
}

// Whether the products with T stay so far within its range that no underflow or overflow on the way falsifies a
// recurrence: every node's size is within 2^+-60 for float, 2^+-700 for double.
template <Real T>
bool is_moderate(const Expression& e) {
  constexpr std::int64_t kMost = std::same_as<T, float> ? 60 : 700;
  if (e.norm > 0 && std::abs(e.exponent) > kMost) return false;
  return std::all_of(e.parts.begin(), e.parts.end(), is_moderate<T>);
}

// The smaller one; a probable end below what is proven to be reached is a failure of its start, and dropped.
void take(Enclosure& enclosure, const std::optional<UpperBound>& probable) {
  if (!probable || probable->value() < enclosure.lower.value()) return;
  if (!enclosure.upper || probable->value() < enclosure.upper->value()) enclosure.upper = probable;
}

bool admits_probable(const CertifyOptions& options) {
  return options.method == CertifyMethod::automatic || options.method == CertifyMethod::probabilistic;
}

// |A v| / |v| as the operator computes A v.
template <Real T>
Enclosure of_products(const LinearOperator<T>& a, const std::vector<double>& x, Context& context) {
  Enclosure enclosure{Proof::lower(0), std::nullopt};
  if (x.empty()) return enclosure;
  std::vector<T> in(x.begin(), x.end());
  std::vector<T> out(static_cast<std::size_t>(a.shape().rows));
  a.apply(std::span<const T>(in), std::span<T>(out), context);
  const std::vector<double> image(out.begin(), out.end());
  const bounds::NormRange norm = bounds::norm_range(image);
  if (!std::isfinite(norm.upper)) return enclosure;
  const bounds::NormRange length = bounds::norm_range(x);
  enclosure.lower = bounds::widened_lower(
      bounds::round_down(std::ldexp(bounds::round_down(norm.lower / length.upper), norm.exponent - length.exponent)));
  return enclosure;
}

// |N x| / |x|, with the rounding of the whole tree.
LowerBound of_image(const Expression& e, const std::vector<double>& x, Context& context) {
  if (x.empty()) return Proof::lower(0);
  const bounds::Image y = bounds::image(e, x, false, context);
  const bounds::NormRange norm = bounds::norm_range(y.values);
  const bounds::NormRange length = bounds::norm_range(x);
  if (!std::isfinite(norm.upper) || !std::isfinite(y.error)) return Proof::lower(0);
  const double reached = bounds::round_down(std::ldexp(norm.lower, norm.exponent)) - y.error;
  return bounds::widened_lower(bounds::round_down(std::fmax(reached, 0.0) / length.upper));
}

// What a factorization would reach, relatively: a cheap bound that is as tight makes it needless.
double width_of_proof(const Expression& e) {
  const double k = static_cast<double>(std::min(e.rows, e.columns));
  const double n = static_cast<double>(std::max(e.rows, e.columns));
  return (k * (k + 9) + 4 * n) * bounds::kUnitRoundoff + 0x1p-46;
}

// Bounds in the order of their cost, until one is tight enough.
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
    if (!(e_.norm > 0)) return bounds::zero_enclosure();
    if (may_factor() && options_.relative_width == 0 && x_.empty()) return factored();
    enclosure_.lower = of_image(e_, x_, context_);
    enclosure_.upper = Proof::proven(bounds::widened_upper(e_.norm));
    if (is_enough()) return enclosure_;
    collatz();
    if (is_enough() || options_.method == CertifyMethod::cheapest) return enclosure_;
    if (may_factor()) return factored();
    const bool wants_parts = options_.method != CertifyMethod::probabilistic && e_.kind != Expression::Kind::stored;
    if (wants_parts) offer(bounds::algebraic_upper_bound(e_, limits_, context_));
    return enclosure_;
  }

  bool may_factor() const {
    const bool wanted = options_.method == CertifyMethod::automatic || options_.method == CertifyMethod::proven;
    return wanted && bounds::is_provable(e_, limits_);
  }

 private:
  bool is_enough() const {
    return enclosure_.relative_width() <= std::max(options_.relative_width, width_of_proof(e_));
  }

  void offer(double upper) {
    const double value = bounds::widened_upper(upper);
    if (value < enclosure_.upper->value()) enclosure_.upper = Proof::proven(value);
  }

  void collatz() {
    bounds::CollatzOptions steps;
    steps.lower = enclosure_.lower.value();
    steps.width = std::max(options_.relative_width, width_of_proof(e_));
    // Where nothing better can follow, the best that a few reads can do.
    steps.persist = !may_factor();
    offer(bounds::collatz_upper_bound(e_, x_, steps, context_));
  }

  Enclosure factored() {
    const bool narrow_product = e_.kind == Expression::Kind::product;
    if (narrow_product) {
      offer(bounds::inner_upper_bound(e_, limits_, context_));
      if (is_enough()) return enclosure_;
    }
    const Enclosure proven = bounds::prove(e_, x_, limits_, context_).sigma_max;
    if (proven.lower.value() > enclosure_.lower.value()) enclosure_.lower = proven.lower;
    if (proven.upper && proven.upper->value() < enclosure_.upper->value()) enclosure_.upper = proven.upper;
    return enclosure_;
  }

  const Expression& e_;
  const std::vector<double>& x_;
  const CertifyOptions& options_;
  Context& context_;
  bounds::Limits limits_;
  Enclosure enclosure_{Proof::lower(0), Proof::proven(std::numeric_limits<double>::infinity())};
};

// sigma_max(s A) = |s| sigma_max(A): factors at the root need no forming.
struct Peeled {
  const Expression* e;
  double lower = 1;
  double upper = 1;
  std::int64_t exponent = 0;
};

Peeled peel(const Expression& e) {
  Peeled peeled{&e};
  while (peeled.e->kind == Expression::Kind::scaled && peeled.e->norm > 0) {
    const Expression& outer = *peeled.e;
    const double magnitude = std::fabs(outer.factor);
    const bool exact = outer.is_power_of_two();
    peeled.lower = exact ? peeled.lower * magnitude : bounds::round_down(peeled.lower * magnitude);
    peeled.upper = exact ? peeled.upper * magnitude : bounds::round_up(peeled.upper * magnitude);
    peeled.e = &outer.parts[0];
    peeled.exponent += outer.exponent - peeled.e->exponent;
  }
  return peeled;
}

}  // namespace

template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint, const CertifyOptions& options,
                  Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[certify] an operator without entries, {}x{}", shape.rows, shape.columns));
  }
  if (hint.v.rows() != shape.columns || hint.v.columns() < 1) {
    throw Error(fmt::format("[certify] the hint has {} vectors of {} entries for {} columns: pass what svd() returned",
                            hint.v.columns(), hint.v.rows(), shape.columns));
  }
  if (!(options.relative_width >= 0)) {
    throw Error(fmt::format("[certify] relative_width must not be negative, got {}", options.relative_width));
  }
  check_failure_probability("certify", options.failure_probability);
  const std::vector<double> x = vector_of(hint);
  const std::optional<Expression> e = bounds::take_apart(a, context);
  if (!e) {
    Enclosure enclosure = of_products(a, x, context);
    if (admits_probable(options)) take(enclosure, probable_upper(a, hint, options, 0));
    return enclosure;
  }
  const Peeled peeled = peel(*e);
  Certifier certifier(*peeled.e, x, options, hint.random, context);
  Enclosure enclosure = certifier.run();
  if (peeled.upper != 1 && enclosure.upper->value() > 0) {
    enclosure = {bounds::widened_lower(enclosure.lower.value() * peeled.lower),
                 Proof::proven(bounds::widened_upper(enclosure.upper->value() * peeled.upper))};
  }
  enclosure = bounds::scaled(Measured{enclosure, 0}, peeled.e->exponent + peeled.exponent).sigma_max;
  const bool is_open = !certifier.may_factor() && enclosure.relative_width() > options.relative_width;
  if (is_open && admits_probable(options) && is_moderate<T>(*e)) {
    // Sums and products of parts round relatively to the parts, which may cancel.
    const bool cancels = peeled.e->kind != Expression::Kind::stored;
    const double norm = cancels ? std::ldexp(e->norm, static_cast<int>(e->exponent)) : 0;
    take(enclosure, probable_upper(a, hint, options, norm));
  }
  return enclosure;
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
template Enclosure certify<double>(const LinearOperator<double>&, const SvdResult<double>&);

}  // namespace sigmax
