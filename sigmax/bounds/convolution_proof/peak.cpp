#include "sigmax/bounds/convolution_proof/peak.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/convolution_proof/supremum.hpp"
#include "sigmax/bounds/convolution_proof/top_vector.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr std::int64_t kFine = std::int64_t{1} << 52;
constexpr double kTolerance = 1e-14;  // of vectors
constexpr int kMostProducts = 600;
constexpr double kDifference = 1e-4;  // of a point in scaled units; the slope there is wrong by about its square

using Angles = std::array<double, 3>;

// t + d, d in scaled units, kept exactly as a fraction.
TorusPoint moved(const TorusPoint& t, const Angles& d, const std::array<double, 3>& degree) {
  TorusPoint result;
  for (std::size_t a = 0; a < 3; ++a) {
    if (degree[a] == 0) continue;
    const auto whole = static_cast<long double>(kFine);
    const long double turns =
        static_cast<long double>(t.numerator[a]) / static_cast<long double>(t.denominator[a]) +
        static_cast<long double>(d[a]) / static_cast<long double>(degree[a]) / (2 * std::numbers::pi_v<long double>);
    const long double part = turns - std::floor(turns);
    result.denominator[a] = kFine;
    result.numerator[a] = static_cast<std::int64_t>(part * whole) % kFine;
  }
  return result;
}

double length(const ComplexVector& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.re.size(); ++i) sum += x.re[i] * x.re[i] + x.im[i] * x.im[i];
  return std::sqrt(sum);
}

void divide(ComplexVector& x, double by) {
  if (!(by > 0)) return;
  for (std::size_t i = 0; i < x.re.size(); ++i) {
    x.re[i] /= by;
    x.im[i] /= by;
  }
}

// The first singular triplet at a point, and the derivative of log |F| in scaled units: each part is at most 1.
struct Place {
  Top top;
  ComplexVector u;
  double norm = 0;
  Angles slope{};
};

Place place_at(const GramPolynomial& g, const TorusPoint& t, const ComplexVector* start) {
  const Symbol& f = g.symbol();
  Place place{top_at(g, t, start, kTolerance, kMostProducts), {}, 0, {}};
  divide(place.top.vector, length(place.top.vector));
  place.u = times(f, t, place.top.vector);
  place.norm = length(place.u);
  divide(place.u, place.norm);
  if (!(place.norm > 0)) return place;
  const std::vector<std::complex<double>> w = tap_weights(f, place.u, place.top.vector);
  for (std::size_t p = 0; p < w.size(); ++p) {
    const Phase e = phase(f.taps[p], t);
    const double imaginary = w[p].real() * e.sine + w[p].imag() * e.cosine;
    for (std::size_t a = 0; a < 3; ++a) {
      if (f.degree[a] == 0) continue;
      const double relative = (static_cast<double>(f.taps[p][a]) - f.degree[a]) / f.degree[a];
      place.slope[a] -= relative * imaginary / place.norm;
    }
  }
  return place;
}

// Newton's method for the slope, with the Hessian of log |F| from differences of slopes.
class Refinement {
 public:
  Refinement(const GramPolynomial& g, const Top& from) : g_(g), best_(place_at(g, from.at, &from.vector)) {
    for (std::size_t a = 0; a < 3; ++a) {
      if (g.symbol().degree[a] > 0) axes_.push_back(a);
    }
  }

  Peak run(std::size_t group, Context& context) {
    // Quadratic convergence up to the differences' error of 1e-8: three steps from where a climb ends, usually.
    for (int step = 0; step < 12 && !axes_.empty(); ++step) {
      context.check_cancel();
      const Angles d = newton_step();
      point_error_ = size(d);
      if (point_error_ < 8 * kEpsilon || !moves_by(d)) break;
    }
    Peak peak;
    peak.group = group;
    peak.at = best_.top.at;
    peak.norm = best_.norm;
    peak.curvature = std::clamp(curvature_, 0.0, 1.0);
    peak.point_error = point_error_;
    if (g_.order() > 1) {
      // Two digits fewer than the first: it only tells how far the values are apart.
      const Top next = top_at(g_, best_.top.at, nullptr, 1e-12, kMostProducts, &best_.top.vector);
      peak.second = std::min(next.norm, peak.norm);
    }
    const double ratio = peak.second / peak.norm;
    const double apart = 1 - ratio * ratio;
    const double rounding = static_cast<double>(g_.order() + 4) * kEpsilon;
    peak.vector_error = apart > 0 ? (best_.top.residual + rounding) / apart : kInfinity;
    peak.u = std::move(best_.u);
    peak.v = std::move(best_.top.vector);
    return peak;
  }

