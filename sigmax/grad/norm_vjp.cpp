#include "sigmax/grad/norm_vjp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/outer_update.hpp"
#include "sigmax/grad/triplets/leading.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax::grad {
namespace {

template <Real T>
SvdOptions<T> svd_options(const NormVjpOptions& options) {
  SvdOptions<T> result;
  result.accuracy = Accuracy::vectors;
  result.tolerance = options.tolerance.value_or(std::same_as<T, float> ? 1e-6 : 1e-13);
  result.max_products = options.max_products;
  result.random = options.random;
  return result;
}

// Singular values that differ by less count as equal, and values below it count as 0.
template <Real T>
double rounding_of(Shape shape, double largest) {
  return 4 * static_cast<double>(std::max(shape.rows, shape.columns)) * std::numeric_limits<T>::epsilon() * largest;
}

// All triplets of nonzero value, and the number of values.
template <Real T>
struct AllTriplets {
  std::vector<double> sigma;
  Matrix<T> u;
  Matrix<T> v;
};

// V of A = U V^T for a product with a small inner dimension, or a sum of such products; empty if none has at most
// `most` columns. With `of_rows`, U.
template <Real T>
Matrix<T> thin_factor(const LinearOperator<T>& a, std::int64_t most, bool of_rows, Context& context);

template <Real T>
Matrix<T> transposed(const Matrix<T>& x) {
  Matrix<T> result(x.columns(), x.rows());
  for (std::int64_t j = 0; j < x.columns(); ++j) {
    for (std::int64_t i = 0; i < x.rows(); ++i) result(j, i) = x(i, j);
  }
  return result;
}

template <Real T>
struct ThinFactor {
  std::int64_t most;
  bool of_rows;
  Context& context;

  Matrix<T> operator()(const structure::Product<T>& product) const {
    if (product.left->shape().columns > most) return {};
    return of_rows ? materialize(*product.left, context) : transposed(materialize(*product.right, context));
  }
  Matrix<T> operator()(const structure::Scaled<T>& scaled) const {
    return thin_factor(*scaled.of, most, of_rows, context);
  }
  Matrix<T> operator()(const structure::Transposed<T>& other) const {
    return thin_factor(*other.of, most, !of_rows, context);
  }
  Matrix<T> operator()(const structure::Sum<T>& sum) const {
    std::vector<T> values;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    for (const Operator<T>& term : sum.terms) {
      const Matrix<T> factor = thin_factor(*term, most - columns, of_rows, context);
      if (factor.empty()) return {};
      rows = factor.rows();
      columns += factor.columns();
      values.insert(values.end(), factor.values().begin(), factor.values().end());
    }
    Matrix<T> result(rows, columns);
    std::ranges::copy(values, result.values().begin());
    return result;
  }
  template <class Other>
  Matrix<T> operator()(const Other&) const {
    return {};
  }
};

template <Real T>
Matrix<T> thin_factor(const LinearOperator<T>& a, std::int64_t most, bool of_rows, Context& context) {
  if (most < 1) return {};
  return std::visit(ThinFactor<T>{most, of_rows, context}, a.structure());
}

template <Real T>
bool in_range(double largest) {
  return largest > 0 && std::abs(std::ilogb(largest)) <= kInRange<T>;
}

template <Real T>
AllTriplets<T> all_triplets(const LinearOperator<T>& a, const NormVjpOptions& options, Context& context) {
  const Shape shape = a.shape();
  const std::int64_t all = std::min(shape.rows, shape.columns);
  const Matrix<T> factor = thin_factor(a, all / 2, false, context);
  if (!factor.empty()) {
    Triplets<T> found = triplets_from_right<T>(a, factor.view(), context);
    if (in_range<T>(found.sigma.front())) return {std::move(found.sigma), std::move(found.u), std::move(found.v)};
  }
  SvdOptions<T> wanted = svd_options<T>(options);
  wanted.k = all;
  wanted.method = DenseLapack{};
  SvdResult<T> found = svd(a, wanted, context);
  return {std::move(found.sigma), std::move(found.u), std::move(found.v)};
}

// sum w_i u_i v_i^T, scale included, without the terms of weight 0.
template <Real T>
OuterSum<T> weighted(const AllTriplets<T>& all, const std::vector<double>& weights, double scale) {
  std::vector<double> kept;
  std::vector<std::int64_t> used;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    kept.push_back(scale * weights[i]);
    used.push_back(static_cast<std::int64_t>(i));
  }
  OuterSum<T> sum(all.u.rows(), all.v.rows(), static_cast<std::int64_t>(used.size()));
  for (std::size_t i = 0; i < used.size(); ++i) {
    std::ranges::copy(all.u.column(used[i]), sum.u.column(static_cast<std::int64_t>(i)).begin());
    std::ranges::copy(all.v.column(used[i]), sum.v.column(static_cast<std::int64_t>(i)).begin());
  }
  sum.weights = std::move(kept);
  return sum;
}

