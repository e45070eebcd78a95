#include "sigmax/lipschitz/network/matrix_of.hpp"

#include <cmath>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/linalg/lapack.hpp"
#include "sigmax/ops/convolution/geometry.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::lipschitz {
namespace {

using bounds::UncertainMatrix;

bool has_only_zeros_and_ones(const LinearOperator<double>& a) {
  const Structure<double> s = a.structure();
  if (const auto* diagonal = std::get_if<structure::Diagonal>(&s)) return diagonal->is_identity();
  return std::holds_alternative<structure::Selection>(s);
}

/// Whether materialize() gives the entries themselves.
bool forms_exactly(const LinearOperator<double>& a);

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
    for (const Operator<double>& part : s.parts) {
      if (!forms_exactly(*part)) return false;
    }
    return true;
  }
};

bool forms_exactly(const LinearOperator<double>& a) { return std::visit(FormsExactly{}, a.structure()); }

UncertainMatrix diagonal(std::int64_t order, double value) {
  UncertainMatrix out{Matrix<double>(order, order)};
  for (std::int64_t i = 0; i < order; ++i) out.value(i, i) = value;
  return out;
}

/// The visitor for maps that are put together of others with rounding.
struct Composed {
  using Result = std::optional<UncertainMatrix>;
  Context& context;

  template <class Leaf>
  Result operator()(const Leaf&) const {
    return std::nullopt;
  }
  Result operator()(const structure::Sum<double>& s) const {
    Result total;
    for (const Operator<double>& term : s.terms) {
      Result next = matrix_of(*term, context);
      if (!next) return next;
      total = total ? bounds::sum(std::move(*total), *next) : std::move(next);
      if (!total) return total;
    }
    return total;
  }
  Result operator()(const structure::Product<double>& p) const {
    const Result left = matrix_of(*p.left, context);
    const Result right = left ? matrix_of(*p.right, context) : std::nullopt;
    return right ? bounds::product(*left, *right, context) : std::nullopt;
  }
  Result operator()(const structure::Scaled<double>& s) const {
    const Result of = matrix_of(*s.of, context);
    return of ? bounds::product(diagonal(of->value.rows(), s.factor), *of, context) : std::nullopt;
  }
  Result operator()(const structure::Transposed<double>& t) const {
    Result of = matrix_of(*t.of, context);
    if (!of) return of;
    of->value = lapack::transposed(of->value.view());
    if (!of->is_exact()) of->error = lapack::transposed(of->error.view());
    return of;
  }
};

}  // namespace

Shared share(UncertainMatrix a) { return std::make_shared<const UncertainMatrix>(std::move(a)); }

std::optional<UncertainMatrix> matrix_of(const LinearOperator<double>& a, Context& context) {
  if (forms_exactly(a)) return UncertainMatrix{materialize(a, context)};
  return std::visit(Composed{context}, a.structure());
}

std::optional<Shared> product(const Shared& a, const Shared& b, Context& context) {
  if (!a) return b;
  if (!b) return a;
  std::optional<UncertainMatrix> out = bounds::product(*a, *b, context);
  if (!out) return std::nullopt;
  return share(std::move(*out));
}

std::optional<Shared> sum(const Shared& a, const Shared& b, std::int64_t order) {
  std::optional<UncertainMatrix> out = bounds::sum(entries_of(a, order), entries_of(b, order));
  if (!out) return std::nullopt;
  return share(std::move(*out));
}

UncertainMatrix entries_of(const Shared& a, std::int64_t order) { return a ? *a : diagonal(order, 1); }

}  // namespace sigmax::lipschitz
