#include "sigmax/io/distributed/sharding_info.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/json_events.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

constexpr int kMaxDepth = 16;
constexpr int kOffsets = 3;  // {tensor: {"saved_offsets": [here]}}
constexpr const char* kPlace = "header: __metadata__: DCP_SHARDING_INFO";

class InfoEvents : public JsonEvents {
 public:
  explicit InfoEvents(const MappedFile& file) : file_(file) {}

  void open(bool, int) override {}
  void close(int) override {}

  void key(std::string&& name, int depth) override {
    if (depth == 1) {
      tensor_ = std::move(name);
    } else if (depth == 2) {
      in_offsets_ = name == "saved_offsets";
    }
  }

  void value(JsonValue value, int depth) override {
    if (depth < 2) refuse("must be an object of objects");
    if (!in_offsets_ || depth != kOffsets) return;
    if (!value.number) refuse(fmt::format("an offset of {} must be an integer, is {}", in_quotes(tensor_), value.kind));
    if (*value.number == 0) return;
    refuse(
        fmt::format("the file has one process's part of each weight ({} does not begin at its first element): join "
                    "the parts, with torch.distributed.checkpoint's consolidate_safetensors_files",
                    in_quotes(tensor_)));
  }

 private:
  [[noreturn]] void refuse(std::string problem) const {
    throw FileError(file_.path().string(), kPlace, std::move(problem));
  }

  const MappedFile& file_;
  std::string tensor_;
  bool in_offsets_ = false;
};

}  // namespace

void refuse_parts(const MappedFile& file, std::string_view info) {
  InfoEvents events(file);
  read_json(file, kPlace, info, kMaxDepth, events);
}

}  // namespace sigmax::io
