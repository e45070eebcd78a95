// NumPy's npz archives: a zip archive with one array file per member. Internal to io/.
#pragma once

#include <memory>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {

/// True if a member has a name that ends in `.npy`, or there are no members (numpy.savez writes that when it is given
/// no arrays).
bool is_npz_archive(const std::vector<ZipMember>& members);

/// One entry per member, named without `.npy`, in directory order; folders are left out. Members that are not arrays,
/// Python objects, records and types that only NumPy knows (8-bit floats) are listed with `unreadable`. For a
/// compressed member only the header is inflated here; each load() inflates the whole. Throws FileError if an array's
/// header is malformed as read_npy_header says.
std::vector<Entry> read_npz(const std::shared_ptr<const MappedFile>& file, const std::vector<ZipMember>& members);

}  // namespace sigmax::io
