#include "sigmax/io/distributed/distributed.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/distributed_bytes.hpp"
#include "io/test_files.hpp"
#include "sigmax/io/distributed/distributed_metadata.hpp"

namespace sigmax::io {
namespace {

using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;
using testing::TempFolder;
namespace pk = testing::pk;
namespace dcp = testing::dcp;

using Shards = std::map<std::string, std::string>;

DistributedCheckpoint read(const std::string& metadata, const Shards& shards) {
  return read_distributed(file_of(metadata, "folder/.metadata"), [&shards](const std::string& name) {
    const auto found = shards.find(name);
    return found == shards.end() ? nullptr : file_of(found->second, "folder/" + name);
  });
}

std::string complaint(const std::string& metadata, const Shards& shards) {
  return refusal([&] {
    for (const Entry& entry : read(metadata, shards).entries) {
      if (entry.load) entry.load();
    }
  });
}

double at(const Tensor& tensor, const Dimensions& index) { return tensor.at(index); }

std::vector<float> ramp(std::size_t count, float first) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = first + static_cast<float>(i);
  return values;
}

// The elements [offsets, offsets + sizes) of the tensor whose element (i, j, ...) is 100 i + 10 j + ...
std::vector<float> block(const Dimensions& offsets, const Dimensions& sizes) {
  std::vector<float> values;
  Dimensions index(sizes.size(), 0);
  for (std::int64_t i = 0; i < element_count(sizes).value(); ++i) {
    float value = 0;
    std::int64_t rest = i;
    for (std::size_t d = sizes.size(); d-- > 0; rest /= sizes[d]) index[d] = rest % sizes[d];
    for (std::size_t d = 0; d < sizes.size(); ++d) value = 10 * value + static_cast<float>(offsets[d] + index[d]);
    values.push_back(value);
  }
  return values;
}

void expect_whole(const Entry& entry) {
  ASSERT_EQ(entry.unreadable, "");
  const Tensor tensor = entry.load();
  ASSERT_EQ(tensor.shape(), entry.shape);
  const std::vector<float> expected = block(Dimensions(entry.shape.size(), 0), entry.shape);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    Dimensions index(entry.shape.size());
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t d = index.size(); d-- > 0; rest /= entry.shape[d]) index[d] = rest % entry.shape[d];
    EXPECT_EQ(tensor.at(index), expected[i]) << entry.name << to_string(index);
  }
}

struct Cut {
  Dimensions shape;
  std::vector<std::pair<Dimensions, Dimensions>> chunks;  // offsets and sizes
};

TEST(Distributed, ATensorIsWholeHoweverItWasCut) {
  const std::vector<Cut> cuts = {
      {{4, 3}, {{{0, 0}, {4, 3}}}},
      {{7, 3}, {{{0, 0}, {2, 3}}, {{2, 0}, {2, 3}}, {{4, 0}, {2, 3}}, {{6, 0}, {1, 3}}}},
      {{3, 8}, {{{0, 5}, {3, 3}}, {{0, 0}, {3, 5}}}},
      {{4, 6}, {{{0, 0}, {2, 3}}, {{2, 0}, {2, 3}}, {{0, 3}, {2, 3}}, {{2, 3}, {2, 3}}}},
      {{3, 3}, {{{0, 0}, {1, 2}}, {{0, 2}, {2, 1}}, {{2, 1}, {1, 2}}, {{1, 0}, {2, 1}}, {{1, 1}, {1, 1}}}},
      {{2, 3, 4}, {{{0, 0, 0}, {2, 3, 2}}, {{0, 0, 2}, {1, 3, 2}}, {{1, 0, 2}, {1, 3, 2}}}},
      {{2, 2, 2, 3}, {{{0, 0, 0, 0}, {1, 2, 2, 3}}, {{1, 0, 0, 0}, {1, 1, 2, 3}}, {{1, 1, 0, 0}, {1, 1, 2, 3}}}},
      {{9}, {{{4}, {5}}, {{0}, {4}}}},
      {{}, {{{}, {}}}},
      {{2, 3}, {{{0, 0}, {2, 3}}, {{2, 0}, {0, 3}}}},  // a process without a share
  };
  for (const Cut& cut : cuts) {
    Shards shards{{"__0_0.distcp", ""}, {"__1_0.distcp", ""}};
    dcp::Tensor tensor{"layer.weight", cut.shape, {}};
    for (std::size_t i = 0; i < cut.chunks.size(); ++i) {
      const auto& [offsets, sizes] = cut.chunks[i];
      const std::string file = i % 2 == 0 ? "__0_0.distcp" : "__1_0.distcp";
      tensor.chunks.push_back(dcp::add(shards[file], file, offsets, sizes, block(offsets, sizes)));
    }
    const auto found = read(dcp::metadata({tensor}), shards);
    ASSERT_EQ(found.entries.size(), 1u);
    EXPECT_EQ(found.entries[0].name, "layer.weight");
    EXPECT_EQ(found.entries[0].dtype, DType::f32);
    EXPECT_TRUE(found.notes.empty()) << found.notes[0];
    expect_whole(found.entries[0]);
  }
}

