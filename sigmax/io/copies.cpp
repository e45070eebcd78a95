#include "sigmax/io/copies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/plural.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

enum class Kind { safetensors, pytorch, other };

class Kinds {
 public:
  explicit Kinds(const Checkpoint& checkpoint) {
    for (const SourceFile& file : checkpoint.files) {
      const bool pytorch = file.format == "pytorch" || file.format == "pytorch-legacy" || file.format == "torchscript";
      kinds_[file.path.string()] = file.format == "safetensors" ? Kind::safetensors
                                   : pytorch                    ? Kind::pytorch
                                                                : Kind::other;
    }
  }

  Kind of(const Entry& entry) const {
    const auto found = kinds_.find(entry.file.string());
    return found == kinds_.end() ? Kind::other : found->second;
  }

 private:
  std::map<std::string, Kind> kinds_;
};

// Tensors of safetensors files by name and shape. The keys refer to the entries' own strings.
using Originals = std::map<std::pair<std::string_view, Dimensions>, std::vector<const Entry*>>;

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.compact(), y = b.compact();
  const std::size_t bytes = static_cast<std::size_t>(x.size()) * size_of(x.dtype());
  return x.shape() == y.shape() && (bytes == 0 || std::memcmp(x.data(), y.data(), bytes) == 0);
}

bool same_values(const Entry& a, const Entry& b) {
  if (a.dtype != b.dtype || !a.load || !b.load) return false;
  const Tensor x = a.load(), y = b.load();
  return while_intact(x, [&] { return while_intact(y, [&] { return same_bits(x, y); }); });
}

// What became of the tensors of one PyTorch file.
struct Tally {
  std::size_t all = 0;
  std::size_t same = 0;
  std::size_t unknown = 0;  // left out without a comparison
  std::size_t other = 0;
  std::string example;  // the name of one that is `other`
};

enum class Outcome { unique, same, unknown, other };

Outcome compare(const Entry& entry, const Originals& originals,
                const std::function<bool(const std::string&)>& compares) {
  const auto found = originals.find({entry.name, entry.shape});
  if (found == originals.end()) return Outcome::unique;
  if (compares && !compares(entry.name)) return Outcome::unknown;
  const auto is_same = [&entry](const Entry* original) { return same_values(*original, entry); };
  return std::any_of(found->second.begin(), found->second.end(), is_same) ? Outcome::same : Outcome::other;
}

void count(Outcome outcome, const Entry& entry, Tally& tally) {
  ++tally.all;
  if (outcome == Outcome::same) ++tally.same;
  if (outcome == Outcome::unknown) ++tally.unknown;
  if (outcome == Outcome::other && tally.other++ == 0) tally.example = in_quotes(entry.name);
}

std::string share(std::size_t part, std::size_t all) {
  if (part == all) return all == 1 ? "its tensor" : fmt::format("its {} tensors", all);
  return fmt::format("{} of its {} tensors", part, all);
}

void tell(const std::string& file, const Tally& tally, std::vector<std::string>& notes) {
  if (tally.same > 0) {
    notes.push_back(
        fmt::format("{}: {} {} in safetensors files here too, identical bit for bit, and {} left out as {}; name the "
                    "file to read it",
                    file, share(tally.same, tally.all), either(tally.same, "is", "are"),
                    either(tally.same, "was", "were"), either(tally.same, "a copy", "copies")));
  }
  if (tally.unknown > 0) {
    notes.push_back(
        fmt::format("{}: {} {} in safetensors files here and {} (values were not compared); name the file to read it",
                    file, share(tally.unknown, tally.all),
                    either(tally.unknown, "has the name and shape of a tensor", "have the names and shapes of tensors"),
                    either(tally.unknown, "was left out as a copy", "were left out as copies")));
  }
  if (tally.other > 0) {
    notes.push_back(fmt::format(
        "{}: {} {} in safetensors files here, but other values or {}{}), and {} read too", file,
        share(tally.other, tally.all),
        either(tally.other, "has the name and shape of a tensor", "have the names and shapes of tensors"),
        either(tally.other, "another type (", "types (such as "), tally.example, either(tally.other, "is", "are")));
  }
}

}  // namespace

void leave_out_copies(Checkpoint& checkpoint, std::size_t first,
                      const std::function<bool(const std::string&)>& compares) {
  const Kinds kinds(checkpoint);
  std::vector<Entry>& entries = checkpoint.entries;
  Originals originals;
  for (std::size_t i = first; i < entries.size(); ++i) {
    if (kinds.of(entries[i]) == Kind::safetensors) {
      originals[{entries[i].name, entries[i].shape}].push_back(&entries[i]);
    }
  }
  if (originals.empty()) return;
  std::map<std::string, Tally> tallies;  // one for each PyTorch file
  std::vector<bool> drop(entries.size(), false);
  for (std::size_t i = first; i < entries.size(); ++i) {
    if (kinds.of(entries[i]) != Kind::pytorch) continue;
    const Outcome outcome = compare(entries[i], originals, compares);
    drop[i] = outcome == Outcome::same || outcome == Outcome::unknown;
    count(outcome, entries[i], tallies[entries[i].file.string()]);
  }
  originals.clear();
  std::size_t position = 0;
  std::erase_if(entries, [&](const Entry&) { return drop[position++]; });
  for (const auto& [file, tally] : tallies) {
    tell(file, tally, checkpoint.notes);
    if (tally.same + tally.unknown < tally.all) continue;
    std::erase_if(checkpoint.files, [&file = file](const SourceFile& source) { return source.path.string() == file; });
  }
}

}  // namespace sigmax::io
