// A^T A x of a convolution by FFTW: what adr/0054 decided against.
#pragma once

#include <cblas.h>
#include <fftw3.h>

#include <algorithm>
#include <complex>
#include <memory>
#include <span>
#include <vector>

#include "sigmax/core/context.hpp"
#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::benchmark {

/// Transforms of all channels, a product with each frequency's matrix of weights, the inverse transforms, and the same
/// for the transpose. The weights are transformed once; images come and go as PyTorch has them, as for sigmax. Images
/// are padded to sizes with small factors, plans are measured, and all steps use the context's threads.
class FftProduct {
 public:
  /// Two axes without dilation, padded with zeros, or circularly with no more outputs than inputs, and one group or one
  /// channel in each.
  static bool serves(const Correlation& c) {
    const bool circular = c.padding_mode == PaddingMode::Circular;
    const bool fits = std::all_of(c.axes.begin(), c.axes.end(), [&](const CorrelationAxis& axis) {
      return axis.dilation == 1 && (!circular || last_output(axis) < axis.input);
    });
    return c.axes.size() == 2 && fits && (circular || c.padding_mode == PaddingMode::Zeros) &&
           (c.groups == 1 || (c.groups == c.in_channels && c.groups == c.out_channels));
  }

  FftProduct(const Correlation& c, std::int64_t images, std::span<const float> kernel, Context& context)
      : c_(c), images_(images), context_(context) {
    static_cast<void>(fftwf_init_threads());
    fftwf_plan_with_nthreads(context.threads());
    for (const std::size_t axis : {0U, 1U}) sides_[axis] = grid_side(c.axes[axis], c.padding_mode);
    frequencies_ = sides_[0] * (sides_[1] / 2 + 1);
    transform_weights(kernel);
    for (Side* side : {&in_, &out_}) {
      side->channels = side == &in_ ? c.in_channels : c.out_channels;
      plan(*side, side->channels * images);
    }
  }

  void gram(const float* x, float* z) {
    embed(x);
    fftwf_execute(in_.there);
    multiply(in_, out_, false);
    fftwf_execute(out_.back);
    keep_outputs();
    fftwf_execute(out_.there);
    multiply(out_, in_, true);
    fftwf_execute(in_.back);
    take(z);
  }

  ~FftProduct() {
    for (const Side* side : {&in_, &out_}) {
      fftwf_destroy_plan(side->there);
      fftwf_destroy_plan(side->back);
    }
  }
  FftProduct(const FftProduct&) = delete;
  FftProduct& operator=(const FftProduct&) = delete;

 private:
  using Complex = std::complex<float>;
  struct Free {
    void operator()(void* memory) const { fftwf_free(memory); }
  };
  template <class T>
  using Buffer = std::unique_ptr<T[], Free>;

  // x or y: its planes on the grid, and its spectrum, [frequency][image][channel].
  struct Side {
    std::int64_t channels = 0;
    Buffer<float> grid;
    Buffer<Complex> spectrum;
    fftwf_plan there = nullptr, back = nullptr;
  };

  template <class T>
  static Buffer<T> aligned(std::int64_t count) {
    return Buffer<T>(static_cast<T*>(fftwf_malloc(sizeof(T) * static_cast<std::size_t>(count))));
  }

  static std::int64_t last_output(const CorrelationAxis& axis) { return axis.stride * (axis.output - 1); }

  // What wraps around must fall on padding: x lies at pad_low on a grid of n, and reads end before n + pad_low.
  static int grid_side(const CorrelationAxis& axis, PaddingMode mode) {
    if (mode == PaddingMode::Circular) return static_cast<int>(axis.input);
    const auto has_small_factors = [](std::int64_t n) {
      for (const std::int64_t factor : {2, 3, 5, 7}) {
        while (n % factor == 0) n /= factor;
      }
      return n == 1;
    };
    std::int64_t n = std::max({axis.input + axis.pad_low, axis.window() - axis.pad_low, last_output(axis) + 1});
    while (!has_small_factors(n)) ++n;
    return static_cast<int>(n);
  }

  std::int64_t plane() const { return std::int64_t{sides_[0]} * sides_[1]; }

  void plan(Side& side, std::int64_t planes) {
    side.grid = aligned<float>(planes * plane());
    side.spectrum = aligned<Complex>(planes * frequencies_);
    auto* const spectrum = reinterpret_cast<fftwf_complex*>(side.spectrum.get());
    const int count = static_cast<int>(planes), apart = static_cast<int>(plane());
    side.there = fftwf_plan_many_dft_r2c(2, sides_, count, side.grid.get(), nullptr, 1, apart, spectrum, nullptr, count,
                                         1, FFTW_MEASURE);
    side.back = fftwf_plan_many_dft_c2r(2, sides_, count, spectrum, nullptr, count, 1, side.grid.get(), nullptr, 1,
                                        apart, FFTW_MEASURE);
  }

