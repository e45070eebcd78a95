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

TEST(Folder, PartsThatAreMissingAreNamed) {
  EXPECT_EQ(missing_shards({"model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors", "x.bin"}),
            Names{"model-00002-of-00003.safetensors"});
  EXPECT_EQ(missing_shards({"m-1-of-2.bin", "m-2-of-2.bin", "n-1-of-1.bin", "state-of-art.pt", "a-1-of-22.pt", "-of-"}),
            Names{});
  EXPECT_EQ(missing_shards({"model_00002-of-00002.bin"}), Names{"model_00001-of-00002.bin"});
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
  for (const char* name : {"model.safetensors",
                           "pytorch_model.bin",
                           "a.pt",
                           "a.pth",
                           "a.ckpt",
                           "a.onnx",
                           "a.npz",
                           "tf_model.h5",
                           "model.gguf",
                           "flax_model.msgpack",
                           "a.keras",
                           "a.tflite",
                           "saved_model.pb",
                           "rust_model.ot",
                           "model.ckpt.data-00000-of-00001",
                           "model.safetensors.part",
                           "pytorch_model.bin.gz",
                           "model.gguf.incomplete",
                           "Model.SafeTensors",
                           "W.H5"}) {
    EXPECT_TRUE(is_named_like_weights(name)) << name;
    EXPECT_FALSE(is_companion(name)) << name;
  }
  for (const char* name : {"model.safetensors.index.json", "bin", "notes.txt", "a.part", "x.gz", "model.ckpt.index"}) {
    EXPECT_FALSE(is_named_like_weights(name)) << name;
  }
}

TEST(Folder, TheStatesOfATrainingAreNoWeights) {
  for (const char* name : {"optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt", "rng_state_0.pth",
                           "random_states_0.pkl", "training_args.bin"}) {
    EXPECT_TRUE(is_training_state(name)) << name;
  }
  for (const char* name : {"pytorch_model.bin", "ema.pt", "model.optimizer.pt"}) {
    EXPECT_FALSE(is_training_state(name)) << name;
  }
}

TEST(Folder, TheIndexOfAShardIsKnown) {
  EXPECT_EQ(index_name_of("model-00002-of-00003.safetensors"), "model.safetensors.index.json");
  EXPECT_EQ(index_name_of("pytorch_model-1-of-2.bin"), "pytorch_model.bin.index.json");
  EXPECT_EQ(index_name_of("model.safetensors"), "");
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
