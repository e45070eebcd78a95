// The .metadata file of torch.distributed.checkpoint: which tensors a folder holds, and where their pieces lie.
// Internal to io/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// A range of bytes in a file that lies below the folder of .metadata.
struct DistributedRange {
  std::string file;  ///< relative, without `..`
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string transform;  ///< not empty: what the writer did to the bytes, compression for example
};

/// The block of a tensor that one process saved: elements [offsets, offsets + sizes).
struct DistributedChunk {
  Dimensions offsets;
  Dimensions sizes;
  std::optional<DistributedRange> stored;  ///< nothing if .metadata does not say where
};

struct DistributedTensor {
  std::string name;
  DType dtype = DType::unknown;
  std::string dtype_name;
  Dimensions shape;
  std::vector<DistributedChunk> chunks;  ///< those with elements; they tile the tensor: no overlap and no hole
  std::vector<DistributedRange> empty;   ///< where processes without a share of it wrote that fact
};

/// Anything other than a tensor: numbers, lists, objects, each saved by torch.save.
struct DistributedObject {
  std::string name;
  DistributedRange stored;
};

struct DistributedMetadata {
  std::vector<DistributedTensor> tensors;  ///< in the order of the file
  std::vector<DistributedObject> objects;
};

/// True for a pickle that begins with the class torch.distributed.checkpoint.metadata.Metadata, or with its name before
/// PyTorch 2.
bool looks_like_distributed_metadata(const MappedFile& file) noexcept;

/// Reads the pickle as data: nothing in it is imported or run. Throws FileError, naming the tensor, if it is malformed,
/// a file name leads out of the folder, or the chunks of a tensor do not tile it.
DistributedMetadata read_distributed_metadata(const std::shared_ptr<const MappedFile>& file);

/// Why the chunks do not tile a tensor of this shape; empty if they do. Takes n log n steps for n chunks cut along one
/// dimension and up to n^2 otherwise. Counts steps down from `steps`; at 0 it gives up and says so.
std::string tiling_problem(std::span<const std::int64_t> shape, const std::vector<DistributedChunk>& chunks,
                           std::uint64_t& steps);

}  // namespace sigmax::io
