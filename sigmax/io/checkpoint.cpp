#include "sigmax/io/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/core/plural.hpp"
#include "sigmax/io/bytes/companion_file.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/copies.hpp"
#include "sigmax/io/distributed/distributed.hpp"
#include "sigmax/io/distributed/distributed_metadata.hpp"
#include "sigmax/io/distributed/process_shards.hpp"
#include "sigmax/io/folder.hpp"
#include "sigmax/io/formats.hpp"
#include "sigmax/io/model_parts.hpp"
#include "sigmax/io/sharded_index.hpp"
#include "sigmax/io/unknown_format.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxListed = 8;  // names in one note

[[noreturn]] void refuse_format(const Candidate& candidate) {
  candidate.file->check_intact();
  throw FileError(
      candidate.file->path().string(), "",
      fmt::format("{}; known formats: {}", describe_unknown_format(*candidate.file), fmt::join(known_formats(), ", ")));
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMaxListed; ++i) text += (i == 0 ? "" : ", ") + in_quotes(names[i]);
  if (names.size() > kMaxListed) text += fmt::format(" and {} more", names.size() - kMaxListed);
  return text;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Gathers the contents of the paths into one checkpoint.
class Opener {
 public:
  Opener(Checkpoint& checkpoint, const OpenOptions& options) : checkpoint_(checkpoint), options_(options) {}

  void open(const fs::path& path) {
    if (is_folder(path)) return open_folder(path);
    refuse_part(path, describe_process_shard(path));
    const Candidate candidate = candidate_of(MappedFile::open(path));
    if (const Format* format = format_of(candidate)) {
      parts_.add_named(path);
      read(candidate, *format);
    } else if (looks_like_distributed_metadata(*candidate.file)) {
      open_distributed(candidate.file);
    } else if (looks_like_json_object(*candidate.file)) {
      open_index(candidate.file);
    } else {
      refuse_format(candidate);
    }
  }

  void finish() {
    parts_.note_missing(checkpoint_);
    note_repeated_tensors(checkpoint_);
    std::vector<std::string> formats;
    for (const SourceFile& file : checkpoint_.files) {
      if (std::find(formats.begin(), formats.end(), file.format) == formats.end()) formats.push_back(file.format);
    }
    checkpoint_.format = fmt::format("{}", fmt::join(formats, "+"));
  }

 private:
  // Returns the index of the file's first entry.
  std::size_t read(const Candidate& candidate, const Format& format) {
    const auto& file = candidate.file;
    std::vector<Entry> entries = while_intact(*file, [&] { return format.read(candidate, checkpoint_.notes); });
    const std::size_t first = checkpoint_.entries.size();
    for (Entry& entry : entries) {
      entry.file = file->path();
      demand_intact(entry, file);
    }
    std::move(entries.begin(), entries.end(), std::back_inserter(checkpoint_.entries));
    checkpoint_.files.push_back({candidate.file->path(), format.name, candidate.file->bytes().size()});
    return first;
  }

  // Lists the file as unread and adds a note.
  void leave_unread(const fs::path& file, const std::string& reason) {
    checkpoint_.unread_files.push_back({file, reason});
    checkpoint_.notes.push_back(fmt::format("not read: {}: {}", file.string(), reason));
  }

