// The part of SpectralNorm<M> that does not depend on the signature of M's forward().
#pragma once

#include <c10/core/GradMode.h>
#include <torch/serialize/archive.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings/torch/modules/normalized_weight.hpp"
#include "bindings/torch/modules/spectral_norm_options.hpp"
#include "bindings/torch/modules/weights_of.hpp"

namespace sigmax::torch {

/// The interface of every SpectralNorm<M>, whatever M is: cast a module to it with dynamic_cast.
class SpectralNormalized {
 public:
  virtual ~SpectralNormalized() = default;

  /// The names and weights of this module, without those of its children.
  virtual std::vector<std::pair<std::string, std::shared_ptr<NormalizedWeight>>> normalized_weights() const = 0;

  /// Runs before the wrapped forward: recomputes the members that it reads (`weight`), with a step in training.
  virtual void renew() = 0;

  /// Like renew(), without a step and without a gradient. Needed after parameters were written by hand; loading, moving
  /// and cloning call it themselves.
  virtual void publish() = 0;
};

template <Normalizable Module, class Signature = decltype(&Module::forward)>
class SpectralNormImpl;

/// An M whose weights are parametrized. It has no data members, because a parent's clone() assigns only the M part of a
/// child and would lose anything else. The M part holds the children, including `parametrizations`.
template <class Derived, Normalizable Module>
class SpectralNormBase : public Module, public SpectralNormalized {
 public:
  /// Takes the arguments of the wrapped module's constructor, optionally followed by the options of the normalization.
  /// Throws c10::ValueError for names that are not weights of the module, and for an Embedding with sparse gradients;
  /// otherwise like NormalizedWeight.
  template <class... Arguments>
  requires std::constructible_from<Module, Arguments...>
  explicit SpectralNormBase(Arguments&&... arguments) : Module(std::forward<Arguments>(arguments)...) {
    adopt_weights({});
  }
  template <class A>
  requires std::constructible_from<Module, A> SpectralNormBase(A&& a, const SpectralNormOptions& normalization)
      : Module(std::forward<A>(a)) {
    adopt_weights(normalization);
  }
  template <class A, class B>
  requires std::constructible_from<Module, A, B> SpectralNormBase(A&& a, B&& b,
                                                                  const SpectralNormOptions& normalization)
      : Module(std::forward<A>(a), std::forward<B>(b)) {
    adopt_weights(normalization);
  }
  template <class A, class B, class C>
  requires std::constructible_from<Module, A, B, C> SpectralNormBase(A&& a, B&& b, C&& c,
                                                                     const SpectralNormOptions& normalization)
      : Module(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c)) {
    adopt_weights(normalization);
  }

  SpectralNormBase(const SpectralNormBase&) = default;
  SpectralNormBase& operator=(const SpectralNormBase&) = default;

  /// One of the normalized weights. Throws c10::ValueError for any other name.
  std::shared_ptr<NormalizedWeight> normalized_weight(const std::string& name = "weight") const;
  std::vector<std::pair<std::string, std::shared_ptr<NormalizedWeight>>> normalized_weights() const override;

  void renew() override;
  void publish() override;

  /// A plain module, no longer normalized, whose weights are the present normalized values. Makes no step.
  std::shared_ptr<Module> fold() const;

  std::shared_ptr<::torch::nn::Module> clone(const std::optional<at::Device>& device = std::nullopt) const override;

  void to(at::Device device, at::ScalarType dtype, bool non_blocking = false) override {
    Module::to(device, dtype, non_blocking);
    publish();
  }
  void to(at::ScalarType dtype, bool non_blocking = false) override {
    Module::to(dtype, non_blocking);
    publish();
  }
  void to(at::Device device, bool non_blocking = false) override {
    Module::to(device, non_blocking);
    publish();
  }

  /// Loads as PyTorch's modules do; a state whose size does not fit the weight is replaced by a new one.
  void load(::torch::serialize::InputArchive& archive) override;

  void pretty_print(std::ostream& stream) const override {
    stream << "sigmax::torch::SpectralNorm(";
    Module::pretty_print(stream);
    stream << ')';
  }

