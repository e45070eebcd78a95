#include "sigmax/ops/single_range.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdlib>
#include <limits>

#include "sigmax/kernels/scan.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/selection.hpp"

namespace sigmax {
namespace {

// The largest number of powers of two by which products may move away from 1, added up over all parts that follow each
// other: in float on the way to a result in double, and in the operator's own arithmetic.
constexpr std::int64_t kMostReach = 24;
template <Real T>
constexpr std::int64_t kMostOwnReach = std::same_as<T, float> ? 20 : 200;
constexpr std::int64_t kBeyond = std::int64_t{1} << 32;

template <class Parts, class Of>
std::int64_t largest(const Parts& parts, const Of& of) {
  std::int64_t most = 0;
  for (const auto& part : parts) most = std::max(most, of(*part));
  return std::min(most, kBeyond);
}

// The largest |e| such that a vector that goes through the part is multiplied by up to 2^e on the way.
template <Real T>
struct Reach {
  Context& context;
  std::int64_t opaque = kBeyond;  // for an opaque part

  std::int64_t of(const LinearOperator<T>& a) const { return std::visit(*this, a.structure()); }

  std::int64_t operator()(const structure::Opaque&) const { return opaque; }

  // |A| lies between its largest entry and its Frobenius norm.
  std::int64_t operator()(const structure::Stored& stored) const { return of(*stored.matrix, 1); }

  // At most |K|_F times the square root of the number of its entries' places in a column, since the norm of a sum of
  // taps is at most the sum of their norms, each repeated by the padding.
  std::int64_t operator()(const structure::Convolution& c) const {
    return of(*c.kernel, static_cast<double>(c.correlation->taps()) * static_cast<double>(c.correlation->copies()));
  }

  // |D| is the largest entry.
  std::int64_t operator()(const structure::Diagonal& d) const {
    double largest = 0;
    for (const double entry : d.entries) {
      if (!std::isfinite(entry)) return kBeyond;
      largest = std::max(largest, std::fabs(entry));
    }
    return d.is_identity() || largest == 0 ? 0 : std::max(std::abs(std::ilogb(largest)), std::ilogb(largest) + 1);
  }

  std::int64_t operator()(const structure::Selection& s) const {
    return s.entries->most_copies() < 2 ? 0 : std::ilogb(static_cast<double>(s.entries->most_copies())) / 2 + 1;
  }

  std::int64_t operator()(const structure::Kronecker<T>& k) const {
    std::int64_t sum = 0;
    for (const Operator<T>& factor : k.factors) sum = std::min(sum + of(*factor), kBeyond);
    return sum;
  }

  std::int64_t of(const kernels::StoredMatrix& entries, double times) const {
    const kernels::Scan facts = kernels::scan(entries, context);
    if (!facts.finite()) return kBeyond;
    if (facts.max_abs == 0) return 0;
    const std::int64_t least = std::ilogb(facts.max_abs);
    const std::int64_t most = std::ilogb(std::sqrt(times * facts.sum_squares) / facts.scale) + 1;
    return std::max(std::abs(least), std::abs(most));
  }

  std::int64_t operator()(const structure::Sum<T>& sum) const {
    return largest(sum.terms, [this](const auto& part) { return this->of(part); });
  }

  std::int64_t operator()(const structure::Stacked<T>& stacked) const {
    return largest(stacked.parts, [this](const auto& part) { return this->of(part); });
  }

  std::int64_t operator()(const structure::Product<T>& product) const {
    const std::int64_t left = of(*product.left);
    return std::min(left + of(*product.right), kBeyond);
  }

  std::int64_t operator()(const structure::Scaled<T>& scaled) const {
    if (scaled.factor == 0) return 0;
    return std::min(std::abs(static_cast<std::int64_t>(std::ilogb(scaled.factor))) + of(*scaled.of), kBeyond);
  }

  std::int64_t operator()(const structure::Transposed<T>& transposed) const { return of(*transposed.of); }
};

// Trees without products and multiples need no check of their scales.
template <Real T>
struct Holds {
  Context& context;
  std::int64_t most = kMostReach;
  std::int64_t opaque = kBeyond;

