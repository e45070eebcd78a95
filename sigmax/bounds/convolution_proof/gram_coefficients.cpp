#include "sigmax/bounds/convolution_proof/gram_coefficients.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/kernels/column_groups.hpp"
#include "sigmax/kernels/vector.hpp"

namespace sigmax::bounds {
namespace {

bool is_half(const Position& q) { return q >= Position{0, 0, 0}; }

// The largest position on each axis; the least is 0.
Position extent_of(const Symbol& symbol) {
  Position most{0, 0, 0};
  for (const Position& p : symbol.taps) {
    for (std::size_t axis = 0; axis < 3; ++axis) most[axis] = std::max(most[axis], p[axis]);
  }
  return most;
}

double differences_in(const Position& most) {
  double product = 1;
  for (const std::int64_t last : most) product *= 2 * static_cast<double>(last) + 1;
  return (product + 1) / 2;
}

std::ptrdiff_t place_in_box(const Position& p, const Position& most) {
  return (p[0] * (most[1] + 1) + p[1]) * (most[2] + 1) + p[2];
}

// The axis along which taps are next to each other: the last one that has several.
std::size_t along(const Position& most) { return most[2] > 0 ? 2 : most[1] > 0 ? 1 : 0; }

// Whether the coefficients come from inner products of lines of taps along the last axis: few channels, for which the
// padded products of matrices are mostly zeros, and long lines.
bool has_long_lines(const Symbol& f) {
  const Position most = extent_of(f);
  double box = 1;
  for (const std::int64_t last : most) box *= static_cast<double>(last) + 1;
  return f.columns <= 8 && most[along(most)] >= 15 && box == static_cast<double>(f.taps.size());
}

// The index of the tap at each place of the box, -1 where there is none; empty if the box is much larger than the taps.
std::vector<std::ptrdiff_t> taps_in_box(const Symbol& f, const Position& most) {
  double size = 1;
  for (const std::int64_t last : most) size *= static_cast<double>(last) + 1;
  if (size > 64 * static_cast<double>(f.taps.size()) + 4096) return {};
  std::vector<std::ptrdiff_t> places(static_cast<std::size_t>(size), -1);
  for (std::size_t p = 0; p < f.taps.size(); ++p) {
    places[static_cast<std::size_t>(place_in_box(f.taps[p], most))] = static_cast<std::ptrdiff_t>(p);
  }
  return places;
}

// What is formed, and where it goes.
struct Coefficients {
  const Symbol& f;
  const std::vector<Position>& differences;
  std::vector<double> values;

  std::size_t matrices() const { return 2 * differences.size() - 1; }

  // Entries (i, j) and (j, i) of G_q, i >= j, for the difference of this index.
  void put(std::size_t index, std::int64_t i, std::int64_t j, double below, double above) {
    constexpr std::int64_t kRows = kernels::kHermitianRows;
    const auto matrices = static_cast<std::int64_t>(this->matrices());
    const auto count = static_cast<std::int64_t>(differences.size());
    const auto of_even = static_cast<std::int64_t>(index);
    double* const group = values.data() + kernels::hermitian_group(i, j) * kRows * matrices + i % kRows;
    group[of_even * kRows] = index > 0 ? below + above : below;
    if (index > 0) group[(count + of_even - 1) * kRows] = below - above;
  }
};

// The coefficient of one difference; `taps` in groups of columns, `size` numbers each.
void form_one(std::size_t index, const std::vector<double>& taps, std::size_t size,
              const std::vector<std::ptrdiff_t>& places, Coefficients& to, Context& context) {
  const Symbol& f = to.f;
  const std::int64_t n = f.columns;
  const Position most = extent_of(f);
  const auto place_of = [&](const Position& p) -> std::ptrdiff_t {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (p[axis] < 0 || p[axis] > most[axis]) return -1;
    }
    if (!places.empty()) return places[static_cast<std::size_t>(place_in_box(p, most))];
    const auto found = std::lower_bound(f.taps.begin(), f.taps.end(), p);
    return found != f.taps.end() && *found == p ? found - f.taps.begin() : -1;
  };
  const std::int64_t order = kernels::hermitian_order(n);
  const std::int64_t groups = order / kernels::kHermitianRows;
  const Position& q = to.differences[index];
  auto g = context.scratch<double>(static_cast<std::size_t>(order * order));
  std::fill(g.begin(), g.end(), 0.0);
  for (std::size_t p = 0; p < f.taps.size(); ++p) {
    const std::ptrdiff_t other = place_of({f.taps[p][0] + q[0], f.taps[p][1] + q[1], f.taps[p][2] + q[2]});
    if (other < 0) continue;
    if (p % 256 == 255) context.check_cancel();
    const double* const a = taps.data() + p * size;
    const double* const b = taps.data() + static_cast<std::size_t>(other) * size;
    if (index > 0) {
      constexpr std::int64_t kAtATime = 4;  // groups: what the kernel keeps in the cache
      for (std::int64_t j = 0; j < groups; j += kAtATime) {
        if (groups > kAtATime) context.check_cancel();
        kernels::add_column_products(a, b, f.rows, 0, groups, j, std::min(groups, j + kAtATime), g.data(), order);
      }
      continue;
    }
    for (std::int64_t j = 0; j < groups; ++j) {  // symmetric: the lower triangle
      kernels::add_column_products(a, b, f.rows, j, groups, j, j + 1, g.data(), order);
    }
  }
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = j; i < n; ++i) {
      to.put(index, i, j, g[static_cast<std::size_t>(i + j * order)], g[static_cast<std::size_t>(j + i * order)]);
    }
  }
}

