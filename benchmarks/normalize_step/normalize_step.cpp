// How long do a step of the state, W / sigma and the gradient take for all layers of a model, compared with the limit
// of the memory?
//
// For four models of f32 layers: one batched call each for the step with W / sigma written (forward), for the gradient
// (backward), and for the step alone, the only cost of scaling the output. The limits are measured in the same run on
// memory of the model's size, with all threads: the step reads W once; writing W / sigma is a copy of it; <G, W> reads
// both; the gradient is a copy of G. A copy is timed with memcpy, the pieces side by side. Everything takes turns in
// one run. `lanczos 4` and `u_first 4` are four steps; the former begin at the first state each time, because Lanczos
// ends after one step at a state that has converged.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/nn/normalize_layers.hpp"

namespace {

using namespace sigmax;
using namespace sigmax::benchmark;

struct Shape {
  Dimensions dimensions;
  std::int64_t front = 0;
};

struct ModelShapes {
  std::string name;
  std::vector<Shape> layers;
};

std::vector<ModelShapes> models() {
  return {
      {"MLP 784-128-128-128-10", {{{128, 784}}, {{128, 128}}, {{128, 128}}, {{10, 128}}}},
      // The residual discriminator for CIFAR-10 of Miyato et al. 2018, table 4: eight 3x3 convolutions, a 1x1 on the
      // first block's shortcut, and a linear layer. spectral_norm_torch/run.py has the same.
      {"SN-GAN 32x32 discriminator",
       {{{128, 3, 3, 3}},
        {{128, 128, 3, 3}},
        {{128, 3, 1, 1}},
        {{128, 128, 3, 3}},
        {{128, 128, 3, 3}},
        {{128, 128, 3, 3}},
        {{128, 128, 3, 3}},
        {{128, 128, 3, 3}},
        {{128, 128, 3, 3}},
        {{1, 128}}}},
      {"DCGAN generator, transposed",
       {{{128, 512, 4, 4}, 1}, {{512, 256, 4, 4}, 1}, {{256, 128, 4, 4}, 1}, {{128, 64, 4, 4}, 1}, {{64, 3, 3, 3}, 1}}},
      {"GPT-2 block", {{{2304, 768}}, {{768, 768}}, {{3072, 768}}, {{768, 3072}}}},
      {"Llama block, 1B",
       {{{2048, 2048}}, {{512, 2048}}, {{512, 2048}}, {{2048, 2048}}, {{8192, 2048}}, {{8192, 2048}}, {{2048, 8192}}}},
  };
}

// Normal entries; the parts of all layers follow each other, each on a boundary of 64 bytes.
class Memory {
 public:
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  Memory(const std::vector<std::int64_t>& sizes, std::uint64_t seed, Context& context) {
    std::int64_t total = 0;
    for (const std::int64_t size : sizes) {
      first_.push_back(total);
      total += (size + 15) / 16 * 16;
    }
    memory_.resize(static_cast<std::size_t>(total) + 16);
    void* first = memory_.data();
    std::size_t space = memory_.size() * sizeof(float);
    std::align(64, static_cast<std::size_t>(total) * sizeof(float), first, space);
    values_ = {static_cast<float*>(first), static_cast<std::size_t>(total)};
    constexpr std::size_t kPiece = std::size_t{1} << 16;
    context.parallel_for((values_.size() + kPiece - 1) / kPiece, [&](std::size_t p) {
      std::vector<double> piece(std::min(kPiece, values_.size() - p * kPiece));
      static_cast<void>(fill_normal(random_state(seed, p), piece));
      std::transform(piece.begin(), piece.end(), values_.begin() + static_cast<std::ptrdiff_t>(p * kPiece),
                     [](double x) { return static_cast<float>(x); });
    });
  }

  float* part(std::size_t layer) { return values_.data() + first_[layer]; }
  std::span<float> all() const { return values_; }

 private:
  std::vector<float> memory_;
  std::span<float> values_;
  std::vector<std::int64_t> first_;
};

class Model {
 public:
  Model(const ModelShapes& shapes, std::uint64_t seed, Context& context)
      : name_(shapes.name),
        context_(context),
        weights_(sizes(shapes), seed, context),
        outputs_(sizes(shapes), seed + 1, context),
        gradients_(sizes(shapes), seed + 2, context),
        grad_weights_(sizes(shapes), seed + 3, context) {
    for (std::size_t i = 0; i < shapes.layers.size(); ++i) {
      const auto view = [&](Memory& memory) {
        return nn::unfold(DType::f32, static_cast<void*>(memory.part(i)), shapes.layers[i].dimensions,
                          shapes.layers[i].front);
      };
      const nn::WeightOutput w = view(weights_);
      u_.emplace_back(static_cast<std::size_t>(w.rows));
      v_.emplace_back(static_cast<std::size_t>(w.columns()));
      nn::draw_unit<float>(seed, 0, u_.back());
      nn::draw_unit<float>(seed, 1, v_.back());
      layers_.push_back({.weight = w, .u = u_.back(), .v = v_.back(), .normalized = view(outputs_)});
      backward_.push_back({.weight = w,
                           .u = u_.back(),
                           .v = v_.back(),
                           .grad_output = view(gradients_),
                           .grad_weight = view(grad_weights_)});
    }
    for (auto* layers : {&steps_, &four_steps_, &four_lanczos_}) {
      *layers = layers_;
      for (nn::Layer<float>& layer : *layers) layer.normalized = {};
    }
    for (nn::Layer<float>& layer : four_steps_) layer.options.steps = 4;
    first_u_ = u_;
    first_v_ = v_;
    for (nn::Layer<float>& layer : four_lanczos_) {
      layer.options.steps = 4;
      layer.options.iteration = nn::Iteration::lanczos;
    }
  }

