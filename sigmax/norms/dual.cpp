#include "sigmax/norms/dual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/norms/exponent.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/numerical_radius/radius_dual.hpp"
#include "sigmax/norms/vector.hpp"

namespace sigmax::norms {
namespace {

// The dual of a simplified norm. `pick` chooses among the doubles around a conjugate exponent.
struct DualOf {
  double (*pick)(double p);

  using Result = std::optional<Norm>;
  Result operator()(Frobenius) const { return Frobenius{}; }
  Result operator()(MaxAbs) const { return Entrywise{1}; }
  Result operator()(Entrywise n) const { return simplified(Entrywise{pick(n.p)}); }
  Result operator()(ColumnSum n) const { return sums(n.smallest, By::columns); }
  Result operator()(RowSum n) const { return sums(n.smallest, By::rows); }
  Result operator()(Spectral) const { return Nuclear{}; }
  Result operator()(SmallestSingular) const { return std::nullopt; }
  Result operator()(Nuclear) const { return Spectral{}; }
  Result operator()(Schatten n) const { return simplified(Schatten{pick(n.p)}); }
  Result operator()(KyFan) const { return std::nullopt; }
  Result operator()(Mixed n) const { return simplified(Mixed{pick(n.p), pick(n.q), n.by}); }
  Result operator()(Induced) const { return std::nullopt; }
  Result operator()(NumericalRadius) const { return std::nullopt; }

  static Result sums(bool smallest, By by) {
    return smallest ? std::nullopt : std::optional<Norm>(Mixed{kInfinity, 1, by});
  }
};

double pick_down(double p) { return conjugate_bracket(p).down; }
double pick_up(double p) { return conjugate_bracket(p).up; }

// |A|_{p->inf} is the largest p*-norm of a row; its dual sums p-norms, and p itself is a double.
std::optional<Norm> dual_with(const Norm& which, double (*pick)(double)) {
  const auto* n = std::get_if<Induced>(&which);
  if (n != nullptr && n->p != 1 && std::isinf(n->q)) return simplified(Mixed{n->p, 1, By::rows});
  return std::visit(DualOf{pick}, simplified(which));
}

void require_ky_fan(std::size_t values, KyFan n) { require_valid("ky_fan_dual", n, static_cast<std::int64_t>(values)); }

// F_r for numbers, with the length of the plateau T_r / (r+1).
struct Plateau {
  std::span<const double> sigma;
  std::vector<double> tail;  // [i]: sum of sigma_i ... sigma_n, i from 0

  explicit Plateau(std::span<const double> s) : sigma(s), tail(s.size() + 1, 0.0) {
    for (std::size_t i = s.size(); i-- > 0;) tail[i] = tail[i + 1] + s[i];
  }

  double height(std::int64_t k, std::int64_t r) const {
    return tail[static_cast<std::size_t>(k - r - 1)] / static_cast<double>(r + 1);
  }

