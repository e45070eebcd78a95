// The graph of torch.export: nodes that name an operator and its arguments, and a signature that names its tensors.
#include <algorithm>
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
  Dimensions numbers;      // of a list
  bool is_number = false;  // an integer, or a list of integers
  std::string word;
};

struct GraphNode {
  std::string target;
  std::vector<Argument> inputs;
  std::string output;  // the first tensor
};

// {"graph_module": {"graph": {"nodes": [{"target": ..., "inputs": [{"name": ..., "arg": {"as_tensor": {"name":
// ...}}}]}]},
//  "signature": {"input_specs": [{"parameter": {"arg": {"name": "p_w"}, "parameter_name": "w"}}]}}}
class GraphEvents : public JsonEvents {
 public:
  void open(bool, int depth) override {
    if (is_in_nodes() && depth == 4) node_ = {};
    if (is_in_nodes() && depth == 6 && key_[5] == "inputs") node_.inputs.emplace_back();
    if (is_in_values() && depth == 4) size_.clear();
    if (is_in_values() && depth == 6 && key_[5] == "sizes") add_extent();
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
    if (is_in_values() && depth == 4 && size_.size() >= 3 && size_.size() <= kMostRank) {
      Dimensions image(size_.begin() + 2, size_.end());
      const bool known = std::find(image.begin(), image.end(), 0) == image.end();
      if (known) sizes_[key_[4]] = std::move(image);
    }
  }

  void key(std::string&& name, int depth) override {
    if (name == "as_graph") uses_.has_others = true;
    if (static_cast<std::size_t>(depth) < key_.size()) key_[static_cast<std::size_t>(depth)] = std::move(name);
  }

  void value(JsonValue value, int depth) override {
    if (is_in_nodes()) read_node(value, depth);
    if (is_in_values()) read_extent(value, depth);
    if (is_in_specs() && value.text != nullptr) read_spec(*value.text, depth);
  }

  ProgramUses take_uses() {
    if (!has_nodes_) uses_.has_others = true;
    for (Found& found : found_) {
      const auto name = names_.find(found.tensor);
      if (name == names_.end()) {
        uses_.has_others = uses_.has_others || found.use.usage.op != "MatMul";
        continue;
      }
      if (const auto image = sizes_.find(found.image); image != sizes_.end() && found.use.usage.convolution) {
        found.use.usage.convolution->input_size = image->second;
      }
      constexpr std::size_t kDeepest = 8;
      for (auto pad = pads_.find(found.image); pad != pads_.end(); pad = pads_.find(pad->second.image)) {
        if (found.use.before.size() == kDeepest) {
          found.use.before.emplace_back();  // one that is not known
          break;
        }
        found.use.before.push_back(pad->second.padding);
      }
      uses_.add("", name->second, std::move(found.use));
    }
    return std::move(uses_);
  }

 private:
  bool is_in_nodes() const { return key_[1] == "graph_module" && key_[2] == "graph" && key_[3] == "nodes"; }
  bool is_in_values() const { return key_[1] == "graph_module" && key_[2] == "graph" && key_[3] == "tensor_values"; }
  bool is_in_specs() const { return key_[1] == "graph_module" && key_[2] == "signature" && key_[3] == "input_specs"; }

  void read_node(JsonValue value, int depth) {
    if (depth == 5 && key_[5] == "target" && value.text != nullptr) node_.target = std::move(*value.text);
    const bool names_output = depth == 8 && key_[5] == "outputs" && key_[7] == "as_tensor" && key_[8] == "name";
    if (names_output && value.text != nullptr && node_.output.empty()) node_.output = std::move(*value.text);
    if (depth < 7 || key_[5] != "inputs" || node_.inputs.empty()) return;
    Argument& argument = node_.inputs.back();
    if (depth == 7 && key_[7] == "name" && value.text != nullptr) argument.name = std::move(*value.text);
    if (key_[7] != "arg") return;
    if (depth == 8 && key_[8] == "as_int") {
      argument.number = value.number.value_or(0);
      add_number(argument, value);
    }
    if (depth == 8 && key_[8] == "as_bool") argument.truth = value.truth;
    if (depth == 8 && key_[8] == "as_string" && value.text != nullptr) argument.word = std::move(*value.text);
    if (depth == 9 && key_[8] == "as_ints") add_number(argument, value);
    if (depth == 9 && key_[8] == "as_tensor" && key_[9] == "name" && value.text != nullptr) {
      argument.tensor = std::move(*value.text);
    }
  }

