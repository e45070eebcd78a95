#include "sigmax/lipschitz/network/neurons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/core/infinity.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/network/exact.hpp"
#include "sigmax/ops/materialize.hpp"

namespace sigmax::lipschitz {
namespace {

using graph::Index;

/// value = (I + D) sum of matrix_s z_s + constant over sources s (0: all inputs; k: layer k), |D| <= row_error.
struct SourceForm {
  std::map<std::size_t, Shared> terms;
  double row_error = 0;
};

/// Thrown and caught in this file: the graph has no form.
struct NoForm {
  std::string reason;
};

class LayerBuilder {
 public:
  LayerBuilder(const graph::Graph& graph, const std::vector<graph::Box>& boxes, std::int64_t most_entries,
               Context& context)
      : graph_(graph), boxes_(boxes), entries_left_(most_entries), context_(context), forms_(graph.nodes.size()) {
    network_.inputs = input_size(graph);
  }

  Neurons build() {
    const std::vector<bool> needed = leads_to_output(graph_);
    const std::vector<bool> moves = depends_on_input(graph_);
    std::int64_t offset = 0;
    for (const Index input : graph_.inputs) {
      place_input(input, offset);
      offset += graph_.nodes[input].size();
    }
    for (Index node = 0; node < graph_.nodes.size(); ++node) {
      context_.check_cancel();
      if (needed[node] && moves[node])
        std::visit([&](const auto& operation) { visit(node, operation); }, operation_of(node));
    }
    return finish();
  }

 private:
  const graph::Operation& operation_of(Index node) const { return graph_.nodes[node].operation; }

  [[noreturn]] void fail(Index node, const std::string& reason) const {
    throw NoForm{fmt::format("{} {}", graph_.nodes[node].name, reason)};
  }

  void spend(Index node, std::int64_t rows, std::int64_t columns) {
    if (columns > 0 && rows > entries_left_ / columns) fail(node, "makes the matrices of the network too large");
    entries_left_ -= rows * columns;
  }

  void place_input(Index node, std::int64_t offset) {
    const std::int64_t size = graph_.nodes[node].size();
    Shared place;
    if (size != network_.inputs) {
      spend(node, size, network_.inputs);
      Matrix<double> rows(size, network_.inputs);
      for (std::int64_t i = 0; i < size; ++i) rows(i, offset + i) = 1;
      place = std::make_shared<const Matrix<double>>(std::move(rows));
    }
    forms_[node].terms[0] = place;
  }

  template <class O>
  void visit(Index node, const O&) {
    fail(node, "is neither a linear map nor a function of single entries");
  }
  void visit(Index, const graph::Input&) {}

  void visit(Index node, const graph::Affine& affine) {
    SourceForm form = forms_[input_of(node, 0)];
    if (form.terms.empty()) return;
    if (!forms_exactly(*affine.map)) fail(node, "has a map that cannot be formed without rounding");
    const Structure<double> structure = affine.map->structure();
    const auto* diagonal = std::get_if<structure::Diagonal>(&structure);
    if (!diagonal || !diagonal->is_identity()) form = image(node, affine, std::move(form));
    // (I + D)(I + D') = I + D'' with |D''| <= d + d' + d d'.
    form.row_error = joined(form.row_error, affine.row_error);
    forms_[node] = std::move(form);
  }

  SourceForm image(Index node, const graph::Affine& affine, SourceForm form) {
    const Shape shape = affine.map->shape();
    spend(node, shape.rows, shape.columns);
    const Shared map = std::make_shared<const Matrix<double>>(materialize(*affine.map, context_));
    // A map that only moves entries keeps a relative error of each; any other one mixes them.
    const bool moves = std::holds_alternative<structure::Selection>(affine.map->structure());
    if (form.row_error > 0 && !moves) form = as_layer(node, form, shape.columns);
    SourceForm out;
    for (const auto& [source, matrix] : form.terms) {
      auto product = exact_product(map, matrix);
      if (!product) return image(node, affine, as_layer(node, form, shape.columns));
      spend(node, shape.rows, network_.width(source));
      out.terms[source] = std::move(*product);
    }
    out.row_error = form.row_error;
    return out;
  }

