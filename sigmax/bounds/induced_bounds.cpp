#include "sigmax/bounds/induced_bounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sigmax/bounds/enclose.hpp"
#include "sigmax/bounds/induced_proof/collatz_step.hpp"
#include "sigmax/bounds/induced_proof/interpolation.hpp"
#include "sigmax/bounds/induced_proof/line_norms.hpp"
#include "sigmax/bounds/induced_proof/near_matrix.hpp"
#include "sigmax/bounds/induced_proof/quotient.hpp"
#include "sigmax/bounds/induced_proof/scaling.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/operator_proof/expression.hpp"
#include "sigmax/bounds/powers.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"

namespace sigmax::bounds {
namespace {

void require_exponents(double p, double q) {
  if (p >= 1 && q >= 1) return;
  throw Error(fmt::format("[InducedBounds] p and q must be at least 1, got {} and {}", p, q));
}

void require_length(const char* what, std::size_t length, std::int64_t wanted) {
  if (static_cast<std::int64_t>(length) == wanted) return;
  throw Error(fmt::format("[InducedBounds] {} has {} entries, expected {}", what, length, wanted));
}

UpperBound upper_bound(double value, double failure) {
  return failure > 0 ? Proof::probabilistic(value, failure) : Proof::proven(value);
}

// At least |E|_{p->q} for any E of that Frobenius norm: |E|_{p->q} <= n^max(1/2 - 1/p, 0) m^max(1/q - 1/2, 0) |E|_2,
// taken with the exponent 1/2 wherever it is not 0.
double of_error(const NearMatrix& m, double p, double q) {
  const double columns = p > 2 ? std::sqrt(static_cast<double>(m.columns)) : 1;
  const double rows = q < 2 ? std::sqrt(static_cast<double>(m.rows)) : 1;
  return m.error > 0 ? round_up(m.error * columns * rows) : 0;
}

}  // namespace

std::string_view message(InducedProof proof) {
  switch (proof) {
    case InducedProof::none: return "none";
    case InducedProof::zero: return "zero";
    case InducedProof::columns: return "columns";
    case InducedProof::rows: return "rows";
    case InducedProof::sigma_max: return "sigma_max";
    case InducedProof::collatz: return "collatz";
    case InducedProof::scaling: return "scaling";
    case InducedProof::interpolation: return "interpolation";
    case InducedProof::comparison: return "comparison";
  }
  return "";
}

namespace {

struct Upper {
  double value = kInfinity;
  double failure = 0;
  InducedProof proof = InducedProof::none;
};

}  // namespace

// Both ends are those of M. E enters once, in enclosure().
struct InducedBounds::State {
  State(NearMatrix matrix, double from, double to, Context& c) : m(std::move(matrix)), p(from), q(to), context(&c) {}

  NearMatrix m;
  double p;
  double q;
  Context* context;
  double lower = 0;
  Upper proven;
  Upper probable;
  std::optional<Bounded> sigma{};
  bool has_tried_sigma = false;

