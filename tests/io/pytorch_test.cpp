#include "sigmax/io/pytorch/pytorch.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"

namespace sigmax::io {
namespace {

using namespace std::string_literals;
using testing::contains;
using testing::file_of;
using testing::raw;
using testing::refusal;
using testing::zip_of;
using testing::ZipContent;
namespace pk = testing::pk;

const std::vector<float> kValues{0, 1, 2, 3, 4, 5};

std::vector<Entry> read_archive(const std::vector<ZipContent>& contents) {
  const auto file = file_of(zip_of(contents), "folder/model.pt");
  return read_pytorch_archive(file, read_zip_directory(file));
}

// The entries of a checkpoint whose object is the piece of pickle `object` and whose storage "0" holds 0, 1, ..., 5.
std::vector<Entry> read(const std::string& object) {
  return read_archive({{"root/data.pkl", pk::whole(object)}, {"root/data/0", raw(kValues)}});
}

std::string complaint(const std::string& object) {
  return refusal([&object] { read(object); });
}

std::vector<std::string> names(const std::vector<Entry>& entries) {
  std::vector<std::string> result;
  for (const Entry& entry : entries) result.push_back(entry.name);
  return result;
}
using Names = std::vector<std::string>;

std::string six(const std::string& type = "FloatStorage") { return pk::storage("0", 6, type); }
std::string matrix() { return pk::tensor(six(), 0, {2, 3}, {3, 1}); }
std::string rebuild(const std::string& function, const std::vector<std::string>& args) {
  return pk::call(pk::global("torch._utils", function), args);
}
std::string object_with(const std::string& type, const std::string& state) {
  return pk::global("package", type) + ")\x81" + state + "b";
}

TEST(PyTorch, ReadsAStateDictWithViewsOfOneStorage) {
  const auto entries =
      read(pk::dict({pk::str("w"), matrix(), pk::str("t"), pk::tensor(six(), 0, {3, 2}, {1, 3}), pk::str("part"),
                     pk::tensor(six(), 4, {2}, {1}), pk::str("expanded"), pk::tensor(six(), 1, {2, 2}, {0, 2}),
                     pk::str("scalar"), pk::tensor(six(), 5, {}, {}), pk::str("epoch"), pk::num(3)}));
  ASSERT_EQ(names(entries), (Names{"w", "t", "part", "expanded", "scalar"}));
  const Tensor w = entries[0].load(), t = entries[1].load();
  EXPECT_EQ(w.dtype(), DType::f32);
  for (const std::int64_t i : {0, 1}) {
    for (const std::int64_t j : {0, 1, 2}) {
      EXPECT_EQ(w.at(std::vector{i, j}), static_cast<double>(3 * i + j));
      EXPECT_EQ(t.at(std::vector{j, i}), static_cast<double>(3 * i + j));
    }
  }
  EXPECT_EQ(entries[2].load().at(std::vector<std::int64_t>{1}), 5);
  EXPECT_EQ(entries[3].load().at(std::vector<std::int64_t>{1, 1}), 3);
  EXPECT_EQ(entries[4].load().at({}), 5);
  EXPECT_EQ(entries[0].bytes->offset, entries[1].bytes->offset);
  EXPECT_EQ(entries[0].bytes->length, 24u);
  EXPECT_EQ(entries[2].bytes->offset, entries[0].bytes->offset + 16);
  EXPECT_EQ(entries[2].bytes->length, 8u);
  EXPECT_EQ(entries[0].provenance, "root/data/0, shared by 5 tensors");
}

TEST(PyTorch, ValuesOfADeflatedArchiveAreInflated) {
  const auto entries = read_archive(
      {{"root/data.pkl", pk::whole(pk::dict({pk::str("w"), matrix()})), true}, {"root/data/0", raw(kValues), true}});
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].load().at(std::vector<std::int64_t>{1, 2}), 5);
}

