// How one operator of ONNX becomes nodes of a graph: the form of a rule. Internal to graph/.
//
// A rule sees operands whose shapes are known. One whose operands are all constants is not called at all: folding has
// computed its outputs. A rule for data with constants emits nodes and returns its outputs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/io/computation.hpp"

namespace sigmax::graph::onnx {

/// A tensor whose entries are known. Integers and booleans are held as int64, real numbers as the file stores them.
struct Known {
  Tensor values;  ///< of dtype i64, or of a real type

  bool is_integer() const;
  std::vector<std::int64_t> integers() const;  ///< throws Error if they are not
  std::vector<double> numbers() const;         ///< exactly the stored numbers; integers too
};

/// Throws Error if the values are not as many as the shape holds.
Known known_integers(std::vector<std::int64_t> values, Dimensions shape);
Known known_numbers(std::vector<double> values, Dimensions shape);

/// The numbers of any tensor: real types as they are stored, whole numbers and booleans as int64. Nothing for other
/// types, and for a u64 above 2^63 - 1.
std::optional<Known> known_tensor(const Tensor& values);

/// A value of the file while the graph is made: known, or computed by a node from the inputs.
struct Value {
  Dimensions shape;
  std::optional<Known> known;
  std::optional<Index> node;  ///< exactly one of the two
};

/// The operands of one node and the place for what becomes of it.
class Builder {
 public:
  virtual ~Builder() = default;

  virtual const io::ComputationNode& node() const = 0;
  virtual std::int64_t opset() const = 0;

  /// The operand; null if it is absent. Whether the node has as many operands as its operator needs is checked before a
  /// rule is called.
  virtual const Value* operand(std::size_t index) const = 0;

  /// The operand's node: a Constant node is made of one that is known.
  virtual Index node_of(const Value& value) = 0;

  /// A new node, named after the file's node, whose value has this shape.
  virtual Value emit(Operation operation, std::vector<Index> inputs, Dimensions shape) = 0;

  /// A node that is there already: the source of an operand. Throws Error where a builder has no graph.
  virtual const Node& emitted(Index index) const;

  /// A statement for Graph::assumptions.
  virtual void assume(std::string statement) = 0;

  /// The attribute, or `otherwise` where it is absent. Here and below, an attribute of another type throws RefusedNode.
  std::int64_t integer(std::string_view attribute, std::int64_t otherwise) const;
  double number(std::string_view attribute, double otherwise) const;
  std::string text(std::string_view attribute, std::string_view otherwise) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view attribute) const;

  /// The attribute, or else the operand, where versions of ONNX moved lists from the one to the other. Throws
  /// RefusedNode if the operand is not known.
  std::optional<std::vector<std::int64_t>> integers(std::string_view attribute, std::size_t operand) const;
};

/// Thrown by a rule: the node has no bound. The importer makes a Refused node of it and goes on.
struct RefusedNode {
  std::string reason;
};

/// The node's outputs, in their order.
using Rule = std::vector<Value> (*)(Builder&);

struct NamedRule {
  std::string_view op;
  Rule rule;
};

}  // namespace sigmax::graph::onnx
