// The matrices that a benchmark works on.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/common/table.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::benchmark {

/// A row-major fp32 matrix: every peer reads this very memory, or its column-major transpose.
struct FloatMatrix {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<float> values;

  double bytes() const { return 4.0 * static_cast<double>(values.size()); }
  Tensor tensor() const { return Tensor::copy_of(std::span<const float>(values), {rows, columns}); }
};

/// Independent standard normal entries: the hard spectrum, that of an untrained layer.
inline FloatMatrix gaussian(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  std::vector<double> normal(static_cast<std::size_t>(rows * columns));
  static_cast<void>(fill_normal(random_state(seed), normal));
  FloatMatrix a{fmt::format("gaussian {}x{}", rows, columns), rows, columns, {}};
  a.values.assign(normal.begin(), normal.end());
  return a;
}

/// The fp32 matrix of an .npy file. Ends the program with a message if it is anything else.
inline FloatMatrix read_matrix(const std::string& path) {
  const io::Checkpoint file = io::open_checkpoint(path);
  const Tensor tensor = file.entries.front().load();
  if (tensor.rank() != 2 || tensor.dtype() != DType::f32) {
    fmt::print(stderr, "{}: want a 2-dimensional float32 array\n", path);
    std::exit(1);
  }
  const Tensor compact = tensor.compact();
  FloatMatrix a{path, compact.shape()[0], compact.shape()[1],
                std::vector<float>(static_cast<std::size_t>(compact.size()))};
  std::memcpy(a.values.data(), compact.data(), a.values.size() * sizeof(float));
  return a;
}

/// Shapes of Gaussian matrices that a benchmark asks about.
using Shapes = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// Asks about the matrix of --data, or else about Gaussian ones, with --quick of fewer shapes; seeds follow --seed.
inline void for_each_matrix(const Options& options, const Shapes& all, const Shapes& quick,
                            const std::function<void(const FloatMatrix&)>& ask) {
  if (!options.data.empty()) return ask(read_matrix(options.data));
  std::uint64_t seed = options.seed;
  for (const auto& [rows, columns] : options.quick ? quick : all) ask(gaussian(rows, columns, seed++));
}

}  // namespace sigmax::benchmark
