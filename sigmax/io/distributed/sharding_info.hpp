// The metadata that mark safetensors files of torch.distributed.checkpoint as parts. Internal to io/.
#pragma once

#include <string_view>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The key of the metadata. Its value is JSON that says where each tensor of the file begins in the whole tensor.
inline constexpr std::string_view kShardingInfo = "DCP_SHARDING_INFO";

/// Throws FileError, which names the converter, if the value says that a tensor of `file` begins anywhere but at the
/// whole tensor's first element: the file then holds one process's part. If all tensors begin there, they may be whole,
/// as the same writer leaves them for one process; nothing in the file distinguishes them from the first process's
/// part. Also throws FileError if the value is not JSON of this form. Cost: one pass.
void refuse_parts(const MappedFile& file, std::string_view info);

}  // namespace sigmax::io
