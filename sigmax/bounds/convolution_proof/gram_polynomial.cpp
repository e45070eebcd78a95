#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include "sigmax/bounds/convolution_proof/hermitian_rounding.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/hermitian_cholesky.hpp"

namespace sigmax::bounds {
namespace {

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, const double* b, double* c) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
              1.0, a, static_cast<int>(m), b, static_cast<int>(k), 0.0, c, static_cast<int>(m));
}
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, float* c) {
  cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
              1.0F, a, static_cast<int>(m), b, static_cast<int>(k), 0.0F, c, static_cast<int>(m));
}

// The share of the a-priori bound of the factorization's rounding that is subtracted. That bound takes the lengths of
// rows where sums of |l_im| |l_jm| count; in float the factor shows afterwards whether a share is enough. It is on
// Gaussian kernels, whose factors are full; on others there is more room.
template <Real T>
double share_of(std::int64_t n) {
  return std::same_as<T, float> ? smaller_of(1.0, 24.0 / static_cast<double>(n) + 0.15) : 1.0;
}

// At least | |L| |L|^T |_2 of a factor as hermitian_cholesky() leaves it: max (M x)_i / x_i for a positive x, M the
// matrix, x its row sums (Collatz). Sums of at most n nonnegative terms in double, twice, of magnitudes within 4 u of
// T.
double absolute_square_above(const float* l, std::int64_t n) {
  const auto order = static_cast<std::size_t>(n);
  std::vector<float> size(static_cast<std::size_t>(n * n));
  for (std::int64_t j = 0; j < n; ++j) {
    const float* const re = l + 2 * j * n;
    const float* const im = re + n;
    float* const column = size.data() + j * n;
    for (std::int64_t i = j; i < n; ++i) column[i] = std::sqrt(re[i] * re[i] + im[i] * im[i]);
  }
  const auto apply = [&](const std::vector<double>& x) {
    std::vector<double> y(order, 0.0);
    for (std::int64_t j = 0; j < n; ++j) {
      const float* const column = size.data() + j * n;
      double sums[4] = {0, 0, 0, 0};
      std::int64_t i = j;
      for (; i + 4 <= n; i += 4) {
        for (std::int64_t lane = 0; lane < 4; ++lane) {
          sums[lane] += static_cast<double>(column[i + lane]) * x[static_cast<std::size_t>(i + lane)];
        }
      }
      for (; i < n; ++i) sums[0] += static_cast<double>(column[i]) * x[static_cast<std::size_t>(i)];
      const double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      for (i = j; i < n; ++i) y[static_cast<std::size_t>(i)] += static_cast<double>(column[i]) * sum;
    }
    return y;
  };
  const std::vector<double> x = apply(std::vector<double>(order, 1.0));
  const std::vector<double> y = apply(x);
  double most = 0;
  for (std::size_t i = 0; i < order; ++i) most = larger_of(most, y[i] / x[i]);
  // The squares may underflow: 2^-74 for a magnitude, for entries of B that are at least 2^-60 on the diagonal.
  return round_up(most * (1 + 16 * kRoundoff<float>)) + static_cast<double>(n * n) * 0x1p-60;
}

bool is_half(const Position& q) { return q >= Position{0, 0, 0}; }

// The largest position on each axis; the least is 0.
Position extent_of(const Symbol& symbol) {
  Position most{0, 0, 0};
  for (const Position& p : symbol.taps) {
    for (std::size_t axis = 0; axis < 3; ++axis) most[axis] = std::max(most[axis], p[axis]);
  }
  return most;
}

double differences_in(const Position& most) {
  double product = 1;
  for (const std::int64_t last : most) product *= 2 * static_cast<double>(last) + 1;
  return (product + 1) / 2;
}

}  // namespace

std::size_t points_in_piece(std::int64_t order) {
  if (order >= 128) return 4;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(16384 / (order * order), 4, 64));
}

