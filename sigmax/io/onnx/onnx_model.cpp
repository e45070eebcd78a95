#include "sigmax/io/onnx/onnx_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sigmax/core/error.hpp"
#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io::onnx {
namespace {

constexpr std::size_t kMaxPath = 300;
constexpr std::int32_t kFloat = 1, kInt64 = 7, kString = 8;  // TensorProto.DataType

template <class List>
std::uint32_t next_index(const List& list) {
  if (list.size() >= kNone) throw Error("[onnx] the model has more than 2^32 - 2 parts");
  return static_cast<std::uint32_t>(list.size());
}

Range append(std::vector<std::string_view>& names, const std::vector<std::string_view>& more) {
  const Range range{next_index(names), next_index(more)};
  names.insert(names.end(), more.begin(), more.end());
  return range;
}

std::string joined(const std::string& path, std::string part) {
  if (path.empty()) return part;
  if (path.size() + part.size() > kMaxPath) return "... / " + std::move(part);
  return path + " / " + part;
}

class ModelReader {
 public:
  explicit ModelReader(std::shared_ptr<const MappedFile> file) { model_.file = std::move(file); }

  Model read() {
    WireCursor cursor(*model_.file, model_.file->bytes(), "ModelProto");
    bool has_graph = false;
    // The main graph comes first in the list, wherever it is in the file.
    for (WireCursor look = cursor; look.next();) {
      if (look.field() != 7) continue;
      if (has_graph)
        look.fail("the model has two graphs (are these two files one after another?): keep each in its own file");
      has_graph = true;
      read_graph(look.message("GraphProto"), Graph{}, 0);
    }
    if (!has_graph) cursor.fail("the model has no graph");
    for (std::size_t training = 0; cursor.next();) {
      if (cursor.field() == 25) read_function(cursor.message("FunctionProto"));
      if (cursor.field() == 20) read_training(cursor.message("TrainingInfoProto"), training++);
    }
    std::stable_sort(model_.weights.begin(), model_.weights.end(), [](const Weight& a, const Weight& b) {
      return std::less<>()(a.tensor.message.data(), b.tensor.message.data());
    });
    return std::move(model_);
  }

 private:
  void read_training(WireCursor cursor, std::size_t index) {
    while (cursor.next()) {
      if (cursor.field() != 1 && cursor.field() != 2) continue;
      Graph graph;
      graph.path = fmt::format("training {} {}", index, cursor.field() == 1 ? "initialization" : "algorithm");
      // The algorithm's graph may use the names of the main graph.
      if (cursor.field() == 2) graph.parent = 0;
      read_graph(cursor.message("GraphProto"), std::move(graph), 1);
    }
  }

  void read_graph(const WireCursor& cursor, Graph graph, int depth) {
    if (depth > kMaxGraphDepth) cursor.fail(fmt::format("graphs nest deeper than {} levels", kMaxGraphDepth));
    std::vector<std::string_view> inputs, outputs;
    std::set<std::string_view> initializers;
    const std::uint32_t index = next_index(model_.graphs);
    model_.graphs.push_back(std::move(graph));
    for (WireCursor walk = cursor; walk.next();) {
      if (walk.field() == 11) inputs.push_back(read_value_info(walk, index));
      if (walk.field() == 12) outputs.push_back(read_value_info(walk, index));
      if (walk.field() == 13 && walk.wire_type() == WireType::bytes)
        model_.value_infos.push_back({{}, index, walk.bytes()});
      if (walk.field() == 5 || walk.field() == 15) read_initializer(walk, index, initializers);
    }
    model_.graphs[index].inputs = append(model_.names, inputs);
    model_.graphs[index].outputs = append(model_.names, outputs);
    for (WireCursor walk = cursor; walk.next();) {
      if (walk.field() == 1) read_node(walk.message("NodeProto"), index, depth);
    }
  }

