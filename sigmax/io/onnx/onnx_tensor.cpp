#include "sigmax/io/onnx/onnx_tensor.hpp"

#include <fmt/format.h>

#include <limits>
#include <type_traits>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_tensor.hpp"
#include "sigmax/io/onnx/protobuf_wire.hpp"

namespace sigmax::io::onnx {
namespace {

/// TensorProto.DataType, in the order of its numbers.
constexpr DType kTypes[] = {DType::unknown,     DType::f32,     DType::u8,      DType::i8,          DType::u16,
                            DType::i16,         DType::i32,     DType::i64,     DType::string,      DType::boolean,
                            DType::f16,         DType::f64,     DType::u32,     DType::u64,         DType::c64,
                            DType::c128,        DType::bf16,    DType::f8_e4m3, DType::f8_e4m3fnuz, DType::f8_e5m2,
                            DType::f8_e5m2fnuz, DType::u4,      DType::i4,      DType::f4,          DType::f8_e8m0,
                            DType::unknown,     DType::unknown, DType::f6_e2m3, DType::f6_e3m2};
constexpr std::int32_t kUint2 = 25, kInt2 = 26;

std::string spelling(std::int32_t data_type, DType dtype) {
  if (data_type == kUint2) return "u2";
  if (data_type == kInt2) return "i2";
  return dtype == DType::unknown ? fmt::format("onnx type {}", data_type) : std::string(name(dtype));
}

/// The field of TensorProto that holds elements of this type.
std::uint32_t field_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::c64: return 4;
    case DType::string: return 6;
    case DType::i64: return 7;
    case DType::f64:
    case DType::c128: return 10;
    case DType::u32:
    case DType::u64: return 11;
    default: return 5;
  }
}

bool is_complex(DType dtype) { return dtype == DType::c64 || dtype == DType::c128; }

bool is_packed_integer(DType dtype) { return dtype == DType::i4 || dtype == DType::u4; }

/// Number of entries of the typed field that the tensor needs.
std::uint64_t typed_entries(DType dtype, std::uint64_t elements) {
  if (is_complex(dtype)) return 2 * elements;
  return bits(dtype) == 4 ? (elements + 1) / 2 : elements;
}

std::string why_unreadable(const TensorSource& source, bool sparse) {
  if (sparse) return "a sparse tensor: only dense weights are read";
  if (source.dtype == DType::unknown) return fmt::format("{} has no known layout", source.dtype_name);
  if (source.dtype == DType::string) return "strings are not numbers";
  if (is_packed_integer(source.dtype)) return "4-bit integers are read only where the graph dequantizes them";
  if (size_of(source.dtype) == 0) return fmt::format("elements of type {} are not whole bytes", source.dtype_name);
  return {};
}

/// Copies a typed field into elements of type T. Varints wider than T are refused, not cut, because otherwise nobody
/// would notice that a writer meant another type.
template <class T, class From>
Tensor decode(const TensorSource& source, DType dtype, std::uint64_t entries, Dimensions shape) {
  auto values = std::make_shared<std::vector<T>>();
  values->reserve(static_cast<std::size_t>(entries));
  for (WireCursor cursor(*source.file, source.message, "TensorProto"); cursor.next();) {
    if (cursor.field() != source.typed_field) continue;
    if constexpr (std::is_same_v<T, float>) {
      cursor.each_fixed32([&](std::uint32_t word) { values->push_back(std::bit_cast<float>(word)); });
    } else if constexpr (std::is_same_v<T, double>) {
      cursor.each_fixed64([&](std::uint64_t word) { values->push_back(std::bit_cast<double>(word)); });
    } else {
      cursor.each_varint([&](std::uint64_t word) {
        const auto value = static_cast<From>(word);
        if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) {
          cursor.fail(fmt::format("tensor {}: {} is not a value of type {}", shortened_in_quotes(source.name), value,
                                  name(source.dtype)));
        }
        values->push_back(static_cast<T>(value));
      });
    }
  }
  const auto* data = reinterpret_cast<const std::byte*>(values->data());
  return Tensor(dtype, std::move(shape), data, std::move(values));
}

Tensor decode_typed(const TensorSource& source, DType dtype, std::uint64_t entries, Dimensions shape) {
  switch (dtype) {
    case DType::f32:
    case DType::c64: return decode<float, float>(source, dtype, entries, std::move(shape));
    case DType::f64:
    case DType::c128: return decode<double, double>(source, dtype, entries, std::move(shape));
    case DType::i64: return decode<std::int64_t, std::int64_t>(source, dtype, entries, std::move(shape));
    case DType::u64: return decode<std::uint64_t, std::uint64_t>(source, dtype, entries, std::move(shape));
    case DType::u32: return decode<std::uint32_t, std::uint64_t>(source, dtype, entries, std::move(shape));
    // int32_data: protobuf keeps the low 32 bits of the varint.
    case DType::i32: return decode<std::int32_t, std::int32_t>(source, dtype, entries, std::move(shape));
    case DType::i16: return decode<std::int16_t, std::int32_t>(source, dtype, entries, std::move(shape));
    case DType::i8: return decode<std::int8_t, std::int32_t>(source, dtype, entries, std::move(shape));
    case DType::u16:
    case DType::f16:
    case DType::bf16: return decode<std::uint16_t, std::int32_t>(source, dtype, entries, std::move(shape));
    default: return decode<std::uint8_t, std::int32_t>(source, dtype, entries, std::move(shape));
  }
}

