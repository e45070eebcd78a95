// Penalties' gradients and proximal maps as written without this library: a full decomposition by LAPACK, new weights
// for the singular vectors, one product; only products if a penalty depends on W^T W. In single precision
// torch.linalg.svd does the same on a CPU; in double this is the reference.
#pragma once

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "benchmarks/common/gesdd.hpp"

namespace sigmax::benchmark::eager {

/// Maps all singular values, descending, to their replacements.
using Weights = std::function<std::vector<double>(const std::vector<double>& sigma)>;

template <class Real>
struct Decomposition {
  int order;
  std::vector<Real> u;  ///< column-major
  std::vector<double> sigma;
  std::vector<Real> vt;
};

/// The decomposition of a row-major square matrix, which is the column-major transpose: u and vt belong to the
/// transpose.
template <class Real>
Decomposition<Real> decompose(std::span<const Real> w) {
  const int n = static_cast<int>(std::lround(std::sqrt(static_cast<double>(w.size()))));
  std::vector<Real> copy(w.begin(), w.end()), s(static_cast<std::size_t>(n)), u(w.size()), vt(w.size());
  std::vector<int> integers(8 * s.size());
  int info = 0;
  const auto call = [&](Real* work, int size) {
    if constexpr (sizeof(Real) == sizeof(float)) {
      sgesdd_("S", &n, &n, copy.data(), &n, s.data(), u.data(), &n, vt.data(), &n, work, &size, integers.data(), &info);
    } else {
      dgesdd_("S", &n, &n, copy.data(), &n, s.data(), u.data(), &n, vt.data(), &n, work, &size, integers.data(), &info);
    }
  };
  Real wanted = 0;
  call(&wanted, -1);
  std::vector<Real> work(static_cast<std::size_t>(wanted) + 1);
  call(work.data(), static_cast<int>(work.size()));
  return {n, std::move(u), {s.begin(), s.end()}, std::move(vt)};
}

inline void multiply(CBLAS_TRANSPOSE left, CBLAS_TRANSPOSE right, int m, int n, int k, const float* a, const float* b,
                     float* c) {
  cblas_sgemm(CblasColMajor, left, right, m, n, k, 1, a, left == CblasNoTrans ? m : k, b, right == CblasNoTrans ? k : n,
              0, c, m);
}
inline void multiply(CBLAS_TRANSPOSE left, CBLAS_TRANSPOSE right, int m, int n, int k, const double* a, const double* b,
                     double* c) {
  cblas_dgemm(CblasColMajor, left, right, m, n, k, 1, a, left == CblasNoTrans ? m : k, b, right == CblasNoTrans ? k : n,
              0, c, m);
}

/// U diag(weights) V^T up to the last weight that is not 0, row-major like W.
template <class Real>
void recompose(Decomposition<Real> of, const std::vector<double>& weights, std::span<Real> out) {
  const auto order = static_cast<std::size_t>(of.order);
  std::size_t kept = order;
  while (kept > 0 && weights[kept - 1] == 0) --kept;
  for (std::size_t k = 0; k < kept; ++k) {
    for (std::size_t i = 0; i < order; ++i) of.u[k * order + i] *= static_cast<Real>(weights[k]);
  }
  // The first `kept` rows of vt are not contiguous: its transpose's columns are.
  std::vector<Real> v(kept * order);
  for (std::size_t k = 0; k < kept; ++k) {
    for (std::size_t j = 0; j < order; ++j) v[k * order + j] = of.vt[j * order + k];
  }
  const int n = of.order;
  multiply(CblasNoTrans, CblasTrans, n, n, static_cast<int>(kept), of.u.data(), v.data(), out.data());
}

template <class Real>
void by_decomposition(std::span<const Real> w, const Weights& weights, std::span<Real> out) {
  Decomposition<Real> all = decompose(w);
  const std::vector<double> mapped = weights(all.sigma);
  recompose(std::move(all), mapped, out);
}

/// 4 W (W^T W - I); with the column-major transpose M of W: 4 (M M^T - I) M.
template <class Real>
void orthogonality(std::span<const Real> w, std::span<Real> out) {
  const int n = static_cast<int>(std::lround(std::sqrt(static_cast<double>(w.size()))));
  std::vector<Real> gram(w.size());
  multiply(CblasNoTrans, CblasTrans, n, n, n, w.data(), w.data(), gram.data());
  for (std::size_t i = 0; i < gram.size(); i += static_cast<std::size_t>(n) + 1) gram[i] -= 1;
  for (Real& value : gram) value *= 4;
  multiply(CblasNoTrans, CblasNoTrans, n, n, n, gram.data(), w.data(), out.data());
}

/// factor(|W|_F) W
template <class Real>
void scaled(std::span<const Real> w, const std::function<double(double)>& factor, std::span<Real> out) {
  double squares = 0;
  for (const Real value : w) squares += static_cast<double>(value) * static_cast<double>(value);
  const auto by = static_cast<Real>(factor(std::sqrt(squares)));
  std::ranges::transform(w, out.begin(), [by](Real value) { return by * value; });
}

/// theta >= 0 with sum_i clip(sigma_i - theta, 0, cap) = total, by bisection; 0 if the sum is less at theta = 0.
inline double level(const std::vector<double>& sigma, double cap, double total) {
  const auto sum = [&](double theta) {
    double taken = 0;
    for (const double value : sigma) taken += std::clamp(value - theta, 0.0, cap);
    return taken;
  };
  double low = 0, high = sigma.front();
  for (int step = 0; step < 100 && sum(0) > total; ++step)
    (sum((low + high) / 2) > total ? low : high) = (low + high) / 2;
  return sum(0) > total ? high : 0;
}

}  // namespace sigmax::benchmark::eager
