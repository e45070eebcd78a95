#include "bindings/torch/modules/normalized_weight.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/WrapDimMinimal.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

namespace sigmax::torch {
namespace {

// PyTorch's parametrization makes this many on registration. Its older hook makes none, and divides by a random number
// if the first forward pass is in evaluation mode.
constexpr int64_t kFirstSteps = 15;

// `count` random vectors of unit length, one after another.
at::Tensor random_vectors(const at::Tensor& like, int64_t count, int64_t length, double eps) {
  const at::Tensor x = at::empty({count, length}, like.options().requires_grad(false)).normal_(0, 1);
  return (x / at::linalg_vector_norm(x, 2, {1}, true).clamp_min(eps)).flatten();
}

// Holds the buffers, so that they have the right names.
class State : public ::torch::nn::Module {
 public:
  State(const at::Tensor& u, const at::Tensor& v, const at::Tensor& scale, const at::Tensor& input_size)
      : Module("SpectralNormState") {
    register_buffer("_u", u);
    register_buffer("_v", v);
    if (input_size.defined()) register_buffer("_input_size", input_size);
    if (scale.defined()) register_parameter("scale", scale);
  }
};

bool equal(const NormalizeOptions& a, const NormalizeOptions& b) {
  return a.steps == b.steps && a.eps == b.eps && a.iteration == b.iteration && a.tolerance == b.tolerance &&
         a.target == b.target && a.at_most == b.at_most;
}

}  // namespace

at::Tensor as_matrix(const at::Tensor& weight, int64_t dim) {
  return (dim == 0 ? weight : weight.movedim(dim, 0)).flatten(1);
}

NormalizedWeight::NormalizedWeight(at::Tensor original, const SpectralNormOptions& options, int64_t default_dim,
                                   int64_t blocks, std::optional<OperatorGeometry> geometry)
    : Module("NormalizedWeight"), options_(options), geometry_(std::move(geometry)), original_(std::move(original)) {
  TORCH_CHECK_VALUE(original_.dim() > 1, "[spectral_norm] a weight of ", original_.dim(),
                    " dimensions is not a matrix");
  dim_ = c10::maybe_wrap_dim(options.dim().value_or(default_dim), original_.dim());
  blocks_ = options.by_block() ? blocks : 1;
  TORCH_CHECK_VALUE(
      options.n_power_iterations() > 0,
      "Expected n_power_iterations to be positive, but got n_power_iterations=", options.n_power_iterations());
  TORCH_CHECK_VALUE(options.target() > 0, "[spectral_norm] target must be positive, got ", options.target());
  TORCH_CHECK_VALUE(blocks_ == 1 || dim_ == 0, "[spectral_norm] blocks are cut along dimension 0, got dim ", dim_);
  if (options.learnable_scale()) scale_ = at::ones({}, original_.options().requires_grad(false));
  if (geometry_) input_size_ = at::tensor(geometry_->input_size, at::kLong);
  restart();
  register_all();
}

void NormalizedWeight::register_all() {
  register_parameter("original", original_, original_.requires_grad());
  register_module("0", std::make_shared<State>(u_, v_, scale_, input_size_));
}

NormalizeOptions NormalizedWeight::step() const {
  return {dim_,
          blocks_,
          is_training() ? options_.n_power_iterations() : 0,
          options_.eps(),
          options_.iteration(),
          options_.tolerance(),
          options_.target(),
          options_.at_most()};
}

Normalized NormalizedWeight::normalized(const NormalizeOptions& options) const {
  const std::optional<at::Tensor> scale = scale_.defined() ? std::optional(scale_) : std::nullopt;
  if (geometry_) return normalize_convolution(original_, u_, v_, *geometry_, options, scale);
  return normalize(original_, u_, v_, options, scale);
}

at::Tensor NormalizedWeight::sigma_after(const at::Tensor& weight, const at::Tensor& u, const at::Tensor& v,
                                         const NormalizeOptions& options) const {
  if (geometry_) return convolution_sigma(weight, u, v, *geometry_, options);
  return spectral_sigma(weight, u, v, options);
}

StateSize NormalizedWeight::state_size() const {
  if (geometry_) return torch::state_size(original_, *geometry_);
  const int64_t rows = original_.size(dim_);
  return {rows, original_.numel() / rows * blocks_};
}

at::Tensor NormalizedWeight::forward() { return normalized(step()).weight; }

at::Tensor NormalizedWeight::value() const {
  const c10::NoGradGuard no_grad;
  NormalizeOptions options = step();
  options.steps = 0;
  return normalized(options).weight;
}

at::Tensor NormalizedWeight::sigma() const {
  const c10::NoGradGuard no_grad;
  NormalizeOptions options = step();
  options.steps = 0;
  return sigma_after(original_, u_, v_, options);
}

Certificate NormalizedWeight::certify(double relative_width) const {
  return geometry_ ? certify_convolution(value(), *geometry_, relative_width) : torch::certify(value(), dim_);
}

void NormalizedWeight::restart() {
  const c10::NoGradGuard no_grad;
  const StateSize size = state_size();
  const at::Tensor u = random_vectors(original_, blocks_, size.u / blocks_, options_.eps());
  const at::Tensor v = random_vectors(original_, blocks_, size.v / blocks_, options_.eps());
  if (u_.defined()) {
    u_.set_data(u);
    v_.set_data(v);
  } else {
    u_ = u;
    v_ = v;
  }
  NormalizeOptions options = step();
  options.steps = kFirstSteps;
  sigma_after(original_, u_, v_, options);
}

bool NormalizedWeight::fit_state() {
  const StateSize size = state_size();
  bool fits = u_.numel() == size.u && v_.numel() == size.v;
  if (geometry_) {
    const at::Tensor own = at::tensor(geometry_->input_size, at::kLong);
    fits = fits && at::equal(input_size_.to(at::kLong).cpu(), own);
    input_size_.set_data(own);
  }
  if (fits) return false;
  restart();
  return true;
}

// Repeats Lanczos from the present state until sigma no longer changes.
void NormalizedWeight::converge() {
  constexpr int kRounds = 50;
  const c10::NoGradGuard no_grad;
  const at::Tensor w = original_.to(at::kDouble);
  const at::Tensor u = u_.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  const at::Tensor v = v_.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  NormalizeOptions options = step();
  options.steps = 40;
  options.iteration = Iteration::lanczos;
  options.tolerance = 1e-15;
  at::Tensor before = sigma_after(w, u, v, options);
  for (int round = 0; round < kRounds; ++round) {
    const at::Tensor sigma = sigma_after(w, u, v, options);
    if (((sigma - before).abs() <= 1e-14 * sigma).all().item<bool>()) break;
    before = sigma;
  }
  u_.copy_(u);
  v_.copy_(v);
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
  result->input_size_ = fresh(input_size_);
  result->parameters_.clear();
  result->unregister_module("0");
  result->register_all();
  result->train(is_training());
  return result;
}

std::shared_ptr<::torch::nn::Module> NormalizedWeight::clone(const std::optional<at::Device>& device) const {
  return copy(device);
}

std::vector<at::Tensor> forward_all(const std::vector<std::shared_ptr<NormalizedWeight>>& weights) {
  std::vector<at::Tensor> result(weights.size());
  if (weights.empty()) return result;
  const NormalizeOptions options = weights.front()->step();
  const bool scaled = weights.front()->scale().defined();
  const bool together = std::all_of(weights.begin(), weights.end(), [&](const auto& weight) {
    return !weight->geometry() && equal(weight->step(), options) && weight->scale().defined() == scaled;
  });
  if (!together || weights.size() == 1) {
    std::transform(weights.begin(), weights.end(), result.begin(),
                   [](const auto& weight) { return weight->forward(); });
    return result;
  }
  std::vector<at::Tensor> originals;
  std::vector<at::Tensor> u;
  std::vector<at::Tensor> v;
  std::vector<at::Tensor> scales;
  std::vector<int64_t> dims;
  std::vector<int64_t> blocks;
  for (const auto& weight : weights) {
    originals.push_back(weight->original());
    u.push_back(weight->u());
    v.push_back(weight->v());
    if (scaled) scales.push_back(weight->scale());
    dims.push_back(weight->dim());
    blocks.push_back(weight->blocks());
  }
  const std::vector<Normalized> all = normalize_all(originals, u, v, scales, dims, blocks, options);
  std::transform(all.begin(), all.end(), result.begin(), [](const Normalized& one) { return one.weight; });
  return result;
}

}  // namespace sigmax::torch