  // The r with sigma_{k-r-1} > height >= sigma_{k-r}. Increasing r by one takes sigma_{k-r-1} into the plateau, which
  // happens as long as it is not larger than the plateau.
  std::int64_t length(std::int64_t k) const {
    std::int64_t r = 0;
    while (r < k - 1 && sigma[static_cast<std::size_t>(k - r - 2)] <= height(k, r)) ++r;
    return r;
  }
};

std::vector<double> flattened(std::span<const double> sigma, std::int64_t k, std::int64_t r, double height) {
  std::vector<double> x(sigma.begin(), sigma.begin() + (k - r - 1));
  x.insert(x.end(), static_cast<std::size_t>(r + 1), height);
  return x;
}

// The height of the plateau of the last values: their mean over r + 1.
Enclosure height_of(std::span<const Enclosure> tail, std::int64_t r) {
  return bounds::quotient(bounds::p_norm(tail, 1), bounds::exactly(static_cast<double>(r + 1)));
}

Enclosure with_plateau(std::span<const Enclosure> above, const Enclosure& height, std::int64_t r, double q) {
  std::vector<Enclosure> x(above.begin(), above.end());
  x.insert(x.end(), static_cast<std::size_t>(r + 1), height);
  return bounds::p_norm(x, q);
}

std::vector<double> descending(std::span<const double> sigma) {
  std::vector<double> sorted(sigma.begin(), sigma.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  return sorted;
}

NormResult refused(const Norm& which) {
  throw Error(fmt::format("[dual_norm] the dual of {} is not known in closed form", spelling_of(which)));
}

template <class Matrix>
NormResult of_dual(const Matrix& a, const Norm& which, const NormOptions& options, Context& context) {
  NormResult result = norm(a, *dual_with(which, conjugate), options, context);
  if (result.enclosure) {
    const Norm below = *dual_with(which, pick_up);
    const Norm above = *dual_with(which, pick_down);
    // Without a rounded exponent the enclosure at hand is the one.
    if (spelling_of(below) != spelling_of(above)) {
      const NormResult least = norm(a, below, options, context);
      const NormResult most = norm(a, above, options, context);
      result.enclosure = bounds::between(*least.enclosure, *most.enclosure);
    }
  }
  result.meaning = "dual of the " + meaning_of(which);
  return result;
}

template <class Matrix>
NormResult of_ky_fan(const Matrix& a, KyFan n, const NormOptions& options, Context& context) {
  const WholeSpectrum spectrum = whole_spectrum(a, options, context);
  NormResult result;
  result.value = ky_fan_dual(spectrum.sigma, n);
  result.outcome = spectrum.outcome;
  result.meaning = "dual of the " + meaning_of(n);
  if (!options.enclose) return result;
  const Enclosure known = ky_fan_dual(spectrum.known, n);
  result.value = std::clamp(result.value, known.lower.value(), known.upper ? known.upper->value() : kInfinity);
  result.enclosure = known;
  result.method = "each value by its residual";
  return result;
}

template <class Matrix>
NormResult dual_norm_of(const Matrix& a, std::int64_t values, const Norm& which, const NormOptions& options,
                        Context& context) {
  require_valid("dual_norm", which, values);
  if (const auto* ky_fan = std::get_if<KyFan>(&which)) {
    if (std::holds_alternative<KyFan>(simplified(which))) return of_ky_fan(a, *ky_fan, options, context);
  }
  if (std::holds_alternative<NumericalRadius>(which)) return radius_dual(a, options, context);
  return dual_of(which) ? of_dual(a, which, options, context) : refused(which);
}

}  // namespace

std::optional<Norm> dual_of(const Norm& which) {
  const FloatingEnvironment environment;
  return dual_with(which, conjugate);
}

double ky_fan_dual(std::span<const double> sigma, KyFan n) {
  const FloatingEnvironment environment;
  require_ky_fan(sigma.size(), n);
  // Relative to the largest, so that no sum overflows.
  std::vector<double> sorted = descending(sigma);
  const double largest = sorted.front();
  if (largest == 0 || std::isinf(largest)) return largest;
  for (double& value : sorted) value /= largest;
  const Plateau plateau(sorted);
  const std::int64_t r = plateau.length(n.k);
  return largest * vector_norm(flattened(sorted, n.k, r, plateau.height(n.k, r)), conjugate(n.p));
}

// Two bounds hold for every r, with h = T_r / (r+1), and meet at the right one.
//
// From below, with h' = min(h, s_1, ..., s_{k-r-1}): let y be s_i^{q-1} above the plateau and h'^{q-1} on it. The k
// largest of y are those above and r + 1 of the plateau, so |y|_(k,p) = F^{q/p}, F = (sum s_i^q + (r+1) h'^q)^{1/q},
// and <s, y> = sum s_i^q + (r+1) h h'^{q-1} >= F^q: the dual is at least F.
//
// From above, with h' = max(h, s_{k-r}, ..., s_n): the numbers of the plateau are at most h' and sum to at most
// (r+1) h', so they lie below a mean of vectors that are h' on r + 1 places. With s_1 ... s_{k-r-1} in front each of
// these is supported on k places, where the dual is the q-norm, F: the dual is at most F.
//
// The dual grows with each value, so lower ends give the one and upper ends the other.
Enclosure ky_fan_dual(std::span<const Enclosure> sigma, KyFan n) {
  const FloatingEnvironment environment;
  require_ky_fan(sigma.size(), n);
  const std::int64_t k = n.k;
  const Bracket q = conjugate_bracket(n.p);
  const auto bound = [&](std::int64_t r, bool from_above) {
    const auto first = static_cast<std::size_t>(k - r - 1);
    std::vector<Enclosure> heights{height_of(sigma.subspan(first), r)};
    if (from_above) {
      heights.push_back(bounds::largest(sigma.subspan(first)));
      return with_plateau(sigma.first(first), bounds::largest(heights), r, q.down);
    }
    if (first > 0) heights.push_back(bounds::smallest(sigma.first(first)));
    return with_plateau(sigma.first(first), bounds::smallest(heights), r, q.up);
  };
  std::vector<double> lower;
  std::vector<double> upper;
  for (const Enclosure& e : sigma) {
    lower.push_back(e.lower.value());
    upper.push_back(e.upper ? e.upper->value() : std::numeric_limits<double>::max());
  }
  const auto length_of = [k](const std::vector<double>& ends) {
    std::vector<double> sorted = descending(ends);
    const double largest = sorted.front();
    for (double& value : sorted) value = largest > 0 ? value / largest : 0;
    return Plateau(sorted).length(k);
  };
  return bounds::between(bound(length_of(lower), false), bound(length_of(upper), true));
}

template <Real T>
NormResult dual_norm(const LinearOperator<T>& a, const Norm& which, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  return dual_norm_of(a, std::min(a.shape().rows, a.shape().columns), which, options, context);
}

NormResult dual_norm(const Tensor& matrix, const Norm& which, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (matrix.rank() != 2) {
    throw Error(fmt::format("[dual_norm] a matrix has two dimensions, got the shape {}", to_string(matrix.shape())));
  }
  return dual_norm_of(matrix, std::min(matrix.shape()[0], matrix.shape()[1]), which, options, context);
}

template NormResult dual_norm<float>(const LinearOperator<float>&, const Norm&, const NormOptions&, Context&);
template NormResult dual_norm<double>(const LinearOperator<double>&, const Norm&, const NormOptions&, Context&);

}  // namespace sigmax::norms
