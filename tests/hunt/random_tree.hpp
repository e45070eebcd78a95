// Random trees of all operators, with their matrices in extended precision.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "conformance/reference_matrix.hpp"
#include "gallery/stored.hpp"
#include "hunt/wide_matrix.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/function.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/low_rank.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::hunt {

/// An operator, its matrix, and how it was made.
template <Real T>
struct Grown {
  Operator<T> op;
  WideMatrix is;
  std::string what;
};

/// One specimen from one seed. `tame`: scales near 1, and opaque parts among the others.
template <Real T>
class Grower {
 public:
  explicit Grower(std::uint64_t seed, bool tame = false) : random_(seed), tame_(tame) {}

  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  std::int64_t divisor(std::size_t of) {
    std::vector<std::int64_t> all;
    for (std::size_t d = 1; d <= of; ++d) {
      if (of % d == 0) all.push_back(static_cast<std::int64_t>(d));
    }
    return all[static_cast<std::size_t>(pick(static_cast<int>(all.size())))];
  }
  std::size_t extent() { return static_cast<std::size_t>(1 + pick(pick(3) == 0 ? 9 : 4)); }

  Grown<T> tree(std::size_t rows, std::size_t columns, int depth) {
    if (depth == 0) return leaf(rows, columns);
    switch (pick(tame_ ? 14 : 15)) {
      case 0: return sum(tree(rows, columns, depth - 1), tree(rows, columns, depth - 1));
      case 1: {
        const std::size_t inner = extent();
        return product(tree(rows, inner, depth - 1), tree(inner, columns, depth - 1));
      }
      case 2: return times(factor(), tree(rows, columns, depth - 1));
      case 3: return transposed(tree(columns, rows, depth - 1));
      case 4: return stack(rows, columns, depth, true);
      case 5: return stack(rows, columns, depth, false);
      case 6: return low_rank(rows, columns);
      case 7: return sum(tree(rows, columns, depth - 1), zero(rows, columns, 1 + pick(3)));
      case 8: return repeated(rows, columns, depth);
      case 9: return convolved(rows, columns);
      case 10: return weighted(rows, columns, depth);
      case 11: return selected(rows, columns);
      case 12: return kronecker(rows, columns, depth);
      default: return tame_ ? hidden(rows, columns, depth) : balanced(rows, columns);
    }
  }

  /// The kinds of node that zero() can make.
  static constexpr int kZeroKinds = 8;

  /// Zero by every kind of node: a matrix, a factor, a multiple, a product with or of zeros, sums and stacks of zeros,
  /// transposed. Its parts are of the kinds `first` and `second`, or of random ones (negative).
  Grown<T> zero_of_kind(int kind, std::size_t rows, std::size_t columns, int depth, int first = -1, int second = -1) {
    const auto part = [&](int wanted, std::size_t m, std::size_t n) {
      return wanted >= 0 ? zero_of_kind(wanted, m, n, depth - 1) : zero(m, n, depth - 1);
    };
    switch (kind) {
      case 1: return times(0, tree(rows, columns, std::max(depth - 1, 0)));
      case 2: return times(factor(), part(first, rows, columns));
      case 3: {
        const std::size_t inner = extent();
        return product(part(first, rows, inner), part(second, inner, columns));
      }
      case 4: return sum(part(first, rows, columns), part(second, rows, columns));
      case 5:
        if (rows < 2) return stored(rows, columns, 0);
        return below(part(first, 1, columns), part(second, rows - 1, columns));
      case 6:
        if (columns < 2) return stored(rows, columns, 0);
        return beside(part(first, rows, 1), part(second, rows, columns - 1));
      case 7: return transposed(part(first, columns, rows));
      default: return stored(rows, columns, 0);
    }
  }

  /// w next to or below zeros, or with zeros added to it, multiplied by such sums, or scaled with such a sum
  /// subtracted.
  Grown<T> with_zero(int way, const Grown<T>& w, const Grown<T>& zeros) {
    switch (way) {
      case 0: return sum(w, zeros);
      case 1: return below(w, zeros);
      case 2: return beside(zeros, w);
      case 3: return product(sum(w, zeros), transposed(w));
      default: return sum(times(3, w), times(-2, sum(w, zeros)));
    }
  }
  static constexpr int kWays = 5;

