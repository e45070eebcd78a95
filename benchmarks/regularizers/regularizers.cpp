// What a training step pays for a penalty's gradient or a proximal map: square f32 weights of ten large singular values
// above Gaussian noise, f32 gradients, two threads.
//
//     bench_regularizers [order...]     # 256 and 1024
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "sigmax/core/rng.hpp"
#include "sigmax/nn/proximal.hpp"
#include "sigmax/nn/regularize.hpp"

namespace {

using namespace sigmax;

constexpr int kRuns = 3;
constexpr int kLarge = 10;

// The best of a few runs, in milliseconds.
template <class F>
double time_of(const F& run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// Noise, whose largest singular value is about 2 sqrt(n), and ten directions of 2.5 to 5 times sqrt(n).
Tensor weight(std::int64_t n) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> entries(size * size);
  std::vector<double> directions(2 * size * kLarge);
  RandomState random = fill_normal(random_state(1), entries);
  random = fill_normal(random, directions);
  for (std::size_t k = 0; k < kLarge; ++k) {
    const double* u = directions.data() + 2 * k * size;
    const double* v = u + size;
    const double share = (5 - 0.25 * static_cast<double>(k)) / std::sqrt(static_cast<double>(n));
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) entries[i * size + j] += share * u[i] * v[j];
    }
  }
  return Tensor::rounded(entries, {n, n}, DType::f32);
}

void measure(std::int64_t n, Context& context) {
  const Tensor w = weight(n);
  std::vector<float> out(static_cast<std::size_t>(n * n));
  const std::pair<const char*, nn::Penalty> penalties[] = {
      {"|W|_F^2", nn::penalty::SquaredFrobenius{}},
      {"|W|_F", nn::penalty::Frobenius{}},
      {"nuclear", nn::penalty::Nuclear{}},
      {"spectral", nn::penalty::Spectral{}},
      {"Ky Fan 10", nn::penalty::KyFan{10}},
      {"|G - I|_F^2", nn::penalty::Orthogonality{}},
      {"|G - I|_2", nn::penalty::SpectralOrthogonality{}},
  };
  fmt::print("{0} x {0}\n", n);
  for (const auto& [name, penalty] : penalties) {
    const double time = time_of([&] { nn::regularize<float>(w, penalty, out, {}, context); });
    fmt::print("  gradient of {:<12} {:9.1f} ms\n", name, time);
  }
  const double edge = 2.1 * std::sqrt(static_cast<double>(n));
  const auto map = [&](const char* name, const auto& run) {
    nn::ProximalResult result;
    const double time = time_of([&] { result = run(); });
    fmt::print("  {:<24} {:9.1f} ms   {} triplets{}\n", name, time, result.triplets, result.dense ? ", all found" : "");
  };
  const nn::ProximalOptions options;
  map("nuclear, above the noise",
      [&] { return nn::proximal<float>(w, nn::penalty::Nuclear{}, edge, out, options, context); });
  map("nuclear, into the noise",
      [&] { return nn::proximal<float>(w, nn::penalty::Nuclear{}, edge / 2, out, options, context); });
  map("spectral", [&] { return nn::proximal<float>(w, nn::penalty::Spectral{}, edge, out, options, context); });
  map("Ky Fan 10", [&] { return nn::proximal<float>(w, nn::penalty::KyFan{10}, edge / 4, out, options, context); });
  map("onto the spectral ball", [&] { return nn::project<float>(w, nn::ball::Spectral{edge}, out, options, context); });
}

}  // namespace

int main(int argc, char** argv) {
  Context context(2);
  std::vector<std::int64_t> orders;
  for (int i = 1; i < argc; ++i) orders.push_back(std::atoll(argv[i]));
  if (orders.empty()) orders = {256, 1024};
  for (const std::int64_t n : orders) measure(n, context);
}
