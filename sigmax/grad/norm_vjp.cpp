#include "sigmax/grad/norm_vjp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/grad/entries.hpp"
#include "sigmax/grad/outer_update.hpp"
#include "sigmax/grad/triplets/leading.hpp"
#include "sigmax/kernels/scan.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax::grad {
namespace {

// Inverse Lanczos may miss the second copy of the smallest value; up to this order the whole decomposition is cheap.
constexpr std::int64_t kSmallest = 128;

template <Real T>
SvdOptions<T> svd_options(const NormVjpOptions& options) {
  SvdOptions<T> result;
  result.accuracy = Accuracy::vectors;
  result.tolerance = options.tolerance > 0 ? options.tolerance : (std::same_as<T, float> ? 1e-6 : 1e-13);
  result.max_products = options.max_products;
  result.random = options.random;
  return result;
}

// Singular values that differ by less are equal, and those below are 0.
template <Real T>
double rounding_of(Shape shape, double largest) {
  return 4 * static_cast<double>(std::max(shape.rows, shape.columns)) * std::numeric_limits<T>::epsilon() * largest;
}

void not_unique(NormGradient& norm, GradientKind kind, std::string note) {
  norm.kind = kind;
  norm.note = std::move(note);
}

// All triplets of nonzero value, and the number of values.
template <Real T>
struct AllTriplets {
  std::vector<double> sigma;
  Matrix<T> u;
  Matrix<T> v;
};

// V of A = U V^T for a product with few columns in the middle, or a sum of such; empty where there is none of at most
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

// sum w_i u_i v_i^T, scale and all, without the terms of weight 0.
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

template <Real T>
struct OfOperator {
  const LinearOperator<T>& a;
  const NormVjpOptions& options;
  Context& context;

  std::int64_t all() const { return std::min(a.shape().rows, a.shape().columns); }

  NormCotangent<T> operator()(norms::Spectral) const { return leading(1, "1"); }

  NormCotangent<T> operator()(norms::KyFan n) const {
    if (n.k < 1 || n.k > all()) {
      throw Error(
          fmt::format("[norm_vjp] k must be between 1 and the number of singular values, {}, got {}", all(), n.k));
    }
    return leading(n.k, std::to_string(n.k));
  }

  NormCotangent<T> leading(std::int64_t k, const std::string& name) const {
    Leading<T> top(a, svd_options<T>(options), context);
    top.grow(k);
    const double largest = top.sigma().front();
    const double nothing = rounding_of<T>(a.shape(), largest);
    NormCotangent<T> result;
    std::vector<double> weights(static_cast<std::size_t>(k), 0.0);
    for (std::size_t i = 0; i < std::min(weights.size(), top.sigma().size()); ++i) {
      result.norm.value += top.sigma()[i];
      if (top.sigma()[i] > nothing) weights[i] = options.scale;
    }
    result.gradient = top.outer_sum(weights);
    result.norm.outcome = top.outcome();
    const bool has_kth = static_cast<std::size_t>(k) <= top.sigma().size();
    const double kth = has_kth ? top.sigma()[static_cast<std::size_t>(k) - 1] : 0.0;
    const double gap = kth - (k < all() ? top.next() : 0.0);
    result.norm.gap = largest > 0 ? gap / largest : 0.0;
    if (!(kth > nothing)) {
      not_unique(result.norm, GradientKind::subgradient, fmt::format("sigma_{} = 0", name));
    } else if (!(gap > nothing)) {
      not_unique(result.norm, GradientKind::subgradient, fmt::format("sigma_{} = sigma_{}", name, k + 1));
    }
    return result;
  }

  NormCotangent<T> operator()(norms::Schatten n) const {
    if (!(n.p >= 1)) throw Error(fmt::format("[norm_vjp] Schatten p must be at least 1, got {}", n.p));
    if (std::isinf(n.p)) return (*this)(norms::Spectral{});
    if (n.p == 2) return (*this)(norms::Frobenius{});
    return of_all(n.p);
  }

