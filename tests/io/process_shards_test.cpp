#include "sigmax/io/distributed/process_shards.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/distributed_bytes.hpp"
#include "io/test_files.hpp"
#include "sigmax/io/checkpoint.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::refusal;
using testing::TempFolder;
namespace dcp = testing::dcp;
namespace fs = std::filesystem;

struct Layout {
  std::vector<std::string> files;
  const char* reason;  // "" if they are whole
};

void fill(const TempFolder& folder, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    fs::create_directories((folder.path() / file).parent_path());
    folder.write(file, dcp::saved({2, 2}, {1, 2, 3, 4}));
  }
}

TEST(ProcessShards, FoldersOfHalvesAreRefusedByName) {
  const Layout layouts[] = {
      {{"zero_pp_rank_0_mp_rank_00_optim_states.pt", "mp_rank_00_model_states.pt"}, "DeepSpeed ZeRO"},
      {{"bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt", "bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt"},
       "zero_to_fp32.py"},
      {{"mp_rank_00_model_states.pt", "mp_rank_01_model_states.pt"}, "model-parallel processes of DeepSpeed"},
      {{"consolidated.00.pth", "consolidated.01.pth"}, "convert_llama_weights_to_hf.py"},
      {{"reshard-model_part-0.pt", "reshard-model_part-1.pt"}, "fairseq"},
      {{"pytorch_model_rank0.bin", "pytorch_model_rank1.bin"}, "FullStateDictConfig"},
      {{"model_rank_0.pt", "model_rank_1.pt", "model_rank_2.pt"}, "('model_rank_0.pt' and 2 more of them)"},
      {{"weights-rank-0.safetensors", "weights-rank-1.safetensors"}, "one file for each process's rank"},
      {{"shard-00001-model-00001-of-00001.safetensors", "shard-00002-model-00001-of-00001.safetensors"},
       "consolidate_safetensors_files"},
      {{"mp_rank_00/model_optim_rng.pt", "mp_rank_01/model_optim_rng.pt"}, "2 ranks of Megatron-LM"},
      {{"mp_rank_00_000/model_optim_rng.pt", "mp_rank_00_001/model_optim_rng.pt"}, "2 ranks of Megatron-LM"},
      {{"__0_0.distcp", "__1_0.distcp"}, "without their .metadata"},
      {{"layer_02-model_00-model_states.pt", "layer_02-model_01-model_states.pt"}, "convert_neox_to_hf.py"},
      {{"layer_00-model_01-model_states.pt"}, "DeepSpeed's pipelines"},
      {{"layer_00-model_00-model_states.pt", "layer_02-model_00-model_states.pt", "mp_rank_00_model_states.pt"}, ""},
      {{"model0-mp2.safetensors", "model1-mp2.safetensors"}, "('model0-mp2.safetensors' is one of 2)"},
      {{"model0-mp8.safetensors"}, "--model-parallel 1"},
      {{"model0-mp1.safetensors"}, ""},
      {{"model0-mpeg4.safetensors"}, ""},
      {{"consolidated.00.safetensors", "consolidated.01.safetensors"}, "Llama's model-parallel files"},
      {{"consolidated.01.pth"}, "convert_llama_weights_to_hf.py"},
      {{"consolidated.00.safetensors"}, ""},
      {{"consolidated.safetensors"}, ""},
      {{"mp_rank_01_model_states.pt"}, "model-parallel processes of DeepSpeed"},
      {{"model_tp0_pp0.pt", "model_tp1_pp0.pt"}, "ranks of Megatron-LM or NeMo"},
      {{"model_tp0_pp0.pt", "model_tp0_pp1.pt"}, "ranks of Megatron-LM or NeMo"},
      {{"model_tp0_pp3.pt"}, "change_num_partitions"},
      {{"model_tp0_pp0.pt"}, ""},
      {{"checkpoint.pt-shard0", "checkpoint.pt-shard1"}, "consolidate_fsdp_shards.py"},
      {{"checkpoint_last-shard1.pt"}, "fairseq and metaseq"},
      {{"checkpoint_best-shard0.pt"}, ""},
      {{"weights-shard0.pt", "weights-shard1.pt"}, ""},
      {{"tp0.safetensors", "tp1.safetensors"}, "tensor-parallel files"},
      {{"tp0.safetensors"}, ""},
      {{"http0.safetensors", "http1.safetensors"}, ""},
      {{"tp_rank_00/model_weights.ckpt", "tp_rank_01/model_weights.ckpt"}, "2 ranks of Megatron-LM or NeMo"},
      {{"zero_to_fp32.py", "global_step5/mp_rank_00_model_states.pt", "scheduler.pt"},
       "in a folder below: run the zero_"},
      {{"zero_to_fp32.py", "global_step5/mp_rank_00_model_states.pt", "pytorch_model.bin"}, ""},
      {{"lora_rank_8.pt", "lora_rank_16.pt"}, ""},
      {{"lora_rank_1.pt", "lora_rank_2.pt"}, ""},
      {{"consolidated.00.pth"}, ""},
      {{"mp_rank_00_model_states.pt"}, ""},
      {{"rng_state_0.pth", "rng_state_1.pth"}, ""},
      {{"log_rank_0.txt", "log_rank_1.txt", "model.pt"}, ""},
      {{"model-00001-of-00002.pt", "model-00002-of-00002.pt"}, ""},
      {{"model_rank_0.pt"}, ""},
  };
  for (const Layout& layout : layouts) {
    const TempFolder folder;
    fill(folder, layout.files);
    const std::string reason = describe_process_shards(folder.path());
    if (*layout.reason == '\0') {
      EXPECT_EQ(reason, "");
      EXPECT_FALSE(open_checkpoint(folder.path()).entries.empty());
    } else {
      EXPECT_TRUE(contains(reason, layout.reason));
      EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder.path()); }), layout.reason));
    }
  }
}