  void visit(Index node, const graph::Elementwise& elementwise) {
    const SourceForm& argument = forms_[input_of(node, 0)];
    if (argument.terms.empty()) return;
    const graph::Box& box = boxes_[input_of(node, 0)];
    const auto size = static_cast<std::size_t>(graph_.nodes[node].size());
    std::vector<double> least(size);
    std::vector<double> most(size);
    for (std::size_t i = 0; i < size; ++i) {
      const graph::Function& f = elementwise.functions[elementwise.which.empty() ? 0 : elementwise.which[i]];
      const auto slopes = slopes_on(f, i < box.size() ? box[i] : graph::Interval{});
      if (!slopes) fail(node, fmt::format("applies {}, which has no bound on its slopes there", f->name()));
      // f((1 + d) v) as a function of v has slopes s (1 + d).
      const graph::Interval wide = widened(*slopes, argument.row_error);
      least[i] = wide.least;
      most[i] = wide.greatest;
    }
    add_neurons(node, argument, least, most);
  }

  /// The node's value as a layer of the neurons that move: those with slopes of 0 alone are left out.
  void add_neurons(Index node, const SourceForm& argument, const std::vector<double>& least,
                   const std::vector<double>& most) {
    std::vector<std::int64_t> moving;
    for (std::size_t i = 0; i < least.size(); ++i) {
      if (least[i] != 0 || most[i] != 0) moving.push_back(static_cast<std::int64_t>(i));
    }
    const auto size = static_cast<std::int64_t>(least.size());
    const auto count = static_cast<std::int64_t>(moving.size());
    if (count == 0) return;
    if (count == size) {
      forms_[node].terms[add_layer(node, argument, least, most)] = nullptr;
      return;
    }
    spend(node, size, count);
    Matrix<double> place(size, count);
    std::vector<double> least_moving;
    std::vector<double> most_moving;
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t i = moving[static_cast<std::size_t>(k)];
      place(i, k) = 1;
      least_moving.push_back(least[static_cast<std::size_t>(i)]);
      most_moving.push_back(most[static_cast<std::size_t>(i)]);
    }
    forms_[node]
        .terms[add_layer(node, rows_of(node, argument, moving), std::move(least_moving), std::move(most_moving))] =
        std::make_shared<const Matrix<double>>(std::move(place));
  }

