#include "sigmax/linalg/householder.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "sigmax/core/floating_environment.hpp"
#include "sigmax/kernels/symmetric.hpp"
#include "sigmax/linalg/blas.hpp"
#include "sigmax/linalg/spin_team.hpp"

namespace sigmax {
namespace {

constexpr std::int64_t kColumnGroup = kernels::kSymmetricGroup;

std::int64_t rounded_up(std::int64_t n) { return (n + kColumnGroup - 1) / kColumnGroup * kColumnGroup; }
std::int64_t rounded_down(std::int64_t n) { return n / kColumnGroup * kColumnGroup; }

// The number of columns reduced before the trailing matrix is updated, and the order below which it is no longer
// updated.
constexpr std::int64_t kHouseholderPanel = 16;
constexpr std::int64_t kLastPanel = 48;
// The entries of the triangle, and the rows of a panel, that justify a piece of their own.
constexpr std::int64_t kPieceEntries = std::int64_t{1} << 14;
constexpr std::int64_t kPieceRows = 512;
constexpr std::int64_t kSymmetricTile = 128;
// Orders below this take a fraction of a millisecond, and calling other threads would cost much of that.
constexpr std::int64_t kWorthTeam = 256;

// Reduction by panels (Dongarra, Sorensen and Hammarling 1989; LAPACK's dsytrd). With A the matrix as it was before the
// panel and H_k = I - tau v v^T, the matrix after k columns is A - V W^T - W V^T, so that only the panel's columns are
// updated one by one. The rest is updated once at the end of the panel by a matrix product:
//
//   for each column j of the panel:
//     a = column j of A - V W^T - W V^T;  d_j = a_j;  H (a_j+1 ... a_n)^T = (e_j 0 ... 0)^T defines v, tau
//     y = A v - V (W^T v) - W (V^T v)                   two parallel steps: sums, then combinations
//     w = tau y - (tau^2 / 2) (y . v) v;  append v to V, w to W
//   A -= V W^T + W V^T on the rows and columns after the panel
//
// The combinations of the old columns of V and W for column j + 1 are formed in the same read of V and W as those for
// y; the newest column's share is added when w is known. Rows above the first relevant one are processed too, up to a
// multiple of the group: v is zero there, and their results are never used.
class Reduction {
 public:
  Reduction(SymmetricWork& a, Team& team, Context& context)
      : a_(a),
        team_(team),
        context_(context),
        n_(a.order()),
        panels_(context.scratch<double>(static_cast<std::size_t>(3 * kLastPanel * a.stride()))),
        partial_(context.scratch<double>(static_cast<std::size_t>(kMostStrips * a.stride()))) {
    std::fill(panels_.begin(), panels_.end(), 0.0);
  }

  TridiagonalForm run() {
    form_.tau.resize(static_cast<std::size_t>(std::max<std::int64_t>(n_ - 2, 0)));
    t_.diagonal.resize(static_cast<std::size_t>(n_));
    t_.off_diagonal.resize(static_cast<std::size_t>(std::max<std::int64_t>(n_ - 1, 0)));
    std::int64_t begin = 0;
    while (begin + 2 < n_) {
      context_.check_cancel();
      width_ = n_ - begin <= kLastPanel ? n_ - begin - 2 : kHouseholderPanel;
      reduce_panel(begin);
      begin += width_;
      update(begin);
    }
    for (; begin < n_; ++begin) {
      t_.diagonal[static_cast<std::size_t>(begin)] = a_.column(begin)[begin];
      if (begin + 1 < n_) t_.off_diagonal[static_cast<std::size_t>(begin)] = a_.column(begin)[begin + 1];
    }
    return std::move(form_);
  }

 private:
  static constexpr std::int64_t kMostStrips = 24;
  static constexpr std::int64_t kMostChunks = 8;
  using Weights = std::array<double, kLastPanel + 4>;

  // V in columns [0, width), W in [width, 2 width), V again after it: [V W] and [W V] are both contiguous.
  double* v(std::int64_t k) { return panels_.data() + k * a_.stride(); }
  double* w(std::int64_t k) { return v(width_ + k); }

  void reduce_panel(std::int64_t begin);
  double reflect(std::int64_t j, double* v);
  void multiply(std::int64_t j, std::int64_t count, double* y, double* next);
  void cut_strips(std::int64_t first);
  void update(std::int64_t begin);

