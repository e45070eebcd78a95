// Shared by the solvers that form A as a matrix. Internal to grad/.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "sigmax/grad/systems/complement.hpp"
#include "sigmax/svd/formed.hpp"

namespace sigmax {

/// The systems in double, with A and A minus its known triplets as matrices, both in the units of the systems.
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

/// One of the systems, in double.
struct FormedColumn {
  double sigma;
  std::span<const double> f;
  std::span<const double> h;
  std::span<double> p;  ///< zero to begin with
  std::span<double> q;  ///< zero to begin with
};

/// What a solver learns about the values below: an estimate of sigma_{k+1}, and whether it is far enough from sigma.
struct Below {
  double next = 0;
  bool has_gap = false;
};

/// Solves every system by `solve_column`, which fills in p and q if there is a gap. Solutions are projected once more
/// and returned in T; columns without a gap are zero. The caller must hold a SerialBlas.
template <Real T>
ComplementSolution<T> solve_each(const ComplementSystems<T>& systems, const FormedSystems& formed,
                                 const std::function<Below(const FormedColumn&)>& solve_column);

/// An upper estimate of the smallest eigenvalue of a positive definite K, by four steps of inverse iteration from x;
/// `solve` gives K^-1 of a vector. 0 if x is zero or K is singular to rounding.
double smallest_eigenvalue(std::vector<double> x,
                           const std::function<std::vector<double>(const std::vector<double>&)>& solve);

}  // namespace sigmax
