// Files that a model names: the shards of an index, the external data of an ONNX model. Internal to io/.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The location as a path below the model's folder, without `.` and repeated slashes.
///
/// Throws FileError, naming `model`, if the location is empty, absolute or longer than 4096 bytes, or has a component
/// `..`, a backslash or a control character.
std::filesystem::path companion_path(const MappedFile& model, std::string_view location);

/// Opens the file that `model` says lies at `location`, relative to the model's folder.
///
/// A model is untrusted: its locations must not reach files that its owner did not put there (CVE-2022-25882,
/// CVE-2024-5187, CVE-2024-27318 and similar flaws read files elsewhere). Symbolic links, and chains of them, are
/// followed if the final file lies
///   - in the folder of the model, by the path under which it was opened, or below;
///   - in the folder of the model's own file, where the model's path is a link, or below;
///   - in the folder `blobs` of the model, if one of these is `models--NAME/snapshots/REVISION` or below: that is the
///     cache of huggingface_hub, where every file of a snapshot is a link to a blob.
/// The system is asked where the open file lies; its name is not used, so that exchanging links in between cannot lead
/// elsewhere. Hard links cannot be distinguished from the file.
///
/// Throws FileError, naming `model`, if companion_path() refuses the location, there is no regular file, or it lies
/// elsewhere.
std::shared_ptr<const MappedFile> open_companion(const MappedFile& model, std::string_view location);

/// Whether a file of a folder without an index may be read as part of the folder's model. It may if it lies in the
/// folder or below, in `blobs` of the model if the folder is `models--NAME/snapshots/REVISION` or below, or in the
/// `models--NAME/blobs` that the folder's config.json is a link into, as in a folder that huggingface_hub filled with
/// links. A link that leads elsewhere may have come with an archive. Where the system does not say where a file lies,
/// links are not followed.
bool lies_in_model(const MappedFile& file, const std::filesystem::path& folder);

}  // namespace sigmax::io
