// Guesses the format of a file that no reader recognizes. Internal to io/.
#pragma once

#include <string>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/formats.hpp"

namespace sigmax::io {

/// `is not in a known format`, with what its first bytes tell, and advice if there is any.
std::string describe_unknown_format(const MappedFile& file);

/// True if the content is a model's in a format that is not read (GGUF, GGML, HDF5, TensorFlow Lite, ONNX
/// Runtime's, a pickle of unknown make), or what is left of one that is: safetensors with a damaged header, an archive
/// that cannot be opened and has members of PyTorch's or NumPy's.
bool is_foreign_model(const MappedFile& file) noexcept;

/// True of a file that no reader knows and whose name or content says that weights may be in it. A zip archive goes by
/// its members: one of pictures holds none, whatever it is called. Companions of a model and states of a training,
/// known by their names, hold none.
bool may_hold_weights(const Candidate& candidate);

}  // namespace sigmax::io
