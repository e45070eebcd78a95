#include "sigmax/norms/induced.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/kernels/matvec.hpp"
#include "sigmax/linalg/convert.hpp"
#include "sigmax/norms/exponent.hpp"
#include "sigmax/norms/induced/induced_vectors.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::norms {
namespace {

using bounds::InducedBounds;
// Ends that are this close are as good as equal: nothing more is tried.
constexpr double kClosed = 1e-11;
// Steps of the search from 2 -> 2 to p -> q.
constexpr int kPath = 20;

void require_exponents(double p, double q) {
  if (!(p >= 1) || !(q >= 1)) {
    throw Error(fmt::format("[induced_norm] p and q must be at least 1, got {} and {}", p, q));
  }
}

void require_entries(Shape shape) {
  if (shape.rows < 1 || shape.columns < 1) {
    throw Error(fmt::format("[induced_norm] an operator without entries, {}x{}", shape.rows, shape.columns));
  }
}

Products products_of(const kernels::StoredMatrix& a, bool transposed, Context& context) {
  Products result;
  result.rows = transposed ? a.columns : a.rows;
  result.columns = transposed ? a.rows : a.columns;
  const auto plain = [&a, &context](MatrixView<const double> x, MatrixView<double> y) {
    kernels::multiply<double>(a, x, y, context);
  };
  const auto adjoint = [&a, &context](MatrixView<const double> y, MatrixView<double> x) {
    kernels::multiply_transposed<double>(a, y, x, context);
  };
  if (transposed) {
    result.forward = adjoint;
    result.adjoint = plain;
  } else {
    result.forward = plain;
    result.adjoint = adjoint;
  }
  return result;
}

template <Real T>
Products products_of(const LinearOperator<T>& a, Context& context) {
  Products result{a.shape().rows, a.shape().columns, {}, {}};
  if constexpr (std::same_as<T, double>) {
    result.forward = [&a, &context](MatrixView<const double> x, MatrixView<double> y) { a.apply(x, y, context); };
    result.adjoint = [&a, &context](MatrixView<const double> y, MatrixView<double> x) {
      a.apply_adjoint(y, x, context);
    };
  } else {
    const auto through = [](MatrixView<const double> x, MatrixView<double> y, const auto& apply) {
      const Matrix<float> in = converted<float>(x);
      Matrix<float> out(y.rows, y.columns);
      apply(in.view(), out.view());
      for (std::int64_t j = 0; j < y.columns; ++j) std::ranges::copy(out.column(j), y.column(j).begin());
    };
    result.forward = [&a, &context, through](MatrixView<const double> x, MatrixView<double> y) {
      through(x, y, [&](auto in, auto out) { a.apply(in, out, context); });
    };
    result.adjoint = [&a, &context, through](MatrixView<const double> y, MatrixView<double> x) {
      through(y, x, [&](auto in, auto out) { a.apply_adjoint(in, out, context); });
    };
  }
  return result;
}

// One computation: the search with the products, the ends with the bounds.
class Search {
 public:
  Search(InducedBounds* ends, Products a, double p, double q, const InducedOptions& options, Context& context)
      : ends_(ends), a_(std::move(a)), p_(p), q_(q), options_(options), context_(context) {
    random_ = given_or_drawn(options.random);
  }

  // A vector for a norm that is hard, and the ends.
  void run() {
    if (p_ >= q_ && ends_ != nullptr) collatz();
    if (is_closed()) return;
    const bool scales = p_ > 2 || q_ < 2;
    const int steps = scales && options_.mixing_steps > 0 ? options_.mixing_steps : 4;
    const MixedVectors mixed = mix(a_, std::max(p_, 2.0), std::min(q_, 2.0), rank(), steps, random_, context_);
    take(ascend(a_, p_, q_, rounded(mixed.vectors, starts()), kPath, options_.most_steps, context_));
    take(ascend(a_, p_, q_, rounded(mixed.vectors, starts() * direct()), 0, options_.most_steps, context_));
    if (p_ < 2 || q_ > 2) take(ascend(a_, p_, q_, corners(), 0, options_.most_steps, context_));
    if (ends_ == nullptr || !options_.enclose || is_closed()) return;
    ends_->interpolation(options_.certify);
    if (!is_closed() && scales) ends_->scaling(mixed.of_rows, mixed.of_columns, options_.certify);
  }

