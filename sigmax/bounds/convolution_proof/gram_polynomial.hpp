// G(t) = F(t)^* F(t) of a symbol as a trigonometric polynomial, and the proof that its largest eigenvalue is at most a
// number. Internal to bounds/.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/bounds/convolution_proof/gram_coefficients.hpp"
#include "sigmax/bounds/convolution_proof/symbol.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/view.hpp"

namespace sigmax::bounds {

/// G(t) = G_0 + sum_q cos(q.t) (G_q + G_q^T) + i sin(q.t) (G_q - G_q^T) over half of the differences q of taps. The
/// coefficients are formed once; a value costs about 2 |q| n^2 flops instead of the 4 m n^2 of a product.
class GramPolynomial {
 public:
  /// Cost: gram_cost().
  GramPolynomial(const Symbol& symbol, bool single, Context& context);

  const Symbol& symbol() const noexcept { return *symbol_; }
  std::int64_t order() const noexcept { return n_; }
  bool has_single() const noexcept { return !coefficients_f_.empty(); }

  /// Whether each |F(t_i)|_2^2 <= limits[i] is proven: one Cholesky factorization each, of limit - rounding - G(t_i),
  /// in T. A value that is true may fail by the rounding, of which relative_error() is a measure. On the calling
  /// thread; `passed` gets 0 or 1.
  template <Real T>
  void at_most(std::span<const TorusPoint> points, std::span<const double> limits, std::span<char> passed,
               Context& context) const;

  /// The same for -G: whether each sigma_n(F(t_i))^2 >= limits[i], n the shorter side. In double.
  void at_least(std::span<const TorusPoint> points, std::span<const double> limits, std::span<char> passed,
                Context& context) const;

  /// At least |G(t) - G(t')|_2 / (2 r), r = sum_a degree_a |t_a - t'_a|, for all t and t'.
  double variation() const noexcept { return variation_; }

  /// About the rounding that at_most() subtracts, relative to a limit.
  template <Real T>
  double relative_error(double limit) const;

  /// About the flops of one point in at_most(), what padded columns and phases take included.
  double flops_of_point() const;
  /// The part of it that values() takes.
  double flops_of_value() const;

  /// G(t) for each of these points in the panels of kernels/hermitian.hpp, hermitian_size(order()) numbers each; padded
  /// rows are zeros. For searches.
  template <Real T>
  void values(std::span<const TorusPoint> points, T* panels, const Context& context) const {
    evaluate<T>(points, T(1), panels, context);
  }

 private:
  template <Real T>
  void evaluate(std::span<const TorusPoint> points, T factor, T* panels, const Context& context) const;
  template <Real T>
  double value_error() const;
  template <Real T>
  void test(std::span<const TorusPoint> points, std::span<const double> limits, double sign, std::span<char> passed,
            Context& context) const;
  void measure(Context& context);
  double norm_of(std::span<const double> even, std::span<const double> odd) const;
  std::size_t matrices() const noexcept { return 2 * differences_.size() - 1; }

  const Symbol* symbol_;
  std::int64_t n_ = 0;
  std::vector<Position> differences_;  // the first is 0
  Coordinates coordinates_;            // of the differences
  // In the panels of kernels/hermitian.hpp, as its sums take them: G_0 and all G_q + G_q^T, then all G_q - G_q^T.
  std::vector<double> coefficients_;
  std::vector<float> coefficients_f_;
  double trace_ = 0;          // of G_0
  double magnitude_ = 0;      // at least the norm of sum_q |coefficients|
  double variation_ = 0;      // at least the norm of sum_q |coefficients| without the constant
  double product_error_ = 0;  // at least the 2-norm of the error of the coefficients, at any t
};

extern template void GramPolynomial::at_most<float>(std::span<const TorusPoint>, std::span<const double>,
                                                    std::span<char>, Context&) const;
extern template void GramPolynomial::at_most<double>(std::span<const TorusPoint>, std::span<const double>,
                                                     std::span<char>, Context&) const;

extern template void GramPolynomial::evaluate<float>(std::span<const TorusPoint>, float, float*, const Context&) const;
extern template void GramPolynomial::evaluate<double>(std::span<const TorusPoint>, double, double*,
                                                      const Context&) const;

/// The points that at_most() takes in one piece of work, so that a product serves several of them.
std::size_t points_in_piece(std::int64_t order);

}  // namespace sigmax::bounds
