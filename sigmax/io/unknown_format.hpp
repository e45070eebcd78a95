// Guesses what a file is that no reader knows. Internal to io/.
#pragma once

#include <string>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// `is of no known format`, with what its first bytes tell, and advice if there is any.
std::string describe_unknown_format(const MappedFile& file);

/// True if the content is a model in a format that sigmax does not read: GGUF, HDF5, TensorFlow Lite.
bool is_foreign_model(const MappedFile& file) noexcept;

}  // namespace sigmax::io
