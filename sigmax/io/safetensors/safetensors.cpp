#include "sigmax/io/safetensors/safetensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/json_events.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/distributed/sharding_info.hpp"

namespace sigmax::io {
namespace {

static_assert(std::endian::native == std::endian::little, "lengths and elements are read as they lie in the file");

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kMaxRank = 64;  // no library holds more dimensions
constexpr std::size_t kMaxTypeName = 32;
constexpr std::size_t kMaxLeadingSpace = 64;
constexpr std::string_view kSpaces = " \t\r\n";  // JSON's
constexpr const char* kHeader = "header";

constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"F64", DType::f64},
    {"F32", DType::f32},
    {"F16", DType::f16},
    {"BF16", DType::bf16},
    {"I64", DType::i64},
    {"I32", DType::i32},
    {"I16", DType::i16},
    {"I8", DType::i8},
    {"U64", DType::u64},
    {"U32", DType::u32},
    {"U16", DType::u16},
    {"U8", DType::u8},
    {"BOOL", DType::boolean},
    {"C64", DType::c64},
    {"F8_E4M3", DType::f8_e4m3},
    {"F8_E5M2", DType::f8_e5m2},
    {"F8_E4M3FNUZ", DType::f8_e4m3fnuz},
    {"F8_E5M2FNUZ", DType::f8_e5m2fnuz},
    {"F8_E8M0", DType::f8_e8m0},
    {"F6_E2M3", DType::f6_e2m3},
    {"F6_E3M2", DType::f6_e3m2},
    {"F4", DType::f4},
};

DType type_of(std::string_view spelling) {
  for (const auto& [known, type] : kTypes) {
    if (known == spelling) return type;
  }
  return DType::unknown;
}

struct Described {
  std::string name;
  std::string type;
  Dimensions shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  bool operator==(const Described&) const = default;
};

// Parts of a header that the format does not have, each reported once.
class Oddities {
 public:
  void add(std::string oddity) {
    if (std::find(found_.begin(), found_.end(), oddity) == found_.end()) found_.push_back(std::move(oddity));
  }

  void tell(const MappedFile& file, std::vector<std::string>* notes) const {
    if (notes == nullptr || found_.empty()) return;
    notes->push_back(fmt::format("{}: read, though its header {}", file.path().string(), fmt::join(found_, ", and ")));
  }

 private:
  std::vector<std::string> found_;
};

// Gathers the header's tensors and checks everything that does not need their order. The metadata say nothing about the
// tensors, unless they say that these are parts; unknown fields of a tensor say nothing that the reference
// implementation uses. Both are skipped, whatever they hold.
class Header : public JsonEvents {
 public:
  Header(const MappedFile& file, Oddities& oddities) : file_(file), oddities_(oddities) {}

  std::vector<Described> take() {
    drop_repeated();
    return std::move(tensors_);
  }

  void open(bool object, int depth) override {
    if (depth == 0) {
      if (!object) refuse(kHeader, "must be an object, is an array");
    } else if (in_metadata_) {
      if (depth == 1 ? !object : depth == 2) oddities_.add(kNoStrings);
    } else if (depth == 1) {
      if (!object) refuse(place(), "must be an object, is an array");
      begin_tensor();
    } else if (field_ == Field::unknown) {
      return;
    } else if (depth > 2) {
      refuse(place(), fmt::format("{} must hold sizes, holds {}", in_quotes(key_), object ? "an object" : "an array"));
    } else if (object || field_ == Field::type) {
      refuse(place(), fmt::format("{} must not be {}", in_quotes(key_), object ? "an object" : "an array"));
    }
  }

  void close(int depth) override {
    if (in_metadata_) return;
    if (depth == 2 && field_ == Field::offsets && offsets_.size() != 2) {
      refuse(place(), fmt::format("data_offsets must be two integers, got {}", offsets_.size()));
    }
    if (depth == 1) end_tensor();
  }

  void key(std::string&& name, int depth) override {
    if (depth == 1) {
      in_metadata_ = name == "__metadata__";
      if (in_metadata_ && std::exchange(has_metadata_, true)) oddities_.add("has __metadata__ twice");
      name_ = std::move(name);
    } else if (in_metadata_) {
      if (depth == 2) key_ = std::move(name);
    } else if (depth == 2) {
      key_ = std::move(name);
      field_ = field_of(key_);
      if (field_ == Field::unknown) {
        oddities_.add("describes tensors by other fields than dtype, shape and data_offsets");
      } else if ((seen_ & bit(field_)) != 0) {
        refuse(place(), fmt::format("{} appears twice", in_quotes(key_)));
      }
      seen_ |= bit(field_);
    }
  }

  void value(JsonValue value, int depth) override {
    if (in_metadata_) {
      if (depth == 1 || (depth == 2 && value.text == nullptr)) oddities_.add(kNoStrings);
      if (depth == 2 && value.text != nullptr && key_ == kShardingInfo) refuse_parts(file_, *value.text);
    } else if (depth < 2) {
      refuse(depth == 0 ? kHeader : place(), fmt::format("must be an object, is {}", value.kind));
    } else if (field_ == Field::unknown) {
      return;
    } else if (depth == 2) {
      set_type(value);
    } else {
      add_number(value);
    }
  }

