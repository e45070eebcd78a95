#include "sigmax/bounds/convolution_proof/top_vector.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/kernels/hermitian.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/linalg/nonsymmetric.hpp"

namespace sigmax::bounds {
namespace {

using Complex = std::complex<double>;
constexpr std::int64_t kFreeDenominator = std::int64_t{1} << 44;  // denominators of points that no grid gives

// Products with G in panels, of vectors with their real parts before their imaginary parts.
template <Real T>
class Product {
 public:
  Product(const T* panels, std::int64_t n, Context& context)
      : panels_(panels),
        n_(n),
        order_(kernels::hermitian_order(n)),
        numbers_(context.scratch<T>(static_cast<std::size_t>(36 * order_))) {
    std::fill(numbers_.begin(), numbers_.end(), T(0));
  }

  // y = G x
  void operator()(std::span<const double> x, std::span<double> y) {
    T* const from = numbers_.data();
    T* const to = from + 2 * order_;
    for (std::int64_t part = 0; part < 2; ++part) {
      for (std::int64_t i = 0; i < n_; ++i) {
        from[part * order_ + i] = static_cast<T>(x[static_cast<std::size_t>(part * n_ + i)]);
      }
    }
    kernels::hermitian_multiply(panels_, n_, from, to, to + 2 * order_);
    for (std::int64_t part = 0; part < 2; ++part) {
      for (std::int64_t i = 0; i < n_; ++i) {
        y[static_cast<std::size_t>(part * n_ + i)] = static_cast<double>(to[part * order_ + i]);
      }
    }
  }

