// The operations that searches for multipliers may use. Internal to lipschitz/.
#pragma once

namespace sigmax::lipschitz {

class SearchBudget {
 public:
  explicit SearchBudget(double most_flops) : left_(most_flops) {}

  /// Whether a step of about so many operations may begin; they are taken.
  bool allows(double flops) {
    if (!(left_ >= flops)) return false;
    left_ -= flops;
    return true;
  }

 private:
  double left_;
};

}  // namespace sigmax::lipschitz
