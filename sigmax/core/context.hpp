// What a computation runs with: threads, scratch memory, progress, cancellation. Passed by reference, never global.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

namespace sigmax {

/// Progress of a long computation: `done` of `total` units of work (bytes, flops: only the ratio means something),
/// `what` names the piece that is being worked on.
struct Progress {
  double done = 0;
  double total = 0;
  std::string_view what;
};

/// Threads, scratch, progress and cancellation of one computation.
///
/// Results do not depend on the number of threads: work is cut into pieces by its shape alone and pieces are combined
/// in a fixed order. One Context may be used by one caller at a time; its own parallel loops may nest.
class Context {
 public:
  /// `threads` 0 takes every hardware thread. Throws Error if negative.
  explicit Context(int threads = 0);

  /// Runs body(0) ... body(count - 1), each once, in any order, on at most as many threads as the context says; returns
  /// when all have ended and rethrows the first exception. When called from within a body, it may run everything on the
  /// calling thread.
  using ParallelLoop = std::function<void(std::size_t count, const std::function<void(std::size_t)>& body)>;
  /// Loops run on the threads of the surrounding program. Avoid a loop that waits at its end for threads with nothing
  /// left to do, as OpenMP's regions do: this takes milliseconds when the system has put one of those threads on the
  /// caller's core. Throws Error if `threads` is not positive or the loop is empty.
  Context(int threads, ParallelLoop loop);

  ~Context();
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;

  int threads() const noexcept;

  /// Runs body(0) ... body(count - 1), in any order, on the context's threads; returns when all have ended. The caller
  /// runs the pieces that no other thread has begun; for the others it waits, asleep after a moment. The first
  /// exception is rethrown. May be called from within a body: the nested loop uses the same threads. On every thread,
  /// bodies run in the floating-point mode that core/floating_environment.hpp describes. A worker that was woken on the
  /// caller's processor moves to another one that it may run on.
  void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body);

  /// While one is alive, loops of this context that the constructing thread starts run on that thread alone, in order:
  /// for small problems that are themselves run in parallel. Other threads are not affected. Scopes may nest. Use it
  /// only as an automatic variable, destroyed by the thread that made it while the context is alive and not moved from.
  class Serial {
   public:
    explicit Serial(Context& context) noexcept;
    ~Serial();
    Serial(const Serial&) = delete;
    Serial& operator=(const Serial&) = delete;

   private:
    friend class Context;
    const void* state_;
    const Serial* outer_;
  };

  /// An uninitialized, 64-byte aligned buffer, returned to the context when it is destroyed: repeated calls of a solver
  /// do not allocate from the system each time. Safe from any thread. The context keeps at most 64 MiB of free buffers.
  /// The buffer must not outlive the context. Throws std::bad_alloc.
  template <class T>
  class Buffer;
  template <class T>
  Buffer<T> scratch(std::size_t count);

  /// May be called from any thread, but not concurrently with itself. An empty function turns reports off.
  void on_progress(std::function<void(const Progress&)> callback);
  void report(const Progress& progress);

  /// Asks the computation to stop; it throws Canceled at its next check. Safe from a signal handler or any thread.
  void request_cancel() noexcept;

  /// Throws Canceled if cancellation was requested. Solvers call it between steps.
  void check_cancel() const;

 private:
  bool is_serial() const noexcept;
  void* acquire(std::size_t bytes);
  void release(void* pointer, std::size_t bytes) noexcept;

  struct State;
  std::unique_ptr<State> state_;
};

template <class T>
class Context::Buffer {
 public:
  Buffer(Buffer&& other) noexcept : context_(other.context_), data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
  }
  Buffer& operator=(Buffer&&) = delete;
  ~Buffer() {
    if (data_ != nullptr) context_->release(data_, size_ * sizeof(T));
  }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }

 private:
  friend class Context;
  Buffer(Context* context, std::size_t size)
      : context_(context), data_(static_cast<T*>(context->acquire(size * sizeof(T)))), size_(size) {}

  Context* context_;
  T* data_;
  std::size_t size_;
};

template <class T>
Context::Buffer<T> Context::scratch(std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_array_new_length();
  return Buffer<T>(this, count);
}

}  // namespace sigmax
