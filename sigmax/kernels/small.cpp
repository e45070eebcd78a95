#include "sigmax/kernels/small.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/small.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/small-inl.hpp"
#include "sigmax/kernels/small_tridiagonal-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

double small_largest_any(const StridedMatrix& a) {
  return with_elements(a, [&](const auto* first) { return largest_of(a, first); });
}

void small_load_f32(const StridedMatrix& a, double scale, float* out) { load_any(a, scale, out); }
void small_load_f64(const StridedMatrix& a, double scale, double* out) { load_any(a, scale, out); }

void small_gram_f32(std::int64_t m, std::int64_t n, const float* a, float* g) { gram_of(m, n, a, g); }
void small_gram_f64(std::int64_t m, std::int64_t n, const double* a, double* g) { gram_of(m, n, a, g); }

void small_tridiagonal_f32(std::int64_t n, float* g, float* work, double* diagonal, double* off) {
  tridiagonal_of(n, g, work, diagonal, off);
}
void small_tridiagonal_f64(std::int64_t n, double* g, double* work, double* diagonal, double* off) {
  tridiagonal_of(n, g, work, diagonal, off);
}

void small_rotate_f32(std::int64_t n, const float* g, float* x) { rotate(n, g, x); }
void small_rotate_f64(std::int64_t n, const double* g, double* x) { rotate(n, g, x); }

void small_multiply_f32_f32(std::int64_t m, std::int64_t n, const float* a, const float* x, float* y) {
  dots(m, n, a, x, y);
}
void small_multiply_f32_f64(std::int64_t m, std::int64_t n, const float* a, const double* x, double* y) {
  dots(m, n, a, x, y);
}
void small_multiply_f64_f64(std::int64_t m, std::int64_t n, const double* a, const double* x, double* y) {
  dots(m, n, a, x, y);
}

void small_transposed_f32_f32(std::int64_t m, std::int64_t n, const float* a, const float* y, float* x) {
  combine(a, small_stride(n), 0, m, 0, small_stride(n), y, x);
}
void small_transposed_f32_f64(std::int64_t m, std::int64_t n, const float* a, const double* y, double* x) {
  combine(a, small_stride(n), 0, m, 0, small_stride(n), y, x);
}
void small_transposed_f64_f64(std::int64_t m, std::int64_t n, const double* a, const double* y, double* x) {
  combine(a, small_stride(n), 0, m, 0, small_stride(n), y, x);
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(small_largest_any);
HWY_EXPORT(small_load_f32);
HWY_EXPORT(small_load_f64);
HWY_EXPORT(small_gram_f32);
HWY_EXPORT(small_gram_f64);
HWY_EXPORT(small_tridiagonal_f32);
HWY_EXPORT(small_tridiagonal_f64);
HWY_EXPORT(small_rotate_f32);
HWY_EXPORT(small_rotate_f64);
HWY_EXPORT(small_multiply_f32_f32);
HWY_EXPORT(small_multiply_f32_f64);
HWY_EXPORT(small_multiply_f64_f64);
HWY_EXPORT(small_transposed_f32_f32);
HWY_EXPORT(small_transposed_f32_f64);
HWY_EXPORT(small_transposed_f64_f64);

}  // namespace

double small_largest(const StridedMatrix& a) { return HWY_DYNAMIC_DISPATCH(small_largest_any)(a); }

template <Real T>
void small_load(const StridedMatrix& a, double scale, T* out) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(small_load_f32)(a, scale, out);
  } else {
    HWY_DYNAMIC_DISPATCH(small_load_f64)(a, scale, out);
  }
}

template <Real T>
void small_gram(std::int64_t rows, std::int64_t columns, const T* a, T* g) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(small_gram_f32)(rows, columns, a, g);
  } else {
    HWY_DYNAMIC_DISPATCH(small_gram_f64)(rows, columns, a, g);
  }
}

template <Real T>
void small_tridiagonal(std::int64_t n, T* g, T* work, double* diagonal, double* off_diagonal) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(small_tridiagonal_f32)(n, g, work, diagonal, off_diagonal);
  } else {
    HWY_DYNAMIC_DISPATCH(small_tridiagonal_f64)(n, g, work, diagonal, off_diagonal);
  }
}

template <Real T>
void small_rotate(std::int64_t n, const T* g, T* x) {
  if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(small_rotate_f32)(n, g, x);
  } else {
    HWY_DYNAMIC_DISPATCH(small_rotate_f64)(n, g, x);
  }
}

template <Real T, Real S>
void small_multiply(std::int64_t rows, std::int64_t columns, const T* a, const S* x, S* y) {
  if constexpr (std::same_as<S, float>) {
    HWY_DYNAMIC_DISPATCH(small_multiply_f32_f32)(rows, columns, a, x, y);
  } else if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(small_multiply_f32_f64)(rows, columns, a, x, y);
  } else {
    HWY_DYNAMIC_DISPATCH(small_multiply_f64_f64)(rows, columns, a, x, y);
  }
}

template <Real T, Real S>
void small_multiply_transposed(std::int64_t rows, std::int64_t columns, const T* a, const S* y, S* x) {
  if constexpr (std::same_as<S, float>) {
    HWY_DYNAMIC_DISPATCH(small_transposed_f32_f32)(rows, columns, a, y, x);
  } else if constexpr (std::same_as<T, float>) {
    HWY_DYNAMIC_DISPATCH(small_transposed_f32_f64)(rows, columns, a, y, x);
  } else {
    HWY_DYNAMIC_DISPATCH(small_transposed_f64_f64)(rows, columns, a, y, x);
  }
}

template void small_load<float>(const StridedMatrix&, double, float*);
template void small_gram<float>(std::int64_t, std::int64_t, const float*, float*);
template void small_tridiagonal<float>(std::int64_t, float*, float*, double*, double*);
template void small_rotate<float>(std::int64_t, const float*, float*);
template void small_multiply<float, float>(std::int64_t, std::int64_t, const float*, const float*, float*);
template void small_multiply_transposed<float, float>(std::int64_t, std::int64_t, const float*, const float*, float*);
template void small_load<double>(const StridedMatrix&, double, double*);
template void small_gram<double>(std::int64_t, std::int64_t, const double*, double*);
template void small_tridiagonal<double>(std::int64_t, double*, double*, double*, double*);
template void small_rotate<double>(std::int64_t, const double*, double*);
template void small_multiply<double, double>(std::int64_t, std::int64_t, const double*, const double*, double*);
template void small_multiply_transposed<double, double>(std::int64_t, std::int64_t, const double*, const double*,
                                                        double*);
template void small_multiply<float, double>(std::int64_t, std::int64_t, const float*, const double*, double*);
template void small_multiply_transposed<float, double>(std::int64_t, std::int64_t, const float*, const double*,
                                                       double*);

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