TEST(PyTorch, NamesArePathsAndALoneContainerIsDropped) {
  const std::string inner = pk::dict({pk::str("a.weight"), matrix()});
  const std::vector<std::pair<std::string, Names>> cases = {
      {pk::dict({pk::str("state_dict"), inner, pk::str("epoch"), pk::num(3)}), {"a.weight"}},
      {pk::dict({pk::str("model"), pk::dict({pk::str("state_dict"), inner})}), {"a.weight"}},
      {pk::dict({pk::str("encoder"), inner}), {"encoder.a.weight"}},
      {pk::dict({pk::str("model"), matrix()}), {"model"}},
      {pk::dict({pk::str("model.a"), matrix(), pk::str("model.b"), matrix()}), {"model.a", "model.b"}},
      {pk::dict({pk::str("model"), inner, pk::str("optimizer"),
                 pk::dict({pk::str("state"), pk::dict({pk::num(0), pk::dict({pk::str("exp_avg"), matrix()})})})}),
       {"model.a.weight", "optimizer.state.0.exp_avg"}},
      {pk::list({matrix(), pk::tuple({pk::num(1), matrix()})}), {"0", "1.1"}},
      {pk::dict({pk::str("a"), pk::dict({pk::str("b"), matrix()}), pk::str("a.b"), matrix()}), {"a.b", "a.b#2"}},
      {pk::dict({"\x88", matrix(), "N", matrix(), "U\x03k\xff\n"s, matrix()}), {"True", "1", "k\xef\xbf\xbd\n"}},
      {matrix(), {"model"}},
      {pk::num(1), {}},
      {pk::call(pk::global("collections", "OrderedDict"), {pk::list({pk::list({pk::str("old"), matrix()})})}), {"old"}},
  };
  for (const auto& [object, expected] : cases) EXPECT_EQ(names(read(object)), expected);
  EXPECT_EQ(read(cases[1].first)[0].provenance, "model.state_dict: root/data/0");
}

TEST(PyTorch, AModulePickledWholeHasTheNamesOfItsStateDict) {
  const std::string parameter = rebuild("_rebuild_parameter", {matrix() + pk::put(9), "\x88", "N"});
  const std::string child = object_with(
      "Linear", pk::dict({pk::str("_parameters"), pk::dict({pk::str("weight"), parameter, pk::str("bias"), "N"}),
                          pk::str("_buffers"), pk::dict({pk::str("mean"), matrix()}), pk::str("_modules"), "}"}));
  const auto entries = read(object_with(
      "Net", pk::dict({pk::str("extra"), matrix(), pk::str("other"), pk::tensor(six(), 3, {2}, {1}),
                       pk::str("_parameters"), "}", pk::str("_modules"), pk::dict({pk::str("fc"), child})})));
  // `extra` repeats what the module holds, `other` does not.
  EXPECT_EQ(names(entries), (Names{"fc.weight", "fc.mean", "other"}));
}

TEST(PyTorch, OneTensorBehindTwoKeysIsListedTwiceAndOneDictOnce) {
  const auto entries = read(pk::dict({pk::str("a"), matrix() + pk::put(1), pk::str("b"), pk::get(1), pk::str("c"),
                                      pk::dict({pk::str("x"), pk::get(1)}) + pk::put(2), pk::str("d"), pk::get(2)}));
  EXPECT_EQ(names(entries), (Names{"a", "b", "c.x"}));
}

TEST(PyTorch, TorchscriptAttributesAndConstantsAreFound) {
  const std::string linear = pk::global("__torch__.torch.nn.Linear", "Linear") + ")\x81" +
                             pk::dict({pk::str("weight"), matrix(), pk::str("training"), "\x89"}) + "b";
  const std::string cached = pk::list({matrix()});
  const std::string root = pk::global("__torch__", "Net") + ")\x81" +
                           pk::dict({pk::str("_flat_weights"), cached, pk::str("fc"), linear}) + "b";
  const std::vector<ZipContent> contents = {{"net/data.pkl", pk::whole(root)},
                                            {"net/data/0", raw(kValues)},
                                            {"net/code/__torch__.py", "pass"},
                                            {"net/constants.pkl", pk::whole(pk::tuple({pk::num(1), matrix()}))},
                                            {"net/constants/0", raw(std::vector<float>(6, 7))}};
  const auto file = file_of(zip_of(contents));
  const auto members = read_zip_directory(file);
  EXPECT_TRUE(is_torchscript_archive(members));
  const auto entries = read_pytorch_archive(file, members);
  EXPECT_EQ(names(entries), (Names{"fc.weight", "CONSTANTS.c1"}));
  EXPECT_EQ(entries[1].load().at(std::vector<std::int64_t>{0, 0}), 7);
}

