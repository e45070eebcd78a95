#include "sigmax/io/distributed/process_shards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sigmax/core/plural.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;

// Files of which each process wrote one, under names that differ in the process's number.
struct Family {
  std::string_view before;  // the text before the number
  std::string_view behind;  // text somewhere after the number
  std::uint64_t first;      // the lowest number
  std::size_t fewest;       // the least number of files that makes it a family
  // A file with another number than the first shows by itself that there are others: nothing else is called so.
  bool tells_others;
  std::string_view what;
  std::string_view way_out;
};

constexpr std::string_view kFsdp =
    "gather the weights (FSDP: FullStateDictConfig; DTensor: full_tensor()), or save through "
    "torch.distributed.checkpoint and name its folder";
constexpr std::string_view kLlama = "Llama's model-parallel files: each has a slice of every weight";
constexpr std::string_view kFromLlama = "convert them, with convert_llama_weights_to_hf.py of transformers";
constexpr std::string_view kRanksOfMegatron =
    "ranks of Megatron-LM or NeMo: each has a slice of every weight, or some of the layers";
constexpr std::string_view kFromMegatron =
    "convert them to one rank, with Megatron's tools/checkpoint/convert.py or NeMo's "
    "megatron_change_num_partitions.py";
constexpr std::string_view kPerRank = "one file for each process's rank";

// The first family that fits decides.
constexpr Family kFamilies[] = {
    {"zero_pp_rank_", "", 0, 1, true, "DeepSpeed ZeRO: each process saved its part of the weights and of the optimizer",
     "run the zero_to_fp32.py of the checkpoint's folder and name what it writes; in stages 1 and 2 "
     "mp_rank_00_model_states.pt, named by itself, has the weights in 16 bits"},
    {"mp_rank_", "_model_states", 0, 2, true,
     "model-parallel processes of DeepSpeed: each file has a slice of every weight",
     "convert them to one, with DeepSpeed's ds_to_universal.py or the training program's own converter"},
    {"-model_", "-model_states", 0, 2, true,
     "model-parallel processes of DeepSpeed's pipelines, as GPT-NeoX saves them: each file has a slice of every weight "
     "of its layer",
     "convert them to one, with GPT-NeoX's tools/ckpts/convert_neox_to_hf.py or DeepSpeed's ds_to_universal.py"},
    {"consolidated.", ".pth", 0, 2, true, kLlama, kFromLlama},
    {"consolidated.", ".safetensors", 0, 2, true, kLlama, kFromLlama},
    {"model_part-", "", 0, 2, false, "model-parallel files of fairseq: each has a slice of every weight",
     "join them, with metaseq's convert_to_singleton"},
    {"model_tp", "_pp", 0, 2, true, kRanksOfMegatron, kFromMegatron},
    {"_pp", "", 0, 2, true, kRanksOfMegatron, kFromMegatron},
    {"shard-", "-model-", 1, 2, false,
     "safetensors shards of torch.distributed.checkpoint: each has one process's part",
     "join them, with torch.distributed.checkpoint's consolidate_safetensors_files"},
    {"-shard", "", 0, 2, true, "one file for each process, as fairseq and metaseq save FSDP's shards of the weights",
     "join them, with fairseq's scripts/consolidate_fsdp_shards.py or metaseq's reshard_fsdp"},
    {"rank_", "", 0, 2, false, kPerRank, kFsdp},
    {"rank-", "", 0, 2, false, kPerRank, kFsdp},
    {"rank", "", 0, 2, false, kPerRank, kFsdp},
    {"tp", "", 0, 2, false, "tensor-parallel files: each has a slice of every weight",
     "join them, with the converter of the program that wrote them"},
};

// Families with a text that other names have too: `_pp` counts in `model_tp0_pp1` alone, `-shard` in `checkpoint`.
bool fits_name(const Family& family, std::string_view name) {
  if (family.before == "_pp") return name.starts_with("model_tp");
  if (family.before == "tp") return name.starts_with("tp");
  if (family.before == "-shard") return name.starts_with("checkpoint");
  return family.before != "-model_" || name.starts_with("layer_");
}

