#include "sigmax/linalg/scanned_matrix.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "sigmax/core/contradiction.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/plural.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax {
namespace {

constexpr std::string_view kWho = "scanned_matrix";

InRange brought_into_range(const kernels::StoredMatrix& a, const kernels::Scan& facts, Context& context) {
  if (facts.scale == 1 || facts.max_abs == 0) return {a, facts, 1.0, nullptr};
  auto values = std::make_shared<std::vector<double>>(static_cast<std::size_t>(a.size()));
  in_double(a, facts.scale, values->data(), context);
  const kernels::StoredMatrix copy = stored_matrix(values->data(), a.rows, a.columns);
  const kernels::Scan moved = kernels::scan(copy, context);
  const bool fits = moved.finite() && moved.scale == 1 && moved.max_abs > 0;
  if (!fits) {
    throw_contradiction(kWho, fmt::format("entries of up to {} after scaling by {}", moved.max_abs, facts.scale));
  }
  return {copy, moved, 1 / facts.scale, std::move(values)};
}

}  // namespace

double gram_scale(const kernels::Scan& facts) {
  return facts.max_abs > 0 ? std::ldexp(1.0, -std::ilogb(facts.max_abs) - 1) : 1.0;
}

GramMatrix gram_matrix(const InRange& a, Context& context) {
  return gram_matrix(a.matrix, gram_scale(a.facts), Triangles::upper, context);
}

void require_unchanged(const InRange& a, Context& context) {
  if (a.owner) return;
  const kernels::Scan now = kernels::scan(a.matrix, context);
  const kernels::Scan& then = a.facts;
  const bool same = now.max_abs == then.max_abs && now.sum_squares == then.sum_squares && now.scale == then.scale &&
                    now.largest_row_sum == then.largest_row_sum && now.largest_column_sum == then.largest_column_sum;
  if (!same) {
    throw_contradiction(kWho, "a stored matrix has other entries at the end of its proof than at the beginning");
  }
}

void require_finite(const kernels::Scan& facts, std::string_view who, std::string_view what) {
  if (facts.finite()) return;
  throw Error(fmt::format("[{}] the {} has {}", who, what, non_finite_count(facts.nan, facts.infinite)));
}

ScannedMatrix::ScannedMatrix(StoredView view, Context& context)
    : view_(std::move(view)), facts_(kernels::scan(view_.matrix, context)) {}

ScannedMatrix::ScannedMatrix(const kernels::StoredMatrix& a, Context& context)
    : ScannedMatrix(StoredView{Tensor(), a, false}, context) {}

double ScannedMatrix::frobenius() const {
  const FloatingEnvironment environment;
  return std::sqrt(facts_.sum_squares) / facts_.scale;
}

std::optional<std::int64_t> ScannedMatrix::first_non_finite() const noexcept {
  const std::optional<std::int64_t> first = facts_.first_non_finite;
  if (!first || !view_.transposed) return first;
  const kernels::StoredMatrix& a = view_.matrix;
  return *first % a.columns * a.rows + *first / a.columns;
}

const InRange& ScannedMatrix::in_range(Context& context) {
  const FloatingEnvironment environment;
  if (!in_range_) in_range_ = brought_into_range(view_.matrix, facts_, context);
  return *in_range_;
}

GramMatrix& ScannedMatrix::gram(Context& context) {
  const FloatingEnvironment environment;
  if (!gram_) gram_.emplace(gram_matrix(in_range(context), context));
  return *gram_;
}

ScannedMatrix scanned_finite(const Tensor& matrix, std::string_view who, std::string_view what, Context& context) {
  StoredView view = stored_view(matrix);
  if (matrix.size() == 0) {
    throw Error(fmt::format("[{}] the {} is empty, shape {}", who, what, to_string(matrix.shape())));
  }
  ScannedMatrix scanned(std::move(view), context);
  require_finite(scanned.facts(), who, what);
  return scanned;
}

}  // namespace sigmax
