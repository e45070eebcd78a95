#include "sigmax/io/pytorch/pytorch_quantized.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "sigmax/core/floating_environment.hpp"

namespace sigmax::io {
namespace {

template <class T>
T value_at(const std::byte* data, std::size_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof value, sizeof value);
  return value;
}

// Calls f with a value of the type that holds the integers.
template <class F>
void with_integer(DType dtype, F f) {
  if (dtype == DType::qint8) f(std::int8_t{});
  if (dtype == DType::quint8) f(std::uint8_t{});
  if (dtype == DType::qint32) f(std::int32_t{});
}

// The vector in double, which holds every f32 and the integers used as zero points.
std::vector<double> numbers(const Tensor& vector) {
  const Tensor plain = vector.compact();
  std::vector<double> values(static_cast<std::size_t>(plain.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    switch (plain.dtype()) {
      case DType::f64: values[i] = value_at<double>(plain.data(), i); break;
      case DType::f32: values[i] = value_at<float>(plain.data(), i); break;
      case DType::i64: values[i] = static_cast<double>(value_at<std::int64_t>(plain.data(), i)); break;
      default: values[i] = value_at<std::int32_t>(plain.data(), i); break;
    }
  }
  return values;
}

enum class Rounding : std::uint8_t { by_tensor, by_channel, by_channel_float };

template <class Integer>
void dequantize_row(float* to, const std::byte* from, std::size_t count, double scale, double zero_point,
                    Rounding rounding) {
  const auto narrow = static_cast<float>(scale);
  for (std::size_t i = 0; i < count; ++i) {
    const Integer q = value_at<Integer>(from, i);
    const double difference = static_cast<double>(q) - zero_point;
    switch (rounding) {
      case Rounding::by_tensor: to[i] = narrow * static_cast<float>(difference); break;
      case Rounding::by_channel: to[i] = static_cast<float>(difference * scale); break;
      case Rounding::by_channel_float: to[i] = (static_cast<float>(q) - static_cast<float>(zero_point)) * narrow; break;
    }
  }
}

}  // namespace

Tensor dequantized(const Tensor& q, std::size_t bytes, double scale, std::int64_t zero_point) {
  const FloatingEnvironment environment;
  const std::size_t count = bytes / size_of(q.dtype());
  const std::shared_ptr<float[]> values(new float[std::max<std::size_t>(count, 1)]);
  with_integer(q.dtype(), [&](auto integer) {
    dequantize_row<decltype(integer)>(values.get(), q.data(), count, scale, static_cast<double>(zero_point),
                                      Rounding::by_tensor);
  });
  return Tensor(DType::f32, q.shape(), q.strides(), reinterpret_cast<const std::byte*>(values.get()), values);
}

Tensor dequantized_by_channel(const Tensor& q, const Tensor& scales, const Tensor& zero_points, std::size_t axis) {
  const FloatingEnvironment environment;
  const Tensor plain = q.compact();
  const std::vector<double> scale = numbers(scales), zero_point = numbers(zero_points);
  const auto total = static_cast<std::size_t>(plain.size());
  const std::shared_ptr<float[]> values(new float[std::max<std::size_t>(total, 1)]);
  std::size_t inner = 1;
  for (std::size_t d = axis + 1; d < plain.rank(); ++d) inner *= static_cast<std::size_t>(plain.shape()[d]);
  const std::size_t width = size_of(plain.dtype());
  const bool integers = zero_points.dtype() == DType::i64 || zero_points.dtype() == DType::i32;
  const Rounding rounding = integers ? Rounding::by_channel : Rounding::by_channel_float;
  with_integer(plain.dtype(), [&](auto integer) {
    for (std::size_t first = 0, row = 0; first < total; first += inner, ++row) {
      const std::size_t channel = row % scale.size();  // if there are no channels, total is 0
      dequantize_row<decltype(integer)>(values.get() + first, plain.data() + first * width, inner, scale[channel],
                                        zero_point[channel], rounding);
    }
  });
  return Tensor(DType::f32, plain.shape(), reinterpret_cast<const std::byte*>(values.get()), values);
}

}  // namespace sigmax::io
