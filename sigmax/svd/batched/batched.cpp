#include "sigmax/svd/batched/batched.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/batched/batched_small.hpp"

namespace sigmax {
namespace {

using kernels::StridedMatrix;

// Limit of the shorter side. Compared with svd()'s Lanczos on Gaussian matrices, to 1e-6: 3 times as fast at 64, 1.2
// times at 128, and 1.3 times slower at 192, 2 times at 256 (docs/adr/0021).
constexpr std::int64_t kDirectOrder = 128;
// Size limit of the entries: larger matrices are processed one after another, each on all threads.
constexpr std::int64_t kAlone = std::int64_t{1} << 20;
// The number of multiply-adds that is worth a task.
constexpr double kTask = 4e6;

enum class Route {
  nothing,  // no entries
  direct,   // largest_of_small
  lapack,   // values_of_small
  engine,   // svd()
};

Route route_of(const StridedMatrix& a, const BatchOptions& options) {
  const std::int64_t shorter = std::min(a.rows, a.columns);
  if (shorter == 0) return Route::nothing;
  if (shorter > kDirectOrder || a.rows * a.columns > kAlone) return Route::engine;
  return options.k == 1 ? Route::direct : Route::lapack;
}

// A batch as its inputs describe it: the entries of matrix i, and the tensor that would be passed to svd().
struct Batch {
  std::vector<StridedMatrix> matrices;
  std::function<Tensor(std::size_t)> tensor;
};

StridedMatrix matrix_of(const Tensor& a, std::size_t first_dimension) {
  return {a.dtype(),
          a.data(),
          a.shape()[first_dimension],
          a.shape()[first_dimension + 1],
          a.strides()[first_dimension],
          a.strides()[first_dimension + 1]};
}

void require_real(const Tensor& a) {
  if (!is_real(a.dtype())) throw Error(fmt::format("[batched_svd] {} does not store real numbers", name(a.dtype())));
}

void require_three_dimensions(const Tensor& a) {
  if (a.rank() != 3) {
    throw Error(
        fmt::format("[batched_svd] a batch has 3 dimensions, [batch, rows, columns], got {}; give matrices of "
                    "different shapes as a list",
                    to_string(a.shape())));
  }
  require_real(a);
}

Batch strided(const Tensor& a) {
  require_three_dimensions(a);
  Batch batch;
  batch.matrices.assign(static_cast<std::size_t>(a.shape()[0]), matrix_of(a, 1));
  for (std::size_t i = 0; i < batch.matrices.size() && a.size() > 0; ++i) {
    batch.matrices[i].data += i * static_cast<std::size_t>(a.strides()[0]) * size_of(a.dtype());
  }
  batch.tensor = [&a](std::size_t i) { return a.slice(static_cast<std::int64_t>(i)); };
  return batch;
}

Batch ragged(std::span<const Tensor> tensors) {
  Batch batch;
  for (const Tensor& a : tensors) {
    if (a.rank() != 2) {
      throw Error(fmt::format("[batched_svd] a matrix has 2 dimensions, got {}", to_string(a.shape())));
    }
    require_real(a);
    batch.matrices.push_back(matrix_of(a, 0));
  }
  batch.tensor = [tensors](std::size_t i) { return tensors[i]; };
  return batch;
}

void check(const BatchOptions& options) {
  if (options.k && *options.k < 1) {
    throw Error(fmt::format("[batched_svd] k must be positive, or empty for all values, got {}", *options.k));
  }
  if (!(options.tolerance > 0) || !std::isfinite(options.tolerance)) {
    throw Error(fmt::format("[batched_svd] the tolerance must be positive, got {}", options.tolerance));
  }
}

BatchResult make_result(const Batch& batch, const BatchOptions& options) {
  const std::size_t count = batch.matrices.size();
  BatchResult result;
  result.first.assign(1, 0);
  for (const StridedMatrix& a : batch.matrices) {
    const std::int64_t all = std::min(a.rows, a.columns);
    const std::int64_t k = std::min(options.k.value_or(all), all);
    result.first.push_back(result.first.back() + k);
    if (options.vectors) {
      result.u.emplace_back(a.rows, k);
      result.v.emplace_back(a.columns, k);
    }
  }
  result.sigma.resize(static_cast<std::size_t>(result.first.back()));
  result.outcome.assign(count, BatchOutcome::converged);
  if (options.k == 1 || options.vectors) result.residual.resize(count);
  return result;
}

SmallResult place_of(BatchResult& result, std::size_t i) {
  SmallResult place;
  const auto first = static_cast<std::size_t>(result.first[i]);
  place.sigma = std::span(result.sigma).subspan(first, static_cast<std::size_t>(result.first[i + 1]) - first);
  if (!result.residual.empty()) place.residual = &result.residual[i];
  if (!result.u.empty()) {
    place.u = &result.u[i];
    place.v = &result.v[i];
  }
  return place;
}

// Uses svd() with separate random numbers: 2^32 blocks of the sequence belong to each index.
BatchOutcome by_engine(const Tensor& tensor, std::size_t index, const BatchOptions& options, const SmallResult& place,
                       Context& context) {
  if (!ScannedMatrix(stored_view(tensor), context).is_finite()) return not_finite(place);
  SvdOptions<double> single;
  single.k = static_cast<std::int64_t>(place.sigma.size());
  single.accuracy = options.accuracy;
  single.tolerance = options.tolerance;
  // Each matrix gets its own state if none is given: no result depends on other matrices of the batch, and small
  // matrices, which need no state, do not ask the system for one.
  if (options.random) single.random = skip(*options.random, static_cast<std::uint64_t>(index) << 32);
  SvdResult<double> found = svd(*dense<double>(tensor), single, context);
  std::copy(found.sigma.begin(), found.sigma.end(), place.sigma.begin());
  if (place.residual != nullptr) *place.residual = *std::max_element(found.residual.begin(), found.residual.end());
  if (place.u != nullptr) {
    *place.u = std::move(found.u);
    *place.v = std::move(found.v);
  }
  return found.outcome == SvdOutcome::out_of_products ? BatchOutcome::not_converged : BatchOutcome::converged;
}

// Consecutive matrices that form one task: [begin[p], begin[p + 1]). Depends only on the shapes.
std::vector<std::size_t> cut(const std::vector<StridedMatrix>& matrices) {
  std::vector<std::size_t> begin{0};
  double work = 0;
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const auto rows = static_cast<double>(matrices[i].rows), columns = static_cast<double>(matrices[i].columns);
    work += rows * columns * std::min(rows, columns) + 1e4;
    if (work < kTask && i + 1 < matrices.size()) continue;
    begin.push_back(i + 1);
    work = 0;
  }
  return begin;
}

BatchResult run(const Batch& batch, const BatchOptions& options, Context& context) {
  BatchResult result = make_result(batch, options);
  std::vector<std::size_t> small;
  std::vector<StridedMatrix> shapes;
  std::vector<std::size_t> alone;
  for (std::size_t i = 0; i < batch.matrices.size(); ++i) {
    const StridedMatrix& a = batch.matrices[i];
    const Route route = route_of(a, options);
    if (route == Route::nothing) continue;
    if (a.rows * a.columns > kAlone) {
      alone.push_back(i);
    } else {
      small.push_back(i);
      shapes.push_back(a);
    }
  }
  const SerialBlas serial_blas;
  const std::vector<std::size_t> begin = cut(shapes);
  context.parallel_for(begin.size() - 1, [&](std::size_t p) {
    const Context::Serial serial(context);
    std::vector<StridedMatrix> direct;
    for (std::size_t j = begin[p]; j < begin[p + 1]; ++j) {
      if (route_of(shapes[j], options) == Route::direct) direct.push_back(shapes[j]);
    }
    SmallScratch scratch(direct, context);
    for (std::size_t j = begin[p]; j < begin[p + 1]; ++j) {
      context.check_cancel();
      const std::size_t i = small[j];
      const SmallResult place = place_of(result, i);
      switch (route_of(shapes[j], options)) {
        case Route::direct: result.outcome[i] = largest_of_small(shapes[j], options, scratch, place); break;
        case Route::lapack: result.outcome[i] = values_of_small(shapes[j], place, context); break;
        default: result.outcome[i] = by_engine(batch.tensor(i), i, options, place, context);
      }
    }
  });
  for (const std::size_t i : alone) {
    context.check_cancel();
    result.outcome[i] = by_engine(batch.tensor(i), i, options, place_of(result, i), context);
  }
  return result;
}

}  // namespace

std::string_view message(BatchOutcome outcome) {
  switch (outcome) {
    case BatchOutcome::converged: return "converged";
    case BatchOutcome::not_converged: return "not converged: take svd() for this matrix, or a larger tolerance";
    case BatchOutcome::not_finite: return "the matrix holds NaN or infinity";
  }
  return "";
}

BatchResult batched_svd(const Tensor& matrices, const BatchOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(options);
  return run(strided(matrices), options, context);
}

BatchResult batched_svd(std::span<const Tensor> matrices, const BatchOptions& options, Context& context) {
  const FloatingEnvironment environment;
  check(options);
  return run(ragged(matrices), options, context);
}

}  // namespace sigmax
