#include "sigmax/io/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/folder.hpp"
#include "sigmax/io/mapped_file.hpp"
#include "sigmax/io/message.hpp"
#include "sigmax/io/npy.hpp"
#include "sigmax/io/npz.hpp"
#include "sigmax/io/onnx.hpp"
#include "sigmax/io/pytorch.hpp"
#include "sigmax/io/safetensors.hpp"
#include "sigmax/io/sharded_index.hpp"
#include "sigmax/io/unknown_format.hpp"
#include "sigmax/io/zip_archive.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxListed = 8;  // names in one note

// A file on its way to a reader; the directory of an archive is read once for all formats that are archives.
struct Candidate {
  std::shared_ptr<const MappedFile> file;
  std::optional<std::vector<ZipMember>> members;  // if the file is a zip archive
};

struct Format {
  const char* name;
  bool (*matches)(const Candidate&);
  std::vector<Entry> (*read)(const Candidate&);
};

template <bool (*test)(const std::vector<ZipMember>&)>
bool archive(const Candidate& candidate) {
  return candidate.members && test(*candidate.members);
}

template <bool (*test)(const MappedFile&)>
bool content(const Candidate& candidate) {
  return !candidate.members && test(*candidate.file);
}

std::vector<Entry> pytorch(const Candidate& candidate) {
  return read_pytorch_archive(candidate.file, *candidate.members);
}
std::vector<Entry> npz(const Candidate& candidate) { return read_npz(candidate.file, *candidate.members); }
std::vector<Entry> npy(const Candidate& candidate) { return read_npy(candidate.file); }
std::vector<Entry> legacy(const Candidate& candidate) { return read_pytorch_legacy(candidate.file); }
std::vector<Entry> safetensors(const Candidate& candidate) { return read_safetensors(candidate.file); }
std::vector<Entry> onnx_model(const Candidate& candidate) { return read_onnx(candidate.file); }

// The first that matches reads the file: strong signatures stand before weak ones.
constexpr Format kFormats[] = {
    {"torchscript", archive<is_torchscript_archive>, pytorch},
    {"pytorch", archive<is_pytorch_archive>, pytorch},
    {"npz", archive<is_npz_archive>, npz},
    {"npy", content<looks_like_npy>, npy},
    {"pytorch-legacy", content<looks_like_pytorch_legacy>, legacy},
    {"safetensors", content<looks_like_safetensors>, safetensors},
    {"onnx", content<looks_like_onnx>, onnx_model},
};

const Format* format_of(const Candidate& candidate) {
  for (const Format& format : kFormats) {
    if (format.matches(candidate)) return &format;
  }
  return nullptr;
}

Candidate candidate_of(const fs::path& path) {
  Candidate candidate{MappedFile::open(path), std::nullopt};
  if (looks_like_zip(*candidate.file)) candidate.members = read_zip_directory(candidate.file);
  return candidate;
}

