#include "sigmax/bounds/sigma_max.hpp"

#include <algorithm>
#include <optional>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax {

template <Real T>
Enclosure sigma_max(const LinearOperator<T>& a, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  if (const std::optional<Enclosure> known = certify_factors(a, options, context)) return *known;
  SvdOptions<T> search;
  search.random = options.random;
  search.check = Check::none;  // the enclosure replaces the check
  // The rest of the width is for the upper end. certify() refuses a width that is not a number.
  if (options.relative_width > 8 * search.tolerance) search.tolerance = std::min(options.relative_width / 8, 1e-2);
  return certify(a, svd(a, search, context), options, context);
}

template <Real T>
Enclosure sigma_max(const LinearOperator<T>& a, const CertifyOptions& options) {
  Context context;
  return sigma_max(a, options, context);
}

template Enclosure sigma_max<float>(const LinearOperator<float>&, const CertifyOptions&, Context&);
template Enclosure sigma_max<double>(const LinearOperator<double>&, const CertifyOptions&, Context&);
template Enclosure sigma_max<float>(const LinearOperator<float>&, const CertifyOptions&);
template Enclosure sigma_max<double>(const LinearOperator<double>&, const CertifyOptions&);

Enclosure sigma_max(const Tensor& matrix, const CertifyOptions& options, Context& context) {
  const FloatingEnvironment environment;
  return sigma_max(*dense<double>(matrix), options, context);
}

Enclosure sigma_max(const Tensor& matrix, const CertifyOptions& options) {
  Context context;
  return sigma_max(matrix, options, context);
}

Enclosure sigma_max(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options, Context& context) {
  return sigma_max(Tensor::view_of(values, {rows, columns}), options, context);
}

Enclosure sigma_max(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options) {
  return sigma_max(Tensor::view_of(values, {rows, columns}), options);
}

Enclosure sigma_max(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options, Context& context) {
  return sigma_max(Tensor::view_of(values, {rows, columns}), options, context);
}

Enclosure sigma_max(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                    const CertifyOptions& options) {
  return sigma_max(Tensor::view_of(values, {rows, columns}), options);
}

}  // namespace sigmax
