#include "sigmax/norms/entries/stored_rows.hpp"

#include <cmath>
#include <utility>

#include "sigmax/bounds/algebra.hpp"

namespace sigmax::norms {
namespace {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 16;
constexpr std::int64_t kMostPieces = 64;

}  // namespace

std::size_t pieces_of(const kernels::StoredMatrix& a) {
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(a.size() / kPieceElements, 1, std::min(kMostPieces, std::max<std::int64_t>(a.rows, 1))));
}

std::vector<Enclosure> row_enclosures(const kernels::StoredMatrix& a, double p, Context& context) {
  std::vector<std::vector<Enclosure>> pieces(pieces_of(a));
  for_each_row(a, 1, pieces.size(), context, [&](std::size_t piece, std::int64_t, std::span<const double> row) {
    pieces[piece].push_back(bounds::p_norm(row, p));
  });
  std::vector<Enclosure> all;
  for (const std::vector<Enclosure>& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

LineSums sums_of(const kernels::StoredMatrix& a, double scale, bool of_columns, std::size_t pieces, Context& context) {
  const auto length = static_cast<std::size_t>(of_columns ? a.columns : a.rows);
  const std::size_t copies = of_columns ? pieces : 1;
  std::vector<LineSums> partial(copies,
                                LineSums{std::vector<double>(length, 0.0), std::vector<std::int64_t>(length, 0)});
  for_each_row(a, scale, pieces, context, [&](std::size_t p, std::int64_t i, std::span<const double> row) {
    LineSums& mine = partial[of_columns ? p : 0];
    for (std::size_t j = 0; j < row.size(); ++j) {
      const std::size_t at = of_columns ? j : static_cast<std::size_t>(i);
      mine.value[at] += std::fabs(row[j]);
      mine.zeros[at] += row[j] == 0 ? 1 : 0;
    }
  });
  for (std::size_t p = 1; p < copies; ++p) {
    for (std::size_t j = 0; j < length; ++j) {
      partial[0].value[j] += partial[p].value[j];
      partial[0].zeros[j] += partial[p].zeros[j];
    }
  }
  return std::move(partial[0]);
}

}  // namespace sigmax::norms
