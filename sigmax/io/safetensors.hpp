// safetensors: a JSON header, then the tensors' bytes without gaps.
#pragma once

#include <memory>
#include <vector>

#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/mapped_file.hpp"

namespace sigmax::io {

/// True if the file begins like a safetensors header: eight bytes of length below 2^32, then `{` and what may follow
/// it.
bool looks_like_safetensors(const MappedFile& file) noexcept;

/// Every tensor, in the order of the data. Integers, booleans and complex numbers can be loaded; 8-bit and narrower
/// floats and types of unknown name are listed with `unreadable`.
///
/// Cost: one pass over the header, n log n comparisons; memory proportional to the header. Throws FileError unless the
/// file obeys every rule of the format: header at most 100 MB, an object with no name twice, padded with spaces only;
/// `__metadata__` of strings; each tensor with a type, a shape and offsets that hold exactly its elements; tensors that
/// follow each other from the first byte behind the header to the last of the file.
std::vector<Entry> read_safetensors(const std::shared_ptr<const MappedFile>& file);

}  // namespace sigmax::io
