#include "sigmax/linalg/spin_team.hpp"

#include <bit>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace sigmax {
namespace {

// Waits in short moments, and not for long: the awaited thread may be scheduled on this very core, or on none. The
// limit of a few tens of microseconds is the cost of sleeping and being woken.
class Patience {
 public:
  /// False once it is time to sleep.
  bool wait() {
    if (++waited_ > kSpins) return false;
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
    return true;
  }

 private:
  static constexpr int kSpins = 2000;
  int waited_ = 0;
};

// Returns once `value` is no longer `old`.
template <class T>
void await_change(const std::atomic<T>& value, T old) {
  for (Patience patience; value.load(std::memory_order_acquire) == old;) {
    if (!patience.wait()) return value.wait(old);
  }
}

}  // namespace

void Team::run(Context& context, const std::function<void(Team&)>& lead) {
  const int threads = context.threads();
  Team team(threads == 1, threads);
  // The first to arrive leads. If all of them run one after another on a single thread, the first does everything.
  context.parallel_for(static_cast<std::size_t>(threads), [&](std::size_t member) {
    if (team.led_.exchange(true)) return team.help(static_cast<int>(member));
    struct Dismiss {
      Team& team;
      ~Dismiss() {
        team.over_.store(true);
        team.open(0);
      }
    };
    const Dismiss dismiss{team};
    lead(team);
  });
}

void Team::run_alone(const std::function<void(Team&)>& lead) {
  Team team(true, 1);
  lead(team);
}

// Takes one open piece of the step in `seen` and does it; false if there is none. The exchange succeeds only while that
// step is under way, and the leader does not end it before the piece is done: the job read after it is the step's own.
bool Team::take_one(std::uint64_t& seen, int member) {
  const auto open = static_cast<std::uint32_t>(seen);
  if (open == 0) return false;
  // Each thread begins at a different piece and tends to take the same pieces in every step, so they stay in its cache.
  const int begin = member * count_.load(std::memory_order_relaxed) / threads_ % kMostPieces;
  const int piece = (std::countr_zero(std::rotr(open, begin)) + begin) % kMostPieces;
  const std::uint64_t taken = seen & ~(std::uint64_t{1} << piece);
  if (open_.compare_exchange_strong(seen, taken, std::memory_order_acq_rel, std::memory_order_acquire)) {
    job_.call(job_.piece, piece);
    if (done_.fetch_add(1) + 1 == count_.load(std::memory_order_relaxed)) done_.notify_one();
    seen = open_.load(std::memory_order_acquire);
  }
  return true;
}

void Team::help(int member) {
  while (!over_.load()) {
    std::uint64_t seen = open_.load(std::memory_order_acquire);
    // Only the leader changes a word without open pieces.
    if (static_cast<std::uint32_t>(seen) == 0) {
      if (!over_.load()) await_change(open_, seen);
      continue;
    }
    while (take_one(seen, member)) {
    }
  }
}

// Opens a new step with these pieces. The store is sequentially consistent, in one order with the record of sleepers
// that notify_all() reads.
std::uint64_t Team::open(std::uint64_t pieces) {
  const std::uint64_t step = (open_.load(std::memory_order_relaxed) >> 32) + 1;
  open_.store(step << 32 | pieces);
  open_.notify_all();
  return step << 32 | pieces;
}

void Team::perform(Job job, int count) {
  job_ = job;
  count_.store(count, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  std::uint64_t seen = open((std::uint64_t{1} << count) - 1);
  while (take_one(seen, 0)) {
  }
  for (int done = done_.load(std::memory_order_acquire); done != count; done = done_.load(std::memory_order_acquire)) {
    await_change(done_, done);
  }
}

}  // namespace sigmax
