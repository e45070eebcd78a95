// The weights of an audit as a table. Internal to report/.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/report/order.hpp"
#include "sigmax/report/table.hpp"

namespace sigmax::report {

/// Which weights are shown, and in which order.
struct Choice {
  Order sort;                        ///< by default the checkpoint's order
  std::optional<std::size_t> top{};  ///< this many weights; empty: all
};

/// `shown` holds the weights that select() chose. Cells for people use the given signs.
Table weights_table(const audit::Result& result, const std::vector<const audit::TensorResult*>& shown,
                    const Choice& choice, const Glyphs& glyphs);

}  // namespace sigmax::report
