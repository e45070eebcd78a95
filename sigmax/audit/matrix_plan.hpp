// The matrix that a tensor is read as, and the parts of it that are measured separately.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/audit/layout.hpp"
#include "sigmax/audit/result.hpp"
#include "sigmax/io/convolution_settings.hpp"

namespace sigmax::audit {

/// Rows [first_row, first_row + rows) of block `block`, which are also measured separately.
struct PartPlan {
  std::string name;
  std::int64_t block = 0;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
};

/// The convolution that a kernel is of.
struct ConvolutionPlan {
  bool transposed = false;
  io::ConvolutionSettings settings{};  ///< as the file states them
  bool has_settings = false;           ///< false: the file says nothing about them
};

/// The tensor as `batch` matrices of rows x columns; `layout` gives the order of their elements.
struct MatrixPlan {
  Role role = Role::dense;
  Evidence evidence = Evidence::shape;
  Layout layout;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t batch = 1;
  std::vector<PartPlan> parts;
  std::optional<ConvolutionPlan> convolution{};  ///< if and only if that is the role
};

/// A tensor with more matrices is not measured: with strides of zero, a file of a few bytes may claim any number of
/// them.
inline constexpr std::int64_t kMostMatrices = std::int64_t{1} << 20;

/// A plan without parts. An expert stack of one matrix is dense. Throws Error if the layout and the shape differ in
/// their number of axes, or if groups do not divide the axis that they split.
MatrixPlan make_plan(Role role, Evidence evidence, Layout layout, const Dimensions& shape);

/// Adds each matrix of the batch as a part, named by its index; none if there are more than kMostMatrices. Groups of a
/// convolution whose matrices have a single row or column, as in a depthwise one, are vectors and not added.
void add_blocks(MatrixPlan& plan, const Dimensions& shape);

/// Adds one part per gate, in order: equal shares of the rows of block `block`. Adds none if the number of gates does
/// not divide the rows.
void add_gates(MatrixPlan& plan, const std::vector<std::string>& gates, std::int64_t block, const std::string& prefix);

}  // namespace sigmax::audit
