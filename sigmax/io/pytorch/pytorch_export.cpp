#include "sigmax/io/pytorch/pytorch_export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/json_events.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"
#include "sigmax/io/pytorch/pytorch_entries.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"

namespace sigmax::io {
namespace {

constexpr std::uint64_t kLargestConfig = 100'000'000;             // unpacked
constexpr std::uint64_t kLargestPickle = std::uint64_t{1} << 28;  // unpacked
constexpr std::uint64_t kStrided = 7;                             // of torch's layouts

std::string place_of(const ZipMember& member) { return fmt::format("archive member {}", in_quotes(member.name)); }

std::shared_ptr<const MappedFile> unpacked(const std::shared_ptr<const MappedFile>& file, const ZipMember& member,
                                           std::uint64_t most) {
  if (member.compressed && member.bytes > most) {
    throw FileError(file->path().string(), place_of(member),
                    fmt::format("inflates to {} bytes, more than the {} that are read", member.bytes, most));
  }
  return read_zip_member(file, member);
}

// torch's numbers for its types, as exported programs have them.
DType scalar_type(std::uint64_t number) {
  switch (number) {
    case 1: return DType::u8;
    case 2: return DType::i8;
    case 3: return DType::i16;
    case 4: return DType::i32;
    case 5: return DType::i64;
    case 6: return DType::f16;
    case 7: return DType::f32;
    case 8: return DType::f64;
    case 10: return DType::c64;
    case 11: return DType::c128;
    case 12: return DType::boolean;
    case 13: return DType::bf16;
    case 28: return DType::u16;
    case 29: return DType::f8_e4m3;
    case 30: return DType::f8_e5m2;
    case 31: return DType::f8_e4m3fnuz;
    case 32: return DType::f8_e5m2fnuz;
    case 33: return DType::f8_e8m0;
    case 34: return DType::u32;
    case 35: return DType::u64;
    default: return DType::unknown;
  }
}

struct Payload {
  std::string name, path;
  bool pickled = false;
  bool described = false;  // has tensor_meta
  std::uint64_t type = 0, layout = kStrided;
  Dimensions sizes, strides, offset;  // offset has one entry
  bool symbolic = false;              // a size is not a number
};

// {"config": {name: {"path_name": ..., "use_pickle": ..., "tensor_meta": {"dtype": 7, "sizes": [{"as_int": 6}], ...}}}}
class PayloadEvents : public JsonEvents {
 public:
  PayloadEvents(const MappedFile& file, std::string place) : file_(file), place_(std::move(place)) {}

  std::vector<Payload> take() { return std::move(payloads_); }

  void open(bool object, int depth) override {
    if (depth < 3 && in_config(depth) && !object) refuse("is an array where an object is expected");
    if (depth == 2 && in_config_)
      payloads_.push_back({payload_name_, "", false, false, 0, kStrided, {}, {}, {}, false});
    if (depth == 3 && in_config_ && !payloads_.empty() && field_ == "tensor_meta") payloads_.back().described = true;
  }

  void close(int) override {}

  void key(std::string&& name, int depth) override {
    if (depth == 1) in_config_ = name == "config";
    if (depth == 2) {
      if (in_config_ && !names_.insert(name).second) refuse(fmt::format("{} appears twice", in_quotes(name)));
      payload_name_ = std::move(name);
    } else if (depth == 3) {
      field_ = std::move(name);
    } else if (depth == 4) {
      part_ = std::move(name);
    }
  }

  void value(JsonValue value, int depth) override {
    if (!in_config_ || payloads_.empty()) return;
    Payload& payload = payloads_.back();
    if (depth == 3 && field_ == "path_name" && value.text != nullptr) payload.path = std::move(*value.text);
    if (depth == 3 && field_ == "use_pickle") payload.pickled = value.truth;
    if (depth < 4 || field_ != "tensor_meta") return;
    if (depth == 4 && part_ == "dtype") payload.type = value.number.value_or(0);
    if (depth == 4 && part_ == "layout") payload.layout = value.number.value_or(0);
    if (depth < 5) return;
    Dimensions* list = part_ == "sizes"            ? &payload.sizes
                       : part_ == "strides"        ? &payload.strides
                       : part_ == "storage_offset" ? &payload.offset
                                                   : nullptr;
    if (list == nullptr) return;
    if (!value.number || *value.number > kLargest || list->size() >= kHighestRank) {
      payload.symbolic = true;
    } else {
      list->push_back(static_cast<std::int64_t>(*value.number));
    }
  }

