#include "sigmax/norms/equivalence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/equivalence/extremal_norms.hpp"
#include "sigmax/norms/equivalence/hadamard.hpp"
#include "sigmax/norms/equivalence/norm_form.hpp"
#include "sigmax/norms/exponent.hpp"

namespace sigmax::norms {
namespace {

using Kind = NormForm::Kind;
// Constants are products of a few powers: a matrix that attains one agrees with it to far less than this, and the
// constants of two different inequalities differ by more.
constexpr double kEqual = 1e-12;

bool is_conjugate(double p, double q) { return std::fabs(1 / p + 1 / q - 1) < kEqual; }

// sup |x|_p / |x|_s over vectors of n entries.
double power_mean(double n, double p, double s) { return p < s ? std::pow(n, 1 / p - 1 / s) : 1; }

// The inequalities. Each function gives f with |A|_b <= f |A|_a, or infinity where it does not apply.

// Singular values in descending order: those beyond the l-th are at most the l-th, and the maximum over the first l of
// them is at one or at all being equal.
double between_ky_fan(const NormForm& b, const NormForm& a) {
  const auto k = static_cast<double>(b.k);
  const auto l = static_cast<double>(std::min(a.k, b.k));
  return std::max(1.0, root_of(k, b.p) / root_of(l, a.p));
}

// L_{p,q}, `inner` the number of entries of a line and `outer` the number of lines.
double between_lines(const NormForm& b, const NormForm& a, double inner, double outer) {
  return power_mean(inner, b.p, a.p) * power_mean(outer, b.q, a.q);
}

// Columns against rows: Minkowski's inequality, and the extreme points of a unit ball that is a product of those of
// |.|_1. `lines` of |b| have `inner` entries.
double across_lines(const NormForm& b, const NormForm& a, double inner, double lines) {
  double best = kInfinity;
  if (b.p <= b.q && a.p == b.q && a.q == b.p) best = 1;
  if (a.p == 1 && std::isinf(a.q)) {
    const auto whole = static_cast<std::int64_t>(inner);
    const std::int64_t places = std::min(static_cast<std::int64_t>(lines), whole);
    double sum = 0;
    double largest = 0;
    for (std::int64_t j = 0; j < places; ++j) {
      const auto count = static_cast<double>(share(whole, places, j));
      largest = std::max(largest, root_of(count, b.p));
      sum += std::isinf(b.q) ? 0 : std::pow(root_of(count, b.p), b.q);
    }
    // The sum of c_j^(q/p) is concave for q <= p, so that equal shares are the maximum.
    if (b.q <= b.p) best = std::min(best, std::isinf(b.q) ? largest : std::pow(sum, 1 / b.q));
  }
  return best;
}

bool is_line(Kind kind) { return kind == Kind::columns || kind == Kind::rows; }

double at_most(const NormForm& b, const NormForm& a, Shape shape) {
  const auto m = static_cast<double>(shape.rows);
  const auto n = static_cast<double>(shape.columns);
  const std::int64_t all = std::min(shape.rows, shape.columns);
  const auto is_all = [&](const NormForm& x) { return x.kind == Kind::ky_fan && x.k == all; };
  const auto is_sigma = [](const NormForm& x) { return x.kind == Kind::ky_fan && x.k == 1; };
  if (a == b) return 1;
  if (a.kind == Kind::ky_fan && b.kind == Kind::ky_fan) return between_ky_fan(b, a);
  if (a.kind == Kind::induced && b.kind == Kind::induced) {
    return power_mean(n, a.p, b.p) * power_mean(m, b.q, a.q);
  }
  if (is_line(a.kind) && a.kind == b.kind) {
    return a.kind == Kind::columns ? between_lines(b, a, m, n) : between_lines(b, a, n, m);
  }
  if (is_line(a.kind) && is_line(b.kind)) {
    return b.kind == Kind::columns ? across_lines(b, a, m, n) : across_lines(b, a, n, m);
  }
  // Schatten p and L_{2,p}.
  if (is_all(b) && is_line(a.kind) && a.p == 2 && a.q == b.p && b.p <= 2) return 1;
  if (is_all(a) && is_line(b.kind) && b.p == 2 && b.q == a.p && a.p >= 2) return 1;
  // 2 -> 2, and the norms that are exactly those of lines.
  const auto same = [&](const NormForm& induced, const NormForm& other) {
    if (induced.kind != Kind::induced) return false;
    if (is_sigma(other)) return induced.p == 2 && induced.q == 2;
    if (other.kind == Kind::columns) return induced.p == 1 && other.p == induced.q && std::isinf(other.q);
    return other.kind == Kind::rows && std::isinf(induced.q) && is_conjugate(other.p, induced.p) && std::isinf(other.q);
  };
  if (same(a, b) || same(b, a)) return 1;
  // Hoelder.
  if (b.kind == Kind::induced && a.kind == Kind::columns && a.p == b.q && is_conjugate(a.q, b.p)) return 1;
  if (b.kind == Kind::induced && a.kind == Kind::rows && a.q == b.q && is_conjugate(a.p, b.p)) return 1;
  if (b.kind == Kind::radius && is_sigma(a)) return 1;
  if (a.kind == Kind::radius && is_sigma(b)) return shape.rows > 1 ? 2 : 1;
  return kInfinity;
}

std::vector<NormForm> forms_between(const NormForm& a, const NormForm& b, Shape shape) {
  std::vector<double> exponents{1, 2, kInfinity};
  const auto add = [&](double p) {
    if (std::find(exponents.begin(), exponents.end(), p) == exponents.end()) exponents.push_back(p);
  };
  for (const NormForm& form : {a, b}) {
    for (const double p : {form.p, form.q}) {
      add(p);
      add(conjugate(p));
    }
  }
  std::vector<NormForm> forms{a, b};
  for (const double p : exponents) {
    for (const std::int64_t k : {std::int64_t{1}, std::min(shape.rows, shape.columns), a.k, b.k}) {
      forms.push_back({Kind::ky_fan, p, 2, k});
    }
    for (const double q : exponents) {
      for (const Kind kind : {Kind::columns, Kind::rows, Kind::induced}) forms.push_back({kind, p, q});
    }
  }
  if (shape.rows == shape.columns) forms.push_back({Kind::radius, 2, 2});
  return forms;
}

// sup |A|_b / |A|_a from above: Dijkstra's algorithm with products of factors of at least 1.
double shortest_chain(const NormForm& b, const NormForm& a, Shape shape) {
  const std::vector<NormForm> forms = forms_between(a, b, shape);
  std::vector<double> factor(forms.size(), kInfinity);
  std::vector<bool> done(forms.size(), false);
  factor[1] = 1;  // b
  for (std::size_t round = 0; round < forms.size(); ++round) {
    std::size_t here = forms.size();
    for (std::size_t i = 0; i < forms.size(); ++i) {
      if (!done[i] && (here == forms.size() || factor[i] < factor[here])) here = i;
    }
    if (here == 0 || std::isinf(factor[here])) break;
    done[here] = true;
    for (std::size_t i = 0; i < forms.size(); ++i) {
      if (!done[i]) factor[i] = std::min(factor[i], factor[here] * at_most(forms[here], forms[i], shape));
    }
  }
  return factor[0];
}

std::vector<Extremal> candidates(const NormForm& a, const NormForm& b, Shape shape) {
  const std::int64_t all = std::min(shape.rows, shape.columns);
  std::vector<Extremal> result;
  const auto add = [&](ExtremalKind kind, std::int64_t k = 1) {
    result.push_back({kind, k, shape.rows, shape.columns});
  };
  for (const ExtremalKind kind : {ExtremalKind::entry, ExtremalKind::column, ExtremalKind::row, ExtremalKind::ones}) {
    add(kind);
  }
  if (shape.columns > 1) add(ExtremalKind::beside_diagonal);
  for (const std::int64_t k : {all, a.k, b.k}) {
    if (k > all) continue;
    add(ExtremalKind::identity, k);
    add(ExtremalKind::balanced_rows, k);
    add(ExtremalKind::balanced_columns, k);
    add(ExtremalKind::frame_of_columns, k);
    add(ExtremalKind::frame_of_rows, k);
    if (shape.rows % k == 0 && shape.columns % k == 0 && has_hadamard(k)) add(ExtremalKind::hadamard_blocks, k);
  }
  if (hadamard_divisor(std::max(shape.rows, shape.columns), all) > 0) add(ExtremalKind::hadamard);
  return result;
}

// sup |A|_b / |A|_a.
Constant supremum(const NormForm& b, const NormForm& a, Shape shape) {
  Constant result{shortest_chain(b, a, shape), std::nullopt};
  for (const Extremal& candidate : candidates(a, b, shape)) {
    const std::optional<double> above = norm_of(candidate, b);
    const std::optional<double> below = norm_of(candidate, a);
    if (!above || !below || !(*above >= result.value * *below * (1 - kEqual))) continue;
    result.extremal = candidate;
    break;
  }
  return result;
}

}  // namespace

Equivalence equivalence(const Norm& a, const Norm& b, Shape shape) {
  const FloatingEnvironment environment;
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[equivalence] an empty shape, {}x{}", shape.rows, shape.columns));
  }
  const std::int64_t all = std::min(shape.rows, shape.columns);
  require_valid("equivalence", a, all);
  require_valid("equivalence", b, all);
  const NormForm first = form_of(a, shape);
  const NormForm second = form_of(b, shape);
  Equivalence result{supremum(first, second, shape), supremum(second, first, shape)};
  result.least.value = 1 / result.least.value;
  return result;
}

}  // namespace sigmax::norms
