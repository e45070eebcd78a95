#include "sigmax/report/json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <variant>

#include "sigmax/report/text.hpp"

namespace sigmax::report {
namespace {

using Json = nlohmann::ordered_json;

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(bool flag) const { return flag; }
  Json operator()(std::int64_t count) const { return count; }
  Json operator()(std::uint64_t count) const { return count; }
  Json operator()(double number) const { return std::isfinite(number) ? Json(number) : Json(nullptr); }
  Json operator()(const std::string& text) const { return utf8_or_hex(text); }
  Json operator()(const Enclosure& enclosure) const { return (*this)(members_of(enclosure)); }

  Json operator()(const List& list) const {
    Json array = Json::array();
    for (const Value& item : list) array.push_back(std::visit(*this, item.data));
    return array;
  }

  Json operator()(const Record& record) const {
    Json object = Json::object();
    for (const Member& member : record) object[member.key] = std::visit(*this, member.value.data);
    return object;
  }
};

}  // namespace

std::string write_json(const Record& record, int indent) { return ToJson()(record).dump(indent, ' ', true) + "\n"; }

}  // namespace sigmax::report
