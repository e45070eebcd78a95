// Computations without Python's global interpreter lock, which Ctrl-C ends. Internal to the Python module.
#pragma once

#include <functional>

#include "sigmax/core/context.hpp"

namespace sigmax::python {

/// The number of threads of the calls that follow; 0: all of the machine's. Throws Error if negative.
void set_threads(int threads);
int threads();

/// Runs `work` without the interpreter lock, on one thread if it takes fewer than about a million of operations. Longer
/// work runs on a thread of its own, while the calling one looks for signals every 20 ms: a signal handler that raises,
/// as that of Ctrl-C does, makes the context cancel, and what it raised is thrown when the work has ended. What `work`
/// touches must not need the interpreter lock, or acquire it.
void run(double operations, const std::function<void(Context&)>& work);

}  // namespace sigmax::python