TEST(Distributed, SeveralTensorsOfOneShardAreToldApartAndOneChunkIsAWindow) {
  std::string shard;
  const dcp::Chunk a = dcp::add(shard, "s", {0, 0}, {2, 2}, {1, 2, 3, 4});
  const dcp::Chunk b = dcp::add(shard, "s", {0, 0}, {2, 3}, ramp(6, 10));
  const TempFolder folder;
  const auto shard_path = folder.write("s", shard);
  const auto metadata = folder.write(".metadata", dcp::metadata({{"a", {2, 2}, {a}}, {"b", {2, 3}, {b}}}));
  const auto found = read_distributed(MappedFile::open(metadata));
  ASSERT_EQ(found.entries.size(), 2u);
  EXPECT_EQ(at(found.entries[0].load(), {1, 1}), 4);
  EXPECT_EQ(at(found.entries[1].load(), {1, 2}), 15);
  EXPECT_EQ(found.entries[1].file, shard_path);
  EXPECT_EQ(found.entries[1].provenance, "s");
  ASSERT_TRUE(found.entries[1].bytes);
  EXPECT_EQ(shard.substr(found.entries[1].bytes->offset, found.entries[1].bytes->length), raw(ramp(6, 10)));
  ASSERT_EQ(found.files.size(), 2u);
  EXPECT_EQ(found.files[1].path, shard_path);
  EXPECT_EQ(found.files[1].bytes, shard.size());
}

TEST(Distributed, ObjectsAreSearchedForTensorsAndUnnamedBytesAreTold) {
  const auto object = [](const std::string& pickle) {
    return testing::zip_of({{"archive/data.pkl", pk::whole(pickle)}, {"archive/data/0", raw(ramp(4, 0))}});
  };
  const std::string number = object(pk::num(7));
  const std::string list =
      object(pk::list({pk::num(1), pk::dict({pk::str("w"), pk::tensor(pk::storage("0", 4), 0, {2, 2}, {2, 1})})}));
  const std::string metadata =
      dcp::metadata({}, {{"step", "s", 0, number.size()}, {"extra", "s", number.size(), list.size()}});
  const auto found = read(metadata, {{"s", number + list}});
  ASSERT_EQ(found.entries.size(), 1u);
  EXPECT_EQ(found.entries[0].name, "extra.1.w");
  EXPECT_EQ(at(found.entries[0].load(), {1, 1}), 3);
  EXPECT_TRUE(found.notes.empty());
  const auto foreign = read(dcp::metadata({}, {{"o", "s", 0, 5}}), {{"s", "other"}});
  ASSERT_EQ(foreign.notes.size(), 1u);
  EXPECT_TRUE(contains(foreign.notes[0], "1 objects are stored in another way than torch.save's"));
  const auto padded = read(metadata, {{"s", number + list + "seven b"}});
  ASSERT_EQ(padded.notes.size(), 1u);
  EXPECT_TRUE(contains(padded.notes[0], "7 bytes are not read"));
}

TEST(Distributed, WhatIsStoredInAnotherWayIsListedWithItsReason) {
  std::string shard;
  const dcp::Chunk chunk = dcp::add(shard, "s", {0, 0}, {2, 2}, {1, 2, 3, 4});
  const auto only = [](const std::string& metadata, const std::string& bytes) {
    const auto found = read(metadata, {{"s", bytes}});
    EXPECT_EQ(found.entries.size(), 1u);
    EXPECT_FALSE(found.entries[0].load);
    return found.entries[0].unreadable;
  };
  EXPECT_TRUE(contains(only(dcp::metadata({{"w", {2, 2}, {chunk}}}, {}, "zstd"), shard), "through a transform (zstd)"));
  EXPECT_TRUE(contains(only(dcp::metadata({{"w", {2, 2}, {chunk}, "qint8"}}), shard), "a quantized tensor"));
  const std::string expanded =
      testing::zip_of({{"archive/data.pkl", pk::whole(pk::tensor(pk::storage("0", 1), 0, {300, 300}, {0, 0}))},
                       {"archive/data/0", raw(1.0f)}});
  const dcp::Chunk large{{0, 0}, {300, 300}, "s", 0, expanded.size()};
  EXPECT_TRUE(contains(only(dcp::metadata({{"w", {300, 300}, {large}}}), expanded), "fewer bytes than elements"));
}

