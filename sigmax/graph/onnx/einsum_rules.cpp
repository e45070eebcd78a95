// Einsum, of one or two operands.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/contraction.hpp"
#include "sigmax/graph/onnx/linear_parts.hpp"
#include "sigmax/graph/onnx/rules.hpp"

namespace sigmax::graph::onnx {
namespace {

// Letters of an equation are their own labels; axes that are aligned from the last one on have labels from here up.
constexpr Label kAligned = 1000;

/// The contraction of operands 0 and 1, in either order.
Value contracted_operands(Builder& builder, const Contraction& contraction) {
  const Value& first = *builder.operand(0);
  const Value& second = *builder.operand(1);
  if (second.known) return contracted(builder, first, *second.known, contraction);
  const Contraction turned{contraction.right, contraction.left, contraction.out};
  if (first.known) return contracted(builder, second, *first.known, turned);
  return contracted(builder, first, second, contraction);
}

/// The labels of one term; an ellipsis stands for the axes that the letters leave.
Labels labels_of(std::string_view term, std::optional<std::size_t> rank, std::size_t most_aligned) {
  const std::size_t dots = term.find("...");
  const std::size_t letters = term.size() - (dots == std::string_view::npos ? 0 : 3);
  if (rank && (letters > *rank || (dots == std::string_view::npos && letters != *rank))) {
    throw RefusedNode{fmt::format("has the term '{}' for a value of {} axes", term, *rank)};
  }
  Labels labels;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (i == dots) {
      for (std::size_t back = rank ? *rank - letters : most_aligned; back > 0; --back) {
        labels.push_back(kAligned + static_cast<Label>(back));
      }
      i += 2;
      continue;
    }
    const char letter = term[i];
    if (!(letter >= 'a' && letter <= 'z') && !(letter >= 'A' && letter <= 'Z')) {
      throw RefusedNode{fmt::format("has an equation with '{}'", letter)};
    }
    labels.push_back(letter);
  }
  return labels;
}

struct Equation {
  std::vector<std::string> terms;
  std::optional<std::string> out;
};

Equation equation_of(const Builder& builder) {
  std::string text = builder.text("equation", "");
  std::erase(text, ' ');
  Equation equation;
  if (const std::size_t arrow = text.find("->"); arrow != std::string::npos) {
    equation.out = text.substr(arrow + 2);
    text.resize(arrow);
  }
  for (std::size_t first = 0;;) {
    const std::size_t comma = text.find(',', first);
    equation.terms.push_back(text.substr(first, comma - first));
    if (comma == std::string::npos) break;
    first = comma + 1;
  }
  return equation;
}

/// Without an arrow: the ellipsis, and the letters that occur once, in their order.
Labels implied_output(const std::vector<Labels>& terms, std::size_t most_aligned) {
  Labels out;
  for (std::size_t back = most_aligned; back > 0; --back) out.push_back(kAligned + static_cast<Label>(back));
  Labels all;
  for (const Labels& term : terms) all.insert(all.end(), term.begin(), term.end());
  std::ranges::sort(all);
  for (const Label label : all) {
    if (label < kAligned && std::ranges::count(all, label) == 1) out.push_back(label);
  }
  return out;
}

std::vector<Value> einsum_rule(Builder& builder) {
  const Equation equation = equation_of(builder);
  const std::size_t count = builder.node().inputs.size();
  if (equation.terms.size() != count) {
    throw RefusedNode{fmt::format("has an equation of {} terms for {} operands", equation.terms.size(), count)};
  }
  if (count > 2) throw RefusedNode{"multiplies more than two operands"};
  std::vector<Labels> terms;
  std::size_t most_aligned = 0;
  for (std::size_t i = 0; i < count; ++i) {
    terms.push_back(labels_of(equation.terms[i], builder.operand(i)->shape.size(), 0));
    const auto aligned = std::ranges::count_if(terms.back(), [](Label label) { return label >= kAligned; });
    most_aligned = std::max(most_aligned, static_cast<std::size_t>(aligned));
  }
  const Labels out =
      equation.out ? labels_of(*equation.out, std::nullopt, most_aligned) : implied_output(terms, most_aligned);
  if (count == 1) {  // times one
    return {contracted(builder, *builder.operand(0), known_numbers({1}, {}), {terms[0], {}, out})};
  }
  return {contracted_operands(builder, {terms[0], terms[1], out})};
}

}  // namespace

std::span<const NamedRule> einsum_rules() {
  static constexpr NamedRule kRules[] = {{"Einsum", einsum_rule}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
