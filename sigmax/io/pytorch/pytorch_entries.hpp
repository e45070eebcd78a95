// Makes the entries of a checkpoint from pickled tensors and the storages of their file. Internal to io/.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/pytorch/pytorch_walk.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {

/// Where the storages of one pickle lie, by key. The storages of a legacy file are described as stored members without
/// an archive; the member's name is shown as the provenance.
using StorageMap = std::map<std::string, std::shared_ptr<const ZipMember>, std::less<>>;

/// One entry for each tensor of the tree. `pickle_name` is the provenance of tensors without a storage.
///
/// Tensors of one storage have overlapping byte ranges, and their provenance says so. Quantized tensors become f32
/// through their scale and zero point when they are loaded. Throws FileError naming the tensor if its storage is not in
/// the map or too small for it.
std::vector<Entry> entries_of(const std::shared_ptr<const MappedFile>& file, TensorTree tree,
                              const StorageMap& storages, const std::string& pickle_name);

}  // namespace sigmax::io
