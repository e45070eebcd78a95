#include "sigmax/norms/norm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "sigmax/bounds/algebra.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/formed_operator.hpp"
#include "sigmax/bounds/nuclear_norm.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/core/infinity.hpp"
#include "sigmax/linalg/scanned_matrix.hpp"
#include "sigmax/linalg/spectrum.hpp"
#include "sigmax/norms/entries/entrywise.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/materialize.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::norms {
namespace {

template <Real T>
SvdOptions<T> svd_options(const NormOptions& options) {
  SvdOptions<T> result;
  result.tolerance = options.tolerance.value_or(std::same_as<T, float> ? 1e-6 : 1e-14);
  result.max_products = options.max_products;
  result.random = options.random;
  return result;
}

// The two ways to obtain singular values: the largest one with its enclosure, or all of a stored matrix as numbers.

// `scanned` is the matrix behind `a` if `a` is a stored matrix that has been read, and null otherwise.
template <Real T>
NormResult spectral_norm(const LinearOperator<T>& a, ScannedMatrix* scanned, const NormOptions& options,
                         Context& context) {
  SvdOptions<T> solver = svd_options<T>(options);
  if (options.enclose) solver.check = Check::none;  // the certificate replaces the check
  const SvdResult<T> top = svd(a, solver, context);
  NormResult result;
  result.value = top.sigma.front();
  result.outcome = top.outcome;
  if (options.enclose) {
    if constexpr (std::same_as<T, double>) {
      result.enclose(scanned == nullptr ? certify(a, top, options.certify, context)
                                        : certify(*scanned, top, options.certify, context));
    } else {
      result.enclose(certify(a, top, options.certify, context));
    }
  }
  // svd() returns the largest double for a value beyond the range.
  const bool bounded = result.enclosure && result.enclosure->upper;
  if (top.sigma.front() == std::numeric_limits<double>::max() &&
      (scanned == nullptr || !std::isfinite(scanned->frobenius())) && !bounded) {
    result.value = kInfinity;
  }
  return result;
}

// Whether an enclosure may cost what it does.
bool is_within(const Demand& wanted, std::int64_t all, const NormOptions& options) {
  return wanted.part != Demand::Part::all || all <= options.whole_up_to;
}

// Proofs that square the matrix see no sigma_min below the root of rounding. The residual of a whole decomposition
// does, which is cheap up to this order.
constexpr std::int64_t kResolvedUpTo = 1024;

template <Real T>
void resolve_smallest(NormResult& result, const LinearOperator<T>& a, const NormOptions& options, Context& context) {
  const std::int64_t all = std::min(a.shape().rows, a.shape().columns);
  if (all > std::min(kResolvedUpTo, options.whole_up_to)) return;
  const WholeSpectrum whole = whole_spectrum(a, options, context);
  const Enclosure& known = whole.known.back();
  if (known.lower.value() == 0 || !known.is_proven()) return;
  result.enclose(known);
  result.method = row_of(Nuclear{}).proof;
}

// Any other function of singular values, with an enclosure of each value if requested.
template <Real T>
NormResult of_values(const LinearOperator<T>& a, const Norm& which, const NormOptions& options, Context& context) {
  const std::int64_t all = std::min(a.shape().rows, a.shape().columns);
  const Demand wanted = demand(which, all);
  const SvdOptions<T> solver = solver_for(wanted, all, svd_options<T>(options));
  NormResult result;
  std::vector<double> sigma;
  if (options.enclose && is_within(wanted, all, options)) {
    const CertifiedSvd<T> found = certified_svd(a, solver, options.certify, context);
    sigma = found.triplets.sigma;
    result.outcome = found.triplets.outcome;
    result.value = spectral_value(sigma, which);
    // The two smallest values were found; the last one was requested.
    const std::size_t first = wanted.part == Demand::Part::smallest ? found.sigma.size() - 1 : 0;
    result.enclose(spectral_enclosure(std::span(found.sigma).subspan(first), which));
    const bool is_open = wanted.part == Demand::Part::smallest && result.enclosure->lower.value() == 0;
    if (is_open && result.value > 0) resolve_smallest(result, a, options, context);
  } else {
    const SvdResult<T> found = svd(a, solver, context);
    sigma = found.sigma;
    result.outcome = found.outcome;
    result.value = spectral_value(sigma, which);
  }
  if (wanted.part == Demand::Part::all) result.gap = gap_of(sigma, which);
  return result;
}

NormResult of_entries(const Entries& entries, bool exact, const Norm& which, const NormOptions& options,
                      Context& context) {
  const Around known = around(which);
  NormResult result;
  result.value = entry_value(entries, known.nearest, context);
  if (!options.enclose || !exact) return result;
  const Enclosure above = entry_enclosure(entries, known.above, context);
  result.enclose(known.is_exact ? above : bounds::between(entry_enclosure(entries, known.below, context), above));
  return result;
}

// The norm of an operator that may be formed: that of M, moved by the norm of what forming it may have changed.
// Nothing for any other operator.
template <Real T>
std::optional<NormResult> of_formed(const LinearOperator<T>& a, const Norm& which, const NormOptions& options,
                                    Context& context) {
  const auto formed = bounds::FormedOperator::of(a, options.certify.formed_up_to, context);
  if (!formed) return std::nullopt;
  NormResult result;
  if (formed->is_zero()) {
    result.enclose(bounds::exactly(0));
    return result;
  }
  const Around known = around(which);
  const Entries entries{formed->matrix().matrix, formed->transposed(), formed->matrix().facts};
  const auto exponent = static_cast<int>(std::clamp<std::int64_t>(formed->exponent(), -5000, 5000));
  result.value = std::ldexp(entry_value(entries, known.nearest, context), exponent);
  const Shape shape = a.shape();
  const auto end_of = [&](const Norm& n) {
    return formed->enclosure(entry_enclosure(entries, n, context), *norm_of_ones(n, shape.rows, shape.columns).upper);
  };
  result.enclose(known.is_exact ? end_of(known.above) : bounds::between(end_of(known.below), end_of(known.above)));
  result.method = std::string(row_of(known.nearest).proof) + ", and the rounding of what was formed";
  return result;
}

// The value is that of a vector, so it is a lower end; without an enclosure that is asked for, this end alone is given.
template <class Matrix>
NormResult of_induced(const Matrix& a, const Induced& n, const NormOptions& options, Context& context) {
  InducedOptions how;
  how.enclose = options.enclose;
  how.certify = options.certify;
  how.random = options.random;
  const InducedNorm found = induced_norm(a, n.p, n.q, how, context);
  NormResult result;
  result.value = found.value;
  result.enclose(found.enclosure);
  result.method = bounds::message(found.proof);
  return result;
}

// `which` as it was asked for, `same` the norm that was computed.
NormResult described(NormResult result, const Norm& which, const Norm& same) {
  result.meaning = meaning_of(which);
  if (result.enclosure && result.method.empty()) {
    result.method = result.kind() == Known::probabilistic ? "a random start" : row_of(same).proof;
  }
  return result;
}

void require_entries(const Tensor& matrix, const StoredView& view) {
  if (view.matrix.size() > 0) return;
  throw Error(fmt::format("[norm] the matrix is empty, shape {}", to_string(matrix.shape())));
}

bool is_nuclear(const Norm& which) {
  const auto* const schatten = std::get_if<Schatten>(&which);
  return std::holds_alternative<Nuclear>(which) || (schatten != nullptr && schatten->p == 1);
}

// The norms that a scan sums for them alone.
bool is_sum(const Norm& which) {
  return std::holds_alternative<ColumnSum>(which) || std::holds_alternative<RowSum>(which) ||
         std::holds_alternative<Frobenius>(which);
}

NormResult of_sums(const Tensor& matrix, const Norm& which, const NormOptions& options, Context& context) {
  const StoredView view = stored_view(matrix);
  require_entries(matrix, view);
  const Entries entries = scanned("norm", view.matrix, view.transposed, which, context);
  return described(of_entries(entries, true, which, options, context), which, which);
}

}  // namespace