 private:
  const T* panels_;
  std::int64_t n_;
  std::int64_t order_;
  Context::Buffer<T> numbers_;
};

double norm_of(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum);
}

// x^* y of two vectors of 2 n reals.
Complex inner(std::span<const double> x, std::span<const double> y) {
  const std::size_t n = x.size() / 2;
  double re = 0;
  double im = 0;
  for (std::size_t i = 0; i < n; ++i) {
    re += x[i] * y[i] + x[n + i] * y[n + i];
    im += x[i] * y[n + i] - x[n + i] * y[i];
  }
  return {re, im};
}

void subtract(std::span<double> y, Complex factor, std::span<const double> x) {
  const std::size_t n = x.size() / 2;
  for (std::size_t i = 0; i < n; ++i) {
    y[i] -= factor.real() * x[i] - factor.imag() * x[n + i];
    y[n + i] -= factor.real() * x[n + i] + factor.imag() * x[i];
  }
}

std::vector<double> first_vector(std::int64_t n, const ComplexVector* start) {
  std::vector<double> x(static_cast<std::size_t>(2 * n));
  if (start != nullptr && start->re.size() == static_cast<std::size_t>(n)) {
    std::ranges::copy(start->re, x.begin());
    std::ranges::copy(start->im, x.begin() + n);
  }
  if (!(norm_of(x) > 0)) static_cast<void>(fill_normal(RandomState{}, std::span<double>(x)));
  const double norm = norm_of(x);
  for (double& value : x) value /= norm;
  return x;
}

using Angles = std::array<double, 3>;

// |h|^2, h = sum_p w_p exp(i p.t), with its gradient and Hessian.
struct Scalar {
  double value = 0;
  Angles gradient{};
  std::array<Angles, 3> hessian{};
};

Scalar scalar_at(const Symbol& f, std::span<const Complex> w, const Angles& t) {
  Complex h;
  std::array<Complex, 3> first{};
  std::array<std::array<Complex, 3>, 3> second{};
  for (std::size_t p = 0; p < w.size(); ++p) {
    double angle = 0;
    for (std::size_t a = 0; a < 3; ++a) angle += static_cast<double>(f.taps[p][a]) * t[a];
    const Complex term = w[p] * std::polar(1.0, angle);
    h += term;
    for (std::size_t a = 0; a < 3; ++a) {
      const double pa = static_cast<double>(f.taps[p][a]) - f.degree[a];
      first[a] += Complex(0, pa) * term;
      for (std::size_t b = 0; b < 3; ++b) {
        second[a][b] -= pa * (static_cast<double>(f.taps[p][b]) - f.degree[b]) * term;
      }
    }
  }
  Scalar result{std::norm(h), {}, {}};
  for (std::size_t a = 0; a < 3; ++a) {
    result.gradient[a] = 2 * (std::conj(h) * first[a]).real();
    for (std::size_t b = 0; b < 3; ++b) {
      result.hessian[a][b] = 2 * (std::conj(h) * second[a][b] + std::conj(first[a]) * first[b]).real();
    }
  }
  return result;
}

// (damping I - H) d = gradient; nothing if the matrix is not positive definite.
bool step_of(const Scalar& s, double damping, Angles& d) {
  double l[3][3] = {};
  for (std::size_t j = 0; j < 3; ++j) {
    for (std::size_t i = j; i < 3; ++i) {
      double sum = (i == j ? damping : 0.0) - s.hessian[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= l[i][k] * l[j][k];
      if (i == j) {
        if (!(sum > 0)) return false;
        l[j][j] = std::sqrt(sum);
      } else {
        l[i][j] = sum / l[j][j];
      }
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    double sum = s.gradient[i];
    for (std::size_t k = 0; k < i; ++k) sum -= l[i][k] * d[k];
    d[i] = sum / l[i][i];
  }
  for (std::size_t i = 3; i-- > 0;) {
    double sum = d[i];
    for (std::size_t k = i + 1; k < 3; ++k) sum -= l[k][i] * d[k];
    d[i] = sum / l[i][i];
  }
  return true;
}

// The nearby maximum of |h|, by damped Newton steps that increase it.
Angles maximum_near(const Symbol& f, std::span<const Complex> w, Angles t) {
  Scalar s = scalar_at(f, w, t);
  double damping = 1e-3 * s.value;
  for (int step = 0; step < 30; ++step) {
    bool moved = false;
    for (int attempt = 0; attempt < 25 && !moved; ++attempt) {
      Angles d{};
      if (step_of(s, damping, d)) {
        Angles next = t;
        for (std::size_t a = 0; a < 3; ++a) next[a] += d[a];
        const Scalar there = scalar_at(f, w, next);
        if (there.value > s.value) {
          const double gain = there.value / s.value - 1;
          t = next;
          s = there;
          moved = true;
          damping /= 8;
          if (gain < 1e-15) return t;
        }
      }
      if (!moved) damping = std::max(damping * 4, 1e-8 * s.value);
    }
    if (!moved) break;
  }
  return t;
}

Angles angles_of(const TorusPoint& t) {
  Angles angles{};
  for (std::size_t a = 0; a < 3; ++a) {
    angles[a] = 2 * std::numbers::pi * static_cast<double>(t.numerator[a]) / static_cast<double>(t.denominator[a]);
  }
  return angles;
}

TorusPoint point_at(const Angles& angles) {
  TorusPoint t;
  for (std::size_t a = 0; a < 3; ++a) {
    const double turns = angles[a] / (2 * std::numbers::pi);
    const double part = turns - std::floor(turns);
    t.denominator[a] = kFreeDenominator;
    t.numerator[a] = static_cast<std::int64_t>(part * static_cast<double>(kFreeDenominator)) % kFreeDenominator;
  }
  return t;
}

}  // namespace

std::vector<Complex> tap_weights(const Symbol& f, const ComplexVector& u, const ComplexVector& v) {
  std::vector<Complex> w(f.taps.size());
  const auto m = static_cast<std::size_t>(f.rows);
  for (std::size_t p = 0; p < w.size(); ++p) {
    for (std::int64_t j = 0; j < f.columns; ++j) {
      const double* const column = f.tap(p) + j * f.rows;
      double re = 0;
      double im = 0;
      for (std::size_t i = 0; i < m; ++i) {
        re += u.re[i] * column[i];
        im -= u.im[i] * column[i];
      }
      w[p] += Complex(re, im) * Complex(v.re[static_cast<std::size_t>(j)], v.im[static_cast<std::size_t>(j)]);
    }
  }
  return w;
}

namespace {

template <Real T>
Top lanczos(const T* panels, std::int64_t n, const TorusPoint& t, const ComplexVector* start, double tolerance,
            int steps, const ComplexVector* apart, Context& context) {
  const SerialBlas serial;
  Product<T> multiply(panels, n, context);
  std::vector<double> x = first_vector(n, start);
  std::vector<double> excluded;
  if (apart != nullptr) {
    excluded = first_vector(n, apart);
    for (int pass = 0; pass < 2; ++pass) {
      subtract(x, inner(excluded, x), excluded);
      const double norm = norm_of(x);
      for (double& entry : x) entry /= norm;
    }
  }
  const int cycle = static_cast<int>(std::min<std::int64_t>(n, 24));
  double value = 0;
  double residual = 0;
  for (int done = 0; done < steps;) {
    std::vector<std::vector<double>> basis{x};
    std::vector<double> alpha, beta;
    for (int k = 0; k < cycle && done < steps; ++k, ++done) {
      std::vector<double> y(x.size());
      multiply(basis.back(), y);
      alpha.push_back(inner(basis.back(), y).real());
      for (int pass = 0; pass < 2; ++pass) {
        if (apart != nullptr) subtract(y, inner(excluded, y), excluded);
        for (const std::vector<double>& b : basis) subtract(y, inner(b, y), b);
      }
      const double norm = norm_of(y);
      beta.push_back(norm);
      if (!(norm > 1e-14 * alpha.front())) break;
      for (double& entry : y) entry /= norm;
      basis.push_back(std::move(y));
    }
    const auto size = static_cast<std::int64_t>(alpha.size());
    Matrix<double> projected(size, size);
    for (std::int64_t i = 0; i < size; ++i) {
      projected(i, i) = alpha[static_cast<std::size_t>(i)];
      if (i + 1 < size) projected(i, i + 1) = projected(i + 1, i) = beta[static_cast<std::size_t>(i)];
    }
    const auto eigen = lapack::symmetric_eigen(projected);
    value = eigen.values.back();
    std::fill(x.begin(), x.end(), 0.0);
    for (std::int64_t i = 0; i < size; ++i) {
      subtract(x, -eigen.vectors(i, size - 1), basis[static_cast<std::size_t>(i)]);
    }
    residual = beta.back() * std::fabs(eigen.vectors(size - 1, size - 1));
    if (!(residual > tolerance * value)) break;
  }
  Top top;
  top.at = t;
  top.norm = std::sqrt(std::max(value, 0.0));
  top.residual = value > 0 ? residual / value : 0.0;
  top.vector.re.assign(x.begin(), x.begin() + n);
  top.vector.im.assign(x.begin() + n, x.end());
  return top;
}

template <Real T>
Top top_in(const GramPolynomial& g, const TorusPoint& t, const ComplexVector* start, double tolerance, int steps,
           const ComplexVector* apart, Context& context) {
  auto panels = context.scratch<T>(static_cast<std::size_t>(kernels::hermitian_size(g.order())));
  g.values<T>({&t, 1}, panels.data());
  return lanczos<T>(panels.data(), g.order(), t, start, tolerance, steps, apart, context);
}

// Rounding in float changes a norm by about 1e-6 of it.
bool allows_single(const GramPolynomial& g, double tolerance) { return g.has_single() && tolerance >= 1e-4; }

}  // namespace

Top top_at(const GramPolynomial& g, const TorusPoint& t, const ComplexVector* start, double tolerance, int steps,
           const ComplexVector* apart, Context& context) {
  return top_in<double>(g, t, start, tolerance, steps, apart, context);
}

std::vector<Top> tops_at(const GramPolynomial& g, std::span<const TorusPoint> points, double tolerance, int steps,
                         Context& context) {
  std::vector<Top> tops(points.size());
  const auto size = static_cast<std::size_t>(kernels::hermitian_size(g.order()));
  const std::size_t piece = std::clamp<std::size_t>(points.size() / 6, 1, points_in_piece(g.order()));
  const auto work = [&]<class T>(std::size_t index, T) {
    const std::size_t first = index * piece;
    const std::span<const TorusPoint> some = points.subspan(first, std::min(piece, points.size() - first));
    auto panels = context.scratch<T>(size * some.size());
    g.values<T>(some, panels.data());
    for (std::size_t i = 0; i < some.size(); ++i) {
      tops[first + i] =
          lanczos<T>(panels.data() + size * i, g.order(), some[i], nullptr, tolerance, steps, nullptr, context);
    }
  };
  const bool single = allows_single(g, tolerance);
  context.parallel_for((points.size() + piece - 1) / piece, [&](std::size_t index) {
    context.check_cancel();
    if (single) {
      work(index, 0.0F);
    } else {
      work(index, 0.0);
    }
  });
  return tops;
}

namespace {

// K_p v for every tap, one after another: one read of the taps.
std::vector<ComplexVector> tap_products(const Symbol& f, const ComplexVector& v) {
  const SerialBlas serial;
  std::vector<ComplexVector> products(f.taps.size());
  const auto rows = static_cast<int>(f.rows);
  const auto columns = static_cast<int>(f.columns);
  for (std::size_t p = 0; p < products.size(); ++p) {
    for (const auto part : {&ComplexVector::re, &ComplexVector::im}) {
      std::vector<double>& y = products[p].*part;
      y.resize(static_cast<std::size_t>(f.rows));
      cblas_dgemv(CblasColMajor, CblasNoTrans, rows, columns, 1.0, f.tap(p), rows, (v.*part).data(), 1, 0.0, y.data(),
                  1);
    }
  }
  return products;
}

// u^* K_p v for every tap, u = F(t) v.
std::vector<Complex> own_weights(const Symbol& f, const TorusPoint& t, const ComplexVector& v) {
  const std::vector<ComplexVector> products = tap_products(f, v);
  const auto m = static_cast<std::size_t>(f.rows);
  ComplexVector u{std::vector<double>(m, 0.0), std::vector<double>(m, 0.0)};
  for (std::size_t p = 0; p < products.size(); ++p) {
    const Phase e = phase(f.taps[p], t);
    for (std::size_t i = 0; i < m; ++i) {
      u.re[i] += e.cosine * products[p].re[i] - e.sine * products[p].im[i];
      u.im[i] += e.sine * products[p].re[i] + e.cosine * products[p].im[i];
    }
  }
  std::vector<Complex> w(products.size());
  for (std::size_t p = 0; p < w.size(); ++p) {
    for (std::size_t i = 0; i < m; ++i) {
      w[p] += std::conj(Complex(u.re[i], u.im[i])) * Complex(products[p].re[i], products[p].im[i]);
    }
  }
  return w;
}

template <Real T>
Top climb_in(const GramPolynomial& g, Top from, double tolerance, Context& context) {
  constexpr int kMostSteps = 60;
  const Symbol& f = g.symbol();
  for (int step = 0; step < kMostSteps; ++step) {
    context.check_cancel();
    const Angles next = maximum_near(f, own_weights(f, from.at, from.vector), angles_of(from.at));
    const double residual = 0.03 * std::sqrt(tolerance);
    Top top = top_in<T>(g, point_at(next), &from.vector, residual, 48, nullptr, context);
    if (!(top.norm > from.norm)) break;
    const double gain = top.norm / from.norm - 1;
    from = std::move(top);
    if (gain < tolerance) break;
  }
  return from;
}

}  // namespace

Top climb(const GramPolynomial& g, Top from, double tolerance, Context& context) {
  const double residual = 0.03 * std::sqrt(tolerance);
  if (allows_single(g, residual)) return climb_in<float>(g, std::move(from), tolerance, context);
  return climb_in<double>(g, std::move(from), tolerance, context);
}

}  // namespace sigmax::bounds
