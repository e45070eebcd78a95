#include "bindings/torch/modules/state_dict.hpp"

#include <ATen/ATen.h>
#include <ATen/core/Dict.h>
#include <ATen/core/ivalue.h>
#include <c10/core/GradMode.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "bindings/torch/modules/spectral_norm_base.hpp"
#include "bindings/torch/modules/tensor_bridge.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/atomic_file.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/safetensors/safetensors_writer.hpp"

namespace sigmax::torch {
namespace {

constexpr std::string_view kParametrizations = "parametrizations.";

// The suffixes of a normalized weight's tensors in the two layouts.
constexpr std::pair<std::string_view, std::string_view> kEndings[] = {{".original", "_orig"},
                                                                      {".0._u", "_u"},
                                                                      {".0._v", "_v"},
                                                                      {".0.scale", "_scale"},
                                                                      {".0._input_size", "_input_size"}};

bool ends_with(const std::string& name, std::string_view ending) { return std::string_view(name).ends_with(ending); }

std::string without_ending(const std::string& name, std::string_view ending) {
  return name.substr(0, name.size() - ending.size());
}

// a.b.W -> a.b., W
std::pair<std::string, std::string> split(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::pair(std::string(), name)
                                  : std::pair(name.substr(0, dot + 1), name.substr(dot + 1));
}

std::string parametrized(const std::string& weight) {
  const auto [prefix, own] = split(weight);
  return prefix + std::string(kParametrizations) + own;
}

// net.parametrizations.weight.0._u -> net.weight_u; nothing if the name does not belong to a normalized weight.
std::optional<std::string> hook_name(const std::string& name) {
  for (const auto& [ending, hook_ending] : kEndings) {
    if (!ends_with(name, ending)) continue;
    const auto [prefix, own] = split(without_ending(name, ending));
    if (!ends_with(prefix, kParametrizations)) continue;
    if (prefix.size() > kParametrizations.size() && prefix[prefix.size() - kParametrizations.size() - 1] != '.')
      continue;
    return without_ending(prefix, kParametrizations) + own + std::string(hook_ending);
  }
  return std::nullopt;
}

// v with u = W v / |W v| and u^T W v = sigma; by the pseudo-inverse, because W^T W need not have an inverse.
at::Tensor solved_v(const at::Tensor& original, const at::Tensor& u, const at::Tensor& weight) {
  const int64_t dim = original.size(0) == u.numel() ? 0 : 1;
  const at::Tensor w = as_matrix(original, dim).to(at::kDouble);
  const at::Tensor left = u.to(at::kDouble);
  const at::Tensor v = at::mv(at::pinverse(w), left);
  const at::Tensor sigma = (original / weight).mean().to(at::kDouble);
  return (v * (sigma / at::dot(left, at::mv(w, v)))).to(original.dtype());
}

StateDict to_hook(const StateDict& state) {
  StateDict result;
  for (const auto& item : state) result.insert(hook_name(item.key()).value_or(item.key()), at::Tensor(item.value()));
  return result;
}

// A name belongs to a normalized weight if W_orig exists, too.
StateDict to_parametrization(const StateDict& state) {
  StateDict result;
  for (const auto& item : state) {
    const std::string& name = item.key();
    std::string renamed = name;
    bool dropped = false;
    for (const auto& [ending, hook_ending] : kEndings) {
      if (!ends_with(name, hook_ending)) continue;
      const std::string weight = without_ending(name, hook_ending);
      if (!split(weight).second.empty() && state.contains(weight + "_orig"))
        renamed = parametrized(weight) + std::string(ending);
    }
    if (renamed == name && state.contains(name + "_orig") && state.contains(name + "_u")) dropped = true;  // W itself
    if (!dropped) result.insert(renamed, at::Tensor(item.value()));
    if (ends_with(name, "_orig") && renamed != name) {
      const std::string weight = without_ending(name, "_orig");
      const at::Tensor* u = state.find(weight + "_u");
      const at::Tensor* plain = state.find(weight);
      if (!state.contains(weight + "_v") && u != nullptr && plain != nullptr) {
        result.insert(parametrized(weight) + ".0._v", solved_v(item.value(), *u, *plain));
      }
    }
  }
  return result;
}

// The module's tensors themselves, not detached.
StateDict tensors_of(const ::torch::nn::Module& module) {
  StateDict result = module.named_parameters();
  for (const auto& buffer : module.named_buffers()) result.insert(buffer.key(), buffer.value());
  return result;
}

// Writes what torch.save writes for a dict of tensors. torch::jit::pickle_save would also store the type of the dict,
// which torch.load refuses unless it is allowed to execute code from the file.
void write_torch_zip(const StateDict& state, const std::function<std::size_t(const void*, std::size_t)>& write) {
  c10::Dict<std::string, at::Tensor> dict;
  for (const auto& item : state) dict.insert(item.key(), item->detach().cpu().clone(at::MemoryFormat::Contiguous));
  std::string program;
  ::torch::jit::Pickler pickler([&](const char* data, std::size_t size) { program.append(data, size); }, nullptr,
                                nullptr, nullptr, nullptr, /*tag_aggregates=*/false);
  pickler.protocol();
  pickler.pushIValue(dict);
  pickler.stop();
  caffe2::serialize::PyTorchStreamWriter archive(write);
  archive.writeRecord("data.pkl", program.data(), program.size());
  for (std::size_t i = 0; i < pickler.tensorData().size(); ++i) {
    const at::Tensor& tensor = pickler.tensorData()[i];
    archive.writeRecord("data/" + std::to_string(i), tensor.data_ptr(), tensor.nbytes());
  }
  archive.writeEndOfFile();
}

std::string joined(const std::vector<std::string>& names) {
  std::string result;
  for (const std::string& name : names) result += (result.empty() ? "" : ", ") + name;
  return result;
}

}  // namespace

StateDict state_dict(const ::torch::nn::Module& module, StateLayout layout) {
  StateDict result;
  for (const auto& item : tensors_of(module)) result.insert(item.key(), item->detach());
  return layout == StateLayout::hook ? converted(result, layout) : result;
}

StateDict converted(const StateDict& state, StateLayout layout) {
  return layout == StateLayout::hook ? to_hook(state) : to_parametrization(state);
}

LoadReport load_state_dict(::torch::nn::Module& module, const StateDict& state, bool strict) {
  const c10::NoGradGuard no_grad;
  const StateDict source = to_parametrization(state);
  StateDict own = tensors_of(module);
  LoadReport report;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  std::vector<std::string> misfits;
  std::vector<std::string> used;
  for (auto& item : own) {
    const std::string& name = item.key();
    const at::Tensor* value = source.find(name);
    const std::optional<std::string> hook = hook_name(name);
    const std::string plain = hook && ends_with(*hook, "_orig") ? without_ending(*hook, "_orig") : std::string();
    if (value == nullptr && !plain.empty() && source.contains(plain)) {
      value = source.find(plain);
      report.normalized.push_back(plain);
    }
    if (value == nullptr) {
      report.missing.push_back(name);
    } else if (value->sizes() != item->sizes()) {
      misfits.push_back(name + " (" + c10::str(value->sizes()) + " for " + c10::str(item->sizes()) + ")");
    } else if (ends_with(name, ".0._input_size") && !at::equal(value->to(at::kLong), item->to(at::kLong))) {
      misfits.push_back(name + " (the state is of another input size)");
    } else {
      copies.emplace_back(item.value(), *value);
    }
  }
  for (const std::string& plain : report.normalized) {
    std::erase_if(report.missing,
                  [&](const std::string& name) { return name.starts_with(parametrized(plain) + ".0."); });
  }
  for (const auto& item : source) {
    const auto& taken = report.normalized;
    if (own.contains(item.key()) || std::find(taken.begin(), taken.end(), item.key()) != taken.end()) continue;
    report.unexpected.push_back(item.key());
  }
  std::string problems;
  if (!misfits.empty()) problems += " sizes differ: " + joined(misfits) + ";";
  if (strict && !report.missing.empty()) problems += " missing: " + joined(report.missing) + ";";
  if (strict && !report.unexpected.empty()) problems += " unexpected: " + joined(report.unexpected) + ";";
  if (!problems.empty()) {
    problems.pop_back();
    throw Error("[load_state_dict]" + problems);
  }
  for (const auto& [target, value] : copies) target.copy_(value);
  for (const auto& item : module.named_modules()) {
    auto* normalized = dynamic_cast<SpectralNormalized*>(item->get());
    if (normalized == nullptr) continue;
    for (const auto& [name, weight] : normalized->normalized_weights()) {
      const std::string full = item.key().empty() ? name : item.key() + "." + name;
      const auto& taken = report.normalized;
      if (std::find(taken.begin(), taken.end(), full) != taken.end()) weight->restart();
    }
    normalized->publish();
  }
  return report;
}

void save_state_dict(const StateDict& state, const std::filesystem::path& path) {
  if (path.extension() == ".safetensors") {
    std::vector<io::OutputTensor> tensors;
    for (const auto& item : state) tensors.push_back({item.key(), view_of(item.value())});
    Context context;
    io::write_safetensors(path, tensors, {{"format", "pt"}}, context);
    return;
  }
  io::AtomicFile file(path);
  write_torch_zip(state, [&](const void* data, std::size_t size) {
    file.write(std::span(static_cast<const std::byte*>(data), size));
    return size;
  });
  file.commit();
}

StateDict read_state_dict(const std::filesystem::path& path) {
  StateDict result;
  for (const io::Entry& entry : io::open_checkpoint(path).entries) {
    if (!entry.load) throw FileError(path.string(), entry.name, entry.unreadable);
    const Tensor tensor = entry.load();
    result.insert(entry.name, io::while_intact(tensor, [&] { return copy_of(tensor); }));
  }
  return result;
}

}  // namespace sigmax::torch
