// The hot loop of convolutions: sums of weighted shifted copies of one array. Internal to the library.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sigmax/core/view.hpp"

namespace sigmax::kernels {

/// Weights w[m, k] of `rows` >= 1 outputs from `terms` shifted copies. They lie in the order in which they are read: by
/// blocks of kBlockTerms terms, in a block by panels of at most kPanelRows outputs, in a panel by terms.
template <Real T>
class ShiftedWeights {
 public:
  static constexpr std::int64_t kPanelRows = 8;
  static constexpr std::int64_t kBlockTerms = 128;

  ShiftedWeights() = default;
  /// All weights zero.
  ShiftedWeights(std::int64_t rows, std::int64_t terms);

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t terms() const noexcept { return terms_; }
  std::int64_t panels() const noexcept { return panels_; }
  /// The first output of a panel; of panels(), rows().
  std::int64_t first_row(std::int64_t panel) const noexcept;
  /// The weights of a panel for the block of terms that begins with `term`: entry (r, k) at [k * rows of the panel +
  /// r].
  const T* block(std::int64_t panel, std::int64_t term) const noexcept {
    return values_.data() + rows_ * term + first_row(panel) * length_of_block(term);
  }
  T& at(std::int64_t row, std::int64_t term) noexcept;

 private:
  std::int64_t length_of_block(std::int64_t term) const noexcept { return std::min(kBlockTerms, terms_ - term); }

  std::int64_t rows_ = 0;
  std::int64_t terms_ = 0;
  std::int64_t panels_ = 0;
  std::vector<T> values_;
};

/// A stretch of outputs: length of them from `to` in the destination, read from `from` on in the source.
struct ShiftedRun {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t length = 0;
};

/// For each output m of the panels [first_panel, last_panel), each run and each n < length,
///
///     destination[m destination_stride + to + n] = sum_k w[m, k] source[offset[k] + from + n].
///
/// Sums are formed in T: |computed - exact| <= gamma_terms sum_k |w[m, k]| |source[...]|, with the terms in order, by
/// fused multiplications where the machine has them, in blocks of 128 whose sums are added in order. A result depends
/// on its own terms and the instruction set only: not on the runs, the panels or the lengths. Vectors read up to
/// shifted_slack<T>() elements beyond a run's last source element; nothing but the runs is written.
///
/// On the calling thread, in its floating-point mode. Cost: 2 rows terms flops for each output position, lengths
/// rounded up to vectors.
template <Real T>
void shifted_sums(const ShiftedWeights<T>& w, std::int64_t first_panel, std::int64_t last_panel,
                  std::span<const std::int64_t> offsets, std::span<const ShiftedRun> runs, const T* source,
                  T* destination, std::int64_t destination_stride);

/// The elements of a vector of the target in use.
template <Real T>
std::int64_t shifted_lanes();

/// Elements that must be readable beyond each run, whatever the target.
template <Real T>
constexpr std::int64_t shifted_slack() {
  return 256 / static_cast<std::int64_t>(sizeof(T));
}

}  // namespace sigmax::kernels
