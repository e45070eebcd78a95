// The tables of `sigmax lipschitz`. Internal to its report.
#pragma once

#include <optional>
#include <string>

#include "cli/lipschitz/report.hpp"
#include "sigmax/report/diagram.hpp"
#include "sigmax/report/table.hpp"

namespace sigmax::cli {

/// Six digits, rounded in the direction in which the bound stays one.
std::string rounded_up(double value);
std::string rounded_down(double value);

report::Value upper_value(const std::optional<UpperBound>& bound);

report::Table layer_table(const LipschitzReport& report, bool unicode);

/// The largest first, and without Detail::all no more than ten.
report::Table output_table(const LipschitzReport& report, report::Detail detail);
report::Table pair_table(const LipschitzReport& report, report::Detail detail);
report::Table local_table(const LipschitzReport& report, report::Detail detail);

/// The bound of each pair of two outputs in its row and column; nothing unless these are all pairs of a few outputs,
/// and fit into 80 columns.
std::optional<report::Table> pair_matrix(const LipschitzReport& report);

report::Table refused_table(const LipschitzReport& report);
report::Table gate_table(const LipschitzReport& report);

/// The graph, each node with its bound, each edge as thick as the bound from the inputs.
report::Diagram network_diagram(const LipschitzReport& report);

}  // namespace sigmax::cli
