// The floating-point mode that everything here is derived for: round to nearest, gradual underflow, no traps. Include
// it in sources: it also refuses to compile under options that give up IEEE 754.
//
// A caller's thread, or the thread that a worker inherited its mode from, may round downward or flush subnormals to
// zero (torch.set_flush_denormal, crtfastmath of a program linked with -Ofast). Proven ends are then false, and f16
// weights lose entries. So each public function that computes holds a FloatingEnvironment, and so does each piece of a
// Context's loops. Helpers for the library's own modules (kernels/small.hpp, kernels/vector.hpp, nn/iteration.hpp, ...)
// run under their caller's.
#pragma once

#include <cfloat>
#include <cstdint>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "sigmax: bounds are proven for IEEE 754 arithmetic; compile without -ffast-math, -Ofast and their parts"
#endif
#if FLT_EVAL_METHOD != 0
#error "sigmax: bounds are proven for sums of doubles rounded to double; compile with SSE2 (-mfpmath=sse) or its like"
#endif

#include <cfenv>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace sigmax {

/// Sets that mode for the calling thread, and restores the previous one at the end of the scope, however it ends. Costs
/// one read of a register where the mode is already right, and almost nothing within another scope. Functions called
/// back from within (an operator's products, a parallel loop, progress) run in this mode too, and must leave it as they
/// found it.
class FloatingEnvironment {
 public:
  enum class Look {
    once,   ///< look at the mode, unless an outer scope of this thread already has
    again,  ///< look whatever happened before: for bodies that a loop of the caller's runs
  };

  explicit FloatingEnvironment(Look look = Look::once) noexcept : within_(look == Look::once && active_) {
    if (within_) return;
    outer_ = active_;
    active_ = true;
    wrong_ = is_wrong();
    if (__builtin_expect(wrong_, 0)) set_standard();
    fence();
  }
  ~FloatingEnvironment() {
    if (within_) return;
    fence();
    if (__builtin_expect(wrong_, 0)) std::fesetenv(&before_);
    active_ = outer_;
  }
  FloatingEnvironment(const FloatingEnvironment&) = delete;
  FloatingEnvironment& operator=(const FloatingEnvironment&) = delete;

 private:
  // Keeps arithmetic on values in memory within the scope.
  static void fence() noexcept { asm volatile("" ::: "memory"); }

#if defined(__SSE2__)
  // MXCSR holds rounding, flush-to-zero, denormals-are-zero and the exception masks, and the exception flags in its
  // lowest six bits. The x87 unit has its own rounding mode, which OpenBLAS's dnrm2 computes with. fesetround() sets
  // both, so the first tells what the second is, and both are set here.
  static constexpr std::uint32_t kStandard = 0x1F80;
  static constexpr std::uint32_t kFlags = 0x3F;
  static bool is_wrong() noexcept { return (_mm_getcsr() & ~kFlags) != kStandard; }
  void set_standard() noexcept {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
    _mm_setcsr(kStandard);  // the C library may not know about flushing
  }
#elif defined(__aarch64__)
  // FPCR: all zeros mean round to nearest, no flushing (FZ, FZ16), no default NaN, no traps.
  static bool is_wrong() noexcept {
    std::uint64_t control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    return control != 0;
  }
  void set_standard() noexcept {
    std::fegetenv(&before_);
    asm volatile("msr fpcr, %0" ::"r"(std::uint64_t{0}));
  }
#else
  // What the C library controls: rounding, traps and whatever else its default environment resets.
  static bool is_wrong() noexcept { return true; }
  void set_standard() noexcept {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
#endif

  static inline constinit thread_local bool active_ = false;  // a scope of this thread is open

  bool within_;
  bool outer_ = false;
  bool wrong_ = false;
  std::fenv_t before_;  // set if the mode was wrong
};

}  // namespace sigmax
