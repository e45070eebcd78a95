// Singular values, whole decompositions and inverses of stacks of matrices.
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <optional>

#include "bindings/python/arrays.hpp"
#include "bindings/python/module.hpp"
#include "bindings/python/running.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/linalg/inverse.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/linalg/whole_svd.hpp"

namespace nb = nanobind;

namespace sigmax::python {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// A matrix of more operations has all threads to itself; smaller ones are processed side by side.
constexpr double kAlone = 2e7;

// body(i) for each matrix of a stack.
void for_each_matrix(std::int64_t count, double operations_each,
                     const std::function<void(std::int64_t, Context&)>& body) {
  run(operations_each * static_cast<double>(count), [&](Context& context) {
    if (operations_each >= kAlone) {
      for (std::int64_t i = 0; i < count; ++i) {
        context.check_cancel();
        body(i, context);
      }
      return;
    }
    // Pieces of about a million operations, cut by shape alone.
    const auto each = static_cast<std::int64_t>(std::max(1.0, 1e6 / std::max(operations_each, 1.0)));
    context.parallel_for(static_cast<std::size_t>((count + each - 1) / each), [&](std::size_t piece) {
      const Context::Serial serial(context);
      context.check_cancel();
      const std::int64_t first = static_cast<std::int64_t>(piece) * each;
      for (std::int64_t i = first; i < std::min(first + each, count); ++i) body(i, context);
    });
  });
}

double cubic(double rows, double columns) { return 4 * rows * columns * std::min(rows, columns) + 1000; }

void singular_values(const Input& x, bool bfloat16, const Output& out) {
  const Tensor stack = tensor_of(x, bfloat16);
  const std::int64_t count = stack.shape()[0], rows = stack.shape()[1], columns = stack.shape()[2];
  const std::int64_t k = std::min(rows, columns);
  const auto values = entries_of(out, static_cast<std::size_t>(count * k));
  if (values.empty()) return;
  for_each_matrix(count, cubic(static_cast<double>(rows), static_cast<double>(columns)),
                  [&](std::int64_t i, Context& context) {
                    const auto place = values.begin() + i * k;
                    ScannedMatrix a(stored_view(stack.slice(i)), context);
                    if (a.is_finite()) {
                      std::ranges::copy(singular_values_each(a, context), place);
                    } else {
                      std::fill_n(place, k, kNan);
                    }
                  });
}

using ComplexOutput = nb::ndarray<std::complex<double>, nb::c_contig, nb::device::cpu>;

template <class T, class Array>
void svd(const Array& work, int vectors, const Output& sigma, const Array& u, const Array& vh) {
  const auto count = static_cast<std::int64_t>(work.shape(0)), rows = static_cast<std::int64_t>(work.shape(1)),
             columns = static_cast<std::int64_t>(work.shape(2));
  const std::int64_t k = std::min(rows, columns);
  if (count == 0) return;
  const auto values = entries_of(sigma, static_cast<std::size_t>(count * k));
  const auto u_size = static_cast<std::int64_t>(u.size()) / count,
             vh_size = static_cast<std::int64_t>(vh.size()) / count;
  const auto wanted = static_cast<WholeVectors>(vectors);
  for_each_matrix(count, 6 * cubic(static_cast<double>(rows), static_cast<double>(columns)),
                  [&](std::int64_t i, Context& /*context*/) {
                    whole_svd<T>(work.data() + i * rows * columns, rows, columns, wanted, values.data() + i * k,
                                 u.data() + i * u_size, vh.data() + i * vh_size);
                  });
}

// A singular matrix gives infinities, one with NaN or infinite entries NaN.
void inverses(const nb::ndarray<const double, nb::c_contig, nb::device::cpu>& x, const Output& out) {
  const auto count = static_cast<std::int64_t>(x.shape(0)), order = static_cast<std::int64_t>(x.shape(1));
  const std::int64_t size = order * order;
  const auto to = entries_of(out, x.size());
  for_each_matrix(count, cubic(static_cast<double>(order), static_cast<double>(order)),
                  [&](std::int64_t i, Context& context) {
                    const double* const from = x.data() + i * size;
                    const auto place = to.begin() + i * size;
                    if (!std::all_of(from, from + size, [](double value) { return std::isfinite(value); })) {
                      std::fill_n(place, size, kNan);
                      return;
                    }
                    // The row-major matrix is the transpose of a column-major one, and so is its inverse.
                    Matrix<double> a(order, order);
                    std::copy_n(from, size, a.values().begin());
                    if (const auto found = inverse(std::move(a), context)) {
                      std::ranges::copy(found->values(), place);
                    } else {
                      std::fill_n(place, size, std::numeric_limits<double>::infinity());
                    }
                  });
}

}  // namespace

void add_decompositions(nb::module_& module) {
  module.def("singular_values", &singular_values, nb::arg("x").noconvert(), nb::arg("bfloat16"),
             nb::arg("out").noconvert());
  module.def("svd", &svd<double, Output>, nb::arg("work").noconvert(), nb::arg("vectors"), nb::arg("sigma").noconvert(),
             nb::arg("u").noconvert(), nb::arg("vh").noconvert());
  module.def("svd", &svd<std::complex<double>, ComplexOutput>, nb::arg("work").noconvert(), nb::arg("vectors"),
             nb::arg("sigma").noconvert(), nb::arg("u").noconvert(), nb::arg("vh").noconvert());
  module.def("inverses", &inverses, nb::arg("x").noconvert(), nb::arg("out").noconvert());
}

}  // namespace sigmax::python
