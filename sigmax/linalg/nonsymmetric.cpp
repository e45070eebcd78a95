#include "sigmax/linalg/nonsymmetric.hpp"

#include <fmt/format.h>

#include <cmath>
#include <type_traits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::lapack {
namespace {

void require_square(const char* routine, std::int64_t rows, std::int64_t columns) {
  if (rows != columns) throw Error(fmt::format("[lapack] {} takes square matrices, got {}x{}", routine, rows, columns));
}

void check(const char* routine, std::int64_t order, int info) {
  if (info != 0) throw Error(fmt::format("[lapack] {} failed on a matrix of order {}, info {}", routine, order, info));
}

// Calls call(work, its size) twice: with size -1 for the required size, then for the result.
template <class Number, class Call>
void with_work(const Call& call) {
  Number wanted{};
  int size = -1;
  call(&wanted, &size);
  std::vector<Number> work(static_cast<std::size_t>(std::real(wanted)) + 1);
  size = static_cast<int>(work.size());
  if constexpr (std::is_same_v<Number, std::complex<double>>) leave_room(work, size);
  call(work.data(), &size);
}

std::vector<std::complex<double>> joined(const std::vector<double>& re, const std::vector<double>& im) {
  std::vector<std::complex<double>> values(re.size());
  for (std::size_t i = 0; i < re.size(); ++i) values[i] = {re[i], im[i]};
  return values;
}

Eigen eigen_of(Matrix<double> a, bool with_vectors) {
  require_square("dgeev", a.rows(), a.columns());
  const int n = static_cast<int>(a.rows());
  const auto count = static_cast<std::size_t>(n);
  Eigen result;
  if (n == 0) return result;
  std::vector<double> re(count), im(count);
  if (with_vectors) result.vectors = Matrix<double>(n, n);
  double* const v = with_vectors ? result.vectors.values().data() : nullptr;
  int info = 0;
  with_work<double>([&](double* work, const int* size) {
    dgeev_("N", with_vectors ? "V" : "N", &n, a.values().data(), &n, re.data(), im.data(), nullptr, &n, v, &n, work,
           size, &info);
  });
  check("dgeev", n, info);
  result.values = joined(re, im);
  return result;
}

}  // namespace

void leave_room(std::vector<std::complex<double>>& values, std::int64_t stride) {
  constexpr std::size_t kColumns = 8;
  values.reserve(values.size() + kColumns * (static_cast<std::size_t>(stride) + kColumns));
}

Eigen eigen(Matrix<double> a) { return eigen_of(std::move(a), true); }

std::vector<std::complex<double>> eigenvalues(Matrix<double> a) { return eigen_of(std::move(a), false).values; }

Schur schur(Matrix<double> a) {
  require_square("dgees", a.rows(), a.columns());
  const int n = static_cast<int>(a.rows());
  const auto count = static_cast<std::size_t>(n);
  Schur result{std::move(a), Matrix<double>(n, n), {}};
  if (n == 0) return result;
  std::vector<double> re(count), im(count);
  int sorted = 0;
  int info = 0;
  with_work<double>([&](double* work, const int* size) {
    dgees_("V", "N", nullptr, &n, result.t.values().data(), &n, &sorted, re.data(), im.data(), result.q.values().data(),
           &n, work, size, nullptr, &info);
  });
  check("dgees", n, info);
  result.values = joined(re, im);
  return result;
}

std::vector<std::complex<double>> eigenvalues(ComplexMatrix a) {
  require_square("zgeev", a.rows, a.columns);
  const int n = static_cast<int>(a.rows);
  const auto count = static_cast<std::size_t>(n);
  std::vector<std::complex<double>> values(count);
  leave_room(a.values, n);
  std::vector<double> real_work(2 * count + 1);
  int info = 0;
  with_work<std::complex<double>>([&](std::complex<double>* work, const int* size) {
    zgeev_("N", "N", &n, a.values.data(), &n, values.data(), nullptr, &n, nullptr, &n, work, size, real_work.data(),
           &info);
  });
  check("zgeev", n, info);
  return values;
}

