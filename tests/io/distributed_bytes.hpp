// Writes checkpoints of torch.distributed.checkpoint in memory for the tests of io/.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"

namespace sigmax::io::testing::dcp {

struct Chunk {
  std::vector<std::int64_t> offsets, sizes;
  std::string file;
  std::uint64_t offset = 0, length = 0;
  bool stored = true;  // in storage_data
};

struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<Chunk> chunks;
  std::string type = "float32";
};

struct Object {
  std::string name, file;
  std::uint64_t offset = 0, length = 0;
};

inline std::string size(const std::vector<std::int64_t>& values) {
  return pk::call(pk::global("torch", "Size"), {pk::ints(values)});
}

inline std::string at(const std::string& type, const std::string& state) {
  return pk::object("torch.distributed.checkpoint.metadata", type, state);
}

/// What torch.save writes for one tensor of float values.
inline std::string saved(const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  const auto count = static_cast<std::int64_t>(values.size());
  return zip_of({{"archive/data.pkl", pk::whole(pk::tensor(pk::storage("0", count), 0, shape, strides))},
                 {"archive/data/0", raw(values)}});
}

inline std::string place(const std::string& file, std::uint64_t offset, std::uint64_t length,
                         const std::string& transforms = "") {
  std::vector<std::string> pairs = {pk::str("relative_path"), pk::str(file),
                                    pk::str("offset"),        pk::num(static_cast<std::int64_t>(offset)),
                                    pk::str("length"),        pk::num(static_cast<std::int64_t>(length))};
  if (!transforms.empty()) {
    pairs.push_back(pk::str("transform_descriptors"));
    pairs.push_back(pk::list({pk::str(transforms)}));
  }
  return pk::object("torch.distributed.checkpoint.filesystem", "_StorageInfo", pk::dict(pairs));
}

inline std::string key(const std::string& name, const std::string& offset) {
  return at("MetadataIndex",
            pk::dict({pk::str("fqn"), pk::str(name), pk::str("offset"), offset, pk::str("index"), "N"}));
}

/// The .metadata file.
inline std::string metadata(const std::vector<Tensor>& tensors, const std::vector<Object>& objects = {},
                            const std::string& transforms = "") {
  std::vector<std::string> described, stored;
  for (const Tensor& tensor : tensors) {
    std::vector<std::string> chunks;
    for (const Chunk& chunk : tensor.chunks) {
      chunks.push_back(at("ChunkStorageMetadata",
                          pk::dict({pk::str("offsets"), size(chunk.offsets), pk::str("sizes"), size(chunk.sizes)})));
      if (!chunk.stored) continue;
      stored.push_back(key(tensor.name, size(chunk.offsets)));
      stored.push_back(place(chunk.file, chunk.offset, chunk.length, transforms));
    }
    const std::string properties =
        at("TensorProperties", pk::tuple({pk::global("torch", tensor.type), "N", "\x89", "N", "\x89"}));
    described.push_back(pk::str(tensor.name));
    described.push_back(
        at("TensorStorageMetadata", pk::dict({pk::str("properties"), properties, pk::str("size"), size(tensor.shape),
                                              pk::str("chunks"), pk::list(chunks)})));
  }
  for (const Object& object : objects) {
    described.push_back(pk::str(object.name));
    described.push_back(at("BytesStorageMetadata", "}"));
    stored.push_back(key(object.name, "N"));
    stored.push_back(place(object.file, object.offset, object.length));
  }
  return pk::whole(at("Metadata", pk::dict({pk::str("state_dict_metadata"), pk::dict(described),
                                            pk::str("planner_data"), "N", pk::str("storage_data"), pk::dict(stored)})));
}

/// Appends an archive to a shard and returns where it lies.
inline Chunk add(std::string& shard, const std::string& file, std::vector<std::int64_t> offsets,
                 std::vector<std::int64_t> sizes, const std::vector<float>& values) {
  const std::string archive = saved(sizes, values);
  Chunk chunk{std::move(offsets), std::move(sizes), file, shard.size(), archive.size()};
  shard += archive;
  return chunk;
}

}  // namespace sigmax::io::testing::dcp
