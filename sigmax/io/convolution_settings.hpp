// How a graph, a program or a module slides a convolution kernel over its image, as a file states it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sigmax/core/tensor.hpp"

namespace sigmax::io {

/// The settings of a convolution except its groups. Each list has one entry per spatial axis, in the order of the
/// kernel's axes; empty: not known.
struct ConvolutionSettings {
  enum class Padding : std::uint8_t {
    zeros,
    circular,
    reflect,
    replicate,
    unknown,  ///< padded, but not known with what; `pad_low` and `pad_high` are not known either
  };

  Dimensions stride{};
  Dimensions dilation{};
  Dimensions pad_low{};         ///< entries added in front of an axis; of a transposed convolution: cut off there
  Dimensions pad_high{};        ///< at its end; known if and only if `pad_low` is
  Dimensions output_padding{};  ///< of a transposed convolution
  Dimensions input_size{};      ///< of the image that goes in, without batch and channels
  Padding padding = Padding::zeros;

  auto operator<=>(const ConvolutionSettings&) const = default;  // NOLINT(modernize-use-nullptr): its own code has a 0
};

/// How a file may state padding by a word, and a transposed convolution by the size of its output.
struct StatedPadding {
  enum class Kind : std::uint8_t {
    listed,      ///< the settings' own lists
    valid,       ///< none
    same_upper,  ///< output of size ceil(input / stride), transposed input * stride; an odd entry at the end
    same_lower,  ///< the same, an odd entry in front
  };
  Kind kind = Kind::listed;
  Dimensions output_size{};  ///< of a transposed convolution, where that is stated; empty otherwise
};

/// What a node of its own adds around an image before a convolution reads it. Lists have one entry per spatial axis.
struct ImagePadding {
  Dimensions low{};
  Dimensions high{};
  ConvolutionSettings::Padding mode = ConvolutionSettings::Padding::zeros;

  auto operator<=>(const ImagePadding&) const = default;  // NOLINT(modernize-use-nullptr): its own code has a 0
};

/// torch.nn.functional.pad: pairs of pads from the last axis to the first, with the mode `constant`, `reflect`,
/// `replicate` or `circular`. Nothing for another mode, for pads that cut, or that lie on channels or the batch.
/// A constant other than 0 moves the output by a constant, so the linear map is that of padding with zeros.
std::optional<ImagePadding> torch_padding(const Dimensions& pairs, std::string_view mode, std::size_t axes);

/// Makes of a convolution that reads a padded image the one that reads the image itself; the pads of both must be
/// resolved. Nothing is known about the padding of what is not one convolution: if `padding` is nothing, if both pad
/// and not both with zeros, or if the convolution is transposed.
void fold_padding(ConvolutionSettings& settings, const std::optional<ImagePadding>& padding, bool transposed);

/// What somebody says about a convolution. Lists have one entry for all axes, or one for each; empty: not said.
struct StatedConvolution {
  ConvolutionSettings settings{};
  StatedPadding::Kind padding = StatedPadding::Kind::listed;  ///< a word instead of `pad_low` and `pad_high`
  bool has_mode = false;                                      ///< `settings.padding` counts
  std::optional<std::int64_t> groups{};
  std::optional<bool> transposed{};

  bool says_padding() const noexcept { return padding != StatedPadding::Kind::listed || !settings.pad_low.empty(); }
};

/// What `later` says, and otherwise what `first` does.
StatedConvolution overlaid(StatedConvolution first, const StatedConvolution& later);

/// PyTorch's names: `zeros`, `circular`, `reflect`, `replicate`. Nothing for any other.
std::optional<ConvolutionSettings::Padding> padding_mode(std::string_view name);

/// The spatial axes of a kernel [out, in / groups, taps...] or [in, out / groups, taps...]; empty for fewer than three
/// axes.
Dimensions taps_of(const Dimensions& kernel_shape);

/// Repeats a list of one entry for each of `axes` axes, and makes a list of another length one that is not known.
Dimensions for_each_axis(Dimensions list, std::size_t axes);

/// Fills in the pads that a word or an output size means for a kernel with these taps; they stay unknown if they depend
/// on something that is.
void resolve_padding(ConvolutionSettings& settings, const StatedPadding& stated, const Dimensions& taps,
                     bool transposed);

/// The size of the output. Nothing if a setting that it depends on is not known, or if the output would be empty or
/// the numbers are out of range.
std::optional<Dimensions> output_size(const ConvolutionSettings& settings, const Dimensions& taps, bool transposed);

/// What several uses of one kernel agree on: a member in which they differ is not known.
void keep_common(ConvolutionSettings& settings, const ConvolutionSettings& other);

}  // namespace sigmax::io
