// safetensors: a JSON header, then the tensors' bytes without gaps. Internal to io/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"

namespace sigmax::io {

/// True if the file begins like a safetensors header: eight bytes with a length below 2^32, then `{` and what may
/// follow it, perhaps after white space.
bool looks_like_safetensors(const MappedFile& file) noexcept;

/// Every tensor, in the order of the data. Integers, booleans and complex numbers can be loaded; 8-bit and narrower
/// floats and types of unknown name are listed with `unreadable`.
///
/// Cost: one pass over the header, n log n comparisons; memory proportional to the header. Throws FileError unless the
/// file obeys the rules of the format: header at most 100 MB, a JSON object; each tensor with a type, a shape and
/// offsets that hold exactly its elements; tensors that follow each other from the first byte after the header to the
/// last of the file; no name twice, unless both descriptions are the same; no tensor that is one process's part
/// according to the metadata (io/distributed/sharding_info.hpp).
///
/// Parts that say nothing about the tensors are skipped, and one line of `notes` names them: white space other than
/// spaces around the header, unknown fields of a tensor, `__metadata__` that is null, repeated, or holds anything but
/// strings. The reference implementation (the Rust crate, 0.8) reads all of these except the last two.
std::vector<Entry> read_safetensors(const std::shared_ptr<const MappedFile>& file,
                                    std::vector<std::string>* notes = nullptr);

}  // namespace sigmax::io
