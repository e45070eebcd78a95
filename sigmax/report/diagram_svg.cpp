#include "sigmax/report/diagram_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "sigmax/report/number.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

constexpr std::size_t kRoomy = 40;     // boxes that are two lines of text high
constexpr double kBoxWidth = 720;      // without the lines beside it
constexpr double kStrip = 420;         // two fit on a page
constexpr double kMonospaced = 7.25;   // the width of a character of the name
constexpr double kProportional = 6.4;  // of other text, about
constexpr double kThinnest = 1.5;
constexpr double kThickest = 13;
constexpr double kBeside = 260;  // the most that lines beside the boxes may take

struct Sizes {
  double box = 44;
  double gap = 26;
  bool two_lines = true;

  double step() const { return box + gap; }
};

bool is_amount(const std::optional<double>& amount) { return amount && *amount > 0 && std::isfinite(*amount); }

/// Amounts on a logarithmic scale from 0 to 1.
class Logarithmic {
 public:
  void include(const std::optional<double>& amount) {
    if (!is_amount(amount)) return;
    least_ = std::min(least_, *amount);
    most_ = std::max(most_, *amount);
  }

  bool empty() const { return most_ == 0; }
  bool is_flat() const { return empty() || std::log(most_) - std::log(least_) < 1e-9; }
  double least() const { return least_; }
  double most() const { return most_; }

  double share(double amount) const {
    if (is_flat()) return 0.3;
    return std::clamp((std::log(amount) - std::log(least_)) / (std::log(most_) - std::log(least_)), 0.0, 1.0);
  }

 private:
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = 0;
};

/// Lines past other boxes run in lanes, short ones next to the boxes. Lines of one lane do not overlap.
std::map<std::size_t, std::size_t> lanes_of(const std::vector<Diagram::Line>& lines) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].to > lines[i].from + 1) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return lines[a].to - lines[a].from < lines[b].to - lines[b].from;
  });
  std::vector<std::vector<std::size_t>> lanes;
  std::map<std::size_t, std::size_t> found;
  for (const std::size_t i : order) {
    const auto is_free = [&](const std::vector<std::size_t>& lane) {
      return std::none_of(lane.begin(), lane.end(), [&](std::size_t other) {
        return lines[i].from < lines[other].to && lines[other].from < lines[i].to;
      });
    };
    std::size_t lane = 0;
    while (lane < lanes.size() && !is_free(lanes[lane])) ++lane;
    if (lane == lanes.size()) lanes.emplace_back();
    lanes[lane].push_back(i);
    found[i] = lane;
  }
  return found;
}

class Drawing {
 public:
  explicit Drawing(const Diagram& diagram) : diagram_(diagram), lanes_(lanes_of(diagram.lines)) {
    if (diagram.boxes.size() > kRoomy) sizes_ = {24, 14, false};
    for (const Diagram::Line& line : diagram.lines) thickness_.include(line.amount);
    for (const Diagram::Box& box : diagram.boxes) {
      if (is_amount(box.amount)) depth_.include(std::max(*box.amount, 1 / *box.amount));
    }
    std::size_t count = 0;
    for (const auto& [line, lane] : lanes_) count = std::max(count, lane + 1);
    spacing_ = count == 0 ? 0 : std::min(26.0, kBeside / static_cast<double>(count));
    left_ = 2 + spacing_ * static_cast<double>(count) + (count == 0 ? 0 : 14);
  }

