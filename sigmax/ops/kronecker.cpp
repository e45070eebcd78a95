#include "sigmax/ops/kronecker.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/parts.hpp"

namespace sigmax {
namespace {

/// A tensor [outer, length, inner] in row-major order, and one axis of it.
struct Lines {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;

  std::int64_t count() const { return outer * inner; }
  std::int64_t size() const { return count() * length; }
};

/// `lines` gets the lines along the axis as columns.
template <class T>
void gather(const Lines& axis, const T* tensor, T* lines) {
  if (axis.size() == 0) return;
  for (std::int64_t o = 0; o < axis.outer; ++o) {
    for (std::int64_t j = 0; j < axis.length; ++j) {
      const T* from = tensor + (o * axis.length + j) * axis.inner;
      T* to = lines + o * axis.inner * axis.length + j;
      for (std::int64_t i = 0; i < axis.inner; ++i) to[i * axis.length] = from[i];
    }
  }
}

template <class T>
void scatter(const Lines& axis, const T* lines, T* tensor) {
  if (axis.size() == 0) return;
  for (std::int64_t o = 0; o < axis.outer; ++o) {
    for (std::int64_t j = 0; j < axis.length; ++j) {
      T* to = tensor + (o * axis.length + j) * axis.inner;
      const T* from = lines + o * axis.inner * axis.length + j;
      for (std::int64_t i = 0; i < axis.inner; ++i) to[i] = from[i * axis.length];
    }
  }
}

template <Real T>
bool is_identity(const LinearOperator<T>& a) {
  const Structure<T> structure = a.structure();
  const auto* diagonal = std::get_if<structure::Diagonal>(&structure);
  return diagonal != nullptr && diagonal->is_identity();
}

/// Which product of each factor.
enum class Side { image, adjoint, gram, outer_gram };

template <Real T>
class KroneckerProduct final : public LinearOperator<T> {
 public:
  explicit KroneckerProduct(std::vector<Operator<T>> factors)
      : factors_(std::move(factors)), depth_(parts::depth_above("kronecker", factors_)), shape_{1, 1} {
    for (std::size_t k = 0; k < factors_.size(); ++k) {
      const Shape factor = factors_[k]->shape();
      shape_.rows *= factor.rows;
      shape_.columns *= factor.columns;
      if (!is_identity(*factors_[k])) order_.push_back(k);
    }
    // Those with the smallest rows / columns first.
    std::stable_sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
      const Shape first = factors_[a]->shape();
      const Shape second = factors_[b]->shape();
      return static_cast<long double>(first.rows) * static_cast<long double>(second.columns) <
             static_cast<long double>(second.rows) * static_cast<long double>(first.columns);
    });
  }

  Shape shape() const override { return shape_; }

  std::int64_t depth() const override { return depth_; }

  Structure<T> structure() const override { return structure::Kronecker<T>{factors_}; }

  std::int64_t parameter_count() const override { return parts::parameter_count(factors_); }

  Operator<float> in_single() const override {
    if constexpr (std::same_as<T, double>) {
      std::vector<Operator<float>> single = parts::in_single(factors_);
      if (!single.empty()) return std::make_shared<KroneckerProduct<float>>(std::move(single));
    }
    return nullptr;
  }

 private:
  void apply_impl(MatrixView<const T> x, MatrixView<T> y, Context& context) const override {
    walk(Side::image, x, y, context);
  }
  void apply_adjoint_impl(MatrixView<const T> y, MatrixView<T> x, Context& context) const override {
    walk(Side::adjoint, y, x, context);
  }
  void apply_gram_impl(MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) const override {
    if (y.data != nullptr) return LinearOperator<T>::apply_gram_impl(x, y, z, context);
    walk(Side::gram, x, z, context);
  }
  void apply_outer_gram_impl(MatrixView<const T> y, MatrixView<T> z, Context& context) const override {
    walk(Side::outer_gram, y, z, context);
  }

  // With z = the image of v under all factors except A_k, u^T A v is the sum of u_l^T A_k z_l over the lines along axis
  // k.
  void pull_back_impl(const Cotangent<T>& g, std::span<T> grad, Context& context) const override {
    std::size_t k = 0;
    parts::each_share<T>(factors_, grad, [&](const LinearOperator<T>& factor, std::span<T> share) {
      if (!share.empty()) pull_back_to(k, factor, g, share, context);
      ++k;
    });
  }

  void pull_back_to(std::size_t k, const LinearOperator<T>& factor, const Cotangent<T>& g, std::span<T> share,
                    Context& context) const {
    const Shape own = factor.shape();
    Lines left{g.terms(), own.rows, 1};
    for (std::size_t other = 0; other < factors_.size(); ++other) {
      if (other < k) left.outer *= factors_[other]->shape().rows;
      if (other > k) left.inner *= factors_[other]->shape().rows;
    }
    Lines right = left;
    right.length = own.columns;
    parts::ScratchBlock<T> u(shape_.rows, g.terms(), context);
    parts::ScratchBlock<T> z(right.size() / g.terms(), g.terms(), context);
    parts::ScratchBlock<T> of_u(own.rows, left.count(), context);
    parts::ScratchBlock<T> of_z(own.columns, right.count(), context);
    parts::scale_to<T>(u.view(), 1, g.u);
    walk(Side::image, g.v, z.view(), context, k);
    gather<T>(left, u.view().data, of_u.view().data);
    gather<T>(right, z.view().data, of_z.view().data);
    std::vector<double> weights;
    const std::int64_t each = left.count() / g.terms();
    for (const double weight : g.weights) weights.insert(weights.end(), static_cast<std::size_t>(each), weight);
    factor.pull_back({of_u.view(), of_z.view(), weights}, share, context);
  }