  /// A chain of `length` operators over a small tree: factors, products, sums, transposes and stacks.
  Grown<T> chain(int length) {
    const auto n = static_cast<std::size_t>(2 + pick(3));
    Grown<T> grown = tree(n, n, pick(2));
    const std::string start = grown.what;
    const int style = pick(6) % 5;
    const double upwards = pick(4) > 0 ? 1 : 0;
    for (int i = 0; i < length; ++i) {
      switch (style < 4 ? style : pick(4)) {
        case 0: grown = times(std::nextafter(0.5, upwards), grown); break;
        case 1: grown = pick(3) == 0 ? transposed(grown) : times(factor(), grown); break;
        case 2: grown = pick(2) == 0 ? product(leaf(n, n), grown) : product(grown, leaf(n, n)); break;
        default: grown = pick(2) == 0 ? sum(times(1 / 3.0, grown), leaf(n, n)) : times(0.7, transposed(grown)); break;
      }
    }
    grown.what = fmt::format("chain of {} in style {} over {}", length, style, start);
    // Scaled back to the range of double, so that a false zero shows.
    while (std::abs(grown.is.exponent) > 900 && !wide::is_zero(grown.is)) {
      const auto by = static_cast<int>(std::clamp<std::int64_t>(-grown.is.exponent, -999, 999));
      grown = times(std::ldexp(1.1, by), grown);
    }
    // Not only at the root, where factors are treated separately.
    switch (pick(6)) {
      case 0: return product(grown, leaf(n, n));
      case 5: return product(leaf(n, n), grown);
      case 1: return sum(grown, leaf(n, n));
      case 2: return below(grown, leaf(1, n));
      default: return grown;
    }
  }

 private:
  double normal() { return std::normal_distribution<double>()(random_); }

  double factor() {
    if (tame_) return pick(8) == 0 ? 0 : normal();
    constexpr double kFactors[] = {1e-300, 1e300, 1e-150, 0x1p-1070, -0.5, 2};
    const int choice = pick(20);
    return choice == 0 ? 0 : choice <= 6 ? kFactors[choice - 1] : normal();
  }

  double entry(int kind, std::size_t i, std::size_t j) {
    switch (kind) {
      case 0: return 0;
      case 1: return 1;
      case 2: return i == j ? 1 : 0;
      case 3: return pick(4) == 0 ? normal() : 0;
      case 4: return tame_ ? normal() : normal() * std::pow(10.0, -pick(40));
      case 5: return tame_ ? pick(3) : 5e-324 * pick(3);
      default: return normal();
    }
  }

