#include "sigmax/io/distributed/distributed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/companion_file.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/distributed/distributed_metadata.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {
namespace {

constexpr const char* kFormat = "pytorch-distributed";
constexpr std::size_t kMostShardsNamed = 3;  // shards named in one provenance

// A chunk on its way into the tensor.
struct Piece {
  Dimensions offsets;
  Entry entry;
};

// Copies a row-major block to its place in a row-major tensor, in runs of elements that are contiguous in both.
void copy_block(const Tensor& block, const Dimensions& offsets, const Dimensions& shape, std::byte* whole) {
  const std::size_t width = size_of(block.dtype()), rank = shape.size();
  const Dimensions strides = row_major_strides(shape);
  std::size_t inner = rank;  // dimensions [inner, rank) are one run
  std::int64_t run = 1, start = 0;
  bool side_by_side = true;
  while (inner > 0 && side_by_side) {
    --inner;
    run *= block.shape()[inner];
    side_by_side = block.shape()[inner] == shape[inner];
  }
  for (std::size_t d = 0; d < rank; ++d) start += offsets[d] * strides[d];
  Dimensions index(inner, 0);
  const std::size_t bytes = static_cast<std::size_t>(run) * width;
  for (std::int64_t first = 0; first < block.size(); first += run) {
    std::int64_t at = start;
    for (std::size_t d = 0; d < inner; ++d) at += index[d] * strides[d];
    std::memcpy(whole + static_cast<std::size_t>(at) * width, block.data() + static_cast<std::size_t>(first) * width,
                bytes);
    for (std::size_t d = inner; d-- > 0 && ++index[d] == block.shape()[d];) index[d] = 0;
  }
}

Tensor assemble(const std::vector<Piece>& pieces, DType dtype, const Dimensions& shape) {
  // The pieces tile the tensor, and none takes more than its share of a shard, so the whole takes no more than the
  // shards.
  const std::size_t bytes = static_cast<std::size_t>(byte_count(dtype, shape).value_or(0));
  const std::shared_ptr<std::byte[]> whole(new std::byte[std::max<std::size_t>(bytes, 1)]);
  for (const Piece& piece : pieces) {
    const Tensor part = piece.entry.load();
    while_intact(part, [&] { copy_block(part.compact(), piece.offsets, shape, whole.get()); });
  }
  return Tensor(dtype, shape, whole.get(), whole);
}

class DistributedReader {
 public:
  DistributedReader(const std::shared_ptr<const MappedFile>& metadata, const OpenShard& open)
      : metadata_(metadata), open_(open) {}

  DistributedCheckpoint read() {
    const DistributedMetadata description = read_distributed_metadata(metadata_);
    result_.files.push_back({metadata_->path(), kFormat, metadata_->bytes().size()});
    for (const DistributedTensor& tensor : description.tensors) add_tensor(tensor);
    tensors_ = result_.entries.size();
    for (const DistributedObject& object : description.objects) add_object(object);
    for (const auto& [name, shard] : shards_) {
      result_.files.push_back({shard.file->path(), kFormat, shard.file->bytes().size()});
    }
    check_ranges();
    if (unsearched_ > 0) {
      result_.notes.push_back(
          fmt::format("{}: {} objects are stored in another way than torch.save's and were not searched for tensors",
                      metadata_->path().string(), unsearched_));
    }
    return std::move(result_);
  }

 private:
  struct Shard {
    std::shared_ptr<const MappedFile> file;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;  // begin and end of each part that was read
  };

  [[noreturn]] void refuse(const std::string& tensor, std::string problem) const {
    throw FileError(metadata_->path().string(), fmt::format("tensor {}", in_quotes(tensor)), std::move(problem));
  }

  Shard& shard(const std::string& tensor, const std::string& name) {
    const auto [at, is_new] = shards_.try_emplace(name);
    if (is_new) {
      at->second.file = open_(name);
      if (!at->second.file) {
        refuse(tensor, fmt::format("its shard {} is not there: .metadata and all shards belong in one folder",
                                   in_quotes(name)));
      }
    }
    return at->second;
  }

