#include "sigmax/bounds/convolution_proof/grid_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "sigmax/bounds/convolution_proof/covering.hpp"
#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/kernels/hermitian.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

constexpr double kLeastWidthOfSingle = 1e-4;
constexpr double kRoomOfMost = 0.1;  // between the square of the largest value and that of a typical one

// The smallest eigenvalue of G(t) and its vector, by LAPACK from the real form of twice the order.
struct Least {
  double value = 0;
  ComplexVector vector;
};

Least least_at(const GramPolynomial& g, const TorusPoint& t, Context& context) {
  const SerialBlas serial;
  const std::int64_t n = g.order();
  auto panels = context.scratch<double>(static_cast<std::size_t>(kernels::hermitian_size(n)));
  g.values<double>({&t, 1}, panels.data(), context);
  Matrix<double> real(2 * n, 2 * n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      const double* const entry = panels.data() + kernels::hermitian_place(i, j);
      const double im = i == j ? 0.0 : entry[kernels::kHermitianRows];
      real(i, j) = real(j, i) = real(n + i, n + j) = real(n + j, n + i) = entry[0];
      real(n + i, j) = real(j, n + i) = im;
      real(i, n + j) = real(n + j, i) = -im;
    }
  }
  const auto eigen = lapack::symmetric_eigen(std::move(real));
  Least least;
  least.value = eigen.values.front();
  const std::span<const double> x = eigen.vectors.column(0);
  least.vector.re.assign(x.begin(), x.begin() + n);
  least.vector.im.assign(x.begin() + n, x.end());
  return least;
}

// False where the budget does not allow the proof.
bool all_at_least(const GramPolynomial& g, std::span<const TorusPoint> points, double limit, Budget& budget,
                  Context& context) {
  if (!budget.allows(static_cast<double>(points.size()) * g.flops_of_point())) return false;
  std::vector<char> passed(points.size(), 0);
  factor_in_pieces(g, points.size(), budget, context, [&](std::size_t first, std::size_t count) {
    const std::vector<double> limits(count, limit);
    g.at_least(points.subspan(first, count), limits, std::span<char>(passed.data() + first, count), context);
  });
  return std::all_of(passed.begin(), passed.end(), [](char one) { return one != 0; });
}

// The index of the point of a grid next to t.
std::size_t nearest(std::span<const TorusPoint> points, const TorusPoint& t) {
  std::size_t best = 0;
  double least = kInfinity;
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (const TorusPoint& candidate : {t, canonical(t)}) {
      double distance = 0;
      for (std::size_t a = 0; a < 3; ++a) {
        const double d = static_cast<double>(points[i].numerator[a]) / static_cast<double>(points[i].denominator[a]) -
                         static_cast<double>(candidate.numerator[a]) / static_cast<double>(candidate.denominator[a]);
        const double wrapped = d - std::round(d);
        distance += wrapped * wrapped;
      }
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
  }
  return best;
}

