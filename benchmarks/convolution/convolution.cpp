// How fast is A^T A X for a convolution, compared with oneDNN's forward and backward-data, with FFTs and with im2col?
//
// Layers of ResNet-18 and ResNet-50, depthwise ones and large kernels, on blocks of 1 and 8 images in fp32. oneDNN and
// FFTW are peers where they were found when this was configured. oneDNN works in the layouts that it prefers, with the
// weights and images already in them; sigmax and the FFTs take and return images as PyTorch has them, and the FFTs have
// the weights transformed already. im2col copies the image's windows into a matrix and multiplies by OpenBLAS, and adds
// the windows of the adjoint back. All take turns in one run on the same number of threads. Every product is compared
// with im2col's before it is timed. A run goes on with the layers that the file of --json lacks for its --threads and
// rounds, and ends early after --seconds.
#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/common/machine.hpp"
#include "benchmarks/common/table.hpp"
#include "benchmarks/common/timing.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/ops/convolution/convolution.hpp"

#ifdef SIGMAX_HAS_ONEDNN
#include "benchmarks/convolution/onednn.hpp"
#endif
#ifdef SIGMAX_HAS_FFTW
#include "benchmarks/convolution/fft.hpp"
#endif

namespace {

using namespace sigmax;
using namespace sigmax::benchmark;

// In the order of the table.
const std::vector<std::string> kPeers{
#ifdef SIGMAX_HAS_ONEDNN
    "oneDNN",
#endif
#ifdef SIGMAX_HAS_FFTW
    "FFT",
#endif
    "im2col"};

struct Layer {
  std::string name;
  std::int64_t in, out, kernel, stride, padding, size, groups = 1;
  PaddingMode mode = PaddingMode::Zeros;

  ConvolutionGeometry geometry() const {
    const ConvolutionAxis axis{kernel, stride, 1, padding, padding, 0};
    return {{in, out, groups, mode, false, {axis, axis}}, {size, size}};
  }
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> all{
      {"stem 7x7/2", 3, 64, 7, 2, 3, 224},
      {"3x3, 64, 56", 64, 64, 3, 1, 1, 56},
      {"3x3/2, 64-128, 56", 64, 128, 3, 2, 1, 56},
      {"3x3, 128, 28", 128, 128, 3, 1, 1, 28},
      {"3x3, 256, 14", 256, 256, 3, 1, 1, 14},
      {"3x3, 512, 7", 512, 512, 3, 1, 1, 7},
      {"1x1, 64-256, 56", 64, 256, 1, 1, 0, 56},
      {"1x1/2, 256-512, 56", 256, 512, 1, 2, 0, 56},
      {"1x1, 2048-512, 7", 2048, 512, 1, 1, 0, 7},
      {"4x4/2, 64-128, 32", 64, 128, 4, 2, 1, 32},
      {"3x3 in 32 groups, 128, 56", 128, 128, 3, 1, 1, 56, 32},
      {"depthwise 3x3, 32, 112", 32, 32, 3, 1, 1, 112, 32},
      {"depthwise 3x3/2, 96, 112", 96, 96, 3, 2, 1, 112, 96},
      {"depthwise 3x3, 144, 56", 144, 144, 3, 1, 1, 56, 144},
      {"depthwise 3x3/2, 144, 56", 144, 144, 3, 2, 1, 56, 144},
      {"depthwise 3x3, 256, 14", 256, 256, 3, 1, 1, 14, 256},
      {"depthwise 3x3/2, 576, 14", 576, 576, 3, 2, 1, 14, 576},
      {"depthwise 3x3, 960, 7", 960, 960, 3, 1, 1, 7, 960},
      {"depthwise 5x5, 240, 28", 240, 240, 5, 1, 2, 28, 240},
      {"depthwise 7x7, 384, 14", 384, 384, 7, 1, 3, 14, 384},
      {"31x31, 16, 56", 16, 16, 31, 1, 15, 56},
      {"depthwise 31x31, 256, 28", 256, 256, 31, 1, 15, 28, 256},
      {"circular 3x3, 64, 56", 64, 64, 3, 1, 1, 56, 1, PaddingMode::Circular},
      {"circular depthwise 3x3, 256, 14", 256, 256, 3, 1, 1, 14, 256, PaddingMode::Circular},
      {"reflected depthwise 3x3/2, 144, 56", 144, 144, 3, 2, 1, 56, 144, PaddingMode::Reflect},
  };
  return all;
}

// z = A^T A x for each image by a matrix of windows, [in / groups * taps, positions] for each group.
class Im2col {
 public:
  Im2col(const Correlation& c, const std::vector<float>& kernel) : c_(c), kernel_(kernel) {
    for (std::int64_t p = 0; p < c.taps(); ++p) {
      for (std::int64_t a = 0; a < c.output_positions(); ++a) from_.push_back(input_of(c, a, p));
    }
    windows_.resize(static_cast<std::size_t>(c.terms() * c.output_positions()));
    y_.resize(static_cast<std::size_t>(c.rows()));
  }

