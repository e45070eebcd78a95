// The builder of a file's node, which adds to the importer's graph. Internal to graph/.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/graph/onnx/importer.hpp"

namespace sigmax::graph::onnx {

class Importer::NodeBuilder final : public Builder {
 public:
  NodeBuilder(Importer& importer, const io::ComputationNode& node)
      : importer_(importer), node_(node), title_(node.title()) {
    for (const std::string& name : node.inputs) {
      operands_.push_back(name.empty() ? nullptr : &importer.meaning(name));
    }
  }

  const io::ComputationNode& node() const override { return node_; }
  std::int64_t opset() const override { return importer_.opset_; }
  const std::string& title() const { return title_; }
  const std::vector<const Meaning*>& operands() const { return operands_; }

  /// Takes the first operand, which is known, for a value that a node computes, so that its rule applies.
  void forget_first() {
    const Value& first = *operand(0);
    forgotten_ = Value{first.shape, std::nullopt, node_of(first)};
  }

  const Value* operand(std::size_t index) const override {
    if (index == 0 && forgotten_) return &*forgotten_;
    if (index >= operands_.size() || operands_[index] == nullptr || !operands_[index]->value) return nullptr;
    return &*operands_[index]->value;
  }

  Index node_of(const Value& value) override { return importer_.node_of_meaning({value, 0}, title_); }

  Value emit(Operation operation, std::vector<Index> inputs, Dimensions shape) override {
    const Index index = importer_.emit({title_, std::move(operation), std::move(inputs), shape});
    return {std::move(shape), std::nullopt, index};
  }

  const Node& emitted(Index index) const override { return importer_.graph_.nodes.at(index); }

  void assume(std::string statement) override {
    auto& all = importer_.graph_.assumptions;
    if (std::ranges::find(all, statement) == all.end()) all.push_back(std::move(statement));
  }

 private:
  Importer& importer_;
  const io::ComputationNode& node_;
  std::string title_;
  std::vector<const Meaning*> operands_;  // null where one is absent
  std::optional<Value> forgotten_;
};

}  // namespace sigmax::graph::onnx
