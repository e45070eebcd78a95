#include "sigmax/audit/roles/siblings.hpp"

#include <algorithm>
#include <optional>
#include <set>
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

}  // namespace

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
  const bool averages = std::any_of(entries.begin(), entries.end(), [](const io::Entry& entry) {
    const NameParts parts(entry.name);
    const auto components = parts.components();
    return std::any_of(components.begin(), components.end(), is_average);
  });
  for (const io::Entry& entry : entries) {
    by_name_[entry.name].push_back(&entry);
    if (averages) by_squeezed_name_.emplace(squeezed(entry.name), &entry);
    if (entry.shape.size() >= 2) in_order_.push_back(&entry);
  }
  std::stable_sort(in_order_.begin(), in_order_.end(), [](const io::Entry* a, const io::Entry* b) {
    return a->file != b->file ? a->file < b->file : comes_before(a->name, b->name);
  });
}

std::string quantized_by(const io::Entry& entry, const Siblings& siblings) {
  const io::ModelConfig* config = siblings.config(entry);
  return config == nullptr || config->quant_method.empty()
             ? std::string()
             : " (config.json: quant_method " + config->quant_method + ")";
}

bool is_average(std::string_view component) {
  return is_one_of(lower_case(component),
                   {"ema", "model_ema", "ema_model", "params_ema", "state_dict_ema", "ema_state_dict",
                    "model_ema_state_dict", "ema_params", "ema_weights", "swa_model", "averaged_model"});
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

const io::Entry* Siblings::find_squeezed(std::string_view name) const {
  const auto found = by_squeezed_name_.find(squeezed(name));
  return found == by_squeezed_name_.end() ? nullptr : found->second;
}

const io::Entry* Siblings::predecessor(const io::Entry& entry) const {
  // Steps back are few: a tensor has a handful of neighbors in its block.
  constexpr int kMostSteps = 8;
  const auto own =
      std::lower_bound(in_order_.begin(), in_order_.end(), &entry, [](const io::Entry* a, const io::Entry* b) {
        return a->file != b->file ? a->file < b->file : comes_before(a->name, b->name);
      });
  auto at = own;
  for (int step = 0; step < kMostSteps && at != in_order_.begin(); ++step) {
    --at;
    if ((*at)->file != entry.file || !differ_by_a_number((*at)->name, entry.name)) return nullptr;
    if ((*at)->shape.size() < 3 || (*at)->shape[1] != 1) return *at;
  }
  return nullptr;
}

std::string Siblings::squeezed(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '.' && c != '/') text += c;
  }
  return text;
}

}  // namespace sigmax::audit
