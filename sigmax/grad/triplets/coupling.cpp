#include "sigmax/grad/triplets/coupling.hpp"

#include <fmt/format.h>

#include <limits>

#include "sigmax/core/error.hpp"
#include "sigmax/core/finite.hpp"
#include "sigmax/kernels/vector.hpp"

namespace sigmax {
namespace {

// Rounding of sums of inner products of vectors with that norm: of the inner products, and of the vectors.
template <Real T>
double negligible_of(double size) {
  return 64 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
}

template <Real T>
double size_of_column(const Matrix<T>& x, std::int64_t i) {
  return kernels::norm2(x.column(i));
}

}  // namespace

template <Real T>
std::vector<double> checked_values(const Frame<T>& frame, std::string_view who, const SvdCotangent<T>& cotangent) {
  const std::vector<double>& xi = cotangent.sigma;
  frame.require_block("the cotangent of u", cotangent.u, frame.u().rows);
  frame.require_block("the cotangent of v", cotangent.v, frame.v().rows);
  const auto k = static_cast<std::size_t>(frame.count());
  if (xi.empty()) return std::vector<double>(k, 0.0);
  if (xi.size() != k) throw Error(fmt::format("[{}] {} cotangents for {} singular values", who, xi.size(), k));
  require_finite<double>(xi, who, "the cotangent of the singular values");
  return xi;
}

template <Real T>
VectorCoupling::VectorCoupling(Frame<T>& frame, const Matrix<T>& phi, const Matrix<T>& psi)
    : s_(inner_products<T>(frame.u(), phi.view())),
      r_(inner_products<T>(frame.v(), psi.view())),
      c_(frame.count(), frame.count()),
      gap_(frame.count(), frame.count()),
      reach_(frame.count(), frame.count()) {
  for (std::int64_t i = 0; i < frame.count(); ++i) {
    for (std::int64_t j = 0; j < frame.count(); ++j) {
      if (i == j) continue;
      const double a = s_(j, i) - s_(i, j);
      const double b = r_(j, i) - r_(i, j);
      const double size =
          size_of_column(phi, i) + size_of_column(psi, i) + size_of_column(phi, j) + size_of_column(psi, j);
      const auto coupling = frame.couple(i, j, a + b, a - b, negligible_of<T>(size));
      c_(j, i) = coupling.close + coupling.far;
      gap_(j, i) = coupling.gap;
      reach_(j, i) = coupling.reach;
    }
  }
}

Matrix<double> VectorCoupling::derivative(const Matrix<double>& ds, const Matrix<double>& dr,
                                          std::span<const double> dsigma) const {
  Matrix<double> result(c_.rows(), c_.columns());
  for (std::int64_t i = 0; i < c_.columns(); ++i) {
    for (std::int64_t j = 0; j < c_.rows(); ++j) {
      if (i == j) continue;
      const double a = s_(j, i) - s_(i, j), b = r_(j, i) - r_(i, j);
      const double da = ds(j, i) - ds(i, j), db = dr(j, i) - dr(i, j);
      const double si = dsigma[static_cast<std::size_t>(i)], sj = dsigma[static_cast<std::size_t>(j)];
      const double gap = gap_(j, i), reach = reach_(j, i);
      result(j, i) =
          (da + db - (a + b) * (si - sj) / gap) / (2 * gap) + (da - db - (a - b) * (si + sj) / reach) / (2 * reach);
    }
  }
  return result;
}

template <Real T>
Rotation rotation(Frame<T>& frame, const Matrix<double>& p, double negligible) {
  const std::int64_t k = frame.count();
  Rotation result{Matrix<double>(k, k), Matrix<double>(k, k)};
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < k; ++j) {
      if (i == j) continue;
      const auto coupling = frame.couple(i, j, p(j, i) + p(i, j), p(j, i) - p(i, j), negligible);
      result.alpha(j, i) = coupling.close + coupling.far;
      result.beta(j, i) = coupling.close - coupling.far;
    }
  }
  return result;
}

template std::vector<double> checked_values<float>(const Frame<float>&, std::string_view, const SvdCotangent<float>&);
template std::vector<double> checked_values<double>(const Frame<double>&, std::string_view,
                                                    const SvdCotangent<double>&);
template VectorCoupling::VectorCoupling(Frame<float>&, const Matrix<float>&, const Matrix<float>&);
template VectorCoupling::VectorCoupling(Frame<double>&, const Matrix<double>&, const Matrix<double>&);
template Rotation rotation<float>(Frame<float>&, const Matrix<double>&, double);
template Rotation rotation<double>(Frame<double>&, const Matrix<double>&, double);

}  // namespace sigmax
