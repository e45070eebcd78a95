#include "sigmax/io/bytes/json_events.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "sigmax/core/error.hpp"

namespace sigmax::io {
namespace {

class Adapter : public nlohmann::json_sax<nlohmann::json> {
 public:
  Adapter(const MappedFile& file, const std::string& place, int max_depth, JsonEvents& events)
      : file_(file), place_(place), max_depth_(max_depth), events_(events) {}

  bool null() override { return scalar({"null", std::nullopt}); }
  bool boolean(bool truth) override { return scalar({"a boolean", std::nullopt, nullptr, truth}); }
  bool number_integer(number_integer_t) override { return scalar({"a negative integer", std::nullopt}); }
  bool number_unsigned(number_unsigned_t number) override { return scalar({"an integer", number}); }
  bool number_float(number_float_t, const string_t&) override {
    return scalar({"a number that is not a 64-bit integer", std::nullopt});
  }
  bool string(string_t& text) override { return scalar({"a string", std::nullopt, &text}); }
  bool binary(binary_t&) override { return scalar({"binary data", std::nullopt}); }
  bool start_object(std::size_t) override { return opened(true); }
  bool start_array(std::size_t) override { return opened(false); }
  bool end_object() override { return closed(); }
  bool end_array() override { return closed(); }
  bool key(string_t& name) override {
    events_.key(std::move(name), depth_);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    refuse(fmt::format("not valid JSON near byte {} of it", position));
  }

 private:
  [[noreturn]] void refuse(std::string problem) const {
    throw FileError(file_.path().string(), place_, std::move(problem));
  }

  bool scalar(JsonValue value) {
    events_.value(value, depth_);
    return true;
  }

  bool opened(bool object) {
    if (depth_ == max_depth_) refuse(fmt::format("nests deeper than {} levels", max_depth_));
    events_.open(object, depth_);
    ++depth_;
    return true;
  }

  bool closed() {
    --depth_;
    events_.close(depth_);
    return true;
  }

  const MappedFile& file_;
  const std::string& place_;
  int max_depth_;
  JsonEvents& events_;
  int depth_ = 0;
};

}  // namespace

void read_json(const MappedFile& file, const std::string& place, std::string_view text, int max_depth,
               JsonEvents& events) {
  // The parser takes NUL as the end of its input and would ignore the rest; no JSON text contains a NUL.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    throw FileError(file.path().string(), place, fmt::format("not valid JSON: NUL at byte {} of it", nul));
  }
  Adapter adapter(file, place, max_depth, events);
  nlohmann::json::sax_parse(text.begin(), text.end(), &adapter);
}

}  // namespace sigmax::io
