#include "sigmax/report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/html_assets.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/summary.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

const Glyphs& signs() { return glyphs(true); }

/// Bar lengths, between 0 and 1: in proportion, or logarithmic where the weights span more than a factor of 50.
class Scale {
 public:
  explicit Scale(const std::vector<const audit::TensorResult*>& shown) {
    for (const audit::TensorResult* tensor : shown) {
      const double sigma = tensor->figures ? tensor->figures->sigma_max_estimate : 0;
      if (!(sigma > 0) || !std::isfinite(sigma)) continue;
      least_ = std::min(least_, sigma);
      most_ = std::max(most_, sigma);
    }
    logarithmic_ = most_ > 50 * least_;
    // One very small weight must not flatten the others: six decades are enough.
    if (logarithmic_) least_ = std::max(least_, most_ * 1e-6);
  }

  double share(double sigma) const {
    if (!(sigma > 0) || !(most_ > 0)) return 0;
    if (!logarithmic_) return std::min(1.0, sigma / most_);
    return std::clamp(0.04 + 0.96 * std::log(sigma / least_) / std::log(most_ / least_), 0.02, 1.0);
  }

  std::string caption() const {
    if (!(most_ > 0)) return "no weight has a positive sigma_max";
    return fmt::format("{} to {}, {} scale", significant(least_, 4), significant(most_, 4),
                       logarithmic_ ? "logarithmic" : "linear");
  }

 private:
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = 0;
  bool logarithmic_ = false;
};

std::string_view chart_class(const audit::TensorResult& tensor) {
  return tensor.figures ? kind(tensor.figures->sigma_max) : std::string_view("broken");
}

class Page {
 public:
  Page(const audit::Result& result, const HtmlOptions& options)
      : result_(result),
        options_(options),
        shown_(select(result, options.sort, options.top)),
        scale_(shown_),
        columns_(columns_for(table)) {
    if (result.model.files.size() > 1) return;
    columns_.erase(std::remove(columns_.begin(), columns_.end(), &column("file")), columns_.end());
  }