// A = A I or I A, on the shorter side: any matrix as a sum of outer products.
template <Real T>
OuterSum<T> as_outer_sum(Matrix<T> dense) {
  const std::int64_t rows = dense.rows();
  const std::int64_t columns = dense.columns();
  const std::int64_t terms = std::min(rows, columns);
  Matrix<T> identity(terms, terms);
  for (std::int64_t i = 0; i < terms; ++i) identity(i, i) = 1;
  std::vector<double> ones(static_cast<std::size_t>(terms), 1.0);
  if (columns <= rows) return {std::move(dense), std::move(identity), std::move(ones)};
  return {std::move(identity), transposed(dense), std::move(ones)};
}

// Value and gradient of a function of singular values: the triplets that it depends on, and its weights on them.
template <Real T>
struct OfValues {
  const LinearOperator<T>& a;
  const norms::Norm& which;
  const NormVjpOptions& options;
  Context& context;

  std::int64_t all() const { return std::min(a.shape().rows, a.shape().columns); }

  norms::SpectralGradient gradient_at(std::span<const double> sigma, double largest,
                                      std::optional<double> neighbor) const {
    const double rounding = rounding_of<T>(a.shape(), largest);
    return norms::spectral_gradient({sigma, largest, neighbor, all(), rounding}, which);
  }

  NormCotangent<T> operator()() const {
    const norms::Demand wanted = norms::demand(which, all());
    switch (wanted.part) {
      case norms::Demand::Part::largest: return of_largest(wanted.count);
      case norms::Demand::Part::smallest: return of_smallest(wanted);
      case norms::Demand::Part::all: break;
    }
    return of_all();
  }

  NormCotangent<T> of_largest(std::int64_t k) const {
    Leading<T> top(a, svd_options<T>(options), context);
    top.grow(k);
    norms::SpectralGradient found = gradient_at(top.sigma(), top.sigma().front(), top.next());
    for (double& weight : found.weights) weight *= options.scale;
    found.norm.outcome = top.outcome();
    return {std::move(found.norm), top.outer_sum(found.weights)};
  }

  NormCotangent<T> of_all() const {
    const AllTriplets<T> triplets = all_triplets(a, options, context);
    norms::SpectralGradient found = gradient_at(triplets.sigma, triplets.sigma.front(), std::nullopt);
    return {std::move(found.norm), weighted(triplets, found.weights, options.scale)};
  }

  NormCotangent<T> of_smallest(const norms::Demand& wanted) const {
    SvdOptions<T> scale = svd_options<T>(options);
    scale.accuracy = Accuracy::values;
    scale.tolerance = 1e-4;
    scale.check = Check::none;  // it only decides which values are small
    const double largest = svd(a, scale, context).sigma.front();
    SvdResult<T> found = svd(a, norms::solver_for(wanted, all(), svd_options<T>(options)), context);
    std::optional<double> neighbor;
    if (found.sigma.size() > 1) neighbor = found.sigma.front();
    norms::SpectralGradient gradient = gradient_at(found.sigma, largest, neighbor);
    gradient.norm.outcome = found.outcome;
    const AllTriplets<T> triplets{std::move(found.sigma), std::move(found.u), std::move(found.v)};
    return {std::move(gradient.norm), weighted(triplets, gradient.weights, options.scale)};
  }
};

