#include "sigmax/report/operator_norm.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sigmax::report {

Record record_of(const audit::OperatorNorm& norm) {
  List padding, assumed;
  for (std::size_t axis = 0; axis < norm.pad_low.size(); ++axis) {
    padding.emplace_back(List{norm.pad_low[axis], norm.pad_high[axis]});
  }
  for (const std::string& each : norm.assumed) assumed.emplace_back(each);
  const auto list_or_nothing = [](const Dimensions& list) { return list.empty() ? Value() : Value(list); };
  Record record = members_of(norm.norm);
  record.push_back({"estimate", norm.estimate});
  record.push_back({"question", norm.question});
  record.push_back({"stride", norm.stride});
  record.push_back({"padding", norm.pad_low.empty() ? Value() : Value(std::move(padding))});
  record.push_back({"padding_mode", norm.padding_mode});
  record.push_back({"dilation", norm.dilation});
  record.push_back({"groups", norm.groups});
  record.push_back({"transposed", norm.transposed});
  record.push_back({"output_padding", list_or_nothing(norm.output_padding)});
  record.push_back({"input_size", list_or_nothing(norm.input_size)});
  record.push_back({"assumed", std::move(assumed)});
  return record;
}

std::string convolution_text(const audit::OperatorNorm& norm) {
  // `2` or `2x1`: one number where all axes agree.
  const auto along = [](const Dimensions& list, bool always) {
    const bool equal = std::all_of(list.begin(), list.end(), [&](std::int64_t each) { return each == list.front(); });
    return equal && !always ? std::to_string(list.front()) : fmt::format("{}", fmt::join(list, "x"));
  };
  const auto is_usual = [](const Dimensions& list) {
    return std::all_of(list.begin(), list.end(), [](std::int64_t each) { return each == 1; });
  };
  std::string text = norm.input_size.empty() ? "any size" : along(norm.input_size, true);
  if (!is_usual(norm.stride)) text += ", stride " + along(norm.stride, false);
  if (!is_usual(norm.dilation)) text += ", dilation " + along(norm.dilation, false);
  if (norm.transposed) text += ", transposed";
  if (norm.groups > 1) text += fmt::format(", {} groups", norm.groups);
  if (norm.padding_mode != "zeros") text += ", " + norm.padding_mode;
  return text;
}

}  // namespace sigmax::report
