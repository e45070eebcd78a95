// What a convolution does to an image: kernel size, stride, dilation, padding, groups, with or without an input size.
//
// Every framework's "convolution" is a cross-correlation. On each spatial axis, with x extended by the padding,
//
//     y[o, a] = sum over i and p of K[o, i, p] x[i, stride a + dilation p - pad_low],    0 <= p < kernel.
//
// ConvolutionLayer is what a network's layer states; it has no input size, so that it can also stand for the question
// "which norm at any size". ConvolutionGeometry is a layer with the size of its input. Correlation is the sum above
// with the sizes of both sides: the form that products and proofs read. A transposed convolution is the transpose of a
// correlation with the sides exchanged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax {

/// How an image continues beyond its ends. On an axis of n entries, entry j is
///     Zeros      0 outside of [0, n)
///     Circular   entry j mod n, around any number of times
///     Reflect    entry -j or 2 (n - 1) - j: the end itself is not repeated, and pads must be smaller than n
///     Replicate  the entry at the nearer end
enum class PaddingMode { Zeros, Circular, Reflect, Replicate };

/// "zeros", "circular", "reflect", "replicate": PyTorch's names.
std::string_view name(PaddingMode mode) noexcept;

/// In place of an entry or a position: a zero of the padding. Negative, unlike all of them.
inline constexpr std::int64_t kPaddedZero = -1;

/// The entry of an axis of n >= 1 entries that stands at j, which may lie outside of [0, n), or kPaddedZero. Reflection
/// needs -n < j < 2 n - 1.
std::int64_t padded_entry(PaddingMode mode, std::int64_t n, std::int64_t j) noexcept;

/// One spatial axis of a layer.
struct ConvolutionAxis {
  std::int64_t kernel = 1;    ///< taps, >= 1
  std::int64_t stride = 1;    ///< >= 1
  std::int64_t dilation = 1;  ///< the distance of two taps, >= 1
  std::int64_t pad_low = 0;   ///< >= 0; of a transposed convolution: entries cut off at the beginning
  std::int64_t pad_high = 0;  ///< >= 0; of a transposed convolution: entries cut off at the end
  /// Entries appended to the output of a transposed convolution, >= 0; 0 for any other.
  std::int64_t output_padding = 0;

  /// From the first tap to the last, both included: dilation (kernel - 1) + 1.
  std::int64_t reach() const noexcept { return dilation * (kernel - 1) + 1; }
  bool operator==(const ConvolutionAxis&) const = default;
};

/// A convolution without an input size.
struct ConvolutionLayer {
  std::int64_t in_channels = 1;
  std::int64_t out_channels = 1;
  /// Output channels [g c_out / groups, (g + 1) c_out / groups) see input channels [g c_in / groups, ...) only.
  std::int64_t groups = 1;
  PaddingMode padding_mode = PaddingMode::Zeros;
  bool transposed = false;
  std::vector<ConvolutionAxis> axes;  ///< 1 to 3, in the order of the kernel's and the image's axes

  /// The shape that the kernel must have: [out, in / groups, taps...], transposed [in, out / groups, taps...].
  Dimensions kernel_shape() const;
  bool operator==(const ConvolutionLayer&) const = default;
};

/// Throws Error if a number is out of the range stated above, groups do not divide the channels, a transposed
/// convolution pads other than with zeros, or a product of the numbers exceeds 2^62; the message names the number.
void validate(const ConvolutionLayer& layer);

/// One axis of a correlation, with the sizes of both sides.
struct CorrelationAxis {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_low = 0;
  std::int64_t input = 1;   ///< entries of x on this axis
  std::int64_t output = 1;  ///< entries of y on this axis

  std::int64_t reach() const noexcept { return dilation * (kernel - 1) + 1; }
  /// Entries of the padded x that are read: stride (output - 1) + reach. They begin at -pad_low; the padded image that
  /// the layer describes may have entries beyond them.
  std::int64_t window() const noexcept { return stride * (output - 1) + reach(); }
  /// The entries beyond the end of x that are read: max(0, window - pad_low - input).
  std::int64_t pad_high() const noexcept;
  bool operator==(const CorrelationAxis&) const = default;
};

/// y[o, a] = sum K[o, i, p] x_padded[i, stride a + dilation p - pad_low], as a matrix of rows() x columns(): x is
/// [in_channels, input...] and y [out_channels, output...], both row-major, and K is
/// [out_channels, in_channels / groups, kernel...].
struct Correlation {
  std::int64_t in_channels = 1;
  std::int64_t out_channels = 1;
  std::int64_t groups = 1;
  PaddingMode padding_mode = PaddingMode::Zeros;
  std::vector<CorrelationAxis> axes;

  std::int64_t taps() const noexcept;              ///< product of the kernel's sides
  std::int64_t input_positions() const noexcept;   ///< entries of a channel of x
  std::int64_t output_positions() const noexcept;  ///< entries of a channel of y
  std::int64_t rows() const noexcept { return out_channels * output_positions(); }
  std::int64_t columns() const noexcept { return in_channels * input_positions(); }
  /// Entries of the kernel.
  std::int64_t weights() const noexcept { return out_channels * terms(); }
  /// Products in one entry of y, padded zeros included: in_channels / groups * taps.
  std::int64_t terms() const noexcept { return in_channels / groups * taps(); }
  /// The most padded positions that repeat one entry of x, itself included: 1 for zeros.
  std::int64_t copies() const;
  /// Products in one entry of A^T y at most: out_channels / groups * taps * copies.
  std::int64_t adjoint_terms() const { return out_channels / groups * taps() * copies(); }
  bool operator==(const Correlation&) const = default;
};

/// The position in a channel of x that output position `a` reads by tap `p`, all three row-major over their axes, or
/// kPaddedZero.
std::int64_t input_of(const Correlation& correlation, std::int64_t a, std::int64_t p) noexcept;

/// A layer on inputs of one size.
class ConvolutionGeometry {
 public:
  /// `input_size` has an entry for each axis. Throws Error as validate() does, and if a size is not positive, the
  /// output would be empty, reflected padding is not smaller than the image, or a side of the matrix exceeds 2^62.
  ConvolutionGeometry(ConvolutionLayer layer, std::vector<std::int64_t> input_size);

  const ConvolutionLayer& layer() const noexcept { return layer_; }
  bool transposed() const noexcept { return layer_.transposed; }
  const std::vector<std::int64_t>& input_size() const noexcept { return input_size_; }
  /// floor((n + pad_low + pad_high - reach) / stride) + 1 on each axis; transposed,
  /// (n - 1) stride - pad_low - pad_high + reach + output_padding.
  const std::vector<std::int64_t>& output_size() const noexcept { return output_size_; }

  /// The correlation whose matrix this is, or, of a transposed convolution, is the transpose of: any output padding,
  /// because the sizes of both sides are stated.
  const Correlation& correlation() const noexcept { return correlation_; }

  std::int64_t rows() const noexcept { return transposed() ? correlation_.columns() : correlation_.rows(); }
  std::int64_t columns() const noexcept { return transposed() ? correlation_.rows() : correlation_.columns(); }

 private:
  ConvolutionLayer layer_;
  std::vector<std::int64_t> input_size_;
  std::vector<std::int64_t> output_size_;
  Correlation correlation_;
};

/// `3x3 kernel, 64 -> 128 channels, stride 2, padding 1`: what differs from the defaults, axes written 2x1 where they
/// differ, low and high pads 0:1 where those do.
std::string describe(const ConvolutionLayer& layer);

}  // namespace sigmax
