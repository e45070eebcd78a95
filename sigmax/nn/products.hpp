// The products in a step of the state, from a weight's memory or any operator. Internal to nn/.
#pragma once

#include <cstdint>
#include <span>

#include "sigmax/kernels/unfolded.hpp"
#include "sigmax/nn/weight.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::nn {

template <Real T>
class Products {
 public:
  virtual ~Products() = default;
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t columns() const = 0;
  /// t = W v
  virtual void multiply(std::span<const T> v, std::span<T> t, Context& context) const = 0;
  /// x = W^T u
  virtual void transposed(std::span<const T> u, std::span<T> x, Context& context) const = 0;
  /// t = W v and x = W^T t
  virtual void gram(std::span<const T> v, std::span<T> t, std::span<T> x, Context& context) const = 0;
  /// The number of reads of W in gram().
  virtual std::int64_t gram_reads() const = 0;
};

template <Real T>
class WeightProducts final : public Products<T> {
 public:
  explicit WeightProducts(const Weight& weight) : weight_(weight) {}
  std::int64_t rows() const override { return weight_.rows; }
  std::int64_t columns() const override { return weight_.columns(); }
  void multiply(std::span<const T> v, std::span<T> t, Context& context) const override {
    kernels::unfolded_multiply<T>(weight_, v, t, context);
  }
  void transposed(std::span<const T> u, std::span<T> x, Context& context) const override {
    kernels::unfolded_multiply_transposed<T>(weight_, u, x, context);
  }
  void gram(std::span<const T> v, std::span<T> t, std::span<T> x, Context& context) const override {
    kernels::unfolded_gram<T>(weight_, v, t, x, context);
  }
  std::int64_t gram_reads() const override { return weight_.segments == 1 ? 1 : 2; }

 private:
  Weight weight_;
};

template <Real T>
class OperatorProducts final : public Products<T> {
 public:
  explicit OperatorProducts(const LinearOperator<T>& weight) : weight_(weight) {}
  std::int64_t rows() const override { return weight_.shape().rows; }
  std::int64_t columns() const override { return weight_.shape().columns; }
  void multiply(std::span<const T> v, std::span<T> t, Context& context) const override {
    weight_.apply(MatrixView<const T>(v), MatrixView<T>(t), context);
  }
  void transposed(std::span<const T> u, std::span<T> x, Context& context) const override {
    weight_.apply_adjoint(MatrixView<const T>(u), MatrixView<T>(x), context);
  }
  void gram(std::span<const T> v, std::span<T> t, std::span<T> x, Context& context) const override {
    weight_.apply_gram(MatrixView<const T>(v), MatrixView<T>(t), MatrixView<T>(x), context);
  }
  std::int64_t gram_reads() const override { return 1; }

 private:
  const LinearOperator<T>& weight_;
};

}  // namespace sigmax::nn
