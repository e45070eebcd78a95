// What NumPy files say about a network's inputs. Internal to `sigmax lipschitz`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/computation.hpp"

namespace sigmax::cli {

/// The inputs that --input-value makes constants, in the types and shapes that the file states. Throws Error for a name
/// that is no input, a number that is not of its type, sizes that are left open, and arrays of another type or shape.
std::map<std::string, Tensor> constant_inputs(const LipschitzRequest& options, const io::Computation& computation);

/// The inputs in the file of --around, each `size` numbers: all of the network's inputs one after another. An array of
/// that many entries is one input; otherwise its first axis counts them. Throws FileError for a file without such an
/// array, and for entries that are not finite.
std::vector<std::vector<double>> given_inputs(const std::string& path, std::int64_t size);

}  // namespace sigmax::cli
