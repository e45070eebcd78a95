#include "sigmax/io/distributed/distributed_metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch_tensor.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr std::uint64_t kMostTilingSteps = std::uint64_t{1} << 28;  // about a second, for the whole file

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// A name from the file that becomes a path: no component may be empty or lead upward.
bool stays_below(std::string_view name) {
  if (name.empty() || name.front() == '/' || std::any_of(name.begin(), name.end(), is_control)) return false;
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

class MetadataReader {
 public:
  explicit MetadataReader(const std::shared_ptr<const MappedFile>& file)
      : file_(*file), pickle_(Pickle::read(file, 0, "metadata")) {}

  DistributedMetadata read() {
    const Id root = pickle_.root();
    if (!is_object(root, "Metadata")) refuse("metadata", "the pickle is not one of torch.distributed.checkpoint");
    read_storage_data(member(root, "storage_data"));
    DistributedMetadata result;
    const auto pairs = pairs_of(member(root, "state_dict_metadata"), "state_dict_metadata");
    std::set<std::string_view> names;
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
      if (!pickle_.is(pairs[i], PickleKind::text)) refuse("state_dict_metadata", "a key is not text");
      const std::string_view name = pickle_.text(pairs[i]);
      if (!names.insert(name).second) refuse(place(name), "is described twice");
      if (is_object(pairs[i + 1], "TensorStorageMetadata")) {
        result.tensors.push_back(tensor(name, pairs[i + 1]));
      } else if (is_object(pairs[i + 1], "BytesStorageMetadata")) {
        add_object(result, name);
      } else {
        refuse(place(name), "is neither a tensor nor bytes");
      }
    }
    return result;
  }

 private:
  // The fqn and the offset of the chunk; an object has no offset.
  using Key = std::pair<std::string_view, std::optional<Dimensions>>;

  [[noreturn]] void refuse(std::string where, std::string problem) const {
    throw FileError(file_.path().string(), std::move(where), std::move(problem));
  }

  static std::string place(std::string_view tensor) { return fmt::format("tensor {}", in_quotes(tensor)); }

  // An instance of a class of torch.distributed, whichever module the class lay in at the time.
  bool is_object(Id id, std::string_view name) const {
    const Id callable = pickle_.call(id).callable;
    return pickle_.global_attribute(callable) == name &&
           pickle_.global_module(callable).starts_with("torch.distributed");
  }

  Id member(Id object, std::string_view name) const { return pickle_.find(pickle_.call(object).state, name); }

  // Keys and values of a dict or an OrderedDict.
  std::span<const Id> pairs_of(Id id, const char* where) const {
    if (pickle_.is(id, PickleKind::call)) id = pickle_.call(id).entries;
    if (id != Pickle::kAbsent && !pickle_.is(id, PickleKind::dict)) refuse(where, "is not a dict");
    return pickle_.items(id);
  }

  Dimensions dimensions(Id id, std::string_view tensor, const char* what) const {
    auto values = pickled_integers(pickle_, id);
    if (!values || !element_count(*values)) {
      refuse(place(tensor), fmt::format("its {} {}", what, values ? "overflows" : "is not a list of sizes"));
    }
    return std::move(*values);
  }

  void read_storage_data(Id dict) {
    const auto pairs = pairs_of(dict, "storage_data");
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
      const Id name = member(pairs[i], "fqn"), offset = member(pairs[i], "offset");
      if (!is_object(pairs[i], "MetadataIndex") || !pickle_.is(name, PickleKind::text)) {
        refuse("storage_data", "a key is not a MetadataIndex");
      }
      Key key{pickle_.text(name), std::nullopt};
      if (pickle_.kind(offset) != PickleKind::none) key.second = dimensions(offset, key.first, "offset");
      if (!stored_.emplace(std::move(key), pairs[i + 1]).second) {
        refuse(place(pickle_.text(name)), "one of its chunks has two places in storage_data");
      }
    }
  }

  std::optional<DistributedRange> range(std::string_view tensor, std::optional<Dimensions> offset) const {
    const auto found = stored_.find({tensor, std::move(offset)});
    if (found == stored_.end()) return std::nullopt;
    const Id info = found->second;
    const Id path = member(info, "relative_path"), from = member(info, "offset"), length = member(info, "length");
    if (!pickle_.is(path, PickleKind::text) || !pickle_.is(from, PickleKind::integer) ||
        !pickle_.is(length, PickleKind::integer) || pickle_.integer(from) < 0 || pickle_.integer(length) < 0) {
      refuse(place(tensor), "its place in storage_data is not a file, an offset and a length");
    }
    if (!stays_below(pickle_.text(path))) {
      refuse(place(tensor), fmt::format("its file {} does not lie below this folder", in_quotes(pickle_.text(path))));
    }
    DistributedRange result{std::string(pickle_.text(path)), static_cast<std::uint64_t>(pickle_.integer(from)),
                            static_cast<std::uint64_t>(pickle_.integer(length)), ""};
    const auto transforms = pickle_.items(member(info, "transform_descriptors"));
    for (const Id transform : transforms) {
      result.transform += (result.transform.empty() ? "" : ", ") + valid_utf8(pickle_.text(transform), 100);
      if (result.transform.size() > 100) break;
    }
    if (!transforms.empty() && result.transform.empty()) result.transform = "unnamed";
    return result;
  }

  void take_type(DistributedTensor& tensor, Id properties) const {
    const Id state = pickle_.call(properties).state;
    const auto values = pickle_.items(state);
    Id type = Pickle::kAbsent;
    if (pickle_.is(state, PickleKind::dict)) {
      type = pickle_.find(state, "dtype");
    } else if (!values.empty()) {
      type = values[0];
    }
    tensor.dtype = torch_dtype(pickle_.global_attribute(type));
    tensor.dtype_name = tensor.dtype == DType::unknown ? valid_utf8(pickle_.global_attribute(type), 100)
                                                       : std::string(name(tensor.dtype));
    if (tensor.dtype_name.empty()) tensor.dtype_name = "unknown";
  }

  DistributedTensor tensor(std::string_view name, Id description) {
    DistributedTensor result;
    result.name = valid_utf8(name);
    result.shape = dimensions(member(description, "size"), name, "size");
    take_type(result, member(description, "properties"));
    const Id chunks = member(description, "chunks");
    if (!pickle_.is(chunks, PickleKind::list)) refuse(place(name), "its chunks are not a list");
    for (const Id id : pickle_.items(chunks)) {
      DistributedChunk chunk{dimensions(member(id, "offsets"), name, "offsets"),
                             dimensions(member(id, "sizes"), name, "sizes"), std::nullopt};
      // A process with an empty share still writes a chunk.
      chunk.stored = range(name, chunk.offsets);
      if (element_count(chunk.sizes) == 0) {
        if (chunk.stored) result.empty.push_back(*chunk.stored);
        continue;
      }
      if (!chunk.stored && pickle_.items(chunks).size() == 1) chunk.stored = range(name, std::nullopt);
      result.chunks.push_back(std::move(chunk));
    }
    if (const std::string problem = tiling_problem(result.shape, result.chunks, steps_); !problem.empty()) {
      refuse(place(name), problem);
    }
    return result;
  }

  void add_object(DistributedMetadata& result, std::string_view name) const {
    if (auto stored = range(name, std::nullopt)) result.objects.push_back({valid_utf8(name), std::move(*stored)});
  }

  const MappedFile& file_;
  const Pickle pickle_;
  std::map<Key, Id> stored_;
  std::uint64_t steps_ = kMostTilingSteps;
};

}  // namespace

bool looks_like_distributed_metadata(const MappedFile& file) noexcept {
  constexpr std::size_t kNameWithin = 128;  // after the protocol, a frame and the opcodes of two strings
  const std::string_view start(reinterpret_cast<const char*>(file.bytes().data()),
                               std::min(file.bytes().size(), kNameWithin));
  if (start.size() < 2 || start[0] != '\x80') return false;
  const std::size_t module = start.find("torch.distributed.");
  return module != std::string_view::npos && start.find("checkpoint.metadata", module) != std::string_view::npos &&
         start.find("Metadata", module) != std::string_view::npos;
}

DistributedMetadata read_distributed_metadata(const std::shared_ptr<const MappedFile>& file) {
  return MetadataReader(file).read();
}

}  // namespace sigmax::io
