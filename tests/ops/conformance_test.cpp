// Every operator that sigmax has, in one table, through the one suite.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "conformance/operator_suite.hpp"
#include "gallery/stored.hpp"
#include "sigmax/ops/dense.hpp"

namespace sigmax::conformance {
namespace {

// Random entries that every storage type holds exactly.
std::vector<double> entries(std::int64_t rows, std::int64_t columns) {
  const std::vector<double> normal = gallery::normal(rows * columns, 41);
  std::vector<double> values;
  for (const double value : normal) values.push_back(bf16_to_double(double_to_bf16(std::round(16 * value) / 16)));
  return values;
}

using MakeTensor = Tensor (*)(DType, std::int64_t rows, std::int64_t columns, std::span<const double>);

Tensor row_major(DType dtype, std::int64_t rows, std::int64_t columns, std::span<const double> values) {
  return Tensor::rounded(values, {rows, columns}, dtype);
}

OperatorCase dense_case(std::string name, DType dtype, std::int64_t rows, std::int64_t columns,
                        MakeTensor make = row_major) {
  const std::vector<double> values = entries(rows, columns);
  return {std::move(name), [=] { return dense<double>(make(dtype, rows, columns, values)); }, {rows, columns}, values};
}

// The base class's own A^T A x, for an operator that has nothing better.
class Minimal final : public LinearOperator<double> {
 public:
  explicit Minimal(Operator<double> inner) : inner_(std::move(inner)) {}
  Shape shape() const override { return inner_->shape(); }

 private:
  void apply_impl(MatrixView<const double> x, MatrixView<double> y, Context& context) const override {
    inner_->apply(x, y, context);
  }
  void apply_adjoint_impl(MatrixView<const double> y, MatrixView<double> x, Context& context) const override {
    inner_->apply_adjoint(y, x, context);
  }
  Operator<double> inner_;
};

OperatorCase minimal_case() {
  OperatorCase c = dense_case("minimal", DType::f64, 6, 9);
  c.make = [make = c.make] { return std::make_shared<Minimal>(make()); };
  return c;
}

std::vector<OperatorCase> table() {
  return {
      dense_case("dense_f64", DType::f64, 13, 9),
      dense_case("dense_f32", DType::f32, 9, 21),
      dense_case("dense_f16", DType::f16, 17, 33),
      dense_case("dense_bf16", DType::bf16, 33, 17),
      dense_case("dense_column_major", DType::f32, 19, 11, gallery::column_major),
      dense_case("dense_gapped", DType::f16, 12, 7, gallery::gapped),
      dense_case("dense_one_row", DType::f32, 1, 23),
      dense_case("dense_one_row_column_major", DType::f32, 1, 23, gallery::column_major),
      dense_case("dense_one_row_gapped", DType::f32, 1, 23, gallery::gapped),
      dense_case("dense_one_column", DType::f32, 23, 1),
      dense_case("dense_one_column_gapped", DType::f32, 23, 1, gallery::gapped),
      dense_case("dense_one_entry", DType::bf16, 1, 1),
      dense_case("dense_no_rows", DType::f32, 0, 5),
      dense_case("dense_no_columns", DType::f32, 5, 0),
      dense_case("dense_nothing", DType::f32, 0, 0),
      dense_case("dense_pieces", DType::f32, 500, 600),
      minimal_case(),
  };
}

INSTANTIATE_TEST_SUITE_P(All, OperatorConformance, testing::ValuesIn(table()),
                         [](const auto& line) { return line.param.name; });

}  // namespace
}  // namespace sigmax::conformance
