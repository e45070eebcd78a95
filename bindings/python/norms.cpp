// Norms of stacks of matrices and of vectors, by NumPy's rules for entries that are not finite.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "bindings/python/arrays.hpp"
#include "bindings/python/module.hpp"
#include "bindings/python/running.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/norms/vector.hpp"
#include "sigmax/svd/batched/batched.hpp"

namespace nb = nanobind;

namespace sigmax::python {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Up to this shorter side and this many entries, batched_svd() finds sigma_max by a direct method.
constexpr std::int64_t kDirect = 128;
constexpr std::int64_t kDirectSize = std::int64_t{1} << 20;
// Up to this shorter side, sigma_max is proven, so that a fixed start can be trusted. Beyond it, a drawn start is.
constexpr std::int64_t kProven = 4096;
// Entries beyond which a matrix has all threads to itself.
constexpr std::int64_t kAlone = std::int64_t{1} << 16;
// Entries of a vector from which on the parallel kernels are faster.
constexpr std::int64_t kLong = 2048;

// The entries of a tensor with any strides, in double, in row-major order.
std::vector<double> entries(const Tensor& a) {
  const Tensor compact = a.compact();
  std::vector<double> values(static_cast<std::size_t>(compact.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::byte* const at = compact.data() + i * size_of(compact.dtype());
    switch (compact.dtype()) {
      case DType::f64: values[i] = *reinterpret_cast<const double*>(at); break;
      case DType::f32: values[i] = *reinterpret_cast<const float*>(at); break;
      case DType::f16: values[i] = f16_to_double(*reinterpret_cast<const std::uint16_t*>(at)); break;
      default: values[i] = bf16_to_double(*reinterpret_cast<const std::uint16_t*>(at));
    }
  }
  return values;
}

// The norm of a matrix with NaN or infinite entries: NaN if one is NaN, otherwise what sums of infinities give. There
// is no singular value.
double of_non_finite(const Tensor& a, const norms::Norm& which) {
  if (norms::row_of(which).family != norms::Family::entries) return kNan;
  const std::vector<double> values = entries(a);
  if (std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); })) return kNan;
  const auto* const by_rows = std::get_if<norms::RowSum>(&which);
  const auto* const by_columns = std::get_if<norms::ColumnSum>(&which);
  const bool smallest = by_rows != nullptr ? by_rows->smallest : by_columns != nullptr && by_columns->smallest;
  if (!smallest) return kInfinity;
  const std::int64_t rows = a.shape()[0], columns = a.shape()[1];
  std::vector<double> sums(static_cast<std::size_t>(by_rows != nullptr ? rows : columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      sums[static_cast<std::size_t>(by_rows != nullptr ? i : j)] +=
          std::fabs(values[static_cast<std::size_t>(i * columns + j)]);
    }
  }
  return *std::min_element(sums.begin(), sums.end());
}

norms::NormOptions options_for(const norms::Norm& which, std::int64_t shorter) {
  norms::NormOptions options;
  options.enclose = std::holds_alternative<norms::Spectral>(which) && shorter <= kProven;
  if (shorter <= kProven) options.random = random_state(0);
  return options;
}

double matrix_norm(const Tensor& a, const norms::Norm& which, Context& context) {
  const bool of_entries = norms::row_of(which).family == norms::Family::entries;
  const std::int64_t shorter = std::min(a.shape()[0], a.shape()[1]);
  ScannedMatrix scanned(stored_view(a), context);
  if (!scanned.is_finite()) return of_non_finite(a, which);
  if (std::holds_alternative<norms::Frobenius>(which)) return scanned.frobenius();
  if (of_entries || std::holds_alternative<norms::Spectral>(which) || !norms::is_of_singular_values(which)) {
    return norms::norm(a, which, options_for(which, shorter), context).value;
  }
  return norms::spectral_value(singular_values_each(scanned, context), which);
}

void largest_values(const Tensor& stack, std::span<double> out, Context& context) {
  BatchOptions options;
  options.tolerance = 1e-15;
  options.random = random_state(0);
  const BatchResult found = batched_svd(stack, options, context);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = found.sigma[i];
}

