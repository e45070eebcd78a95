// The norm of convolutions with proof: how long does it take, and how far apart are the ends? run.py has the peers.
//
//     bench_convolution_norm --kernel FILE.npy --size N [--stride S] [--padding P] [--groups G] [--every-size]
//                            [--circular] [--width W] [--threads N]
//
//     bench_convolution_norm --machine      what it uses of the machine, as JSON
//
// Reads one kernel, [out, in / groups, taps, taps] in float32, and prints one line of JSON: the ends, their theorems,
// the seconds (median of the rounds; reading is not timed) and the points of the torus. A small convolution comes
// first, so that what happens once in a process, threads and the self-test of BLAS, is not timed either.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::benchmark {
namespace {

struct Request {
  std::string kernel;
  std::int64_t size = 0;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t groups = 1;
  bool every_size = false;
  bool circular = false;  // with stride 1 and as many outputs as inputs
  double width = 0;
  int threads = 2;
  int rounds = 3;
};

Request parse(int argc, char** argv) {
  Request request;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--every-size") {
      request.every_size = true;
      continue;
    }
    if (option == "--circular") {
      request.circular = true;
      continue;
    }
    if (i + 1 == argc) {
      fmt::print(stderr, "{}: the value is missing\n", option);
      std::exit(2);
    }
    const char* const value = argv[++i];
    if (option == "--kernel") {
      request.kernel = value;
    } else if (option == "--size") {
      request.size = std::atoll(value);
    } else if (option == "--stride") {
      request.stride = std::atoll(value);
    } else if (option == "--padding") {
      request.padding = std::atoll(value);
    } else if (option == "--groups") {
      request.groups = std::atoll(value);
    } else if (option == "--width") {
      request.width = std::atof(value);
    } else if (option == "--threads") {
      request.threads = std::atoi(value);
    } else if (option == "--rounds") {
      request.rounds = std::atoi(value);
    } else {
      fmt::print(stderr, "{}: not an option\n", option);
      std::exit(2);
    }
  }
  return request;
}

void answer(const Request& request) {
  const Tensor kernel = io::open_checkpoint(request.kernel).entries.front().load();
  ConvolutionLayer layer;
  layer.out_channels = kernel.shape()[0];
  layer.in_channels = kernel.shape()[1] * request.groups;
  layer.groups = request.groups;
  if (request.circular) layer.padding_mode = PaddingMode::Circular;
  for (std::size_t axis = 2; axis < kernel.shape().size(); ++axis) {
    const std::int64_t taps = kernel.shape()[axis];
    layer.axes.push_back({.kernel = taps,
                          .stride = request.circular ? 1 : request.stride,
                          .pad_low = request.circular ? (taps - 1) / 2 : request.padding,
                          .pad_high = request.circular ? taps / 2 : request.padding});
  }
  ConvolutionNormOptions options;
  options.relative_width = request.width;
  Context context(request.threads);
  ConvolutionLayer small;
  small.axes = {ConvolutionAxis{.kernel = 3}, ConvolutionAxis{.kernel = 3}};
  static_cast<void>(
      convolution_norm(Tensor::copy_of(std::vector<double>(9, 1.0), {1, 1, 3, 3}), small, options, context));
  std::optional<ConvolutionNorm> found;
  std::vector<double> seconds;
  double spent = 0;
  for (int round = 0; round < request.rounds && spent < 20; ++round) {
    seconds.push_back(seconds_of([&] {
      found = request.every_size
                  ? convolution_norm(kernel, layer, options, context)
                  : convolution_norm(
                        kernel, ConvolutionGeometry(layer, std::vector<std::int64_t>(layer.axes.size(), request.size)),
                        options, context);
    }));
    spent += seconds.back();
  }
  const ConvolutionNorm& norm = *found;
  const nlohmann::json figures = {{"lower", norm.sigma_max.lower.value()},
                                  {"upper", norm.sigma_max.upper ? norm.sigma_max.upper->value() : 0},
                                  {"proven", norm.sigma_max.is_proven()},
                                  {"lower_by", std::string(name(norm.lower_by))},
                                  {"upper_by", std::string(name(norm.upper_by))},
                                  {"points", norm.points},
                                  {"seconds", Timing::median_of(seconds)}};
  fmt::print("{}\n", figures.dump());
}

}  // namespace
}  // namespace sigmax::benchmark

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--machine") {
    fmt::print("{}\n", sigmax::benchmark::name_machine().dump());
    return 0;
  }
  sigmax::benchmark::answer(sigmax::benchmark::parse(argc, argv));
}
