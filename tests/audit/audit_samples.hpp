// Checkpoints in memory, and an audit of them that repeats.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/audit/audit.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::audit {

inline std::vector<double> normals(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

inline io::Entry entry(const std::string& name, const Tensor& tensor) {
  io::Entry e;
  e.name = name;
  e.dtype = tensor.dtype();
  e.dtype_name = std::string(sigmax::name(tensor.dtype()));
  e.shape = tensor.shape();
  e.file = "memory";
  e.load = [tensor] { return tensor; };
  return e;
}

inline io::Entry random_entry(const std::string& name, Dimensions shape, unsigned seed, DType dtype = DType::f32) {
  const auto count = static_cast<std::size_t>(*element_count(shape));
  return entry(name, Tensor::rounded(normals(count, seed), std::move(shape), dtype));
}

inline io::Checkpoint checkpoint(std::vector<io::Entry> entries) {
  io::Checkpoint c;
  c.paths = {"memory"};
  c.format = "test";
  c.entries = std::move(entries);
  return c;
}

// From a seed that repeats and counts as drawn, unless the options have another.
inline Result run(const io::Checkpoint& c, Options options = {}, int threads = 2) {
  Context context(threads);
  if (!options.seed) options.seed = Seed{1, 0, true};
  return audit(c, options, context);
}

}  // namespace sigmax::audit
