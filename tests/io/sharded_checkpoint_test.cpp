// Checkpoints of several files with an index.
#include "sigmax/io/checkpoint.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/checkpoint_samples.hpp"
#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::Names;
using testing::names_of;
using testing::npy;
using testing::refusal;
using testing::safetensors;
using testing::TempFolder;
using testing::unread_of;
using testing::value_of;

class ShardedCheckpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.write("m-1.safetensors", safetensors({{"a", 1}, {"b", 2}}));
    folder_.write("m-2.safetensors", safetensors({{"c", 3}}));
  }

  fs::path index(const std::string& map, const std::string& name = "m.safetensors.index.json") {
    return folder_.write(name, R"({"metadata":{"total_size":12,"x":[[],{"y":null}]},"weight_map":)" + map + "}\n");
  }

  std::string message(const std::string& map) {
    return refusal([&] { open_checkpoint(index(map)); });
  }

  const std::string whole_ = R"({"c":"m-2.safetensors","a":"m-1.safetensors","b":"m-1.safetensors"})";
  TempFolder folder_;
};

TEST_F(ShardedCheckpoint, IsReadThroughItsIndexShardByShard) {
  const fs::path path = index(whole_);
  const Checkpoint checkpoint = open_checkpoint(path);
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c"}));
  EXPECT_EQ(checkpoint.format, "safetensors");
  EXPECT_EQ(checkpoint.files.size(), 2U);
  EXPECT_EQ(checkpoint.entries[2].file.filename(), "m-2.safetensors");
  EXPECT_EQ(value_of(checkpoint.entries[2]), 3.0);
  EXPECT_TRUE(checkpoint.notes.empty());
}

TEST_F(ShardedCheckpoint, StandsForItsFolder) {
  index(whole_);
  folder_.write("other.npy", npy(1));
  const Checkpoint checkpoint = open_checkpoint(folder_.path());
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c"}));
  ASSERT_EQ(checkpoint.notes.size(), 1U);
  EXPECT_TRUE(contains(checkpoint.notes[0], "m.safetensors.index.json does not name them: 'other.npy'"));
}

TEST_F(ShardedCheckpoint, WeightsThatTheIndexDoesNotNameAreUnread) {
  index(whole_);
  folder_.write("training_args.bin", "x");
  folder_.write("optimizer.pt", "x");
  folder_.write("config.json", "x");
  EXPECT_TRUE(open_checkpoint(folder_.path()).unread_files.empty());
  for (const char* name : {"more.safetensors", "pytorch_model-00001-of-00002.bin", "model.gguf", "ema.pt"}) {
    const fs::path file = folder_.write(name, "x");
    EXPECT_EQ(unread_of(open_checkpoint(folder_.path())),
              Names{std::string(name) + ": m.safetensors.index.json does not name it"});
    EXPECT_TRUE(open_checkpoint(folder_.path() / "m.safetensors.index.json").unread_files.empty());
    fs::remove(file);
  }
}

TEST_F(ShardedCheckpoint, IndicesOfOtherThingsStandForNothing) {
  folder_.write("vectors.index.json", R"({"dimension": 4, "metric": "cosine"})");
  folder_.write("empty.index.json", "");
  const Checkpoint plain = open_checkpoint(folder_.path());
  EXPECT_EQ(names_of(plain), (Names{"a", "b", "c"}));
  EXPECT_TRUE(plain.notes.empty());
  index(R"({"c":"m-2.safetensors"})");
  EXPECT_EQ(names_of(open_checkpoint(folder_.path())), Names{"c"});
}

TEST_F(ShardedCheckpoint, AnIndexInUtf16IsRefusedAndNotPassedOver) {
  std::string wide = "\xff\xfe";
  for (const char c : std::string(R"({"weight_map": {"a": "m-1.safetensors"}})")) wide += {c, '\0'};
  const fs::path path = folder_.write("m.safetensors.index.json", wide);
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder_.path()); }), path.string()));
}

