#include "sigmax/audit/roles/siblings.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "sigmax/audit/roles/tensor_name.hpp"

namespace sigmax::audit {
namespace {

// True if a number stands in both names where they first differ.
bool differ_by_a_number(std::string_view a, std::string_view b) {
  const NameParts first(a), second(b);
  const auto one = first.components(), two = second.components();
  const auto at = std::mismatch(one.begin(), one.end(), two.begin(), two.end());
  return at.first != one.end() && at.second != two.end() && is_number(*at.first) && is_number(*at.second);
}

bool is_before(const io::Entry* a, const io::Entry* b) {
  return a->file != b->file ? a->file < b->file : comes_before(a->name, b->name);
}

// Keys under which programs keep a model. They are not part of its tensors' names.
bool is_wrapper(std::string_view component) {
  return is_one_of(component, {"model", "params", "state_dict", "model_state_dict", "module", "net", "network",
                               "online_model", "weights", "generator", "_orig_mod"});
}

std::optional<Copy::Kind> kind_of_copy(std::string_view component) {
  if (is_one_of(component, {"master_params", "master_weights", "fp32_params"})) return Copy::Kind::master;
  const bool average =
      has_word(component, {"ema", "swa", "polyak"}) ||
      is_one_of(component, {"shadow_params", "averaged_model", "avg_model", "averaged_params", "model_avg"});
  return average ? std::optional(Copy::Kind::average) : std::nullopt;
}

// `g_ema` gives `g`, the model that it is the average of. A name that does not tell the model gives nothing.
std::string copied_model(std::string_view component) {
  const std::string lowered = lower_case(component);
  for (const std::string_view word : {"_ema_", "_swa_", "_polyak_"}) {
    const std::string_view behind = word.substr(0, word.size() - 1), before = word.substr(1);
    std::string_view rest;
    if (lowered.ends_with(behind)) rest = component.substr(0, component.size() - behind.size());
    if (lowered.starts_with(before)) rest = component.substr(before.size());
    if (!rest.empty()) return is_wrapper(rest) || rest == "state" ? std::string() : std::string(rest);
  }
  return {};
}

std::string joined(std::span<const std::string_view> components) {
  std::string text;
  for (const std::string_view component : components) text += component;
  return text;
}

// Without the wrappers at its front, except for the last component.
std::span<const std::string_view> unwrapped(std::span<const std::string_view> components) {
  while (components.size() > 1) {
    // The library that keeps both below `ema` calls the model itself `online_model`.
    const bool holds_model = components[1] == "online_model" && kind_of_copy(components[0]).has_value();
    if (!is_wrapper(components[0]) && !holds_model) break;
    components = components.subspan(1);
  }
  return components;
}

}  // namespace

std::optional<Copy> copy_by_name(std::string_view name) {
  const NameParts parts(name);
  const auto components = unwrapped(parts.components());
  for (std::size_t i = 0; i < components.size(); ++i) {
    const auto kind = kind_of_copy(components[i]);
    if (!kind) continue;
    const std::string model = copied_model(components[i]);
    auto rest = components.subspan(i + 1);
    // `attn.ema_proj.weight` is a layer of the model, `g_ema.fc.weight` and `fc.weight_ema` are copies.
    // Inside a model `ema` and `swa` are layers too: an exponential smoothing, an attention with a sliding window.
    const bool names_no_model = is_one_of(lower_case(components[i]), {"ema", "swa", "polyak"});
    const bool is_layer = !model.empty() && rest.size() < 2;  // `ema_proj.weight`; a model has layers below it
    if (rest.empty() ? model.empty() : is_layer || (i > 0 && (!model.empty() || names_no_model))) continue;
    while (rest.size() > 1 && (is_wrapper(rest[0]) || kind_of_copy(rest[0]))) rest = rest.subspan(1);
    const std::string below = model + joined(rest);
    Copy copy{*kind, {joined(components.first(i)) + below}, rest.size() == 1 && is_number(rest[0])};
    if (i > 0 && !rest.empty()) copy.originals.push_back(below);
    return copy;
  }
  return std::nullopt;
}

Configs configs_of(const io::Checkpoint& checkpoint) {
  Configs configs;
  std::set<std::filesystem::path> asked;
  for (const io::SourceFile& file : checkpoint.files) {
    const std::filesystem::path folder = file.path.parent_path();
    if (file.format == "onnx" || !asked.insert(folder).second) continue;
    if (auto config = io::model_config_beside(file.path)) configs.emplace(folder, std::move(*config));
  }
  return configs;
}

Siblings::Siblings(const std::vector<io::Entry>& entries, Configs configs) : configs_(std::move(configs)) {
  const bool copies = std::any_of(entries.begin(), entries.end(),
                                  [](const io::Entry& entry) { return copy_by_name(entry.name).has_value(); });
  for (const io::Entry& entry : entries) {
    by_name_[entry.name].push_back(&entry);
    if (copies && !copy_by_name(entry.name)) {
      const NameParts parts(entry.name);
      originals_[joined(unwrapped(parts.components()))].push_back(&entry);
      if (is_real(entry.dtype)) original_shapes_.insert(entry.shape);
    }
    if (entry.shape.size() >= 2) in_order_.push_back(&entry);
  }
  std::stable_sort(in_order_.begin(), in_order_.end(), is_before);
}

std::string quantized_by(const io::Entry& entry, const Siblings& siblings) {
  const io::ModelConfig* config = siblings.config(entry);
  return config == nullptr || config->quant_method.empty()
             ? std::string()
             : " (config.json: quant_method " + config->quant_method + ")";
}

const io::ModelConfig* Siblings::config(const io::Entry& entry) const {
  const auto found = configs_.find(entry.file.parent_path());
  return found == configs_.end() ? nullptr : &found->second;
}

const io::Entry* Siblings::find(std::string_view name, const io::Entry& beside) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  for (const io::Entry* entry : found->second) {
    if (entry->file == beside.file) return entry;
  }
  return found->second.front();
}

