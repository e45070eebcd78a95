// oneDNN's convolution and its backward-data, in the layouts that the library chooses.
#pragma once

#include <omp.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <vector>

#include "sigmax/ops/convolution/geometry.hpp"

namespace sigmax::benchmark {

inline void set_threads_of_onednn(int threads) { omp_set_num_threads(threads); }

/// Two-dimensional, zero padding, dilation 1. Weights and the first image are brought into the library's layouts once;
/// y may be brought from the layout of one half into that of the other in each product.
class OneDnn {
 public:
  OneDnn(const Correlation& c, std::int64_t images, std::span<const float> kernel, std::span<const float> x)
      : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using dnnl::memory;
    const memory::dims source{images, c.in_channels, c.axes[0].input, c.axes[1].input};
    const memory::dims result{images, c.out_channels, c.axes[0].output, c.axes[1].output};
    const bool grouped = c.groups > 1;
    const memory::dims weights = grouped
                                     ? memory::dims{c.groups, c.out_channels / c.groups, c.in_channels / c.groups,
                                                    c.axes[0].kernel, c.axes[1].kernel}
                                     : memory::dims{c.out_channels, c.in_channels, c.axes[0].kernel, c.axes[1].kernel};
    const memory::dims strides{c.axes[0].stride, c.axes[1].stride};
    const memory::dims low{c.axes[0].pad_low, c.axes[1].pad_low};
    memory::dims high;
    for (const CorrelationAxis& axis : c.axes) high.push_back(axis.window() - axis.pad_low - axis.input);
    const auto any = [](const memory::dims& dims) {
      return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
    };
    plain_source_ = memory::desc(source, memory::data_type::f32, memory::format_tag::nchw);
    const memory::desc plain_weights(weights, memory::data_type::f32,
                                     grouped ? memory::format_tag::goihw : memory::format_tag::oihw);
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, any(source), any(weights), any(result),
         strides, low, high},
        engine_);
    const dnnl::convolution_backward_data::primitive_desc backward(
        {dnnl::algorithm::convolution_direct, any(source), any(weights), any(result), strides, low, high}, engine_,
        forward);
    forward_ = dnnl::convolution_forward(forward);
    backward_ = dnnl::convolution_backward_data(backward);
    x_ = in_layout(plain_source_, x, forward.src_desc());
    forward_weights_ = in_layout(plain_weights, kernel, forward.weights_desc());
    backward_weights_ = in_layout(plain_weights, kernel, backward.weights_desc());
    y_ = memory(forward.dst_desc(), engine_);
    same_layout_ = forward.dst_desc() == backward.diff_dst_desc();
    moved_y_ = same_layout_ ? y_ : memory(backward.diff_dst_desc(), engine_);
    z_ = memory(backward.diff_src_desc(), engine_);
  }

  void gram() {
    forward_.execute(stream_, {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, forward_weights_}, {DNNL_ARG_DST, y_}});
    if (!same_layout_) dnnl::reorder(y_, moved_y_).execute(stream_, y_, moved_y_);
    backward_.execute(stream_,
                      {{DNNL_ARG_DIFF_DST, moved_y_}, {DNNL_ARG_WEIGHTS, backward_weights_}, {DNNL_ARG_DIFF_SRC, z_}});
    stream_.wait();
  }

  /// z as PyTorch has it.
  std::vector<float> result() {
    dnnl::memory plain(plain_source_, engine_);
    dnnl::reorder(z_, plain).execute(stream_, z_, plain);
    stream_.wait();
    const auto* const first = static_cast<const float*>(plain.get_data_handle());
    return {first, first + plain_source_.get_size() / sizeof(float)};
  }

 private:
  dnnl::memory in_layout(const dnnl::memory::desc& plain, std::span<const float> values,
                         const dnnl::memory::desc& wanted) {
    dnnl::memory from(plain, engine_);
    std::copy(values.begin(), values.end(), static_cast<float*>(from.get_data_handle()));
    dnnl::memory to(wanted, engine_);
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
    return to;
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::memory::desc plain_source_;
  dnnl::convolution_forward forward_;
  dnnl::convolution_backward_data backward_;
  dnnl::memory x_, forward_weights_, backward_weights_, y_, moved_y_, z_;
  bool same_layout_ = false;
};

}  // namespace sigmax::benchmark