  std::string render() {
    head();
    cards();
    gates();
    if (!shown_.empty()) {
      chart();
      weights();
    }
    skipped();
    files();
    foot();
    return std::move(out_);
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void head() {
    const std::string path = html_escaped(result_.model.path);
    add("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    add("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'\">\n");
    add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    add("<title>sigmax audit: {}</title>\n<style>{}</style>\n</head>\n<body>\n", path, kStyle);
    add("<h1>{}</h1>\n<p class=\"facts\">{}", path, html_escaped(result_.model.format));
    if (!options_.date.empty()) add(" · {}", html_escaped(options_.date));
    add(" · sigmax {}", html_escaped(options_.version));
    if (!options_.command.empty()) add(" · <code>{}</code>", html_escaped(options_.command));
    add("</p>\n");
    for (const std::string& note : result_.model.notes) add("<p class=\"facts\">Note: {}</p>\n", html_escaped(note));
  }

  void card(std::string_view figure, std::string_view label, bool alarm = false) {
    add("<div class=\"card{}\"><b>{}</b><span>{}</span></div>\n", alarm ? " alarm" : "", html_escaped(figure),
        html_escaped(label));
  }

  void cards() {
    const audit::Summary& s = result_.summary;
    add("<div class=\"cards\">\n");
    card(fmt::format("{}", s.audited), either(s.audited, "weight audited", "weights audited"));
    card(count_text(s.parameters), fmt::format("parameters, {}", bytes_text(s.bytes)));
    card(fmt::format("{} / {}", s.proven, s.audited), "sigma_max proven");
    if (s.probabilistic > 0) card(fmt::format("{}", s.probabilistic), "sigma_max probabilistic");
    if (s.lower_only > 0) card(fmt::format("{}", s.lower_only), "with a lower end only");
    if (s.non_finite > 0) card(fmt::format("{}", s.non_finite), "with NaN or infinite entries", true);
    if (s.unread > 0) {
      card(fmt::format("{}", s.unread),
           either(s.unread, "not read, and may be a weight", "not read, and may be weights"), true);
    }
    card(fmt::format("{}", s.skipped), either(s.skipped, "tensor skipped", "tensors skipped"));
    card(duration_text(s.seconds), "on " + plural(s.threads, "thread"));
    add("</div>\n");
  }

  // One bar a weight, as high as its sigma_max, linked to its row.
  void chart() {
    const std::size_t count = shown_.size();
    // A gap of a fifth, and no bar broader than a thirtieth of the chart however few weights there are.
    const double step = 1000.0 / static_cast<double>(std::max<std::size_t>(count, 24));
    add("<figure class=\"chart\"><figcaption><span>sigma_max by weight, {}</span><span>{}</span></figcaption>\n",
        options_.sort.empty() ? "in file order" : "by " + html_escaped(options_.sort.key),
        html_escaped(scale_.caption()));
    add("<svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"sigma_max by "
        "weight\">\n");
    for (std::size_t i = 0; i < count; ++i) {
      const audit::TensorResult& tensor = *shown_[i];
      const double height = tensor.figures ? 100 * scale_.share(tensor.figures->sigma_max_estimate) : 100;
      const std::string tip =
          tensor.figures ? cell_text(column("sigma_max"), {&tensor}, signs()) : "non-finite entries";
      add("<a href=\"#w{}\"><rect class=\"{}\" x=\"{:.3f}\" y=\"{:.2f}\" width=\"{:.3f}\" height=\"{:.2f}\"><title>{}: "
          "{}</title></rect></a>\n",
          i, chart_class(tensor), static_cast<double>(i) * step, 100 - height, step * 0.8, height,
          html_escaped(tensor.name), html_escaped(tip));
    }
    add("</svg></figure>\n");
  }

  void weights() {
    add("<h2>Weights</h2>\n<div class=\"tools\" id=\"tools\" hidden><label for=\"filter\">Filter</label><input "
        "id=\"filter\" type=\"search\" title=\"Words of the name, role, dtype or any other cell\">"
        "<span id=\"count\"></span></div>\n");
    if (shown_.size() < result_.tensors.size()) {
      add("<p class=\"facts\">{} of {} weights are on this page.</p>\n", shown_.size(), result_.tensors.size());
    }
    add("<div class=\"scroll\"><table id=\"weights\">\n<thead><tr>");
    for (const Column* c : columns_) {
      add("<th scope=\"col\"{} title=\"{}\">{}</th>", c->alignment == Alignment::left ? "" : " class=\"right\"",
          html_escaped(c->help), html_escaped(c->heading));
    }
    add("</tr></thead>\n");
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      const audit::TensorResult& tensor = *shown_[i];
      add("<tbody>\n<tr id=\"w{}\"{}>", i, tensor.non_finite ? " class=\"broken\"" : "");
      cells({&tensor});
      add("</tr>\n");
      for (const audit::Part& part : tensor.parts) {
        add("<tr class=\"part\">");
        cells({&tensor, &part});
        add("</tr>\n");
      }
      add("</tbody>\n");
    }
    add("</table></div>\n<ul class=\"legend\">\n");
    for (const std::string& line : legend(result_, shown_, signs())) add("<li>{}</li>\n", html_escaped(line));
    add("</ul>\n");
  }

  void cells(const Row& row) {
    for (const Column* c : columns_) {
      const bool left = c->alignment == Alignment::left;
      std::string text = html_escaped(cell_text(*c, row, signs()));
      if (c->key == "name") {
        const std::string& where = row.tensor->provenance;
        text = fmt::format("<code title=\"{}{}\">{}</code>", html_escaped(row.tensor->name),
                           where.empty() ? std::string() : " (" + html_escaped(where) + ")", text);
      } else if (c->key == "sigma_max") {
        text = sigma_max_cell(row, text);
      }
      add("<td{} data-v=\"{}\">{}</td>", left ? "" : " class=\"right\"", sort_key(*c, row), text);
    }
  }

  static std::string sort_key(const Column& c, const Row& row) {
    if (c.alignment == Alignment::left) return html_escaped(cell_text(c, row, signs()));
    if (row.tensor->non_finite) return "Infinity";
    const double value = sort_value(c, row);
    if (std::isnan(value)) return {};
    return std::isinf(value) ? "Infinity" : round_trip(value);
  }

  std::string sigma_max_cell(const Row& row, const std::string& text) const {
    if (row.figures() == nullptr) {
      return row.tensor->non_finite ? html_escaped(non_finite_text(*row.tensor->non_finite)) : text;
    }
    const std::string_view how = kind(row.figures()->sigma_max);
    const auto& enclosed = row.figures()->sigma_max;
    std::string ends = fmt::format("{} \u2264 sigma_max", round_trip(enclosed.lower.value()));
    if (enclosed.upper) ends += fmt::format(" \u2264 {}", round_trip(enclosed.upper->value()));
    if (how == "probabilistic") {
      ends += fmt::format(", wrong with probability at most {}", round_trip(enclosed.upper->failure_probability()));
    }
    return fmt::format(
        "<svg class=\"bar\" viewBox=\"0 0 64 8\" aria-hidden=\"true\"><rect class=\"back\" width=\"64\" height=\"8\" "
        "rx=\"2\"/><rect class=\"{}\" width=\"{:.1f}\" height=\"8\" rx=\"2\"/></svg><span class=\"value "
        "sign-{}\" "
        "title=\"{}\">{}</span>",
        how, 64 * scale_.share(row.figures()->sigma_max_estimate), how == "proven" ? "good" : "caution", ends, text);
  }

  void gates() {
    if (result_.gates.empty()) return;
    add("<h2>Gates</h2>\n<div class=\"scroll\"><table><thead><tr><th>gate</th><th>outcome</th><th "
        "class=\"right\">weights judged</th><th>weights</th></tr></thead>\n<tbody>\n");
    for (const audit::GateOutcome& gate : result_.gates) {
      const bool passed = gate.verdict == audit::GateOutcome::Verdict::passed;
      add("<tr{}><td><code>{}</code></td><td>{}</td><td class=\"right\">{}</td><td>", passed ? "" : " class=\"broken\"",
          html_escaped(gate.expression), outcome_text(gate), gate.judged);
      for (const GateDetail& detail : gate_details(gate)) {
        add("<div>");
        if (!detail.name.empty()) add("<code>{}</code> ", html_escaped(detail.name));
        add("{}</div>", html_escaped(detail.text));
      }
      add("</td></tr>\n");
    }
    add("</tbody></table></div>\n");
  }

  void skipped() {
    if (result_.skipped.empty()) return;
    add("<h2>Skipped ({})</h2>\n", result_.skipped.size());
    for (const SkippedGroup& group : group_skipped(result_)) {
      add("<details><summary><b>{}</b> {}</summary>\n<table><thead><tr><th>tensor</th><th>shape</th><th>dtype</th>"
          "<th>where</th></tr></thead><tbody>\n",
          group.tensors.size(), html_escaped(group.reason));
      for (const audit::Skipped* t : group.tensors) {
        add("<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>\n", html_escaped(t->name),
            to_string(t->shape), html_escaped(t->dtype), html_escaped(place(*t)));
      }
      add("</tbody></table></details>\n");
    }
  }

  static std::string place(const audit::Skipped& tensor) {
    return tensor.provenance.empty() ? tensor.file : tensor.file + ": " + tensor.provenance;
  }

  void files() {
    add("<h2>Files</h2>\n<div class=\"scroll\"><table><thead><tr><th>file</th><th>format</th><th "
        "class=\"right\">bytes</th></tr></thead><tbody>\n");
    for (const audit::ModelFile& file : result_.model.files) {
      add("<tr><td><code>{}</code></td><td>{}</td><td class=\"right\">{}</td></tr>\n", html_escaped(file.path),
          html_escaped(file.format), file.bytes);
    }
    add("</tbody></table></div>\n");
  }

  void foot() {
    add("<footer>\n");
    for (const std::string& sentence : summary_sentences(result_, signs()))
      add("<div>{}</div>\n", html_escaped(sentence));
    add("</footer>\n<script>{}</script>\n</body>\n</html>\n", kScript);
  }

  const audit::Result& result_;
  const HtmlOptions& options_;
  std::vector<const audit::TensorResult*> shown_;
  Scale scale_;
  std::vector<const Column*> columns_;
  std::string out_;
};

}  // namespace

std::string render_html(const audit::Result& result, const HtmlOptions& options) {
  return Page(result, options).render();
}

}  // namespace sigmax::report