GramPolynomial::GramPolynomial(const Symbol& symbol, bool single, Context& context)
    : symbol_(&symbol), n_(symbol.columns), packed_(n_ * (n_ + 1) / 2) {
  // A box of taps has all differences in a box; a few scattered taps have those of their pairs.
  const Position most = extent_of(symbol);
  const double pairs = static_cast<double>(symbol.taps.size()) * static_cast<double>(symbol.taps.size());
  if (differences_in(most) <= pairs) {
    for (std::int64_t i = 0; i <= most[0]; ++i) {
      for (std::int64_t j = -most[1]; j <= most[1]; ++j) {
        for (std::int64_t k = -most[2]; k <= most[2]; ++k) {
          if (is_half({i, j, k})) differences_.push_back({i, j, k});
        }
      }
    }
  } else {
    for (const Position& a : symbol.taps) {
      for (const Position& b : symbol.taps) {
        const Position q{b[0] - a[0], b[1] - a[1], b[2] - a[2]};
        if (is_half(q)) differences_.push_back(q);
      }
    }
  }
  std::sort(differences_.begin(), differences_.end());
  differences_.erase(std::unique(differences_.begin(), differences_.end()), differences_.end());
  form_coefficients(context);
  measure();
  if (single) {
    cosine_f_.assign(cosine_.begin(), cosine_.end());
    sine_f_.assign(sine_.begin(), sine_.end());
  }
}

GramPolynomial::Cost GramPolynomial::cost(const Symbol& symbol) {
  const double taps = static_cast<double>(symbol.taps.size());
  const double n = static_cast<double>(symbol.columns);
  const double differences = std::min(differences_in(extent_of(symbol)), taps * taps);
  const double of_pair = 2 * static_cast<double>(symbol.rows) * n * n + 300;
  return {0.5 * taps * taps * of_pair, differences * n * (n + 1) * 12};
}

// G_q = sum over pairs of taps with p' - p = q of K_p^T K_p', each pair one product added to the others.
void GramPolynomial::form_coefficients(Context& context) {
  const Symbol& f = *symbol_;
  const auto packed = static_cast<std::size_t>(packed_);
  cosine_.resize(packed * differences_.size());
  sine_.resize(packed * (differences_.size() - 1));
  const SerialBlas serial;
  context.parallel_for(differences_.size(), [&](std::size_t index) {
    const Position& q = differences_[index];
    auto g = context.scratch<double>(static_cast<std::size_t>(n_ * n_));
    std::fill(g.begin(), g.end(), 0.0);
    for (std::size_t p = 0; p < f.taps.size(); ++p) {
      const Position other{f.taps[p][0] + q[0], f.taps[p][1] + q[1], f.taps[p][2] + q[2]};
      const auto found = std::lower_bound(f.taps.begin(), f.taps.end(), other);
      if (found == f.taps.end() || *found != other) continue;
      cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, static_cast<int>(n_), static_cast<int>(n_),
                  static_cast<int>(f.rows), 1.0, f.tap(p), static_cast<int>(f.rows),
                  f.tap(static_cast<std::size_t>(found - f.taps.begin())), static_cast<int>(f.rows), 1.0, g.data(),
                  static_cast<int>(n_));
    }
    double* even = cosine_.data() + packed * index;
    double* odd = index > 0 ? sine_.data() + packed * (index - 1) : nullptr;
    for (std::int64_t j = 0; j < n_; ++j) {
      for (std::int64_t i = j; i < n_; ++i) {
        const double a = g[static_cast<std::size_t>(i + j * n_)];
        const double b = g[static_cast<std::size_t>(j + i * n_)];
        *even++ = index > 0 ? a + b : a;
        if (odd != nullptr) *odd++ = a - b;
      }
    }
  });
}

// Each entry of the sum over q of |G_q computed - G_q| is at most gamma (sum_p |K_p|)^T (sum_p' |K_p'|), gamma for the
// rows x taps products of an entry, one more sum for G_q +- G_q^T; so the 2-norm at any t is at most gamma spread^2.
//
// An entry even cos(q.t) + i odd sin(q.t) changes by at most |q.(t - t')| |even| in its real part, |odd| in the other;
// |q.(t - t')| <= 2 r, since |q_a| is at most twice the degree. Both parts have the error of the coefficients.
void GramPolynomial::measure() {
  const auto packed = static_cast<std::size_t>(packed_);
  std::vector<double> even(packed, 0.0), odd(packed, 0.0);
  for (std::size_t q = 1; q < differences_.size(); ++q) {
    for (std::size_t i = 0; i < packed; ++i) even[i] += std::fabs(cosine_[q * packed + i]);
    for (std::size_t i = 0; i < packed; ++i) odd[i] += std::fabs(sine_[(q - 1) * packed + i]);
  }
  const auto terms = symbol_->rows * static_cast<std::int64_t>(symbol_->taps.size()) + 3;
  product_error_ = round_up(gamma(terms) * symbol_->spread * symbol_->spread + 0x1p-900);
  variation_ = differences_.size() > 1 ? round_up(norm_of(even, odd) + 2 * product_error_) : 0.0;
  for (std::size_t i = 0; i < packed; ++i) even[i] += std::fabs(cosine_[i]);
  magnitude_ = norm_of(even, odd);
  std::size_t at = 0;
  for (std::int64_t j = 0; j < n_; at += static_cast<std::size_t>(n_ - j), ++j) trace_ += cosine_[at];
}

