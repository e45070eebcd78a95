// Arithmetic of ONNX's shapes. Internal to graph/.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/onnx/rule.hpp"

namespace sigmax::graph::onnx {

/// The most entries that a value may have which an import writes down entry by entry: a folded constant, or an index.
inline constexpr std::int64_t kMostEntries = std::int64_t{1} << 26;

/// The number of entries. Throws RefusedNode if it is not at most kMostEntries.
std::int64_t counted(const Dimensions& shape);

/// Product of the extents from axis `first` to before axis `last`.
std::int64_t extent_product(const Dimensions& shape, std::size_t first, std::size_t last);

/// ONNX's multidirectional broadcasting. Throws RefusedNode if the shapes do not fit.
Dimensions broadcast_shape(const Dimensions& a, const Dimensions& b);

/// For each entry of `to` the entry of `from` that broadcasting puts there; `from` broadcasts to `to`.
std::vector<std::int64_t> broadcast_source(const Dimensions& from, const Dimensions& to);

/// `axis` of a value of `rank` axes, counted from the end where it is negative. Throws RefusedNode if there is none.
std::size_t axis_of(std::int64_t axis, std::size_t rank);

/// The axes as above, in ascending order. Throws RefusedNode if one occurs twice.
std::vector<std::size_t> axes_of(const std::vector<std::int64_t>& axes, std::size_t rank);

/// For each entry of a value whose axes in `last` (ascending) are moved behind the others: the entry that comes there.
std::vector<std::int64_t> with_axes_last(const Dimensions& shape, const std::vector<std::size_t>& last);

/// The shape without these axes, or with 1 in their place.
Dimensions reduced_shape(const Dimensions& shape, const std::vector<std::size_t>& axes, bool keeps);

/// Calls visit(entry, index) for each entry in row-major order; `index` has its coordinates.
template <class Visit>
void each_entry(const Dimensions& shape, Visit visit) {
  const std::int64_t count = element_count(shape).value_or(0);
  Dimensions index(shape.size(), 0);
  for (std::int64_t entry = 0; entry < count; ++entry) {
    visit(entry, index);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace sigmax::graph::onnx
