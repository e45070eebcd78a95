// Reductions and products of constants.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/exact.hpp"
#include "sigmax/graph/onnx/folding.hpp"
#include "sigmax/graph/onnx/shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

constexpr std::int64_t kMostMultiplications = std::int64_t{1} << 32;

Value constant_result(Known known) {
  Dimensions shape = known.values.shape();
  return {std::move(shape), std::move(known), std::nullopt};
}

/// For each entry of the reduced value the entries that it is made of.
struct Reduced {
  Dimensions shape;
  std::vector<std::vector<std::int64_t>> entries;
};

Reduced reduced(const Builder& builder) {
  const Dimensions& shape = builder.operand(0)->shape;
  auto listed = builder.integers("axes", 1).value_or(std::vector<std::int64_t>());
  if (listed.empty() && builder.integer("noop_with_empty_axes", 0) == 0) {
    for (std::size_t axis = 0; axis < shape.size(); ++axis) listed.push_back(static_cast<std::int64_t>(axis));
  }
  const auto axes = axes_of(listed, shape.size());
  const Dimensions kept = reduced_shape(shape, axes, true);
  const Dimensions strides = row_major_strides(kept);
  Reduced result{reduced_shape(shape, axes, builder.integer("keepdims", 1) != 0), {}};
  result.entries.resize(static_cast<std::size_t>(counted(kept)));
  each_entry(shape, [&](std::int64_t entry, const Dimensions& index) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) at += kept[axis] == 1 ? 0 : index[axis] * strides[axis];
    result.entries[static_cast<std::size_t>(at)].push_back(entry);
  });
  return result;
}

Folded fold_reduction(const Builder& builder) {
  const std::string& op = builder.node().op;
  const Known& operand = *builder.operand(0)->known;
  const Reduced into = reduced(builder);
  const bool multiplies = op == "ReduceProd", least = op == "ReduceMin", greatest = op == "ReduceMax";
  const bool squares = op == "ReduceL2" || op == "ReduceSumSquare";
  const auto require_entries = [&](const std::vector<std::int64_t>& entries) {
    if (entries.empty() && !multiplies && op != "ReduceSum" && !squares && op != "ReduceL1")
      throw RefusedNode{"reduces no entries"};
  };
  if (operand.is_integer() && (multiplies || least || greatest || op == "ReduceSum")) {
    const auto values = operand.integers();
    std::vector<std::int64_t> results;
    for (const auto& entries : into.entries) {
      require_entries(entries);
      std::int64_t result = multiplies ? 1 : least || greatest ? values[static_cast<std::size_t>(entries[0])] : 0;
      for (const std::int64_t entry : entries) {
        const std::int64_t each = values[static_cast<std::size_t>(entry)];
        bool overflows = false;
        if (multiplies) overflows = __builtin_mul_overflow(result, each, &result);
        if (op == "ReduceSum") overflows = __builtin_add_overflow(result, each, &result);
        if (least) result = std::min(result, each);
        if (greatest) result = std::max(result, each);
        if (overflows) throw RefusedNode{"computes an integer that does not fit 64 bits"};
      }
      results.push_back(result);
    }
    return {{constant_result(known_integers(std::move(results), into.shape))}};
  }
  if (operand.is_integer() && (squares || op == "ReduceL1")) throw RefusedNode{"reduces integers, which is not folded"};
  const auto values = operand.numbers();
  std::vector<double> results;
  bool exact = true;
  for (const auto& entries : into.entries) {
    require_entries(entries);
    Exactly result{multiplies ? 1.0 : least || greatest ? values[static_cast<std::size_t>(entries[0])] : 0.0};
    for (const std::int64_t entry : entries) {
      const double each = values[static_cast<std::size_t>(entry)];
      if (least) result.value = std::min(result.value, each);
      if (greatest) result.value = std::max(result.value, each);
      if (least || greatest) continue;
      const Exactly term = squares ? exact_product(each, each) : Exactly{op == "ReduceL1" ? std::fabs(each) : each};
      const Exactly next = multiplies ? exact_product(result.value, each) : exact_sum(result.value, term.value);
      result = {next.value, result.exact && term.exact && next.exact};
    }
    if (op == "ReduceL2") {
      const Exactly root = exact_root(result.value);
      result = {root.value, result.exact && root.exact};
    }
    if (op == "ReduceMean") {
      const Exactly mean = exact_quotient(result.value, static_cast<double>(entries.size()));
      result = {mean.value, result.exact && mean.exact};
    }
    if (!std::isfinite(result.value)) throw RefusedNode{"computes a constant that is not finite"};
    exact = exact && result.exact;
    results.push_back(result.value);
  }
  return {{constant_result(known_numbers(std::move(results), into.shape))}, exact};
}

/// Products of two matrices; stacks of them are not folded.
std::optional<Folded> fold_product(const Builder& builder) {
  const Value &a = *builder.operand(0), &b = *builder.operand(1);
  if (a.shape.size() != 2 || b.shape.size() != 2) return std::nullopt;
  const std::int64_t rows = a.shape[0], inner = a.shape[1], columns = b.shape[1];
  if (b.shape[0] != inner) throw RefusedNode{"multiplies matrices that do not fit"};
  counted({rows, columns});
  if (rows * columns > 0 && inner > kMostMultiplications / (rows * columns)) {
    throw RefusedNode{"multiplies constant matrices that are too large to fold"};
  }
  const auto left = a.known->numbers(), right = b.known->numbers();
  std::vector<double> result(static_cast<std::size_t>(rows * columns));
  bool exact = true;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < inner; ++k) {
      for (std::int64_t j = 0; j < columns; ++j) {
        double& entry = result[static_cast<std::size_t>(i * columns + j)];
        const Exactly term = exact_product(left[static_cast<std::size_t>(i * inner + k)],
                                           right[static_cast<std::size_t>(k * columns + j)]);
        const Exactly sum = exact_sum(entry, term.value);
        entry = sum.value;
        exact = exact && term.exact && sum.exact;
      }
    }
  }
  return Folded{{constant_result(known_numbers(std::move(result), {rows, columns}))}, exact};
}

}  // namespace

std::optional<Folded> fold_sums(const Builder& builder) {
  const std::string& op = builder.node().op;
  constexpr std::string_view kReductions[] = {"ReduceProd", "ReduceSum", "ReduceMean",      "ReduceMax",
                                              "ReduceMin",  "ReduceL1",  "ReduceSumSquare", "ReduceL2"};
  if (std::ranges::find(kReductions, op) != std::end(kReductions)) return fold_reduction(builder);
  if (op == "MatMul") return fold_product(builder);
  return std::nullopt;
}

}  // namespace sigmax::graph::onnx
