#include "sigmax/io/folder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
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
  for (const char* name : {"variables.data-00000-of-00001",
                           "variables.index",
                           "model.ckpt-1000.data-00000-of-00001",
                           "model.ckpt-1000.index",
                           "classifier.pkl",
                           "svm.joblib",
                           "checkpoint.pth.tar",
                           "net.ptl",
                           "yolov3.weights",
                           "net.rknn",
                           "llava.llamafile",
                           "net.onnx_data",
                           "model.zip",
                           "my-weights.tar.gz",
                           "checkpoint.tgz",
                           "pytorch_model.bin.part",
                           "model.safetensors.tar.gz",
                           "MODEL.ZIP",
                           "model.ort",
                           "net.eqx",
                           "model.onnx_data_1",
                           "model.onnx.data_12",
                           "weights.th"}) {
    EXPECT_TRUE(is_named_like_weights(name)) << name;
  }
  for (const char* name :
       {"model.safetensors.index.json", "bin", "notes.txt", "a.part", "x.gz", "photos.zip", "samples.tar.gz",
        "faiss.index", "a.data-1", "model.py", "checkpoint", "onnx_data_1x", "1"}) {
    EXPECT_FALSE(is_named_like_weights(name)) << name;
  }
}

TEST(Folder, TheStatesOfATrainingAreNoWeights) {
  for (const char* name : {"optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt", "rng_state_0.pth",
                           "random_states_0.pkl", "training_args.bin", "optimizer_1.bin", "common.pt"}) {
    EXPECT_TRUE(is_training_state(name)) << name;
  }
  for (const char* name :
       {"pytorch_model.bin", "ema.pt", "model.optimizer.pt", "optimizer_student.npz", "optimizer_student.pt",
        "optimizer.safetensors", "scheduler_net.bin", "scalers.pt", "common", "optimizer", "1.pt", ".bin"}) {
    EXPECT_FALSE(is_training_state(name)) << name;
  }
}

TEST(Folder, FoldersOfOtherFrameworksAreKnownByTheirNames) {
  EXPECT_TRUE(is_named_like_a_folder_of_weights("Model.mlpackage"));
  EXPECT_TRUE(is_named_like_a_folder_of_weights("a.mlmodelc"));
  EXPECT_FALSE(is_named_like_a_folder_of_weights("variables"));
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
