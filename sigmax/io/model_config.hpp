// The config.json next to a model of the Hugging Face hub, and what it says about how weights are stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/io/bytes/mapped_file.hpp"

namespace sigmax::io {

/// The fields of a config.json that are used; empty where it says nothing.
struct ModelConfig {
  std::string model_type;                  ///< `gpt2`
  std::vector<std::string> architectures;  ///< `GPT2LMHeadModel`
  std::string quant_method;                ///< of quantization_config or compression_config: `gptq`, `awq`, `fp8`, ...
  std::optional<std::int64_t> experts;     ///< num_experts, num_local_experts; moe_num_experts, also in ffn_config
};

/// Reads `text`, the content of `file`. Names and methods longer than 100 bytes, and architectures beyond the eighth,
/// are ignored. Throws FileError if it is not JSON or nests deeper than 64.
ModelConfig read_model_config(const MappedFile& file, std::string_view text);

/// The config.json in the folder of `model`, a file of a checkpoint. It only helps and is not part of the model: no
/// value if there is none, if it is larger than 4 MiB, must not be followed (companion_file.hpp), is not JSON, or has
/// none of the fields that are used.
std::optional<ModelConfig> model_config_beside(const std::filesystem::path& model);

}  // namespace sigmax::io