 private:
  // An attention's out_proj is a Linear, and the attention reads its weight: a SpectralNorm replaces it.
  using Projection = SpectralNormImpl<std::conditional_t<IsAttention<Module>, ::torch::nn::LinearImpl, Module>>;

  void adopt_weights(const SpectralNormOptions& normalization);
  void adopt_projection(const SpectralNormOptions& normalization);
  void set_projection(std::shared_ptr<::torch::nn::LinearImpl> projection);
  void keep(const std::string& name, std::shared_ptr<NormalizedWeight> kept);
  void write(const std::string& name, const at::Tensor& value);
};

template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::adopt_weights(const SpectralNormOptions& normalization) {
  if constexpr (std::derived_from<Module, ::torch::nn::EmbeddingImpl>) {
    TORCH_CHECK_VALUE(!this->options.sparse(),
                      "[spectral_norm] a sparse gradient does not pass through W / sigma, all "
                      "of whose entries depend on every entry of W: use sparse(false)");
  }
  std::optional<OperatorGeometry> geometry;
  if (!normalization.input_size().empty()) {
    if constexpr (IsConvolution<Module>) {
      TORCH_CHECK_VALUE(!normalization.dim() && !normalization.by_block(),
                        "[spectral_norm] input_size normalizes the layer as a whole: leave dim and by_block off");
      geometry = geometry_of<Module>(*this, normalization.input_size());
    } else {
      TORCH_CHECK_VALUE(false, "[spectral_norm] input_size needs a convolution, got ", this->name(),
                        ": leave it off, the matrix's norm is the layer's norm");
    }
  }
  std::vector<std::string> names = normalization.names();
  if constexpr (IsAttention<Module>) {
    if (names.empty() || std::erase(names, "out_proj.weight") > 0) {
      adopt_projection(normalization);
      if (names.empty() && !normalization.names().empty()) return;
    }
  }
  if (names.empty()) {
    for (const auto& parameter : this->parameters_) {
      if (is_weight(parameter.key()) && parameter->defined()) names.push_back(parameter.key());
    }
  }
  for (const std::string& name : names) {
    const at::Tensor* own = this->parameters_.find(name);
    TORCH_CHECK_VALUE(own != nullptr && own->defined(), "[spectral_norm] ", this->name(),
                      " has no parameter with name '", name, "'");
    keep(name, std::make_shared<NormalizedWeight>(*own, normalization, kDefaultDim<Module>, blocks_of<Module>(name),
                                                  geometry));
  }
  publish();
}

template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::adopt_projection(const SpectralNormOptions& normalization) {
  if constexpr (IsAttention<Module>) {
    SpectralNormOptions whole = normalization;
    set_projection(std::make_shared<Projection>(*this->out_proj, whole.names({"weight"}).by_block(false)));
  }
}

template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::set_projection(std::shared_ptr<::torch::nn::LinearImpl> projection) {
  if constexpr (IsAttention<Module>) {
    this->out_proj = ::torch::nn::Linear(projection);
    this->replace_module("out_proj", std::move(projection));
  }
}

// The weight moves from this module's parameters to parametrizations.weight.
template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::keep(const std::string& name, std::shared_ptr<NormalizedWeight> kept) {
  this->parameters_.erase(name);
  const auto children = this->named_children();
  const auto* found = children.find("parametrizations");
  const auto parametrizations =
      found ? *found
            : this->register_module("parametrizations", std::make_shared<::torch::nn::Module>("Parametrizations"));
  parametrizations->register_module(name, std::move(kept));
}

template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::write(const std::string& name, const at::Tensor& value) {
  if constexpr (HasOneWeight<Module>) {
    this->weight = value;
  } else if constexpr (IsRecurrentCell<Module>) {
    (name == "weight_ih" ? this->weight_ih : this->weight_hh) = value;
  } else if constexpr (IsRecurrent<Module>) {
    for (std::size_t i = 0; i < this->flat_weights_names_.size(); ++i) {
      if (this->flat_weights_names_[i] == name) this->flat_weights_[i] = value;
    }
  } else {
    (name == "in_proj_weight"  ? this->in_proj_weight
     : name == "q_proj_weight" ? this->q_proj_weight
     : name == "k_proj_weight" ? this->k_proj_weight
                               : this->v_proj_weight) = value;
  }
}

