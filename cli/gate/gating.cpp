#include "cli/gate/gating.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigmax/core/plural.hpp"
#include "sigmax/report/text.hpp"
#include "sigmax/report/weight_row.hpp"

namespace sigmax::cli {
namespace {

using audit::GateOutcome;
using NotJudged = GateOutcome::NotJudged;

constexpr std::size_t kNamed = 5;  // names in one message; the reports have all

// As reports spell it: JSON has no dashes in names.
std::string key_of(Reason reason) {
  std::string key(name(reason));
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

std::string describe(const audit::Skipped& tensor) {
  const std::string shape = tensor.shape.empty() ? std::string() : to_string(tensor.shape) + " ";
  // Some reasons begin with the type themselves.
  if (tensor.dtype.empty() || tensor.reason.starts_with(tensor.dtype + ":")) return shape + tensor.reason;
  return fmt::format("{}{}: {}", shape, tensor.dtype, tensor.reason);
}

bool any_weight_matches(const NamePattern& pattern, const audit::Result& result) {
  return std::any_of(result.tensors.begin(), result.tensors.end(),
                     [&](const audit::TensorResult& tensor) { return pattern.matches(tensor.name); }) ||
         std::any_of(result.skipped.begin(), result.skipped.end(), [&](const audit::Skipped& tensor) {
           return tensor.unread_weight && pattern.matches(tensor.name);
         });
}

bool any_tensor_matches(const NamePattern& pattern, const audit::Result& result) {
  const auto matches = [&](const auto& tensor) { return pattern.matches(tensor.name); };
  return std::any_of(result.tensors.begin(), result.tensors.end(), matches) ||
         std::any_of(result.skipped.begin(), result.skipped.end(), matches);
}

class Judging {
 public:
  Judging(const Gate& gate, const std::set<Reason>& allowed) : gate_(gate), allowed_(allowed) {
    outcome_.expression = gate.source();
  }

  void weight(const audit::TensorResult& tensor) {
    const cli::Verdict verdict = gate_.judge(tensor);
    if (verdict.tripped) outcome_.tripped.push_back({tensor.name, tensor.file, verdict.readings});
    if (verdict.doubts.empty()) ++outcome_.judged;
    for (const Doubt& doubt : verdict.doubts) {
      std::string detail = doubt.key;
      if (doubt.reason == Reason::nan) detail = report::non_finite_text(*tensor.non_finite);
      doubtful(doubt.reason, tensor.name, tensor.file, std::move(detail));
    }
  }

  void unread_file(const audit::UnreadFile& file) {
    outcome_.not_judged.push_back(
        {file.path, file.path, key_of(Reason::unread), file.reason, allowed_.contains(Reason::unread), true});
  }

  void doubtful(Reason reason, const std::string& name, const std::string& file, std::string detail) {
    NotJudged item{name, file, key_of(reason), std::move(detail), allowed_.contains(reason)};
    const auto same = [&](const NotJudged& other) {
      return other.name == item.name && other.file == item.file && other.reason == item.reason &&
             other.detail == item.detail;
    };
    // All doubts about one weight stand together, so a look at the last few is enough.
    const auto end = outcome_.not_judged.end();
    const auto recent = std::min<std::ptrdiff_t>(8, end - outcome_.not_judged.begin());
    if (!name.empty() && std::any_of(end - recent, end, same)) return;
    outcome_.not_judged.push_back(std::move(item));
  }

  GateOutcome finish() {
    const bool open = std::any_of(outcome_.not_judged.begin(), outcome_.not_judged.end(),
                                  [](const NotJudged& item) { return !item.allowed; });
    outcome_.verdict = !outcome_.tripped.empty() ? GateOutcome::Verdict::tripped
                       : open                    ? GateOutcome::Verdict::not_judged
                                                 : GateOutcome::Verdict::passed;
    return std::move(outcome_);
  }

 private:
  const Gate& gate_;
  const std::set<Reason>& allowed_;
  GateOutcome outcome_;
};

// Items of one reason and one wording, in the order in which they come.
using Groups = std::vector<std::pair<std::string, std::vector<const NotJudged*>>>;

Groups grouped(const GateOutcome& outcome, bool allowed) {
  Groups groups;
  for (const NotJudged& item : outcome.not_judged) {
    if (item.allowed != allowed) continue;
    // Doubts of one weight in several figures are one line a figure.
    std::string key = item.reason;
    if (item.reason == "missing" || item.reason == "lower_only") key += item.detail;
    if (item.is_file) key += " file";
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
    if (found == groups.end()) {
      groups.push_back({key, {&item}});
    } else {
      found->second.push_back(&item);
    }
  }
  return groups;
}

std::string names_of(const std::vector<const NotJudged*>& items, bool with_detail) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(items.size(), kNamed); ++i) {
    const std::string name = report::name_in_sentence(items[i]->name);
    names.push_back(with_detail ? fmt::format("{} ({})", name, report::visible(items[i]->detail)) : name);
  }
  const std::string more = items.size() > kNamed ? fmt::format(" and {} more", items.size() - kNamed) : std::string();
  return fmt::format("{}{}", fmt::join(names, ", "), more);
}

std::string explain(const std::vector<const NotJudged*>& items, const audit::Result& result) {
  const NotJudged& first = *items.front();
  const std::string count = plural(items.size(), first.is_file ? "file" : "weight");
  if (first.reason == "unread") {
    // No pattern leaves out a file: --exclude goes by the names of tensors.
    return fmt::format("{}{} {} not read: {}; {}, or use --allow unread to ignore this", count,
                       first.is_file ? " that may hold weights" : "", either(items.size(), "was", "were"),
                       names_of(items, true),
                       first.is_file ? "name each file that is to be judged" : "use --exclude to leave out");
  }
  if (first.reason == "nan") {
    return fmt::format("{} {} NaN or infinite entries: {}; --allow nan ignores this", count,
                       either(items.size(), "has", "have"), names_of(items, true));
  }
  if (first.reason == "lower_only") {
    return fmt::format("for {} only a lower end of {} is known: {}; --allow lower-only ignores this", count,
                       first.detail == "lambda_max" ? "lambda_max" : "sigma_max", names_of(items, false));
  }
  if (first.reason == "missing") {
    return fmt::format("{} has no value for {}{}: {}; --allow missing ignores this", first.detail, count,
                       result.full_spectrum ? "" : " (leave out --quick)", names_of(items, false));
  }
  std::vector<std::string> details;
  details.reserve(items.size());
  for (const NotJudged* item : items) details.push_back(item->detail);
  return fmt::format("{}; --allow empty ignores this", fmt::join(details, "; "));
}

// `2 unread, 1 nan`.
std::string passed_over(const GateOutcome& outcome) {
  std::map<std::string, std::set<std::pair<std::string_view, std::string_view>>> weights;
  for (const NotJudged& item : outcome.not_judged) {
    if (item.allowed) weights[item.reason].insert({item.file, item.name});
  }
  std::vector<std::string> words;
  words.reserve(weights.size());
  for (const auto& [reason, names] : weights) {
    words.push_back(reason == "empty" ? reason : fmt::format("{} {}", names.size(), reason));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

std::vector<std::string> what_is_unmatched(const audit::Result& result, const NameFilter& names,
                                           const RoleOverrides& roles) {
  std::vector<std::string> lines;
  for (const NamePattern& pattern : names.layers) {
    if (!any_weight_matches(pattern, result)) {
      lines.push_back(fmt::format("--layers '{}' matches no weight", pattern.source()));
    }
  }
  for (const RoleOverride& role : roles) {
    if (!any_tensor_matches(role.names, result)) {
      lines.push_back(fmt::format("--as: no tensor's name matches '{}'", role.names.source()));
    }
  }
  return lines;
}

std::vector<std::string> what_excludes_nothing(const audit::Result& result, const NameFilter& names) {
  std::vector<std::string> lines;
  for (const NamePattern& pattern : names.exclude) {
    if (!any_tensor_matches(pattern, result)) {
      lines.push_back(fmt::format("--exclude: no tensor's name matches '{}'", pattern.source()));
    }
  }
  return lines;
}

std::vector<std::string> what_is_empty(const audit::Result& result, const NameFilter& names,
                                       const RoleOverrides& roles) {
  std::vector<std::string> lines = what_is_unmatched(result, names, roles);
  const bool names_layers = std::any_of(names.layers.begin(), names.layers.end(), [&](const NamePattern& pattern) {
    return !any_weight_matches(pattern, result);
  });
  if (!names_layers && result.tensors.empty()) {
    const std::size_t skipped = result.skipped.size();
    lines.push_back(
        skipped == 0 ? "no weight was audited: there is no tensor"
                     : fmt::format("no weight was audited: {}{} {} skipped", either(skipped, "the one tensor", "all "),
                                   skipped == 1 ? "" : plural(skipped, "tensor"), either(skipped, "was", "were")));
  }
  return lines;
}

GateOutcome judge(const Gate& gate, const audit::Result& result, const NameFilter& names, const RoleOverrides& roles,
                  const std::set<Reason>& allowed) {
  Judging judging(gate, allowed);
  for (std::string& line : what_is_empty(result, names, roles)) {
    judging.doubtful(Reason::empty, "", "", std::move(line));
  }
  for (const audit::Skipped& tensor : result.skipped) {
    if (tensor.unread_weight) judging.doubtful(Reason::unread, tensor.name, tensor.file, describe(tensor));
  }
  for (const audit::UnreadFile& file : result.model.unread_files) judging.unread_file(file);
  for (const audit::TensorResult& tensor : result.tensors) judging.weight(tensor);
  return judging.finish();
}

void tell(const GateOutcome& outcome, const audit::Result& result, const Messages& messages) {
  for (const GateOutcome::Tripped& weight : outcome.tripped) {
    std::string readings;
    for (const Reading& reading : weight.readings) {
      const bool equal = !reading.value.starts_with("in ") && !reading.value.starts_with("at ");
      readings += fmt::format(", {} {}{}", reading.key, equal ? "= " : "", reading.value);
    }
    messages.finding("gate tripped",
                     fmt::format("{}: {}{}", outcome.expression, report::name_in_sentence(weight.name), readings));
  }
  for (const auto& [key, items] : grouped(outcome, false)) {
    messages.finding("gate not judged", fmt::format("{}: {}", outcome.expression, explain(items, result)));
  }
  if (outcome.verdict != GateOutcome::Verdict::passed) return;
  const std::string over = passed_over(outcome);
  messages.success("gate passed",
                   fmt::format("{}: {} judged, none trips{}", outcome.expression, plural(outcome.judged, "weight"),
                               over.empty() ? over : "; ignored: " + over));
}

bool proof_is_missing(const audit::Result& result, const AuditOptions& options, const Messages& messages) {
  if (options.certify.kind != CertifyRequest::Kind::proven) return false;
  std::vector<std::string> lines;
  if (!options.allowed.contains(Reason::empty)) lines = what_is_empty(result, options.names, options.roles);
  for (const audit::Skipped& tensor : result.skipped) {
    if (!tensor.unread_weight || options.allowed.contains(Reason::unread)) continue;
    const std::int64_t first = tensor.shape.empty() ? 1 : tensor.shape.front();
    const std::int64_t rest = first > 0 ? element_count(tensor.shape).value_or(first) / first : 0;
    if (!options.certify.demands_proof(std::min(first, rest))) continue;
    lines.push_back(fmt::format("{}: not read ({})", report::name_in_sentence(tensor.name), describe(tensor)));
  }
  if (!options.allowed.contains(Reason::unread)) {
    for (const audit::UnreadFile& file : result.model.unread_files) {
      lines.push_back(fmt::format("{}: not read ({})", file.path, file.reason));
    }
  }
  for (const audit::TensorResult& tensor : result.tensors) {
    if (!options.certify.demands_proof(std::min(tensor.rows, tensor.columns))) continue;
    if (tensor.non_finite && options.allowed.contains(Reason::nan)) continue;
    const bool proven = tensor.figures && tensor.figures->sigma_max.upper &&
                        tensor.figures->sigma_max.upper->certainty() == Certainty::proven;
    if (!proven) lines.push_back(fmt::format("{}: no proven upper end", report::name_in_sentence(tensor.name)));
  }
  for (const std::string& line : lines) messages.finding("not proven", line);
  return !lines.empty();
}

}  // namespace sigmax::cli