  void gram(const float* x, float* z) {
    const auto positions = static_cast<int>(c_.output_positions());
    const auto out = static_cast<int>(c_.out_channels / c_.groups);
    const auto terms = static_cast<int>(c_.terms());
    const std::int64_t in = c_.in_channels / c_.groups;
    std::fill_n(z, c_.columns(), 0.0F);
    for (std::int64_t g = 0; g < c_.groups; ++g) {
      const float* const k = kernel_.data() + g * out * terms;
      float* const y = y_.data();
      each_window(g * in, in, [&](std::int64_t at, std::int64_t image) {
        windows_[static_cast<std::size_t>(at)] = image < 0 ? 0 : x[image];
      });
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, out, positions, terms, 1, k, terms, windows_.data(),
                  positions, 0, y, positions);
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, terms, positions, out, 1, k, terms, y, positions, 0,
                  windows_.data(), positions);
      each_window(g * in, in, [&](std::int64_t at, std::int64_t image) {
        if (image >= 0) z[image] += windows_[static_cast<std::size_t>(at)];
      });
    }
  }

 private:
  template <class Body>
  void each_window(std::int64_t first_channel, std::int64_t channels, const Body& body) const {
    std::int64_t at = 0;
    for (std::int64_t i = first_channel; i < first_channel + channels; ++i) {
      for (const std::int64_t j : from_) body(at++, j < 0 ? -1 : i * c_.input_positions() + j);
    }
  }

  const Correlation& c_;
  const std::vector<float>& kernel_;
  std::vector<std::int64_t> from_;
  std::vector<float> windows_, y_;
};

void require_close(const std::string& who, std::span<const float> found, std::span<const float> wanted) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    difference += std::pow(static_cast<double>(found[i]) - wanted[i], 2);
    norm += std::pow(static_cast<double>(wanted[i]), 2);
  }
  // Float's rounding over sums of Gaussian terms, with a wide margin: a wrong product is off by 1.
  if (!(std::sqrt(difference / norm) < 0x1p-14)) throw std::runtime_error(who + ": the product is wrong");
}