template <class Derived, Normalizable Module>
std::vector<std::pair<std::string, std::shared_ptr<NormalizedWeight>>>
SpectralNormBase<Derived, Module>::normalized_weights() const {
  std::vector<std::pair<std::string, std::shared_ptr<NormalizedWeight>>> result;
  const auto children = this->named_children();
  const auto* parametrizations = children.find("parametrizations");
  if (parametrizations == nullptr) return result;
  for (const auto& child : (*parametrizations)->named_children()) {
    result.emplace_back(child.key(), std::dynamic_pointer_cast<NormalizedWeight>(child.value()));
  }
  return result;
}

template <class Derived, Normalizable Module>
std::shared_ptr<NormalizedWeight> SpectralNormBase<Derived, Module>::normalized_weight(const std::string& name) const {
  for (auto& [own, kept] : normalized_weights()) {
    if (own == name) return kept;
  }
  TORCH_CHECK_VALUE(false, "[spectral_norm] ", this->name(), " has no normalized weight '", name, "'");
}

template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::renew() {
  const auto own = normalized_weights();
  std::vector<std::shared_ptr<NormalizedWeight>> weights;
  weights.reserve(own.size());
  for (const auto& [name, kept] : own) weights.push_back(kept);
  const std::vector<at::Tensor> values = forward_all(weights);
  for (std::size_t i = 0; i < own.size(); ++i) write(own[i].first, values[i]);
  if constexpr (IsAttention<Module>) {
    if (auto* projection = dynamic_cast<SpectralNormalized*>(this->out_proj.get())) projection->renew();
  }
}

template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::publish() {
  for (const auto& [name, kept] : normalized_weights()) write(name, kept->value());
}

template <class Derived, Normalizable Module>
void SpectralNormBase<Derived, Module>::load(::torch::serialize::InputArchive& archive) {
  Module::load(archive);
  for (const auto& [name, kept] : normalized_weights()) kept->fit_state();
  publish();
}

// The copy shares everything at first. As in the clone() of every LibTorch module, reset() gives its members and
// parameters separate tensors; then the values are copied.
template <class Derived, Normalizable Module>
std::shared_ptr<::torch::nn::Module> SpectralNormBase<Derived, Module>::clone(
    const std::optional<at::Device>& device) const {
  const c10::NoGradGuard no_grad;
  auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
  copy->parameters_.clear();
  for (const auto& child : this->named_children()) copy->unregister_module(child.key());
  copy->reset();
  for (const auto& [name, kept] : normalized_weights()) copy->keep(name, kept->copy(device));
  if constexpr (IsAttention<Module>) {
    copy->set_projection(std::dynamic_pointer_cast<::torch::nn::LinearImpl>(this->out_proj->clone(device)));
  }
  for (const auto& parameter : this->named_parameters(/*recurse=*/false)) {
    at::Tensor& own = copy->parameters_[parameter.key()];
    own.set_data(device && parameter->device() != *device ? parameter->to(*device) : parameter->clone());
    own.set_requires_grad(parameter->requires_grad());
  }
  copy->publish();
  return copy;
}

template <class Derived, Normalizable Module>
std::shared_ptr<Module> SpectralNormBase<Derived, Module>::fold() const {
  const c10::NoGradGuard no_grad;
  auto plain = std::make_shared<Derived>(static_cast<const Derived&>(*this));
  for (const auto& [name, kept] : normalized_weights()) plain->parameters_.insert(name, kept->value());
  if (this->named_children().contains("parametrizations")) plain->unregister_module("parametrizations");
  if constexpr (IsAttention<Module>) {
    if (auto projection = std::dynamic_pointer_cast<Projection>(this->out_proj.ptr())) {
      plain->set_projection(projection->fold());
    }
  }
  return std::dynamic_pointer_cast<Module>(plain->Module::clone());  // M's own clone(): nothing of this class remains
}

}  // namespace sigmax::torch
