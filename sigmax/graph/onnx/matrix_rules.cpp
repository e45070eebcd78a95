// Gemm and MatMul.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/affine_parts.hpp"
#include "sigmax/graph/onnx/movement.hpp"
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/product.hpp"
#include "sigmax/ops/scaled.hpp"
#include "sigmax/ops/selection.hpp"
#include "sigmax/ops/transposed.hpp"

namespace sigmax::graph::onnx {
namespace {

using Map = Operator<double>;

/// The stored matrix of a known value, without a copy.
Map stored_matrix(const Value& value, const Dimensions& shape) {
  Tensor values = value.known->values;
  if (value.known->is_integer()) values = known_numbers(value.known->numbers(), value.shape).values;
  return dense<double>(values.reshaped(shape));
}

/// Entries of the transpose of a matrix of these extents.
Movement transposition(std::int64_t batch, std::int64_t rows, std::int64_t columns) {
  Movement movement{{batch, columns, rows}, false, {}};
  movement.source.reserve(static_cast<std::size_t>(counted(movement.shape)));
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) movement.source.push_back((b * rows + i) * columns + j);
    }
  }
  return movement;
}

/// y = x^T for the last two axes.
Value transposed_value(Builder& builder, const Value& x) {
  const std::size_t rank = x.shape.size();
  const std::int64_t rows = x.shape[rank - 2], columns = x.shape[rank - 1];
  Dimensions shape = x.shape;
  std::swap(shape[rank - 2], shape[rank - 1]);
  const Index node = builder.node_of(x);
  if (rows == 1 || columns == 1) return {shape, std::nullopt, node};
  Movement movement = transposition(extent_product(x.shape, 0, rank - 2), rows, columns);
  const std::int64_t count = counted(shape);
  return emit_affine(builder, selection<double>(count, std::move(movement.source)), node, shape);
}

/// C of Gemm: the constant beta C, or a term.
Value with_addend(Builder& builder, const Value& product, const Value& addend, double beta) {
  if (broadcast_shape(addend.shape, product.shape) != product.shape)
    throw RefusedNode{"adds a matrix that does not fit"};
  const Value spread = spread_value(builder, addend, product.shape);
  Index term = builder.node_of(spread);
  if (beta != 1) {
    term = *emit_affine(builder, scaled(beta, identity<double>(counted(product.shape))), term, product.shape).node;
  }
  return builder.emit(Sum{}, {*product.node, term}, product.shape);
}

std::vector<Value> import_gemm(Builder& builder) {
  const Value &a = *builder.operand(0), &b = *builder.operand(1);
  const Value* c = builder.operand(2);
  if (a.shape.size() != 2 || b.shape.size() != 2) throw RefusedNode{"multiplies values that are not matrices"};
  const bool of_a = builder.integer("transA", 0) != 0, of_b = builder.integer("transB", 0) != 0;
  const double alpha = builder.number("alpha", 1), beta = builder.number("beta", 1);
  const std::int64_t rows = a.shape[of_a ? 1 : 0], inner = a.shape[of_a ? 0 : 1];
  const std::int64_t columns = b.shape[of_b ? 0 : 1];
  if (b.shape[of_b ? 1 : 0] != inner) {
    throw RefusedNode{fmt::format("multiplies matrices of shapes {} and {}", to_string(a.shape), to_string(b.shape))};
  }
  const Dimensions shape{rows, columns};
  const auto times_alpha = [alpha](Map map) { return alpha == 1 ? map : scaled(alpha, std::move(map)); };
  std::vector<double> offset;
  if (c != nullptr && c->known) {
    if (broadcast_shape(c->shape, shape) != shape) throw RefusedNode{"adds a matrix that does not fit"};
    offset = spread_numbers(*c, shape);
    for (double& each : offset) each *= beta;
  }
  Value product;
  if (b.known) {  // each row of A B is B^T times a row of A
    const Map stored = stored_matrix(b, b.shape);
    const Value left = of_a ? transposed_value(builder, a) : a;
    product = emit_affine(builder, times_alpha(repeated(rows, of_b ? stored : transposed(stored))),
                          builder.node_of(left), shape, offset);
  } else if (a.known) {
    const Map stored = stored_matrix(a, a.shape);
    const Value right = of_b ? transposed_value(builder, b) : b;
    const Map left = of_a ? transposed(stored) : stored;
    product =
        emit_affine(builder, times_alpha(columns == 1 ? left : kronecker<double>({left, identity<double>(columns)})),
                    builder.node_of(right), shape, offset);
  } else {
    const Value left = of_a ? transposed_value(builder, a) : a, right = of_b ? transposed_value(builder, b) : b;
    product = builder.emit(MatrixProduct{1, rows, inner, columns}, {*left.node, *right.node}, shape);
    if (alpha != 1 || !offset.empty()) {
      product = emit_affine(builder, times_alpha(identity<double>(counted(shape))), *product.node, shape, offset);
    }
  }
  if (c != nullptr && !c->known) product = with_addend(builder, product, *c, beta);
  return {product};
}

