// Definitions that let branches link before all solvers are merged. Whoever merges a solver takes its lines out; the
// lead deletes the file.
#include "sigmax/core/error.hpp"
#include "sigmax/svd/solvers.hpp"

namespace sigmax {

#define SIGMAX_PENDING(M)                                                                                             \
  template <Real T>                                                                                                   \
  SvdResult<T> solve(const LinearOperator<T>&, const SvdOptions<T>&, const M& method, Context&) {                     \
    throw Error("[svd] not merged: " + std::string(name(Method(method))));                                            \
  }                                                                                                                   \
  template SvdResult<float> solve<float>(const LinearOperator<float>&, const SvdOptions<float>&, const M&, Context&); \
  template SvdResult<double> solve<double>(const LinearOperator<double>&, const SvdOptions<double>&, const M&,        \
                                           Context&);

SIGMAX_PENDING(PowerIteration)
SIGMAX_PENDING(Deflation)
SIGMAX_PENDING(BlockKrylov)
SIGMAX_PENDING(Randomized)

}  // namespace sigmax
