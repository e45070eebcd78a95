// Threads that work on one sequence of short parallel steps without a new parallel call for each step. Internal to the
// library.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "sigmax/core/context.hpp"

namespace sigmax {

/// The threads of a context for an algorithm of many steps of a few microseconds each, where starting a parallel loop
/// would cost as much as the step. One thread leads and runs the algorithm; the others wait for pieces of its steps,
/// spinning for a few tens of microseconds and then sleeping. The leader never waits for a thread to arrive: if no
/// other comes, it does every piece itself. It waits only for pieces that another thread has begun, spinning no longer
/// than the others do.
///
/// Results do not depend on which thread does which piece, so they have the same bits for any number of threads if the
/// pieces depend on the shape alone.
class Team {
 public:
  static constexpr int kMostPieces = 32;

  /// Runs lead(team) on one thread of the context while the others help. Exceptions of `lead` are rethrown.
  static void run(Context& context, const std::function<void(Team&)>& lead);

  /// Runs lead(team) on the calling thread, which does every piece: for problems too small for several threads.
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
  std::atomic<int> count_{0};  // of the current step; a hint
  // Upper half: the number of the step. Lower half: a bit for each piece that is not taken yet.
  alignas(64) std::atomic<std::uint64_t> open_{0};
  alignas(64) std::atomic<int> done_{0};
  alignas(64) std::atomic<bool> led_{false};
  std::atomic<bool> over_{false};
};

}  // namespace sigmax
