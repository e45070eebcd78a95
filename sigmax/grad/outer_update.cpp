#include "sigmax/grad/outer_update.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"

namespace sigmax::grad {
namespace {
constexpr std::int64_t kRowsEach = 64;
}

// A row-major panel of rows is the column-major matrix V (diag(w) U^T) of v.rows x kRowsEach.
template <Real T>
void update_outer(const Cotangent<double>& terms, double keep, std::span<T> out, Context& context) {
  const FloatingEnvironment environment;
  const std::int64_t rows = terms.u.rows;
  const std::int64_t columns = terms.v.rows;
  const std::int64_t count = terms.terms();
  if (terms.u.columns != count || terms.v.columns != count || static_cast<std::int64_t>(out.size()) != rows * columns) {
    throw Error(fmt::format("[update_outer] {} weights and {}x{}, {}x{} vectors for {} elements", count, rows,
                            terms.u.columns, columns, terms.v.columns, out.size()));
  }
  const SerialBlas serial;
  std::vector<double> left(static_cast<std::size_t>(count * rows));  // row-major U diag(w)
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < count; ++k) {
      left[static_cast<std::size_t>(i * count + k)] =
          terms.weights[static_cast<std::size_t>(k)] * terms.u.data[i + k * terms.u.stride];
    }
  }
  context.parallel_for(static_cast<std::size_t>((rows + kRowsEach - 1) / kRowsEach), [&](std::size_t piece) {
    const std::int64_t first = static_cast<std::int64_t>(piece) * kRowsEach;
    const std::int64_t here = std::min(kRowsEach, rows - first);
    auto panel = context.scratch<double>(static_cast<std::size_t>(here * columns));
    std::fill(panel.begin(), panel.end(), 0.0);
    if (count > 0) {
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(columns), static_cast<int>(here),
                  static_cast<int>(count), 1.0, terms.v.data, static_cast<int>(terms.v.stride),
                  left.data() + first * count, static_cast<int>(count), 1.0, panel.data(), static_cast<int>(columns));
    }
    T* const to = out.data() + first * columns;
    for (std::size_t i = 0; i < panel.size(); ++i) {
      to[i] = static_cast<T>(keep == 0 ? panel[i] : keep * static_cast<double>(to[i]) + panel[i]);
    }
  });
}

template void update_outer<float>(const Cotangent<double>&, double, std::span<float>, Context&);
template void update_outer<double>(const Cotangent<double>&, double, std::span<double>, Context&);

}  // namespace sigmax::grad
