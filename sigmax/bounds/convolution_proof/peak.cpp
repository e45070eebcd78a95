#include "sigmax/bounds/convolution_proof/peak.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "sigmax/bounds/convolution_proof/climb.hpp"
#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/convolution_proof/supremum.hpp"
#include "sigmax/bounds/convolution_proof/top_vector.hpp"
#include "sigmax/bounds/matrix_proof/ends.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr std::int64_t kFine = std::int64_t{1} << 52;
constexpr double kTolerance = 1e-14;  // of vectors
constexpr int kMostProducts = 600;
constexpr double kDifference = 1e-5;  // of a point in scaled units: what the Hessian is wrong by, about

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

Place place_at(const GramPolynomial& g, const TorusPoint& t, const ComplexVector* start, Context& context) {
  const Symbol& f = g.symbol();
  Place place{top_at(g, t, start, kTolerance, kMostProducts, nullptr, context), {}, 0, {}};
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
  Refinement(const GramPolynomial& g, const Top& from, Context& context)
      : g_(g), context_(context), best_(place_at(g, from.at, &from.vector, context)) {
    for (std::size_t a = 0; a < 3; ++a) {
      if (g.symbol().degree[a] > 0) axes_.push_back(a);
    }
    flops_ = best_.top.flops;
  }

  /// About what it took.
  double flops() const { return flops_; }

  Peak run(std::size_t group) {
    // A Hessian serves for all steps after one that was small: three or four steps from where a climb ends, usually.
    point_error_ = 1;
    for (int step = 0; step < 16 && !axes_.empty(); ++step) {
      context_.check_cancel();
      if (point_error_ > 1e-6) form_hessian();
      const Angles d = newton_step();
      point_error_ = size(d);
      if (point_error_ < 1e-14 || !moves_by(d)) break;
    }
    if (axes_.empty()) point_error_ = 0;
    Peak peak;
    peak.group = group;
    peak.at = best_.top.at;
    peak.norm = best_.norm;
    peak.curvature = std::clamp(curvature_, 0.0, 1.0);
    peak.point_error = point_error_;
    if (g_.order() > 1) {
      // Its value within a tenth of the difference that counts as a tie: it only tells how far the values are apart.
      const Top next = top_at(g_, best_.top.at, nullptr, 1e-10, kMostProducts, &best_.top.vector, context_);
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

  Place at(const Angles& d) {
    Place place = place_at(g_, moved(best_.top.at, d, g_.symbol().degree), &best_.top.vector, context_);
    flops_ += place.top.flops;
    return place;
  }

  void form_hessian() {
    const auto n = static_cast<std::int64_t>(axes_.size());
    Matrix<double> hessian(n, n);
    for (std::int64_t j = 0; j < n; ++j) {
      Angles d{};
      d[axes_[static_cast<std::size_t>(j)]] = kDifference;
      const Angles there = at(d).slope;
      for (std::int64_t i = 0; i < n; ++i) {
        const std::size_t a = axes_[static_cast<std::size_t>(i)];
        const double half = 0.5 * (there[a] - best_.slope[a]) / kDifference;
        hessian(i, j) += half;
        hessian(j, i) += half;
      }
    }
    eigen_ = lapack::symmetric_eigen(std::move(hessian));
    curvature_ = -eigen_.values.back();
  }

  // Along each eigenvector of the Hessian slope / curvature. A direction without curvature is a ridge; its slope is
  // followed as far as it is more than rounding.
  Angles newton_step() const {
    const auto n = static_cast<std::int64_t>(axes_.size());
    Angles step{};
    for (std::int64_t k = 0; k < n; ++k) {
      double along = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        along += eigen_.vectors(i, k) * best_.slope[axes_[static_cast<std::size_t>(i)]];
      }
      const double bend = -eigen_.values[static_cast<std::size_t>(k)];
      if (bend < kFlat && std::fabs(along) < 1e-10) continue;
      const double most = 0.2;
      const double move = std::clamp(along / std::max(bend, kFlat), -most, most);
      for (std::int64_t i = 0; i < n; ++i) step[axes_[static_cast<std::size_t>(i)]] += move * eigen_.vectors(i, k);
    }
    return step;
  }

  // Halved until |F| does not fall by more than rounding; among equal values the smaller slope is the better point.
  bool moves_by(Angles d) {
    const int attempts = size(d) > 1e-8 ? 12 : 1;  // a small step fails because rounding is reached
    for (int half = 0; half < attempts; ++half) {
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

  // Above the Hessian's error.
  static constexpr double kFlat = 1e-4;

  const GramPolynomial& g_;
  Context& context_;
  Place best_;
  std::vector<std::size_t> axes_;
  lapack::SymmetricEigen eigen_;
  double curvature_ = 1;
  double flops_ = 0;
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

constexpr std::size_t kMostStarts = 64;
constexpr double kMostCenters = 0x1p20;
constexpr std::size_t kMostClimbs = 16;  // a part of the way
constexpr std::size_t kMostEnds = 6;     // and from there to the end
constexpr double kOnOneSlope = 0.3;      // the distance of points on the way to one maximum
constexpr double kSamePoint = 1e-2;      // and of the ends of two climbs
constexpr double kUnfinished = 1e-3;     // what a climb leaves at most, in practice

// Those that are not within `radius` of a higher one, at most `most`.
std::vector<Top> spread_out(std::vector<Top> tops, double radius, std::size_t most,
                            const std::array<double, 3>& degree) {
  std::stable_sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.norm > b.norm; });
  std::vector<Top> result;
  for (Top& top : tops) {
    if (result.size() == most) break;
    const bool is_apart = std::none_of(result.begin(), result.end(),
                                       [&](const Top& known) { return distance(known.at, top.at, degree) < radius; });
    if (is_apart) result.push_back(std::move(top));
  }
  return result;
}

// The ends of climbs in one group; those that may be the highest, to rounding. The others only need their norm.
void search(const GramPolynomial& g, std::size_t group, const Top* near, double highest, std::vector<Peak>& found,
            Budget& budget, Context& context) {
  const Symbol& f = g.symbol();
  double radius = 0.8;
  Covering covering(f.degree, radius);
  for (; covering.count() > kMostCenters; radius *= 1.25) covering = Covering(f.degree, radius);
  const std::vector<TorusPoint> starts = covering.centers();
  std::vector<Top> tops(std::min(starts.size(), kMostStarts));
  context.parallel_for(tops.size(), [&](std::size_t i) {
    tops[i] = top_at(g, starts[i * starts.size() / tops.size()], nullptr, 1e-2, 10, nullptr, context);
  });
  const auto count_work = [&] {
    for (Top& top : tops) budget.flops += std::exchange(top.flops, 0.0);
  };
  count_work();
  const auto climb_all = [&](double tolerance) {
    const double share = 0.25 * (budget.most_flops - budget.flops) / static_cast<double>(tops.size());
    context.parallel_for(tops.size(),
                         [&](std::size_t i) { tops[i] = climb(g, std::move(tops[i]), tolerance, share, context); });
    count_work();
  };
  tops = spread_out(std::move(tops), 0, kMostClimbs, f.degree);
  climb_all(3e-3);
  if (near != nullptr) tops.push_back(*near);
  tops = spread_out(std::move(tops), kOnOneSlope, kMostEnds, f.degree);
  climb_all(1e-6);
  const std::size_t ends = tops.size();
  tops = spread_out(std::move(tops), kSamePoint, ends, f.degree);
  const double least = std::max(highest, tops.front().norm) * (1 - kUnfinished);
  std::vector<Peak> refined(tops.size());
  context.parallel_for(tops.size(), [&](std::size_t i) {
    if (tops[i].norm >= least && tops[i].norm > 0) {
      Refinement refinement(g, tops[i], context);
      refined[i] = refinement.run(group);
      tops[i].flops = refinement.flops();
    } else {
      refined[i].group = group;
      refined[i].at = tops[i].at;
      refined[i].norm = tops[i].norm;
    }
  });
  count_work();
  std::stable_sort(refined.begin(), refined.end(), [](const Peak& a, const Peak& b) { return a.norm > b.norm; });
  // Two climbs may have ended before the same maximum.
  const auto own = static_cast<std::ptrdiff_t>(found.size());
  for (Peak& peak : refined) {
    const bool is_new = std::none_of(found.begin() + own, found.end(), [&](const Peak& known) {
      return distance(known.at, peak.at, f.degree) < kSamePoint;
    });
    if (peak.norm > 0 && is_new) found.push_back(std::move(peak));
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
  if (relative_width > 0) {
    // The search that follows needs the coefficients again, and climbs.
    budget.most_flops = 0.75 * most_flops;
    range = supremum(symbols, relative_width, budget, context);
    budget.most_flops = most_flops;
  }
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
    const GramCost cost = gram_cost(f);
    if (!budget.allows(cost.flops) || cost.bytes > 0x1p33) {
      throw Error(
          fmt::format("[convolution_norm_vjp] the products of taps take {:.2g} operations and {:.2g} bytes; most_flops "
                      "allows {:.2g} more, and 8.6e9 bytes are the most: use the norm at an input size",
                      cost.flops, cost.bytes, budget.most_flops - budget.flops));
    }
    budget.flops += cost.flops;
    const GramPolynomial g(f, false, context);
    search(g, group, is_pointed_at(group) && !near->top.vector.re.empty() ? &near->top : nullptr, highest, result.list,
           budget, context);
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
