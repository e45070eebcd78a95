// The walk over a model's nodes that makes a graph of them. Internal to graph/.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "sigmax/graph/graph.hpp"
#include "sigmax/graph/import_options.hpp"
#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

/// Makes one graph.
class Importer {
 public:
  explicit Importer(const ImportOptions& options) : options_(options) {}

  Graph import(const io::Computation& computation);

 private:
  class NodeBuilder;

  /// What a name of the file means: a value, or the Refused node of which not even the shape is known.
  struct Meaning {
    std::optional<Value> value{};
    Index refused = 0;
    std::string first{};  ///< the node before it, or itself, that lost the shape
  };

  void add_input(const io::ComputationValue& input);
  void add_constants(const io::Computation& computation);
  void add_nodes(const io::Computation& computation);
  void add_node(const io::ComputationNode& node);
  void take_branch(const NodeBuilder& builder);
  void unroll_loop(NodeBuilder& builder);
  void unroll_scan(NodeBuilder& builder);
  void run_body(const io::Computation& body);
  const io::Computation& kept(io::Computation body);
  /// What each run of a body puts out, along a new first axis.
  Meaning stacked(NodeBuilder& builder, const std::vector<Meaning>& runs);
  std::vector<Value> outputs_of(NodeBuilder& builder);
  void refuse(const NodeBuilder& builder, const std::string& reason);
  void set(const std::string& name, Meaning meaning);
  const Meaning& meaning(const std::string& name);
  Index node_of_meaning(const Meaning& meaning, const std::string& title);
  Index emit(Node node);
  void note_rounded_constants();

  const ImportOptions& options_;
  std::int64_t opset_ = 0;
  Graph graph_;
  std::map<std::string, Meaning> meanings_;
  std::map<std::string, const io::ComputationConstant*> unread_;  // constants that no node has asked for
  std::deque<io::Computation> bodies_;                            // of nodes; constants are read later
  std::size_t steps_ = 0;                                         // nodes of bodies that have been added
  std::vector<std::string> rounded_;                              // nodes whose folded constants are not exact
};

/// Makes Refused nodes of those with a constant that is not finite, unless it is -inf where a softmax takes the sum.
void refuse_infinite_offsets(Graph& graph);

/// The graph without the nodes on which no output depends; its inputs stay.
Graph without_dead_nodes(Graph graph);

}  // namespace sigmax::graph::onnx
