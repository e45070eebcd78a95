#include "sigmax/ops/linear_operator.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

void require(const char* what, const Shape& shape, std::int64_t in, std::int64_t in_wanted, std::int64_t out,
             std::int64_t out_wanted, std::int64_t in_columns, std::int64_t out_columns) {
  if (in == in_wanted && out == out_wanted && in_columns == out_columns) return;
  throw Error(fmt::format("[{}] a {}x{} operator takes {} rows to {}, got {}x{} to {}x{}", what, shape.rows,
                          shape.columns, in_wanted, out_wanted, in, in_columns, out, out_columns));
}

}  // namespace

template <Real T>
void LinearOperator<T>::apply(MatrixView<const T> x, MatrixView<T> y, Context& context) const {
  const FloatingEnvironment environment;
  const Shape s = shape();
  require("apply", s, x.rows, s.columns, y.rows, s.rows, x.columns, y.columns);
  if (x.columns > 0) apply_impl(x, y, context);
}

template <Real T>
void LinearOperator<T>::apply_adjoint(MatrixView<const T> y, MatrixView<T> x, Context& context) const {
  const FloatingEnvironment environment;
  const Shape s = shape();
  require("apply_adjoint", s, y.rows, s.rows, x.rows, s.columns, y.columns, x.columns);
  if (x.columns > 0) apply_adjoint_impl(y, x, context);
}

template <Real T>
void LinearOperator<T>::apply_gram(MatrixView<const T> x, MatrixView<T> z, Context& context) const {
  const FloatingEnvironment environment;
  const Shape s = shape();
  require("apply_gram", s, x.rows, s.columns, z.rows, s.columns, x.columns, z.columns);
  if (x.columns > 0) apply_gram_impl(x, {}, z, context);
}

template <Real T>
void LinearOperator<T>::apply_gram(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const {
  const FloatingEnvironment environment;
  const Shape s = shape();
  require("apply_gram", s, x.rows, s.columns, y.rows, s.rows, x.columns, y.columns);
  require("apply_gram", s, x.rows, s.columns, z.rows, s.columns, x.columns, z.columns);
  if (x.columns > 0) apply_gram_impl(x, y, z, context);
}

template <Real T>
void LinearOperator<T>::apply_outer_gram(MatrixView<const T> y, MatrixView<T> z, Context& context) const {
  const FloatingEnvironment environment;
  const Shape s = shape();
  require("apply_outer_gram", s, y.rows, s.rows, z.rows, s.rows, y.columns, z.columns);
  if (y.columns > 0) apply_outer_gram_impl(y, z, context);
}

template <Real T>
void LinearOperator<T>::apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z,
                                        Context& context) const {
  if (y.data != nullptr) {
    apply_impl(x, y, context);
    return apply_adjoint_impl(y, z, context);
  }
  const std::int64_t rows = shape().rows;
  auto image = context.scratch<T>(static_cast<std::size_t>(rows * x.columns));
  const MatrixView<T> own(image.data(), rows, x.columns);
  apply_impl(x, own, context);
  apply_adjoint_impl(own, z, context);
}

template <Real T>
void LinearOperator<T>::apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const {
  const std::int64_t columns = shape().columns;
  auto image = context.scratch<T>(static_cast<std::size_t>(columns * y.columns));
  const MatrixView<T> x(image.data(), columns, y.columns);
  apply_adjoint_impl(y, x, context);
  apply_impl(x, z, context);
}

template <Real T>
void LinearOperator<T>::pull_back(const Cotangent<T>& cotangent, std::span<T> grad, Context& context) const {
  const FloatingEnvironment environment;
  const Shape s = shape();
  const auto& [u, v, weights] = cotangent;
  const std::int64_t terms = cotangent.terms();
  if (u.rows != s.rows || v.rows != s.columns || u.columns != terms || v.columns != terms) {
    throw Error(
        fmt::format("[pull_back] a {}x{} operator takes u of {} rows and v of {}, one column per weight, got {}x{} "
                    "and {}x{} for {} weights",
                    s.rows, s.columns, s.rows, s.columns, u.rows, u.columns, v.rows, v.columns, terms));
  }
  const std::int64_t count = parameter_count();
  if (static_cast<std::int64_t>(grad.size()) != count) {
    throw Error(fmt::format("[pull_back] the gradient has {} entries for {} parameters{}", grad.size(), count,
                            count == 0 ? ": the operator does not say what it depends on" : ""));
  }
  if (count > 0 && terms > 0) pull_back_impl(cotangent, grad, context);
}

template <Real T>
void LinearOperator<T>::pull_back_impl(const Cotangent<T>&, std::span<T> grad, Context&) const {
  throw Error(fmt::format("[pull_back] an operator with {} parameters must override pull_back_impl", grad.size()));
}

template class LinearOperator<float>;
template class LinearOperator<double>;

}  // namespace sigmax
