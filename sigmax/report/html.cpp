#include "sigmax/report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/report/diagram_svg.hpp"
#include "sigmax/report/html_assets.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

const Glyphs& signs() { return glyphs(true); }

/// Bar lengths, between 0 and 1: proportional, or logarithmic if the rows span more than a factor of 50.
class Scale {
 public:
  Scale(const Table& data, std::size_t figure_index) {
    for (const Row& row : data.rows) {
      const double value = rank_of(row.cells[figure_index]);
      if (!(value > 0) || !std::isfinite(value)) continue;
      least_ = std::min(least_, value);
      most_ = std::max(most_, value);
    }
    logarithmic_ = most_ > 50 * least_;
    // One very small row must not flatten the others: six decades are enough.
    if (logarithmic_) least_ = std::max(least_, most_ * 1e-6);
  }

  double share(double value) const {
    if (!(value > 0) || !(most_ > 0)) return 0;
    if (!logarithmic_) return std::min(1.0, value / most_);
    return std::clamp(0.04 + 0.96 * std::log(value / least_) / std::log(most_ / least_), 0.02, 1.0);
  }

  std::string caption(std::string_view noun, std::string_view figure_name) const {
    if (!(most_ > 0)) return fmt::format("no {} has a positive {}", noun, figure_name);
    return fmt::format("{} to {}, {} scale", significant(least_, 4), significant(most_, 4),
                       logarithmic_ ? "logarithmic" : "linear");
  }

 private:
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = 0;
  bool logarithmic_ = false;
};

// The CSS class for the certainty of a row's figure.
std::string_view bar_class(const Cell& cell) {
  const auto* enclosure = cell.value.as<Enclosure>();
  return enclosure != nullptr ? kind(*enclosure) : std::string_view("broken");
}

std::string ends_of(const Enclosure& enclosure, std::string_view what) {
  std::string ends = fmt::format("{} \u2264 {}", round_trip(enclosure.lower.value()), what);
  if (!enclosure.upper) return ends;
  ends += fmt::format(" \u2264 {}", round_trip(enclosure.upper->value()));
  if (enclosure.upper->certainty() == Certainty::probabilistic) {
    ends += fmt::format(", wrong with probability at most {}", round_trip(enclosure.upper->failure_probability()));
  }
  return ends;
}

