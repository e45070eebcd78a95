// A Fashion-MNIST classifier in LibTorch, trained with and without spectral normalization.
//
//     torch_01_fashion_mnist [--epochs 5] [--images 60000] [--plain] [--start FILE] [--save-start FILE]
//                            [--data /usr/share/datasets/fashion-mnist] [--seed 1]
//
// 01_fashion_mnist.py is the same program in Python: from the same start (either program writes it with --save-start
// and reads it with --start) the two print the same numbers.
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>
#include <zlib.h>

#include <ATen/CPUGeneratorImpl.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "bindings/torch/modules/spectral_norm.hpp"
#include "bindings/torch/modules/state_dict.hpp"
#include "bindings/torch/normalize.hpp"

namespace {

namespace nn = torch::nn;
using sigmax::torch::NormalizedWeight;
using sigmax::torch::SpectralNorm;

constexpr int64_t kWidths[] = {28 * 28, 128, 128, 128, 10};
constexpr int64_t kBatch = 100;
constexpr double kLearningRate = 0.05;
constexpr double kMomentum = 0.9;

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string start;
  std::string save_start;
  int64_t epochs = 5;
  int64_t images = 60000;
  uint64_t seed = 1;
  bool plain = false;
};

struct Split {
  at::Tensor images;  // [n, 784] in [0, 1]
  at::Tensor labels;  // [n]
};

// An idx file of unsigned bytes: magic 0 0 8 d, then d big-endian 32-bit sizes, then the values.
at::Tensor read_idx(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error(path + ": cannot be read; install the package dataset-fashion-mnist");
  std::vector<unsigned char> bytes(std::size_t{1} << 26);
  const int length = gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  const int rank = length > 4 && bytes[2] == 8 ? bytes[3] : 0;
  std::vector<int64_t> shape;
  int64_t count = 1;
  for (int i = 0; i < rank && 8 + 4 * i <= length; ++i) {
    const unsigned char* b = bytes.data() + 4 + 4 * i;
    shape.push_back(int64_t{b[0]} << 24 | b[1] << 16 | b[2] << 8 | b[3]);
    count *= shape.back();
  }
  if (rank == 0 || 4 + 4 * rank + count != length) throw std::runtime_error(path + ": not an idx file of bytes");
  return at::from_blob(bytes.data() + 4 + 4 * rank, shape, at::kByte).clone();
}

Split read_split(const std::string& folder, const std::string& name, int64_t most) {
  const at::Tensor images = read_idx(folder + "/" + name + "-images-idx3-ubyte.gz");
  const at::Tensor labels = read_idx(folder + "/" + name + "-labels-idx1-ubyte.gz");
  const int64_t count = std::min(most, images.size(0));
  return {images.slice(0, 0, count).flatten(1).to(at::kFloat).div(255), labels.slice(0, 0, count).to(at::kLong)};
}

nn::Sequential network(bool normalized) {
  nn::Sequential net;
  for (int layer = 1; layer <= 4; ++layer) {
    const std::string name = "dense" + std::to_string(layer);
    const nn::LinearOptions linear(kWidths[layer - 1], kWidths[layer]);
    if (normalized) {
      net->push_back(std::string(name), SpectralNorm<nn::Linear>(linear));
    } else {
      net->push_back(std::string(name), nn::Linear(linear));
    }
    if (layer < 4) net->push_back("relu" + std::to_string(layer), nn::ReLU());
  }
  return net;
}

double accuracy(nn::Sequential& net, const Split& test) {
  const torch::NoGradGuard no_grad;
  net->eval();
  const at::Tensor right = net->forward(test.images).argmax(1) == test.labels;
  net->train();
  return 100 * right.to(at::kDouble).mean().item<double>();
}

// The weight that a dense layer multiplies by.
at::Tensor weight_of(const nn::Module& layer) {
  if (const auto* normalized = dynamic_cast<const sigmax::torch::SpectralNormalized*>(&layer)) {
    return normalized->normalized_weights().front().second->value();
  }
  return layer.as<nn::LinearImpl>()->weight;
}

