#include "sigmax/kernels/entrywise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sigmax/core/error.hpp"
#include "sigmax/kernels/segments.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sigmax/kernels/entrywise.cpp"
#include <hwy/foreach_target.h>
//
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/segments-inl.hpp"
#include "sigmax/kernels/store-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace sigmax::kernels::HWY_NAMESPACE {

// Calls f(row, segment, first element within the run, number of elements) for the entries [first, first + count) in the
// order of segments, rows and runs.
template <class F>
HWY_INLINE void each_run(std::int64_t rows, std::int64_t inner, std::int64_t first, std::int64_t count, const F& f) {
  std::int64_t run = first / inner, from = first % inner;
  while (count > 0) {
    const std::int64_t here = std::min(inner - from, count);
    f(run % rows, run / rows, from, here);
    count -= here;
    from = 0;
    ++run;
  }
}

// `past_caches`: the output is too large for its next reader to find it in a cache, so it need not be fetched into one
// before it is written.
template <bool kY, bool kOuter, class S, class T>
HWY_INLINE void combine_run(T alpha, const S* x, T beta, const S* y, T gamma, const T* v, S* out, std::int64_t n,
                            bool past_caches) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<hn::ScalableTag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V a = hn::Set(d, alpha), b = hn::Set(d, beta), c = hn::Set(d, gamma);
  const auto whole = [&](std::int64_t j) HWY_ATTR {
    V sum = hn::Mul(a, load(d, x + j));
    if constexpr (kY) sum = hn::MulAdd(b, load(d, y + j), sum);
    if constexpr (kOuter) sum = hn::MulAdd(c, hn::LoadU(d, v + j), sum);
    return sum;
  };
  const auto some = [&](std::int64_t j, std::int64_t count) HWY_ATTR {
    V sum = hn::Mul(a, load_some(d, x + j, count));
    if constexpr (kY) sum = hn::MulAdd(b, load_some(d, y + j, count), sum);
    if constexpr (kOuter) sum = hn::MulAdd(c, load_first(d, v + j, count), sum);
    store_some(d, sum, out + j, count);
  };
  std::int64_t j = 0;
  if (past_caches && std::is_same_v<S, T> && n >= lanes) {
    const auto bytes = static_cast<std::uintptr_t>(lanes) * sizeof(S);
    const auto beyond = reinterpret_cast<std::uintptr_t>(out) % bytes;
    if (beyond != 0) {
      j = static_cast<std::int64_t>((bytes - beyond) / sizeof(S));
      some(0, j);
    }
    for (; j + lanes <= n; j += lanes) store_past_caches(d, whole(j), out + j);
  }
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    const V first = whole(j), second = whole(j + lanes);
    store(d, first, out + j);
    store(d, second, out + j + lanes);
  }
  for (; j + lanes <= n; j += lanes) store(d, whole(j), out + j);
  if (j < n) some(j, n - j);
}

// Outputs of at least this many bytes are written past the caches, which cannot hold both a layer's input and output.
constexpr std::int64_t kPastCaches = std::int64_t{8} << 20;

template <bool kY, bool kOuter, class S, class T>
void combine_entries(const Combination<T>& what, const UnfoldedOutput& out, std::int64_t first, std::int64_t count) {
  const bool past_caches = out.bytes() >= kPastCaches && out.data != what.x.data && out.data != what.y.data;
  each_run(out.rows, out.inner, first, count, [&](std::int64_t r, std::int64_t s, std::int64_t from, std::int64_t n) {
    const S* y = nullptr;
    const T* v = nullptr;
    T weight = 0;
    if constexpr (kY) y = reinterpret_cast<const S*>(what.y.run(r, s)) + from;
    if constexpr (kOuter) {
      v = what.v.data() + s * out.inner + from;
      weight = static_cast<T>(what.gamma * static_cast<double>(what.u[static_cast<std::size_t>(r)]));
    }
    combine_run<kY, kOuter>(static_cast<T>(what.alpha), reinterpret_cast<const S*>(what.x.run(r, s)) + from,
                            static_cast<T>(what.beta), y, weight, v, reinterpret_cast<S*>(out.run(r, s)) + from, n,
                            past_caches);
  });
  if (past_caches) hwy::FlushStream();
}