  std::string figure() {
    add("<figure class=\"graph\"><figcaption>{}</figcaption>\n", html_escaped(diagram_.caption));
    legend();
    add("<div class=\"strips\">\n");
    const std::size_t rows = std::max<std::size_t>(1, static_cast<std::size_t>(kStrip / sizes_.step()));
    const std::size_t count = diagram_.boxes.size();
    for (std::size_t first = 0; first < count; first += rows) strip(first, std::min(count, first + rows));
    add("</div></figure>\n");
    return std::move(out_);
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  double top(std::size_t box) const { return 2 + sizes_.step() * static_cast<double>(box); }
  double bottom(std::size_t box) const { return top(box) + sizes_.box; }
  double width() const { return left_ + kBoxWidth + 2; }

  double thickness(const Diagram::Line& line) const {
    return is_amount(line.amount) ? kThinnest + (kThickest - kThinnest) * thickness_.share(*line.amount) : kThinnest;
  }

  void legend() {
    add("<ul class=\"legend graph-legend\">");
    if (!thickness_.empty()) {
      const auto sample = [&](double amount) {
        const double thick = kThinnest + (kThickest - kThinnest) * thickness_.share(amount);
        add("<svg width=\"34\" height=\"14\" aria-hidden=\"true\"><path class=\"flow\" d=\"M2 7H32\" "
            "stroke-width=\"{:.1f}\"/></svg> {}",
            thick, significant(amount, 3));
      };
      add("<li>{}: ", html_escaped(diagram_.of_lines));
      sample(thickness_.least());
      if (!thickness_.is_flat()) {
        add(" to ");
        sample(thickness_.most());
        add(", logarithmic");
      }
      add("</li>");
    }
    const auto key = [&](const char* kind, const char* text) {
      add("<li><svg width=\"20\" height=\"14\" aria-hidden=\"true\"><rect class=\"{}\" x=\"1\" y=\"1\" width=\"18\" "
          "height=\"12\" rx=\"3\"/></svg> {}{}</li>",
          kind, html_escaped(diagram_.of_boxes), text);
    };
    key("box more", " more than 1");
    key("box less", " less than 1");
    if (std::any_of(diagram_.boxes.begin(), diagram_.boxes.end(), [](const auto& box) { return box.alarm; })) {
      add("<li><svg width=\"20\" height=\"14\" aria-hidden=\"true\"><rect class=\"box none\" x=\"1\" y=\"1\" "
          "width=\"18\" height=\"12\" rx=\"3\"/></svg> without a bound</li>");
    }
    add("</ul>\n");
  }

  // Lines that only pass are drawn in each strip that they pass.
  void strip(std::size_t first, std::size_t end) {
    const bool last = end == diagram_.boxes.size();
    const double begin = first == 0 ? 0 : top(first);
    const double height = (last ? bottom(end - 1) + 2 : top(end)) - begin;
    add("<svg width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 {2:.0f} {0:.0f} {1:.0f}\" role=\"img\" "
        "aria-label=\"{3}: {4} to {5} of {6}\">\n",
        width(), height, begin, html_escaped(diagram_.caption), first + 1, end, diagram_.boxes.size());
    for (std::size_t i = 0; i < diagram_.lines.size(); ++i) {
      const Diagram::Line& line = diagram_.lines[i];
      if (line.to >= first && line.from < end) draw(i, line);
    }
    for (std::size_t i = first; i < end; ++i) draw(i, diagram_.boxes[i]);
    add("</svg>\n");
  }

  void draw(std::size_t index, const Diagram::Line& line) {
    const double thick = thickness(line);
    const char* const kind = is_amount(line.amount) ? "flow" : "flow unknown";
    if (line.to == line.from + 1) {
      const double x = left_ + kBoxWidth / 2;
      add("<path class=\"{}\" stroke-width=\"{:.1f}\" d=\"M{:.1f} {:.1f}V{:.1f}\"><title>{}</title></path>\n", kind,
          thick, x, bottom(line.from), top(line.to), html_escaped(line.tip));
      return;
    }
    const double x = left_ - 14 - spacing_ * (static_cast<double>(lanes_.at(index)) + 0.5);
    const double leaves = bottom(line.from) - sizes_.box * 0.22;
    const double arrives = top(line.to) + sizes_.box * 0.22;
    const double room = left_ - 6 - x;
    const double bend = std::min(room, (arrives - leaves) / 2);
    const double narrow = std::min(thick, std::max(kThinnest, spacing_ * 0.55));
    add("<path class=\"{0}\" stroke-width=\"{1:.1f}\" d=\"M{2:.1f} {3:.1f}C{4:.1f} {3:.1f} {4:.1f} {3:.1f} {4:.1f} "
        "{5:.1f}V{6:.1f}C{4:.1f} {7:.1f} {4:.1f} {7:.1f} {8:.1f} {7:.1f}\"><title>{9}</title></path>\n",
        kind, narrow, left_, leaves, x, leaves + bend, arrives - bend, arrives, left_ - 6, html_escaped(line.tip));
    add("<path class=\"{2}\" d=\"M{0:.1f} {1:.1f}l-8 -5v10z\"/>\n", left_, arrives,
        is_amount(line.amount) ? "tip" : "tip unknown");
  }

  std::string kind_of(const Diagram::Box& box) const {
    if (box.alarm) return "box none";
    if (box.source || !is_amount(box.amount)) return "box plain";
    constexpr double kOne = 1e-9;
    if (std::abs(*box.amount - 1) <= kOne) return "box one";
    return *box.amount > 1 ? "box more" : "box less";
  }

  // The more an amount differs from 1, the deeper the color.
  double opacity_of(const Diagram::Box& box) const {
    if (!is_amount(box.amount) || box.source || box.alarm) return 1;
    return 0.12 + 0.4 * depth_.share(std::max(*box.amount, 1 / *box.amount));
  }

  void draw(std::size_t index, const Diagram::Box& box) {
    const double y = top(index);
    add("<g><title>{}</title><rect class=\"back\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" rx=\"6\"/>",
        html_escaped(box.tip), left_, y, kBoxWidth, sizes_.box);
    add("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" rx=\"6\" fill-opacity=\"{:.2f}\"/>",
        kind_of(box), left_, y, kBoxWidth, sizes_.box, opacity_of(box));
    const double right = left_ + kBoxWidth - 12;
    if (sizes_.two_lines) {
      const double figure = width_of(box.figure);
      text("name", left_ + 12, y + 18, box.name, kBoxWidth - 36 - figure, kMonospaced);
      text("soft", left_ + 12, y + 35, box.detail, kBoxWidth - 36 - width_of(box.total), kProportional);
      text("figure", right, y + 18, box.figure, kBoxWidth / 2, kProportional);
      text("total", right, y + 35, box.total, kBoxWidth / 2, kProportional);
      add("</g>\n");
      return;
    }
    constexpr double kTotal = 118;  // columns, so that figures of different boxes stand below each other
    constexpr double kFigure = 86;
    constexpr double kDetail = 150;
    const double baseline = y + 16.5;
    const double detail = right - kTotal - kFigure - kDetail;
    text("total", right, baseline, box.total, kTotal, kProportional);
    text("figure", right - kTotal, baseline, box.figure, kFigure, kProportional);
    text("soft", detail, baseline, box.detail, kDetail - 8, kProportional);
    text("name", left_ + 10, baseline, box.name, detail - left_ - 22, kMonospaced);
    add("</g>\n");
  }

  static double width_of(const std::string& text) { return kProportional * static_cast<double>(display_width(text)); }

  void text(const char* kind, double x, double y, const std::string& words, double room, double character) {
    if (words.empty()) return;
    const auto most = static_cast<std::size_t>(std::max(4.0, room / character));
    add("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", kind, x, y,
        html_escaped(shortened(visible(words), most)));
  }

  // Of `Conv '/a/b/c'` the first word stays.
  static std::string shortened(const std::string& words, std::size_t most) {
    const std::size_t quote = words.find(" '");
    if (display_width(words) <= most || quote == std::string::npos || quote + 8 > most) {
      return shorten(words, most, glyphs(true));
    }
    return words.substr(0, quote + 1) + shorten(words.substr(quote + 1), most - quote - 1, glyphs(true));
  }

  const Diagram& diagram_;
  std::map<std::size_t, std::size_t> lanes_;
  Sizes sizes_;
  Logarithmic thickness_;
  Logarithmic depth_;
  double spacing_ = 0;
  double left_ = 0;
  std::string out_;
};

}  // namespace

std::string diagram_figure(const Diagram& diagram) { return Drawing(diagram).figure(); }

}  // namespace sigmax::report
