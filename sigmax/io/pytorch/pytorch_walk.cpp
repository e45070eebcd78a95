#include "sigmax/io/pytorch/pytorch_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/pytorch/pytorch_module.hpp"
#include "sigmax/io/pytorch/pytorch_numbers.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr std::string_view kModuleDicts[] = {"_parameters", "_buffers", "_modules"};
constexpr std::string_view kContainers[] = {
    "state_dict", "model_state_dict", "model_state",       "model",  "module",
    "net",        "network",          "weights",           "params", "params_ema",
    "ema",        "generator",        "encoder_state_dict"};
constexpr std::string_view kRepeatedWeights = "_flat_weights";  // in TorchScript's LSTM: repeats its parameters
constexpr int kDeepestContainer = 4;
constexpr std::size_t kLongestClass = 1000;

// Limits on what a pickle of `length` bytes may unfold into: about twice what the densest real checkpoints need, and an
// amount that is always allowed because it costs little. Without a limit, one tensor behind many keys, or one long key
// on many levels, would unfold a small file into a large result: a list may name one tensor again in two bytes.
constexpr std::size_t kBytesPerTensor = 8, kNameBytesPerByte = 64, kFreeTensors = 1 << 16, kFreeNameBytes = 1 << 22;

class Walk {
 public:
  Walk(const Pickle& pickle, const MappedFile& file, const Naming& naming)
      : pickle_(pickle),
        file_(file),
        naming_(naming),
        searched_(pickle.size()),
        examined_(pickle.size()),
        listed_(pickle.size()) {}

  TensorTree run() {
    frames_.push_back({pickle_.root(), kRoot, false});
    while (!frames_.empty() || !deferred_.empty()) {
      if (frames_.empty()) {
        frames_.push_back(deferred_.front());
        deferred_.pop_front();
      }
      const Frame frame = frames_.back();
      frames_.pop_back();
      visit(frame);
    }
    return name_all();
  }

 private:
  static constexpr std::uint32_t kRoot = 0;

  // One key or index of a path. Paths are chains of steps, so that a deep path costs nothing until it is spelled out.
  struct Step {
    std::uint32_t parent = kRoot;
    Id key = Pickle::kAbsent;  // key of a dict, if there is one
    std::uint32_t index = 0;   // used if there is no key
  };

  struct Frame {
    Id value;
    std::uint32_t path;
    bool attribute;               // reached through a plain attribute of a module
    Id module = Pickle::kAbsent;  // whose parameters these are
  };

  struct Found {
    TensorCall call;
    std::uint32_t path;
    bool attribute;
    Id numbers = Pickle::kAbsent;  // what holds numbers and is not a tensor; `call` is empty then
    Id module = Pickle::kAbsent;   // that has it as a parameter
  };

  // Identifies the elements that a tensor consists of: storage, view, offset, shape, strides.
  using Extent = std::tuple<std::string, std::int64_t, std::int64_t, Dimensions, Dimensions>;

  [[noreturn]] void refuse(std::string problem) const {
    throw FileError(file_.path().string(), "tensors of the pickle", std::move(problem));
  }

  bool may_hold_tensors(Id id) const {
    switch (pickle_.kind(id)) {
      case PickleKind::list:
      case PickleKind::tuple:
      case PickleKind::set:
      case PickleKind::dict:
      case PickleKind::call:
      case PickleKind::persistent_id: return true;
      default: return false;
    }
  }

  std::uint32_t step(std::uint32_t parent, Id key, std::size_t index) {
    steps_.push_back({parent, key, static_cast<std::uint32_t>(index)});
    return static_cast<std::uint32_t>(steps_.size() - 1);
  }

  void push(Id value, std::uint32_t path, bool attribute, Id module = Pickle::kAbsent) {
    if (may_hold_tensors(value)) frames_.push_back({value, path, attribute, module});
  }

  void defer(Id value, std::uint32_t path, Id module = Pickle::kAbsent) {
    if (may_hold_tensors(value)) deferred_.push_back({value, path, true, module});
  }

  void add(const Found& found) {
    found_.push_back(found);
    if (found_.size() > most_tensors(pickle_.length())) {
      refuse(fmt::format("more than {} in a pickle of {} bytes", found_.size() - 1, pickle_.length()));
    }
  }

  void visit(const Frame& frame) {
    if (const auto call = tensor_call(pickle_, frame.value)) {
      if (frame.attribute && listed_[frame.value]) return;
      listed_[frame.value] = true;
      add({*call, frame.path, frame.attribute, Pickle::kAbsent, frame.module});
      if (pickle_.is(call->state, PickleKind::dict) && has_own_attributes(pickle_, *call))
        defer(call->state, frame.path);
      return;
    }
    if (searched_[frame.value]) return;
    searched_[frame.value] = true;
    const bool is_list = !frame.attribute && is_list_of_lists(pickle_, frame.value);  // not a module's settings
    if (is_list || holds_other_numbers(pickle_, frame.value)) {
      add({{}, frame.path, frame.attribute, frame.value});
      return;
    }
    // The value pushed last is searched first, so the first one in the file is pushed last.
    switch (pickle_.kind(frame.value)) {
      case PickleKind::dict: push_pairs(frame); break;
      case PickleKind::call: push_parts(frame); break;
      default: push_elements(frame); break;
    }
  }

