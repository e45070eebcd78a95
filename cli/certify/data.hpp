// The samples and labels that `sigmax certify` is about, from files of arrays.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/lipschitz/certified_accuracy.hpp"

namespace sigmax::cli {

struct LabeledData {
  std::vector<lipschitz::LabeledInput> inputs;  ///< the chosen ones, in ascending order of `index`
  std::vector<std::size_t> index;               ///< where they stand in the file
  std::size_t total = 0;                        ///< samples in the file
};

/// Reads the samples, multiplied by the scale and rounded to double, and their classes. The axes of a sample without
/// those of one entry must be those of `shape`, the network's input, or either has one axis alone. Labels are whole
/// numbers of any type, or one row for each sample with a single 1.
///
/// Throws Error for a name that does not exist, FileError for arrays that do not fit each other or the network, entries
/// that are NaN or infinite, and labels that are no classes: it names the first sample.
LabeledData read_labeled_data(const AccuracyRequest& options, const Dimensions& shape, std::size_t classes,
                              const Seed& seed, const Messages& messages, Context& context);

}  // namespace sigmax::cli