// At least the 2-norm of the Hermitian matrix with entries of these magnitudes, sqrt(even^2 + odd^2): the smaller one
// of Frobenius' norm and the largest row sum.
double GramPolynomial::norm_of(std::span<const double> even, std::span<const double> odd) const {
  std::vector<double> row_sums(static_cast<std::size_t>(n_), 0.0);
  double squares = 0;
  std::size_t at = 0;
  for (std::int64_t j = 0; j < n_; ++j) {
    for (std::int64_t i = j; i < n_; ++i, ++at) {
      const double size = std::sqrt(even[at] * even[at] + odd[at] * odd[at]);
      squares += (i == j ? 1 : 2) * size * size;
      row_sums[static_cast<std::size_t>(i)] += size;
      if (i != j) row_sums[static_cast<std::size_t>(j)] += size;
    }
  }
  const double slack = 1 + gamma(static_cast<std::int64_t>(differences_.size()) + packed_ + n_ + 8);
  const double largest = *std::max_element(row_sums.begin(), row_sums.end());
  return round_up(smaller_of(std::sqrt(squares), largest) * slack);
}

// Coefficients rounded to T, phases with 8 kPhaseError and rounded to T, |q| + 1 terms in any order.
template <Real T>
double GramPolynomial::value_error() const {
  const double terms = static_cast<double>(differences_.size()) + 4;
  const double underflow = std::same_as<T, float> ? 0x1p-100 : 0x1p-900;
  return round_up(product_error_ + (gamma_in<T>(terms) + 16 * kPhaseError) * magnitude_ +
                  static_cast<double>(n_) * underflow);
}

template <Real T>
double GramPolynomial::relative_error(double limit) const {
  double sum = 0;
  for (std::int64_t k = 1; k <= n_; ++k) sum += hermitian_row_constant<T>(k);
  sum *= share_of<T>(n_);
  const double mean = larger_of(limit - trace_ / static_cast<double>(n_), 0.0);
  return (sum * mean + value_error<T>()) / limit + 4 * kRoundoff<T>;
}

double GramPolynomial::flops_of_point() const {
  const double n = static_cast<double>(n_);
  return 4.0 / 3 * n * n * n + 2 * static_cast<double>(differences_.size()) * n * n + 500;
}

template <Real T>
void GramPolynomial::evaluate(std::span<const TorusPoint> points, T* re, T* im) const {
  const std::size_t count = differences_.size();
  std::vector<T> cosines(count * points.size()), sines((count - 1) * points.size() + 1);
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t q = 0; q < count; ++q) {
      const Phase e = phase(differences_[q], points[i]);
      cosines[i * count + q] = static_cast<T>(e.cosine);
      if (q > 0) sines[i * (count - 1) + q - 1] = static_cast<T>(e.sine);
    }
  }
  const auto k = static_cast<std::int64_t>(count);
  const auto columns = static_cast<std::int64_t>(points.size());
  const T* even = nullptr;
  const T* odd = nullptr;
  if constexpr (std::same_as<T, float>) {
    even = cosine_f_.data();
    odd = sine_f_.data();
  } else {
    even = cosine_.data();
    odd = sine_.data();
  }
  gemm(packed_, columns, k, even, cosines.data(), re);
  if (k > 1) {
    gemm(packed_, columns, k - 1, odd, sines.data(), im);
  } else {
    std::fill_n(im, static_cast<std::size_t>(packed_ * columns), T(0));
  }
}

