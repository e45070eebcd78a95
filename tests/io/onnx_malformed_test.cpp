// Hostile and damaged ONNX models: each is refused with the file, the place and the problem.
#include <gtest/gtest.h>

#include <filesystem>

#include "io/onnx_bytes.hpp"
#include "sigmax/io/bytes/mapping_faults.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/io/onnx/onnx.hpp"

namespace sigmax::io {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::string read_refusal(const Message& message) {
  return refusal([&] {
    for (const Entry& entry : read_onnx(file_of(message.bytes, "m.onnx"))) {
      if (entry.load) entry.load();
    }
  });
}

Message with(const Message& initializer) { return model(graph({}, {initializer})); }

TEST(OnnxMalformed, TensorsThatContradictThemselvesAreRefused) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  const Message packed_cut = tensor_head("w", kInt64, {2}).text(7, "\x01\xff");
  struct Case {
    const char* what;
    Message tensor;
    const char* problem;
  };
  const Case cases[] = {
      {"negative extent", floats("w", {-1, -6}, {1, 2}), "shape [-1, -6], which is not a valid size"},
      {"product overflows", floats("w", {kHuge, 4}, {1}), "not a valid size"},
      {"product overflows beside zero", floats("w", {kHuge, kHuge, 0}, {}), "not a valid size"},
      {"bytes overflow", floats("w", {kHuge}, {1}), "the size overflows"},
      {"raw too short", floats("w", {3}, {1, 2}), "raw_data has 8 bytes, but f32 of shape [3] takes 12"},
      {"raw too long", floats("w", {1}, {1, 2}), "raw_data has 8 bytes"},
      {"raw twice", floats("w", {1}, {1}).text(9, "abcd"), "raw_data appears twice"},
      {"no elements", tensor_head("w", kFloat, {2}), "0 typed elements, but f32 of shape [2] takes 2"},
      {"typed too few", packed_tensor("w", kInt8, {3}, 5, {1, 2}), "2 typed elements"},
      {"typed too many", packed_tensor("w", kInt64, {1}, 7, {1, 2}), "2 typed elements"},
      {"wrong field", packed_tensor("w", kFloat, {2}, 5, {1, 2}), "lie in field 5, which holds another type"},
      {"two fields", packed_tensor("w", kInt8, {1}, 5, {1}).text(7, "\x01"), "both field 5 and field 7"},
      {"raw and typed", floats("w", {1}, {1}).fixed32(4, 1), "raw_data as well as typed elements"},
      {"typed cut off", packed_cut, "ends within a varint"},
      {"float_data not fours", tensor_head("w", kFloat, {1}).text(4, "abc"), "not a multiple of 4"},
      {"i8 out of range", packed_tensor("w", kInt8, {1}, 5, {128}), "128 is not a value of type i8"},
      {"f16 out of range", packed_tensor("w", kFloat16, {1}, 5, {65536}), "65536 is not a value of type f16"},
      {"u32 out of range", packed_tensor("w", kUint32, {1}, 11, {-1}), "is not a value of type u32"},
      {"varint too long", tensor_head("w", kInt64, {1}).text(7, std::string(10, '\xff') + "\x01"), "longer than 64"},
      {"segment", floats("w", {1}, {1}).child(3, {}), "segmented"},
      {"no name", floats("", {1}, {1}), "an initializer has no name"},
      {"rank", floats("w", Extents(65, 1), {1}), "has 65 dimensions"},
      {"name is a number", tensor_head("w", kFloat, {}).integer(8, 1), "field 8 must be length-delimited"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const std::string problem = read_refusal(with(c.tensor));
    EXPECT_TRUE(contains(problem, "m.onnx: "));
    EXPECT_TRUE(contains(problem, "at byte "));
    EXPECT_TRUE(contains(problem, c.problem));
  }
}

TEST(OnnxMalformed, GraphsThatContradictThemselvesAreRefused) {
  const Message w = floats("w", {1}, {1});
  const Message sparse = Message{}.child(1, w).integer(3, 4);
  Message two_values = constant("c", w);
  two_values = two_values + tensor_attribute("again", w);
  const Message two_tensors = Message{}.text(1, "value").child(5, w).child(5, w);
  const Message wrong_type = Message{}.text(1, "value").child(5, w).integer(20, 1);
  struct Case {
    const char* what;
    Message model;
    const char* problem;
  };
  const Case cases[] = {
      {"no graph", Message{}.integer(1, 8), "the model has no graph"},
      {"two graphs", model(graph({})).child(7, graph({})), "the model has two graphs"},
      {"duplicate", model(graph({}, {w, w})), "two initializers of one graph have the name 'w'"},
      {"duplicate sparse", model(graph({}, {w}).child(15, sparse)), "two initializers"},
      {"sparse without values", model(graph({}).child(15, Message{}.integer(3, 1))), "has no values"},
      {"two values", model(graph({two_values})), "two values"},
      {"two tensors", model(graph({node("Constant", {}, {"c"}).child(5, two_tensors)})), "two tensors"},
      {"type", model(graph({node("Constant", {}, {"c"}).child(5, wrong_type)})), "has type 1 but holds a tensor"},
      {"group", model(graph({node("Conv", {"x", "w"}, {"y"}, "n") + attribute("group", 0)}, {w})),
       "Conv 'n': group must be positive, got 0"},
      {"length", {model(graph({})).bytes + "\x12\x7f"}, "takes 127 bytes"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_TRUE(contains(read_refusal(c.model), c.problem));
  }
}

Message nested_graphs(int depth) {
  Message inner = graph({});
  for (int i = 0; i < depth; ++i) inner = graph({node("If", {}, {}) + graph_attribute("then_branch", inner)});
  return model(inner);
}

TEST(OnnxMalformed, DepthBombsAreRefused) {
  EXPECT_EQ(read_refusal(nested_graphs(64)), "nothing was thrown");
  EXPECT_TRUE(contains(read_refusal(nested_graphs(65)), "graphs nest deeper than 64 levels"));
  EXPECT_TRUE(contains(read_refusal(nested_graphs(2000)), "graphs nest deeper than 64 levels"));
}

TEST(OnnxMalformed, EveryPrefixIsRefusedOrReadWithoutHarm) {
  const Message branch = graph({constant("w", floats("", {2, 2}, {1, 2, 3, 4}))});
  const Message whole = model(graph(
      {node("If", {"c"}, {"y"}) + graph_attribute("then_branch", branch),
       node("DequantizeLinear", {"q", "s", "z"}, {"d"})},
      {packed_tensor("q", kInt8, {2}, 5, {-1, 2}), floats("s", {}, {0.5F}), packed_tensor("z", kInt8, {}, 5, {3})}));
  EXPECT_EQ(read_refusal(whole), "nothing was thrown");
  for (std::size_t size = 0; size < whole.bytes.size(); ++size) {
    EXPECT_NE(read_refusal({whole.bytes.substr(0, size)}), "nothing was thrown") << size;
    EXPECT_FALSE(looks_like_onnx(*file_of(whole.bytes.substr(0, size)))) << size;
  }
  for (std::size_t at = 0; at < whole.bytes.size(); ++at) {
    for (const char flip : {'\x01', '\x08', '\x40', '\x80', '\xff'}) {
      Message damaged = whole;
      damaged.bytes[at] = static_cast<char>(damaged.bytes[at] ^ flip);
      read_refusal(damaged);
    }
  }
}

/// A model whose only tensor, two floats, lies in another file.
Message external(const std::vector<std::pair<std::string, std::string>>& keys, Extents dims = {2}) {
  Message tensor = tensor_head("w", kFloat, dims).integer(14, 1);
  for (const auto& [key, value] : keys) tensor = tensor.child(13, Message{}.text(1, key).text(2, value));
  return with(tensor);
}

class OnnxExternalData : public ::testing::Test {
 protected:
  std::string refused(const Message& message) const {
    const fs::path path = folder_.write("model/m.onnx", message.bytes);
    return refusal([&] { read_onnx(MappedFile::open(path)); });
  }

  void SetUp() override {
    fs::create_directories(folder_.path() / "model" / "sub");
    folder_.write("secret", "12345678");
    folder_.write("model/w.data", raw(std::vector<float>{0, 1, 2, 3}));
    folder_.write("model/sub/w.data", raw(std::vector<float>{5, 6}));
  }

  TempFolder folder_;
};

TEST_F(OnnxExternalData, IsMappedFromBesideTheModel) {
  const auto load = [&](const Message& message) {
    const auto entries = read_onnx(MappedFile::open(folder_.write("model/m.onnx", message.bytes)));
    const Tensor tensor = entries.front().load();
    const auto* first = reinterpret_cast<const float*>(tensor.data());
    return std::pair(*entries.front().bytes, std::vector<float>(first, first + tensor.size()));
  };
  const auto [range, values] = load(external({{"location", "w.data"}, {"offset", "8"}, {"length", "8"}}));
  EXPECT_EQ(range.file, folder_.path() / "model" / "w.data");
  EXPECT_EQ(range.offset, 8U);
  EXPECT_EQ(range.length, 8U);
  EXPECT_EQ(values, (std::vector<float>{2, 3}));
  EXPECT_EQ(load(external({{"location", "./sub//w.data"}, {"checksum", "x"}})).second, (std::vector<float>{5, 6}));
}

// Whatever the file's name is: a gate must not count it as weights that were not read.
TEST_F(OnnxExternalData, InAFolderIsNoFileThatWasLeftUnread) {
  for (const char* name : {"weights.bin", "model.gguf", "m.onnx_data", "w.h5"}) {
    folder_.write(std::string("model/") + name, raw(std::vector<float>{5, 6}));
    folder_.write("model/m.onnx", external({{"location", name}}).bytes);
    const Checkpoint checkpoint = open_checkpoint(folder_.path() / "model");
    EXPECT_EQ(checkpoint.entries.size(), 1U);
    EXPECT_TRUE(checkpoint.unread_files.empty()) << name;
    fs::remove(folder_.path() / "model" / name);
  }
}

TEST_F(OnnxExternalData, IsNeverReadFromElsewhere) {
  fs::create_symlink(folder_.path() / "secret", folder_.path() / "model" / "link.data");
  fs::create_directory_symlink(folder_.path(), folder_.path() / "model" / "up");
  struct Case {
    std::string location;
    const char* problem;
  };
  const Case cases[] = {
      {"../secret", "has '..'"},
      {"sub/../../secret", "has '..'"},
      {"..", "has '..'"},
      {(folder_.path() / "secret").string(), "is absolute"},
      {"//etc/hostname", "is absolute"},
      {"link.data", "symbolic link that leads out of the model's folder"},
      {"up/secret", "symbolic link that leads out of the model's folder"},
      {"sub", "not a regular file"},
      {"", "is not a file name"},
      {".", "is not a file name"},
      {"missing.data", "is missing"},
      {"w.data/x", "is missing"},
      {std::string("w.data\0x", 8), "backslash, NUL"},
      {"..\\secret", "backslash, NUL"},
      {"*/_ORT_MEM_ADDR_/*", "is missing"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.location);
    const std::string problem = refused(external({{"location", c.location}}));
    EXPECT_TRUE(contains(problem, "m.onnx: external data of tensor 'w': "));
    EXPECT_TRUE(contains(problem, c.problem));
  }
}

TEST_F(OnnxExternalData, MayBeALinkWithinTheModelsFolderOrTheHubsCache) {
  const auto values_of = [](const fs::path& model) {
    const Tensor tensor = read_onnx(MappedFile::open(model)).front().load();
    const auto* first = reinterpret_cast<const float*>(tensor.data());
    return std::vector<float>(first, first + tensor.size());
  };
  fs::create_symlink("sub/w.data", folder_.path() / "model" / "near.data");
  const std::string model = external({{"location", "near.data"}}).bytes;
  EXPECT_EQ(values_of(folder_.write("model/m.onnx", model)), (std::vector<float>{5, 6}));
  const fs::path cache = folder_.path() / "models--a--b";
  fs::create_directories(cache / "blobs");
  fs::create_directories(cache / "snapshots" / "1" / "onnx");
  folder_.write("models--a--b/blobs/aa", model);
  folder_.write("models--a--b/blobs/bb", raw(std::vector<float>{7, 8}));
  fs::create_symlink("../../../blobs/aa", cache / "snapshots" / "1" / "onnx" / "m.onnx");
  fs::create_symlink("../../../blobs/bb", cache / "snapshots" / "1" / "onnx" / "near.data");
  EXPECT_EQ(values_of(cache / "snapshots" / "1" / "onnx" / "m.onnx"), (std::vector<float>{7, 8}));
}

TEST_F(OnnxExternalData, IsNamedWhereItIsTruncatedMeanwhile) {
  handle_mapping_faults();
  const std::size_t bytes = 8 * 4096;
  // In place, or copied because no float lies at an odd address.
  for (const char* offset : {"0", "1"}) {
    folder_.write("model/w.data", std::string(bytes + 1, '\0'));
    const Message model = external({{"location", "w.data"}, {"offset", offset}}, {bytes / 4});
    const Checkpoint checkpoint = open_checkpoint(folder_.write("model/m.onnx", model.bytes));
    const Tensor before = checkpoint.entries.at(0).load();
    fs::resize_file(folder_.path() / "model" / "w.data", 4096);
    EXPECT_TRUE(contains(refusal([&] { checkpoint.entries.at(0).load(); }), "w.data: was truncated while it was read"));
    EXPECT_EQ(before.at(std::vector<std::int64_t>{bytes / 4 - 1}), 0.0);
  }
}

TEST_F(OnnxExternalData, IsCheckedAgainstTheFile) {
  const auto at = [&](const char* offset, const char* length, Extents dims = {2}) {
    return refused(external({{"location", "w.data"}, {"offset", offset}, {"length", length}}, std::move(dims)));
  };
  EXPECT_TRUE(contains(at("12", "8"), "8 bytes at offset 12 reach past the end"));
  EXPECT_TRUE(contains(at("18446744073709551612", "8"), "reach past the end"));
  EXPECT_TRUE(contains(at("17", "0", {0}), "reach past the end"));
  EXPECT_TRUE(contains(at("0", "8", {std::int64_t{1} << 40}), "length is 8, but type and shape take 4398046511104"));
  EXPECT_TRUE(contains(at("0", "16"), "length is 16, but type and shape take 8"));
  EXPECT_TRUE(contains(at("-4", "8"), "offset is '-4', not a number of bytes"));
  EXPECT_TRUE(contains(at("0x4", "8"), "not a number of bytes"));
  EXPECT_TRUE(contains(at("", "8"), "not a number of bytes"));
  EXPECT_TRUE(contains(at("0", "99999999999999999999"), "not a number of bytes"));
  EXPECT_TRUE(contains(refused(external({{"offset", "0"}})), "no location is given"));
  EXPECT_TRUE(contains(refused(external({{"location", "w.data"}, {"location", "../secret"}})), "appears twice"));
  EXPECT_TRUE(contains(refused(with(floats("w", {2}, {1, 2}).integer(14, 1))), "external data as well as data"));
}

}  // namespace
}  // namespace sigmax::io
