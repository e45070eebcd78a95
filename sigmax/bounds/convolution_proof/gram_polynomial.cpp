#include "sigmax/bounds/convolution_proof/gram_polynomial.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include "sigmax/bounds/convolution_proof/hermitian_rounding.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/kernels/hermitian.hpp"
#include "sigmax/linalg/hermitian_cholesky.hpp"

namespace sigmax::bounds {
namespace {

// The share of the a-priori bound of the factorization's rounding that is subtracted. That bound takes the lengths of
// rows where sums of |l_im| |l_jm| count; in float the factor shows afterwards whether a share is enough. It is on
// Gaussian kernels, whose factors are full; on others there is more room.
template <Real T>
double share_of(std::int64_t n) {
  return std::same_as<T, float> ? smaller_of(1.0, 24.0 / static_cast<double>(n) + 0.15) : 1.0;
}

// At least | |L| |L|^T |_2 of a factor as hermitian_cholesky() leaves it. The quotient's sums have at most n
// nonnegative terms, four times, of magnitudes within 4 u of the exact ones.
double absolute_square_above(float* l, std::int64_t n, Context& context) {
  auto work = context.scratch<float>(static_cast<std::size_t>(18 * kernels::hermitian_order(n)));
  const double most = kernels::hermitian_absolute_square(l, n, work.data());
  // The squares may underflow: 2^-74 for a magnitude, for entries of B that are at least 2^-60 on the diagonal.
  return round_up(most * (1 + gamma_in<float>(static_cast<double>(8 * n + 32)))) + static_cast<double>(n * n) * 0x1p-60;
}

constexpr std::size_t kManyMatrices = 2048;
constexpr std::size_t kTogether = 8;                          // points: what the kernel takes at once
constexpr std::int64_t kSumsAtATime = std::int64_t{1} << 29;  // multiplications between two checks for cancellation

}  // namespace

std::size_t points_in_piece(std::int64_t order) {
  return static_cast<std::size_t>(std::clamp<std::int64_t>(16384 / (order * order), 8, 64));
}

GramPolynomial::GramPolynomial(const Symbol& symbol, bool single, Context& context)
    : symbol_(&symbol),
      n_(symbol.columns),
      differences_(tap_differences(symbol)),
      coordinates_(differences_),
      coefficients_(gram_coefficients(symbol, differences_, context)) {
  measure(context);
  if (single) coefficients_f_.assign(coefficients_.begin(), coefficients_.end());
}

// Each entry of the sum over q of |G_q computed - G_q| is at most gamma (sum_p |K_p|)^T (sum_p' |K_p'|), gamma for the
// rows x taps products of an entry, one more sum for G_q +- G_q^T; so the 2-norm at any t is at most gamma spread^2.
//
// An entry even cos(q.t) + i odd sin(q.t) changes by at most |q.(t - t')| |even| in its real part, |odd| in the other;
// |q.(t - t')| <= 2 r, since |q_a| is at most twice the degree. Both parts have the error of the coefficients.
void GramPolynomial::measure(Context& context) {
  constexpr std::size_t kRows = kernels::kHermitianRows;
  const auto entries = static_cast<std::size_t>(used_groups(n_)) * kRows;
  std::vector<double> even(entries, 0.0), odd(entries, 0.0), constant(entries, 0.0);
  const std::size_t piece = 256 * kRows;
  context.parallel_for((entries + piece - 1) / piece, [&](std::size_t index) {
    context.check_cancel();
    for (std::size_t i = index * piece; i < std::min(entries, (index + 1) * piece); ++i) {
      const double* const of_entry = coefficients_.data() + i / kRows * kRows * matrices() + i % kRows;
      constant[i] = std::fabs(of_entry[0]);
      for (std::size_t q = 1; q < differences_.size(); ++q) {
        even[i] += std::fabs(of_entry[q * kRows]);
        odd[i] += std::fabs(of_entry[(differences_.size() + q - 1) * kRows]);
      }
    }
  });
  const auto terms = symbol_->rows * static_cast<std::int64_t>(symbol_->taps.size()) + 3;
  product_error_ = round_up(gamma(terms) * symbol_->spread * symbol_->spread + 0x1p-900);
  variation_ = differences_.size() > 1 ? round_up(norm_of(even, odd) + 2 * product_error_) : 0.0;
  trace_ = 0;
  for (std::int64_t j = 0; j < n_; ++j) {
    trace_ += constant[static_cast<std::size_t>(kernels::hermitian_group(j, j)) * kRows +
                       static_cast<std::size_t>(j) % kRows];
  }
  for (std::size_t i = 0; i < entries; ++i) even[i] += constant[i];
  magnitude_ = norm_of(even, odd);
}

// At least the 2-norm of the Hermitian matrix with entries of these magnitudes, sqrt(even^2 + odd^2), in panels: the
// smaller one of Frobenius' norm and the largest row sum.
double GramPolynomial::norm_of(std::span<const double> even, std::span<const double> odd) const {
  std::vector<double> row_sums(static_cast<std::size_t>(n_), 0.0);
  double squares = 0;
  for (std::int64_t i = 0; i < n_; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      const auto at = static_cast<std::size_t>(kernels::hermitian_group(i, j) * kernels::kHermitianRows +
                                               i % kernels::kHermitianRows);
      const double size = std::sqrt(even[at] * even[at] + odd[at] * odd[at]);
      squares += (i == j ? 1 : 2) * size * size;
      row_sums[static_cast<std::size_t>(i)] += size;
      if (i != j) row_sums[static_cast<std::size_t>(j)] += size;
    }
  }
  const double slack = 1 + gamma(static_cast<std::int64_t>(differences_.size()) + n_ * n_ + n_ + 8);
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
  const auto order = static_cast<double>(kernels::hermitian_order(n_));
  return 4.0 / 3 * order * order * order + flops_of_value();
}

