#include "sigmax/io/pytorch/pytorch_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/pytorch/pytorch_numpy.hpp"
#include "sigmax/io/pytorch/pytorch_quantized.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kFreeBytes = 1 << 20;  // any tensor may take this much, however small its file

[[noreturn]] void refuse(const MappedFile& file, const std::string& tensor, std::string problem) {
  throw FileError(file.path().string(), fmt::format("tensor {}", in_quotes(tensor)), std::move(problem));
}

// The bytes of a storage that a tensor needs, from its first element to one past its last one.
struct Window {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

std::optional<Window> window_of(const MappedFile& file, const std::string& name, const PickledTensor& tensor,
                                const ZipMember& member) {
  const std::uint64_t width = size_of(tensor.dtype), storage_width = size_of(tensor.storage->dtype);
  if (width == 0 || storage_width == 0) return std::nullopt;
  const auto elements = static_cast<std::uint64_t>(tensor.storage->elements);
  if (elements > member.bytes / storage_width) {
    refuse(file, name,
           fmt::format("its storage {} holds {} bytes, not the {} elements of {} bytes claimed", in_quotes(member.name),
                       member.bytes, elements, storage_width));
  }
  const std::uint64_t reached = reach(tensor.shape, tensor.strides).value_or(0);
  if (reached == 0) return Window{};
  const auto view = static_cast<std::uint64_t>(tensor.storage->view_offset);
  const auto offset = static_cast<std::uint64_t>(tensor.offset);
  const std::uint64_t left = view > elements ? 0 : (elements - view) * storage_width / width;
  if (offset > left || reached > left - offset) {
    refuse(
        file, name,
        fmt::format("shape {} with strides {} at offset {} reaches past the {} elements of its storage {}",
                    to_string(tensor.shape), to_string(tensor.strides), tensor.offset, left, in_quotes(member.name)));
  }
  return Window{view * storage_width + offset * width, reached * width};
}

// An expanded view repeats its elements; a view that would take more than the file has is a trap, not a weight.
bool is_blown_up(const MappedFile& file, const PickledTensor& tensor) {
  const auto bytes = byte_count(tensor.dtype, tensor.shape);
  return !bytes || *bytes > std::max<std::uint64_t>(file.bytes().size(), kFreeBytes);
}

// FSDP's vector of several weights, or of one process's share of them; nothing in it tells which.
bool is_flat_parameter(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return last.starts_with("flat_param") || last.ends_with("_flat_param");
}

class EntryMaker {
 public:
  EntryMaker(const std::shared_ptr<const MappedFile>& file, const TensorTree& tree, const StorageMap& storages,
             const std::string& pickle_name)
      : file_(file), storages_(storages), pickle_name_(pickle_name) {
    if (!tree.container.empty()) container_ = valid_utf8(tree.container, 100) + ": ";
    for (const NamedTensor& named : tree.tensors) {
      if (named.tensor.storage) ++uses_[named.tensor.storage->key];
    }
  }

  Entry make(NamedTensor named) const {
    PickledTensor& tensor = named.tensor;
    Entry entry;
    entry.name = named.name;
    entry.dtype = tensor.dtype;
    entry.dtype_name = tensor.dtype_name;
    entry.unreadable = tensor.unreadable;
    entry.provenance = container_ + pickle_name_;
    entry.used_by = std::move(named.used_by);
    if (tensor.array) entry.load = array_loader(entry.name, tensor);
    if (tensor.storage) locate(entry, named);
    if (entry.unreadable.empty() && is_flat_parameter(entry.name)) {
      entry.unreadable =
          "a flat parameter of FSDP: several weights, or a process's part of them, in one vector; save a full state "
          "dict, or save through torch.distributed.checkpoint and name that folder";
      entry.load = nullptr;
    }
    entry.shape = std::move(tensor.shape);
    return entry;
  }

 private:
  using Load = std::function<Tensor()>;

  std::shared_ptr<const ZipMember> member_of(const std::string& name, const PickledTensor& tensor) const {
    const auto found = storages_.find(tensor.storage->key);
    if (found == storages_.end()) {
      refuse(*file_, name, fmt::format("its storage {} is not in the file", in_quotes(tensor.storage->key)));
    }
    return found->second;
  }

