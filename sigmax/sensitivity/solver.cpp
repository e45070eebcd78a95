#include "sigmax/sensitivity/solver.hpp"

#include <cmath>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/convert.hpp"

namespace sigmax::sensitivity {

// Row-major values of the view's matrix are its transpose by columns.
LuSolver::LuSolver(ScannedMatrix& a, Context& context)
    : factors_(a.view().matrix.columns, a.view().matrix.rows),
      pivots_(static_cast<std::size_t>(a.view().matrix.columns)),
      transposed_(!a.view().transposed) {
  const FloatingEnvironment environment;
  const InRange& range = a.in_range(context);
  in_double(range.matrix, gram_scale(range.facts), factors_.values().data(), context);
  const SerialBlas serial;
  const int n = static_cast<int>(factors_.rows());
  int info = 0;
  dgetrf_(&n, &n, factors_.values().data(), &n, pivots_.data(), &info);
  regular_ = info == 0;
}

void LuSolver::solve(Matrix<double>& x, bool transposed) const {
  const SerialBlas serial;
  const int n = static_cast<int>(factors_.rows());
  const int count = static_cast<int>(x.columns());
  int info = 0;
  dgetrs_(transposed == transposed_ ? "N" : "T", &n, &count, factors_.values().data(), &n, pivots_.data(),
          x.values().data(), &n, &info);
}

}  // namespace sigmax::sensitivity
