#include "bindings/torch/convolution.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "bindings/torch/composite.hpp"
#include "bindings/torch/settings.hpp"

namespace sigmax::torch {
namespace {

using Sizes = std::vector<std::int64_t>;

/// What the geometry means for one weight: the channels and the sizes at each stage of the layer.
struct Plan {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  Sizes padded;       ///< the size of the padded input; for a transposed convolution the input size
  Sizes output;       ///< the size of the output
  bool separate_pad;  ///< the padding is a step of its own, and the convolution has none
};

std::int64_t product(const Sizes& sizes) {
  std::int64_t result = 1;
  for (const std::int64_t size : sizes) {
    TORCH_CHECK_VALUE(size <= (std::int64_t{1} << 40) / std::max<std::int64_t>(result, 1),
                      "[normalize_convolution] the input size is too large");
    result *= size;
  }
  return result;
}

void check_geometry(const at::Tensor& weight, const OperatorGeometry& g) {
  const std::size_t axes = g.input_size.size();
  TORCH_CHECK_VALUE(axes >= 1 && axes <= 3, "[normalize_convolution] input_size has ", axes,
                    " entries: give one for each of 1 to 3 spatial axes");
  TORCH_CHECK_VALUE(weight.dim() == static_cast<std::int64_t>(axes) + 2, "[normalize_convolution] input_size has ",
                    axes, " entries, but a kernel of ", weight.dim(), " dimensions has ", weight.dim() - 2,
                    " spatial axes");
  for (const auto* list : {&g.stride, &g.padding_low, &g.padding_high, &g.dilation}) {
    TORCH_CHECK_VALUE(list->size() == axes, "[normalize_convolution] stride, padding and dilation need ", axes,
                      " entries each");
  }
  TORCH_CHECK_VALUE(!g.transposed || g.output_padding.size() == axes, "[normalize_convolution] output_padding needs ",
                    axes, " entries");
  TORCH_CHECK_VALUE(g.groups > 0 && weight.size(0) % g.groups == 0, "[normalize_convolution] ", g.groups,
                    " groups do not divide ", weight.size(0), " channels");
  TORCH_CHECK_VALUE(!weight.is_complex(), "[normalize_convolution] complex kernels are not supported");
  TORCH_CHECK_VALUE(weight.numel() > 0, "[normalize_convolution] the kernel has no entries");
  const bool known = g.padding_mode == "zeros" || g.padding_mode == "circular" || g.padding_mode == "reflect" ||
                     g.padding_mode == "replicate";
  TORCH_CHECK_VALUE(known && (!g.transposed || g.padding_mode == "zeros"), "[normalize_convolution] padding_mode '",
                    g.padding_mode, "' is not supported",
                    g.transposed ? ": a transposed convolution pads with zeros" : "");
  for (std::size_t i = 0; i < axes; ++i) {
    TORCH_CHECK_VALUE(
        g.input_size[i] > 0 && g.stride[i] > 0 && g.dilation[i] > 0 && g.padding_low[i] >= 0 && g.padding_high[i] >= 0,
        "[normalize_convolution] input_size, stride and dilation must be positive, padding not negative");
    const std::int64_t wide = std::max(g.padding_low[i], g.padding_high[i]);
    TORCH_CHECK_VALUE(g.padding_mode != "circular" || wide <= g.input_size[i], "[normalize_convolution] the padding ",
                      wide, " wraps around more than once on an input of ", g.input_size[i]);
    TORCH_CHECK_VALUE(g.padding_mode != "reflect" || wide < g.input_size[i], "[normalize_convolution] the padding ",
                      wide, " reflects beyond an input of ", g.input_size[i]);
    if (g.transposed) {
      TORCH_CHECK_VALUE(g.padding_low[i] == g.padding_high[i],
                        "[normalize_convolution] a transposed convolution has the same padding on both sides");
      TORCH_CHECK_VALUE(g.output_padding[i] >= 0 && g.output_padding[i] < std::max(g.stride[i], g.dilation[i]),
                        "[normalize_convolution] output_padding must be smaller than stride or dilation");
    }
  }
}

Plan plan_of(const at::Tensor& weight, const OperatorGeometry& g) {
  check_geometry(weight, g);
  Plan plan;
  plan.separate_pad = !g.transposed && (g.padding_mode != "zeros" || g.padding_low != g.padding_high);
  plan.in_channels = g.transposed ? weight.size(0) : weight.size(1) * g.groups;
  plan.out_channels = g.transposed ? weight.size(1) * g.groups : weight.size(0);
  for (std::size_t i = 0; i < g.input_size.size(); ++i) {
    const std::int64_t reach = g.dilation[i] * (weight.size(static_cast<std::int64_t>(i) + 2) - 1) + 1;
    const std::int64_t padding = g.padding_low[i] + g.padding_high[i];
    const std::int64_t size = g.input_size[i];
    const std::int64_t output = g.transposed ? (size - 1) * g.stride[i] - padding + reach + g.output_padding[i]
                                             : (size + padding - reach) / g.stride[i] + 1;
    TORCH_CHECK_VALUE(output > 0 && (g.transposed || size + padding >= reach), "[normalize_convolution] an input of ",
                      size, " with a padding of ", padding, " is too small for a kernel that reaches over ", reach);
    plan.padded.push_back(g.transposed ? size : size + padding);
    plan.output.push_back(output);
  }
  return plan;
}

/// Which entry of an axis each padded entry repeats.
at::Tensor repeated(const OperatorGeometry& g, std::size_t axis, const at::Tensor& like) {
  const std::int64_t size = g.input_size[axis];
  const auto options = like.options().dtype(at::kLong).requires_grad(false);
  at::Tensor place = at::arange(-g.padding_low[axis], size + g.padding_high[axis], options);
  if (g.padding_mode == "circular") return at::remainder(place, size);
  if (g.padding_mode == "replicate") return place.clamp(0, size - 1);
  return size - 1 - (size - 1 - place.abs()).abs();
}

at::Tensor padded(const at::Tensor& x, const OperatorGeometry& g) {
  at::Tensor result = x;
  if (g.padding_mode == "zeros") {
    Sizes amounts;  // from the last axis to the first
    for (std::size_t i = g.input_size.size(); i-- > 0;) {
      amounts.push_back(g.padding_low[i]);
      amounts.push_back(g.padding_high[i]);
    }
    return at::constant_pad_nd(result, amounts);
  }
  for (std::size_t i = 0; i < g.input_size.size(); ++i) {
    result = at::index_select(result, static_cast<std::int64_t>(i) + 2, repeated(g, i, x));
  }
  return result;
}

/// The adjoint of padded(): sums what each entry was copied to.
at::Tensor folded(const at::Tensor& x, const OperatorGeometry& g) {
  at::Tensor result = x;
  for (std::size_t i = 0; i < g.input_size.size(); ++i) {
    const std::int64_t axis = static_cast<std::int64_t>(i) + 2;
    if (g.padding_mode == "zeros") {
      result = at::narrow(result, axis, g.padding_low[i], g.input_size[i]);
    } else {
      Sizes shape = result.sizes().vec();
      shape[static_cast<std::size_t>(axis)] = g.input_size[i];
      result = at::index_add(at::zeros(shape, result.options()), axis, repeated(g, i, x), result);
    }
  }
  return result;
}

at::Tensor cropped(at::Tensor x, const Sizes& sizes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) x = at::narrow(x, static_cast<std::int64_t>(i) + 2, 0, sizes[i]);
  return x;
}

composite::Products products(const at::Tensor& weight, const OperatorGeometry& g) {
  const Plan plan = plan_of(weight, g);
  const bool half = weight.scalar_type() == at::kHalf || weight.scalar_type() == at::kBFloat16;
  const at::Tensor w = half ? weight.to(at::kFloat) : weight;
  const std::size_t axes = g.input_size.size();
  const Sizes padding = plan.separate_pad ? Sizes(axes, 0) : g.padding_low;
  const auto shape = [](std::int64_t channels, const Sizes& sizes) {
    Sizes whole{-1, channels};
    whole.insert(whole.end(), sizes.begin(), sizes.end());
    return whole;
  };
  const Sizes input = shape(plan.in_channels, g.input_size), output = shape(plan.out_channels, plan.output);
  const Sizes none(axes, 0);
  // What the sizes of a transposed convolution leave open, so that the adjoint's output has the input's size.
  Sizes open(axes, 0);
  for (std::size_t i = 0; i < axes && !g.transposed; ++i) {
    const std::int64_t reach = g.dilation[i] * (weight.size(static_cast<std::int64_t>(i) + 2) - 1) + 1;
    open[i] = plan.padded[i] - ((plan.output[i] - 1) * g.stride[i] + reach);
  }
  const auto image = [=](const at::Tensor& x) {
    at::Tensor y = x.reshape(input);
    if (plan.separate_pad) y = padded(y, g);
    return at::convolution(y, w, {}, g.stride, padding, g.dilation, g.transposed,
                           g.transposed ? g.output_padding : none, g.groups)
        .flatten(1);
  };
  const auto adjoint = [=](const at::Tensor& y) {
    at::Tensor x =
        at::convolution(y.reshape(output), w, {}, g.stride, padding, g.dilation, !g.transposed, open, g.groups);
    if (g.transposed) x = cropped(x, g.input_size);
    if (plan.separate_pad) x = folded(x, g);
    return x.flatten(1);
  };
  return {image, adjoint, w.scalar_type()};
}

void check_state(const char* function, const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                 const OperatorGeometry& geometry, const NormalizeOptions& options) {
  const StateSize size = state_size(weight, geometry);
  TORCH_CHECK(u.numel() == size.u && v.numel() == size.v, "[", function, "] u has ", u.numel(), " and v ", v.numel(),
              " entries where the convolution at this input size needs ", size.u, " and ", size.v,
              ": was the state made for another input size?");
  TORCH_CHECK(options.steps >= 0, "[", function, "] steps must not be negative, got ", options.steps);
  TORCH_CHECK(options.eps > 0, "[", function, "] eps must be positive, got ", options.eps);
  TORCH_CHECK(options.target > 0, "[", function, "] target must be positive, got ", options.target);
}

Normalized run(const char* function, const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
               const OperatorGeometry& geometry, const NormalizeOptions& options, const at::Tensor& scale, bool write) {
  // A float32 weight is normalized in float32, regardless of autocast.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  check_state(function, weight, u, v, geometry, options);
  const Settings settings{{}, {}, options};
  const composite::InRange w = composite::in_range(weight);
  at::Tensor left;
  at::Tensor right;
  {
    const at::NoGradGuard constants;
    const c10::AutoFwGradMode constants_forward(false);
    if (options.steps > 0) composite::iterate(products(w.weight.detach(), geometry), w.unit, u, v, 1, settings);
    left = u.detach().clone(at::MemoryFormat::Contiguous);
    right = v.detach().clone(at::MemoryFormat::Contiguous);
  }
  Normalized result;
  const at::Tensor sigma = composite::sigma(products(w.weight, geometry), left, right, 1);
  if (write) result.weight = composite::scaled(w.weight, composite::factor(sigma, scale, w.unit, settings), 0, 1);
  result.sigma = sigma * w.unit;
  return result;
}

}  // namespace

StateSize state_size(const at::Tensor& weight, const OperatorGeometry& geometry) {
  const Plan plan = plan_of(weight, geometry);
  return {plan.out_channels * product(plan.output), plan.in_channels * product(geometry.input_size)};
}

Normalized normalize_convolution(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                                 const OperatorGeometry& geometry, const NormalizeOptions& options,
                                 const std::optional<at::Tensor>& scale) {
  return run("normalize_convolution", weight, u, v, geometry, options, scale.value_or(at::Tensor()), true);
}

at::Tensor convolution_sigma(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                             const OperatorGeometry& geometry, const NormalizeOptions& options) {
  return run("convolution_sigma", weight, u, v, geometry, options, {}, false).sigma;
}

}  // namespace sigmax::torch
