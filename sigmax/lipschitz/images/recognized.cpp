#include "sigmax/lipschitz/images/recognized.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/lipschitz/network/matrix_of.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;
using graph::Interval;

constexpr std::int64_t kMostFlattened = std::int64_t{1} << 24;  // entries of a dense layer
constexpr std::int64_t kMostRows = 2048;                        // of it: K is summed in eight matrices of that order

// The only node that reads each one, if there is one.
std::vector<std::optional<Index>> only_readers(const graph::Graph& graph) {
  std::vector<std::optional<Index>> readers(graph.nodes.size());
  std::vector<int> count(graph.nodes.size(), 0);
  const std::vector<bool> needed = leads_to_output(graph);
  for (Index node = 0; node < graph.nodes.size(); ++node) {
    if (!needed[node]) continue;
    for (const Index input : graph.nodes[node].inputs) {
      readers[input] = node;
      ++count[input];
    }
  }
  for (const Index output : graph.outputs) ++count[output];
  for (Index node = 0; node < graph.nodes.size(); ++node) {
    if (count[node] != 1 || std::ranges::find(graph.outputs, node) != graph.outputs.end()) readers[node].reset();
  }
  return readers;
}

std::optional<ImageMap> image_map(const LinearOperator<double>& a) {
  const Structure<double> structure = a.structure();
  const auto* convolution = std::get_if<structure::Convolution>(&structure);
  if (!convolution || convolution->correlation->padding_mode != PaddingMode::Zeros) return std::nullopt;
  ImageMap map{*convolution->correlation, {}, 0};
  map.kernel.resize(static_cast<std::size_t>(map.correlation.weights()));
  kernels::convert(*convolution->kernel, 1, map.kernel.data(), convolution->kernel->columns);
  double largest = 0;
  for (const double k : map.kernel) largest = std::max(largest, std::fabs(k));
  if (!std::isfinite(largest)) return std::nullopt;
  if (largest == 0) return map;
  // 2^-exponent times the kernel, exactly but for entries below 2^-1000 of the largest, which must be exact.
  map.exponent = std::ilogb(largest) + 1;
  for (double& k : map.kernel) {
    const double scaled = std::ldexp(k, static_cast<int>(-map.exponent));
    if (std::ldexp(scaled, static_cast<int>(map.exponent)) != k) return std::nullopt;
    k = scaled;
  }
  return map;
}

double up(double x) { return std::nextafter(x, kInfinity); }

// Walks along the chain.
class Recognizer {
 public:
  Recognizer(const graph::Graph& graph, const std::vector<graph::Box>& boxes, Context& context)
      : graph_(graph), boxes_(boxes), context_(context), readers_(only_readers(graph)) {}

  std::optional<RecognizedChain> from(Index begin) {
    at_ = begin;
    while (readers_[at_]) {
      const Index next = *readers_[at_];
      if (!std::visit([&](const auto& operation) { return take(next, operation); }, graph_.nodes[next].operation))
        break;
      at_ = next;
      if (found_.dense) break;
    }
    return finish(begin);
  }

 private:
  template <class O>
  bool take(Index, const O&) {
    return false;
  }

  bool take(Index node, const graph::Affine& affine) {
    if (const auto map = image_map(*affine.map)) {
      const Correlation& c = map->correlation;
      if (sizes_.empty()) {
        found_.chain.first.assign(static_cast<std::size_t>(c.in_channels), 1.0);
      } else if (!reads_images(c)) {
        return false;
      }
      settle_pending();
      pending_ = *map;
      gain_ = 1 + affine.row_error;
      set_images(c);
      return true;
    }
    return take_dense(node, affine);
  }

  // A dense layer behind the last images: the node stays, the chain ends before it.
  bool take_dense(Index node, const graph::Affine& affine) {
    const Shape shape = affine.map->shape();
    if (sizes_.empty() || shape.columns != channels_ * positions() || shape.rows > kMostFlattened / shape.columns ||
        shape.rows > kMostRows) {
      return false;
    }
    std::optional<bounds::UncertainMatrix> matrix = matrix_of(*affine.map, context_);
    if (!matrix || !matrix->is_exact()) return false;
    settle_pending();
    found_.chain.flatten = std::move(matrix->value);
    found_.dense = node;
    found_.end = at_;
    return true;
  }

  bool take(Index node, const graph::Elementwise& elementwise) {
    if (sizes_.empty()) return false;
    const auto slopes = channel_slopes(elementwise, at_);
    if (slopes.empty()) return false;
    std::vector<double> most;
    bool is_nondecreasing = true;
    for (const Interval& s : slopes) {
      most.push_back(up(std::max(std::fabs(s.least), std::fabs(s.greatest)) * (pending_ ? up(gain_) : 1.0)));
      if (s.least == 0 && s.greatest == 0) most.back() = 0;
      is_nondecreasing = is_nondecreasing && s.least >= 0;
    }
    if (pending_) {
      if (!is_nondecreasing) return false;
      ImageLayer layer{std::move(*pending_), pool_after(node, elementwise), std::move(most)};
      pending_.reset();
      gain_ = 1;
      found_.chain.layers.push_back(std::move(layer));
      found_.chain.neurons += graph_.nodes[node].size();
      skip_pool_ = found_.chain.layers.back().window.has_value();
      return true;
    }
    // Behind a pooling, or several functions in a row.
    if (found_.chain.layers.empty()) return false;
    for (std::size_t c = 0; c < most.size(); ++c) {
      if (!found_.chain.layers.back().window && slopes[c].least < 0) return false;
    }
    auto& before = found_.chain.layers.back().most;
    for (std::size_t c = 0; c < most.size(); ++c) before[c] = up(before[c] * most[c]);
    found_.chain.neurons += graph_.nodes[node].size();
    return true;
  }

