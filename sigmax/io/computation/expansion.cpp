#include "sigmax/io/computation/expansion.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/computation/attribute_values.hpp"
#include "sigmax/io/computation/stated.hpp"
#include "sigmax/io/onnx/onnx_external.hpp"
#include "sigmax/io/onnx/onnx_model.hpp"
#include "sigmax/io/onnx/onnx_tensor.hpp"

namespace sigmax::io {
namespace {

using onnx::kNone;
using onnx::Model;
using onnx::Weight;

/// Names of values, each given out once. Ordered containers, so that no choice of names makes them slow.
class UniqueNames {
 public:
  void reserve(std::string_view name) { taken_.emplace(name); }

  std::string unique(std::string_view wanted) {
    std::string name(wanted);
    while (!taken_.insert(name).second) name = fmt::format("{}#{}", wanted, ++repetitions_[std::string(wanted)] + 1);
    return name;
  }

 private:
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, std::size_t> repetitions_;
};

/// What the names of one graph mean. A function's body sees nothing of its caller.
struct Scope {
  std::map<std::string_view, std::string> names{};
  const Scope* outer = nullptr;
  std::map<std::string_view, std::string> planned{};  ///< names that are chosen before they are defined
};

/// The call whose body is expanded: the main graph's has a depth of 0.
struct Call {
  int depth = 0;
  std::string prefix{};  ///< of the names of the body's nodes
  std::map<std::string, AttributeValue, std::less<>> attributes{};
};

/// Where everything of one graph or node is in Model's lists.
struct Contents {
  explicit Contents(const Model& model)
      : nodes(model.graphs.size()), initializers(model.graphs.size()), defaults(model.graphs.size()) {
    for (std::uint32_t n = 0; n < model.nodes.size(); ++n) nodes[model.nodes[n].graph].push_back(n);
    for (std::uint32_t w = 0; w < model.weights.size(); ++w) {
      const Weight& weight = model.weights[w];
      switch (weight.holder) {
        case Weight::Holder::initializer:
        case Weight::Holder::sparse_initializer: initializers[weight.graph].push_back(w); break;
        case Weight::Holder::function_attribute: defaults[weight.graph].emplace(weight.attribute, w); break;
        default: values.emplace(std::pair(weight.node, weight.attribute), w);
      }
    }
    for (std::uint32_t g = 0; g < model.graphs.size(); ++g) {
      if (model.graphs[g].owner != kNone) bodies[model.graphs[g].owner].push_back(g);
      if (model.graphs[g].function.empty()) continue;
      const auto domain = model.graphs[g].domain == "ai.onnx" ? std::string_view() : model.graphs[g].domain;
      functions[{domain, model.graphs[g].function}].push_back(g);
    }
    for (const auto& info : model.value_infos) {
      if (!info.name.empty()) infos.emplace(std::pair(info.graph, info.name), info.message);
    }
  }

  std::vector<std::vector<std::uint32_t>> nodes;
  std::vector<std::vector<std::uint32_t>> initializers;
  std::vector<std::map<std::string_view, std::uint32_t>> defaults;
  std::map<std::pair<std::uint32_t, std::string_view>, std::uint32_t> values;  // weights of nodes
  std::map<std::uint32_t, std::vector<std::uint32_t>> bodies;                  // graphs of nodes
  std::map<std::pair<std::string_view, std::string_view>, std::vector<std::uint32_t>> functions;
  std::map<std::pair<std::uint32_t, std::string_view>, onnx::Bytes> infos;
};

class Expansion {
 public:
  explicit Expansion(const std::shared_ptr<const MappedFile>& file)
      : model_(onnx::read_model(file)), contents_(model_), external_(file) {}

  Computation main_graph() {
    for (const std::uint32_t n : contents_.nodes[0]) {
      for (const auto name : model_.list(model_.nodes[n].outputs)) names_.reserve(name);
    }
    Computation computation = graph(0, nullptr, {});
    computation.opset = stated_opset(*model_.file);
    return computation;
  }

 private:
  Computation graph(std::uint32_t index, const Scope* outer, const Call& call) {
    const onnx::Graph& graph = model_.graphs[index];
    Computation result;
    Scope scope;
    scope.outer = outer;
    if (index == 0) {
      for (const std::uint32_t n : contents_.nodes[0]) {
        for (const auto name : model_.list(model_.nodes[n].outputs)) scope.planned.emplace(name, name);
      }
    }
    for (const std::uint32_t w : contents_.initializers[index]) {
      const std::string_view name = model_.weights[w].tensor.name;
      result.constants.push_back(constant(define(scope, name, graph.path), w));
    }
    for (const auto name : model_.list(graph.inputs)) {
      if (scope.names.contains(name)) continue;  // an initializer gives its value
      ComputationValue input = stated(index, name);
      input.name = define(scope, name, graph.path);
      result.inputs.push_back(std::move(input));
    }
    add_nodes(index, scope, call, result);
    for (const auto name : model_.list(graph.outputs)) {
      ComputationValue output = stated(index, name);
      output.name = meaning(scope, name, graph.path.empty() ? "the outputs" : graph.path);
      result.outputs.push_back(std::move(output));
    }
    return result;
  }

