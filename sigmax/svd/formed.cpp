#include "sigmax/svd/formed.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "sigmax/kernels/reads.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {
namespace {

// Y -= A X or A^T X
void subtract_product(CBLAS_TRANSPOSE transpose, const Matrix<double>& a, const Matrix<double>& x, Matrix<double>& y) {
  const int m = static_cast<int>(a.rows());
  cblas_dgemm(CblasColMajor, transpose, CblasNoTrans, static_cast<int>(y.rows()), static_cast<int>(y.columns()),
              static_cast<int>(x.rows()), -1.0, a.values().data(), m, x.values().data(), static_cast<int>(x.rows()),
              1.0, y.values().data(), static_cast<int>(y.rows()));
}

// |sigma_i x_i - (A or A^T) y_i| for each i
std::vector<double> distances(CBLAS_TRANSPOSE transpose, const Matrix<double>& a, const Matrix<double>& y,
                              Matrix<double> x, const std::vector<double>& sigma) {
  for (std::int64_t i = 0; i < x.columns(); ++i) {
    for (double& value : x.column(i)) value *= sigma[static_cast<std::size_t>(i)];
  }
  subtract_product(transpose, a, y, x);
  std::vector<double> result;
  for (std::int64_t i = 0; i < x.columns(); ++i) {
    result.push_back(blas::norm(x.column(i)));
  }
  return result;
}

}  // namespace

kernels::StoredMatrix FormedMatrix::transposed_view() const {
  return stored_matrix(a.values().data(), a.columns(), a.rows());
}

template <Real T>
FormedMatrix form(const LinearOperator<T>& a, Context& context) {
  FormedMatrix formed;
  formed.a = converted<double>(materialize(a, context));
  double largest = 0;
  bool finite = true;
  for (const double value : formed.a.values()) {
    finite = finite && std::isfinite(value);
    largest = std::max(largest, std::fabs(value));
  }
  if (!finite) throw NotFinite{};
  formed.zero = largest == 0;
  const Shape shape = a.shape();
  const bool opaque = std::holds_alternative<structure::Opaque>(a.structure());
  formed.products = opaque ? std::min(shape.rows, shape.columns) : 0;
  formed.reads = opaque ? kernels::reads_of(formed.products) : 1;
  if (formed.zero) return formed;
  formed.exponent = std::ilogb(largest) + 1;
  if (formed.exponent == 0) return formed;
  for (double& value : formed.a.values()) value = std::ldexp(value, -formed.exponent);
  return formed;
}

template <Real T>
SvdResult<T> result_of(const FormedMatrix& formed, const lapack::Svd& triplets, double largest, const Task<T>& task) {
  const std::vector<double> of_rows = distances(CblasTrans, formed.a, triplets.u, triplets.v, triplets.sigma);
  const std::vector<double> of_columns = distances(CblasNoTrans, formed.a, triplets.v, triplets.u, triplets.sigma);
  Triplets<T> found{triplets.sigma, converted<T>(triplets.u), converted<T>(triplets.v), {}};
  for (std::size_t i = 0; i < found.sigma.size(); ++i) {
    found.residual.push_back(largest > 0 ? std::max(of_rows[i], of_columns[i]) / largest : 0.0);
  }
  SvdResult<T> result;
  take(result, std::move(found), task.k());
  rescale(result, formed.exponent);
  result.statistics.products = formed.products;
  result.statistics.reads = formed.reads;
  result.state.random = task.random;
  return result;
}

lapack::Svd zero_triplets(const Shape& shape, std::int64_t count) {
  lapack::Svd svd{Matrix<double>(shape.rows, count), std::vector<double>(static_cast<std::size_t>(count), 0.0),
                  Matrix<double>(shape.columns, count)};
  for (std::int64_t i = 0; i < count; ++i) svd.u(i, i) = svd.v(i, i) = 1;
  return svd;
}

template FormedMatrix form<float>(const LinearOperator<float>&, Context&);
template FormedMatrix form<double>(const LinearOperator<double>&, Context&);
template SvdResult<float> result_of<float>(const FormedMatrix&, const lapack::Svd&, double, const Task<float>&);
template SvdResult<double> result_of<double>(const FormedMatrix&, const lapack::Svd&, double, const Task<double>&);

}  // namespace sigmax