  static void add_number(Argument& argument, const JsonValue& value) {
    constexpr std::size_t kMost = 8;
    const bool fits = value.number && *value.number <= kMostExtent && argument.numbers.size() < kMost;
    argument.is_number = fits && (argument.is_number || argument.numbers.empty());
    if (fits) argument.numbers.push_back(static_cast<std::int64_t>(*value.number));
  }

  // {"x": {"sizes": [{"as_int": 1}, {"as_expr": ...}, {"as_int": 28}, ...]}}; 0 for what is not a number.
  void add_extent() {
    if (size_.size() <= kMostRank) size_.push_back(0);
  }

  void read_extent(const JsonValue& value, int depth) {
    const bool is_extent = depth == 7 && key_[5] == "sizes" && key_[7] == "as_int" && !size_.empty();
    if (is_extent && value.number && *value.number <= kMostExtent) {
      size_.back() = static_cast<std::int64_t>(*value.number);
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
      if (const PadOperator* pad = of_aten ? pad_operator(name) : nullptr) take_pad(node, pad->mode);
      return;
    }
    if (op->op == "MatMul") {
      for (std::size_t i = 0; i < node.inputs.size() && i < 2; ++i) {
        ProgramUse use;
        use.usage.op = "MatMul";
        use.usage.input = static_cast<int>(i);
        found_.push_back({node.inputs[i].tensor, {}, std::move(use)});
      }
      return;
    }
    ProgramUse use;
    use.usage.op = op->op;
    use.usage.input = op->weight;
    const Argument* weight = nullptr;
    std::string image;
    ConvolutionSettings settings{{1}, {1}, {0}, {0}, {0}, {}, {}};
    for (const Argument& argument : node.inputs) {
      const Dimensions numbers = argument.is_number ? argument.numbers : Dimensions();
      if (argument.name == "weight") weight = &argument;
      if (argument.name == "input" || argument.name == "self") image = argument.tensor;
      if (argument.name == "groups") use.usage.groups = groups_of(argument.number);
      if (argument.name == "transposed" && argument.truth) use.usage.op = "ConvTranspose";
      if (argument.name == "stride") settings.stride = numbers;
      if (argument.name == "dilation") settings.dilation = numbers;
      if (argument.name == "output_padding") settings.output_padding = numbers;
      if (argument.name != "padding") continue;
      settings.pad_low = settings.pad_high = numbers;
      if (const auto word = padding_of_word(argument.word)) use.padding = *word;
    }
    if (op->convolves()) use.usage.convolution = std::move(settings);
    if (weight == nullptr) {
      uses_.has_others = true;
    } else {
      found_.push_back({weight->tensor, std::move(image), std::move(use)});
    }
  }

  void take_pad(const GraphNode& node, std::string_view mode) {
    Pad pad{{}, {std::nullopt, std::string(mode.empty() ? "constant" : mode)}};
    for (const Argument& argument : node.inputs) {
      if (argument.name == "self") pad.image = argument.tensor;
      if (argument.name == "mode" && mode.empty()) pad.padding.mode = argument.word;
      const bool has_pairs = argument.name == "pad" || argument.name == "padding";
      if (has_pairs && argument.is_number) pad.padding.pairs = argument.numbers;
    }
    pads_[node.output] = std::move(pad);
  }

  static std::int64_t groups_of(std::uint64_t groups) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    return groups > kMost ? 0 : static_cast<std::int64_t>(groups);
  }

  static constexpr std::size_t kMostRank = 5;  // of an image with batch and channels
  static constexpr std::uint64_t kMostExtent = std::uint64_t{1} << 30;

  struct Found {
    std::string tensor, image;
    ProgramUse use;
  };

  struct Pad {
    std::string image;
    ProgramPadding padding;
  };

  std::array<std::string, 10> key_;  // the last key at each depth
  GraphNode node_;
  std::string argument_, spec_;
  std::vector<Found> found_;
  Dimensions size_;                           // of the value that is read
  std::map<std::string, Dimensions> sizes_;   // of images
  std::map<std::string, Pad> pads_;           // by what they give
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
