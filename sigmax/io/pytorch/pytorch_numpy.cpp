#include "sigmax/io/pytorch/pytorch_numpy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"
#include "sigmax/io/pytorch/pytorch_call.hpp"

namespace sigmax::io {
namespace {

using Id = Pickle::Id;

constexpr std::pair<std::string_view, DType> kNumpyTypes[] = {
    {"b1", DType::boolean}, {"i1", DType::i8},  {"i2", DType::i16}, {"i4", DType::i32},  {"i8", DType::i64},
    {"u1", DType::u8},      {"u2", DType::u16}, {"u4", DType::u32}, {"u8", DType::u64},  {"f2", DType::f16},
    {"f4", DType::f32},     {"f8", DType::f64}, {"c8", DType::c64}, {"c16", DType::c128}};

// Reads the next UTF-8 character as a byte if it is one of the first 256, and moves past it.
std::optional<std::byte> next_byte(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    text.remove_prefix(1);
    return std::byte{first};
  }
  if ((first != 0xC2 && first != 0xC3) || text.size() < 2 || (static_cast<unsigned char>(text[1]) & 0xC0) != 0x80) {
    return std::nullopt;
  }
  const unsigned value = (first & 3u) << 6 | (static_cast<unsigned char>(text[1]) & 0x3Fu);
  text.remove_prefix(2);
  return static_cast<std::byte>(value);
}

// numpy.dtype('f8', False, True) with the state (3, '<', ...), or a type of ml_dtypes in the place of the name.
void take_type(PickledArray& array, const Pickle& pickle, Id id) {
  const Pickle::Call call = pickle.call(id);
  const Id code = pickle.item(call.args, 0);
  if (pickle.global_attribute(call.callable) != "dtype") return;
  array.dtype_name =
      valid_utf8(pickle.is(code, PickleKind::global) ? pickle.global_attribute(code) : pickle.text(code), 100);
  if (pickle.global_module(code) == "ml_dtypes") {
    array.dtype = torch_dtype(pickle.global_attribute(code));
  }
  for (const auto& [name, dtype] : kNumpyTypes) {
    if (pickle.is(code, PickleKind::text) && pickle.text(code) == name) array.dtype = dtype;
  }
  array.bytes.big_endian = pickle.text(pickle.item(call.state, 1)) == ">";
}

// Bytes, or _codecs.encode(text, 'latin1') before protocol 3.
std::string_view take_bytes(PickledArray& array, const Pickle& pickle, Id id) {
  if (pickle.is(id, PickleKind::bytes)) return pickle.text(id);
  const Pickle::Call call = pickle.call(id);
  if (pickle.is_global(call.callable, "_codecs", "encode") &&
      pickle.text(pickle.item(call.args, 1)).starts_with("latin")) {
    array.bytes.as_text = true;
    return pickle.text(pickle.item(call.args, 0));
  }
  return {};
}

}  // namespace

bool is_numpy_array(const Pickle& pickle, Id callable) {
  const std::string_view module = pickle.global_module(callable), attribute = pickle.global_attribute(callable);
  return module.starts_with("numpy") && (attribute == "_reconstruct" || attribute == "_frombuffer");
}

PickledArray describe_numpy(const Pickle& pickle, const Pickle::Call& call) {
  // The state is (version, shape, type, Fortran order, bytes); _frombuffer has (bytes, type, shape, order).
  const bool buffer = pickle.global_attribute(call.callable) == "_frombuffer";
  const Id from = buffer ? call.args : call.state;
  PickledArray array;
  const auto shape = pickled_integers(pickle, pickle.item(from, buffer ? 2 : 1));
  if (!shape) {
    array.unreadable = "a NumPy array whose shape is not a tuple of integers";
    return array;
  }
  array.shape = *shape;
  take_type(array, pickle, pickle.item(from, buffer ? 1 : 2));
  const Id order = pickle.item(from, 3);
  array.fortran_order = buffer ? pickle.text(order) == "F" : pickle.integer(order) != 0;
  if (array.dtype == DType::unknown) {
    array.unreadable = fmt::format("a NumPy array of type {}, which is not read", array.dtype_name);
    return array;
  }
  const std::string_view bytes = take_bytes(array, pickle, pickle.item(from, buffer ? 0 : 4));
  const auto size = byte_count(array.dtype, array.shape);
  // A character takes one or two bytes. load_numpy finds out which, because many arrays may share one text.
  const bool fits =
      size && (array.bytes.as_text ? *size <= bytes.size() && bytes.size() <= 2 * *size : *size == bytes.size());
  if (!fits) {
    array.unreadable = fmt::format("a NumPy array whose bytes are not those of {} of type {}", to_string(array.shape),
                                   array.dtype_name);
    return array;
  }
  array.bytes.file = pickle.file();
  array.bytes.length = bytes.size();
  if (!bytes.empty()) {
    const auto* start = reinterpret_cast<const char*>(array.bytes.file->bytes().data());
    array.bytes.offset = static_cast<std::size_t>(bytes.data() - start);
  }
  return array;
}

Tensor load_numpy(const PickledBytes& bytes, const std::string& tensor, DType dtype, const Dimensions& shape,
                  const Dimensions& strides) {
  const std::size_t size = static_cast<std::size_t>(byte_count(dtype, shape).value_or(0));
  const bool complex = dtype == DType::c64 || dtype == DType::c128;
  const std::size_t unit = complex ? size_of(dtype) / 2 : size_of(dtype);
  const bool swapped = bytes.big_endian && unit > 1;
  if (size == 0 || (!bytes.as_text && !swapped)) {
    return mapped_tensor(bytes.file, tensor, dtype, shape, strides, bytes.offset, bytes.length);
  }
  const std::shared_ptr<std::byte[]> copy(new std::byte[size]);
  std::string_view text(reinterpret_cast<const char*>(bytes.file->bytes().data()) + bytes.offset, bytes.length);
  if (bytes.as_text) {
    std::size_t filled = 0;
    for (; filled < size && !text.empty(); ++filled) {
      const auto byte = next_byte(text);
      if (!byte) break;
      copy[filled] = *byte;
    }
    if (filled < size || !text.empty()) {
      throw FileError(bytes.file->path().string(), fmt::format("tensor {}", in_quotes(tensor)),
                      "the text of its NumPy array does not encode as many bytes as its shape needs");
    }
  } else {
    std::copy_n(bytes.file->bytes().data() + bytes.offset, size, copy.get());
  }
  if (swapped) {
    for (std::size_t i = 0; i < size; i += unit) std::reverse(copy.get() + i, copy.get() + i + unit);
  }
  return Tensor(dtype, shape, strides, copy.get(), copy);
}

}  // namespace sigmax::io
