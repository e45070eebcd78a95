// The k known triplets at which derivatives are taken, in range, with their known gaps. Internal to grad/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sigmax/core/matrix.hpp"
#include "sigmax/grad/result.hpp"
#include "sigmax/ops/linear_operator.hpp"
#include "sigmax/ops/range_checked.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

/// X^T Y, in double.
template <Real T>
Matrix<double> inner_products(MatrixView<const T> x, MatrixView<const T> y);

/// out += X C, the coefficients rounded to T.
template <Real T>
void add_product(MatrixView<const T> x, const Matrix<double>& c, MatrixView<T> out);

/// The triplets of 2^-exponent A, with sigma_1 of the order of 1 if it would be out of range. All derivatives are
/// worked out in these units.
template <Real T>
class Frame {
 public:
  /// Throws Error if the triplets do not fit A, or options are not valid. The objects that they refer to must outlive
  /// this.
  Frame(std::string_view who, const LinearOperator<T>& a, const SvdResult<T>& triplets, const GradientOptions& options,
        Context& context);

  std::int64_t count() const noexcept { return static_cast<std::int64_t>(sigma_.size()); }
  int exponent() const noexcept { return exponent_; }
  std::span<const double> sigma() const noexcept { return sigma_; }
  MatrixView<const T> u() const { return triplets_.u.view(); }
  MatrixView<const T> v() const { return triplets_.v.view(); }
  Context& context() const noexcept { return context_; }

  /// Throws Error unless x is empty or has `rows` rows and one column per triplet.
  void require_block(std::string_view what, const Matrix<T>& x, std::int64_t rows) const;

  /// The quotients by sigma_i - sigma_j and sigma_i + sigma_j in the coupling of triplets i and j.
  struct Coupling {
    double close = 0;  ///< sum / (2 (sigma_i - sigma_j)), 0 without a gap
    double far = 0;    ///< difference / (2 (sigma_i + sigma_j)), 0 if both are zero
    double gap = 0;    ///< sigma_i - sigma_j, infinite without a gap
    double reach = 0;  ///< sigma_i + sigma_j, infinite if both are zero
  };
  /// `sum` and `difference` are rounding if at most `negligible`: then no gap is needed. Otherwise a missing gap is
  /// recorded.
  Coupling couple(std::int64_t i, std::int64_t j, double sum, double difference, double negligible);

  /// The solutions of the systems of grad/systems/complement.hpp, column c for triplet which[c]; f and h are projected
  /// here. `known` is the norm of the rest of the derivative. Columns that are only rounding after the projection are
  /// zero; columns without a gap are also zero, and the missing gap is recorded.
  struct Solution {
    Matrix<T> p;
    Matrix<T> q;
  };
  Solution solve(std::vector<std::int64_t> which, Matrix<T> f, Matrix<T> h, double known);

  /// Records which of the weights xi belong to values without a gradient.
  void judge_values(std::span<const double> xi);

  /// What has been recorded, and the gaps.
  GradientReport report() const;

 private:
  /// The |sigma_i - sigma_j| up to which two values count as equal; the sigma_i up to which a value counts as zero.
  double rounding() const noexcept { return rounding_; }
  bool is_zero(std::int64_t i) const noexcept { return sigma_[static_cast<std::size_t>(i)] <= rounding_; }
  bool spans_all() const noexcept;
  void note(GradientOutcome outcome);
  /// Projects the columns of f and h onto the complement of U and V, and lists those that hold more than rounding and
  /// belong to a value that is not zero. A value of zero is recorded as one without a gap.
  std::vector<std::int64_t> leave_complement(std::span<const std::int64_t> which, Matrix<T>& f, Matrix<T>& h);
  Solution solve_beyond_all(const std::vector<std::int64_t>& which, Matrix<T> f, Matrix<T> h);

  std::string_view who_;
  const SvdResult<T>& triplets_;
  GradientOptions options_;
  Context& context_;
  int exponent_ = 0;
  Guarded<T> a_;
  std::vector<double> sigma_;
  std::optional<double> next_;  // sigma_{k+1}, as far as it is known
  double rounding_ = 0;
  double no_gap_ = 0;  ///< the same for vectors, limited by their residual
  GradientReport report_;
};

/// Whether any entry is not zero.
template <Real T>
bool has_entries(const Matrix<T>& x);

/// x = 2^exponent x
template <Real T>
void scale_by(Matrix<T>& x, int exponent);

/// e with the largest entry of x and y about 2^e; 0 if all are zero or one is not finite.
template <Real T>
int exponent_of(const Matrix<T>& x, const Matrix<T>& y);

extern template class Frame<float>;
extern template class Frame<double>;

}  // namespace sigmax
