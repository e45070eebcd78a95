// The steps of normalize.hpp on working copies of a usable state. Internal to nn/.
#pragma once

#include <span>

#include "sigmax/nn/products.hpp"
#include "sigmax/nn/step.hpp"

namespace sigmax::nn {

/// The vectors of one step: the state, and its images before division by their lengths.
template <Real T>
struct Workspace {
  std::span<T> u;  ///< rows
  std::span<T> v;  ///< columns
  std::span<T> t;  ///< rows: W v
  std::span<T> x;  ///< columns: W^T u
};

/// x <- x / d, entry by entry.
template <Real T>
void divide(std::span<T> x, double d);

/// Makes `options.steps` >= 1 steps; sets sigma, steps, reads and tolerance_met of `result`.
template <Real T>
void u_first_steps(const Products<T>& w, const StepOptions& options, const Workspace<T>& work, StepResult& result,
                   Context& context);
template <Real T>
void v_first_steps(const Products<T>& w, const StepOptions& options, const Workspace<T>& work, StepResult& result,
                   Context& context);
template <Real T>
void lanczos_steps(const Products<T>& w, const StepOptions& options, const Workspace<T>& work, StepResult& result,
                   Context& context);

}  // namespace sigmax::nn