/// The extents of a product of stacks of matrices: A is batch x rows x inner, B batch x inner x columns.
struct Stacks {
  Stacks(const Value& a, const Value& b) {
    if (a.shape.empty() || b.shape.empty()) throw RefusedNode{"multiplies a number as a matrix"};
    left = a.shape;
    right = b.shape;
    if (left.size() == 1) left.insert(left.begin(), 1);
    if (right.size() == 1) right.push_back(1);
    rows = left[left.size() - 2];
    inner = left.back();
    columns = right.back();
    if (right[right.size() - 2] != inner) {
      throw RefusedNode{fmt::format("multiplies matrices of shapes {} and {}", to_string(a.shape), to_string(b.shape))};
    }
    left_batch = Dimensions(left.begin(), left.end() - 2);
    right_batch = Dimensions(right.begin(), right.end() - 2);
    batch = broadcast_shape(left_batch, right_batch);
    count = counted(batch);
    shape = batch;
    if (a.shape.size() > 1) shape.push_back(rows);
    if (b.shape.size() > 1) shape.push_back(columns);
  }

  Dimensions left, right, left_batch, right_batch, batch, shape;
  std::int64_t count = 1, rows = 1, inner = 1, columns = 1;

  Dimensions full_left() const { return joined(batch, rows, inner); }
  Dimensions full_right() const { return joined(batch, inner, columns); }

  static Dimensions joined(Dimensions batch, std::int64_t rows, std::int64_t columns) {
    batch.push_back(rows);
    batch.push_back(columns);
    return batch;
  }
};

bool is_single(const Dimensions& batch) {
  return std::ranges::all_of(batch, [](std::int64_t n) { return n == 1; });
}

/// y_b = W_b x_b for x_b of inner x columns: a convolution with kernels of one tap, a group for each b.
Map block_diagonal(const Tensor& weights, std::int64_t count, std::int64_t rows, std::int64_t inner,
                   std::int64_t columns) {
  ConvolutionLayer layer;
  layer.in_channels = count * inner;
  layer.out_channels = count * rows;
  layer.groups = count;
  layer.axes = {ConvolutionAxis{}};
  return convolution<double>(weights.reshaped({count * rows, inner, 1}), ConvolutionGeometry(layer, {columns}));
}

Tensor real_tensor(const Value& value) {
  if (value.known->is_integer()) return known_numbers(value.known->numbers(), value.shape).values;
  return value.known->values;
}

/// The constant on the right.
Value times_constant(Builder& builder, const Stacks& stacks, const Value& a, const Value& b) {
  if (is_single(stacks.right_batch)) {
    const Map map = transposed(stored_matrix(b, {stacks.inner, stacks.columns}));
    return emit_affine(builder, repeated(stacks.count * stacks.rows, map), builder.node_of(a), stacks.shape);
  }
  const Value x = spread_value(builder, Value{stacks.left, a.known, a.node}, stacks.full_left());
  Tensor weights = real_tensor(b).reshaped(stacks.right);
  if (stacks.right != stacks.full_right()) {
    weights = moved(weights, {stacks.full_right(), false, broadcast_source(stacks.right, stacks.full_right())});
  }
  weights = moved(weights, transposition(stacks.count, stacks.inner, stacks.columns));
  Map map = block_diagonal(weights, stacks.count, stacks.columns, stacks.inner, stacks.rows);
  if (stacks.rows > 1) {  // x W is (W^T x^T)^T
    Movement before = transposition(stacks.count, stacks.rows, stacks.inner);
    Movement after = transposition(stacks.count, stacks.columns, stacks.rows);
    const std::int64_t inputs = counted(before.shape), outputs = counted(after.shape);
    map = product(selection<double>(outputs, std::move(after.source)),
                  product(std::move(map), selection<double>(inputs, std::move(before.source))));
  }
  return emit_affine(builder, std::move(map), *x.node, stacks.shape);
}