template <Real T>
NormResult norm(const LinearOperator<T>& a, const Norm& which, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  const Shape shape = a.shape();
  const std::int64_t all = std::min(shape.rows, shape.columns);
  if (all < 1) throw Error(fmt::format("[norm] an operator without entries, {}x{}", shape.rows, shape.columns));
  require_valid("norm", which, all);
  const Norm same = around(which).nearest;
  const Structure<T> structure = a.structure();
  const auto* stored = std::get_if<structure::Stored>(&structure);
  const bool by_values =
      is_of_singular_values(same) || (std::holds_alternative<Frobenius>(same) && stored == nullptr && options.enclose);
  if (options.enclose && stored == nullptr && row_of(same).family == Family::entries) {
    if (std::optional<NormResult> found = of_formed(a, which, options, context)) {
      return described(std::move(*found), which, same);
    }
  }
  NormResult result;
  if (std::holds_alternative<Spectral>(same)) {
    result = spectral_norm<T>(a, nullptr, options, context);
  } else if (by_values) {
    result = of_values(a, same, options, context);
  } else if (row_of(same).family == Family::induced) {
    result = of_induced(a, std::get<Induced>(same), options, context);
  } else if (std::holds_alternative<NumericalRadius>(same)) {
    result = numerical_radius(a, options, context);
  } else if (stored != nullptr) {
    const Entries entries = scanned("norm", *stored->matrix, stored->transposed, which, context);
    result = of_entries(entries, true, which, options, context);
  } else {
    // The column-major matrix of entries is the row-major one of the transpose.
    const Matrix<T> formed = materialize(a, context);
    const kernels::StoredMatrix view{std::same_as<T, float> ? DType::f32 : DType::f64,
                                     std::as_bytes(formed.values()).data(), formed.columns(), formed.rows(),
                                     formed.rows()};
    result = of_entries(scanned("norm", view, true, context), false, which, options, context);
  }
  return described(std::move(result), which, same);
}

