#include "sigmax/svd/complement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sigmax/svd/blas.hpp"
#include "sigmax/svd/interlacing.hpp"
#include "sigmax/svd/lapack.hpp"
#include "sigmax/svd/projected.hpp"

namespace sigmax {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Random vectors that a round begins with: two cost little more than one, and need about half the steps, since each may
// fail with the square root of the probability. Where rounds find something, the next ones look for more at a time.
constexpr std::int64_t kStarts = 2;
constexpr std::int64_t kMostStarts = 8;

// Up to this order the whole space is taken in at once: that costs no more than a process on what is left.
constexpr std::int64_t kSmallOrder = 32;

// Steps of a check that shows nothing.
constexpr std::int64_t kBriefSteps = 6;

// A recurrence that ends after a few steps, because few different values are left, is as uncertain as its rounding
// times the inverse of the failure probability: up to this much of theta is as close as may be expected, and as much of
// its root relative to the largest.
template <Real T>
constexpr double kConfirmed = std::same_as<T, float> ? 1e-2 : 1e-6;
template <Real T>
constexpr double kConfirmedRoot = std::same_as<T, float> ? 1e-3 : 1e-8;

// Rounds that may find something: each finds up to kStarts copies of a value.
constexpr int kMostRounds = 64;

template <Real To, Real From>
Matrix<To> converted(MatrixView<const From> x) {
  Matrix<To> result(x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) {
    std::transform(x.column(j).begin(), x.column(j).end(), result.column(j).begin(),
                   [](From value) { return static_cast<To>(value); });
  }
  return result;
}

// X -= V (V^T X), twice.
void remove(const Matrix<double>& v, Matrix<double>& x) {
  for (int pass = 0; pass < 2; ++pass) {
    const Matrix<double> c = lapack::product(v, x, true);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(x.rows()), static_cast<int>(x.columns()),
                static_cast<int>(v.columns()), -1.0, v.values().data(), static_cast<int>(v.rows()), c.values().data(),
                static_cast<int>(c.rows()), 1.0, x.values().data(), static_cast<int>(x.rows()));
  }
}

template <Real T>
Matrix<T> columns_of(const Matrix<T>& x, std::int64_t first, std::int64_t count) {
  Matrix<T> result(x.rows(), count);
  std::copy_n(x.values().begin() + static_cast<std::ptrdiff_t>(first * x.rows()), result.values().size(),
              result.values().begin());
  return result;
}

template <Real T>
Matrix<T> random_columns(std::int64_t rows, std::int64_t columns, RandomState& random) {
  Matrix<T> result(rows, columns);
  std::vector<double> normal(result.values().size());
  random = fill_normal(random, normal);
  std::transform(normal.begin(), normal.end(), result.values().begin(),
                 [](double value) { return static_cast<T>(value); });
  return result;
}

// V with orthonormal columns, its Ritz pairs of C, and what couples them to the rest.
template <Real T>
class Known {
 public:
  Known(std::int64_t n, const SymmetricProduct<T>& product) : n_(n), product_(product) {}

  // V <- the Ritz vectors in span(V, X).
  void join(const Matrix<T>& x) {
    Matrix<double> all(n_, v_.columns() + x.columns());
    std::ranges::copy(v_.values(), all.values().begin());
    std::ranges::copy(x.values(), all.values().begin() + static_cast<std::ptrdiff_t>(v_.values().size()));
    v_ = lapack::orthonormal(std::move(all));
    z_ = Matrix<double>(n_, v_.columns());
    coupled_.theta.assign(static_cast<std::size_t>(v_.columns()), 0.0);
    // Ritz values come out good to u theta_1: what is far below is looked at once more, by itself.
    for (std::int64_t first = 0; first < v_.columns();) {
      rotate_from(first);
      const double largest = coupled_.theta[static_cast<std::size_t>(first)];
      while (first < v_.columns() && coupled_.theta[static_cast<std::size_t>(first)] >= kGraded * largest) ++first;
      if (!(largest > 0)) break;
    }
    Matrix<double> e = z_;
    remove(v_, e);
    coupled_.f = lapack::product(e, e, true);
  }

  // The Ritz vectors in span(X, Y) and nothing else.
  void replace(const Matrix<T>& x, const Matrix<T>& y) {
    v_ = {};
    join(x);
    if (y.columns() > 0) join(y);
  }

  std::int64_t size() const { return v_.columns(); }
  std::int64_t products() const { return products_; }
  const Coupled& coupled() const { return coupled_; }
  Matrix<T> vectors(std::int64_t count) const { return converted<T>(v_.view().column_range(0, count)); }

 private:
  // Values below this much of the largest are evaluated once more.
  static constexpr double kGraded = 1e-3;

