#include "bindings/torch/modules/normalized_weight.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/WrapDimMinimal.h>
#include <c10/util/Exception.h>

#include <utility>

#include "bindings/torch/modules/certified_norm.hpp"

namespace sigmax::torch {
namespace {

constexpr int64_t kFirstIterations = 15;  // as PyTorch's parametrization makes on registration
constexpr double kUnitLength = 0.01;      // what the rounding of bf16 leaves of a unit vector's length, and more

// Each row (last dimension) of x over its length.
at::Tensor unit_rows(const at::Tensor& x, double eps) {
  return x / at::linalg_vector_norm(x, 2, {-1}, true).clamp_min(eps);
}

at::Tensor random_rows(const at::Tensor& like, int64_t blocks, int64_t length, double eps) {
  const at::Tensor x = unit_rows(at::empty({blocks, length}, like.options()).normal_(0, 1), eps);
  return blocks == 1 ? x.squeeze(0) : x;
}

// Holds the buffers, for the sake of their names.
class State : public ::torch::nn::Module {
 public:
  State(const at::Tensor& u, const at::Tensor& v, const at::Tensor& scale) : Module("SpectralNormState") {
    register_buffer("_u", u);
    register_buffer("_v", v);
    if (scale.defined()) register_parameter("_scale", scale);
  }
};

}  // namespace

at::Tensor as_matrix(const at::Tensor& weight, int64_t dim) {
  return (dim == 0 ? weight : weight.movedim(dim, 0)).flatten(1);
}

NormalizedWeight::NormalizedWeight(at::Tensor original, const SpectralNormOptions& options, int64_t default_dim,
                                   int64_t blocks)
    : Module("NormalizedWeight"), options_(options), original_(std::move(original)) {
  dim_ = c10::maybe_wrap_dim(options.dim().value_or(default_dim), original_.dim());
  blocks_ = options.by_block() ? blocks : 1;
  TORCH_CHECK_VALUE(
      options.n_power_iterations() > 0,
      "Expected n_power_iterations to be positive, but got n_power_iterations=", options.n_power_iterations());
  TORCH_CHECK_VALUE(options.target() > 0, "[spectral_norm] target must be positive, got ", options.target());
  TORCH_CHECK_VALUE(blocks_ == 1 || dim_ == 0, "[spectral_norm] blocks are cut along dimension 0, got dim ", dim_);
  restart();
  if (options.learnable_scale()) scale_ = at::ones({}, original_.options().requires_grad(false));
  register_all();
}

void NormalizedWeight::register_all() {
  register_parameter("original", original_, original_.requires_grad());
  register_module("0", std::make_shared<State>(u_, v_, scale_));
}

void NormalizedWeight::restart() {
  const c10::NoGradGuard no_grad;
  const at::Tensor w = matrices().detach();
  const at::Tensor u = random_rows(w, blocks_, w.size(1), options_.eps());
  const at::Tensor v = random_rows(w, blocks_, w.size(2), options_.eps());
  if (u_.defined()) {
    u_.set_data(u);
    v_.set_data(v);
  } else {
    u_ = u;
    v_ = v;
  }
  if (options_.order() == IterationOrder::parametrization) iterate(kFirstIterations);
}

at::Tensor NormalizedWeight::matrices() const {
  const at::Tensor w = as_matrix(original_, dim_);
  return w.reshape({blocks_, w.size(0) / blocks_, w.size(1)});
}

bool NormalizedWeight::repair() {
  const c10::NoGradGuard no_grad;
  const at::Tensor w = matrices();
  bool changed = false;
  for (const auto& [vector, length] : {std::pair(u_, w.size(1)), std::pair(v_, w.size(2))}) {
    if (vector.numel() != blocks_ * length) {
      restart();
      return true;
    }
    const at::Tensor norms = at::linalg_vector_norm(vector.view({blocks_, length}).to(at::kDouble), 2, {1}, true);
    if (!at::isfinite(norms).logical_and(norms > options_.eps()).all().item<bool>()) {
      restart();
      return true;
    }
    if ((norms - 1).abs().max().item<double>() > kUnitLength) {
      vector.view({blocks_, length}).div_(norms.to(vector.dtype()));
      changed = true;
    }
  }
  return changed;
}

void NormalizedWeight::iterate(int64_t times) {
  const c10::NoGradGuard no_grad;
  const at::Tensor w = matrices().detach();
  const at::Tensor u = u_.view({blocks_, w.size(1)});
  const at::Tensor v = v_.view({blocks_, w.size(2)});
  const auto next_u = [&] { u.copy_(unit_rows(at::bmm(w, v.unsqueeze(2)).squeeze(2), options_.eps())); };
  const auto next_v = [&] { v.copy_(unit_rows(at::bmm(u.unsqueeze(1), w).squeeze(1), options_.eps())); };
  for (int64_t step = 0; step < times; ++step) {
    if (options_.order() == IterationOrder::parametrization) {
      next_u();
      next_v();
    } else {
      next_v();
      next_u();
    }
  }
}

at::Tensor NormalizedWeight::normalized(const at::Tensor& u, const at::Tensor& v) const {
  const at::Tensor w = matrices();
  const at::Tensor wv = at::bmm(w, v.view({blocks_, w.size(2), 1}));
  at::Tensor sigma = at::bmm(u.view({blocks_, 1, w.size(1)}), wv);  // [blocks, 1, 1]
  sigma = at::where(sigma == 0, at::ones_like(sigma), sigma);
  at::Tensor result;
  if (options_.at_most()) {
    result = w * (options_.target() / sigma).clamp_max(1);
  } else {
    result = options_.target() == 1 ? w / sigma : w * (options_.target() / sigma);
  }
  if (scale_.defined()) result = result * scale_;
  if (dim_ == 0) return result.reshape(original_.sizes());
  const at::Tensor in_front = original_.movedim(dim_, 0);
  return result.reshape(in_front.sizes()).movedim(0, dim_).contiguous();
}

at::Tensor NormalizedWeight::forward() {
  if (!is_training()) return normalized(u_, v_);
  iterate(options_.n_power_iterations());
  // The next step writes u and v anew while this one's graph may still be waiting for its backward pass.
  return normalized(u_.clone(), v_.clone());
}

at::Tensor NormalizedWeight::value() const {
  const c10::NoGradGuard no_grad;
  return normalized(u_, v_);
}

at::Tensor NormalizedWeight::sigma() const {
  const c10::NoGradGuard no_grad;
  const at::Tensor w = matrices();
  const at::Tensor wv = at::bmm(w, v_.view({blocks_, w.size(2), 1}));
  return at::bmm(u_.view({blocks_, 1, w.size(1)}), wv).flatten();
}

void NormalizedWeight::converge() {
  const c10::NoGradGuard no_grad;
  const at::Tensor w = matrices().detach();
  const at::Tensor u = u_.view({blocks_, w.size(1)});
  const at::Tensor v = v_.view({blocks_, w.size(2)});
  for (int64_t block = 0; block < blocks_; ++block) {
    const SingularVectors top = largest_singular_vectors(w[block]);
    if (top.sigma == 0) continue;
    u[block].copy_(top.u);
    v[block].copy_(top.v);
  }
}

std::shared_ptr<NormalizedWeight> NormalizedWeight::copy(const std::optional<at::Device>& device) const {
  const c10::NoGradGuard no_grad;
  const auto fresh = [&](const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    at::Tensor result = device && tensor.device() != *device ? tensor.detach().to(*device) : tensor.detach().clone();
    result.set_requires_grad(tensor.requires_grad());
    return result;
  };
  auto result = std::make_shared<NormalizedWeight>(*this);
  result->original_ = fresh(original_);
  result->u_ = fresh(u_);
  result->v_ = fresh(v_);
  result->scale_ = fresh(scale_);
  result->parameters_.clear();
  result->unregister_module("0");
  result->register_all();
  result->train(is_training());
  return result;
}

std::shared_ptr<::torch::nn::Module> NormalizedWeight::clone(const std::optional<at::Device>& device) const {
  return copy(device);
}

}  // namespace sigmax::torch
