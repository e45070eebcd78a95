#include "sigmax/io/folder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using Names = std::vector<std::string>;

Entry entry(std::string name, Dimensions shape, std::string file) {
  Entry e;
  e.name = std::move(name);
  e.shape = std::move(shape);
  e.file = std::move(file);
  return e;
}

Checkpoint checkpoint_of(std::vector<SourceFile> files, std::vector<Entry> entries) {
  Checkpoint checkpoint;
  checkpoint.files = std::move(files);
  checkpoint.entries = std::move(entries);
  return checkpoint;
}

// `name file` of each entry.
Names places(const Checkpoint& checkpoint) {
  Names all;
  for (const Entry& e : checkpoint.entries) all.push_back(e.name + " " + e.file.string());
  return all;
}

TEST(Folder, PartsThatAreMissingAreNamed) {
  EXPECT_EQ(missing_shards({"model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors", "x.bin"}),
            Names{"model-00002-of-00003.safetensors"});
  EXPECT_EQ(missing_shards({"m-1-of-2.bin", "m-2-of-2.bin", "n-1-of-1.bin", "state-of-art.pt", "a-1-of-22.pt", "-of-"}),
            Names{});
  EXPECT_EQ(missing_shards({"pytorch_model-00001-of-99999.bin"}).size(), kMostMissing);
}

TEST(Folder, CompanionsAreKnownByTheirNames) {
  for (const char* name : {"config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "spiece.model",
                           "vocab.txt", "merges.txt", "README.md", "LICENSE", "LICENSE.txt", "NOTICE", ".gitattributes",
                           "modeling.py", "chat_template.jinja", "params.yaml", "figure.png"}) {
    EXPECT_TRUE(is_companion(name)) << name;
  }
  for (const char* name : {"model.gguf", "tf_model.h5", "flax_model.msgpack", "weights.bin", "model.onnx_data",
                           "a.model", "json", "below/", "model.tflite", "model.safetensors.part"}) {
    EXPECT_FALSE(is_companion(name)) << name;
  }
}

TEST(Folder, WeightsAreKnownByTheirNames) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin", "a.pt", "a.pth", "a.ckpt", "a.onnx", "a.npz"}) {
    EXPECT_TRUE(is_named_like_weights(name)) << name;
    EXPECT_FALSE(is_companion(name)) << name;
  }
  for (const char* name : {"tf_model.h5", "model.gguf", "model.safetensors.index.json", "bin", "notes.txt"}) {
    EXPECT_FALSE(is_named_like_weights(name)) << name;
  }
}

TEST(Folder, PytorchCopiesOfSafetensorsAreLeftOutWithANote) {
  for (const char* format : {"pytorch", "pytorch-legacy", "torchscript"}) {
    Checkpoint checkpoint = checkpoint_of({{"m.safetensors", "safetensors", 1}, {"p.bin", format, 1}},
                                          {entry("a", {2, 3}, "m.safetensors"), entry("b", {4}, "m.safetensors"),
                                           entry("b", {4}, "p.bin"), entry("a", {2, 3}, "p.bin")});
    leave_out_copies(checkpoint, 0);
    EXPECT_EQ(places(checkpoint), (Names{"a m.safetensors", "b m.safetensors"}));
    ASSERT_EQ(checkpoint.files.size(), 1u);
    ASSERT_EQ(checkpoint.notes.size(), 1u);
    EXPECT_TRUE(contains(checkpoint.notes[0], "p.bin: its tensors have the names and shapes"));
  }
}

TEST(Folder, WhatOnlyTheOtherFileHoldsStays) {
  Checkpoint checkpoint =
      checkpoint_of({{"p.bin", "pytorch", 1}, {"m.safetensors", "safetensors", 1}},
                    {entry("a", {2, 3}, "p.bin"), entry("tied", {2, 3}, "p.bin"), entry("b", {3, 2}, "p.bin"),
                     entry("a", {2, 3}, "m.safetensors"), entry("b", {2, 3}, "m.safetensors")});
  leave_out_copies(checkpoint, 0);
  EXPECT_EQ(places(checkpoint), (Names{"tied p.bin", "b p.bin", "a m.safetensors", "b m.safetensors"}));
  EXPECT_EQ(checkpoint.files.size(), 2u);
  ASSERT_EQ(checkpoint.notes.size(), 1u);
  EXPECT_TRUE(contains(checkpoint.notes[0], "p.bin: 1 of its 3 tensors"));
}

TEST(Folder, OtherFormatsAndWhatCameBeforeAreNoCopies) {
  Checkpoint checkpoint = checkpoint_of(
      {{"p.bin", "pytorch", 1}, {"m.safetensors", "safetensors", 1}, {"n.npz", "npz", 1}, {"o.onnx", "onnx", 1}},
      {entry("a", {2, 3}, "p.bin"), entry("a", {2, 3}, "m.safetensors"), entry("a", {2, 3}, "n.npz"),
       entry("a", {2, 3}, "o.onnx"), entry("a", {2, 3}, "unlisted")});
  leave_out_copies(checkpoint, 1);
  EXPECT_EQ(checkpoint.entries.size(), 5u);
  EXPECT_TRUE(checkpoint.notes.empty());
}

TEST(Folder, RepeatedTensorsAreSaid) {
  Checkpoint checkpoint = checkpoint_of({{"a.npz", "npz", 1}, {"b.npz", "npz", 1}, {"b.npz", "npz", 1}},
                                        {entry("w", {2}, "a.npz"), entry("w", {2}, "b.npz"), entry("v", {2}, "a.npz"),
                                         entry("v", {3}, "b.npz"), entry("u", {1}, "a.npz"), entry("u", {1}, "a.npz")});
  note_repeated_tensors(checkpoint);
  ASSERT_EQ(checkpoint.notes.size(), 2u);
  EXPECT_TRUE(contains(checkpoint.notes[0], "b.npz: named 2 times"));
  EXPECT_TRUE(contains(checkpoint.notes[1], "1 tensor (such as 'w') is in several files")) << checkpoint.notes[1];
  EXPECT_TRUE(contains(checkpoint.notes[1], "'a.npz', 'b.npz'"));
}

}  // namespace
}  // namespace sigmax::io