  SymmetricWork& a_;
  Team& team_;
  Context& context_;
  std::int64_t n_;
  std::int64_t width_ = kHouseholderPanel;
  Context::Buffer<double> panels_;
  Context::Buffer<double> partial_;
  TridiagonalForm form_;
  Tridiagonal& t_ = form_.t;
  std::vector<std::int64_t> strips_;  // first columns, and the end
};

// Computes d_j, e_j and v from the updated column j and returns tau. v_j+1 = 1, zeros above. tau = 0 if there is
// nothing to eliminate; entries whose squares underflow count as zero.
double Reduction::reflect(std::int64_t j, double* v) {
  constexpr double kNothing = 0x1p-900;
  double* const a = a_.column(j);
  const std::int64_t first = rounded_down(j + 1);
  t_.diagonal[static_cast<std::size_t>(j)] = a[j];
  const double alpha = a[j + 1];
  std::fill(a + first, a + j + 2, 0.0);
  const double below = kernels::column_dot(a, a, first, a_.padded());
  double& e = t_.off_diagonal[static_cast<std::size_t>(j)];
  e = alpha;
  if (!(below > kNothing)) {
    std::fill(v + first, v + a_.padded(), 0.0);
    std::fill(a + first, a + a_.padded(), 0.0);
    return 0;
  }
  e = -std::copysign(std::sqrt(alpha * alpha + below), alpha);
  kernels::scaled_copy(a, 1 / (alpha - e), v, first, a_.padded());
  kernels::scaled_copy(a, 1 / (alpha - e), a, first, a_.padded());
  v[j + 1] = a[j + 1] = 1;
  return form_.tau[static_cast<std::size_t>(j)] = (e - alpha) / e;
}

// Strips of columns from `first` on with about equal numbers of entries.
void Reduction::cut_strips(std::int64_t first) {
  const std::int64_t m = a_.padded() - first;
  const std::int64_t count = std::clamp<std::int64_t>(m * m / 2 / kPieceEntries, 1, kMostStrips);
  strips_.clear();
  for (std::int64_t s = 0; s < count; ++s) {
    const double share = 1 - std::sqrt(1 - static_cast<double>(s) / static_cast<double>(count));
    strips_.push_back(first + rounded_down(static_cast<std::int64_t>(share * static_cast<double>(m))));
  }
  strips_.push_back(a_.padded());
}

// y = A v - V (W^T v) - W (V^T v) with v = V_count and V, W the first `count` columns;
// next -= V W_j+1^T + W V_j+1^T, the column of A after j.
void Reduction::multiply(std::int64_t j, std::int64_t count, double* y, double* next) {
  const std::int64_t first = rounded_down(j + 1);
  const std::int64_t end = a_.padded();
  const double* const x = v(count);
  cut_strips(first);
  const auto strips = static_cast<std::int64_t>(strips_.size()) - 1;
  const std::int64_t chunks = count == 0 ? 0 : std::clamp<std::int64_t>((end - first) / kPieceRows, 1, kMostChunks);
  const auto chunk = [&](std::int64_t c, std::int64_t of) { return first + rounded_down((end - first) * c / of); };
  std::array<Weights, kMostChunks> of_v;
  std::array<Weights, kMostChunks> of_w;
  team_.step(static_cast<int>(strips + chunks), [&](int piece) {
    if (piece < strips) {
      const auto s = static_cast<std::size_t>(piece);
      kernels::symmetric_columns(a_.data(), a_.stride(), end, strips_[s], strips_[s + 1], x,
                                 strips == 1 ? y : partial_.data() + piece * a_.stride());
    } else {
      const std::int64_t c = piece - strips;
      const auto i = static_cast<std::size_t>(c);
      kernels::panel_products(v(0), a_.stride(), count, chunk(c, chunks), chunk(c + 1, chunks), x, of_v[i].data());
      kernels::panel_products(w(0), a_.stride(), count, chunk(c, chunks), chunk(c + 1, chunks), x, of_w[i].data());
    }
  });
  if (strips == 1 && count == 0) return;
  // The columns of V and W are weighted by W_j+1 and V_j+1 in the next column of A, and by W^T v and V^T v in y.
  Weights by_v{}, by_w{}, next_by_v{}, next_by_w{};
  for (std::int64_t k = 0; k < count; ++k) {
    const auto i = static_cast<std::size_t>(k);
    for (std::size_t c = 0; c < static_cast<std::size_t>(chunks); ++c) {
      by_v[i] += of_w[c][i];
      by_w[i] += of_v[c][i];
    }
    next_by_v[i] = w(k)[j + 1];
    next_by_w[i] = v(k)[j + 1];
  }
  const std::int64_t parts = std::clamp<std::int64_t>((end - first) / kPieceRows, 1, kMostChunks);
  team_.step(static_cast<int>(parts), [&](int piece) {
    const std::int64_t from = chunk(piece, parts);
    const std::int64_t to = chunk(piece + 1, parts);
    if (strips > 1) kernels::sum_partial(partial_.data(), a_.stride(), strips_.data(), strips, from, to, y);
    if (count == 0) return;
    kernels::panel_combine(v(0), w(0), a_.stride(), count, from, to, {by_v.data(), by_w.data()}, y,
                           {next_by_v.data(), next_by_w.data()}, next);
  });
}

void Reduction::reduce_panel(std::int64_t begin) {
  for (std::int64_t k = 0; k < width_; ++k) {
    const std::int64_t j = begin + k;
    const std::int64_t first = rounded_down(j + 1);
    double* const next = k + 1 < width_ ? a_.column(j + 1) : nullptr;
    const double tau = reflect(j, v(k));
    multiply(j, k, w(k), next);
    const double product = kernels::column_dot(w(k), v(k), first, a_.padded());
    const double shift = -0.5 * tau * tau * product;
    const double w_next = tau * w(k)[j + 1] + shift * v(k)[j + 1];
    kernels::finish_reflection(v(k), w(k), tau, shift, next, w_next, v(k)[j + 1], first, a_.padded());
  }
}

// Computes the lower triangle of A - [V W] [W V]^T from row and column `begin` on, in tiles.
void Reduction::update(std::int64_t begin) {
  const std::int64_t stride = a_.stride();
  std::copy(v(0), v(width_), v(2 * width_));
  const std::int64_t tiles = (n_ - begin + kSymmetricTile - 1) / kSymmetricTile;
  const std::int64_t total = tiles * (tiles + 1) / 2;
  const auto pieces = static_cast<int>(std::min<std::int64_t>(total, Team::kMostPieces));
  const int ld = static_cast<int>(stride);
  team_.step(pieces, [&](int piece) {
    std::int64_t t = 0;
    for (std::int64_t column = 0; column < tiles; ++column) {
      for (std::int64_t row = column; row < tiles; ++row, ++t) {
        if (t % pieces != piece) continue;
        const std::int64_t i = begin + row * kSymmetricTile;
        const std::int64_t j = begin + column * kSymmetricTile;
        const int rows = static_cast<int>(std::min(kSymmetricTile, n_ - i));
        const int columns = static_cast<int>(std::min(kSymmetricTile, n_ - j));
        double* const c = a_.column(j) + i;
        if (row == column) {
          cblas_dsyr2k(CblasColMajor, CblasLower, CblasNoTrans, rows, static_cast<int>(width_), -1.0, v(0) + i, ld,
                       w(0) + i, ld, 1.0, c, ld);
        } else {
          cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, rows, columns, static_cast<int>(2 * width_), -1.0,
                      v(0) + i, ld, w(0) + j, ld, 1.0, c, ld);
        }
      }
    }
  });
}

}  // namespace