TEST(ProcessShards, OneOfThemIsRefusedTooAndWhatIsWholeBesideThemIsRead) {
  const TempFolder folder;
  fill(folder, {"zero_pp_rank_0_mp_rank_00_optim_states.pt", "mp_rank_00_model_states.pt", "m/mp_rank_00/w.pt",
                "m/mp_rank_01/w.pt", "one/mp_rank_00/w.pt", "c/consolidated.00.pth", "c/consolidated.01.pth",
                "n/layer_02-model_00-model_states.pt", "n/layer_02-model_01-model_states.pt", "alone/mp_rank_03/w.pt",
                "d/model1-mp2.safetensors", "f/checkpoint.pt-shard0", "f/checkpoint.pt-shard1", "w/model0-mp1.pt"});
  const auto problem = [&folder](const std::string& file) {
    return refusal([&] { open_checkpoint(folder.path() / file); });
  };
  EXPECT_TRUE(contains(problem("zero_pp_rank_0_mp_rank_00_optim_states.pt"), "DeepSpeed ZeRO"));
  EXPECT_EQ(problem("mp_rank_00_model_states.pt"), "nothing was thrown");
  EXPECT_TRUE(contains(problem("m/mp_rank_01/w.pt"), "one of 2 ranks of Megatron-LM"));
  EXPECT_TRUE(contains(problem("m/mp_rank_01"), "one of 2 ranks of Megatron-LM"));
  EXPECT_EQ(problem("one/mp_rank_00/w.pt"), "nothing was thrown");
  EXPECT_TRUE(contains(problem("c/consolidated.01.pth"), "Llama's model-parallel files"));
  for (const char* part : {"n/layer_02-model_00-model_states.pt", "n/layer_02-model_01-model_states.pt",
                           "d/model1-mp2.safetensors", "f/checkpoint.pt-shard0"}) {
    EXPECT_TRUE(contains(problem(part), "of every weight") || contains(problem(part), "each process")) << part;
  }
  EXPECT_TRUE(contains(problem("alone/mp_rank_03/w.pt"), "one of 1 rank of Megatron-LM or NeMo"));
  EXPECT_EQ(problem("w/model0-mp1.pt"), "nothing was thrown");
  EXPECT_TRUE(contains(problem("one"), "name one of the folders in it: 'mp_rank_00'"));
}

