// Archives of PyTorch other than torch.save's: torch.export (.pt2) and torch.package. Internal to io/.
#pragma once

#include <memory>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {

/// True if torch.export.save wrote the archive: `<root>/archive_format`, or serialized_state_dict.pt before
/// PyTorch 2.8.
bool is_exported_program(const std::vector<ZipMember>& members);

/// Weights and constants of an exported program, under the names of its state dict. Its graph and sample inputs are not
/// read. If an archive holds several models, each name begins with the model's name. Throws FileError for malformed
/// descriptions, and if the weights are compiled into a library (AOTInductor).
std::vector<Entry> read_exported_program(const std::shared_ptr<const MappedFile>& file,
                                         const std::vector<ZipMember>& members);

/// True if torch.package wrote the archive: `<root>/.data/extern_modules`.
bool is_torch_package(const std::vector<ZipMember>& members);

/// The tensors of every pickle in the package, named like those of torch.save (`find_tensors`); if there are several
/// pickles, each name begins with the pickle's path. Code is not read, let alone run.
std::vector<Entry> read_torch_package(const std::shared_ptr<const MappedFile>& file,
                                      const std::vector<ZipMember>& members);

}  // namespace sigmax::io