// The taps fill a box, in row-major order: entry (r, i) of all of them is an array, and the taps with a partner at
// distance q are lines of it.
void form_from_lines(Coefficients& to, Context& context) {
  const Symbol& f = to.f;
  const std::int64_t n = f.columns;
  const Position most = extent_of(f);
  const auto count = static_cast<std::int64_t>(f.taps.size());
  const std::int64_t entries = f.rows * n;
  std::vector<double> arrays(static_cast<std::size_t>(entries * count));
  for (std::int64_t p = 0; p < count; ++p) {
    const double* const tap = f.tap(static_cast<std::size_t>(p));
    for (std::int64_t e = 0; e < entries; ++e) arrays[static_cast<std::size_t>(e * count + p)] = tap[e];
  }
  context.parallel_for(to.differences.size(), [&](std::size_t index) {
    context.check_cancel();
    const Position& q = to.differences[index];
    Position from{0, 0, 0}, length{1, 1, 1};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      from[axis] = std::max<std::int64_t>(0, -q[axis]);
      length[axis] = most[axis] + 1 - std::abs(q[axis]);
    }
    const std::int64_t shift = place_in_box(q, most);
    const auto of_line = static_cast<std::size_t>(length[along(most)]);
    length[along(most)] = 1;
    const auto product = [&](std::int64_t i, std::int64_t j) {
      double sum = 0;
      for (std::int64_t r = 0; r < f.rows; ++r) {
        const double* const a = arrays.data() + (r + i * f.rows) * count;
        const double* const b = arrays.data() + (r + j * f.rows) * count + shift;
        for (std::int64_t x = 0; x < length[0]; ++x) {
          for (std::int64_t y = 0; y < length[1]; ++y) {
            for (std::int64_t z = 0; z < length[2]; ++z) {
              const std::int64_t first = place_in_box({from[0] + x, from[1] + y, from[2] + z}, most);
              sum += kernels::dot(std::span(a + first, of_line), std::span(b + first, of_line));
            }
          }
        }
      }
      return sum;
    };
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = j; i < n; ++i) {
        const double below = product(i, j);
        to.put(index, i, j, below, i == j ? below : product(j, i));
      }
    }
  });
}

}  // namespace

// A box of taps has all differences in a box; a few scattered taps have those of their pairs.
std::vector<Position> tap_differences(const Symbol& symbol) {
  std::vector<Position> differences;
  const Position most = extent_of(symbol);
  const double pairs = static_cast<double>(symbol.taps.size()) * static_cast<double>(symbol.taps.size());
  if (differences_in(most) <= pairs) {
    for (std::int64_t i = 0; i <= most[0]; ++i) {
      for (std::int64_t j = -most[1]; j <= most[1]; ++j) {
        for (std::int64_t k = -most[2]; k <= most[2]; ++k) {
          if (is_half({i, j, k})) differences.push_back({i, j, k});
        }
      }
    }
  } else {
    for (const Position& a : symbol.taps) {
      for (const Position& b : symbol.taps) {
        const Position q{b[0] - a[0], b[1] - a[1], b[2] - a[2]};
        if (is_half(q)) differences.push_back(q);
      }
    }
  }
  std::sort(differences.begin(), differences.end());
  differences.erase(std::unique(differences.begin(), differences.end()), differences.end());
  return differences;
}

GramCost gram_cost(const Symbol& symbol) {
  const double taps = static_cast<double>(symbol.taps.size());
  const auto order = static_cast<double>(kernels::hermitian_order(symbol.columns));
  const double differences = std::min(differences_in(extent_of(symbol)), taps * taps);
  const double of_pair = 2 * static_cast<double>(symbol.rows) * order * order + 100;
  // Each difference passes over all taps and writes its coefficients.
  const double of_difference = 40 * taps + 2 * order * order;
  const double entries = 16 * static_cast<double>(used_groups(symbol.columns));
  const double bytes = differences * entries * 24;
  if (has_long_lines(symbol)) {  // at a quarter of the speed of the kernel
    const auto n = static_cast<double>(symbol.columns);
    return {0.5 * taps * taps * 8 * static_cast<double>(symbol.rows) * n * n + 100 * differences * n * n, bytes};
  }
  return {0.5 * taps * taps * of_pair + differences * of_difference, bytes};
}

// Each pair of taps is one product added to the others.
std::vector<double> gram_coefficients(const Symbol& f, const std::vector<Position>& differences, Context& context) {
  Coefficients result{f, differences, {}};
  const std::size_t entries = static_cast<std::size_t>(used_groups(f.columns) * kernels::kHermitianRows);
  result.values.assign(entries * result.matrices(), 0.0);
  if (has_long_lines(f)) {
    form_from_lines(result, context);
    return std::move(result.values);
  }
  const auto size = static_cast<std::size_t>(kernels::column_groups_size(f.rows, f.columns));
  std::vector<double> taps(f.taps.size() * size);
  context.parallel_for(f.taps.size(), [&](std::size_t p) {
    kernels::group_columns(f.tap(p), f.rows, f.columns, taps.data() + p * size);
  });
  const std::vector<std::ptrdiff_t> places = taps_in_box(f, extent_of(f));
  context.parallel_for(differences.size(), [&](std::size_t index) {
    context.check_cancel();
    form_one(index, taps, size, places, result, context);
  });
  return std::move(result.values);
}

}  // namespace sigmax::bounds