  Grown<T> stored(std::size_t rows, std::size_t columns, int kind) {
    constexpr double kScales[] = {1e-300, 1e300, 1e-30, 1e30, 0x1p-140, 1e-160};
    const int choice = tame_ ? 99 : pick(24);
    const double scale = choice < 6 ? kScales[choice] : 1;
    const DType dtype = tame_ ? DType::f64 : gallery::kStorageTypes[pick(4)];
    std::vector<double> values(rows * columns);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) values[i * columns + j] = scale * entry(kind, i, j);
    }
    const Tensor tensor = tensor_of(values, rows, columns, dtype);
    return {dense<T>(tensor), exact(tensor),
            fmt::format("{}x{} {} kind {} scale {}", rows, columns, name(dtype), kind, scale)};
  }

  // Rounded to the type, or to double if the type gives infinity.
  Tensor tensor_of(const std::vector<double>& values, std::size_t rows, std::size_t columns, DType dtype) {
    const auto m = static_cast<std::int64_t>(rows);
    const auto n = static_cast<std::int64_t>(columns);
    Tensor tensor = pick(3) == 0 ? gallery::column_major(dtype, m, n, values) : Tensor::rounded(values, {m, n}, dtype);
    for (std::int64_t i = 0; i < m * n; ++i) {
      if (!std::isfinite(tensor.at(std::vector{i / n, i % n}))) return Tensor::rounded(values, {m, n}, DType::f64);
    }
    return tensor;
  }

  static WideMatrix exact(const Tensor& tensor) {
    std::vector<long double> values;
    for (std::int64_t i = 0; i < tensor.shape()[0]; ++i) {
      for (std::int64_t j = 0; j < tensor.shape()[1]; ++j) values.push_back(tensor.at(std::vector{i, j}));
    }
    return wide::of(static_cast<std::size_t>(tensor.shape()[0]), static_cast<std::size_t>(tensor.shape()[1]), values);
  }

  Grown<T> leaf(std::size_t rows, std::size_t columns) { return stored(rows, columns, pick(9)); }

  Grown<T> zero(std::size_t rows, std::size_t columns, int depth) {
    if (depth <= 0) return stored(rows, columns, 0);
    if (pick(4) > 0) return zero_of_kind(pick(kZeroKinds), rows, columns, depth);
    const std::size_t inner = extent();
    const bool left = pick(2) == 0;
    return left ? product(zero(rows, inner, depth - 1), tree(inner, columns, depth - 1))
                : product(tree(rows, inner, depth - 1), zero(inner, columns, depth - 1));
  }

  // Factors far from 1 whose product is near 1, and a term of another size: intermediate results leave the range of
  // float or of double.
  Grown<T> balanced(std::size_t rows, std::size_t columns) {
    const int most = pick(4) > 0 ? 130 : 900;
    const int left = pick(2 * most) - most;
    const int right = pick(2) == 0 ? -left : pick(2 * most) - most;
    const std::size_t inner = extent();
    const std::size_t last = extent();
    const auto part = [&](std::size_t m, std::size_t n, int exponent) {
      std::vector<double> values(m * n);
      for (double& value : values) value = std::ldexp(normal(), exponent);
      const Tensor tensor = tensor_of(values, m, n, DType::f64);
      return Grown<T>{dense<T>(tensor), exact(tensor), fmt::format("{}x{} near 2^{}", m, n, exponent)};
    };
    const Grown<T> a = part(rows, inner, left);
    const Grown<T> b = part(inner, last, std::clamp(-left - right, -1020, 1020));
    const Grown<T> c = part(last, columns, right);
    const Grown<T> all = pick(2) == 0 ? product(a, product(b, c)) : product(product(a, b), c);
    return pick(3) == 0 ? all : sum(all, part(rows, columns, -pick(20)));
  }

  // The same part twice, as a difference, a sum or a product with its transpose.
  Grown<T> repeated(std::size_t rows, std::size_t columns, int depth) {
    const Grown<T> a = tree(rows, columns, depth - 1);
    switch (pick(4)) {
      case 0: return sum(a, times(-1, a));
      case 1: return sum(a, a);
      case 2: return product(product(a, transposed(a)), a);
      default: return sum(times(factor(), a), times(-1, sum(a, zero(rows, columns, depth - 1))));
    }
  }

  Grown<T> low_rank(std::size_t rows, std::size_t columns) {
    const std::size_t r = static_cast<std::size_t>(1 + pick(2));
    const auto m = static_cast<std::int64_t>(rows);
    const auto n = static_cast<std::int64_t>(columns);
    const auto k = static_cast<std::int64_t>(r);
    std::vector<double> b(rows * r);
    std::vector<double> a(r * columns);
    const double scale = tame_ || pick(4) > 0 ? 1 : pick(2) == 0 ? 1e-200 : 1e200;
    for (double& value : b) value = scale * entry(pick(6), 0, 1);
    for (double& value : a) value = entry(pick(6), 0, 1);
    const Tensor left = Tensor::rounded(b, {m, k}, DType::f64);
    const Tensor right = Tensor::rounded(a, {k, n}, DType::f64);
    const double by = factor();
    Context context(1);
    return {sigmax::low_rank<T>(left, right, by, context), wide::times(by, wide::product(exact(left), exact(right))),
            fmt::format("{} low_rank {}x{} of {}", by, rows, columns, r)};
  }

  // A convolution along one axis, or the transpose of one, with as many channels and as much padding as the shape
  // needs.
  Grown<T> convolved(std::size_t rows, std::size_t columns) {
    const bool turned = pick(3) == 0;
    ConvolutionLayer layer;
    layer.out_channels = divisor(turned ? columns : rows);
    layer.in_channels = divisor(turned ? rows : columns);
    const std::int64_t outputs = static_cast<std::int64_t>(turned ? columns : rows) / layer.out_channels;
    const std::int64_t inputs = static_cast<std::int64_t>(turned ? rows : columns) / layer.in_channels;
    layer.axes.push_back({1 + pick(3), 1 + pick(2), 1 + pick(2), 0, 0, 0});
    ConvolutionAxis& axis = layer.axes.front();
    const std::int64_t left = axis.stride * (outputs - 1) + axis.reach() - inputs;
    if (left < 0) axis = {inputs - axis.stride * (outputs - 1), axis.stride, 1, 0, 0, 0};
    axis.pad_low = pick(static_cast<int>(std::max<std::int64_t>(left, 0)) + 1);
    axis.pad_high = std::max<std::int64_t>(left, 0) - axis.pad_low;
    layer.padding_mode = static_cast<PaddingMode>(pick(4));
    if (std::max(axis.pad_low, axis.pad_high) >= inputs && layer.padding_mode == PaddingMode::Reflect) {
      layer.padding_mode = PaddingMode::Zeros;
    }
    const ConvolutionGeometry geometry(layer, {inputs});
    const Correlation& c = geometry.correlation();
    std::vector<double> kernel(static_cast<std::size_t>(c.weights()));
    const double scale = tame_ || pick(4) > 0 ? 1 : pick(2) == 0 ? 1e-200 : 1e200;
    const int kind = pick(6);
    for (double& value : kernel) value = scale * entry(kind, 0, 1);
    const conformance::ReferenceMatrix m = conformance::convolution_matrix(kernel, c);
    std::vector<long double> values;
    long double magnitude = 0;
    conformance::each_entry(m, [&](std::int64_t i, std::int64_t j) {
      values.push_back(m.value(i, j));
      magnitude = std::hypot(magnitude, m.magnitude(i, j));
    });
    WideMatrix is{static_cast<std::size_t>(m.shape().rows), static_cast<std::size_t>(m.shape().columns), values};
    is.magnitude = magnitude * (1 + wide::kRounding);
    is.error = c.copies() > 1 ? static_cast<long double>(c.copies()) * wide::kRounding * is.magnitude : 0;
    const Grown<T> grown{convolution<T>(Tensor::copy_of(kernel, layer.kernel_shape()), geometry),
                         wide::normalized(std::move(is)), "convolution: " + describe(layer)};
    return turned ? transposed(grown) : grown;
  }

  // A diagonal times a tree, or the identity plus one.
  Grown<T> weighted(std::size_t rows, std::size_t columns, int depth) {
    const Grown<T> a = tree(rows, columns, depth - 1);
    const bool is_identity = pick(4) == 0;
    const int kind = pick(9);
    std::vector<double> d(rows, 1.0);
    std::vector<long double> values(rows * rows, 0.0L);
    const double scale = tame_ || pick(4) > 0 ? 1 : pick(2) == 0 ? 0x1p-1060 : 1e200;
    for (std::size_t i = 0; i < rows; ++i) {
      if (!is_identity) d[i] = pick(5) == 0 ? 0 : scale * entry(kind, i, i);
      values[i * rows + i] = d[i];
    }
    const auto n = static_cast<std::int64_t>(rows);
    const Grown<T> diagonal{is_identity ? identity<T>(n) : sigmax::diagonal<T>(Tensor::copy_of(d, {n})),
                            wide::of(rows, rows, values), is_identity ? "identity" : "diagonal"};
    if (rows == columns && pick(2) == 0) return sum(diagonal, a);
    return product(diagonal, a);
  }

  Grown<T> selected(std::size_t rows, std::size_t columns) {
    const bool turned = pick(3) == 0;
    if (turned) std::swap(rows, columns);
    const auto inputs = static_cast<int>(columns);
    std::vector<std::int64_t> index;
    std::vector<long double> values(rows * columns, 0.0L);
    const int most = 1 + pick(inputs);  // the fewer, the more copies
    const bool of_zeros = pick(4) == 0;
    for (std::size_t i = 0; i < rows; ++i) {
      index.push_back(of_zeros && pick(2) == 0 ? -1 : pick(most));
      if (index.back() >= 0) values[i * columns + static_cast<std::size_t>(index.back())] = 1;
    }
    const Grown<T> grown{selection<T>(inputs, index), wide::of(rows, columns, values), "selection"};
    return turned ? transposed(grown) : grown;
  }

  Grown<T> kronecker(std::size_t rows, std::size_t columns, int depth) {
    const auto m = static_cast<std::size_t>(divisor(rows));
    const auto n = static_cast<std::size_t>(divisor(columns));
    const bool repeats = m == n && pick(4) == 0;
    std::vector<long double> ones(m * n, 0.0L);
    for (std::size_t i = 0; repeats && i < m; ++i) ones[i * n + i] = 1;
    const Grown<T> a = repeats ? Grown<T>{identity<T>(static_cast<std::int64_t>(m)), wide::of(m, n, ones), "identity"}
                               : tree(m, n, depth - 1);
    const Grown<T> b = tree(rows / m, columns / n, depth - 1);
    const bool flip = pick(2) == 0;
    return flip ? Grown<T>{sigmax::kronecker<T>({b.op, a.op}), wide::kronecker(b.is, a.is),
                           "(" + b.what + " (x) " + a.what + ")"}
                : Grown<T>{sigmax::kronecker<T>({a.op, b.op}), wide::kronecker(a.is, b.is),
                           "(" + a.what + " (x) " + b.what + ")"};
  }

  // A part that is known only through its products.
  Grown<T> hidden(std::size_t rows, std::size_t columns, int depth) {
    Grown<T> a = tree(rows, columns, depth - 1);
    const Operator<T> inner = a.op;
    a.op = function_operator<T>(
        inner->shape(),
        [inner](MatrixView<const T> x, MatrixView<T> y, Context& context) { inner->apply(x, y, context); },
        [inner](MatrixView<const T> y, MatrixView<T> x, Context& context) { inner->apply_adjoint(y, x, context); });
    a.what = "hidden " + a.what;
    return a;
  }

  Grown<T> stack(std::size_t rows, std::size_t columns, int depth, bool of_rows) {
    const std::size_t all = of_rows ? rows : columns;
    if (all < 2) return tree(rows, columns, depth - 1);
    const std::size_t first = 1 + static_cast<std::size_t>(pick(static_cast<int>(all) - 1));
    const auto part = [&](std::size_t length) {
      const std::size_t m = of_rows ? length : rows;
      const std::size_t n = of_rows ? columns : length;
      return pick(4) == 0 ? zero(m, n, depth - 1) : tree(m, n, depth - 1);
    };
    const Grown<T> a = part(first);
    const Grown<T> b = part(all - first);
    return of_rows ? below(a, b) : beside(a, b);
  }

  static Grown<T> sum(const Grown<T>& a, const Grown<T>& b) {
    return {a.op + b.op, wide::sum(a.is, b.is), "(" + a.what + " + " + b.what + ")"};
  }
  static Grown<T> product(const Grown<T>& a, const Grown<T>& b) {
    return {a.op * b.op, wide::product(a.is, b.is), "(" + a.what + " times " + b.what + ")"};
  }
  static Grown<T> times(double factor, const Grown<T>& a) {
    return {scaled<T>(factor, a.op), wide::times(factor, a.is), fmt::format("{} ", factor) + a.what};
  }
  static Grown<T> transposed(const Grown<T>& a) {
    return {sigmax::transposed<T>(a.op), wide::transposed(a.is), a.what + "^T"};
  }
  static Grown<T> below(const Grown<T>& a, const Grown<T>& b) {
    return {stack_rows<T>({a.op, b.op}), wide::below(a.is, b.is), "[" + a.what + "; " + b.what + "]"};
  }
  static Grown<T> beside(const Grown<T>& a, const Grown<T>& b) {
    return {stack_columns<T>({a.op, b.op}),
            wide::transposed(wide::below(wide::transposed(a.is), wide::transposed(b.is))),
            "[" + a.what + ", " + b.what + "]"};
  }

  std::mt19937_64 random_;
  bool tame_;
};

}  // namespace sigmax::hunt
