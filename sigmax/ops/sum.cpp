#include "sigmax/ops/sum.hpp"

#include <utility>

#include "sigmax/ops/parts.hpp"
#include "sigmax/ops/scaled.hpp"

namespace sigmax {
namespace {

template <Real T>
class Sum final : public LinearOperator<T> {
 public:
  explicit Sum(std::vector<Operator<T>> terms)
      : terms_(std::move(terms)), shape_(terms_.front()->shape()), depth_(parts::depth_above("sum", terms_)) {}

  Shape shape() const override { return shape_; }

  std::int64_t depth() const override { return depth_; }

  Structure<T> structure() const override { return structure::Sum<T>{terms_}; }

  std::int64_t parameter_count() const override { return parts::parameter_count(terms_); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      std::vector<Operator<float>> single = parts::in_single(terms_);
      if (!single.empty()) return std::make_shared<Sum<float>>(std::move(single));
    }
    return nullptr;
  }

  const std::vector<Operator<T>>& terms() const noexcept { return terms_; }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    add_up(y, context, [&](const LinearOperator<T>& term, MatrixView<T> to) { term.apply(x, to, context); });
  }

  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    add_up(x, context, [&](const LinearOperator<T>& term, MatrixView<T> to) { term.apply_adjoint(y, to, context); });
  }

  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    parts::each_share<T>(terms_, grad,
                         [&](const LinearOperator<T>& term, std::span<T> share) { term.pull_back(g, share, context); });
  }

  template <class Product>
  void add_up(MatrixView<T> out, Context& context, const Product& product) const {
    product(*terms_.front(), out);
    parts::ScratchBlock<T> more(out.rows, out.columns, context);
    for (std::size_t i = 1; i < terms_.size(); ++i) {
      product(*terms_[i], more.view());
      parts::add_to<T>(out, more.view());
    }
  }

  std::vector<Operator<T>> terms_;
  Shape shape_;
  std::int64_t depth_;
};

}  // namespace

template <Real T>
Operator<T> sum(std::vector<Operator<T>> terms) {
  parts::require("sum", "term", terms);
  const Shape shape = terms.front()->shape();
  std::vector<Operator<T>> flat;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (terms[i]->shape() != shape) {
      throw Error(fmt::format("[sum] all terms must have the shape of the first: it is {}, and term {} is {}",
                              parts::to_string(shape), i + 1, parts::to_string(terms[i]->shape())));
    }
    // Recognized by class, not by structure: another class with the structure of a sum may have faster products.
    if (const auto* inner = dynamic_cast<const Sum<T>*>(terms[i].get())) {
      flat.insert(flat.end(), inner->terms().begin(), inner->terms().end());
    } else {
      flat.push_back(std::move(terms[i]));
    }
  }
  if (flat.size() == 1) return flat.front();
  return std::make_shared<Sum<T>>(std::move(flat));
}

template <Real T>
Operator<T> operator+(Operator<T> a, Operator<T> b) {
  return sum<T>({std::move(a), std::move(b)});
}

template <Real T>
Operator<T> operator-(Operator<T> a, Operator<T> b) {
  parts::require("sum", "term 2 of 2", b);
  return sum<T>({std::move(a), scaled<T>(-1, std::move(b))});
}

template Operator<float> sum<float>(std::vector<Operator<float>>);
template Operator<double> sum<double>(std::vector<Operator<double>>);
template Operator<float> operator+(Operator<float>, Operator<float>);
template Operator<double> operator+(Operator<double>, Operator<double>);
template Operator<float> operator-(Operator<float>, Operator<float>);
template Operator<double> operator-(Operator<double>, Operator<double>);

}  // namespace sigmax
