// The peers that are C, C++ and Fortran libraries: LAPACK and ARPACK over OpenBLAS, Spectra and Eigen. Each gives the k
// largest singular values of a row-major fp32 matrix, as their users call them.
#pragma once

#include <arpack/arpack.h>
#include <cblas.h>

#include <Spectra/SymEigsSolver.h>
#include <Spectra/contrib/PartialSVDSolver.h>
#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <vector>

#include "benchmarks/common/data.hpp"
#include "benchmarks/common/gesdd.hpp"

namespace sigmax::benchmark::peers {

/// LAPACK's divide and conquer, values only, in Real; all values, descending.
template <class Real>
std::vector<Real> lapack_values(const FloatMatrix& a) {
  const int m = static_cast<int>(a.columns);  // the row-major matrix is the column-major transpose
  const int n = static_cast<int>(a.rows);
  std::vector<Real> copy(a.values.begin(), a.values.end());
  std::vector<Real> s(static_cast<std::size_t>(std::min(m, n)));
  std::vector<int> integers(8 * s.size());
  const int one = 1;
  const int query = -1;
  int info = 0;
  Real wanted = 0;
  const auto call = [&](Real* work, const int* size) {
    if constexpr (sizeof(Real) == sizeof(float)) {
      sgesdd_("N", &m, &n, copy.data(), &m, s.data(), nullptr, &one, nullptr, &one, work, size, integers.data(), &info);
    } else {
      dgesdd_("N", &m, &n, copy.data(), &m, s.data(), nullptr, &one, nullptr, &one, work, size, integers.data(), &info);
    }
  };
  call(&wanted, &query);
  std::vector<Real> work(static_cast<std::size_t>(wanted) + 1);
  const int size = static_cast<int>(work.size());
  call(work.data(), &size);
  return s;
}

/// z = A^T A x or A A^T x, on the shorter side, by two products of OpenBLAS.
class BlasGram {
 public:
  using Scalar = float;
  explicit BlasGram(const FloatMatrix& a) : a_(a), image_(static_cast<std::size_t>(std::max(a.rows, a.columns))) {}
  Eigen::Index rows() const { return std::min(a_.rows, a_.columns); }
  Eigen::Index cols() const { return rows(); }
  void perform_op(const float* x, float* z) const {
    const int m = static_cast<int>(a_.rows);
    const int n = static_cast<int>(a_.columns);
    const auto first = m >= n ? CblasNoTrans : CblasTrans;
    const auto second = m >= n ? CblasTrans : CblasNoTrans;
    cblas_sgemv(CblasRowMajor, first, m, n, 1.0F, a_.values.data(), n, x, 1, 0.0F, image_.data(), 1);
    cblas_sgemv(CblasRowMajor, second, m, n, 1.0F, a_.values.data(), n, image_.data(), 1, 0.0F, z, 1);
  }

 private:
  const FloatMatrix& a_;
  mutable std::vector<float> image_;
};

/// ARPACK's implicitly restarted Lanczos process on the Gram operator, with vectors if `vectors`: k values, descending.
inline std::vector<double> arpack(const FloatMatrix& a, int k, float tolerance, bool vectors = false) {
  const BlasGram gram(a);
  const int n = static_cast<int>(gram.rows());
  const int basis = std::min(n, std::max(2 * k + 1, 20));  // scipy's choice
  const auto size = static_cast<std::size_t>(n);
  std::vector<float> residual(size), v(size * static_cast<std::size_t>(basis)), work(3 * size);
  std::vector<float> small(static_cast<std::size_t>(basis) * static_cast<std::size_t>(basis + 8));
  int parameters[11] = {1, 0, 100 * n, 1, 0, 0, 1, 0, 0, 0, 0};
  int pointers[14] = {};
  int ido = 0;
  int info = 0;
  while (true) {
    ssaupd_c(&ido, "I", n, "LA", k, tolerance, residual.data(), basis, v.data(), n, parameters, pointers, work.data(),
             small.data(), static_cast<int>(small.size()), &info);
    if (ido != 1 && ido != -1) break;
    gram.perform_op(work.data() + pointers[0] - 1, work.data() + pointers[1] - 1);
  }
  std::vector<float> values(static_cast<std::size_t>(k));
  std::vector<float> z(vectors ? size * static_cast<std::size_t>(k) : 1);
  std::vector<int> select(static_cast<std::size_t>(basis));
  sseupd_c(vectors ? 1 : 0, "A", select.data(), values.data(), z.data(), n, 0.0F, "I", n, "LA", k, tolerance,
           residual.data(), basis, v.data(), n, parameters, pointers, work.data(), small.data(),
           static_cast<int>(small.size()), &info);
  std::vector<double> sigma;
  for (const float value : values) sigma.push_back(std::sqrt(std::fmax(static_cast<double>(value), 0.0)));
  std::sort(sigma.rbegin(), sigma.rend());
  return sigma;
}

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Spectra's solver for singular values, with Eigen's products.
inline std::vector<double> spectra(const FloatMatrix& a, int k, float tolerance) {
  const Eigen::Map<const RowMajor> matrix(a.values.data(), a.rows, a.columns);
  const int basis = std::min(static_cast<int>(std::min(a.rows, a.columns)), std::max(2 * k + 1, 20));
  Spectra::PartialSVDSolver<RowMajor> solver(matrix, k, basis);
  solver.compute(1000, tolerance);
  const Eigen::VectorXf values = solver.singular_values();
  return {values.data(), values.data() + values.size()};
}

/// Spectra's symmetric solver, given OpenBLAS's products.
inline std::vector<double> spectra_blas(const FloatMatrix& a, int k, float tolerance) {
  BlasGram gram(a);
  const int basis = std::min(static_cast<int>(gram.rows()), std::max(2 * k + 1, 20));
  Spectra::SymEigsSolver<BlasGram> solver(gram, k, basis);
  solver.init();
  solver.compute(Spectra::SortRule::LargestAlge, 1000, tolerance);
  std::vector<double> sigma;
  for (const float value : solver.eigenvalues()) sigma.push_back(std::sqrt(std::fmax(static_cast<double>(value), 0.0)));
  return sigma;
}

/// Eigen's divide and conquer, values only.
inline std::vector<double> eigen_bdcsvd(const FloatMatrix& a) {
  const Eigen::Map<const RowMajor> matrix(a.values.data(), a.rows, a.columns);
  const Eigen::BDCSVD<Eigen::MatrixXf> solver(matrix, 0);
  return {solver.singularValues().data(), solver.singularValues().data() + solver.singularValues().size()};
}

}  // namespace sigmax::benchmark::peers
