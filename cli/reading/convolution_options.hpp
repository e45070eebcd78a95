// What the user says about convolutions: --stride REGEX=2 and its kin, a sidecar, and --conv of norm.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/reading/name_filter.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/convolution_settings.hpp"

namespace sigmax::cli {

class Messages;

/// As typed: --stride, --padding, --padding-mode, --dilation, --input-size, --geometry.
struct TypedConvolutions {
  std::vector<std::string> stride, padding, padding_mode, dilation, input_size, geometry;
};

/// A statement about the convolutions whose names match.
struct ConvolutionOverride {
  std::string option;  ///< `--stride`, or `--geometry FILE`
  NamePattern names;
  io::StatedConvolution stated;
};

/// In the order in which they count: the first that says something about a setting does.
using ConvolutionOverrides = std::vector<ConvolutionOverride>;

void add_convolutions(CLI::App* app, TypedConvolutions& typed);

/// Reads the options, then the sidecars. Throws Error for a text that is not REGEX=VALUE with a value of that option,
/// and FileError for a sidecar that cannot be read.
ConvolutionOverrides convolution_overrides(const TypedConvolutions& typed);

/// All that is said about the tensor `name`.
io::StatedConvolution stated_convolution(const ConvolutionOverrides& overrides, const std::string& name);

/// Throws Error that begins with `what` if a list has neither no entry nor one, nor one for each of the spatial axes of
/// the kernel `name`.
void require_fitting(std::string_view what, const Dimensions& list, const std::string& name, std::size_t axes);

/// As above, for all that counts for the kernel `name`; the error names the option and its pattern. What an earlier
/// option outranks does not count.
void require_fitting(const ConvolutionOverrides& overrides, const std::string& name, std::size_t axes);

/// Throws Error that begins with `what` for a text that is not a number above 0 and below 1.
double relative_width(std::string_view what, std::string_view text);

/// Warns of patterns that match no tensor's name.
void tell_unmatched(const ConvolutionOverrides& overrides, const io::Checkpoint& checkpoint, const Messages& messages);

/// `--conv` of norm: a convolution, which of its norms, and how closely.
struct ConvolutionRequest {
  io::StatedConvolution stated;
  std::optional<ConvolutionQuestion> question{};
  double relative_width = 0;  ///< 0: the library's
};

/// Reads `stride=2,padding=1,input=32x32,mode=circular,width=1e-4`. The word `file` in front, or alone, says nothing:
/// what the file states counts anyway. Throws Error that names the keys for any other text.
ConvolutionRequest convolution_request(std::string_view text);

}  // namespace sigmax::cli