/// The constant on the left.
Value constant_times(Builder& builder, const Stacks& stacks, const Value& a, const Value& b) {
  if (is_single(stacks.left_batch)) {
    Map map = stored_matrix(a, {stacks.rows, stacks.inner});
    if (stacks.columns > 1) map = kronecker<double>({std::move(map), identity<double>(stacks.columns)});
    return emit_affine(builder, repeated(stacks.count, std::move(map)), builder.node_of(b), stacks.shape);
  }
  const Value x = spread_value(builder, Value{stacks.right, b.known, b.node}, stacks.full_right());
  Tensor weights = real_tensor(a).reshaped(stacks.left);
  if (stacks.left != stacks.full_left()) {
    weights = moved(weights, {stacks.full_left(), false, broadcast_source(stacks.left, stacks.full_left())});
  }
  return emit_affine(builder, block_diagonal(weights, stacks.count, stacks.rows, stacks.inner, stacks.columns), *x.node,
                     stacks.shape);
}

Value matrix_product(Builder& builder, const Value& a, const Value& b) {
  const Stacks stacks(a, b);
  if (counted(stacks.shape) == 0 || stacks.inner == 0) throw RefusedNode{"multiplies matrices without entries"};
  if (b.known) return times_constant(builder, stacks, a, b);
  if (a.known) return constant_times(builder, stacks, a, b);
  const Value left = spread_value(builder, Value{stacks.left, std::nullopt, a.node}, stacks.full_left());
  const Value right = spread_value(builder, Value{stacks.right, std::nullopt, b.node}, stacks.full_right());
  return builder.emit(MatrixProduct{stacks.count, stacks.rows, stacks.inner, stacks.columns}, {*left.node, *right.node},
                      stacks.shape);
}

std::vector<Value> import_matrix_product(Builder& builder) {
  return {matrix_product(builder, *builder.operand(0), *builder.operand(1))};
}

/// alpha A B, the last two axes of either transposed: ONNX Runtime's FusedMatMul.
std::vector<Value> import_fused_product(Builder& builder) {
  if (builder.integer("transBatchA", 0) != 0 || builder.integer("transBatchB", 0) != 0) {
    throw RefusedNode{"transposes axes of its batch, which no rule knows"};
  }
  const auto side = [&](std::size_t operand, std::string_view attribute) {
    const Value& x = *builder.operand(operand);
    if (builder.integer(attribute, 0) == 0 || x.shape.size() < 2) return x;
    if (!x.known) return transposed_value(builder, x);
    const std::size_t rank = x.shape.size();
    Dimensions shape = x.shape;
    std::swap(shape[rank - 2], shape[rank - 1]);
    Movement movement = transposition(extent_product(x.shape, 0, rank - 2), x.shape[rank - 2], x.shape[rank - 1]);
    movement.shape = shape;
    return Value{shape, Known{moved(x.known->values, movement)}, std::nullopt};
  };
  const double alpha = builder.number("alpha", 1);
  Value product = matrix_product(builder, side(0, "transA"), side(1, "transB"));
  if (alpha != 1) {
    product =
        emit_affine(builder, scaled(alpha, identity<double>(counted(product.shape))), *product.node, product.shape);
  }
  return {product};
}

}  // namespace

std::span<const NamedRule> matrix_rules() {
  static constexpr NamedRule kRules[] = {
      {"Gemm", import_gemm}, {"MatMul", import_matrix_product}, {"FusedMatMul", import_fused_product}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