  // A probabilistic end below the lower end is refuted: its random start has failed.
  const Upper& best() const { return probable.value < proven.value && probable.value >= lower ? probable : proven; }
};

InducedBounds::InducedBounds(std::unique_ptr<State> state) : state_(std::move(state)) { offer_if_zero(); }

InducedBounds::InducedBounds(ScannedMatrix& a, double p, double q, Context& context) {
  const FloatingEnvironment environment;
  require_exponents(p, q);
  require_finite(a.facts(), "induced_norm");
  state_ = std::make_unique<State>(near_matrix(a, context), p, q, context);
  offer_if_zero();
}

template <Real T>
std::optional<InducedBounds> InducedBounds::of(const LinearOperator<T>& a, double p, double q,
                                               std::int64_t formed_up_to, Context& context) {
  const FloatingEnvironment environment;
  require_exponents(p, q);
  std::optional<NearMatrix> m = near_matrix(a, formed_up_to, context);
  if (!m) return std::nullopt;
  return InducedBounds(std::make_unique<State>(std::move(*m), p, q, context));
}

InducedBounds::InducedBounds(InducedBounds&&) noexcept = default;
InducedBounds& InducedBounds::operator=(InducedBounds&&) noexcept = default;
InducedBounds::~InducedBounds() = default;

const kernels::StoredMatrix& InducedBounds::matrix() const { return state_->m.range.matrix; }
bool InducedBounds::transposed() const { return state_->m.transposed; }
bool InducedBounds::is_zero() const { return state_->m.is_zero; }
std::int64_t InducedBounds::exponent() const { return state_->m.exponent; }
double InducedBounds::lower() const { return state_->lower; }
double InducedBounds::upper() const { return state_->best().value; }
InducedProof InducedBounds::proof() const { return state_->best().proof; }

// Then only E is left, if anything.
void InducedBounds::offer_if_zero() {
  const NearMatrix& m = state_->m;
  if (m.is_zero) offer(0, 0, m.error == 0 ? InducedProof::zero : InducedProof::comparison);
}

void InducedBounds::offer(double upper, double failure, InducedProof proof) {
  Upper& known = failure > 0 ? state_->probable : state_->proven;
  if (upper < known.value) known = {upper, failure, proof};
}

std::int64_t InducedBounds::lines() {
  const FloatingEnvironment environment;
  State& s = *state_;
  if (s.m.is_zero) return 0;
  const bool columns = s.p == 1 || s.m.columns == 1;
  if (!columns && s.q != kInfinity && s.m.rows != 1) return -1;
  const LargestLine found = columns ? largest_line(s.m, Line::column, s.q, *s.context)
                                    : largest_conjugate_line(s.m, Line::row, s.p, *s.context);
  s.lower = larger_of(s.lower, found.norm.lower);
  offer(found.norm.upper, 0, columns ? InducedProof::columns : InducedProof::rows);
  return found.index;
}

InducedBounds::Lines InducedBounds::largest_lines() const {
  const FloatingEnvironment environment;
  const State& s = *state_;
  return {largest_line(s.m, Line::column, s.q, *s.context).index,
          largest_conjugate_line(s.m, Line::row, s.p, *s.context).index};
}

void InducedBounds::sigma(const CertifyOptions& options) {
  const FloatingEnvironment environment;
  State& s = *state_;
  if (s.m.is_zero || s.p != 2 || s.q != 2) return;
  ScannedMatrix scanned(s.m.range.matrix, *s.context);
  const Enclosure found = enclose(scanned, options, *s.context).sigma_max;
  if (found.lower.certainty() == Certainty::proven) s.lower = larger_of(s.lower, found.lower.value());
  if (found.upper) offer(found.upper->value(), found.upper->failure_probability(), InducedProof::sigma_max);
}

void InducedBounds::vector(std::span<const double> x) {
  const FloatingEnvironment environment;
  State& s = *state_;
  require_length("x", x.size(), s.m.columns);
  s.lower = larger_of(s.lower, quotient_lower_bound(s.m, s.p, s.q, x, *s.context));
}

double InducedBounds::collatz(std::vector<double>& x) {
  const FloatingEnvironment environment;
  State& s = *state_;
  require_length("x", x.size(), s.m.columns);
  if (!(s.p >= s.q) || s.q == kInfinity) return kInfinity;
  CollatzStep step = collatz_step(s.m, s.p, s.q, x, *s.context);
  offer(step.upper, 0, InducedProof::collatz);
  x = std::move(step.next);
  return step.quotient;
}

void InducedBounds::scaling(std::span<const double> w, std::span<const double> v, const CertifyOptions& options) {
  const FloatingEnvironment environment;
  State& s = *state_;
  require_length("w", w.size(), s.m.rows);
  require_length("v", v.size(), s.m.columns);
  const auto found = scaled_upper_bound(s.m, s.p, s.q, w, v, options, *s.context);
  if (found) offer(found->upper, found->failure, InducedProof::scaling);
}

void InducedBounds::interpolation(const CertifyOptions& options) {
  const FloatingEnvironment environment;
  State& s = *state_;
  if (!s.has_tried_sigma && options.method != CertifyMethod::none) {
    s.sigma = spectral_upper_bound(s.m, options, *s.context);
  }
  s.has_tried_sigma = true;
  const Bounded found = interpolated_upper_bound(s.m, s.p, s.q, s.sigma, *s.context);
  offer(found.upper, found.failure, InducedProof::interpolation);
}

Enclosure InducedBounds::enclosure() const {
  const FloatingEnvironment environment;
  const State& s = *state_;
  if (s.m.is_zero && s.m.error == 0) return zero_enclosure();
  require_unchanged(s.m.range, *s.context);
  const double moved = of_error(s.m, s.p, s.q);
  const LowerBound lower = widened_lower(larger_of(s.lower - moved, 0.0));
  std::optional<UpperBound> upper;
  const Upper& best = s.best();
  if (best.value < kInfinity) upper = upper_bound(widened_upper(round_up(best.value + moved)), best.failure);
  return scaled(Measured{Proof::enclosure(lower, upper), s.lower}, s.m.exponent).sigma_max;
}

namespace {

// n^x for 0 <= x <= 1 from above, x evaluated with an error of a few u.
double power_above(std::int64_t n, double x) {
  if (x <= 0) return 1;
  return power_range(static_cast<double>(n), std::ceil(x * 0x1p50 + 2) * 0x1p-50).upper;
}

std::vector<double> magnitudes_of(std::vector<double> x) {
  for (double& value : x) value = std::isfinite(value) ? std::fabs(value) : kInfinity;
  return x;
}

// (|y|_q - error) / |x|_p for |y - A x|_q <= error. Nothing is known if an entry of y is not finite.
double quotient_of(std::vector<double> y, double error, std::span<const double> x, double p, double q) {
  const double length = p_norm_range(magnitudes_of({x.begin(), x.end()}), p).upper;
  const std::vector<double> image = magnitudes_of(std::move(y));
  const bool finite = std::all_of(image.begin(), image.end(), [](double value) { return value < kInfinity; });
  if (!(length > 0) || !(length < kInfinity) || !finite || !std::isfinite(error)) return 0;
  return round_down(larger_of(p_norm_range(image, q).lower - error, 0.0) / length);
}

// For a composite that is not formed: |y - N x|_2 <= error, and |.|_q <= m^max(1/q - 1/2, 0) |.|_2. An opaque operator
// stands for its products, as in certify().
template <Real T>
LowerBound lower_by_products(const LinearOperator<T>& a, double p, double q, std::span<const double> x,
                             Context& context) {
  if (const std::optional<Expression> e = take_apart(a, context)) {
    if (e->is_zero()) return Proof::lower(0);
    Image y = image(*e, x, false, context);
    const double error = round_up(y.error * power_above(e->rows, 1 / q - 0.5));
    const Enclosure own =
        Proof::enclosure(widened_lower(quotient_of(std::move(y.values), error, x, p, q)), std::nullopt);
    return scaled(Measured{own, own.lower.value()}, e->exponent).sigma_max.lower;
  }
  const std::vector<T> in(x.begin(), x.end());
  std::vector<T> out(static_cast<std::size_t>(a.shape().rows));
  a.apply(std::span<const T>(in), std::span<T>(out), context);
  const std::vector<double> rounded(in.begin(), in.end());
  return widened_lower(quotient_of({out.begin(), out.end()}, 0, rounded, p, q));
}

}  // namespace

template <Real T>
Enclosure enclosure_by_products(const LinearOperator<T>& a, double p, double q, std::span<const double> x,
                                const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require_exponents(p, q);
  require_length("x", x.size(), a.shape().columns);
  const LowerBound lower = lower_by_products(a, p, q, x, context);
  const Enclosure sigma = sigma_max(a, options, context);
  if (!sigma.upper) return Proof::enclosure(lower, std::nullopt);
  const double columns = power_above(a.shape().columns, 0.5 - 1 / p);
  const double upper = round_up(round_up(sigma.upper->value() * columns) * power_above(a.shape().rows, 1 / q - 0.5));
  if (!std::isfinite(upper)) return Proof::enclosure(lower, std::nullopt);
  return Proof::enclosure(lower, upper_bound(widened_upper(upper), sigma.upper->failure_probability()));
}

template std::optional<InducedBounds> InducedBounds::of<float>(const LinearOperator<float>&, double, double,
                                                               std::int64_t, Context&);
template std::optional<InducedBounds> InducedBounds::of<double>(const LinearOperator<double>&, double, double,
                                                                std::int64_t, Context&);
template Enclosure enclosure_by_products<float>(const LinearOperator<float>&, double, double, std::span<const double>,
                                                const CertifyOptions&, Context&);
template Enclosure enclosure_by_products<double>(const LinearOperator<double>&, double, double, std::span<const double>,
                                                 const CertifyOptions&, Context&);

}  // namespace sigmax::bounds
