#include "sigmax/io/safetensors/safetensors_writer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/test_files.hpp"
#include "io/writer_samples.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::content_of;
using testing::counted;
using testing::misuse;
using testing::TempFolder;

// The header of the file, and its length in bytes.
std::pair<nlohmann::ordered_json, std::uint64_t> header_of(const std::string& content) {
  std::uint64_t length = 0;
  std::memcpy(&length, content.data(), sizeof length);
  return {nlohmann::ordered_json::parse(content.substr(8, length)), length};
}

TEST(SafetensorsWriter, WhatIsWrittenIsReadBack) {
  const TempFolder folder;
  Context context(1);
  std::vector<OutputTensor> samples = testing::samples();
  samples.push_back({"brain", counted(DType::bf16, {3})});
  write_safetensors(folder.path() / "out", samples, {}, context);
  testing::expect_read_back(folder.path() / "out", "safetensors", samples);
}

TEST(SafetensorsWriter, TheHeaderIsPaddedAndEveryElementAligned) {
  const TempFolder folder;
  Context context(1);
  for (const std::size_t length : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    const std::vector<OutputTensor> tensors = {{std::string(length, 'h'), counted(DType::f16, {3})},
                                               {"d", counted(DType::f64, {1})},
                                               {"f", counted(DType::f32, {1})}};
    write_safetensors(folder.path() / "out", tensors, {}, context);
    const auto [header, bytes] = header_of(content_of(folder.path() / "out"));
    EXPECT_EQ(bytes % 8, 0U);
    EXPECT_EQ(header.at("d").at("data_offsets"), (std::vector<int>{0, 8}));
    EXPECT_EQ(header.at("f").at("data_offsets"), (std::vector<int>{8, 12}));
    EXPECT_EQ(header.at(std::string(length, 'h')).at("data_offsets"), (std::vector<int>{12, 18}));
  }
}

TEST(SafetensorsWriter, MetadataAreKept) {
  const TempFolder folder;
  Context context(1);
  const std::vector<OutputTensor> tensors = {{"w", counted(DType::f64, {2})}};
  write_safetensors(folder.path() / "out", tensors, {{"source", "a \"model\"\n"}, {"format", "pt"}}, context);
  const auto header = header_of(content_of(folder.path() / "out")).first;
  EXPECT_EQ(header.begin().key(), "__metadata__");
  EXPECT_EQ(header.at("__metadata__").at("source"), "a \"model\"\n");
  EXPECT_EQ(header.at("__metadata__").at("format"), "pt");
  testing::expect_same(tensors[0].tensor, open_checkpoint(folder.path() / "out").entries.at(0).load());
}

TEST(SafetensorsWriter, RefusesWhatTheFormatHasNot) {
  const TempFolder folder;
  Context context(1);
  const auto message = [&](const std::vector<OutputTensor>& tensors, const Metadata& metadata = {}) {
    return misuse([&] { write_safetensors(folder.path() / "out", tensors, metadata, context); });
  };
  const Tensor one = counted(DType::f64, {1});
  EXPECT_TRUE(contains(message({{"a", one}, {"a", one}}), "'a' is given twice"));
  EXPECT_TRUE(contains(message({{"__metadata__", one}}), "not a name for a tensor"));
  EXPECT_TRUE(contains(message({{"\xC3", one}}), "not valid UTF-8"));
  EXPECT_TRUE(contains(message({{"a", one}}, {{"key", "\xFF"}}), "not valid UTF-8"));
  static constexpr std::byte kBytes[16] = {};
  EXPECT_TRUE(contains(message({{"z", Tensor(DType::c128, {1}, kBytes, nullptr)}}), "c128"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, ACanceledWriteLeavesNothing) {
  const TempFolder folder;
  Context context(1);
  context.request_cancel();
  EXPECT_THROW(write_safetensors(folder.path() / "out", testing::samples(), {}, context), Canceled);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, APlaceThatCannotBeWrittenIsNamed) {
  const TempFolder folder;
  Context context(1);
  EXPECT_TRUE(contains(testing::refusal([&] { write_safetensors(folder.path(), testing::samples(), {}, context); }),
                       folder.path().string() + ": is a directory"));
}

}  // namespace
}  // namespace sigmax::io