  void locate(Entry& entry, const NamedTensor& named) const {
    const PickledTensor& tensor = named.tensor;
    const std::shared_ptr<const ZipMember> member = member_of(named.name, tensor);
    entry.provenance = container_ + valid_utf8(member->name, 200);
    if (const std::size_t uses = uses_.at(tensor.storage->key); uses > 1) {
      entry.provenance += fmt::format(", shared by {} tensors", uses);
    }
    const auto window = window_of(*file_, named.name, tensor, *member);
    if (!window) {
      if (entry.unreadable.empty()) {
        entry.unreadable = fmt::format("its storage holds elements of an unknown type, {}", tensor.storage->dtype_name);
      }
      return;
    }
    entry.bytes = member->compressed ? ByteRange{file_->path(), member->offset, member->stored_bytes}
                                     : ByteRange{file_->path(), member->offset + window->offset, window->length};
    if (entry.unreadable.empty()) entry.unreadable = member->unreadable;
    if (entry.unreadable.empty() && is_blown_up(*file_, tensor)) {
      entry.unreadable = "an expanded view whose repeated elements would take more than the whole file";
    }
    if (!entry.unreadable.empty()) return;
    entry.load = storage_loader(entry.name, tensor, member, *window);
    if (tensor.quantization) dequantize(entry, tensor, *window);
  }

  Load storage_loader(const std::string& name, const PickledTensor& tensor,
                      const std::shared_ptr<const ZipMember>& member, const Window& window) const {
    return [file = file_, member, window, name, dtype = tensor.dtype, shape = tensor.shape, strides = tensor.strides] {
      if (!member->compressed) {
        return mapped_tensor(file, name, dtype, shape, strides, member->offset + window.offset, window.length);
      }
      return mapped_tensor(read_zip_member(file, *member), name, dtype, shape, strides, window.offset, window.length);
    };
  }

  static Load array_loader(const std::string& name, const PickledTensor& tensor) {
    return [bytes = *tensor.array, name, dtype = tensor.dtype, shape = tensor.shape, strides = tensor.strides] {
      return load_numpy(bytes, name, dtype, shape, strides);
    };
  }

  // Scales and zero points are tensors with storages of their own. Empty if these cannot be read.
  Load parameter_loader(const std::string& name, const PickledTensor& tensor) const {
    const auto member = member_of(name, tensor);
    const auto window = window_of(*file_, name, tensor, *member);
    if (!window || !member->unreadable.empty() || is_blown_up(*file_, tensor)) {
      return nullptr;
    }
    return storage_loader(name, tensor, member, *window);
  }

  void dequantize(Entry& entry, const PickledTensor& tensor, const Window& window) const {
    const AffineQuantization& how = *tensor.quantization;
    entry.dtype = DType::f32;
    entry.dtype_name = std::string(name(DType::f32));
    entry.bytes.reset();
    if (!how.channels) {
      entry.provenance +=
          fmt::format(", dequantized from {} (scale {}, zero point {})", tensor.dtype_name, how.scale, how.zero_point);
      entry.load = [load = std::move(entry.load), length = static_cast<std::size_t>(window.length), scale = how.scale,
                    zero_point = how.zero_point] { return dequantized(load(), length, scale, zero_point); };
      return;
    }
    const auto axis = static_cast<std::size_t>(how.channels->axis);
    entry.provenance +=
        fmt::format(", dequantized from {} ({} scales along axis {})", tensor.dtype_name, tensor.shape[axis], axis);
    Load scales = parameter_loader(entry.name, how.channels->scales);
    Load zero_points = parameter_loader(entry.name, how.channels->zero_points);
    if (!scales || !zero_points) {
      entry.unreadable = "the storage of its scales or zero points cannot be read";
      entry.load = nullptr;
      return;
    }
    entry.load = [load = std::move(entry.load), scales = std::move(scales), zero_points = std::move(zero_points),
                  axis] { return dequantized_by_channel(load(), scales(), zero_points(), axis); };
  }

  const std::shared_ptr<const MappedFile>& file_;
  const StorageMap& storages_;
  const std::string& pickle_name_;
  std::string container_;
  std::map<std::string, std::size_t> uses_;
};

}  // namespace

std::vector<Entry> entries_of(const std::shared_ptr<const MappedFile>& file, TensorTree tree,
                              const StorageMap& storages, const std::string& pickle_name) {
  const EntryMaker maker(file, tree, storages, pickle_name);
  std::vector<Entry> entries;
  entries.reserve(tree.tensors.size());
  for (NamedTensor& named : tree.tensors) entries.push_back(maker.make(std::move(named)));
  return entries;
}

}  // namespace sigmax::io
