// Tensors that PyTorch does not pickle plainly.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/pytorch_archive.hpp"
#include "io/test_files.hpp"
#include "io/zip_bytes.hpp"
#include "sigmax/io/pytorch/pytorch.hpp"

namespace sigmax::io {
namespace {

using namespace std::string_literals;
using testing::contains;
using testing::file_of;
using testing::raw;
using testing::read;
using testing::read_archive;
using testing::refusal;
using testing::zip_of;
namespace pk = testing::pk;

std::vector<double> values(const Entry& entry) {
  const Tensor tensor = entry.load();
  EXPECT_EQ(tensor.shape(), entry.shape);
  EXPECT_EQ(tensor.dtype(), entry.dtype);
  std::vector<double> result;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    Dimensions index(tensor.rank());
    std::int64_t rest = i;
    for (std::size_t d = tensor.rank(); d-- > 0; rest /= tensor.shape()[d]) index[d] = rest % tensor.shape()[d];
    result.push_back(tensor.at(index));
  }
  return result;
}
using Values = std::vector<double>;

// Quantized tensors.

std::string vector_of(const std::string& key, std::int64_t count, const std::string& type) {
  return pk::tensor(pk::storage(key, count, type), 0, {count}, {1});
}

std::string quantized(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides,
                      std::int64_t elements, const std::string& type, const std::vector<std::string>& parameters) {
  return pk::call(pk::global("torch._utils", "_rebuild_qtensor"),
                  {pk::storage("q", elements, type), pk::num(0), pk::ints(shape), pk::ints(strides),
                   pk::tuple(parameters), "\x89", "N"});
}

std::string by_channel(const std::string& scales, const std::string& zero_points, std::int64_t axis,
                       const std::string& scheme = "per_channel_affine") {
  return quantized({2, 3}, {3, 1}, 6, "QInt8Storage",
                   {pk::global("torch", scheme), scales, zero_points, pk::num(axis)});
}

const std::string kIntegers = "\x01\x02\x03\xff\xfe\x7f";  // 1 2 3 -1 -2 127

TEST(PyTorchKinds, ATensorQuantizedByChannelIsDequantized) {
  auto entries = read(by_channel(vector_of("s", 2, "DoubleStorage"), vector_of("z", 2, "LongStorage"), 0),
                      {{"q", kIntegers}, {"s", raw(Values{0.5, 0.1})}, {"z", raw(std::vector<std::int64_t>{0, 1})}});
  ASSERT_EQ(entries[0].unreadable, "");
  // The product is formed in double and rounded once: -0.2f, not -2 * 0.1f rounded.
  const auto f = [](double value) { return static_cast<double>(static_cast<float>(value)); };
  EXPECT_EQ(values(entries[0]), (Values{0.5, 1, 1.5, f(0.1 * -2), f(0.1 * -3), f(0.1 * 126)}));
  EXPECT_FALSE(entries[0].bytes);
  EXPECT_TRUE(contains(entries[0].provenance, "dequantized from qint8 (2 scales along axis 0)"));

  entries = read(by_channel(vector_of("s", 3, "DoubleStorage"), vector_of("z", 3, "LongStorage"), 1),
                 {{"q", kIntegers}, {"s", raw(Values{1, 2, 4})}, {"z", raw(std::vector<std::int64_t>{1, 0, -1})}});
  EXPECT_EQ(values(entries[0]), (Values{0, 4, 16, -2, -4, 512}));

  entries = read(by_channel(vector_of("s", 2, "FloatStorage"), vector_of("z", 2, "FloatStorage"), 0,
                            "per_channel_affine_float_qparams"),
                 {{"q", kIntegers}, {"s", raw(std::vector<float>{2, 4})}, {"z", raw(std::vector<float>{0.5, -0.25})}});
  EXPECT_EQ(values(entries[0]), (Values{1, 3, 5, -3, -7, 509}));
}

TEST(PyTorchKinds, ATransposedTensorQuantizedByChannelKeepsItsChannels) {
  const std::string q = quantized({3, 2}, {1, 3}, 6, "QUInt8Storage",
                                  {pk::global("torch", "per_channel_affine"), vector_of("s", 3, "DoubleStorage"),
                                   vector_of("z", 3, "LongStorage"), pk::num(0)});
  const auto entries = read(
      q, {{"q", "\x01\x02\x03\x04\x05\xff"}, {"s", raw(Values{1, 2, 4})}, {"z", raw(std::vector<std::int64_t>(3, 1))}});
  EXPECT_EQ(values(entries[0]), (Values{0, 3, 2, 8, 8, 1016}));
}

TEST(PyTorchKinds, ParametersThatDoNotFitLeaveTheTensorUnreadable) {
  const std::vector<std::pair<std::string, std::string>> storages = {
      {"q", kIntegers}, {"s", raw(Values{1, 1, 1})}, {"z", raw(std::vector<std::int64_t>{0, 0, 0})}};
  const std::string s = vector_of("s", 3, "DoubleStorage"), z = vector_of("z", 3, "LongStorage");
  for (const std::string& object :
       {by_channel(s, z, 0), by_channel(s, z, 2), by_channel(s, z, -1), by_channel(s, pk::num(0), 1),
        by_channel(pk::list({pk::real(1)}), z, 1), by_channel(by_channel(s, z, 1), z, 1)}) {
    EXPECT_TRUE(
        contains(read(object, storages)[0].unreadable, "does not have one scale and one zero point per channel"));
  }
  EXPECT_TRUE(contains(read(by_channel(s, z, 1, "per_channel_symmetric"), storages)[0].unreadable, "_symmetric"));
  EXPECT_TRUE(contains(read(by_channel(s, z, 1, "per_block_affine"), storages)[0].unreadable, "per_block_affine"));
  EXPECT_TRUE(contains(refusal([&] { read(by_channel(vector_of("gone", 3, "DoubleStorage"), z, 1), storages); }),
                       "its storage 'gone' is not in the file"));
}

// NumPy arrays.

std::string encoded(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | code >> 6);
      text += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return pk::call(pk::global("_codecs", "encode"), {pk::str(text), pk::str("latin1")});
}