// sigma from the layer's state, and the proven norm of the weight in use.
void print_layers(const nn::Sequential& net) {
  for (const auto& child : net->named_children()) {
    if (child.key().starts_with("relu")) continue;
    const double norm = sigmax::torch::certify(weight_of(*child.value())).upper;
    const auto* normalized = dynamic_cast<const sigmax::torch::SpectralNormalized*>(child->get());
    if (normalized != nullptr) {
      const double sigma = normalized->normalized_weights().front().second->sigma().item<double>();
      std::printf("  %s  sigma %.6f  norm in use %.6f\n", child.key().c_str(), sigma, norm);
    } else {
      std::printf("  %s  norm %.6f\n", child.key().c_str(), norm);
    }
  }
}

void train(nn::Sequential& net, const Split& data, const Split& test, const Options& options) {
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(kLearningRate).momentum(kMomentum));
  for (int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    const auto order_of_epoch = at::make_generator<at::CPUGeneratorImpl>(options.seed + static_cast<uint64_t>(epoch));
    const at::Tensor order = at::randperm(data.labels.size(0), order_of_epoch);
    double total = 0;
    for (const at::Tensor& chosen : order.split(kBatch)) {
      const at::Tensor logits = net->forward(data.images.index_select(0, chosen));
      const at::Tensor loss = nn::functional::cross_entropy(logits, data.labels.index_select(0, chosen));
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      total += loss.item<double>() * static_cast<double>(chosen.size(0));
    }
    std::printf("epoch %d  loss %.6f  test accuracy %.2f %%\n", static_cast<int>(epoch),
                total / static_cast<double>(data.labels.size(0)), accuracy(net, test));
    print_layers(net);
  }
}

// The product of the layers' norms bounds how far the network can move two outputs apart: ReLU only brings them closer.
void print_bound(const nn::Sequential& net) {
  double lower = 1;
  double upper = 1;
  std::string certainty = "proven";
  for (const auto& child : net->named_children()) {
    if (child.key().starts_with("relu")) continue;
    const sigmax::torch::Certificate norm = sigmax::torch::certify(weight_of(*child.value()));
    if (norm.certainty != "proven") certainty = norm.certainty;
    lower = std::nextafter(lower * norm.lower, 0);
    upper = std::nextafter(upper * norm.upper, std::numeric_limits<double>::infinity());
    std::printf("  %s  %.9f to %.9f\n", child.key().c_str(), norm.lower, norm.upper);
  }
  std::printf("product of the norms: at least %.9f, at most %.9f (%s)\n", lower, upper, certainty.c_str());
}

void run(const Options& options) {
  at::set_num_threads(1);
  at::manual_seed(options.seed);
  const Split data = read_split(options.data, "train", options.images);
  const Split test = read_split(options.data, "t10k", options.images);
  nn::Sequential net = network(!options.plain);
  if (!options.start.empty()) sigmax::torch::load_state_dict(*net, sigmax::torch::read_state_dict(options.start));
  if (!options.save_start.empty()) sigmax::torch::save_state_dict(sigmax::torch::state_dict(*net), options.save_start);
  std::printf("%s spectral normalization, %d images\n", options.plain ? "without" : "with",
              static_cast<int>(data.labels.size(0)));
  train(net, data, test, options);
  for (const auto& child : net->children()) {
    const auto* normalized = dynamic_cast<const sigmax::torch::SpectralNormalized*>(child.get());
    if (normalized != nullptr) normalized->normalized_weights().front().second->converge();
  }
  std::printf("in the end, test accuracy %.2f %%, norms\n", accuracy(net, test));
  print_bound(net);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--plain") {
      options.plain = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(name + ": there is no such option, or its value is missing");
    const std::string value = argv[++i];
    if (name == "--data") {
      options.data = value;
    } else if (name == "--start") {
      options.start = value;
    } else if (name == "--save-start") {
      options.save_start = value;
    } else if (name == "--epochs") {
      options.epochs = std::stoll(value);
    } else if (name == "--images") {
      options.images = std::stoll(value);
    } else if (name == "--seed") {
      options.seed = std::stoull(value);
    } else {
      throw std::runtime_error("there is no option " + name);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
