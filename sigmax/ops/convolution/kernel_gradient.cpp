// The gradient of a kernel: the last part of products.hpp.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "sigmax/linalg/blas.hpp"
#include "sigmax/ops/convolution/layout.hpp"
#include "sigmax/ops/convolution/products.hpp"

namespace sigmax {
namespace {

// The longest inner products that are one call of BLAS, whose sizes are of type int.
constexpr std::int64_t kLongestSegment = std::int64_t{1} << 24;

}  // namespace

// With u and x in their grids, the derivative for one tap is a matrix product over the grid's entries, from the first
// to the last output: the zeros between the rows of u take care of the entries between them.
//
//     for each term: pad x; place w u
//       for each group and tap, in parallel: sums[tap][o, i] += <u[o], x[i] shifted by the tap>
//     gradient += sums
template <Real T>
void add_kernel_gradient(const Correlation& correlation, MatrixView<const T> u, MatrixView<const T> x,
                         std::span<const double> weights, std::span<T> gradient, Context& context) {
  const SerialBlas serial;
  const ConvolutionLayout layout(correlation, 1, 1);
  const std::int64_t in = correlation.in_channels / correlation.groups;
  const std::int64_t out = correlation.out_channels / correlation.groups;
  const std::int64_t taps = correlation.taps();
  auto padded = context.scratch<double>(static_cast<std::size_t>(layout.padded_size()));
  auto placed = context.scratch<double>(static_cast<std::size_t>(layout.out_size()));
  std::vector<double> sums(gradient.size());
  for (std::size_t k = 0; k < weights.size(); ++k) {
    context.check_cancel();
    const T* const image = x.data + static_cast<std::int64_t>(k) * x.stride;
    const T* const output = u.data + static_cast<std::int64_t>(k) * u.stride;
    context.parallel_for(static_cast<std::size_t>(correlation.in_channels), [&](std::size_t channel) {
      const auto c = static_cast<std::int64_t>(channel);
      layout.pad(image + c * correlation.input_positions(), 0, c, padded.data());
    });
    context.parallel_for(static_cast<std::size_t>(correlation.out_channels), [&](std::size_t channel) {
      const auto c = static_cast<std::int64_t>(channel);
      layout.place(output + c * correlation.output_positions(), weights[k], 0, c, placed.data());
    });
    context.parallel_for(static_cast<std::size_t>(correlation.groups * taps), [&](std::size_t unit) {
      const std::int64_t group = static_cast<std::int64_t>(unit) / taps;
      const ConvolutionLayout::Tap& tap = layout.taps()[unit % static_cast<std::size_t>(taps)];
      const double* const left = placed.data() + group * out * layout.out_plane() + layout.front();
      const double* const right =
          padded.data() + tap.grid * layout.grid_stride() + group * in * layout.plane() + tap.shift;
      double* const sum = sums.data() + static_cast<std::int64_t>(unit) * out * in;
      for (std::int64_t first = 0; first < layout.out_length(); first += kLongestSegment) {
        const auto length = static_cast<int>(std::min(kLongestSegment, layout.out_length() - first));
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(out), static_cast<int>(in), length, 1,
                    left + first, static_cast<int>(layout.out_plane()), right + first, static_cast<int>(layout.plane()),
                    1, sum, static_cast<int>(in));
      }
    });
  }
  for (std::int64_t o = 0; o < correlation.out_channels; ++o) {
    for (std::int64_t i = 0; i < in; ++i) {
      for (std::int64_t p = 0; p < taps; ++p) {
        T& entry = gradient[static_cast<std::size_t>((o * in + i) * taps + p)];
        const std::int64_t from = ((o / out * taps + p) * out + o % out) * in + i;
        entry = static_cast<T>(static_cast<double>(entry) + sums[static_cast<std::size_t>(from)]);
      }
    }
  }
}

template void add_kernel_gradient<float>(const Correlation&, MatrixView<const float>, MatrixView<const float>,
                                         std::span<const double>, std::span<float>, Context&);
template void add_kernel_gradient<double>(const Correlation&, MatrixView<const double>, MatrixView<const double>,
                                          std::span<const double>, std::span<double>, Context&);

}  // namespace sigmax
