// Definitions that let branches link before all solvers are merged. Whoever merges a solver takes its lines out; the
// lead deletes the file.
#include "sigmax/core/error.hpp"
#include "sigmax/svd/lanczos.hpp"
#include "sigmax/svd/solvers.hpp"
#include "sigmax/svd/triplets.hpp"

namespace sigmax {

#define SIGMAX_PENDING(M)                                                                                             \
  template <Real T>                                                                                                   \
  SvdResult<T> solve(const LinearOperator<T>&, const SvdOptions<T>&, const M& method, Context&) {                     \
    throw Error("[svd] not merged: " + std::string(name(Method(method))));                                            \
  }                                                                                                                   \
  template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const M&, Context&); \
  template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&, const M&,        \
                                           Context&);

SIGMAX_PENDING(BlockKrylov)
SIGMAX_PENDING(Randomized)
SIGMAX_PENDING(DenseLapack)
SIGMAX_PENDING(InverseLanczos)

template <Real T>
SvdResult<T> solve(const LinearOperator<T>& a, const SvdOptions<T>& options, const Lanczos& method, Context& context) {
  LanczosOptions o;
  o.tolerance = 2 * options.tolerance;
  o.max_products = options.max_products;
  o.random = options.random;
  Matrix<T> x(a.shape().columns, 1), z(a.shape().columns, 1);
  const auto top = lanczos(
      a.shape().columns,
      [&](std::span<const double> in, std::span<double> out) {
        for (std::size_t i = 0; i < in.size(); ++i) x.values()[i] = static_cast<T>(in[i]);
        a.apply_gram(std::as_const(x).view(), z.view(), context);
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = z.values()[i];
      },
      o, context);
  for (std::size_t i = 0; i < top.vector.size(); ++i) x.values()[i] = static_cast<T>(top.vector[i]);
  SvdResult<T> result;
  take(result, triplets_from_right<T>(a, std::as_const(x).view(), context), 1);
  result.outcome = top.outcome == LanczosOutcome::out_of_products ? SvdOutcome::out_of_products : SvdOutcome::converged;
  result.method = method;
  result.products = top.products;
  result.reads = top.products + 1;
  result.recurrence = top.recurrence;
  result.theta = top.theta;
  result.random = top.random;
  return result;
}
template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const Lanczos&,
                                       Context&);
template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&, const Lanczos&,
                                         Context&);

}  // namespace sigmax
