// The matrix that a tensor is taken for, and what of it is measured on its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sigmax/audit/layout.hpp"
#include "sigmax/audit/result.hpp"

namespace sigmax::audit {

/// Rows [first_row, first_row + rows) of block `block`, measured on their own as well.
struct PartPlan {
  std::string name;
  std::int64_t block = 0;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
};

/// The tensor as `batch` matrices of rows x columns, whose order of elements `layout` tells.
struct MatrixPlan {
  Role role = Role::dense;
  Evidence evidence = Evidence::shape;
  Layout layout;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t batch = 1;
  std::vector<PartPlan> parts;
};

/// A tensor of more matrices is not measured: a file of a few bytes may claim any number of them by strides of zero.
inline constexpr std::int64_t kMostMatrices = std::int64_t{1} << 20;

/// A plan without parts. An expert stack of one matrix is dense. Throws Error if the layout has another number of axes
/// than the shape, or groups that do not divide the axis that they split.
MatrixPlan make_plan(Role role, Evidence evidence, Layout layout, const Dimensions& shape);

/// Each matrix of the batch as a part, named by its index; none beyond kMostMatrices. Groups of a convolution whose
/// matrices have a single row or column, those of a depthwise one, are vectors, and no parts.
void add_blocks(MatrixPlan& plan, const Dimensions& shape);

/// The rows of block `block` in as many equal parts as there are gates, in their order; none if they do not divide it.
void add_gates(MatrixPlan& plan, const std::vector<std::string>& gates, std::int64_t block, const std::string& prefix);

}  // namespace sigmax::audit
