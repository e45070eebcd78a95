// One operation as a function of its inputs: its value, and its derivative applied forward and backward. Internal to
// graph/.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/graph/graph.hpp"

namespace sigmax::graph::evaluation {

using Vector = std::vector<double>;

/// The values of a node's inputs.
using Operands = std::span<const Vector* const>;

/// For each input its tangent, or null where it is zero.
using Tangents = std::span<const Vector* const>;

/// For each input the vector that its share of J^T dy is added to, or null where that is not wanted. An input that
/// occurs twice has the same vector twice.
using Cotangents = std::span<Vector* const>;

/// An operation with all that its node says. Sizes have been checked by validate().
class LocalMap {
 public:
  virtual ~LocalMap() = default;
  virtual Vector value(Operands x, Context& context) const = 0;
  /// J dx at x, where the value is y.
  virtual Vector push(Operands x, const Vector& y, Tangents dx, Context& context) const = 0;
  /// dx += J^T dy at x, where the value is y.
  virtual void pull(Operands x, const Vector& y, const Vector& dy, Cotangents dx, Context& context) const = 0;
};

using Map = std::unique_ptr<const LocalMap>;

/// The node's operation. Throws Error that begins with the node's name if it is refused. Null for an Input, whose value
/// is given. The node must outlive it.
Map local_map(const Node& node);

// Its cases, by the sources that have them.
Map map_of(const Affine& affine, const Node& node);
Map map_of(const Elementwise& elementwise, const Node& node);
Map map_of(const Sum& sum, const Node& node);
Map map_of(const Stack& stack, const Node& node);
Map map_of(const Product& product, const Node& node);
Map map_of(const Quotient& quotient, const Node& node);
Map map_of(const MatrixProduct& product, const Node& node);
Map map_of(const Extreme& extreme, const Node& node);
Map map_of(const Softmax& softmax, const Node& node);
Map map_of(const Reduction& reduction, const Node& node);
Map map_of(const MaxPool& pool, const Node& node);
Map map_of(const Standardization& standardization, const Node& node);
Map map_of(const Sorted& sorted, const Node& node);
Map map_of(const LocalResponse& response, const Node& node);
Map map_of(const Recurrence& recurrence, const Node& node);

/// Calls body(start) for each group: its entries are start, start + inner, ..., length of them.
template <class Body>
void each_group(const Groups& groups, const Body& body) {
  for (std::int64_t o = 0; o < groups.outer; ++o) {
    for (std::int64_t i = 0; i < groups.inner; ++i) {
      body(static_cast<std::size_t>(o * groups.length * groups.inner + i));
    }
  }
}

}  // namespace sigmax::graph::evaluation
