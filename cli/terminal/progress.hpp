// The progress line: `audit  43%  encoder.layer.3.weight  12 s left`.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "cli/terminal/terminal.hpp"
#include "sigmax/core/context.hpp"

namespace sigmax::cli {

/// One line on standard error, redrawn at most ten times a second and erased at the end. Shows nothing unless standard
/// error is a terminal that supports this.
class ProgressLine {
 public:
  /// `label` comes first on the line. Reports of `context` are shown while the line is alive.
  ProgressLine(Context& context, std::string label, const CommonOptions& options);
  ~ProgressLine();
  /// Reports that follow are shares of piece `index` of `count`, which is called `what`.
  void piece(std::size_t index, std::size_t count, std::string what);

  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  void show(const Progress& progress);

  Context& context_;
  std::string label_;
  Style style_;
  std::size_t piece_ = 0;
  std::size_t pieces_ = 1;
  std::string what_;  ///< of the piece; empty: that of each report
  bool active_ = false;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_;
};

/// The text of the line, at most `style.width - 1` columns. `elapsed` in seconds; the time left is shown once a second
/// has passed and some work is done.
std::string progress_text(std::string_view label, const Progress& progress, double elapsed, const Style& style);

}  // namespace sigmax::cli
