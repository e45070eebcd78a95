#include "sigmax/bounds/convolution_proof/one_axis.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/bounds/blas_support.hpp"
#include "sigmax/bounds/convolution_proof/hermitian_rounding.hpp"
#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/hermitian_cholesky.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

// c += a^T b or a b, columns of length k each, column-major without gaps.
void add_product(CBLAS_TRANSPOSE turn, std::int64_t m, std::int64_t n, std::int64_t k, const double* a,
                 std::int64_t lda, const double* b, std::int64_t ldb, double* c, std::int64_t ldc) {
  cblas_dgemm(CblasColMajor, turn, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1.0, a,
              static_cast<int>(lda), b, static_cast<int>(ldb), 0.0, c, static_cast<int>(ldc));
}

// The Gram matrix of Z on its shorter side. Z has a block for each pair of an output a and an input x with x = stride a
// + dilation p - pad_low: M_p, the sum over the other axes of phases times taps. Transposing Z and taking its complex
// conjugate leaves the singular values as they are. "Here" are the positions of the shorter side, "there" the others;
// X_p is M_p or its adjoint, with a column for each channel here, so that
//
//     block (y, y') of the Gram matrix = sum of X_p^* X_p' over positions `there` that y reads by p and y' by p'.
class Side {
 public:
  Side(const Symbol& f, const WholeAxis& whole) : f_(&f), whole_(whole) {
    const CorrelationAxis& axis = whole.axis;
    const std::int64_t of_outputs = f.is_transposed ? f.columns : f.rows;
    const std::int64_t of_inputs = f.is_transposed ? f.rows : f.columns;
    is_output_ = of_outputs * axis.output < of_inputs * axis.input;
    is_adjoint_ = is_output_ != f.is_transposed;
    width_ = is_output_ ? of_outputs : of_inputs;
    inner_ = is_output_ ? of_inputs : of_outputs;
    here_ = is_output_ ? axis.output : axis.input;
    there_ = is_output_ ? axis.input : axis.output;
    const std::int64_t reach = axis.dilation * (axis.kernel - 1);
    below_ = std::min(here_ - 1, is_output_ ? reach / axis.stride : reach);
  }

  std::int64_t width() const { return width_; }
  std::int64_t inner() const { return inner_; }
  std::int64_t here() const { return here_; }
  std::int64_t there() const { return there_; }
  std::int64_t order() const { return here_ * width_; }
  std::int64_t taps() const { return whole_.axis.kernel; }
  const Symbol& symbol() const { return *f_; }
  HermitianBand band() const { return HermitianBand::compact(width_, below_); }

  // The position `there` that `y` meets by tap p; -1: none.
  std::int64_t partner(std::int64_t y, std::int64_t p) const {
    const CorrelationAxis& axis = whole_.axis;
    if (is_output_) {
      const std::int64_t x = axis.stride * y + axis.dilation * p - axis.pad_low;
      return x >= 0 && x < axis.input ? x : -1;
    }
    const std::int64_t from = y + axis.pad_low - axis.dilation * p;
    return from >= 0 && from % axis.stride == 0 && from / axis.stride < axis.output ? from / axis.stride : -1;
  }

  // X_p at one frequency, real parts above imaginary parts: 2 inner x width, tap after tap.
  std::vector<double> taps_at(const TorusPoint& t) const {
    const std::int64_t height = 2 * inner_;
    std::vector<double> x(static_cast<std::size_t>(taps() * height * width_), 0.0);
    for (std::size_t index = 0; index < f_->taps.size(); ++index) {
      const Phase e = phase(f_->taps[index], t);
      const double* const from = f_->tap(index);
      double* const to = x.data() + f_->taps[index][whole_.index] * height * width_;
      for (std::int64_t j = 0; j < width_; ++j) {
        for (std::int64_t i = 0; i < inner_; ++i) {
          const double value = from[is_adjoint_ ? j + i * f_->rows : i + j * f_->rows];
          to[i + j * height] += e.cosine * value;
          to[i + inner_ + j * height] += (is_adjoint_ ? -e.sine : e.sine) * value;
        }
      }
    }
    return x;
  }

