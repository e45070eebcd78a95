#include "sigmax/lipschitz/network/layer_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <variant>

#include "sigmax/core/floating_environment.hpp"  // refuses -ffast-math
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/lipschitz/network/matrix_of.hpp"
#include "sigmax/lipschitz/network/split.hpp"

namespace sigmax::lipschitz {
namespace {

using bounds::UncertainMatrix;
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

/// A product that has lost more than this is not used: a layer of linear neurons loses about 2^-10.
constexpr double kMostLost = 0x1p-17;

bool is_zero(const UncertainMatrix& a) {
  const auto is_null = [](double x) { return x == 0; };
  return std::ranges::all_of(a.value.values(), is_null) && std::ranges::all_of(a.error.values(), is_null);
}

double joined(double d, double e) { return d == 0 ? e : e == 0 ? d : (d + e + d * e) * 1.0000001; }

class LayerBuilder {
 public:
  LayerBuilder(const graph::Graph& graph, const std::vector<graph::Box>& boxes, const LayerRules& rules,
               std::int64_t most_entries, Context& context)
      : graph_(graph),
        boxes_(boxes),
        rules_(rules),
        entries_left_(most_entries),
        context_(context),
        forms_(graph.nodes.size()) {
    network_.inputs = input_size(graph);
  }

  BuiltLayers build() {
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
        std::visit([&](const auto& operation) { visit(node, operation); }, graph_.nodes[node].operation);
    }
    if (graph_.outputs.size() != 1) throw NoForm{"the network has several outputs"};
    const Index output = graph_.outputs.front();
    network_.output = terms_of(output, forms_[output], graph_.nodes[output].size());
    built_.neurons = {std::move(network_), forms_[output].row_error};
    return std::move(built_);
  }

 private:
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
      place = share({std::move(rows)});
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
    const Structure<double> structure = affine.map->structure();
    const auto* diagonal = std::get_if<structure::Diagonal>(&structure);
    if (!diagonal || !diagonal->is_identity()) {
      const Shape shape = affine.map->shape();
      spend(node, shape.rows, shape.columns);
      std::optional<UncertainMatrix> map = matrix_of(*affine.map, context_);
      if (!map) fail(node, "has a map whose entries cannot be formed with known errors");
      // A map that only moves entries keeps a relative error of each; any other one mixes them.
      if (!std::holds_alternative<structure::Selection>(structure)) form = mixable(node, form, shape.columns);
      form = image(node, share(std::move(*map)), form, shape);
    }
    // (I + D)(I + D') = I + D'' with |D''| <= d + d' + d d'.
    form.row_error = joined(form.row_error, affine.row_error);
    forms_[node] = std::move(form);
  }

  /// The form without row errors of its own: they become errors of the entries, or slopes of linear neurons.
  SourceForm mixable(Index node, const SourceForm& form, std::int64_t size) {
    if (form.row_error == 0) return form;
    if (!rules_.fold) return as_layer(node, form, size);
    SourceForm out;
    for (const auto& [source, matrix] : form.terms) {
      spend(node, size, network_.width(source));
      out.terms[source] = share(with_relative_error(entries_of(matrix, size), form.row_error));
    }
    built_.composed = true;
    return out;
  }

  SourceForm image(Index node, const Shared& map, const SourceForm& form, const Shape& shape) {
    SourceForm out;
    for (const auto& [source, matrix] : form.terms) {
      auto image = product(map, matrix, context_);
      const bool loses_nothing = image && (!matrix || (*image)->is_exact());
      if (!loses_nothing && !(image && rules_.fold && is_within(**image, kMostLost))) {
        return image_of_layer(node, map, form, shape);
      }
      spend(node, shape.rows, network_.width(source));
      built_.composed |= !loses_nothing;
      if (!is_zero(**image)) out.terms[source] = std::move(*image);
    }
    out.row_error = form.row_error;
    return out;
  }

  /// The map of a layer of linear neurons that have the form as their value: nothing is multiplied.
  SourceForm image_of_layer(Index node, const Shared& map, const SourceForm& form, const Shape& shape) {
    SourceForm out = as_layer(node, form, shape.columns);
    out.terms.begin()->second = map;
    return out;
  }

