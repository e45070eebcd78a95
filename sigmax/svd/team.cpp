#include "sigmax/svd/team.hpp"

#include <bit>
#include <thread>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace sigmax {
namespace {

// Waits for a moment; after many, leaves the processor to others. A thread that was to help may not be running at all.
class Patience {
 public:
  void wait() {
    if (++waited_ > kSpins) {
      std::this_thread::yield();
      return;
    }
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
  }

 private:
  static constexpr int kSpins = 500;
  int waited_ = 0;
};

}  // namespace

void Team::run(Context& context, const std::function<void(Team&)>& lead) {
  const int threads = context.threads();
  Team team(threads == 1, threads);
  // Whoever comes first leads. If all of these run one after another on a single thread, the first does everything.
  context.parallel_for(static_cast<std::size_t>(threads), [&](std::size_t member) {
    if (team.led_.exchange(true)) return team.help(static_cast<int>(member));
    struct Dismiss {
      Team& team;
      ~Dismiss() { team.over_.store(true, std::memory_order_release); }
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
  // Each thread begins at another piece and tends to meet the same ones from step to step, so they stay in its cache.
  const int begin = member * count_.load(std::memory_order_relaxed) / threads_ % kMostPieces;
  const int piece = (std::countr_zero(std::rotr(open, begin)) + begin) % kMostPieces;
  const std::uint64_t taken = seen & ~(std::uint64_t{1} << piece);
  if (open_.compare_exchange_strong(seen, taken, std::memory_order_acq_rel, std::memory_order_acquire)) {
    job_.call(job_.piece, piece);
    done_.fetch_add(1, std::memory_order_release);
    seen = open_.load(std::memory_order_acquire);
  }
  return true;
}

void Team::help(int member) {
  Patience patience;
  while (!over_.load(std::memory_order_acquire)) {
    std::uint64_t seen = open_.load(std::memory_order_acquire);
    if (static_cast<std::uint32_t>(seen) == 0) {
      patience.wait();
      continue;
    }
    patience = {};
    while (take_one(seen, member)) {
    }
  }
}

void Team::perform(Job job, int count) {
  job_ = job;
  count_.store(count, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  std::uint64_t seen = ((open_.load(std::memory_order_relaxed) >> 32) + 1) << 32 | ((std::uint64_t{1} << count) - 1);
  open_.store(seen, std::memory_order_release);
  while (take_one(seen, 0)) {
  }
  for (Patience patience; done_.load(std::memory_order_acquire) != count;) patience.wait();
}

}  // namespace sigmax