// Sums of all matrices in groups of 16; complex products for each phase from the tables, whose entries take a series
// and a reduction.
double GramPolynomial::flops_of_value() const {
  return 2 * static_cast<double>(matrices()) * 16 * static_cast<double>(used_groups(n_)) +
         16 * static_cast<double>(differences_.size()) + 400 * static_cast<double>(coordinates_.phases_computed());
}

// factor G(t) for each point, one after another.
template <Real T>
void GramPolynomial::evaluate(std::span<const TorusPoint> points, T factor, T* panels, const Context& context) const {
  const std::size_t count = differences_.size();
  if (matrices() > kManyMatrices && points.size() > kTogether) {
    // The weights of a few points stay in the cache.
    for (std::size_t first = 0; first < points.size(); first += kTogether) {
      evaluate<T>(points.subspan(first, std::min(kTogether, points.size() - first)), factor,
                  panels + static_cast<std::int64_t>(first) * kernels::hermitian_size(n_), context);
    }
    return;
  }
  std::vector<T> weights(matrices() * points.size());
  std::vector<Phase> phases(count);
  for (std::size_t i = 0; i < points.size(); ++i) {
    coordinates_.phases(points[i], phases);
    for (std::size_t q = 0; q < count; ++q) {
      const Phase e = phases[q];
      weights[q * points.size() + i] = factor * static_cast<T>(e.cosine);
      if (q > 0) weights[(count + q - 1) * points.size() + i] = factor * static_cast<T>(e.sine);
    }
  }
  const T* coefficients = nullptr;
  if constexpr (std::same_as<T, float>) {
    coefficients = coefficients_f_.data();
  } else {
    coefficients = coefficients_.data();
  }
  const auto evens = static_cast<std::int64_t>(count);
  const std::int64_t used = used_groups(n_);
  const std::int64_t size = kernels::hermitian_size(n_);
  for (std::size_t i = 0; i < points.size(); ++i) {
    T* const panel = panels + static_cast<std::int64_t>(i) * size;
    std::fill(panel + 32 * used, panel + size, T(0));
  }
  const auto all = static_cast<std::int64_t>(points.size());
  const auto of_group = static_cast<std::int64_t>(matrices()) * kernels::kHermitianRows;
  const std::int64_t each = std::max<std::int64_t>(1, kSumsAtATime / (of_group * all));
  for (std::int64_t first = 0; first < used; first += each) {
    context.check_cancel();
    kernels::hermitian_sums(coefficients + first * of_group, std::min(each, used - first), evens, evens - 1,
                            weights.data(), all, panels + 32 * first, size);
  }
}

// B = sign (limit' - G): limit' I - G or G - limit' I, limit' = limit less, or plus, all rounding. The rounding of the
// factorization is at most sum_i c_i b_ii, c_i the constant of row i; in float a share of that is subtracted, and c_n
// | |L| |L|^T |_2, which bounds it as well, must be within the share.
template <Real T>
void GramPolynomial::test(std::span<const TorusPoint> points, std::span<const double> limits, double sign,
                          std::span<char> passed, Context& context) const {
  const auto size = static_cast<std::size_t>(kernels::hermitian_size(n_));
  auto panels = context.scratch<T>(size * points.size());
  evaluate<T>(points, static_cast<T>(-sign), panels.data(), context);
  const double of_value = value_error<T>();
  for (std::size_t point = 0; point < points.size(); ++point) {
    T* const b = panels.data() + size * point;
    double largest = 0;
    double of_factor = 0;
    for (std::int64_t j = 0; j < n_; ++j) {
      const double value = static_cast<double>(b[kernels::hermitian_place(j, j)]);
      const double entry = sign * limits[point] + value;
      of_factor += hermitian_row_constant<T>(j + 1) * larger_of(entry, 0.0);
      largest = larger_of(largest, std::fabs(entry) + std::fabs(value));
    }
    // Moving the limit by the rounding makes the diagonal smaller, and with it the rounding.
    of_factor = round_up(share_of<T>(n_) * of_factor * (1 + gamma(n_ + 4)));
    const double rounding = round_up(of_factor + kRoundoff<T> * 4 * largest + of_value);
    const double limit = limits[point] - sign * rounding;
    passed[point] = 0;
    if (!(limit > 0) || !std::isfinite(limit)) continue;
    for (std::int64_t j = 0; j < kernels::hermitian_order(n_); ++j) {
      T& entry = b[kernels::hermitian_place(j, j)];
      entry = static_cast<T>(j < n_ ? sign * limit + static_cast<double>(entry) : limit);
    }
    if (!hermitian_cholesky(b, n_, context)) continue;
    if constexpr (std::same_as<T, float>) {
      if (share_of<T>(n_) < 1 && !(hermitian_row_constant<T>(n_) * absolute_square_above(b, n_, context) <= of_factor))
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

template void GramPolynomial::evaluate<float>(std::span<const TorusPoint>, float, float*, const Context&) const;
template void GramPolynomial::evaluate<double>(std::span<const TorusPoint>, double, double*, const Context&) const;
template void GramPolynomial::at_most<float>(std::span<const TorusPoint>, std::span<const double>, std::span<char>,
                                             Context&) const;
template void GramPolynomial::at_most<double>(std::span<const TorusPoint>, std::span<const double>, std::span<char>,
                                              Context&) const;
template double GramPolynomial::relative_error<float>(double) const;
template double GramPolynomial::relative_error<double>(double) const;

}  // namespace sigmax::bounds