  void push_elements(const Frame& frame) {
    const auto items = pickle_.items(frame.value);
    for (std::size_t i = items.size(); i-- > 0;) {
      if (may_hold_tensors(items[i])) push(items[i], step(frame.path, Pickle::kAbsent, i), frame.attribute);
    }
  }

  void push_pairs(const Frame& frame) {
    const auto pairs = pickle_.items(frame.value);
    for (std::size_t i = pairs.size(); i >= 2; i -= 2) {
      const Id value = pairs[i - 1];
      if (pickle_.text(pairs[i - 2]) == kRepeatedWeights) {
        defer(value, step(frame.path, pairs[i - 2], i / 2 - 1));
        continue;
      }
      if (may_hold_tensors(value)) {
        push(value, step(frame.path, pairs[i - 2], i / 2 - 1), frame.attribute, frame.module);
      }
    }
  }

  // Pushes the parts of an object under the object's own path: its arguments, what was appended, what was set by key,
  // and its state.
  void push_parts(const Frame& frame) {
    const Pickle::Call call = pickle_.call(frame.value);
    push_state(call.state, frame);
    push(call.elements, frame.path, frame.attribute);
    push(call.entries, frame.path, frame.attribute, frame.module);
    push_arguments(call, frame);
    if (pickle_.is(call.callable, PickleKind::call)) push(call.callable, frame.path, frame.attribute);
  }

  void push_arguments(const Pickle::Call& call, const Frame& frame) {
    const auto args = pickle_.items(call.args);
    if (args.size() != 1) {
      push(call.args, frame.path, frame.attribute);
    } else if (pickle_.is_global(call.callable, "collections", "OrderedDict")) {
      // Python 2 passes a list of [key, value].
      if (searched_[args[0]]) return;
      searched_[args[0]] = true;
      const auto pairs = pickle_.items(args[0]);
      for (std::size_t i = pairs.size(); i-- > 0;) {
        const auto pair = pickle_.items(pairs[i]);
        if (pair.size() == 2 && may_hold_tensors(pair[1])) {
          push(pair[1], step(frame.path, pair[0], i), frame.attribute);
        }
      }
    } else {
      push(args[0], frame.path, frame.attribute);
    }
  }

