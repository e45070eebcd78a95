#include "sigmax/io/numpy/npy_writer.hpp"

#include <fmt/format.h>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/atomic_file.hpp"
#include "sigmax/io/bytes/tensor_bytes.hpp"

namespace sigmax::io {
namespace {

// NumPy's spelling, empty if NumPy has no such type.
std::string_view spelling(DType type) {
  switch (type) {
    case DType::f64: return "<f8";
    case DType::f32: return "<f4";
    case DType::f16: return "<f2";
    case DType::i64: return "<i8";
    case DType::i32: return "<i4";
    case DType::i16: return "<i2";
    case DType::i8: return "|i1";
    case DType::u64: return "<u8";
    case DType::u32: return "<u4";
    case DType::u16: return "<u2";
    case DType::u8: return "|u1";
    case DType::boolean: return "|b1";
    case DType::c64: return "<c8";
    case DType::c128: return "<c16";
    default: return {};
  }
}

// A Python tuple: (), (3,), (3, 4).
std::string tuple(const Dimensions& shape) {
  std::string text = "(";
  for (std::size_t d = 0; d < shape.size(); ++d) text += fmt::format("{}{}", d == 0 ? "" : ", ", shape[d]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace

std::string npy_preamble(const Tensor& tensor, std::string_view who) {
  constexpr std::size_t kMostDimensions = 32;
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kBeforeHeader = 10;  // magic, version, the header's length
  const std::string_view type = spelling(tensor.dtype());
  if (type.empty()) {
    throw Error(fmt::format("[{}] NumPy has no type {}; convert to f32 first", who, name(tensor.dtype())));
  }
  if (tensor.rank() > kMostDimensions) {
    throw Error(
        fmt::format("[{}] NumPy has arrays of up to {} dimensions, got {}", who, kMostDimensions, tensor.rank()));
  }
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, tuple(tensor.shape()));
  const std::size_t unpadded = kBeforeHeader + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  header += '\n';
  std::string preamble("\x93NUMPY\x01\x00", 8);
  preamble += static_cast<char>(header.size() & 0xFF);
  preamble += static_cast<char>(header.size() >> 8);
  return preamble + header;
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor, Context& context) {
  const std::string preamble = npy_preamble(tensor, "write_npy");
  AtomicFile file(path);
  file.write(preamble);
  for_each_piece(
      tensor, [&](std::span<const std::byte> piece) { file.write(piece); }, context);
  file.commit();
}

}  // namespace sigmax::io
