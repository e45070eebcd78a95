// Operators that move entries: y_i is an entry of x, or 0.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sigmax/ops/linear_operator.hpp"

namespace sigmax {

/// Which entries of x a selection reads, and for which it has a zero.
class SelectedEntries {
 public:
  /// y_i = x[index[i]], or 0 where index[i] is -1, for x of `inputs` entries. An index that is a range takes no memory,
  /// another one 8 bytes an entry. Throws Error if `inputs` is negative, or for an index that is neither -1 nor in
  /// [0, inputs); the message names it.
  SelectedEntries(std::int64_t inputs, std::vector<std::int64_t> index);

  /// y = (x_first, ..., x_(first + count - 1)). Throws Error unless 0 <= first, 0 <= count and first + count <= inputs.
  static SelectedEntries range(std::int64_t inputs, std::int64_t first, std::int64_t count);

  std::int64_t inputs() const noexcept { return inputs_; }
  std::int64_t size() const noexcept { return size_; }

  /// The entry of x that y_i is, or -1: 0.
  std::int64_t at(std::int64_t i) const noexcept {
    return index_.empty() ? first_ + i : index_[static_cast<std::size_t>(i)];
  }

  /// How often the most frequent entry of x occurs in y.
  std::int64_t most_copies() const noexcept { return most_copies_; }

  /// The entries of y that are not zeros.
  std::int64_t selected() const noexcept { return selected_; }

  bool is_range() const noexcept { return index_.empty(); }

 private:
  SelectedEntries(std::int64_t inputs, std::int64_t first, std::int64_t count);

  std::int64_t inputs_ = 0;
  std::int64_t size_ = 0;
  std::int64_t first_ = 0;
  std::int64_t most_copies_ = 0;
  std::int64_t selected_ = 0;
  std::vector<std::int64_t> index_;  // empty: a range from first_
};

/// The operator of a selection: transposing, slicing, gathering, repeating, padding and resizing without interpolation
/// are all of this kind.
///
/// S^T S is diagonal, with the number of copies of each entry: sigma_max is exactly the square root of most_copies().
/// Cost: one read of x and one write of y. A x is exact; an entry of A^T y is a sum of its copies, in their order.
/// structure() is Selection. No parameters. Throws Error for a null pointer.
template <Real T>
Operator<T> selection(std::shared_ptr<const SelectedEntries> entries);

/// As above. A selection of all entries in their order, such as a reshape, is identity(inputs).
template <Real T>
Operator<T> selection(std::int64_t inputs, std::vector<std::int64_t> index);

/// The entries [first, first + count) of `inputs`: one output of a split along the first axis. Takes no memory.
template <Real T>
Operator<T> range_selection(std::int64_t inputs, std::int64_t first, std::int64_t count);

}  // namespace sigmax