  // A state is the object's attributes, a pair of two such dicts, or whatever form its class chose.
  void push_state(Id state, const Frame& frame) {
    if (examined_[state]) return;
    examined_[state] = true;
    if (pickle_.is(state, PickleKind::tuple)) {
      const auto items = pickle_.items(state);
      for (std::size_t i = items.size(); i-- > 0;) {
        if (pickle_.is(items[i], PickleKind::dict)) {
          push_state(items[i], frame);
        } else if (may_hold_tensors(items[i])) {
          push(items[i], step(frame.path, Pickle::kAbsent, i), frame.attribute);
        }
      }
      return;
    }
    const std::array dicts{pickle_.find(state, kModuleDicts[0]), pickle_.find(state, kModuleDicts[1]),
                           pickle_.find(state, kModuleDicts[2])};
    // TorchScript keeps the parameters among the attributes.
    const Id module = frame.value;
    if (dicts[0] == Pickle::kAbsent && dicts[2] == Pickle::kAbsent) {
      return push(state, frame.path, frame.attribute, module);
    }
    for (std::size_t i = dicts.size(); i-- > 0;)
      push(dicts[i], frame.path, frame.attribute, i == 0 ? module : Pickle::kAbsent);
    const auto pairs = pickle_.items(state);
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
      if (may_hold_tensors(pairs[i + 1]) && std::find(dicts.begin(), dicts.end(), pairs[i + 1]) == dicts.end()) {
        // What spectral_norm and pruning make of a parameter is a plain attribute.
        defer(pairs[i + 1], step(frame.path, pairs[i], i / 2), module);
      }
    }
  }

  // Names.

  std::string_view key_text(const Step& s) const {
    const bool named = pickle_.is(s.key, PickleKind::text) || pickle_.is(s.key, PickleKind::bytes);
    return named ? pickle_.text(s.key) : std::string_view{};
  }

  std::string spell(const Step& s) const {
    switch (pickle_.kind(s.key)) {
      case PickleKind::text:
      case PickleKind::bytes: return valid_utf8(pickle_.text(s.key));
      case PickleKind::integer: return std::to_string(pickle_.integer(s.key));
      case PickleKind::boolean: return pickle_.integer(s.key) != 0 ? "True" : "False";
      default: return std::to_string(s.index);
    }
  }

  // The steps from the root to `path`, without the first `skip`.
  std::vector<std::uint32_t> chain(std::uint32_t path, std::size_t skip) const {
    std::vector<std::uint32_t> steps;
    for (; path != kRoot; path = steps_[path].parent) steps.push_back(path);
    std::reverse(steps.begin(), steps.end());
    steps.erase(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(std::min(skip, steps.size())));
    return steps;
  }

  // The leading steps that all tensors share: each is the key of a customary container, and none is a tensor's own
  // step.
  std::vector<std::uint32_t> shared_containers() const {
    std::vector<std::uint32_t> shared;
    if (found_.empty()) return shared;
    shared = chain(found_[0].path, 0);
    if (!shared.empty()) shared.pop_back();
    if (shared.size() > kDeepestContainer) shared.resize(kDeepestContainer);
    std::size_t kept = 0;
    while (kept < shared.size() && std::find(std::begin(kContainers), std::end(kContainers),
                                             key_text(steps_[shared[kept]])) != std::end(kContainers)) {
      ++kept;
    }
    shared.resize(kept);
    while (!shared.empty() && !all_below(shared.back())) shared.pop_back();
    return shared;
  }

  // Steps are numbered from the root downward, so one pass in that order decides for all of them.
  bool all_below(std::uint32_t ancestor) const {
    std::vector<bool> below(steps_.size());
    for (std::uint32_t s = ancestor + 1; s < steps_.size(); ++s) {
      below[s] = steps_[s].parent == ancestor || below[steps_[s].parent];
    }
    return std::all_of(found_.begin(), found_.end(), [&below](const Found& found) { return below[found.path]; });
  }

  // The path below the containers. Refuses a path that would make the names longer than the pickle justifies.
  std::string spell_path(std::uint32_t path, std::size_t containers) {
    const std::size_t limit = kFreeNameBytes + kNameBytesPerByte * pickle_.length();
    std::string name = naming_.prefix;
    bool first = true;
    for (const std::uint32_t s : chain(path, containers)) {
      if (!first) name += '.';
      name += spell(steps_[s]);
      first = false;
      if (name.size() > limit - name_bytes_) refuse(fmt::format("their names take more than {} bytes", limit));
    }
    if (first) name = naming_.root;
    name_bytes_ = std::min(limit, name_bytes_ + name.size());
    return name;
  }

  // True if an earlier tensor already consists of the same elements.
  bool is_repeated(const PickledTensor& tensor) {
    if (!tensor.storage) return false;
    return !extents_
                .emplace(tensor.storage->key, tensor.storage->view_offset, tensor.offset, tensor.shape, tensor.strides)
                .second;
  }

  void tell_module(NamedTensor& named, const Found& found) const {
    const std::string_view attribute = key_text(steps_[found.path]);
    if (auto use = usage_in_module(pickle_, found.module, attribute, named.tensor.shape)) {
      named.used_by.push_back(std::move(*use));
    }
    const Id callable = pickle_.call(found.module).callable;
    const std::string_view module = pickle_.global_module(callable), name = pickle_.global_attribute(callable);
    if (!module.starts_with("__torch__") || module.size() + name.size() + attribute.size() > kLongestClass) return;
    named.holder = fmt::format("{}.{}", module, name);
    named.attribute = attribute;
  }

  TensorTree name_all() {
    TensorTree tree;
    const std::vector<std::uint32_t> containers = shared_containers();
    for (const std::uint32_t s : containers) {
      if (!tree.container.empty()) tree.container += '.';
      tree.container += spell(steps_[s]);
    }
    std::map<std::string, std::size_t> uses;
    for (const Found& found : found_) {
      std::string name = spell_path(found.path, containers.size());
      PickledTensor tensor = found.numbers == Pickle::kAbsent ? describe_tensor(pickle_, found.call, file_, name)
                                                              : describe_other_numbers(pickle_, found.numbers);
      if (is_repeated(tensor) && found.attribute) continue;
      while (++uses[name] > 1) name += fmt::format("#{}", uses[name]);
      NamedTensor& named = tree.tensors.emplace_back(NamedTensor{std::move(name), std::move(tensor)});
      if (found.module != Pickle::kAbsent) tell_module(named, found);
    }
    return tree;
  }

  const Pickle& pickle_;
  const MappedFile& file_;
  const Naming& naming_;
  std::vector<bool> searched_;
  std::vector<bool> examined_;  // states: several objects may share one
  std::vector<bool> listed_;
  std::vector<Step> steps_ = std::vector<Step>(1);  // the root
  std::vector<Frame> frames_;
  std::deque<Frame> deferred_;
  std::vector<Found> found_;
  std::size_t name_bytes_ = 0;
  std::set<Extent> extents_;
};

}  // namespace

std::size_t most_tensors(std::uint64_t pickle_bytes) noexcept {
  return kFreeTensors + static_cast<std::size_t>(pickle_bytes / kBytesPerTensor);
}

TensorTree find_tensors(const Pickle& pickle, const MappedFile& file, const Naming& naming) {
  return Walk(pickle, file, naming).run();
}

}  // namespace sigmax::io
