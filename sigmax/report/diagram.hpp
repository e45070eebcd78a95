// A chain of things with branches, to be drawn: boxes below each other, and a line from each to those that use it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax::report {

/// Amounts are positive numbers of any magnitude: they are drawn on a logarithmic scale.
struct Diagram {
  struct Box {
    std::string name = {};              ///< as a file spells it, not yet passed through visible()
    std::string detail = {};            ///< below the name, or behind it
    std::string figure = {};            ///< at the right end
    std::string total = {};             ///< below the figure, or behind it
    std::string tip = {};               ///< shown while the pointer rests on the box
    std::optional<double> amount = {};  ///< more than 1 is drawn unlike less than 1
    bool source = false;                ///< where the chain begins: drawn plainly, without an amount
    bool alarm = false;
  };
  struct Line {
    std::size_t from = 0;  ///< boxes; from < to
    std::size_t to = 0;
    std::optional<double> amount = {};  ///< decides the thickness; nothing: dashed
    std::string tip = {};
  };
  std::vector<Box> boxes = {};
  std::vector<Line> lines = {};
  std::string caption = {};
  std::string of_boxes = {};  ///< what a box's amount is: `bound of the node`
  std::string of_lines = {};  ///< what a line's is: `bound from the inputs`
};

}  // namespace sigmax::report