  // A column or row, or a singular vector.
  void take(Ascent found) {
    if (found.value > best_.value || best_.x.empty()) best_ = std::move(found);
    if (ends_ != nullptr) ends_->vector(best_.x);
  }

  InducedNorm result(const Enclosure& enclosure) const {
    InducedNorm result{0, enclosure, ends_ == nullptr ? bounds::InducedProof::comparison : ends_->proof(), best_.x, {}};
    if (!enclosure.upper) result.proof = bounds::InducedProof::none;
    Matrix<double> x(a_.columns, 1);
    Matrix<double> y(a_.rows, 1);
    std::ranges::copy(best_.x, x.values().begin());
    a_.forward(std::as_const(x).view(), y.view());
    const std::int64_t exponent = ends_ == nullptr ? 0 : ends_->exponent();
    const double length = approximate_norm(x.values(), p_);
    const double quotient = approximate_norm(y.values(), q_) / length;
    // Vectors of Collatz quotients come at any length.
    for (double& entry : result.x) entry /= length;
    const double value = std::ldexp(quotient, static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000)));
    result.value = nearest_in(enclosure, value);
    dualize(y.values(), conjugate(q_));
    result.z.assign(y.values().begin(), y.values().end());
    return result;
  }

  const Products& products() const { return a_; }
  const std::vector<double>& best() const { return best_.x; }

 private:
  bool is_closed() const {
    if (ends_ == nullptr) return false;
    return ends_->upper() * (1 - std::max(options_.certify.relative_width, kClosed)) <= ends_->lower();
  }

  std::int64_t starts() const { return std::max(options_.starts, 1); }

  // The way from 2 -> 2 leads to good maxima of large matrices, but leads many starts to the same one. So there are
  // also starts that take no way: for each of the others one, or more where products cost little.
  std::int64_t direct() const {
    return std::clamp<std::int64_t>((std::int64_t{1} << 16) / (a_.rows * a_.columns), 1, 32);
  }

  // The relaxation has a solution of a rank of at most sqrt(2 (m + n)), and of at most the shorter side.
  std::int64_t rank() const {
    const auto enough = static_cast<std::int64_t>(std::sqrt(2 * static_cast<double>(a_.rows + a_.columns))) + 1;
    return std::clamp<std::int64_t>(std::min({enough, a_.rows, a_.columns}), 1, std::max(options_.mixing_rank, 1));
  }

  // Goes on while the quotient of |A| can still come near the lower end of A, or, if that was found to be hopeless, for
  // a few steps: each gives a bound.
  void collatz() {
    constexpr int kStepsOfHopeless = 4;
    constexpr int kStepsWithoutGain = 5;
    std::vector<double> x(static_cast<std::size_t>(a_.columns), 1.0);
    for (int step = 0, without = 0; step < options_.collatz_steps && without < kStepsWithoutGain; ++step) {
      context_.check_cancel();
      const double before = ends_->upper();
      std::vector<double> here = x;
      const double quotient = ends_->collatz(x);
      without = ends_->upper() < before * (1 - 1e-14) ? 0 : without + 1;
      // Looking at the vector costs as much as a step.
      if (step >= kStepsOfHopeless && (step & (step - 1)) != 0 && without < kStepsWithoutGain) continue;
      take(with_signs(std::move(here)));
      if (is_closed()) return;
      const bool hopeless = quotient > ends_->lower() * (1 + 1e-6);
      if (hopeless && step + 1 >= kStepsOfHopeless) return;
    }
    take(with_signs(std::move(x)));
  }

  // x with signs that make A x as large as |A| x if A has one sign pattern up to signs of its rows: those of A^T y for
  // y = A e, e the unit vector of the largest entry of x.
  Ascent with_signs(std::vector<double> x) {
    Matrix<double> y(a_.rows, 1);
    Matrix<double> g(a_.columns, 1);
    g(std::max_element(x.begin(), x.end()) - x.begin(), 0) = 1;
    a_.forward(std::as_const(g).view(), y.view());
    dualize(y.values(), kInfinity);
    a_.adjoint(std::as_const(y).view(), g.view());
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = g.values()[j] < 0 ? -x[j] : x[j];
    std::ranges::copy(x, g.values().begin());
    a_.forward(std::as_const(g).view(), y.view());
    const double value = approximate_norm(y.values(), q_) / approximate_norm(x, p_);
    return {std::move(x), value};
  }

  // Random combinations of the components of the vectors v_j.
  Matrix<double> rounded(const Matrix<double>& vectors, std::int64_t count) {
    Matrix<double> x(a_.columns, count);
    Matrix<double> weights(vectors.columns(), count);
    random_ = fill_normal(random_, weights.values());
    for (std::int64_t j = 0; j < count; ++j) {
      const std::span<double> column = x.column(j);
      for (std::int64_t c = 0; c < vectors.columns(); ++c) {
        const double weight = weights(c, j);
        const std::span<const double> component = vectors.column(c);
        for (std::size_t i = 0; i < column.size(); ++i) column[i] += weight * component[i];
      }
    }
    return x;
  }

  // Unit vectors of large columns, and the dual vectors of the rows in which these columns are largest: candidates for
  // the maximizers of 1 -> q and p -> infinity. The first of each is the largest, where the matrix is known.
  Matrix<double> corners() {
    const std::int64_t count = std::max<std::int64_t>(starts() / 2, 1);
    Matrix<double> x(a_.columns, 2 * count);
    Matrix<double> y(a_.rows, count);
    const std::vector<std::int64_t> columns = largest_columns(count);
    for (std::int64_t j = 0; j < count; ++j) x(columns[static_cast<std::size_t>(j)], j) = 1;
    a_.forward(std::as_const(x).view().column_range(0, count), y.view());
    for (std::int64_t j = 0; j < count; ++j) dualize(y.column(j), 1);
    if (ends_ != nullptr) {
      const InducedBounds::Lines lines = ends_->largest_lines();
      std::ranges::fill(x.column(0), 0.0);
      std::ranges::fill(y.column(0), 0.0);
      x(lines.column, 0) = 1;
      y(lines.row, 0) = 1;
    }
    a_.adjoint(std::as_const(y).view(), x.view().column_range(count, count));
    for (std::int64_t j = count; j < 2 * count; ++j) dualize(x.column(j), p_);
    return x;
  }

  // By the estimate sqrt(sum over random s of (A^T s)_j^2) of the norm of each column.
  std::vector<std::int64_t> largest_columns(std::int64_t count) {
    constexpr std::int64_t kProbes = 8;
    Matrix<double> probes(a_.rows, kProbes);
    random_ = fill_normal(random_, probes.values());
    Matrix<double> sums(a_.columns, kProbes);
    a_.adjoint(std::as_const(probes).view(), sums.view());
    std::vector<double> sizes(static_cast<std::size_t>(a_.columns), 0.0);
    for (std::int64_t c = 0; c < kProbes; ++c) {
      for (std::size_t j = 0; j < sizes.size(); ++j) sizes[j] += sums.column(c)[j] * sums.column(c)[j];
    }
    std::vector<std::int64_t> order(sizes.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](std::int64_t i, std::int64_t j) {
      return sizes[static_cast<std::size_t>(i)] > sizes[static_cast<std::size_t>(j)];
    });
    while (static_cast<std::int64_t>(order.size()) < count) order.push_back(order[0]);
    return order;
  }

  InducedBounds* ends_;
  Products a_;
  double p_;
  double q_;
  InducedOptions options_;
  Context& context_;
  RandomState random_;
  Ascent best_;
};