  void add_nodes(std::uint32_t graph, Scope& scope, const Call& call, Computation& to) {
    for (const std::uint32_t n : contents_.nodes[graph]) {
      const onnx::Node& node = model_.nodes[n];
      if (call.depth > 0) spend(node, call);
      if (const std::uint32_t function = called(node); function != kNone) {
        expand(n, function, scope, call, to);
      } else if (node.op == "Constant" && node.domain.empty()) {
        add_constant(n, scope, call, to);
      } else {
        ComputationNode added = head(node, call);
        added.inputs = inputs(node, scope);
        added.attributes = attributes(n, scope, call);
        added.outputs = outputs(node, scope);
        to.nodes.push_back(std::move(added));
      }
    }
  }

  void add_constant(std::uint32_t n, Scope& scope, const Call& call, Computation& to) {
    const onnx::Node& node = model_.nodes[n];
    const auto names = outputs(node, scope);
    if (names.size() != 1 || names[0].empty()) fail(onnx::title(model_, node), "a Constant node has one output");
    for (const onnx::Attribute& attribute : list(node.attributes)) {
      if (const auto found = contents_.values.find({n, attribute.name}); found != contents_.values.end()) {
        to.constants.push_back(constant(names[0], found->second));
        return;
      }
    }
    ComputationConstant made;
    made.name = names[0];
    made.unreadable = "a Constant node without a value that is read";
    for (const ComputationAttribute& attribute : attributes(n, scope, call)) {
      const auto tensor = constant_of(attribute.name, attribute.value);
      if (!tensor) continue;
      made.unreadable.clear();
      made.dtype = std::string(name(tensor->dtype()));
      made.shape = tensor->shape();
      made.load = [tensor = *tensor] { return tensor; };
    }
    to.constants.push_back(std::move(made));
  }

  /// The body of a function in the place of its call. Its outputs get the names of the call's.
  void expand(std::uint32_t n, std::uint32_t function, Scope& scope, const Call& outer, Computation& to) {
    const onnx::Node& node = model_.nodes[n];
    const onnx::Graph& body = model_.graphs[function];
    const std::string title = onnx::title(model_, node);
    if (outer.depth == kMostCalls)
      fail(title, fmt::format("functions call functions deeper than {} levels", kMostCalls));
    if (node.inputs.count > body.inputs.count || node.outputs.count > body.outputs.count) {
      fail(title, fmt::format("the call has {} inputs and {} outputs, its function {} and {}", node.inputs.count,
                              node.outputs.count, body.inputs.count, body.outputs.count));
    }
    Call call{outer.depth + 1, fmt::format("{}{}/", outer.prefix, node.name.empty() ? node.op : node.name), {}};
    for (const onnx::Attribute& attribute : list(body.defaults)) {
      const auto weight = contents_.defaults[function].find(attribute.name);
      const std::uint32_t w = weight == contents_.defaults[function].end() ? kNone : weight->second;
      call.attributes.insert_or_assign(std::string(attribute.name), value(attribute, w));
    }
    for (ComputationAttribute& given : attributes(n, scope, outer)) {
      call.attributes.insert_or_assign(given.name, std::move(given.value));
    }
    Scope inside;
    const auto given = inputs(node, scope);
    const auto formal = model_.list(body.inputs);
    for (std::size_t i = 0; i < formal.size(); ++i) {
      if (!inside.names.emplace(formal[i], i < given.size() ? given[i] : std::string()).second) {
        fail(title, fmt::format("its function has two inputs {}", in_quotes(formal[i])));
      }
    }
    const auto wanted = outputs(node, scope);
    const auto results = model_.list(body.outputs);
    for (std::size_t o = 0; o < wanted.size(); ++o) {
      if (!wanted[o].empty()) inside.planned.emplace(results[o], wanted[o]);
    }
    add_nodes(function, inside, call, to);
    for (std::size_t o = 0; o < wanted.size(); ++o) {
      if (wanted[o].empty()) continue;
      const std::string source = meaning(inside, results[o], title);
      if (source == wanted[o]) continue;  // otherwise: an input, or an output that is listed twice
      to.nodes.push_back({"Identity", "", call.prefix + std::string(results[o]), {source}, {wanted[o]}, {}});
    }
  }

  ComputationNode head(const onnx::Node& node, const Call& call) const {
    ComputationNode head;
    head.op = std::string(node.op);
    head.domain = std::string(node.domain);
    if (!node.name.empty()) head.name = call.prefix + std::string(node.name);
    return head;
  }

  std::vector<std::string> inputs(const onnx::Node& node, const Scope& scope) const {
    std::vector<std::string> result;
    for (const auto name : model_.list(node.inputs)) {
      result.push_back(name.empty() ? std::string() : meaning(scope, name, onnx::title(model_, node)));
    }
    return result;
  }

  std::vector<std::string> outputs(const onnx::Node& node, Scope& scope) {
    std::vector<std::string> result;
    for (const auto name : model_.list(node.outputs)) {
      result.push_back(name.empty() ? std::string() : define(scope, name, onnx::title(model_, node)));
    }
    return result;
  }