 private:
  static constexpr std::uint64_t kLargest = std::uint64_t{1} << 62;
  static constexpr std::size_t kHighestRank = 64;

  bool in_config(int depth) const { return depth == 0 || in_config_; }

  [[noreturn]] void refuse(std::string problem) const {
    throw FileError(file_.path().string(), place_, std::move(problem));
  }

  const MappedFile& file_;
  std::string place_;
  std::vector<Payload> payloads_;
  std::set<std::string> names_;
  std::string payload_name_, field_, part_;
  bool in_config_ = false;
};

// Reads a torch.save archive that is a member of another archive; its ranges become ranges of the file.
std::vector<Entry> read_nested(const std::shared_ptr<const MappedFile>& file, const ZipMember& member,
                               const Naming& naming) {
  const auto inner = unpacked(file, member, file->bytes().size() + kLargestPickle);
  if (!looks_like_zip(*inner)) {
    throw FileError(file->path().string(), place_of(member), "is not an archive of torch.save");
  }
  std::vector<Entry> entries;
  try {
    entries = read_pytorch_archive(inner, read_zip_directory(inner), naming);
  } catch (const FileError& error) {
    throw FileError(file->path().string(), place_of(member), fmt::format("{}: {}", error.place(), error.problem()));
  }
  for (Entry& entry : entries) {
    if (entry.bytes && !member.compressed) entry.bytes->offset += member.offset;
    if (member.compressed) entry.bytes = ByteRange{file->path(), member.offset, member.stored_bytes};
    entry.provenance = valid_utf8(member.name, 200) + ": " + entry.provenance;
  }
  return entries;
}

class ExportReader {
 public:
  ExportReader(const std::shared_ptr<const MappedFile>& file, const std::vector<ZipMember>& members)
      : file_(file), members_(members) {}

  std::vector<Entry> read() {
    const auto root = root_folder(members_, "archive_format");
    if (!root) return read_before_2_8();
    std::vector<std::pair<const ZipMember*, std::string>> configs;  // each with the model's name
    for (const char* kind : {"weights", "constants"}) {
      const std::string folder = fmt::format("{}data/{}/", *root, kind);
      const std::string ending = fmt::format("_{}_config.json", kind);
      for (const ZipMember& member : members_) {
        if (!member.name.starts_with(folder) || !member.name.ends_with(ending)) continue;
        if (member.name.size() < folder.size() + ending.size()) continue;
        configs.emplace_back(&member,
                             member.name.substr(folder.size(), member.name.size() - folder.size() - ending.size()));
      }
    }
    if (configs.empty()) {
      throw FileError(
          file_->path().string(), "",
          "an archive of torch.export without weights: AOTInductor compiles them into a library, whose code "
          "is not read; name the file of torch.export.save");
    }
    std::set<std::string_view> models;
    for (const auto& [member, model] : configs) models.insert(model);
    for (const auto& [member, model] : configs) {
      const ZipMember* graph = find_member(members_, fmt::format("{}models/{}.json", *root, model));
      const ProgramUses program = graph != nullptr ? read_exported_graph(file_, *graph) : ProgramUses{{}, true};
      read_config(*member, models.size() > 1 ? model + "." : "", program);
    }
    return std::move(entries_);
  }

