#include "sigmax/lipschitz/network/exact.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::lipschitz {
namespace {

/// The visitor of forms_exactly().
struct FormsExactly {
  bool operator()(const structure::Opaque&) const { return false; }
  bool operator()(const structure::Stored&) const { return true; }
  bool operator()(const structure::Diagonal&) const { return true; }
  bool operator()(const structure::Selection&) const { return true; }
  /// Padding that repeats entries of the image adds taps.
  bool operator()(const structure::Convolution& c) const { return c.correlation->copies() == 1; }
  /// Products of entries are exact with zeros and ones.
  bool operator()(const structure::Kronecker<double>& k) const {
    int inexact = 0;
    for (const Operator<double>& factor : k.factors) {
      if (!forms_exactly(*factor)) return false;
      if (!has_only_zeros_and_ones(*factor)) ++inexact;
    }
    return inexact <= 1;
  }
  bool operator()(const structure::Sum<double>&) const { return false; }
  bool operator()(const structure::Product<double>&) const { return false; }
  bool operator()(const structure::Scaled<double>& s) const { return std::abs(s.factor) == 1 && forms_exactly(*s.of); }
  bool operator()(const structure::Transposed<double>& t) const { return forms_exactly(*t.of); }
  bool operator()(const structure::Stacked<double>& s) const {
    return std::all_of(s.parts.begin(), s.parts.end(), [](const auto& part) { return forms_exactly(*part); });
  }

 private:
  static bool has_only_zeros_and_ones(const LinearOperator<double>& a) {
    const Structure<double> s = a.structure();
    if (const auto* diagonal = std::get_if<structure::Diagonal>(&s)) return diagonal->is_identity();
    return std::holds_alternative<structure::Selection>(s);
  }
};

/// For each column the one row with an entry other than 0, -1 if there is none; nothing if a column has several.
std::optional<std::vector<std::int64_t>> only_rows(const Matrix<double>& a) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(a.columns()), -1);
  for (std::int64_t j = 0; j < a.columns(); ++j) {
    for (std::int64_t i = 0; i < a.rows(); ++i) {
      if (a(i, j) == 0) continue;
      if (rows[static_cast<std::size_t>(j)] >= 0) return std::nullopt;
      rows[static_cast<std::size_t>(j)] = i;
    }
  }
  return rows;
}

/// a b where b has at most one entry a column.
std::optional<Matrix<double>> times_sparse(const Matrix<double>& a, const Matrix<double>& b,
                                           const std::vector<std::int64_t>& rows) {
  Matrix<double> out(a.rows(), b.columns());
  for (std::int64_t j = 0; j < b.columns(); ++j) {
    const std::int64_t k = rows[static_cast<std::size_t>(j)];
    if (k < 0) continue;
    const double factor = b(k, j);
    for (std::int64_t i = 0; i < a.rows(); ++i) {
      const double product = a(i, k) * factor;
      // The residual of an exact product is 0. A product that underflows has one that does not show.
      if (std::fma(a(i, k), factor, -product) != 0) return std::nullopt;
      if (a(i, k) != 0 && !(std::abs(product) > 0x1p-900 && std::isfinite(product))) return std::nullopt;
      out(i, j) = product;
    }
  }
  return out;
}

Shared share(Matrix<double> a) { return std::make_shared<const Matrix<double>>(std::move(a)); }

}  // namespace

bool forms_exactly(const LinearOperator<double>& a) { return std::visit(FormsExactly{}, a.structure()); }

std::optional<Shared> exact_product(const Shared& a, const Shared& b) {
  if (!a) return b;
  if (!b) return a;
  if (const auto rows = only_rows(*b)) {
    auto out = times_sparse(*a, *b, *rows);
    if (out) return share(std::move(*out));
    return std::nullopt;
  }
  const Matrix<double> left = lapack::transposed(a->view());
  const auto rows = only_rows(left);
  if (!rows) return std::nullopt;
  const auto out = times_sparse(lapack::transposed(b->view()), left, *rows);
  if (out) return share(lapack::transposed(out->view()));
  return std::nullopt;
}

Matrix<double> entries_of(const Shared& a, std::int64_t order) {
  if (a) return *a;
  Matrix<double> out(order, order);
  for (std::int64_t i = 0; i < order; ++i) out(i, i) = 1;
  return out;
}

std::optional<Shared> exact_sum(const Shared& a, const Shared& b, std::int64_t order) {
  Matrix<double> out = entries_of(a, order);
  const Matrix<double> other = entries_of(b, order);
  for (std::size_t k = 0; k < out.values().size(); ++k) {
    const double x = out.values()[k];
    const double y = other.values()[k];
    const double sum = x + y;
    // Knuth's TwoSum: the rounding error of the sum.
    const double part = sum - x;
    if ((x - (sum - part)) + (y - part) != 0 || !std::isfinite(sum)) return std::nullopt;
    out.values()[k] = sum;
  }
  return share(std::move(out));
}

}  // namespace sigmax::lipschitz
