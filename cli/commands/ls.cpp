#include "cli/commands/ls.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::cli {
namespace {

// The shorter side of the tensor as a matrix [first, rest]; 1 for vectors and scalars.
std::int64_t shorter_side(const io::Entry& entry) {
  const std::int64_t elements = element_count(entry.shape).value_or(0);
  if (entry.shape.size() < 2 || elements == 0) return 1;
  return std::min(entry.shape.front(), elements / entry.shape.front());
}

std::uint64_t bytes_of(const io::Entry& entry) { return entry.bytes ? entry.bytes->length : 0; }

std::vector<const io::Entry*> chosen_entries(const io::Checkpoint& checkpoint, const ListOptions& options) {
  std::vector<const io::Entry*> entries;
  for (const io::Entry& entry : checkpoint.entries) {
    if (options.names.selects(entry.name) && shorter_side(entry) >= options.min_dim) entries.push_back(&entry);
  }
  const auto before = [&](const io::Entry* a, const io::Entry* b) {
    switch (options.sort) {
      case ListOptions::Sort::name: return a->name < b->name;
      case ListOptions::Sort::elements: return element_count(a->shape) < element_count(b->shape);
      case ListOptions::Sort::bytes: return bytes_of(*a) < bytes_of(*b);
      case ListOptions::Sort::file_order: break;
    }
    return false;
  };
  // Reverses the order, but keeps ties in the file's order.
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const auto* a, const auto* b) { return options.descending ? before(b, a) : before(a, b); });
  if (options.top && *options.top < entries.size()) entries.resize(*options.top);
  return entries;
}

}  // namespace

int run_ls(const ListOptions& options) {
  const Messages messages(options.common);
  // A listing does not read values.
  const io::Checkpoint checkpoint =
      io::open_checkpoint(std::vector<std::filesystem::path>(options.paths.begin(), options.paths.end()),
                          {.compares = [](const std::string&) { return false; }});
  const std::vector<const io::Entry*> entries = chosen_entries(checkpoint, options);
  switch (options.format) {
    case Format::table: print(list_as_table(checkpoint, entries, style_of(1, options.common.color), options)); break;
    case Format::json: print(list_as_json(checkpoint, entries)); break;
    case Format::csv: print(list_as_csv(entries)); break;
    case Format::markdown: print(list_as_markdown(entries)); break;
  }
  for (const std::string& note : checkpoint.notes) messages.note(note);
  if (entries.empty() && !checkpoint.entries.empty()) messages.warning("no tensor was selected");
  return kSuccess;
}

}  // namespace sigmax::cli
