// The parts of an ONNX model that weights need, as plain data that points into the mapped file. Internal to io/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/onnx/onnx_proto.hpp"

namespace sigmax::io::onnx {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// Limit on graphs inside graphs: deeper files are refused.
inline constexpr int kMaxGraphDepth = 64;

/// Elements [first, first + count) of one of Model's lists.
struct Range {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct Node {
  std::string_view name, op, domain;
  std::uint32_t graph = 0;
  Range inputs, outputs;  ///< in Model::names; an empty name is an absent optional value
  Range attributes;       ///< in Model::attributes
};

struct Graph {
  std::uint32_t parent = kNone;       ///< the graph whose names are visible here
  std::uint32_t owner = kNone;        ///< the node that has it as an attribute
  std::string path;                   ///< for provenance; empty for the main graph
  Range inputs, outputs;              ///< formal, in Model::names
  std::string_view domain, function;  ///< of a model-local function
  Range defaults;                     ///< of a model-local function: its attributes' defaults, in Model::attributes
};

/// One tensor and where it was found.
struct Weight {
  enum class Holder : std::uint8_t { initializer, sparse_initializer, constant, attribute, function_attribute };

  TensorProto tensor;
  Holder holder = Holder::initializer;
  bool sparse = false;
  std::uint32_t graph = 0;
  std::uint32_t node = kNone;  ///< for `constant` and `attribute`
  std::string_view attribute;
};

/// What a graph states about one of its values: an input, an output, or one in between.
struct ValueInfo {
  std::string_view name;
  std::uint32_t graph = 0;
  Bytes message;  ///< the ValueInfoProto
};

/// Lists refer to each other by index; every view points into `file`.
struct Model {
  std::shared_ptr<const MappedFile> file;
  std::vector<Graph> graphs;  ///< the main graph first
  std::vector<Node> nodes;
  std::vector<Attribute> attributes;
  std::vector<std::string_view> names;
  std::vector<Weight> weights;         ///< in file order
  std::vector<ValueInfo> value_infos;  ///< of the graphs, not of functions

  std::span<const std::string_view> list(Range range) const {
    return std::span(names).subspan(range.first, range.count);
  }
  const Attribute* find(const Node& node, std::string_view attribute) const;
  /// The attribute's integer, or `otherwise` if the node has no attribute of that name.
  std::int64_t integer(const Node& node, std::string_view attribute, std::int64_t otherwise) const;
  /// The first `most` entries of the attribute's list of integers; no value if the node has no attribute of that name.
  std::optional<std::vector<std::int64_t>> integers(const Node& node, std::string_view attribute,
                                                    std::size_t most) const;
  /// The attribute's text; empty if the node has no attribute of that name.
  std::string_view text(const Node& node, std::string_view attribute) const;
};

/// Reads the structure of the model. Throws FileError if it is malformed.
Model read_model(std::shared_ptr<const MappedFile> file);

/// The node as a person would look for it: op and name, or its first output if it has no name.
std::string title(const Model& model, const Node& node);

}  // namespace sigmax::io::onnx
