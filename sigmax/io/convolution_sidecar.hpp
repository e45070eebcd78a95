// A file with what a checkpoint does not say about its convolutions.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sigmax/io/convolution_settings.hpp"

namespace sigmax::io {

/// The convolutions whose names a pattern matches.
struct SidecarEntry {
  std::string pattern;
  StatedConvolution stated;
};

/// Reads a JSON object whose keys are patterns for names:
///
///     {"downsample": {"stride": 2}, "^conv": {"padding": [1, 1], "input_size": [32, 32]}}
///
/// The members of each are those of `operator_norm` in a report: `stride`, `dilation`, `output_padding` and
/// `input_size` (a number or a list of one number for each axis), `padding` (a number, a list of a number or of a pair
/// [low, high] for each axis, or `same` or `valid`), `padding_mode`, `groups` and `transposed`. null says nothing, and
/// the report's other members are passed over. In the order of the file.
///
/// Throws FileError with the pattern and the member for anything else, and for a file that is not JSON.
std::vector<SidecarEntry> read_convolution_sidecar(const std::filesystem::path& path);

}  // namespace sigmax::io