ComplexMatrix triangular_form(const Matrix<double>& a) {
  require_square("zgees", a.rows(), a.columns());
  const int n = static_cast<int>(a.rows());
  const auto count = static_cast<std::size_t>(n);
  ComplexMatrix t(n, n);
  for (std::size_t i = 0; i < t.values.size(); ++i) t.values[i] = a.values()[i];
  std::vector<std::complex<double>> values(count + 1);
  leave_room(t.values, n);
  std::vector<double> real_work(count + 1);
  int sorted = 0;
  int info = 0;
  with_work<std::complex<double>>([&](std::complex<double>* work, const int* size) {
    zgees_("N", "N", nullptr, &n, t.values.data(), &n, &sorted, values.data(), nullptr, &n, work, size,
           real_work.data(), nullptr, &info);
  });
  check("zgees", n, info);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j + 1; i < n; ++i) t(i, j) = 0;
  }
  return t;
}

SmallestTriplet smallest_triplet(ComplexMatrix a) {
  require_square("zgesdd", a.rows, a.columns);
  const int n = static_cast<int>(a.rows);
  const auto count = static_cast<std::size_t>(n);
  std::vector<double> sigma(count);
  ComplexMatrix u(n, n);
  ComplexMatrix vh(n, n);
  for (ComplexMatrix* matrix : {&a, &u, &vh}) leave_room(matrix->values, n);
  std::vector<double> real_work(count * (7 * count + 7) + 1);
  std::vector<int> integers(8 * count + 1);
  int info = 0;
  with_work<std::complex<double>>([&](std::complex<double>* work, const int* size) {
    zgesdd_("S", &n, &n, a.values.data(), &n, sigma.data(), u.values.data(), &n, vh.values.data(), &n, work, size,
            real_work.data(), integers.data(), &info);
  });
  check("zgesdd", n, info);
  SmallestTriplet result;
  if (n == 0) return result;
  result.sigma = sigma.back();
  for (std::int64_t i = 0; i < n; ++i) result.left.push_back(u(i, n - 1));
  for (std::int64_t i = 0; i < n; ++i) result.right.push_back(std::conj(vh(n - 1, i)));
  return result;
}

SymmetricEigen symmetric_eigen(Matrix<double> a) {
  require_square("dsyevd", a.rows(), a.columns());
  const int n = static_cast<int>(a.rows());
  SymmetricEigen result;
  result.values.resize(static_cast<std::size_t>(n));
  if (n == 0) return result;
  double wanted = 0;
  int wanted_integers = 0;
  int size = -1;
  int info = 0;
  dsyevd_("V", "L", &n, a.values().data(), &n, result.values.data(), &wanted, &size, &wanted_integers, &size, &info);
  check("dsyevd", n, info);
  std::vector<double> work(static_cast<std::size_t>(wanted) + 1);
  std::vector<int> integers(static_cast<std::size_t>(wanted_integers) + 1);
  size = static_cast<int>(work.size());
  const int integer_size = static_cast<int>(integers.size());
  dsyevd_("V", "L", &n, a.values().data(), &n, result.values.data(), work.data(), &size, integers.data(), &integer_size,
          &info);
  check("dsyevd", n, info);
  result.vectors = std::move(a);
  return result;
}

std::optional<Matrix<double>> inverse(Matrix<double> a) {
  require_square("dgetrf", a.rows(), a.columns());
  const int n = static_cast<int>(a.rows());
  std::vector<int> pivots(static_cast<std::size_t>(n) + 1);
  int info = 0;
  dgetrf_(&n, &n, a.values().data(), &n, pivots.data(), &info);
  if (info != 0) return std::nullopt;
  with_work<double>(
      [&](double* work, const int* size) { dgetri_(&n, a.values().data(), &n, pivots.data(), work, size, &info); });
  if (info != 0) return std::nullopt;
  for (const double value : a.values()) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return a;
}

}  // namespace sigmax::lapack
