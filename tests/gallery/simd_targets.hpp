// Every SIMD instruction set that this machine supports, one after another.
#pragma once

#include <hwy/highway.h>

#include <cstdint>
#include <string>

namespace sigmax::gallery {

/// Runs body(name) once for each target that is compiled and supported, with run-time dispatch fixed to it, and returns
/// the choice to Highway at the end.
template <class Body>
void for_each_simd_target(const Body& body) {
  struct Restore {
    ~Restore() {
      hwy::SetSupportedTargetsForTest(0);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    }
  };
  const Restore restore;
  std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS;
  while (left != 0) {
    const std::int64_t target = left & -left;
    left &= left - 1;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body(std::string(hwy::TargetName(target)));
  }
}

}  // namespace sigmax::gallery