  /// Some rows of a form.
  SourceForm rows_of(Index node, const SourceForm& form, const std::vector<std::int64_t>& rows) {
    SourceForm out;
    out.row_error = form.row_error;
    for (const auto& [source, matrix] : form.terms) {
      const std::int64_t columns = network_.width(source);
      spend(node, static_cast<std::int64_t>(rows.size()), columns);
      Matrix<double> part(static_cast<std::int64_t>(rows.size()), columns);
      for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t k = 0; k < part.rows(); ++k) {
          const std::int64_t i = rows[static_cast<std::size_t>(k)];
          part(k, j) = matrix ? (*matrix)(i, j) : static_cast<double>(i == j);
        }
      }
      out.terms[source] = std::make_shared<const Matrix<double>>(std::move(part));
    }
    return out;
  }

  /// Functions are asked once for each interval: everywhere, all entries have the same.
  std::optional<graph::Interval> slopes_on(const graph::Function& f, const graph::Interval& domain) {
    const auto key = std::make_tuple(f.get(), domain.least, domain.greatest);
    const auto found = slopes_.find(key);
    if (found != slopes_.end()) return found->second;
    return slopes_[key] = f->slopes(domain);
  }

  void visit(Index node, const graph::Sum&) {
    const std::int64_t size = graph_.nodes[node].size();
    SourceForm sum;
    for (const Index input : graph_.nodes[node].inputs) {
      SourceForm part = forms_[input];
      if (part.row_error > 0) part = as_layer(node, part, size);
      auto together = add(sum, part, size);
      if (!together) together = add(sum, as_layer(node, part, size), size);
      if (!together) fail(node, "adds maps whose sum would be rounded");
      sum = std::move(*together);
    }
    forms_[node] = std::move(sum);
  }

  static std::optional<SourceForm> add(const SourceForm& a, const SourceForm& b, std::int64_t size) {
    SourceForm out = a;
    for (const auto& [source, matrix] : b.terms) {
      const auto [place, is_new] = out.terms.try_emplace(source, matrix);
      if (is_new) continue;
      auto sum = exact_sum(place->second, matrix, size);
      if (!sum) return std::nullopt;
      place->second = std::move(*sum);
    }
    return out;
  }

  void visit(Index node, const graph::Stack&) {
    const std::int64_t rows = graph_.nodes[node].size();
    SourceForm out;
    std::map<std::size_t, Matrix<double>> stacked;
    std::int64_t first = 0;
    for (const Index input : graph_.nodes[node].inputs) {
      const std::int64_t size = graph_.nodes[input].size();
      for (const auto& [source, matrix] : forms_[input].terms) {
        const std::int64_t columns = network_.width(source);
        if (!stacked.contains(source)) {
          spend(node, rows, columns);
          stacked.emplace(source, Matrix<double>(rows, columns));
        }
        Matrix<double>& to = stacked.at(source);
        for (std::int64_t j = 0; j < columns; ++j) {
          for (std::int64_t i = 0; i < size; ++i) {
            to(first + i, j) = matrix ? (*matrix)(i, j) : static_cast<double>(i == j);
          }
        }
      }
      out.row_error = std::max(out.row_error, forms_[input].row_error);
      first += size;
    }
    for (auto& [source, matrix] : stacked) {
      out.terms[source] = std::make_shared<const Matrix<double>>(std::move(matrix));
    }
    forms_[node] = std::move(out);
  }

  Index input_of(Index node, std::size_t k) const { return graph_.nodes[node].inputs[k]; }

  static double joined(double d, double e) { return d == 0 ? e : e == 0 ? d : (d + e + d * e) * 1.0000001; }

  /// All s (1 + d), s among the slopes and |d| <= row_error.
  static graph::Interval widened(const graph::Interval& slopes, double row_error) {
    if (row_error == 0) return slopes;
    const auto end = [row_error](double slope, double away) {
      if (slope == 0) return slope;
      const double moved = std::nextafter(std::abs(slope) * row_error, kInfinity);
      return std::nextafter(slope + std::copysign(moved, away), away);
    };
    return {end(slopes.least, -kInfinity), end(slopes.greatest, kInfinity)};
  }

  /// The value as the neurons of a layer of its own, with slopes in [1 - d, 1 + d].
  SourceForm as_layer(Index node, const SourceForm& form, std::int64_t size) {
    const auto [least, most] = widened({1, 1}, form.row_error);
    const auto count = static_cast<std::size_t>(size);
    SourceForm out;
    out.terms[add_layer(node, form, std::vector<double>(count, least), std::vector<double>(count, most))] = nullptr;
    return out;
  }

  /// The number of the new source.
  std::size_t add_layer(Index node, const SourceForm& argument, std::vector<double> least, std::vector<double> most) {
    NeuronLayer layer;
    const auto size = static_cast<std::int64_t>(least.size());
    layer.least = std::move(least);
    layer.most = std::move(most);
    layer.terms = terms_of(node, argument, size);
    network_.layers.push_back(std::move(layer));
    return network_.layers.size();
  }

  std::vector<NetworkTerm> terms_of(Index node, const SourceForm& form, std::int64_t rows) {
    std::vector<NetworkTerm> terms;
    for (const auto& [source, matrix] : form.terms) {
      spend(node, rows, network_.width(source));
      terms.push_back({source, entries_of(matrix, rows)});
    }
    return terms;
  }

  Neurons finish() {
    // The outputs one after another.
    Neurons out;
    std::int64_t rows = 0;
    for (const Index output : graph_.outputs) rows += graph_.nodes[output].size();
    if (graph_.outputs.size() != 1) throw NoForm{"the network has several outputs"};
    const SourceForm& form = forms_[graph_.outputs.front()];
    network_.output = terms_of(graph_.outputs.front(), form, rows);
    out.network = std::move(network_);
    out.row_error = form.row_error;
    return out;
  }

  const graph::Graph& graph_;
  const std::vector<graph::Box>& boxes_;
  std::int64_t entries_left_;
  Context& context_;
  std::vector<SourceForm> forms_;
  std::map<std::tuple<const graph::ScalarFunction*, double, double>, std::optional<graph::Interval>> slopes_;
  LayeredNetwork network_;
};

}  // namespace

bool is_layered(const graph::Operation& operation) {
  return std::holds_alternative<graph::Input>(operation) || std::holds_alternative<graph::Constant>(operation) ||
         std::holds_alternative<graph::Affine>(operation) || std::holds_alternative<graph::Elementwise>(operation) ||
         std::holds_alternative<graph::Sum>(operation) || std::holds_alternative<graph::Stack>(operation);
}

std::optional<Neurons> neurons_of(const graph::Graph& graph, const std::vector<graph::Box>& boxes,
                                  std::int64_t most_entries, std::string& why, Context& context) {
  try {
    return LayerBuilder(graph, boxes, most_entries, context).build();
  } catch (const NoForm& none) {
    why = none.reason;
    return std::nullopt;
  }
}

}  // namespace sigmax::lipschitz