 private:
  std::vector<Entry> read_before_2_8() {
    const ZipMember* graph = find_member(members_, "serialized_exported_program.json");
    const ProgramUses program = graph != nullptr ? read_exported_graph(file_, *graph) : ProgramUses{{}, true};
    for (const char* name : {"serialized_state_dict.pt", "serialized_state_dict.json", "serialized_constants.pt",
                             "serialized_constants.json"}) {
      const ZipMember* member = find_member(members_, name);
      if (member == nullptr || member->bytes == 0) continue;
      append(read_nested(file_, *member, {file_->path().stem().string(), ""}));
      for (Entry& entry : entries_) {
        if (entry.used_by.empty()) entry.used_by = program.of("", entry.name, entry.shape);
      }
    }
    return std::move(entries_);
  }

  void append(std::vector<Entry> more) { std::move(more.begin(), more.end(), std::back_inserter(entries_)); }

  void read_config(const ZipMember& config, const std::string& prefix, const ProgramUses& program) {
    const auto content = unpacked(file_, config, kLargestConfig);
    PayloadEvents events(*file_, place_of(config));
    read_json(*file_, place_of(config),
              {reinterpret_cast<const char*>(content->bytes().data()), content->bytes().size()}, kDeepestJson, events);
    const std::string folder = config.name.substr(0, config.name.rfind('/') + 1);
    StorageMap storages;
    TensorTree tree;
    for (const Payload& payload : events.take()) {
      const std::string name = prefix + valid_utf8(payload.name);
      const ZipMember* member = find(folder + payload.path);
      if (member == nullptr) {
        throw FileError(file_->path().string(), fmt::format("tensor {}", in_quotes(name)),
                        fmt::format("its archive member {} is missing", in_quotes(folder + payload.path)));
      }
      if (payload.pickled) {
        // A custom object has no description; a tensor of a class of its own has its values in an archive.
        if (payload.described) append(read_nested(file_, *member, {name, name + "."}));
        continue;
      }
      storages.emplace(payload.path, std::make_shared<const ZipMember>(*member));
      NamedTensor& named = tree.tensors.emplace_back(NamedTensor{name, describe(payload, *member, name)});
      named.used_by = program.of("", payload.name, named.tensor.shape);
    }
    append(entries_of(file_, std::move(tree), storages, config.name));
  }

  // Members are looked up once for each tensor, so they are sorted the first time.
  const ZipMember* find(const std::string& name) {
    if (sorted_.empty()) {
      for (const ZipMember& member : members_) sorted_.emplace(member.name, &member);
    }
    const auto found = sorted_.find(name);
    return found == sorted_.end() ? nullptr : found->second;
  }

  PickledTensor describe(const Payload& payload, const ZipMember& member, const std::string& name) const {
    const auto refuse = [&](std::string problem) {
      throw FileError(file_->path().string(), fmt::format("tensor {}", in_quotes(name)), std::move(problem));
    };
    PickledTensor tensor;
    tensor.dtype = scalar_type(payload.type);
    tensor.dtype_name = tensor.dtype == DType::unknown ? fmt::format("torch type {}", payload.type)
                                                       : std::string(sigmax::name(tensor.dtype));
    if (payload.symbolic || payload.offset.size() > 1 || payload.sizes.size() != payload.strides.size()) {
      tensor.unreadable = "its sizes and strides are not numbers, or not equally many";
      return tensor;
    }
    if (!element_count(payload.sizes) || !reach(payload.sizes, payload.strides)) {
      refuse(
          fmt::format("shape {} with strides {} is not valid", to_string(payload.sizes), to_string(payload.strides)));
    }
    tensor.shape = payload.sizes;
    tensor.strides = payload.strides;
    if (!payload.offset.empty()) tensor.offset = payload.offset[0];
    if (payload.layout != kStrided) {
      tensor.unreadable = "a sparse tensor: call to_dense() before exporting to have it read";
    } else if (size_of(tensor.dtype) == 0) {
      tensor.unreadable = fmt::format("elements of {} cannot be read", tensor.dtype_name);
    }
    if (!tensor.unreadable.empty()) return tensor;
    PickledStorage storage;
    storage.key = payload.path;
    storage.dtype = tensor.dtype;
    storage.dtype_name = tensor.dtype_name;
    storage.elements = static_cast<std::int64_t>(member.bytes / size_of(tensor.dtype));
    tensor.storage = std::move(storage);
    return tensor;
  }

