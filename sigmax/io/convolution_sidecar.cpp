#include "sigmax/io/convolution_sidecar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/json_events.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/bytes/message.hpp"

namespace sigmax::io {
namespace {

constexpr int kMaxDepth = 16;
constexpr std::uint64_t kLargestNumber = std::uint64_t{1} << 30;
constexpr std::size_t kMostAxes = 3;

// Members of a report that have no meaning here.
constexpr std::array<std::string_view, 6> kPassedOver = {"lower",    "upper",    "kind",
                                                         "estimate", "question", "failure_probability"};

class SidecarEvents : public JsonEvents {
 public:
  explicit SidecarEvents(const MappedFile& file) : file_(file) {}

  std::vector<SidecarEntry> take() { return std::move(entries_); }

  void open(bool object, int depth) override {
    if (depth < 2 && !object) refuse("must be an object {pattern: {member: value}}");
    if (depth >= 2 && object) refuse(fmt::format("{} must not be an object", in_quotes(member_)));
    if (depth == 1) entries_.push_back({pattern_, {}});
    const bool has_lists = list() != nullptr || member_ == "padding" || member_ == "assumed";
    if (depth == 2 && !has_lists) refuse(fmt::format("{} must not be a list", in_quotes(member_)));
    if (depth == 3 && member_ != "padding") refuse(fmt::format("{} must be a list of numbers", in_quotes(member_)));
    if (depth > 3) refuse("is nested too deeply");
    if (depth == 3) pair_ = 0;
  }

  void close(int depth) override {
    if (depth == 3 && pair_ != 2) refuse("'padding' takes a number or a pair [low, high] for each axis");
  }

  void key(std::string&& name, int depth) override {
    if (depth == 1) {
      if (!patterns_.insert(name).second) refuse(fmt::format("{} appears twice", in_quotes(name)));
      pattern_ = std::move(name);
      members_.clear();
    } else if (depth == 2) {
      if (!members_.insert(name).second) refuse(fmt::format("{} appears twice", in_quotes(name)));
      member_ = std::move(name);
    }
  }

  void value(JsonValue value, int depth) override {
    if (depth < 2) refuse("must be an object {pattern: {member: value}}");
    const bool says_nothing = std::string_view(value.kind) == "null";
    const bool is_passed_over =
        member_ == "assumed" || std::find(kPassedOver.begin(), kPassedOver.end(), member_) != kPassedOver.end();
    if (is_passed_over || (says_nothing && depth == 2)) return;
    StatedConvolution& stated = entries_.back().stated;
    if (member_ == "padding_mode") return mode(stated, value);
    if (member_ == "transposed") {
      if (std::string_view(value.kind) != "a boolean") refuse("'transposed' takes true or false");
      stated.transposed = value.truth;
      return;
    }
    if (member_ == "padding" && value.text != nullptr) return word(stated, *value.text);
    if (!value.number || *value.number > kLargestNumber) {
      refuse(fmt::format("{} takes whole numbers, got {}", in_quotes(member_), value.kind));
    }
    const auto number = static_cast<std::int64_t>(*value.number);
    if (member_ == "groups") {
      if (number < 1) refuse("'groups' takes a number of at least 1");
      stated.groups = number;
    } else if (member_ == "padding") {
      pad(stated, number, depth);
    } else if (Dimensions* const numbers = list()) {
      if (numbers->size() == kMostAxes) refuse(fmt::format("{} has more than three axes", in_quotes(member_)));
      const bool may_be_zero = member_ == "output_padding";
      if (number < 1 && !may_be_zero) refuse(fmt::format("{} takes numbers of at least 1", in_quotes(member_)));
      numbers->push_back(number);
    } else {
      refuse(
          fmt::format("has no member {}; the members are stride, padding, padding_mode, dilation, output_padding, "
                      "input_size, groups and transposed",
                      in_quotes(member_)));
    }
  }

 private:
  [[noreturn]] void refuse(std::string problem) const {
    throw FileError(file_.path().string(), pattern_.empty() ? "" : in_quotes(pattern_), std::move(problem));
  }

  // What the member is a list of; null for another kind of member.
  Dimensions* list() {
    if (entries_.empty()) return nullptr;
    ConvolutionSettings& settings = entries_.back().stated.settings;
    if (member_ == "stride") return &settings.stride;
    if (member_ == "dilation") return &settings.dilation;
    if (member_ == "output_padding") return &settings.output_padding;
    if (member_ == "input_size") return &settings.input_size;
    return nullptr;
  }

  void mode(StatedConvolution& stated, const JsonValue& value) const {
    const auto padding = value.text != nullptr ? padding_mode(*value.text) : std::nullopt;
    if (!padding) refuse("'padding_mode' takes zeros, circular, reflect or replicate");
    stated.settings.padding = *padding;
    stated.has_mode = true;
  }

  void word(StatedConvolution& stated, std::string_view text) const {
    if (text != "same" && text != "valid") refuse("'padding' takes numbers, 'same' or 'valid'");
    stated.padding = text == "same" ? StatedPadding::Kind::same_upper : StatedPadding::Kind::valid;
  }

  void pad(StatedConvolution& stated, std::int64_t number, int depth) {
    Dimensions &low = stated.settings.pad_low, &high = stated.settings.pad_high;
    const bool in_pair = depth == 4;
    if (in_pair && pair_ == 2) refuse("'padding' takes a pair [low, high] for each axis");
    if (!in_pair || pair_ == 0) low.push_back(number);
    if (!in_pair || pair_ == 1) high.push_back(number);
    if (in_pair) ++pair_;
    if (low.size() > kMostAxes) refuse("'padding' has more than three axes");
  }

  const MappedFile& file_;
  std::vector<SidecarEntry> entries_;
  std::set<std::string> patterns_, members_;
  std::string pattern_, member_;
  int pair_ = 0;  // numbers of a pair that have been read
};

}  // namespace

std::vector<SidecarEntry> read_convolution_sidecar(const std::filesystem::path& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  SidecarEvents events(*file);
  const auto bytes = file->bytes();
  read_json(*file, "", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kMaxDepth, events);
  return events.take();
}

}  // namespace sigmax::io