  // The columns from `first` on become Ritz vectors of their span, with their images.
  void rotate_from(std::int64_t first) {
    const std::int64_t count = v_.columns() - first;
    Matrix<double> v = columns_of(v_, first, count);
    const Matrix<T> rounded = converted<T>(std::as_const(v).view());
    Matrix<T> image(n_, count);
    product_(rounded.view(), image.view());
    products_ += count;
    v = converted<double>(rounded.view());
    const Matrix<double> z = converted<double>(std::as_const(image).view());
    Matrix<double> h = lapack::product(v, z, true);
    for (std::int64_t j = 0; j < count; ++j) {
      for (std::int64_t i = 0; i < j; ++i) h(j, i) = 0.5 * (h(i, j) + h(j, i));
    }
    const SmallEigen ritz = largest_of_symmetric(std::move(h), count);
    const Matrix<double> rotated = lapack::product(v, ritz.vector);
    const Matrix<double> of_rotated = lapack::product(z, ritz.vector);
    for (std::int64_t j = 0; j < count; ++j) {
      std::ranges::copy(rotated.column(j), v_.column(first + j).begin());
      std::ranges::copy(of_rotated.column(j), z_.column(first + j).begin());
      coupled_.theta[static_cast<std::size_t>(first + j)] = std::max(ritz.value[static_cast<std::size_t>(j)], 0.0);
    }
  }

  std::int64_t n_;
  const SymmetricProduct<T>& product_;
  Matrix<double> v_;
  Matrix<double> z_;  // C V
  Coupled coupled_;
  std::int64_t products_ = 0;
};

// The k-th vector is not good enough for any statement about the k-th value: Lanczos goes on from what is known, until
// its residual, which is an error of the value as long as nothing is known of the gap, is small enough.
template <Real T>
LanczosResult<T> refine(std::int64_t n, const SymmetricProduct<T>& product, const Matrix<T>& start,
                        const ComplementOptions& options, double tolerance, const RandomState& random,
                        Context& context) {
  LanczosOptions inner;
  inner.k = options.k;
  inner.accuracy = Accuracy::vectors;
  inner.tolerance = tolerance;
  inner.max_products = options.max_products;
  inner.neighbours = true;
  inner.random = random;
  return lanczos<T>(n, product, start.view(), inner, context);
}

// What rounding is relative to on the complement. C x = A^T (A x) rounds by u |A| |A x| and by |A^T| u |A| |x|; for x
// orthogonal to V, and with what lies along V taken off the image, |A x| and |A^T| are sigma_k in place of |A|. So
// values as small as 16 terms u |A| are still told apart, where A^T A itself loses all below sqrt(u) |A|.
template <Real T>
class Scales {
 public:
  Scales(const Coupled& coupled, const ComplementOptions& options)
      : terms_(static_cast<double>(options.terms + 256)),
        largest_(std::max(options.magnitude, coupled.theta.front())),
        kth_(coupled.theta[static_cast<std::size_t>(options.k) - 1]) {}

  bool usable() const { return largest_ > 0 && std::isfinite(largest_); }
  // Of products with the complement.
  double magnitude() const { return magnitude_of(kth_); }
  // Of theta or a bound on it, at most, to first order.
  double rounding(double theta) const { return 16 * kUnit * terms_ * magnitude_of(theta); }
  double rounding() const { return rounding(kth_); }
  // What sums of so many roundings come to in practice: nothing is shown by it, but what is larger is worth a look.
  double noise() const { return 8 * kUnit * std::sqrt(terms_) * magnitude(); }

 private:
  static constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2.0;

  double magnitude_of(double theta) const {
    const double floor = 16 * kUnit * terms_;
    return std::sqrt(largest_) * std::sqrt(std::max(theta, floor * floor * largest_));
  }

  double terms_;
  double largest_;
  double kth_;
};

// (I - V V^T) C (I - V V^T)
template <Real T>
SymmetricProduct<T> without(const SymmetricProduct<T>& product, const Matrix<T>& v) {
  return [&product, v = converted<double>(v.view())](MatrixView<const T> x, MatrixView<T> z) {
    Matrix<double> rest = converted<double>(x);
    remove(v, rest);
    product(converted<T>(std::as_const(rest).view()).view(), z);
    rest = converted<double>(MatrixView<const T>(z));
    remove(v, rest);
    for (std::int64_t j = 0; j < z.columns; ++j) {
      std::transform(rest.column(j).begin(), rest.column(j).end(), z.column(j).begin(),
                     [](double value) { return static_cast<T>(value); });
    }
  };
}

