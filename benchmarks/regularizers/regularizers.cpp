// How much does a training step pay for a penalty's gradient or a proximal map, compared with the formulas written
// directly with LAPACK? Square f32 weights with ten large singular values above Gaussian noise, f32 results.
//
//     bench_regularizers [--quick] [--threads N] [--seed N] [--json FILE]
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "benchmarks/regularizers/eager.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/nn/proximal.hpp"
#include "sigmax/nn/regularize.hpp"

namespace sigmax::benchmark {
namespace {

constexpr int kLarge = 10;

// Noise, whose largest singular value is about 2 sqrt(n), and ten directions of 2.5 to 5 times sqrt(n).
std::vector<float> weight(std::int64_t n, std::uint64_t seed) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> entries(size * size);
  std::vector<double> directions(2 * size * kLarge);
  RandomState random = fill_normal(random_state(seed), entries);
  static_cast<void>(fill_normal(random, directions));
  for (std::size_t k = 0; k < kLarge; ++k) {
    const double* u = directions.data() + 2 * k * size;
    const double* v = u + size;
    const double share = (5 - 0.25 * static_cast<double>(k)) / std::sqrt(static_cast<double>(n));
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < size; ++j) entries[i * size + j] += share * u[i] * v[j];
    }
  }
  return {entries.begin(), entries.end()};
}

using Own = std::function<std::int64_t(std::span<float> out)>;  // the number of triplets that it took; -1: unknown
using Single = std::function<void(std::span<const float> w, std::span<float> out)>;
using Double = std::function<void(std::span<const double> w, std::span<double> out)>;

struct Line {
  std::string name;
  Own own;
  Single eager;
  Double reference;
};

Line of_values(std::string name, Own own, const eager::Weights& weights) {
  return {std::move(name), std::move(own),
          [=](std::span<const float> w, std::span<float> out) { eager::by_decomposition<float>(w, weights, out); },
          [=](std::span<const double> w, std::span<double> out) { eager::by_decomposition<double>(w, weights, out); }};
}

Line of_norm(std::string name, Own own, const std::function<double(double)>& factor) {
  return {std::move(name), std::move(own),
          [=](std::span<const float> w, std::span<float> out) { eager::scaled<float>(w, factor, out); },
          [=](std::span<const double> w, std::span<double> out) { eager::scaled<double>(w, factor, out); }};
}

// The first k weights 1, the others 0.
eager::Weights leading(std::size_t k) {
  return [k](const std::vector<double>& sigma) {
    std::vector<double> weights(sigma.size(), 0.0);
    std::fill_n(weights.begin(), std::min(k, weights.size()), 1.0);
    return weights;
  };
}

// Each value separately.
eager::Weights each(const std::function<double(double)>& f) {
  return [f](const std::vector<double>& sigma) {
    std::vector<double> weights;
    for (const double value : sigma) weights.push_back(f(value));
    return weights;
  };
}

// sigma_i - clip(sigma_i - theta, 0, cap), the clips' sum `total`.
eager::Weights less_clips(double cap, double total) {
  return [=](const std::vector<double>& sigma) {
    const double theta = eager::level(sigma, cap, total);
    return each([=](double value) { return value - std::clamp(value - theta, 0.0, cap); })(sigma);
  };
}

std::vector<double> farthest_from_one(const std::vector<double>& sigma) {
  std::vector<double> weights(sigma.size(), 0.0);
  const double above = sigma.front() * sigma.front() - 1, below = 1 - sigma.back() * sigma.back();
  (above >= below ? weights.front() : weights.back()) = above >= below ? 2 * sigma.front() : -2 * sigma.back();
  return weights;
}

std::vector<Line> gradients(const Tensor& w, Context& context) {
  const auto own = [&](const nn::Penalty& penalty) -> Own {
    return [&w, &context, penalty](std::span<float> out) {
      std::ranges::fill(out, 0.0F);
      nn::regularize<float>(w, penalty, {}, out, context);
      return std::int64_t{-1};
    };
  };
  std::vector<Line> lines;
  lines.push_back(of_norm("gradient, |W|_F^2", own(nn::penalty::SquaredFrobenius{}), [](double) { return 2; }));
  lines.push_back(of_norm("gradient, |W|_F", own(nn::penalty::Frobenius{}), [](double norm) { return 1 / norm; }));
  lines.push_back(of_values("gradient, nuclear", own(nn::penalty::Nuclear{}), leading(SIZE_MAX)));
  lines.push_back(of_values("gradient, spectral", own(nn::penalty::Spectral{}), leading(1)));
  lines.push_back(of_values("gradient, Ky Fan 10", own(nn::penalty::KyFan{10}), leading(10)));
  lines.push_back({"gradient, |G - I|_F^2", own(nn::penalty::Orthogonality{}), eager::orthogonality<float>,
                   eager::orthogonality<double>});
  lines.push_back(of_values("gradient, |G - I|_2", own(nn::penalty::SpectralOrthogonality{}), farthest_from_one));
  return lines;
}