std::string in_bytes(const std::string& bytes) { return "B" + raw(static_cast<std::uint32_t>(bytes.size())) + bytes; }

std::string type_of(const std::string& code, const std::string& order = "<") {
  return pk::call(pk::global("numpy", "dtype"), {pk::str(code), "\x89", "\x88"}) +
         pk::tuple({pk::num(3), pk::str(order), "N", "N", "N", pk::num(-1), pk::num(-1), pk::num(0)}) + "b";
}

std::string array(const std::vector<std::int64_t>& shape, const std::string& type, const std::string& bytes,
                  bool fortran = false, const std::string& module = "numpy._core.multiarray") {
  return pk::call(pk::global(module, "_reconstruct"), {pk::global("numpy", "ndarray"), pk::ints({0}), encoded("b")}) +
         pk::tuple({pk::num(1), pk::ints(shape), type, fortran ? "\x88" : "\x89", bytes}) + "b";
}

TEST(PyTorchKinds, NumpyArraysAreReadFromThePickle) {
  const Values numbers{1, -2, 3.5, 4, 1e300, -0.1};
  for (const std::string& bytes : {encoded(raw(numbers)), in_bytes(raw(numbers))}) {
    EXPECT_EQ(values(read(array({2, 3}, type_of("f8"), bytes))[0]), numbers);
    EXPECT_EQ(values(read(array({2, 3}, type_of("f8"), bytes, true))[0]), (Values{1, 3.5, 1e300, -2, 4, -0.1}));
    EXPECT_EQ(values(read(array({6}, type_of("f8"), bytes, false, "numpy.core.multiarray"))[0]), numbers);
  }
  std::string swapped;
  for (const float value : {1.5f, -3.0f}) {
    const std::string little = raw(value);
    swapped.append(little.rbegin(), little.rend());
  }
  EXPECT_EQ(values(read(array({2}, type_of("f4", ">"), encoded(swapped)))[0]), (Values{1.5, -3}));
  EXPECT_EQ(values(read(array({2}, type_of("f4", ">"), in_bytes(swapped)))[0]), (Values{1.5, -3}));
  EXPECT_EQ(read(array({2, 0}, type_of("f4"), in_bytes("")))[0].load().size(), 0);
  const std::string buffer = pk::call(pk::global("numpy._core.numeric", "_frombuffer"),
                                      {in_bytes(raw(numbers)), type_of("f8"), pk::ints({3, 2}), pk::str("F")});
  EXPECT_EQ(values(read(buffer)[0]), (Values{1, 4, -2, 1e300, 3.5, -0.1}));
  const auto integers = read(array({2}, type_of("i4"), encoded(raw(std::vector<std::int32_t>{-1, 200}))));
  EXPECT_EQ(integers[0].dtype, DType::i32);
  EXPECT_FALSE(integers[0].bytes);
}