  // The archive of one chunk or object as a file of its own.
  std::shared_ptr<const MappedFile> archive(const std::string& tensor, const DistributedRange& range) {
    Shard& from = shard(tensor, range.file);
    const std::uint64_t size = from.file->bytes().size();
    if (range.offset > size || range.length > size - range.offset) {
      refuse(tensor, fmt::format("{} bytes at byte {} reach past the end of its shard {} ({} bytes)", range.length,
                                 range.offset, in_quotes(range.file), size));
    }
    from.ranges.emplace_back(range.offset, range.offset + range.length);
    return from.file->subfile(static_cast<std::size_t>(range.offset), static_cast<std::size_t>(range.length));
  }

  std::vector<Entry> entries_at(const std::string& tensor, const DistributedRange& range,
                                const std::shared_ptr<const MappedFile>& file, const Naming& naming) const {
    const std::string where = fmt::format("{}, {} bytes at byte {}", in_quotes(range.file), range.length, range.offset);
    std::vector<Entry> entries;
    try {
      const auto members = looks_like_zip(*file) ? read_zip_directory(file) : std::vector<ZipMember>{};
      if (!is_pytorch_archive(members)) refuse(tensor, "is not an archive of torch.save");
      entries = read_pytorch_archive(file, members, naming);
    } catch (const FileError& error) {
      file->check_intact();
      refuse(tensor, fmt::format("{}: {}", where, error.problem()));
    }
    for (Entry& entry : entries) {
      if (entry.bytes) entry.bytes->offset += range.offset;
      entry.file = file->path();
      entry.provenance = valid_utf8(range.file, 200);
      demand_intact(entry, file);
    }
    file->check_intact();
    return entries;
  }

  Entry chunk_entry(const DistributedTensor& tensor, const DistributedChunk& chunk) {
    const DistributedRange& range = *chunk.stored;
    std::vector<Entry> entries = entries_at(tensor.name, range, archive(tensor.name, range), {tensor.name, ""});
    if (entries.size() != 1) {
      refuse(tensor.name, fmt::format("its chunk in {} is {} tensors", in_quotes(range.file), entries.size()));
    }
    Entry& entry = entries.front();
    if (!entry.unreadable.empty()) return std::move(entry);
    if (tensor.dtype == DType::qint8 || tensor.dtype == DType::quint8 || tensor.dtype == DType::qint32) {
      entry.unreadable = "a quantized tensor in a distributed checkpoint: dequantize() it before saving";
      return std::move(entry);
    }
    if (entry.shape != chunk.sizes || entry.dtype != tensor.dtype) {
      refuse(tensor.name, fmt::format("its chunk in {} is {} {}, not {} {}", in_quotes(range.file), entry.dtype_name,
                                      to_string(entry.shape), tensor.dtype_name, to_string(chunk.sizes)));
    }
    if (byte_count(entry.dtype, entry.shape).value_or(range.length + 1) > range.length) {
      entry.unreadable = "its chunk has fewer bytes than elements: an expanded view, or compressed";
      entry.load = nullptr;
    }
    return std::move(entry);
  }