std::vector<Line> maps(const Tensor& w, double edge, Context& context) {
  const auto prox = [&](const nn::ProximalPenalty& penalty, double lambda) -> Own {
    return [&w, &context, penalty, lambda](std::span<float> out) {
      return nn::proximal<float>(w, penalty, lambda, {}, out, context).triplets;
    };
  };
  const auto soft = [](double lambda) { return each([=](double value) { return std::max(value - lambda, 0.0); }); };
  constexpr double kNoCap = std::numeric_limits<double>::infinity();
  return {of_values("map, nuclear, above the noise", prox(nn::penalty::Nuclear{}, edge), soft(edge)),
          of_values("map, nuclear, into the noise", prox(nn::penalty::Nuclear{}, edge / 2), soft(edge / 2)),
          of_values("map, spectral", prox(nn::penalty::Spectral{}, edge), less_clips(kNoCap, edge)),
          of_values("map, Ky Fan 10", prox(nn::penalty::KyFan{10}, edge / 4), less_clips(edge / 4, 10 * edge / 4)),
          of_values(
              "map, onto the spectral ball",
              [&w, &context, edge](std::span<float> out) {
                return nn::project<float>(w, nn::ball::Spectral{edge}, {}, out, context).triplets;
              },
              each([=](double value) { return std::min(value, edge); }))};
}

double relative_error(std::span<const float> found, std::span<const double> wanted) {
  double wrong = 0, size = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    wrong += std::pow(static_cast<double>(found[i]) - wanted[i], 2);
    size += wanted[i] * wanted[i];
  }
  return std::sqrt(wrong / size);
}

nlohmann::json measure(std::int64_t n, const Options& options, Context& context) {
  const std::vector<float> w = weight(n, options.seed);
  const std::vector<double> in_double(w.begin(), w.end());
  const Tensor tensor = Tensor::copy_of(std::span<const float>(w), {n, n});
  std::vector<Line> lines = gradients(tensor, context);
  const double edge = 2.1 * std::sqrt(static_cast<double>(n));  // of the noise
  for (Line& line : maps(tensor, edge, context)) lines.push_back(std::move(line));
  std::vector<float> out(w.size()), eager_out(w.size());
  std::vector<double> wanted(w.size());
  Table table({fmt::format("{0}x{0}", n), "sigmax", "eager", "ratio", "error", "eager's", "triplets"});
  for (const Line& line : lines) {
    std::int64_t triplets = -1;
    const std::vector<Timing> timings =
        take_turns({{"sigmax", [&] { triplets = line.own(out); }}, {"eager", [&] { line.eager(w, eager_out); }}},
                   {.rounds = options.quick ? 1 : 3});
    line.reference(in_double, wanted);
    const double error = relative_error(out, wanted), eager_error = relative_error(eager_out, wanted);
    const double ratio = paired_ratio(timings[1], timings[0]);
    table.add({line.name, time_text(timings[0].median()), time_text(timings[1].median()), fmt::format("{:.1f}", ratio),
               fmt::format("{:.0e}", error), fmt::format("{:.0e}", eager_error),
               triplets < 0 ? "" : std::to_string(triplets)},
              {{"order", n},
               {"line", line.name},
               {"seconds", timings[0].seconds},
               {"eager_seconds", timings[1].seconds},
               {"error", error},
               {"eager_error", eager_error}});
  }
  table.print();
  return table.figures();
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  using namespace sigmax::benchmark;
  const Options options = parse_options(argc, argv);
  sigmax::Context context = context_with_blas(options);
  fmt::print("{}, {} threads, seed {}\n", cpu_name(), options.threads, options.seed);
  nlohmann::json figures = nlohmann::json::array();
  for (const std::int64_t n : options.quick ? std::vector<std::int64_t>{128} : std::vector<std::int64_t>{256, 1024}) {
    for (const nlohmann::json& line : measure(n, options, context)) figures.push_back(line);
  }
  write_json(options, {{"question", "regularizers"},
                       {"lines", figures},
                       {"machine",
                        {{"cpu", cpu_name()},
                         {"threads", options.threads},
                         {"simd", sigmax::kernels::simd_target()},
                         {"blas", openblas_get_config()}}}});
}
