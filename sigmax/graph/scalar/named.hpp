// The activation functions that have names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/graph/scalar_function.hpp"

namespace sigmax::graph {

/// The function of this name, as ONNX defines it and in exact arithmetic, with parameters in this order. Those that are
/// not given have the values that stand here. `f.slopes({})` is then:
///
///     Identity, Neg, Abs, Sin, Cos, Atan, Asinh, Relu   [1,1], [-1,-1], [-1,1], [-1,1], [-1,1], [0,1] from here
///     LeakyRelu(0.01), PRelu(slope)                     from the slope to 1
///     ThresholdedRelu(1)                                none: it steps, unless alpha = 0
///     Elu(1), Celu(1), Selu(1.67326..., 1.05070...)     [0, max(1, alpha)], [0, 1], [0, 1.758099346346330]
///     Gelu, GeluTanh                                    -+0.128904145... or -+0.128993068..., beyond 0 and 1
///     Silu, QuickGelu(1.702), Swish(1): x sigmoid(a x)  -+0.099839320..., beyond 0 and 1
///     Mish                                              [-0.112526..., 1.088498...]
///     HardSwish, HardSigmoid(0.2, 0.5)                  [-0.5, 1.5], [0, 0.2]
///     Sigmoid, Tanh, Softplus, Softsign, Erf            [0, 0.25], [0,1], [0,1], [0,1], [0, 2/sqrt(pi)]
///     Clip(least, greatest), Affine(a, b): a x + b      [0,1], [a,a]
///     Shrink(0.5, 0): lambda, bias                      [0,1] if bias = lambda; else it steps
///     IsNegative, IsPositive, IsNotNegative, ...        none: 1 or 0
///     Exp, Log, Sqrt, Reciprocal, Pow(exponent)         none; on bounded intervals without a singularity there are
///
/// Throws Error if there is no such function, or it does not have as many parameters.
Function named_function(std::string_view name, std::span<const double> parameters = {});
Function named_function(std::string_view name, std::initializer_list<double> parameters);

/// Whether named_function() knows the name.
bool is_named_function(std::string_view name);

/// All names, in the order of the list above.
std::vector<std::string> function_names();

}  // namespace sigmax::graph
