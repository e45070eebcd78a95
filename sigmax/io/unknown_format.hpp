// Says what a file that no reader knows seems to be. Internal to io/.
#pragma once

#include <string>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// `is of no known format`, with what its first bytes tell, and the way out where there is one.
std::string describe_unknown_format(const MappedFile& file);

/// True if the content is a model's in a format that is not read: GGUF, HDF5, TensorFlow Lite.
bool is_foreign_model(const MappedFile& file) noexcept;

}  // namespace sigmax::io
