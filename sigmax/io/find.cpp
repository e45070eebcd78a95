// Checkpoint::find() and its kin. It needs bytes/, which lies above entry.hpp, and so is a room of its own.
#include "sigmax/io/entry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "sigmax/core/closest_names.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/plural.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

using Candidates = std::vector<const Entry*>;

constexpr std::size_t kListed = 8;
constexpr std::size_t kClosest = 5;

Candidates called(const std::vector<Entry>& entries, std::string_view name) {
  Candidates found;
  for (const Entry& entry : entries) {
    if (entry.name == name) found.push_back(&entry);
  }
  return found;
}

std::string place_of(const Checkpoint& checkpoint) {
  if (checkpoint.paths.empty()) return "the checkpoint";
  return checkpoint.paths.front().string() + (checkpoint.paths.size() > 1 ? " and others" : "");
}

// The first few lines, each of its own, and how many more there are.
std::string listing(const std::vector<std::string>& lines, std::size_t total) {
  return fmt::format("\n  {}{}", fmt::join(lines, "\n  "),
                     total > lines.size() ? fmt::format("\n  ... and {} more", total - lines.size()) : "");
}

[[noreturn]] void refuse_absent(const Checkpoint& checkpoint, std::string_view name) {
  std::vector<std::string> close;
  for (const std::string& one : closest_names(name, checkpoint.names(), kClosest)) close.push_back(in_quotes(one));
  std::string instead = fmt::format("; did you mean\n  {}", fmt::join(close, "\n  "));
  if (close.empty()) {
    for (const Entry& entry : checkpoint.entries) {
      if (close.size() < kListed) close.push_back(in_quotes(checkpoint.label(entry)));
    }
    instead = close.empty() ? "" : "; it has" + listing(close, checkpoint.entries.size());
  }
  throw Error(fmt::format("[find] {} has no tensor {}{}", place_of(checkpoint), in_quotes(name), instead));
}

[[noreturn]] void refuse_ambiguous(const Checkpoint& checkpoint, const Candidates& all) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(all.size(), kListed); ++i) {
    const Entry& entry = *all[i];
    lines.push_back(fmt::format("{}  {} {}  {}{}", in_quotes(checkpoint.label(entry)), to_string(entry.shape),
                                entry.dtype_name, entry.file.filename().string(),
                                entry.provenance.empty() ? std::string() : ", " + entry.provenance));
  }
  throw Error(fmt::format("[find] {} has {} tensors called {}; name one by its number, as in {}{}",
                          place_of(checkpoint), all.size(), in_quotes(all.front()->name),
                          in_quotes(all.front()->name + "@2"), listing(lines, all.size())));
}

}  // namespace

std::vector<const Entry*> Checkpoint::candidates(std::string_view name) const {
  Candidates all = called(entries, name);
  const std::size_t at = name.rfind('@');
  if (!all.empty() || at == std::string_view::npos) return all;
  std::size_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + at + 1, end, number);
  if (error != std::errc() || stop != end) return {};
  all = called(entries, name.substr(0, at));
  if (all.empty()) return {};
  if (number >= 1 && number <= all.size()) return {all[number - 1]};
  throw Error(fmt::format("{} has {} called {}, and no number {} of them", place_of(*this),
                          plural(all.size(), "tensor"), in_quotes(name.substr(0, at)), number));
}

const Entry& Checkpoint::find(std::string_view name) const {
  const Candidates all = candidates(name);
  if (all.empty()) refuse_absent(*this, name);
  if (all.size() > 1) refuse_ambiguous(*this, all);
  return *all.front();
}

std::string Checkpoint::label(const Entry& entry) const {
  const Candidates all = called(entries, entry.name);
  if (all.size() == 1) return entry.name;
  return fmt::format("{}@{}", entry.name, std::find(all.begin(), all.end(), &entry) - all.begin() + 1);
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> all;
  for (const Entry& entry : entries) all.push_back(entry.name);
  return all;
}

}  // namespace sigmax::io
