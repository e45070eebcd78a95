#include "sigmax/norms/numerical_radius.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <utility>
#include <variant>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/formed_operator.hpp"
#include "sigmax/bounds/numerical_radius.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/linalg/small_dense.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::norms {
namespace {

constexpr std::int64_t kLevelSets = 128;  // the largest order for which levels are computed
constexpr int kSamples = 24;
constexpr int kRefinements = 4;  // maxima that are refined
constexpr int kMostLevels = 20;
// Maxima closer than this count as one value: the eigenvalues are accurate to about n u.
constexpr double kTie = 1e-11;

// h and h' at an angle.
struct Sample {
  double angle = 0;
  double value = 0;
  double slope = 0;
  double next = 0;  // the next eigenvalue
  double alpha = 0;
  double beta = 0;          // x* A x = alpha - i beta
  std::vector<double> x{};  // re, im
};

// The symmetric and the skew part of a matrix with entries of at most 1. For x = a + i b,
//     x* Re(e^{it} A) x = cos t alpha + sin t beta,  alpha = a^T S a + b^T S b,  beta = -2 a^T K b.
class Support {
 public:
  explicit Support(const Matrix<double>& a) : n_(a.rows()), symmetric_(n_, n_), skew_(n_, n_) {
    for (std::int64_t j = 0; j < n_; ++j) {
      for (std::int64_t i = 0; i < n_; ++i) {
        symmetric_(i, j) = 0.5 * (a(i, j) + a(j, i));
        skew_(i, j) = 0.5 * (a(i, j) - a(j, i));
      }
    }
  }

  // The real form [[c S, -s K], [s K, c S]] has every eigenvalue twice.
  Sample at(double angle) const {
    const double c = std::cos(angle);
    const double s = std::sin(angle);
    Matrix<double> h(2 * n_, 2 * n_);
    for (std::int64_t j = 0; j < n_; ++j) {
      for (std::int64_t i = 0; i < n_; ++i) {
        h(i, j) = h(n_ + i, n_ + j) = c * symmetric_(i, j);
        h(n_ + i, j) = s * skew_(i, j);
        h(i, n_ + j) = -s * skew_(i, j);
      }
    }
    const SmallEigen top = largest_of_symmetric(std::move(h), std::min<std::int64_t>(3, 2 * n_));
    Sample result;
    result.angle = angle;
    result.value = top.value.front();
    result.next = top.value.size() > 2 ? top.value[2] : -std::numeric_limits<double>::infinity();
    result.x.assign(top.vector.column(0).begin(), top.vector.column(0).end());
    const std::span<const double> re(result.x.data(), static_cast<std::size_t>(n_));
    const std::span<const double> im(result.x.data() + n_, static_cast<std::size_t>(n_));
    result.alpha = form(symmetric_, re, re) + form(symmetric_, im, im);
    result.beta = -2 * form(skew_, re, im);
    result.slope = c * result.beta - s * result.alpha;
    return result;
  }

 private:
  static double form(const Matrix<double>& m, std::span<const double> x, std::span<const double> y) {
    double sum = 0;
    for (std::int64_t j = 0; j < m.columns(); ++j) {
      sum += y[static_cast<std::size_t>(j)] * blas::dot(m.column(j), x);
    }
    return sum;
  }

  std::int64_t n_;
  Matrix<double> symmetric_;
  Matrix<double> skew_;
};

// |x* A x| of the vector: h at the best angle for it is at least that.
double modulus(const Sample& s) { return std::hypot(s.alpha, s.beta); }

// The distance of the corner where the support lines at two angles meet: h is at most that in between.
double corner(const Sample& left, const Sample& right) {
  const double step = right.angle - left.angle;
  const double square =
      left.value * left.value + right.value * right.value - 2 * left.value * right.value * std::cos(step);
  return std::max({left.value, right.value, std::sqrt(std::max(square, 0.0)) / std::sin(step)});
}

// A maximum of h between two samples with h' >= 0 and h' <= 0: Illinois steps for h', which ends at a smooth maximum,
// since kinks of h are convex. h is flat there, so half of the digits of the angle give all of h.
Sample refined(const Support& support, const Sample& from, const Sample& to, Context& context) {
  double low = from.angle;
  double high = to.angle;
  double at_low = std::max(from.slope, 0.0);
  double at_high = std::min(to.slope, 0.0);
  Sample best = from.value >= to.value ? from : to;
  for (int step = 0; step < 40 && high - low > 1e-9; ++step) {
    context.check_cancel();
    double x = at_low > at_high ? low + (high - low) * at_low / (at_low - at_high) : 0.5 * (low + high);
    if (step % 3 == 2 || !(x > low) || !(x < high)) x = 0.5 * (low + high);
    Sample found = support.at(x);
    const double slope = found.slope;
    if (found.value > best.value) best = std::move(found);
    if (std::fabs(slope) <= 1e-13 * best.value) break;
    if (slope > 0) {
      low = x;
      at_low = slope;
      at_high *= 0.5;
    } else {
      high = x;
      at_high = slope;
      at_low *= 0.5;
    }
  }
  return best;
}

// The angles in [0, pi] with an eigenvalue of Re(e^{it} A) equal to r, among others, ascending; 0 and pi are added.
std::vector<double> level(const Matrix<double>& a, double r) {
  const std::int64_t n = a.rows();
  Matrix<double> left(2 * n, 2 * n);
  Matrix<double> right(2 * n, 2 * n);
  for (std::int64_t j = 0; j < n; ++j) {
    left(j, n + j) = 1;
    left(n + j, n + j) = 2 * r;
    right(j, j) = 1;
    for (std::int64_t i = 0; i < n; ++i) {
      left(n + i, j) = -a(j, i);
      right(n + i, n + j) = a(i, j);
    }
  }
  std::vector<double> angles{0, std::numbers::pi};
  for (const std::complex<double>& z : lapack::generalized_eigenvalues(std::move(left), std::move(right))) {
    // Double eigenvalues on the circle move off it by the root of rounding; others do no harm.
    if (std::fabs(std::abs(z) - 1) < 1e-5 && z.imag() >= 0) angles.push_back(std::arg(z));
  }
  std::sort(angles.begin(), angles.end());
  return angles;
}

struct RadiusSearch {
  const Matrix<double>& a;
  Context& context;
  Support support{a};
  std::vector<Sample> samples{};  // by angle
  Sample best{};

