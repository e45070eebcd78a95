// The main of every test program: GoogleTest's, but with the kernels limited to the SIMD target that SIGMAX_TEST_SIMD
// names.
//
//   SIGMAX_TEST_SIMD=AVX2 svd_test     # every kernel runs its AVX2 code
//   svd_test --machine                 # what this program and this machine offer; runs no test
//
// Only the test programs have this switch: the library does not read environment variables.
#include <cblas.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sigmax/kernels/convert.hpp"

extern "C" char* openblas_get_corename(void);

namespace {

// body(target) for each bit of `targets`, the best instruction set first.
template <class Body>
void for_each_target(std::int64_t targets, const Body& body) {
  for (; targets != 0; targets &= targets - 1) body(targets & -targets);
}

// One line per fact, beginning with a keyword; tools/test-portable reads them.
void print_machine() {
  const std::int64_t supported = hwy::SupportedTargets();
  for_each_target(HWY_TARGETS, [supported](std::int64_t target) {
    std::printf("%s %s\n", (supported & target) != 0 ? "simd" : "simd-not-supported", hwy::TargetName(target));
  });
  std::printf("simd-chosen %s\nblas-core %s\nblas-threads %d\n", sigmax::kernels::simd_target(),
              openblas_get_corename(), openblas_get_num_threads());
}

// Limits dispatch to the target of that name. Returns false if it is not compiled or the machine cannot run it.
bool hold_dispatch_to(const std::string& name) {
  std::int64_t wanted = 0;
  for_each_target(hwy::SupportedTargets() & HWY_TARGETS, [&](std::int64_t target) {
    if (name == hwy::TargetName(target)) wanted = target;
  });
  if (wanted == 0) return false;
  hwy::DisableTargets(~wanted);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());  // SupportedTargets() alone sets dispatch to the best target
  return name == sigmax::kernels::simd_target();
}

}  // namespace

int main(int argc, char** argv) {
  const bool list = argc == 2 && std::strcmp(argv[1], "--machine") == 0;
  if (const char* name = std::getenv("SIGMAX_TEST_SIMD"); !list && name != nullptr && !hold_dispatch_to(name)) {
    std::fprintf(stderr, "SIGMAX_TEST_SIMD: no kernels for '%s' can run here; --machine lists the targets\n", name);
    return 2;
  }
  if (list) {
    print_machine();
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
