// The block of P(mu) at one frequency, factored. Internal to bounds/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sigmax/bounds/convolution_inequality/symbol_panel.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/matrix.hpp"

namespace sigmax::bounds {

/// What the end of a segment asks of the shift of the last images: 2 rows of `rows` real entries each meet one of their
/// channels, with errors of their entries that add up to `errors` over a column.
struct EndNeeds {
  std::int64_t rows = 0;
  double errors = 0;
};

/// P(mu) of a segment, images 0 the input, in the units of the segment: I; 2 I, and -F below it (symbol_panel.hpp).
/// The blocks of a frequency and of those that become it are factored one after another, each once.
class FrequencyFactor {
 public:
  /// Nothing if the numbers are out of range.
  static std::optional<FrequencyFactor> make(const ImageSegment& segment, const EndNeeds& end);

  /// R <- R L^-T, R with two columns for each channel of the last images, L the block's factor at t. False if the
  /// factorization does not complete. R R^T then is R X^-1 R^T, X the Schur complement of the last images, with errors
  /// that the shifts make up for: docs/lipschitz-convolutions.md.
  bool solve(const TorusPoint& t, Matrix<double>& rows, Context& context) const;

  /// Real rows that meet an entry of the last images: terms in an inner product with them.
  std::int64_t last_terms() const { return 2 * width_.back(); }
  const std::vector<SymbolPanel>& panels() const { return panels_; }

 private:
  bool solve(std::size_t image, const TorusPoint& t, Matrix<double>& rows, Context& context) const;

  std::vector<std::int64_t> width_;  // channels of images 0, 1, ...
  std::vector<SymbolPanel> panels_;  // panels_[k]: from images k to k + 1
  std::vector<double> shift_;
  double input_pivot_ = 1;
};

}  // namespace sigmax::bounds