void matrix_norms(const Input& x, bool bfloat16, const std::string& ord, const Output& out) {
  const Tensor stack = tensor_of(x, bfloat16);
  const norms::Norm which = norms::simplified(norms::parse_norm(ord));
  const std::int64_t count = stack.shape()[0], rows = stack.shape()[1], columns = stack.shape()[2];
  const std::int64_t shorter = std::min(rows, columns), size = rows * columns;
  const auto values = entries_of(out, static_cast<std::size_t>(count));
  norms::require_valid("norm", which, std::max<std::int64_t>(shorter, 1));
  if (size == 0) {
    std::fill(values.begin(), values.end(), 0.0);
    return;
  }
  const bool of_entries = norms::row_of(which).family == norms::Family::entries;
  const double each = of_entries ? static_cast<double>(size) + 500 : 4e0 * static_cast<double>(size * shorter) + 5e3;
  run(each * static_cast<double>(count), [&](Context& context) {
    if (std::holds_alternative<norms::Spectral>(which) && shorter <= kDirect && size <= kDirectSize) {
      largest_values(stack, values, context);
      return;
    }
    const auto one = [&](std::size_t i) {
      context.check_cancel();
      values[i] = matrix_norm(stack.slice(static_cast<std::int64_t>(i)), which, context);
    };
    if (size > kAlone) {
      for (std::size_t i = 0; i < values.size(); ++i) one(i);
      return;
    }
    context.parallel_for(values.size(), [&](std::size_t i) {
      const Context::Serial serial(context);
      one(i);
    });
  });
}

// (sum |x_i|^p)^(1/p) as NumPy defines it for the p that give no norm: p = 0 counts, -inf is the smallest, and p < 1
// otherwise the formula. In units of the entry that dominates: nothing overflows before the result does.
double power_sum(std::span<const double> x, double p) {
  if (p == 0) return static_cast<double>(std::count_if(x.begin(), x.end(), [](double value) { return value != 0; }));
  double unit = p > 0 ? 0 : kInfinity;
  for (const double value : x) {
    if (std::isnan(value)) return kNan;
    unit = p > 0 ? std::max(unit, std::fabs(value)) : std::min(unit, std::fabs(value));
  }
  if (unit == 0 || std::isinf(unit) || std::isinf(p)) return unit;
  double sum = 0;
  for (const double value : x) sum += std::pow(std::fabs(value) / unit, p);
  return unit * std::pow(sum, 1 / p);
}

double vector_norm(const Tensor& x, double p, Context& context) {
  const std::int64_t size = x.shape()[0];
  if (p >= 1 && size >= kLong) {
    // A vector without gaps is a matrix of one row, a strided one of one column.
    const std::int64_t stride = x.strides()[0];
    const Dimensions shape = stride == 1 ? Dimensions{1, size} : Dimensions{size, 1};
    const Tensor line(x.dtype(), shape, stride == 1 ? Dimensions{size, 1} : Dimensions{stride, 1}, x.data(), nullptr);
    ScannedMatrix scanned(stored_view(line), context);
    if (scanned.is_finite()) {
      if (p == 2) return scanned.frobenius();
      if (p == 1) return stride == 1 ? scanned.norm_inf() : scanned.norm_1();
      if (std::isinf(p)) return stride == 1 ? scanned.norm_1() : scanned.norm_inf();
      return norms::norm(line, norms::Entrywise{p}, {.enclose = false}, context).value;
    }
  }
  const std::vector<double> values = entries(x);
  const bool is_finite = std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  return p >= 1 && is_finite ? norms::vector_norm(std::span<const double>(values), p) : power_sum(values, p);
}

void vector_norms(const Input& x, bool bfloat16, double p, const Output& out) {
  const Tensor rows = tensor_of(x, bfloat16);
  const std::int64_t count = rows.shape()[0], size = rows.shape()[1];
  const auto values = entries_of(out, static_cast<std::size_t>(count));
  const double each = 4 * static_cast<double>(size) + 20;
  run(each * static_cast<double>(count), [&](Context& context) {
    const FloatingEnvironment environment;
    if (size > kAlone) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = vector_norm(rows.slice(static_cast<std::int64_t>(i)), p, context);
      }
      return;
    }
    const std::size_t piece =
        static_cast<std::size_t>(std::max<std::int64_t>(1, kAlone / std::max<std::int64_t>(1, size)));
    context.parallel_for((values.size() + piece - 1) / piece, [&](std::size_t index) {
      const Context::Serial serial(context);
      context.check_cancel();
      for (std::size_t i = index * piece; i < std::min((index + 1) * piece, values.size()); ++i) {
        values[i] = vector_norm(rows.slice(static_cast<std::int64_t>(i)), p, context);
      }
    });
  });
}

}  // namespace

void add_norms(nb::module_& module) {
  module.def("matrix_norms", &matrix_norms, nb::arg("x").noconvert(), nb::arg("bfloat16"), nb::arg("ord"),
             nb::arg("out").noconvert());
  module.def("vector_norms", &vector_norms, nb::arg("x").noconvert(), nb::arg("bfloat16"), nb::arg("p"),
             nb::arg("out").noconvert());
  module.def(
      "parse_norm", [](const std::string& ord) { return norms::spelling_of(norms::parse_norm(ord)); }, nb::arg("ord"));
  module.def(
      "is_of_entries",
      [](const std::string& ord) {
        return norms::row_of(norms::simplified(norms::parse_norm(ord))).family == norms::Family::entries;
      },
      nb::arg("ord"));
}

}  // namespace sigmax::python