TEST(Distributed, ChunksThatDoNotTileAreRefused) {
  const auto problem = [](const Dimensions& shape, const std::vector<std::pair<Dimensions, Dimensions>>& cut) {
    Shards shards{{"s", ""}};
    dcp::Tensor tensor{"w", shape, {}};
    for (const auto& [offsets, sizes] : cut) {
      // An invalid tensor is described but not stored: the description is refused first.
      const bool valid = element_count(sizes).has_value();
      tensor.chunks.push_back(valid ? dcp::add(shards["s"], "s", offsets, sizes, block(offsets, sizes))
                                    : dcp::Chunk{offsets, sizes, "s", 0, 0});
    }
    return complaint(dcp::metadata({tensor}), shards);
  };
  EXPECT_TRUE(contains(problem({4, 2}, {{{0, 0}, {2, 2}}}), "tensor 'w': its 1 chunks hold 4 of its 8 elements"));
  EXPECT_TRUE(contains(problem({4, 2}, {}), "0 chunks hold 0 of its 8 elements"));
  EXPECT_TRUE(contains(problem({4, 2}, {{{0, 0}, {3, 2}}, {{2, 0}, {2, 2}}}), "overlap"));
  EXPECT_TRUE(contains(problem({4, 4}, {{{0, 0}, {3, 3}}, {{2, 2}, {2, 2}}, {{3, 0}, {1, 2}}}), "overlap"));
  // As many elements as the tensor has, but one is there twice and one is missing.
  EXPECT_TRUE(contains(problem({2, 2}, {{{0, 0}, {2, 1}}, {{1, 0}, {1, 2}}}), "overlap"));
  EXPECT_TRUE(contains(problem({4, 2}, {{{0, 0}, {4, 3}}}), "does not lie in the shape"));
  EXPECT_TRUE(contains(problem({4, 2}, {{{3, 0}, {2, 2}}}), "does not lie in the shape"));
  EXPECT_TRUE(contains(problem({4, 2}, {{{0}, {4}}}), "does not lie in the shape"));
  EXPECT_TRUE(contains(problem({4, 2}, {{{0, 0}, {-1, 2}}}), "its sizes overflows"));
  EXPECT_TRUE(contains(problem({4, 2}, {{{0, 0}, {4, 2}}, {{0, 0}, {4, 2}}}), "two places"));
}

TEST(Distributed, ALayoutThatWouldTakeForEverToCheckIsGivenUp) {
  std::vector<DistributedChunk> chunks;
  for (std::int64_t i = 0; i < 2000; ++i) chunks.push_back({{i, 0}, {1, 1}, std::nullopt});
  std::uint64_t steps = 100'000;
  EXPECT_EQ(tiling_problem(std::vector<std::int64_t>{2000, 1}, chunks, steps), "");
  // Each of them spans the first dimension, side by side with all the others.
  for (std::int64_t i = 0; i < 2000; ++i) chunks[static_cast<std::size_t>(i)] = {{i % 2, i}, {2000, 1}, std::nullopt};
  EXPECT_EQ(tiling_problem(std::vector<std::int64_t>{2001, 2000}, chunks, steps),
            "its 2000 chunks hold 4000000 of its 4002000 elements: shards are missing");
  for (std::int64_t i = 0; i < 2000; ++i)
    chunks[static_cast<std::size_t>(i)] = {{i, 0, i}, {4000 - i, 1, 1}, std::nullopt};
  steps = 100'000;
  EXPECT_EQ(tiling_problem(std::vector<std::int64_t>{4000, 1, 2000}, chunks, steps),
            "the arrangement of its chunks is too intricate to be checked");
}

