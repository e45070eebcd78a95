#include "sigmax/io/checkpoint.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/checkpoint_samples.hpp"
#include "io/onnx_bytes.hpp"
#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"

namespace sigmax::io {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::kEmptyPickle;
using testing::kLegacyMagic;
using testing::kOnnx;
using testing::Names;
using testing::names_of;
using testing::npy;
using testing::raw;
using testing::refusal;
using testing::safetensors;
using testing::TempFolder;
using testing::unread_of;
using testing::value_of;
using testing::zip_of;

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
  EXPECT_EQ(known_formats(), (Names{"torchscript", "pytorch", "pytorch-export", "pytorch-package", "npz", "npy",
                                    "pytorch-legacy", "safetensors", "onnx", "pytorch-distributed"}));
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

// An odd file in a folder does not keep the others from being read, and is named.
TEST(OpenCheckpoint, ForeignArchivesInAFolderAreNamedAndPassedOver) {
  const TempFolder folder;
  folder.write("w.npy", npy(2));
  std::string encrypted = zip_of({{"a.txt", "hello"}});
  encrypted[6] = 1;
  encrypted[encrypted.find("PK\1\2") + 8] = 1;
  folder.write("notes.docx", encrypted);
  folder.write("photos.ZIP", "PK\3\4 cut short");
  folder.write("source.zip", zip_of({{"main.py", "print()"}}));
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(names_of(checkpoint), Names{"w"});
  ASSERT_EQ(checkpoint.notes.size(), 2U);
  EXPECT_TRUE(contains(checkpoint.notes[0], "not read: " + (folder.path() / "photos.ZIP").string() + ": "));
  EXPECT_TRUE(contains(checkpoint.notes[1], "because their format is not known: 'notes.docx', 'source.zip'"));
  // A file that is named like a checkpoint was meant to be read.
  for (const char* name : {"model.pt", "model.NPZ", "pytorch_model.bin", "0123abcd"}) {
    const fs::path path = folder.write(name, "PK\3\4 cut short");
    EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder.path()); }), path.string() + ": ")) << name;
    fs::remove(path);
  }
}

