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

// A product with G and up to 24 vectors that the next one is made orthogonal to, twice.
double flops_of_steps(std::int64_t n, std::int64_t steps) {
  const auto order = static_cast<double>(kernels::hermitian_order(n));
  return 8 * static_cast<double>(steps) * order * (order + 32);
}

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
  int done = 0;
  while (done < steps) {
    std::vector<std::vector<double>> basis{x};
    std::vector<double> alpha, beta;
    for (int k = 0; k < cycle && done < steps; ++k, ++done) {
      context.check_cancel();
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
  top.flops = flops_of_steps(n, done);
  top.vector.re.assign(x.begin(), x.begin() + n);
  top.vector.im.assign(x.begin() + n, x.end());
  return top;
}

template <Real T>
Top top_in(const GramPolynomial& g, const TorusPoint& t, const ComplexVector* start, double tolerance, int steps,
           const ComplexVector* apart, Context& context) {
  auto panels = context.scratch<T>(static_cast<std::size_t>(kernels::hermitian_size(g.order())));
  g.values<T>({&t, 1}, panels.data(), context);
  Top top = lanczos<T>(panels.data(), g.order(), t, start, tolerance, steps, apart, context);
  top.flops += g.flops_of_value();
  return top;
}

// Rounding in float changes a norm by about 1e-6 of it.
bool allows_single(const GramPolynomial& g, double tolerance) { return g.has_single() && tolerance >= 1e-4; }

}  // namespace

double flops_of_top(const GramPolynomial& g, int steps) {
  return g.flops_of_value() + flops_of_steps(g.order(), std::min<std::int64_t>(steps, g.order()));
}

Top top_at(const GramPolynomial& g, const TorusPoint& t, const ComplexVector* start, double tolerance, int steps,
           const ComplexVector* apart, Context& context) {
  return top_in<double>(g, t, start, tolerance, steps, apart, context);
}

Top top_from(const GramPolynomial& g, const TorusPoint& t, const ComplexVector& start, double tolerance, int steps,
             Context& context) {
  if (allows_single(g, tolerance)) return top_in<float>(g, t, &start, tolerance, steps, nullptr, context);
  return top_in<double>(g, t, &start, tolerance, steps, nullptr, context);
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
    g.values<T>(some, panels.data(), context);
    for (std::size_t i = 0; i < some.size(); ++i) {
      tops[first + i] =
          lanczos<T>(panels.data() + size * i, g.order(), some[i], nullptr, tolerance, steps, nullptr, context);
      tops[first + i].flops += g.flops_of_value();
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

}  // namespace sigmax::bounds
