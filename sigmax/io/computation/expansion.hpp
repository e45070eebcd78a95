// The main graph of an ONNX model with its functions' bodies in the place of their calls. Internal to io/.
#pragma once

#include <cstddef>
#include <memory>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/computation.hpp"

namespace sigmax::io {

/// Limits on what calls of functions may become: nodes and bytes in all, and calls inside calls. A small file whose
/// functions call each other twice a level would otherwise fill the memory.
inline constexpr std::size_t kMostExpandedNodes = std::size_t{1} << 20;
inline constexpr std::size_t kMostExpandedBytes = std::size_t{1} << 28;
inline constexpr int kMostCalls = 64;

/// As read_computation(), of a file that is open.
Computation expanded_computation(const std::shared_ptr<const MappedFile>& file);

}  // namespace sigmax::io
