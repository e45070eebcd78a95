// The lines of the conformance table for operators that move entries or act on each axis.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "conformance/operator_suite.hpp"
#include "ops/weights.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::conformance {

inline OperatorCase selection_case(std::string name, std::int64_t inputs, std::vector<std::int64_t> index) {
  return operator_case(std::move(name), selection_matrix(inputs, index), {},
                       [=]<Real T>() { return selection<T>(inputs, index); });
}

inline std::vector<OperatorCase> selection_cases() {
  std::vector<std::int64_t> many;
  for (std::int64_t i = 0; i < 300; ++i) many.push_back(i * i % 7 == 0 ? -1 : i * i % 41);
  const std::vector<std::int64_t> range{3, 4, 5};
  return {
      selection_case("selection", 5, {4, 0, 3, -1, 0}),
      selection_case("selection_that_reverses", 6, {5, 4, 3, 2, 1, 0}),
      selection_case("selection_of_all", 4, {0, 1, 2, 3}),
      selection_case("selection_of_a_range", 9, range),
      selection_case("selection_of_copies", 2, {1, 1, 1, 0, 1, -1, 1}),
      selection_case("selection_of_zeros", 3, {-1, -1}),
      selection_case("selection_of_zeros_from_nothing", 0, {-1, -1}),
      selection_case("selection_of_nothing", 5, {}),
      selection_case("selection_from_nothing", 0, {}),
      selection_case("selection_of_many", 50, many),
      operator_case("selection_by_range", selection_matrix(9, range), {},
                    []<Real T>() { return range_selection<T>(9, 3, 3); }),
  };
}

inline std::vector<OperatorCase> kronecker_cases() {
  const Weight w = weight(DType::bf16, 4, 3);
  const Weight v = weight(DType::f32, 2, 5, gallery::column_major, 43);
  const Weight tall = f32(7, 2, 44);
  const Weight one = f32(1, 6, 45);
  const Weight more = f32(8, 15, 46);
  const Gain three = gain(3);
  const std::vector<std::int64_t> copies{1, 0, 1, -1};
  return {
      operator_case("kronecker", kronecker_matrix(w.matrix, v.matrix), {w.tensor, v.tensor},
                    [=]<Real T>() {
                      return kronecker({w.as<T>(), v.as<T>()});
                    }),
      operator_case("kronecker_of_three", kronecker_matrix(w.matrix, kronecker_matrix(tall.matrix, one.matrix)),
                    {w.tensor, tall.tensor, one.tensor},
                    [=]<Real T>() {
                      return kronecker({w.as<T>(), tall.as<T>(), one.as<T>()});
                    }),
      operator_case("kronecker_of_one_axis", kronecker_matrix(unit(6), kronecker_matrix(w.matrix, unit(5))), {w.tensor},
                    [=]<Real T>() {
                      return kronecker({identity<T>(2), identity<T>(3), w.as<T>(), identity<T>(5), identity<T>(1)});
                    }),
      operator_case("kronecker_on_rows", kronecker_matrix(unit(9), v.matrix), {v.tensor},
                    [=]<Real T>() {
                      return kronecker({identity<T>(9), v.as<T>()});
                    }),
      operator_case("kronecker_of_a_factor_and_itself", kronecker_matrix(w.matrix, w.matrix), {w.tensor, w.tensor},
                    [=]<Real T>() {
                      return kronecker({w.as<T>(), w.as<T>()});
                    }),
      operator_case("kronecker_of_composites",
                    kronecker_matrix(transposed(w.matrix), kronecker_matrix(three.matrix, selection_matrix(2, copies))),
                    {w.tensor, three.tensor},
                    [=]<Real T>() {
                      return kronecker({transposed(w.as<T>()), diagonal<T>(three.tensor), selection<T>(2, copies)});
                    }),
      operator_case("kronecker_of_identities", unit(12), {},
                    []<Real T>() {
                      return kronecker({identity<T>(4), identity<T>(3)});
                    }),
      operator_case("kronecker_of_products", kronecker_matrix(v.matrix * transposed(v.matrix), tall.matrix),
                    {v.tensor, v.tensor, tall.tensor},
                    [=]<Real T>() {
                      return kronecker({v.as<T>() * transposed(v.as<T>()), tall.as<T>()});
                    }),
      operator_case("kronecker_without_rows", kronecker_matrix(f32(0, 3).matrix, v.matrix),
                    {f32(0, 3).tensor, v.tensor},
                    [=]<Real T>() {
                      return kronecker({f32(0, 3).as<T>(), v.as<T>()});
                    }),
      operator_case("kronecker_without_columns", kronecker_matrix(w.matrix, f32(3, 0).matrix),
                    {w.tensor, f32(3, 0).tensor},
                    [=]<Real T>() {
                      return kronecker({w.as<T>(), f32(3, 0).as<T>()});
                    }),
      operator_case("kronecker_in_a_sum", kronecker_matrix(w.matrix, v.matrix) + more.matrix,
                    {w.tensor, v.tensor, more.tensor},
                    [=]<Real T>() {
                      return kronecker({w.as<T>(), v.as<T>()}) + more.as<T>();
                    }),
  };
}

}  // namespace sigmax::conformance
