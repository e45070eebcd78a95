// Shared by the operators that are composed of others: checks of the parts, and arithmetic on blocks of vectors in
// addition to the parts' own products. Internal to ops/.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/ops/linear_operator.hpp"

namespace sigmax::parts {

inline std::string to_string(Shape shape) { return fmt::format("{}x{}", shape.rows, shape.columns); }

/// Throws Error if `part` is null.
template <Real T>
void require(std::string_view who, std::string_view part, const Operator<T>& a) {
  if (a == nullptr) throw Error(fmt::format("[{}] {} is a null operator", who, part));
}

/// Throws Error if there are no parts or one of them is null.
template <Real T>
void require(std::string_view who, std::string_view part, const std::vector<Operator<T>>& all) {
  if (all.empty()) throw Error(fmt::format("[{}] at least one {} is needed, got none", who, part));
  for (std::size_t i = 0; i < all.size(); ++i) {
    require(who, fmt::format("{} {} of {}", part, i + 1, all.size()), all[i]);
  }
}

/// The depth of an operator composed of these parts. Throws Error beyond kMostDepth.
template <Real T>
std::int64_t depth_above(std::string_view who, const std::vector<Operator<T>>& all) {
  std::int64_t deepest = 0;
  for (const Operator<T>& part : all) deepest = std::max(deepest, part->depth());
  if (deepest < kMostDepth) return deepest + 1;
  throw Error(
      fmt::format("[{}] operators of operators have at most {} levels, since products recurse through them: write a "
                  "long sum as one sum({{...}}), and a long product as the product of its halves",
                  who, kMostDepth));
}

/// Throws Error for an infinite or undefined factor.
inline void require_finite(std::string_view who, double factor) {
  if (!std::isfinite(factor)) throw Error(fmt::format("[{}] the factor must be finite, got {}", who, factor));
}

/// The float form of each part; empty if one of them has none.
inline std::vector<Operator<float>> in_single(const std::vector<Operator<double>>& all) {
  std::vector<Operator<float>> single;
  for (const Operator<double>& part : all) {
    single.push_back(part->in_single());
    if (single.back() == nullptr) return {};
  }
  return single;
}

/// The number of parameters of all parts together.
template <Real T>
std::int64_t parameter_count(const std::vector<Operator<T>>& all) {
  std::int64_t count = 0;
  for (const Operator<T>& part : all) count += part->parameter_count();
  return count;
}

/// Calls body(part, its share of `grad`) for each part; the shares lie one after another.
template <Real T, class Body>
void each_share(const std::vector<Operator<T>>& all, std::span<T> grad, const Body& body) {
  std::size_t first = 0;
  for (const Operator<T>& part : all) {
    const auto count = static_cast<std::size_t>(part->parameter_count());
    body(*part, grad.subspan(first, count));
    first += count;
  }
}

/// z = A^T A x, and y = A x where `y` has data.
template <Real T>
void gram(const LinearOperator<T>& a, MatrixView<const T> x, MatrixView<T> y, MatrixView<T> z, Context& context) {
  if (y.data == nullptr) return a.apply_gram(x, z, context);
  a.apply_gram(x, y, z, context);
}

/// Rows [first, first + count) of a block; a block without data gives one without data.
template <class T>
MatrixView<T> row_range(MatrixView<T> x, std::int64_t first, std::int64_t count) {
  return {x.data == nullptr ? nullptr : x.data + first, count, x.columns, x.stride};
}

/// y += x
template <Real T>
void add_to(MatrixView<T> y, MatrixView<const T> x) {
  for (std::int64_t j = 0; j < y.columns; ++j) {
    const T* from = x.data + j * x.stride;
    T* to = y.data + j * y.stride;
    for (std::int64_t i = 0; i < y.rows; ++i) to[i] += from[i];
  }
}

/// y = factor x, one rounding per entry; x and y may be the same block.
template <Real T>
void scale_to(MatrixView<T> y, double factor, MatrixView<const T> x) {
  for (std::int64_t j = 0; j < y.columns; ++j) {
    const T* from = x.data + j * x.stride;
    T* to = y.data + j * y.stride;
    for (std::int64_t i = 0; i < y.rows; ++i) to[i] = static_cast<T>(factor * static_cast<double>(from[i]));
  }
}

/// x = factor x, one rounding per entry.
template <Real T>
void scale(MatrixView<T> x, double factor) {
  scale_to<T>(x, factor, x);
}

/// An uninitialized block in the context's scratch memory.
template <Real T>
class ScratchBlock {
 public:
  ScratchBlock(std::int64_t rows, std::int64_t columns, Context& context)
      : buffer_(context.scratch<T>(static_cast<std::size_t>(rows * columns))), rows_(rows), columns_(columns) {}

  MatrixView<T> view() noexcept { return {buffer_.data(), rows_, columns_}; }

 private:
  Context::Buffer<T> buffer_;
  std::int64_t rows_;
  std::int64_t columns_;
};

}  // namespace sigmax::parts
