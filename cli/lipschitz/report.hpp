// The result of `sigmax lipschitz` as people and programs read it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/lipschitz/gate.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/lipschitz/vector_norm.hpp"
#include "sigmax/report/document.hpp"
#include "sigmax/report/value.hpp"

namespace sigmax::cli {

/// Of one entry of the outputs.
struct EntryBound {
  std::size_t entry = 0;
  std::optional<UpperBound> upper;
};

/// Of the difference of two entries.
struct DifferenceBound {
  std::size_t first = 0;
  std::size_t second = 0;
  std::optional<UpperBound> upper;
};

/// On a ball around a given input.
struct LocalBound {
  std::size_t input = 0;
  std::optional<UpperBound> upper;
  std::string method;
  std::optional<LowerBound> lower;
  std::string why{};  ///< without a bound: the first node that has none, and why
  double seconds = 0;
};

struct LipschitzReport {
  std::string file;  ///< the path as given
  lipschitz::VectorNorm norm = lipschitz::VectorNorm::two;
  std::string domain;               ///< `everywhere`
  std::vector<std::string> inputs;  ///< the names that the file gives to the graph's inputs
  graph::Graph graph;               ///< with one output
  lipschitz::NetworkEnclosure result;
  std::vector<std::string> ways_out{};  ///< for each refused node, in words
  bool no_lower = false;
  std::vector<EntryBound> outputs{};
  std::vector<DifferenceBound> pairs{};
  double rows_seconds = 0;  ///< of both
  std::string around{};     ///< the file of `local`
  double radius = 0;
  std::vector<LocalBound> local{};
  std::vector<NetworkGateOutcome> gates{};
  double seconds = 0;
  int threads = 0;
};

/// docs/json.md has the members, docs/schema/lipschitz-1.schema.json their types.
report::Record lipschitz_record(const LipschitzReport& report);

/// Detail::all lists every output, pair and input. Gates are messages of the command, and so are the nodes without a
/// bound where `with_refusals` is not set.
report::Document lipschitz_document(const LipschitzReport& report, bool unicode, report::Detail detail,
                                    bool with_refusals);
report::Document lipschitz_markdown(const LipschitzReport& report, report::Detail detail);

/// `facts`: the date, the command line and the like.
report::Document lipschitz_page(const LipschitzReport& report, std::vector<report::Phrase> facts);

}  // namespace sigmax::cli