TEST_F(ShardedCheckpoint, TwoIndicesInAFolderAreAnAmbiguityThatIsSaid) {
  index(whole_);
  index(whole_, "n.index.json");
  const Checkpoint checkpoint = open_checkpoint(folder_.path());
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c"}));
  ASSERT_EQ(checkpoint.notes.size(), 1U);
  EXPECT_TRUE(contains(checkpoint.notes[0], "2 index files"));
}

TEST_F(ShardedCheckpoint, TensorsThatTheIndexDoesNotListAreReadAndNoted) {
  const Checkpoint checkpoint = open_checkpoint(index(R"({"a":"m-1.safetensors","c":"m-2.safetensors"})"));
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c"}));
  ASSERT_EQ(checkpoint.notes.size(), 1U);
  EXPECT_TRUE(
      contains(checkpoint.notes[0], "'m-1.safetensors': holds 1 tensor that the index does not list there: 'b'"));
}

TEST_F(ShardedCheckpoint, MayHaveItsShardsInAFolderBelow) {
  fs::create_directories(folder_.path() / "parts" / "x");
  fs::rename(folder_.path() / "m-1.safetensors", folder_.path() / "parts" / "m-1.safetensors");
  fs::rename(folder_.path() / "m-2.safetensors", folder_.path() / "parts" / "x" / "m 2.safetensors");
  // A file under two spellings is read once.
  index(R"({"a":"parts/m-1.safetensors","b":"./parts//m-1.safetensors","c":"parts/x/m 2.safetensors"})");
  for (const fs::path& path : {folder_.path(), folder_.path() / "m.safetensors.index.json"}) {
    const Checkpoint checkpoint = open_checkpoint(path);
    EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c"}));
    EXPECT_EQ(checkpoint.files.at(1).path, folder_.path() / "parts" / "x" / "m 2.safetensors");
    EXPECT_EQ(value_of(checkpoint.entries[2]), 3.0);
    EXPECT_TRUE(checkpoint.notes.empty());
  }
}

TEST_F(ShardedCheckpoint, MayBeOfLinksIntoAHubCache) {
  const fs::path model = folder_.path() / "models--org--name";
  const fs::path snapshot = model / "snapshots" / "rev";
  fs::create_directories(model / "blobs");
  fs::create_directories(snapshot / "sub");
  index(whole_);
  const auto move_and_link = [&](const char* name, const char* blob) {
    fs::rename(folder_.path() / name, model / "blobs" / blob);
    fs::create_symlink(fs::path("../../blobs") / blob, snapshot / name);
  };
  move_and_link("m.safetensors.index.json", "0a");
  move_and_link("m-1.safetensors", "1b");
  move_and_link("m-2.safetensors", "2c");
  EXPECT_EQ(names_of(open_checkpoint(snapshot)), (Names{"a", "b", "c"}));
  EXPECT_EQ(value_of(open_checkpoint(snapshot / "m.safetensors.index.json").entries[2]), 3.0);
  fs::remove(snapshot / "m-2.safetensors");
  fs::create_symlink(folder_.write("elsewhere", safetensors({{"c", 3}})), snapshot / "m-2.safetensors");
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(snapshot); }),
                       "weight_map: shard 'm-2.safetensors': is a symbolic link that leads out of the model's folder"));
}

TEST_F(ShardedCheckpoint, MayBeginWithAByteOrderMark) {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string map = R"({"weight_map":)" + whole_ + "}";
  for (const std::string& text : {mark + map, mark + "\r\n " + map, mark + R"({ "metadata": null, )" + map.substr(1)}) {
    const Checkpoint checkpoint = open_checkpoint(folder_.write("marked.index.json", text));
    EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c"}));
  }
  EXPECT_TRUE(
      contains(refusal([&] { open_checkpoint(folder_.write("x.json", mark + mark + map)); }), "not in a known format"));
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder_.write("x.json", mark)); }), "not in a known format"));
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder_.write("x.json", std::string("\xFF\xFE{\0\"\0", 6))); }),
                       "UTF-16"));
}

