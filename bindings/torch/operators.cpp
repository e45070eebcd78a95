// The operators torch.ops.sigmax.*: their schemas, and the function behind each dispatch key.
//
// normalize, normalize_all, sigma, scaled_linear, scaled_convolution, normalize_convolution, convolution_sigma and
// convolution_norm are composed of other operators, from which they get gradients, autocast rules, batching and shapes.
// Four operators have kernels: _normalize_into, which writes to given memory, so that torch.compile can make it
// functional; _normalize_backward; _convolution_norm, the norm together with its gradient; and _store, by which a
// functional transform steps a state.
#include <ATen/Functions.h>
#include <torch/library.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/torch/convolution.hpp"
#include "bindings/torch/convolution_norm.hpp"
#include "bindings/torch/memory.hpp"
#include "bindings/torch/native.hpp"
#include "bindings/torch/normalize.hpp"
#include "bindings/torch/transforms.hpp"

namespace sigmax::torch {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using OptionalTensors = c10::List<OptionalTensor>;

NormalizeOptions options_of(std::int64_t dim, std::int64_t blocks, std::int64_t steps, double eps,
                            std::int64_t iteration, double tolerance, double target, bool at_most) {
  return {dim, blocks, steps, eps, static_cast<Iteration>(iteration), tolerance, target, at_most};
}

std::tuple<at::Tensor, at::Tensor> normalize_operator(const at::Tensor& weight, const at::Tensor& u,
                                                      const at::Tensor& v, const OptionalTensor& scale,
                                                      std::int64_t dim, std::int64_t blocks, std::int64_t steps,
                                                      double eps, std::int64_t iteration, double tolerance,
                                                      double target, bool at_most) {
  Normalized result =
      normalize(weight, u, v, options_of(dim, blocks, steps, eps, iteration, tolerance, target, at_most), scale);
  return {std::move(result.weight), std::move(result.sigma)};
}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> normalize_all_operator(
    at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales, at::IntArrayRef dims,
    at::IntArrayRef blocks, std::int64_t steps, double eps, std::int64_t iteration, double tolerance, double target,
    bool at_most) {
  std::vector<Normalized> results = normalize_all(weights, u, v, scales, dims, blocks,
                                                  options_of(0, 1, steps, eps, iteration, tolerance, target, at_most));
  std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> lists;
  for (Normalized& result : results) {
    std::get<0>(lists).push_back(std::move(result.weight));
    std::get<1>(lists).push_back(std::move(result.sigma));
  }
  return lists;
}

at::Tensor sigma_operator(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v, std::int64_t dim,
                          std::int64_t blocks, std::int64_t steps, double eps, std::int64_t iteration,
                          double tolerance) {
  return spectral_sigma(weight, u, v, options_of(dim, blocks, steps, eps, iteration, tolerance, 1, false));
}

at::Tensor scaled_linear_operator(const at::Tensor& input, const at::Tensor& weight, const OptionalTensor& bias,
                                  const at::Tensor& u, const at::Tensor& v, const OptionalTensor& scale,
                                  std::int64_t dim, std::int64_t steps, double eps, std::int64_t iteration,
                                  double tolerance, double target, bool at_most) {
  return scaled_linear(input, weight, bias, u, v, options_of(dim, 1, steps, eps, iteration, tolerance, target, at_most),
                       scale);
}

at::Tensor scaled_convolution_operator(const at::Tensor& input, const at::Tensor& weight, const OptionalTensor& bias,
                                       const at::Tensor& u, const at::Tensor& v, at::IntArrayRef stride,
                                       at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                                       at::IntArrayRef output_padding, std::int64_t groups, const OptionalTensor& scale,
                                       std::int64_t dim, std::int64_t steps, double eps, std::int64_t iteration,
                                       double tolerance, double target, bool at_most) {
  return scaled_convolution(input, weight, bias, u, v,
                            {stride.vec(), padding.vec(), dilation.vec(), output_padding.vec(), transposed, groups},
                            options_of(dim, 1, steps, eps, iteration, tolerance, target, at_most), scale);
}

OperatorGeometry geometry_of(at::IntArrayRef input_size, at::IntArrayRef stride, at::IntArrayRef padding,
                             at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding,
                             std::int64_t groups, std::string mode) {
  TORCH_CHECK_VALUE(padding.size() % 2 == 0, "padding lists the amounts before all axes, then those after all axes");
  return {input_size.vec(),
          stride.vec(),
          padding.slice(0, padding.size() / 2).vec(),
          padding.slice(padding.size() / 2).vec(),
          dilation.vec(),
          output_padding.vec(),
          transposed,
          groups,
          std::move(mode)};
}

std::tuple<at::Tensor, at::Tensor> normalize_convolution_operator(
    const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v, at::IntArrayRef input_size,
    at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
    at::IntArrayRef output_padding, std::int64_t groups, std::string padding_mode, const OptionalTensor& scale,
    std::int64_t steps, double eps, std::int64_t iteration, double tolerance, double target, bool at_most) {
  Normalized result = normalize_convolution(
      weight, u, v,
      geometry_of(input_size, stride, padding, dilation, transposed, output_padding, groups, std::move(padding_mode)),
      options_of(0, 1, steps, eps, iteration, tolerance, target, at_most), scale);
  return {std::move(result.weight), std::move(result.sigma)};
}

std::tuple<std::int64_t, std::int64_t> convolution_state_size_operator(const at::Tensor& weight,
                                                                       at::IntArrayRef input_size,
                                                                       at::IntArrayRef stride, at::IntArrayRef padding,
                                                                       at::IntArrayRef dilation, bool transposed,
                                                                       at::IntArrayRef output_padding,
                                                                       std::int64_t groups, std::string padding_mode) {
  const StateSize size = state_size(weight, geometry_of(input_size, stride, padding, dilation, transposed,
                                                        output_padding, groups, std::move(padding_mode)));
  return {size.u, size.v};
}

at::Tensor convolution_sigma_operator(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                                      at::IntArrayRef input_size, at::IntArrayRef stride, at::IntArrayRef padding,
                                      at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding,
                                      std::int64_t groups, std::string padding_mode, std::int64_t steps, double eps,
                                      std::int64_t iteration, double tolerance) {
  return convolution_sigma(
      weight, u, v,
      geometry_of(input_size, stride, padding, dilation, transposed, output_padding, groups, std::move(padding_mode)),
      options_of(0, 1, steps, eps, iteration, tolerance, 1, false));
}

at::Tensor convolution_norm_operator(const at::Tensor& weight, at::IntArrayRef input_size, at::IntArrayRef stride,
                                     at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                                     at::IntArrayRef output_padding, std::int64_t groups, std::string padding_mode,
                                     double relative_width, double tolerance) {
  return convolution_norm(
      weight,
      geometry_of(input_size, stride, padding, dilation, transposed, output_padding, groups, std::move(padding_mode)),
      {relative_width, tolerance});
}

template <auto function>
std::tuple<at::Tensor, at::Tensor> norm_and_gradient_operator(const at::Tensor& weight, at::IntArrayRef input_size,
                                                              at::IntArrayRef stride, at::IntArrayRef padding,
                                                              at::IntArrayRef dilation, bool transposed,
                                                              at::IntArrayRef output_padding, std::int64_t groups,
                                                              std::string padding_mode, double relative_width,
                                                              double tolerance) {
  return function(
      weight,
      geometry_of(input_size, stride, padding, dilation, transposed, output_padding, groups, std::move(padding_mode)),
      {relative_width, tolerance});
}

std::tuple<at::Tensor, at::Tensor> norm_and_gradient_meta(const at::Tensor& weight, at::IntArrayRef, at::IntArrayRef,
                                                          at::IntArrayRef, at::IntArrayRef, bool, at::IntArrayRef,
                                                          std::int64_t, std::string, double, double) {
  return empty_norm_and_gradient(weight);
}

std::tuple<double, double, std::string> certify_operator(const at::Tensor& weight, std::int64_t dim) {
  Certificate certificate = certify(weight, dim);
  return {certificate.lower, certificate.upper, std::move(certificate.certainty)};
}

std::tuple<double, double, std::string> certify_convolution_operator(const at::Tensor& weight,
                                                                     at::IntArrayRef input_size, at::IntArrayRef stride,
                                                                     at::IntArrayRef padding, at::IntArrayRef dilation,
                                                                     bool transposed, at::IntArrayRef output_padding,
                                                                     std::int64_t groups, std::string padding_mode,
                                                                     double relative_width) {
  Certificate certificate = certify_convolution(
      weight,
      geometry_of(input_size, stride, padding, dilation, transposed, output_padding, groups, std::move(padding_mode)),
      relative_width);
  return {certificate.lower, certificate.upper, std::move(certificate.certainty)};
}

void into_cpu(at::TensorList weights, at::TensorList u, at::TensorList v, at::TensorList scales, at::TensorList out,
              at::TensorList sigma, at::IntArrayRef dims, at::IntArrayRef blocks, std::int64_t steps, double eps,
              std::int64_t iteration, double tolerance, double target, bool at_most) {
  native::normalize(weights, u, v, scales, out, sigma,
                    {dims.vec(), blocks.vec(), options_of(0, 1, steps, eps, iteration, tolerance, target, at_most)});
}

void into_meta(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
               at::IntArrayRef, at::IntArrayRef, std::int64_t, double, std::int64_t, double, double, bool) {}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> backward_cpu(
    const OptionalTensors& grad, const OptionalTensors& grad_sigma, at::TensorList weights, at::TensorList sigma,
    at::TensorList u, at::TensorList v, at::TensorList scales, at::IntArrayRef dims, at::IntArrayRef blocks,
    double target, bool at_most) {
  Settings settings;
  settings.dims = dims.vec();
  settings.blocks = blocks.vec();
  settings.each.target = target;
  settings.each.at_most = at_most;
  const auto defined = [&](const OptionalTensors& given) {
    std::vector<at::Tensor> tensors(weights.size());
    for (std::size_t k = 0; k < std::min(given.size(), tensors.size()); ++k)
      tensors[k] = given.get(k).value_or(at::Tensor());
    return tensors;
  };
  return native::backward(defined(grad), defined(grad_sigma), weights, sigma, u, v, scales, settings);
}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> backward_meta(
    const OptionalTensors&, const OptionalTensors&, at::TensorList weights, at::TensorList, at::TensorList,
    at::TensorList, at::TensorList scales, at::IntArrayRef, at::IntArrayRef, double, bool) {
  std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> lists;
  for (const at::Tensor& weight : weights) std::get<0>(lists).push_back(at::empty_like(weight));
  for (const at::Tensor& scale : scales) std::get<1>(lists).push_back(at::empty_like(scale));
  return lists;
}

}  // namespace
}  // namespace sigmax::torch