TEST(PyTorch, ArchivesAreToldApartByTheirMembers) {
  const auto members = [](const std::vector<ZipContent>& contents) {
    return read_zip_directory(file_of(zip_of(contents)));
  };
  EXPECT_TRUE(is_pytorch_archive(members({{"any name/version", ""}, {"any name/data.pkl", ""}})));
  EXPECT_FALSE(is_torchscript_archive(members({{"a/data.pkl", ""}, {"b/constants.pkl", ""}})));
  EXPECT_FALSE(is_pytorch_archive(members({{"data.pkl", ""}, {"a/b/data.pkl", ""}})));
  EXPECT_FALSE(is_pytorch_archive({}));
}

TEST(PyTorch, EveryStorageTypeIsKnownByItsName) {
  const std::vector<std::pair<std::string, DType>> types = {
      {"DoubleStorage", DType::f64},      {"HalfStorage", DType::f16}, {"BFloat16Storage", DType::bf16},
      {"LongStorage", DType::i64},        {"IntStorage", DType::i32},  {"ShortStorage", DType::i16},
      {"CharStorage", DType::i8},         {"ByteStorage", DType::u8},  {"BoolStorage", DType::boolean},
      {"ComplexFloatStorage", DType::c64}};
  for (const auto& [type, dtype] : types) {
    const auto entries = read(pk::list({pk::tensor(pk::storage("0", 2, type), 0, {2}, {1})}));
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].dtype, dtype) << type;
    EXPECT_EQ(entries[0].load().dtype(), dtype) << type;
  }
  const std::string untyped =
      rebuild("_rebuild_tensor_v3", {pk::storage("0", 24, "UntypedStorage"), pk::num(1), pk::ints({2}), pk::ints({1}),
                                     "\x89", "N", pk::global("torch", "float8_e4m3fn")});
  EXPECT_EQ(read(pk::list({untyped}))[0].dtype, DType::f8_e4m3);
  EXPECT_EQ(read(pk::list({pk::storage("0", 6)}))[0].shape, (Dimensions{6}));  // a bare storage
}

TEST(PyTorch, ATensorQuantizedAsAWholeIsDequantized) {
  const std::string q =
      rebuild("_rebuild_qtensor",
              {pk::storage("0", 3, "QUInt8Storage"), pk::num(0), pk::ints({3}), pk::ints({1}),
               pk::tuple({pk::global("torch", "per_tensor_affine"), pk::real(0.5), pk::num(2)}), "\x89", "N"});
  const auto entries =
      read_archive({{"root/data.pkl", pk::whole(pk::dict({pk::str("q"), q}))}, {"root/data/0", "\x02\x05\xff"}});
  ASSERT_EQ(entries[0].dtype, DType::f32);
  EXPECT_FALSE(entries[0].bytes);
  const Tensor tensor = entries[0].load();
  EXPECT_EQ(tensor.at(std::vector<std::int64_t>{0}), 0);
  EXPECT_EQ(tensor.at(std::vector<std::int64_t>{1}), 1.5);
  EXPECT_EQ(tensor.at(std::vector<std::int64_t>{2}), 126.5);
  EXPECT_TRUE(contains(entries[0].provenance, "dequantized from quint8 (scale 0.5, zero point 2)"));
}