  void offer(const Sample& s) {
    if (s.value > best.value || best.x.empty()) best = s;
  }

  void sample(int count) {
    samples.clear();
    for (int i = 0; i <= count; ++i) {
      context.check_cancel();
      samples.push_back(support.at(std::numbers::pi * i / count));
      offer(samples.back());
    }
    // Between which samples a maximum lies that may be the largest, the most promising first. By symmetry about 0 and
    // pi h' vanishes there; rounding gives it a sign.
    std::vector<std::pair<double, std::size_t>> promising;
    for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
      const bool rises = i == 0 || samples[i].slope >= 0;
      const bool falls = i + 2 == samples.size() || samples[i + 1].slope <= 0;
      if (rises && falls) promising.emplace_back(corner(samples[i], samples[i + 1]), i);
    }
    std::sort(promising.rbegin(), promising.rend());
    if (promising.size() > kRefinements) promising.resize(kRefinements);
    for (const auto& [most, i] : promising) {
      if (most > best.value * (1 + kTie)) offer(refined(support, samples[i], samples[i + 1], context));
    }
  }

  // Intervals between the angles of a level are above it or below it as their midpoints are.
  void climb() {
    for (int step = 0; step < kMostLevels; ++step) {
      context.check_cancel();
      const std::vector<double> angles = level(a, best.value * (1 + kTie));
      const double before = best.value;
      for (std::size_t i = 0; i + 1 < angles.size(); ++i) {
        if (angles[i + 1] - angles[i] < 1e-9) continue;
        const Sample middle = support.at(0.5 * (angles[i] + angles[i + 1]));
        if (middle.value > before * (1 + kTie)) {
          offer(refined(support, support.at(angles[i]), support.at(angles[i + 1]), context));
        }
        offer(middle);
      }
      if (!(best.value > before * (1 + kTie))) return;
    }
  }
};

RadiusPoint point_of(const Matrix<double>& a, double unit, Context& context) {
  const SerialBlas serial;
  RadiusSearch search{a, context};
  const bool levels = a.rows() <= kLevelSets;
  search.sample(levels ? kSamples : 4 * kSamples);
  if (levels) search.climb();
  const Sample& best = search.best;
  RadiusPoint result;
  const auto n = static_cast<std::ptrdiff_t>(a.rows());
  result.re.assign(best.x.begin(), best.x.begin() + n);
  result.im.assign(best.x.begin() + n, best.x.end());
  // The angle that suits the vector best.
  result.angle = std::atan2(best.beta, best.alpha);
  result.norm.value = modulus(best) / unit;
  const double gap = std::max(best.value - best.next, 0.0) / best.value;
  if (std::isfinite(gap)) result.norm.gap = gap;
  const auto elsewhere = [&](const Sample& s) {
    return std::fabs(s.angle - best.angle) > 1e-3 && s.value >= best.value * (1 - kTie);
  };
  if (gap <= kTie) {
    result.norm.kind = GradientKind::subgradient;
    result.norm.note = "the largest eigenvalue of Re(e^it A) is multiple";
  } else if (std::any_of(search.samples.begin(), search.samples.end(), elsewhere)) {
    result.norm.kind = GradientKind::subgradient;
    result.norm.note = "several angles reach the numerical radius";
  }
  return result;
}

void require_square(const char* who, std::int64_t rows, std::int64_t columns) {
  if (rows == columns) return;
  throw Error(fmt::format("[{}] only a square matrix has a numerical radius, got {}x{}", who, rows, columns));
}

RadiusPoint zero_point(std::int64_t n) {
  RadiusPoint result;
  result.norm.kind = GradientKind::subgradient;
  result.norm.note = "the matrix is 0";
  result.re.assign(static_cast<std::size_t>(n), 0.0);
  result.im = result.re;
  result.re.front() = 1;
  return result;
}