  // Of a product with the Gram matrix, by the taps.
  double flops_of_step() const {
    const double pairs = static_cast<double>(taps()) * static_cast<double>(width_) * static_cast<double>(inner_);
    return 8 * pairs * static_cast<double>(here_ + there_);
  }

  double flops() const {
    const auto k = static_cast<double>(taps());
    const auto w = static_cast<double>(width_);
    double columns = 0;
    const HermitianBand band = this->band();
    for (std::int64_t y = 0; y < here_; ++y) {
      const auto rows = static_cast<double>(std::min(order(), band.rows_of(y * width_)) - y * width_) - w / 2;
      columns += 4 * w * rows * rows;
    }
    return columns + 4 * k * (k + 1) * w * w * static_cast<double>(inner_);
  }

 private:
  const Symbol* f_;
  WholeAxis whole_;
  bool is_output_ = false;
  bool is_adjoint_ = false;  // X_p is the adjoint of the symbol's tap
  std::int64_t width_ = 0, inner_ = 0, here_ = 0, there_ = 0, below_ = 0;
};

// The lower triangle of -G in its band: each product of two taps is formed once.
std::vector<double> minus_gram(const Side& side, const std::vector<double>& x) {
  const HermitianBand band = side.band();
  const std::int64_t w = side.width();
  const std::int64_t height = 2 * side.inner();
  std::vector<double> b(static_cast<std::size_t>(band.size(side.order())), 0.0);
  std::vector<double> re(static_cast<std::size_t>(w * w)), im(re.size()), turned(static_cast<std::size_t>(height * w));
  for (std::int64_t q = 0; q < side.taps(); ++q) {
    const double* const second = x.data() + q * height * w;
    for (std::int64_t j = 0; j < w; ++j) {
      for (std::int64_t i = 0; i < side.inner(); ++i) {
        turned[static_cast<std::size_t>(i + j * height)] = second[i + side.inner() + j * height];
        turned[static_cast<std::size_t>(i + side.inner() + j * height)] = -second[i + j * height];
      }
    }
    for (std::int64_t p = 0; p < side.taps(); ++p) {
      std::vector<std::pair<std::int64_t, std::int64_t>> blocks;
      for (std::int64_t y = 0; y < side.here(); ++y) {
        const std::int64_t z = side.partner(y, p);
        for (std::int64_t other = std::max<std::int64_t>(0, y - band.below); z >= 0 && other <= y; ++other) {
          if (side.partner(other, q) == z) blocks.emplace_back(y, other);
        }
      }
      if (blocks.empty()) continue;
      const double* const first = x.data() + p * height * w;
      add_product(CblasTrans, w, w, height, first, height, second, height, re.data(), w);
      add_product(CblasTrans, w, w, height, first, height, turned.data(), height, im.data(), w);
      for (const auto& [y, other] : blocks) {
        for (std::int64_t j = 0; j < w; ++j) {
          double* const to = b.data() + y * w + 2 * (other * w + j) * band.stride;
          for (std::int64_t i = y == other ? j : 0; i < w; ++i) {
            to[i] -= re[static_cast<std::size_t>(i + j * w)];
            to[i + band.stride] -= im[static_cast<std::size_t>(i + j * w)];
          }
        }
      }
    }
  }
  return b;
}