TEST(PyTorchKinds, NumpyArraysThatCannotBeReadHaveTheirReason) {
  const std::string one = in_bytes(raw(Values{1}));
  EXPECT_TRUE(contains(read(array({1}, type_of("O8"), pk::list({pk::num(1)})))[0].unreadable, "of type O8"));
  EXPECT_TRUE(contains(read(array({2}, type_of("f8"), one))[0].unreadable, "whose bytes are not those of [2]"));
  EXPECT_TRUE(contains(read(array({1}, type_of("f8"), pk::num(1)))[0].unreadable, "whose bytes are not"));
  EXPECT_TRUE(contains(read(array({1, 1 << 30, 1 << 30}, type_of("f8"), one))[0].unreadable, "whose bytes are not"));
  EXPECT_TRUE(contains(refusal([&] { read(array({-1}, type_of("f8"), one)); }), "shape [-1] is not valid"));
  // Nine bytes of text that stand for eight, and text that stands for no bytes.
  for (const std::string& text :
       {"\xc4\x80" + std::string(7, 'x'), "\xc3" + std::string(8, 'x'), std::string(9, 'x')}) {
    const std::string bytes = pk::call(pk::global("_codecs", "encode"), {pk::str(text), pk::str("latin1")});
    const auto entries = read(array({1}, type_of("f8"), bytes));
    EXPECT_TRUE(contains(refusal([&] { entries[0].load(); }), "tensor 'x': the text of its NumPy array"));
  }
}

// Subclasses.

TEST(PyTorchKinds, ADtensorIsReadWhereItsPartIsTheWhole) {
  const std::string local = pk::tensor(pk::storage("l", 6), 0, {2, 3}, {3, 1});
  const std::vector<std::pair<std::string, std::string>> storages = {{"l", raw(std::vector<float>{0, 1, 2, 3, 4, 5})}};
  for (const char* placement : {"Shard", "Replicate", "_StridedShard"}) {
    const auto entries = read(pk::dtensor({2, 3}, local, {placement}), storages);
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].name, "x");
    EXPECT_EQ(values(entries[0]), (Values{0, 1, 2, 3, 4, 5}));
  }
  const std::string parameter =
      pk::call(pk::global("torch._utils", "_rebuild_parameter"), {pk::dtensor({2, 3}, local, {"Shard"}), "\x88", "N"});
  EXPECT_EQ(values(read(parameter, storages)[0]).size(), 6u);
  const std::vector<std::string> parts = {pk::dtensor({4, 3}, local, {"Shard"}),
                                          pk::dtensor({2, 6}, local, {"Replicate", "Shard"}),
                                          pk::dtensor({2, 3}, local, {"Partial"}),
                                          pk::dtensor({2, 3}, local, {"Shard", "_MaskPartial"}),
                                          pk::dtensor({2, 3}, local, {}),
                                          pk::dtensor({2, 3}, pk::num(1), {"Shard"}),
                                          pk::dtensor({2, 3}, pk::dtensor({2, 3}, local, {"Shard"}), {"Shard"})};
  for (const std::string& part : parts) {
    const auto entries = read(part, storages);
    ASSERT_EQ(entries.size(), 2u);  // the part is not listed by itself
    EXPECT_TRUE(contains(entries[0].unreadable, "one process's part of a distributed tensor"));
    EXPECT_FALSE(entries[0].load);
  }
  EXPECT_EQ(read(parts[0], storages)[0].shape, (Dimensions{4, 3}));
}

TEST(PyTorchKinds, ThePartsOfAWrappingSubclassAreNoTensorsOfTheCheckpoint) {
  const std::string integers = pk::tensor(pk::storage("l", 6), 0, {2, 3}, {3, 1});
  for (const char* type : {"AffineQuantizedTensor", "Int8Tensor", "NF4Tensor", "Float8Tensor"}) {
    const std::string made =
        pk::tuple({pk::global("torchao", type), pk::global("torch", "bfloat16"), pk::ints({2, 3}), pk::ints({3, 1})});
    const std::string wrapper =
        pk::call(pk::global("torch._tensor", "_rebuild_from_type_v2"),
                 {pk::global("torch._utils", "_rebuild_wrapper_subclass"), pk::global("torchao", type), made,
                  pk::dict({pk::str("qdata"), integers, pk::str("scale"), integers})});
    const auto entries = read(wrapper, {{"l", raw(std::vector<float>(6, 1))}});
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_TRUE(contains(entries[0].unreadable, type));
    EXPECT_TRUE(contains(entries[0].unreadable, "dequantize()"));
    EXPECT_EQ(entries[0].shape, (Dimensions{2, 3}));
    EXPECT_EQ(entries[0].dtype, DType::bf16);
  }
}

