// Threads that work on one sequence of short parallel steps without being called together for each. Internal to the
// library.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "sigmax/core/context.hpp"

namespace sigmax {

/// The threads of a context for an algorithm of many steps of a few microseconds each, where starting a parallel loop
/// would cost as much as the step. One thread leads and runs the algorithm; the others wait for pieces of its steps,
/// spinning for some tens of microseconds and then asleep. The leader never waits for a thread to arrive: without any
/// other it does every piece itself. It waits for pieces that another has begun, and no longer awake than those.
///
/// Results do not depend on who does which piece, so the same bits come out for any number of threads if pieces are cut
/// by shape alone.
class Team {
 public:
  static constexpr int kMostPieces = 32;

  /// Runs lead(team) on one thread of the context while the others help. Exceptions of `lead` are rethrown.
  static void run(Context& context, const std::function<void(Team&)>& lead);

  /// Runs lead(team) on the calling thread, which does every piece: for problems not worth calling others for.
  static void run_alone(const std::function<void(Team&)>& lead);

  /// Runs piece(0) ... piece(count - 1), count at most kMostPieces, in any order; returns when all have ended. Called
  /// by the leader; `piece` must not throw.
  template <class Piece>
  void step(int count, const Piece& piece) {
    if (count <= 1 || alone_) {
      for (int i = 0; i < count; ++i) piece(i);
      return;
    }
    perform({[](const void* self, int i) { (*static_cast<const Piece*>(self))(i); }, &piece}, count);
  }

 private:
  struct Job {
    void (*call)(const void*, int) = nullptr;
    const void* piece = nullptr;
  };

  Team(bool alone, int threads) : alone_(alone), threads_(threads) {}
  void perform(Job job, int count);
  std::uint64_t open(std::uint64_t pieces);
  void help(int member);
  bool take_one(std::uint64_t& seen, int member);

  bool alone_;
  int threads_;
  Job job_;
  std::atomic<int> count_{0};  // of the step under way: a hint
  // The step's number in the upper half, a bit for each piece that nobody has taken in the lower.
  alignas(64) std::atomic<std::uint64_t> open_{0};
  alignas(64) std::atomic<int> done_{0};
  alignas(64) std::atomic<bool> led_{false};
  std::atomic<bool> over_{false};
};

}  // namespace sigmax
