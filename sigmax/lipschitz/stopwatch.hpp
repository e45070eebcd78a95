// Seconds since it was made. Internal to lipschitz/.
#pragma once

#include <chrono>

namespace sigmax::lipschitz {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sigmax::lipschitz
