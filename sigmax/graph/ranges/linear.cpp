#include "sigmax/graph/ranges/linear.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/ranges/outward.hpp"
#include "sigmax/kernels/absolute.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/ops/convolution/products.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax::graph {
namespace {

/// At least gamma_n = n u / (1 - n u), for n u < 1/4.
double gamma_up(std::int64_t n) {
  const double nu = static_cast<double>(n) * 0x1p-53;
  return up(nu / (1 - nu)) * (1 + 0x1p-50);
}

/// x as midpoints and radii: x_j in [middle_j - radius_j, middle_j + radius_j]. An entry of which nothing, or only one
/// side, is known has the middle 0, the radius 0, and is marked.
struct Split {
  std::vector<double> middle;
  std::vector<double> radius;
  std::vector<double> unknown;  ///< 1 or 0; empty: none
};

Split split(const Box& x) {
  Split result{std::vector<double>(x.size()), std::vector<double>(x.size()), {}};
  for (std::size_t j = 0; j < x.size(); ++j) {
    if (!is_bounded(x[j])) {
      result.unknown.resize(x.size(), 0.0);
      result.unknown[j] = 1;
      continue;
    }
    const double middle = x[j].least == x[j].greatest ? x[j].least : x[j].least / 2 + x[j].greatest / 2;
    result.middle[j] = middle;
    result.radius[j] = x[j].least == x[j].greatest ? 0 : up(std::max(x[j].greatest - middle, middle - x[j].least));
  }
  return result;
}

/// Products of a matrix and of its absolute values, with the number of terms of a sum.
template <class Multiply, class MultiplyAbsolute>
Box image_of_leaf(const Box& x, std::size_t rows, std::int64_t terms, const Multiply& multiply,
                  const MultiplyAbsolute& multiply_absolute) {
  const Split from = split(x);
  std::vector<double> y(rows);
  multiply(from.middle, y);
  // |y - A m| <= gamma_n |A| |m|, and |A (x - m)| <= |A| r. Products that underflow lose 2^-1075 max(1, |a|) each,
  // which a floor under the vector and one under the sum cover.
  const double unit = gamma_up(terms);
  std::vector<double> weight(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double each = up(from.radius[j] + unit * std::fabs(from.middle[j]));
    weight[j] = from.radius[j] == 0 && from.middle[j] == 0 ? 0 : std::max(each, 0x1p-960);
  }
  std::vector<double> spread(rows);
  multiply_absolute(weight, spread);
  std::vector<double> reached(rows, 0.0);
  if (!from.unknown.empty()) multiply_absolute(from.unknown, reached);
  // A sum that is 0 may have underflowed; one without a term other than 0 is exact.
  std::vector<double> terms_of;
  const auto is_without_terms = [&](std::size_t i) {
    if (terms_of.empty()) {
      std::vector<double> ones(x.size());
      for (std::size_t j = 0; j < x.size(); ++j) ones[j] = weight[j] > 0 ? 1 : 0;
      terms_of.resize(rows);
      multiply_absolute(ones, terms_of);
    }
    return terms_of[i] == 0;
  };
  Box result(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const double radius = up(spread[i] * (1 + gamma_up(terms + 2))) + static_cast<double>(terms + 1) * 0x1p-1070;
    if (reached[i] > 0 || !std::isfinite(y[i]) || !std::isfinite(radius)) continue;
    if (y[i] == 0 && spread[i] == 0 && is_without_terms(i)) {
      result[i] = point(0);
    } else {
      result[i] = {down(y[i] - radius), up(y[i] + radius)};
    }
  }
  return result;
}

Box of_stored(const structure::Stored& s, const LinearOperator<double>& a, const Box& x, bool adjoint,
              Context& context) {
  const std::size_t rows = static_cast<std::size_t>(adjoint ? a.shape().columns : a.shape().rows);
  return image_of_leaf(
      x, rows, static_cast<std::int64_t>(x.size()),
      [&](const std::vector<double>& in, std::vector<double>& out) {
        adjoint ? a.apply_adjoint(in, out, context) : a.apply(in, out, context);
      },
      [&](const std::vector<double>& in, std::vector<double>& out) {
        if (s.transposed != adjoint) {
          kernels::absolute_multiply_transposed(*s.matrix, in, out, context);
        } else {
          kernels::absolute_multiply(*s.matrix, in, out, context);
        }
      });
}

Box of_convolution(const structure::Convolution& s, const LinearOperator<double>& a, const Box& x, bool adjoint,
                   Context& context) {
  const kernels::StoredMatrix& kernel = *s.kernel;
  std::vector<double> absolute(static_cast<std::size_t>(kernel.size()));
  kernels::convert(kernel, 1, absolute.data(), kernel.columns);
  for (double& each : absolute) each = std::fabs(each);
  const ConvolutionProducts<double> products(stored_matrix(absolute.data(), kernel.rows, kernel.columns),
                                             *s.correlation);
  const std::size_t rows = static_cast<std::size_t>(adjoint ? a.shape().columns : a.shape().rows);
  return image_of_leaf(
      x, rows, adjoint ? s.correlation->adjoint_terms() : s.correlation->terms(),
      [&](const std::vector<double>& in, std::vector<double>& out) {
        adjoint ? a.apply_adjoint(in, out, context) : a.apply(in, out, context);
      },
      [&](const std::vector<double>& in, std::vector<double>& out) {
        adjoint ? products.apply_adjoint(in, out, context) : products.apply(in, out, context);
      });
}

void add(Box& sum, const Box& term) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = sum[i] + term[i];
}