RadiusPoint point_of(ScannedMatrix& m, Context& context) {
  const kernels::StoredMatrix& stored = m.view().matrix;
  require_square("numerical_radius", stored.rows, stored.columns);
  if (stored.size() == 0) throw Error("[numerical_radius] the matrix is empty");
  require_finite(m.facts(), "numerical_radius");
  if (m.facts().max_abs == 0) return zero_point(stored.rows);
  const InRange& range = m.in_range(context);
  const double scale = gram_scale(range.facts);
  // Rows become columns: the transpose of what is stored, which is the matrix itself if that was transposed.
  Matrix<double> a(stored.columns, stored.rows);
  kernels::convert(range.matrix, scale, a.values().data(), a.rows());
  if (!m.view().transposed) a = lapack::transposed(std::as_const(a).view());
  RadiusPoint result = point_of(a, scale, context);
  result.norm.value *= range.factor;
  return result;
}

NormResult of_stored(ScannedMatrix& m, const NormOptions& options, Context& context) {
  const RadiusPoint point = point_of(m, context);
  NormResult result;
  result.value = point.norm.value;
  result.gap = point.norm.gap;
  result.meaning = meaning_of(NumericalRadius{});
  if (!options.enclose) return result;
  const InRange& range = m.in_range(context);
  const Enclosure e = bounds::enclose_numerical_radius(range, point.re, point.im, context);
  require_unchanged(range, context);
  result.enclose(e);
  result.method = "a quotient, and Ando's matrix";
  return result;
}

// w(M + E) differs from w(M) by at most w(E) <= |E|_F.
NormResult of_formed(const bounds::FormedOperator& formed, Context& context) {
  NormResult result;
  result.meaning = meaning_of(NumericalRadius{});
  if (formed.is_zero()) {
    result.enclosure = bounds::exactly(0);
    return result;
  }
  ScannedMatrix m(StoredView{Tensor(), formed.matrix().matrix, formed.transposed()}, context);
  const RadiusPoint point = point_of(m, context);
  InRange range = formed.matrix();
  range.factor = 1;
  const Enclosure of_matrix = bounds::enclose_numerical_radius(range, point.re, point.im, context);
  const Enclosure e = formed.enclosure(of_matrix, *bounds::exactly(1).upper);
  const auto exponent = static_cast<int>(std::clamp<std::int64_t>(formed.exponent(), -5000, 5000));
  result.value = std::ldexp(point.norm.value, exponent);
  result.enclose(e);
  result.gap = point.norm.gap;
  result.method = "a quotient, Ando's matrix, and the rounding of what was formed";
  return result;
}

// The column-major matrix of entries is the row-major one of the transpose.
template <Real T>
ScannedMatrix formed_matrix(const Matrix<T>& formed, Context& context) {
  const kernels::StoredMatrix view{std::same_as<T, float> ? DType::f32 : DType::f64,
                                   std::as_bytes(formed.values()).data(), formed.columns(), formed.rows(),
                                   formed.rows()};
  return {StoredView{Tensor(), view, true}, context};
}

}  // namespace

template <Real T>
RadiusPoint numerical_radius_point(const LinearOperator<T>& a, Context& context) {
  const FloatingEnvironment environment;
  require_square("numerical_radius", a.shape().rows, a.shape().columns);
  const Matrix<T> formed = materialize(a, context);
  ScannedMatrix m = formed_matrix(formed, context);
  return point_of(m, context);
}

RadiusPoint numerical_radius_point(const Tensor& matrix, Context& context) {
  const FloatingEnvironment environment;
  ScannedMatrix m(stored_view(matrix), context);
  return point_of(m, context);
}

template <Real T>
NormResult numerical_radius(const LinearOperator<T>& a, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require_square("numerical_radius", a.shape().rows, a.shape().columns);
  const Structure<T> structure = a.structure();
  if (const auto* stored = std::get_if<structure::Stored>(&structure)) {
    ScannedMatrix m(StoredView{Tensor(), *stored->matrix, stored->transposed}, context);
    return of_stored(m, options, context);
  }
  if (options.enclose) {
    if (const auto formed = bounds::FormedOperator::of(a, options.certify.formed_up_to, context)) {
      return of_formed(*formed, context);
    }
  }
  const RadiusPoint point = numerical_radius_point(a, context);
  NormResult result;
  result.value = point.norm.value;
  result.gap = point.norm.gap;
  result.meaning = meaning_of(NumericalRadius{});
  return result;
}

NormResult numerical_radius(const Tensor& matrix, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  ScannedMatrix m(stored_view(matrix), context);
  return of_stored(m, options, context);
}

template RadiusPoint numerical_radius_point<float>(const LinearOperator<float>&, Context&);
template RadiusPoint numerical_radius_point<double>(const LinearOperator<double>&, Context&);
template NormResult numerical_radius<float>(const LinearOperator<float>&, const NormOptions&, Context&);
template NormResult numerical_radius<double>(const LinearOperator<double>&, const NormOptions&, Context&);

}  // namespace sigmax::norms
