#include "sigmax/io/checkpoint.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::raw;
using testing::refusal;
using testing::TempFolder;
using testing::zip_of;

// A safetensors file of one-element f32 tensors, each with the value given.
std::string safetensors(const std::vector<std::pair<std::string, float>>& tensors) {
  std::string header = "{", data;
  for (const auto& [name, value] : tensors) {
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}})", data.empty() ? "" : ",",
                          name, data.size(), data.size() + 4);
    data += raw(value);
  }
  header += "}";
  return raw(std::uint64_t{header.size()}) + header + data;
}

std::string npy(float value) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
  return std::string("\x93NUMPY\1\0", 8) + raw(static_cast<std::uint16_t>(header.size())) + header + raw(value);
}

const std::string kOnnx("\x08\x08\x3A\x00", 4);        // IR version 8, an empty graph
const std::string kEmptyPickle("\x80\x02}q\x00.", 6);  // an empty dictionary
const std::string kLegacyMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const Entry& entry : checkpoint.entries) names.push_back(entry.name);
  return names;
}

double value_of(const Entry& entry) { return entry.load().at(std::vector<std::int64_t>{0}); }

using Names = std::vector<std::string>;

TEST(OpenCheckpoint, FindsTheFormatFromTheContentNotTheName) {
  const TempFolder folder;
  struct Case {
    const char* format;
    std::string content;
    Names names;
  };
  const Case cases[] = {
      {"safetensors", safetensors({{"w", 1}}), {"w"}},
      {"npy", npy(1), {"model"}},
      {"npz", zip_of({{"a.npy", npy(1)}, {"b.npy", npy(2), true}}), {"a", "b"}},
      {"onnx", kOnnx, {}},
      {"pytorch", zip_of({{"archive/data.pkl", kEmptyPickle}, {"archive/version", "3\n"}}), {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.format);
    const fs::path path = folder.write("model.bin", c.content);
    const Checkpoint checkpoint = open_checkpoint(path);
    EXPECT_EQ(checkpoint.format, c.format);
    EXPECT_EQ(names_of(checkpoint), c.names);
    EXPECT_EQ(checkpoint.paths, std::vector<fs::path>{path});
    ASSERT_EQ(checkpoint.files.size(), 1U);
    EXPECT_EQ(checkpoint.files[0].path, path);
    EXPECT_EQ(checkpoint.files[0].format, c.format);
    EXPECT_EQ(checkpoint.files[0].bytes, c.content.size());
    EXPECT_TRUE(checkpoint.notes.empty());
    for (const Entry& entry : checkpoint.entries) EXPECT_EQ(entry.provenance, "");
  }
}

TEST(OpenCheckpoint, LeavesTheLegacyPickleToItsReader) {
  const TempFolder folder;
  const std::string message = refusal([&] { open_checkpoint(folder.write("m.pth", kLegacyMagic)); });
  EXPECT_NE(message, "nothing was thrown");
  EXPECT_FALSE(contains(message, "known format"));
}

TEST(OpenCheckpoint, ListsWhatItKnows) {
  EXPECT_EQ(known_formats(), (Names{"torchscript", "pytorch", "npz", "npy", "pytorch-legacy", "safetensors", "onnx"}));
}

TEST(OpenCheckpoint, JoinsSeveralFilesInTheOrderGiven) {
  const TempFolder folder;
  const auto z = folder.write("z.safetensors", safetensors({{"b", 1}, {"a", 2}}));
  const auto y = folder.write("y.npy", npy(3));
  const Checkpoint checkpoint = open_checkpoint({z, y, z});
  EXPECT_EQ(checkpoint.format, "safetensors+npy");
  EXPECT_EQ(names_of(checkpoint), (Names{"b", "a", "y", "b", "a"}));
  EXPECT_EQ(checkpoint.entries[0].file.filename(), "z.safetensors");
  EXPECT_EQ(checkpoint.entries[2].file.filename(), "y.npy");
  EXPECT_EQ(value_of(checkpoint.entries[4]), 2.0);
}

TEST(OpenCheckpoint, AFolderIsEveryFileOfAKnownFormat) {
  const TempFolder folder;
  folder.write("b.npy", npy(2));
  folder.write("a.weights", safetensors({{"w", 1}}));
  folder.write("config.json", "{\"layers\": 2}");
  folder.write("README.md", "# A model");
  fs::create_directory(folder.path() / "below");
  fs::create_symlink(folder.path() / "absent", folder.path() / "broken");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(names_of(checkpoint), (Names{"w", "b"}));
  EXPECT_EQ(checkpoint.format, "safetensors+npy");
  ASSERT_EQ(checkpoint.notes.size(), 1U);
  EXPECT_TRUE(contains(checkpoint.notes[0], ": 'below/', 'broken', 'pipe'"));
}

TEST(OpenCheckpoint, AMalformedFileInAFolderIsNotPassedOver) {
  const TempFolder folder;
  folder.write("a.npy", npy(1));
  folder.write("b.npy", npy(1) + "x");
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder.path()); }), "b.npy: header: shape [1] of '<f4' takes 4"));
}