[[noreturn]] void refuse_format(const Candidate& candidate) {
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

// Gathers what the paths hold into one checkpoint.
class Opener {
 public:
  explicit Opener(Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  void open(const fs::path& path) {
    if (is_folder(path)) return open_folder(path);
    const Candidate candidate = candidate_of(path);
    if (const Format* format = format_of(candidate)) {
      read(candidate, *format);
    } else if (looks_like_json_object(*candidate.file)) {
      open_index(candidate.file);
    } else {
      refuse_format(candidate);
    }
  }

  void finish() {
    note_repeated_tensors(checkpoint_);
    std::vector<std::string> formats;
    for (const SourceFile& file : checkpoint_.files) {
      if (std::find(formats.begin(), formats.end(), file.format) == formats.end()) formats.push_back(file.format);
    }
    checkpoint_.format = fmt::format("{}", fmt::join(formats, "+"));
  }

 private:
  // Returns where the file's entries begin.
  std::size_t read(const Candidate& candidate, const Format& format) {
    std::vector<Entry> entries = format.read(candidate);
    const std::size_t first = checkpoint_.entries.size();
    for (Entry& entry : entries) entry.file = candidate.file->path();
    std::move(entries.begin(), entries.end(), std::back_inserter(checkpoint_.entries));
    checkpoint_.files.push_back({candidate.file->path(), format.name, candidate.file->bytes().size()});
    return first;
  }

  static std::vector<fs::path> files_in(const fs::path& folder, std::vector<std::string>& others) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (is_file(it->path())) {
        files.push_back(it->path());
      } else {
        others.push_back(it->path().filename().string() + (is_folder(it->path()) ? "/" : ""));
      }
    }
    if (error) throw FileError(folder.string(), "", error.message());
    std::sort(files.begin(), files.end());
    return files;
  }

  void open_folder(const fs::path& folder) {
    std::vector<std::string> ignored;
    const std::vector<fs::path> files = files_in(folder, ignored);
    std::vector<std::string> indices;
    for (const fs::path& file : files) {
      if (file.filename().string().ends_with(".index.json")) indices.push_back(file.filename().string());
    }
    const std::size_t before = checkpoint_.files.size(), first = checkpoint_.entries.size();
    if (indices.size() == 1) {
      open(folder / indices[0]);
      return note_files_beside(folder, indices[0], files, before);
    }
    for (const fs::path& file : files) {
      const Candidate candidate = candidate_of(file);
      if (const Format* format = format_of(candidate)) {
        read(candidate, *format);
      } else {
        ignored.push_back(file.filename().string());
        if (is_named_like_weights(ignored.back())) checkpoint_.unread_files.push_back(file);
      }
    }
    std::erase_if(ignored, is_companion);
    if (checkpoint_.files.size() == before) {
      throw FileError(
          folder.string(), "",
          fmt::format("no file in this folder is of a known format ({})", fmt::join(known_formats(), ", ")));
    }
    if (!indices.empty()) {
      checkpoint_.notes.push_back(
          fmt::format("{}: {} index files, every file was read by itself; name one index to "
                      "read its checkpoint alone: {}",
                      folder.string(), indices.size(), list_of(indices)));
    }
    leave_out_copies(checkpoint_, first);
    if (ignored.empty()) return;
    std::sort(ignored.begin(), ignored.end());
    checkpoint_.notes.push_back(
        fmt::format("{}: not read, as they are no files of a known format: {}", folder.string(), list_of(ignored)));
  }

  // An index stands for its folder: what else lies there is named, so that nobody takes it for read.
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
    if (beside.empty()) return;
    checkpoint_.notes.push_back(
        fmt::format("{}: not read, as {} does not name them: {}", folder.string(), index, list_of(beside)));
  }

  void open_index(const std::shared_ptr<const MappedFile>& index) {
    const ShardedIndex shards = read_sharded_index(index);
    if (shards.empty()) throw FileError(index->path().string(), "weight_map", "names no tensor");
    for (const auto& [shard, tensors] : shards) {
      const fs::path path = index->path().parent_path() / shard;
      if (!is_file(path)) {
        throw FileError(index->path().string(), fmt::format("weight_map: shard {}", in_quotes(shard)),
                        "is not there: the index and its shards belong in one folder");
      }
      const Candidate candidate = candidate_of(path);
      const Format* format = format_of(candidate);
      if (format == nullptr) refuse_format(candidate);
      check_shard(*index, shard, tensors, read(candidate, *format));
    }
  }

  void check_shard(const MappedFile& index, const std::string& shard, const std::vector<std::string>& listed,
                   std::size_t first) {
    std::vector<std::string> found;
    for (std::size_t i = first; i < checkpoint_.entries.size(); ++i) found.push_back(checkpoint_.entries[i].name);
    std::sort(found.begin(), found.end());
    std::vector<std::string> missing, unlisted;
    std::set_difference(listed.begin(), listed.end(), found.begin(), found.end(), std::back_inserter(missing));
    std::set_difference(found.begin(), found.end(), listed.begin(), listed.end(), std::back_inserter(unlisted));
    if (!missing.empty()) {
      throw FileError(index.path().string(), fmt::format("weight_map: shard {}", in_quotes(shard)),
                      fmt::format("does not hold {} of its tensors: {}", missing.size(), list_of(missing)));
    }
    if (!unlisted.empty()) {
      checkpoint_.notes.push_back(fmt::format("{}: holds {} tensors that the index does not list: {}", in_quotes(shard),
                                              unlisted.size(), list_of(unlisted)));
    }
  }

  Checkpoint& checkpoint_;
};

}  // namespace

Checkpoint open_checkpoint(const std::vector<fs::path>& paths) {
  if (paths.empty()) throw Error("[open_checkpoint] no path was given: name a file, a folder or an index file");
  Checkpoint checkpoint;
  checkpoint.paths = paths;
  Opener opener(checkpoint);
  for (const fs::path& path : paths) opener.open(path);
  opener.finish();
  return checkpoint;
}

Checkpoint open_checkpoint(const fs::path& path) { return open_checkpoint(std::vector<fs::path>{path}); }

std::vector<std::string> known_formats() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

}  // namespace sigmax::io
