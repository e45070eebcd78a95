#include "sigmax/io/model_config.hpp"

#include <memory>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/companion_file.hpp"
#include "sigmax/io/bytes/intact.hpp"
#include "sigmax/io/bytes/json_events.hpp"

namespace sigmax::io {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
constexpr std::size_t kLongestText = 100, kMostArchitectures = 8;
constexpr std::int64_t kMostExperts = std::int64_t{1} << 20;

class ConfigEvents : public JsonEvents {
 public:
  ModelConfig take() { return std::move(config_); }

  void open(bool, int) override {}
  void close(int) override {}

  void key(std::string&& name, int depth) override {
    if (depth == 1) outer_ = name;
    inner_ = depth == 2 ? std::move(name) : std::string();
  }

  void value(JsonValue value, int depth) override {
    if (value.text != nullptr && value.text->size() <= kLongestText) {
      const bool quantization = outer_ == "quantization_config" || outer_ == "compression_config";
      if (depth == 1 && outer_ == "model_type") config_.model_type = *value.text;
      if (depth == 2 && quantization && inner_ == "quant_method") config_.quant_method = *value.text;
      if (depth == 2 && outer_ == "architectures" && config_.architectures.size() < kMostArchitectures) {
        config_.architectures.push_back(*value.text);
      }
    }
    const bool counts = depth == 1
                            ? outer_ == "num_experts" || outer_ == "num_local_experts" || outer_ == "moe_num_experts"
                            : depth == 2 && outer_ == "ffn_config" && inner_ == "moe_num_experts";
    if (counts && value.number && *value.number >= 1 && *value.number <= kMostExperts) {
      config_.experts = static_cast<std::int64_t>(*value.number);
    }
  }

 private:
  ModelConfig config_;
  std::string outer_, inner_;
};

}  // namespace

ModelConfig read_model_config(const MappedFile& file, std::string_view text) {
  ConfigEvents events;
  read_json(file, "", text, kDeepestJson, events);
  return events.take();
}

std::optional<ModelConfig> model_config_beside(const std::filesystem::path& model) {
  try {
    const std::shared_ptr<const MappedFile> file = open_companion(*MappedFile::open(model), "config.json");
    if (file->bytes().size() > kMaxBytes) return std::nullopt;
    ModelConfig config = while_intact(*file, [&] {
      return read_model_config(*file, {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()});
    });
    const bool says_something =
        !config.model_type.empty() || !config.architectures.empty() || !config.quant_method.empty() || config.experts;
    return says_something ? std::optional(std::move(config)) : std::nullopt;
  } catch (const FileError&) {
    return std::nullopt;
  }
}

}  // namespace sigmax::io