class Describer {
 public:
  Describer(const Model& model, const Weight& weight) : model_(model), tensor_(weight.tensor) {
    source_.name = std::string(tensor_.name);
    source_.dtype = data_type(tensor_.data_type);
    source_.dtype_name = spelling(tensor_.data_type, source_.dtype);
    source_.shape = tensor_.dims;
    source_.unreadable = why_unreadable(source_, weight.sparse);
    source_.file = model.file;
    sparse_ = weight.sparse;
  }

  TensorSource describe(ExternalData& external) {
    // If nothing is known about the elements, there is nothing to check them against.
    if (sparse_ || bits(source_.dtype) == 0 || bits(source_.dtype) == 6) return std::move(source_);
    const auto count = static_cast<std::uint64_t>(*element_count(source_.shape));
    const auto size = byte_count(source_.dtype, source_.shape);
    if (!size || count > std::numeric_limits<std::uint64_t>::max() / 2) fail("the size overflows");
    if (tensor_.external) {
      if ((tensor_.raw && !tensor_.raw->empty()) || tensor_.typed_count > 0)
        fail("external data as well as data in the model");
      const auto place = external.find(tensor_, *size);
      source_.file = place.file;
      source_.bytes = ByteRange{place.file->path(), place.offset, *size};
    } else if (tensor_.raw && (!tensor_.raw->empty() || tensor_.typed_count == 0)) {
      describe_raw(*size);
    } else {
      describe_typed(count);
    }
    return std::move(source_);
  }

 private:
  void describe_raw(std::uint64_t size) {
    if (tensor_.typed_count > 0) fail("raw_data as well as typed elements");
    if (tensor_.raw->size() != size) {
      fail(fmt::format("raw_data has {} bytes, but {} of shape {} takes {}", tensor_.raw->size(), source_.dtype_name,
                       to_string(source_.shape), size));
    }
    const auto offset = static_cast<std::uint64_t>(tensor_.raw->data() - model_.file->bytes().data());
    source_.bytes = ByteRange{model_.file->path(), size == 0 ? 0 : offset, size};
  }

  void describe_typed(std::uint64_t count) {
    const std::uint64_t entries = typed_entries(source_.dtype, count);
    if (tensor_.typed_count != entries) {
      fail(fmt::format("{} typed elements, but {} of shape {} takes {}", tensor_.typed_count, source_.dtype_name,
                       to_string(source_.shape), entries));
    }
    if (tensor_.typed_count > 0 && !tensor_.in_attribute && tensor_.typed_field != field_of(source_.dtype)) {
      fail(fmt::format("elements of type {} lie in field {}, which holds another type", source_.dtype_name,
                       tensor_.typed_field));
    }
    source_.message = tensor_.message;
    source_.typed_field = tensor_.typed_field;
  }

  [[noreturn]] void fail(std::string problem) const {
    throw FileError(model_.file->path().string(),
                    fmt::format("tensor {} at byte {}", shortened_in_quotes(source_.name),
                                tensor_.message.data() - model_.file->bytes().data()),
                    std::move(problem));
  }

  const Model& model_;
  const TensorProto& tensor_;
  TensorSource source_;
  bool sparse_ = false;
};

}  // namespace

DType data_type(std::int64_t number) {
  if (number < 0 || static_cast<std::size_t>(number) >= std::size(kTypes)) return DType::unknown;
  return kTypes[number];
}

Tensor TensorSource::load() const {
  if (!unreadable.empty()) throw FileError(file->path().string(), fmt::format("tensor '{}'", name), unreadable);
  return load_packed();
}

Tensor TensorSource::load_packed() const {
  const auto count = static_cast<std::uint64_t>(*element_count(shape));
  const bool packed = is_packed_integer(dtype);
  const DType stored = packed ? DType::u8 : dtype;
  Dimensions stored_shape = packed ? Dimensions{static_cast<std::int64_t>((count + 1) / 2)} : shape;
  if (bytes) return mapped_tensor(file, name, stored, std::move(stored_shape), bytes->offset, bytes->length);
  return decode_typed(*this, stored, typed_entries(dtype, count), std::move(stored_shape));
}

TensorSource describe(const Model& model, const Weight& weight, ExternalData& external) {
  return Describer(model, weight).describe(external);
}

}  // namespace sigmax::io::onnx