// Whatever the names are: the metadata say where each tensor begins in the whole.
TEST(ProcessShards, SafetensorsOfTorchDistributedAreKnownByTheirMetadata) {
  const TempFolder folder;
  const auto write = [&folder](const std::string& name, std::string info) {
    std::string escaped;
    for (const char c : info) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
    const std::string header = R"({"__metadata__":{"DCP_VERSION":"1.0","DCP_SHARDING_INFO":")" + escaped +
                               R"(","format":"pt"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
    return folder.write(name, testing::raw(std::uint64_t{header.size()}) + header + testing::raw(1.0F));
  };
  const auto problem = [](const fs::path& path) { return refusal([&] { open_checkpoint(path); }); };
  EXPECT_EQ(problem(write("whole.safetensors", R"({"w": {"saved_offsets": [0]}})")), "nothing was thrown");
  EXPECT_EQ(problem(write("empty.safetensors", "{}")), "nothing was thrown");
  EXPECT_EQ(problem(write("scalar.safetensors", R"({"w": {"saved_offsets": [], "later": [7]}})")),
            "nothing was thrown");
  for (const char* info :
       {R"({"w": {"saved_offsets": [4]}})", R"({"v": {"saved_offsets": [0, 0]}, "w": {"saved_offsets": [0, 3]}})",
        R"({"w": {"x": 1, "saved_offsets": [1, 0, 0]}})"}) {
    const std::string message = problem(write("part.safetensors", info));
    EXPECT_TRUE(contains(message, "one process's part of each weight ('w' does not begin")) << info;
    EXPECT_TRUE(contains(message, "consolidate_safetensors_files"));
  }
  EXPECT_TRUE(contains(problem(folder.path()), "part.safetensors"));
  EXPECT_TRUE(contains(problem(write("odd.safetensors", R"({"w": {"saved_offsets": [-1]}})")), "must be an integer"));
  EXPECT_TRUE(contains(problem(write("odd.safetensors", "[")), "DCP_SHARDING_INFO"));
  EXPECT_TRUE(contains(problem(write("odd.safetensors", "7")), "DCP_SHARDING_INFO"));
}

TEST(ProcessShards, AFolderOfTorchDistributedIsReadWhole) {
  const TempFolder folder;
  std::string shard;
  const dcp::Chunk upper = dcp::add(shard, "__0_0.distcp", {0, 0}, {1, 2}, {1, 2});
  const dcp::Chunk lower = dcp::add(shard, "__0_0.distcp", {1, 0}, {1, 2}, {3, 4});
  folder.write("__0_0.distcp", shard);
  folder.write("__9_0.distcp", shard);
  folder.write("common.pt", dcp::saved({1, 1}, {9}));
  folder.write(".metadata", dcp::metadata({{"w", {2, 2}, {upper, lower}}}));
  for (const fs::path& path : {folder.path(), folder.path() / ".metadata"}) {
    const Checkpoint checkpoint = open_checkpoint(path);
    ASSERT_EQ(checkpoint.entries.size(), 1u);
    EXPECT_EQ(checkpoint.entries[0].name, "w");
    EXPECT_EQ(checkpoint.entries[0].provenance, "2 chunks in __0_0.distcp");
    EXPECT_EQ(checkpoint.entries[0].load().at(std::vector<std::int64_t>{1, 1}), 4);
    EXPECT_EQ(checkpoint.format, "pytorch-distributed");
  }
  const Checkpoint checkpoint = open_checkpoint(folder.path());
  ASSERT_EQ(checkpoint.notes.size(), 1u);
  EXPECT_TRUE(contains(checkpoint.notes[0], "not read, as .metadata does not name them: '__9_0.distcp', 'common.pt'"));
  // Megatron-Core keeps arguments in common.pt; a shard that nothing names may be half of a newer save.
  ASSERT_EQ(checkpoint.unread_files.size(), 1u);
  EXPECT_EQ(checkpoint.unread_files[0].path.filename(), "__9_0.distcp");
  EXPECT_TRUE(contains(refusal([&] { open_checkpoint(folder.path() / "__0_0.distcp"); }), "name its folder"));
  EXPECT_TRUE(
      contains(refusal([&] { open_checkpoint(folder.path().parent_path() / "nothing.distcp"); }), "nothing.distcp"));
}

}  // namespace
}  // namespace sigmax::io
