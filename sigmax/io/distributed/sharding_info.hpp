// The metadata by which safetensors files of torch.distributed.checkpoint tell that they are parts. Internal to io/.
#pragma once

#include <string_view>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The key of the metadata: its value is JSON, where each tensor of the file begins in the whole tensor.
inline constexpr std::string_view kShardingInfo = "DCP_SHARDING_INFO";

/// Throws FileError, with the converter, if the value says that a tensor of `file` begins anywhere but at the whole
/// tensor's first element: the file has one process's part. Where all begin there the tensors may be whole, as the same
/// writer leaves them for one process, and nothing in the file tells them from the first process's part. Throws
/// FileError, too, if the value is no such JSON. Cost: one pass.
void refuse_parts(const MappedFile& file, std::string_view info);

}  // namespace sigmax::io
