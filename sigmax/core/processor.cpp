#include "sigmax/core/processor.hpp"

#ifdef __linux__
#include <sched.h>
#endif

namespace sigmax {

#ifdef __linux__

int current_processor() noexcept { return sched_getcpu(); }

bool leave_processor(int processor) noexcept {
  cpu_set_t allowed;
  if (processor < 0 || processor >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<unsigned>(processor), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return false;
  sched_setaffinity(0, sizeof allowed, &allowed);  // moves nothing
  return true;
}

#else

int current_processor() noexcept { return -1; }
bool leave_processor(int) noexcept { return false; }

#endif

}  // namespace sigmax
