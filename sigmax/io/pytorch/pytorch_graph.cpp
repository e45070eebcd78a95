// The graph of torch.export: nodes that name an operator and its arguments, and a signature that names its tensors.
#include <array>
#include <limits>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/json_events.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kMostBytes = 100'000'000;

struct Argument {
  std::string name;    // of the parameter
  std::string tensor;  // that is given for it; empty if it is something else
  std::uint64_t number = 0;
  bool truth = false;
};

struct GraphNode {
  std::string target;
  std::vector<Argument> inputs;
};

// {"graph_module": {"graph": {"nodes": [{"target": ..., "inputs": [{"name": ..., "arg": {"as_tensor": {"name":
// ...}}}]}]},
//  "signature": {"input_specs": [{"parameter": {"arg": {"name": "p_w"}, "parameter_name": "w"}}]}}}
class GraphEvents : public JsonEvents {
 public:
  void open(bool, int depth) override {
    if (is_in_nodes() && depth == 4) node_ = {};
    if (is_in_nodes() && depth == 6 && key_[5] == "inputs") node_.inputs.emplace_back();
    if (is_in_specs() && depth == 4) {
      argument_.clear();
      spec_.clear();
    }
  }

  void close(int depth) override {
    if (is_in_nodes() && depth == 4) {
      take(node_);
      has_nodes_ = true;
    }
  }

  void key(std::string&& name, int depth) override {
    if (name == "as_graph") uses_.has_others = true;
    if (static_cast<std::size_t>(depth) < key_.size()) key_[static_cast<std::size_t>(depth)] = std::move(name);
  }

  void value(JsonValue value, int depth) override {
    if (is_in_nodes()) read_node(value, depth);
    if (is_in_specs() && value.text != nullptr) read_spec(*value.text, depth);
  }

  ProgramUses take_uses() {
    if (!has_nodes_) uses_.has_others = true;
    for (auto& [tensor, use] : found_) {
      const auto name = names_.find(tensor);
      if (name == names_.end()) {
        uses_.has_others = uses_.has_others || use.op != "MatMul";
      } else {
        uses_.add("", name->second, std::move(use));
      }
    }
    return std::move(uses_);
  }

 private:
  bool is_in_nodes() const { return key_[1] == "graph_module" && key_[2] == "graph" && key_[3] == "nodes"; }
  bool is_in_specs() const { return key_[1] == "graph_module" && key_[2] == "signature" && key_[3] == "input_specs"; }

  void read_node(JsonValue value, int depth) {
    if (depth == 5 && key_[5] == "target" && value.text != nullptr) node_.target = std::move(*value.text);
    if (depth < 7 || key_[5] != "inputs" || node_.inputs.empty()) return;
    Argument& argument = node_.inputs.back();
    if (depth == 7 && key_[7] == "name" && value.text != nullptr) argument.name = std::move(*value.text);
    if (key_[7] != "arg") return;
    if (depth == 8 && key_[8] == "as_int") argument.number = value.number.value_or(0);
    if (depth == 8 && key_[8] == "as_bool") argument.truth = value.truth;
    if (depth == 9 && key_[8] == "as_tensor" && key_[9] == "name" && value.text != nullptr) {
      argument.tensor = std::move(*value.text);
    }
  }

  void read_spec(std::string& text, int depth) {
    const bool names = key_[6] == "parameter_name" || key_[6] == "buffer_name" || key_[6] == "tensor_constant_name";
    if (depth == 7 && key_[6] == "arg" && key_[7] == "name") {
      argument_ = std::move(text);
    } else if (depth == 6 && names) {
      spec_ = std::move(text);
    }
    // The two come in either order.
    if (!argument_.empty() && !spec_.empty()) {
      names_[std::move(argument_)] = std::move(spec_);
      argument_.clear();
      spec_.clear();
    }
  }

  // torch.ops.aten.conv2d.default
  void take(GraphNode& node) {
    constexpr std::string_view kAten = "torch.ops.aten.";
    std::string_view name = node.target;
    const bool of_aten = name.starts_with(kAten);
    if (of_aten) name.remove_prefix(kAten.size());
    if (of_aten) name = name.substr(0, name.find('.'));
    const WeightOperator* op = of_aten ? weight_operator(name) : nullptr;
    if (op == nullptr) {
      uses_.has_others = uses_.has_others || may_convolve(name);
      return;
    }
    if (op->op == "MatMul") {
      for (std::size_t i = 0; i < node.inputs.size() && i < 2; ++i) add(node.inputs[i].tensor, "MatMul", i, 1);
      return;
    }
    std::string_view kind = op->op;
    std::uint64_t groups = 1;
    const std::string* weight = nullptr;
    for (const Argument& argument : node.inputs) {
      if (argument.name == "weight") weight = &argument.tensor;
      if (argument.name == "groups") groups = argument.number;
      if (argument.name == "transposed" && argument.truth) kind = "ConvTranspose";
    }
    if (weight == nullptr) {
      uses_.has_others = true;
    } else {
      add(*weight, kind, static_cast<std::size_t>(op->weight), groups);
    }
  }

  void add(const std::string& tensor, std::string_view op, std::size_t input, std::uint64_t groups) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    Usage use;
    use.op = op;
    use.input = static_cast<int>(input);
    use.groups = groups > kMost ? 0 : static_cast<std::int64_t>(groups);
    found_.emplace_back(tensor, std::move(use));
  }

  std::array<std::string, 10> key_;  // the last key at each depth
  GraphNode node_;
  std::string argument_, spec_;
  std::vector<std::pair<std::string, Usage>> found_;
  std::map<std::string, std::string> names_;  // of the graph's inputs
  ProgramUses uses_;
  bool has_nodes_ = false;
};

}  // namespace

ProgramUses read_exported_graph(const std::shared_ptr<const MappedFile>& file, const ZipMember& member) {
  ProgramUses nothing;
  nothing.has_others = true;
  if (member.bytes > kMostBytes) return nothing;
  try {
    const auto content = read_zip_member(file, member);
    GraphEvents events;
    const auto bytes = content->bytes();
    read_json(*file, "graph", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kDeepestJson, events);
    return events.take_uses();
  } catch (const FileError&) {
    return nothing;
  }
}

}  // namespace sigmax::io
