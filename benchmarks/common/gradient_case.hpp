// A matrix, cotangents of its largest triplet and the right gradient, as benchmarks/common/gradients.py writes them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/common/table.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::benchmark {

/// The loss is xi sigma + phi . u + psi . v; all arrays except the matrix are in double.
struct GradientCase {
  Tensor a;  ///< f32 or f64, rows x columns
  double xi = 0;
  std::vector<double> phi;
  std::vector<double> psi;
  std::vector<double> value_part;   ///< of the right gradient, row-major: xi u v^T
  std::vector<double> vector_part;  ///< p v^T + u q^T, for one of the two signs of (u, v)
};

namespace detail {

inline std::vector<double> in_double(const Tensor& tensor) {
  const Tensor compact = tensor.compact();
  const auto size = static_cast<std::size_t>(compact.size());
  if (compact.dtype() == DType::f64) {
    std::vector<double> values(size);
    std::memcpy(values.data(), compact.data(), size * sizeof(double));
    return values;
  }
  std::vector<float> values(size);
  std::memcpy(values.data(), compact.data(), size * sizeof(float));
  return {values.begin(), values.end()};
}

}  // namespace detail

/// The .npz file that --data names. Ends the program with a message if there is none, which names the `script` that
/// makes it, or if an array is missing.
inline GradientCase read_gradient_case(const Options& options, std::string_view script) {
  if (options.data.empty()) {
    fmt::print(stderr, "the case comes from {}\n", script);
    std::exit(2);
  }
  const io::Checkpoint file = io::open_checkpoint(std::vector<std::filesystem::path>{options.data});
  const auto load = [&](const std::string& name) {
    const auto found = std::ranges::find(file.entries, name, &io::Entry::name);
    if (found == file.entries.end()) {
      fmt::print(stderr, "{}: no array {}\n", options.data, name);
      std::exit(1);
    }
    return found->load().compact();
  };
  const auto values = [&](const std::string& name) { return detail::in_double(load(name)); };
  return {load("a"), values("xi").at(0), values("phi"), values("psi"), values("value_part"), values("vector_part")};
}

/// The loss's derivatives with respect to (sigma, u, v).
template <Real T>
SvdCotangent<T> cotangent_of(const GradientCase& data) {
  const auto column = [](const std::vector<double>& values) {
    Matrix<T> matrix(static_cast<std::int64_t>(values.size()), 1);
    std::ranges::transform(values, matrix.values().begin(), [](double value) { return static_cast<T>(value); });
    return matrix;
  };
  return {{data.xi}, column(data.phi), column(data.psi)};
}

/// |found - right| / |right| in the Frobenius norm, for the sign of (u, v) that fits `found` better.
inline double gradient_error(const GradientCase& right, std::span<const double> found) {
  double best = INFINITY;
  for (const double sign : {1.0, -1.0}) {
    double difference = 0;
    double size = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double wanted = right.value_part[i] + sign * right.vector_part[i];
      difference += (found[i] - wanted) * (found[i] - wanted);
      size += wanted * wanted;
    }
    best = std::fmin(best, std::sqrt(difference / size));  // fmin ignores NaN
  }
  return best;
}

}  // namespace sigmax::benchmark