// A stride that is a multiple of many cache lines would put the entries of a row into the same few sets of the cache.
SymmetricWork::SymmetricWork(std::int64_t order, Context& context)
    : order_(order),
      padded_(rounded_up(order)),
      stride_(padded_ % (8 * kColumnGroup) == 0 ? padded_ + kColumnGroup : padded_),
      values_(context.scratch<double>(static_cast<std::size_t>(padded_ * stride_))) {
  for (std::int64_t j = 0; j < padded_; ++j) {
    std::fill(column(j) + (j < order_ ? order_ : 0), column(j) + stride_, 0.0);
  }
}

TridiagonalForm tridiagonalize(SymmetricWork& a, Context& context) {
  const FloatingEnvironment environment;
  TridiagonalForm form;
  if (a.order() == 0) return form;
  const auto lead = [&](Team& team) { form = Reduction(a, team, context).run(); };
  if (a.order() < kWorthTeam) {
    Team::run_alone(lead);
  } else {
    Team::run(context, lead);
  }
  return form;
}

std::vector<double> from_tridiagonal(SymmetricWork& reduced, const TridiagonalForm& form, std::span<const double> y,
                                     Context& context) {
  const FloatingEnvironment environment;
  auto x = context.scratch<double>(static_cast<std::size_t>(reduced.padded()));
  std::fill(std::copy(y.begin(), y.end(), x.begin()), x.end(), 0.0);
  for (std::int64_t j = reduced.order() - 3; j >= 0; --j) {
    kernels::reflect(reduced.column(j), form.tau[static_cast<std::size_t>(j)], x.data(), rounded_down(j + 1),
                     reduced.padded());
  }
  return {x.begin(), x.begin() + reduced.order()};
}

}  // namespace sigmax
