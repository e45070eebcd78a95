// The config.json that lies beside a model of the Hugging Face hub: what it says of how weights are stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// What is looked for in a config.json; empty where it says nothing.
struct ModelConfig {
  std::string model_type;                  ///< `gpt2`
  std::vector<std::string> architectures;  ///< `GPT2LMHeadModel`
  std::string quant_method;                ///< of quantization_config or compression_config: `gptq`, `awq`, `fp8`, ...
  std::optional<std::int64_t> experts;  ///< num_experts, num_local_experts, moe_num_experts, the last in ffn_config too
};

/// Reads `text`, the content of `file`. Names and methods longer than 100 bytes, and architectures beyond the eighth,
/// are passed over. Throws FileError if it is not JSON or nests deeper than 64.
ModelConfig read_model_config(const MappedFile& file, std::string_view text);

/// The config.json in the folder of `model`, a file of a checkpoint. It is a help and no part of the model: nothing if
/// there is none, if it is larger than 4 MiB, not to be followed (companion_file.hpp), not JSON, or says nothing that
/// is looked for.
std::optional<ModelConfig> model_config_beside(const std::filesystem::path& model);

}  // namespace sigmax::io