  bool take(Index, const graph::MaxPool& pool) {
    if (sizes_.empty() || pool.channels != channels_ || !reads_sizes(pool.window)) return false;
    if (skip_pool_) {
      skip_pool_ = false;
      set_sizes(pool.window);
      return true;
    }
    if (!pending_) return false;
    std::vector<double> most(static_cast<std::size_t>(channels_), gain_ == 1 ? 1.0 : up(gain_));
    found_.chain.layers.push_back({std::move(*pending_), pool.window, std::move(most)});
    pending_.reset();
    gain_ = 1;
    set_sizes(pool.window);
    return true;
  }

  // The window of the pooling that follows this function, if both can be exchanged: one function a channel.
  std::optional<Correlation> pool_after(Index node, const graph::Elementwise& elementwise) const {
    if (!readers_[node]) return std::nullopt;
    const auto* pool = std::get_if<graph::MaxPool>(&graph_.nodes[*readers_[node]].operation);
    if (!pool || pool->channels != channels_ || !reads_sizes(pool->window)) return std::nullopt;
    const auto count = static_cast<std::size_t>(positions());
    for (std::size_t k = 0; k < elementwise.which.size(); ++k) {
      if (elementwise.which[k] != elementwise.which[k / count * count]) return std::nullopt;
    }
    return pool->window;
  }

  // By channel, of the interval that all its arguments lie in; empty: there are none.
  std::vector<Interval> channel_slopes(const graph::Elementwise& elementwise, Index argument) const {
    std::vector<Interval> slopes;
    const auto count = static_cast<std::size_t>(positions());
    const graph::Box& box = boxes_[argument];
    const graph::Function* last = nullptr;
    Interval last_domain;
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels_); ++c) {
      std::vector<const graph::Function*> functions;
      Interval domain = box.empty() ? Interval{} : box[c * count];
      for (std::size_t x = c * count; x < (c + 1) * count; ++x) {
        const graph::Function& f = elementwise.functions[elementwise.which.empty() ? 0 : elementwise.which[x]];
        if (functions.empty() || functions.back() != &f) functions.push_back(&f);
        if (box.empty()) continue;
        domain = {std::min(domain.least, box[x].least), std::max(domain.greatest, box[x].greatest)};
      }
      if (functions.size() > count / 2 + 1) return {};
      if (c > 0 && functions.size() == 1 && functions.front() == last && domain == last_domain) {
        slopes.push_back(slopes.back());
        continue;
      }
      Interval all{kInfinity, -kInfinity};
      for (const graph::Function* f : functions) {
        const auto own = (*f)->slopes(domain);
        if (!own || !std::isfinite(own->least) || !std::isfinite(own->greatest)) return {};
        all = {std::min(all.least, own->least), std::max(all.greatest, own->greatest)};
      }
      last = functions.size() == 1 ? functions.front() : nullptr;
      last_domain = domain;
      slopes.push_back(all);
    }
    return slopes;
  }

  // A map that no function follows: neurons that are linear inside of the image.
  void settle_pending() {
    if (!pending_) return;
    std::vector<double> most(static_cast<std::size_t>(channels_), gain_ == 1 ? 1.0 : up(gain_));
    found_.chain.layers.push_back({std::move(*pending_), std::nullopt, std::move(most)});
    pending_.reset();
    gain_ = 1;
  }

  bool reads_sizes(const Correlation& c) const {
    if (c.axes.size() != sizes_.size()) return false;
    for (std::size_t axis = 0; axis < sizes_.size(); ++axis) {
      if (c.axes[axis].input != sizes_[axis]) return false;
    }
    return true;
  }
  bool reads_images(const Correlation& c) const { return c.in_channels == channels_ && reads_sizes(c); }
  void set_sizes(const Correlation& c) {
    sizes_.clear();
    for (const CorrelationAxis& axis : c.axes) sizes_.push_back(axis.output);
  }
  void set_images(const Correlation& c) {
    channels_ = c.out_channels;
    set_sizes(c);
  }
  std::int64_t positions() const {
    std::int64_t product = 1;
    for (const std::int64_t n : sizes_) product *= n;
    return product;
  }

  std::optional<RecognizedChain> finish(Index begin) {
    if (sizes_.empty() || at_ == begin || found_.chain.layers.empty()) return std::nullopt;
    if (!found_.dense) {
      found_.end = at_;
      if (pending_) {
        found_.chain.last = std::move(*pending_);
        found_.gain = gain_ == 1 ? 1 : up(gain_);
      }
    }
    found_.chain.positions = sizes_;
    return std::move(found_);
  }

  const graph::Graph& graph_;
  const std::vector<graph::Box>& boxes_;
  Context& context_;
  std::vector<std::optional<Index>> readers_;
  RecognizedChain found_;
  Index at_ = 0;
  std::int64_t channels_ = 0;
  std::vector<std::int64_t> sizes_;
  std::optional<ImageMap> pending_;  // a map that nothing has followed yet
  double gain_ = 1;                  // 1 + the error of its rows
  bool skip_pool_ = false;           // the pooling was taken with the function before it
};

}  // namespace

std::optional<RecognizedChain> recognized_chain(const graph::Graph& graph, std::optional<Index> from,
                                                const std::vector<graph::Box>& boxes, Context& context) {
  if (!from && graph.inputs.size() != 1) return std::nullopt;
  return Recognizer(graph, boxes, context).from(from ? *from : graph.inputs.front());
}

}  // namespace sigmax::lipschitz