// Combines segments [first, first + count) whose rows are short runs; `stretched` is gamma u with each element repeated
// `inner` times. Works on whole stretches, one period of the repeated v at a time.
template <bool kY, class S, class T>
void combine_segments(const Combination<T>& what, const T* stretched, const UnfoldedOutput& out, std::int64_t first,
                      std::int64_t count) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto a = hn::Set(d, static_cast<T>(what.alpha)), b = hn::Set(d, static_cast<T>(what.beta));
  const std::int64_t n = out.rows * out.inner, period = period_of<T>(out.inner);
  HWY_ALIGN T repeated[kLongestPeriod<T>];
  for (std::int64_t s = first; s < first + count; ++s) {
    repeat_run(what.v.data() + s * out.inner, out.inner, period, repeated);
    const auto* x = reinterpret_cast<const S*>(what.x.run(0, s));
    const auto* y = kY ? reinterpret_cast<const S*>(what.y.run(0, s)) : nullptr;
    auto* to = reinterpret_cast<S*>(out.run(0, s));
    for (std::int64_t k = 0; k < n; k += period) {
      const std::int64_t here = std::min(period, n - k);
      std::int64_t j = 0;
      for (; j + lanes <= here; j += lanes) {
        auto sum = hn::Mul(a, load(d, x + k + j));
        if constexpr (kY) sum = hn::MulAdd(b, load(d, y + k + j), sum);
        store(d, hn::MulAdd(hn::LoadU(d, stretched + k + j), hn::LoadU(d, repeated + j), sum), to + k + j);
      }
      if (j == here) continue;
      const std::int64_t left = here - j;
      auto sum = hn::Mul(a, load_some(d, x + k + j, left));
      if constexpr (kY) sum = hn::MulAdd(b, load_some(d, y + k + j, left), sum);
      const auto weight = load_first(d, stretched + k + j, left);
      store_some(d, hn::MulAdd(weight, hn::LoadU(d, repeated + j), sum), to + k + j, left);
    }
  }
}

template <class S, class T>
void combine_typed(const Combination<T>& what, const T* stretched, const UnfoldedOutput& out, std::int64_t first,
                   std::int64_t count) {
  const bool outer = what.u.data() != nullptr;
  if (stretched != nullptr) {
    return what.y.data != nullptr ? combine_segments<true, S>(what, stretched, out, first, count)
                                  : combine_segments<false, S>(what, stretched, out, first, count);
  }
  if (what.y.data != nullptr) {
    return outer ? combine_entries<true, true, S>(what, out, first, count)
                 : combine_entries<true, false, S>(what, out, first, count);
  }
  return outer ? combine_entries<false, true, S>(what, out, first, count)
               : combine_entries<false, false, S>(what, out, first, count);
}

void combine_float(const Combination<float>& what, const float* stretched, const UnfoldedOutput& out,
                   std::int64_t first, std::int64_t count) {
  switch (out.dtype) {
    case DType::f32: return combine_typed<float>(what, stretched, out, first, count);
    case DType::f16: return combine_typed<hwy::float16_t>(what, stretched, out, first, count);
    default: return combine_typed<hwy::bfloat16_t>(what, stretched, out, first, count);
  }
}

void combine_double(const Combination<double>& what, const double* stretched, const UnfoldedOutput& out,
                    std::int64_t first, std::int64_t count) {
  switch (out.dtype) {
    case DType::f64: return combine_typed<double>(what, stretched, out, first, count);
    case DType::f32: return combine_typed<float>(what, stretched, out, first, count);
    case DType::f16: return combine_typed<hwy::float16_t>(what, stretched, out, first, count);
    default: return combine_typed<hwy::bfloat16_t>(what, stretched, out, first, count);
  }
}

template <class S>
HWY_INLINE double inner_run(const S* x, const S* y, std::int64_t n) {
  const F64 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  VecF64 s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  std::int64_t j = 0;
  for (; j + 4 * lanes <= n; j += 4 * lanes) {
    s0 = hn::MulAdd(load(d, x + j), load(d, y + j), s0);
    s1 = hn::MulAdd(load(d, x + j + lanes), load(d, y + j + lanes), s1);
    s2 = hn::MulAdd(load(d, x + j + 2 * lanes), load(d, y + j + 2 * lanes), s2);
    s3 = hn::MulAdd(load(d, x + j + 3 * lanes), load(d, y + j + 3 * lanes), s3);
  }
  for (; j + lanes <= n; j += lanes) s0 = hn::MulAdd(load(d, x + j), load(d, y + j), s0);
  if (j < n) s1 = hn::MulAdd(load_some(d, x + j, n - j), load_some(d, y + j, n - j), s1);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

double inner_entries(const UnfoldedMatrix& x, const UnfoldedMatrix& y, std::int64_t first, std::int64_t count) {
  double sum = 0;
  with_type(StoredMatrix{x.dtype, x.data, 1, 1, 1}, [&](const auto* element) {
    using S = std::remove_cvref_t<decltype(*element)>;
    each_run(x.rows, x.inner, first, count, [&](std::int64_t r, std::int64_t s, std::int64_t from, std::int64_t n) {
      sum +=
          inner_run(reinterpret_cast<const S*>(x.run(r, s)) + from, reinterpret_cast<const S*>(y.run(r, s)) + from, n);
    });
  });
  return sum;
}

}  // namespace sigmax::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sigmax::kernels {
namespace {

HWY_EXPORT(combine_float);
HWY_EXPORT(combine_double);
HWY_EXPORT(inner_entries);

// A piece has at least this many entries, tens of microseconds from memory, and there are at most this many pieces.
constexpr std::int64_t kPieceEntries = std::int64_t{1} << 17;
constexpr std::int64_t kMostPieces = 64;
constexpr std::int64_t kEntryUnit = 1024;

void require(const char* operation, const UnfoldedMatrix& x, const UnfoldedMatrix& like) {
  if (!is_real(x.dtype)) throw Error(fmt::format("[{}] {} does not store real numbers", operation, name(x.dtype)));
  if (x.dtype != like.dtype || x.rows != like.rows || x.segments != like.segments || x.inner != like.inner) {
    throw Error(fmt::format("[{}] the weights differ: {} {}x({}x{}) and {} {}x({}x{})", operation, name(x.dtype),
                            x.rows, x.segments, x.inner, name(like.dtype), like.rows, like.segments, like.inner));
  }
}

// Makes one row of all entries, which must be contiguous.
template <class Byte>
void flatten(Unfolded<Byte>& w) {
  w.inner = w.size();
  w.rows = w.segments = 1;
  w.row_stride = w.segment_stride = w.inner;
}

// Calls body(piece, first unit, number of units) for at most kMostPieces pieces of `units` units (entries or segments)
// that have `size` entries in all. `backwards` takes the last pieces first, because the caches hold the end of what was
// read before.
template <class Body>
std::int64_t each_piece(std::int64_t size, std::int64_t units, bool backwards, Context& context, const Body& body) {
  const std::int64_t wanted = std::clamp<std::int64_t>(size / kPieceEntries, 1, kMostPieces);
  const std::int64_t unit = size == units ? kEntryUnit : 1;
  const std::int64_t each = ((units + wanted - 1) / wanted + unit - 1) / unit * unit;
  const std::int64_t count = (units + each - 1) / each;
  if (count == 1) {
    body(0, 0, units);
  } else {
    context.parallel_for(static_cast<std::size_t>(count), [&](std::size_t p) {
      const auto piece = backwards ? count - 1 - static_cast<std::int64_t>(p) : static_cast<std::int64_t>(p);
      body(piece, piece * each, std::min(each, units - piece * each));
    });
  }
  return count;
}

}  // namespace