Box zeros(std::int64_t size) { return Box(static_cast<std::size_t>(size), point(0)); }

Box of_stack(const structure::Stacked<double>& s, const LinearOperator<double>& a, const Box& x, bool adjoint,
             Context& context) {
  if (s.of_rows != adjoint) {  // the images below each other
    Box result;
    for (const Operator<double>& part : s.parts) {
      const Box own = image(*part, x, adjoint, context);
      result.insert(result.end(), own.begin(), own.end());
    }
    return result;
  }
  Box result = zeros(adjoint ? a.shape().columns : a.shape().rows);
  std::ptrdiff_t first = 0;
  for (const Operator<double>& part : s.parts) {
    const std::int64_t size = adjoint ? part->shape().rows : part->shape().columns;
    add(result, image(*part, Box(x.begin() + first, x.begin() + first + size), adjoint, context));
    first += size;
  }
  return result;
}

Box of_diagonal(const structure::Diagonal& s, const Box& x) {
  Box result = x;
  for (std::size_t i = 0; i < s.entries.size(); ++i) result[i] = point(s.entries[i]) * x[i];
  return result;
}

Box of_selection(const SelectedEntries& entries, const Box& x, bool adjoint) {
  Box result = zeros(adjoint ? entries.inputs() : entries.size());
  for (std::int64_t i = 0; i < entries.size(); ++i) {
    const std::int64_t from = entries.at(i);
    if (from < 0) continue;
    const auto out = static_cast<std::size_t>(i);
    const auto in = static_cast<std::size_t>(from);
    if (adjoint) {
      result[in] = result[in] + x[out];
    } else {
      result[out] = x[in];
    }
  }
  return result;
}

// Axis by axis: each factor on all lines along its axis.
Box of_kronecker(const structure::Kronecker<double>& s, const Box& x, bool adjoint, Context& context) {
  Box tensor = x;
  for (std::size_t k = 0; k < s.factors.size(); ++k) {
    const LinearOperator<double>& factor = *s.factors[k];
    const auto sides = [&](const Operator<double>& a, bool image_side) {
      return static_cast<std::size_t>(image_side != adjoint ? a->shape().rows : a->shape().columns);
    };
    const std::size_t from = sides(s.factors[k], false);
    const std::size_t to = sides(s.factors[k], true);
    std::size_t outer = 1;
    std::size_t inner = 1;
    for (std::size_t other = 0; other < k; ++other) outer *= sides(s.factors[other], true);
    for (std::size_t other = k + 1; other < s.factors.size(); ++other) inner *= sides(s.factors[other], false);
    Box next(outer * to * inner);
    Box line(from);
    for (std::size_t o = 0; o < outer; ++o) {
      for (std::size_t i = 0; i < inner; ++i) {
        for (std::size_t j = 0; j < from; ++j) line[j] = tensor[(o * from + j) * inner + i];
        const Box own = image(factor, line, adjoint, context);
        for (std::size_t j = 0; j < to; ++j) next[(o * to + j) * inner + i] = own[j];
      }
    }
    tensor = std::move(next);
  }
  return tensor;
}

}  // namespace

Box image(const LinearOperator<double>& a, const Box& x, bool adjoint, Context& context) {
  const std::int64_t rows = adjoint ? a.shape().columns : a.shape().rows;
  if (rows == 0 || x.empty()) return zeros(rows);
  return std::visit(
      [&](const auto& s) -> Box {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::is_same_v<S, structure::Stored>) return of_stored(s, a, x, adjoint, context);
        if constexpr (std::is_same_v<S, structure::Convolution>) return of_convolution(s, a, x, adjoint, context);
        if constexpr (std::is_same_v<S, structure::Diagonal>) return of_diagonal(s, x);
        if constexpr (std::is_same_v<S, structure::Selection>) return of_selection(*s.entries, x, adjoint);
        if constexpr (std::is_same_v<S, structure::Kronecker<double>>) return of_kronecker(s, x, adjoint, context);
        if constexpr (std::is_same_v<S, structure::Stacked<double>>) return of_stack(s, a, x, adjoint, context);
        if constexpr (std::is_same_v<S, structure::Transposed<double>>) return image(*s.of, x, !adjoint, context);
        if constexpr (std::is_same_v<S, structure::Sum<double>>) {
          Box result = zeros(rows);
          for (const Operator<double>& term : s.terms) add(result, image(*term, x, adjoint, context));
          return result;
        }
        if constexpr (std::is_same_v<S, structure::Product<double>>) {
          const Box inner = image(adjoint ? *s.left : *s.right, x, adjoint, context);
          return image(adjoint ? *s.right : *s.left, inner, adjoint, context);
        }
        if constexpr (std::is_same_v<S, structure::Scaled<double>>) {
          Box result = image(*s.of, x, adjoint, context);
          for (Interval& each : result) each = point(s.factor) * each;
          return result;
        }
        return Box(static_cast<std::size_t>(rows));
      },
      a.structure());
}

}  // namespace sigmax::graph