// The column-major matrix of entries is the row-major one of the transpose.
template <Real T>
NormCotangent<T> of_entries(const LinearOperator<T>& a, const norms::Norm& which, const NormVjpOptions& options,
                            Context& context) {
  const Matrix<T> entries = materialize(a, context);
  const DType type = std::same_as<T, float> ? DType::f32 : DType::f64;
  const kernels::StoredMatrix stored{type, std::as_bytes(entries.values()).data(), entries.columns(), entries.rows(),
                                     entries.rows()};
  norms::EntryGradient found = norms::entry_gradient(norms::scanned("norm_vjp", stored, true, context), which, context);
  Matrix<T> dense(entries.rows(), entries.columns());
  norms::add_entries<T>(stored, found.formula, options.scale, dense.values().data(), dense.rows(), 1, context);
  return {std::move(found.norm), as_outer_sum(std::move(dense))};
}

bool is_of_entries(const norms::Norm& which) { return norms::row_of(which).family == norms::Family::entries; }

template <Real T>
OuterSum<T> outer_sum_of(const std::vector<std::vector<double>>& left, const std::vector<std::vector<double>>& right,
                         double scale) {
  OuterSum<T> sum(static_cast<std::int64_t>(left.front().size()), static_cast<std::int64_t>(right.front().size()),
                  static_cast<std::int64_t>(left.size()));
  const auto rounded = [](double x) { return static_cast<T>(x); };
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::ranges::transform(left[i], sum.u.column(static_cast<std::int64_t>(i)).begin(), rounded);
    std::ranges::transform(right[i], sum.v.column(static_cast<std::int64_t>(i)).begin(), rounded);
  }
  std::fill(sum.weights.begin(), sum.weights.end(), scale);
  return sum;
}

// z x^T for the vectors that were found. Nothing shows that no other vector does as well.
template <Real T>
NormCotangent<T> of_induced(const LinearOperator<T>& a, const norms::Induced& n, const NormVjpOptions& options,
                            Context& context) {
  norms::InducedOptions how;
  how.enclose = false;
  how.random = options.random;
  const norms::InducedNorm found = norms::induced_norm(a, n.p, n.q, how, context);
  NormCotangent<T> result;
  result.norm.value = found.value;
  result.norm.kind = GradientKind::subgradient;
  if (found.value == 0) {
    result.norm.note = "the operator is 0";
    result.gradient = OuterSum<T>(a.shape().rows, a.shape().columns, 0);
    return result;
  }
  result.norm.note = "of the best vector that was found";
  result.gradient = outer_sum_of<T>({found.z}, {found.x}, options.scale);
  return result;
}

// w(A) = Re(e^{it} x* A x): with x = a + i b the derivative is Re(e^{it} conj(x) x^T), which is
// a (cos a - sin b)^T + b (cos b + sin a)^T.
template <Real T>
NormCotangent<T> of_numerical_radius(const LinearOperator<T>& a, const NormVjpOptions& options, Context& context) {
  norms::RadiusPoint found = norms::numerical_radius_point(a, context);
  NormCotangent<T> result{std::move(found.norm), OuterSum<T>(a.shape().rows, a.shape().columns, 0)};
  if (result.norm.value == 0) return result;
  const double cosine = std::cos(found.angle);
  const double sine = std::sin(found.angle);
  std::vector<double> first = found.re;
  std::vector<double> second = found.im;
  for (std::size_t i = 0; i < first.size(); ++i) {
    first[i] = cosine * found.re[i] - sine * found.im[i];
    second[i] = cosine * found.im[i] + sine * found.re[i];
  }
  result.gradient = outer_sum_of<T>({found.re, found.im}, {first, second}, options.scale);
  return result;
}

// Schatten 2 is the Frobenius norm, which is also a function of the entries; entries are cheaper.
norms::Norm without_aliases(const norms::Norm& which) {
  const norms::Norm same = norms::simplified(which);
  const bool is_schatten_2 =
      std::holds_alternative<norms::Schatten>(which) && std::holds_alternative<norms::Frobenius>(same);
  const bool is_new = std::holds_alternative<norms::Mixed>(which) || std::holds_alternative<norms::Induced>(which);
  return is_schatten_2 || is_new ? same : which;
}