// Whether |Z|_2 <= limit is proven for the Z of one frequency.
//
// Let Z~ be the matrix of the computed X_p. Each is a sum of Q phases times taps, wrong by at most sqrt(2) (gamma_{Q+2}
// + 8 kPhaseError) times the sum of magnitudes; the matrix of these is a sub-block of a convolution with nonnegative
// weights, so that its norm is at most `spread`, and |Z| <= |Z~| + e, e the constant times spread. Each part of an
// entry of the Gram matrix of Z~ sums at most 2 inner taps products: an error of sqrt(2) gamma (|Z~|^T |Z~|)_ij, of
// norm at most sqrt(2) gamma (spread + e)^2. The diagonal of limit^2 - G has two more roundings; and the factorization
// proves that the result is positive up to its own error (gram_polynomial.cpp has the argument).
bool is_at_most(const Side& side, const TorusPoint& t, double limit, Context& context) {
  const Symbol& f = side.symbol();
  const auto count = static_cast<std::int64_t>(f.taps.size());
  const double of_taps = round_up(1.5 * (gamma(count + 2) + 8 * kPhaseError) * f.spread);
  const double rest = limit - of_taps * (1 + 0x1p-40) - 0x1p-900;
  if (!(rest > 0)) return false;
  const double square = round_down(rest * rest);
  const double all = round_up(f.spread + of_taps);
  const double of_gram = round_up(1.5 * gamma(2 * side.inner() * side.taps() + side.taps() + 4) * all * all + 0x1p-900);
  std::vector<double> b = minus_gram(side, side.taps_at(t));
  const HermitianBand band = side.band();
  const std::int64_t n = side.order();
  double largest = 0;
  double of_factor = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    const double value = b[static_cast<std::size_t>(j + 2 * j * band.stride)];
    of_factor += hermitian_row_constant<double>(j + 1) * larger_of(square + value, 0.0);
    largest = larger_of(largest, square + 2 * std::fabs(value));
  }
  of_factor = round_up(of_factor * (1 + gamma(n + 4)));
  const double shifted = square - round_up(of_factor + 4 * kUnitRoundoff * largest + of_gram);
  if (!(shifted > 0) || !std::isfinite(shifted)) return false;
  for (std::int64_t j = 0; j < n; ++j) b[static_cast<std::size_t>(j + 2 * j * band.stride)] += shifted;
  return hermitian_cholesky(b.data(), n, band, context);
}

// Vectors are width x positions blocks, the real parts before the imaginary parts.
class Products {
 public:
  Products(const Side& side, const TorusPoint& t) : side_(side), x_(side.taps_at(t)) {}

  // y = Z^* Z v
  void apply(const std::vector<double>& v, std::vector<double>& y) {
    const std::int64_t w = side_.width(), inner = side_.inner(), here = side_.here(), there = side_.there();
    const std::int64_t height = 2 * inner;
    std::vector<double> image(static_cast<std::size_t>(height * 2 * there), 0.0);
    std::vector<double> part(static_cast<std::size_t>(height * 2 * here));
    for (std::int64_t p = 0; p < side_.taps(); ++p) {
      add_product(CblasNoTrans, height, 2 * here, w, x_.data() + p * height * w, height, v.data(), w, part.data(),
                  height);
      for (std::int64_t position = 0; position < here; ++position) {
        const std::int64_t z = side_.partner(position, p);
        if (z < 0) continue;
        const double* const of_re = part.data() + position * height;
        const double* const of_im = part.data() + (here + position) * height;
        // As the columns [re; im] and [im; -re] of the result.
        double* const first = image.data() + z * height;
        double* const second = image.data() + (there + z) * height;
        for (std::int64_t i = 0; i < inner; ++i) {
          const double re = of_re[i] - of_im[inner + i];
          const double im = of_re[inner + i] + of_im[i];
          first[i] += re;
          first[inner + i] += im;
          second[i] += im;
          second[inner + i] -= re;
        }
      }
    }
    std::fill(y.begin(), y.end(), 0.0);
    std::vector<double> back(static_cast<std::size_t>(w * 2 * there));
    for (std::int64_t p = 0; p < side_.taps(); ++p) {
      add_product(CblasTrans, w, 2 * there, height, x_.data() + p * height * w, height, image.data(), height,
                  back.data(), w);
      for (std::int64_t position = 0; position < here; ++position) {
        const std::int64_t z = side_.partner(position, p);
        if (z < 0) continue;
        for (std::int64_t i = 0; i < w; ++i) {
          y[static_cast<std::size_t>(position * w + i)] += back[static_cast<std::size_t>(z * w + i)];
          y[static_cast<std::size_t>((here + position) * w + i)] += back[static_cast<std::size_t>((there + z) * w + i)];
        }
      }
    }
  }

 private:
  const Side& side_;
  std::vector<double> x_;
};

double inner_product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

constexpr int kMostLanczosSteps = 80;

