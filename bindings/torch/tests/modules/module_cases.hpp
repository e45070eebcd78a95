// A small instance of every module that SpectralNorm wraps, with inputs and its output, for the tests.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/functional/linear.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bindings/torch/modules/spectral_norm.hpp"
#include "tests/tolerance.hpp"

namespace sigmax::torch {

/// One module, with its type erased.
struct Case {
  std::string name;
  std::shared_ptr<::torch::nn::Module> module;  ///< a SpectralNormImpl
  std::function<at::Tensor()> output;           ///< forward() of `module` on fixed inputs, as one vector
  std::function<at::Tensor()> folded_output;    ///< the output of a plain module made by fold()

  SpectralNormalized& normalized() const { return dynamic_cast<SpectralNormalized&>(*module); }
};

/// The error of sigma after NormalizedWeight::converge(), which stops once Lanczos steps change it by 1e-14 of itself.
inline const double kOfConvergedSigma = tolerance::of_estimate(1e-14);

/// In float64, so that differences can be distinguished from rounding.
std::vector<Case> all_cases(const SpectralNormOptions& options = {});

}  // namespace sigmax::torch
