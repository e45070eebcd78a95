// Objects of a pickle that hold numbers and are no tensors.
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
using testing::raw;
using testing::read;
namespace pk = testing::pk;

std::string named_call(const std::string& module, const std::string& name, const std::string& args,
                       const std::string& state) {
  return pk::global(module, name) + args + "R" + state + "b";
}

std::string dtype_of(const std::string& code) {
  return pk::call(pk::global("numpy", "dtype"), {pk::str(code), "\x89", "\x88"}) +
         pk::tuple({pk::num(3), pk::str("<"), "N", "N", "N"}) + "b";
}

// numpy.ma's pickle: as that of an array, with the mask's bytes and the fill value behind the values.
std::string masked(const std::vector<std::int64_t>& shape, const std::string& values) {
  const std::string args =
      pk::tuple({pk::global("numpy.ma", "MaskedArray"), pk::global("numpy", "ndarray"), pk::ints({0}), pk::str("b")});
  const std::string bytes = "C" + raw(static_cast<std::uint8_t>(values.size())) + values;
  return named_call("numpy.ma.core", "_mareconstruct", args,
                    pk::tuple({pk::num(1), pk::ints(shape), dtype_of("f4"), "\x89", bytes, bytes, "N"}));
}

TEST(PytorchNumbers, AMaskedArrayIsListedWithItsShape) {
  const auto entries = read(masked({2, 3}, std::string(24, '\0')));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "x");
  EXPECT_EQ(entries[0].shape, (Dimensions{2, 3}));
  EXPECT_EQ(entries[0].dtype, DType::f32);
  EXPECT_TRUE(contains(entries[0].unreadable, "masked array of NumPy")) << entries[0].unreadable;
  EXPECT_FALSE(entries[0].load);
  // The same for a shape that does not exist.
  const auto odd = read(masked({-2, 3}, "abcd"));
  ASSERT_EQ(odd.size(), 2U);
  EXPECT_TRUE(odd[0].shape.empty());
}

TEST(PytorchNumbers, SparseMatricesAreListedAndNotTakenApart) {
  const std::string plain = pk::tensor(pk::storage("d", 2), 0, {2}, {1});
  for (const char* type : {"csr_matrix", "coo_matrix", "csc_array"}) {
    const std::string state = pk::dict({pk::str("_shape"), pk::ints({4, 6}), pk::str("data"), plain});
    const auto entries = read(pk::object("scipy.sparse._some", type, state), {{"d", raw(std::vector<float>{1, 2})}});
    ASSERT_EQ(entries.size(), 2U) << type;
    EXPECT_EQ(entries[0].shape, (Dimensions{4, 6}));
    EXPECT_TRUE(contains(entries[0].unreadable, std::string("sparse matrix of SciPy (") + type));
  }
}

TEST(PytorchNumbers, ArraysOfOthersAreListed) {
  const std::string args = pk::tuple({pk::global("numpy", "_reconstruct"), pk::tuple({pk::num(0)}),
                                      pk::tuple({pk::num(1), pk::ints({3, 5}), dtype_of("f4"), "\x89", pk::str("")})});
  const auto jax = read(pk::global("jax._src.array", "_reconstruct_array") + args + "R");
  ASSERT_EQ(jax.size(), 2U);
  EXPECT_EQ(jax[0].shape, (Dimensions{3, 5}));
  EXPECT_TRUE(contains(jax[0].unreadable, "array of JAX"));
  const auto array = read(pk::call(pk::global("array", "array"), {pk::str("d"), pk::list({pk::real(1), pk::real(2)})}));
  ASSERT_EQ(array.size(), 2U);
  EXPECT_TRUE(contains(array[0].unreadable, "module array"));
}

TEST(PytorchNumbers, ListsOfListsOfNumbersAreListed) {
  const auto row = [](double a, double b) { return pk::list({pk::real(a), pk::real(b), pk::num(3)}); };
  const auto entries = read(pk::list({row(1, 2), row(3, 4)}));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "x");
  EXPECT_TRUE(contains(entries[0].unreadable, "a list of lists of numbers, [2, 3]")) << entries[0].unreadable;
  const auto deep = read(pk::list({pk::list({row(1, 2), row(3, 4)}), pk::list({row(1, 2), row(3, 4)})}));
  ASSERT_EQ(deep.size(), 3U);
  EXPECT_EQ(deep[1].name, "x.1");
  // Settings, histories and ragged lists: none of them is a matrix.
  for (const std::string& list :
       {pk::list({pk::real(0.9), pk::real(0.999)}), pk::list({pk::ints({3, 3}), pk::ints({5, 5})}),
        pk::list({row(1, 2), pk::list({pk::real(1)})}), pk::list({row(1, 2)}),
        pk::list({pk::list({pk::real(1), pk::str("a")}), pk::list({pk::real(1), pk::str("b")})})}) {
    EXPECT_EQ(read(list).size(), 1U);
  }
}

}  // namespace
}  // namespace sigmax::io
