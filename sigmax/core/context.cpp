#include "sigmax/core/context.hpp"

#include <fmt/format.h>
#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/processor.hpp"

namespace sigmax {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kKeptBytes = std::size_t{64} << 20;

void* allocate(std::size_t bytes) { return ::operator new (bytes, std::align_val_t{kAlignment}); }
void deallocate(void* pointer) noexcept { ::operator delete (pointer, std::align_val_t{kAlignment}); }

// Freed blocks by size class: four classes an octave (4, 5, 6, 7 times a power of two), so that a block is at most a
// quarter larger than requested. A kept block holds the link to the next one in its own first bytes: release must not
// throw, so it must not allocate.
class ScratchPool {
 public:
  ScratchPool() = default;
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;
  ~ScratchPool() {
    for (Block* block : free_) {
      while (block != nullptr) deallocate(std::exchange(block, block->next));
    }
  }

  void* acquire(std::size_t bytes) {
    if (bytes > kKeptBytes) return allocate(bytes);
    const SizeClass size = size_class(bytes);
    {
      const std::lock_guard lock(mutex_);
      if (Block* block = free_[size.index]) {
        free_[size.index] = block->next;
        kept_ -= size.bytes;
        return block;
      }
    }
    return allocate(size.bytes);
  }

  void release(void* pointer, std::size_t bytes) noexcept {
    if (bytes <= kKeptBytes) {
      const SizeClass size = size_class(bytes);
      const std::lock_guard lock(mutex_);
      if (kept_ + size.bytes <= kKeptBytes) {
        free_[size.index] = ::new (pointer) Block{free_[size.index]};
        kept_ += size.bytes;
        return;
      }
    }
    deallocate(pointer);
  }

 private:
  struct Block {
    Block* next;
  };
  struct SizeClass {
    std::size_t index;
    std::size_t bytes;
  };

  // The smallest of 4, 5, 6, 7 * 2^octave that is at least `bytes`; the smallest class is 64 bytes.
  static SizeClass size_class(std::size_t bytes) noexcept {
    if (bytes <= kAlignment) return {0, kAlignment};
    const unsigned octave = static_cast<unsigned>(std::bit_width(bytes - 1)) - 3;
    const std::size_t quarters = ((bytes - 1) >> octave) + 1;
    return {(octave - 4) * std::size_t{4} + (quarters - 4), quarters << octave};
  }

  static constexpr std::size_t kClasses = 4 * 28;
  std::mutex mutex_;
  std::array<Block*, kClasses> free_{};
  std::size_t kept_ = 0;
};

// The innermost Serial of the calling thread: parallel_for searches this chain for its own context.
thread_local const Context::Serial* innermost_serial = nullptr;

int thread_count(int threads) {
  if (threads < 0) throw Error(fmt::format("[context] threads must be 0 (all) or positive, got {}", threads));
  return threads == 0 ? tbb::info::default_concurrency() : threads;
}

}  // namespace

// Where the threads of an arena run. The system may wake a worker on its caller's processor although another one is
// idle: Linux does not always look for one. The two then take turns, for up to tens of milliseconds, and a loop takes
// as long as on one thread. A worker that finds itself there moves.
class Processors {
 public:
  explicit Processors(int threads) : last_(static_cast<std::size_t>(threads)) {
    for (std::atomic<int>& processor : last_) processor.store(-1, std::memory_order_relaxed);
  }

  /// Called by thread `thread` of the arena before each piece of a loop that thread `caller` started.
  void keep_apart(int thread, int caller, std::atomic<int>& moves) noexcept {
    if (!has(thread) || !has(caller)) return;
    int here = current_processor();
    if (thread != caller && here >= 0 && here == at(caller).load(std::memory_order_relaxed)) {
      // Where more threads than processors compete, nothing is gained by moving again and again.
      if (moves.fetch_sub(1, std::memory_order_relaxed) > 0 && leave_processor(here)) here = current_processor();
    }
    if (at(thread).load(std::memory_order_relaxed) != here) at(thread).store(here, std::memory_order_relaxed);
  }