void require(const NormVjpOptions& options) {
  if (!std::isfinite(options.scale)) {
    throw Error(fmt::format("[norm_vjp] the scale must be finite, got {}", options.scale));
  }
}

}  // namespace

template <Real T>
NormCotangent<T> norm_cotangent(const LinearOperator<T>& a, const norms::Norm& which, const NormVjpOptions& options,
                                Context& context) {
  const FloatingEnvironment environment;
  require(options);
  const Shape shape = a.shape();
  const std::int64_t all = std::min(shape.rows, shape.columns);
  if (all < 1) throw Error(fmt::format("[norm_vjp] an operator without entries, {}x{}", shape.rows, shape.columns));
  norms::require_valid("norm_vjp", which, all);
  const norms::Norm same = without_aliases(which);
  // The Frobenius norm of a product with a small inner dimension comes from its singular values; for anything else,
  // from the entries.
  const bool thin = std::holds_alternative<norms::Frobenius>(same) && !thin_factor(a, all / 2, false, context).empty();
  if (thin || norms::is_of_singular_values(same)) return OfValues<T>{a, same, options, context}();
  if (const auto* n = std::get_if<norms::Induced>(&same)) return of_induced(a, *n, options, context);
  if (std::holds_alternative<norms::NumericalRadius>(same)) return of_numerical_radius(a, options, context);
  return of_entries(a, same, options, context);
}

template <Real T>
NormGradient norm_vjp(const LinearOperator<T>& a, const norms::Norm& which, const NormVjpOptions& options,
                      std::span<T> grad, Context& context) {
  const FloatingEnvironment environment;
  NormCotangent<T> found = norm_cotangent(a, which, options, context);
  a.pull_back(found.gradient.view(), grad, context);
  return std::move(found.norm);
}

template <Real T>
NormGradient norm_vjp(const Tensor& matrix, const norms::Norm& which, const NormVjpOptions& options, std::span<T> grad,
                      Context& context) {
  const FloatingEnvironment environment;
  require(options);
  if (matrix.size() != static_cast<std::int64_t>(grad.size())) {
    throw Error(fmt::format("[norm_vjp] a gradient of {} entries for a matrix of shape {}", grad.size(),
                            to_string(matrix.shape())));
  }
  const ScannedMatrix scanned = scanned_finite(matrix, "norm_vjp", "matrix", context);
  norms::require_valid("norm_vjp", which, std::min(matrix.shape()[0], matrix.shape()[1]));
  const norms::Norm same = without_aliases(which);
  if (is_of_entries(same)) {
    const norms::Entries entries = norms::entries_of(scanned);
    norms::EntryGradient found = norms::entry_gradient(entries, same, context);
    norms::add_entries<T>(entries, found.formula, options.scale, grad, context);
    return std::move(found.norm);
  }
  const Operator<double> a = dense<double>(matrix);
  NormCotangent<double> found = norm_cotangent(*a, same, options, context);
  update_outer<T>(found.gradient.view(), 1, grad, context);
  return std::move(found.norm);
}

template NormGradient norm_vjp<float>(const Tensor&, const norms::Norm&, const NormVjpOptions&, std::span<float>,
                                      Context&);
template NormGradient norm_vjp<double>(const Tensor&, const norms::Norm&, const NormVjpOptions&, std::span<double>,
                                       Context&);
template NormCotangent<float> norm_cotangent<float>(const LinearOperator<float>&, const norms::Norm&,
                                                    const NormVjpOptions&, Context&);
template NormCotangent<double> norm_cotangent<double>(const LinearOperator<double>&, const norms::Norm&,
                                                      const NormVjpOptions&, Context&);
template NormGradient norm_vjp<float>(const LinearOperator<float>&, const norms::Norm&, const NormVjpOptions&,
                                      std::span<float>, Context&);
template NormGradient norm_vjp<double>(const LinearOperator<double>&, const norms::Norm&, const NormVjpOptions&,
                                       std::span<double>, Context&);

}  // namespace sigmax::grad