// The maximizer from the number of the column or row that decides.
Ascent of_line(const Products& a, bounds::InducedProof proof, double p, std::int64_t index) {
  Matrix<double> x(a.columns, 1);
  if (proof == bounds::InducedProof::columns) {
    x(index, 0) = 1;
  } else {
    Matrix<double> y(a.rows, 1);
    y(index, 0) = 1;
    a.adjoint(std::as_const(y).view(), x.view());
    dualize(x.values(), p);
  }
  return {std::vector<double>(x.values().begin(), x.values().end()), 0};
}

template <Real T>
Ascent leading_vector(const LinearOperator<T>& a, const InducedOptions& options, Context& context) {
  SvdOptions<T> solver;
  solver.random = options.random;
  const SvdResult<T> top = svd(a, solver, context);
  return {std::vector<double>(top.v.column(0).begin(), top.v.column(0).end()), 0};
}

// The proofs of sigma_max take the search's random state unless they have one of their own.
InducedOptions with_one_state(InducedOptions options) {
  if (!options.certify.random) options.certify.random = options.random;
  return options;
}

// The leading right singular vector of the matrix behind the bounds, which is in range where an operator's own products
// may not be.
Ascent leading_vector(const InducedBounds& ends, const InducedOptions& options, Context& context) {
  const kernels::StoredMatrix& a = ends.matrix();
  const Tensor tensor(a.dtype, {a.rows, a.columns}, {a.stride, 1}, a.data, nullptr);
  const Operator<double> stored = dense<double>(tensor);
  return leading_vector(ends.transposed() ? *transposed(stored) : *stored, options, context);
}

