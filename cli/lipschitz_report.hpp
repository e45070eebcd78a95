// The result of `sigmax lipschitz` as people and programs read it.
#pragma once

#include <string>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/graph.hpp"
#include "sigmax/lipschitz/network_bound.hpp"
#include "sigmax/report/document.hpp"
#include "sigmax/report/value.hpp"

namespace sigmax::cli {

struct LipschitzReport {
  std::string file;                 ///< the path as given
  std::string domain;               ///< `everywhere`
  std::vector<std::string> inputs;  ///< the names that the file gives to the graph's inputs
  graph::Graph graph;
  lipschitz::NetworkEnclosure result;
};

/// docs/json.md has the members, docs/schema/lipschitz-1.schema.json their types.
report::Record lipschitz_record(const LipschitzReport& report);

report::Document lipschitz_document(const LipschitzReport& report, bool unicode);

}  // namespace sigmax::cli