 private:
  static double size(const Angles& d) { return std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]); }

  Place at(const Angles& d) const {
    return place_at(g_, moved(best_.top.at, d, g_.symbol().degree), &best_.top.vector);
  }

  // Along each eigenvector of the Hessian slope / curvature. A direction without curvature is a ridge; its slope is
  // followed as far as it is more than rounding.
  Angles newton_step() {
    const auto n = static_cast<std::int64_t>(axes_.size());
    Matrix<double> hessian(n, n);
    for (std::int64_t j = 0; j < n; ++j) {
      Angles d{};
      d[axes_[static_cast<std::size_t>(j)]] = kDifference;
      const Angles above = at(d).slope;
      d[axes_[static_cast<std::size_t>(j)]] = -kDifference;
      const Angles below = at(d).slope;
      for (std::int64_t i = 0; i < n; ++i) {
        const std::size_t a = axes_[static_cast<std::size_t>(i)];
        hessian(i, j) += 0.25 * (above[a] - below[a]) / kDifference;
        hessian(j, i) += 0.25 * (above[a] - below[a]) / kDifference;
      }
    }
    const lapack::SymmetricEigen eigen = lapack::symmetric_eigen(std::move(hessian));
    curvature_ = -eigen.values.back();
    Angles step{};
    for (std::int64_t k = 0; k < n; ++k) {
      double along = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        along += eigen.vectors(i, k) * best_.slope[axes_[static_cast<std::size_t>(i)]];
      }
      const double bend = -eigen.values[static_cast<std::size_t>(k)];
      if (bend < kFlat && std::fabs(along) < 1e-10) continue;
      const double most = 0.2;
      const double move = std::clamp(along / std::max(bend, kFlat), -most, most);
      for (std::int64_t i = 0; i < n; ++i) step[axes_[static_cast<std::size_t>(i)]] += move * eigen.vectors(i, k);
    }
    return step;
  }

  // Halved until |F| does not fall by more than rounding; among equal values the smaller slope is the better point.
  bool moves_by(Angles d) {
    for (int half = 0; half < 12; ++half) {
      Place there = at(d);
      const double slack = 16 * kEpsilon * best_.norm;
      const bool is_higher = there.norm > best_.norm + slack;
      if (is_higher || (there.norm >= best_.norm - slack && size(there.slope) < size(best_.slope))) {
        best_ = std::move(there);
        return true;
      }
      for (double& part : d) part /= 2;
    }
    return false;
  }

  static constexpr double kFlat = 1e-6;

  const GramPolynomial& g_;
  Place best_;
  std::vector<std::size_t> axes_;
  double curvature_ = 1;
  double point_error_ = 0;
};

// The distance of two points or of one and the opposite of the other, in scaled units.
double distance(const TorusPoint& s, const TorusPoint& t, const std::array<double, 3>& degree) {
  double least = kInfinity;
  for (const double sign : {1.0, -1.0}) {
    double sum = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      const double turns = static_cast<double>(s.numerator[a]) / static_cast<double>(s.denominator[a]) -
                           sign * static_cast<double>(t.numerator[a]) / static_cast<double>(t.denominator[a]);
      sum += degree[a] * 2 * std::numbers::pi * std::fabs(turns - std::round(turns));
    }
    least = std::min(least, sum);
  }
  return least;
}

// A climb that ended before its maximum, or the same maximum again.
bool is_new(const std::vector<Peak>& peaks, std::size_t group, const TorusPoint& at,
            const std::array<double, 3>& degree) {
  constexpr double kSamePoint = 1e-3;
  return std::none_of(peaks.begin(), peaks.end(), [&](const Peak& known) {
    return known.group == group && distance(known.at, at, degree) < kSamePoint;
  });
}

constexpr std::size_t kMostStarts = 64;
constexpr std::size_t kMostClimbs = 6;

