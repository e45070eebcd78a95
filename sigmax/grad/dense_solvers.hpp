// What the solvers that form A as a matrix share. Internal to grad/.
#pragma once

#include "sigmax/grad/complement.hpp"
#include "sigmax/svd/formed.hpp"

namespace sigmax {

/// The systems in double, with A and A less its known triplets as matrices, both in the units of the systems.
struct FormedSystems {
  Matrix<double> a;
  Matrix<double> rest;  ///< A - U diag(sigma) V^T
  Matrix<double> u;
  Matrix<double> v;
  Matrix<double> f;
  Matrix<double> h;
  std::int64_t reads = 0;
};

template <Real T>
FormedSystems formed_systems(const ComplementSystems<T>& systems, Context& context);

/// The solution in double, projected once more, in T. Columns without a gap become zero.
template <Real T>
void take_solution(const ComplementSystems<T>& systems, const FormedSystems& formed, Matrix<double> p, Matrix<double> q,
                   ComplementSolution<T>& solution);

}  // namespace sigmax