  const std::shared_ptr<const MappedFile>& file_;
  const std::vector<ZipMember>& members_;
  std::map<std::string_view, const ZipMember*> sorted_;
  std::vector<Entry> entries_;
};

bool starts_as_pickle(const MappedFile& file, const ZipMember& member) {
  if (member.bytes < 3 || !member.unreadable.empty()) return false;
  const std::vector<std::byte> start = read_zip_prefix(file, member, 2);
  return start[0] == std::byte{0x80} && start[1] >= std::byte{2} && start[1] <= std::byte{5};
}

// What may be a pickle, but cannot be opened: it may hold any number of tensors.
std::vector<Entry> unreadable_pickles(const MappedFile& file, const std::vector<ZipMember>& members,
                                      const std::string& root) {
  std::vector<Entry> entries;
  for (const ZipMember& member : members) {
    const bool is_data = member.name.starts_with(root + ".data/") || member.name.ends_with(".py");
    if (member.unreadable.empty() || is_data || !member.name.starts_with(root)) continue;
    Entry& entry = entries.emplace_back();
    entry.name = valid_utf8(member.name.substr(root.size()));
    entry.unreadable = member.unreadable;
    entry.opaque = true;
    entry.bytes = ByteRange{file.path(), member.offset, member.stored_bytes};
    entry.provenance = valid_utf8(member.name, 200);
  }
  return entries;
}

}  // namespace

bool is_exported_program(const std::vector<ZipMember>& members) {
  return root_folder(members, "archive_format") || find_member(members, "serialized_state_dict.pt") != nullptr ||
         find_member(members, "serialized_state_dict.json") != nullptr;
}

std::vector<Entry> read_exported_program(const std::shared_ptr<const MappedFile>& file,
                                         const std::vector<ZipMember>& members) {
  return ExportReader(file, members).read();
}

bool is_torch_package(const std::vector<ZipMember>& members) {
  return root_folder(members, ".data/extern_modules").has_value();
}

std::vector<Entry> read_torch_package(const std::shared_ptr<const MappedFile>& file,
                                      const std::vector<ZipMember>& members) {
  const std::string root = root_folder(members, ".data/extern_modules").value_or("");
  const std::string data = root + ".data/";
  constexpr std::string_view kStorage = ".storage", kPickle = ".pkl";
  StorageMap storages;
  std::vector<const ZipMember*> pickles;
  for (const ZipMember& member : members) {
    if (member.name.starts_with(data)) {
      if (!member.name.ends_with(kStorage) || member.name.size() < data.size() + kStorage.size()) continue;
      storages.emplace(member.name.substr(data.size(), member.name.size() - data.size() - kStorage.size()),
                       std::make_shared<const ZipMember>(member));
    } else if (member.name.starts_with(root) && starts_as_pickle(*file, member)) {
      pickles.push_back(&member);
    }
  }
  std::vector<Entry> entries = unreadable_pickles(*file, members, root);
  for (const ZipMember* member : pickles) {
    std::string path = member->name.substr(root.size());
    if (path.ends_with(kPickle)) path.resize(path.size() - kPickle.size());
    std::replace(path.begin(), path.end(), '/', '.');
    const Naming naming{path, pickles.size() > 1 ? valid_utf8(path) + "." : ""};
    const Pickle pickle = Pickle::read(unpacked(file, *member, kLargestPickle), 0, place_of(*member));
    auto more = entries_of(file, find_tensors(pickle, *file, naming), storages, member->name);
    std::move(more.begin(), more.end(), std::back_inserter(entries));
    if (entries.size() > most_tensors(file->bytes().size())) {
      throw FileError(
          file->path().string(), "",
          fmt::format("its pickles name more than {} tensors: more than its bytes justify", entries.size()));
    }
  }
  return entries;
}

}  // namespace sigmax::io
