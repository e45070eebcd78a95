// Softmax and LogSoftmax.
#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/onnx/rules.hpp"
#include "sigmax/graph/onnx/shapes.hpp"

namespace sigmax::graph::onnx {
namespace {

std::vector<Value> import_exponentials(Builder& builder, bool logarithm) {
  const Value& x = *builder.operand(0);
  // Before opset 13 the axes from `axis` on are one; later `axis` alone.
  const bool flattens = builder.opset() < 13;
  const std::size_t axis = axis_of(builder.integer("axis", flattens ? 1 : -1), x.shape.size());
  const std::size_t last = flattens ? x.shape.size() : axis + 1;
  const Groups groups{extent_product(x.shape, 0, axis), extent_product(x.shape, axis, last),
                      extent_product(x.shape, last, x.shape.size())};
  return {builder.emit(Softmax{groups, logarithm}, {builder.node_of(x)}, x.shape)};
}

std::vector<Value> import_softmax(Builder& builder) { return import_exponentials(builder, false); }
std::vector<Value> import_log_softmax(Builder& builder) { return import_exponentials(builder, true); }

}  // namespace

std::span<const NamedRule> softmax_rules() {
  static constexpr NamedRule kRules[] = {{"Softmax", import_softmax}, {"LogSoftmax", import_log_softmax}};
  return kRules;
}

}  // namespace sigmax::graph::onnx
