#include "sigmax/core/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <limits>

#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"

namespace sigmax {
namespace {

std::int64_t checked_count(std::span<const std::int64_t> shape) {
  const auto count = element_count(shape);
  if (!count) throw Error(fmt::format("[tensor] shape {} has no valid element count", to_string(shape)));
  return *count;
}

template <class T, class Convert>
Tensor owning_copy(std::span<const double> values, Dimensions shape, DType dtype, Convert convert) {
  auto storage = std::make_shared<std::vector<T>>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) (*storage)[i] = convert(values[i]);
  const auto* bytes = reinterpret_cast<const std::byte*>(storage->data());
  return Tensor(dtype, std::move(shape), bytes, std::move(storage));
}

void require_count(std::size_t values, std::span<const std::int64_t> shape) {
  if (static_cast<std::int64_t>(values) != checked_count(shape)) {
    throw Error(fmt::format("[tensor] {} values do not fill shape {}", values, to_string(shape)));
  }
}

// One past the last element that the strides lead to.
std::int64_t extent_of(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides) {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    if (strides[i] > 0 && shape[i] - 1 > (std::numeric_limits<std::int64_t>::max() - 1 - last) / strides[i]) {
      throw Error(fmt::format("[tensor] strides {} for shape {} reach beyond the address space", to_string(strides),
                              to_string(shape)));
    }
    last += (shape[i] - 1) * strides[i];
  }
  return last + 1;
}

template <class T>
Tensor over(std::span<const T> values, DType dtype, Dimensions shape) {
  require_count(values.size(), shape);
  return Tensor(dtype, std::move(shape), reinterpret_cast<const std::byte*>(values.data()), nullptr);
}

template <class T>
Tensor over(std::span<const T> values, DType dtype, Dimensions shape, Dimensions strides) {
  Tensor tensor(dtype, std::move(shape), std::move(strides), reinterpret_cast<const std::byte*>(values.data()),
                nullptr);
  const std::int64_t needed = extent_of(tensor.shape(), tensor.strides());
  if (static_cast<std::int64_t>(values.size()) < needed) {
    throw Error(fmt::format("[tensor] {} values end before the last of the {} that shape {} with strides {} spans",
                            values.size(), needed, to_string(tensor.shape()), to_string(tensor.strides())));
  }
  return tensor;
}

}  // namespace

std::optional<std::int64_t> element_count(std::span<const std::int64_t> shape) noexcept {
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
    } else if (count > std::numeric_limits<std::int64_t>::max() / extent) {
      // Overflow is an error even if a later dimension is zero: the strides would overflow anyway.
      return std::nullopt;
    } else {
      count *= extent;
    }
  }
  return empty ? 0 : count;
}

