#include "bindings/python/running.hpp"

#include <nanobind/nanobind.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "sigmax/core/error.hpp"

namespace nb = nanobind;

namespace sigmax::python {
namespace {

constexpr double kSerial = 1e6;     // operations that are not worth a second thread
constexpr double kUnwatched = 2e7;  // operations that end before anybody could press a key
constexpr std::chrono::milliseconds kLook{20};

std::atomic<int> thread_limit{0};

// What a signal handler has raised, if anything.
std::exception_ptr raised_by_signal() {
  const nb::gil_scoped_acquire acquired;
  if (PyErr_CheckSignals() == 0) return nullptr;
  return std::make_exception_ptr(nb::python_error());
}

void run_watched(Context& context, const std::function<void(Context&)>& work) {
  std::mutex mutex;
  std::condition_variable ended;
  bool has_ended = false;
  std::exception_ptr failure;
  std::exception_ptr raised;
  std::thread worker([&] {
    try {
      work(context);
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    has_ended = true;
    ended.notify_one();
  });
  {
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, kLook, [&] { return has_ended; })) {
      if (raised) continue;
      lock.unlock();
      raised = raised_by_signal();
      if (raised) context.request_cancel();
      lock.lock();
    }
  }
  worker.join();
  if (raised) std::rethrow_exception(raised);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

void set_threads(int threads) {
  if (threads < 0) throw Error("[set_num_threads] the number of threads must be 0 (all) or positive");
  thread_limit = threads;
}

int threads() { return thread_limit; }

void run(double operations, const std::function<void(Context&)>& work) {
  const nb::gil_scoped_release released;
  Context context(operations < kSerial ? 1 : thread_limit.load());
  if (operations < kUnwatched) {
    work(context);
  } else {
    run_watched(context, work);
  }
}

}  // namespace sigmax::python
