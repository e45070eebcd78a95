#include "sigmax/ops/diagonal.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

using Entries = std::shared_ptr<const std::vector<double>>;

template <Real T>
class Diagonal final : public LinearOperator<T> {
 public:
  explicit Diagonal(Entries entries)
      : order_(static_cast<std::int64_t>(entries->size())), entries_(std::move(entries)) {}

  Shape shape() const override { return {order_, order_}; }

  Structure<T> structure() const override { return structure::Diagonal{order_, *entries_}; }

  std::int64_t parameter_count() const override { return order_; }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) return std::make_shared<Diagonal<float>>(entries_);
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context&) const override { multiply(x, y); }
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context&) const override { multiply(y, x); }

  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context&) const override {
    if (y.data != nullptr) multiply(x, y);
    multiply(x, z);
    multiply(z, z);
  }

  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context&) const override {
    multiply(y, z);
    multiply(z, z);
  }

  // u^T diag(d) v = sum_j d_j u_j v_j
  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context&) const override {
    for (std::size_t j = 0; j < grad.size(); ++j) {
      double sum = static_cast<double>(grad[j]);
      for (std::int64_t i = 0; i < g.terms(); ++i) {
        sum += g.weights[static_cast<std::size_t>(i)] * static_cast<double>(g.u.column(i)[j]) *
               static_cast<double>(g.v.column(i)[j]);
      }
      grad[j] = static_cast<T>(sum);
    }
  }

  void multiply(MatrixView<const T> in, MatrixView<T> out) const {
    const double* d = entries_->data();
    for (std::int64_t j = 0; j < in.columns; ++j) {
      const T* from = in.data + j * in.stride;
      T* to = out.data + j * out.stride;
      for (std::int64_t i = 0; i < in.rows; ++i) to[i] = static_cast<T>(d[i] * static_cast<double>(from[i]));
    }
  }

  std::int64_t order_;
  Entries entries_;
};

template <Real T>
class Identity final : public LinearOperator<T> {
 public:
  explicit Identity(std::int64_t order) : order_(order) {}

  Shape shape() const override { return {order_, order_}; }

  Structure<T> structure() const override { return structure::Diagonal{order_}; }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) return std::make_shared<Identity<float>>(order_);
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context&) const override { copy(x, y); }
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context&) const override { copy(y, x); }

  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context&) const override {
    if (y.data != nullptr) copy(x, y);
    copy(x, z);
  }

  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context&) const override { copy(y, z); }

  void copy(MatrixView<const T> in, MatrixView<T> out) const {
    for (std::int64_t j = 0; j < in.columns; ++j)
      std::copy_n(in.data + j * in.stride, order_, out.data + j * out.stride);
  }

  std::int64_t order_;
};

}  // namespace

template <Real T>
Operator<T> diagonal(Tensor entries) {
  const FloatingEnvironment environment;
  if (entries.rank() != 1) {
    throw Error(fmt::format("[diagonal] the entries have 1 dimension, got shape {}", to_string(entries.shape())));
  }
  if (!is_real(entries.dtype())) {
    throw Error(fmt::format("[diagonal] {} does not store real numbers", name(entries.dtype())));
  }
  const std::int64_t order = entries.size();
  const Tensor row = entries.compact();
  std::vector<double> values(static_cast<std::size_t>(order));
  kernels::convert({row.dtype(), row.data(), 1, order, order}, 1, values.data(), order);
  return std::make_shared<Diagonal<T>>(std::make_shared<const std::vector<double>>(std::move(values)));
}

template <Real T>
Operator<T> identity(std::int64_t order) {
  if (order < 0) throw Error(fmt::format("[identity] the order must not be negative, got {}", order));
  return std::make_shared<Identity<T>>(order);
}

template Operator<float> diagonal<float>(Tensor);
template Operator<double> diagonal<double>(Tensor);
template Operator<float> identity<float>(std::int64_t);
template Operator<double> identity<double>(std::int64_t);

}  // namespace sigmax
