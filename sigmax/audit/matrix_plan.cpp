#include "sigmax/audit/matrix_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sigmax/audit/convolution.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax::audit {

MatrixPlan make_plan(Role role, Evidence evidence, Layout layout, const Dimensions& shape) {
  const Dimensions& seen = layout.view.empty() ? shape : layout.view;
  if (layout.axes.size() != seen.size() || element_count(seen) != element_count(shape)) {
    throw Error(fmt::format("[audit] the layout {} does not fit the shape {}", layout_text(layout), to_string(shape)));
  }
  if (layout.groups < 1 || seen[layout.split] % layout.groups != 0) {
    throw Error(fmt::format("[audit] {} groups do not divide axis {} of the shape {}", layout.groups, layout.split,
                            to_string(seen)));
  }
  const BlockShape block = block_shape(layout, shape);
  if (role == Role::expert_stack && block.batch == 1) role = Role::dense;
  MatrixPlan plan{role, evidence, std::move(layout), block.rows, block.columns, block.batch, {}, {}};
  if (role == Role::convolution) plan.convolution = ConvolutionPlan{is_of_transposed(plan.layout), {}, false};
  return plan;
}

void add_blocks(MatrixPlan& plan, const Dimensions& shape) {
  if (plan.batch == 1 || plan.batch > kMostMatrices) return;
  if (plan.role == Role::convolution && std::min(plan.rows, plan.columns) == 1) return;
  const Dimensions extents = stack_shape(plan.layout, shape);
  for (std::int64_t b = 0; b < plan.batch; ++b) {
    Dimensions index(extents.size());
    std::int64_t rest = b;
    for (std::size_t d = extents.size(); d-- > 0;) {
      index[d] = rest % extents[d];
      rest /= extents[d];
    }
    plan.parts.push_back({to_string(index), b, 0, plan.rows});
  }
}

void add_gates(MatrixPlan& plan, const std::vector<std::string>& gates, std::int64_t block, const std::string& prefix) {
  const auto count = static_cast<std::int64_t>(gates.size());
  if (count == 0 || plan.rows % count != 0) return;
  const std::int64_t rows = plan.rows / count;
  for (std::int64_t i = 0; i < count; ++i) {
    plan.parts.push_back({prefix + gates[static_cast<std::size_t>(i)], block, i * rows, rows});
  }
}

}  // namespace sigmax::audit