// No tensor that an index promises is lost silently, and no tensor that is there is withheld because of it.
TEST_F(ShardedCheckpoint, NamesTheTensorsThatNoShardHolds) {
  const fs::path path =
      index(R"({"a":"m-1.safetensors","b":"m-1.safetensors","mtp.0":"m-1.safetensors","c":"m-2.safetensors",)"
            R"("lm_head.weight":"m-2.safetensors"})");
  const Checkpoint checkpoint = open_checkpoint(path);
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c", "mtp.0", "lm_head.weight"}));
  for (const std::size_t i : {std::size_t{3}, std::size_t{4}}) {
    const Entry& entry = checkpoint.entries[i];
    EXPECT_FALSE(entry.load);
    EXPECT_EQ(entry.file, path);
    EXPECT_EQ(entry.dtype, DType::unknown);
    EXPECT_TRUE(contains(entry.unreadable, "no shard holds it, though the index lists it in 'm-" +
                                               std::to_string(i - 2) + ".safetensors'"));
  }
  ASSERT_EQ(checkpoint.notes.size(), 1U);
  EXPECT_TRUE(contains(checkpoint.notes[0],
                       "m.safetensors.index.json: lists 2 tensors that no shard holds: 'mtp.0', 'lm_head.weight'"));
}

TEST_F(ShardedCheckpoint, ATensorInAnotherShardThanListedIsThere) {
  const Checkpoint checkpoint = open_checkpoint(index(R"({"a":"m-1.safetensors","b":"m-2.safetensors",)"
                                                      R"("c":"m-2.safetensors"})"));
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b", "c"}));
  ASSERT_EQ(checkpoint.notes.size(), 1U);
  EXPECT_TRUE(
      contains(checkpoint.notes[0], "'m-1.safetensors': holds 1 tensor that the index does not list there: 'b'"));
}

TEST_F(ShardedCheckpoint, RefusesShardsThatAreElsewhere) {
  folder_.write("weights.txt", "hello");
  const std::pair<const char*, const char*> names[] = {
      {"", "is not a file name"},       {".", "is not a file name"}, {"..", "has '..'"},
      {"../m.safetensors", "has '..'"}, {"x/../../m", "has '..'"},   {"/etc/passwd", "is absolute"},
      {"x\\\\y", "backslash"},          {"a\\u0000", "NUL"},         {"a\\n", "control character"}};
  for (const auto& [name, problem] : names) {
    const std::string said = message(fmt::format(R"({{"a":"{}"}})", name));
    EXPECT_TRUE(contains(said, "weight_map: 'a': shard '")) << name;
    EXPECT_TRUE(contains(said, problem)) << name;
  }
  EXPECT_TRUE(contains(message(R"({"a":"absent"})"), "weight_map: shard 'absent': is missing: there is no '"));
  EXPECT_TRUE(contains(message(R"({"a":"weights.txt"})"), "weights.txt: is not in a known format"));
  EXPECT_TRUE(contains(message(R"({"a":"m.safetensors.index.json"})"), "is not in a known format"));
}

TEST_F(ShardedCheckpoint, RefusesAMalformedIndex) {
  EXPECT_TRUE(contains(message(R"({"a":"m-1.safetensors","a":"m-2.safetensors"})"), "weight_map: 'a': appears twice"));
  EXPECT_TRUE(contains(message("{}"), "weight_map: names no tensor"));
  EXPECT_TRUE(contains(message("{},\"weight_map\":{}"), "weight_map: appears twice"));
  EXPECT_TRUE(contains(message("[]"), "weight_map: must be an object, is an array"));
  EXPECT_TRUE(contains(message("1"), "weight_map: must be an object, is an integer"));
  EXPECT_TRUE(contains(message(R"({"a":1})"), "weight_map: 'a': must be given a file name, is an integer"));
  EXPECT_TRUE(contains(message(R"({"a":["m-1.safetensors"]})"), "weight_map: 'a': must be given the name of a file"));
  EXPECT_TRUE(contains(message(R"({"a":"m-1.safetensors")"), "not valid JSON"));
  EXPECT_TRUE(contains(message("{},\"x\":" + std::string(100'000, '[')), "nests deeper than 64 levels"));
}

}  // namespace
}  // namespace sigmax::io
