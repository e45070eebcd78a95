#include "cli/certificate/certificate.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/mapped_file.hpp"
#include "sigmax/io/bytes/sha256.hpp"
#include "sigmax/report/json.hpp"

namespace sigmax::cli {
namespace {

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t held = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < held ? std::to_integer<std::uint32_t>(bytes[at + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) text += k <= held ? kDigits[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

/// Row-major and little-endian, as files of the formats that the checker reads hold a tensor.
std::span<const std::byte> bytes_of(const Tensor& compact) {
  return {compact.data(), static_cast<std::size_t>(compact.size()) * size_of(compact.dtype())};
}

bool is_row(audit::Axis axis) { return axis == audit::Axis::out || axis == audit::Axis::entries; }

report::Value list_of(const std::vector<std::size_t>& axes) {
  report::List list;
  for (const std::size_t axis : axes) list.emplace_back(static_cast<std::int64_t>(axis));
  return list;
}

// Pairs of a shape and an order of its axes, after each other: the batch, rows and columns of audit::blocks_of().
report::List steps_of(const audit::Layout& layout, const Dimensions& shape) {
  report::List steps;
  if (!layout.order.empty()) steps.emplace_back(report::List{shape, list_of(layout.order)});
  const Dimensions& seen = layout.view.empty() ? shape : layout.view;
  Dimensions split;
  std::vector<std::size_t> batch;
  std::vector<std::size_t> rows;
  std::vector<std::size_t> columns;
  for (std::size_t d = 0; d < seen.size(); ++d) {
    const audit::Axis axis = layout.axes[d];
    std::int64_t extent = seen[d];
    if (d == layout.split && layout.groups > 1) {
      batch.push_back(split.size());
      split.push_back(layout.groups);
      extent /= layout.groups;
    }
    (axis == audit::Axis::stack ? batch : is_row(axis) ? rows : columns).push_back(split.size());
    split.push_back(extent);
  }
  batch.insert(batch.end(), rows.begin(), rows.end());
  batch.insert(batch.end(), columns.begin(), columns.end());
  steps.emplace_back(report::List{split, list_of(batch)});
  return steps;
}

}  // namespace

std::string exactly(double value) { return fmt::format("{:a}", value); }

std::string exactly(std::span<const double> values) {
  static_assert(std::endian::native == std::endian::little);
  return base64(std::as_bytes(values));
}

bool is_read_by_the_checker(const io::Entry& entry) {
  const std::string suffix = entry.file.extension().string();
  if (!is_real(entry.dtype)) return false;
  if (suffix == ".onnx") return entry.bytes.has_value();
  return suffix == ".safetensors" || ((suffix == ".npy" || suffix == ".npz") && entry.dtype != DType::bf16);
}

const std::string& Certificate::file(const std::filesystem::path& path) {
  const auto [known, is_new] = hashes_.emplace(path, "");
  if (is_new) {
    const auto mapped = io::MappedFile::open(path);
    known->second = io::sha256(mapped->bytes());
    mapped->check_intact();
    files_.emplace_back(report::Record{
        {"name", path.filename().string()}, {"bytes", mapped->bytes().size()}, {"sha256", known->second}});
  }
  return known->second;
}

report::Record Certificate::matrices(const io::Entry& entry, const Tensor& tensor, const audit::Layout& layout) {
  const audit::BlockShape block = block_shape(layout, tensor.shape());
  return {{"file", file(entry.file)},
          {"tensor", entry.name},
          {"sha256", io::sha256(bytes_of(tensor.compact()))},
          {"layout", steps_of(layout, tensor.shape())},
          {"shape", Dimensions{block.batch, block.rows, block.columns}}};
}

std::string Certificate::text() const {
  std::string text = report::write_json({{"schema", "sigmax.certificate/1"},
                                         {"version", version_},
                                         {"files", files_},
                                         {"claims", claims_},
                                         {"assumed", assumed_},
                                         {"unchecked", unchecked_}},
                                        1);
  text.erase(text.size() - 3);  // "\n}\n"
  text += ",\n";
  return text + fmt::format("\"seal\": \"{}\"}}\n", io::sha256(text));
}

}  // namespace sigmax::cli