NormResult norm(const Tensor& matrix, const Norm& which, const NormOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (is_sum(which)) return of_sums(matrix, which, options, context);
  ScannedMatrix m = scanned_finite(matrix, "norm", "matrix", context);
  require_valid("norm", which, std::min(m.view().matrix.rows, m.view().matrix.columns));
  const Norm same = around(which).nearest;
  NormResult result;
  if (std::holds_alternative<Spectral>(same)) {
    result = spectral_norm<double>(*dense<double>(matrix), &m, options, context);
  } else if (is_of_singular_values(same)) {
    const std::vector<double> sigma = singular_values(m, context);
    result.value = spectral_value(sigma, same);
    result.gap = gap_of(sigma, same);
    const auto all = static_cast<std::int64_t>(sigma.size());
    if (options.enclose && is_within(demand(same, all), all, options)) {
      const std::optional<Enclosure> by_duality =
          is_nuclear(same) ? bounds::enclose_nuclear_norm(m, options.certify, context) : std::nullopt;
      if (by_duality) {
        result.enclose(*by_duality);
        result.method = "duality with the polar factor";
      } else {
        const NormResult known = of_values(*dense<double>(matrix), same, options, context);
        result.enclose(*known.enclosure);
        result.outcome = known.outcome;
        result.method = known.method;
      }
    }
  } else if (row_of(same).family == Family::induced) {
    result = of_induced(matrix, std::get<Induced>(same), options, context);
  } else if (std::holds_alternative<NumericalRadius>(same)) {
    result = numerical_radius(matrix, options, context);
  } else {
    result = of_entries(entries_of(m), true, which, options, context);
  }
  return described(std::move(result), which, same);
}

NormResult norm(const Tensor& matrix, const Norm& which, Context& context) {
  return norm(matrix, which, NormOptions{.enclose = std::holds_alternative<Spectral>(which)}, context);
}

template NormResult norm<float>(const LinearOperator<float>&, const Norm&, const NormOptions&, Context&);
template NormResult norm<double>(const LinearOperator<double>&, const Norm&, const NormOptions&, Context&);

}  // namespace sigmax::norms