 private:
  enum class Field { type, shape, offsets, unknown };

  static constexpr const char* kNoStrings = "has __metadata__ that is not an object of strings";

  static unsigned bit(Field field) { return 1U << static_cast<unsigned>(field); }

  [[noreturn]] void refuse(const std::string& where, std::string problem) const {
    throw FileError(file_.path().string(), where, std::move(problem));
  }

  std::string place() const { return fmt::format("tensor {}", in_quotes(name_)); }

  static Field field_of(std::string_view name) {
    if (name == "dtype") return Field::type;
    if (name == "shape") return Field::shape;
    if (name == "data_offsets") return Field::offsets;
    return Field::unknown;
  }

  void begin_tensor() {
    tensors_.emplace_back();
    offsets_.clear();
    seen_ = 0;
  }

  void end_tensor() {
    constexpr std::pair<Field, const char*> kFields[] = {
        {Field::type, "dtype"}, {Field::shape, "shape"}, {Field::offsets, "data_offsets"}};
    for (const auto& [field, spelling] : kFields) {
      if ((seen_ & bit(field)) == 0) refuse(place(), fmt::format("has no {}", spelling));
    }
    Described& tensor = tensors_.back();
    tensor.begin = offsets_[0];
    tensor.end = offsets_[1];
    tensor.shape.shrink_to_fit();
    check_size(tensor);
    tensor.name = std::move(name_);
  }

  void set_type(const JsonValue& value) {
    if (field_ != Field::type) {
      refuse(place(), fmt::format("{} must be an array, is {}", in_quotes(key_), value.kind));
    }
    if (value.text == nullptr) refuse(place(), fmt::format("dtype must be a string, got {}", value.kind));
    if (value.text->empty() || value.text->size() > kMaxTypeName) {
      refuse(place(), fmt::format("dtype {} is not the name of a type", in_quotes(*value.text)));
    }
    tensors_.back().type = std::move(*value.text);
  }

  void add_number(const JsonValue& value) {
    if (!value.number) refuse(place(), fmt::format("{} must hold sizes, holds {}", in_quotes(key_), value.kind));
    if (field_ == Field::offsets) {
      if (offsets_.size() == 2) refuse(place(), "data_offsets must be two integers, got more");
      offsets_.push_back(*value.number);
      return;
    }
    Dimensions& shape = tensors_.back().shape;
    if (shape.size() == kMaxRank) refuse(place(), fmt::format("has more than {} dimensions", kMaxRank));
    if (!std::in_range<std::int64_t>(*value.number)) {
      refuse(place(), fmt::format("dimension {} is larger than 2^63 - 1", *value.number));
    }
    shape.push_back(static_cast<std::int64_t>(*value.number));
  }

  void check_size(const Described& tensor) const {
    if (tensor.end < tensor.begin) {
      refuse(place(), fmt::format("data_offsets [{}, {}] end before they begin", tensor.begin, tensor.end));
    }
    const auto count = element_count(tensor.shape);
    if (!count) refuse(place(), fmt::format("the product of shape {} overflows", to_string(tensor.shape)));
    const DType type = type_of(tensor.type);
    if (type == DType::unknown) return;  // listed as unreadable; its place in the data is still checked
    const auto size = byte_count(type, tensor.shape);
    if (!size) refuse(place(), fmt::format("the size of shape {} overflows", to_string(tensor.shape)));
    if (static_cast<std::uint64_t>(*count) % 8 * bits(type) % 8 != 0) {
      refuse(place(), fmt::format("{} elements of {} bits do not fill whole bytes", *count, bits(type)));
    }
    if (*size != tensor.end - tensor.begin) {
      refuse(place(),
             fmt::format("shape {} of {} takes {} bytes, but data_offsets [{}, {}] hold {}", to_string(tensor.shape),
                         tensor.type, *size, tensor.begin, tensor.end, tensor.end - tensor.begin));
    }
  }

  // If one name has two descriptions, the reference takes the last one and other readers the first: both must say the
  // same.
  void drop_repeated() {
    // Sorted, not hashed: an attacker chooses the names, and no choice makes sorting slow.
    std::vector<std::size_t> order(tensors_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [this](std::size_t a, std::size_t b) { return tensors_[a].name < tensors_[b].name; });
    std::vector<bool> repeated(tensors_.size(), false);
    for (std::size_t i = 1; i < order.size(); ++i) {
      const Described& first = tensors_[order[i - 1]];
      const Described& second = tensors_[order[i]];
      if (first.name != second.name) continue;
      if (first != second) refuse(kHeader, fmt::format("{} appears twice", in_quotes(first.name)));
      oddities_.add("describes a tensor twice in the same way");
      repeated[order[i]] = true;
    }
    std::size_t position = 0;
    std::erase_if(tensors_, [&](const Described&) { return repeated[position++]; });
  }

