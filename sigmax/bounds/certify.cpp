#include "sigmax/bounds/certify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sigmax/bounds/enclose.hpp"
#include "sigmax/core/error.hpp"

namespace sigmax {
namespace {

void require(const Shape& shape, const kernels::StoredMatrix* stored, std::int64_t v_size, const kernels::Scan& facts) {
  if (stored == nullptr) throw Error("[certify] a proof needs a stored matrix: pass an operator made by dense()");
  if (!facts.finite()) {
    throw Error(fmt::format("[certify] the matrix has {} NaN and {} infinite entries", facts.nan, facts.infinite));
  }
  if (v_size != shape.columns) {
    throw Error(fmt::format("[certify] the hint has {} entries for {} columns", v_size, shape.columns));
  }
}

}  // namespace

template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint, const CertifyOptions& options,
                  Context& context) {
  const Structure<T> form = a.structure();
  const kernels::StoredMatrix* stored = std::get_if<structure::Stored>(&form) != nullptr ? std::get<structure::Stored>(form).matrix : nullptr;
  const kernels::Scan facts = stored != nullptr ? kernels::scan(*stored, context) : kernels::Scan{};
  require(a.shape(), stored, hint.v.rows(), facts);
  const bounds::InRange range = bounds::in_range(*stored, facts, context);
  const std::int64_t shorter = std::min(stored->rows, stored->columns);
  if (shorter <= options.proven_up_to) {
    const GramMatrix g = gram_matrix(range.matrix, bounds::gram_scale(range.facts), context);
    return bounds::scaled(bounds::prove(range.matrix, range.facts, g, context), range.factor).sigma_max;
  }
  const bool transposed = stored->columns != a.shape().columns;
  const auto lower = bounds::lower_bound(range.matrix, range.facts, hint.v.column(0), transposed, context);
  bounds::Measured measured{{lower.bound, bounds::norm_upper_bound(range.matrix, range.facts)}, lower.estimate};
  measured = bounds::scaled(measured, range.factor);
  if (options.failure_probability <= 0 || !hint.recurrence) return measured.sigma_max;
  const UpperBound probable = bounds::probabilistic_upper_bound(
      *hint.recurrence, hint.theta, hint.scale, options.failure_probability, a.shape().rows + a.shape().columns);
  if (!measured.sigma_max.upper || probable.value() < measured.sigma_max.upper->value()) {
    measured.sigma_max.upper = probable;
  }
  return measured.sigma_max;
}

template <Real T>
Enclosure certify(const LinearOperator<T>& a, const SvdResult<T>& hint) {
  Context context;
  return certify(a, hint, CertifyOptions{}, context);
}

template Enclosure certify<double>(const LinearOperator<double>&, const SvdResult<double>&, const CertifyOptions&,
                                   Context&);
template Enclosure certify<double>(const LinearOperator<double>&, const SvdResult<double>&);

}  // namespace sigmax