TEST(PyTorchKinds, ASubclassMadeByAFunctionOfItsOwnIsListedOnce) {
  const std::string part = pk::tensor(pk::storage("l", 6), 0, {2, 3}, {3, 1});
  const std::pair<const char*, const char*> functions[] = {{"torch.nested._internal.nested_tensor", "_rebuild_njt"},
                                                           {"my.package", "remake"},
                                                           {"torch._utils", "_rebuild_x"}};
  for (const auto& [module, function] : functions) {
    for (const char* rebuild : {"_rebuild_from_type_v2", "_rebuild_from_type"}) {
      const std::string made =
          pk::call(pk::global("torch._tensor", rebuild),
                   {pk::global(module, function), pk::global("my.package", "Type"),
                    pk::tuple({pk::dict({pk::str("values"), part})}), pk::dict({pk::str("values"), part})});
      const auto entries = read(pk::call(pk::global("torch._utils", "_rebuild_parameter"), {made, "\x88", "N"}),
                                {{"l", raw(std::vector<float>(6, 1))}});
      EXPECT_TRUE(contains(entries[0].unreadable, std::string(module) + "." + function));
      EXPECT_EQ(entries.size(), 2u);
    }
  }
}

TEST(PyTorchKinds, ShardsAndFlatParametersOfFsdpAreNamed) {
  const std::string sharded = pk::object("torch.distributed._shard.sharded_tensor.api", "ShardedTensor",
                                         pk::tuple({pk::list({pk::tensor(pk::storage("l", 6), 0, {2, 3}, {3, 1})})}));
  const auto entries = read(sharded, {{"l", raw(std::vector<float>(6, 1))}});
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_TRUE(contains(entries[0].unreadable, "one process's part"));
  for (const char* name : {"_fsdp_wrapped_module._flat_param", "layers.0._flat_param", "module.flat_param"}) {
    const std::string flat = pk::dict({pk::str(name), pk::tensor(pk::storage("0", 6), 0, {6}, {1})});
    const auto found = read_archive({{"r/data.pkl", pk::whole(flat)}, {"r/data/0", raw(std::vector<float>(6, 1))}});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(contains(found[0].unreadable, "a flat parameter of FSDP"));
    EXPECT_FALSE(found[0].load);
  }
}

// Sharing.

TEST(PyTorchKinds, OneTensorMayStandInManyPlaces) {
  const std::string tensor = pk::tensor(pk::storage("0", 6), 0, {2, 3}, {3, 1});
  for (const int count : {300, 5000, 60000}) {
    std::string same = pk::tuple({}) + "0](" + tensor + pk::put(0);
    for (int i = 1; i < count; ++i) same += pk::get(0);
    const auto entries =
        read_archive({{"r/data.pkl", pk::whole(same + "e")}, {"r/data/0", raw(std::vector<float>(6, 2))}});
    ASSERT_EQ(entries.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(values(entries.back()), Values(6, 2));
    EXPECT_TRUE(contains(entries[0].provenance, "shared by " + std::to_string(count)));
  }
  // Different views of one storage, as tied and stacked weights have.
  std::vector<std::string> views;
  for (int i = 0; i < 300; ++i) {
    views.push_back(pk::str("w" + std::to_string(i)));
    views.push_back(pk::tensor(pk::storage("0", 300), i, {1}, {1}));
  }
  std::vector<float> numbers(300);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  const auto entries = read_archive({{"r/data.pkl", pk::whole(pk::dict(views))}, {"r/data/0", raw(numbers)}});
  ASSERT_EQ(entries.size(), 300u);
  EXPECT_EQ(values(entries[299]), (Values{299}));
}

TEST(PyTorchKinds, AStorageThatCannotBeUnpackedLeavesTheOthersReadable) {
  const std::string two = pk::dict({pk::str("a"), pk::tensor(pk::storage("0", 2), 0, {2}, {1}), pk::str("b"),
                                    pk::tensor(pk::storage("1", 2), 0, {2}, {1})});
  std::string archive = zip_of({{"r/data/0", raw(std::vector<float>{1, 2})},
                                {"r/data/1", raw(std::vector<float>{3, 4}), true, 12},
                                {"r/data.pkl", pk::whole(two)}});
  archive.replace(archive.find("PK\3\4") + 8, 2, raw(std::uint16_t{93}));
  archive.replace(archive.find("PK\1\2") + 10, 2, raw(std::uint16_t{93}));
  const auto file = file_of(archive, "model.pt");
  const auto entries = read_pytorch_archive(file, read_zip_directory(file));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_TRUE(contains(entries[0].unreadable, "compression method 93"));
  EXPECT_EQ(values(entries[1]), (Values{3, 4}));
}

}  // namespace
}  // namespace sigmax::io