 private:
  bool has(int thread) const noexcept { return thread >= 0 && static_cast<std::size_t>(thread) < last_.size(); }
  std::atomic<int>& at(int thread) noexcept { return last_[static_cast<std::size_t>(thread)]; }

  std::vector<std::atomic<int>> last_;
};

struct Context::State {
  explicit State(int threads_) : threads(threads_), arena(threads_), processors(threads_) {
    // More threads than the machine has must be allowed explicitly, or oneTBB warns on stderr.
    if (threads > tbb::info::default_concurrency()) {
      allowed.emplace(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
    }
  }

  int threads;
  std::optional<tbb::global_control> allowed;
  tbb::task_arena arena;
  Processors processors;
  ParallelLoop loop;
  ScratchPool pool;
  std::atomic<bool> canceled{false};
  std::mutex progress_mutex;
  std::function<void(const Progress&)> progress;
};

static_assert(std::atomic<bool>::is_always_lock_free, "request_cancel is called from signal handlers");

Context::Context(int threads) : state_(std::make_unique<State>(thread_count(threads))) {}
Context::Context(int threads, ParallelLoop loop) {
  if (threads < 1 || !loop) {
    throw Error(
        fmt::format("[context] a loop of the caller's needs itself and a positive number of threads, got {} and {}",
                    loop ? "a loop" : "none", threads));
  }
  state_ = std::make_unique<State>(1);
  state_->threads = threads;
  state_->loop = std::move(loop);
}
Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

int Context::threads() const noexcept { return state_->threads; }

bool Context::is_serial() const noexcept {
  for (const Serial* serial = innermost_serial; serial != nullptr; serial = serial->outer_) {
    if (serial->state_ == state_.get()) return true;
  }
  return false;
}

void Context::parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) {
  const FloatingEnvironment environment;
  if (count <= 1 || state_->threads == 1 || is_serial()) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  // A worker has the floating-point mode of the thread that created it, or whatever its own program left there.
  const auto piece = [&body](std::size_t i) {
    const FloatingEnvironment mode(FloatingEnvironment::Look::again);
    body(i);
  };
  if (state_->loop) return state_->loop(count, piece);
  // A thread that waits for an inner loop must not start an outer iteration meanwhile: that would hold the scratch
  // memory of two large computations at once and show thread-local scopes of the first to the second. Isolation limits
  // the thread to pieces of the loop that it waits for.
  state_->arena.execute([&] {
    const int caller = tbb::this_task_arena::current_thread_index();
    std::atomic<int> moves{2 * state_->threads};
    state_->processors.keep_apart(caller, caller, moves);
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_for(
          tbb::blocked_range<std::size_t>(0, count, 1),
          [&](const tbb::blocked_range<std::size_t>& range) {
            state_->processors.keep_apart(tbb::this_task_arena::current_thread_index(), caller, moves);
            for (std::size_t i = range.begin(); i != range.end(); ++i) piece(i);
          },
          tbb::simple_partitioner());
    });
  });
}

Context::Serial::Serial(Context& context) noexcept
    : state_(context.state_.get()), outer_(std::exchange(innermost_serial, this)) {}
Context::Serial::~Serial() { innermost_serial = outer_; }

void* Context::acquire(std::size_t bytes) { return state_->pool.acquire(bytes); }
void Context::release(void* pointer, std::size_t bytes) noexcept { state_->pool.release(pointer, bytes); }

void Context::on_progress(std::function<void(const Progress&)> callback) {
  const std::lock_guard lock(state_->progress_mutex);
  state_->progress = std::move(callback);
}

void Context::report(const Progress& progress) {
  const std::lock_guard lock(state_->progress_mutex);
  if (state_->progress) state_->progress(progress);
}

void Context::request_cancel() noexcept { state_->canceled.store(true, std::memory_order_relaxed); }

void Context::check_cancel() const {
  if (state_->canceled.load(std::memory_order_relaxed)) throw Canceled();
}

}  // namespace sigmax