TEST(PyTorch, WhatCannotBeReadIsListedWithItsReason) {
  const std::string size = pk::ints({3, 4}), args = pk::num(0);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {rebuild("_rebuild_meta_tensor_no_storage", {pk::global("torch", "float32"), size, size, "\x89"}), "meta device"},
      {rebuild("_rebuild_sparse_tensor",
               {pk::call(pk::global("torch.serialization", "_get_layout"), {pk::str("torch.sparse_coo")}),
                pk::tuple({matrix(), matrix(), size, "\x88"})}),
       "a sparse tensor (torch.sparse_coo)"},
      {rebuild("_rebuild_nested_tensor", {matrix()}), "nested"},
      {rebuild("_rebuild_future_tensor", {matrix()}), "torch._utils._rebuild_future_tensor"},
      {rebuild("_rebuild_tensor_v2", {args}), "are not a storage, an offset, sizes and strides"},
      {rebuild("_rebuild_tensor_v2", {"N", pk::num(0), size, size}), "its storage is not one of the file's"},
      {rebuild("_rebuild_qtensor", {six("QInt8Storage"), pk::num(0), pk::ints({2}), pk::ints({1}),
                                    pk::tuple({pk::global("torch", "per_channel_affine"), matrix(), matrix(), args})}),
       "quantized by channel, but it does not have one scale"},
      {pk::tensor(pk::storage("0", 6, "NovelStorage"), 0, {6}, {1}), "elements of type NovelStorage"},
      {rebuild("_rebuild_tensor_v3",
               {six("NovelStorage"), args, pk::ints({2}), pk::ints({1}), "\x89", "N", pk::global("torch", "float32")}),
       "an unknown type, NovelStorage"},
      {rebuild("_rebuild_tensor_v2",
               {six(), args, pk::ints({2}), pk::ints({1}), "\x89", "N", pk::dict({pk::str("neg"), "\x88"})}),
       "lazy 'neg' bit"},
      {pk::call(pk::global("torch.nn.parameter", "UninitializedParameter"), {"\x88"}), "never initialized"},
      {pk::call(pk::global("numpy._core.multiarray", "_reconstruct"), {args}) + pk::tuple({args, size, args}) + "b",
       "NumPy array"},
      {pk::tensor(six(), 0, {1 << 20, 1 << 20}, {0, 0}), "expanded view"},
  };
  for (const auto& [object, reason] : cases) {
    const auto entries = read(pk::dict({pk::str("x"), object}));
    ASSERT_EQ(entries.size(), 1u) << reason;
    EXPECT_TRUE(contains(entries[0].unreadable, reason));
    EXPECT_FALSE(entries[0].load);
  }
  EXPECT_EQ(read(pk::list({cases[0].first}))[0].shape, (Dimensions{3, 4}));
}

TEST(PyTorch, UnknownFunctionsAndClassesAreSearchedAndNeverRun) {
  const std::string evil = pk::call(pk::global("os", "system"), {pk::str("echo run"), matrix()});
  EXPECT_EQ(names(read(pk::dict({pk::str("x"), evil}))), (Names{"x.1"}));
}

TEST(PyTorch, LiesAboutExtentsAreRefused) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {pk::tensor(six(), 1, {2, 3}, {3, 1}), "reaches past the 6 elements of its storage 'root/data/0'"},
      {pk::tensor(six(), 0, {2, 3}, {4, 1}), "reaches past"},
      {pk::tensor(six(), kHuge, {1}, {1}), "reaches past"},
      {pk::tensor(six(), 7, {1}, {1}), "reaches past"},
      {pk::tensor(six(), -1, {1}, {1}), "storage offset -1 is negative"},
      {pk::tensor(six(), 0, {-1}, {1}), "shape [-1] is not valid"},
      {pk::tensor(six(), 0, {kHuge, kHuge}, {1, 1}), "is not valid"},
      {pk::tensor(six(), 0, {2}, {-1}), "strides [-1] is not valid"},
      {pk::tensor(six(), 0, {3, 3}, {kHuge, kHuge}), "is not valid"},
      {pk::tensor(six(), 0, std::vector<std::int64_t>(65, 1), std::vector<std::int64_t>(65, 1)), "65 dimensions"},
      {pk::tensor(pk::storage("0", 7), 0, {6}, {1}), "holds 24 bytes, not the 7 elements of 4 bytes claimed"},
      {pk::tensor(pk::storage("0", kHuge), 0, {6}, {1}), "holds 24 bytes"},
      {pk::tensor(pk::storage("1", 6), 0, {6}, {1}), "its storage '1' is not in the file"},
  };
  for (const auto& [object, expected] : cases) {
    const std::string problem = complaint(pk::dict({pk::str("weight"), object}));
    EXPECT_TRUE(contains(problem, expected));
    EXPECT_TRUE(contains(problem, "model.pt: tensor 'weight': "));
  }
}

