#include "sigmax/norms/majorization.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::norms {
namespace {

// A sum of doubles without rounding: parts that do not overlap, the largest last (Shewchuk, Discrete Comput. Geom. 18,
// 1997, Grow-Expansion). At most about forty parts for any doubles.
class ExactSum {
 public:
  void add(double x) {
    std::size_t kept = 0;
    double sum = x;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      // Knuth's TwoSum: total + error = sum + part, exactly.
      const double part = parts_[i];
      const double total = sum + part;
      const double virtual_part = total - sum;
      const double error = (sum - (total - virtual_part)) + (part - virtual_part);
      if (error != 0) parts_[kept++] = error;
      sum = total;
    }
    parts_.resize(kept);
    if (sum != 0) parts_.push_back(sum);
  }

  /// -1, 0, 1; nothing after an overflow.
  std::optional<int> sign() const {
    if (parts_.empty()) return 0;
    for (const double part : parts_) {
      if (!std::isfinite(part)) return std::nullopt;
    }
    return parts_.back() > 0 ? 1 : -1;
  }

 private:
  std::vector<double> parts_;
};

// The ends of one value: 0 beyond the end of the spectrum.
struct Ends {
  double lower = 0;
  std::optional<double> upper = 0.0;
  double lower_failure = 0;
  double upper_failure = 0;
};

Ends ends_of(std::span<const Enclosure> values, std::size_t i) {
  if (i >= values.size()) return {};
  const Enclosure& e = values[i];
  Ends ends{e.lower.value(), std::nullopt, e.lower.failure_probability(), 0};
  if (e.upper) {
    ends.upper = e.upper->value();
    ends.upper_failure = e.upper->failure_probability();
  }
  return ends;
}

template <Real T>
std::vector<Enclosure> spectrum_of(const LinearOperator<T>& a, const FanOptions& options, Context& context) {
  const std::int64_t all = std::min(a.shape().rows, a.shape().columns);
  SvdOptions<T> base;
  base.random = options.random;
  const SvdOptions<T> solver = solver_for(Demand{Demand::Part::all, all}, all, base);
  return certified_svd(a, solver, options.certify, context).sigma;
}

}  // namespace

std::string_view message(Verdict verdict) {
  switch (verdict) {
    case Verdict::proven: return "proven";
    case Verdict::refuted: return "refuted";
    case Verdict::undecided: return "undecided";
  }
  return "";
}

// for k = 1, 2, ...: for += lower(y_k) - upper(x_k), against += lower(x_k) - upper(y_k); both exact
Majorization weakly_majorized(std::span<const Enclosure> x, std::span<const Enclosure> y) {
  const FloatingEnvironment environment;
  const std::size_t count = std::max(x.size(), y.size());
  if (count == 0) throw Error("[weakly_majorized] there are no values");
  ExactSum in_favor;
  ExactSum against;
  bool may_prove = true;
  bool may_refute = true;
  double proof_failure = 0;
  double refutation_failure = 0;
  Majorization result{Verdict::undecided, 0, 0};
  for (std::size_t i = 0; i < count; ++i) {
    const Ends a = ends_of(x, i);
    const Ends b = ends_of(y, i);
    may_refute = may_refute && b.upper;
    if (may_refute) {
      against.add(a.lower);
      against.add(-*b.upper);
      refutation_failure += a.lower_failure + b.upper_failure;
      if (against.sign() == 1 && refutation_failure < 1) {
        return {Verdict::refuted, static_cast<std::int64_t>(i + 1), refutation_failure};
      }
    }
    if (!may_prove) continue;
    in_favor.add(b.lower);
    if (a.upper) in_favor.add(-*a.upper);
    proof_failure += a.upper_failure + b.lower_failure;
    may_prove = a.upper && in_favor.sign().value_or(-1) >= 0 && proof_failure < 1;
    if (!may_prove) result.k = static_cast<std::int64_t>(i + 1);
  }
  if (may_prove) return {Verdict::proven, 0, proof_failure};
  return result;
}

template <Real T>
Majorization fan_dominated(const LinearOperator<T>& a, const LinearOperator<T>& b, const FanOptions& options,
                           Context& context) {
  const FloatingEnvironment environment;
  return weakly_majorized(spectrum_of(a, options, context), spectrum_of(b, options, context));
}

Majorization fan_dominated(const Tensor& a, const Tensor& b, const FanOptions& options, Context& context) {
  const FloatingEnvironment environment;
  return fan_dominated(*dense<double>(a), *dense<double>(b), options, context);
}

template Majorization fan_dominated<float>(const LinearOperator<float>&, const LinearOperator<float>&,
                                           const FanOptions&, Context&);
template Majorization fan_dominated<double>(const LinearOperator<double>&, const LinearOperator<double>&,
                                            const FanOptions&, Context&);

}  // namespace sigmax::norms
