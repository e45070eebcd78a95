// An operator that counts the requests made to it, and the text of a refusal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

struct Counts {
  int apply = 0;
  int adjoint = 0;
  int gram = 0;
  int gram_with_image = 0;
  int outer_gram = 0;
  std::int64_t widest = 0;  ///< columns of the widest block

  bool operator==(const Counts&) const = default;
};

/// Counts the products of `of`.
class CountingOperator final : public LinearOperator<double> {
 public:
  CountingOperator(Operator<double> of, std::shared_ptr<Counts> counts)
      : of_(std::move(of)), counts_(std::move(counts)) {}

  Shape shape() const override { return of_->shape(); }

 private:
  void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context& context) const override {
    count(counts_->apply, x);
    of_->apply(x, y, context);
  }
  void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& context) const override {
    count(counts_->adjoint, y);
    of_->apply_adjoint(y, x, context);
  }
  void apply_gram_impl(MatrixView<const double> x, MatrixView<double> y, MatrixView<double> z,
                       Context& context) const override {
    if (y.data == nullptr) {
      count(counts_->gram, x);
      return of_->apply_gram(x, z, context);
    }
    count(counts_->gram_with_image, x);
    of_->apply_gram(x, y, z, context);
  }
  void apply_outer_gram_impl(MatrixView<const double> y, MatrixView<double> z, Context& context) const override {
    count(counts_->outer_gram, y);
    of_->apply_outer_gram(y, z, context);
  }

  void count(int& kind, MatrixView<const double> in) const {
    ++kind;
    counts_->widest = std::max(counts_->widest, in.columns);
  }

  Operator<double> of_;
  std::shared_ptr<Counts> counts_;
};

/// A rows x columns matrix of equal entries.
template <Real T = double>
Operator<T> constant(std::int64_t rows, std::int64_t columns, double value = 1) {
  const std::vector<double> entries(static_cast<std::size_t>(rows * columns), value);
  return dense<T>(Tensor::copy_of(entries, {rows, columns}));
}

/// A counted matrix and its counts.
struct Counted {
  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  Operator<double> a;

  Counted(std::int64_t rows, std::int64_t columns)
      : a(std::make_shared<CountingOperator>(constant(rows, columns), counts)) {}

  /// The counts since the last call.
  Counts take() const { return std::exchange(*counts, Counts{}); }
};

/// The message of the error thrown by `action`; empty if none is thrown.
template <class Action>
std::string message_of(const Action& action) {
  try {
    static_cast<void>(action());
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace sigmax