  static Shape sides(Side side, Shape factor) {
    switch (side) {
      case Side::image: return factor;
      case Side::adjoint: return {factor.columns, factor.rows};
      case Side::gram: return {factor.columns, factor.columns};
      case Side::outer_gram: return {factor.rows, factor.rows};
    }
    return factor;
  }

  static void multiply(Side side, const LinearOperator<T>& factor, MatrixView<const T> x, MatrixView<T> y,
                       Context& context) {
    switch (side) {
      case Side::image: return factor.apply(x, y, context);
      case Side::adjoint: return factor.apply_adjoint(x, y, context);
      case Side::gram: return factor.apply_gram(x, y, context);
      case Side::outer_gram: return factor.apply_outer_gram(x, y, context);
    }
  }

  // The block's columns are one more axis in front. Axis by axis, without the one that is left out:
  //   lines <- gather(tensor);  images <- the factor's products with the lines;  tensor <- scatter(images)
  // An axis whose lines lie side by side needs no gathering.
  void walk(Side side, MatrixView<const T> x, MatrixView<T> y, Context& context,
            std::optional<std::size_t> without = std::nullopt) const {
    std::vector<std::size_t> order;
    for (const std::size_t k : order_) {
      if (k != without) order.push_back(k);
    }
    if (side == Side::adjoint) std::reverse(order.begin(), order.end());
    if (order.empty()) return parts::scale_to<T>(y, 1, x);
    Dimensions extents{x.columns};
    for (const Operator<T>& factor : factors_) extents.push_back(sides(side, factor->shape()).columns);
    std::int64_t most = x.rows * x.columns;
    {
      Dimensions now = extents;
      for (const std::size_t k : order) {
        now[k + 1] = sides(side, factors_[k]->shape()).rows;
        most = std::max(most, lines_of(now, k + 1).size());
      }
    }
    parts::ScratchBlock<T> blocks[] = {{most, 1, context}, {most, 1, context}, {most, 1, context}};
    T* tensor = blocks[0].view().data;
    T* lines = blocks[1].view().data;
    T* images = blocks[2].view().data;
    parts::scale_to<T>({tensor, x.rows, x.columns}, 1, x);
    for (const std::size_t k : order) {
      context.check_cancel();
      const Shape factor = sides(side, factors_[k]->shape());
      const Lines before = lines_of(extents, k + 1);
      extents[k + 1] = factor.rows;
      const Lines after = lines_of(extents, k + 1);
      const bool is_last = before.inner == 1;  // its lines are columns already
      if (is_last) {
        std::swap(tensor, lines);
      } else {
        gather<T>(before, tensor, lines);
      }
      multiply(side, *factors_[k], {lines, before.length, before.count()}, {images, after.length, after.count()},
               context);
      if (is_last) {
        std::swap(tensor, images);
      } else {
        scatter<T>(after, images, tensor);
      }
    }
    parts::scale_to<T>(y, 1, {tensor, y.rows, y.columns});
  }

  static Lines lines_of(const Dimensions& extents, std::size_t axis) {
    Lines lines{1, extents[axis], 1};
    for (std::size_t i = 0; i < extents.size(); ++i) {
      if (i < axis) lines.outer *= extents[i];
      if (i > axis) lines.inner *= extents[i];
    }
    return lines;
  }

  std::vector<Operator<T>> factors_;
  std::int64_t depth_;
  Shape shape_;
  std::vector<std::size_t> order_;  // of the factors that are not identities
};

/// At least as much as any tensor on the way: the larger side of each factor.
template <Real T>
void require_size(const std::vector<Operator<T>>& factors) {
  long double all = 1;
  for (const Operator<T>& factor : factors) {
    all *= static_cast<long double>(std::max<std::int64_t>({factor->shape().rows, factor->shape().columns, 1}));
  }
  if (all > 0x1p62L) throw Error("[kronecker] the sides of the factors multiply to more than 2^62");
}

}  // namespace

template <Real T>
Operator<T> kronecker(std::vector<Operator<T>> factors) {
  const FloatingEnvironment environment;
  parts::require("kronecker", "factor", factors);
  require_size(factors);
  // Identities next to each other are one.
  std::vector<Operator<T>> merged;
  for (Operator<T>& factor : factors) {
    const bool joins = !merged.empty() && is_identity(*factor) && is_identity(*merged.back());
    if (!joins) {
      merged.push_back(std::move(factor));
      continue;
    }
    merged.back() = identity<T>(merged.back()->shape().rows * factor->shape().rows);
  }
  std::vector<Operator<T>> kept;
  for (const Operator<T>& factor : merged) {
    if (!is_identity(*factor) || factor->shape().rows != 1) kept.push_back(factor);
  }
  if (kept.empty()) return identity<T>(1);
  if (kept.size() == 1) return kept.front();
  return std::make_shared<KroneckerProduct<T>>(std::move(kept));
}

template Operator<float> kronecker<float>(std::vector<Operator<float>>);
template Operator<double> kronecker<double>(std::vector<Operator<double>>);

}  // namespace sigmax