  // The derivative of |sigma|_p: (sigma_i / |sigma|_p)^(p - 1).
  NormCotangent<T> of_all(double p) const {
    const AllTriplets<T> triplets = all_triplets(a, options, context);
    const std::vector<double>& sigma = triplets.sigma;
    NormCotangent<T> result;
    result.norm.value = norms::schatten(sigma, p);
    const double nothing = rounding_of<T>(a.shape(), sigma.front());
    const double relative_norm = sigma.front() > 0 ? result.norm.value / sigma.front() : 1;
    std::vector<double> weights;
    weights.reserve(sigma.size());
    for (const double value : sigma) {
      weights.push_back(value > nothing ? std::pow(value / sigma.front() / relative_norm, p - 1) : 0.0);
    }
    result.gradient = weighted(triplets, weights, options.scale);
    const double last = static_cast<std::int64_t>(sigma.size()) < all() ? 0.0 : sigma.back();
    if (p == 1) result.norm.gap = sigma.front() > 0 ? last / sigma.front() : 0.0;
    if (sigma.front() == 0) {
      not_unique(result.norm, GradientKind::subgradient, "the operator is 0");
    } else if (p == 1 && !(last > nothing)) {
      not_unique(result.norm, GradientKind::subgradient,
                 fmt::format("rank {} of {}", norms::numerical_rank(sigma, nothing), all()));
    }
    return result;
  }

  NormCotangent<T> operator()(norms::Frobenius) const {
    const Matrix<T> factor = thin_factor(a, all() / 2, false, context);
    return factor.empty() ? of_entries(norms::Frobenius{}) : of_all(2);
  }

  NormCotangent<T> operator()(norms::SmallestSingular) const {
    SvdOptions<T> wanted = svd_options<T>(options);
    wanted.accuracy = Accuracy::values;
    wanted.tolerance = 1e-4;
    wanted.check = Check::none;  // of the scale alone
    const double largest = svd(a, wanted, context).sigma.front();
    wanted = svd_options<T>(options);
    wanted.which = Which::smallest;
    wanted.k = std::min<std::int64_t>(2, all());
    if (all() <= kSmallest) wanted.method = DenseLapack{};
    const SvdResult<T> found = svd(a, wanted, context);
    const double smallest = found.sigma.back();
    const double nothing = rounding_of<T>(a.shape(), largest);
    const double above =
        found.sigma.size() > 1 ? found.sigma.front() - smallest : std::numeric_limits<double>::infinity();
    NormCotangent<T> result;
    result.norm.value = smallest;
    result.norm.outcome = found.outcome;
    result.norm.gap = largest > 0 ? std::min(above, smallest) / largest : 0.0;
    const bool positive = smallest > nothing;
    if (!positive) {
      not_unique(result.norm, GradientKind::generalized, fmt::format("sigma_{} = 0", all()));
    } else if (!(above > nothing)) {
      not_unique(result.norm, GradientKind::generalized, fmt::format("sigma_{} = sigma_{}", all() - 1, all()));
    }
    std::vector<double> weights(found.sigma.size(), 0.0);
    weights.back() = positive ? 1 : 0;
    result.gradient = weighted(AllTriplets<T>{found.sigma, found.u, found.v}, weights, options.scale);
    return result;
  }

  template <class Entries>
  NormCotangent<T> operator()(const Entries& which) const {
    return of_entries(which);
  }

  // The column-major matrix of entries is the row-major one of the transpose.
  NormCotangent<T> of_entries(const norms::Norm& which) const {
    const Matrix<T> entries = materialize(a, context);
    const DType type = std::same_as<T, float> ? DType::f32 : DType::f64;
    const kernels::StoredMatrix stored{type, std::as_bytes(entries.values()).data(), entries.columns(), entries.rows(),
                                       entries.rows()};
    NormCotangent<T> result;
    EntryGradient found = entry_gradient(stored, true, which, context);
    result.norm = std::move(found.norm);
    Matrix<T> dense(entries.rows(), entries.columns());
    add_entries<T>(stored, found.formula, options.scale, dense.values().data(), dense.rows(), 1, context);
    result.gradient = as_outer_sum(std::move(dense));
    return result;
  }
};

void require(const NormVjpOptions& options) {
  if (!std::isfinite(options.scale)) {
    throw Error(fmt::format("[norm_vjp] the scale must be finite, got {}", options.scale));
  }
}

}  // namespace

