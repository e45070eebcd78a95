// Input and output of every benchmark program: a few options, a plain table of at most 100 columns, JSON in a file.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sigmax::benchmark {

struct Options {
  std::string json;    ///< --json FILE: the figures go there as well
  std::string data;    ///< --data FILE.npy: the data to work on; drawn at random where empty
  bool quick = false;  ///< --quick: fewer rounds and smaller shapes
  int threads = 2;     ///< --threads N
  double seconds = 0;  ///< --seconds N: start nothing after that, where a program can go on with its --json; 0: no end
  /// Taken from the clock, so that nothing is tuned to one draw, and printed; --seed N repeats a run's data.
  std::uint64_t seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
};

/// Parses the options above; anything else ends the program with a usage line.
inline Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--quick") {
      options.quick = true;
    } else if (word == "--json" && has_value) {
      options.json = argv[++i];
    } else if (word == "--data" && has_value) {
      options.data = argv[++i];
    } else if (word == "--threads" && has_value) {
      options.threads = std::atoi(argv[++i]);
    } else if (word == "--seconds" && has_value) {
      options.seconds = std::atof(argv[++i]);
    } else if (word == "--seed" && has_value) {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      fmt::print(stderr, "usage: {} [--quick] [--threads N] [--seconds N] [--seed N] [--data FILE.npy] [--json FILE]\n",
                 argv[0]);
      std::exit(2);
    }
  }
  return options;
}

/// Rows of text under headings: the first column to the left, the others to the right. Each row may carry the figures
/// behind its text, for the JSON.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : rows_{std::move(headings)} {}

  void add(std::vector<std::string> cells, nlohmann::json figures = {}) {
    rows_.push_back(std::move(cells));
    if (!figures.is_null()) figures_.push_back(std::move(figures));
  }

  /// A separate line of text between the rows.
  void add_line(std::string text) { rows_.push_back({std::move(text)}); }

  void print() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
      if (row.size() != widths.size()) continue;
      for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
    }
    for (const auto& row : rows_) {
      if (row.size() != widths.size()) {
        fmt::print("{}\n", row.front());
        continue;
      }
      std::string line = fmt::format("{:<{}}", row[0], widths[0]);
      for (std::size_t c = 1; c < row.size(); ++c) line += fmt::format("  {:>{}}", row[c], widths[c]);
      fmt::print("{}\n", line);
    }
    std::fflush(stdout);
  }

  const nlohmann::json& figures() const { return figures_; }

 private:
  std::vector<std::vector<std::string>> rows_;
  nlohmann::json figures_ = nlohmann::json::array();
};

/// Writes the result to the file of --json, if it was given.
inline void write_json(const Options& options, const nlohmann::json& result) {
  if (options.json.empty()) return;
  std::ofstream file(options.json);
  file << result.dump(1) << '\n';
  if (!file) {
    fmt::print(stderr, "cannot write {}\n", options.json);
    std::exit(1);
  }
}

/// 1.23 s, 4.56 ms, 7.89 us: three digits.
inline std::string time_text(double seconds) {
  const auto [scale, unit] = seconds >= 1      ? std::pair{1.0, "s"}
                             : seconds >= 1e-3 ? std::pair{1e3, "ms"}
                                               : std::pair{1e6, "us"};
  const double value = seconds * scale;
  return fmt::format("{:.{}f} {}", value, value >= 100 ? 0 : value >= 10 ? 1 : 2, unit);
}

}  // namespace sigmax::benchmark