  void add_tensor(const DistributedTensor& tensor) {
    Entry whole;
    whole.name = tensor.name;
    whole.dtype = tensor.dtype;
    whole.dtype_name = tensor.dtype_name;
    whole.shape = tensor.shape;
    whole.file = metadata_->path();
    std::vector<Piece> pieces;
    std::set<std::string> files;
    for (const DistributedRange& range : tensor.empty) archive(tensor.name, range);
    for (const DistributedChunk& chunk : tensor.chunks) {
      if (!chunk.stored) refuse(tensor.name, ".metadata does not say where a chunk of it lies");
      files.insert(chunk.stored->file);
      if (!chunk.stored->transform.empty()) {
        archive(tensor.name, *chunk.stored);
        whole.unreadable = fmt::format("stored through a transform ({}): load it with PyTorch and save it without one",
                                       chunk.stored->transform);
        continue;
      }
      pieces.push_back({chunk.offsets, chunk_entry(tensor, chunk)});
      if (!pieces.back().entry.unreadable.empty()) whole.unreadable = pieces.back().entry.unreadable;
    }
    if (tensor.dtype == DType::unknown && whole.unreadable.empty()) {
      whole.unreadable = fmt::format("elements of type {} cannot be read", tensor.dtype_name);
    }
    whole.provenance = describe(files, tensor.chunks.size());
    if (tensor.chunks.size() == 1 && pieces.size() == 1) {
      whole.file = pieces.front().entry.file;
      whole.bytes = pieces.front().entry.bytes;
      whole.load = std::move(pieces.front().entry.load);
    } else if (whole.unreadable.empty()) {
      whole.load = [pieces = std::move(pieces), dtype = whole.dtype, shape = whole.shape] {
        return assemble(pieces, dtype, shape);
      };
    }
    if (!whole.unreadable.empty()) whole.load = nullptr;
    result_.entries.push_back(std::move(whole));
  }

  static std::string describe(const std::set<std::string>& files, std::size_t chunks) {
    std::string text;
    if (chunks > 1) text = fmt::format("{} chunks in ", chunks);
    std::size_t named = 0;
    for (const std::string& file : files) {
      if (named == kMostShardsNamed) break;
      text += (named++ == 0 ? "" : ", ") + valid_utf8(file, 200);
    }
    if (files.size() > named) text += fmt::format(" and {} more", files.size() - named);
    return text;
  }

  // Numbers and lists do not contain tensors; objects that torch.save pickled may.
  void add_object(const DistributedObject& object) {
    const auto file = archive(object.name, object.stored);
    if (!looks_like_zip(*file) || !object.stored.transform.empty()) {
      ++unsearched_;
      return;
    }
    for (Entry& entry : entries_at(object.name, object.stored, file, {object.name, object.name + "."})) {
      result_.entries.push_back(std::move(entry));
    }
    object_bytes_ += object.stored.length;
    if (result_.entries.size() - tensors_ > most_tensors(object_bytes_)) {
      refuse(object.name, "the objects name more tensors than their bytes justify");
    }
  }

  // Chunks that share bytes give one range two meanings, and would unfold a small file into a large one.
  void check_ranges() {
    for (auto& [name, shard] : shards_) {
      std::sort(shard.ranges.begin(), shard.ranges.end());
      std::uint64_t end = 0, unread = 0;
      for (const auto& [from, to] : shard.ranges) {
        if (from < end) {
          throw FileError(metadata_->path().string(), "storage_data",
                          fmt::format("two chunks share byte {} of shard {}", from, in_quotes(name)));
        }
        unread += from - end;
        end = to;
      }
      unread += shard.file->bytes().size() - end;
      if (unread > 0) {
        result_.notes.push_back(fmt::format("{}: {} bytes are not read, as .metadata names nothing that lies there",
                                            shard.file->path().string(), unread));
      }
    }
  }

  std::shared_ptr<const MappedFile> metadata_;
  const OpenShard& open_;
  DistributedCheckpoint result_;
  std::map<std::string, Shard> shards_;
  std::size_t tensors_ = 0;  // entries that do not come from objects
  std::uint64_t object_bytes_ = 0;
  std::size_t unsearched_ = 0;
};

}  // namespace

DistributedCheckpoint read_distributed(const std::shared_ptr<const MappedFile>& metadata) {
  const OpenShard open = [&metadata](const std::string& name) -> std::shared_ptr<const MappedFile> {
    std::error_code ignored;
    if (!std::filesystem::exists(metadata->path().parent_path() / name, ignored)) return nullptr;
    try {
      return open_companion(*metadata, name);
    } catch (const FileError& error) {
      throw FileError(metadata->path().string(), fmt::format("shard {}", in_quotes(name)), error.problem());
    }
  };
  return read_distributed(metadata, open);
}

DistributedCheckpoint read_distributed(const std::shared_ptr<const MappedFile>& metadata, const OpenShard& open) {
  return DistributedReader(metadata, open).read();
}

}  // namespace sigmax::io
