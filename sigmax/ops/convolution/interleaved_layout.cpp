#include "sigmax/ops/convolution/interleaved_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sigmax {
namespace {

/// A term that reads at `offset`, after those before it.
void add_term(std::vector<kernels::InterleavedTerms>& terms, std::int64_t offset, std::int64_t step) {
  if (terms.empty() || terms.back().count == 3 || offset != terms.back().offset + terms.back().count * step) {
    terms.push_back({offset, 0});
  }
  ++terms.back().count;
}

/// What the entries of `places`, in order and `lanes` elements each, leave of [0, size).
std::vector<InterleavedLayout::Stretch> outside(const std::vector<std::int64_t>& places, std::int64_t size,
                                                std::int64_t lanes) {
  std::vector<InterleavedLayout::Stretch> all;
  std::int64_t next = 0;
  for (const std::int64_t at : places) {
    if (at > next) all.push_back({next, at});
    next = at + lanes;
  }
  if (size > next) all.push_back({next, size});
  return all;
}

}  // namespace

// Entries of both boxes on each axis, and the elements from one to the next.
struct InterleavedLayout::Size {
  std::array<std::int64_t, 3> length{}, pitch{}, front{}, out_length{}, out_pitch{};
};

InterleavedLayout::InterleavedLayout(const Axes& axes, PaddingMode mode, std::int64_t lanes) : lanes_(lanes) {
  Size s;
  box = out_box = lanes;
  for (std::size_t i = 3; i-- > 0;) {
    const CorrelationAxis& axis = axes[i];
    s.length[i] = std::max(axis.window(), axis.pad_low + axis.input);
    s.front[i] = (axis.reach() - 1) / axis.stride;
    s.out_length[i] = s.front[i] + std::max(axis.output, (s.length[i] - 1) / axis.stride + 1);
    s.pitch[i] = box;
    s.out_pitch[i] = out_box;
    box *= s.length[i];
    out_box *= s.out_length[i];
  }
  length = axes[2].output;
  step = axes[2].stride * lanes;
  for (std::int64_t z = 0; z < axes[0].output; ++z) {
    for (std::int64_t h = 0; h < axes[1].output; ++h) {
      const std::int64_t to =
          (z + s.front[0]) * s.out_pitch[0] + (h + s.front[1]) * s.out_pitch[1] + s.front[2] * lanes;
      rows.push_back({z * axes[0].stride * s.pitch[0] + h * axes[1].stride * s.pitch[1], to});
      for (std::int64_t a = 0; a < axes[2].output; ++a) out_place.push_back(to + a * lanes);
    }
  }
  for (std::int64_t z = 0; z < axes[0].kernel; ++z) {
    for (std::int64_t h = 0; h < axes[1].kernel; ++h) {
      for (std::int64_t a = 0; a < axes[2].kernel; ++a) {
        const std::int64_t at = z * axes[0].dilation * s.pitch[0] + h * axes[1].dilation * s.pitch[1];
        add_term(terms, at + a * axes[2].dilation * lanes, step);
      }
    }
  }
  add_places(axes, mode, s);
  out_zeros = outside(out_place, out_box, lanes);
  if (mode == PaddingMode::Zeros) zeros = outside(place, box, lanes);
  std::array<std::int64_t, 3> residue{};
  for (residue[0] = 0; residue[0] < axes[0].stride; ++residue[0]) {
    for (residue[1] = 0; residue[1] < axes[1].stride; ++residue[1]) {
      for (residue[2] = 0; residue[2] < axes[2].stride; ++residue[2]) {
        add_grid(axes, s, residue, mode != PaddingMode::Zeros);
      }
    }
  }
}

void InterleavedLayout::add_places(const Axes& axes, PaddingMode mode, const Size& s) {
  // The box in order: entries of x come in their own order.
  std::array<std::int64_t, 3> u{};
  for (u[0] = 0; u[0] < s.length[0]; ++u[0]) {
    for (u[1] = 0; u[1] < s.length[1]; ++u[1]) {
      for (u[2] = 0; u[2] < s.length[2]; ++u[2]) {
        bool inside = true, zero = false;
        std::int64_t at = 0, from = 0;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::int64_t j = u[i] - axes[i].pad_low;
          const std::int64_t entry = padded_entry(mode, axes[i].input, j);
          inside = inside && j >= 0 && j < axes[i].input;
          zero = zero || entry == kPaddedZero;
          at += u[i] * s.pitch[i];
          from += (entry + axes[i].pad_low) * s.pitch[i];
        }
        if (inside) {
          place.push_back(at);
        } else if (!zero) {
          copies.push_back({at, from});
        }
      }
    }
  }
}

// Zeros of the padding stay as they are.
void InterleavedLayout::add_grid(const Axes& axes, const Size& s, const std::array<std::int64_t, 3>& residue,
                                 bool padding_too) {
  std::array<std::int64_t, 3> first{}, last{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t begin = padding_too ? 0 : axes[i].pad_low;
    const std::int64_t end = padding_too ? s.length[i] : axes[i].pad_low + axes[i].input;
    first[i] = quotient_above(begin - residue[i], axes[i].stride);
    last[i] = quotient_below(end - 1 - residue[i], axes[i].stride) + 1;
  }
  Grid grid;
  grid.length = last[2] - first[2];
  std::array<std::int64_t, 3> p{};
  // From the last tap to the first, so that places in y's box come in order.
  for (p[0] = axes[0].kernel; p[0]-- > 0;) {
    for (p[1] = axes[1].kernel; p[1]-- > 0;) {
      for (p[2] = axes[2].kernel; p[2]-- > 0;) {
        std::int64_t offset = 0;
        bool here = true;
        for (std::size_t i = 0; i < 3; ++i) {
          here = here && axes[i].dilation * p[i] % axes[i].stride == residue[i];
          offset -= axes[i].dilation * p[i] / axes[i].stride * s.out_pitch[i];
        }
        if (!here) continue;
        grid.taps.push_back((p[0] * axes[1].kernel + p[1]) * axes[2].kernel + p[2]);
        add_term(grid.terms, offset, lanes_);
      }
    }
  }
  for (std::int64_t z = first[0]; z < last[0]; ++z) {
    for (std::int64_t h = first[1]; h < last[1] && grid.length > 0; ++h) {
      const std::array<std::int64_t, 3> q{z, h, first[2]};
      kernels::InterleavedRow row;
      for (std::size_t i = 0; i < 3; ++i) {
        row.from += (q[i] + s.front[i]) * s.out_pitch[i];
        row.to += (q[i] * axes[i].stride + residue[i]) * s.pitch[i];
      }
      grid.rows.push_back(row);
    }
  }
  grids.push_back(std::move(grid));
}

}  // namespace sigmax