TEST(PyTorch, ABigEndianCheckpointIsRefused) {
  const auto problem = refusal([] { read_archive({{"r/data.pkl", pk::whole(pk::dict({}))}, {"r/byteorder", "big"}}); });
  EXPECT_TRUE(contains(problem, "archive member 'r/byteorder': the checkpoint is big-endian"));
}

TEST(PyTorch, HostileNestingAndSharingCostNoMoreThanThePickle) {
  EXPECT_TRUE(read(")" + std::string(1000000, '\x85')).empty());
  std::string laughs = pk::list({pk::num(1)});
  for (int i = 0; i < 1000; ++i) laughs += "\x32\x86";
  EXPECT_TRUE(read(laughs).empty());
  EXPECT_TRUE(read("]" + pk::put(0) + pk::get(0) + "a").empty());
  std::string many = matrix() + pk::put(0) + "(";
  for (int i = 0; i < 100000; ++i) many += pk::get(0);
  EXPECT_TRUE(contains(complaint(many + "l"), "tensors of the pickle: more than"));
  // Every level has a tensor, and each name is as long as its level is deep.
  std::string deep = matrix() + pk::put(0) + "0" + pk::str(std::string(100, 'k')) + pk::put(1) + "0";
  for (int i = 0; i < 5000; ++i) deep += "}" + pk::get(1) + pk::get(0) + "s" + pk::get(1);
  deep += "}" + std::string(5000, 's');
  EXPECT_TRUE(contains(complaint(deep), "their names take more than"));
  std::string states = "(}" + pk::put(0) + "(";
  for (int i = 0; i < 20000; ++i) states += "K\x01)";
  states += "u";
  for (int i = 0; i < 20000; ++i) states += "cm\nf\n)\x81" + pk::get(0) + "b";
  EXPECT_TRUE(read(states + "l").empty());
}

// The legacy stream.

std::string legacy(const std::string& object, const std::vector<std::string>& keys, const std::string& storages,
                   bool little_endian = true) {
  std::vector<std::string> listed;
  for (const std::string& key : keys) listed.push_back(pk::str(key));
  return pk::whole("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"s) + pk::whole("M\xe9\x03") +
         pk::whole(pk::dict({pk::str("little_endian"), little_endian ? "\x88" : "\x89"})) + pk::whole(object) +
         pk::whole(pk::list(listed)) + storages;
}

std::string view_of(const std::string& key, std::int64_t elements, const std::string& view) {
  return pk::tuple({pk::str("storage"), pk::global("torch", "FloatStorage"), pk::str(key), pk::str("cpu"),
                    pk::num(elements), view}) +
         "Q";
}

std::vector<Entry> read_stream(const std::string& stream) { return read_pytorch_legacy(file_of(stream, "old.pth")); }