  // The conjugate of each frequency's weights over the size of the grid: out x in, by columns, or one for each channel.
  void transform_weights(std::span<const float> kernel) {
    const std::int64_t in = c_.in_channels / c_.groups, out = c_.out_channels, height = c_.axes[0].kernel,
                       wide = c_.axes[1].kernel;
    Side weights;
    plan(weights, out * in);
    std::fill_n(weights.grid.get(), out * in * plane(), 0.0F);
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < in; ++i) {
        for (std::int64_t p = 0; p < height; ++p) {
          for (std::int64_t q = 0; q < wide; ++q) {
            const std::int64_t row = p % sides_[0], column = q % sides_[1];  // a circular kernel may exceed its image
            weights.grid[static_cast<std::size_t>((i * out + o) * plane() + row * sides_[1] + column)] +=
                kernel[static_cast<std::size_t>(((o * in + i) * height + p) * wide + q)];
          }
        }
      }
    }
    fftwf_execute(weights.there);
    const float scale = 1 / static_cast<float>(plane());
    for (std::int64_t k = 0; k < out * in * frequencies_; ++k) {
      Complex& weight = weights.spectrum[static_cast<std::size_t>(k)];
      weight = std::conj(weight) * scale;
    }
    weights_ = std::move(weights.spectrum);
    fftwf_destroy_plan(weights.there);
    fftwf_destroy_plan(weights.back);
  }

  // to = weights from or weights^H from at each frequency, a part of them on each thread.
  void multiply(const Side& from, Side& to, bool adjoint) {
    openblas_set_num_threads(1);
    const std::int64_t parts = context_.threads();
    context_.parallel_for(static_cast<std::size_t>(parts), [&](std::size_t part) {
      const auto p = static_cast<std::int64_t>(part);
      for (std::int64_t f = frequencies_ * p / parts; f < frequencies_ * (p + 1) / parts; ++f) {
        const Complex* const x = from.spectrum.get() + f * from.channels * images_;
        Complex* const y = to.spectrum.get() + f * to.channels * images_;
        if (c_.groups == 1) {
          multiply_matrix(f, x, y, adjoint);
        } else {
          multiply_channels(f, x, y, adjoint);
        }
      }
    });
    openblas_set_num_threads(context_.threads());
  }

  void multiply_matrix(std::int64_t f, const Complex* x, Complex* y, bool adjoint) const {
    const Complex one = 1, zero = 0;
    const auto out = static_cast<int>(c_.out_channels), in = static_cast<int>(c_.in_channels);
    const Complex* const weights = weights_.get() + f * out * in;
    const CBLAS_TRANSPOSE how = adjoint ? CblasConjTrans : CblasNoTrans;
    if (images_ == 1) {
      cblas_cgemv(CblasColMajor, how, out, in, &one, weights, out, x, 1, &zero, y, 1);
    } else {
      const int rows = adjoint ? in : out, terms = adjoint ? out : in;
      cblas_cgemm(CblasColMajor, how, CblasNoTrans, rows, static_cast<int>(images_), terms, &one, weights, out, x,
                  terms, &zero, y, rows);
    }
  }

  // Real and imaginary parts: a product of std::complex looks for NaN.
  void multiply_channels(std::int64_t f, const Complex* x, Complex* y, bool adjoint) const {
    const auto* const w = reinterpret_cast<const float*>(weights_.get() + f * c_.groups);
    const float sign = adjoint ? -1 : 1;
    for (std::int64_t image = 0; image < images_; ++image) {
      const auto* const a = reinterpret_cast<const float*>(x + image * c_.groups);
      auto* const b = reinterpret_cast<float*>(y + image * c_.groups);
      for (std::int64_t c = 0; c < c_.groups; ++c) {
        const float real = w[2 * c], imaginary = sign * w[2 * c + 1];
        b[2 * c] = real * a[2 * c] - imaginary * a[2 * c + 1];
        b[2 * c + 1] = real * a[2 * c + 1] + imaginary * a[2 * c];
      }
    }
  }

  // body(plane of the grid, channel's number) for all planes of one side, a part of them on each thread.
  template <class Body>
  void each_plane(const Side& side, const Body& body) const {
    const std::int64_t planes = side.channels * images_, parts = context_.threads();
    context_.parallel_for(static_cast<std::size_t>(parts), [&](std::size_t part) {
      const auto p = static_cast<std::int64_t>(part);
      for (std::int64_t k = planes * p / parts; k < planes * (p + 1) / parts; ++k) {
        body(side.grid.get() + k * plane(), k);
      }
    });
  }

  std::int64_t place(int axis, std::int64_t position) const {
    return (position + c_.axes[static_cast<std::size_t>(axis)].pad_low) % sides_[axis];
  }

  void embed(const float* x) const {
    const std::int64_t height = c_.axes[0].input, wide = c_.axes[1].input;
    each_plane(in_, [&](float* grid, std::int64_t k) {
      std::fill_n(grid, plane(), 0.0F);
      for (std::int64_t i = 0; i < height; ++i) {
        for (std::int64_t j = 0; j < wide; ++j) {
          grid[place(0, i) * sides_[1] + place(1, j)] = x[(k * height + i) * wide + j];
        }
      }
    });
  }

  void take(float* z) const {
    const std::int64_t height = c_.axes[0].input, wide = c_.axes[1].input;
    each_plane(in_, [&](const float* grid, std::int64_t k) {
      for (std::int64_t i = 0; i < height; ++i) {
        for (std::int64_t j = 0; j < wide; ++j) {
          z[(k * height + i) * wide + j] = grid[place(0, i) * sides_[1] + place(1, j)];
        }
      }
    });
  }

  // Leaves of y what the layer has of it: every stride-th position.
  void keep_outputs() const {
    const CorrelationAxis &rows = c_.axes[0], &columns = c_.axes[1];
    each_plane(out_, [&](float* grid, std::int64_t) {
      for (std::int64_t i = 0; i < sides_[0]; ++i) {
        float* const row = grid + i * sides_[1];
        if (i % rows.stride != 0 || i / rows.stride >= rows.output) {
          std::fill_n(row, sides_[1], 0.0F);
          continue;
        }
        for (std::int64_t j = 0; j < sides_[1]; ++j) {
          if (j % columns.stride != 0 || j / columns.stride >= columns.output) row[j] = 0;
        }
      }
    });
  }

  Correlation c_;
  std::int64_t images_;
  Context& context_;
  int sides_[2] = {};
  std::int64_t frequencies_ = 0;
  Buffer<Complex> weights_;
  Side in_, out_;
};

}  // namespace sigmax::benchmark
