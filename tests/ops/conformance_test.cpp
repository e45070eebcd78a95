// Every operator of sigmax, in one table, run through one suite.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "conformance/operator_suite.hpp"
#include "conformance/pull_back_suite.hpp"
#include "gallery/stored.hpp"
#include "ops/axis_cases.hpp"
#include "ops/weights.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/function.hpp"
#include "sigmax/ops/low_rank.hpp"
#include "sigmax/ops/sparse.hpp"
#include "support/opaque.hpp"

namespace sigmax::conformance {
namespace {

OperatorCase dense_case(std::string name, const Weight& w) {
  return operator_case(std::move(name), w.matrix, {w.tensor}, [w]<Real T>() { return w.as<T>(); });
}

OperatorCase low_rank_case(std::string name, const Weight& b, const Weight& a, double scale) {
  return operator_case(std::move(name), scale * (b.matrix * a.matrix), {b.tensor, a.tensor},
                       [=]<Real T>() { return low_rank<T>(b.tensor, a.tensor, scale); });
}

// A function operator with the products of `a`, and with its parameters if requested.
template <Real T>
Operator<T> by_functions(const Operator<T>& a, bool with_parameters = false) {
  FunctionParameters<T> parameters;
  if (with_parameters) {
    parameters.count = a->parameter_count();
    parameters.pull_back = [a](const Cotangent<T>& g, std::span<T> grad, Context& context) {
      a->pull_back(g, grad, context);
    };
  }
  return function_operator<T>(
      a->shape(), [a](MatrixView<const T> x, MatrixView<T> y, Context& context) { a->apply(x, y, context); },
      [a](MatrixView<const T> y, MatrixView<T> x, Context& context) { a->apply_adjoint(y, x, context); },
      std::move(parameters));
}

OperatorCase function_case(std::string name, const Weight& w) {
  return operator_case(
      std::move(name), w.matrix, {}, [w]<Real T>() { return by_functions(w.as<T>()); }, false);
}

// A share of the entries of a random matrix, given in a shuffled order; the tensor has the values in the order of rows.
OperatorCase sparse_case(std::string name, std::int64_t rows, std::int64_t columns, std::int64_t each) {
  const Weight w = f32(rows, columns, 50);
  std::vector<double> dense_values(static_cast<std::size_t>(rows * columns));
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> column;
  std::vector<double> values;
  std::vector<double> in_order;
  for (std::int64_t e = 0; e < rows * columns; ++e) {
    if (e * e % each != 0) continue;
    const double value = w.tensor.at(std::vector<std::int64_t>{e / columns, e % columns});
    dense_values[static_cast<std::size_t>(e)] = value;
    in_order.push_back(value);
    const std::int64_t at = (7 * e) % static_cast<std::int64_t>(row.size() + 1);
    row.insert(row.begin() + at, e / columns);
    column.insert(column.begin() + at, e % columns);
    values.insert(values.begin() + at, value);
  }
  const SparseMatrix matrix({rows, columns}, row, column, values);
  const Tensor parameters = Tensor::rounded(in_order, {static_cast<std::int64_t>(in_order.size())}, DType::f64);
  // From the values that the tensor has at the time: the suite moves them.
  return operator_case(std::move(name), ReferenceMatrix::of({rows, columns}, dense_values), {parameters},
                       [pattern = matrix.pattern, parameters]<Real T>() {
                         std::vector<double> now;
                         for (std::int64_t e = 0; e < parameters.size(); ++e) {
                           now.push_back(parameters.at(std::vector<std::int64_t>{e}));
                         }
                         return sparse<T>(SparseMatrix(pattern, now));
                       });
}

std::vector<OperatorCase> sparse_cases() {
  return {
      sparse_case("sparse", 13, 9, 3),
      sparse_case("sparse_with_all_entries", 7, 12, 1),
      sparse_case("sparse_with_empty_rows", 30, 4, 29),
      sparse_case("sparse_with_empty_columns", 3, 40, 31),
      sparse_case("sparse_one_row", 1, 20, 3),
      sparse_case("sparse_one_column", 20, 1, 3),
      sparse_case("sparse_without_rows", 0, 5, 3),
      sparse_case("sparse_without_columns", 5, 0, 3),
      sparse_case("sparse_pieces", 300, 220, 2),
  };
}

ConvolutionLayer layer(std::int64_t in, std::int64_t out, std::vector<ConvolutionAxis> axes, std::int64_t groups = 1,
                       PaddingMode mode = PaddingMode::Zeros, bool is_transposed = false) {
  return {in, out, groups, mode, is_transposed, std::move(axes)};
}

OperatorCase convolution_case(std::string name, const ConvolutionLayer& l, std::vector<std::int64_t> size,
                              DType dtype = DType::f32, MakeTensor make = row_major) {
  const ConvolutionGeometry geometry(l, std::move(size));
  const Dimensions shape = l.kernel_shape();
  const std::int64_t columns = geometry.correlation().terms();
  const Weight flat = weight(dtype, geometry.correlation().out_channels, columns, make, 51);
  // The strides of the matrix, continued into the kernel's own axes.
  Dimensions strides = row_major_strides(shape);
  for (std::int64_t& stride : strides) stride *= flat.tensor.strides()[1];
  strides[0] = flat.tensor.strides()[0];
  const Tensor kernel(dtype, shape, strides, flat.tensor.data(), flat.tensor.owner());
  std::vector<double> values;
  for (std::int64_t e = 0; e < flat.tensor.size(); ++e) {
    values.push_back(flat.tensor.at(std::vector<std::int64_t>{e / columns, e % columns}));
  }
  const ReferenceMatrix m = convolution_matrix(values, geometry.correlation());
  return operator_case(std::move(name), l.transposed ? transposed(m) : m, {kernel},
                       [=]<Real T>() { return convolution<T>(kernel, geometry); });
}

std::vector<OperatorCase> convolution_cases() {
  const ConvolutionAxis three{3, 1, 1, 1, 1, 0};
  const ConvolutionAxis strided{3, 2, 1, 1, 1, 0};
  const ConvolutionAxis even{4, 2, 1, 1, 2, 0};
  const ConvolutionAxis dilated{3, 1, 2, 2, 2, 0};
  const ConvolutionAxis both{3, 2, 3, 3, 1, 0};
  const ConvolutionAxis sparse_steps{2, 5, 1, 0, 0, 0};
  const ConvolutionAxis wide{5, 1, 1, 2, 2, 0};
  const ConvolutionAxis up{3, 2, 1, 1, 1, 1};
  constexpr auto kCircular = PaddingMode::Circular;
  constexpr auto kReflect = PaddingMode::Reflect;
  constexpr auto kReplicate = PaddingMode::Replicate;
  return {
      convolution_case("convolution", layer(3, 5, {three, three}), {5, 4}),
      convolution_case("convolution_bf16", layer(2, 3, {three, strided}), {4, 7}, DType::bf16),
      convolution_case("convolution_f16", layer(4, 9, {{1, 1, 1, 0, 0, 0}, {1, 1, 1, 0, 0, 0}}), {3, 5}, DType::f16),
      convolution_case("convolution_f64", layer(1, 17, {wide}), {11}, DType::f64),
      convolution_case("convolution_gapped", layer(3, 4, {three, three}), {4, 4}, DType::f32, gallery::gapped),
      convolution_case("convolution_without_padding", layer(2, 2, {{3, 1, 1, 0, 0, 0}, {2, 1, 1, 0, 0, 0}}), {5, 6}),
      convolution_case("convolution_strided", layer(2, 3, {strided, even}), {7, 8}),
      convolution_case("convolution_that_skips", layer(2, 2, {sparse_steps, sparse_steps}), {11, 8}),
      convolution_case("convolution_dilated", layer(2, 3, {dilated, both}), {6, 9}),
      convolution_case("convolution_grouped", layer(6, 4, {three}, 2), {9}),
      convolution_case("convolution_depthwise", layer(5, 5, {three, strided}, 5), {4, 6}),
      convolution_case("convolution_padded_more_than_its_kernel", layer(1, 2, {{2, 1, 1, 4, 3, 0}, three}), {3, 2}),
      convolution_case("convolution_without_shifts", layer(2, 3, {{3, 3, 1, 0, 3, 0}, {2, 3, 1, 0, 2, 0}}), {6, 4}),
      convolution_case("convolution_of_padding_only", layer(2, 1, {{1, 5, 1, 1, 0, 0}}), {3}),
      convolution_case("convolution_to_one_output", layer(3, 2, {{4, 1, 1, 0, 0, 0}, {3, 2, 1, 0, 0, 0}}), {4, 3}),
      convolution_case("convolution_of_one_entry", layer(1, 1, {{1, 1, 1, 0, 0, 0}}), {1}),
      convolution_case("convolution_circular", layer(2, 3, {three, strided}, 1, kCircular), {5, 7}),
      convolution_case("convolution_circular_around_itself", layer(2, 2, {{7, 1, 2, 6, 6, 0}, even}, 1, kCircular),
                       {3, 4}),
      convolution_case("convolution_reflected", layer(2, 2, {dilated, wide}, 1, kReflect), {4, 5}),
      convolution_case("convolution_reflected_and_strided", layer(2, 3, {even, strided}, 1, kReflect), {6, 5}),
      convolution_case("convolution_replicated", layer(2, 2, {{3, 2, 1, 4, 5, 0}, three}, 2, kReplicate), {2, 3}),
      convolution_case("convolution_in_three_dimensions", layer(2, 2, {three, strided, wide}), {3, 4, 3}),
      convolution_case("convolution_in_three_dimensions_reflected", layer(1, 2, {three, three, dilated}, 1, kReflect),
                       {2, 3, 4}),
      convolution_case("convolution_transposed", layer(3, 2, {up, strided}, 1, PaddingMode::Zeros, true), {3, 4}),
      convolution_case("convolution_transposed_grouped", layer(4, 6, {up}, 2, PaddingMode::Zeros, true), {5}),
      convolution_case("convolution_transposed_with_far_output_padding",
                       layer(2, 2, {{3, 2, 4, 1, 2, 3}}, 1, PaddingMode::Zeros, true), {4}),
      convolution_case("convolution_pieces", layer(20, 24, {three, three}), {5, 6}),
  };
}

std::vector<OperatorCase> stored_cases() {
  return {
      dense_case("dense_f64", weight(DType::f64, 13, 9)),
      dense_case("dense_f32", weight(DType::f32, 9, 21)),
      dense_case("dense_f16", weight(DType::f16, 17, 33)),
      dense_case("dense_bf16", weight(DType::bf16, 33, 17)),
      dense_case("dense_column_major", weight(DType::f32, 19, 11, gallery::column_major)),
      dense_case("dense_column_major_bf16", weight(DType::bf16, 11, 37, gallery::column_major)),
      dense_case("dense_gapped", weight(DType::f16, 12, 7, gallery::gapped)),
      dense_case("dense_one_row", f32(1, 23)),
      dense_case("dense_one_row_column_major", weight(DType::f32, 1, 23, gallery::column_major)),
      dense_case("dense_one_row_gapped", weight(DType::f32, 1, 23, gallery::gapped)),
      dense_case("dense_one_column", f32(23, 1)),
      dense_case("dense_one_column_gapped", weight(DType::f32, 23, 1, gallery::gapped)),
      dense_case("dense_one_entry", weight(DType::bf16, 1, 1)),
      dense_case("dense_no_rows", f32(0, 5)),
      dense_case("dense_no_columns", f32(5, 0)),
      dense_case("dense_nothing", f32(0, 0)),
      dense_case("dense_pieces", f32(500, 600)),
  };
}

std::vector<OperatorCase> low_rank_cases() {
  return {
      low_rank_case("low_rank", weight(DType::f32, 24, 3), weight(DType::f32, 3, 17), 0.75),
      low_rank_case("low_rank_narrow_types", weight(DType::bf16, 19, 2), weight(DType::f16, 2, 33), -2),
      low_rank_case("low_rank_strides", weight(DType::f64, 21, 4, gallery::column_major),
                    weight(DType::f16, 4, 18, gallery::gapped), 0.3),
      low_rank_case("low_rank_inner_on_one_side", f32(40, 5), f32(5, 7), 1),
      low_rank_case("low_rank_without_inner", f32(6, 5), f32(5, 7), 3),
      low_rank_case("low_rank_of_full_rank", f32(5, 9), f32(9, 4), 0.1),
      low_rank_case("low_rank_one", f32(11, 1), f32(1, 14), 0.5),
      low_rank_case("low_rank_none", f32(6, 0), f32(0, 4), 2),
      low_rank_case("low_rank_one_row", f32(1, 2), f32(2, 9), 2),
      low_rank_case("low_rank_no_rows", f32(0, 2), f32(2, 9), 2),
      low_rank_case("low_rank_times_zero", f32(12, 2), f32(2, 9), 0),
      low_rank_case("low_rank_pieces", f32(500, 5), f32(5, 600), 0.25),
  };
}

std::vector<OperatorCase> composed_cases() {
  const Weight w = weight(DType::bf16, 14, 9);
  const Weight v = weight(DType::f32, 14, 9, gallery::column_major, 43);
  const Weight tall = weight(DType::f16, 9, 5, row_major, 44);
  const Weight wide = f32(5, 12, 45);
  const Weight b = f32(14, 2, 46);
  const Weight a = f32(2, 9, 47);
  const Weight three = f32(3, 9);
  const Weight one = f32(1, 9);
  const Weight narrow = f32(14, 3);
  const ReferenceMatrix ba = b.matrix * a.matrix;
  return {
      operator_case("sum", w.matrix + v.matrix, {w.tensor, v.tensor}, [=]<Real T>() { return w.as<T>() + v.as<T>(); }),
      operator_case("sum_of_three", w.matrix + (-2.0 * v.matrix) + ba, {w.tensor, v.tensor, b.tensor, a.tensor},
                    [=]<Real T>() { return w.as<T>() - 2 * v.as<T>() + low_rank<T>(b.tensor, a.tensor); }),
      operator_case("merged_adapter", w.matrix + 0.3 * ba, {w.tensor, b.tensor, a.tensor},
                    [=]<Real T>() { return w.as<T>() + low_rank<T>(b.tensor, a.tensor, 0.3); }),
      operator_case("sum_without_rows", f32(0, 5).matrix + f32(0, 5).matrix, {},
                    []<Real T>() { return f32(0, 5).as<T>() + f32(0, 5).as<T>(); }),
      operator_case("product", w.matrix * tall.matrix, {w.tensor, tall.tensor},
                    [=]<Real T>() { return w.as<T>() * tall.as<T>(); }),
      operator_case("product_of_three", w.matrix * tall.matrix * wide.matrix, {w.tensor, tall.tensor, wide.tensor},
                    [=]<Real T>() { return w.as<T>() * tall.as<T>() * wide.as<T>(); }),
      operator_case("product_of_sum", (w.matrix + v.matrix) * tall.matrix, {w.tensor, v.tensor, tall.tensor},
                    [=]<Real T>() { return (w.as<T>() + v.as<T>()) * tall.as<T>(); }),
      operator_case("product_through_nothing", f32(6, 0).matrix * f32(0, 4).matrix, {},
                    []<Real T>() { return f32(6, 0).as<T>() * f32(0, 4).as<T>(); }),
      operator_case("scaled", 0.3 * w.matrix, {w.tensor}, [=]<Real T>() { return 0.3 * w.as<T>(); }),
      operator_case("scaled_twice", 0.3 * (0.7 * w.matrix), {w.tensor},
                    [=]<Real T>() { return 0.3 * (0.7 * w.as<T>()); }),
      operator_case("negative", -1.0 * w.matrix, {w.tensor}, [=]<Real T>() { return -w.as<T>(); }),
      operator_case("scaled_by_zero", 0.0 * w.matrix, {w.tensor}, [=]<Real T>() { return 0 * w.as<T>(); }),
      operator_case("scaled_low_rank", -3.0 * (0.5 * ba), {b.tensor, a.tensor},
                    [=]<Real T>() { return -3 * low_rank<T>(b.tensor, a.tensor, 0.5); }),
      operator_case("transposed_dense", transposed(w.matrix), {w.tensor},
                    [=]<Real T>() { return transposed(w.as<T>()); }),
      operator_case("transposed_column_major", transposed(v.matrix), {v.tensor},
                    [=]<Real T>() { return transposed(v.as<T>()); }),
      operator_case("transposed_low_rank", transposed(0.3 * ba), {b.tensor, a.tensor},
                    [=]<Real T>() { return transposed(low_rank<T>(b.tensor, a.tensor, 0.3)); }),
      operator_case("transposed_sum", transposed(w.matrix + v.matrix), {w.tensor, v.tensor},
                    [=]<Real T>() { return transposed(w.as<T>() + v.as<T>()); }),
      operator_case("stack_rows", below({three.matrix, w.matrix, one.matrix}), {three.tensor, w.tensor, one.tensor},
                    [=]<Real T>() {
                      return stack_rows({three.as<T>(), w.as<T>(), one.as<T>()});
                    }),
      operator_case("stack_rows_with_an_empty_part", below({f32(0, 9).matrix, w.matrix, f32(0, 9).matrix}), {w.tensor},
                    [=]<Real T>() {
                      return stack_rows({f32(0, 9).as<T>(), w.as<T>(), f32(0, 9).as<T>()});
                    }),
      operator_case("stack_columns", beside({w.matrix, narrow.matrix, ba}),
                    {w.tensor, narrow.tensor, b.tensor, a.tensor},
                    [=]<Real T>() {
                      return stack_columns({w.as<T>(), narrow.as<T>(), low_rank<T>(b.tensor, a.tensor)});
                    }),
      operator_case("stack_of_nothing", beside({f32(4, 0).matrix, f32(4, 0).matrix}), {},
                    []<Real T>() {
                      return stack_columns({f32(4, 0).as<T>(), f32(4, 0).as<T>()});
                    }),
      operator_case(
          "blocks", below({beside({w.matrix, v.matrix}), beside({v.matrix, -1.0 * w.matrix})}),
          {w.tensor, v.tensor, v.tensor, w.tensor},
          [=]<Real T>() {
            return stack_rows({stack_columns({w.as<T>(), v.as<T>()}), stack_columns({v.as<T>(), -w.as<T>()})});
          }),
      operator_case("transposed_stack_of_products", transposed(below({w.matrix * tall.matrix, tall.matrix})),
                    {w.tensor, tall.tensor, tall.tensor},
                    [=]<Real T>() {
                      return transposed(stack_rows({w.as<T>() * tall.as<T>(), tall.as<T>()}));
                    }),
  };
}

std::vector<OperatorCase> other_cases() {
  const Weight w = weight(DType::f32, 9, 12);
  const Weight square = f32(9, 9);
  const Gain seven = gain(7);
  const Gain nine = gain(9);
  const Weight fixed = f32(9, 12, 48);
  return {
      operator_case(
          "minimal", w.matrix, {},
          [w]<Real T>() -> Operator<T> { return std::make_shared<OpaqueOperator<T>>(w.as<T>()); }, false),
      function_case("function_wide", w),
      function_case("function_tall", f32(12, 5)),
      function_case("function_wide_in_pieces", f32(70, 90)),
      function_case("function_tall_in_pieces", f32(90, 70)),
      function_case("function_no_rows", f32(0, 3)),
      operator_case(
          "sum_with_function", w.matrix + fixed.matrix, {w.tensor},
          [=]<Real T>() { return w.as<T>() + by_functions(fixed.as<T>()); }, false),
      operator_case(
          "function_with_parameters", square.matrix * w.matrix, {square.tensor, w.tensor},
          [=]<Real T>() { return by_functions(square.as<T>() * w.as<T>(), true); }, false),
      operator_case("diagonal", seven.matrix, {seven.tensor}, [=]<Real T>() { return diagonal<T>(seven.tensor); }),
      operator_case("diagonal_of_nothing", gain(0).matrix, {}, []<Real T>() { return diagonal<T>(gain(0).tensor); }),
      operator_case("scaled_rows", nine.matrix * w.matrix, {nine.tensor, w.tensor},
                    [=]<Real T>() { return diagonal<T>(nine.tensor) * w.as<T>(); }),
      operator_case("identity", unit(6), {}, []<Real T>() { return identity<T>(6); }),
      operator_case("residual_block", unit(9) + square.matrix, {square.tensor},
                    [square]<Real T>() { return identity<T>(9) + square.as<T>(); }),
  };
}

const auto kName = [](const auto& line) { return line.param.name; };

INSTANTIATE_TEST_SUITE_P(Stored, OperatorConformance, testing::ValuesIn(stored_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Stored, PullBackConformance, testing::ValuesIn(stored_cases()), kName);
INSTANTIATE_TEST_SUITE_P(LowRank, OperatorConformance, testing::ValuesIn(low_rank_cases()), kName);
INSTANTIATE_TEST_SUITE_P(LowRank, PullBackConformance, testing::ValuesIn(low_rank_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Composed, OperatorConformance, testing::ValuesIn(composed_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Composed, PullBackConformance, testing::ValuesIn(composed_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Sparse, OperatorConformance, testing::ValuesIn(sparse_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Sparse, PullBackConformance, testing::ValuesIn(sparse_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Convolution, OperatorConformance, testing::ValuesIn(convolution_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Convolution, PullBackConformance, testing::ValuesIn(convolution_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Selection, OperatorConformance, testing::ValuesIn(selection_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Selection, PullBackConformance, testing::ValuesIn(selection_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Kronecker, OperatorConformance, testing::ValuesIn(kronecker_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Kronecker, PullBackConformance, testing::ValuesIn(kronecker_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Other, OperatorConformance, testing::ValuesIn(other_cases()), kName);
INSTANTIATE_TEST_SUITE_P(Other, PullBackConformance, testing::ValuesIn(other_cases()), kName);

}  // namespace
}  // namespace sigmax::conformance