std::string_view message(GradientKind kind) {
  switch (kind) {
    case GradientKind::unique: return "gradient";
    case GradientKind::subgradient: return "subgradient (one of several)";
    case GradientKind::generalized: return "generalized gradient (one of several)";
  }
  return "";
}

template <Real T>
NormCotangent<T> norm_cotangent(const LinearOperator<T>& a, const norms::Norm& which, const NormVjpOptions& options,
                                Context& context) {
  const FloatingEnvironment environment;
  require(options);
  const Shape shape = a.shape();
  if (std::min(shape.rows, shape.columns) < 1) {
    throw Error(fmt::format("[norm_vjp] an operator without entries, {}x{}", shape.rows, shape.columns));
  }
  return std::visit(OfOperator<T>{a, options, context}, which);
}

template <Real T>
NormGradient norm_vjp(const LinearOperator<T>& a, const norms::Norm& which, std::span<T> grad,
                      const NormVjpOptions& options, Context& context) {
  const FloatingEnvironment environment;
  NormCotangent<T> found = norm_cotangent(a, which, options, context);
  a.pull_back(found.gradient.view(), grad, context);
  return std::move(found.norm);
}

template <Real T>
NormGradient norm_vjp(const Tensor& matrix, const norms::Norm& which, std::span<T> grad, const NormVjpOptions& options,
                      Context& context) {
  const FloatingEnvironment environment;
  require(options);
  const StoredView view = stored_view(matrix);
  if (matrix.size() != static_cast<std::int64_t>(grad.size())) {
    throw Error(fmt::format("[norm_vjp] a gradient of {} entries for a matrix of shape {}", grad.size(),
                            to_string(matrix.shape())));
  }
  const auto* schatten = std::get_if<norms::Schatten>(&which);
  const bool frobenius = schatten != nullptr && schatten->p == 2;
  if (frobenius || is_of_entries(which)) {
    EntryGradient found =
        entry_gradient(view.matrix, view.transposed, frobenius ? norms::Norm(norms::Frobenius{}) : which, context);
    const std::int64_t columns = matrix.shape()[1];
    add_entries<T>(view.matrix, found.formula, options.scale, grad.data(), view.transposed ? 1 : columns,
                   view.transposed ? columns : 1, context);
    return std::move(found.norm);
  }
  const kernels::Scan facts = kernels::scan(view.matrix, context);
  if (!facts.finite()) {
    throw Error(fmt::format("[norm_vjp] the matrix has {} NaN and {} infinite entries", facts.nan, facts.infinite));
  }
  const Operator<double> a = dense<double>(matrix);
  NormCotangent<double> found = norm_cotangent(*a, which, options, context);
  update_outer<T>(found.gradient.view(), 1, grad, context);
  return std::move(found.norm);
}

template NormGradient norm_vjp<float>(const Tensor&, const norms::Norm&, std::span<float>, const NormVjpOptions&,
                                      Context&);
template NormGradient norm_vjp<double>(const Tensor&, const norms::Norm&, std::span<double>, const NormVjpOptions&,
                                       Context&);
template NormCotangent<float> norm_cotangent<float>(const LinearOperator<float>&, const norms::Norm&,
                                                    const NormVjpOptions&, Context&);
template NormCotangent<double> norm_cotangent<double>(const LinearOperator<double>&, const norms::Norm&,
                                                      const NormVjpOptions&, Context&);
template NormGradient norm_vjp<float>(const LinearOperator<float>&, const norms::Norm&, std::span<float>,
                                      const NormVjpOptions&, Context&);
template NormGradient norm_vjp<double>(const LinearOperator<double>&, const norms::Norm&, std::span<double>,
                                       const NormVjpOptions&, Context&);

}  // namespace sigmax::grad
