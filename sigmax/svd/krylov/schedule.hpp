// When a Krylov process checks its Ritz values. Internal to svd/.
#pragma once

#include <cstdint>
#include <limits>

namespace sigmax {

/// A check costs a small eigenproblem; not checking costs a few unneeded steps. Checks come at 1, 2, 4, 6, 8, 12, ...
/// steps, and less often while the error, judged by its fall between the last two checks, is far from the target.
class Schedule {
 public:
  /// `apart`: at least this many steps before the first check and between two checks, if steps cost less than checks.
  explicit Schedule(std::int64_t apart = 1) : apart_(apart), next_(apart) {}
  bool due(std::int64_t step) const { return step >= next_; }
  /// Call it after a check at `step` that found the error to be `excess` > 1 times too large.
  void looked(std::int64_t step, double excess);
  void look_at(std::int64_t step) { next_ = step; }
  /// The estimated number of steps left after the last check: infinite if nothing is known.
  double left() const { return left_; }
  /// Restarts the count of steps.
  void restart(std::int64_t step);

 private:
  std::int64_t apart_;
  std::int64_t begun_ = 0;
  std::int64_t next_;
  std::int64_t last_ = 0;
  double last_excess_ = 0;
  double left_ = std::numeric_limits<double>::infinity();
};

}  // namespace sigmax