TEST(Distributed, LiesAboutPlacesAreRefused) {
  std::string shard;
  const dcp::Chunk good = dcp::add(shard, "s", {0, 0}, {2, 2}, {1, 2, 3, 4});
  const dcp::Chunk other = dcp::add(shard, "s", {0, 0}, {2, 3}, ramp(6, 0));
  const auto with = [&](const std::function<void(dcp::Chunk&)>& change) {
    dcp::Chunk chunk = good;
    change(chunk);
    return complaint(dcp::metadata({{"w", {2, 2}, {chunk}}}), {{"s", shard}});
  };
  EXPECT_EQ(with([](auto&) {}), "nothing was thrown");
  for (const char* name : {"../s", "/s", "a/../s", "", "a//s", ".", "s\n"}) {
    EXPECT_TRUE(contains(with([name](auto& c) { c.file = name; }), "does not lie below this folder")) << name;
  }
  EXPECT_TRUE(contains(with([](auto& c) { c.file = "gone"; }), "tensor 'w': its shard 'gone' is not there"));
  EXPECT_TRUE(contains(with([](auto& c) { c.offset = 1 << 20; }), "reach past the end of its shard"));
  EXPECT_TRUE(contains(with([](auto& c) { c.length = std::uint64_t{1} << 62; }), "reach past the end of its shard"));
  EXPECT_TRUE(contains(with([](auto& c) { c.offset = ~std::uint64_t{0}; }), "is not a file, an offset and a length"));
  EXPECT_TRUE(contains(with([](auto& c) { c.offset = 1; }), "is not an archive of torch.save"));
  EXPECT_TRUE(contains(with([](auto& c) { c.length -= 1; }), "'s', "));
  EXPECT_TRUE(contains(with([](auto& c) { c.length = 0; }), "is not an archive of torch.save"));
  EXPECT_TRUE(contains(with([](auto& c) { c.stored = false; }), "does not say where a chunk of it lies"));
  EXPECT_TRUE(contains(with([&](auto& c) {
                         c.offset = other.offset;
                         c.length = other.length;
                       }),
                       "is f32 [2, 3], not f32 [2, 2]"));
  EXPECT_TRUE(contains(complaint(dcp::metadata({{"w", {2, 2}, {good}, "float64"}}), {{"s", shard}}), "not f64 [2, 2]"));
  EXPECT_TRUE(contains(complaint(dcp::metadata({{"v", {2, 2}, {good}}, {"w", {2, 2}, {good}}}), {{"s", shard}}),
                       "two chunks share byte 0"));
  EXPECT_TRUE(
      contains(complaint(dcp::metadata({{"w", {2, 2}, {good}}, {"w", {2, 2}, {good}}}), {{"s", shard}}), "two"));
}

TEST(Distributed, EveryPrefixAndEveryChangedByteIsReadOrRefused) {
  std::string shard;
  const dcp::Chunk one = dcp::add(shard, "s", {0, 0}, {1, 2}, {1, 2});
  const dcp::Chunk two = dcp::add(shard, "s", {1, 0}, {1, 2}, {3, 4});
  const std::string metadata = dcp::metadata({{"w", {2, 2}, {one, two}}});
  for (std::size_t length = 0; length < metadata.size(); ++length) {
    EXPECT_NE(complaint(metadata.substr(0, length), {{"s", shard}}), "nothing was thrown") << length;
  }
  for (std::size_t length = 0; length < shard.size(); length += 7) {
    EXPECT_NE(complaint(metadata, {{"s", shard.substr(0, length)}}), "nothing was thrown") << length;
  }
  for (std::size_t i = 0; i < metadata.size(); ++i) {
    std::string changed = metadata;
    changed[i] = static_cast<char>(changed[i] ^ 0x21);
    complaint(changed, {{"s", shard}});
  }
  for (std::size_t i = 0; i < shard.size(); ++i) {
    std::string changed = shard;
    changed[i] = static_cast<char>(changed[i] ^ 0x21);
    complaint(metadata, {{"s", changed}});
  }
}

TEST(Distributed, OnlyItsMetadataLooksLikeIt) {
  const auto looks = [](const std::string& content) { return looks_like_distributed_metadata(*file_of(content)); };
  EXPECT_TRUE(looks(dcp::metadata({})));
  EXPECT_TRUE(looks(pk::whole(pk::object("torch.distributed._shard.checkpoint.metadata", "Metadata", "}"))));
  EXPECT_FALSE(looks(""));
  EXPECT_FALSE(looks(pk::whole(pk::str("Metadata"))));
  EXPECT_FALSE(looks(pk::whole(pk::object("torch.distributed.tensor", "DTensor", "}"))));
  EXPECT_TRUE(contains(complaint(pk::whole(pk::str("torch.distributed.checkpoint.metadata Metadata")), {}),
                       "is not one of torch.distributed.checkpoint"));
}

}  // namespace
}  // namespace sigmax::io
