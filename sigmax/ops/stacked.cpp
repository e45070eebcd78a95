#include "sigmax/ops/stacked.hpp"

#include <utility>

#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

// Written for parts below each other. For parts side by side the two sides are exchanged, as [A B] = [A^T; B^T]^T:
// products split y instead of x.
template <Real T>
class Stacked final : public LinearOperator<T> {
 public:
  Stacked(std::vector<Operator<T>> all, bool of_rows)
      : parts_(std::move(all)),
        of_rows_(of_rows),
        shape_(parts_.front()->shape()),
        depth_(parts::depth_above(of_rows ? "stack_rows" : "stack_columns", parts_)) {
    for (std::size_t i = 1; i < parts_.size(); ++i) {
      (of_rows_ ? shape_.rows : shape_.columns) += length(*parts_[i]);
    }
  }

  Shape shape() const override { return shape_; }

  std::int64_t depth() const override { return depth_; }

  Structure<T> structure() const override { return structure::Stacked<T>{parts_, of_rows_}; }

  std::int64_t parameter_count() const override { return parts::parameter_count(parts_); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      std::vector<Operator<float>> single = parts::in_single(parts_);
      if (!single.empty()) return std::make_shared<Stacked<float>>(std::move(single), of_rows_);
    }
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    const auto product = [&context](const LinearOperator<T>& part, MatrixView<const T> in, MatrixView<T> out) {
      part.apply(in, out, context);
    };
    if (of_rows_) return each(x, y, product);
    add_up(x, y, context, product);
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    const auto product = [&context](const LinearOperator<T>& part, MatrixView<const T> in, MatrixView<T> out) {
      part.apply_adjoint(in, out, context);
    };
    if (of_rows_) return add_up(y, x, context, product);
    each(y, x, product);
  }

  // [A; B]^T [A; B] x = A^T A x + B^T B x
  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    if (!of_rows_) return LinearOperator<T>::apply_gram_impl(x, y, z, context);
    parts::ScratchBlock<T> more(z.rows, z.columns, context);
    std::int64_t first = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::int64_t rows = length(*parts_[i]);
      parts::gram<T>(*parts_[i], x, parts::row_range(y, first, rows), i == 0 ? z : more.view(), context);
      if (i > 0) parts::add_to<T>(z, more.view());
      first += rows;
    }
  }

  // [A B] [A B]^T y = A A^T y + B B^T y
  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    if (of_rows_) return LinearOperator<T>::apply_outer_gram_impl(y, z, context);
    parts::ScratchBlock<T> more(z.rows, z.columns, context);
    parts_.front()->apply_outer_gram(y, z, context);
    for (std::size_t i = 1; i < parts_.size(); ++i) {
      parts_[i]->apply_outer_gram(y, more.view(), context);
      parts::add_to<T>(z, more.view());
    }
  }

  // u^T [A; B] v = u_A^T A v + u_B^T B v
  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    std::int64_t first = 0;
    parts::each_share<T>(parts_, grad, [&](const LinearOperator<T>& part, std::span<T> share) {
      Cotangent<T> own = g;
      MatrixView<const T>& cut = of_rows_ ? own.u : own.v;
      cut = parts::row_range(cut, first, length(part));
      part.pull_back(own, share, context);
      first += length(part);
    });
  }

  // The length of a part along the stacked side.
  std::int64_t length(const LinearOperator<T>& part) const {
    return of_rows_ ? part.shape().rows : part.shape().columns;
  }

  // Each part's share of the output, from the whole input.
  template <class Product>
  void each(MatrixView<const T> in, MatrixView<T> out, const Product& product) const {
    std::int64_t first = 0;
    for (const Operator<T>& part : parts_) {
      product(*part, in, parts::row_range(out, first, length(*part)));
      first += length(*part);
    }
  }

  // The sum of the parts' products with their shares of the input.
  template <class Product>
  void add_up(MatrixView<const T> in, MatrixView<T> out, Context& context, const Product& product) const {
    parts::ScratchBlock<T> more(out.rows, out.columns, context);
    std::int64_t first = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::int64_t rows = length(*parts_[i]);
      product(*parts_[i], parts::row_range(in, first, rows), i == 0 ? out : more.view());
      if (i > 0) parts::add_to<T>(out, more.view());
      first += rows;
    }
  }

  std::vector<Operator<T>> parts_;
  bool of_rows_;
  Shape shape_;
  std::int64_t depth_;
};

template <Real T>
Operator<T> stack(const char* who, std::vector<Operator<T>> all, bool of_rows) {
  parts::require(who, "part", all);
  const Shape first = all.front()->shape();
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Shape shape = all[i]->shape();
    if (of_rows ? shape.columns != first.columns : shape.rows != first.rows) {
      throw Error(fmt::format("[{}] all parts must have as many {} as the first: it is {}, and part {} is {}", who,
                              of_rows ? "columns" : "rows", parts::to_string(first), i + 1, parts::to_string(shape)));
    }
  }
  if (all.size() == 1) return all.front();
  return std::make_shared<Stacked<T>>(std::move(all), of_rows);
}

}  // namespace

template <Real T>
Operator<T> stack_rows(std::vector<Operator<T>> all) {
  return stack("stack_rows", std::move(all), true);
}

template <Real T>
Operator<T> stack_columns(std::vector<Operator<T>> all) {
  return stack("stack_columns", std::move(all), false);
}

template Operator<float> stack_rows<float>(std::vector<Operator<float>>);
template Operator<double> stack_rows<double>(std::vector<Operator<double>>);
template Operator<float> stack_columns<float>(std::vector<Operator<float>>);
template Operator<double> stack_columns<double>(std::vector<Operator<double>>);

}  // namespace sigmax
