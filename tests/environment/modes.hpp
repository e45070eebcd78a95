// Floating-point modes that a caller may have set.
#pragma once

#include <cfenv>
#include <string>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace sigmax {

struct FloatingMode {
  std::string name;
  int rounding = FE_TONEAREST;
  bool flush = false;     ///< subnormal results become zero
  bool flush_in = false;  ///< subnormal operands, too
  bool traps = false;     ///< inexact results, underflow and overflow stop the program: arithmetic is only possible
                          ///< while another mode is set
};

inline std::vector<FloatingMode> floating_modes() {
  std::vector<FloatingMode> modes{{.name = "downward", .rounding = FE_DOWNWARD},
                                  {.name = "upward", .rounding = FE_UPWARD},
                                  {.name = "toward zero", .rounding = FE_TOWARDZERO}};
#if defined(__SSE2__)
  modes.push_back({.name = "flush to zero", .flush = true});
  modes.push_back({.name = "denormals are zero", .flush_in = true});
  modes.push_back({.name = "both", .flush = true, .flush_in = true});
  modes.push_back({.name = "both, downward", .rounding = FE_DOWNWARD, .flush = true, .flush_in = true});
#endif
#if defined(__GLIBC__) && defined(__SSE2__)
  modes.push_back({.name = "traps", .traps = true});
#endif
  return modes;
}

/// The calling thread's mode; two are equal if rounding, flushing and traps are.
class ModeOfThread {
 public:
  ModeOfThread() {
    rounding_ = std::fegetround();  // of the x87 unit, if there is one
#if defined(__SSE2__)
    control_ = _mm_getcsr() & ~0x3fU;
#endif
  }
  bool operator==(const ModeOfThread&) const = default;

 private:
  int rounding_;
  unsigned control_ = 0;
};

/// Puts the calling thread into the mode for the lifetime of this object.
class InMode {
 public:
  explicit InMode(const FloatingMode& mode) {
    std::fegetenv(&before_);
    std::fesetround(mode.rounding);
#if defined(__SSE2__)
    _mm_setcsr(_mm_getcsr() | (mode.flush ? 0x8000U : 0) | (mode.flush_in ? 0x40U : 0));
#endif
#if defined(__GLIBC__) && defined(__SSE2__)
    if (mode.traps) {
      std::feclearexcept(FE_ALL_EXCEPT);
      feenableexcept(FE_INEXACT | FE_UNDERFLOW | FE_OVERFLOW | FE_DIVBYZERO | FE_INVALID);
    }
#endif
  }
  ~InMode() { std::fesetenv(&before_); }
  InMode(const InMode&) = delete;
  InMode& operator=(const InMode&) = delete;

 private:
  std::fenv_t before_;
};

}  // namespace sigmax
