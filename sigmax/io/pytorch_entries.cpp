#include "sigmax/io/pytorch_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/mapped_tensor.hpp"
#include "sigmax/io/message.hpp"
#include "sigmax/io/utf8.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kFreeBytes = 1 << 20;  // what any tensor may take, however small its file

[[noreturn]] void refuse(const MappedFile& file, const std::string& tensor, std::string problem) {
  throw FileError(file.path().string(), fmt::format("tensor {}", in_quotes(tensor)), std::move(problem));
}

// The bytes of a storage that a tensor needs, from its first element to one past its last.
struct Window {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

std::optional<Window> window_of(const MappedFile& file, const NamedTensor& named, const ZipMember& member) {
  const PickledTensor& tensor = named.tensor;
  const std::uint64_t width = size_of(tensor.dtype), storage_width = size_of(tensor.storage->dtype);
  if (width == 0 || storage_width == 0) return std::nullopt;
  const auto elements = static_cast<std::uint64_t>(tensor.storage->elements);
  if (elements > member.bytes / storage_width) {
    refuse(file, named.name,
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
        file, named.name,
        fmt::format("shape {} with strides {} at offset {} reaches past the {} elements of its storage {}",
                    to_string(tensor.shape), to_string(tensor.strides), tensor.offset, left, in_quotes(member.name)));
  }
  return Window{view * storage_width + offset * width, reached * width};
}

// An expanded view repeats its elements; one that would take more than the file has is a trap rather than a weight.
bool is_blown_up(const MappedFile& file, const PickledTensor& tensor) {
  const auto bytes = byte_count(tensor.dtype, tensor.shape);
  return !bytes || *bytes > std::max<std::uint64_t>(file.bytes().size(), kFreeBytes);
}

template <class Integer>
void dequantise_into(float* to, const std::byte* from, std::size_t count, const AffineQuantisation& how) {
  const auto scale = static_cast<float>(how.scale);
  for (std::size_t i = 0; i < count; ++i) {
    Integer q;
    std::memcpy(&q, from + i * sizeof q, sizeof q);
    to[i] = scale * static_cast<float>(static_cast<std::int64_t>(q) - how.zero_point);
  }
}

// Works on the bytes that the strides span, not on the shape, so that an expanded tensor stays small.
Tensor dequantised(const Tensor& q, std::size_t bytes, const AffineQuantisation& how) {
  const std::size_t count = bytes / size_of(q.dtype());
  const std::shared_ptr<float[]> values(new float[std::max<std::size_t>(count, 1)]);
  if (q.dtype() == DType::qint8) dequantise_into<std::int8_t>(values.get(), q.data(), count, how);
  if (q.dtype() == DType::quint8) dequantise_into<std::uint8_t>(values.get(), q.data(), count, how);
  if (q.dtype() == DType::qint32) dequantise_into<std::int32_t>(values.get(), q.data(), count, how);
  return Tensor(DType::f32, q.shape(), q.strides(), reinterpret_cast<const std::byte*>(values.get()), values);
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
    if (tensor.storage) locate(entry, named);
    entry.shape = std::move(tensor.shape);
    return entry;
  }

 private:
  void locate(Entry& entry, const NamedTensor& named) const {
    const PickledTensor& tensor = named.tensor;
    const auto found = storages_.find(tensor.storage->key);
    if (found == storages_.end()) {
      refuse(*file_, named.name, fmt::format("its storage {} is not in the file", in_quotes(tensor.storage->key)));
    }
    const std::shared_ptr<const ZipMember>& member = found->second;
    entry.provenance = container_ + valid_utf8(member->name, 200);
    if (const std::size_t uses = uses_.at(tensor.storage->key); uses > 1) {
      entry.provenance += fmt::format(", shared by {} tensors", uses);
    }
    const auto window = window_of(*file_, named, *member);
    if (!window) {
      if (entry.unreadable.empty()) {
        entry.unreadable = fmt::format("its storage holds elements of an unknown type, {}", tensor.storage->dtype_name);
      }
      return;
    }
    entry.bytes = member->compressed ? ByteRange{file_->path(), member->offset, member->stored_bytes}
                                     : ByteRange{file_->path(), member->offset + window->offset, window->length};
    if (entry.unreadable.empty() && is_blown_up(*file_, tensor)) {
      entry.unreadable = "an expanded view whose repeated elements would take more than the whole file";
    }
    if (entry.unreadable.empty()) make_loader(entry, tensor, member, *window);
  }

  void make_loader(Entry& entry, const PickledTensor& tensor, const std::shared_ptr<const ZipMember>& member,
                   const Window& window) const {
    auto load = [file = file_, member, window, name = entry.name, dtype = tensor.dtype, shape = tensor.shape,
                 strides = tensor.strides] {
      if (!member->compressed) {
        return mapped_tensor(file, name, dtype, shape, strides, member->offset + window.offset, window.length);
      }
      return mapped_tensor(read_zip_member(file, *member), name, dtype, shape, strides, window.offset, window.length);
    };
    if (!tensor.quantisation) {
      entry.load = std::move(load);
      return;
    }
    const AffineQuantisation how = *tensor.quantisation;
    entry.provenance +=
        fmt::format(", dequantised from {} (scale {}, zero point {})", tensor.dtype_name, how.scale, how.zero_point);
    entry.dtype = DType::f32;
    entry.dtype_name = std::string(name(DType::f32));
    entry.bytes.reset();
    entry.load = [load = std::move(load), length = static_cast<std::size_t>(window.length), how] {
      return dequantised(load(), length, how);
    };
  }

  const std::shared_ptr<const MappedFile>& file_;
  const StorageMap& storages_;
  const std::string& pickle_name_;
  std::string container_;
  std::map<std::string_view, std::size_t> uses_;
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