const io::Entry* Siblings::find_elsewhere(std::string_view name, const io::Entry& beside) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  for (const io::Entry* entry : found->second) {
    if (entry->file != beside.file) return entry;
  }
  return nullptr;
}

const io::Entry* Siblings::original(const io::Entry& entry) const {
  const auto copy = copy_by_name(entry.name);
  if (!copy) return nullptr;
  for (const std::string& name : copy->originals) {
    const auto found = originals_.find(name);
    if (found == originals_.end()) continue;
    for (const io::Entry* other : found->second) {
      if (other->shape == entry.shape) return other;
    }
  }
  return nullptr;
}

bool Siblings::has_original_of(const Dimensions& shape) const { return original_shapes_.contains(shape); }

const io::Entry* Siblings::predecessor(const io::Entry& entry) const {
  // Steps back are few: a tensor has a handful of neighbors in its block.
  constexpr int kMostSteps = 8;
  auto at = std::lower_bound(in_order_.begin(), in_order_.end(), &entry, is_before);
  for (int step = 0; step < kMostSteps && at != in_order_.begin(); ++step) {
    --at;
    if ((*at)->file != entry.file || !differ_by_a_number((*at)->name, entry.name)) return nullptr;
    if ((*at)->shape.size() < 3 || (*at)->shape[1] != 1) return *at;
  }
  return nullptr;
}

std::vector<const io::Entry*> Siblings::below(std::string_view prefix, const io::Entry& entry) const {
  constexpr int kMostSteps = 64;
  std::vector<const io::Entry*> found;
  const auto own = std::lower_bound(in_order_.begin(), in_order_.end(), &entry, is_before);
  const auto takes = [&](const io::Entry* other) {
    if (other->file != entry.file || !std::string_view(other->name).starts_with(prefix)) return false;
    if (other->name != entry.name && is_real(other->dtype)) found.push_back(other);
    return true;
  };
  auto at = own;
  for (int step = 0; step < kMostSteps && at != in_order_.begin() && takes(*std::prev(at)); ++step) --at;
  at = own;
  for (int step = 0; step <= kMostSteps && at != in_order_.end() && takes(*at); ++step) ++at;
  return found;
}

}  // namespace sigmax::audit
