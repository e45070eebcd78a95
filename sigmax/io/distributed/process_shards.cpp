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
  std::string_view what;
  std::string_view way_out;
};

constexpr std::string_view kFsdp =
    "gather the weights (FSDP: FullStateDictConfig; DTensor: full_tensor()), or save through "
    "torch.distributed.checkpoint and name its folder";

// The first family that fits decides.
constexpr Family kFamilies[] = {
    {"zero_pp_rank_", "", 0, 1, "DeepSpeed ZeRO: each process saved its part of the weights and of the optimizer",
     "run the zero_to_fp32.py of the checkpoint's folder and name what it writes; in stages 1 and 2 "
     "mp_rank_00_model_states.pt, named by itself, has the weights in 16 bits"},
    {"mp_rank_", "_model_states", 0, 2, "model-parallel processes of DeepSpeed: each file has a slice of every weight",
     "convert them to one, with DeepSpeed's ds_to_universal.py or the training program's own converter"},
    {"consolidated.", ".pth", 0, 2, "Llama's model-parallel files: each has a slice of every weight",
     "convert them, with convert_llama_weights_to_hf.py of transformers"},
    {"model_part-", "", 0, 2, "model-parallel files of fairseq: each has a slice of every weight",
     "join them, with metaseq's convert_to_singleton"},
    {"shard-", "-model-", 1, 2, "safetensors shards of torch.distributed.checkpoint: each has one process's part",
     "join them, with torch.distributed.checkpoint's consolidate_safetensors_files"},
    {"rank_", "", 0, 2, "one file for each process's rank", kFsdp},
    {"rank-", "", 0, 2, "one file for each process's rank", kFsdp},
    {"rank", "", 0, 2, "one file for each process's rank", kFsdp},
};

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

bool has_known_extension(const std::string& name) {
  const std::string extension = fs::path(name).extension().string();
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

struct Match {
  std::size_t family;
  std::string rest;  // the name without its number
  std::uint64_t number;
};

std::optional<Match> match(const std::string& name) {
  if (!has_known_extension(name)) return std::nullopt;
  for (std::size_t f = 0; f < std::size(kFamilies); ++f) {
    const Family& family = kFamilies[f];
    const std::size_t at = name.find(family.before);
    if (at == std::string::npos) continue;
    const std::size_t begin = at + family.before.size();
    std::size_t end = begin;
    std::uint64_t number = 0;
    while (end < name.size() && end - begin < 9 && name[end] >= '0' && name[end] <= '9') {
      number = 10 * number + static_cast<std::uint64_t>(name[end++] - '0');
    }
    if (end == begin || name.find(family.behind, end) == std::string::npos) continue;
    return Match{f, name.substr(0, begin) + "#" + name.substr(end), number};
  }
  return std::nullopt;
}

struct Group {
  std::vector<std::string> names;
  std::set<std::uint64_t> numbers;
};

// A group counts from its family's first number: lora_rank_8 and lora_rank_16 are not processes.
std::string describe(const std::vector<std::string>& files, const std::string* one) {
  std::map<std::pair<std::size_t, std::string>, Group> groups;
  for (const std::string& name : files) {
    auto found = match(name);
    if (!found) continue;
    Group& group = groups[{found->family, std::move(found->rest)}];
    group.names.push_back(name);
    group.numbers.insert(found->number);
  }
  for (const auto& [key, group] : groups) {
    const Family& family = kFamilies[key.first];
    if (one != nullptr && std::find(group.names.begin(), group.names.end(), *one) == group.names.end()) continue;
    if (group.names.size() < family.fewest || !group.numbers.contains(family.first)) continue;
    if (family.fewest > 1 && !group.numbers.contains(family.first + 1)) continue;
    return fmt::format("{} ({} {} of them): {}", family.what, in_quotes(group.names.front()),
                       group.names.size() > 1 ? fmt::format("and {} more", group.names.size() - 1) : "is one",
                       family.way_out);
  }
  return "";
}

bool is_rank_folder(const std::string& name) {
  constexpr std::string_view kRank = "mp_rank_";
  return name.starts_with(kRank) && name.size() > kRank.size() && name[kRank.size()] >= '0' &&
         name[kRank.size()] <= '9';
}

std::string describe_megatron(const Listing& listing) {
  const auto ranks = std::count_if(listing.folders.begin(), listing.folders.end(), is_rank_folder);
  if (ranks < 2) return "";
  return fmt::format(
      "{} ranks of Megatron-LM (mp_rank_*): each has a slice of every weight, or some of the layers; convert them to "
      "one "
      "rank, with Megatron's tools/checkpoint/convert.py, or save with --ckpt-format torch_dist and name that folder",
      ranks);
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
  if (!match(name)) return "";
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
