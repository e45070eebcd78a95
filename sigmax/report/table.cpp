#include "sigmax/report/table.hpp"

#include <algorithm>

namespace sigmax::report {

std::vector<std::size_t> Table::columns_for(unsigned use) const {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if ((columns[i].uses & use) != 0) chosen.push_back(i);
  }
  return chosen;
}

std::size_t Table::figure_column() const noexcept {
  const auto found = std::find_if(columns.begin(), columns.end(), [this](const Column& c) { return c.key == figure; });
  return static_cast<std::size_t>(found - columns.begin());
}

std::string shown_text(const Cell& cell, const Glyphs& glyphs) {
  return cell.text.empty() && !cell.code ? shown_text(cell.value, glyphs) : cell.text;
}

double rank_of(const Cell& cell) noexcept { return cell.rank ? *cell.rank : rank_of(cell.value); }

List records_of(const Table& table) {
  const std::vector<std::size_t> members = table.columns_for(figure);
  List records;
  for (const Row& row : table.rows) {
    Record record;
    for (const std::size_t i : members) record.push_back({std::string(table.columns[i].key), row.cells[i].value});
    records.emplace_back(std::move(record));
  }
  return records;
}

}  // namespace sigmax::report
