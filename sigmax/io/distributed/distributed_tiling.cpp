#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "sigmax/io/distributed/distributed_metadata.hpp"

namespace sigmax::io {
namespace {

std::string text_of(const DistributedChunk& chunk) {
  return fmt::format("{} at {}", to_string(chunk.sizes), to_string(chunk.offsets));
}

bool is_inside(const DistributedChunk& chunk, std::span<const std::int64_t> shape) {
  if (chunk.offsets.size() != shape.size() || chunk.sizes.size() != shape.size()) return false;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (chunk.offsets[d] < 0 || chunk.sizes[d] < 0 || chunk.offsets[d] > shape[d] ||
        chunk.sizes[d] > shape[d] - chunk.offsets[d]) {
      return false;
    }
  }
  return true;
}

bool overlap(const DistributedChunk& a, const DistributedChunk& b) {
  for (std::size_t d = 0; d < a.sizes.size(); ++d) {
    if (a.offsets[d] + a.sizes[d] <= b.offsets[d] || b.offsets[d] + b.sizes[d] <= a.offsets[d]) return false;
  }
  return true;
}

// The dimension along which most cuts were made: the fewest chunks lie side by side along it.
std::size_t dimension_of_most_cuts(std::size_t rank, const std::vector<DistributedChunk>& chunks) {
  std::size_t best = 0, most = 0;
  for (std::size_t d = 0; d < rank; ++d) {
    std::set<std::int64_t> cuts;
    for (const DistributedChunk& chunk : chunks) cuts.insert(chunk.offsets[d]);
    if (cuts.size() > most) {
      most = cuts.size();
      best = d;
    }
  }
  return best;
}

// Passes over the chunks in the order in which they begin along one dimension. `open` holds those that have not ended:
// only these can overlap the next one.
std::string overlap_problem(std::size_t rank, const std::vector<DistributedChunk>& chunks, std::uint64_t& steps) {
  const std::size_t d = dimension_of_most_cuts(rank, chunks);
  std::vector<std::size_t> order(chunks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&chunks, d](std::size_t a, std::size_t b) { return chunks[a].offsets[d] < chunks[b].offsets[d]; });
  std::vector<std::size_t> open;
  for (const std::size_t next : order) {
    const DistributedChunk& chunk = chunks[next];
    if (open.size() > steps) return "the arrangement of its chunks is too intricate to be checked";
    steps -= open.size();
    std::erase_if(open, [&](std::size_t i) { return chunks[i].offsets[d] + chunks[i].sizes[d] <= chunk.offsets[d]; });
    for (const std::size_t i : open) {
      if (overlap(chunks[i], chunk)) {
        return fmt::format("its chunks {} and {} overlap", text_of(chunks[i]), text_of(chunk));
      }
    }
    open.push_back(next);
  }
  return "";
}

}  // namespace

std::string tiling_problem(std::span<const std::int64_t> shape, const std::vector<DistributedChunk>& chunks,
                           std::uint64_t& steps) {
  const std::int64_t elements = element_count(shape).value_or(0);
  for (const DistributedChunk& chunk : chunks) {
    if (!is_inside(chunk, shape)) {
      return fmt::format("its chunk {} does not lie in the shape {}", text_of(chunk), to_string(shape));
    }
  }
  if (shape.empty() && chunks.size() > 1) return fmt::format("{} chunks make up one number", chunks.size());
  if (chunks.size() > 1) {
    if (std::string problem = overlap_problem(shape.size(), chunks, steps); !problem.empty()) return problem;
  }
  // The chunks are disjoint and inside the shape, so no sum exceeds its element count.
  std::int64_t sum = 0;
  for (const DistributedChunk& chunk : chunks) sum += element_count(chunk.sizes).value_or(0);
  if (sum == elements) return "";
  return fmt::format("its {} chunks hold {} of its {} elements: shards are missing", chunks.size(), sum, elements);
}

}  // namespace sigmax::io
