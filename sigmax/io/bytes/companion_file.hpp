// Files that a model names: the shards of an index, the external data of an ONNX model. Internal to io/.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The location as a path below the model's folder, without `.` and repeated slashes.
///
/// Throws FileError, naming `model`, if it is empty, absolute, longer than 4096 bytes, or has a component `..`, a
/// backslash or a control character.
std::filesystem::path companion_path(const MappedFile& model, std::string_view location);

/// Opens the file that `model` says lies at `location`, relative to the model's folder.
///
/// A model is untrusted, and by its locations it must not reach what its owner did not put there (CVE-2022-25882,
/// CVE-2024-5187, CVE-2024-27318 and their like read files elsewhere). Symbolic links are followed, chains of them too,
/// if the file in which they end lies
///   - in the folder of the model, by the path under which it was opened, or below;
///   - in the folder of the model's own file, where the model's path is a link, or below;
///   - in the folder `blobs` of the model, if one of these is `models--NAME/snapshots/REVISION` or below: the cache
///   that
///     huggingface_hub keeps, where every file of a snapshot is a link to a blob.
/// Where it lies is asked of the system about the file that is open, not of its name, so that no exchange of links in
/// between leads elsewhere. Hard links are not told from the file.
///
/// Throws FileError, naming `model`, if the location is refused as companion_path() does, there is no regular file, or
/// it lies elsewhere.
std::shared_ptr<const MappedFile> open_companion(const MappedFile& model, std::string_view location);

/// Whether a file of a folder that has no index may be read as one of its model's: it lies in the folder or below, in
/// `blobs` of the model if the folder is `models--NAME/snapshots/REVISION` or below, or in the `models--NAME/blobs`
/// that the folder's config.json is a link into, as it is in a folder that huggingface_hub filled with links. A link
/// that leads elsewhere may have come with an archive. Where the system does not say where a file lies, links are not
/// followed.
bool lies_in_model(const MappedFile& file, const std::filesystem::path& folder);

}  // namespace sigmax::io
