// precompiled.hpp, and what Highway includes once for all instruction sets; the intrinsics take the most time.
#pragma once

#include <hwy/base.h>
#include <hwy/targets.h>

#include <cstring>
#include <type_traits>
#if __has_include(<immintrin.h>)
#include <immintrin.h>
#endif

#include "precompiled.hpp"