template <Real T>
void combination(const Combination<T>& what, const UnfoldedOutput& out, Context& context) {
  const FloatingEnvironment environment;
  require("combination", what.x, out);
  if (what.y.data != nullptr) require("combination", what.y, out);
  if (std::same_as<T, float> && out.dtype == DType::f64) {
    throw Error("[combination] f64 entries are combined in double, got vectors of float");
  }
  const bool outer = what.u.data() != nullptr;
  if (outer && (static_cast<std::int64_t>(what.u.size()) != out.rows ||
                static_cast<std::int64_t>(what.v.size()) != out.columns())) {
    throw Error(fmt::format("[combination] a {}x{} weight takes vectors of {} and {} entries, got {} and {}", out.rows,
                            out.columns(), out.rows, out.columns(), what.u.size(), what.v.size()));
  }
  if (out.size() == 0) return;
  Combination<T> plan = what;
  UnfoldedOutput to = out;
  const bool contiguous =
      out.is_contiguous() && what.x.is_contiguous() && (what.y.data == nullptr || what.y.is_contiguous());
  if (!outer && contiguous) {
    flatten(plan.x);
    if (plan.y.data != nullptr) flatten(plan.y);
    flatten(to);
  }
  const auto piece = [&](const T* stretched, std::int64_t first, std::int64_t count) {
    if constexpr (std::same_as<T, float>) {
      HWY_DYNAMIC_DISPATCH(combine_float)(plan, stretched, to, first, count);
    } else {
      HWY_DYNAMIC_DISPATCH(combine_double)(plan, stretched, to, first, count);
    }
  };
  if (outer && has_short_runs(out) && has_short_runs(what.x) && (what.y.data == nullptr || has_short_runs(what.y))) {
    auto stretched = context.scratch<T>(static_cast<std::size_t>(out.rows * out.inner));
    stretch<T>(what.u, out.inner, what.gamma, stretched.data());
    each_piece(out.size(), out.segments, true, context,
               [&](std::int64_t, std::int64_t first, std::int64_t count) { piece(stretched.data(), first, count); });
    return;
  }
  each_piece(to.size(), to.size(), true, context,
             [&](std::int64_t, std::int64_t first, std::int64_t count) { piece(nullptr, first, count); });
}

double inner_product(const UnfoldedMatrix& x, const UnfoldedMatrix& y, Context& context) {
  const FloatingEnvironment environment;
  require("inner_product", x, y);
  if (x.size() == 0) return 0;
  UnfoldedMatrix left = x, right = y;
  if (x.is_contiguous() && y.is_contiguous()) {
    flatten(left);
    flatten(right);
  }
  std::array<double, kMostPieces> parts{};
  const std::int64_t count = each_piece(
      left.size(), left.size(), false, context, [&](std::int64_t piece, std::int64_t first, std::int64_t entries) {
        parts[static_cast<std::size_t>(piece)] = HWY_DYNAMIC_DISPATCH(inner_entries)(left, right, first, entries);
      });
  double sum = 0;
  for (std::int64_t p = 0; p < count; ++p) sum += parts[static_cast<std::size_t>(p)];
  return sum;
}

template void combination<float>(const Combination<float>&, const UnfoldedOutput&, Context&);
template void combination<double>(const Combination<double>&, const UnfoldedOutput&, Context&);

}  // namespace sigmax::kernels
#endif  // HWY_ONCE
