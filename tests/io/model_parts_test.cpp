#include "sigmax/io/model_parts.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sigmax::io {
namespace {

using Names = std::vector<std::string>;

TEST(ModelParts, PartsThatAreMissingAreNamed) {
  EXPECT_EQ(missing_shards({"model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors", "x.bin"}),
            Names{"model-00002-of-00003.safetensors"});
  EXPECT_EQ(missing_shards({"m-1-of-2.bin", "m-2-of-2.bin", "n-1-of-1.bin", "state-of-art.pt", "a-01-of-2.pt", "-of-"}),
            Names{});
  EXPECT_EQ(missing_shards({"model_00002-of-00002.bin"}), Names{"model_00001-of-00002.bin"});
  EXPECT_EQ(missing_shards({"pytorch_model-00001-of-99999.bin"}).size(), kMostMissing);
  EXPECT_EQ(missing_shards({"model_part_1_of_2.safetensors"}), Names{"model_part_2_of_2.safetensors"});
  EXPECT_EQ(missing_shards({"m.1.of.2.bin"}), Names{"m.2.of.2.bin"});
  EXPECT_EQ(missing_shards({"m-9-of-10.bin"}).front(), "m-1-of-10.bin") << "without zeros in front";
  EXPECT_EQ(missing_shards({"variables.data-00000-of-00001"}), Names{});
  EXPECT_EQ(missing_shards({"variables.data-00000-of-00002"}), Names{"variables.data-00001-of-00002"});
}

TEST(ModelParts, TheIndexOfAShardIsKnown) {
  EXPECT_EQ(index_name_of("model-00002-of-00003.safetensors"), "model.safetensors.index.json");
  EXPECT_EQ(index_name_of("pytorch_model-1-of-2.bin"), "pytorch_model.bin.index.json");
  EXPECT_EQ(index_name_of("model.safetensors"), "");
}

}  // namespace
}  // namespace sigmax::io
