#include "sigmax/report/markdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sigmax/report/summary.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

constexpr std::size_t kPartsShown = 8;     // of a stack, unless verbose
constexpr std::size_t kSkippedShown = 10;  // names a reason, unless verbose
constexpr int kLastPriority = 13;          // columns of a page, not of a spreadsheet

// An underscore within a word, a lone tilde and a `>` after the beginning are no markup; leaving them alone keeps the
// source readable.
bool harmless(std::string_view text, std::size_t i) {
  const auto is_word = [&](std::size_t k) { return std::isalnum(static_cast<unsigned char>(text[k])) != 0; };
  const bool inside = i > 0 && i + 1 < text.size();
  switch (text[i]) {
    case '_': return inside && is_word(i - 1) && is_word(i + 1);
    case '~': return (i == 0 || text[i - 1] == ' ') && (i + 1 == text.size() || text[i + 1] == ' ');
    case '>': return i > 0;
    default: return false;
  }
}

// Prose that may hold file names or reasons: every character that could start markup becomes an entity, which Markdown
// never takes for structure. A mention is found in the text after that, so its sign is cut off by a comment.
std::string prose(std::string_view untrusted) {
  const std::string text = visible(untrusted);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool markup = std::string_view("\\`*_{}[]<>#|&~@$!\"").find(text[i]) != std::string_view::npos;
    out += markup && !harmless(text, i) ? fmt::format("&#{};", static_cast<int>(text[i])) : std::string(1, text[i]);
    if (text[i] == '@') out += "<!-- -->";
  }
  return out;
}

std::vector<const Column*> page_columns() {
  std::vector<const Column*> chosen = columns_for(table);
  chosen.erase(
      std::remove_if(chosen.begin(), chosen.end(), [](const Column* c) { return c->priority > kLastPriority; }),
      chosen.end());
  return chosen;
}

void append_row(std::string& out, const std::vector<const Column*>& columns, const Row& row) {
  const Glyphs& signs = glyphs(true);
  out += '|';
  for (const Column* column : columns) {
    std::string cell;
    if (column->key == "name") {
      cell = (row.part != nullptr ? "&nbsp;&nbsp;└ " : "") +
             markdown_code(row.part != nullptr ? row.part->name : row.tensor->name);
    } else if (column->key == "sigma_max" && row.figures() == nullptr && row.tensor->non_finite) {
      cell = fmt::format("**{} {}**", signs.alarm, non_finite_text(*row.tensor->non_finite));
    } else {
      cell = prose(cell_text(*column, row, signs));
    }
    out += fmt::format(" {} |", cell);
  }
  out += '\n';
}

void append_table(std::string& out, const std::vector<const audit::TensorResult*>& shown, bool verbose) {
  const std::vector<const Column*> columns = page_columns();
  std::string headings = "|";
  std::string rules = "|";
  for (const Column* column : columns) {
    headings += fmt::format(" {} |", prose(column->heading));
    rules += column->alignment == Alignment::left ? " --- |" : " ---: |";
  }
  out += headings + '\n' + rules + '\n';
  for (const audit::TensorResult* tensor : shown) {
    append_row(out, columns, {tensor});
    const std::size_t count = tensor->parts.size();
    const std::size_t listed = verbose ? count : std::min(count, kPartsShown);
    for (std::size_t i = 0; i < listed; ++i) append_row(out, columns, {tensor, &tensor->parts[i]});
    if (listed == count) continue;
    out += fmt::format("| &nbsp;&nbsp;└ {} more |", count - listed);
    for (std::size_t i = 1; i < columns.size(); ++i) out += " |";
    out += '\n';
  }
}

void append_gates(std::string& out, const audit::Result& result, bool verbose) {
  if (result.gates.empty()) return;
  out += "\n## Gates\n\n| gate | outcome | weights judged | |\n| --- | --- | ---: | --- |\n";
  for (const audit::GateOutcome& gate : result.gates) {
    const bool passed = gate.verdict == audit::GateOutcome::Verdict::passed;
    const std::string outcome = passed ? outcome_text(gate) : fmt::format("**{}**", outcome_text(gate));
    out += fmt::format("| {} | {} | {} |", markdown_code(gate.expression), outcome, gate.judged);
    const std::vector<GateDetail> details = gate_details(gate);
    const std::size_t listed = verbose ? details.size() : std::min(details.size(), kSkippedShown);
    for (std::size_t i = 0; i < listed; ++i) {
      const std::string name = details[i].name.empty() ? std::string() : markdown_code(details[i].name) + " ";
      out += fmt::format("{} {}{}", i > 0 ? "<br>" : "", name, prose(details[i].text));
    }
    out += listed < details.size() ? fmt::format("<br> and {} more |\n", details.size() - listed) : std::string(" |\n");
  }
}

void append_skipped(std::string& out, const audit::Result& result, bool verbose) {
  if (result.skipped.empty()) return;
  out +=
      fmt::format("\n## Skipped ({})\n\n| count | reason | tensors |\n| ---: | --- | --- |\n", result.skipped.size());
  for (const SkippedGroup& group : group_skipped(result)) {
    const std::size_t count = group.tensors.size();
    const std::size_t listed = verbose ? count : std::min(count, kSkippedShown);
    out += fmt::format("| {} | {} |", count, prose(group.reason));
    for (std::size_t i = 0; i < listed; ++i) {
      out += fmt::format("{} {}", i > 0 ? "," : "", markdown_code(group.tensors[i]->name));
    }
    out += listed < count ? fmt::format(" and {} more |\n", count - listed) : std::string(" |\n");
  }
}

}  // namespace

std::string markdown_code(std::string_view text) {
  const std::string shown = visible(text);
  const std::size_t special = shown.find_first_of("`\\|");
  if (special == std::string::npos && !shown.empty()) return fmt::format("`{}`", shown);
  // Backticks, and backslashes before pipes, are read differently by table and code span: the HTML element has neither
  // trouble once every punctuation character is an entity.
  std::string out = "<code>";
  for (const char c : shown) {
    out += std::ispunct(static_cast<unsigned char>(c)) != 0 ? fmt::format("&#{};", static_cast<int>(c))
                                                            : std::string(1, c);
  }
  return out + "</code>";
}

std::string render_markdown(const audit::Result& result, const MarkdownOptions& options) {
  const Glyphs& signs = glyphs(true);
  const std::vector<const audit::TensorResult*> shown = select(result, options.sort, options.top);
  std::string out = fmt::format("# sigmax audit: {}\n\n", markdown_code(result.model.path));
  for (const std::string& sentence : summary_sentences(result, signs)) out += fmt::format("{}\n", prose(sentence));
  for (const std::string& note : result.model.notes) out += fmt::format("\n> Note: {}\n", prose(note));
  append_gates(out, result, options.verbose);
  out += '\n';
  if (shown.empty()) out += "No weights to audit.\n";
  if (!shown.empty()) append_table(out, shown, options.verbose);
  if (shown.size() < result.tensors.size()) {
    out += fmt::format("\n{} of {} weights shown.\n", shown.size(), result.tensors.size());
  }
  out += '\n';
  for (const std::string& line : legend(result, shown, signs)) out += fmt::format("- {}\n", prose(line));
  append_skipped(out, result, options.verbose);
  return out;
}

}  // namespace sigmax::report