// B = sign (limit' - G): limit' I - G or G - limit' I, limit' = limit less, or plus, all rounding. The rounding of the
// factorization is at most sum_i c_i b_ii, c_i the constant of row i; in float a share of that is subtracted, and c_n
// | |L| |L|^T |_2, which bounds it as well, must be within the share.
template <Real T>
void GramPolynomial::test(std::span<const TorusPoint> points, std::span<const double> limits, double sign,
                          std::span<char> passed, Context& context) const {
  const auto packed = static_cast<std::size_t>(packed_);
  auto re = context.scratch<T>(packed * points.size());
  auto im = context.scratch<T>(packed * points.size());
  evaluate<T>(points, re.data(), im.data());
  auto b = context.scratch<T>(static_cast<std::size_t>(2 * n_ * n_));
  const double of_value = value_error<T>();
  for (std::size_t point = 0; point < points.size(); ++point) {
    const T* even = re.data() + packed * point;
    const T* odd = im.data() + packed * point;
    double largest = 0;
    double of_factor = 0;
    std::size_t at = 0;
    for (std::int64_t j = 0; j < n_; ++j) {
      const double entry = sign * (limits[point] - static_cast<double>(even[at]));
      of_factor += hermitian_row_constant<T>(j + 1) * larger_of(entry, 0.0);
      largest = larger_of(largest, std::fabs(entry) + std::fabs(static_cast<double>(even[at])));
      at += static_cast<std::size_t>(n_ - j);
    }
    // Moving the limit by the rounding makes the diagonal smaller, and with it the rounding.
    of_factor = round_up(share_of<T>(n_) * of_factor * (1 + gamma(n_ + 4)));
    const double rounding = round_up(of_factor + kRoundoff<T> * 4 * largest + of_value);
    const double limit = limits[point] - sign * rounding;
    passed[point] = 0;
    if (!(limit > 0) || !std::isfinite(limit)) continue;
    at = 0;
    for (std::int64_t j = 0; j < n_; ++j) {
      T* const column = b.data() + 2 * j * n_;
      for (std::int64_t i = j; i < n_; ++i, ++at) {
        column[i] = static_cast<T>(-sign) * even[at];
        column[i + n_] = static_cast<T>(-sign) * odd[at];
      }
      column[j] = static_cast<T>(sign * limit + static_cast<double>(column[j]));
    }
    if (!hermitian_cholesky(b.data(), n_, context)) continue;
    if constexpr (std::same_as<T, float>) {
      if (share_of<T>(n_) < 1 && !(hermitian_row_constant<T>(n_) * absolute_square_above(b.data(), n_) <= of_factor))
        continue;
    }
    passed[point] = 1;
  }
}

template <Real T>
void GramPolynomial::at_most(std::span<const TorusPoint> points, std::span<const double> limits, std::span<char> passed,
                             Context& context) const {
  test<T>(points, limits, 1, passed, context);
}

void GramPolynomial::at_least(std::span<const TorusPoint> points, std::span<const double> limits,
                              std::span<char> passed, Context& context) const {
  test<double>(points, limits, -1, passed, context);
}

void GramPolynomial::value(const TorusPoint& t, std::vector<double>& re, std::vector<double>& im) const {
  const auto order = static_cast<std::size_t>(n_);
  std::vector<double> even(static_cast<std::size_t>(packed_)), odd(even.size(), 0.0);
  std::vector<double> cosines, sines;
  for (const Position& q : differences_) {
    const Phase e = phase(q, t);
    cosines.push_back(e.cosine);
    if (cosines.size() > 1) sines.push_back(e.sine);
  }
  const auto rows = static_cast<int>(packed_);
  cblas_dgemv(CblasColMajor, CblasNoTrans, rows, static_cast<int>(cosines.size()), 1.0, cosine_.data(), rows,
              cosines.data(), 1, 0.0, even.data(), 1);
  if (!sines.empty()) {
    cblas_dgemv(CblasColMajor, CblasNoTrans, rows, static_cast<int>(sines.size()), 1.0, sine_.data(), rows,
                sines.data(), 1, 0.0, odd.data(), 1);
  }
  re.resize(order * order);
  im.resize(order * order);
  std::size_t at = 0;
  for (std::size_t j = 0; j < order; ++j) {
    for (std::size_t i = j; i < order; ++i, ++at) {
      re[i + j * order] = re[j + i * order] = even[at];
      im[i + j * order] = odd[at];
      im[j + i * order] = -odd[at];
    }
    im[j + j * order] = 0;
  }
}

template void GramPolynomial::at_most<float>(std::span<const TorusPoint>, std::span<const double>, std::span<char>,
                                             Context&) const;
template void GramPolynomial::at_most<double>(std::span<const TorusPoint>, std::span<const double>, std::span<char>,
                                              Context&) const;
template double GramPolynomial::relative_error<float>(double) const;
template double GramPolynomial::relative_error<double>(double) const;

}  // namespace sigmax::bounds
