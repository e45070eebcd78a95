// When a Krylov process looks at its Ritz values. Internal to svd/.
#pragma once

#include <cstdint>
#include <limits>

namespace sigmax {

/// A look costs a small eigenproblem; not looking costs a few steps too many. Looks come at 1, 2, 4, 6, 8, 12, ...
/// steps, and less often while the error, judged by its fall between the last two looks, is far from what is wanted.
class Schedule {
 public:
  /// `apart`: at least this many steps to the first look and between two, where steps cost less than looks.
  explicit Schedule(std::int64_t apart = 1) : apart_(apart), next_(apart) {}
  bool due(std::int64_t step) const { return step >= next_; }
  /// After a look at `step` that found the error to be `excess` > 1 times too large.
  void looked(std::int64_t step, double excess);
  void look_at(std::int64_t step) { next_ = step; }
  /// Steps that seem to be left after the last look: infinite where nothing is known.
  double left() const { return left_; }
  /// Steps count from here again.
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
