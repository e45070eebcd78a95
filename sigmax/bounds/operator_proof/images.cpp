// Products of an expression with a vector, with their rounding: the second half of expression.hpp.
#include <algorithm>
#include <cmath>

#include "sigmax/bounds/matrix_proof/rounding.hpp"
#include "sigmax/bounds/operator_proof/expression.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/absolute.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/ops/convolution/products.hpp"

namespace sigmax::bounds {
namespace {

using Kind = Expression::Kind;

// More than the effect of underflow on one entry of a product with a stored matrix, in units of the node: n products
// that underflow at 2^-1075, or entries that did in in_range(), times unit <= 2^401 and an entry of x.
constexpr double kImageUnderflow = 0x1p-400;
// As above for both products of a Gram product, where the unit enters twice.
constexpr double kGramUnderflow = 0x1p-200;

double at_least_norm(std::span<const double> x) {
  const NormRange range = norm_range(x);
  return std::ldexp(range.upper, range.exponent);
}

double root_of(std::size_t count) { return std::sqrt(static_cast<double>(count)); }

bool is_stack(Kind kind) { return kind == Kind::below || kind == Kind::beside; }

// How a stack combines its images: one below the other, or the images of the pieces of x added.
bool concatenates(const Expression& e, bool adjoint) { return (e.kind == Kind::below) != adjoint; }

std::size_t length_in(const Expression& e, bool adjoint) {
  return static_cast<std::size_t>(adjoint ? e.rows : e.columns);
}

std::size_t length_out(const Expression& e, bool adjoint) { return length_in(e, !adjoint); }

// The piece of x for part number i of a stack or sum, and where it starts; all of x unless pieces are added.
std::span<const double> piece(const Expression& e, const Expression& part, std::span<const double> x, bool adjoint,
                              std::size_t& offset) {
  if (!is_stack(e.kind) || concatenates(e, adjoint)) return x;
  const std::size_t length = length_in(part, adjoint);
  const std::span<const double> own = x.subspan(offset, length);
  offset += length;
  return own;
}

Image image_of_leaf(const Expression& e, std::span<const double> x, bool adjoint, Context& context) {
  Image result{std::vector<double>(length_out(e, adjoint)), 0};
  if (e.transposed != adjoint) {
    kernels::multiply_transposed<double>(e.leaf.matrix, x, result.values, context);
  } else {
    kernels::multiply<double>(e.leaf.matrix, x, result.values, context);
  }
  for (double& value : result.values) value *= e.unit;
  const double rounding = gamma(static_cast<std::int64_t>(x.size())) * e.frobenius * at_least_norm(x);
  result.error = round_up(rounding + root_of(result.values.size()) * kImageUnderflow);
  return result;
}

// The terms of a convolution's product, padding's zeros not counted: they add exactly.
std::int64_t terms_of(const Expression& e, bool adjoint) {
  return e.transposed == adjoint ? e.correlation->terms() : e.correlation->adjoint_terms();
}

// Kept out of its callers' frames, which recurse.
[[gnu::noinline]] std::vector<double> convolved(const Expression& e, const kernels::StoredMatrix& kernel,
                                                std::span<const double> x, bool adjoint, Context& context) {
  std::vector<double> y(length_out(e, adjoint));
  const ConvolutionProducts<double> products(kernel, *e.correlation);
  if (e.transposed == adjoint) {
    products.apply(x, std::span<double>(y), context);
  } else {
    products.apply_adjoint(x, std::span<double>(y), context);
  }
  return y;
}

// |computed - exact| <= gamma_n C |x| entrywise, where C is the matrix with the kernel's absolute values and `norm` is
// at least its norm.
[[gnu::noinline]] Image image_of_convolution(const Expression& e, std::span<const double> x, bool adjoint,
                                             Context& context) {
  Image result{convolved(e, e.leaf.matrix, x, adjoint, context), 0};
  for (double& value : result.values) value *= e.unit;
  const double rounding = gamma(terms_of(e, adjoint)) * e.norm * at_least_norm(x);
  result.error = round_up(rounding + root_of(result.values.size()) * kImageUnderflow);
  return result;
}

[[gnu::noinline]] std::vector<double> absolute_of_convolution(const Expression& e, std::span<const double> x,
                                                              bool adjoint, Context& context) {
  const kernels::StoredMatrix& a = e.leaf.matrix;
  std::vector<double> kernel(static_cast<std::size_t>(a.size()));
  kernels::convert(a, 1, kernel.data(), a.columns);
  for (double& value : kernel) value = std::fabs(value);
  std::vector<double> y = convolved(e, stored_matrix(kernel.data(), a.rows, a.columns), x, adjoint, context);
  const double up = e.unit * (1 + gamma(terms_of(e, adjoint) + 2));
  for (double& value : y) value = round_up(value * up) + kImageUnderflow;
  return y;
}

// Rounds once an entry; the identity does not.
Image image_of_diagonal(const Expression& e, std::span<const double> x) {
  Image result{std::vector<double>(x.begin(), x.end()), 0};
  if (e.is_identity()) return result;
  for (std::size_t i = 0; i < x.size(); ++i) result.values[i] *= (*e.diagonal)[i];
  result.error = round_up(kUnitRoundoff * e.norm * at_least_norm(x) + root_of(x.size()) * kImageUnderflow);
  return result;
}

// S x, or S^T x, where copies are added.
std::vector<double> selected(const Expression& e, std::span<const double> x, bool adjoint) {
  std::vector<double> y(length_out(e, adjoint));
  const SelectedEntries& entries = *e.selected;
  const bool gathers = e.transposed == adjoint;
  for (std::int64_t i = 0; i < entries.size(); ++i) {
    if (entries.at(i) < 0) continue;
    const auto at = static_cast<std::size_t>(entries.at(i));
    const auto to = static_cast<std::size_t>(i);
    if (gathers) {
      y[to] = x[at];
    } else {
      y[at] += x[to];
    }
  }
  return y;
}

// |computed - exact| <= gamma S^T |x| entrywise for sums of copies.
Image image_of_selection(const Expression& e, std::span<const double> x, bool adjoint) {
  Image result{selected(e, x, adjoint), 0};
  const std::int64_t copies = e.selected->most_copies();
  if (e.transposed != adjoint && copies > 1) result.error = round_up(gamma(copies) * e.norm * at_least_norm(x));
  return result;
}

std::vector<double> absolute_of_selection(const Expression& e, std::span<const double> x, bool adjoint) {
  std::vector<double> y = selected(e, x, adjoint);
  if (e.transposed == adjoint) return y;
  const double up = 1 + gamma(e.selected->most_copies() + 2);
  for (double& value : y) value = round_up(value * up);
  return y;
}

std::vector<double> absolute_of_diagonal(const Expression& e, std::span<const double> x) {
  std::vector<double> y(x.begin(), x.end());
  if (e.is_identity()) return y;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = round_up(y[i] * std::fabs((*e.diagonal)[i])) + kImageUnderflow;
  return y;
}

// (A (x) B) x for a row-major x of A's columns times B's: first y = of_b(row) of each row, then of_a(column) of each
// column of the rows' images.
template <class OfA, class OfB>
std::vector<double> along_both(const Expression& e, std::span<const double> x, bool adjoint, const OfA& of_a,
                               const OfB& of_b) {
  const std::size_t rows = length_in(e.parts[0], adjoint);
  const std::size_t columns = length_in(e.parts[1], adjoint);
  const std::size_t new_rows = length_out(e.parts[0], adjoint);
  const std::size_t new_columns = length_out(e.parts[1], adjoint);
  std::vector<double> t(x.begin(), x.end());
  if (!e.parts[1].is_identity()) {
    t.assign(rows * new_columns, 0.0);
    for (std::size_t i = 0; i < rows; ++i) {
      const std::vector<double> row = of_b(x.subspan(i * columns, columns));
      std::copy(row.begin(), row.end(), t.begin() + static_cast<std::ptrdiff_t>(i * new_columns));
    }
  }
  if (e.parts[0].is_identity()) return t;
  std::vector<double> y(new_rows * new_columns);
  std::vector<double> column(rows);
  for (std::size_t j = 0; j < new_columns; ++j) {
    for (std::size_t i = 0; i < rows; ++i) column[i] = t[i * new_columns + j];
    const std::vector<double> of_column = of_a(column);
    for (std::size_t i = 0; i < new_rows; ++i) y[i * new_columns + j] = of_column[i];
  }
  return y;
}

// The errors of the rows go through A, of norm at most parts[0].norm; those of the columns are added.
[[gnu::noinline]] Image image_of_kronecker(const Expression& e, std::span<const double> x, bool adjoint,
                                           Context& context) {
  std::vector<double> of_rows;
  std::vector<double> of_columns;
  const auto part = [&](std::size_t i, std::vector<double>& errors) {
    return [&, i](std::span<const double> line) {
      Image image_of_line = image(e.parts[i], line, adjoint, context);
      errors.push_back(image_of_line.error);
      return std::move(image_of_line.values);
    };
  };
  Image result{along_both(e, x, adjoint, part(0, of_columns), part(1, of_rows)), 0};
  for (double& value : result.values) value *= e.unit;
  const double error = at_least_norm(of_columns) + e.parts[0].norm * at_least_norm(of_rows);
  result.error = round_up(e.unit * error + root_of(result.values.size()) * 0x1p-1074);
  return result;
}

[[gnu::noinline]] std::vector<double> absolute_of_kronecker(const Expression& e, std::span<const double> x,
                                                            bool adjoint, Context& context) {
  const auto part = [&](std::size_t i) {
    return [&, i](std::span<const double> line) { return absolute_image(e.parts[i], line, adjoint, context); };
  };
  std::vector<double> result = along_both(e, x, adjoint, part(0), part(1));
  for (double& value : result) value = round_up(value * e.unit);
  return result;
}

// Sums and stacks: 2^shift y_i, added or put below each other. Each addition rounds by at most u |sum|.
Image image_of_parts(const Expression& e, std::span<const double> x, bool adjoint, Context& context) {
  const bool concatenate = is_stack(e.kind) && concatenates(e, adjoint);
  Image result{{}, 0};
  if (!concatenate) result.values.resize(length_out(e, adjoint));
  std::size_t offset = 0;
  for (const Expression& part : e.parts) {
    const std::span<const double> own = piece(e, part, x, adjoint, offset);
    Image one = image(part, own, adjoint, context);
    const std::int64_t shift = part.is_zero() ? 0 : e.shift(part);
    // A part that is this much smaller than the largest is left out, and its whole norm counts as error.
    const double weight = shift >= -1000 ? times_power(1, shift) : 0.0;
    const double left_out = weight == 0 ? 0x1p-1000 * part.norm * at_least_norm(own) : 0;
    const double error = round_up(weight * one.error + left_out + root_of(one.values.size()) * 0x1p-1074);
    for (double& value : one.values) value *= weight;
    if (concatenate) {
      result.values.insert(result.values.end(), one.values.begin(), one.values.end());
      result.error = round_up(std::sqrt(result.error * result.error + error * error) + 0x1p-500);
      continue;
    }
    for (std::size_t i = 0; i < one.values.size(); ++i) result.values[i] += one.values[i];
    result.error = round_up(result.error + error + kUnitRoundoff * at_least_norm(result.values));
  }
  return result;
}

std::vector<double> absolute_of_leaf(const Expression& e, std::span<const double> x, bool adjoint, Context& context) {
  std::vector<double> y(length_out(e, adjoint));
  if (e.transposed != adjoint) {
    kernels::absolute_multiply_transposed(e.leaf.matrix, x, y, context);
  } else {
    kernels::absolute_multiply(e.leaf.matrix, x, y, context);
  }
  const double up = e.unit * (1 + gamma(static_cast<std::int64_t>(x.size()) + 2));
  for (double& value : y) value = round_up(value * up) + kImageUnderflow;
  return y;
}

std::vector<double> absolute_of_parts(const Expression& e, std::span<const double> x, bool adjoint, Context& context) {
  const bool concatenate = is_stack(e.kind) && concatenates(e, adjoint);
  std::vector<double> result(concatenate ? 0 : length_out(e, adjoint), 0.0);
  std::size_t offset = 0;
  for (const Expression& part : e.parts) {
    std::vector<double> one = absolute_image(part, piece(e, part, x, adjoint, offset), adjoint, context);
    const double weight = part.is_zero() ? 0.0 : power_up(e.shift(part));
    for (double& value : one) value *= weight;
    if (concatenate) {
      result.insert(result.end(), one.begin(), one.end());
      continue;
    }
    for (std::size_t i = 0; i < one.size(); ++i) result[i] = round_up(result[i] + one[i]);
  }
  return result;
}

}  // namespace

Image image(const Expression& e, std::span<const double> x, bool adjoint, Context& context) {
  const FloatingEnvironment environment;
  switch (e.kind) {
    case Kind::zero: return {std::vector<double>(length_out(e, adjoint), 0.0), 0};
    case Kind::stored: return image_of_leaf(e, x, adjoint, context);
    case Kind::convolution: return image_of_convolution(e, x, adjoint, context);
    case Kind::diagonal: return image_of_diagonal(e, x);
    case Kind::selection: return image_of_selection(e, x, adjoint);
    case Kind::kronecker: return image_of_kronecker(e, x, adjoint, context);
    case Kind::sum:
    case Kind::below:
    case Kind::beside: return image_of_parts(e, x, adjoint, context);
    case Kind::product: {
      const Expression& outer = e.parts[adjoint ? 1 : 0];
      const Image inner = image(e.parts[adjoint ? 0 : 1], x, adjoint, context);
      Image result = image(outer, inner.values, adjoint, context);
      for (double& value : result.values) value *= e.unit;
      result.error =
          round_up(e.unit * (result.error + outer.norm * inner.error) + root_of(result.values.size()) * 0x1p-1074);
      return result;
    }
    case Kind::scaled: {
      Image result = image(e.parts[0], x, adjoint, context);
      for (double& value : result.values) value *= e.factor;
      const double rounding = e.is_power_of_two() ? 0 : kUnitRoundoff * at_least_norm(result.values);
      result.error =
          round_up(std::fabs(e.factor) * result.error + rounding + root_of(result.values.size()) * 0x1p-1074);
      return result;
    }
  }
  return {};
}

std::vector<double> absolute_image(const Expression& e, std::span<const double> x, bool adjoint, Context& context) {
  const FloatingEnvironment environment;
  switch (e.kind) {
    case Kind::zero: return std::vector<double>(length_out(e, adjoint), 0.0);
    case Kind::stored: return absolute_of_leaf(e, x, adjoint, context);
    case Kind::convolution: return absolute_of_convolution(e, x, adjoint, context);
    case Kind::diagonal: return absolute_of_diagonal(e, x);
    case Kind::selection: return absolute_of_selection(e, x, adjoint);
    case Kind::kronecker: return absolute_of_kronecker(e, x, adjoint, context);
    case Kind::sum:
    case Kind::below:
    case Kind::beside: return absolute_of_parts(e, x, adjoint, context);
    case Kind::product: {
      const std::vector<double> inner = absolute_image(e.parts[adjoint ? 0 : 1], x, adjoint, context);
      std::vector<double> result = absolute_image(e.parts[adjoint ? 1 : 0], inner, adjoint, context);
      for (double& value : result) value = round_up(value * e.unit);
      return result;
    }
    case Kind::scaled: {
      std::vector<double> result = absolute_image(e.parts[0], x, adjoint, context);
      for (double& value : result) value = round_up(value * std::fabs(e.factor));
      return result;
    }
  }
  return {};
}

std::vector<double> absolute_gram_image(const Expression& e, std::span<const double> x, Context& context) {
  const FloatingEnvironment environment;
  if (e.kind != Kind::stored || e.transposed) {
    return absolute_image(e, absolute_image(e, x, false, context), true, context);
  }
  std::vector<double> z(x.size());
  kernels::absolute_gram(e.leaf.matrix, x, z, context);
  const double up = 1 + gamma(e.rows + e.columns + 4);
  for (double& value : z) value = round_up(value * e.unit * e.unit * up) + kGramUnderflow;
  return z;
}

}  // namespace sigmax::bounds