// upper <- best (1 + width);  the points that are not proven to be below: their norms, best <- the largest, again
void largest_of_group(const GramPolynomial& g, std::size_t group, std::span<const TorusPoint> points, double width,
                      double enough, Best& best, Budget& budget, Context& context) {
  constexpr int kSteps = 200;
  // A value that is missed by less than the width costs no pass.
  const double tolerance = std::clamp(0.03 * width, 1e-9, 1e-3);
  Range& range = best.range;
  std::vector<TorusPoint> left(points.begin(), points.end());
  // Each pass finds the largest of up to 64 points that are left, so it removes at least one, except where rounding
  // keeps a point from passing: then the width grows.
  for (int pass = 0; !left.empty(); ++pass) {
    if (pass > 0 || range.lower == 0) {
      // What is left after the proof of all points that are left, for the search.
      const double room = budget.most_flops - budget.flops - static_cast<double>(left.size()) * g.flops_of_point();
      const double affordable = std::floor(room / flops_of_top(g, kSteps));
      if (!(affordable >= 1)) {
        range.upper = larger_of(range.upper, g.symbol().spread);
        return;
      }
      const std::vector<TorusPoint> some = thinned(left, static_cast<std::size_t>(std::min(affordable, 64.0)));
      std::vector<Top> tops = tops_at(g, some, tolerance, kSteps, context);
      for (Top& top : tops) {
        budget.flops += top.flops;
        best.look_at(g.symbol(), group, std::move(top));
      }
    }
    if (range.lower > enough) {
      range.upper = kInfinity;
      return;
    }
    if (pass >= 8) width *= 2;
    if (pass == 80) {
      range.upper = larger_of(range.upper, g.symbol().spread);
      return;
    }
    range.upper = larger_of(range.upper, round_up(range.lower * (1 + 0.9 * width)));
    const double square = round_down(range.upper * range.upper);
    // Most values are below the largest by more than the rounding of float.
    if (g.has_single() && g.relative_error<float>(square) < kRoomOfMost) {
      left = not_at_most(g, left, square, true, budget, context);
    }
    left = not_at_most(g, left, square, false, budget, context);
  }
}

}  // namespace

Range largest_on(const Symbols& symbols, std::span<const TorusPoint> points, const Range* near, double relative_width,
                 double enough, Budget& budget, Context& context) {
  return largest_of_groups(symbols, [&](std::size_t group, Best& best) {
    const Symbol& f = symbols.groups[group];
    if (!may_form(f, budget)) {
      best.range.upper = f.spread;
      return;
    }
    const GramPolynomial g(f, f.columns >= kSingleFrom && relative_width >= kLeastWidthOfSingle, context);
    if (!budget.allows(static_cast<double>(points.size()) * g.flops_of_point())) {
      best.range.upper = f.spread;
      return;
    }
    if (near != nullptr && near->group == group) {
      best.look_at(f, group,
                   top_at(g, points[nearest(points, near->top.at)], &near->top.vector, 1e-9, 200, nullptr, context));
    }
    largest_of_group(g, group, points, relative_width, enough, best, budget, context);
  });
}

// lower^2 <- the least eigenvalue that is seen, less an allowance;  until all points are proven to be above
Range smallest_on(const Symbols& symbols, std::span<const TorusPoint> points, Budget& budget, Context& context) {
  const SerialBlas serial;
  Range result{kInfinity, kInfinity, {}, 0};
  for (std::size_t group = 0; group < symbols.groups.size(); ++group) {
    const Symbol& f = symbols.groups[group];
    // About the flops of all eigenvalues and vectors of the real forms, of order 2 n.
    const double n = static_cast<double>(f.columns);
    const double search = 72 * n * n * n * static_cast<double>(points.size());
    if (!budget.allows(search) || !may_form(f, budget)) {
      result.lower = 0;
      result.upper = smaller_of(result.upper, f.spread);
      continue;
    }
    budget.flops += search;
    const GramPolynomial g(f, false, context);
    std::vector<Least> least(points.size());
    context.parallel_for(points.size(), [&](std::size_t i) {
      context.check_cancel();
      least[i] = least_at(g, points[i], context);
    });
    std::size_t at = 0;
    for (std::size_t i = 1; i < points.size(); ++i) {
      if (least[i].value < least[at].value) at = i;
    }
    result.upper = smaller_of(result.upper, quotient_above(f, points[at], least[at].vector));
    double lower = 0;
    // From close to the value down to far below it: each attempt that fails costs one pass.
    for (const double share : {1 - 1e-9, 1 - 1e-6, 1 - 1e-3, 0.5}) {
      const double limit = least[at].value * share - 1e-9 * f.spread * f.spread * (1 - share);
      if (!(limit > 0)) continue;
      if (!all_at_least(g, points, limit, budget, context)) continue;
      lower = round_down(std::sqrt(limit));
      break;
    }
    result.lower = smaller_of(result.lower, lower);
  }
  return result;
}

}  // namespace sigmax::bounds
