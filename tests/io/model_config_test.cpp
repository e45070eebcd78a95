#include "sigmax/io/model_config.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/test_files.hpp"

namespace sigmax::io {
namespace {

using namespace testing;

ModelConfig read(const std::string& text) { return read_model_config(*file_of(text, "config.json"), text); }

TEST(ModelConfig, HasWhatTellsHowWeightsAreStored) {
  const ModelConfig gptq = read(R"({"architectures": ["LlamaForCausalLM", "B"], "model_type": "llama", "hidden_size": 8,
      "quantization_config": {"bits": 4, "quant_method": "gptq", "inner": {"quant_method": "no"}}})");
  EXPECT_EQ(gptq.model_type, "llama");
  EXPECT_EQ(gptq.architectures, (std::vector<std::string>{"LlamaForCausalLM", "B"}));
  EXPECT_EQ(gptq.quant_method, "gptq");
  EXPECT_FALSE(gptq.experts);
  EXPECT_EQ(read(R"({"compression_config": {"quant_method": "compressed-tensors"}})").quant_method,
            "compressed-tensors");
  EXPECT_EQ(read(R"({"ffn_config": {"moe_num_experts": 16, "num_experts": 3}})").experts, 16);
  for (const char* key : {"num_experts", "num_local_experts", "moe_num_experts"}) {
    EXPECT_EQ(read(std::string("{\"") + key + "\": 8}").experts, 8) << key;
  }
}

TEST(ModelConfig, PassesOverWhatIsOfAnotherKind) {
  for (const char* text : {"[]", "1", "{}", R"({"model_type": 3, "architectures": "x", "quantization_config": []})",
                           R"({"a": {"model_type": "gpt2", "num_experts": 4}, "architectures": [["deep"]]})",
                           R"({"num_experts": -4})", R"({"num_experts": 0})", R"({"num_experts": 1e300})",
                           R"({"num_experts": 99999999999})", R"({"quantization_config": null})"}) {
    const ModelConfig config = read(text);
    EXPECT_TRUE(config.model_type.empty() && config.architectures.empty() && config.quant_method.empty()) << text;
    EXPECT_FALSE(config.experts) << text;
  }
  EXPECT_TRUE(read("{\"model_type\": \"" + std::string(5000, 'x') + "\"}").model_type.empty());
  std::string many = "{\"architectures\": [\"a\"";
  for (int i = 0; i < 1000; ++i) many += ", \"a\"";
  EXPECT_EQ(read(many + "]}").architectures.size(), 8u);
  EXPECT_THROW(static_cast<void>(read("{\"model_type\": ")), FileError);
  EXPECT_THROW(static_cast<void>(read(std::string(1000, '[') + std::string(1000, ']'))), FileError);
}

TEST(ModelConfig, IsThatBesideTheFileOrNone) {
  const TempFolder folder;
  const auto model = folder.write("model.safetensors", "anything");
  EXPECT_FALSE(model_config_beside(model));
  folder.write("config.json", R"({"model_type": "gpt2"})");
  ASSERT_TRUE(model_config_beside(model));
  EXPECT_EQ(model_config_beside(model)->model_type, "gpt2");
  for (const std::string& text : {std::string("{"), std::string("{}"), std::string(), std::string("\xff\xfe{"),
                                  "{\"model_type\": \"gpt2\"" + std::string(5 << 20, ' ') + "}"}) {
    folder.write("config.json", text);
    EXPECT_FALSE(model_config_beside(model)) << text.substr(0, 30);
  }
  EXPECT_FALSE(model_config_beside(folder.path() / "missing"));
}

TEST(ModelConfig, OfAnotherFolderIsNotFollowed) {
  const TempFolder folder, other;
  const auto model = folder.write("model.safetensors", "anything");
  std::filesystem::create_symlink(other.write("config.json", R"({"model_type": "gpt2"})"),
                                  folder.path() / "config.json");
  EXPECT_FALSE(model_config_beside(model));
  EXPECT_TRUE(model_config_beside(other.write("model.safetensors", "anything")));
}

}  // namespace
}  // namespace sigmax::io