// The macros use torch::Library, which inside namespace sigmax would be looked up in sigmax::torch.
namespace operators = sigmax::torch;

TORCH_LIBRARY(sigmax, m) {
  const std::vector<at::Tag> compliant{at::Tag::pt2_compliant_tag};
  m.def(
      "normalize(Tensor weight, Tensor(a!) u, Tensor(b!) v, Tensor? scale=None, int dim=0, int blocks=1, int steps=1, "
      "float eps=1e-12, int iteration=0, float tolerance=0., float target=1., bool at_most=False) -> (Tensor weight, "
      "Tensor sigma)",
      operators::normalize_operator, compliant);
  m.def(
      "normalize_all(Tensor[] weights, Tensor(a!)[] u, Tensor(b!)[] v, Tensor[] scales, int[] dims, int[] blocks, "
      "int steps=1, float eps=1e-12, int iteration=0, float tolerance=0., float target=1., bool at_most=False) -> "
      "(Tensor[] weights, Tensor[] sigma)",
      operators::normalize_all_operator, compliant);
  m.def(
      "sigma(Tensor weight, Tensor(a!) u, Tensor(b!) v, int dim=0, int blocks=1, int steps=1, float eps=1e-12, "
      "int iteration=0, float tolerance=0.) -> Tensor",
      operators::sigma_operator, compliant);
  m.def(
      "scaled_linear(Tensor input, Tensor weight, Tensor? bias, Tensor(a!) u, Tensor(b!) v, Tensor? scale=None, "
      "int dim=0, int steps=1, float eps=1e-12, int iteration=0, float tolerance=0., float target=1., "
      "bool at_most=False) -> Tensor",
      operators::scaled_linear_operator, compliant);
  m.def(
      "scaled_convolution(Tensor input, Tensor weight, Tensor? bias, Tensor(a!) u, Tensor(b!) v, int[] stride, "
      "int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups, Tensor? scale=None, "
      "int dim=0, int steps=1, float eps=1e-12, int iteration=0, float tolerance=0., float target=1., "
      "bool at_most=False) -> Tensor",
      operators::scaled_convolution_operator, compliant);
  m.def(
      "normalize_convolution(Tensor weight, Tensor(a!) u, Tensor(b!) v, int[] input_size, int[] stride, int[] padding, "
      "int[] dilation, bool transposed, int[] output_padding, int groups, str padding_mode, Tensor? scale=None, "
      "int steps=1, float eps=1e-12, int iteration=0, float tolerance=0., float target=1., bool at_most=False) -> "
      "(Tensor weight, Tensor sigma)",
      operators::normalize_convolution_operator, compliant);
  m.def(
      "convolution_sigma(Tensor weight, Tensor(a!) u, Tensor(b!) v, int[] input_size, int[] stride, int[] padding, "
      "int[] dilation, bool transposed, int[] output_padding, int groups, str padding_mode, int steps=1, "
      "float eps=1e-12, int iteration=0, float tolerance=0.) -> Tensor",
      operators::convolution_sigma_operator, compliant);
  m.def(
      "convolution_state_size(Tensor weight, int[] input_size, int[] stride, int[] padding, int[] dilation, "
      "bool transposed, int[] output_padding, int groups, str padding_mode) -> (int u, int v)",
      operators::convolution_state_size_operator);
  m.def(
      "convolution_norm(Tensor weight, int[] input_size, int[] stride, int[] padding, int[] dilation, bool transposed, "
      "int[] output_padding, int groups, str padding_mode, float relative_width=0.001, float tolerance=1e-10) -> "
      "Tensor",
      operators::convolution_norm_operator, compliant);
  m.def(
      "_convolution_norm(Tensor weight, int[] input_size, int[] stride, int[] padding, int[] dilation, "
      "bool transposed, int[] output_padding, int groups, str padding_mode, float relative_width, float tolerance) -> "
      "(Tensor norm, Tensor gradient)",
      compliant);
  m.def("certify(Tensor weight, int dim=0) -> (float lower, float upper, str certainty)", operators::certify_operator,
        compliant);
  m.def(
      "certify_convolution(Tensor weight, int[] input_size, int[] stride, int[] padding, int[] dilation, "
      "bool transposed, int[] output_padding, int groups, str padding_mode, float relative_width=0.) -> "
      "(float lower, float upper, str certainty)",
      operators::certify_convolution_operator, compliant);
  m.def("release_memory() -> int", operators::release_kept_memory);
  m.def(
      "_normalize_into(Tensor[] weights, Tensor(a!)[] u, Tensor(b!)[] v, Tensor[] scales, Tensor(c!)[] out, "
      "Tensor(d!)[] sigma, int[] dims, int[] blocks, int steps, float eps, int iteration, float tolerance, "
      "float target, bool at_most) -> ()",
      compliant);
  m.def(
      "_normalize_backward(Tensor?[] grad, Tensor?[] grad_sigma, Tensor[] weights, Tensor[] sigma, Tensor[] u, "
      "Tensor[] v, Tensor[] scales, int[] dims, int[] blocks, float target, bool at_most) -> (Tensor[], Tensor[])",
      compliant);
  m.def("_store(Tensor result, Tensor(a!) state) -> ()", compliant);
}

