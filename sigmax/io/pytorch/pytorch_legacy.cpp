#include <fmt/format.h>

#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"
#include "sigmax/io/pytorch/pytorch_entries.hpp"
#include "sigmax/io/pytorch/pytorch_walk.hpp"

namespace sigmax::io {
namespace {

// LONG1 of ten bytes: 0x1950a86a20f9469cfc6c.
constexpr std::string_view kMagic{"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12};
constexpr std::int64_t kProtocol = 1001;

// What the object's pickle says about one storage.
struct Claim {
  DType dtype;
  std::int64_t elements;
};

class LegacyReader {
 public:
  explicit LegacyReader(const std::shared_ptr<const MappedFile>& file) : file_(file) {}

  std::vector<Entry> read() {
    next_pickle("magic number");
    const Pickle protocol = next_pickle("protocol");
    if (!protocol.is(protocol.root(), PickleKind::integer) || protocol.integer(protocol.root()) != kProtocol) {
      refuse("protocol", fmt::format("is not {}", kProtocol));
    }
    const Pickle system = next_pickle("system information");
    const Pickle::Id little = system.find(system.root(), "little_endian");
    if (system.is(little, PickleKind::boolean) && system.integer(little) == 0) {
      refuse("system information",
             "the checkpoint is big-endian: load it with PyTorch and save it on a little-endian machine");
    }
    const Pickle object = next_pickle("object");
    const Pickle keys = next_pickle("storage keys");
    const StorageMap storages = read_storages(object, keys);
    const Naming naming{file_->path().stem().string(), ""};
    std::vector<Entry> entries = entries_of(file_, find_tensors(object, *file_, naming), storages, "object");
    if (const std::size_t rest = file_->bytes().size() - position_; rest > 0) {
      refuse(
          "storages",
          fmt::format("{} bytes follow the last of them: if these are two files one after another, split them", rest));
    }
    return entries;
  }

 private:
  [[noreturn]] void refuse(std::string place, std::string problem) const {
    throw FileError(file_->path().string(), std::move(place), std::move(problem));
  }

  Pickle next_pickle(const char* place) {
    Pickle pickle = Pickle::read(file_, position_, place);
    position_ = pickle.end();
    return pickle;
  }

  // The stream tells how many elements a storage has but not how wide they are: the references in the object tell that.
  std::map<std::string, Claim, std::less<>> claims(const Pickle& object) const {
    std::map<std::string, Claim, std::less<>> claimed;
    for (Pickle::Id id = 0; id < object.size(); ++id) {
      const auto storage = storage_of(object, id);
      if (!storage) continue;
      const auto [at, is_new] = claimed.emplace(storage->key, Claim{storage->dtype, storage->elements});
      if (!is_new && (at->second.dtype != storage->dtype || at->second.elements != storage->elements)) {
        refuse(fmt::format("storage {}", in_quotes(storage->key)), "is described in two ways");
      }
    }
    return claimed;
  }

  StorageMap read_storages(const Pickle& object, const Pickle& keys) {
    const auto claimed = claims(object);
    StorageMap storages;
    for (const Pickle::Id id : keys.items(keys.root())) {
      const std::string_view key = keys.text(id);
      const std::string place = fmt::format("storage {}", in_quotes(key));
      const auto claim = claimed.find(key);
      if (claim == claimed.end()) refuse(place, "is listed but no object refers to it: its element size is unknown");
      ZipMember storage = read_storage(place, claim->second);
      storage.name = fmt::format("storage {}", key);
      const auto made = std::make_shared<const ZipMember>(std::move(storage));
      if (!storages.emplace(claim->first, made).second) refuse(place, "is listed twice");
    }
    return storages;
  }

  ZipMember read_storage(const std::string& place, const Claim& claim) {
    const std::size_t width = size_of(claim.dtype);
    if (width == 0) refuse(place, "its type is unknown, so where the next storage starts is unknown too");
    std::uint64_t elements = 0;
    take(place, &elements, sizeof elements);
    if (elements != static_cast<std::uint64_t>(claim.elements)) {
      refuse(place, fmt::format("holds {} elements where the object says {}", elements, claim.elements));
    }
    const std::uint64_t left = file_->bytes().size() - position_;
    if (elements > left / width) {
      refuse(place, fmt::format("the file is cut short: {} elements of {} bytes wanted, {} bytes left", elements, width,
                                left));
    }
    ZipMember storage;
    storage.offset = position_;
    storage.bytes = storage.stored_bytes = elements * width;
    position_ += static_cast<std::size_t>(storage.bytes);
    return storage;
  }

  void take(const std::string& place, void* to, std::size_t count) {
    if (count > file_->bytes().size() - position_) refuse(place, "the file is cut short before it");
    std::memcpy(to, file_->bytes().data() + position_, count);
    position_ += count;
  }

  const std::shared_ptr<const MappedFile>& file_;
  std::size_t position_ = 0;
};

}  // namespace

bool looks_like_pytorch_legacy(const MappedFile& file) {
  const auto bytes = file.bytes();
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 32));
  if (start.size() < 2 || start[0] != '\x80' || start[1] < 2 || start[1] > 5) return false;
  // From protocol 4 on a frame header of nine bytes may come first.
  const std::size_t magic = start.size() > 2 && start[2] == '\x95' ? 11 : 2;
  return start.size() > magic && start.substr(magic).starts_with(kMagic);
}

std::vector<Entry> read_pytorch_legacy(const std::shared_ptr<const MappedFile>& file) {
  return LegacyReader(file).read();
}

}  // namespace sigmax::io
