#include "sigmax/kernels/convert.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/convert.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/load-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

void convert_rows(const StoredMatrix& a, double scale, double* out, std::int64_t out_stride) {
  with_type(a, [&](const auto* first) {
    const F64 d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const VecF64 factor = hn::Set(d, scale);
    for (std::int64_t i = 0; i < a.rows; ++i) {
      const auto* row = first + i * a.stride;
      double* to = out + i * out_stride;
      std::int64_t j = 0;
      for (; j + lanes <= a.columns; j += lanes) hn::StoreU(hn::Mul(load(d, row + j), factor), d, to + j);
      for (; j < a.columns; ++j) to[j] = load_one(row + j) * scale;
    }
  });
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {

HWY_EXPORT(convert_rows);
HWY_EXPORT(target_name);

void convert(const StoredMatrix& a, double scale, double* out, std::int64_t out_stride) {
  const FloatingEnvironment environment;
  if (!is_real(a.dtype)) throw Error(fmt::format("[convert] {} does not store real numbers", name(a.dtype)));
  HWY_DYNAMIC_DISPATCH(convert_rows)(a, scale, out, out_stride);
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