  void run(const TimingOptions& options, Table& table) {
    const auto normalize = [this](std::vector<nn::Layer<float>>& layers) {
      return [this, &layers] { nn::normalize<float>(layers, context_); };
    };
    const auto backward = [this] {
      for (std::size_t i = 0; i < layers_.size(); ++i) backward_[i].f = layers_[i].f;
      nn::normalize_vjp<float>(backward_, context_);
    };
    std::vector<Candidate> candidates = {
        {"step", normalize(steps_)},
        {"forward", normalize(layers_)},
        {"backward", backward},
        {"both",
         [&] {
           nn::normalize<float>(layers_, context_);
           backward();
         }},
        {"u_first 4", normalize(four_steps_)},
        {"lanczos 4", [this] { lanczos_from_the_start(); }},
        {"copy", [this] { copy(std::size_t{1} << 17); }},
        {"copy in large pieces", [this] { copy(weights_.all().size() / 2 + 1); }},
    };
    const std::size_t readers = candidates.size();
    for (Candidate& reader : reading_candidates(std::as_bytes(weights_.all()), context_)) {
      candidates.push_back(std::move(reader));
    }
    const std::vector<Timing> timings = take_turns(candidates, options);
    double read = timings[readers].median();
    for (std::size_t c = readers; c < timings.size(); ++c) read = std::min(read, timings[c].median());
    print(timings, read, std::min(timings[6].median(), timings[7].median()), table);
  }

 private:
  static std::vector<std::int64_t> sizes(const ModelShapes& shapes) {
    std::vector<std::int64_t> result;
    for (const Shape& layer : shapes.layers) result.push_back(*element_count(layer.dimensions));
    return result;
  }

  void lanczos_from_the_start() {
    for (std::size_t i = 0; i < u_.size(); ++i) {
      std::copy(first_u_[i].begin(), first_u_[i].end(), u_[i].begin());
      std::copy(first_v_[i].begin(), first_v_[i].end(), v_[i].begin());
    }
    nn::normalize<float>(four_lanczos_, context_);
  }

  // memcpy() bypasses the caches if pieces are large.
  void copy(std::size_t each) {
    const std::span<float> from = weights_.all(), to = outputs_.all();
    context_.parallel_for((from.size() + each - 1) / each, [&](std::size_t p) {
      const std::size_t count = std::min(each, from.size() - p * each);
      std::memcpy(to.data() + p * each, from.data() + p * each, count * sizeof(float));
    });
  }

  void print(const std::vector<Timing>& timings, double read, double copied, Table& table) {
    const double bytes = static_cast<double>(weights_.all().size_bytes());
    table.add_line(fmt::format("{}: {:.1f} MB; reading {:.1f} GB/s, copying {:.1f} GB/s (read + written)", name_,
                               1e-6 * bytes, 1e-9 * bytes / read, 2e-9 * bytes / copied));
    const double limits[] = {read, read + copied, 2 * read + copied, 3 * read + 2 * copied, 4 * read, 4 * read};
    for (std::size_t c = 0; c < std::size(limits); ++c) {
      const double seconds = timings[c].median();
      table.add({"  " + timings[c].name, time_text(seconds), time_text(limits[c]),
                 fmt::format("{:.0f} %", 100 * limits[c] / seconds)},
                {{"model", name_},
                 {"bytes", bytes},
                 {"work", timings[c].name},
                 {"seconds", seconds},
                 {"seconds_least", timings[c].minimum()},
                 {"limit_seconds", limits[c]}});
    }
  }

  std::string name_;
  Context& context_;
  Memory weights_, outputs_, gradients_, grad_weights_;
  std::vector<std::vector<float>> u_, v_, first_u_, first_v_;
  std::vector<nn::Layer<float>> layers_, steps_, four_steps_, four_lanczos_;
  std::vector<nn::LayerGradient<float>> backward_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  Context context(options.threads);
  fmt::print("Spectral normalization on {}, {} threads, {}; seed {}\n", cpu_name(), context.threads(),
             kernels::simd_target(), options.seed);
  TimingOptions timing;
  timing.rounds = options.quick ? 3 : 7;
  timing.seconds_per_sample = 0.005;
  timing.seconds_of_pause = 0.005;
  nlohmann::json figures = nlohmann::json::array();
  Table table({"  work", "time", "limit", "of limit"});
  for (const ModelShapes& shapes : models()) {
    if (options.quick && shapes.name.starts_with("Llama")) continue;
    Model(shapes, options.seed, context).run(timing, table);
  }
  table.print();
  for (const auto& figure : table.figures()) figures.push_back(figure);
  write_json(options, {{"machine", describe_machine(context)}, {"seed", options.seed}, {"results", figures}});
}
