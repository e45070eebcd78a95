// The output of every comparison of answers: time, ratio and error of each way to the same figures.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"

namespace sigmax::benchmark {

/// A way to compute some values; the error is the largest |value - reference| relative to the largest reference.
struct Contender {
  std::string name;
  std::function<std::vector<double>()> values;
};

inline double error_of(const std::vector<double>& values, const std::vector<double>& reference) {
  if (values.empty()) return INFINITY;
  double error = 0;
  for (std::size_t i = 0; i < std::min(values.size(), reference.size()); ++i) {
    error = std::fmax(error, std::fabs(values[i] - reference[i]));
  }
  return error / reference.front();
}

/// Times all contenders in turns and adds a line for each to the table: median, how many times as long as the first
/// contender, error. The figures as JSON: {"case", "limit_seconds", "candidates": [{"name", "seconds", "error"}]}.
inline nlohmann::json compare(Table& table, const std::string& name, const std::vector<Contender>& contenders,
                              const std::vector<double>& reference, const TimingOptions& timing) {
  std::vector<Candidate> candidates;
  std::vector<double> errors(contenders.size());
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    const Contender& contender = contenders[c];
    candidates.push_back({contender.name, [&contender, &error = errors[c], &reference] {
                            error = error_of(contender.values(), reference);
                          }});
  }
  const std::vector<Timing> timings = take_turns(candidates, timing);
  nlohmann::json figures = nlohmann::json::array();
  table.add_line(name);
  for (std::size_t c = 0; c < timings.size(); ++c) {
    table.add({"  " + timings[c].name, time_text(timings[c].median()),
               c == 0 ? "" : fmt::format("{:.1f}x", paired_ratio(timings[c], timings[0])),
               fmt::format("{:.1e}", errors[c])});
    figures.push_back({{"name", timings[c].name}, {"seconds", timings[c].seconds}, {"error", errors[c]}});
  }
  return {{"case", name}, {"candidates", figures}};
}

}  // namespace sigmax::benchmark