std::string to_string(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

Dimensions row_major_strides(std::span<const std::int64_t> shape) {
  Dimensions strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<std::int64_t>(shape[i], 1);
  return strides;
}

Tensor::Tensor(DType dtype, Dimensions shape, const std::byte* data, std::shared_ptr<const void> owner)
    : dtype_(dtype), shape_(std::move(shape)), size_(checked_count(shape_)), data_(data), owner_(std::move(owner)) {
  strides_ = row_major_strides(shape_);
}

Tensor::Tensor(DType dtype, Dimensions shape, Dimensions strides, const std::byte* data,
               std::shared_ptr<const void> owner)
    : dtype_(dtype),
      shape_(std::move(shape)),
      strides_(std::move(strides)),
      size_(checked_count(shape_)),
      data_(data),
      owner_(std::move(owner)) {
  if (strides_.size() != shape_.size()) {
    throw Error(fmt::format("[tensor] {} strides for {} dimensions", strides_.size(), shape_.size()));
  }
  for (const std::int64_t stride : strides_) {
    if (stride < 0) throw Error(fmt::format("[tensor] strides must not be negative, got {}", stride));
  }
}

Tensor Tensor::view_of(std::span<const double> values, Dimensions shape) {
  return over(values, DType::f64, std::move(shape));
}

Tensor Tensor::view_of(std::span<const float> values, Dimensions shape) {
  return over(values, DType::f32, std::move(shape));
}

Tensor Tensor::view_of(std::span<const double> values, Dimensions shape, Dimensions strides) {
  return over(values, DType::f64, std::move(shape), std::move(strides));
}

Tensor Tensor::view_of(std::span<const float> values, Dimensions shape, Dimensions strides) {
  return over(values, DType::f32, std::move(shape), std::move(strides));
}

Tensor Tensor::copy_of(std::span<const double> values, Dimensions shape) {
  return rounded(values, std::move(shape), DType::f64);
}

Tensor Tensor::copy_of(std::span<const float> values, Dimensions shape) {
  require_count(values.size(), shape);
  auto storage = std::make_shared<std::vector<float>>(values.begin(), values.end());
  const auto* bytes = reinterpret_cast<const std::byte*>(storage->data());
  return Tensor(DType::f32, std::move(shape), bytes, std::move(storage));
}

Tensor Tensor::rounded(std::span<const double> values, Dimensions shape, DType dtype) {
  const FloatingEnvironment environment;
  require_count(values.size(), shape);
  switch (dtype) {
    case DType::f64: return owning_copy<double>(values, std::move(shape), dtype, [](double x) { return x; });
    case DType::f32:
      return owning_copy<float>(values, std::move(shape), dtype, [](double x) { return static_cast<float>(x); });
    case DType::f16: return owning_copy<std::uint16_t>(values, std::move(shape), dtype, double_to_f16);
    case DType::bf16: return owning_copy<std::uint16_t>(values, std::move(shape), dtype, double_to_bf16);
    default: throw Error(fmt::format("[tensor] {} does not store real numbers", name(dtype)));
  }
}

bool Tensor::is_row_major() const noexcept {
  if (size_ == 0) return true;
  std::int64_t expected = 1;
  for (std::size_t i = shape_.size(); i-- > 0;) {
    if (shape_[i] != 1 && strides_[i] != expected) return false;
    expected *= shape_[i];
  }
  return true;
}

Tensor Tensor::slice(std::int64_t index) const {
  Tensor one = range(index, 1);
  one.shape_.erase(one.shape_.begin());
  one.strides_.erase(one.strides_.begin());
  return one;
}

Tensor Tensor::range(std::int64_t first, std::int64_t count) const {
  if (rank() == 0 || first < 0 || count < 0 || first > shape_[0] || count > shape_[0] - first) {
    throw Error(
        fmt::format("[tensor] entries [{}, {} + {}) are outside shape {}", first, first, count, to_string(shape_)));
  }
  Tensor part = *this;
  part.shape_[0] = count;
  part.size_ = checked_count(part.shape_);
  if (part.size_ > 0) {
    part.data_ += static_cast<std::size_t>(first * strides_[0]) * size_of(dtype_);
  }
  return part;
}

Tensor Tensor::reshaped(Dimensions shape) const {
  if (checked_count(shape) != size_) {
    throw Error(fmt::format("[tensor] {} cannot be reshaped to {}", to_string(shape_), to_string(shape)));
  }
  const Tensor base = compact();
  return Tensor(dtype_, std::move(shape), base.data_, base.owner_);
}

Tensor Tensor::compact() const {
  if (is_row_major()) return *this;
  const std::size_t width = size_of(dtype_);
  if (width == 0) throw Error(fmt::format("[tensor] cannot copy strided {}", name(dtype_)));
  // An expanded tensor (stride 0) may have a shape with more elements than memory has bytes.
  if (size_ > std::numeric_limits<std::ptrdiff_t>::max() / static_cast<std::int64_t>(width)) {
    throw Error(fmt::format("[tensor] a copy of shape {} in {} takes more bytes than there are addresses",
                            to_string(shape_), name(dtype_)));
  }
  auto storage = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(size_) * width);
  Dimensions index(rank(), 0);
  for (std::byte* out = storage->data(); out != storage->data() + storage->size(); out += width) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < rank(); ++d) offset += index[d] * strides_[d];
    std::memcpy(out, data_ + static_cast<std::size_t>(offset) * width, width);
    for (std::size_t d = rank(); d-- > 0;) {
      if (++index[d] < shape_[d]) break;
      index[d] = 0;
    }
  }
  const std::byte* bytes = storage->data();
  return Tensor(dtype_, shape_, bytes, std::move(storage));
}

double Tensor::at(std::span<const std::int64_t> index) const {
  const FloatingEnvironment environment;
  if (index.size() != rank()) throw Error(fmt::format("[tensor] {} indices for rank {}", index.size(), rank()));
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < rank(); ++d) {
    if (index[d] < 0 || index[d] >= shape_[d]) {
      throw Error(fmt::format("[tensor] index {} is outside shape {}", to_string(index), to_string(shape_)));
    }
    offset += index[d] * strides_[d];
  }
  const std::byte* element = data_ + static_cast<std::size_t>(offset) * size_of(dtype_);
  const auto load = [element]<class T>(T value) {
    std::memcpy(&value, element, sizeof value);
    return value;
  };
  switch (dtype_) {
    case DType::f64: return load(double{});
    case DType::f32: return load(float{});
    case DType::f16: return f16_to_double(load(std::uint16_t{}));
    case DType::bf16: return bf16_to_double(load(std::uint16_t{}));
    default: throw Error(fmt::format("[tensor] {} does not store real numbers", name(dtype_)));
  }
}

}  // namespace sigmax