void search(const GramPolynomial& g, std::size_t group, const Top* near, std::vector<Peak>& found, Context& context) {
  const Symbol& f = g.symbol();
  std::vector<TorusPoint> starts = Covering(f.degree, 0.8).centers();
  std::vector<Top> tops(std::min(starts.size(), kMostStarts));
  context.parallel_for(tops.size(), [&](std::size_t i) {
    tops[i] = top_at(g, starts[i * starts.size() / tops.size()], nullptr, 1e-2, 10);
  });
  std::stable_sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.norm > b.norm; });
  tops.resize(std::min(tops.size(), kMostClimbs));
  if (near != nullptr) tops.insert(tops.begin(), *near);
  std::vector<Top> ends(tops.size());
  context.parallel_for(tops.size(), [&](std::size_t i) { ends[i] = climb(g, std::move(tops[i]), 1e-8, context); });
  std::vector<Peak> refined(ends.size());
  context.parallel_for(ends.size(), [&](std::size_t i) { refined[i] = Refinement(g, ends[i]).run(group, context); });
  std::stable_sort(refined.begin(), refined.end(), [](const Peak& a, const Peak& b) { return a.norm > b.norm; });
  for (Peak& peak : refined) {
    if (peak.norm > 0 && is_new(found, group, peak.at, f.degree)) found.push_back(std::move(peak));
  }
}

// The quotient at a point of the torus is at most S, and branch and bound shows that S is at most `upper`.
Enclosure enclosure_of(const Symbols& symbols, const Range& range, const Peak& peak) {
  const double lower = std::max(range.lower, quotient_below(symbols.groups[peak.group], peak.at, peak.v));
  return Proof::enclosure(widened_lower(times_power(lower, symbols.exponent)),
                          Proof::proven(widened_upper(times_power(range.upper, symbols.exponent))));
}

}  // namespace

Peaks peaks(const Symbols& symbols, double relative_width, double most_flops, Context& context) {
  const SerialBlas serial;
  if (symbols.is_zero) return {{}, 0, zero_enclosure()};
  Budget budget{most_flops, 0, 0};
  Range range;
  if (relative_width > 0) range = supremum(symbols, relative_width, budget, context);
  const Range* const near = relative_width > 0 ? &range : nullptr;
  Peaks result;
  // A group that cannot reach the highest value so far is left out: first the one that the caller points to, then by
  // descending spread.
  std::vector<std::size_t> order(symbols.groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto is_pointed_at = [&](std::size_t group) { return near != nullptr && near->group == group; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (is_pointed_at(a) != is_pointed_at(b)) return is_pointed_at(a);
    return symbols.groups[a].spread > symbols.groups[b].spread;
  });
  double highest = 0;
  for (const std::size_t group : order) {
    const Symbol& f = symbols.groups[group];
    if (f.spread < highest) {
      result.rest = std::max(result.rest, f.spread);
      continue;
    }
    const GramPolynomial::Cost cost = GramPolynomial::cost(f);
    if (!budget.allows(cost.flops) || cost.bytes > 0x1p33) {
      throw Error(
          fmt::format("[convolution_norm_vjp] the products of taps take {:.2g} operations and {:.2g} bytes; most_flops "
                      "allows {:.2g} more, and 8.6e9 bytes are the most: use the norm at an input size",
                      cost.flops, cost.bytes, budget.most_flops - budget.flops));
    }
    budget.flops += cost.flops;
    const GramPolynomial g(f, false, context);
    search(g, group, is_pointed_at(group) && !near->top.vector.re.empty() ? &near->top : nullptr, result.list, context);
    for (const Peak& peak : result.list) highest = std::max(highest, peak.norm);
  }
  std::stable_sort(result.list.begin(), result.list.end(),
                   [](const Peak& a, const Peak& b) { return a.norm > b.norm; });
  if (near != nullptr) result.supremum = enclosure_of(symbols, range, result.list.front());
  return result;
}

std::vector<double> derivative(const Symbol& f, const Peak& peak, std::span<const SymbolAxis> axes) {
  std::vector<double> values(f.values.size());
  std::size_t next = 0;
  for (const Position& p : f.taps) {
    const Phase e = phase(p, peak.at);
    for (std::size_t j = 0; j < static_cast<std::size_t>(f.columns); ++j) {
      const double re = e.cosine * peak.v.re[j] - e.sine * peak.v.im[j];
      const double im = e.sine * peak.v.re[j] + e.cosine * peak.v.im[j];
      for (std::size_t i = 0; i < static_cast<std::size_t>(f.rows); ++i) {
        values[next++] = peak.u.re[i] * re + peak.u.im[i] * im;
      }
    }
  }
  return of_kernel(f, values, axes);
}

}  // namespace sigmax::bounds