  std::vector<fs::path> files_in(const fs::path& folder, std::vector<std::string>& others) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (is_file(it->path())) {
        files.push_back(it->path());
      } else {
        const std::string name = it->path().filename().string();
        if (is_folder(it->path()) && is_named_like_a_folder_of_weights(name)) {
          leave_unread(it->path(), "a model of another framework (Core ML), which is not read by this version");
          continue;
        }
        others.push_back(name + (is_folder(it->path()) ? "/" : ""));
        // A dangling link, which an incomplete download may leave, a pipe, ...
        if (!is_folder(it->path()) && is_named_like_weights(name)) {
          checkpoint_.unread_files.push_back(
              {it->path(), it->is_symlink(error) ? "a link to nothing" : "not a regular file"});
        }
      }
    }
    if (error) throw FileError(folder.string(), "", error.message());
    std::sort(files.begin(), files.end());
    return files;
  }

  static void refuse_part(const fs::path& path, const std::string& reason) {
    if (!reason.empty()) throw FileError(path.string(), "", reason);
  }

  void open_distributed(const std::shared_ptr<const MappedFile>& metadata) {
    DistributedCheckpoint found = while_intact(*metadata, [&] { return read_distributed(metadata); });
    for (Entry& entry : found.entries) demand_intact(entry, metadata);
    std::move(found.entries.begin(), found.entries.end(), std::back_inserter(checkpoint_.entries));
    std::move(found.files.begin(), found.files.end(), std::back_inserter(checkpoint_.files));
    std::move(found.notes.begin(), found.notes.end(), std::back_inserter(checkpoint_.notes));
  }

  // Opens the folder by its .metadata if it is one of torch.distributed.checkpoint; returns whether it is.
  bool open_distributed_folder(const fs::path& folder, const std::vector<fs::path>& files, std::size_t before) {
    constexpr const char* kMetadata = ".metadata";
    if (!is_file(folder / kMetadata)) return false;
    const auto metadata = MappedFile::open(folder / kMetadata);
    if (!looks_like_distributed_metadata(*metadata)) return false;
    open_distributed(metadata);
    note_files_beside(folder, kMetadata, files, before);
    return true;
  }

  void open_folder(const fs::path& folder) {
    std::vector<std::string> ignored;
    std::vector<UnreadFile> doubtful;
    const std::vector<fs::path> files = files_in(folder, ignored);
    std::vector<std::string> indices;
    for (const fs::path& file : files) {
      if (is_index(file)) indices.push_back(file.filename().string());
    }
    const std::size_t before = checkpoint_.files.size(), first = checkpoint_.entries.size();
    const std::size_t notes_before = checkpoint_.notes.size();
    if (open_distributed_folder(folder, files, before)) return;
    if (indices.size() == 1) {
      open(folder / indices[0]);
      return note_files_beside(folder, indices[0], files, before);
    }
    refuse_part(folder, describe_process_shards(folder));
    for (const fs::path& file : files) {
      if (read_if_known(file, folder, doubtful)) continue;
      ignored.push_back(file.filename().string());
    }
    std::erase_if(ignored, is_companion);
    if (checkpoint_.files.size() == before) {
      const std::string inside = describe_checkpoint_folders(folder);
      const std::string why = notes_before < checkpoint_.notes.size() ? "; " + checkpoint_.notes[notes_before] : "";
      throw FileError(
          folder.string(), "",
          fmt::format("no file in this folder is in a known format ({}){}", fmt::join(known_formats(), ", "),
                      inside.empty() ? why : "; name one of the folders in it: " + inside));
    }
    const std::set<fs::path> data = data_files();
    const auto holds_data = [&data](const fs::path& path) { return data.contains(resolved(path)); };
    std::erase_if(ignored, [&](const std::string& name) { return holds_data(folder / name); });
    std::erase_if(doubtful, [&](const UnreadFile& file) { return holds_data(file.path); });
    std::move(doubtful.begin(), doubtful.end(), std::back_inserter(checkpoint_.unread_files));
    if (!indices.empty()) {
      checkpoint_.notes.push_back(
          fmt::format("{}: has {} index files, so every file was read by itself; name one index to "
                      "read only its checkpoint: {}",
                      folder.string(), indices.size(), list_of(indices)));
    }
    note_missing_shards(folder, files);
    leave_out_copies(checkpoint_, first, options_.compares);
    if (ignored.empty()) return;
    std::sort(ignored.begin(), ignored.end());
    checkpoint_.notes.push_back(
        fmt::format("{}: not read, because their format is not known: {}", folder.string(), list_of(ignored)));
  }

  // An incomplete download has no index that tells, or has several.
  void note_missing_shards(const fs::path& folder, const std::vector<fs::path>& files) {
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const fs::path& file : files) names.push_back(file.filename().string());
    std::erase_if(names, [](const std::string& name) { return !is_named_like_weights(name); });
    const std::vector<std::string> missing = missing_shards(names);
    if (missing.empty()) return;
    for (const std::string& name : missing) {
      checkpoint_.unread_files.push_back({folder / name, "a part that is missing"});
    }
    checkpoint_.notes.push_back(fmt::format("{}: parts are missing: {}", folder.string(), list_of(missing)));
  }

  // A file of a folder that is not a checkpoint must not keep the others from being read. False if nothing has been
  // said about it yet; it is then in `doubtful` if it may be a checkpoint.
  bool read_if_known(const fs::path& file, const fs::path& folder, std::vector<UnreadFile>& doubtful) {
    const Named naming = naming_of(file);
    const bool may_be_weights = is_named_like_weights(file.filename().string());
    Candidate candidate;
    std::shared_ptr<const MappedFile> mapped;
    try {
      mapped = MappedFile::open(file);
      if (!lies_in_model(*mapped, folder)) {
        if (may_be_weights || naming != Named::foreign) {
          leave_unread(file,
                       fmt::format("a link that leads out of the folder, to '{}': name the file itself to read it",
                                   mapped->real_path().string()));
          return true;
        }
        return false;
      }
      candidate = candidate_of(mapped);
    } catch (const FileError& problem) {
      if (naming != Named::foreign) throw;
      checkpoint_.notes.push_back(fmt::format("not read: {}", problem.what()));
      const bool counts = mapped ? may_hold_weights({mapped, std::nullopt}) : may_be_weights;
      if (counts) checkpoint_.unread_files.push_back({file, problem.problem()});
      return true;
    }
    if (const Format* format = format_of(candidate)) {
      parts_.add(file, true);
      read(candidate, *format);
      return true;
    }
    if (naming != Named::foreign) candidate.file->check_intact();
    const std::string reason = describe_unknown_format(*candidate.file);
    if (naming == Named::own) {
      leave_unread(file, reason);
      return true;
    }
    if (may_hold_weights(candidate)) doubtful.push_back({file, reason});
    return false;
  }

  // The path without links, where there is such a file.
  static fs::path resolved(const fs::path& path) {
    std::error_code error;
    fs::path real = fs::weakly_canonical(path, error);
    return error ? path : real;
  }

  // The files that hold tensors of other files, as the external data of an ONNX model.
  std::set<fs::path> data_files() const {
    std::set<fs::path> named, data;
    for (const Entry& entry : checkpoint_.entries) {
      if (entry.bytes && entry.bytes->file != entry.file) named.insert(entry.bytes->file);
    }
    for (const fs::path& path : named) data.insert(resolved(path));
    return data;
  }

  // By its name or, whatever it is called, by what it holds.
  static bool may_hold_weights_beside_index(const fs::path& file) {
    const std::string name = file.filename().string();
    if (is_companion(name) || is_training_state(name)) return false;
    std::shared_ptr<const MappedFile> mapped;
    try {
      mapped = MappedFile::open(file);
      const Candidate candidate = candidate_of(mapped);
      return format_of(candidate) != nullptr || may_hold_weights(candidate);
    } catch (const FileError&) {
      return mapped ? may_hold_weights({mapped, std::nullopt}) : is_named_like_weights(name);
    }
  }

  // An index stands for its folder: other files there are listed, so that nobody assumes that they were read.
  void note_files_beside(const fs::path& folder, const std::string& index, const std::vector<fs::path>& files,
                         std::size_t before) {
    std::vector<std::string> beside;
    for (const fs::path& file : files) {
      const bool is_read =
          std::any_of(checkpoint_.files.begin() + static_cast<std::ptrdiff_t>(before), checkpoint_.files.end(),
                      [&file](const SourceFile& source) { return source.path == file; });
      if (!is_read && file.filename() != index) beside.push_back(file.filename().string());
    }
    std::erase_if(beside, is_companion);
    for (const std::string& name : beside) {
      if (may_hold_weights_beside_index(folder / name)) {
        checkpoint_.unread_files.push_back({folder / name, fmt::format("{} does not name it", index)});
      }
    }
    if (beside.empty()) return;
    checkpoint_.notes.push_back(
        fmt::format("{}: not read, as {} does not name them: {}", folder.string(), index, list_of(beside)));
  }

  void open_index(const std::shared_ptr<const MappedFile>& index) {
    const ShardedIndex shards = while_intact(*index, [&] { return read_sharded_index(index); });
    if (shards.empty()) throw FileError(index->path().string(), "weight_map", "names no tensor");
    std::map<std::string, std::vector<std::string>> found;
    for (const auto& [shard, tensors] : shards) {
      const Candidate candidate = candidate_of(open_shard(*index, shard));
      const Format* format = format_of(candidate);
      if (format == nullptr) refuse_format(candidate);
      parts_.add(candidate.file->path(), false);
      const std::size_t first = read(candidate, *format);
      std::vector<std::string>& names = found[shard];
      for (std::size_t i = first; i < checkpoint_.entries.size(); ++i) names.push_back(checkpoint_.entries[i].name);
      std::sort(names.begin(), names.end());
      note_unlisted(shard, tensors, names);
    }
    compare(*index, shards, found);
  }

  static std::shared_ptr<const MappedFile> open_shard(const MappedFile& index, const std::string& shard) {
    try {
      return open_companion(index, shard);
    } catch (const FileError& problem) {
      throw FileError(index.path().string(), fmt::format("weight_map: shard {}", in_quotes(shard)),
                      fmt::format("{}: the index and its shards belong in one folder", problem.problem()));
    }
  }

  void note_unlisted(const std::string& shard, const std::vector<std::string>& listed,
                     const std::vector<std::string>& found) {
    std::vector<std::string> unlisted;
    std::set_difference(found.begin(), found.end(), listed.begin(), listed.end(), std::back_inserter(unlisted));
    if (unlisted.empty()) return;
    checkpoint_.notes.push_back(fmt::format("{}: holds {} that the index does not list there: {}", in_quotes(shard),
                                            plural(unlisted.size(), "tensor"), list_of(unlisted)));
  }

  // A tensor that the index lists and no shard holds gets its own entry, so that nobody takes the checkpoint for
  // complete.
  void compare(const MappedFile& index, const ShardedIndex& shards,
               const std::map<std::string, std::vector<std::string>>& found) {
    std::vector<std::string> everything, missing;
    for (const auto& each : found) everything.insert(everything.end(), each.second.begin(), each.second.end());
    std::sort(everything.begin(), everything.end());
    for (const auto& [shard, tensors] : shards) {
      for (const std::string& tensor : tensors) {
        if (std::binary_search(everything.begin(), everything.end(), tensor)) continue;
        missing.push_back(tensor);
        Entry entry;
        entry.name = tensor;
        entry.dtype_name = "unknown";
        entry.file = index.path();
        entry.unreadable = fmt::format("no shard holds it, though the index lists it in {}", in_quotes(shard));
        checkpoint_.entries.push_back(std::move(entry));
      }
    }
    if (missing.empty()) return;
    checkpoint_.notes.push_back(fmt::format("{}: lists {} that no shard holds: {}", index.path().string(),
                                            plural(missing.size(), "tensor"), list_of(missing)));
  }

  Checkpoint& checkpoint_;
  const OpenOptions& options_;
  ModelParts parts_;
};

}  // namespace

Checkpoint open_checkpoint(const std::vector<fs::path>& paths, const OpenOptions& options) {
  if (paths.empty()) throw Error("[open_checkpoint] no path was given: name a file, a folder or an index file");
  Checkpoint checkpoint;
  checkpoint.paths = paths;
  Opener opener(checkpoint, options);
  for (const fs::path& path : paths) opener.open(path);
  opener.finish();
  return checkpoint;
}

Checkpoint open_checkpoint(const fs::path& path, const OpenOptions& options) {
  return open_checkpoint(std::vector<fs::path>{path}, options);
}

}  // namespace sigmax::io