  const MappedFile& file_;
  Oddities& oddities_;
  std::vector<Described> tensors_;
  std::vector<std::uint64_t> offsets_;  // of the tensor being read
  std::string name_;
  std::string key_;
  Field field_ = Field::type;
  unsigned seen_ = 0;
  bool in_metadata_ = false;
  bool has_metadata_ = false;
};

std::uint64_t header_length(const MappedFile& file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.bytes().data(), kLengthBytes);
  return length;
}

// The JSON text without the characters around it. The format allows nothing before it and only spaces after it; the
// reference implementation accepts all of JSON's white space in both places.
std::string_view header_text(const MappedFile& file, Oddities& oddities) {
  const auto refuse = [&file](std::string problem) {
    throw FileError(file.path().string(), kHeader, std::move(problem));
  };
  const std::uint64_t size = file.bytes().size();
  if (size < kLengthBytes) refuse(fmt::format("a file of {} bytes is too short to have one", size));
  const std::uint64_t length = header_length(file);
  if (length > kMaxHeaderBytes) {
    refuse(fmt::format("its length of {} bytes is above the format's limit of {}", length, kMaxHeaderBytes));
  }
  if (length > size - kLengthBytes) {
    refuse(fmt::format("its {} bytes reach past the end of the file ({} bytes): cut short?", length, size));
  }
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()) + kLengthBytes, length);
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos || text[first] != '{') refuse("must start with '{'");
  if (first != 0) oddities.add("begins with white space");
  const std::size_t last = text.find_last_not_of(kSpaces);
  if (text[last] != '}') refuse("must end with '}' and spaces");
  if (text.find_first_not_of(' ', last + 1) != std::string_view::npos) {
    oddities.add("ends with line breaks or tabs, where spaces belong");
  }
  return text.substr(first, last + 1 - first);
}

void check_layout(const MappedFile& file, std::vector<Described>& tensors, std::uint64_t data_bytes) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const Described& a, const Described& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t position = 0;
  for (const Described& tensor : tensors) {
    if (tensor.begin != position) {
      throw FileError(file.path().string(), fmt::format("tensor {}", in_quotes(tensor.name)),
                      fmt::format("begins at byte {} of the data, but the one before it ends at {}: tensors must "
                                  "neither overlap nor leave holes",
                                  tensor.begin, position));
    }
    position = tensor.end;
  }
  if (position != data_bytes) {
    throw FileError(file.path().string(), "data",
                    fmt::format("{} bytes follow the header, but the tensors take {}{}", data_bytes, position,
                                position > data_bytes ? ": cut short?" : ""));
  }
}

Entry entry_of(const std::shared_ptr<const MappedFile>& file, Described&& tensor, std::uint64_t data_start) {
  Entry entry;
  entry.name = std::move(tensor.name);
  entry.dtype = type_of(tensor.type);
  entry.shape = std::move(tensor.shape);
  const ByteRange range{file->path(), data_start + tensor.begin, tensor.end - tensor.begin};
  entry.bytes = range;
  if (entry.dtype == DType::unknown) {
    entry.dtype_name = std::move(tensor.type);
    entry.unreadable = fmt::format("elements of type {} are not known to this version", in_quotes(entry.dtype_name));
    return entry;
  }
  entry.dtype_name = name(entry.dtype);
  const bool plain = is_real(entry.dtype) || is_integer(entry.dtype) || entry.dtype == DType::c64;
  if (!plain) {
    entry.unreadable = fmt::format("elements of type {} are not read by this version", entry.dtype_name);
    return entry;
  }
  entry.load = [file, tensor_name = entry.name, dtype = entry.dtype, shape = entry.shape, offset = range.offset,
                length = range.length] { return mapped_tensor(file, tensor_name, dtype, shape, offset, length); };
  return entry;
}

}  // namespace

bool looks_like_safetensors(const MappedFile& file) noexcept {
  const auto bytes = file.bytes();
  if (bytes.size() < kLengthBytes + 2 || header_length(file) >> 32 != 0) return false;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, bytes.size() - kLengthBytes);
  const std::size_t brace = text.substr(0, kMaxLeadingSpace).find_first_not_of(kSpaces);
  if (brace == std::string_view::npos || text[brace] != '{' || brace + 1 == text.size()) return false;
  const char next = text[brace + 1];
  return next == '"' || next == '}' || kSpaces.find(next) != std::string_view::npos;
}

std::vector<Entry> read_safetensors(const std::shared_ptr<const MappedFile>& file, std::vector<std::string>* notes) {
  Oddities oddities;
  const std::string_view text = header_text(*file, oddities);
  Header header(*file, oddities);
  read_json(*file, kHeader, text, kDeepestJson, header);
  std::vector<Described> tensors = header.take();
  const std::uint64_t data_start = kLengthBytes + header_length(*file);
  check_layout(*file, tensors, file->bytes().size() - data_start);
  std::vector<Entry> entries;
  entries.reserve(tensors.size());
  for (Described& tensor : tensors) entries.push_back(entry_of(file, std::move(tensor), data_start));
  oddities.tell(*file, notes);
  return entries;
}

}  // namespace sigmax::io