// An incomplete download must not pass for the whole: a file that is named like a checkpoint but is not one is named,
// with the reason.
TEST(OpenCheckpoint, WhatIsNamedLikeACheckpointAndIsNoneIsNamed) {
  const TempFolder folder;
  folder.write("m-2.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  folder.write("m-3.pt", "");
  EXPECT_TRUE(
      contains(refusal([&] { open_checkpoint(folder.path()); }),
               "; not read: " + (folder.path() / "m-2.safetensors").string() + ": is not in a known format (a Git"));
  folder.write("m-1.safetensors", safetensors({{"a", 1}}));
  folder.write("pieces.model", "pieces");
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(names_of(checkpoint), Names{"a"});
  ASSERT_EQ(checkpoint.notes.size(), 3U);
  EXPECT_TRUE(contains(checkpoint.notes[0], "m-2.safetensors: is not in a known format (a Git LFS pointer"));
  EXPECT_TRUE(contains(checkpoint.notes[1], "m-3.pt: is empty"));
  EXPECT_TRUE(contains(checkpoint.notes[2], "because their format is not known: 'pieces.model'"));
}

TEST(OpenCheckpoint, ArraysOfOddTypesInAFolderAreListed) {
  const TempFolder folder;
  folder.write("a.npy", npy(2));
  std::string float8 = npy(1);
  float8.replace(float8.find("<f4"), 3, "<f1");
  folder.write("b.npy", float8.substr(0, float8.size() - 3));
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b"}));
  EXPECT_TRUE(contains(checkpoint.entries[1].unreadable, "8-bit floats"));
}

TEST(OpenCheckpoint, WhatReadersFindOddIsNoted) {
  const TempFolder folder;
  folder.write("two.npy", npy(1) + npy(2));
  const std::string header = R"({"__metadata__":null,"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  folder.write("w.safetensors", raw(std::uint64_t{header.size() + 1}) + header + "\n" + raw(3.0F));
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(names_of(checkpoint), (Names{"two", "two[1]", "w"}));
  EXPECT_EQ(value_of(checkpoint.entries[1]), 2.0);
  EXPECT_EQ(value_of(checkpoint.entries[2]), 3.0);
  ASSERT_EQ(checkpoint.notes.size(), 2U);
  EXPECT_TRUE(contains(checkpoint.notes[0], "two.npy: holds 2 arrays one after another"));
  EXPECT_TRUE(contains(checkpoint.notes[1], "w.safetensors: read, though its header ends with line breaks"));
}

TEST(OpenCheckpoint, RefusesWhatIsNoCheckpoint) {
  const TempFolder folder;
  EXPECT_THROW(open_checkpoint(std::vector<fs::path>{}), Error);
  const auto message = [&](const fs::path& path) { return refusal([&] { open_checkpoint(path); }); };
  EXPECT_TRUE(contains(message(folder.path() / "absent"), "absent: No such file or directory"));
  EXPECT_TRUE(contains(message(folder.path()), "no file in this folder is in a known format (torchscript, pytorch"));
  EXPECT_TRUE(contains(message("/dev/null"), "not a regular file"));
  struct Case {
    std::string content;
    const char* message;
  };
  const Case cases[] = {
      {"", "is empty"},
      {"hello", "is not in a known format; known formats: torchscript, pytorch, pytorch-export,"},
      {"GGUF\3", "GGUF is not read by this version"},
      {"\x89HDF\r\n\x1a\n", "HDF5"},
      {std::string("\x1c\0\0\0TFL3", 8), "TensorFlow Lite"},
      {"version https://git-lfs.github.com/spec/v1\n", "run `git lfs pull`"},
      {"\x1f\x8b\x08", "gzip"},
      {"storages" + std::string(249, '\0') + "ustar" + std::string(250, '\0'),
       "load it with torch.load and save it again"},
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

TEST(OpenCheckpoint, WeightsInOtherFormatsAreUnread) {
  const TempFolder folder;
  folder.write("a.safetensors", safetensors({{"w", 1}}));
  folder.write("config.json", "{}");
  EXPECT_TRUE(open_checkpoint(folder.path()).unread_files.empty());
  folder.write("flax_model.msgpack", "\x81\xa1w");
  folder.write("half.safetensors.part", "half");
  folder.write("model.gguf", "GGUF\3");
  folder.write("no-ending", std::string("\x1c\0\0\0TFL3", 8));
  folder.write("vocab.txt", "GGUF is a word");
  const Names unread = unread_of(open_checkpoint(folder.path()));
  ASSERT_EQ(unread.size(), 4U);
  EXPECT_EQ(unread[0], "flax_model.msgpack: is not in a known format");
  EXPECT_EQ(unread[1], "half.safetensors.part: is not in a known format");
  EXPECT_EQ(unread[2], "model.gguf: is not in a known format (GGUF is not read by this version)");
  EXPECT_TRUE(contains(unread[3], "no-ending: is not in a known format (TensorFlow Lite"));
}

TEST(OpenCheckpoint, APartThatIsNamedByItselfIsNotTheModel) {
  const TempFolder folder;
  const fs::path one = folder.write("model-00001-of-00003.safetensors", safetensors({{"a", 1}}));
  const fs::path two = folder.write("model-00002-of-00003.safetensors", safetensors({{"b", 2}}));
  const fs::path three = folder.write("model-00003-of-00003.safetensors", safetensors({{"c", 3}}));
  const Checkpoint part = open_checkpoint(two);
  EXPECT_EQ(names_of(part), Names{"b"});
  EXPECT_EQ(unread_of(part),
            (Names{"model-00001-of-00003.safetensors: a part of the same model, which was not named",
                   "model-00003-of-00003.safetensors: a part of the same model, which was not named"}));
  ASSERT_EQ(part.notes.size(), 1U);
  EXPECT_TRUE(contains(part.notes[0], "name '" + folder.path().string() + "' to read all"));
  EXPECT_EQ(unread_of(open_checkpoint({one, three})).size(), 1U);
  for (const auto& all : {std::vector<fs::path>{three, one, two}, {folder.path()}}) {
    EXPECT_TRUE(open_checkpoint(all).unread_files.empty());
  }
  const fs::path index =
      folder.write("model.safetensors.index.json", R"({"weight_map":{"a":")" + one.filename().string() + R"("}})");
  EXPECT_TRUE(contains(open_checkpoint(one).notes.at(0), "name '" + index.string() + "' to read all"));
}

// The data of an ONNX model, under whichever of their names the model asks for them.
TEST(OpenCheckpoint, AFileWithTheDataOfAnotherIsRead) {
  namespace t = testing;
  const auto model = [](const std::string& location) {
    t::Message tensor = t::tensor_head("w", t::kFloat, {2});
    tensor = tensor.child(13, t::Message{}.text(1, "location").text(2, location)).integer(14, 1);
    return t::model(t::graph({}, {tensor})).bytes;
  };
  for (const char* location : {"w.bin", "real.bin", "chain.bin"}) {
    const TempFolder folder;
    folder.write("real.bin", raw(std::vector<float>{5, 6}));
    fs::create_symlink("real.bin", folder.path() / "w.bin");
    fs::create_symlink("w.bin", folder.path() / "chain.bin");
    folder.write("m.onnx", model(location));
    const Checkpoint checkpoint = open_checkpoint(folder.path());
    EXPECT_EQ(names_of(checkpoint), Names{"w"});
    EXPECT_EQ(unread_of(checkpoint), Names{}) << location;
    EXPECT_EQ(checkpoint.notes, Names{}) << location;
    folder.write("other.bin", raw(std::vector<float>{5, 6}));
    EXPECT_EQ(unread_of(open_checkpoint(folder.path())).size(), 1U) << location;
  }
}

// An archive may bring links with it.
TEST(OpenCheckpoint, LinksThatLeadOutOfAFolderAreUnread) {
  const TempFolder folder;
  fs::create_directories(folder.path() / "model" / "below");
  folder.write("secret.npy", npy(7));
  folder.write("model/a.npy", npy(1));
  folder.write("model/below/b.npy", npy(2));
  fs::create_symlink("below/b.npy", folder.path() / "model" / "b.npy");
  fs::create_symlink("../secret.npy", folder.path() / "model" / "c.npy");
  fs::create_symlink(folder.path() / "model" / "c.npy", folder.path() / "model" / "d.npy");
  const Checkpoint checkpoint = open_checkpoint(folder.path() / "model");
  EXPECT_EQ(names_of(checkpoint), (Names{"a", "b"}));
  const Names unread = unread_of(checkpoint);
  ASSERT_EQ(unread.size(), 2U);
  EXPECT_TRUE(contains(unread[0], "c.npy: a link that leads out of the folder, to '"));
  EXPECT_TRUE(contains(unread[0], "secret.npy': name the file itself to read it"));
  EXPECT_TRUE(contains(unread[1], "d.npy: a link"));
  EXPECT_EQ(names_of(open_checkpoint(folder.path() / "model" / "c.npy")), Names{"c"});
  EXPECT_TRUE(contains(unread_of(open_checkpoint(folder.path() / "model")).at(0), "c.npy"));
}

// Also without an index: most models have only one file.
TEST(OpenCheckpoint, AFolderMayBeOfLinksIntoAHubCache) {
  const TempFolder folder;
  const fs::path model = folder.path() / "models--org--name", snapshot = model / "snapshots" / "rev";
  fs::create_directories(model / "blobs");
  fs::create_directories(snapshot);
  fs::create_directories(folder.path() / "local");
  folder.write("models--org--name/blobs/0a", safetensors({{"w", 5}}));
  folder.write("models--org--name/blobs/1b", "{}");
  fs::create_symlink("../../blobs/0a", snapshot / "model.safetensors");
  EXPECT_EQ(names_of(open_checkpoint(snapshot)), Names{"w"});
  // A folder that was filled with links is recognized by its config.json.
  fs::create_symlink(model / "blobs" / "0a", folder.path() / "local" / "model.safetensors");
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder.path() / "local"); }), "a link that leads out of"));
  fs::create_symlink(model / "blobs" / "1b", folder.path() / "local" / "config.json");
  EXPECT_EQ(names_of(open_checkpoint(folder.path() / "local")), Names{"w"});
  fs::create_directories(folder.path() / "models--a--secret" / "blobs");
  folder.write("models--a--secret/blobs/2c", safetensors({{"s", 5}}));
  fs::create_symlink("../models--a--secret/blobs/2c", folder.path() / "local" / "other.safetensors");
  EXPECT_EQ(unread_of(open_checkpoint(folder.path() / "local")).size(), 1U);
}

TEST(OpenCheckpoint, TwoOnnxModelsInOneFileAreRefused) {
  const TempFolder folder;
  const fs::path path = folder.write("two.onnx", kOnnx + kOnnx);
  EXPECT_TRUE(
      contains(refusal([&] { open_checkpoint(path); }), "the model has two graphs (are these two files one after"));
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder.path()); }), "two.onnx"));
}

}  // namespace
}  // namespace sigmax::io
