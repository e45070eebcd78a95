#include "sigmax/ops/range_checked.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax {
namespace {

// A sum of finite numbers is finite unless it overflows, and overflow also requires scaling. Eight sums, for speed.
template <Real T>
bool is_finite(MatrixView<const T> y) {
  for (std::int64_t j = 0; j < y.columns; ++j) {
    const std::span<const T> column = y.column(j);
    T sums[8] = {};
    std::size_t i = 0;
    for (; i + 8 <= column.size(); i += 8) {
      for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += column[i + lane];
    }
    for (; i < column.size(); ++i) sums[0] += column[i];
    T sum = 0;
    for (const T part : sums) sum += part;
    if (!std::isfinite(sum)) return false;
  }
  return true;
}

template <Real T>
void require_finite(MatrixView<const T> y) {
  if (!is_finite(y)) throw NotFinite{};
}

// y = 2^-e product(x): half of the factor goes into x, so that products with entries of A at either edge of the range
// stay inside it.
template <Real T, class Product>
void scaled_product(int e, MatrixView<const T> x, MatrixView<T> y, Context& context, const Product& product) {
  if (e == 0) {
    product(x, y);
    return require_finite<T>(y);
  }
  const T before = std::ldexp(T{1}, -(e / 2));
  const T after = std::ldexp(T{1}, -(e - e / 2));
  auto moved = context.scratch<T>(static_cast<std::size_t>(x.rows * x.columns));
  const MatrixView<T> from(moved.data(), x.rows, x.columns);
  for (std::int64_t j = 0; j < x.columns; ++j) {
    for (std::size_t i = 0; i < x.column(j).size(); ++i) from.column(j)[i] = x.column(j)[i] * before;
  }
  product(from, y);
  for (std::int64_t j = 0; j < y.columns; ++j) {
    for (T& value : y.column(j)) value *= after;
  }
  require_finite<T>(y);
}

}  // namespace

template <Real T>
Structure<T> Guarded<T>::structure() const {
  return exponent_ == 0 ? a_.structure() : structure::Opaque{};
}

template <Real T>
void Guarded<T>::apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const {
  scaled_product(exponent_, x, y, context, [&](auto in, auto out) { a_.apply(in, out, context); });
}

template <Real T>
void Guarded<T>::apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const {
  scaled_product(exponent_, y, x, context, [&](auto in, auto out) { a_.apply_adjoint(in, out, context); });
}

template <Real T>
void Guarded<T>::apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const {
  if (exponent_ == 0) {
    if (y.data == nullptr) {
      a_.apply_gram(x, z, context);
    } else {
      a_.apply_gram(x, y, z, context);
      require_finite<T>(y);
    }
    return require_finite<T>(z);
  }
  LinearOperator<T>::apply_gram_impl(x, y, z, context);  // by the scaled products
}

template <Real T>
void Guarded<T>::apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const {
  if (exponent_ == 0) {
    a_.apply_outer_gram(y, z, context);
    return require_finite<T>(z);
  }
  LinearOperator<T>::apply_outer_gram_impl(y, z, context);
}

void throw_products_not_finite(std::string_view who, std::string_view or_else) {
  throw Error(fmt::format("[{}] the operator's products are not finite: it holds NaN or infinity{}{}", who,
                          or_else.empty() ? "" : ", or ", or_else));
}

template <Real T>
std::optional<int> exponent_by_products(const LinearOperator<T>& a, const RandomState& random, Context& context) {
  const int far = std::same_as<T, float> ? 80 : 600;
  Matrix<T> x(a.shape().columns, 1);
  Matrix<T> y(a.shape().rows, 1);
  std::vector<double> normal(static_cast<std::size_t>(x.rows()));
  static_cast<void>(fill_normal(random, normal));
  bool zero = true;
  for (const int shift : {0, -far, far}) {
    for (std::size_t i = 0; i < normal.size(); ++i) x.values()[i] = static_cast<T>(std::ldexp(normal[i], shift));
    a.apply(std::as_const(x).view(), y.view(), context);
    T largest = 0;
    for (const T value : y.values()) largest = std::max(largest, std::isfinite(value) ? std::fabs(value) : T{INFINITY});
    if (largest > 0 && std::isfinite(largest)) return std::ilogb(largest) - shift;
    zero = zero && largest == 0;
  }
  if (zero) return std::nullopt;
  throw_products_not_finite("svd");
}

template class Guarded<float>;
template class Guarded<double>;
template std::optional<int> exponent_by_products<float>(const LinearOperator<float>&, const RandomState&, Context&);
template std::optional<int> exponent_by_products<double>(const LinearOperator<double>&, const RandomState&, Context&);

}  // namespace sigmax