// What is known of the k values once no eigenvalue on the complement of the first `deflated` vectors exceeds `bound`.
template <Real T>
void conclude(const Known<T>& all, std::int64_t deflated, double bound, const ComplementOptions& options,
              Complement<T>& result) {
  const Scales<T> scales(all.coupled(), options);
  result.theta = all.coupled().theta;
  result.vectors = all.vectors(all.size());
  for (const double theta : result.theta) result.rounding.push_back(scales.rounding(theta));
  if (!(bound < kInfinity)) return;
  result.upper = upper_values(all.coupled(), options.k, deflated, bound);
  result.confirmed = true;
  for (std::size_t i = 0; i < result.upper.size(); ++i) {
    const double theta = result.theta[i];
    const double rounding = result.rounding[i];
    const double close = std::max({16 * options.same * theta, 2 * rounding, kConfirmed<T> * theta});
    const double root = std::sqrt(std::max(theta, 0.0)) + kConfirmedRoot<T> * std::sqrt(result.theta.front());
    result.confirmed = result.confirmed && result.upper[i] <= std::max(theta + close, root * root);
    result.upper[i] += rounding;
  }
}

}  // namespace

// repeat:
//   V <- the Ritz vectors of all that is known;  ceiling <- what the rest may reach and change nothing
//   Lanczos on the complement of V, from fresh random vectors, until
//     eigenvalues above the ceiling have converged:  they join V
//     or it is shown that there are none:            done
template <Real T>
Complement<T> check_complement(std::int64_t n, const SymmetricProduct<T>& product, Matrix<T> known,
                               const ComplementOptions& options, Context& context) {
  const SerialBlas serial;
  Complement<T> result;
  result.random = options.random;
  Known<T> all(n, product);
  all.join(known);
  if (n <= kSmallOrder && all.size() < n) all.join(random_columns<T>(n, n - all.size(), result.random));
  const bool full = options.failure_probability > 0;
  double failure_probability = options.failure_probability;
  std::int64_t products = 0;
  double bound = kInfinity;
  std::int64_t deflated = all.size();
  std::int64_t starts = kStarts;
  bool refined = false;
  for (int round = 0; round < kMostRounds; ++round) {
    const Coupled& coupled = all.coupled();
    const Scales<T> scales(coupled, options);
    if (!scales.usable()) break;
    const double kth = coupled.theta[static_cast<std::size_t>(options.k) - 1];
    const double same = std::max(options.same * kth, scales.rounding());
    const double seen = kth + std::max(options.same * kth, scales.noise());
    const Room room = room_above(coupled, options.k, kth + same);
    if (full && !room.found && all.size() < n && !std::exchange(refined, true)) {
      const LanczosResult<T> better =
          refine(n, product, all.vectors(all.size()), options, same / kth, result.random, context);
      result.random = better.random;
      products += better.products;
      result.reads += better.reads;
      all.replace(better.vectors, better.neighbours);
      continue;
    }
    deflated = room.deflated;
    if (deflated == n) {
      bound = -kInfinity;
      break;
    }
    const std::int64_t left = options.max_products - products - all.products();
    if (left < starts) break;

    failure_probability /= 2;
    LanczosOptions inner;
    inner.k = std::min(starts, n);
    inner.accuracy = options.accuracy;
    inner.tolerance = options.tolerance;
    inner.max_products = left;
    inner.starts = starts;
    inner.random = result.random;
    inner.basis = std::clamp<std::int64_t>((std::int64_t{1} << 27) / n, 64, 320);
    const double ceiling = std::max(room.ceiling, 0.5 * kth);
    inner.ceiling =
        Ceiling{ceiling,       std::min(ceiling, seen), full ? failure_probability : 0.0, starts * kBriefSteps,
                options.terms, scales.magnitude()};
    const Matrix<T> v = all.vectors(deflated);
    const LanczosResult<T> rest = lanczos<T>(n, without(product, v), {}, inner, context);
    products += rest.products;
    result.reads += rest.reads;
    result.random = rest.random;
    std::int64_t above = 0;
    while (above < inner.k && rest.theta[static_cast<std::size_t>(above)] > inner.ceiling->wanted) ++above;
    if (above == 0 || all.size() + above > n || rest.outcome == LanczosOutcome::out_of_products) {
      bound = full ? rest.bound : kInfinity;
      // Few different values are left: more vectors tell more, since each of them may fail more often.
      const bool over = rest.outcome == LanczosOutcome::invariant_subspace && bound > inner.ceiling->theta;
      if (over && starts < kMostStarts) {
        starts = kMostStarts;
        continue;
      }
      break;
    }
    all.join(columns_of(rest.vectors, 0, above));
    starts = std::min(2 * starts, kMostStarts);
    for (std::int64_t i = 0; i < above; ++i) {
      if (rest.theta[static_cast<std::size_t>(i)] > seen) ++result.joined;
    }
  }
  conclude(all, deflated, bound, options, result);
  result.products = products + all.products();
  return result;
}

template Complement<float> check_complement<float>(std::int64_t, const SymmetricProduct<float>&, Matrix<float>,
                                                   const ComplementOptions&, Context&);
template Complement<double> check_complement<double>(std::int64_t, const SymmetricProduct<double>&, Matrix<double>,
                                                     const ComplementOptions&, Context&);

}  // namespace sigmax