InducedNorm of_matrix(InducedBounds ends, Shape shape, double p, double q, const InducedOptions& options,
                      Context& context) {
  if (ends.is_zero()) {
    InducedNorm zero{0, ends.enclosure(), ends.proof(), {}, {}};
    zero.x.assign(static_cast<std::size_t>(shape.columns), 0.0);
    zero.z.assign(static_cast<std::size_t>(shape.rows), 0.0);
    zero.x[0] = zero.z[0] = 1;
    return zero;
  }
  Search search(&ends, products_of(ends.matrix(), ends.transposed(), context), p, q, options, context);
  const std::int64_t line = ends.lines();
  if (line >= 0) {
    search.take(of_line(search.products(), ends.proof(), p, line));
  } else if (p == 2 && q == 2) {
    search.take(leading_vector(ends, options, context));
    if (options.enclose) ends.sigma(options.certify);
  } else {
    search.run();
  }
  return search.result(ends.enclosure());
}

}  // namespace

InducedNorm induced_norm(const Tensor& matrix, double p, double q, const InducedOptions& options, Context& context) {
  const FloatingEnvironment environment;
  require_exponents(p, q);
  StoredView view = stored_view(matrix);
  if (view.matrix.size() == 0) {
    throw Error(fmt::format("[induced_norm] the matrix is empty, shape {}", to_string(matrix.shape())));
  }
  const Shape shape{matrix.shape()[0], matrix.shape()[1]};
  ScannedMatrix scanned(std::move(view), context);
  return of_matrix(InducedBounds(scanned, p, q, context), shape, p, q, with_one_state(options), context);
}

InducedNorm induced_norm(const Tensor& matrix, double p, double q, const InducedOptions& options) {
  Context context;
  return induced_norm(matrix, p, q, options, context);
}

template <Real T>
InducedNorm induced_norm(const LinearOperator<T>& a, double p, double q, const InducedOptions& options,
                         Context& context) {
  const FloatingEnvironment environment;
  require_exponents(p, q);
  require_entries(a.shape());
  auto ends = InducedBounds::of(a, p, q, options.certify.formed_up_to, context);
  if (ends) return of_matrix(std::move(*ends), a.shape(), p, q, with_one_state(options), context);
  Search search(nullptr, products_of(a, context), p, q, options, context);
  if (p == 2 && q == 2) {
    search.take(leading_vector(a, options, context));
  } else {
    search.run();
  }
  CertifyOptions certify = with_one_state(options).certify;
  if (!options.enclose) certify.method = CertifyMethod::none;
  return search.result(bounds::enclosure_by_products(a, p, q, search.best(), certify, context));
}

template InducedNorm induced_norm<float>(const LinearOperator<float>&, double, double, const InducedOptions&, Context&);
template InducedNorm induced_norm<double>(const LinearOperator<double>&, double, double, const InducedOptions&,
                                          Context&);

}  // namespace sigmax::norms