TEST(PyTorchLegacy, ReadsStoragesInTheOrderOfTheKeyList) {
  const std::string whole = pk::tensor(view_of("77", 6, "N"), 0, {2, 3}, {3, 1});
  const std::string view =
      pk::tensor(view_of("77", 6, pk::tuple({pk::str("78"), pk::num(4), pk::num(2)})), 1, {1}, {1});
  const std::string half = pk::tensor(pk::storage("5", 1, "HalfStorage"), 0, {1}, {1});
  const std::string stream =
      legacy(pk::dict({pk::str("w"), whole, pk::str("v"), view, pk::str("h"), half}), {"5", "77"},
             raw(std::int64_t{1}) + raw(std::uint16_t{0x3c00}) + raw(std::int64_t{6}) + raw(kValues));
  EXPECT_TRUE(looks_like_pytorch_legacy(*file_of(stream)));
  const auto entries = read_stream(stream);
  ASSERT_EQ(names(entries), (Names{"w", "v", "h"}));
  EXPECT_EQ(entries[0].load().at(std::vector<std::int64_t>{1, 2}), 5);
  EXPECT_EQ(entries[1].load().at(std::vector<std::int64_t>{0}), 5);
  EXPECT_EQ(entries[2].load().at(std::vector<std::int64_t>{0}), 1);
  EXPECT_EQ(entries[0].provenance, "storage 77, shared by 2 tensors");
  EXPECT_EQ(entries[0].bytes->offset, stream.size() - 24);
  for (std::size_t length = 0; length < stream.size(); ++length) {
    EXPECT_NE(refusal([&] { read_stream(stream.substr(0, length)); }), "nothing was thrown") << length;
  }
}

TEST(PyTorchLegacy, OnlyTheMagicNumberIsTakenForAStream) {
  const std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  EXPECT_TRUE(looks_like_pytorch_legacy(*file_of("\x80\x02" + magic)));
  EXPECT_TRUE(looks_like_pytorch_legacy(*file_of("\x80\x04\x95\x0d\0\0\0\0\0\0\0"s + magic)));
  for (const std::string& other : {""s, "\x80"s, "\x80\x02"s, "\x80\x02\x8a\x0a"s, "\x80\x01"s + magic, magic}) {
    EXPECT_FALSE(looks_like_pytorch_legacy(*file_of(other)));
  }
}

TEST(PyTorchLegacy, LiesAreRefused) {
  const std::string w = pk::dict({pk::str("w"), pk::tensor(pk::storage("7", 6), 0, {6}, {1})});
  const std::string two = pk::list({pk::storage("7", 6), pk::storage("7", 5)});
  const std::string novel = pk::list({pk::storage("7", 6, "NovelStorage")});
  const std::string view =
      pk::list({pk::tensor(view_of("7", 6, pk::tuple({pk::str("8"), pk::num(5), pk::num(2)})), 0, {2}, {1})});
  const std::string six_values = raw(std::int64_t{6}) + raw(kValues);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {legacy(w, {"7"}, six_values, false), "system information: the checkpoint is big-endian"},
      {legacy(w, {"7"}, raw(std::int64_t{5}) + raw(kValues)), "holds 5 elements where the object says 6"},
      {legacy(w, {"7"}, raw(std::int64_t{-1})), "storage '7': holds 18446744073709551615 elements"},
      {legacy(w, {"7"}, raw(std::int64_t{6}) + "short"), "6 elements of 4 bytes wanted, 5 bytes left"},
      {legacy(w, {"7", "7"}, six_values + six_values), "is listed twice"},
      {legacy(w, {"7"}, six_values) + legacy(w, {"7"}, six_values),
       "if these are two files one after another, split them"},
      {legacy(w, {"7"}, six_values) + "x", "storages: 1 bytes follow the last of them"},
      {legacy(w, {"8"}, six_values), "no object refers to it"},
      {legacy(w, {}, six_values), "tensor 'w': its storage '7' is not in the file"},
      {legacy(two, {"7"}, six_values), "is described in two ways"},
      {legacy(novel, {"7"}, six_values), "its type is unknown"},
      {legacy(view, {"7"}, six_values), "reaches past the 1 elements"},
      {pk::whole("N") + pk::whole("N"), "protocol: is not 1001"},
  };
  for (const auto& [stream, expected] : cases) {
    EXPECT_TRUE(contains(refusal([&stream = stream] { read_stream(stream); }), expected));
  }
}

}  // namespace
}  // namespace sigmax::io