  bool of(const LinearOperator<T>& a) const { return std::visit(*this, a.structure()); }

  bool operator()(const structure::Opaque&) const { return true; }
  bool operator()(const structure::Stored&) const { return true; }
  bool operator()(const structure::Convolution&) const { return true; }
  bool operator()(const structure::Diagonal&) const { return true; }
  bool operator()(const structure::Selection&) const { return true; }
  bool operator()(const structure::Kronecker<T>& k) const { return Reach<T>{context, opaque}(k) <= most; }
  bool operator()(const structure::Sum<T>& sum) const { return all(sum.terms); }
  bool operator()(const structure::Stacked<T>& stacked) const { return all(stacked.parts); }
  bool operator()(const structure::Transposed<T>& transposed) const { return of(*transposed.of); }
  bool operator()(const structure::Product<T>& product) const { return Reach<T>{context, opaque}(product) <= most; }
  bool operator()(const structure::Scaled<T>& scaled) const {
    const bool is_small = std::fabs(scaled.factor) < 0x1p24;
    if (is_small && std::visit([](const auto& s) { return is_leaf(s); }, scaled.of->structure())) return true;
    return Reach<T>{context, opaque}(scaled) <= most;
  }

  // Of exact numbers, in one step.
  template <class S>
  static constexpr bool is_leaf(const S&) {
    return std::same_as<S, structure::Stored> || std::same_as<S, structure::Convolution> ||
           std::same_as<S, structure::Diagonal> || std::same_as<S, structure::Selection>;
  }

  bool all(const std::vector<Operator<T>>& parts) const {
    return std::all_of(parts.begin(), parts.end(), [this](const Operator<T>& part) { return of(*part); });
  }
};

}  // namespace

// Float loses 2^-24 of each entry of a vector, and 2^-150 of each entry that underflows. The first loss is relative to
// the parts, as all rounding is, and shows in the residuals that svd() evaluates in double. The second loss:
//
// - A stored matrix, a diagonal, a selection or a convolution, or a sum or stack of them. An entry or a product that
//   underflows loses 2^-150 of a vector of length one, an image loses at most n 2^-150 for n products per entry, and no
//   part multiplies it further: for a sigma_1 of at least 2^-20 it is below 2^-24 sigma_1 for any n up to 2^50 in both
//   products of A^T A.
//   This holds for any scales of the parts: a part that float cannot hold, such as 2^-160 A, is itself that small. An
//   entry too large for float becomes infinite and is detected.
// - A product. A loss behind the right factor is multiplied by the left factor and by both adjoints: by up to 2^(2 r),
//   r the sum of the reaches of the factors. With sigma_1^2 >= 2^-40, a share of 2^-24 is 2^-64, so 2^(2 r) sqrt(n) m
//   2^-150 <= 2^-64 is enough, m the number of factors; r = 24 leaves 2^38 for sqrt(n) m. Nothing overflows, as vectors
//   stay below 2^(2 r) = 2^48.
// - A Kronecker product. It is a product of its factors along one axis each, and counts as one.
// - A multiple f A of one stored matrix, diagonal, selection or convolution, |f| < 2^24 (and f = 0 or |f| >= 2^-100, or
// in_single() has none). f x loses
//   2^-150 where it underflows, and A multiplies this loss by at most sigma_1 / |f| <= 2^100 sigma_1, or the result is
//   infinite in float. The loss of A is multiplied by f, less than 2^24: n 2^-126, as above. Multiples of anything else
//   count as products.
// - An opaque part. Its in_single() promises that float holds its own products. What other parts do with them is
//   unknown, so within a product or a multiple the operator is computed in double.
bool float_holds(const LinearOperator<double>& a, Context& context) { return Holds<double>{context}.of(a); }

// As above, in the arithmetic of T. For an opaque part the statement is about its products as they are computed.
template <Real T>
bool holds_products(const LinearOperator<T>& a, Context& context) {
  return Holds<T>{context, kMostOwnReach<T>, 0}.of(a);
}

template bool holds_products<float>(const LinearOperator<float>&, Context&);
template bool holds_products<double>(const LinearOperator<double>&, Context&);

}  // namespace sigmax