class Page {
 public:
  std::string render(const Document& document) {
    for (const Section& section : document) {
      std::visit([&](const auto& content) { show(content, section.heading); }, section.content);
    }
    add("<script>{}</script>\n</body>\n</html>\n", kScript);
    return std::move(out_);
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void show(const Title& title, std::string_view) {
    const std::string name = html_escaped(title.name);
    add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'\">\n");
    add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    add("<title>{}: {}</title>\n<style>{}</style>\n</head>\n<body>\n", title.kind, name, kStyle);
    add("<h1>{}</h1>\n<p class=\"facts\">", name);
    for (const Phrase& fact : title.facts) {
      add("{}{}", &fact == &title.facts.front() ? "" : " · ", html_escaped(fact.text));
      if (!fact.name.empty()) add("<code>{}</code>", html_escaped(fact.name));
    }
    add("</p>\n");
  }

  void show(const Text& text, std::string_view) {
    switch (text.kind) {
      case Text::Kind::note:
        for (const Line& line : text.lines) add("<p class=\"facts\">Note: {}</p>\n", html_escaped(line.text));
        return;
      case Text::Kind::legend:
        add("<ul class=\"legend\">\n");
        for (const Line& line : text.lines) add("<li>{}</li>\n", html_escaped(line.text));
        add("</ul>\n");
        return;
      case Text::Kind::summary:
        add("<footer>\n");
        for (const Line& line : text.lines) add("<div>{}</div>\n", html_escaped(line.text));
        add("</footer>\n");
        return;
      case Text::Kind::plain:
      case Text::Kind::words:
      case Text::Kind::indented:
        for (const Line& line : text.lines) add("<p>{}</p>\n", html_escaped(line.text));
        return;
    }
  }

  void show(const Facts& facts, std::string_view) {
    add("<ul>\n");
    for (const Fact& fact : facts.facts) {
      const std::string text = fact.text.empty() ? shown_text(fact.value, signs()) : fact.text;
      add("<li>{}{}</li>\n", html_escaped(fact.label), html_escaped(text));
    }
    add("</ul>\n");
  }

  void show(const Cards& cards, std::string_view) {
    add("<div class=\"cards\">\n");
    for (const Card& card : cards.cards) {
      add("<div class=\"card{}\"><b>{}</b><span>{}</span></div>\n", card.alarm ? " alarm" : "",
          html_escaped(card.figure), html_escaped(card.label));
    }
    add("</div>\n");
  }

  void show(const Diagram& diagram, std::string_view heading) {
    add("<h2>{}</h2>\n{}", heading, diagram_figure(diagram));
  }

  void show(const Groups& groups, std::string_view heading) {
    add("<h2>{} ({})</h2>\n", heading, groups.count());
    for (const Group& group : groups.groups) {
      add("<details><summary><b>{}</b> {}</summary>\n", group.table.rows.size(), html_escaped(group.reason));
      plain_table(group.table);
      add("</details>\n");
    }
  }

  void show(const Table& data, std::string_view heading) {
    const std::size_t figure_index = data.figure_column();
    if (figure_index < data.columns.size()) {
      if (!data.rows.empty()) drawn_table(data, figure_index, heading);
      return;
    }
    add("<h2>{}</h2>\n<div class=\"scroll\">", heading);
    plain_table(data);
    add("</div>\n");
  }

  void plain_table(const Table& data) {
    add("<table>");
    head_row(data);
    add("<tbody>\n");
    for (const Row& row : data.rows) {
      add("<tr{}>", row.tone == Tone::alarm ? " class=\"broken\"" : "");
      for (const std::size_t i : data.columns_for(html)) {
        add("<td{}>{}</td>", right(data.columns[i]), plain_cell(data.columns[i], row.cells[i]));
      }
      add("</tr>\n");
    }
    add("</tbody></table>");
  }

  static std::string_view right(const Column& column) {
    return column.alignment == Alignment::left ? "" : " class=\"right\"";
  }

  void head_row(const Table& data) {
    add("<thead><tr>");
    for (const std::size_t i : data.columns_for(html)) {
      const Column& column = data.columns[i];
      if (column.help.empty()) {
        add("<th{}>{}</th>", right(column), html_escaped(column.heading));
      } else {
        add("<th scope=\"col\"{} title=\"{}\">{}</th>", right(column), html_escaped(column.help),
            html_escaped(column.heading));
      }
    }
    add("</tr></thead>");
  }

  static std::string plain_cell(const Column& column, const Cell& cell) {
    if (!column.lists) return cell_text(cell);
    std::string text;
    for (const Phrase& phrase : cell.phrases) {
      text += "<div>";
      if (!phrase.name.empty()) text += fmt::format("<code>{}</code> ", html_escaped(phrase.name));
      text += html_escaped(phrase.text) + "</div>";
    }
    return text;
  }

  static std::string cell_text(const Cell& cell) {
    std::string text = html_escaped(shown_text(cell, signs()));
    if (!cell.code) return text;
    const std::string tip = cell.tip.empty() ? std::string() : fmt::format(" title=\"{}\"", html_escaped(cell.tip));
    return fmt::format("<code{}>{}</code>", tip, text);
  }

  // A table that can be sorted and filtered, below a chart of its figure.
  void drawn_table(const Table& data, std::size_t figure_index, std::string_view heading) {
    const Scale scale(data, figure_index);
    chart(data, figure_index, scale);
    add("<h2>{}</h2>\n<div class=\"tools\" id=\"tools\" hidden><label for=\"filter\">Filter</label><input "
        "id=\"filter\" type=\"search\" title=\"Words of the name, role, dtype or any other cell\">"
        "<span id=\"count\"></span></div>\n",
        heading);
    if (data.rows.size() < data.total) {
      add("<p class=\"facts\">{} of {} {}s are on this page.</p>\n", data.rows.size(), data.total, data.noun);
    }
    add("<div class=\"scroll\"><table id=\"weights\">\n");
    head_row(data);
    add("\n");
    for (std::size_t i = 0; i < data.rows.size(); ++i) {
      const Row& row = data.rows[i];
      add("<tbody>\n<tr id=\"w{}\"{}>", i, row.alarm.empty() ? "" : " class=\"broken\"");
      cells(data, figure_index, row, scale);
      add("</tr>\n");
      for (const Row& part : row.parts) {
        add("<tr class=\"part\">");
        cells(data, figure_index, part, scale);
        add("</tr>\n");
      }
      add("</tbody>\n");
    }
    add("</table></div>\n");
  }

  // One bar per row, as high as its figure, linked to its row.
  void chart(const Table& data, std::size_t figure_index, const Scale& scale) {
    const std::string_view name = data.columns[figure_index].heading;
    const std::size_t count = data.rows.size();
    // A gap of a fifth. However few rows there are, no bar is wider than a thirtieth of the chart.
    const double step = 1000.0 / static_cast<double>(std::max<std::size_t>(count, 24));
    add("<figure class=\"chart\"><figcaption><span>{} by {}, {}</span><span>{}</span></figcaption>\n", name, data.noun,
        data.order.empty() ? "in file order" : "by " + html_escaped(data.order),
        html_escaped(scale.caption(data.noun, name)));
    add("<svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{} by {}\">\n", name,
        data.noun);
    for (std::size_t i = 0; i < count; ++i) {
      const Row& row = data.rows[i];
      const Cell& cell = row.cells[figure_index];
      const bool known = cell.value.exists();
      const double height = known ? 100 * scale.share(rank_of(cell)) : 100;
      const auto* label = row.cells.front().value.as<std::string>();
      add("<a href=\"#w{}\"><rect class=\"{}\" x=\"{:.3f}\" y=\"{:.2f}\" width=\"{:.3f}\" height=\"{:.2f}\"><title>{}: "
          "{}</title></rect></a>\n",
          i, bar_class(cell), static_cast<double>(i) * step, 100 - height, step * 0.8, height,
          label != nullptr ? html_escaped(*label) : std::string(),
          html_escaped(known ? shown_text(cell, signs()) : data.alarm));
    }
    add("</svg></figure>\n");
  }

  void cells(const Table& data, std::size_t figure_index, const Row& row, const Scale& scale) {
    for (const std::size_t i : data.columns_for(html)) {
      const Column& column = data.columns[i];
      const Cell& cell = row.cells[i];
      const std::string text = i == figure_index ? drawn_cell(column, row, cell, scale) : cell_text(cell);
      add("<td{} data-v=\"{}\">{}</td>", right(column), sort_key(column, row, cell), text);
    }
  }

  static std::string sort_key(const Column& column, const Row& row, const Cell& cell) {
    if (column.alignment == Alignment::left) return html_escaped(shown_text(cell, signs()));
    if (!row.alarm.empty()) return "Infinity";
    const double value = rank_of(cell);
    if (std::isnan(value)) return {};
    return std::isinf(value) ? "Infinity" : round_trip(value);
  }

  static std::string drawn_cell(const Column& column, const Row& row, const Cell& cell, const Scale& scale) {
    const auto* enclosure = cell.value.as<Enclosure>();
    if (enclosure == nullptr) return row.alarm.empty() ? cell_text(cell) : html_escaped(row.alarm);
    const std::string_view how = kind(*enclosure);
    return fmt::format(
        "<svg class=\"bar\" viewBox=\"0 0 64 8\" aria-hidden=\"true\"><rect class=\"back\" width=\"64\" height=\"8\" "
        "rx=\"2\"/><rect class=\"{}\" width=\"{:.1f}\" height=\"8\" rx=\"2\"/></svg><span class=\"value "
        "sign-{}\" "
        "title=\"{}\">{}</span>",
        how, 64 * scale.share(rank_of(cell)), how == "proven" ? "good" : "caution", ends_of(*enclosure, column.heading),
        cell_text(cell));
  }

  std::string out_;
};

}  // namespace

std::string write_html(const Document& document) { return Page().render(document); }

}  // namespace sigmax::report
