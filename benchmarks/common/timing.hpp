// Times of several candidates that take turns, so that other work of the machine affects all of them alike.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace sigmax::benchmark {

/// One way to do the compared work. `run` does it once.
struct Candidate {
  std::string name;
  std::function<void()> run;
};

struct TimingOptions {
  int rounds = 9;                    ///< samples of each candidate; odd, so that a median is one of them
  double seconds_per_sample = 0.01;  ///< quick work is repeated within a sample until it takes this long
  /// Pause before each sample. The worker threads of a threaded BLAS keep spinning for tens of milliseconds after a
  /// call and would take the cores from the next candidate.
  double seconds_of_pause = 0.03;
};

/// Seconds of one run, one value per round: round r of all candidates was taken at nearly the same time.
struct Timing {
  std::string name;
  std::vector<double> seconds;

  double median() const { return median_of(seconds); }
  double minimum() const { return *std::min_element(seconds.begin(), seconds.end()); }

  static double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }
};

/// How many times as long `slower` takes as `faster`: the median over the rounds of the ratio within a round.
inline double paired_ratio(const Timing& slower, const Timing& faster) {
  std::vector<double> ratios(slower.seconds.size());
  for (std::size_t r = 0; r < ratios.size(); ++r) ratios[r] = slower.seconds[r] / faster.seconds[r];
  return Timing::median_of(ratios);
}

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The time of `count` runs.
inline double seconds_of(const std::function<void()>& run, std::int64_t count = 1) {
  const double start = seconds_now();
  for (std::int64_t i = 0; i < count; ++i) run();
  return seconds_now() - start;
}

/// Each round takes one sample of every candidate, in an order that shifts by one from round to round; before a
/// sample comes the pause and one run that does not count.
inline std::vector<Timing> take_turns(const std::vector<Candidate>& candidates, const TimingOptions& options = {}) {
  std::vector<Timing> timings;
  std::vector<std::int64_t> repeats;
  for (const Candidate& candidate : candidates) {
    timings.push_back({candidate.name, std::vector<double>(static_cast<std::size_t>(options.rounds))});
    candidate.run();
    const double once = std::max(seconds_of(candidate.run), 1e-8);
    repeats.push_back(std::max<std::int64_t>(1, static_cast<std::int64_t>(options.seconds_per_sample / once)));
  }
  for (std::size_t round = 0; round < static_cast<std::size_t>(options.rounds); ++round) {
    for (std::size_t turn = 0; turn < candidates.size(); ++turn) {
      const std::size_t c = (round + turn) % candidates.size();
      std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds_of_pause));
      candidates[c].run();
      timings[c].seconds[round] = seconds_of(candidates[c].run, repeats[c]) / static_cast<double>(repeats[c]);
    }
  }
  return timings;
}

}  // namespace sigmax::benchmark
