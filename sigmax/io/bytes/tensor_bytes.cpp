#include "sigmax/io/bytes/tensor_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <vector>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/bytes/utf8.hpp"

namespace sigmax::io {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are written as they lie in memory");

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

// Walks the elements of a strided tensor in row-major order: an odometer of indices and the offset of the current
// element.
class Walk {
 public:
  explicit Walk(const Tensor& tensor) : tensor_(tensor), index_(tensor.rank(), 0) {}

  const std::byte* element(std::size_t bytes) const {
    return tensor_.data() + offset_ * static_cast<std::int64_t>(bytes);
  }

  void advance() {
    for (std::size_t d = index_.size(); d-- > 0;) {
      offset_ += tensor_.strides()[d];
      if (++index_[d] < tensor_.shape()[d]) return;
      offset_ -= index_[d] * tensor_.strides()[d];
      index_[d] = 0;
    }
  }

 private:
  const Tensor& tensor_;
  Dimensions index_;
  std::int64_t offset_ = 0;
};

using Visit = std::function<void(std::span<const std::byte>)>;

void visit_in_place(const Tensor& tensor, Context& context, const Visit& visit) {
  const std::size_t total = static_cast<std::size_t>(tensor.size()) * size_of(tensor.dtype());
  for (std::size_t first = 0; first < total; first += kPieceBytes) {
    context.check_cancel();
    visit({tensor.data() + first, std::min(kPieceBytes, total - first)});
  }
}

void visit_gathered(const Tensor& tensor, Context& context, const Visit& visit) {
  const std::size_t width = size_of(tensor.dtype());
  const auto total = static_cast<std::size_t>(tensor.size());
  const std::size_t most = kPieceBytes / width;
  std::vector<std::byte> buffer(std::min(most, total) * width);
  Walk walk(tensor);
  for (std::size_t first = 0; first < total; first += most) {
    context.check_cancel();
    const std::size_t count = std::min(most, total - first);
    for (std::size_t i = 0; i < count; ++i, walk.advance()) {
      std::memcpy(buffer.data() + i * width, walk.element(width), width);
    }
    visit(std::span(buffer).first(count * width));
  }
}

}  // namespace

std::uint64_t packed_bytes(const Tensor& tensor, std::string_view who) {
  const std::size_t width = size_of(tensor.dtype());
  if (width == 0) throw Error(fmt::format("[{}] elements of type {} cannot be written", who, name(tensor.dtype())));
  return static_cast<std::uint64_t>(tensor.size()) * width;
}

void for_each_piece(const Tensor& tensor, const std::function<void(std::span<const std::byte>)>& visit,
                    Context& context) {
  // write(2) reports a page that a truncated file lacks as a bad address: the file's own error says more.
  while_intact(tensor, [&] {
    if (tensor.is_row_major()) {
      visit_in_place(tensor, context, visit);
    } else {
      visit_gathered(tensor, context, visit);
    }
  });
}

void check_names(std::span<const OutputTensor> tensors, std::string_view who) {
  std::set<std::string_view> seen;
  for (const OutputTensor& each : tensors) {
    const auto refuse = [&](std::string_view why) {
      throw Error(fmt::format("[{}] the tensor name {} {}", who, in_quotes(each.name), why));
    };
    if (each.name.empty()) refuse("is empty");
    if (each.name.find('\0') != std::string::npos) refuse("holds a NUL character");
    if (valid_utf8(each.name) != each.name) refuse("is not valid UTF-8");
    if (!seen.insert(each.name).second) refuse("is given twice");
  }
}

}  // namespace sigmax::io