  std::vector<ComputationAttribute> attributes(std::uint32_t n, const Scope& scope, const Call& call) {
    std::vector<ComputationAttribute> result;
    const auto bodies = contents_.bodies.find(n);
    std::size_t next_body = 0;  // graphs are listed in the order of the attributes that hold them
    for (const onnx::Attribute& attribute : list(model_.nodes[n].attributes)) {
      const AttributeHead head = attribute_head(*model_.file, attribute);
      const std::size_t body = next_body;
      next_body += head.graphs;
      if (!head.refers_to.empty()) {
        const auto given = call.attributes.find(head.refers_to);
        if (given != call.attributes.end()) result.push_back({std::string(attribute.name), given->second});
        continue;  // an attribute that the call does not give is absent
      }
      if (head.type == AttributeType::graph && head.graphs == 1) {
        auto inner = std::make_shared<const Computation>(graph(bodies->second.at(body), &scope, call));
        result.push_back({std::string(attribute.name), std::move(inner)});
        continue;
      }
      const auto weight = contents_.values.find({n, attribute.name});
      result.push_back(
          {std::string(attribute.name), value(attribute, weight == contents_.values.end() ? kNone : weight->second)});
    }
    return result;
  }

  /// The value of an attribute that is not a graph; `weight` is its tensor.
  AttributeValue value(const onnx::Attribute& attribute, std::uint32_t weight) {
    const AttributeHead head = attribute_head(*model_.file, attribute);
    if (head.type == AttributeType::tensor && weight != kNone) {
      const onnx::TensorSource source = onnx::describe(model_, model_.weights[weight], external_);
      return source.unreadable.empty() ? AttributeValue(source.load()) : not_read();
    }
    auto plain = plain_value(*model_.file, attribute, head.type);
    return plain ? std::move(*plain) : not_read();
  }

  ComputationConstant constant(std::string name, std::uint32_t weight) {
    onnx::TensorSource source = onnx::describe(model_, model_.weights[weight], external_);
    ComputationConstant result{std::move(name), source.dtype_name, source.shape, source.unreadable, nullptr};
    source.name = result.name;
    if (result.unreadable.empty()) result.load = [source = std::move(source)] { return source.load(); };
    return result;
  }

  ComputationValue stated(std::uint32_t graph, std::string_view name) const {
    const auto found = contents_.infos.find({graph, name});
    return found == contents_.infos.end() ? ComputationValue{} : stated_value(*model_.file, found->second);
  }

  std::uint32_t called(const onnx::Node& node) const {
    const auto found = contents_.functions.find({node.domain, node.op});
    if (found == contents_.functions.end()) return kNone;
    if (found->second.size() > 1) {
      fail(onnx::title(model_, node), "the model has several functions of this name; overloads are not read");
    }
    return found->second.front();
  }

  std::string define(Scope& scope, std::string_view name, std::string_view place) {
    const auto planned = scope.planned.find(name);
    const auto [at, added] = scope.names.emplace(name, std::string());
    if (!added) fail(place, fmt::format("{} is defined twice", in_quotes(name)));
    at->second = planned == scope.planned.end() ? names_.unique(name) : planned->second;
    return at->second;
  }

  std::string meaning(const Scope& scope, std::string_view name, std::string_view place) const {
    for (const Scope* each = &scope; each != nullptr; each = each->outer) {
      const auto found = each->names.find(name);
      if (found != each->names.end()) return found->second;
    }
    fail(place, fmt::format("nothing before it defines {}", in_quotes(name)));
  }

  std::span<const onnx::Attribute> list(onnx::Range range) const {
    return std::span(model_.attributes).subspan(range.first, range.count);
  }

  /// Counts a node that an expanded call adds.
  void spend(const onnx::Node& node, const Call& call) {
    std::size_t bytes = sizeof(ComputationNode) + call.prefix.size() + node.name.size();
    for (const auto name : model_.list(node.inputs)) bytes += sizeof(std::string) + name.size();
    for (const auto name : model_.list(node.outputs)) bytes += sizeof(std::string) + name.size();
    for (const auto& each : list(node.attributes)) bytes += sizeof(ComputationAttribute) + each.message.size();
    nodes_ += 1;
    bytes_ += bytes;
    if (nodes_ > kMostExpandedNodes || bytes_ > kMostExpandedBytes) {
      fail(onnx::title(model_, node), fmt::format("the bodies of functions, once for each call, are more than {} nodes "
                                                  "or {} bytes",
                                                  kMostExpandedNodes, kMostExpandedBytes));
    }
  }

  [[noreturn]] void fail(std::string_view place, std::string problem) const {
    throw FileError(model_.file->path().string(), std::string(place), std::move(problem));
  }

  const Model model_;
  const Contents contents_;
  onnx::ExternalData external_;
  UniqueNames names_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

Computation expanded_computation(const std::shared_ptr<const MappedFile>& file) { return Expansion(file).main_graph(); }

}  // namespace sigmax::io