  void read_function(const WireCursor& cursor) {
    Graph function;
    std::vector<std::string_view> inputs, outputs;
    for (WireCursor walk = cursor; walk.next();) {
      switch (walk.field()) {
        case 1: function.function = walk.text(); break;
        case 4: inputs.push_back(walk.text()); break;
        case 5: outputs.push_back(walk.text()); break;
        case 10: function.domain = walk.text(); break;
        default: break;
      }
    }
    function.path = fmt::format("function {}", shortened_in_quotes(function.function));
    function.inputs = append(model_.names, inputs);
    function.outputs = append(model_.names, outputs);
    function.defaults.first = next_index(model_.attributes);
    for (WireCursor walk = cursor; walk.next();) {
      if (walk.field() == 11) model_.attributes.push_back(read_attribute(walk));
    }
    function.defaults.count = next_index(model_.attributes) - function.defaults.first;
    const std::uint32_t index = next_index(model_.graphs);
    model_.graphs.push_back(std::move(function));
    for (WireCursor walk = cursor; walk.next();) {
      if (walk.field() == 7) read_node(walk.message("NodeProto"), index, 0);
      if (walk.field() != 11) continue;
      // A default value of one of the function's attributes.
      const Attribute attribute = read_attribute(walk);
      read_attribute_tensors(walk.message("AttributeProto"), attribute,
                             {{}, Weight::Holder::function_attribute, false, index, kNone, attribute.name});
    }
  }

  std::string_view read_value_info(const WireCursor& field, std::uint32_t graph) {
    std::string_view name;
    for (WireCursor cursor = field.message("ValueInfoProto"); cursor.next();) {
      if (cursor.field() == 1) name = cursor.text();
    }
    model_.value_infos.push_back({name, graph, field.bytes()});
    return name;
  }

  void read_initializer(const WireCursor& cursor, std::uint32_t graph, std::set<std::string_view>& seen) {
    Weight weight;
    weight.graph = graph;
    weight.sparse = cursor.field() == 15;
    if (weight.sparse) {
      weight.holder = Weight::Holder::sparse_initializer;
      weight.tensor = read_sparse_tensor_proto(cursor.message("SparseTensorProto"), cursor.bytes());
    } else {
      weight.tensor = read_tensor_proto(cursor.message("TensorProto"), cursor.bytes());
    }
    if (weight.tensor.name.empty()) cursor.fail("an initializer has no name");
    if (!seen.insert(weight.tensor.name).second) {
      cursor.fail(
          fmt::format("two initializers of one graph have the name {}", shortened_in_quotes(weight.tensor.name)));
    }
    model_.weights.push_back(std::move(weight));
  }

  void read_node(const WireCursor& cursor, std::uint32_t graph, int depth) {
    Node node;
    node.graph = graph;
    node.attributes.first = next_index(model_.attributes);
    std::vector<std::string_view> inputs, outputs;
    for (WireCursor walk = cursor; walk.next();) {
      switch (walk.field()) {
        case 1: inputs.push_back(walk.text()); break;
        case 2: outputs.push_back(walk.text()); break;
        case 3: node.name = walk.text(); break;
        case 4: node.op = walk.text(); break;
        case 5: model_.attributes.push_back(read_attribute(walk)); break;
        case 7: node.domain = walk.text(); break;
        default: break;
      }
    }
    if (node.domain == "ai.onnx") node.domain = {};
    node.inputs = append(model_.names, inputs);
    node.outputs = append(model_.names, outputs);
    node.attributes.count = next_index(model_.attributes) - node.attributes.first;
    const std::uint32_t index = next_index(model_.nodes);
    model_.nodes.push_back(node);
    read_node_values(cursor, index, depth);
  }

  /// Tensors and graphs in the node's attributes. They are read after all attributes are listed, so that each node's
  /// attributes lie side by side whatever their graphs hold.
  void read_node_values(const WireCursor& cursor, std::uint32_t index, int depth) {
    const Node node = model_.nodes[index];
    const bool constant = node.op == "Constant" && node.domain.empty();
    std::uint32_t position = node.attributes.first;
    bool has_value = false;
    for (WireCursor walk = cursor; walk.next();) {
      if (walk.field() != 5) continue;
      const Attribute attribute = model_.attributes[position++];
      const WireCursor message = walk.message("AttributeProto");
      const auto holder = constant ? Weight::Holder::constant : Weight::Holder::attribute;
      Weight where{{}, holder, false, node.graph, index, attribute.name};
      const std::size_t before = model_.weights.size();
      read_attribute_tensors(message, attribute, where);
      if (constant) read_constant_list(message, attribute, where);
      if (constant && model_.weights.size() > before) {
        if (has_value || model_.weights.size() > before + 1) walk.fail("a Constant node has two values");
        has_value = true;
      }
      read_attribute_graphs(message, attribute, index, depth);
    }
  }