constexpr std::array kExtensions{".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".tar"};

struct Listing {
  std::vector<std::string> files, folders;
};

Listing list(const fs::path& folder) {
  Listing listing;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    (it->is_directory(ignored) ? listing.folders : listing.files).push_back(it->path().filename().string());
  }
  std::sort(listing.files.begin(), listing.files.end());
  std::sort(listing.folders.begin(), listing.folders.end());
  return listing;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool has_known_extension(const std::string& name) {
  std::string extension = fs::path(name).extension().string();
  // `checkpoint.pt-shard0`
  if (const std::size_t shard = extension.find("-shard"); shard != std::string::npos) extension.resize(shard);
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

// The digits of `name` from `begin` on: their number, and where they end. Nothing if there are none.
struct Digits {
  std::uint64_t number = 0;
  std::size_t end = 0;
};

std::optional<Digits> digits_at(std::string_view name, std::size_t begin) {
  Digits digits{0, begin};
  while (digits.end < name.size() && digits.end - begin < 9 && is_digit(name[digits.end])) {
    digits.number = 10 * digits.number + static_cast<std::uint64_t>(name[digits.end++] - '0');
  }
  return digits.end == begin ? std::nullopt : std::optional(digits);
}

struct Match {
  std::size_t family;
  std::string rest;  // the name without its number
  std::uint64_t number;
};

std::optional<Match> match(const std::string& name, std::size_t f) {
  const Family& family = kFamilies[f];
  if (!fits_name(family, name)) return std::nullopt;
  for (std::size_t at = name.find(family.before); at != std::string::npos; at = name.find(family.before, at + 1)) {
    const std::size_t begin = at + family.before.size();
    const auto digits = digits_at(name, begin);
    if (!digits || name.find(family.behind, digits->end) == std::string::npos) continue;
    return Match{f, name.substr(0, begin) + "#" + name.substr(digits->end), digits->number};
  }
  return std::nullopt;
}

// The first family that fits; of `model_tp0_pp1`, which fits two, both.
std::vector<Match> matches(const std::string& name) {
  std::vector<Match> found;
  if (!has_known_extension(name)) return found;
  for (std::size_t f = 0; f < std::size(kFamilies); ++f) {
    if (!found.empty() && kFamilies[f].before != "_pp") continue;
    if (auto fit = match(name, f)) found.push_back(std::move(*fit));
  }
  return found;
}

// DeepSeek's converter says how many there are: `model0-mp2.safetensors`.
std::string describe_counted(const std::string& name) {
  constexpr std::string_view kModel = "model", kCount = "-mp";
  if (!name.starts_with(kModel) || !has_known_extension(name)) return "";
  const auto number = digits_at(name, kModel.size());
  if (!number || name.compare(number->end, kCount.size(), kCount) != 0) return "";
  const auto count = digits_at(name, number->end + kCount.size());
  if (!count || count->number < 2 || name[count->end] != '.') return "";
  return fmt::format(
      "model-parallel files of DeepSeek's converter ({} is one of {}): each has a slice of every weight; name the "
      "checkpoint that they were made from, or convert it with --model-parallel 1",
      in_quotes(name), count->number);
}

struct Group {
  std::vector<std::string> names;
  std::set<std::uint64_t> numbers;
};

// Whether the files of a group are parts: from its family's first number on, since lora_rank_8 and lora_rank_16 are not
// processes, or by a number that says so alone.
bool are_parts(const Family& family, const Group& group) {
  if (family.tells_others && *group.numbers.rbegin() > family.first) return true;
  if (group.names.size() < family.fewest || !group.numbers.contains(family.first)) return false;
  return family.fewest == 1 || group.numbers.contains(family.first + 1);
}

std::string describe(const std::vector<std::string>& files, const std::string* one) {
  std::map<std::pair<std::size_t, std::string>, Group> groups;
  for (const std::string& name : files) {
    if (one == nullptr || name == *one) {
      if (std::string counted = describe_counted(name); !counted.empty()) return counted;
    }
    for (Match& found : matches(name)) {
      Group& group = groups[{found.family, std::move(found.rest)}];
      group.names.push_back(name);
      group.numbers.insert(found.number);
    }
  }
  for (const auto& [key, group] : groups) {
    const Family& family = kFamilies[key.first];
    if (one != nullptr && std::find(group.names.begin(), group.names.end(), *one) == group.names.end()) continue;
    if (!are_parts(family, group)) continue;
    return fmt::format("{} ({} {} of them): {}", family.what, in_quotes(group.names.front()),
                       group.names.size() > 1 ? fmt::format("and {} more", group.names.size() - 1) : "is one",
                       family.way_out);
  }
  return "";
}

// `mp_rank_00`, `mp_rank_00_000`; NeMo's `tp_rank_00`, `tp_rank_00_pp_rank_000`.
bool is_rank_folder(const std::string& name) {
  for (const std::string_view rank : {"mp_rank_", "tp_rank_"}) {
    if (name.starts_with(rank) && digits_at(name, rank.size())) return true;
  }
  return false;
}

// The folder of the first rank may be that of the only one; another number says that there are others.
bool is_later_rank(const std::string& name) {
  return is_rank_folder(name) && std::any_of(name.begin(), name.end(), [](char c) { return c >= '1' && c <= '9'; });
}

std::string describe_megatron(const Listing& listing) {
  const auto ranks = std::count_if(listing.folders.begin(), listing.folders.end(), is_rank_folder);
  if (ranks < 2 && std::none_of(listing.folders.begin(), listing.folders.end(), is_later_rank)) return "";
  return fmt::format(
      "{} of Megatron-LM or NeMo (mp_rank_*, tp_rank_*): each has a slice of every weight, or some of the layers; "
      "convert them to one rank, with Megatron's tools/checkpoint/convert.py, or save with --ckpt-format torch_dist "
      "and name that folder",
      plural(static_cast<std::size_t>(ranks), "rank"));
}

bool has_shards(const Listing& listing) {
  return std::any_of(listing.files.begin(), listing.files.end(),
                     [](const std::string& name) { return name.ends_with(".distcp"); });
}

// A training folder of DeepSpeed has the script, and its shards in a folder below. There may also be gathered weights
// next to the script, and training states, which are not weights.
bool is_ungathered_deepspeed(const Listing& listing) {
  constexpr std::array kNoWeights{"rng_state", "scheduler", "optimizer", "training_args"};
  if (std::find(listing.files.begin(), listing.files.end(), "zero_to_fp32.py") == listing.files.end()) return false;
  return std::none_of(listing.files.begin(), listing.files.end(), [&kNoWeights](const std::string& name) {
    return has_known_extension(name) && std::none_of(kNoWeights.begin(), kNoWeights.end(),
                                                     [&name](const char* begin) { return name.starts_with(begin); });
  });
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

std::string describe_process_shards(const fs::path& folder) {
  const Listing listing = list(folder);
  if (has_shards(listing) && !is_file(folder / ".metadata")) {
    return "shards of torch.distributed.checkpoint without their .metadata, which says which bytes are which tensor's: "
           "copy it into their folder";
  }
  if (std::string megatron = describe_megatron(listing); !megatron.empty()) return megatron;
  if (is_rank_folder(folder.filename().string())) {
    const std::string siblings = describe_megatron(list(folder.parent_path()));
    if (!siblings.empty()) return "one of " + siblings;
  }
  if (is_ungathered_deepspeed(listing)) {
    return fmt::format("{}, in a folder below: {}", kFamilies[0].what, kFamilies[0].way_out);
  }
  return describe(listing.files, nullptr);
}

std::string describe_process_shard(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.ends_with(".distcp")) {
    return "a shard of torch.distributed.checkpoint: name its folder, whose .metadata says which bytes are which "
           "tensor's";
  }
  std::error_code ignored;
  const fs::path folder = fs::absolute(file, ignored).parent_path();
  if (is_rank_folder(folder.filename().string())) {
    const std::string siblings = describe_megatron(list(folder.parent_path()));
    if (!siblings.empty()) return "one of " + siblings;
  }
  return describe(list(folder).files, &name);
}

std::string describe_checkpoint_folders(const fs::path& folder) {
  constexpr std::size_t kMostNamed = 4;
  std::vector<std::string> found;
  for (const std::string& name : list(folder).folders) {
    const bool is_checkpoint = is_file(folder / name / ".metadata") || is_rank_folder(name) ||
                               name.starts_with("iter_") || name.starts_with("global_step");
    if (is_checkpoint) found.push_back(name);
  }
  std::string text;
  for (std::size_t i = 0; i < found.size() && i < kMostNamed; ++i) text += (i == 0 ? "" : ", ") + in_quotes(found[i]);
  if (found.size() > kMostNamed) text += fmt::format(" and {} more", found.size() - kMostNamed);
  return text;
}

}  // namespace sigmax::io