TEST(OpenCheckpoint, RefusesWhatIsNoCheckpoint) {
  const TempFolder folder;
  EXPECT_THROW(open_checkpoint(std::vector<fs::path>{}), Error);
  const auto message = [&](const fs::path& path) { return refusal([&] { open_checkpoint(path); }); };
  EXPECT_TRUE(contains(message(folder.path() / "absent"), "absent: No such file or directory"));
  EXPECT_TRUE(contains(message(folder.path()), "no file in this folder is of a known format (torchscript, pytorch"));
  EXPECT_TRUE(contains(message("/dev/null"), "not a regular file"));
  struct Case {
    std::string content;
    const char* message;
  };
  const Case cases[] = {
      {"", "is empty"},
      {"hello", "is of no known format; known formats: torchscript, pytorch, npz, npy,"},
      {"GGUF\3", "GGUF is not read by this version"},
      {"\x89HDF\r\n\x1a\n", "HDF5"},
      {std::string("\x1c\0\0\0TFL3", 8), "TensorFlow Lite"},
      {"version https://git-lfs.github.com/spec/v1\n", "run `git lfs pull`"},
      {"\x1f\x8b\x08", "gzip"},
      {kEmptyPickle, "a Python pickle that torch.save did not write"},
      {zip_of({{"a.txt", "hello"}}), "a zip archive, but neither of PyTorch nor of NumPy"},
      {"{\"layers\": 2}", "weight_map: is missing: this is not the index"},
      {"PK\3\4 cut short", "zip directory"},
  };
  for (const Case& c : cases) {
    const fs::path path = folder.write("m.bin", c.content);
    EXPECT_TRUE(contains(message(path), c.message));
    EXPECT_TRUE(contains(message(path), path.string() + ": "));
  }
}

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
  EXPECT_TRUE(contains(checkpoint.notes[0], "'m-1.safetensors': holds 1 tensors that the index does not list: 'b'"));
}

TEST_F(ShardedCheckpoint, RefusesShardsThatAreElsewhere) {
  folder_.write("weights.txt", "hello");
  const char* const names[] = {"", ".", "..", "../m.safetensors", "/etc/passwd", "x/y", "x\\\\y", "a\\u0000", "a\\n"};
  for (const char* name : names) {
    EXPECT_TRUE(contains(message(fmt::format(R"({{"a":"{}"}})", name)), "is not the name of a file beside it")) << name;
  }
  EXPECT_TRUE(contains(message(R"({"a":"absent"})"), "weight_map: shard 'absent': is not there"));
  EXPECT_TRUE(contains(message(R"({"a":"weights.txt"})"), "weights.txt: is of no known format"));
  EXPECT_TRUE(contains(message(R"({"a":"m.safetensors.index.json"})"), "is of no known format"));
}

TEST_F(ShardedCheckpoint, RefusesAMalformedIndex) {
  EXPECT_TRUE(
      contains(message(R"({"z":"m-1.safetensors"})"), "shard 'm-1.safetensors': does not hold 1 of its tensors: 'z'"));
  EXPECT_TRUE(contains(message(R"({"a":"m-1.safetensors","a":"m-2.safetensors"})"), "weight_map: 'a': is there twice"));
  EXPECT_TRUE(contains(message("{}"), "weight_map: names no tensor"));
  EXPECT_TRUE(contains(message("{},\"weight_map\":{}"), "weight_map: is there twice"));
  EXPECT_TRUE(contains(message("[]"), "weight_map: must be an object, is an array"));
  EXPECT_TRUE(contains(message("1"), "weight_map: must be an object, is an integer"));
  EXPECT_TRUE(contains(message(R"({"a":1})"), "weight_map: 'a': must be given a file name, is an integer"));
  EXPECT_TRUE(contains(message(R"({"a":["m-1.safetensors"]})"), "weight_map: 'a': must be given the name of a file"));
  EXPECT_TRUE(contains(message(R"({"a":"m-1.safetensors")"), "not valid JSON"));
  EXPECT_TRUE(contains(message("{},\"x\":" + std::string(100'000, '[')), "nests deeper than 64 levels"));
}

}  // namespace
}  // namespace sigmax::io