  void read_attribute_tensors(WireCursor cursor, const Attribute& attribute, const Weight& where) {
    while (cursor.next()) {
      const std::uint32_t field = cursor.field();
      if (field != 5 && field != 10 && field != 22 && field != 23) continue;
      Weight weight = where;
      weight.attribute = attribute.name;
      weight.sparse = field >= 22;
      weight.tensor = weight.sparse ? read_sparse_tensor_proto(cursor.message("SparseTensorProto"), cursor.bytes())
                                    : read_tensor_proto(cursor.message("TensorProto"), cursor.bytes());
      model_.weights.push_back(std::move(weight));
    }
  }

  /// value_float, value_floats, value_int, value_ints, value_string and value_strings of a Constant node.
  void read_constant_list(WireCursor cursor, const Attribute& attribute, const Weight& where) {
    struct Kind {
      std::string_view name;
      std::uint32_t field;
      std::int32_t data_type;
      WireType element;
      bool list;
    };
    static constexpr Kind kinds[] = {
        {"value_float", 2, kFloat, WireType::fixed32, false}, {"value_floats", 7, kFloat, WireType::fixed32, true},
        {"value_int", 3, kInt64, WireType::varint, false},    {"value_ints", 8, kInt64, WireType::varint, true},
        {"value_string", 4, kString, WireType::bytes, false}, {"value_strings", 9, kString, WireType::bytes, true}};
    const auto* kind = std::ranges::find(kinds, attribute.name, &Kind::name);
    if (kind == std::end(kinds)) return;
    Weight weight = where;
    weight.tensor.message = attribute.message;
    weight.tensor.data_type = kind->data_type;
    weight.tensor.typed_field = kind->field;
    weight.tensor.in_attribute = true;
    while (cursor.next()) {
      if (cursor.field() == 21) return;  // the caller of a function gives the value
      if (cursor.field() == kind->field) weight.tensor.typed_count += cursor.count(kind->element);
    }
    if (kind->list) weight.tensor.dims = {static_cast<std::int64_t>(weight.tensor.typed_count)};
    model_.weights.push_back(std::move(weight));
  }

  void read_attribute_graphs(WireCursor cursor, const Attribute& attribute, std::uint32_t owner, int depth) {
    while (cursor.next()) {
      if (cursor.field() != 6 && cursor.field() != 11) continue;
      const Node node = model_.nodes[owner];
      Graph graph;
      graph.parent = node.graph;
      graph.owner = owner;
      const std::string& outer = model_.graphs[node.graph].path;
      graph.path = joined(outer.empty() ? "graph main" : outer,
                          fmt::format("{} {}", title(model_, node), shortened(attribute.name)));
      read_graph(cursor.message("GraphProto"), std::move(graph), depth + 1);
    }
  }

  Model model_;
};

}  // namespace

const Attribute* Model::find(const Node& node, std::string_view attribute) const {
  const auto list = std::span(attributes).subspan(node.attributes.first, node.attributes.count);
  const auto found = std::ranges::find(list, attribute, &Attribute::name);
  return found == list.end() ? nullptr : &*found;
}

std::int64_t Model::integer(const Node& node, std::string_view attribute, std::int64_t otherwise) const {
  const Attribute* found = find(node, attribute);
  return found == nullptr ? otherwise : found->i;
}

std::optional<std::vector<std::int64_t>> Model::integers(const Node& node, std::string_view attribute,
                                                         std::size_t most) const {
  const Attribute* found = find(node, attribute);
  if (found == nullptr) return std::nullopt;
  std::vector<std::int64_t> values;
  for (WireCursor cursor(*file, found->message, "AttributeProto"); cursor.next();) {
    if (cursor.field() != 8) continue;
    cursor.each_varint([&](std::uint64_t value) {
      if (values.size() < most) values.push_back(static_cast<std::int64_t>(value));
    });
  }
  return values;
}

std::string_view Model::text(const Node& node, std::string_view attribute) const {
  const Attribute* found = find(node, attribute);
  if (found == nullptr) return {};
  for (WireCursor cursor(*file, found->message, "AttributeProto"); cursor.next();) {
    if (cursor.field() == 4) return cursor.text();
  }
  return {};
}

Model read_model(std::shared_ptr<const MappedFile> file) { return ModelReader(std::move(file)).read(); }

std::string title(const Model& model, const Node& node) {
  std::string_view name = node.name;
  if (name.empty() && node.outputs.count > 0) name = model.names[node.outputs.first];
  return fmt::format("{} {}", shortened(node.op), shortened_in_quotes(name));
}

}  // namespace sigmax::io::onnx