  void visit(Index node, const graph::Elementwise& elementwise) {
    const SourceForm& argument = forms_[input_of(node, 0)];
    if (argument.terms.empty()) return;
    const graph::Box& box = boxes_[input_of(node, 0)];
    std::vector<graph::Interval> slopes(static_cast<std::size_t>(graph_.nodes[node].size()));
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      const graph::Function& f = elementwise.functions[elementwise.which.empty() ? 0 : elementwise.which[i]];
      const auto found = slopes_on(f, i < box.size() ? box[i] : graph::Interval{});
      if (!found) fail(node, fmt::format("applies {}, which has no bound on its slopes there", f->name()));
      // f((1 + d) v) as a function of v has slopes s (1 + d).
      slopes[i] = widened(*found, argument.row_error);
    }
    SourceForm plain = argument;
    plain.row_error = 0;
    const std::vector<bool> moves = moving_rows(plain, slopes.size());
    for (std::size_t i = 0; i < slopes.size() && !rules_.keep_still; ++i) {
      if (!moves[i]) slopes[i] = {0, 0};
    }
    const SplitFunctions split =
        rules_.keep_still ? all_neurons(slopes) : split_functions(slopes, rules_.fold, rules_.error);
    built_.nearly_linear += split.nearly_linear;
    SourceForm result = linear_part(node, plain, split);
    add_neurons(node, plain, split, result);
    forms_[node] = std::move(result);
  }

  /// Which rows are not 0.
  static std::vector<bool> moving_rows(const SourceForm& form, std::size_t rows) {
    std::vector<bool> moves(rows);
    for (const auto& [source, matrix] : form.terms) {
      if (!matrix) return std::vector<bool>(rows, true);
      for (std::size_t e = 0; e < matrix->value.values().size(); ++e) {
        const bool is_null = matrix->value.values()[e] == 0 && (matrix->is_exact() || matrix->error.values()[e] == 0);
        if (!is_null) moves[e % rows] = true;
      }
    }
    return moves;
  }

  /// D v
  SourceForm linear_part(Index node, const SourceForm& argument, const SplitFunctions& split) {
    if (split.middle.empty()) return {};
    built_.composed = true;
    const auto size = static_cast<std::int64_t>(split.middle.size());
    UncertainMatrix d{Matrix<double>(size, size), Matrix<double>(size, size)};
    for (std::int64_t i = 0; i < size; ++i) {
      d.value(i, i) = split.middle[static_cast<std::size_t>(i)];
      d.error(i, i) = split.reach[static_cast<std::size_t>(i)];
    }
    if (std::ranges::all_of(split.reach, [](double reach) { return reach == 0; })) d.error = {};
    return image(node, share(std::move(d)), argument, {size, size});
  }

  /// The neurons of a function, each at its place in the node's value.
  void add_neurons(Index node, const SourceForm& argument, const SplitFunctions& split, SourceForm& result) {
    const auto count = static_cast<std::int64_t>(split.places.size());
    const std::int64_t size = graph_.nodes[node].size();
    if (count == 0) return;
    if (count == size) {
      result.terms[add_layer(node, argument, split.least, split.most)] = nullptr;
      return;
    }
    spend(node, size, count);
    Matrix<double> place(size, count);
    for (std::int64_t k = 0; k < count; ++k) place(split.places[static_cast<std::size_t>(k)], k) = 1;
    const SourceForm rows = rows_of(node, argument, split.places);
    if (rows.terms.empty()) return;
    result.terms[add_layer(node, rows, split.least, split.most)] = share({std::move(place)});
  }

  /// Some rows of a form.
  SourceForm rows_of(Index node, const SourceForm& form, const std::vector<std::int64_t>& rows) {
    SourceForm out;
    const auto count = static_cast<std::int64_t>(rows.size());
    for (const auto& [source, matrix] : form.terms) {
      const std::int64_t columns = network_.width(source);
      spend(node, count, columns);
      UncertainMatrix part{Matrix<double>(count, columns)};
      if (matrix && !matrix->is_exact()) part.error = Matrix<double>(count, columns);
      for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t k = 0; k < count; ++k) {
          const std::int64_t i = rows[static_cast<std::size_t>(k)];
          part.value(k, j) = matrix ? matrix->value(i, j) : static_cast<double>(i == j);
          if (!part.is_exact()) part.error(k, j) = matrix->error(i, j);
        }
      }
      if (!is_zero(part)) out.terms[source] = share(std::move(part));
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
    std::vector<Index> moving;
    for (const Index input : graph_.nodes[node].inputs) {
      if (!forms_[input].terms.empty()) moving.push_back(input);
    }
    if (moving.empty()) return;
    SourceForm total = forms_[moving.front()];
    for (std::size_t k = 1; k < moving.size(); ++k) {
      SourceForm part = mixable(node, forms_[moving[k]], size);
      total = mixable(node, total, size);
      auto together = add(node, total, part, size);
      if (!together) together = add(node, total, as_layer(node, part, size), size);
      if (!together) fail(node, "adds maps whose sum leaves the range of double");
      total = std::move(*together);
    }
    forms_[node] = std::move(total);
  }

  std::optional<SourceForm> add(Index node, const SourceForm& a, const SourceForm& b, std::int64_t size) {
    SourceForm out = a;
    for (const auto& [source, matrix] : b.terms) {
      const auto [place, is_new] = out.terms.try_emplace(source, matrix);
      if (is_new) continue;
      auto total = sum(place->second, matrix, size);
      if (!total || (!rules_.fold && !(*total)->is_exact())) return std::nullopt;
      spend(node, size, network_.width(source));
      built_.composed |= !(*total)->is_exact();
      place->second = std::move(*total);
    }
    std::erase_if(out.terms, [](const auto& term) { return term.second && is_zero(*term.second); });
    return out;
  }

  void visit(Index node, const graph::Stack&) {
    const std::int64_t rows = graph_.nodes[node].size();
    SourceForm out;
    std::map<std::size_t, UncertainMatrix> stacked;
    std::int64_t first = 0;
    for (const Index input : graph_.nodes[node].inputs) {
      const std::int64_t size = graph_.nodes[input].size();
      for (const auto& [source, matrix] : forms_[input].terms) {
        const std::int64_t columns = network_.width(source);
        if (!stacked.contains(source)) {
          spend(node, rows, columns);
          stacked.emplace(source, UncertainMatrix{Matrix<double>(rows, columns)});
        }
        UncertainMatrix& to = stacked.at(source);
        const bool is_exact = !matrix || matrix->is_exact();
        if (!is_exact && to.is_exact()) to.error = Matrix<double>(rows, columns);
        for (std::int64_t j = 0; j < columns; ++j) {
          for (std::int64_t i = 0; i < size; ++i) {
            to.value(first + i, j) = matrix ? matrix->value(i, j) : static_cast<double>(i == j);
            if (!is_exact) to.error(first + i, j) = matrix->error(i, j);
          }
        }
      }
      out.row_error = std::max(out.row_error, forms_[input].row_error);
      first += size;
    }
    for (auto& [source, matrix] : stacked) out.terms[source] = share(std::move(matrix));
    forms_[node] = std::move(out);
  }

  Index input_of(Index node, std::size_t k) const { return graph_.nodes[node].inputs[k]; }

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
    const auto size = static_cast<std::int64_t>(least.size());
    network_.layers.push_back({terms_of(node, argument, size), std::move(least), std::move(most)});
    return network_.layers.size();
  }

  std::vector<NetworkTerm> terms_of(Index node, const SourceForm& form, std::int64_t rows) {
    std::vector<NetworkTerm> terms;
    for (const auto& [source, matrix] : form.terms) {
      spend(node, rows, network_.width(source));
      UncertainMatrix entries = entries_of(matrix, rows);
      terms.push_back({source, std::move(entries.value), std::move(entries.error)});
    }
    return terms;
  }

  const graph::Graph& graph_;
  const std::vector<graph::Box>& boxes_;
  LayerRules rules_;
  std::int64_t entries_left_;
  Context& context_;
  std::vector<SourceForm> forms_;
  std::map<std::tuple<const graph::ScalarFunction*, double, double>, std::optional<graph::Interval>> slopes_;
  LayeredNetwork network_;
  BuiltLayers built_;
};

}  // namespace

std::optional<BuiltLayers> build_layers(const graph::Graph& graph, const std::vector<graph::Box>& boxes,
                                        const LayerRules& rules, std::int64_t most_entries, std::string& why,
                                        Context& context) {
  try {
    return LayerBuilder(graph, boxes, rules, most_entries, context).build();
  } catch (const NoForm& none) {
    why = none.reason;
    return std::nullopt;
  }
}

}  // namespace sigmax::lipschitz
