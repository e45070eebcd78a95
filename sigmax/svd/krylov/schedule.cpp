#include "sigmax/svd/krylov/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace sigmax {

void Schedule::looked(std::int64_t step, double excess) {
  const std::int64_t made = step - begun_;
  left_ = std::numeric_limits<double>::infinity();
  std::int64_t ahead = made < 2 ? 1 : made < 8 ? 2 : std::max<std::int64_t>(4, made / 8);
  if (last_ > begun_ && std::isfinite(last_excess_) && excess < last_excess_) {
    const double fall = std::log(last_excess_ / excess) / static_cast<double>(step - last_);
    // Convergence speeds up as it proceeds. So the next check comes before the full estimated distance, and not far
    // beyond the steps made so far: otherwise the easy spectra of trained weights would cost extra steps.
    left_ = std::log(excess) / fall;
    ahead =
        static_cast<std::int64_t>(std::clamp(0.7 * left_, 1.0, std::clamp(static_cast<double>(made) / 2, 1.0, 8.0)));
  }
  last_ = step;
  last_excess_ = excess;
  next_ = step + std::max(ahead, apart_);
}

void Schedule::restart(std::int64_t step) {
  begun_ = step;
  last_ = step;
  last_excess_ = 0;
  // Not `apart_`: there may be space for only three steps. Nor later than planned: there may be space for only two.
  next_ = std::min(next_, step + 2);
}

}  // namespace sigmax