void measure(const Layer& layer, std::int64_t images, const Options& options, const TimingOptions& timing,
             Context& context, Table& table) {
  const ConvolutionGeometry geometry = layer.geometry();
  const Correlation& c = geometry.correlation();
  std::vector<double> drawn(static_cast<std::size_t>(c.weights()));
  static_cast<void>(fill_normal(random_state(options.seed, 1), drawn));
  const std::vector<float> kernel(drawn.begin(), drawn.end());
  Matrix<float> x(c.columns(), images), z(c.columns(), images), wanted(c.columns(), images);
  drawn.resize(x.values().size());
  static_cast<void>(fill_normal(random_state(options.seed, 2), drawn));
  std::copy(drawn.begin(), drawn.end(), x.values().begin());

  const Operator<float> a = convolution<float>(Tensor::copy_of(kernel, geometry.layer().kernel_shape()), geometry);
  Im2col windows(c, kernel);
  const auto by_windows = [&] {
    for (std::int64_t j = 0; j < images; ++j) windows.gram(x.column(j).data(), wanted.column(j).data());
  };
  const auto by_sigmax = [&] { a->apply_gram(x.view(), z.view(), context); };
  by_windows();
  by_sigmax();
  require_close("sigmax, " + layer.name, z.values(), wanted.values());
  std::vector<Candidate> candidates{{"sigmax", by_sigmax}};
#ifdef SIGMAX_HAS_ONEDNN
  OneDnn peer(c, images, kernel, x.values());
  peer.gram();
  // It has no padding other than zeros: there its time is that of the layer with zeros.
  if (layer.mode == PaddingMode::Zeros) require_close("oneDNN, " + layer.name, peer.result(), wanted.values());
  candidates.push_back({"oneDNN", [&] { peer.gram(); }});
#endif
#ifdef SIGMAX_HAS_FFTW
  std::optional<FftProduct> transforms;
  if (FftProduct::serves(c)) {
    transforms.emplace(c, images, kernel, context);
    Matrix<float> by_transforms(c.columns(), images);
    transforms->gram(x.values().data(), by_transforms.values().data());
    require_close("FFT, " + layer.name, by_transforms.values(), wanted.values());
    candidates.push_back({"FFT", [&] { transforms->gram(x.values().data(), z.values().data()); }});
  }
#endif
  if (c.taps() <= 49) candidates.push_back({"im2col", by_windows});  // seconds for each product of a larger kernel
  const std::vector<Timing> timings = take_turns(candidates, timing);
  const double flops = 4.0 * static_cast<double>(c.rows() * c.terms() * images);
  std::vector<std::string> cells{"  " + layer.name, std::to_string(images), time_text(timings[0].median()),
                                 fmt::format("{:.0f}", 1e-9 * flops / timings[0].median())};
  nlohmann::json figures{{"layer", layer.name},
                         {"images", images},
                         {"threads", context.threads()},
                         {"rounds", timing.rounds},
                         {"seed", options.seed},
                         {"seconds", timings[0].median()},
                         {"fastest_seconds", timings[0].minimum()},
                         {"flops", flops}};
  for (const std::string& peer : kPeers) {
    const auto timed = std::find_if(timings.begin(), timings.end(), [&](const Timing& t) { return t.name == peer; });
    if (timed == timings.end()) {
      cells.insert(cells.end(), {"", ""});
      continue;
    }
    const double ratio = paired_ratio(timings[0], *timed);
    cells.push_back(time_text(timed->median()));
    cells.push_back(fmt::format("{:.2f}", ratio));
    figures[peer + "_seconds"] = timed->median();
    figures["times_" + peer] = ratio;
  }
  table.add(cells, figures);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const double begin = seconds_now();
#ifdef SIGMAX_HAS_ONEDNN
  set_threads_of_onednn(options.threads);
#endif
  Context context = context_with_blas(options);
  nlohmann::json record;
  if (std::ifstream before(options.json); before) record = nlohmann::json::parse(before);
  if (record.is_null()) {
    record = {{"machine", describe_machine(context)}, {"results", nlohmann::json::array()}};
  }
  fmt::print("A^T A X of convolutions on {}, {} threads; ratios are sigmax's time over the peer's; seed {}\n",
             cpu_name(), context.threads(), options.seed);
  TimingOptions timing;
  timing.rounds = options.quick ? 3 : 7;
  // The threads of OpenBLAS and OpenMP spin for tens of milliseconds after a call.
  timing.seconds_of_pause = 0.06;
  std::vector<std::string> headings{"  layer", "images", "sigmax", "GF/s"};
  for (const std::string& peer : kPeers) headings.insert(headings.end(), {peer, "ratio"});
  Table table(headings);
  for (const Layer& layer : layers()) {
    for (const std::int64_t images : {1, 8}) {
      const bool known = std::ranges::any_of(record["results"], [&](const nlohmann::json& one) {
        return one["layer"] == layer.name && one["images"] == images && one["threads"] == context.threads() &&
               one["rounds"] == timing.rounds;
      });
      if (known || (options.seconds > 0 && seconds_now() - begin > options.seconds)) continue;
      measure(layer, images, options, timing, context, table);
    }
  }
  table.print();
  for (const nlohmann::json& one : table.figures()) record["results"].push_back(one);
  write_json(options, record);
}
