// The table of formats, which finds the reader for a file's content. Internal to io/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/entry.hpp"
#include "sigmax/io/zip/zip_archive.hpp"

namespace sigmax::io {

/// A file on its way to a reader. The directory of an archive is read once for all archive formats.
struct Candidate {
  std::shared_ptr<const MappedFile> file;
  std::optional<std::vector<ZipMember>> members;  ///< if the file is a zip archive
};

struct Format {
  const char* name;  ///< one of known_formats()
  bool (*matches)(const Candidate&);
  /// Lists the file's tensors, and adds notes about what is odd.
  std::vector<Entry> (*read)(const Candidate&, std::vector<std::string>& notes);
};

/// Throws FileError if the file is a damaged archive.
Candidate candidate_of(std::shared_ptr<const MappedFile> file);

/// The format by content, never by name; null if no reader knows the content.
const Format* format_of(const Candidate& candidate);

}  // namespace sigmax::io