// Within vmap and functionalize the same functions run on the transforms' tensors, because the operators inside these
// functions support them.
namespace {
void made_of_others(torch::Library& m) {
  m.impl("normalize", operators::normalize_operator);
  m.impl("normalize_all", operators::normalize_all_operator);
  m.impl("sigma", operators::sigma_operator);
  m.impl("scaled_linear", operators::scaled_linear_operator);
  m.impl("scaled_convolution", operators::scaled_convolution_operator);
  m.impl("normalize_convolution", operators::normalize_convolution_operator);
  m.impl("convolution_sigma", operators::convolution_sigma_operator);
  m.impl("convolution_norm", operators::convolution_norm_operator);
}
}  // namespace
TORCH_LIBRARY_IMPL(sigmax, FuncTorchBatchedDecomposition, m) { made_of_others(m); }
TORCH_LIBRARY_IMPL(sigmax, Functionalize, m) {
  made_of_others(m);
  m.impl("_store", operators::store_operator);
}

TORCH_LIBRARY_IMPL(sigmax, FuncTorchBatched, m) { m.impl("_store", operators::store_batched); }
TORCH_LIBRARY_IMPL(sigmax, CompositeExplicitAutograd, m) {
  m.impl("_store", operators::store_operator);
  m.impl("_convolution_norm", operators::norm_and_gradient_operator<operators::norm_and_gradient>);
}

TORCH_LIBRARY_IMPL(sigmax, Autograd, m) {
  m.impl("_convolution_norm", operators::norm_and_gradient_operator<operators::differentiable_norm>);
}

TORCH_LIBRARY_IMPL(sigmax, CPU, m) {
  m.impl("_normalize_into", operators::into_cpu);
  m.impl("_normalize_backward", operators::backward_cpu);
}

TORCH_LIBRARY_IMPL(sigmax, Meta, m) {
  m.impl("_normalize_into", operators::into_meta);
  m.impl("_normalize_backward", operators::backward_meta);
  m.impl("_convolution_norm", operators::norm_and_gradient_meta);
}