// Lanczos for the real form of Z^* Z. Without orthogonalization values repeat, which does not move the largest.
double norm_at(const Side& side, const TorusPoint& t, int& steps, const Context& context) {
  Products products(side, t);
  std::vector<double> v(static_cast<std::size_t>(2 * side.order())), before(v.size(), 0.0), y(v.size());
  static_cast<void>(fill_normal(RandomState{}, std::span<double>(v)));
  std::vector<double> alpha, beta;
  double norm = std::sqrt(inner_product(v, v));
  double value = 0;
  for (int step = 0; step < kMostLanczosSteps && norm > 0; ++step) {
    context.check_cancel();
    ++steps;
    for (double& entry : v) entry /= norm;
    products.apply(v, y);
    alpha.push_back(inner_product(v, y));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double next = y[i] - alpha.back() * v[i] - (step > 0 ? norm : 0.0) * before[i];
      before[i] = v[i];
      v[i] = next;
    }
    norm = std::sqrt(inner_product(v, v));
    if (step % 8 == 7 || step + 1 == kMostLanczosSteps || !(norm > 1e-13 * alpha.front())) {
      const auto size = static_cast<std::int64_t>(alpha.size());
      Matrix<double> projected(size, size);
      for (std::int64_t i = 0; i < size; ++i) {
        projected(i, i) = alpha[static_cast<std::size_t>(i)];
        if (i + 1 < size) projected(i, i + 1) = projected(i + 1, i) = beta[static_cast<std::size_t>(i)];
      }
      const double next = lapack::symmetric_eigen(std::move(projected)).values.back();
      const bool is_settled = next - value <= 1e-6 * next;
      value = next;
      if (is_settled || !(norm > 1e-13 * alpha.front())) break;
    }
    beta.push_back(norm);
  }
  return std::sqrt(std::max(value, 0.0));
}

}  // namespace

OneAxisCost one_axis_cost(const Symbols& symbols, const WholeAxis& whole, std::size_t points) {
  OneAxisCost cost;
  for (const Symbol& f : symbols.groups) {
    const Side side(f, whole);
    cost.flops += static_cast<double>(points) * side.flops();
    cost.bytes = std::max(cost.bytes, 8 * static_cast<double>(side.band().size(side.order())));
  }
  return cost;
}

double one_axis_estimate(const Symbols& symbols, const WholeAxis& whole, std::span<const TorusPoint> points,
                         Budget& budget, Context& context) {
  const SerialBlas serial;
  double largest = 0;
  for (const Symbol& f : symbols.groups) {
    const Side side(f, whole);
    if (!budget.allows(kMostLanczosSteps * side.flops_of_step() * static_cast<double>(points.size()))) return kInfinity;
    std::vector<double> norms(points.size());
    std::vector<int> steps(points.size(), 0);
    context.parallel_for(points.size(), [&](std::size_t i) { norms[i] = norm_at(side, points[i], steps[i], context); });
    for (const int taken : steps) budget.flops += taken * side.flops_of_step();
    largest = std::max(largest, *std::max_element(norms.begin(), norms.end()));
  }
  return largest;
}

double one_axis_upper(const Symbols& symbols, const WholeAxis& whole, std::span<const TorusPoint> points,
                      double estimate, double relative_width, Budget& budget, Context& context) {
  const SerialBlas serial;
  if (!blas_supports_proofs() || !(estimate > 0)) return kInfinity;
  double excess = 0.5 * relative_width;
  double limit = round_up(estimate * (1 + excess));
  for (const Symbol& f : symbols.groups) {
    const Side side(f, whole);
    std::vector<TorusPoint> left(points.begin(), points.end());
    for (int attempt = 0; !left.empty(); ++attempt) {
      const double flops = static_cast<double>(left.size()) * side.flops();
      if (attempt == 8 || !budget.allows(flops)) return kInfinity;
      if (attempt > 0) {
        excess = 4 * excess + 1e-9;
        limit = round_up(estimate * (1 + excess));
      }
      budget.flops += flops;
      budget.points += static_cast<std::int64_t>(left.size());
      std::vector<char> passed(left.size(), 0);
      context.parallel_for(left.size(), [&](std::size_t i) {
        context.check_cancel();
        passed[i] = is_at_most(side, left[i], limit, context) ? 1 : 0;
      });
      std::vector<TorusPoint> next;
      for (std::size_t i = 0; i < left.size(); ++i) {
        if (passed[i] == 0) next.push_back(left[i]);
      }
      left = std::move(next);
    }
  }
  return limit;
}

}  // namespace sigmax::bounds
